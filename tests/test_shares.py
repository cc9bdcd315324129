"""A text for another field's coordinator: with a yes only, behind link and code, for a while, then gone for good."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import cases, journal, memory
from bot.curation import By, FieldsRefusedError
from bot.errors import KeyGoneError, NotAllowedError, RefusedError
from bot.messages import Severity, Signal
from bot.models import Audit, CaseRow, Journal, Key, Resident
from bot.store import Store
from handoff import notes, partners, phrases, shares, staff
from handoff.console import labels
from handoff.models import ShareRow
from handoff.partners import Agency, Contact
from handoff.shared import app as shared_app
from handoff.shared.app import CSP, TRIES_A_MINUTE, create_shared
from handoff.shares import Text, Wish
from handoff.staff import Actor, Role
from tests.console_world import NAMES, NOW, TIRED_EN, World, a_resident, build, form, writes
from tests.talk import view, words

BY = By("staff:test", "さとう")
BASE = "https://desk.example"
TODAY = date(2026, 11, 21)
SUMMARY = "ことばの遅れが心配とのこと。療育の見学を希望。平日の午前なら動ける。"
MIDORI = Agency("みどり相談支援", "disability_consultation", duty="児童福祉法21条の5の18", sharing="consent")
KIMURA = Contact("木村", "相談支援専門員", "000-555-3301", since=date(2026, 4, 1))
DV = Signal("dv", Severity.URGENT, (), "なぐられた", "ja.dv", "暴力", "partner", "done")


@dataclass
class Handing:
    """Hold a console, the page from outside on the same store, and a case that the specialist holds."""

    world: World
    outside: Starlette
    case_id: uuid.UUID
    contact_id: uuid.UUID
    agency_id: uuid.UUID
    seconds: list[float]

    @property
    def store(self) -> Store:
        return self.world.store

    def actor(self, role: Role = "specialist") -> Actor:
        return Actor(self.world.staff[role], role, NAMES[role], role)

    def wish(self, **changes: Any) -> Wish:
        return replace(Wish(self.contact_id, Text(SUMMARY, (("ことば", "日本語"),)), TODAY, "phone"), **changes)

    async def made(self, *, at: datetime = NOW, **changes: Any) -> uuid.UUID:
        return await shares.make(self.store, self.case_id, self.wish(**changes), self.actor(), at)

    async def linked(self, id: uuid.UUID, *, at: datetime = NOW) -> tuple[str, str]:
        return await self.store.write(lambda s: shares.link(s, self.case_id, id, self.actor(), at))

    async def row(self, id: uuid.UUID) -> ShareRow:
        return await self.store.read(lambda s: s.get_one(ShareRow, id))

    async def end(self, id: uuid.UUID, why: shares.End = "revoked") -> None:
        await shares.end(self.store, self.case_id, id, why, BY.id, NOW)

    def browser(self) -> httpx.AsyncClient:
        """Give a coordinator's browser."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.outside), base_url=BASE)

    async def audits(self, *actions: str) -> list[tuple[str, str, bool, str]]:
        wanted = select(Audit).where(Audit.action.in_(actions)).order_by(Audit.id)
        return await self.store.read(lambda s: [(a.actor, a.action, a.allowed, a.reason) for a in s.scalars(wanted)])

    def pass_time(self, **time: float) -> None:
        self.world.clock.set(NOW + timedelta(**time), running=False)


async def handing(store: Store, *signals: Signal, **resident: Any) -> Handing:
    world = await build(store)
    agency = await store.write(lambda s: partners.add(s, MIDORI, BY, NOW))
    contact = await store.write(lambda s: partners.change_contact(s, agency, KIMURA, BY, NOW))
    who = await a_resident(store, **resident)
    case = await writes(store, who, "心配", *(signals or (TIRED_EN,)), event="open")
    assert case is not None
    await store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    seconds = [0.0]
    shared = create_shared(
        store=store, clock=world.clock, city=lambda: world.city, base_url=BASE, monotonic=lambda: seconds[0]
    )
    outside = Starlette(routes=[Mount("/share", shared)])
    return Handing(world, outside, case.id, contact, agency, seconds)


@pytest.fixture
async def both(store: Store) -> Handing:
    """Give a case to hand on, on either database."""
    return await handing(store)


@pytest.fixture
async def one(sqlite_store: Store) -> Handing:
    """Give a case to hand on."""
    return await handing(sqlite_store)


