"""Who may do what is one table that refuses by default, and signing in gives nothing away."""

import asyncio
import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from bot.errors import NotAllowedError, RefusedError
from bot.messages import Severity
from bot.models import Audit
from bot.situation import CASE_TABLE, Case
from bot.store import Store
from handoff import staff
from handoff.models import SignInTry, Staff, StaffSession
from handoff.staff import (
    HOLDER_ONLY,
    MAY,
    OWN_OR_SUPERVISOR,
    ROLES,
    WITHOUT_CASE,
    Actor,
    Passwords,
    Wait,
    add_staff,
    authorize,
    find_session,
    password_problem,
    sign_in,
)

NOW = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)
GOOD = "kumo-to-haru-no-yama-72"


def actor(role: str) -> Actor:
    """Give somebody with a role."""
    return Actor(uuid.uuid4(), role, "さとう", role)  # type: ignore[arg-type]


def case(**changes: object) -> Case:
    """Give a waiting urgent case."""
    return replace(Case(uuid.uuid4(), "waiting", Severity.URGENT), **changes)


def allowed(who: Actor, action: str, about: Case | None) -> bool:
    """Say whether authorize lets it pass."""
    try:
        authorize(who, action, about)
    except NotAllowedError:
        return False
    return True


@given(st.text(max_size=20), st.sampled_from(ROLES))
def test_an_unknown_action_is_refused(action: str, role: str) -> None:
    """What is not in the table is refused to everybody."""
    if action not in MAY:
        assert not allowed(actor(role), action, case())


def test_an_unknown_role_may_nothing() -> None:
    """A role that nobody knows is refused everything."""
    assert not any(allowed(actor("root"), action, case()) for action in MAY)


def test_officers_and_administrators_never_reach_words() -> None:
    """The officer sees the queue, the administrator only counts; neither reads or does anything in a talk."""
    states = [case(state=state) for state in CASE_TABLE if state != "new"]
    of_talks = [action for action in MAY if not action.startswith(("directory.", "agency.", "person.", "team."))]
    for role, action, about in itertools.product(("officer", "administrator"), of_talks, states):
        expected = action == "counts.see" or (role == "officer" and action == "queue.see")
        assert allowed(actor(role), action, about) is expected, (role, action)


def test_only_the_holder_speaks_and_gives_back() -> None:
    """Reply, renewal, release and transfer belong to who holds the talk, a supervisor included."""
    for role, action in itertools.product(("specialist", "supervisor"), HOLDER_ONLY):
        me = actor(role)
        assert allowed(me, action, case(state="claimed", holder_id=me.id))
        assert not allowed(me, action, case(state="claimed", holder_id=uuid.uuid4()))
        assert not allowed(me, action, case(state="on_hold", holder_id=me.id))
        assert not allowed(me, action, case())


def test_another_persons_case_is_ended_or_lowered_by_a_supervisor_only() -> None:
    """A specialist may do it for her own case or for one that nobody has."""
    for action in OWN_OR_SUPERVISOR:
        me, boss = actor("specialist"), actor("supervisor")
        theirs = case(state="on_hold", holder_id=uuid.uuid4())
        assert allowed(me, action, case(state="on_hold", holder_id=me.id))
        assert allowed(me, action, case(state="offered"))
        assert not allowed(me, action, theirs)
        assert allowed(boss, action, theirs)


def test_an_action_on_a_case_needs_the_case() -> None:
    """Without a case there is nothing to allow."""
    for role, action in itertools.product(ROLES, MAY):
        assert allowed(actor(role), action, None) is (action in WITHOUT_CASE and role in MAY[action])


