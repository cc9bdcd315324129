"""The people who work here: what each role may do, passwords, signing in, and sessions.

The rule: everything is refused unless `MAY` allows it (CARE C36 and facts/reliability.md D1). A session is a row: the
browser holds 256 random bits, the database only their hash, so it can be ended from here at any moment.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from bot.crypto import new_token, token_hash
from bot.errors import NotAllowedError, RefusedError
from bot.situation import Case
from bot.store import Store, append_audit, db_now, now_expression, upsert
from bot.vault import vault
from handoff.models import Mention, SignInTry, Staff, StaffSession
from handoff.wording import PageLanguage

Role = Literal["specialist", "supervisor", "officer", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
Look = Literal["system", "light", "dark"]
LOOKS: Final[tuple[Look, ...]] = get_args(Look)

_TALKING: Final[frozenset[Role]] = frozenset({"specialist", "supervisor"})

#: action -> the roles that may do it. What is not written here is refused. docs/roles.md explains each line.
MAY: Final[Mapping[str, frozenset[Role]]] = {
    "counts.see": frozenset(ROLES),
    "queue.see": _TALKING | {"officer"},
    "queue.take": _TALKING,
    "talk.read": _TALKING,
    "media.open": _TALKING,
    "case.claim": _TALKING,
    "case.draft": _TALKING,
    "case.renew": _TALKING,
    "case.reply": _TALKING,
    "case.ask": _TALKING,
    "case.translate": _TALKING,
    "case.release": _TALKING,
    "case.transfer": _TALKING,
    "case.close": _TALKING,
    "case.reopen": _TALKING,
    "case.lower": _TALKING,
    "case.assign": _TALKING,
    "case.seen": _TALKING,
    "case.second": _TALKING,
    "case.note": _TALKING,
    "case.emergency": _TALKING,
    "case.identity": _TALKING,
    "case.debrief": _TALKING,
    "case.want_second": _TALKING,
    "share.see": _TALKING,
    "share.make": _TALKING,
    "share.agree": frozenset({"supervisor"}),
    "share.link": _TALKING,
    "share.end": _TALKING,
    "canned.edit": _TALKING,
    "shift.see": _TALKING,
    "shift.write": _TALKING,
    "team.see": frozenset(ROLES),
    "team.edit": frozenset({"supervisor", "administrator"}),
    "desk.state": _TALKING,
    "directory.see": frozenset(ROLES),
    "directory.edit": _TALKING | {"officer"},
    "directory.import": frozenset({"supervisor", "officer", "administrator"}),
    "agency.see": _TALKING | {"officer"},
    "agency.edit": _TALKING,
    "practice.do": _TALKING,
    "case.search": _TALKING,
    "person.see": _TALKING,
    "person.edit": _TALKING,
}
#: Only the person who holds the talk may do these.
HOLDER_ONLY: Final = frozenset(
    {
        "media.open",
        "case.renew",
        "case.reply",
        "case.release",
        "case.transfer",
        "case.want_second",
        "case.ask",
        "case.translate",
        "share.make",
    }
)
#: A supervisor may do these for somebody else's case; a specialist only for her own, or for one that nobody has.
OWN_OR_SUPERVISOR: Final = frozenset({"case.close", "case.lower", "case.assign", "share.link"})
#: A complaint about a member of staff is not read by whom it may be about (CARE C36).
READS_OF_STAFF: Final[frozenset[Role]] = frozenset({"supervisor"})
WITHOUT_CASE: Final = frozenset(
    {
        "counts.see", "queue.see", "queue.take", "directory.see", "directory.edit", "directory.import",
        "agency.see", "agency.edit", "person.see", "person.edit",
        "canned.edit", "shift.see", "shift.write", "team.see", "team.edit", "desk.state", "practice.do", "case.search",
    }
)  # fmt: skip

IDLE_SECONDS: Final = 1_800  # facts/reliability.md D1, V7.3: half an hour without a human act,
ABSOLUTE_SECONDS: Final = 36_000  # ten hours (a shift) at most
TOUCH_SECONDS: Final = 60.0  # how exactly the last act is kept
FREE_TRIES: Final = 5  # failures before waiting begins: 1 s, 2 s, 4 s, … (facts/reliability.md D2)
LOCK_TRIES: Final = 10
LOCK_SECONDS: Final = 900.0
MINIMUM_LENGTH: Final = 12
LONGEST: Final = 256  # characters of a password that are looked at; more is refused

#: 46 MiB, one pass, one lane: 120 ms here (facts/reliability.md D2). Two at a time, so that memory stays bounded.
_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
_OBVIOUS: Final = ("password", "madoguchi", "kosodate", "qwerty", "hinata", "letmein", "abcdef", "123456", "pass1234")


@dataclass(frozen=True, slots=True)
class Actor:
    """Hold who acts. `work_name` is what families see (CARE C31)."""

    id: uuid.UUID
    login: str
    work_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Hold a living session: who, the CSRF token of its forms, and the hash that names it."""

    actor: Actor
    csrf: str
    token_hash: str
    alarm_sounds: bool = True
    named: int = 0  # notes of colleagues that wait for her
    locked: bool = False
    look: Look = "system"
    page_language: PageLanguage = "ja"


