"""Two languages: what leaves only with a yes, what comes back, what is heard in it, and what a family is sent."""

from __future__ import annotations

import asyncio
import html
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases, journal, unsend
from bot.dialogs.welcome import told_of_translation
from bot.errors import RefusedError, TranslatorError
from bot.messages import Severity, Signal
from bot.models import Audit, CaseRow, Consent, Event, Journal, SignalRow, TranslationRow
from bot.situation import Translation
from bot.store import Store
from handoff import alarms, notes, translation
from handoff.console import labels
from handoff.console.translate import seal_of
from handoff.translation import Stays
from tests.console_world import NOW, TIRED_EN, VANISH, World, a_resident, build, form, writes
from tests.talk import view, words
from tests.translation_stand_ins import Service, client_of, opened

TIRED_VI, TIRED_JA = "Tôi rất mệt vì con khóc cả đêm.", "子どもが一晩中泣いて、とても疲れています。"
DIE_VI, DIE_JA = "Em không muốn ở đây nữa.", "もう死にたいです。"
VISIT_JA = "赤ちゃん訪問をお願いできます。"
TABLE = {
    TIRED_VI: TIRED_JA,
    DIE_VI: DIE_JA,
    " là điều bạn có thể yêu cầu nhé.": "をお願いすることができます。",
    "をお願いできます。": " là điều bạn có thể yêu cầu nhé.",
}
ON = Translation(on=True, services={"deepl": "DeepL"})
GRAVE = Signal("crisis", Severity.EMERGENCY, (), "死にたい", "ja.wish", "死にたい気持ち", "self", "wish")


@dataclass
class Two:
    """Hold the console's world, the service that it asks, and one family's case."""

    world: World
    service: Service
    who: uuid.UUID
    case: uuid.UUID

    async def says(self, text: str, *signals: Signal, language: str = "vi", hashed: str = "") -> uuid.UUID:
        """Let her write something that the desk hears; return its uid."""

        def unit(session: Session) -> uuid.UUID:
            uid = journal.write(
                session, self.who, who="resident", kind="text", words=text, at=NOW, language=language,
                message_hash=hashed,
            )  # fmt: skip
            cases.apply(
                session, self.who, signals=signals, event="", reason="", journal_uid=uid, at=NOW, city=self.world.city
            )
            row = session.scalars(select(CaseRow).where(CaseRow.resident_id == self.who, CaseRow.state != "closed"))
            case = row.one_or_none()
            if case is not None:  # as the worker does
                self.world.interpreter.want(session, case.id, uid, NOW)
            return uid

        return await self.world.store.write(unit)

    async def answers(self, *, given: bool, how: Any = "line", at: Any = NOW) -> None:
        """Write down what she said to the question."""

        def unit(session: Session) -> None:
            translation.record(session, self.case, self.world.staff["specialist"], "deepl", at, given=given, how=how)
            if given:
                self.world.interpreter.want_this_talk(session, self.case, at)

        await self.world.store.write(unit)

    async def made(self, uid: uuid.UUID) -> translation.Made | None:
        """Return what became of a message."""
        found = await self.world.store.read(lambda s: translation.made(s, self.who, [uid], self.world.city))
        return found.get(uid)

    async def row(self) -> CaseRow:
        """Return the case as it is now."""

        def unit(session: Session) -> CaseRow:
            row = session.get_one(CaseRow, self.case)
            session.expunge(row)
            return row

        return await self.world.store.read(unit)

    async def changes(self, **values: Any) -> None:
        """Change the case behind its back."""
        await self.world.store.write(lambda s: s.execute(update(CaseRow).values(**values)))

    async def posts(self, path: str, role: str = "specialist", **fields: str) -> Any:
        """Send a form of the talk."""
        async with self.world.browser() as browser:
            csrf = await self.world.signed_in(role, browser)
            return await browser.post(f"/cases/{self.case}/{path}", data=form(csrf, **fields))

    async def sees(self) -> str:
        """Return the talk's page."""
        async with self.world.browser() as browser:
            await self.world.signed_in("specialist", browser)
            return html.unescape((await browser.get(f"/cases/{self.case}")).text)

    async def sent_rows(self) -> list[dict[str, Any]]:
        """Return what the audit says was sent."""
        rows = select(Audit.detail).where(Audit.action == "translation.sent").order_by(Audit.id)
        return await self.world.store.read(lambda s: list(s.scalars(rows)))


