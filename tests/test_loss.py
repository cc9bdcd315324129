"""A pregnancy that was lost: kind words only, and everything that looked ahead ends silently, whoever answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.dialog import AFTERWARDS, PREGNANCY
from bot.dialogs.loss import is_told
from bot.messages import Heard, Month, Severity, TopicScore
from bot.models import Job, Resident
from bot.profile import Profile
from bot.situation import Case
from bot.store import Store, drop_jobs, enqueue_job
from tests.talk import DAY, Conversation

EXPECTING = Profile((Month(2024, 10),), Month(2027, 3), "川辺町")
HELD = Case(UUID(int=7), "claimed", Severity.CONCERN, holder_id=UUID(int=8))


def expecting(**facts: object) -> Conversation:
    """Return a talk with a family that expects a child."""
    talk = Conversation(DAY, **facts)
    talk.does("follow")
    talk.memory = EXPECTING.within(talk.memory)
    return talk


def test_the_due_month_and_what_was_planned_end_silently() -> None:
    """The rest of the profile stays, and not a word is said about it."""
    talk = expecting()
    turn = talk.writes("流産しました")
    assert Profile.of(talk.memory) == replace(EXPECTING, due=None)
    assert turn.stops == (PREGNANCY, AFTERWARDS)
    assert turn.memory["open"]["name"] == "loss"
    said = talk.said.partition("[")[0]  # choices may name what comes when it is asked for
    for word in ("予定", "手続き", "届", "次", "また妊娠", "消し", "残念"):
        assert word not in said


def test_it_ends_while_a_person_holds_the_talk_and_while_danger_waits() -> None:
    """Whoever answers, and if nobody does, nothing about the pregnancy comes afterwards."""
    held = expecting(case=HELD)
    assert held.writes("死産でした").replies == ()
    assert Profile.of(held.memory).due is None
    danger = expecting()
    turn = danger.writes("流産しました。もう死にたい")
    assert turn.case == "alarm"
    assert (Profile.of(danger.memory).due, turn.stops) == (None, (PREGNANCY, AFTERWARDS))


@pytest.mark.parametrize(
    "text", ["切迫流産と言われました", "流産しそうで怖い", "流産が心配です", "I am afraid of a miscarriage"]
)
def test_fear_of_a_loss_is_none(text: str) -> None:
    """Who fears it is not mourned with; the due month stays."""
    talk = expecting()
    turn = talk.writes(text)
    assert Profile.of(talk.memory) == EXPECTING
    assert turn.stops == ()
    assert "産院" in talk.said or talk.last.language == "en"
    assert "そのままで" not in talk.said


def test_the_likeliest_meaning_is_enough_while_a_due_month_is_kept() -> None:
    """A pregnancy that goes on in messages after it ended hurts more than a month that is told again."""
    unsure = Heard(topics=(TopicScore("pregnancy_loss", 0.4),))
    assert is_told(unsure, expecting=True)
    assert not is_told(unsure, expecting=False)
    assert not is_told(Heard(topics=(TopicScore("prenatal_checkup", 0.4),)), expecting=True)


def test_offices_come_when_they_are_asked_for() -> None:
    """Nothing of them is said first; who asks is told, after what is kind."""
    talk = expecting()
    talk.writes("死産でした")
    assert "7日" not in talk.said
    talk.writes("手続きのこと")
    assert talk.said.index("悲しみ") < talk.said.index("人と話す")
    talk.writes("申しこみ")
    assert "7日" in talk.said
    asked = expecting()
    asked.writes("死産のあとの手続き")
    assert asked.said.index("悲しみ") < asked.said.index("7日")
    talk.does("choice", act="loss.quiet")
    assert talk.last.case == ""


def test_it_does_not_say_the_same_twice() -> None:
    """Who goes on writing is kept company with other words."""
    talk = expecting()
    first = talk.writes("流産しました") and talk.said
    talk.writes("むらさきのぞう")
    assert talk.memory["open"]["state"] == "listening"
    assert talk.said != first


async def test_planned_jobs_about_the_pregnancy_go_and_others_stay(store: Store) -> None:
    """Only what is about the pregnancy, only this resident's, and only what was not done yet."""
    ids = [UUID(int=n) for n in (1, 2)]

    def unit(session: Session) -> None:
        for id in ids:
            session.add(Resident(id=id, line_hash=id.hex, line_id_sealed=b"", first_seen_at=DAY))
            for name in ("pregnancy_month", "pregnancy_plan", "remind"):
                later = DAY + timedelta(days=9)
                enqueue_job(session, name, f"{name}:{id}:x", later, {"resident_id": str(id)})

    await store.write(unit)
    assert await store.write(lambda s: drop_jobs(s, PREGNANCY, ids[0])) == 2
    left = await store.read(lambda s: sorted(s.execute(select(Job.dedupe_key)).scalars()))
    assert left == sorted(
        [f"remind:{ids[0]}:x", *(f"{name}:{ids[1]}:x" for name in ("pregnancy_month", "pregnancy_plan", "remind"))]
    )
