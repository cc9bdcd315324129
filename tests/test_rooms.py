"""The room's links, visits, window, 合言葉 and notices, on both databases."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from bot import journal, rooms
from bot.crypto import token_hash
from bot.messages import ROOM_LINK, Severity
from bot.models import CaseRow, Event, Job, Journal, Outbox, Resident, Room, RoomLink, RoomVisit
from bot.opening import Opening
from bot.situation import Case, City, Desk
from bot.store import Store, db_now
from bot.vault import resident_owner, seal, unseal

NIGHT = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # 02:10 in Tokyo
CITY = City(name="ひなた市", desks=(Desk(id="d", name="ひなた市子育て窓口", type="基本型", opening=Opening()),))
#: Words that must never stand in a notice: the phone may be seen by anybody (CARE C21, C26).
SENSITIVE = ("相談", "虐待", "暴力", "DV", "死", "たたく", "子ども", "夫", "窓口", "room", "consult")


def to_line(replies: Any, _language: str, *, room_url: str = "") -> list[dict[str, Any]]:
    """Stand in for render: the words and the address."""
    text = "\n".join(
        room_url if line is ROOM_LINK else line.msgid.format(**dict(line.args))
        for reply in replies
        for line in reply.lines
    )
    return [{"type": "text", "text": text}]


@dataclass
class Home:
    """Hold one resident in a store, with small ways to write into her talk."""

    store: Store
    id: uuid.UUID
    at: datetime = NIGHT

    async def say(self, who: str, text: str, *, place: str = "room", case_id: uuid.UUID | None = None) -> int:
        """Write one journal row and return its number."""

        def unit(session: Session) -> int:
            uid = uuid.uuid4()
            body = json.dumps({"text": text, "language": "ja"}, ensure_ascii=False)
            sealed = seal(session, resident_owner(self.id), "journal", "body", uid, body)
            row = insert(Journal).values(
                resident_id=self.id, case_id=case_id, uid=uid, who=who, place=place, kind="reply", body_sealed=sealed,
                staff_id=uuid.uuid4() if who == "staff" else None, at=self.at,
            )  # fmt: skip
            return int(session.execute(row.returning(Journal.id)).scalar_one())

        return await self.store.write(unit)

    async def link(self, ttl: int = 3600) -> str:
        """Make a link."""
        return await self.store.write(lambda s: rooms.make_link(s, self.id, ttl_seconds=ttl, at=self.at))

    async def redeem(self, token: str) -> str | None:
        """Use a link."""
        return await self.store.write(lambda s: rooms.redeem(s, token, self.at))

    async def come(self) -> str:
        """Open the room in a new browser and return its cookie."""
        cookie = await self.redeem(await self.link())
        assert cookie
        return cookie

    async def visit(self, cookie: str) -> rooms.Visit:
        """Return the living visit."""
        found = await self.store.read(lambda s: rooms.find_visit(s, cookie))
        assert found
        return found

    async def seen(self, cookie: str) -> list[str]:
        """Return the texts that this browser is shown."""
        visit = await self.visit(cookie)
        return [b.text for b in await self.store.write(lambda s: rooms.show(s, visit, self.at))]

    async def case(self, severity: str = "concern", state: str = "claimed") -> Case:
        """Open a case."""
        case_id = uuid.uuid4()
        await self.store.write(
            lambda s: s.execute(
                insert(CaseRow).values(
                    id=case_id, resident_id=self.id, state=state, severity=severity, reason="signal", kinds=[],
                    aspects=[], opened_at=self.at, waiting_since_at=self.at,
                )
            )
        )  # fmt: skip
        return Case(case_id, "claimed", Severity(severity), opened_at=self.at)

    async def notify(self, case: Case | None = None, name: str = "山田") -> str:
        """Tell her in LINE that words wait."""
        return await self.store.write(
            lambda s: rooms.notify(
                s, self.id, self.at, city=CITY, case_id=case.id if case else None, staff_name=name, language="ja",
                room_url_base="https://desk.example", to_line=to_line,
            )
        )  # fmt: skip

    async def sent(self) -> list[str]:
        """Return the texts of every outgoing row, oldest first."""

        def unit(session: Session) -> list[str]:
            rows = session.execute(select(Outbox).order_by(Outbox.seq)).scalars()
            owner = resident_owner(self.id)
            return [json.loads(unseal(session, owner, "outbox", "body", r.id, r.body_sealed))[0]["text"] for r in rows]

        return await self.store.read(unit)

    async def change(self, **values: Any) -> None:
        """Change the resident's row."""
        await self.store.write(lambda s: s.execute(update(Resident).where(Resident.id == self.id).values(**values)))

    async def pass_db(self, seconds: float) -> None:
        """Let database time pass, as links and visits see it."""

        def unit(session: Session) -> None:
            for table, names in (
                (RoomLink, ("created_db", "expires_db")),
                (RoomVisit, ("created_db", "seen_db", "expires_db")),
                (Room, ("password_blocked_until_db",)),
                (Resident, ("last_inbound_db",)),
            ):
                session.execute(update(table).values({n: getattr(table, n) - seconds for n in names}))

        await self.store.write(unit)