@pytest.fixture
async def two(store: Store) -> AsyncIterator[Two]:
    async with opened(Service("deepl", dict(TABLE))) as service:
        found = await arranged(store, service)
        yield found
        await found.world.interpreter.close()


async def arranged(store: Store, service: Service, *, language: str = "vi") -> Two:
    """Make a world with a talk in a language that a specialist holds; see `held_in`."""
    return await held_in(await build(store), service, language=language)


async def held_in(world: World, service: Service, *, language: str = "vi") -> Two:
    """Let the world's city translate, and a specialist hold a talk; no yes was given."""
    store = world.store
    world.set_city(translation=ON, languages=view().city.languages)
    world.services["deepl"] = client_of(service)
    who = await a_resident(store, language=language)
    case = await writes(store, who, "x", TIRED_EN, event="open", language=language, at=NOW - timedelta(hours=1))
    assert case is not None
    await store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    return Two(world, service, who, case.id)


# --- what may leave --------------------------------------------------------------------------------------------------

Change = Callable[[Two], Any]


def city(**changes: Any) -> Change:
    async def change(two: Two) -> None:
        values = {"on": True, "services": {"deepl": "DeepL"}, **changes}
        two.world.set_city(translation=Translation(**values))

    return change


def case(**values: Any) -> Change:
    return lambda two: two.changes(**values)


async def says_no(two: Two) -> None:
    await two.answers(given=False, at=NOW + timedelta(minutes=1))


async def nothing(_two: Two) -> None:
    return None


#: Why words stay -> whether she had said yes before, and what is otherwise.
STAYING: dict[str, tuple[Stays, bool, Change]] = {
    "the city has not switched it on": ("off", True, city(on=False)),
    "the city names no service": ("no_service", True, city(services={})),
    "the service is not set up here": ("no_service", True, city(services={"textra": "X"})),
    "the language's own service is another": (
        "no_service", True, city(services={"deepl": "D", "textra": "X"}, languages={"vi": "textra"}),
    ),
    "nobody asked her": ("not_asked", False, nothing),
    "nobody asked her, in an emergency": ("not_asked", False, case(severity="emergency")),
    "she said no": ("refused", False, says_no),
    "she said yes, then no": ("refused", True, says_no),
    "the talk has ended": ("closed", True, case(state="closed", holder_id=None)),
    "a child writes": ("child", True, case(aspects=["child_writing"])),
    "the city does not translate such talks": ("kind", True, city(not_for=("anxiety",))),
    "violence by a partner, unless the city decides otherwise": ("kind", True, case(kinds=["dv"])),
    "nor in an emergency": ("kind", True, city(not_for=("anxiety",), emergency="without")),
    "urgent is no emergency": ("not_asked", False, city(emergency="without")),
}  # fmt: skip


@pytest.mark.parametrize("name", STAYING)
async def test_nothing_leaves_unless_city_and_family_agreed(two: Two, name: str) -> None:
    """Whichever door is tried, the service hears nothing, and what was wanted is wanted no more (CARE C28)."""
    why, yes, change = STAYING[name]
    if yes:
        await two.answers(given=True)
    await change(two)
    await two.says(TIRED_VI)
    found = await two.world.store.read(lambda s: two.world.interpreter.standing(s, two.case, "vi"))
    assert found.stays == why
    page = await two.posts("translate", words=VISIT_JA)
    if why != "closed":  # else the door itself is shut: nobody holds the talk
        assert labels.STAYS[why] in html.unescape(page.text)
    rows = await two.world.store.read(lambda s: [row.id for row in s.scalars(select(Journal))])
    await two.posts("translate/again", message=str(rows[-1]))
    await two.world.interpreter.drain()
    assert two.service.asked == []
    assert await two.sent_rows() == []
    assert await two.world.store.read(lambda s: list(s.scalars(select(TranslationRow.id)))) == []


