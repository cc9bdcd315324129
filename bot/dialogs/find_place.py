"""Finding a place: what for, where, the child's age if it matters, then several choices that differ visibly.

The rule: the desk never picks. It shows what fits in an order that it states, says what differs, and what it had to
set aside; when only one fits it says why (guideline 4(3)③). Rest is a good reason to ask for care.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from bot import names, places
from bot.dialog import END, PLACE, START, TEXT, WAYS, Dialog, Go, UnmetNeed
from bot.directory.resources import Resource
from bot.directory.search import Found, Query
from bot.messages import (
    GAP,
    Choice,
    Phrase,
    Point,
    Text,
    Verbatim,
    _,
)
from bot.opening import TOKYO
from bot.understanding.slots import age_months

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

#: Up to how many months each band of ages goes that needs are counted by.
BANDS: tuple[tuple[int, str], ...] = ((11, "0"), (23, "1"), (35, "2"), (83, "3-6"), (155, "7-12"))


def age_band(months: int | None) -> str:
    """Return the band in years that an age belongs to: 0, 1, 2, 3-6, 7-12, 13-; empty if it is not known."""
    if months is None:
        return ""
    return next((band for last, band in BANDS if months <= last), "13-")


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

LONGEST_AREA = 40  # letters; longer words name no town

NOT_YOUR_FAULT = _("断られたのは、あなたのせいではありません。")
RELIEF: tuple[Phrase, ...] = (
    _("休むために預けるのも、りっぱな理由です。"),
    _("ほかの道もあります。選ぶのは、あなたです。いま決めなくてもかまいません。"),
)

BY_PROFILE = _("前に教えてもらった「家族のこと」でさがしました。")

GENTLE = _("用事がなくても、休むために使えるところもあります。")

#: What a care for a while is needed for: id -> its choice, a word for it, what else may fit (functions 14, 64).
REASONS: dict[str, tuple[Phrase, Phrase, tuple[str, ...]]] = {
    "rest": (
        _("休みたい"),
        _("休むために預けるのも、りっぱな理由です。眠る、髪を切る、ひとりで歩く。どれでもかまいません。"),
        ("family_support", "home_visit_support", "parenting_salon"),
    ),
    "illness": (
        _("体調・通院"),
        _("あなたの体も大切です。泊まりで預けられるところや、家に来てもらう手伝いもあります。"),
        ("short_stay", "home_visit_support", "family_support"),
    ),
    "work": (
        _("仕事"),
        _("仕事の日が続きそうなら、保育園などもあわせて考えられます。"),
        ("nursery", "family_support", "return_to_work"),
    ),
    "occasion": (
        _("用事・式"),
        _("結婚式やお葬式、役所の用事にも使えます。夜にかかるときは、泊まりのところもあります。"),
        ("short_stay", "family_support"),
    ),
    "sibling": (
        _("きょうだいのこと"),
        _("上の子の行事や、下の子の通院。体はひとつです。ひとりずつの時間を持つために使えます。"),
        ("family_support", "sick_child_care"),
    ),
}
WHAT_FOR = _("どんなときに使いたいですか。言わなくてもかまいません。ほかの道も見せられます。")
WHERE_FOR = _("{topic}ですね。どのあたりがいいですか。町の名前を書いてもかまいません。")
WHERE = _("どのあたりがいいですか。町の名前を書いてもかまいません。")

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
        Go("other_age", "results", "age", take="forget_age", when="has_topic"),
        Go("open_now", ("results", "named"), "results", take="take_open_now"),
        Go("more", ("results", "named"), "results", take="take_more"),
        Go("plainly", ("results", "named"), "results", take="drop_wishes"),
        Go("near", "*", "near"),
        Go("elsewhere", ("results", "details"), "where", take="forget_where", when="has_topic"),
        Go("back", ("details", "reason"), "results"),
        Go("reason", "*", "reason", take="take_reason", when="has_reason"),
        Go("details", "*", "details", take="take_details", when="has_details"),
        Go("named", "*", "named", take="take_named"),
        Go(TEXT, ("where", "near", "topic"), "age", take="take_text", when="text_names_where_and_age_matters"),
        Go(TEXT, ("where", "near", "topic"), "results", take="take_text", when="text_names_where"),
        Go(TEXT, ("where", "near"), "where", take="miss_once", when="missed_once"),
        Go(TEXT, "age", "results", take="take_text", when="text_names_age"),
        Go(TEXT, ("results", "details", "named", "reason"), "results", take="take_text", when="text_refines"),
        Go(TEXT, (START, "topic", "named", "details", "reason"), END, when="never"),
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

    def take_reason(self) -> None:
        """Take what the care is needed for, said freely."""
        self.talk.data["reason"] = self.talk.argument

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

    def forget_age(self) -> None:
        """Forget the age, to ask for it."""
        self.talk.data.pop("age", None)

    # what holds --------------------------------------------------------------------------------------------------

    def has_topic(self) -> bool:
        """Return whether it is known what is looked for."""
        return self.talk.data.get("topic", "") in names.TOPICS

    def needs_where(self) -> bool:
        """Return whether the place is still to be asked."""
        return self.has_topic() and not self._told_where() and not self._area_of_profile()

    def needs_age(self) -> bool:
        """Return whether the child's age is unknown and changes what fits."""
        if not self.has_topic() or "age" in self.talk.data:
            return False
        return len(self._bounds()) > 1 and self._age_of_profile() is None

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
        """Return whether the words were no known area, for the first time, and neither a question nor a worry."""
        heard = self.talk.heard
        told = heard.confident or heard.only_asked or heard.signals or len(self.talk.inbound.text) > LONGEST_AREA
        if told or self.talk.data.get("missed"):
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

    def has_reason(self) -> bool:
        """Return whether the reason is one of those that were offered."""
        return self.talk.data.get("reason") in REASONS

    # what is said ------------------------------------------------------------------------------------------------

    def ask_topic(self) -> None:
        """Ask what is looked for."""
        got = (_("場所を受け取りました。"),) if "near" in self.talk.data else ()
        self.talk.say(
            *got,
            _("どんな場所をさがしますか。ことばで書いてもかまいません。"),
            choices=(
                *(Choice(names.topic(id), f"find_place.topic:{id}") for id in FREQUENT),
                Choice(_("人と話す"), "person.ask"),
            ),
            listed="numbers",
        )

    def ask_where(self) -> None:
        """Ask where."""
        lines: list[Text] = []
        if self.talk.data.get("missed"):
            lines.append(_("その地名が見つかりませんでした。町の名前か、位置で教えてください。"))
        else:
            lines += self._opening_words()
            lines.append(WHERE if self.talk.data["topic"] in names.PRIVATE else _(WHERE_FOR.msgid, topic=self._topic()))
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
                *(Choice(label, f"find_place.age:{months}") for label, months in places.AGES),
                Choice(_("言わないでさがす"), "find_place.age:skip"),
                Choice(_("人と話す"), "person.ask"),
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
        shown = tuple(
            places.card(match, self.talk.language, self.talk.now, found.areas)
            for match in (*found.matches, *found.neighbours)
        )
        more = found.total > query.offset + len(found.matches)
        by_profile = self._by_profile()
        ways = (
            *((Choice(_("もっと見る"), "find_place.more"),) if more else ()),
            *((Choice(_("条件を外す"), "find_place.plainly"),) if places.wishes(query, found) else ()),
            *self._alternatives(),
            *(() if self.talk.data.get("open_now") else (Choice(_("いま開いているところ"), "find_place.open_now"),)),
            *((Choice(_("年齢を変える"), "find_place.other_age"),) if "age" in by_profile else ()),
            Choice(_("場所を変える"), "find_place.elsewhere" if self.has_topic() else "find_place.begin"),
            *WAYS,
        )
        asks_what_for = self.talk.data.get("topic") == "temporary_care" and not self.talk.data.get("asked_what_for")
        self.talk.say(
            *self._opening_words(),
            *((BY_PROFILE,) if by_profile else ()),
            *places.heading(found, query),
            cards=shown,
            choices=() if asks_what_for else ways,
        )
        if asks_what_for:
            self.talk.data["asked_what_for"] = True
            reasons = tuple(Choice(label, f"find_place.reason:{id}") for id, (label, _word, _topics) in REASONS.items())
            self.talk.say(WHAT_FOR, choices=(*reasons, *ways))

    def ask_reason(self) -> None:
        """Say that it is a good reason, and what else may fit it."""
        _label, word, topics = REASONS[self.talk.data["reason"]]
        self.talk.say(
            word,
            RELIEF[1],
            choices=(
                *(Choice(names.topic(id), f"find_place.topic:{id}") for id in topics if self._has_places(id)),
                *((Choice(_("もう一度見る"), "find_place.back"),) if self.has_topic() else ()),
                *WAYS,
            ),
        )

    def _has_places(self, topic: str) -> bool:
        return self.talk.view.library.topic_has_places(topic)

    def ask_named(self) -> None:
        """Show the places whose name was typed."""
        self.ask_results()

    def ask_details(self) -> None:
        """Show one place whole: hours, fee, age, conditions, how to apply, telephone, map, date of checking."""
        resource = self._resource(self.talk.data["details"])
        assert resource is not None
        self.talk.say(
            cards=(places.whole_card(resource, self.talk.language),),
            choices=(
                *((Choice(_("ほかの場所と比べる"), "find_place.back"),) if self.has_topic() else ()),
                *self._later(),
                *WAYS,
            ),
        )

    # parts -------------------------------------------------------------------------------------------------------

    def _later(self) -> tuple[Choice, ...]:
        """Offer to ask how it went, where one begins to use something and the desk may write first (function 32)."""
        topic, view = self.talk.data.get("topic", ""), self.talk.view
        if topic not in names.BEGUN or not view.is_friend or not self.talk.may_write_first():
            return ()
        return (Choice(_("あとで様子を聞いて"), f"afterwards.promise:{topic}"),)

    def _opening_words(self) -> list[Text]:
        data = self.talk.data
        if data.get("greeted"):
            return []
        data["greeted"] = True
        refused = (NOT_YOUR_FAULT,) if "refused" in self.talk.heard.asked else ()
        if data.get("relief") or refused:
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
        return self.talk.view.directory.areas_of(text) if len(text) <= LONGEST_AREA else ()

    def _resource(self, id: str) -> Resource | None:
        return self.talk.view.directory.get(id)

    def _topic(self) -> Phrase:
        return names.topic(self.talk.data["topic"])

    def _query(self) -> Query:
        data, now = self.talk.data, self.talk.now
        age = self._age_of_profile() if "age" not in data else data["age"] if data["age"] >= 0 else None
        near = data.get("near")
        return Query(
            topic=data.get("topic", ""),
            area=self._area(),
            near=Point(near[0], near[1]) if near else None,
            age_months=age,
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

    # what the family told of itself before (bot/profile.py) --------------------------------------------------------

    def _told_where(self) -> bool:
        return any(key in self.talk.data for key in ("area", "near", "anywhere"))

    def _area(self) -> str:
        """Return the area to search in: told now, else told before, else the own town; "" for a point or a name."""
        data, own = self.talk.data, self.talk.view.city.municipalities[:1]
        area: str = data.get("area", "")
        if not area and "near" not in data and "words" not in data:
            before = "" if "anywhere" in data else self._area_of_profile()
            area = before or (own[0] if own else "")
        return area if area and self._areas(area) else ""

    def _area_of_profile(self) -> str:
        area = self.talk.profile.area
        return area if area and self._areas(area) else ""

    def _age_of_profile(self) -> int | None:
        """Return the age of the one child whom some place of this kind fits; None where that is no child or several."""
        if not self.talk.profile.children or not self.has_topic():
            return None
        bounds, today = self._bounds(), self.talk.now.astimezone(TOKYO).date()
        ages = {
            age
            for age in self.talk.profile.ages(today)
            if any((least or 0) <= age and (most is None or age <= most) for least, most in bounds)
        }
        return ages.pop() if len(ages) == 1 and len(bounds) > 1 else None

    def _bounds(self) -> set[tuple[int | None, int | None]]:
        found = self.talk.view.directory.search(Query(topic=self.talk.data["topic"], limit=50))
        return {(m.resource.minimum_age, m.resource.maximum_age) for m in found.matches}

    def _by_profile(self) -> tuple[str, ...]:
        """Return what was taken from the profile for this search, the first time that it is."""
        data = self.talk.data
        if not self.has_topic() or data.get("told_profile"):
            return ()
        age = ("age",) if "age" not in data and self._age_of_profile() is not None else ()
        area = ("area",) if not self._told_where() and self._area_of_profile() else ()
        data["told_profile"] = bool(age or area)
        return (*age, *area)

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
