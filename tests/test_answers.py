"""Answers to topics: what is asked for is told, in every language, and what only the city knows is never guessed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from bot import city, names, services
from bot.errors import SettingsError
from bot.library import ANSWER_PARTS, CONTENT, read_yaml
from bot.messages import Choice
from bot.situation import Service
from bot.understanding.asked import PARTS, Asked
from tests.talk import DAY, Conversation, content, view, words

ASKED = Asked(read_yaml(CONTENT / "asked.yaml"))

#: "Where is it, what does it cost, how do I apply", as somebody types it in each language.
ALL_AT_ONCE = {
    "ja": "{}はどこですか。いくらですか。どうやって申し込みますか",
    "ja-easy": "{} どこ ですか。いくら ですか。もうしこみは どうしますか",
    "en": "{}: where is it, how much is it, and how do I apply",
    "zh-Hans": "{}在哪里？多少钱？怎么申请？",
    "zh-Hant": "{}在哪裡？多少錢？怎麼申請？",
    "ko": "{} 어디예요? 얼마예요? 어떻게 신청해요?",
    "vi": "{} ở đâu, bao nhiêu tiền, đăng ký thế nào",
    "pt-BR": "{}: onde fica, quanto custa e como faço a inscrição",
    "fil": "{}: saan po, magkano, at paano mag-apply",
    "ne": "{} कहाँ छ, कति पैसा लाग्छ, कसरी आवेदन गर्ने",
    "es": "{}: dónde está, cuánto cuesta y cómo me inscribo",
    "id": "{} di mana, berapa biayanya, bagaimana cara daftarnya",
}


@pytest.mark.parametrize("language", ALL_AT_ONCE)
def test_every_language_asks_for_every_part(language: str) -> None:
    """Where, cost and applying are heard in one breath; each part alone, too."""
    asked = ASKED.parts(ALL_AT_ONCE[language].format(""))
    assert {"where", "cost", "apply"} <= {*asked}, asked
    for part, phrases in read_yaml(CONTENT / "asked.yaml").get(language, {}).items():
        for phrase in phrases.split("/"):
            assert part in ASKED.parts(phrase.strip().removesuffix("*")), phrase


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("BAO NHIÊU TIỀN", ("cost",)),
        ("bao nhieu tien", ("cost",)),
        ("ｈｏｗ ｍｕｃｈ", ("cost",)),
        ("りょうきん いくら", ("cost",)),
        ("ryoukin wa ikura desu ka", ("cost",)),
        ("cafeteria", ()),  # "fee" and "cost" are whole words
        ("I am tired", ()),
        ("在留資格", ()),
        ("", ()),
    ],
)
def test_parts_are_heard_as_people_type(text: str, parts: tuple[str, ...]) -> None:
    assert ASKED.parts(text) == parts
    assert {*parts} <= {*PARTS}


@pytest.mark.parametrize("language", ALL_AT_ONCE)
def test_each_topic_is_answered_within_three_messages(language: str) -> None:
    """Where, what it costs, how to apply: asked in one message, by a name of the topic, and answered (issue D)."""
    for topic in names.TOPICS:
        talk = Conversation(DAY)
        talk.view = replace(talk.view, language=language, city=replace(talk.view.city, languages=tuple(ALL_AT_ONCE)))
        talk.writes(ALL_AT_ONCE[language].format(_name(topic, language)))
        if choice := _leading_to(topic, talk):
            talk.does("choice", act=choice.act)
        parts = talk.view.library.answers[topic].parts
        for part in ("cost", "apply"):
            assert _says(talk, parts[part].msgid), f"{language} {topic} {part}: {talk.said}"
        if talk.view.library.topic_has_places(topic):
            acts = {choice.act for choice in talk.last.replies[-1].choices}
            assert acts & {f"find_place.topic:{topic}", "find_place.anywhere"}, f"{language} {topic}: {talk.said}"


@cache
def _topics(language: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = read_yaml(CONTENT / "topics" / f"{language}.yaml")["topics"]
    return found


def _name(topic: str, language: str) -> str:
    """Return the first name by which people of this language call the topic."""
    return _topics(language)[topic]["words"].strip().splitlines()[0].split(" / ")[0]


def _leading_to(topic: str, talk: Conversation) -> Choice | None:
    """Return the choice among those shown last that leads to the topic."""
    shown = talk.last.replies[-1].choices if talk.last.replies else ()
    return next((choice for choice in shown if choice.act.startswith(f"answer.about:{topic}")), None)


def _says(talk: Conversation, msgid: str) -> bool:
    return words().sentence(msgid, talk.last.language) in talk.said


def test_a_bare_question_is_about_what_is_talked_of() -> None:
    """「いくら」 alone belongs to the topic that is open, also while a place is being looked for."""
    talk = Conversation(DAY)
    talk.writes("一時預かり")
    assert "どのあたり" in talk.said
    talk.writes("料金は？")
    assert content().answers["temporary_care"].parts["cost"].msgid in talk.said
    talk.writes("市内ならどこでも")
    assert "何歳" in talk.said  # the search went on
    talk.writes("学童の料金は？")
    assert content().answers["after_school"].parts["cost"].msgid in talk.said


def test_a_bare_question_about_nothing_is_not_guessed() -> None:
    talk = Conversation(DAY)
    talk.writes("料金は？")
    assert not any(_says(talk, answer.parts["cost"].msgid) for answer in content().answers.values())
    assert any(choice.act == "person.ask" for choice in talk.last.replies[-1].choices)


def test_what_the_city_has_not_said_is_said_to_be_unknown() -> None:
    talk = Conversation(DAY)
    talk.view = replace(talk.view, city=replace(talk.view.city, services={}))
    talk.writes("学童はいくらですか")
    assert services.ASK_THE_DESK.msgid in talk.said
    talk.view = replace(talk.view, city=replace(talk.view.city, services={"after_school": Service(((6000, "月"),))}))
    talk.writes("学童はいくらですか")
    assert services.ASK_THE_DESK.msgid not in talk.said
    assert "月 6,000円" in talk.said


def test_the_counter_card_has_both_languages_and_the_japanese_name() -> None:
    answer = content().answers["child_allowance"]
    card = services.counter_card(answer, "vi")
    assert words().word(card.title, "vi") == answer.ask_at_counter.msgid
    assert words().word(card.facts[0].value, "vi") == answer.in_japanese
    assert card.note == answer.ask_at_counter
    assert services.counter_card(answer, "ja").note is None


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"fees": [{"yen": "300"}]}, "whole yen"),
        ({"fees": [{"yen": 300, "for": "1時"}]}, "whole yen"),
        ({"period": "10-15"}, "from and to"),
        ({"period": "13-01..01-31"}, "from and to"),
        ({"price": 3}, "unknown keys"),
    ],
)
def test_a_wrong_service_setting_is_refused(entry: dict[str, object], why: str) -> None:
    document = {"name": "ひなた市", "desks": [], "services": {"nursery": entry}}
    with pytest.raises(SettingsError, match=why):
        city.city_of(document)
    with pytest.raises(SettingsError, match="not a topic"):
        city.city_of({"name": "ひなた市", "desks": [], "services": {"nursry": {}}})


def test_every_answer_has_all_parts_and_every_journey_known_topics() -> None:
    for answer in content().answers.values():
        assert tuple(answer.parts) == ANSWER_PARTS
        assert answer.facts
    assert {topic for journey in content().journeys.values() for topic in journey.beside} <= {*names.TOPICS}
    assert view().library.journeys