@pytest.fixture
async def grave(sqlite_store: Store) -> Handing:
    """Give a case in which violence at home is known."""
    return await handing(sqlite_store, DV)


@pytest.fixture
async def browser(one: Handing) -> AsyncIterator[httpx.AsyncClient]:
    """Give a coordinator's browser."""
    async with one.browser() as found:
        yield found


async def opened(handing: Handing, browser: httpx.AsyncClient) -> tuple[uuid.UUID, str, str]:
    """Make a share, open it in a browser, and return its id, address and code."""
    id = await handing.made()
    token, code = await handing.linked(id)
    answer = await browser.post(f"/share/{token}", data={"code": code})
    assert answer.status_code == 303, answer.text
    return id, f"/share/{token}", code


# --- what is kept, and what is left of it ---------------------------------------------------------------------------


async def test_a_share_is_sealed_and_its_end_leaves_no_word(both: Handing) -> None:
    """What staff wrote comes back, stands nowhere in clear, and is gone with its key when the share ends."""
    id = await both.made()
    row = await both.row(id)
    assert row.body_sealed is not None
    assert SUMMARY.encode() not in row.body_sealed
    (share,) = await both.store.read(lambda s: shares.of_case(s, both.case_id, NOW))
    assert share.text == Text(SUMMARY, (("ことば", "日本語"),))
    assert (share.agency, share.contact, share.state) == ("みどり相談支援", "木村", "ready")
    assert share.expires_at == NOW + timedelta(days=7)
    sealed = row.body_sealed
    await both.end(id)
    await both.end(id, "withdrawn")  # who is second changes nothing
    row = await both.row(id)
    assert (row.body_sealed, row.link_hash, row.ended_why) == (None, "", "revoked")
    with pytest.raises(KeyGoneError):
        await both.store.read(lambda s: shares._text(s, ShareRow(id=id, body_sealed=sealed)))
    assert await both.store.read_keys(lambda s: s.get(Key, f"share:{id}")) is None
    assert [a[1:] for a in await both.audits("share.made", "share.ended")] == [
        ("share.made", True, ""), ("share.ended", True, "revoked"),
    ]  # fmt: skip


async def test_what_has_run_out_is_swept_with_its_key_and_what_lives_stays(both: Handing) -> None:
    """Expiry destroys the key; so does the sweep with a key that a crash between the two steps has left."""
    short, long = await both.made(days=1), await both.made(days=30)
    torn = uuid.uuid4()
    await both.store.ensure_keys([f"share:{torn}"])
    old = datetime.now(UTC) - timedelta(hours=2)
    await both.store.read_keys(lambda s: s.execute(update(Key).values(created_at=old)) and None)
    later = NOW + timedelta(days=1)
    assert await shares.sweep(both.store, later - timedelta(seconds=1)) == 1  # the torn one
    assert await shares.sweep(both.store, later) == 1
    assert await shares.sweep(both.store, later) == 0
    assert (await both.row(short)).ended_why == "expired"
    assert (await both.row(long)).ended_at is None
    left = await both.store.read_keys(lambda s: set(s.scalars(select(Key.owner).where(Key.owner.like("share:%")))))
    assert left == {f"share:{long}"}
    states = {s.id: s.state for s in await both.store.read(lambda s: shares.of_case(s, both.case_id, later))}
    assert states == {short: "expired", long: "ready"}


async def test_nothing_is_kept_without_a_yes_and_a_bound_receiver(one: Handing) -> None:
    """Each missing thing is named by its field; a yes of tomorrow is none; a shelter is never named (CARE C23)."""
    late = one.wish(
        contact_id=uuid.uuid4(), text=Text(""), consented_on=TODAY + timedelta(days=1), consent_how="", days=31
    )
    for wish, fields in (
        (Wish(), {"contact", "summary", "consented_on", "consent_how"}),
        (late, {"contact", "summary", "consented_on", "consent_how", "days"}),
        (one.wish(days=0), {"days"}),
        (one.wish(text=Text("母子生活支援施設にいます")), {"summary"}),
        (one.wish(text=Text("あ" * (shares.LONGEST + 1))), {"summary"}),
    ):
        with pytest.raises(FieldsRefusedError) as refused:
            await shares.make(one.store, one.case_id, wish, one.actor(), NOW)
        assert set(refused.value.reasons) == fields
    assert await one.store.read(lambda s: s.scalars(select(ShareRow)).all()) == []


