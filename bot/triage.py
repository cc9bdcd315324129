"""Who answers: safety, the person who holds the case, a button's dialog, the open dialog, the library, the directory,
the city's own questions.

The rule: this order is written here and nowhere else (DESIGN 4.3). Safety is noted for every message and speaks
first, but only while nobody holds the case. What nobody else answers gets an honest "I did not understand" with a
way to a person; nobody is left with silence unless a person holds the talk.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot import names
from bot.dialog import END, PLACE, START, TEXT, Dialog, Talk
from bot.dialogs import ALL
from bot.dialogs.safety import first_words, number_lines, trouble
from bot.directory.search import Query
from bot.i18n import CALLED, EASY, OWN_NAMES, SOURCE, Catalogs
from bot.messages import Card, Choice, Phrase, Severity, Verbatim, _

#: "Will you report me?" gets its honest answer at any time (CARE C3).
WHO = "welcome.who"

#: A spoken command (content/topics/<lang>.yaml, commands) -> the button that does the same.
COMMANDS: Mapping[str, str] = {
    "menu": "menu.show",
    "start": "welcome.greet",
    "person": "person.ask",
    "language": "language.ask",
    "stop": "menu.stop",
    "back": "menu.show",
    "thanks": "menu.thanks",
    "not_that": "safety.not_meant",
    "cannot_call": "safety.cant_call",
    "remind": "safety.remind",
    "who_reads": WHO,
    "tired": "menu.tired",
}

#: Who "answered" when a person holds the talk: the desk says nothing.
HELD = "held"

#: The dialogs that may speak while an urgent or emergency case waits (CARE C15).
ALLOWED_WHEN_PRESSING = frozenset({"safety", "language", "person"})

OFFER = _("よかったら、相談員がこの話を読むこともできます。お願いしますか。")
OFFER_CHOICES = (
    Choice(_("お願いする"), "person.yes", word="yes"),
    Choice(_("いまはいい"), "person.no", word="no"),
)
#: Concerns beside whose answer the fitting numbers are named, quietly.
QUIET_NUMBERS = frozenset({"dv", "abuse", "crisis"})
COMPANY: Mapping[str, Phrase] = {
    "anxiety": _("それは、しんどいですね。まとまらなくても、そのまま書いてかまいません。"),
    "development": _("よく見ているからこその心配だと思います。気になるところから書いてください。"),
    "hardship": _("やりくりが大変な中で、書いてくれてありがとうございます。使える制度を一緒にさがせます。"),
    "medical": _("心配ですね。様子が急に悪くなったときは、119に電話してください。"),
    "dv": _("書いてくれて、ありがとうございます。この窓口から、相手に伝えることはありません。"),
    "abuse": _("書いてくれて、ありがとうございます。責めるために聞くことはありません。"),
    "crisis": _("書いてくれて、ありがとうございます。いまは思っていなくても、またつらくなったら書いてください。"),
}


@dataclass(slots=True)
class Open:
    """Hold the dialog that is open: its name, state and data. Plain JSON in memory."""

    name: str = ""
    state: str = START
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Answered:
    """Hold who answered and what is open now."""

    by: str
    talk: Talk
    open: Open


def answer(talk: Talk, open_: Open, safety: dict[str, Any], choices: list[dict[str, Any]], words: Catalogs) -> Answered:
    """Decide who answers, let it speak, and return what is open afterwards.

    `safety` is what the safety dialog remembers across other dialogs; `choices` are those shown last (label as a
    Phrase's msgid or text, act, word), `words` the catalogs, to recognise a typed label.
    """
    grave = [s for s in talk.heard.signals if s.severity.rank > Severity.CONCERN.rank]
    case = talk.view.case
    if case is not None and case.held:
        return Answered(HELD, talk, open_)
    if grave:
        return _safety(talk, safety, "alarm", open_)
    act = talk.inbound.act or _typed(talk, choices, words)
    pressing = case is not None and case.pressing
    if act:
        name, _dot, rest = act.partition(".")
        event, _colon, argument = rest.partition(":")
        if name in ALL and (not pressing or name in ALLOWED_WHEN_PRESSING or act == WHO):
            talk.argument = argument
            if name == "safety":
                return _safety(talk, safety, event, open_)
            if done := _fire(talk, _entered(name, open_), event):
                if pressing and talk.chosen_language:
                    return _safety(talk, safety, "again", done.open)  # the words once more, in the language she reads
                worried = bool(talk.heard.signals) and name != "person"
                return _offer(talk, done) if worried else done
        elif not pressing:
            return _unclear(talk, open_)  # a button of an older version
    if pressing:
        return _safety(talk, safety, TEXT, open_)
    if talk.inbound.kind == "follow" or (talk.inbound.first_contact and not talk.inbound.text):
        return _fire(talk, Open("welcome"), "greet") or _unclear(talk, open_)
    if talk.inbound.kind == "place":
        return _fire(talk, _entered("find_place", open_), PLACE) or _unclear(talk, open_)
    if talk.inbound.kind == "sticker":
        return _fire(talk, Open("menu"), "hear_sticker") or _unclear(talk, open_)
    if talk.inbound.kind in ("image", "video", "audio", "file", "unknown"):
        return _fire(talk, Open("menu"), "cannot_see") or _unclear(talk, open_)
    done = _in_open_dialog(talk, open_) or _from_library(talk, open_) or _from_directory(talk) or _from_city(talk)
    if talk.heard.signals:
        return _offer(talk, done or _company(talk, open_))
    if done is None and talk.inbound.text and not fold(talk.inbound.text):
        # pictures and dots are a sign of life, as a sticker is
        done = _fire(talk, Open("menu"), "hear_sticker")
    return done or _unclear(talk, open_)


def _entered(name: str, open_: Open) -> Open:
    return open_ if open_.name == name else Open(name)


def _fire(talk: Talk, open_: Open, event: str) -> Answered | None:
    """Let one dialog answer; None when its table has no row for this."""
    if open_.name not in ALL:
        return None
    talk.data = dict(open_.data)
    kind: type[Dialog] = ALL[open_.name]
    state = open_.state if open_.state in kind.states else START
    dialog = kind(talk, state)
    if not dialog.fire(event) or dialog.state == END:
        return None
    return Answered(open_.name, talk, Open(open_.name, dialog.state, talk.data))


def _safety(talk: Talk, safety: dict[str, Any], event: str, open_: Open) -> Answered:
    """Let safety speak; whatever dialog was open stays as it was, to go on with later."""
    done = _fire(talk, Open("safety", safety.get("state", START), safety.get("data", {})), event)
    if done is None:  # a stale button of another version
        done = _fire(talk, Open("safety", START, safety.get("data", {})), TEXT)
    assert done is not None
    safety.update(state=done.open.state, data=done.open.data)
    return Answered("safety", talk, open_)


def _in_open_dialog(talk: Talk, open_: Open) -> Answered | None:
    return _fire(talk, open_, TEXT) if open_.name and talk.inbound.text else None


def _from_library(talk: Talk, open_: Open) -> Answered | None:
    """Answer a clear question: paragraphs of the library, then places near the resident."""
    if not talk.heard.confident:
        return None
    topic = talk.heard.topics[0].id
    library = talk.view.library
    found = library.answers.get(topic)
    if found is not None:
        talk.say(*found.paragraphs, cards=_counter_card(talk, found.ask_at_counter))
    if found is not None and found.offers_places:
        near = Choice(_("窓口をさがす"), f"find_place.topic:{topic}")
        talk.said[-1] = replace(talk.said[-1], choices=(near, *_WAYS_OUT[::2]))
        return Answered("library", talk, Open())
    if library.topic_has_places(topic):
        talk.argument = topic
        return _fire(talk, _entered("find_place", open_), "topic")
    if found is not None:
        talk.said[-1] = replace(talk.said[-1], choices=_WAYS_OUT)
        return Answered("library", talk, Open())
    return None


def _counter_card(talk: Talk, sentence: Phrase | None) -> tuple[Card, ...]:
    """Give the sentence for the counter, in Japanese beside the reader's language (CARE C6)."""
    if sentence is None or talk.language == SOURCE:
        return ()
    return (Card(title=Verbatim(sentence.msgid), kind=_("見せるカード"), note=sentence),)


def _from_directory(talk: Talk) -> Answered | None:
    """Answer with the places whose name was typed, when there are any."""
    typed = talk.inbound.text.strip()
    if len(fold(typed)) < 3 or len(typed) > 30:  # a shorter word is part of too many names
        return None
    if not talk.view.directory.search(Query(words=typed, limit=1)).matches:
        return None
    return _fire(talk, Open("find_place"), "named")


def _from_city(talk: Talk) -> Answered | None:
    """Answer from the city's own questions and answers: a clear one at once, else those that are near."""
    near = talk.heard.entries
    if not near or not (near[0].sure or talk.language in (SOURCE, EASY)):
        return None  # titles in Japanese are no choice for who does not read it
    talk.argument = near[0].id
    return _fire(talk, Open("question"), "show" if near[0].sure else "near")


def _company(talk: Talk, open_: Open) -> Answered:
    """Keep company: a worry need not be a question (CARE C4)."""
    kind = trouble(talk.heard.signals)
    if kind in ("report", "facility", "child_hurt"):
        talk.say(*first_words(kind, talk.view.city), choices=_WAYS_OUT)
    else:
        talk.say(COMPANY[talk.heard.signals[0].kind], choices=_WAYS_OUT)
    return Answered("company", talk, open_)


def _offer(talk: Talk, done: Answered) -> Answered:
    """Offer a person after the question was answered (CARE C12), once: a no is a no (CARE C17).

    Where it is about violence or a wish to die, the fitting numbers stand beside the answer, quietly.
    """
    if talk.heard.signals[0].kind in QUIET_NUMBERS:
        lines = number_lines(trouble(talk.heard.signals), talk.view.library, talk.language, talk.now, most=2)
        if lines:
            talk.say(_("話せるところもあります。"), *lines, choices=talk.said[-1].choices if talk.said else ())
    if talk.view.case is None:
        talk.say(OFFER, choices=(*OFFER_CHOICES, *(talk.said[-1].choices if talk.said else ())))
    return done


_WAYS_OUT = (
    Choice(_("人と話す"), "person.ask"),
    Choice(_("場所をさがす"), "find_place.begin"),
    Choice(_("メニュー"), "menu.show"),
)


def _unclear(talk: Talk, open_: Open) -> Answered:
    """Say honestly that it was not understood; offer up to three guesses, and a person."""
    guesses = tuple(
        Choice(names.topic(topic.id), f"find_place.topic:{topic.id}")
        for topic in talk.heard.topics[:3]
        if topic.score > 0.2 and talk.view.library.topic_has_places(topic.id)
    )
    if guesses:
        talk.say(_("どれのことか、教えてください。"), choices=(*guesses, *_WAYS_OUT[::2]), listed="numbers")
    else:
        talk.say(
            _("ごめんなさい、うまく分かりませんでした。別のことばで書くか、下から選んでください。"),
            choices=_WAYS_OUT,
            listed="numbers",
        )
    return Answered("unclear", talk, open_)


# --- a typed word is a tap (DESIGN 6) ---------------------------------------------------------------------------

_NOISE = re.compile(r"[\s\W_]+")


def fold(text: str) -> str:
    """Fold a typed label: width, case, spaces, punctuation and pictures do not count."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


def _typed(talk: Talk, choices: list[dict[str, Any]], words: Catalogs) -> str:
    """Return the act of the choice or command that the whole text is, or ""."""
    typed = fold(talk.inbound.text)
    if not typed:
        return ""
    for number, choice in enumerate(choices, 1):
        label = choice["label"]
        spoken = {fold(label), fold(words.sentence(label, talk.language))}
        if choice.get("act") and (typed in spoken or (choice.get("listed") and typed == str(number))):
            return str(choice["act"])
    for language in talk.view.city.languages:
        if typed in {fold(name) for name in (OWN_NAMES.get(language, ""), *CALLED.get(language, ()))}:
            return f"language.chosen:{language}"
    command = talk.view.library.hearing.command(talk.inbound.text)
    if command in ("yes", "no"):
        return next((str(c["act"]) for c in choices if c.get("word") == command), "")
    return COMMANDS.get(command, "")
