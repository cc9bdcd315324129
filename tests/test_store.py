"""The store keeps what it promises on SQLite and on PostgreSQL."""

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import handoff.models  # noqa: F401 - the tables of the staff's side belong to the same metadata
from bot.errors import KeyGoneError, SealBrokenError, SettingsError
from bot.models import Audit, Base, Event, Job, Key, Lane, Resident
from bot.store import Store, append_audit, append_event, db_now, enqueue_job, take_seq
from bot.vault import INSTALL, resident_owner, seal, unseal
from tests.conftest import SECRET_KEY

NOW = datetime(2026, 11, 22, 2, 10, tzinfo=UTC)


async def test_the_schema_goes_up_down_and_up_again(database_url: str) -> None:
    """Migrations run to head, back to nothing, and to head again on both databases."""
    store = Store(database_url, SECRET_KEY)
    await store.migrate()
    await store.migrate("base")
    await store.migrate()
    await store.open()
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(Resident))) == 0
    await store.close()


async def test_migrations_make_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    """A change of a model without its migration is noticed."""
    store = Store(f"sqlite:///{tmp_path}/desk.db", SECRET_KEY)
    await store.migrate()
    engine = create_engine(f"sqlite:///{tmp_path}/desk.db")
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert difference == []


async def test_units_that_run_together_lose_no_update(store: Store) -> None:
    """Fifty read-modify-writes at once count to fifty (the default SQLite mode loses most of them)."""
    await store.write(lambda s: s.execute(insert(Lane).values(key="in:x", fence=0)) and None)

    def unit(session: Session) -> None:
        statement = select(Lane).where(Lane.key == "in:x").with_for_update()
        session.execute(statement).scalar_one().fence += 1

    await asyncio.gather(*(store.write(unit) for _ in range(50)))
    assert await store.read(lambda s: s.scalar(select(Lane.fence))) == 50


async def test_a_failing_unit_leaves_its_neighbours_in_the_group_alone(store: Store) -> None:
    """Units that share a commit fail one by one."""

    def good(number: int) -> None:
        async_results.append(number)

    async_results: list[int] = []

    def keep(session: Session) -> None:
        append_event(session, "kept", NOW)

    def fail(session: Session) -> None:
        append_event(session, "lost", NOW)
        raise KeyError("no")

    results = await asyncio.gather(
        *(store.write(fail if n % 3 == 0 else keep, group=True) for n in range(9)), return_exceptions=True
    )
    assert [isinstance(r, KeyError) for r in results] == [n % 3 == 0 for n in range(9)]
    assert await store.read(lambda s: list(s.scalars(select(Event.kind)))) == ["kept"] * 6


