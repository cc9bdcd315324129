"""Sentences that staff send often: reviewed ones in all languages, and the city's own, private or shared, in versions.

The rule: what a sentence means stands in Japanese beside it, in the list and later in the talk, so that nobody sends or
reads what she does not understand; no translation service is asked.
"""

from __future__ import annotations

import string
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bot.curation import By, FieldsRefusedError
from bot.errors import Fault, RefusedError
from bot.i18n import SOURCE, Catalogs
from bot.messages import N_, Choice, Phrase, Reply, _
from bot.situation import City
from bot.store import append_audit
from handoff.models import CannedReply, CannedVersion
from handoff.wording import later, say

LONGEST: Final = 1_000
LONGEST_TITLE: Final = 40
#: What may stand in braces in a sentence of the city's own: the work name, the town, the desk, its telephone.
VARIABLES: Final = ("name", "city", "desk", "phone")

#: What one tap asks when a life is in danger (CARE C29).
ASK_PHONE: Final = N_("電話で話せますか。話せるなら、番号を教えてください。")
ASK_PLACE: Final = N_("いま、どこにいますか。地図の位置を送ることもできます。")

#: What asks whether a partner agency may be told, below its name (`handoff.shares`); the answer is a person's to hear.
ASK_SHARE: Final = (
    N_("上に書いた相談先に、あなたの家族のことを短く伝えてもいいですか。"),
    N_("伝えるのは、相談員が書いた短い文と、子どもの年など、選んだことだけです。やりとりは見せません。"),
    N_("読めるのは、その担当の人だけです。読める日は、かぎられています。やめたいときは、いつでも言ってください。"),
    N_("「いいえ」でもかまいません。相談は、そのまま続けられます。"),
)

#: Group -> sentences that hold in every town; nothing in them is promised that a desk cannot keep (CARE C3, C13).
SHIPPED: Final[Mapping[str, tuple[str, ...]]] = {
    later("はじめ"): (
        N_("メッセージを読みました。書いてくれて、ありがとうございます。"),
        N_("いま、返事を書いています。少し待ってください。"),
        N_("ゆっくり書いてください。短くてもかまいません。"),
        N_("返事がおそくなって、ごめんなさい。"),
    ),
    later("安全"): (
        N_("いま、あなたと子どもは、安全な場所にいますか。"),
        N_("けがをしている人はいますか。"),
        N_("いま、そばにだれかいますか。"),
        N_("命があぶないときは、いますぐ119に電話してください。"),
        N_("暴力であぶないときは、いますぐ110に電話してください。"),
    ),
    later("連絡"): (
        ASK_PHONE,
        ASK_PLACE,
        N_("窓口へ、一緒に行くこともできます。"),
    ),
    later("きく"): (
        N_("子どもは何さい（何か月）ですか。"),
        N_("どこに住んでいますか。町の名前だけでかまいません。"),
        N_("この話を、ほかの担当の人に伝えてもいいですか。"),
    ),
    later("つなぐ"): ASK_SHARE,
    later("ことば"): (
        N_("日本語でなくてもかまいません。あなたのことばで書いてください。"),
        N_("通訳をさがします。少し待ってください。"),
    ),
    later("終わり"): (
        N_("今日は、ここまでにします。つづきは、次に窓口が開いているときに話せます。"),
        N_("また書いてください。いつでも書けます。人が読むのは、窓口が開いているときです。"),
    ),
}


@dataclass(frozen=True, slots=True)
class Canned:
    """Hold one of the city's own sentences; `texts` by language, `owner_id` None when it is shared."""

    id: uuid.UUID
    title: str
    texts: Mapping[str, str]
    owner_id: uuid.UUID | None
    version: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Offered:
    """Hold one sentence as it would be sent: in which group, what is sent, in which language, what it means."""

    group: str
    text: str
    language: str
    japanese: str


# --- the city's own ---------------------------------------------------------------------------------------------------