@pytest.mark.parametrize(
    "change", [{"sharing": "never"}, {"sharing": ""}, {"active": False}, {"duty": "", "sharing": ""}]
)
async def test_nobody_is_told_who_may_not_know(
    one: Handing, browser: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    """An agency that may not be told, or is no more, is not offered, gets no link, and reads no further."""
    id, address, _code = await opened(one, browser)
    assert (await browser.get(address)).status_code == 200
    await one.store.write(lambda s: partners.edit(s, one.agency_id, replace(MIDORI, **change), BY, NOW, expected=1))
    assert "番号を入れてください" in (await browser.get(address)).text
    assert await one.store.read(lambda s: shares.receivers(s, NOW)) == []
    with pytest.raises(FieldsRefusedError):
        await one.made()
    with pytest.raises(RefusedError, match="変わったので"):
        await one.linked(id)


async def test_a_contact_who_has_left_reads_no_more(one: Handing, browser: httpx.AsyncClient) -> None:
    """The link was for her as a member of that agency."""
    _id, address, _code = await opened(one, browser)
    yesterday = TODAY - timedelta(days=1)
    await one.store.write(lambda s: partners.end_contact(s, one.agency_id, one.contact_id, yesterday, BY, NOW))
    answer = await browser.get(address)
    assert SUMMARY not in answer.text
    (share,) = await one.store.read(lambda s: shares.of_case(s, one.case_id, NOW))
    assert share.state == "receiver"


async def test_only_the_holder_makes_one(one: Handing) -> None:
    """Also when the claim was lost after the page was opened."""
    with pytest.raises(NotAllowedError):
        await shares.make(one.store, one.case_id, one.wish(), one.actor("supervisor"), NOW)
    for role in ("officer", "administrator"):
        with pytest.raises(NotAllowedError):
            await shares.make(one.store, one.case_id, one.wish(), one.actor(role), NOW)
    await one.store.write(
        lambda s: cases.release(s, one.case_id, one.world.staff["specialist"], NOW, name="さとう", agreed="x")
    )
    with pytest.raises(NotAllowedError):
        await one.made()


# --- link, code, browser --------------------------------------------------------------------------------------------


async def test_link_and_code_open_the_page_once_per_browser(one: Handing, browser: httpx.AsyncClient) -> None:
    """The words come only after the right code; the same browser may return; each reading is an audit row."""
    id, address, _code = await opened(one, browser)
    for _ in range(2):
        page = await browser.get(address)
        assert page.status_code == 200
        wanted = (
            SUMMARY,
            "みどり相談支援",
            "木村 さま",
            "さとう",
            MIDORI.duty,
            "2026年11月21日に電話で",
            "2026年11月28日 02:10",
        )
        assert [shown for shown in wanted if shown not in page.text] == []
    agency = f"agency:{one.agency_id}"
    assert await one.audits("share.opened") == [(agency, "share.opened", True, "")] * 2
    (share,) = await one.store.read(lambda s: shares.of_case(s, one.case_id, NOW))
    assert (share.state, len(share.openings), share.wrong) == ("opened", 2, ())
    row = await one.row(id)
    token = address.removeprefix("/share/")
    assert token not in f"{row.link_hash}{row.code_hash}{row.visit_hash}"


async def test_a_used_link_opens_in_no_other_browser(one: Handing, browser: httpx.AsyncClient) -> None:
    """Link and right code in other hands: the same no, and staff see that somebody tried."""
    _id, address, code = await opened(one, browser)
    async with one.browser() as other:
        answer = await other.post(address, data={"code": code})
        assert answer.status_code == 404
        assert SUMMARY not in (await other.get(address)).text
        assert "set-cookie" not in answer.headers
    assert (await one.audits("share.opened"))[-1] == (f"agency:{one.agency_id}", "share.opened", False, "browser")
    assert SUMMARY in (await browser.get(address)).text
    (share,) = await one.store.read(lambda s: shares.of_case(s, one.case_id, NOW))
    assert len(share.wrong) == 1


async def test_a_new_link_ends_the_old_one(one: Handing, browser: httpx.AsyncClient) -> None:
    """Link, code and browser of before open nothing any more."""
    id, address, code = await opened(one, browser)
    token, fresh = await one.linked(id)
    assert SUMMARY not in (await browser.get(address)).text
    assert (await browser.post(address, data={"code": code})).status_code == 404
    assert (await browser.post(f"/share/{token}", data={"code": fresh})).status_code == 303


async def test_wrong_codes_are_counted_and_then_wait(one: Handing, browser: httpx.AsyncClient) -> None:
    """After five wrong ones the right one waits a quarter of an hour too, then twice as long."""
    id = await one.made()
    token, code = await one.linked(id)
    wrong = f"{(int(code) + 1) % 10**8:08}"

    async def tries(given: str) -> int:
        one.seconds[0] += 60
        return (await browser.post(f"/share/{token}", data={"code": given})).status_code

    async def waited() -> float:
        """Let the wait pass and return how long it was."""
        now = datetime.now(UTC).timestamp()
        row = await one.row(id)
        await one.store.write(lambda s: s.execute(update(ShareRow).values(blocked_until_db=0.0)) and None)
        return row.blocked_until_db - now

    for _ in range(4):
        assert await tries(wrong) == 404
    assert await tries(f"{wrong} ") == 404
    assert await tries(code) == 404  # the wait is on
    assert (await one.row(id)).failures == 5  # and it was not counted
    assert 800 < await waited() <= 900
    for _ in range(5):
        assert await tries("") == 404
    assert 1700 < await waited() <= 1800
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in code)
    assert await tries(f" {full_width[:4]} {full_width[4:]}") == 303
    assert (await one.row(id)).failures == 0
    refusals = [reason for _a, _b, allowed, reason in await one.audits("share.opened") if not allowed]
    assert refusals == ["code"] * 10