@pytest.fixture
async def home(store: Store) -> Home:
    """Give one resident."""
    return await make_home(store)


async def make_home(store: Store) -> Home:
    """Make one resident with her key."""
    resident_id = uuid.uuid4()
    await store.ensure_keys([resident_owner(resident_id)])
    await store.write(
        lambda s: s.execute(
            insert(Resident).values(
                id=resident_id, line_hash=resident_id.hex, line_id_sealed=b"", first_seen_at=NIGHT, is_friend=True
            )
        )
    )
    return Home(store, resident_id)


# --- links ------------------------------------------------------------------------------------------------------


async def test_a_link_opens_once(home: Home) -> None:
    """A link opens the room once; a replay opens nothing."""
    token = await home.link()
    assert await home.redeem(token)
    assert await home.redeem(token) is None


async def test_a_link_that_many_use_at_once_opens_once(home: Home) -> None:
    """Of twenty browsers that use one link at the same moment, one gets in."""
    token = await home.link()
    assert sum(c is not None for c in await asyncio.gather(*(home.redeem(token) for _ in range(20)))) == 1


async def test_a_link_expires_by_the_databases_clock(home: Home) -> None:
    """A link opens until its time in database seconds is over, whatever desk time says."""
    token, other = await home.link(ttl=100), await home.link(ttl=100)
    home.at = NIGHT + timedelta(days=300)
    await home.pass_db(98)
    assert await home.redeem(token)
    await home.pass_db(3)
    assert await home.redeem(other) is None


async def test_only_the_hash_of_a_token_is_stored(home: Home) -> None:
    """Neither a link's nor a visit's token stands in the database."""
    token = await home.link()
    cookie = await home.redeem(token)
    rows = await home.store.read(
        lambda s: [
            *s.execute(select(RoomLink.token_hash)).scalars(),
            *s.execute(select(RoomVisit.token_hash)).scalars(),
        ]
    )
    assert cookie
    assert rows == [token_hash(token), token_hash(cookie)]
    assert len(token) >= 43


async def test_several_links_live_side_by_side(home: Home) -> None:
    """An earlier link opens although a later one was made and used."""
    first, second = await home.link(), await home.link()
    assert await home.redeem(second)
    assert await home.redeem(first)


async def test_a_used_link_leads_back_only_into_its_own_room(home: Home) -> None:
    """The browser that is in the room may use the old link again; a link of another resident's room leads nowhere."""
    token = await home.link()
    cookie = await home.redeem(token)
    assert cookie
    visit = await home.visit(cookie)
    stranger = await make_home(home.store)
    theirs = await stranger.link()
    assert await home.store.read(lambda s: rooms.opens_again(s, token, visit))
    assert not await home.store.read(lambda s: rooms.opens_again(s, theirs, visit))
    assert not await home.store.read(lambda s: rooms.opens_again(s, "x", visit))


# --- visits and what they see (C20) ----------------------------------------------------------------------------------


