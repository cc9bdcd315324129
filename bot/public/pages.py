"""The pages to read: languages, topics, the places of a topic, one place, and the monthly bulletin.

The rule: a page shows what the desk's own search returns, in its stated order, and says what was set aside; a place
that is gone answers 410 and shows the way on, one that was merged leads to the other (CARE C23: hidden ones are in no
directory).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot import names, places, services
from bot.catalogue import survivor
from bot.curation import notes
from bot.directory import plan
from bot.directory.resources import UNKNOWN_HOURS, Resource
from bot.directory.search import Match, Query
from bot.library import Answer
from bot.messages import Dated, Fact, Language, Month, Phrase, Text, Weekdays, _
from bot.public import bulletin, telling
from bot.public.bulletin import News
from bot.public.house import House, place_address, public
from bot.public.words import CHANGED, LABELS, place_heading

PAGE: Final = 20  # places on one page
PAGES: Final = 500  # that many pages at most can be turned
AREAS: Final = 300  # names offered while an area is typed
WEEKDAYS: Final = {"sat": 5, "sun": 6}
EVERY_MONTH: Final = "%Y-%m"


@dataclass
class Pages:
    """Answer the requests for pages to read."""

    house: House

    async def languages(self, request: Request) -> Response:
        """Show every language in its own words."""
        return public(request, self.house.page("languages.html", "ja", title=LABELS["languages"]))

    # topics -----------------------------------------------------------------------------------------------------

    async def topics(self, request: Request) -> Response:
        """Show the topics that have an answer or places, with the number of places."""
        language, today = request.path_params["language"], self.house.today()
        search = self.house.directory().search
        counted = [(id, search(Query(topic=id, today=today, limit=0)).total) for id in names.TOPICS]
        listed = [
            (id, names.topic(id), place_heading(count) if count else None)
            for id, count in counted
            if count or self._answer(id, language)
        ]
        month = today.strftime(EVERY_MONTH)
        return public(
            request, self.house.page("topics.html", language, title=LABELS["topics"], topics=listed, month=month)
        )

    async def topic(self, request: Request) -> Response:
        """Show what the desk answers to a topic, and the places that serve it."""
        language, id = request.path_params["language"], request.path_params["topic"]
        if id not in names.TOPICS:
            return missing(self.house, language)
        asked, number = self._asked(request)
        now = self.house.now()
        query = self._query(id, asked, number)
        found = self.house.directory().search(query, now=now)
        last = query.offset + len(found.matches)
        page = self.house.page(
            "topic.html",
            language,
            here=f"topics/{id}",
            title=names.topic(id),
            answer=(answer := self._answer(id, language)),
            parts=self._parts(answer, language) if answer else [],
            card=services.counter_card(answer, language) if answer else None,
            asked=dict.fromkeys(("area", "age", "open", "free", "speaks"), "") | asked,
            narrowed=bool(asked),
            heading=places.heading(found, query) if found.matches else (),
            cards=[(m.resource, places.card(m, language, now)) for m in found.matches],
            earlier=f"?{urlencode({**asked, 'page': number - 1})}" if number > 1 else "",
            later=f"?{urlencode({**asked, 'page': number + 1})}" if last < found.total and number < PAGES else "",
            choices=self._choices(language),
        )
        return public(request, page)

    def _asked(self, request: Request) -> tuple[dict[str, str], int]:
        """Return the wishes of the address that are understood, others left out, and the number of the page."""
        given = request.query_params
        spoken = self.house.content.vocabulary["languages"]
        wanted = {
            "area": given.get("area", "").strip()[:40],
            "age": age if (age := given.get("age", "")) in {str(months) for _label, months in places.AGES} else "",
            "open": opening if (opening := given.get("open", "")) in ("now", *WEEKDAYS) else "",
            "free": "1" if given.get("free") == "1" else "",
            "speaks": id if (id := given.get("speaks", "")) in spoken else "",
        }
        number = given.get("page", "1")
        turned = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else 1
        return {name: value for name, value in wanted.items() if value}, min(max(turned, 1), PAGES)

    def _query(self, topic: str, asked: dict[str, str], number: int) -> Query:
        opening = asked.get("open", "")
        return Query(
            topic=topic,
            area=asked.get("area", ""),
            age_months=int(asked["age"]) if "age" in asked else None,
            open_at=self.house.now() if opening == "now" else None,
            open_weekday=WEEKDAYS.get(opening),
            free="free" in asked,
            language=asked.get("speaks", ""),
            today=self.house.today(),
            limit=PAGE,
            offset=(number - 1) * PAGE,
        )

    def _choices(self, language: str) -> dict[str, Any]:
        """Return what the form offers."""
        say = self.house.words.value
        spoken = [id for id in self.house.content.vocabulary["languages"] if id not in ("ja", "ja-easy")]
        return {
            "areas": sorted(self.house.directory().area_names)[:AREAS],
            "ages": [(str(months), say(label, language)) for label, months in places.AGES],
            "days": [(id, say(Weekdays((day,)), language)) for id, day in WEEKDAYS.items()],
            "spoken": [(id, say(Language(id), language)) for id in spoken],
        }

    def _answer(self, topic: str, language: str) -> Answer | None:
        """Return the answer to a topic, None when there is none or the language lacks one of its sentences."""
        answer = self.house.content.answers.get(topic)
        said = answer is not None and all(self.house.words.says(each.msgid, language) for each in answer.sentences)
        return answer if said else None

    def _parts(self, answer: Answer, language: str) -> list[tuple[Text, list[Text]]]:
        """Return the name and the lines of each part of an answer, the city's own among them."""
        found: list[tuple[Text, list[Text]]] = []
        for part, name in services.PARTS.items():
            lines, missing = services.own(answer, part, self.house.city(), self.house.directory(), language)
            found.append((name, [answer.parts[part], *lines, *([services.ASK_THE_DESK] if missing else [])]))
        return found

    # one place --------------------------------------------------------------------------------------------------

    async def place(self, request: Request) -> Response:
        """Show one place whole."""
        language, resource = request.path_params["language"], self._resource(request)
        if resource is None:
            return await gone(self.house, request, language)
        now, today = self.house.now(), self.house.today()
        first = today.replace(day=1)
        last = bulletin.shifted(first, 1) - timedelta(days=1)
        living = await self.house.store.read(lambda s: notes(s, resource.id, public_only=True))
        planned = await asyncio.to_thread(plan.month_plan, resource, self._events(), first, last)
        shut = resource.status != "active" or _over(resource, today)
        match = Match(resource, None, resource.opening.open_at(now) if resource.opening.known else None)
        page = self.house.page(
            "place.html",
            language,
            here=place_address(resource),
            title=places.title(resource, language),
            place=resource,
            kind=names.category(resource.category),
            over=_over(resource, today),
            now_fact=places.now_fact(match, now) if match.open_now is not None and not shut else None,
            week=[] if shut else telling.week(resource, today),
            usual=places.hours(resource),
            closing=telling.closing(resource, today),
            facts=telling.facts(resource),
            origin=telling.origin(resource),
            phones=[(phone, places.dialled(phone.number)) for phone in resource.phones],
            map=places.map_address(resource),
            website=places.website(resource),
            plan=[
                (_("{date}", date=one.begins.date()), telling.span(one.begins, one.ends), one.resource)
                for one in planned
            ],
            month=_("{month}", month=Month(first.year, first.month)),
            notes=[(note.text, _("{date}", date=Dated(note.written_at.date()))) for note in living],
            calendar="" if shut or not resource.opening.known else f"/public/{place_address(resource)}.ics",
        )
        return public(request, page)

    async def calendar(self, request: Request) -> Response:
        """Give the place's calendar feed."""
        resource = self._resource(request)
        if resource is None:
            return await gone(self.house, request, "ja", ending=".ics")
        feed = await asyncio.to_thread(
            plan.calendar,
            resource if resource.status == "active" else replace(resource, opening=UNKNOWN_HOURS),
            self._events(),
            today=self.house.today(),
            made_at=self.house.now().replace(minute=0, second=0, microsecond=0),
            address=self.house.base_url.partition("://")[2],
            opening=self.house.word(_("開いています"), "ja"),
        )
        return public(request, Response(feed, media_type="text/calendar; charset=utf-8"))

    def _resource(self, request: Request) -> Resource | None:
        return shown(self.house, request.path_params["id"])

    def _events(self) -> list[Resource]:
        directory = self.house.directory()
        return [match.resource for match in directory.search(Query(category="event", limit=len(directory))).matches]

    # the bulletin -----------------------------------------------------------------------------------------------

    async def bulletin(self, request: Request) -> Response:
        """Show the month's events and what is new, to be read or printed."""
        language, first = request.path_params["language"], bulletin.month_of(request.path_params["month"])
        if first is None or not bulletin.has_page(first, self.house.today()):
            return missing(self.house, language)
        told = await self.house.store.read(lambda s: bulletin.news(s, first))
        return public(request, await asyncio.to_thread(self._month, language, first, told))

    def _month(self, language: str, first: date, told: News) -> HTMLResponse:
        """Return the page of a month: long in a large city, so it is made beside the desk's loop."""
        directory, today = self.house.directory(), self.house.today()
        new, changed = bulletin.listed(directory, told.new), bulletin.listed(directory, told.changed)
        days = [
            (_("{date}", date=day), [(telling.span(one.begins, one.ends), one.resource) for one in found])
            for day, found in bulletin.events(directory, first)
        ]

        def neighbour(months: int) -> str:
            other = bulletin.shifted(first, months)
            return f"bulletin/{other:%Y-%m}" if bulletin.has_page(other, today) else ""

        return self.house.page(
            "bulletin.html",
            language,
            here=f"bulletin/{first:%Y-%m}",
            title=_("{month}の情報誌", month=Month(first.year, first.month)),
            since=_("{date}からの分です。", date=Dated(bulletin.shifted(first, -1))),
            days=days,
            about=_about,
            new=[(r, names.category(r.category)) for r in new[: bulletin.MOST]],
            more_new=_more(len(new)),
            changed=[(r, _changed(told.changed[r.id])) for r in changed[: bulletin.MOST]],
            more_changed=_more(len(changed)),
            previous_address=neighbour(-1),
            next_address=neighbour(1),
            made=_("{date}に作りました。", date=Dated(today)),
        )

    async def this_month(self, request: Request) -> Response:
        """Lead to the month that it is."""
        language, month = request.path_params["language"], self.house.today().strftime(EVERY_MONTH)
        return RedirectResponse(f"/public/{language}/bulletin/{month}", 302)


