"""Who answers: safety, the person who holds the case, a button's dialog, the open dialog, the library, the directory,
the city's own questions.

The rule: this order is written here and nowhere else (DESIGN 4.3). Safety is noted for every message and speaks
first, but only while nobody holds the case. What nobody else answers gets an honest "I did not understand" with a
way to a person; nobody is left with silence unless a person holds the talk.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot import names
from bot.dialog import END, PLACE, START, TEXT, WAYS, Dialog, Talk
from bot.dialogs import ALL
from bot.dialogs.answer import THANKS
from bot.dialogs.safety import first_words, number_lines, trouble
from bot.directory.search import Query
from bot.i18n import CALLED, EASY, OWN_NAMES, SOURCE, Catalogs
from bot.library import ANSWER_PARTS, Library
from bot.messages import Choice, Phrase, Severity, _
from bot.understanding.asked import FEARS

#: "Will you report me?" and the like get their honest answer at any time (CARE C3).
HONEST = frozenset({"welcome.who", "welcome.report", "welcome.take_child", "welcome.immigration"})

#: 「ちがう」 under an answer, with the answer's topic.
WRONG = "feedback.wrong"

#: States in which an answer stands: 「分からない」 is about it, elsewhere it answers a question of ours.
GIVEN = frozenset({START, "results", "named", "details", "shown", "told"})

#: A spoken command (content/topics/<lang>.yaml, commands) -> the button that does the same.
COMMANDS: Mapping[str, str] = {
    "menu": "menu.show",
    "start": "welcome.greet",
    "person": "person.ask",
    "language": "language.ask",
    "stop": "menu.stop",
    "back": "menu.show",
    "thanks": "menu.thanks",
    "cannot_call": "safety.cant_call",
    "remind": "safety.remind",
    "who_reads": "welcome.who",
    "report": "welcome.report",
    "take_child": "welcome.take_child",
    "immigration": "welcome.immigration",
    "family": "profile.show",
    "forget_family": "profile.forget",
    "tired": "menu.tired",
}

#: A topic that a dialog answers itself -> the dialog.
BY_TOPIC: Mapping[str, str] = {dialog.answers: name for name, dialog in ALL.items() if dialog.answers}

#: Kinds of an Inbound that the dialog of media answers.
NOT_WORDS = frozenset({"sticker", "image", "video", "audio", "file", "unknown"})

_A_QUESTION = 60  # letters of a question that asks for one thing

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
    "dv": _("この窓口から、相手に伝えることはありません。"),
    "abuse": _("そのまま書いてください。短くても、まとまらなくても、かまいません。"),
    "crisis": _("いまは思っていなくても、またつらくなったら書いてください。"),
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


def answer(
    talk: Talk, open_: Open, safety: dict[str, Any], choices: Sequence[Mapping[str, Any]], words: Catalogs
) -> Answered:
    """Decide who answers, let it speak, and return what is open afterwards.

    `safety` is what the safety dialog remembers across other dialogs; `choices` are those that may be typed (label as a
    Phrase's msgid or text, act, word), `words` the catalogs, to recognise a typed label.
    """
    grave = [s for s in talk.heard.signals if s.severity.rank > Severity.CONCERN.rank]
    case = talk.view.case
    held = case is not None and case.held
    if (held or talk.heard.signals) and open_.name in ALL and ALL[open_.name].yields:
        open_ = Open()
    if held:
        return Answered(HELD, talk, open_)
    pressing = case is not None and case.pressing
    label = pressed(talk.inbound.text, choices, words, talk.language)
    if grave and not (label and (pressing or label.startswith("safety."))):
        return _safety(talk, safety, "alarm", open_)
    if label.startswith(WRONG):
        label = _correction(talk, choices, open_)
    act = talk.inbound.act or label or _command(talk, choices, open_)
    if act and (done := _by_button(talk, act, open_, safety)) is not None:
        return done
    if pressing:
        return _after_correction(talk, open_, safety) or _safety(talk, safety, TEXT, open_)
    kind = talk.inbound.kind
    if kind == "follow" or (talk.inbound.first_contact and kind in ("text", "sticker") and not talk.inbound.text):
        return _fire(talk, Open("welcome"), "greet") or _unclear(talk, open_)
    if kind == "place":
        return _fire(talk, _entered("find_place", open_), PLACE) or _unclear(talk, open_)
    if kind in NOT_WORDS:
        return _aside(talk, open_, kind)
    done = (
        (_in_open_dialog(talk, open_) if _takes_words(open_) else None)
        or _from_fear(talk)
        or _by_topic(talk, open_)
        or _in_open_dialog(talk, open_)
        or _from_library(talk, open_)
        or _from_directory(talk)
        or _from_city(talk)
    )
    if talk.heard.signals:
        return _offer(talk, done or _company(talk, open_))
    if done is None and talk.inbound.text and not fold(talk.inbound.text):
        # pictures and dots are a sign of life, as a sticker is
        return _aside(talk, open_, "sticker")
    return done or _unclear(talk, open_)


def _by_button(talk: Talk, act: str, open_: Open, safety: dict[str, Any]) -> Answered | None:
    """Let the dialog that a button names answer; None if it may not now, or has nothing to say to it."""
    pressing = talk.view.case is not None and talk.view.case.pressing
    name, _dot, rest = act.partition(".")
    event, _colon, argument = rest.partition(":")
    allowed = name in ALLOWED_WHEN_PRESSING or act in HONEST or (name == "answer" and _corrected(safety))
    if name not in ALL or (pressing and not allowed):
        return None if pressing else _unclear(talk, open_)  # a button of an older version
    talk.argument = argument
    talk.heard = replace(talk.heard, asked=())  # a label that is typed asks for what its button gives
    if name == "safety":
        return _safety(talk, safety, event, open_)
    done = _fire(talk, _entered(name, open_), event)
    if done is None:
        return None
    if pressing and name == "answer":
        return _quietly(talk, open_)
    if event == "about" and name == "answer":
        _add_choices(talk, *_led_to(done.open.data["topic"], talk.view.library))
    if pressing and talk.chosen_language:
        return _safety(talk, safety, "again", done.open)  # the words once more, in the language she reads
    return _offer(talk, done) if talk.heard.signals and name != "person" else done


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


def _corrected(safety: Mapping[str, Any]) -> bool:
    """Return whether it was said, since the last alarm, that it was not meant so."""
    return bool(safety.get("data", {}).get("corrected"))


def _after_correction(talk: Talk, open_: Open, safety: Mapping[str, Any]) -> Answered | None:
    """Answer a clear question of somebody who said that it was not meant so (CARE C12); the case goes on waiting."""
    if not (talk.heard.confident and _corrected(safety)):
        return None
    talk.argument = talk.heard.topics[0].id
    return _quietly(talk, open_) if _fire(talk, Open("answer"), "about") else None


def _quietly(talk: Talk, open_: Open) -> Answered:
    """Leave of an answer its words: no places and no menu while a grave case waits (CARE C15)."""
    last = talk.said[-1]
    parts = tuple(choice for choice in last.choices if choice.act.startswith("answer.part"))
    talk.said[-1] = replace(last, cards=(), choices=(*parts, *talk.ways_on()))
    return Answered("library", talk, open_)


def _safety(talk: Talk, safety: dict[str, Any], event: str, open_: Open) -> Answered:
    """Let safety speak; whatever dialog was open stays as it was, to go on with later."""
    done = _fire(talk, Open("safety", safety.get("state", START), safety.get("data", {})), event)
    if done is None:  # a stale button of another version
        done = _fire(talk, Open("safety", START, safety.get("data", {})), TEXT)
    assert done is not None
    safety.update(state=done.open.state, data=done.open.data)
    return Answered("safety", talk, open_)


def _aside(talk: Talk, open_: Open, kind: str) -> Answered:
    """Answer what is not words; the dialog that was open stays open."""
    done = _fire(talk, Open("media"), kind)
    assert done is not None, "the dialog of media hears every kind of NOT_WORDS"
    return replace(done, open=open_)


def _in_open_dialog(talk: Talk, open_: Open) -> Answered | None:
    return _fire(talk, open_, TEXT) if open_.name and talk.inbound.text else None


def _takes_words(open_: Open) -> bool:
    """Return whether the open dialog waits for words that it keeps as they are, whatever they are about."""
    return open_.name in ALL and open_.state in ALL[open_.name].takes_words


def _from_fear(talk: Talk) -> Answered | None:
    """Answer "will you report me" and the like honestly, however it is worded (CARE C3)."""
    fear = next((part for part in FEARS if part in talk.heard.asked), "")
    return _fire(talk, Open("welcome"), fear) if fear and len(fold(talk.inbound.text)) <= _A_QUESTION else None


def _by_topic(talk: Talk, open_: Open) -> Answered | None:
    """Let the dialog answer that a clearly heard topic belongs to."""
    topic = talk.heard.topics[0].id if talk.heard.confident else ""
    name = BY_TOPIC.get(topic, "") if not {*ANSWER_PARTS} & {*talk.heard.asked} else ""  # who asks how is told how
    return _fire(talk, _entered(name, open_), "heard") if name else None


def _from_library(talk: Talk, open_: Open) -> Answered | None:
    """Answer a clear question, then look for places; a bare "how much?" is about what is talked of already."""
    if (told := _more_of(talk, open_)) is not None:
        return told
    if not talk.heard.confident or talk.heard.only_asked:
        return None  # "how much is it?": of what?
    topic = talk.heard.topics[0].id
    library = talk.view.library
    talk.argument = topic
    knows = "refused" in talk.heard.asked and library.topic_has_places(topic)  # no lesson for who was just refused
    told = None if knows else _fire(talk, Open("answer"), "about")
    offered = topic in library.answers and library.answers[topic].offers_places
    wants_more = bool({*ANSWER_PARTS} & {*talk.heard.asked}) and "where" not in talk.heard.asked
    if library.topic_has_places(topic) and not (told and (offered or wants_more)):
        if told is not None:
            talk.said[-1] = replace(talk.said[-1], choices=())
        talk.argument = topic
        done = _fire(talk, _entered("find_place", open_), "topic")
        if done is not None and topic in library.answers:
            _add_choices(talk, Choice(_("料金や申しこみ"), f"answer.part:{topic}/apply"), *_led_to(topic, library))
        return done
    if told is not None:
        _add_choices(talk, *_led_to(topic, library), Choice(_("ちがう"), f"{WRONG}:{topic}"))
        return Answered("library", talk, told.open)
    return None


def _more_of(talk: Talk, open_: Open) -> Answered | None:
    """Answer what is asked of the topic that is open (where, who, cost, …); None if another one is named."""
    topic = str(open_.data.get("topic", ""))
    if topic not in names.TOPICS or not talk.heard.only_asked:
        return None
    talk.argument = topic
    if done := _fire(talk, Open("answer"), "part"):
        # a search for a place goes on beside it
        return Answered("library", talk, open_ if open_.name == "find_place" else done.open)
    if "where" in talk.heard.asked and talk.view.library.topic_has_places(topic):
        return _fire(talk, _entered("find_place", open_), "topic")
    return None


def _led_to(topic: str, library: Library) -> tuple[Choice, ...]:
    """Return what other dialogs offer beside the answer to a topic: their own choices, then journeys."""
    offered = (dialog.offers[topic] for dialog in ALL.values() if topic in dialog.offers)
    journeys = (journey for journey in library.journeys.values() if topic in journey.beside)
    return (*offered, *(Choice(journey.title, f"journey.begin:{journey.id}") for journey in journeys))


def _add_choices(talk: Talk, *more: Choice) -> None:
    """Offer more beside what was said last, before the ways out."""
    last = talk.said[-1]
    ways = [choice for choice in last.choices if choice in WAYS]
    others = [choice for choice in last.choices if choice not in WAYS]
    talk.said[-1] = replace(last, choices=(*others, *more, *ways))


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
        concern = talk.heard.signals[0].kind
        if concern in QUIET_NUMBERS:
            talk.say(THANKS)
        talk.say(COMPANY[concern], choices=_WAYS_OUT)
    return Answered("company", talk, open_)


def _offer(talk: Talk, done: Answered) -> Answered:
    """Offer a person after the question was answered (CARE C12), once: a no is a no (CARE C17).

    Where it is about violence or a wish to die, the fitting numbers stand beside the answer, quietly.
    """
    if talk.heard.signals[0].kind in QUIET_NUMBERS:
        lines = number_lines(trouble(talk.heard.signals), talk.view.library, talk.language, talk.now, most=2)
        if lines:
            talk.say(_("話せるところもあります。"), *lines, choices=talk.said[-1].choices if talk.said else ())
    if talk.view.case is None and not talk.case:
        talk.say(OFFER, choices=(*OFFER_CHOICES, *(talk.said[-1].choices if talk.said else ())))
    return done


NOT_UNDERSTOOD = _("ごめんなさい、うまく分かりませんでした。別のことばで書くか、下から選んでください。")
OLD_BUTTON = _("ごめんなさい、そのボタンは、もう使えません。下から選ぶか、そのまま書いてください。")

_WAYS_OUT = (
    Choice(_("人と話す"), "person.ask"),
    Choice(_("場所をさがす"), "find_place.begin"),
    Choice(_("メニュー"), "menu.show"),
)


_GUESSED = 0.2  # what a topic scores at least to be offered as a guess


def _unclear(talk: Talk, open_: Open) -> Answered:
    """Say honestly that it was not understood; offer up to three guesses, and a person."""
    asked = ",".join(part for part in ANSWER_PARTS if part in talk.heard.asked)
    guesses = tuple(
        Choice(names.topic(topic.id), f"answer.about:{topic.id}" + (f"/{asked}" if asked else ""))
        for topic in talk.heard.topics[:3]
        if topic.score > _GUESSED and topic.id in talk.view.library.answers
    )
    if guesses:
        talk.say(_("どれのことか、教えてください。"), choices=(*guesses, *_WAYS_OUT[::2]), listed="numbers")
    else:
        talk.say(
            OLD_BUTTON if talk.inbound.kind == "choice" else NOT_UNDERSTOOD,
            choices=_WAYS_OUT,
            listed="numbers",
        )
    return Answered("unclear", talk, open_)


# --- a typed word is a tap (DESIGN 6) ---------------------------------------------------------------------------


def _correction(talk: Talk, choices: Sequence[Mapping[str, Any]], open_: Open) -> str:
    """Return what 「ちがう」 means: no danger was meant where one was heard (CARE C12), else the answer was wrong.

    Under an answer that it stands on a button of, it is that button, unless a grave case waits.
    """
    case = talk.view.case
    button = next((str(c["act"]) for c in choices if c.get("fresh") and str(c["act"]).startswith(WRONG)), "")
    if button and (case is None or not case.pressing):
        return button
    if case is not None and case.kinds:
        return "safety.not_meant"
    if open_.name:
        return f"{WRONG}:{open_.data.get('topic', '')}"  # of the search that is open, if one is
    return next((str(c["act"]) for c in choices if str(c["act"]).startswith(WRONG)), f"{WRONG}:")


_NOISE = re.compile(r"[\s\W_]+")


def fold(text: str) -> str:
    """Fold a typed label: width, case, spaces, punctuation and pictures do not count."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


_CALLED = {language: {fold(name) for name in (own, *CALLED.get(language, ()))} for language, own in OWN_NAMES.items()}


def pressed(text: str, choices: Sequence[Mapping[str, Any]], words: Catalogs, language: str) -> str:
    """Return the act of the choice whose label, or number in a list, the whole text is; "" if it is none.

    A label that stands on the screen is a tap, whatever it sounds like together with the words before it.
    """
    typed = fold(text)
    for number, choice in enumerate(choices, 1):
        if not typed or not choice.get("act"):
            continue
        label = str(choice["label"])
        spoken = {fold(name) for name in {label, words.sentence(label, language)}}
        if typed in spoken or (choice.get("listed") and typed == str(number)):
            return str(choice["act"])
    return ""


def _command(talk: Talk, choices: Sequence[Mapping[str, Any]], open_: Open) -> str:
    """Return the act of the spoken command, or of the language's name, that the whole text is, or ""."""
    typed = fold(talk.inbound.text)
    for language in talk.view.city.languages:
        if typed and typed in _CALLED.get(language, ()):
            return f"language.chosen:{language}"
    command = talk.view.library.hearing.command(talk.inbound.text)
    if command in ("yes", "no"):
        return next((str(c["act"]) for c in choices if c.get("word") == command), "")
    wrong = _correction(talk, choices, open_)
    if command == "not_that":
        return wrong
    if wrong.startswith(WRONG) and (command == "no_use" or (command == "not_understood" and open_.state in GIVEN)):
        return wrong
    return COMMANDS.get(command, "")