async def test_a_visit_ends_when_idle_and_at_the_latest_after_half_a_day(home: Home) -> None:
    """A browser may return within an hour of its last look, and never after twelve hours."""
    cookie = await home.come()
    for _ in range(15):
        await home.pass_db(3000)
        if await home.store.read(lambda s: rooms.find_visit(s, cookie)) is None:
            break
        await home.seen(cookie)
    else:
        pytest.fail("the visit lived longer than twelve hours")
    other = await home.come()
    await home.pass_db(3601)
    assert await home.store.read(lambda s: rooms.find_visit(s, other)) is None


async def test_leaving_ends_the_visit(home: Home) -> None:
    """After leaving, the browser's cookie opens nothing."""
    cookie = await home.come()
    await home.store.write(lambda s: rooms.end_visit(s, cookie))
    assert await home.store.read(lambda s: rooms.find_visit(s, cookie)) is None


async def test_an_opened_room_shows_unread_words_and_what_follows(home: Home) -> None:
    """A new browser sees staff's unread words and everything from then on, and sees them again when it returns."""
    await home.say("staff", "旧い言葉")
    assert await home.seen(await home.come()) == ["旧い言葉"]
    await home.say("resident", "わたしの言葉")
    await home.say("staff", "まだ読んでいない言葉")
    cookie = await home.come()
    assert await home.seen(cookie) == ["まだ読んでいない言葉"]
    await home.say("resident", "はい")
    await home.say("desk", "機械です")
    for _ in range(2):
        assert await home.seen(cookie) == ["まだ読んでいない言葉", "はい", "機械です"]


async def test_own_words_after_unread_ones_stay_hidden_from_a_new_browser(home: Home) -> None:
    """What the resident wrote earlier is not shown, even when staff's words before it are still unread."""
    await home.say("staff", "読まれていない")
    await home.say("resident", "ひみつの返事")
    assert await home.seen(await home.come()) == ["読まれていない"]


async def test_words_in_line_notes_and_unsent_ones_are_not_in_the_room(home: Home) -> None:
    """The page holds what was said in the room, nothing of LINE, no notices, nothing that was taken back."""
    cookie = await home.come()
    await home.say("staff", "LINEで", place="line")
    await home.say("system", "通知", place="room")
    gone = await home.say("resident", "消した")
    await home.store.write(lambda s: s.execute(update(Journal).where(Journal.id == gone).values(body_sealed=None)))
    assert await home.seen(cookie) == []


async def test_nobody_sees_another_residents_room(home: Home) -> None:
    """Words of one resident never appear in another's room."""
    other = await make_home(home.store)
    cookie = await home.come()
    await other.say("staff", "ほかの人へ")
    assert await home.seen(cookie) == []


async def test_staffs_words_are_marked_seen_when_shown(home: Home) -> None:
    """Shown words get their moment, the console hears of it, and the mark of the page changes with every new word."""
    cookie = await home.come()
    visit = await home.visit(cookie)
    before = await home.store.read(lambda s: rooms.state(s, visit))
    row = await home.say("staff", "こんばんは")
    assert await home.store.read(lambda s: rooms.state(s, visit)) != before
    events = await home.store.read(lambda s: s.execute(select(func.count(Event.id))).scalar_one())
    await home.seen(cookie)
    assert await home.store.read(lambda s: s.get_one(Journal, row).seen_at) == NIGHT
    assert await home.store.read(lambda s: s.execute(select(func.count(Event.id))).scalar_one()) == events + 1


async def test_words_that_were_committed_late_are_not_lost(home: Home) -> None:
    """Staff's words with a number below the browser's beginning (committed later) are shown and stay."""
    late = await home.say("staff", "おくれた言葉")
    await home.store.write(lambda s: s.execute(update(Journal).where(Journal.id == late).values(seen_at=NIGHT)))
    await home.say("resident", "x")
    cookie = await home.come()
    await home.store.write(lambda s: s.execute(update(Journal).where(Journal.id == late).values(seen_at=None)))
    assert await home.seen(cookie) == ["おくれた言葉"]
    assert await home.seen(cookie) == ["おくれた言葉"]


# --- 合言葉 (C20) ----------------------------------------------------------------------------------------------------


async def set_password(home: Home, cookie: str, value: str = "hash-1") -> bool:
    """Set the 合言葉 from a browser."""
    visit = await home.visit(cookie)
    return await home.store.write(lambda s: rooms.set_password(s, visit, value))