def shown(house: House, id: str) -> Resource | None:
    """Return a place that is shown: it is listed, and not closed for good."""
    resource = house.directory().get(id)
    return resource if resource is not None and resource.status != "inactive" else None


def missing(house: House, language: str) -> Response:
    """Say that there is no such page, in the language if there is one."""
    known = language if house.speaks(language) else "ja"
    return house.page("missing.html", known, status=404, title=LABELS["missing"], how=LABELS["missing_how"])


async def gone(house: House, request: Request, language: str, ending: str = "") -> Response:
    """Lead to the place that this one was merged into; else 410 for what was here once, and 404 for what never was."""
    id = request.path_params["id"]
    known, other = await house.store.read(lambda s: survivor(s, id))
    if other and shown(house, other):
        start = f"/public/{place_address(other)}" if ending else f"/public/{language}/{place_address(other)}"
        return RedirectResponse(f"{start}{ending}", 302)
    if not known:
        return missing(house, language)
    return house.page("missing.html", language, status=410, title=LABELS["gone"], how=LABELS["gone_how"])


def _over(resource: Resource, today: date) -> bool:
    return resource.ends_on is not None and resource.ends_on < today


def _about(resource: Resource) -> list[Fact]:
    """Return age, fee and booking of an event, short enough for a row."""
    return [*places.age(resource), *places.fee(resource), *places.booking(resource)]


def _changed(fields: tuple[str, ...]) -> Text:
    return places.listed(dict.fromkeys(CHANGED[name] for name in fields))


def _more(count: int) -> Phrase | None:
    return _("ほかに{count}か所あります。", count=count - bulletin.MOST) if count > bulletin.MOST else None