async def test_with_a_yes_words_leave_and_each_sending_is_written_down_without_them(two: Two) -> None:
    await two.answers(given=True)
    uid = await two.says(TIRED_VI)
    await two.world.interpreter.drain()
    assert TIRED_VI in two.service.texts
    sent = await two.sent_rows()
    about = {"service": "deepl", "ground": "consent", "language": "vi"}
    assert {**about, "message": str(uid)} in sent
    assert TIRED_VI not in json.dumps(sent, ensure_ascii=False)


async def test_a_no_while_it_waits_stops_what_is_not_sent_yet(two: Two) -> None:
    await two.answers(given=True)
    await two.says(TIRED_VI)
    await two.answers(given=False, at=NOW)  # at the very same moment: the no counts
    await two.world.interpreter.drain()
    assert two.service.asked == []


async def test_a_no_while_it_is_on_its_way_keeps_nothing(two: Two) -> None:
    await two.answers(given=True)
    holds = two.service.hold()
    uid = await two.says(TIRED_VI)
    going = asyncio.create_task(two.world.interpreter.drain())
    await two.service.came.wait()
    await two.answers(given=False, at=NOW + timedelta(minutes=1))
    holds.set()
    await going
    assert await two.made(uid) is None


async def test_in_an_emergency_the_city_may_have_decided_beforehand(two: Two) -> None:
    """Without a yes, only while it is an emergency, written down as such; a child's too; a no stands (CARE C28)."""
    await city(emergency="without")(two)
    await two.changes(severity="emergency", aspects=["child_writing"])
    uid = await two.says(TIRED_VI)
    await two.world.interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert made.text == TIRED_JA
    assert (await two.sent_rows())[0]["ground"] == "emergency"
    assert "同意なしに" in await two.sees()
    await two.answers(given=False)
    before = len(two.service.asked)
    await two.says(DIE_VI)
    await two.world.interpreter.drain()
    assert len(two.service.asked) == before


async def test_a_child_is_not_asked_for_a_yes(two: Two) -> None:
    """CARE C27: a child is not asked for its parents' consent, and cannot give it itself."""
    await two.changes(aspects=["child_writing"])
    with pytest.raises(RefusedError):
        await two.answers(given=True)
    answer = await two.posts("translate/ask", key=str(uuid.uuid4()), place="room")
    assert answer.status_code == 422
    assert "訳してよいかを聞く" not in await two.sees()


async def test_one_yes_names_one_service(two: Two) -> None:
    """Another service is asked for anew; one no ends every yes."""
    await two.answers(given=True)
    two.world.services["textra"] = two.world.services["deepl"]
    both = {"textra": "TexTra", "deepl": "DeepL"}
    two.world.set_city(translation=Translation(on=True, services=both))

    async def standing() -> str:
        return (await two.world.store.read(lambda s: two.world.interpreter.standing(s, two.case, "vi"))).stays

    assert await standing() == "not_asked"

    def unit(session: Session) -> None:
        who, later = two.world.staff["specialist"], NOW + timedelta(minutes=2)
        translation.record(session, two.case, who, "textra", later, given=False, how="phone")

    await two.world.store.write(unit)
    two.world.set_city(translation=ON)
    assert await standing() == "refused"