async def take_try(home: Home, cookie: str) -> str:
    """Take one try."""
    visit = await home.visit(cookie)
    return await home.store.write(lambda s: rooms.take_try(s, visit))


async def unlock(home: Home, cookie: str, value: str = "hash-1") -> bool:
    """Unlock after the comparison succeeded."""
    visit = await home.visit(cookie)
    return await home.store.write(lambda s: rooms.unlock(s, visit, value))


async def test_the_password_opens_what_its_setter_saw_and_what_followed(home: Home) -> None:
    """A later browser that says the 合言葉 sees the talk since it was set, with the words read there."""
    await home.say("resident", "ずっと前")
    await home.say("staff", "ひとつめ")
    first = await home.come()
    await home.seen(first)
    assert await set_password(home, first)
    await home.say("resident", "ふたつめ")
    await home.seen(first)
    second = await home.come()
    assert await home.seen(second) == []
    assert await take_try(home, second) == "hash-1"
    assert await unlock(home, second)
    assert await home.seen(second) == ["ひとつめ", "ふたつめ"]


async def test_setting_a_password_opens_nothing_old(home: Home) -> None:
    """Whoever comes by a link and sets a 合言葉 sees no more than before, in this browser or the next."""
    await home.say("staff", "むかしの言葉")
    await home.seen(await home.come())
    stranger = await home.come()
    assert await set_password(home, stranger)
    assert await home.seen(stranger) == []
    again = await home.come()
    await take_try(home, again)
    await unlock(home, again)
    assert await home.seen(again) == []


async def test_a_set_password_is_changed_only_by_who_said_it(home: Home) -> None:
    """Another browser can't replace the 合言葉 without saying it first; staff's reset makes room for a new one."""
    first, second = await home.come(), await home.come()
    assert await set_password(home, first)
    assert not await set_password(home, second, "other")
    assert await unlock(home, second)
    assert await set_password(home, second, "other")
    assert not await set_password(home, first, "third")
    await home.store.write(lambda s: rooms.forget_password(s, home.id))
    assert await set_password(home, first, "third")


async def test_five_tries_then_wait_whatever_the_link(home: Home) -> None:
    """After five tries the room waits a quarter of an hour, then longer; a new link starts no new count."""
    cookie = await home.come()
    assert await take_try(home, cookie) == ""
    await set_password(home, cookie)
    tries = [await take_try(home, cookie) for _ in range(5)]
    assert tries == ["hash-1"] * 5
    assert await take_try(home, cookie) == ""
    assert await take_try(home, await home.come()) == ""
    await home.pass_db(899)
    assert await take_try(home, await home.come()) == ""
    await home.pass_db(2)
    other = await home.come()
    assert [bool(await take_try(home, other)) for _ in range(6)] == [True] * 5 + [False]
    await home.pass_db(901)
    assert await take_try(home, await home.come()) == ""
    await home.pass_db(900)
    last = await home.come()
    assert await take_try(home, last)
    await unlock(home, last)
    assert [bool(await take_try(home, last)) for _ in range(6)] == [True] * 5 + [False]


async def test_tries_at_the_same_time_are_all_counted(home: Home) -> None:
    """Of twenty tries at once, five are compared."""
    cookie = await home.come()
    await set_password(home, cookie)
    assert sum(bool(t) for t in await asyncio.gather(*(take_try(home, cookie) for _ in range(20)))) == 5


# --- notices (C19, C21) ----------------------------------------------------------------------------------------------


async def test_one_notice_until_the_room_is_opened(home: Home) -> None:
    """Three replies make one notice; after the room was opened and left, the next reply makes another."""
    case = await home.case()
    assert [await home.notify(case) for _ in range(3)] == ["sent", "out", "out"]
    await home.seen(await home.come())
    await home.pass_db(61)
    assert await home.notify(case) == "sent"
    assert len(await home.sent()) == 2