async def test_tries_of_one_address_are_limited_whatever_the_link(one: Handing, browser: httpx.AsyncClient) -> None:
    """The twenty-first try in a minute is not even looked at; a minute later it is."""
    id = await one.made()
    token, code = await one.linked(id)
    for n in range(TRIES_A_MINUTE):
        one.seconds[0] += 1
        assert (await browser.post(f"/share/made-up-{n}", data={"code": "1"})).status_code == 404
    refused = await browser.post(f"/share/{token}", data={"code": code})
    assert refused.status_code == 404
    assert "いまは開けませんでした" in refused.text
    one.seconds[0] += 45
    assert (await browser.post(f"/share/{token}", data={"code": code})).status_code == 303


def test_addresses_that_are_counted_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many addresses take no memory without end."""
    monkeypatch.setattr(shared_app, "ADDRESSES", 3)
    tries = shared_app.Tries(lambda: 0.0)
    for n in range(10):
        assert not tries.are_too_many(str(n))
    assert list(tries.seen) == ["7", "8", "9"]


async def test_the_code_is_asked_again_after_half_an_hour_and_after_leaving(
    one: Handing, browser: httpx.AsyncClient
) -> None:
    """A computer that was left open shows nothing; the same browser opens it again with the code."""
    _id, address, code = await opened(one, browser)
    idle = ShareRow.visit_seen_db - shares.IDLE_SECONDS - 1
    await one.store.write(lambda s: s.execute(update(ShareRow).values(visit_seen_db=idle)) and None)
    assert SUMMARY not in (await browser.get(address)).text
    assert (await browser.post(address, data={"code": code})).status_code == 303
    assert SUMMARY in (await browser.get(address)).text
    assert (await browser.post(f"{address}/leave")).status_code == 303
    assert SUMMARY not in (await browser.get(address)).text
    assert (await browser.post(address, data={"code": code})).status_code == 303


async def test_one_agencys_link_code_and_browser_open_nothing_of_anothers(one: Handing) -> None:
    """Two shares of two agencies: neither code nor cookie of one opens the other."""
    other_agency = await one.store.write(lambda s: partners.add(s, replace(MIDORI, name="くらしの窓口"), BY, NOW))
    contact = await one.store.write(lambda s: partners.change_contact(s, other_agency, KIMURA, BY, NOW))
    second = await one.made(contact_id=contact, text=Text("こちらはお金のこと"))
    token, code = await one.linked(second)
    async with one.browser() as browser:
        _id, address, first_code = await opened(one, browser)
        assert (await browser.post(f"/share/{token}", data={"code": first_code})).status_code == 404
        cookie = browser.cookies.get("__Secure-share")
        assert cookie
        for path, others in ((f"/share/{token}", "こちらはお金のこと"), (f"/share/{token}/answer", "")):
            stolen = {"cookie": f"__Secure-share={cookie}"}
            answer = (
                await browser.get(path, headers=stolen)
                if others
                else await browser.post(path, headers=stolen, data={"words": "はい"})
            )
            assert "こちらはお金のこと" not in answer.text
        assert (await one.row(second)).answered_at is None
        # both at once in one browser: each cookie belongs to its own address
        assert (await browser.post(f"/share/{token}", data={"code": code})).status_code == 303
        assert "こちらはお金のこと" in (await browser.get(f"/share/{token}")).text
        assert SUMMARY in (await browser.get(address)).text


@pytest.mark.parametrize("ends", ["expired", "revoked", "withdrawn"])
async def test_an_end_holds_at_once_for_a_browser_that_is_reading(
    one: Handing, browser: httpx.AsyncClient, ends: shares.End
) -> None:
    """Time, revocation, a yes that was taken back: no word, no answer, no link, no way back."""
    id, address, code = await opened(one, browser)
    assert SUMMARY in (await browser.get(address)).text
    if ends == "expired":
        one.pass_time(days=7)
    else:
        await one.end(id, ends)
    assert SUMMARY not in (await browser.get(address)).text
    assert (await browser.post(address, data={"code": code})).status_code == 404
    answer = await browser.post(f"{address}/answer", data={"words": "引き受けます"})
    assert answer.status_code == 404
    assert (await one.row(id)).answered_at is None
    later = NOW + timedelta(days=7)
    with pytest.raises(RefusedError, match="終わっています"):
        await one.linked(id, at=later)
    with pytest.raises(RefusedError, match="終わっています"):
        await one.store.write(lambda s: shares.agree(s, one.case_id, id, one.actor("supervisor"), later))
    (share,) = await one.store.read(lambda s: shares.of_case(s, one.case_id, later))
    assert (share.state, share.text) == (ends, None)


async def test_whatever_does_not_open_gets_one_and_the_same_answer(one: Handing, browser: httpx.AsyncClient) -> None:
    """Wrong link, wrong code, used, ended, expired, another site, unknown address: the same words and status."""
    id, used, code = await opened(one, browser)
    ended, ended_code = await one.linked(other := await one.made())
    await one.end(other)
    late, late_code = await one.linked(short := await one.made(days=1))
    await one.store.write(
        lambda s: s.execute(update(ShareRow).where(ShareRow.id == short).values(expires_at=NOW)) and None
    )
    async with one.browser() as fresh:
        doors = [await fresh.get(path) for path in (used, f"/share/{ended}", f"/share/{late}", "/share/nobody")]
        doors += [await fresh.head(used), await fresh.get(used, headers={"cookie": "__Secure-share=made-up"})]
        assert {d.status_code for d in doors} == {200}
        assert len({d.text for d in doors if d.request.method == "GET"}) == 1
        one.seconds[0] += 60
        noes = [
            await fresh.post("/share/nobody", data={"code": code}),
            await fresh.post(used, data={"code": "00000000"}),
            await fresh.post(used, data={"code": code}),
            await fresh.post(used, data={"code": code}, headers={"sec-fetch-site": "cross-site"}),
            await fresh.post(f"/share/{ended}", data={"code": ended_code}),
            await fresh.post(f"/share/{late}", data={"code": late_code}),
            await fresh.post(f"{used}/answer", data={"words": ""}),
            await fresh.get(f"{used}/answer"),
            await fresh.get("/share/"),
            await fresh.put(used),
            await fresh.get("/share/a/b/c"),
        ]
    assert {a.status_code for a in noes} == {404}
    assert len({a.text for a in noes}) == 1
    assert not any("set-cookie" in a.headers for a in (*doors, *noes))
    assert (await one.row(id)).answered_at is None


async def test_the_headers_of_every_answer_are_strict(one: Handing, browser: httpx.AsyncClient) -> None:
    """No script at all, no cache but the style's, no referrer; the cookie is out of reach and bound to its address."""
    id = await one.made()
    token, code = await one.linked(id)
    entered = await browser.post(f"/share/{token}", data={"code": code})
    cookie = entered.headers["set-cookie"]
    for part in ("__Secure-share=", "HttpOnly", "SameSite=lax", f"Path=/share/{token}", "Secure"):
        assert part in cookie
    page = await browser.get(f"/share/{token}")
    (address_of_style,) = re.findall(r'href="(/share/static/[^"]+)"', page.text)
    style = await browser.get(address_of_style)
    assert style.headers["cache-control"] == "private, max-age=3600"
    for answer in (entered, page, await browser.get("/share/x"), await browser.get("/share/a/b")):
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "script" not in page.text
    assert "unsafe" not in CSP
    big = await browser.post(f"/share/{token}/answer", data={"words": "あ" * 9_000})
    assert big.status_code == 413