@dataclass(frozen=True, slots=True)
class Wait:
    """Say that signing in under this name has to wait, in seconds."""

    seconds: float


# --- what each role may do ------------------------------------------------------------------------------------------


def authorize(actor: Actor, action: str, case: Case | None) -> None:
    """Return when `actor` may do `action` (on `case`, where it is about one); raise NotAllowedError otherwise."""
    if actor.role not in MAY.get(action, frozenset()):
        raise NotAllowedError("この操作は、あなたの役割ではできません。")
    if action in WITHOUT_CASE:
        return
    if case is None:
        raise NotAllowedError("この相談は見つかりません。")
    mine = case.holder_id == actor.id
    if case.about_staff and actor.role not in READS_OF_STAFF and not (case.held and mine):
        raise NotAllowedError("職員についての要望・苦情は、責任者が読みます。")  # it may be about who asks (CARE C36)
    if action in HOLDER_ONLY and not (case.held and mine):
        raise NotAllowedError("この相談はいま、あなたの担当ではありません。下書きは残っています。")
    if action in OWN_OR_SUPERVISOR and not mine and case.holder_id is not None and actor.role != "supervisor":
        raise NotAllowedError("この相談には、ほかの担当者がいます。")


# --- passwords ------------------------------------------------------------------------------------------------------