def test_the_welcome_says_what_the_city_decided() -> None:
    """CARE C28: said before, in the family's language, and to nobody whom it does not concern."""
    town = view().city
    assert told_of_translation(town, "vi") == ()
    for settings, language, told in (
        (Translation(on=True, emergency="without", services={"deepl": "DeepL"}), "vi", True),
        (Translation(on=True, emergency="without", services={"deepl": "DeepL"}), "ja-easy", False),
        (Translation(on=True, services={"deepl": "DeepL"}), "vi", False),
        (Translation(on=False, emergency="without", services={"deepl": "DeepL"}), "vi", False),
    ):
        lines = told_of_translation(replace(town, translation=settings), language)
        assert bool(lines) is told
        if lines:
            assert "DeepL" in words().word(lines[0], language)


# --- the question and the answer -------------------------------------------------------------------------------------


async def test_the_family_is_asked_in_its_language_and_the_answer_is_written_down(two: Two) -> None:
    key = str(uuid.uuid4())
    for _ in range(2):
        assert (await two.posts("translate/ask", key=key, place="best")).status_code == 303
    page = await two.sees()
    assert page.count('dịch vụ dịch "DeepL"') == 1
    assert "外の翻訳サービス「DeepL」" in page, "and what it means, for colleagues"
    await two.says(TIRED_VI)
    answer = await two.posts("translate/answer", given="yes", how="phone")
    assert answer.status_code == 303
    await two.world.interpreter.drain()
    assert TIRED_JA in await two.sees(), "what she wrote before her yes is translated too"
    row = await two.world.store.read(lambda s: s.scalars(select(Consent)).one())
    assert (row.kind, row.given, len(row.wording_version)) == ("translation:deepl", True, 12)
    details = select(Audit.detail).where(Audit.action == "translation.consent")
    assert await two.world.store.read(lambda s: list(s.scalars(details))) == [
        {"given": True, "how": "phone", "service": "deepl"}
    ]
    for wrong in ({"given": "perhaps", "how": "phone"}, {"given": "yes", "how": "dream"}):
        assert (await two.posts("translate/answer", **wrong)).status_code == 422
    assert (await two.posts("translate/answer", role="supervisor", given="no", how="phone")).status_code == 403


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_the_original_stays_first_and_the_japanese_below_is_sealed_and_made_once(two: Two) -> None:
    await two.answers(given=True)
    uid = await two.says(TIRED_VI)
    await two.world.interpreter.drain()
    asked = len(two.service.asked)
    page = await two.sees()
    assert page.index(TIRED_VI) < page.index(TIRED_JA)
    assert re.search(r"機械翻訳</span> DeepL", page)
    row = await two.world.store.read(lambda s: s.get_one(TranslationRow, uid))
    assert row.body_sealed is not None
    assert TIRED_JA.encode() not in row.body_sealed
    number = await two.world.store.read(lambda s: s.scalars(select(Journal.id).where(Journal.uid == uid)).one())
    await two.posts("translate/again", message=str(number))
    await two.world.interpreter.drain()
    assert len(two.service.asked) == asked
    await two.world.store.destroy_key(f"resident:{two.who}")
    assert await two.made(uid) is None


@pytest.mark.parametrize(("text", "language"), [("はい、そうです", "ja"), ("12:30 👍", "vi"), ("👍👍", ""), ("", "vi")])
async def test_what_needs_no_translation_is_not_sent(two: Two, text: str, language: str) -> None:
    await two.answers(given=True)
    await two.world.interpreter.drain()
    before = len(two.service.asked)
    await two.says(text, language=language)
    await two.world.interpreter.drain()
    assert len(two.service.asked) == before