async def test_each_notice_carries_a_fresh_link(home: Home) -> None:
    """Every notice has its own link, and each opens the room."""
    case = await home.case()
    await home.notify(case)
    await home.seen(await home.come())
    await home.pass_db(61)
    await home.notify(case)
    tokens = [text.rsplit("/", 1)[1] for text in await home.sent()]
    assert len(set(tokens)) == 2
    assert all([await home.redeem(token) for token in tokens])


async def test_a_notice_whose_link_expired_is_followed_by_another(home: Home) -> None:
    """A notice counts only while its link can still open the room."""
    case = await home.case()
    await home.notify(case)
    await home.pass_db(CITY.room_link_seconds + 1)
    assert await home.notify(case) == "sent"


async def test_a_notice_says_nothing(home: Home) -> None:
    """The words in LINE name no trouble and no kind of service, at the first notice and later."""
    case = await home.case("emergency")
    await home.notify(case, name="山田")
    await home.seen(await home.come())
    await home.pass_db(61)
    await home.notify(case, name="山田")
    texts = [text.split("\n")[0] for text in await home.sent()]
    assert texts == ["山田です。読みました。ここから話せます。", "お返事が届いています。ここから読めます。"]
    assert not [word for word in SENSITIVE for text in texts if word in text]


async def test_no_notice_while_somebody_reads_and_one_when_the_words_stay_unseen(home: Home) -> None:
    """Words for a browser that is looking make no notice, unless they are still unseen 45 seconds later."""
    case = await home.case()
    await home.notify(case)
    cookie = await home.come()
    await home.seen(cookie)
    await home.say("staff", "x", case_id=case.id)
    assert await home.notify(case) == "reading"
    job = await home.store.read(lambda s: s.execute(select(Job)).scalar_one())
    assert (job.name, job.run_at) == ("room_notice", NIGHT + timedelta(seconds=45))

    def run(session: Session) -> str:
        return rooms.notice_due(
            session, job.payload, NIGHT, city=CITY, room_url_base="https://desk.example", to_line=to_line
        )

    await home.pass_db(61)
    assert await home.store.write(run) == "sent"
    await home.seen(cookie)
    await home.pass_db(61)
    assert await home.store.write(run) == "out"


@pytest.mark.parametrize("safety", ["when_writing", "times"])
async def test_nothing_is_pushed_to_who_wants_words_only_when_writing(home: Home, safety: str) -> None:
    """With contact_safety the notice waits for their next words, and then the entrance comes (CARE C21)."""
    await home.change(contact_safety=safety, last_inbound_db=await now_db(home.store))
    case = await home.case("emergency")
    assert await home.notify(case) == "sent"
    await home.seen(await home.come())
    await home.pass_db(301)
    await home.say("staff", "x", case_id=case.id)
    assert await home.notify(case) == "quiet"
    assert len(await home.sent()) == 1
    await home.change(last_inbound_db=await now_db(home.store))
    assert await enter_again(home)
    assert [text.split("\n")[0] for text in await home.sent()] == [
        "山田です。読みました。ここから話せます。",
        "お返事が届いています。ここから読めます。",
    ]


async def now_db(store: Store) -> float:
    """Return database time."""
    return await store.read(db_now)


async def enter_again(home: Home, city: City = CITY) -> uuid.UUID | None:
    """She wrote in LINE: give her an entrance if one is due."""
    return await home.store.write(
        lambda s: rooms.entrance(
            s, home.id, home.at, city=city, language="ja", room_url_base="https://desk.example", to_line=to_line,
            reply_token="r" * 32, reply_until_db=1.0,
        )
    )  # fmt: skip


async def test_who_writes_in_line_gets_an_entrance_when_it_is_needed(home: Home) -> None:
    """A dead link's promise holds: writing brings a fresh one, not twice, not to who never had a room or no talk."""
    assert await enter_again(home) is None
    case = await home.case()
    assert await enter_again(home) is None
    await home.notify(case)
    assert await enter_again(home) is None, "the notice's own link is still fresh"
    cookie = await home.redeem((await home.sent())[0].rsplit("/", 1)[1])
    assert cookie
    await home.seen(cookie)
    assert await enter_again(home) is None, "she is looking"
    await home.store.write(lambda s: rooms.end_visit(s, cookie))
    assert await enter_again(home, replace(CITY, talk_in="line")) is None
    row = await enter_again(home)
    assert row
    assert await home.store.read(lambda s: s.get_one(Outbox, row).reply_token_sealed)
    assert await enter_again(home) is None
    await home.pass_db(601)
    assert await enter_again(home)
    await home.pass_db(601)
    await home.store.write(lambda s: s.execute(update(CaseRow).values(state="on_hold")))
    assert await enter_again(home) is None, "nobody holds the talk, nothing waits"
    await home.say("staff", "あとで読んでください")
    assert await enter_again(home), "unread words wait"