# --- the coordinator's answer ---------------------------------------------------------------------------------------


async def test_one_short_note_comes_back_to_staff_alone(one: Handing, browser: httpx.AsyncClient) -> None:
    """It is a note on the case, sealed, and is on the day's page; a second one and a long one are not taken."""
    id, address, _code = await opened(one, browser)
    long = await browser.post(f"{address}/answer", data={"words": "い" * 501})
    assert long.status_code == 422
    assert "い" * 501 in long.text
    assert (await browser.post(f"{address}/answer", data={"words": "  "})).status_code == 422
    sent = await browser.post(f"{address}/answer", data={"words": "引き受けます。\n<b>月曜に</b>電話します。"})
    assert sent.status_code == 303
    assert "返事を受け取りました" in (await browser.get(address)).text
    again = await browser.post(f"{address}/answer", data={"words": "もうひとつ"})
    assert again.status_code == 404
    assert "もうひとつ" in again.text  # not lost

    def kept(session: Session) -> tuple[list[notes.Kept], list[Journal]]:
        who = session.get_one(CaseRow, one.case_id).resident_id
        return notes.notes(session, one.case_id, who), list(session.scalars(select(Journal)))

    (note,), said = await one.store.read(kept)
    assert note.text == "みどり相談支援（木村さん）から:\n引き受けます。\n<b>月曜に</b>電話します。"
    assert (note.kind, note.staff_id) == ("partner", one.world.staff["specialist"])
    assert [row.who for row in said] == ["resident"]  # the family reads nothing of it
    assert note.kind in labels.NOTES
    news = await one.store.read(lambda s: shares.news(s, one.actor(), NOW))
    assert [(n.case_id, n.agency, n.answered) for n in news] == [(one.case_id, "みどり相談支援", True)]
    assert await one.store.read(lambda s: shares.news(s, one.actor(), NOW + shares.ANSWERS_SHOWN)) == []
    assert (await one.row(id)).answered_at == NOW


