"""Asking for a visit, for somebody to come along, or for a time to talk (functions 15, 31).

The rule: it takes a wish and fixes nothing: a person confirms (CARE C13). Who wants words only when they write is
offered no call back (C21). Half-days are those on which a desk is open in the next two weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import ClassVar

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import Choice, Phrase, ShortDay, _
from bot.opening import TOKYO
from bot.situation import City

AHEAD = 14  # days looked at, from tomorrow
OFFERED = 6  # half-days, spread over them
HALVES = {"am": (time(9), time(12)), "pm": (time(13), time(17))}

#: What may be wished for -> label, and what staff read.
WISHES: Mapping[str, tuple[Phrase, str]] = {
    "home": (_("家に来てほしい"), "家への訪問"),
    "near": (_("近くで会いたい"), "近くの場所での面談（出張）"),
    "along": (_("一緒に行ってほしい"), "窓口などへの同行"),
    "counter": (_("窓口で話したい"), "窓口での面談"),
    "phone": (_("電話で話したい"), "電話での相談"),
    "online": (_("画面ごしに話す"), "オンラインでの面談"),
}
CALLS_BACK = frozenset({"phone"})


class Visit(Dialog):
    """Take the wish: what, then when."""

    name = "visit"
    offers: ClassVar[Mapping[str, Choice]] = {
        topic: Choice(_("訪問や時間を頼む"), "visit.begin") for topic in ("consultation", "home_visit_support")
    }
    table = (
        Go("begin", "*", "what", take="forget"),
        Go("what", "*", "when", take="take_what", when="has_what"),
        Go("when", "*", "asked", take="take_when", when="is_whole"),
        Go("when", "*", "when", when="has_what"),
        Go(TEXT, "when", "asked", take="take_words", when="is_a_wish"),
        Go(TEXT, ("what", "asked"), "what", when="never"),
    )

    # what came ----------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Begin anew."""
        self.talk.data.clear()

    def take_what(self) -> None:
        """Take what is wished for."""
        if self.talk.argument in self._wishes():
            self.talk.data["what"] = self.talk.argument

    def take_when(self) -> None:
        """Take a half-day that is still offered, or any; a button of another day is asked again."""
        offered = {"any": "いつでも", **{key: _for_staff(key) for key in half_days(self.talk.view.city, self.talk.now)}}
        if self.talk.argument in offered:
            self._ask_for(offered[self.talk.argument])

    def take_words(self) -> None:
        """Take typed words as the time; they stand in the talk."""
        if self.is_a_wish():
            self._ask_for("ご本人がことばで書いたとおり")

    # what holds ---------------------------------------------------------------------------------------------------

    def has_what(self) -> bool:
        """Return whether it is known what is wished for."""
        return self.talk.data.get("what") in WISHES

    def is_whole(self) -> bool:
        """Return whether the wish can be handed on."""
        return bool(self.talk.case)

    def is_a_wish(self) -> bool:
        """Return whether the words say when rather than ask for something else."""
        return self.has_what() and not self.talk.heard.confident

    # what is said -------------------------------------------------------------------------------------------------

    def ask_what(self) -> None:
        """Ask what would help."""
        self.talk.say(
            _("どんな形がいいですか。あとで変えても、やめてもかまいません。"),
            choices=(
                *(Choice(WISHES[id][0], f"visit.what:{id}") for id in self._wishes()),
                Choice(_("人と話す"), "person.ask"),
            ),
            listed="numbers",
        )

    def ask_when(self) -> None:
        """Offer half-days."""
        self.talk.say(
            _("いつごろがいいですか。ことばで書いてもかまいません。"),
            choices=(
                *(Choice(_named(key), f"visit.when:{key}") for key in half_days(self.talk.view.city, self.talk.now)),
                Choice(_("いつでも"), "visit.when:any"),
                Choice(_("人と話す"), "person.ask"),
            ),
            listed="numbers",
        )

    def ask_asked(self) -> None:
        """Say that a person was told, that nothing is fixed, and how the answer comes."""
        quiet = (_("安全のため、こちらから先には連絡しません。ここに書いてくれたときに、お返事します。"),)
        self.talk.say(
            _("希望を相談員に伝えます。まだ決まっていません。"),
            _("できるかどうか、いつにするかは、相談員がお返事します。"),
            *self.talk.when_read(),
            *(quiet if self._must_stay_quiet() else ()),
            choices=WAYS,
        )

    # parts --------------------------------------------------------------------------------------------------------

    def _ask_for(self, when: str) -> None:
        if self.has_what():
            what = self.talk.data["what"]
            self.talk.call("visit", f"希望: {WISHES[what][1]}。日時: {when}。")

    def _wishes(self) -> tuple[str, ...]:
        return tuple(id for id in WISHES if not (self._must_stay_quiet() and id in CALLS_BACK))

    def _must_stay_quiet(self) -> bool:
        return self.talk.view.contact_safety != "any"


def half_days(city: City, now: datetime) -> tuple[str, ...]:
    """Return up to six half-days on which a desk is open, as 2026-11-26-am, evenly spread over the next two weeks."""
    today = now.astimezone(TOKYO).date()
    found = [
        f"{day}-{half}"
        for day in (today + timedelta(days=ahead) for ahead in range(1, AHEAD + 1))
        for half in HALVES
        if _open(city, day, half)
    ]
    if len(found) < 2 * OFFERED:
        return tuple(found[:OFFERED])
    return tuple(
        found[index * len(found) // OFFERED + index % 2] for index in range(OFFERED)
    )  # mornings and afternoons


def _open(city: City, day: date, half: str) -> bool:
    """Return whether some desk is open for an hour of that half-day."""
    begins, ends = (datetime.combine(day, moment, TOKYO) for moment in HALVES[half])
    spans = [span for desk in city.desks for span in desk.opening.spans(day)]
    return any(min(end, ends) - max(start, begins) >= timedelta(hours=1) for start, end in spans)


def _named(key: str) -> Phrase:
    day, half = date.fromisoformat(key[:10]), key[11:]
    short = ShortDay(day)
    return _("{date} 午前", date=short) if half == "am" else _("{date} 午後", date=short)


def _for_staff(key: str) -> str:
    day = date.fromisoformat(key[:10])
    return f"{day.month}月{day.day}日（{'月火水木金土日'[day.weekday()]}）{'午前' if key.endswith('am') else '午後'}"