async def test_a_cancelled_caller_leaves_no_lock_behind(store: Store) -> None:
    """A write that nobody waits for any more still ends, and the next writer is not kept waiting."""
    for _ in range(20):
        task = asyncio.create_task(store.write(lambda s: append_event(s, "x", NOW)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.wait_for(store.write(lambda s: append_event(s, "last", NOW)), 5)


async def test_reading_cannot_write(store: Store) -> None:
    """The read side refuses writes on both databases."""
    with pytest.raises(DBAPIError):
        await store.read(lambda s: append_event(s, "x", NOW))


async def test_sealed_words_open_only_in_their_own_place(store: Store) -> None:
    """A ciphertext that is moved to another row, column or resident does not open."""
    one, two = resident_owner(uuid.uuid4()), resident_owner(uuid.uuid4())
    await store.ensure_keys([one, two])

    def unit(session: Session) -> None:
        sealed = seal(session, one, "journal", "body", "1", "ねむれない")
        assert unseal(session, one, "journal", "body", "1", sealed) == "ねむれない"
        assert "ねむれない".encode() not in sealed
        for owner, column, row in ((one, "body", "2"), (one, "other", "1"), (two, "body", "1")):
            with pytest.raises(SealBrokenError):
                unseal(session, owner, "journal", column, row, sealed)

    await store.write(unit)


async def test_a_destroyed_key_destroys_the_words(store: Store) -> None:
    """After the key is gone the sealed text cannot be read any more."""
    owner = resident_owner(uuid.uuid4())
    await store.ensure_keys([owner])
    sealed = await store.write(lambda s: seal(s, owner, "journal", "body", "1", "x"))
    await store.destroy_key(owner)
    with pytest.raises(KeyGoneError):
        await store.write(lambda s: unseal(s, owner, "journal", "body", "1", sealed))


async def test_keys_survive_a_restart_and_need_the_same_secret(store: Store, store_url: str) -> None:
    """Another process with the same secret opens the words; another secret does not."""
    sealed = await store.write(lambda s: seal(s, INSTALL, "draft", "body", "1", "x"))
    again = Store(store_url, SECRET_KEY)
    await again.open()
    assert await again.read(lambda s: unseal(s, INSTALL, "draft", "body", "1", sealed)) == "x"
    await again.close()
    other = Store(store_url, SECRET_KEY + "another")
    with pytest.raises(SealBrokenError):
        await other.open()
    await other.close()


async def test_keys_that_are_made_at_once_are_made_once(store: Store) -> None:
    """Many makers of one key agree on one key."""
    owner = resident_owner(uuid.uuid4())
    await asyncio.gather(*(store.ensure_keys([owner]) for _ in range(10)))

    def unit(session: Session) -> bytes:
        return store.vault.fetch(session, owner) or b""

    wrapped = await store.read(unit)
    held = await store.read(lambda s: store.vault.key(s, owner))
    store.vault.remember(owner, wrapped)
    assert await store.read(lambda s: store.vault.key(s, owner)) == held


async def test_event_numbers_follow_commit_order(store: Store) -> None:
    """A reader that follows event ids never meets a smaller one later."""
    seen: list[int] = []
    stop = False

    async def follow() -> None:
        while not stop or len(seen) < 200:
            newer = select(Event.id).where(Event.id > (seen[-1] if seen else 0)).order_by(Event.id)
            seen.extend(await store.read(lambda s, newer=newer: list(s.scalars(newer))))

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(store.write(lambda s: append_event(s, "x", NOW)) for _ in range(200)))
    stop = True
    await asyncio.wait_for(follower, 30)
    assert len(seen) == 200
    assert seen == sorted(seen)


async def test_lane_numbers_are_gapless_and_unique(store: Store) -> None:
    """Every message of one resident gets its own next number."""
    numbers = await asyncio.gather(*(store.write(lambda s: take_seq(s, "in:a", db_now(s))) for _ in range(40)))
    assert sorted(numbers) == list(range(1, 41))


async def test_a_job_with_the_same_key_is_made_once(store: Store) -> None:
    """Two processes that plan the same job make one."""
    made = await asyncio.gather(*(store.write(lambda s: enqueue_job(s, "x", "k", NOW, {})) for _ in range(8)))
    assert sorted(made) == [False] * 7 + [True]
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(Job))) == 1


async def test_the_audit_cannot_be_changed(store: Store) -> None:
    """The database refuses to alter, delete or replace an audit row."""
    await store.write(lambda s: append_audit(s, "system", "test", NOW))
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError):
            await store.write(lambda s, sql=statement: s.execute(text(sql)) and None)
    if store.is_sqlite:
        replace = "INSERT OR REPLACE INTO audit SELECT * FROM audit"
        with pytest.raises(DBAPIError):
            await store.write(lambda s: s.execute(text(replace)) and None)
    assert await store.read(lambda s: s.scalar(select(Audit.actor))) == "system"


async def test_a_listener_is_woken_by_a_commit_and_not_by_a_rollback(store: Store) -> None:
    """A wake-up follows the commit, also when it comes from another process."""
    other = Store(store.url.render_as_string(hide_password=False), SECRET_KEY)
    await other.open()
    async with store.listen("event") as bell:
        await (store if store.is_sqlite else other).write(lambda s: append_event(s, "x", NOW))
        await asyncio.wait_for(bell.wait(), 5)
    await other.close()


async def test_the_database_clock_is_this_machines_here(store: Store) -> None:
    """Database time is epoch seconds with a fraction, close to this machine's."""
    told = await store.read(db_now)
    assert abs(told - datetime.now(UTC).timestamp()) < 5


async def test_only_personal_columns_are_sealed_and_all_of_them() -> None:
    """Every binary column says so in its name, and no other column holds words of residents."""
    from sqlalchemy import LargeBinary

    published = {("question", "vectors"), ("learned", "body")}  # arrays made of what a city publishes itself
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if (table.name, column.name) in published:
                continue
            assert isinstance(column.type, LargeBinary) == column.name.endswith("_sealed"), column
    assert Key.__table__.schema == "keys"


async def test_a_schema_that_is_not_ours_is_refused_in_words(database_url: str) -> None:
    """Opening a database without tables, or at an older revision, says what to do."""
    store = Store(database_url, SECRET_KEY)
    with pytest.raises(SettingsError, match="madoguchi migrate"):
        await store.open()
    await store.migrate("0001")
    with pytest.raises(SettingsError, match="0001"):
        await store.open()