async def test_a_service_that_fails_is_tried_again_and_a_person_may_press(two: Two) -> None:
    await two.answers(given=True)
    two.service.fails = [(500, {})] * 100
    uid = await two.says(TIRED_VI)
    await two.world.interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert (made.state, made.why) == ("wanted", "broken")
    page = await two.sees()
    assert labels.FAILED["broken"] in page
    assert "もう一度" in page
    assert TIRED_VI in page, "the talk goes on"
    for _ in range(6):
        await two.world.store.write(lambda s: s.execute(update(TranslationRow).values(next_db=0.0)))
        await two.world.interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert (made.state, made.why) == ("failed", "resting"), "it was left alone in the end"
    await two.world.interpreter.close()
    two.world.services["deepl"] = client_of(two.service)  # the service is well again
    two.service.fails = []
    number = await two.world.store.read(lambda s: s.scalars(select(Journal.id).where(Journal.uid == uid)).one())
    assert (await two.posts("translate/again", message=str(number))).headers["location"].endswith(f"#said-{number}")
    await two.world.interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert made.text == TIRED_JA


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("Estoy muy cansada porque el niño llora toda la noche.", "wrong_language"),
        ("我很累，因为孩子整夜都在哭。", "wrong_language"),
        (TIRED_VI, "echo"),
        (" ", "empty"),
        ("とても疲れています。" * 60, "too_long"),
    ],
)
async def test_what_is_no_translation_is_not_shown_as_one(two: Two, answer: str, why: str) -> None:
    await two.answers(given=True)
    two.service.table = {TIRED_VI: answer}
    uid = await two.says(TIRED_VI)
    await two.world.interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert (made.state, made.why, made.text) == ("failed", why, "")
    assert labels.FAILED[why] in await two.sees()


async def test_a_term_that_did_not_come_through_is_told(two: Two) -> None:
    await two.answers(given=True)
    two.service.table, two.service.loses = {"Tôi hỏi ": "お金のことを聞きたい", ".": "です。"}, True
    await two.says("Tôi hỏi trợ cấp nhi đồng.")
    await two.world.interpreter.drain()
    page = await two.sees()
    assert "訳に見あたらない、決まったことば" in page
    assert "（児童手当）" in page


async def test_of_a_family_whose_words_were_destroyed_nothing_is_sent(two: Two) -> None:
    await two.answers(given=True)
    await two.world.interpreter.drain()
    before = len(two.service.asked)
    uid = await two.says(TIRED_VI)
    await two.world.store.destroy_key(f"resident:{two.who}")
    await two.world.interpreter.drain()
    assert len(two.service.asked) == before
    assert await two.made(uid) is None


async def test_who_presses_twice_has_it_made_once(two: Two) -> None:
    """What is being made is not asked for again, by a person or by the message itself."""
    await two.answers(given=True)
    await two.world.interpreter.drain()
    uid = await two.says(TIRED_VI)
    assert await two.world.interpreter._claim(9) == [uid]
    number = await two.world.store.read(lambda s: s.scalars(select(Journal.id).where(Journal.uid == uid)).one())
    await two.posts("translate/again", message=str(number))
    assert await two.world.interpreter._claim(9) == []


async def test_a_crash_in_between_is_made_good(two: Two) -> None:
    """What was taken up by a process that died is taken up again when its lease is over."""
    await two.answers(given=True)
    uid = await two.says(TIRED_VI)
    interpreter = two.world.interpreter
    assert await interpreter._claim(9)
    assert await interpreter._claim(9) == []
    await two.world.store.write(lambda s: s.execute(update(TranslationRow).values(next_db=0.0)))
    await interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert made.state == "kept"


async def test_the_loop_translates_what_comes_and_ends(two: Two) -> None:
    await two.answers(given=True)
    going = asyncio.create_task(two.world.interpreter.run())
    async with two.world.store.listen("event") as bell:
        uid = await two.says(TIRED_VI)
        while (made := await two.made(uid)) is None or made.state != "kept":
            bell.clear()
            await asyncio.wait_for(bell.wait(), 20)
    await two.world.interpreter.stop()
    await asyncio.wait_for(going, 20)


# --- taking back -----------------------------------------------------------------------------------------------------


async def takes_back(two: Two, hashed: str) -> None:
    await two.world.store.write(lambda s: unsend.take_back(s, two.who, hashed, NOW))