def canned(session: Session, who: uuid.UUID, *, active: bool = True) -> list[Canned]:
    """Return the shared sentences and those of `who`, by title; or those that were taken out of use."""
    found = session.execute(
        select(CannedReply, CannedVersion)
        .join(CannedVersion, CannedVersion.reply_id == CannedReply.id)
        .where(
            CannedVersion.version == CannedReply.version,
            CannedReply.active.is_(active),
            or_(CannedReply.owner_id.is_(None), CannedReply.owner_id == who),
        )
        .order_by(CannedReply.title, CannedReply.id)
    )
    return [
        Canned(reply.id, reply.title, version.texts, reply.owner_id, reply.version, version.at, version.by)
        for reply, version in found
    ]


def checked(title: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that are not empty; raise FieldsRefusedError by field where something does not fit."""
    kept = {language: text.strip() for language, text in texts.items() if text.strip()}
    reasons = {}
    if not 0 < len(title.strip()) <= LONGEST_TITLE:
        reasons["title"] = Fault("名前を{most}文字までで書いてください", most=LONGEST_TITLE)
    if SOURCE not in kept:
        reasons[SOURCE] = Fault("日本語は必ず書いてください（意味を同僚が読みます）")
    for language, text in kept.items():
        if len(text) > LONGEST:
            reasons[language] = Fault("{most}文字までにしてください", most=LONGEST)
        elif (unknown := variables(text)) is None or not unknown <= {*VARIABLES}:
            reasons[language] = Fault("波かっこの中は {name}、{city}、{desk}、{phone} だけです")
    if reasons:
        raise FieldsRefusedError(reasons)
    return kept


def variables(text: str) -> set[str] | None:
    """Return the names in braces; None when the braces do not fit together, or say more than a name."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return None
    return {str(name) for name, *_rest in parts} if all(not spec and not change for _n, spec, change in parts) else None


def add(
    session: Session, title: str, texts: Mapping[str, str], *, owner: uuid.UUID | None, by: By, at: datetime
) -> uuid.UUID:
    """Keep a new sentence and return its id. Raise FieldsRefusedError."""
    kept, id = checked(title, texts), uuid.uuid4()
    session.add(CannedReply(id=id, owner_id=owner, title=title.strip(), version=1))
    session.flush()
    _version(session, id, 1, kept, by, at)
    append_audit(session, by.id, "canned.added", at, detail={"canned": str(id)})
    return id


def change(
    session: Session, id: uuid.UUID, title: str, texts: Mapping[str, str], *, who: uuid.UUID, expected: int, by: By,
    at: datetime,
) -> None:  # fmt: skip
    """Keep a new version of a sentence; earlier ones stay. Raise FieldsRefusedError, RefusedError when it moved."""
    row, kept = _mine(session, id, who), checked(title, texts)
    if row.version != expected:
        raise RefusedError("ほかの人が先に直しました。いまの内容を見くらべてから、もう一度保存してください。")
    row.title, row.version = title.strip(), row.version + 1
    _version(session, id, row.version, kept, by, at)
    append_audit(session, by.id, "canned.changed", at, detail={"canned": str(id), "version": row.version})


def retire(session: Session, id: uuid.UUID, *, who: uuid.UUID, by: By, at: datetime) -> None:
    """Offer a sentence no more; its versions stay. Raise RefusedError when it is not theirs to take away."""
    _mine(session, id, who).active = False
    append_audit(session, by.id, "canned.retired", at, detail={"canned": str(id)})


def restore(session: Session, id: uuid.UUID, *, who: uuid.UUID, by: By, at: datetime) -> None:
    """Offer a sentence again. Raise RefusedError when it is not theirs."""
    _mine(session, id, who, active=False).active = True
    append_audit(session, by.id, "canned.restored", at, detail={"canned": str(id)})


def versions(session: Session, id: uuid.UUID, who: uuid.UUID) -> list[Canned]:
    """Return what a sentence said before, newest first."""
    row = _mine(session, id, who, lock=False)
    found = select(CannedVersion).where(CannedVersion.reply_id == id).order_by(CannedVersion.version.desc())
    return [
        Canned(id, row.title, one.texts, row.owner_id, one.version, one.at, one.by) for one in session.scalars(found)
    ]


def _mine(session: Session, id: uuid.UUID, who: uuid.UUID, *, lock: bool = True, active: bool = True) -> CannedReply:
    row = session.get(CannedReply, id, with_for_update=lock)
    if row is None or row.active != active or row.owner_id not in (None, who):
        raise RefusedError("その定型文は、いまありません。")
    return row


def _version(session: Session, id: uuid.UUID, version: int, texts: dict[str, str], by: By, at: datetime) -> None:
    session.add(CannedVersion(id=uuid.uuid4(), reply_id=id, version=version, texts=texts, at=at, by=by.name))
    session.flush()


# --- saying them ----------------------------------------------------------------------------------------------------


def values(city: City, desk_id: str, work_name: str) -> dict[str, str]:
    """Return what stands for the names in braces."""
    desk = city.desk(desk_id) or next(iter(city.desks), None)
    return {
        "name": work_name,
        "city": city.name,
        "desk": desk.name if desk else "",
        "phone": desk.phone if desk else "",
    }


def offered(
    own: Iterable[Canned], words: Catalogs, language: str, given: Mapping[str, str], *, sought: str = ""
) -> list[Offered]:
    """Return the sentences to choose from in a resident's language; `sought` is looked for in both languages.

    One of the city's own that is not written in that language is offered in Japanese, and says so.
    """
    found = []
    for one in own:
        spoken = language if language in one.texts else SOURCE
        title = one.title
        group = say("自分の「{title}」", title=title) if one.owner_id else say("市の「{title}」", title=title)
        found.append(Offered(group, one.texts[spoken].format(**given), spoken, one.texts[SOURCE].format(**given)))
    for group, sentences in SHIPPED.items():
        for sentence in sentences:
            said = words.sentence(sentence, language)
            found.append(Offered(say(group), said, language if said != sentence else SOURCE, sentence))
    wanted = sought.casefold().strip()
    return [one for one in found if not wanted or wanted in f"{one.group}{one.text}{one.japanese}".casefold()]


def question(asked: str) -> Reply:
    """Return the sentence that asks for a telephone number or for the place, with LINE's own button for the latter."""
    if asked == ASK_PLACE:
        return Reply((Phrase(ASK_PLACE),), choices=(Choice(_("いまの場所を送る"), opens="location"),))
    return Reply((Phrase(asked),))


def meanings(session: Session, words: Catalogs, given: Mapping[str, str]) -> dict[str, str]:
    """Return what sentences mean in Japanese: each as it is said in each other language -> the Japanese.

    `given` are the speaker's values. Every version of everybody's counts: what was once sent is understood later too.
    """
    known = {
        words.sentence(sentence, language): sentence
        for sentences in SHIPPED.values()
        for sentence in sentences
        for language in words.sentences
    }
    for texts in session.scalars(select(CannedVersion.texts).order_by(CannedVersion.at)):
        known |= {text.format(**given): texts[SOURCE].format(**given) for text in texts.values()}
    return {said: meant for said, meant in known.items() if said != meant}


_ENDS: Final = ".!?。！？।"


def explained(text: str, known: Mapping[str, str]) -> str:
    """Return in Japanese, a line each, the known sentences that stand in a text as whole sentences or whole lines.

    A short one inside another sentence ("No" in "No puedo") is none: a wrong meaning is worse than none.
    """
    lines = {line.strip() for line in text.splitlines()}

    def stands(said: str) -> bool:
        if said in lines or said == text:
            return True
        at = text.find(said) if said[-1] in _ENDS else -1
        return at == 0 or (at > 0 and text[at - 1] in f" \n{_ENDS}")

    return "\n".join(meant for said, meant in known.items() if stands(said))