# --- two people where there is violence -----------------------------------------------------------------------------


async def test_with_violence_nobody_reads_before_a_supervisor_has_agreed(grave: Handing) -> None:
    """No link without the second person; she is never the one who wrote it, and never a specialist."""
    id = await grave.made()
    with pytest.raises(RefusedError, match="二人目"):
        await grave.linked(id)
    assert [n.answered for n in await grave.store.read(lambda s: shares.news(s, grave.actor("supervisor"), NOW))] == [
        False
    ]
    assert await grave.store.read(lambda s: shares.news(s, grave.actor(), NOW)) == []
    assert staff.MAY["share.agree"] == {"supervisor"}
    same = replace(grave.actor(), role="supervisor")
    with pytest.raises(NotAllowedError, match="自分で書いたもの"):
        await grave.store.write(lambda s: shares.agree(s, grave.case_id, id, same, NOW))
    await grave.store.write(lambda s: shares.agree(s, grave.case_id, id, grave.actor("supervisor"), NOW))
    assert await grave.store.read(lambda s: shares.news(s, grave.actor("supervisor"), NOW)) == []
    token, code = await grave.linked(id)
    async with grave.browser() as browser:
        assert (await browser.post(f"/share/{token}", data={"code": code})).status_code == 303
        page = (await browser.get(f"/share/{token}")).text
    assert "居場所につながることは、だれにも" in page
    assert SUMMARY in page


async def test_violence_that_is_heard_later_closes_the_page_until_two_agree(
    one: Handing, browser: httpx.AsyncClient
) -> None:
    """Somebody was reading already; then dv is heard in the talk."""
    id, address, code = await opened(one, browser)
    who = await one.store.read(lambda s: s.get_one(CaseRow, one.case_id).resident_id)
    await writes(one.store, who, "夫になぐられた", DV)
    assert SUMMARY not in (await browser.get(address)).text
    assert (await browser.post(address, data={"code": code})).status_code == 404
    await one.store.write(lambda s: shares.agree(s, one.case_id, id, one.actor("supervisor"), NOW))
    assert SUMMARY in (await browser.get(address)).text


async def test_a_child_that_writes_counts_as_well(sqlite_store: Store) -> None:
    """CARE C27: two people decide."""
    child = Signal("anxiety", Severity.URGENT, ("child_writing",), "x", "ja.child", "子ども本人", "self", "")
    handing_ = await handing(sqlite_store, child)
    with pytest.raises(RefusedError, match="二人目"):
        await handing_.linked(await handing_.made())