def password_problem(password: str, login: str) -> str:
    """Return why a new password is refused, in Japanese, or "" when it is good.

    At least twelve characters, no rules of composition, nothing obvious (ASVS V6.2; facts/reliability.md D1).
    """
    plain = _plain(password)
    if len(password) < MINIMUM_LENGTH:
        return f"パスワードは{MINIMUM_LENGTH}文字以上にしてください。"
    if len(password) > LONGEST:
        return f"パスワードは{LONGEST}文字までです。"
    if len(set(plain)) < 5 or any(plain == plain[:n] * (len(plain) // n) for n in range(1, 5) if len(plain) % n == 0):
        return "同じ文字のくり返しは使えません。"
    if any(word in plain for word in (*_OBVIOUS, *([_plain(login)] if len(login) > 3 else []))):
        return "名前や、よく使われることばが入っています。別のものにしてください。"
    return ""


def make_password() -> str:
    """Return a new password of 20 characters in groups of five, about 99 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


class Passwords:
    """Hash and check passwords in a thread, two at a time."""

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(2)
        self._nobody = _HASHER.hash(new_token())  # checked when there is no such account: same time, same answer

    async def hash(self, password: str) -> str:
        """Return the argon2id hash."""
        async with self._gate:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def check(self, stored: str, password: str) -> bool:
        """Return whether the password is the one; `stored` empty means no such account and takes as long."""
        async with self._gate:
            return await asyncio.to_thread(self._check, stored, password)

    def _check(self, stored: str, password: str) -> bool:
        try:
            return _HASHER.verify(stored or self._nobody, password) and bool(stored)
        except VerificationError:
            return False

    def is_old(self, stored: str) -> bool:
        """Return whether the hash was made with other settings than today's."""
        return _HASHER.check_needs_rehash(stored)


def _plain(words: str) -> str:
    return unicodedata.normalize("NFKC", words).casefold().strip()


# --- accounts -------------------------------------------------------------------------------------------------------


async def add_staff(
    store: Store, passwords: Passwords, *, login: str, work_name: str, role: str, password: str, at: datetime
) -> uuid.UUID:
    """Make an account and return its id; raise RefusedError with the reason when something does not fit."""
    login = _plain(login)
    if not login or len(login) > 80 or any(c.isspace() for c in login):
        raise RefusedError("ログイン名は、空白のない80文字までの名前にしてください。")
    if not 1 <= len(work_name.strip()) <= 20:
        raise RefusedError("仕事名（ご家族に見える名前）は、1文字以上20文字までにしてください。")
    if role not in ROLES:
        raise RefusedError("役割は {roles} のどれかです。", roles=", ".join(ROLES))
    if problem := password_problem(password, login):
        raise RefusedError(problem)
    hashed = await passwords.hash(password)
    staff_id = uuid.uuid4()

    def unit(session: Session) -> bool:
        statement = (
            upsert(session, Staff)
            .values(
                id=staff_id,
                login=login,
                work_name=work_name.strip(),
                role=role,
                password_hash=hashed,
                active=True,
                created_at=at,
            )
            .on_conflict_do_nothing(index_elements=[Staff.login])
        )
        made = bool(cast(Any, session.execute(statement)).rowcount)
        if made:
            append_audit(session, "cli", "staff.added", at, detail={"staff": str(staff_id), "role": role})
        return made

    if not await store.write(unit):
        raise RefusedError("そのログイン名は、もう使われています。")
    return staff_id


def work_names(session: Session) -> dict[uuid.UUID, str]:
    """Return the work names of all staff, present and past."""
    return {row.id: row.work_name for row in session.execute(select(Staff.id, Staff.work_name))}


# --- signing in -----------------------------------------------------------------------------------------------------


async def sign_in(
    store: Store, passwords: Passwords, login: str, password: str, at: datetime, *, old_token: str = ""
) -> str | Wait | None:
    """Return a new session's token, None when name or password is wrong, or Wait after too many failures.

    The try is counted before the password is checked, so that tries at the same time are all counted; names that do
    not exist are counted, checked and answered alike. A session that this browser had before is ended (rotation).
    """
    staff = await _proven(store, passwords, login, password, at, "staff.sign_in")
    if staff is None or isinstance(staff, Wait):
        return staff
    fresh = await passwords.hash(password) if passwords.is_old(staff.password_hash) else ""
    token = new_token()
    staff_id = staff.id

    def let_in(session: Session) -> None:
        _forget_tries(session, login)
        if old_token:
            session.execute(delete(StaffSession).where(StaffSession.token_hash == token_hash(old_token)))
        if fresh:
            session.execute(update(Staff).where(Staff.id == staff_id).values(password_hash=fresh))
        now = db_now(session)
        session.execute(delete(StaffSession).where(StaffSession.created_db <= now - ABSOLUTE_SECONDS))
        session.execute(
            insert(StaffSession).values(
                token_hash=token_hash(token), staff_id=staff_id, csrf=new_token(), created_db=now, seen_db=now
            )
        )
        append_audit(session, f"staff:{staff_id}", "staff.sign_in", at)

    await store.write(let_in)
    return token


async def _proven(
    store: Store, passwords: Passwords, login: str, password: str, at: datetime, action: str
) -> Staff | Wait | None:
    """Return whose password this is; a wrong one is counted and written down under `action`."""

    def take(session: Session) -> tuple[float, Staff | None]:
        wait, named = _take_try(session, _try_of(session, login)), Staff.login == _plain(login)[:80]
        found = session.scalars(select(Staff).where(named, Staff.active.is_(True))).one_or_none()
        if found is not None:
            session.expunge(found)
        return wait, found

    wait, staff = await store.write(take)
    if wait > 0:
        return Wait(wait)
    good = await passwords.check(staff.password_hash if staff else "", password[:LONGEST])
    if staff is None or not good:
        actor = f"staff:{staff.id}" if staff else "unknown"
        await store.write(lambda s: append_audit(s, actor, action, at, allowed=False))
        return None
    return staff


def _try_of(session: Session, login: str) -> str:
    return vault(session).hash(f"sign-in:{_plain(login)[:80]}")


def _forget_tries(session: Session, login: str) -> None:
    session.execute(delete(SignInTry).where(SignInTry.login_hash == _try_of(session, login)))


def _take_try(session: Session, login_hash: str) -> float:
    """Count one try and return 0, or the seconds to wait without counting when a wait is on."""
    now = db_now(session)
    session.execute(
        upsert(session, SignInTry)
        .values(login_hash=login_hash, failures=0, last_db=now, blocked_until_db=0.0)
        .on_conflict_do_nothing(index_elements=[SignInTry.login_hash])
    )
    row = session.get_one(SignInTry, login_hash, with_for_update=True, populate_existing=True)
    if row.blocked_until_db > now:
        return row.blocked_until_db - now
    if row.last_db < now - LOCK_SECONDS:
        row.failures = 0
    row.failures += 1
    row.last_db = now
    if row.failures >= LOCK_TRIES:
        row.blocked_until_db = now + LOCK_SECONDS
    elif row.failures >= FREE_TRIES:
        row.blocked_until_db = now + 2.0 ** (row.failures - FREE_TRIES)
    session.flush()
    return 0.0


def find_session(session: Session, token: str) -> SignedIn | None:
    """Return the living session of a cookie, or None; reads only."""
    return session_by_hash(session, token_hash(token))


def session_by_hash(session: Session, hashed: str) -> SignedIn | None:
    """Return the living session with this hash, or None when it ended, idled out, or its account was switched off."""
    now = now_expression(session)
    named = select(func.count()).where(Mention.staff_id == Staff.id, Mention.seen_at.is_(None)).scalar_subquery()
    row = session.execute(
        select(
            Staff.id,
            Staff.login,
            Staff.work_name,
            Staff.role,
            Staff.alarm_sounds,
            Staff.look,
            Staff.page_language,
            StaffSession.csrf,
            StaffSession.locked,
            named.label("named"),
        )
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .where(
            StaffSession.token_hash == hashed,
            StaffSession.created_db > now - ABSOLUTE_SECONDS,
            StaffSession.seen_db > now - IDLE_SECONDS,
            Staff.active.is_(True),
        )
    ).one_or_none()
    if row is None:
        return None
    actor = Actor(row.id, row.login, row.work_name, cast(Role, row.role))
    look, language = cast(Look, row.look), cast(PageLanguage, row.page_language)
    return SignedIn(actor, row.csrf, hashed, row.alarm_sounds, row.named, row.locked, look, language)


def set_sound(session: Session, staff_id: uuid.UUID, *, sounds: bool) -> None:
    """Keep whether open pages of this person sound an alarm, or show it alone (CARE C32)."""
    session.execute(update(Staff).where(Staff.id == staff_id).values(alarm_sounds=sounds))


def set_look(session: Session, staff_id: uuid.UUID, look: Look, language: PageLanguage) -> None:
    """Keep how this person wants her pages: as her computer is, light, or dark; in Japanese or English."""
    session.execute(update(Staff).where(Staff.id == staff_id).values(look=look, page_language=language))


def touch_session(session: Session, hashed: str) -> None:
    """Note a human act in this session, to the minute."""
    now = now_expression(session)
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == hashed, StaffSession.seen_db < now - TOUCH_SECONDS)
        .values(seen_db=now)
    )