def test_the_table_is_explained() -> None:
    """docs/roles.md has one line per action, with the roles of the table."""
    names = {"specialist": "専門員", "supervisor": "統括", "officer": "担当課", "administrator": "管理者"}
    text = (Path(__file__).parents[1] / "docs" / "roles.md").read_text("utf-8")
    for action, roles in MAY.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{action}` |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert [cell == "○" for cell in cells[1:5]] == [role in roles for role in names], action


# --- passwords ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "short-one-1",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "ｐａｓｓｗｏｒｄ-1234",
        "Madoguchi2026!",
        "sato.hanako-2026",
        "123456789012",
        "x" * 300,
    ],
)
def test_obvious_passwords_are_refused(password: str) -> None:
    """Short, repeated, well-known and own-name passwords are refused with a reason."""
    assert password_problem(password, "sato.hanako")


def test_made_passwords_are_good_and_new() -> None:
    """A generated password passes our own rule and never comes twice."""
    made = {staff.make_password() for _ in range(50)}
    assert len(made) == 50
    assert not any(password_problem(one, "sato") for one in made)
    assert not password_problem(GOOD, "sato")


async def test_passwords_are_argon2id_with_the_chosen_cost() -> None:
    """The hash names argon2id with 46 MiB, one pass, one lane."""
    hashed = await Passwords().hash(GOOD)
    assert hashed.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert await Passwords().check(hashed, GOOD)
    assert not await Passwords().check(hashed, GOOD + "x")
    assert not await Passwords().check("", GOOD)


# --- signing in -----------------------------------------------------------------------------------------------------


class Fast(Passwords):
    """Count checks instead of computing them."""

    def __init__(self) -> None:
        super().__init__()
        self.checked: list[str] = []

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def check(self, stored: str, password: str) -> bool:
        self.checked.append(stored)
        await asyncio.sleep(0)
        return stored == f"plain:{password}"

    def is_old(self, stored: str) -> bool:
        return False


async def a_member(store: Store, passwords: Passwords, login: str = "sato", role: str = "specialist") -> uuid.UUID:
    """Make an account."""
    return await add_staff(store, passwords, login=login, work_name="さとう", role=role, password=GOOD, at=NOW)


async def test_signing_in_gives_a_session_whose_token_is_nowhere_stored(store: Store) -> None:
    """The database holds only the token's hash; the session knows who it is."""
    passwords = Fast()
    member = await a_member(store, passwords)
    token = await sign_in(store, passwords, " ＳＡＴＯ ", GOOD, NOW)
    assert isinstance(token, str)
    found = await store.read(lambda s: find_session(s, token))
    assert found is not None
    assert (found.actor.id, found.actor.role) == (member, "specialist")
    row = await store.read(lambda s: s.scalars(select(StaffSession)).one())
    assert token not in (row.token_hash, row.csrf)
    assert row.token_hash == found.token_hash


async def test_signing_in_again_makes_a_new_session_and_ends_the_old_one(store: Store) -> None:
    """A token that was known before signing in is worth nothing after it."""
    passwords = Fast()
    await a_member(store, passwords)
    first = await sign_in(store, passwords, "sato", GOOD, NOW)
    assert isinstance(first, str)
    second = await sign_in(store, passwords, "sato", GOOD, NOW, old_token=first)
    assert isinstance(second, str)
    assert first != second
    assert await store.read(lambda s: find_session(s, first)) is None
    assert await store.read(lambda s: find_session(s, second)) is not None


async def test_unknown_names_and_wrong_passwords_are_answered_alike(store: Store) -> None:
    """Both are checked once against a hash, both are None, both are counted and then made to wait."""
    passwords = Fast()
    await a_member(store, passwords)
    for login in ("sato", "nobody"):
        passwords.checked.clear()
        answers = [await sign_in(store, passwords, login, "wrong", NOW) for _ in range(6)]
        assert answers[:5] == [None] * 5
        assert isinstance(answers[5], Wait)
        assert len(passwords.checked) == 5


async def test_ten_failures_lock_a_name_for_fifteen_minutes_and_waiting_is_not_counted(store: Store) -> None:
    """The wait doubles from the fifth failure; the tenth locks; even the right password waits then."""
    passwords = Fast()
    await a_member(store, passwords)
    waits = []
    for _ in range(10):
        assert await sign_in(store, passwords, "sato", "wrong", NOW) is None
        row = await store.read(lambda s: s.scalars(select(SignInTry)).one())
        waits.append(round(max(0.0, row.blocked_until_db - row.last_db)))
        await store.write(lambda s: s.execute(update(SignInTry).values(blocked_until_db=0.0)) and None)
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 900]
    await store.write(lambda s: s.execute(update(SignInTry).values(blocked_until_db=SignInTry.last_db + 900)) and None)
    assert isinstance(await sign_in(store, passwords, "sato", GOOD, NOW), Wait)
    await store.write(lambda s: s.execute(update(SignInTry).values(last_db=0.0, blocked_until_db=0.0)) and None)
    assert isinstance(await sign_in(store, passwords, "sato", GOOD, NOW), str)
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(SignInTry))) == 0


async def test_tries_at_the_same_time_are_all_counted(store: Store) -> None:
    """Forty guesses at once get no more checks than guesses one after another."""
    passwords = Fast()
    await a_member(store, passwords)
    answers = await asyncio.gather(*(sign_in(store, passwords, "sato", f"wrong{n}", NOW) for n in range(40)))
    assert len(passwords.checked) <= 10
    assert sum(isinstance(answer, Wait) for answer in answers) >= 30


async def test_a_session_ends_by_idling_by_age_and_by_switching_the_account_off(store: Store) -> None:
    """Half an hour idle, ten hours in all, or an account that is off: the session is gone at once."""
    passwords = Fast()
    await a_member(store, passwords)

    async def fresh() -> str:
        token = await sign_in(store, passwords, "sato", GOOD, NOW)
        assert isinstance(token, str)
        return token

    async def lives(token: str) -> bool:
        return await store.read(lambda s: find_session(s, token)) is not None

    for change in (
        {"seen_db": StaffSession.seen_db - 1801},
        {"created_db": StaffSession.created_db - 36_001},
    ):
        token = await fresh()
        assert await lives(token)
        await store.write(lambda s, change=change: s.execute(update(StaffSession).values(**change)) and None)
        assert not await lives(token)
    token = await fresh()
    await store.write(lambda s: s.execute(update(Staff).values(active=False)) and None)
    assert not await lives(token)
    assert await sign_in(store, passwords, "sato", GOOD, NOW) is None


async def test_a_human_act_keeps_a_session_alive(store: Store) -> None:
    """Touching moves the idle limit, never the absolute one."""
    passwords = Fast()
    await a_member(store, passwords)
    token = await sign_in(store, passwords, "sato", GOOD, NOW)
    assert isinstance(token, str)
    await store.write(lambda s: s.execute(update(StaffSession).values(seen_db=StaffSession.seen_db - 1700)) and None)
    signed = await store.read(lambda s: find_session(s, token))
    assert signed is not None
    await store.write(lambda s: staff.touch_session(s, signed.token_hash))
    row = await store.read(lambda s: s.scalars(select(StaffSession)).one())
    assert row.seen_db >= row.created_db - 5


async def test_accounts_are_made_once_and_only_when_they_fit(store: Store) -> None:
    """A taken login, an unknown role, a bad name or password is refused with a reason; making one is audited."""
    passwords = Fast()
    await a_member(store, passwords)
    for changes in (
        {"login": "SATO"},
        {"login": "two words"},
        {"login": "b", "role": "root"},
        {"login": "c", "work_name": ""},
        {"login": "d", "work_name": "あ" * 21},
        {"login": "e", "password": "short"},
    ):
        values = {"login": "x", "work_name": "さとう", "role": "specialist", "password": GOOD} | changes
        with pytest.raises(RefusedError):
            await add_staff(store, passwords, at=NOW, **values)
    assert await store.read(lambda s: list(s.scalars(select(Audit.action)))) == ["staff.added"]


async def test_a_missing_account_costs_the_same_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an account the same argon2 computation runs once, against a hash that nothing opens."""

    class Counting:
        def __init__(self) -> None:
            self.looked_at: list[str] = []

        def hash(self, password: str) -> str:
            return f"hash of {password}"

        def verify(self, stored: str, password: str) -> bool:
            self.looked_at.append(stored)
            return True

    hasher = Counting()
    monkeypatch.setattr(staff, "_HASHER", hasher)
    passwords = Passwords()
    assert await passwords.check("stored", GOOD)
    assert not await passwords.check("", GOOD)
    assert hasher.looked_at[0] == "stored"
    assert hasher.looked_at[1].startswith("hash of ")