async def may(home: Home, case: Case, city: City = CITY) -> tuple[bool, str]:
    """Ask whether staff may write content into LINE."""
    return await home.store.read(lambda s: rooms.may_talk_in_line(s, case, home.at, city))


async def test_staff_go_on_in_line_when_the_room_stays_closed_for_two_minutes(home: Home) -> None:
    """In urgent and emergency: not before the notice, not before two minutes, not once it was opened (CARE C19)."""
    case = await home.case("urgent")
    assert await may(home, case) == (False, "no_notice")
    await home.notify(case)
    home.at += timedelta(seconds=119)
    assert await may(home, case) == (False, "wait")
    home.at += timedelta(seconds=1)
    assert await may(home, case) == (True, "not_opened")
    await home.seen(await home.come())
    assert await may(home, case) == (False, "opened")


async def test_an_urgent_cases_first_words_go_out_past_an_old_notice(home: Home) -> None:
    """A notice of an earlier case that nobody opened does not hold back the first words of an urgent one."""
    await home.notify()
    home.at += timedelta(minutes=5)
    case = await home.case("urgent")
    assert await may(home, case) == (False, "no_notice")
    assert await home.notify(case) == "sent"
    assert await home.notify(case) == "out"
    vital = await home.store.read(lambda s: list(s.execute(select(Outbox.vital).order_by(Outbox.seq)).scalars()))
    assert vital == [False, True]


async def test_concern_stays_in_the_room(home: Home) -> None:
    """Below urgent, content stays out of LINE however long the room stays closed."""
    case = await home.case("concern")
    await home.notify(case)
    home.at += timedelta(hours=5)
    assert await may(home, case) == (False, "not_urgent")


async def test_contact_safety_stands_above_going_on_in_line(home: Home) -> None:
    """Where only writing is safe, staff do not write into LINE five minutes after the resident's last words."""
    await home.change(contact_safety="when_writing", last_inbound_db=await now_db(home.store))
    case = await home.case("emergency")
    await home.notify(case)
    home.at += timedelta(seconds=130)
    assert await may(home, case) == (True, "not_opened")
    await home.pass_db(301)
    assert await may(home, case) == (False, "contact_safety")
    assert await may(home, case, replace(CITY, talk_in="line")) == (False, "contact_safety")


async def test_where_the_talk_is_held_follows_city_and_choice(home: Home) -> None:
    """`line` talks in LINE, `room` in the room, `ask` where the resident last said, else in the room."""
    ask = replace(CITY, talk_in="ask")

    async def place(city: City) -> str:
        return await home.store.read(lambda s: rooms.talk_place(s, home.id, city))

    choose: Callable[[journal.Place, int], Any] = lambda p, m: home.store.write(  # noqa: E731
        lambda s: rooms.choose_place(s, home.id, p, NIGHT + timedelta(minutes=m))
    )
    case = await home.case("concern")
    assert [await place(CITY), await place(replace(CITY, talk_in="line")), await place(ask)] == ["room", "line", "room"]
    await choose("line", 1)
    assert [await place(CITY), await place(ask)] == ["room", "line"]
    assert await may(home, case, ask) == (True, "chosen")
    assert await may(home, case, replace(CITY, talk_in="line")) == (True, "policy")
    await choose("room", 2)
    assert await place(ask) == "room"


async def test_sweeping_takes_only_what_ended_long_ago(home: Home) -> None:
    """A week after their end links and visits are deleted; living ones stay."""
    await home.come()
    await home.pass_db(700_000)
    await home.come()
    assert await home.store.write(rooms.sweep) == 2
    assert await home.store.write(rooms.sweep) == 0