async def test_what_is_taken_back_takes_its_translation_along(two: Two) -> None:
    """CARE C17: the words go wherever they were put; kind, severity and time stay."""
    await two.answers(given=True)
    two.world.interpreter.hear = lambda _text: (GRAVE,)
    uid = await two.says(DIE_VI, hashed="h1")
    await two.world.interpreter.drain()
    made = await two.made(uid)
    assert made is not None
    assert made.text == DIE_JA
    assert "死にたい" in await two.sees()
    await takes_back(two, "h1")
    assert await two.made(uid) is None
    page = await two.sees()
    assert "死にたいです" not in page
    assert "死にたい気持ち" not in page
    signal = await two.world.store.read(
        lambda s: s.scalars(select(SignalRow).where(SignalRow.journal_uid == uid)).one()
    )
    assert (signal.kind, signal.severity, signal.evidence_sealed) == ("crisis", "emergency", None)


async def test_what_is_taken_back_on_its_way_is_never_kept_nor_heard(two: Two) -> None:
    await two.answers(given=True)
    await two.world.interpreter.drain()
    two.world.interpreter.hear = lambda _text: (GRAVE,)
    holds = two.service.hold()
    uid = await two.says(DIE_VI, hashed="h1")
    going = asyncio.create_task(two.world.interpreter.drain())
    await two.service.came.wait()
    await takes_back(two, "h1")
    holds.set()
    await going
    assert await two.made(uid) is None
    assert (await two.row()).severity == "concern"


# --- what is heard in it ---------------------------------------------------------------------------------------------


async def test_what_is_heard_only_in_the_japanese_raises_the_case(two: Two) -> None:
    """Heard by the desk's own ears, marked as from there; a second person is called, and the holder's clock runs."""
    await two.answers(given=True)
    uid = await two.says(DIE_VI)
    assert (await two.row()).severity == "concern"
    await two.world.interpreter.drain()
    row = await two.row()
    assert row.severity in ("urgent", "emergency")
    assert "crisis" in row.kinds
    assert row.unanswered_since_db is not None
    signal = await two.world.store.read(
        lambda s: s.scalars(select(SignalRow).where(SignalRow.journal_uid == uid)).one()
    )
    assert signal.why.startswith("mt:")
    page = await two.sees()
    assert "機械翻訳のなかで" in page
    assert "<mark" in page[page.index(DIE_VI) :]
    kinds = await two.world.store.read(lambda s: list(s.scalars(select(Event.kind))))
    assert "case.raised" in kinds
    assert "journal.translated" in kinds


@pytest.mark.parametrize("state", ["on_hold", "waiting", "closed"])
async def test_it_reaches_the_queue_and_the_alarms(two: Two, state: str) -> None:
    """Whoever had it, it waits and calls now; a talk that ended meanwhile opens anew."""
    await two.answers(given=True)
    two.world.interpreter.hear = lambda _text: (GRAVE,)
    holder = two.world.staff["specialist"] if state == "on_hold" else None
    await two.changes(state="waiting" if state == "closed" else state, holder_id=holder)
    await two.says(DIE_VI)
    if state == "closed":
        holds = two.service.hold()
        going = asyncio.create_task(two.world.interpreter.drain())
        await two.service.came.wait()
        await two.changes(state="closed")
        holds.set()
        await going
    else:
        await two.world.interpreter.drain()
    (one,) = await two.world.store.read(alarms.waiting)
    assert one.severity == "emergency"
    assert (one.id == two.case) is (state != "closed")


