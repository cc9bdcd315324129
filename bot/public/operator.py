"""The form in which whoever runs a place proposes changes, opened by a signed link; Japanese only.

The rule: the form shows what families see and sends back what differs; nothing changes until staff take it over. The
link opens this form and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from bot import suggestions
from bot.curation import problems
from bot.directory.exporting import wording
from bot.directory.hours import read_hours
from bot.directory.importing import cells
from bot.directory.resources import CostOption, Phone, Resource, from_json, to_json
from bot.errors import RefusedError
from bot.messages import Verbatim, clean
from bot.public.forms import fields, from_own_page, in_danger
from bot.public.house import House, private
from bot.public.pages import shown
from bot.suggestions import WORDS_MOST, read_operator_token

YES_NO: Final = {"": "分からない", "yes": "いる", "no": "いらない"}
FREE_PLACES: Final = {
    "": "言わない", "free": "空きがある", "soon": "もうすぐ空く", "waiting": "待っている人がいる", "full": "いっぱい"
}  # fmt: skip
_BOOKING: Final = {None: "", True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Field:
    """Hold one field of the form: `shown` words it from the place, `read` makes of words what is proposed (JSON)."""

    name: str
    label: str
    shown: Callable[[Resource], str]
    read: Callable[[str], Mapping[str, Any]]
    rows: int = 1
    most: int = 1_000  # characters
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def _plain(name: str, label: str, rows: int = 1, most: int = 1_000, hint: str = "") -> Field:
    return Field(name, label, lambda r: str(getattr(r, name)), lambda words: {name: words}, rows, most, hint)


def _phones(words: str) -> dict[str, Any]:
    lines = [line.strip().partition(" ") for line in words.replace("　", " ").splitlines() if line.strip()]
    return {"phones": [to_json(Phone(number, description=rest.strip())) for number, _space, rest in lines]}


def _hours(words: str) -> dict[str, Any]:
    """Read hours wholly or not at all: then the words alone are shown."""
    read = read_hours(text=words.replace("\n", " "))
    return {"hours_note": words, "opening": to_json(read.opening) if read.understood else {}}


def _cost(words: str) -> dict[str, Any]:
    return {"cost": [to_json(option) for option in cells.cost(words)]}


def _price(option: CostOption) -> str:
    if option.amount is None or option.amount_description:
        return option.amount_description
    amount = "無料" if option.amount == 0 else f"{option.amount:,}円"
    return f"{amount}/{option.option}" if option.option else amount


FIELDS: Final = (
    _plain("name", "名前", most=120),
    _plain("kana", "よみがな", most=120),
    Field(
        "phones", "電話", lambda r: "\n".join(f"{p.number} {p.description}".strip() for p in r.phones), _phones, 2,
        hint="1行に1つ。番号のあとに空白をあけて、だれにつながるかを書けます。",
    ),
    Field(
        "hours", "開いている時間と休みの日",
        lambda r: "\n".join(wording.opening(r.opening)) if r.opening.known else r.hours_note, _hours, 4,
        hint="例: 月～金 9:00～17:00、土 9:00～12:00、祝日休み",
    ),
    Field(
        "cost", "料金", lambda r: "\n".join(map(_price, r.cost)), _cost, 3, hint="1行に1つ。例: 500円/1時間、無料"
    ),
    _plain("description", "どんなところか", 4, 2_000),
    _plain("eligibility_description", "使える人", 2),
    Field(
        "booking_required", "予約", lambda r: _BOOKING[r.booking_required],
        lambda words: {"booking_required": {"yes": True, "no": False}.get(words)}, choices=tuple(YES_NO.items()),
    ),
    _plain("application_process", "申し込みかた", 3),
    Field(
        "availability", "いまの空き", lambda r: r.availability, lambda words: {"availability": words},
        choices=tuple(FREE_PLACES.items()),
    ),
    _plain("url", "ホームページ", most=500),
    _plain("alert", "いま知らせたいこと", 2, 300, "臨時の休みなど。ページのいちばん上に出ます。"),
)  # fmt: skip

NOTE: Final = Field(
    "note", "担当者へ（のせません）", lambda _r: "", lambda _words: {}, 3, WORDS_MOST["operator"],
    "ここに書いたことは、担当者だけが読みます。",
)  # fmt: skip


@dataclass
class OperatorForm:
    """Answer the requests of the form."""

    house: House

    async def ask(self, request: Request) -> Response:
        """Show the form filled with what families see."""
        place = self._place(request)
        if place is None:
            return self._closed()
        return self._form(place, {field.name: field.shown(place) for field in (*FIELDS, NOTE)}, {})

    async def take(self, request: Request) -> Response:
        """Keep what differs as a suggestion."""
        place = self._place(request)
        if place is None:
            return self._closed()
        form = await fields(request)
        given = {field.name: clean(form.get(field.name, "")) for field in (*FIELDS, NOTE)}
        if not from_own_page(request, self.house.base_url):
            why = "この画面の外から送られたため、受け付けませんでした。ページをひらきなおして、もう一度送ってください。"
            return self._form(place, given, {"": why}, 403)
        if given["note"] and (danger := await in_danger(self.house, given["note"], "ja")):
            page = self.house.page(
                "thanks.html", "ja", here=None, title=danger["first"], place=place, danger=danger
            )  # fmt: skip
            return private(page)
        errors = _misfits(given)  # before any of it is read: reading hours takes the longer the more there is
        changes = {} if errors else proposed(place, given)
        errors = errors or _errors(place, changes, self.house.content.topics_of_category)
        if not errors and not changes and not given["note"]:
            errors = {"": "変わったところがありません。直したいところを書きかえてください。"}
        if errors:
            return self._form(place, given, errors, 422)
        try:
            await self.house.store.write(
                lambda s: suggestions.suggest(
                    s, place.id, sender="operator", kind="other", text=given["note"], language="ja",
                    at=self.house.now(), changes=changes,
                )
            )  # fmt: skip
        except RefusedError as error:
            return self._form(place, given, {"": str(error)}, 429)
        lines = ("送った内容を担当者が確かめて、取り入れます。取り入れるまで、のっている内容は変わりません。",)
        page = self.house.page("told.html", "ja", here=None, title=Verbatim("受けとりました"), lines=lines)
        return private(page)

    def _place(self, request: Request) -> Resource | None:
        token = request.path_params["token"]
        id = read_operator_token(self.house.operator_key, token, self.house.now())
        return shown(self.house, id) if id is not None else None

    def _form(
        self, place: Resource, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200
    ) -> Response:
        names = {field.name for field in (*FIELDS, NOTE)}
        page = self.house.page(
            "operator.html",
            "ja",
            status=status,
            here=None,
            title=Verbatim("のっている内容を直したいとき"),
            place=place,
            fields=(*FIELDS, NOTE),
            given=given,
            errors=dict.fromkeys(names, "") | {name: why for name, why in errors.items() if name in names},
            problems=[(name if name in names else "", why) for name, why in errors.items()],
        )
        return private(page)

    def _closed(self) -> Response:
        lines = ("期限が切れたか、番号が欠けています。", "新しいリンクは、この名簿の担当の窓口でもらえます。")
        page = self.house.page(
            "told.html", "ja", status=404, here=None, title=Verbatim("このリンクは、いまは使えません"), lines=lines
        )  # fmt: skip
        return private(page)


def proposed(place: Resource, given: Mapping[str, str]) -> dict[str, Any]:
    """Return field -> value as JSON for what was written otherwise than it is shown."""
    found: dict[str, Any] = {}
    now = to_json(place)
    for field in FIELDS:
        if given[field.name] != clean(field.shown(place)):
            found |= field.read(given[field.name])
    return {name: value for name, value in found.items() if value != now.get(name, _nothing(value))}


def _nothing(value: Any) -> Any:
    """Return what stands for "not told" among values of that kind."""
    return None if value is None or isinstance(value, bool) else type(value)()


def _misfits(given: Mapping[str, str]) -> dict[str, str]:
    """Return what is too long or was not there to be chosen, by field of the form."""
    found = {f.name: f"{f.most}字までにしてください" for f in (*FIELDS, NOTE) if len(given[f.name]) > f.most}
    return found | {
        field.name: "えらびなおしてください"
        for field in FIELDS
        if field.choices and given[field.name] not in dict(field.choices)
    }


def _errors(place: Resource, changes: Mapping[str, Any], categories: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong, by field; staff's own rules for an entry decide."""
    resource: Resource = from_json({**to_json(place), **changes})
    before = problems(place, tuple(categories))
    return {name: why for name, why in problems(resource, tuple(categories)).items() if before.get(name) != why}
