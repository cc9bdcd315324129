"""Finding a place: what for, where, the child's age if it matters, then several choices that differ visibly.

The rule: the desk never picks. It shows what fits in an order that it states, says what differs, and what it had to
set aside; when only one fits it says why (guideline 4(3)③). Rest is a good reason to ask for care.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import Any

from bot import names
from bot.dialog import END, PLACE, START, TEXT, Dialog, Go, UnmetNeed
from bot.directory.resources import NO_BOOKING, CostOption, Resource
from bot.directory.search import Found, Match, Query
from bot.i18n import EASY, SOURCE
from bot.messages import (
    GAP,
    Card,
    Choice,
    Fact,
    Metres,
    Months,
    Phrase,
    Point,
    Text,
    Verbatim,
    Weekdays,
    Yen,
    _,
)
from bot.opening import TOKYO, Schedule
from bot.understanding.slots import age_months

_MORE = re.compile(r"放課後|長い休み|学校休日|延長")  # hours in words that the schedule beside them does not hold
PAGE = 5  # cards side by side: more cannot be compared by somebody who is tired

FREQUENT = (
    "temporary_care",
    "parenting_salon",
    "family_support",
    "sick_child_care",
    "nursery",
    "medical_care",
    "postnatal_care",
    "consultation",
    "after_school",
    "parent_circle",
)

AGES: tuple[tuple[Phrase, int], ...] = (
    (_("0歳（6か月まで）"), 3),
    (_("0歳（7〜11か月）"), 9),
    (_("1歳"), 18),
    (_("2歳"), 30),
    (_("3歳〜就学前"), 48),
    (_("小学生"), 96),
)

#: Up to how many months each band of ages goes that needs are counted by.
BANDS: tuple[tuple[int, str], ...] = ((11, "0"), (23, "1"), (35, "2"), (83, "3-6"), (155, "7-12"))


def age_band(months: int | None) -> str:
    """Return the band in years that an age belongs to: 0, 1, 2, 3-6, 7-12, 13-; empty if it is not known."""
    if months is None:
        return ""
    return next((band for last, band in BANDS if months <= last), "13-")


ORDERS: dict[str, Phrase] = {
    "distance": _("近い順です。"),
    "distance_from_area": _("その地区に近い順です。"),
    "kana": _("五十音順です。"),
}

ASIDE: dict[str, Phrase] = {
    "town": _("その地区にはないので、まわりもさがしました。"),
    "area": _("その町にはないので、近くの町もさがしました。"),
    "distance": _("近くにはないので、広くさがしました。"),
    "open": _("その時間に開いていると分かるところはないので、時間を外してさがしました。"),
    "free": _("無料のところはないので、料金を外してさがしました。"),
    "language": _("そのことばが通じると分かるところはないので、ことばを外してさがしました。"),
    "provision": _("家に来てくれるところはないので、行って使うところもさがしました。"),
    "conditions": _("その条件に合うと分かるところはないので、条件を外してさがしました。"),
    "words": _("その名前では見つからないので、ほかのところを出します。"),
}

LEFT_OUT: dict[str, Phrase] = {
    "town": _("地区を広げると"),
    "area": _("近くの町も入れると"),
    "distance": _("もっと遠くも入れると"),
    "open": _("時間を外すと"),
    "free": _("有料も入れると"),
    "language": _("ことばを外すと"),
    "provision": _("行って使うところも入れると"),
    "conditions": _("条件を外すと"),
    "words": _("名前を外すと"),
    "age": _("子どもの年齢を外すと"),
}

#: What only the municipality does where a family lives (母子保健法 10, 12, 15条, 児童手当法 7条 …): no town beside it.
AT_HOME = frozenset(
    {
        "pregnancy_registration",
        "prenatal_checkup",
        "newborn_visit",
        "infant_checkup",
        "vaccination",
        "birth_procedures",
        "moving",
        "child_allowance",
        "medical_subsidy",
        "childcare_fee",
        "school_entry",
    }
)

#: Wishes for a place beside time and fee -> where the talk keeps them.
WISHES = {"language": "language", "provision": "provision", "conditions": "attributes"}

DIFFERENCES: dict[str, Phrase] = {
    "kind": _("種類"),
    "fee": _("料金"),
    "hours": _("時間"),
    "age": _("年齢"),
    "distance": _("距離"),
    "booking": _("予約"),
    "conditions": _("使える条件"),
    "provision": _("来てもらえるか"),
}

REFUSED = re.compile(
    r"断|ことわ|いっぱい|満員|空きが|refus|turned .{0,12}away|reject|no (?:space|room|vacanc)", re.IGNORECASE
)
NOT_YOUR_FAULT = _("断られたのは、あなたのせいではありません。")
RELIEF: tuple[Phrase, ...] = (
    _("休むために預けるのも、りっぱな理由です。"),
    _("ほかの道もあります。選ぶのは、あなたです。いま決めなくてもかまいません。"),
)

NO_NEED_TO_BOOK = _("予約がいらない")

GENTLE = _("用事がなくても、休むために使えるところもあります。")

#: Where else to look when this kind is refused, full or absent (function 65).
ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "temporary_care": ("family_support", "short_stay"),
    "family_support": ("temporary_care", "short_stay"),
    "sick_child_care": ("medical_care", "family_support"),
    "nursery": ("kodomoen", "temporary_care"),
    "parenting_salon": ("parent_circle",),
    "parent_circle": ("parenting_salon",),
    "short_stay": ("temporary_care", "family_support"),
    "after_school": ("family_support",),
}


class FindPlace(Dialog):
    """Find places, step by step; a step whose answer is already known is skipped."""

    name = "find_place"
    table = (
        Go("begin", "*", "topic", take="forget"),
        Go("topic", "*", "where", take="take_topic", when="needs_where"),
        Go("topic", "*", "age", take="take_topic", when="needs_age"),
        Go("topic", "*", "results", take="take_topic", when="has_topic"),
        Go("topic", "*", "topic", take="take_topic"),
        Go("anywhere", "*", "age", take="take_anywhere", when="needs_age"),
        Go("anywhere", "*", "results", take="take_anywhere", when="has_topic"),
        Go("area", "*", "age", take="take_area", when="needs_age"),
        Go("area", "*", "results", take="take_area", when="has_topic"),
        Go(PLACE, "*", "age", take="take_place", when="needs_age"),
        Go(PLACE, "*", "results", take="take_place", when="has_topic"),
        Go(PLACE, "*", "topic", take="take_place"),
        Go("age", "*", "results", take="take_age", when="has_topic"),
        Go("open_now", ("results", "named"), "results", take="take_open_now"),
        Go("more", ("results", "named"), "results", take="take_more"),
        Go("plainly", ("results", "named"), "results", take="drop_wishes"),
        Go("near", "*", "near"),
        Go("elsewhere", ("results", "details"), "where", take="forget_where", when="has_topic"),
        Go("back", "details", "results"),
        Go("details", "*", "details", take="take_details", when="has_details"),
        Go("named", "*", "named", take="take_named"),
        Go(TEXT, ("where", "near", "topic"), "age", take="take_text", when="text_names_where_and_age_matters"),
        Go(TEXT, ("where", "near", "topic"), "results", take="take_text", when="text_names_where"),
        Go(TEXT, ("where", "near"), "where", take="miss_once", when="missed_once"),
        Go(TEXT, "age", "results", take="take_text", when="text_names_age"),
        Go(TEXT, ("results", "details", "named"), "results", take="take_text", when="text_refines"),
        Go(TEXT, (START, "topic", "named", "details"), END, when="never"),
    )

    # what came ---------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Begin anew."""
        self.talk.data.clear()

    def take_topic(self) -> None:
        """Take the topic of a button, with whatever the words that led here said besides."""
        data = self.talk.data
        topic = self.talk.argument
        if topic not in names.TOPICS:
            return
        if data.get("topic") != topic:
            kept: dict[str, Any] = {key: data[key] for key in ("area", "near", "anywhere", "age") if key in data}
            data.clear()
            data.update(kept, topic=topic)
        self._take_slots()
        if any(signal.kind == "anxiety" for signal in self.talk.heard.signals):
            data["relief"] = True

    def take_anywhere(self) -> None:
        """Take "anywhere in town"."""
        self.forget_where()
        self.talk.data["anywhere"] = True

    def take_area(self) -> None:
        """Take the area of a button."""
        self.forget_where()
        self.talk.data["area"] = self.talk.argument

    def take_place(self) -> None:
        """Take a shared location; it is used for this search and rounded to about 100 m in memory."""
        if (point := self.talk.inbound.point) is not None:
            self.forget_where()
            self.talk.data["near"] = [round(point.latitude, 3), round(point.longitude, 3)]

    def take_age(self) -> None:
        """Take the age of a button in months; "skip" means that it was not told."""
        months = self.talk.argument
        self.talk.data["age"] = int(months) if months.isdecimal() and len(months) <= 3 else -1

    def take_open_now(self) -> None:
        """Take "open now", or open at the next full hour of the day when that is asked."""
        self.talk.data["open_now"] = True
        self.talk.data["offset"] = 0

    def take_more(self) -> None:
        """Turn the page."""
        self.talk.data["offset"] = self.talk.data.get("offset", 0) + PAGE

    def drop_wishes(self) -> None:
        """Set aside what was wished of language, of coming home, and of conditions."""
        for key in (*WISHES.values(), "offset"):
            self.talk.data.pop(key, None)

    def take_details(self) -> None:
        """Take which place to show whole."""
        if self._resource(self.talk.argument) is not None:
            self.talk.data["details"] = self.talk.argument

    def take_named(self) -> None:
        """Take typed words as the name of a place."""
        self.talk.data.clear()
        self.talk.data["words"] = self.talk.inbound.text.strip()[:60]

    def take_text(self) -> None:
        """Take what typed words say about where, when, how old, and for free."""
        self._take_slots()
        typed = unicodedata.normalize("NFKC", self.talk.inbound.text.strip())
        if self.state == "age" and typed.isdecimal() and len(typed) <= 2 and int(typed) <= 18:
            self.talk.data["age"] = int(typed) * 12 + 6  # a bare number here is years; the middle of that year
        elif self.state == "age" and (months := age_months(f"{typed} old")) is not None:
            self.talk.data["age"] = months
        if not self.talk.data.get("area") and self.state in ("where", "near", "topic") and self._areas(typed):
            self.forget_where()
            self.talk.data["area"] = typed[:40]

    def miss_once(self) -> None:
        """Nothing to remember: the question is put once more."""

    def forget_where(self) -> None:
        """Forget the area, the point and the page."""
        for key in ("area", "near", "anywhere", "offset"):
            self.talk.data.pop(key, None)

    # what holds --------------------------------------------------------------------------------------------------

    def has_topic(self) -> bool:
        """Return whether it is known what is looked for."""
        return self.talk.data.get("topic", "") in names.TOPICS

    def needs_where(self) -> bool:
        """Return whether the place is still to be asked."""
        data = self.talk.data
        return self.has_topic() and not any(key in data for key in ("area", "near", "anywhere"))

    def needs_age(self) -> bool:
        """Return whether the child's age is unknown and changes what fits."""
        if not self.has_topic() or "age" in self.talk.data:
            return False
        topic = self.talk.data["topic"]
        found = self.talk.view.directory.search(Query(topic=topic, limit=50))
        bounds = {(m.resource.minimum_age, m.resource.maximum_age) for m in found.matches}
        return len(bounds) > 1

    def has_details(self) -> bool:
        """Return whether the chosen place is known."""
        return self._resource(self.talk.data.get("details", "")) is not None

    def text_names_where(self) -> bool:
        """Return whether the words named an area that is known."""
        return self.has_topic() and "area" in self.talk.data

    def text_names_where_and_age_matters(self) -> bool:
        """Return whether the words named an area and the age is to be asked next."""
        return self.text_names_where() and self.needs_age()

    def missed_once(self) -> bool:
        """Return whether the words were no known area, for the first time and no other clear question."""
        if self.talk.heard.confident or self.talk.data.get("missed"):
            return False
        self.talk.data["missed"] = True
        return True

    def text_names_age(self) -> bool:
        """Return whether the words told the age."""
        return "age" in self.talk.data

    def text_refines(self) -> bool:
        """Return whether the words narrow this search rather than ask for something else."""
        slots, data = self.talk.heard.slots, self.talk.data
        said = slots.age_months is not None or slots.weekday is not None or slots.free or slots.area or slots.at_time
        wished = slots.language or slots.visit or slots.attributes
        other = (
            self.talk.heard.topics and self.talk.heard.confident and self.talk.heard.topics[0].id != data.get("topic")
        )
        return bool(said or wished) and self.has_topic() and not other

    def never(self) -> bool:
        """Return False: these words are a new question for somebody else."""
        return False

    # what is said ------------------------------------------------------------------------------------------------

    def ask_topic(self) -> None:
        """Ask what is looked for."""
        got = (_("場所を受け取りました。"),) if "near" in self.talk.data else ()
        self.talk.say(
            *got,
            _("どんな場所をさがしますか。ことばで書いてもかまいません。"),
            choices=tuple(Choice(names.topic(id), f"find_place.topic:{id}") for id in FREQUENT),
            listed="numbers",
        )

    def ask_where(self) -> None:
        """Ask where."""
        lines: list[Text] = []
        if self.talk.data.get("missed"):
            lines.append(_("その地名が見つかりませんでした。町の名前か、位置で教えてください。"))
        else:
            lines += self._opening_words()
            lines.append(
                _("{topic}ですね。どのあたりがいいですか。町の名前を書いてもかまいません。", topic=self._topic())
            )
        towns = tuple(
            Choice(Verbatim(area), f"find_place.area:{area}") for area in self.talk.view.city.municipalities[1:3]
        )
        self.talk.say(
            *lines,
            choices=(
                Choice(_("いまの場所の近く"), "find_place.near", opens="location"),
                Choice(_("市内ならどこでも"), "find_place.anywhere"),
                *towns,
                Choice(_("人と話す"), "person.ask"),
            ),
            listed="numbers",
        )

    def ask_near(self) -> None:
        """Say how a location is sent, to somebody who typed it."""
        self.talk.say(
            _("LINEの「＋」から「位置情報」を送ってください。町の名前を書いてもかまいません。"),
            choices=(
                Choice(_("いまの場所の近く"), "find_place.near", opens="location"),
                Choice(_("市内ならどこでも"), "find_place.anywhere"),
                Choice(_("人と話す"), "person.ask"),
            ),
        )

    def ask_age(self) -> None:
        """Ask the child's age: it decides what can be used."""
        lines = [] if self.talk.data.get("greeted") else self._opening_words()
        self.talk.say(
            *lines,
            _("子どもは何歳ですか。使えるところが変わります。"),
            choices=(
                *(Choice(label, f"find_place.age:{months}") for label, months in AGES),
                Choice(_("言わないでさがす"), "find_place.age:skip"),
            ),
            listed="dots",
        )

    def ask_results(self) -> None:
        """Show what fits, the order, what differs, and what was set aside."""
        query = self._query()
        found = self.talk.view.directory.search(query, now=self.talk.now)
        self._note_unmet(query, found)
        for key in (WISHES[wish] for wish in found.widened if wish in WISHES):
            self.talk.data.pop(key, None)  # told once: the next wish is not held against this one too
        if not found.matches:
            self._nothing()
            return
        shown = tuple(self._card(match, found.areas) for match in (*found.matches, *found.neighbours))
        more = found.total > query.offset + len(found.matches)
        self.talk.say(
            *self._opening_words(),
            *self._heading(found, query),
            cards=shown,
            choices=(
                *((Choice(_("もっと見る"), "find_place.more"),) if more else ()),
                *((Choice(_("希望を外す"), "find_place.plainly"),) if self._wishes(query, found) else ()),
                *self._alternatives(),
                *(
                    ()
                    if self.talk.data.get("open_now")
                    else (Choice(_("いま開いているところ"), "find_place.open_now"),)
                ),
                Choice(_("場所を変える"), "find_place.elsewhere" if self.has_topic() else "find_place.begin"),
                Choice(_("人と話す"), "person.ask"),
                Choice(_("メニュー"), "menu.show"),
            ),
        )

    def ask_named(self) -> None:
        """Show the places whose name was typed."""
        self.ask_results()

    def ask_details(self) -> None:
        """Show one place whole: hours, fee, age, conditions, how to apply, telephone, map, date of checking."""
        resource = self._resource(self.talk.data["details"])
        assert resource is not None
        self.talk.say(
            cards=(self._whole_card(resource),),
            choices=(
                *((Choice(_("ほかの場所と比べる"), "find_place.back"),) if self.has_topic() else ()),
                Choice(_("人と話す"), "person.ask"),
                Choice(_("メニュー"), "menu.show"),
            ),
        )

    # parts -------------------------------------------------------------------------------------------------------

    def _opening_words(self) -> list[Text]:
        data = self.talk.data
        if data.get("greeted"):
            return []
        data["greeted"] = True
        if data.get("relief"):
            refused = (NOT_YOUR_FAULT,) if REFUSED.search(self.talk.inbound.text) else ()
            return [*refused, *RELIEF, GAP]
        return [GENTLE, GAP] if data.get("topic") == "temporary_care" else []

    def _take_slots(self) -> None:
        slots, data = self.talk.heard.slots, self.talk.data
        if slots.age_months is not None:
            data["age"] = slots.age_months
        if slots.area and self._areas(slots.area):
            self.forget_where()
            data["area"] = slots.area
        if slots.weekday is not None:
            data["weekday"] = slots.weekday
        if slots.free:
            data["free"] = True
        if slots.language:
            data["language"] = slots.language
        if slots.visit:
            data["provision"] = "visit"
        if slots.attributes:
            data["attributes"] = list(dict.fromkeys((*data.get("attributes", ()), *slots.attributes)))

    def _areas(self, text: str) -> tuple[str, ...]:
        return self.talk.view.directory.areas_of(text) if len(text) <= 40 else ()

    def _resource(self, id: str) -> Resource | None:
        return self.talk.view.directory.get(id)

    def _topic(self) -> Phrase:
        return names.topic(self.talk.data["topic"])

    def _query(self) -> Query:
        data, now = self.talk.data, self.talk.now
        own = self.talk.view.city.municipalities[:1]
        area = data.get("area", own[0] if own and "near" not in data and "words" not in data else "")
        if area and not self._areas(area):
            area = ""
        age = data.get("age", -1)
        near = data.get("near")
        return Query(
            topic=data.get("topic", ""),
            area=area,
            near=Point(near[0], near[1]) if near else None,
            age_months=age if age >= 0 else None,
            open_at=now if data.get("open_now") else None,
            open_weekday=data.get("weekday"),
            free=bool(data.get("free")),
            language=data.get("language", ""),
            provision=data.get("provision", ""),
            attributes=tuple(data.get("attributes", ())),
            words=data.get("words", ""),
            neighbours=() if data.get("topic") in AT_HOME else self.talk.view.city.municipalities,
            today=now.astimezone(TOKYO).date(),
            limit=PAGE,
            offset=data.get("offset", 0),
        )

    def _heading(self, found: Found, query: Query) -> list[Text]:
        lines: list[Text] = []
        if not found.area_known:
            lines.append(_("その地名が見つからなかったので、地名を外してさがしました。"))
        lines += [ASIDE[wish] for wish in found.widened]
        if wishes := self._wishes(query, found):
            lines.append(_("この希望でさがしました: {wishes}", wishes=_list(wishes)))
        if found.neighbours:
            order = ORDERS[found.order]
            lines.append(_("その町で当てはまるところは、{total}か所です。{order}", total=found.total, order=order))
            lines.append(_("少ないので、ほかの町のところも、そのあとに出します。"))
            if found.neighbours_total > (shown := len(found.neighbours)):
                total = found.neighbours_total
                lines.append(
                    _("ほかの町のところは、{total}か所のうち、はじめの{shown}か所です。", total=total, shown=shown)
                )
        elif found.total == 1 and not found.widened:
            lines.append(_("当てはまるところは、ここだけでした。"))
        else:
            lines.append(
                _(
                    "{total}か所のうち、{first}〜{last}番目です。{order}",
                    total=found.total,
                    first=query.offset + 1,
                    last=query.offset + len(found.matches),
                    order=ORDERS[found.order],
                )
            )
        for wish, more in found.left_out:
            lines.append(_("{wish}、あと{count}か所あります。", wish=LEFT_OUT[wish], count=more))
        if found.differs:
            different = _list(DIFFERENCES[aspect] for aspect in found.differs)
            lines.append(_("ちがうところ: {aspects}。くらべて選んでください。", aspects=different))
        if found.hours_unknown:
            lines.append(_("ほかに{count}か所は、時間が分からないので出していません。", count=found.hours_unknown))
        return lines

    def _wishes(self, query: Query, found: Found) -> list[Text]:
        """Return what was heard as wishes of language, coming home and conditions, so that it can be corrected."""
        lines: list[Text] = []
        if query.language and "language" not in found.widened:
            lines.append(_("{language}が通じる", language=names.language(query.language, self.talk.language)))
        if query.provision == "visit" and "provision" not in found.widened:
            lines.append(_("家に来てくれる"))
        if "conditions" not in found.widened:
            lines += [NO_NEED_TO_BOOK if id == NO_BOOKING else Phrase(names.ATTRIBUTES[id]) for id in query.attributes]
        return lines

    def _note_unmet(self, query: Query, found: Found) -> None:
        """Have a need counted that nothing meets, or only something else than was asked; once for the same question."""
        met = bool(found.matches) and not found.widened
        if met or not query.topic or query.offset or not found.area_known:
            return
        need = UnmetNeed(query.topic, found.areas[0] if found.areas else "", age_band(query.age_months), found.widened)
        told = [need.topic, need.area, need.age_band, *need.lacking]
        if self.talk.data.get("unmet") != told:
            self.talk.data["unmet"] = told
            self.talk.unmet.append(need)

    def _nothing(self) -> None:
        """Say that nothing fits, offer what is nearest to it, and a person."""
        self.talk.say(
            *self._opening_words(),
            _("当てはまる場所が、この窓口の台帳にはありませんでした。相談員と一緒にさがすこともできます。"),
            choices=(
                *self._alternatives(),
                Choice(_("場所を変える"), "find_place.begin"),
                Choice(_("人と話す"), "person.ask"),
                Choice(_("メニュー"), "menu.show"),
            ),
            listed="numbers",
        )

    def _alternatives(self) -> tuple[Choice, ...]:
        others = ALTERNATIVES.get(self.talk.data.get("topic", ""), ())
        return tuple(Choice(names.topic(id), f"find_place.topic:{id}") for id in others)

    def _title(self, resource: Resource) -> Verbatim:
        latin = resource.name_latin if self.talk.language not in (SOURCE, EASY) else ""
        reading = resource.kana if self.talk.language == EASY else ""
        beside = latin or reading
        return Verbatim(f"{resource.name}（{beside}）" if beside and beside != resource.name else resource.name)

    def _card(self, match: Match, asked: Collection[str] = ()) -> Card:
        """Return the card of one choice; it says in which town it lies when that is none of the areas `asked`."""
        resource = match.resource
        town = resource.location.municipality
        away = asked and town and not any(area.startswith(town) for area in asked)
        facts = [Fact(_("市や町"), Verbatim(town))] if away else []
        facts += [self._now_fact(match)] if match.open_now is not None else []
        facts += [*self._hours(resource)[:2], *self._fee(resource)[:2], *self._age(resource)]
        if match.distance_km is not None:
            facts.append(Fact(_("距離"), _("{distance}", distance=Metres(int(match.distance_km * 1000)))))
        facts += self._booking(resource)
        if conditions := self._conditions(resource, most=3):
            facts.append(conditions)
        return Card(
            title=self._title(resource),
            kind=names.category(resource.category),
            facts=tuple(facts),
            choices=(
                Choice(_("くわしく見る"), f"find_place.details:{resource.id}"),
                *self._call(resource)[:1],
            ),
        )

    def _whole_card(self, resource: Resource) -> Card:
        facts = [*self._hours(resource), *self._fee(resource), *self._age(resource), *self._booking(resource)]
        if conditions := self._conditions(resource, most=9):
            facts.append(conditions)
        if resource.eligibility_description:
            facts.append(Fact(_("使える人"), Verbatim(resource.eligibility_description)))
        if resource.application_process:
            facts.append(Fact(_("申し込み"), Verbatim(resource.application_process)))
        if resource.location.address:
            facts.append(Fact(_("場所"), Verbatim(resource.location.address)))
        for phone in resource.phones[:2]:
            facts.append(Fact(_("電話"), Verbatim(f"{phone.number} {phone.description}".strip())))
        if resource.verified_on:
            facts.append(Fact(_("確かめた日"), _("{date}", date=resource.verified_on)))
        links = (
            *self._call(resource),
            *self._map(resource),
            *((Choice(_("ホームページ"), opens="link", uri=resource.url),) if resource.url else ()),
        )
        note = Verbatim(resource.description) if resource.description else None
        return Card(
            title=self._title(resource),
            kind=names.category(resource.category),
            facts=tuple(facts),
            note=note,
            choices=links,
        )

    def _now_fact(self, match: Match) -> Fact:
        if match.open_now:
            return Fact(_("いま"), _("開いています"))
        moment = match.resource.opening.next_open(self.talk.now + timedelta(minutes=1))
        if moment is None:
            return Fact(_("いま"), _("閉まっています"))
        return Fact(_("いま"), _("閉まっています（次は {when}）", when=self.talk.clock(moment)))

    def _hours(self, resource: Resource) -> list[Fact]:
        if not resource.opening.known:
            return [Fact(_("時間"), Verbatim(resource.hours_note))] if resource.hours_note else []
        more = [Fact(_("時間"), Verbatim(resource.hours_note))] if _MORE.search(resource.hours_note) else []
        merged: dict[Schedule, list[int]] = {}
        for rule in resource.opening.schedules:
            merged.setdefault(replace(rule, byday=()), []).extend(rule.byday)
        return [*(Fact(_("時間"), _hours_line(rule, tuple(days))) for rule, days in merged.items()), *more]

    def _fee(self, resource: Resource) -> list[Fact]:
        return [Fact(_("料金"), _price(cost)) for cost in resource.cost[:3]]

    def _age(self, resource: Resource) -> list[Fact]:
        low, high = resource.minimum_age, resource.maximum_age
        if low is None and high is None:
            return []
        if high is None:
            return [Fact(_("年齢"), _("{low}から", low=Months(low or 0)))]
        if not low:
            return [Fact(_("年齢"), _("{high}まで", high=Months(high)))]
        return [Fact(_("年齢"), _("{low}〜{high}", low=Months(low), high=Months(high)))]

    def _booking(self, resource: Resource) -> list[Fact]:
        if resource.booking_required is None:
            return []
        return [Fact(_("予約"), _("いる") if resource.booking_required else _("いらない"))]

    def _conditions(self, resource: Resource, *, most: int) -> Fact | None:
        known = [Phrase(names.ATTRIBUTES[id]) for id in resource.attributes if id in names.ATTRIBUTES]
        return Fact(_("とくに"), _list(known[:most])) if known else None

    def _call(self, resource: Resource) -> tuple[Choice, ...]:
        return tuple(
            Choice(_("電話する"), opens="call", uri=f"tel:{number}")
            for phone in resource.phones[:1]
            if (number := "".join(c for c in phone.number if c.isdigit())).startswith("0")  # else: no area code
        )

    def _map(self, resource: Resource) -> tuple[Choice, ...]:
        place = resource.location
        if place.latitude is None or place.longitude is None:
            return ()
        uri = f"https://www.openstreetmap.org/?mlat={place.latitude}&mlon={place.longitude}#map=17/{place.latitude}/{place.longitude}"
        return (Choice(_("地図"), opens="link", uri=uri),)