@pytest.mark.parametrize(
    ("known", "heard", "kept"),
    [
        ((VANISH,), (Signal("crisis", Severity.URGENT),), []),
        ((VANISH,), (GRAVE,), []),
        ((TIRED_EN,), (Signal("anxiety", Severity.URGENT),), ["anxiety"]),
        ((VANISH,), (Signal("dv", Severity.CONCERN),), ["dv"]),
    ],
)
async def test_it_only_adds_and_never_lowers(
    two: Two, known: Sequence[Signal], heard: Sequence[Signal], kept: list[str]
) -> None:
    await two.answers(given=True)
    two.world.interpreter.hear = lambda _text: heard
    uid = await two.says(TIRED_VI, *known)
    before = (await two.row()).severity
    await two.world.interpreter.drain()
    after = (await two.row()).severity
    assert Severity(after).rank >= Severity(before).rank
    rows = select(SignalRow.kind).where(SignalRow.journal_uid == uid, SignalRow.why.startswith("mt:"))
    assert await two.world.store.read(lambda s: list(s.scalars(rows))) == kept


async def test_a_concern_heard_again_does_not_say_that_she_waits(two: Two) -> None:
    """The holder may have answered already; only what is grave starts her clock anew."""
    await two.answers(given=True)
    two.world.interpreter.hear = lambda _text: (Signal("hardship", Severity.CONCERN),)
    await two.says(TIRED_VI)
    await two.changes(unanswered_since_db=None)
    await two.world.interpreter.drain()
    row = await two.row()
    assert "hardship" in row.kinds
    assert row.unanswered_since_db is None


# --- writing ---------------------------------------------------------------------------------------------------------


async def checked(two: Two) -> dict[str, str]:
    """Have a sentence translated and return the fields of the form to send it by."""
    page = (await two.posts("translate", words=VISIT_JA, place="room")).text
    found = dict(re.findall(r'name="(key|japanese|machine|service|language|seal)" value="([^"]*)"', page))
    return {name: html.unescape(value) for name, value in found.items()} | {"place": "room"}


async def said(two: Two) -> list[dict[str, Any]]:
    """Return what staff said, with all that the journal keeps of it."""

    def unit(session: Session) -> list[dict[str, Any]]:
        rows = session.scalars(select(Journal).where(Journal.who == "staff").order_by(Journal.id))
        return [{**journal.body(session, row), "lang": row.language} for row in rows]

    return await two.world.store.read(unit)


async def test_both_are_seen_before_sending_and_the_family_gets_both(two: Two) -> None:
    await two.answers(given=True)
    fields = await checked(two)
    page = html.unescape((await two.posts("translate", words=VISIT_JA)).text)
    assert fields["machine"] in page
    assert page.index("あなたの日本語") < page.index("訳し戻すと")
    drafts = await two.world.store.read(lambda s: notes.drafts(s, two.case, two.who))
    assert [one.text for one in drafts] == [VISIT_JA], "the draft is kept until it is sent"
    for _ in range(2):
        answer = await two.posts("translate/send", translated=fields["machine"], **fields)
        assert answer.status_code == 303, answer.text
    (one,) = await said(two)
    assert one["lang"] == "vi"
    assert one["text"].startswith(fields["machine"] + "\n\nMáy (DeepL) đã dịch.")
    assert one["text"].endswith(f"Câu tiếng Nhật gốc:\n{VISIT_JA}")
    assert (one["japanese"], one["translated"]) == (VISIT_JA, fields["machine"])
    assert (one["service"], one["edited"]) == ("deepl", False)
    assert await two.world.store.read(lambda s: notes.drafts(s, two.case, two.who)) == []
    assert [row["what"] for row in await two.sent_rows() if "what" in row] == ["draft", "draft"]


async def test_what_a_person_changed_says_so(two: Two) -> None:
    await two.answers(given=True)
    fields = await checked(two)
    await two.posts("translate/send", translated="Bạn có thể xin nhé.", **fields)
    (one,) = await said(two)
    assert "nhân viên đã sửa" in one["text"]
    assert one["edited"] is True
    assert "人が直しました" in await two.sees()


@pytest.mark.parametrize("changed", ["japanese", "machine", "service", "language", "seal"])
async def test_a_form_that_is_not_what_the_machine_made_is_refused(two: Two, changed: str) -> None:
    """What the record says of machine and person must be true."""
    await two.answers(given=True)
    fields = await checked(two) | {changed: "en"}
    answer = await two.posts("translate/send", translated="Bạn có thể xin nhé.", **fields)
    assert answer.status_code == 422
    assert await said(two) == []