@pytest.mark.parametrize(
    ("words", "good"),
    [
        ("ひなた市桜台2丁目に住んでいる", False),
        ("〒000-0001", False),
        ("桜台２－３－４のアパート", False),
        ("201号室", False),
        ("電話は 000-555-0100、11月21日と2026-11-24に話した。2-3回", True),
    ],
)
async def test_an_address_is_refused_where_violence_is_known(grave: Handing, words: str, good: bool) -> None:
    """A machine sees the plain ones only; that is why a second person reads it."""
    case = await grave.store.read(lambda s: s.get_one(CaseRow, grave.case_id))
    receiver = (await grave.store.read(lambda s: shares.receivers(s, NOW)))[0]
    found = shares.problems(grave.wish(text=Text(words)), case, receiver, NOW)
    assert found == ({} if good else {"summary": shares.NO_ADDRESS})


# --- the console ----------------------------------------------------------------------------------------------------


async def told(handing_: Handing) -> None:
    """Let the family have told its area and a child's month."""
    who = await handing_.store.read(lambda s: s.get_one(CaseRow, handing_.case_id).resident_id)
    remembered = {"profile": {"area": "桜台", "children": [[2024, 5]]}}
    await handing_.store.write(lambda s: memory.keep(s, who, remembered, 1))


FIELDS = {"summary": SUMMARY, "consented_on": "2026-11-20", "consent_how": "room", "days": "14"}


async def test_from_the_form_to_the_coordinators_page(one: Handing, browser: httpx.AsyncClient) -> None:
    """Made, linked and shown once; what was ticked goes along and nothing else."""
    await told(one)
    async with one.world.browser() as staffs:
        csrf = await one.world.signed_in("specialist", staffs)
        page = (await staffs.get(f"/cases/{one.case_id}/shares/new")).text
        assert "みどり相談支援・木村さん" in page
        assert "桜台" in page
        given = {**form(csrf, **FIELDS), "contact": str(one.contact_id), "facts": ["子どもの生まれた月", "合言葉"]}
        made = await staffs.post(f"/cases/{one.case_id}/shares/new", data=given)
        assert made.status_code == 303, made.text
        listed = (await staffs.get(made.headers["location"])).text
        (where,) = re.findall(r'action="([^"]+/link)"', listed)
        shown = (await staffs.post(where, data=form(csrf))).text
        address, code = (
            re.findall(r'id="address" value="([^"]+)"', shown)[0],
            re.findall(r"share-code\">([\d ]+)<", shown)[0],
        )
        assert "000-555-3301" in shown
        assert code not in (await staffs.get(made.headers["location"])).text
        assert (await browser.post(address.replace("http://console.test", ""), data={"code": code})).status_code == 303
        page = (await browser.get(address.replace("http://console.test", ""))).text
        assert "2024年5月" in page
        assert "桜台" not in page
        assert "合言葉" not in page
        assert "2026年12月5日" in page
        listed = (await staffs.get(made.headers["location"])).text
        assert "開かれました" in listed
        timeline = (await staffs.get(f"/cases/{one.case_id}")).text
        assert "連携先の入り口をつくりました" in timeline
        ended = await staffs.post(where.replace("/link", "/end"), data=form(csrf, why="withdrawn"))
        assert ended.status_code == 303
        assert "ご家族が同意を取り下げました" in (await staffs.get(made.headers["location"])).text
        assert (await staffs.post(where.replace("/link", "/end"), data=form(csrf, why="x"))).status_code == 422
    assert [a[1] for a in await one.audits("share.looked")]


async def test_a_form_that_does_not_fit_keeps_what_was_typed(one: Handing) -> None:
    """Without a yes nothing is made, and the reason stands beside the field."""
    async with one.world.browser() as staffs:
        csrf = await one.world.signed_in("specialist", staffs)
        given = {**form(csrf, **FIELDS | {"consent_how": ""}), "contact": str(one.contact_id)}
        answer = await staffs.post(f"/cases/{one.case_id}/shares/new", data=given)
    assert answer.status_code == 422
    assert "同意がないうちは渡せません" in answer.text
    assert SUMMARY in answer.text
    assert f'value="{one.contact_id}" selected' in answer.text


