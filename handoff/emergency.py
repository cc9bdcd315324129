"""When a life may be in danger: concrete questions for staff, who can be called, and a record of each call.

The rule: the questions are for staff alone and are never put to a family as a list; they name no score and no verdict
(CARE C4). What is written here may hold a family's words and is sealed under the resident's key.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import KeyGoneError, RefusedError
from bot.models import CaseRow
from bot.store import append_audit, append_event
from bot.vault import resident_owner, seal, unseal
from handoff.models import EmergencyNote
from handoff.wording import Table, later

Kind = Literal["check", "call"]
Known = Literal["yes", "no", "unknown"]
KNOWN: Final = frozenset(get_args(Known))
LONGEST: Final = 2_000

#: id -> what staff should come to know, the most pressing first; our own wording, for clinicians to review.
QUESTIONS: Final = Table({
    "where": "いまいる場所が分かる",
    "breathing": "意識・息・ひどい出血など、からだが危ない人がいる",
    "children": "子どもが何人で、いまどこにいるか分かる",
    "means": "薬・刃物・ひも・高い所など、手の届くところに手段がある",
    "plan": "いつ・どこで・どうやって、を具体的に言っている",
    "taken": "もう薬やお酒を飲んだ、けがをした",
    "before": "前にもあった（自殺を試みた、けがをさせた）",
    "alone": "そばに、助けられる大人がいない",
    "violent": "暴力をふるう人が、いまいる・もうすぐ戻る",
    "baby": "一歳にならない子・妊娠中の人がいる",
    "voices": "聞こえない声や、ないものの話をしている",
    "reach": "電話などで、こちらから連絡できる",
})  # fmt: skip

#: Numbers that hold everywhere, as the record of a call keeps them.
EVERYWHERE: Final = (later("救急・消防（119）"), later("警察（110）"), later("児童相談所（189）"))


@dataclass(frozen=True, slots=True)
class Check:
    """Hold what was known at one moment: question -> yes, no or unknown; and a remark."""

    staff_id: uuid.UUID
    at: datetime
    answers: Mapping[str, str]
    remark: str


@dataclass(frozen=True, slots=True)
class Call:
    """Hold one call to an agency: who was called, when, who spoke, and what came of it."""

    staff_id: uuid.UUID
    at: datetime  # of the call
    to: str
    spoke_with: str
    outcome: str


def keep_check(
    session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, answers: Mapping[str, str], remark: str, at: datetime
) -> None:
    """Keep what is known now; earlier checks stay. Raise RefusedError when nothing was said."""
    given = {id: answer for id, answer in answers.items() if id in QUESTIONS and answer in KNOWN}
    if not (given or remark.strip()):
        raise RefusedError("分かったことを、ひとつでも選んでください。")
    if len(remark) > LONGEST:
        raise RefusedError("長すぎます（{most}文字まで）。", most=LONGEST)
    _keep(session, case_id, staff_id, "check", {"answers": given, "remark": remark.strip()}, at, at)


def keep_call(session: Session, case_id: uuid.UUID, call: Call, now: datetime) -> None:
    """Keep the record of a call. Raise RefusedError when it does not say whom and what, or lies ahead."""
    if not (call.to.strip() and call.outcome.strip()):
        raise RefusedError("どこに電話して、どうなったかを書いてください。")
    if max(map(len, (call.to, call.spoke_with, call.outcome))) > LONGEST:
        raise RefusedError("長すぎます（{most}文字まで）。", most=LONGEST)
    if call.at > now:
        raise RefusedError("電話した時刻が、いまより先になっています。")
    body = {"to": call.to.strip(), "spoke_with": call.spoke_with.strip(), "outcome": call.outcome.strip()}
    _keep(session, case_id, call.staff_id, "call", body, call.at, now)


def _keep(
    session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, kind: Kind, body: object, at: datetime, now: datetime
) -> None:
    id, resident_id = uuid.uuid4(), session.get_one(CaseRow, case_id).resident_id
    words = json.dumps(body, ensure_ascii=False)
    sealed = seal(session, resident_owner(resident_id), "emergency_note", "body", id, words)
    session.add(EmergencyNote(id=id, case_id=case_id, staff_id=staff_id, kind=kind, body_sealed=sealed, at=at))
    session.flush()
    append_audit(session, f"staff:{staff_id}", f"emergency.{kind}", now, case_id=case_id)
    append_event(session, f"emergency.{kind}", now, case_id=case_id, resident_id=resident_id)


def noted(session: Session, case_id: uuid.UUID) -> tuple[list[Check], list[Call]]:
    """Return the checks and the calls of a case, newest first; empty when the words were destroyed."""
    checks, calls = [], []
    owner = resident_owner(session.get_one(CaseRow, case_id).resident_id)
    rows = select(EmergencyNote).where(EmergencyNote.case_id == case_id).order_by(EmergencyNote.at.desc())
    for row in session.scalars(rows):
        with suppress(KeyGoneError):
            body = json.loads(unseal(session, owner, "emergency_note", "body", row.id, row.body_sealed))
            if row.kind == "check":
                checks.append(Check(row.staff_id, row.at, body["answers"], body["remark"]))
            else:
                calls.append(Call(row.staff_id, row.at, body["to"], body["spoke_with"], body["outcome"]))
    return checks, calls