NTH = {1: _("第1"), 2: _("第2"), 3: _("第3"), 4: _("第4"), 5: _("第5"), -1: _("最後")}


def _list(parts: Iterable[Text]) -> Text:
    return reduce(lambda a, b: _("{a}、{b}", a=a, b=b), parts)


def _hours_line(rule: Schedule, days: tuple[int, ...]) -> Phrase:
    line = _("{days} {opens}〜{closes}", days=Weekdays(days), opens=rule.opens_at, closes=rule.closes_at)
    if rule.nth:
        which = _list(NTH[n] for n in rule.nth)
        line = _("{which}の{line}", which=which, line=line)
    if rule.holidays is True:
        return _("祝日 {opens}〜{closes}", opens=rule.opens_at, closes=rule.closes_at)
    if rule.holidays is False:
        return _("{line}（祝日は休み）", line=line)
    return line


def _price(cost: CostOption) -> Text:
    if cost.amount is None:
        return Verbatim(cost.amount_description)
    line: Text = _("{amount}", amount=Yen(cost.amount))
    if cost.option:
        option = Phrase(names.COST_OPTIONS[cost.option]) if cost.option in names.COST_OPTIONS else Verbatim(cost.option)
        line = _("{option} {amount}", option=option, amount=Yen(cost.amount))
    if cost.amount_description:
        return _("{line}（{note}）", line=line, note=Verbatim(cost.amount_description))
    return line