async def test_where_somebody_is_cannot_be_chosen_with_violence(grave: Handing) -> None:
    """Neither shown nor taken, and how one may reach them always goes along (CARE C21)."""
    await told(grave)
    await grave.store.write(lambda s: s.execute(update(Resident).values(contact_safety="when_writing")) and None)
    async with grave.world.browser() as staffs:
        csrf = await grave.world.signed_in("specialist", staffs)
        page = (await staffs.get(f"/cases/{grave.case_id}/shares/new")).text
        assert "桜台" not in page
        assert "統括がもう一人" in page
        given = {**form(csrf, **FIELDS), "contact": str(grave.contact_id), "facts": ["地区"]}
        assert (await staffs.post(f"/cases/{grave.case_id}/shares/new", data=given)).status_code == 303
    (share,) = await grave.store.read(lambda s: shares.of_case(s, grave.case_id, NOW))
    assert share.text == Text(SUMMARY, (("連絡のしかた", "本人が書いているときだけ"),))


async def test_the_supervisor_finds_what_waits_for_her(grave: Handing) -> None:
    """On the day's page, and with its text on the case's; the specialist has no such button."""
    await grave.made()
    async with grave.world.browser() as staffs:
        await grave.world.signed_in("specialist", staffs)
        mine = (await staffs.get(f"/cases/{grave.case_id}/shares")).text
        assert "二人目の同意を待っています" in mine
        assert "/agree" not in mine
        assert "/link" not in mine
        assert "二人目の同意" not in (await staffs.get("/today")).text
    async with grave.world.browser() as staffs:
        csrf = await grave.world.signed_in("supervisor", staffs)
        assert "二人目の同意を待っています（みどり相談支援）" in (await staffs.get("/today")).text
        page = (await staffs.get(f"/cases/{grave.case_id}/shares")).text
        assert SUMMARY in page
        (where,) = re.findall(r'action="([^"]+/agree)"', page)
        assert (await staffs.post(where, data=form(csrf))).status_code == 303
        assert "たなか" in (await staffs.get(f"/cases/{grave.case_id}/shares")).text


async def test_the_family_is_asked_in_its_own_language(sqlite_store: Store) -> None:
    """The agency's name, then the shipped sentences; colleagues read what they mean; the asking is noted."""
    handing_ = await handing(sqlite_store, language="vi")
    handing_.world.set_city(languages=view().city.languages)
    async with handing_.world.browser() as staffs:
        csrf = await handing_.world.signed_in("specialist", staffs)
        given = form(csrf, ask_contact=str(handing_.contact_id), place="best", key=str(uuid.UUID(int=3)))
        asked = await staffs.post(f"/cases/{handing_.case_id}/shares/ask", data=given)
        assert asked.status_code == 303, asked.text
        nobody = form(csrf, ask_contact=str(uuid.uuid4()), place="best", key=str(uuid.UUID(int=4)))
        assert (await staffs.post(f"/cases/{handing_.case_id}/shares/ask", data=nobody)).status_code == 422
        page = (await staffs.get(f"/cases/{handing_.case_id}")).text

    def said(session: Session) -> list[tuple[str, str]]:
        rows = session.scalars(select(Journal).where(Journal.who == "staff"))
        return [(str(journal.body(session, row).get("text")), row.language) for row in rows]

    ((text, language),) = await handing_.store.read(said)
    lines = text.splitlines()
    assert lines[0] == "みどり相談支援"
    assert lines[1:] == [words().sentence(sentence, "vi") for sentence in phrases.ASK_SHARE]
    assert not set(lines[1:]) & set(phrases.ASK_SHARE)
    assert language == "vi"
    assert phrases.ASK_SHARE[0] in page
    assert [a[1] for a in await handing_.audits("share.asked")] == ["share.asked"]


async def test_a_share_is_reached_from_its_own_case_only(one: Handing) -> None:
    """The id of another case's share opens, links, agrees and ends nothing."""
    id = await one.made()
    who = await a_resident(one.store)
    other = await writes(one.store, who, "x", TIRED_EN, event="open")
    assert other is not None
    for unit in (
        lambda s: shares.link(s, other.id, id, one.actor(), NOW),
        lambda s: shares.agree(s, other.id, id, one.actor("supervisor"), NOW),
    ):
        with pytest.raises(RefusedError, match="見つかりません"):
            await one.store.write(unit)
    with pytest.raises(RefusedError, match="見つかりません"):
        await shares.end(one.store, other.id, id, "revoked", BY.id, NOW)
    assert (await one.row(id)).ended_at is None
    assert await one.store.read(lambda s: shares._text(s, s.get_one(ShareRow, id))) == one.wish().text