def lock(session: Session, signed: SignedIn, at: datetime) -> None:
    """Let the session open nothing until `unlock` (CARE C32)."""
    if signed.locked:
        return
    session.execute(update(StaffSession).where(StaffSession.token_hash == signed.token_hash).values(locked=True))
    append_audit(session, f"staff:{signed.actor.id}", "staff.lock", at)


async def unlock(store: Store, passwords: Passwords, signed: SignedIn, password: str, at: datetime) -> Wait | bool:
    """Open a locked session with its own person's password; False when it is wrong. Tries count as at signing in."""
    found = await _proven(store, passwords, signed.actor.login, password, at, "staff.unlock")
    if found is None or isinstance(found, Wait):
        return found or False

    def unit(session: Session) -> None:
        _forget_tries(session, signed.actor.login)
        this = update(StaffSession).where(StaffSession.token_hash == signed.token_hash)
        session.execute(this.values(locked=False, seen_db=db_now(session)))
        append_audit(session, f"staff:{signed.actor.id}", "staff.unlock", at)

    await store.write(unit)
    return True


def end_session(session: Session, signed: SignedIn, at: datetime) -> None:
    """Sign out."""
    session.execute(delete(StaffSession).where(StaffSession.token_hash == signed.token_hash))
    append_audit(session, f"staff:{signed.actor.id}", "staff.sign_out", at)