async def test_only_the_holder_has_words_translated_or_sends_them(two: Two) -> None:
    await two.answers(given=True)
    fields = await checked(two)
    before = len(two.service.asked)
    assert (await two.posts("translate", role="supervisor", words=VISIT_JA)).status_code == 403
    assert len(two.service.asked) == before
    other = two.world.staff["supervisor"]
    await two.changes(holder_id=other)
    assert (await two.posts("translate/send", translated="x", **fields)).status_code == 403
    store, machine = two.world.store, fields["machine"]
    theirs = fields | {"seal": seal_of(store, two.case, other, "deepl", "vi", VISIT_JA, machine)}
    assert (await two.posts("translate/send", translated="x", **theirs)).status_code == 422
    assert await said(two) == []


async def test_a_failing_service_leaves_the_draft_and_a_calm_line(two: Two) -> None:
    await two.answers(given=True)
    two.service.fails = [(500, {})] * 3
    answer = await two.posts("translate", words=VISIT_JA)
    page = html.unescape(answer.text)
    assert answer.status_code == 200
    assert labels.FAILED["broken"] in page
    assert "もう一度" in page
    assert VISIT_JA in await two.sees()


async def test_a_way_back_that_fails_is_told_and_sends_all_the_same(two: Two) -> None:
    await two.answers(given=True)
    interpreter = two.world.interpreter
    ask = interpreter._ask

    async def one_way(leave: Any, said: str, source: str, target: str) -> Any:
        if target == "ja":
            raise TranslatorError("slow")
        return await ask(leave, said, source, target)

    interpreter._ask = one_way  # type: ignore[method-assign]
    page = html.unescape((await two.posts("translate", words=VISIT_JA)).text)
    assert "訳し戻せませんでした" in page
    assert labels.FAILED["slow"] in page
    assert "送る" in page


async def test_what_is_too_long_for_one_message_is_not_sent_in_part(two: Two) -> None:
    await two.answers(given=True)
    fields = await checked(two)
    answer = await two.posts("translate/send", translated="ư" * 4_990, **fields)
    assert answer.status_code == 422
    assert "二回に分けて" in answer.text
    page = await two.posts("translate", words="あ" * (translation.LONGEST + 1))
    assert labels.FAILED["too_long"] in html.unescape(page.text)


@pytest.mark.parametrize("language", ["en", "zh-Hans", "ko", "pt-BR", "es", "id", "fil", "ne", "ja-easy"])
def test_the_family_reads_that_a_machine_made_it(language: str) -> None:
    """In every language the note names the service, and the Japanese stands below (CARE C6)."""
    notes_of = {
        translation.composed(words(), language, "x", "日本語", "DeepL", edited=edited) for edited in (True, False)
    }
    assert len(notes_of) == 2
    for text in notes_of:
        first, note = text.split("\n\n")
        assert first == "x"
        assert "DeepL" in note
        assert note.endswith("\n日本語")
    assert "DeepL" in translation.question(words(), language, "DeepL")


# --- without any of it -----------------------------------------------------------------------------------------------


async def test_where_there_is_no_service_the_page_says_what_there_is(two: Two) -> None:
    two.world.set_city(translation=Translation())
    page = await two.sees()
    assert labels.STAYS["off"] in page
    assert "訳してよいかを聞く" not in page


async def test_a_japanese_talk_has_nothing_of_it(store: Store) -> None:
    async with opened(Service("deepl")) as service:
        two = await arranged(store, service, language="ja")
        page = await two.sees()
        assert "translation-title" not in page
        answer = await two.posts("translate", words=VISIT_JA)
        assert labels.STAYS["japanese"] in html.unescape(answer.text)
        assert service.asked == []
