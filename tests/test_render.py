"""Rendering: whatever is said becomes messages that LINE takes, and lines that a person can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import render
from bot.directory.importing import read_file
from bot.directory.search import Directory
from bot.errors import DataFileError
from bot.line import limits
from bot.messages import GAP, ROOM_LINK, Card, Choice, Fact, Phrase, Reply, Verbatim, Yen, _
from tests.talk import DAY, Conversation, content, words

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
ROOM = "https://desk.example/room/enter/abc"
PERSON = Choice(_("人と話す"), "person.ask")


def line(*replies: Reply, language: str = "ja", **more: str) -> list[dict[str, Any]]:
    """Return the LINE messages of some replies."""
    return render.to_line(replies, language, words(), **more)


def labels(messages: list[dict[str, Any]]) -> list[str]:
    """Return the quick replies that stand under the last message."""
    assert all("quickReply" not in message for message in messages[:-1])
    return [item["action"]["label"] for item in messages[-1].get("quickReply", {"items": []})["items"]]


# --- bubbles ------------------------------------------------------------------------------------------------------


def test_lines_are_one_bubble_with_air_between_the_parts() -> None:
    """The lines of a reply stand in one text; a gap is an empty line, never at the edge."""
    reply = Reply((Verbatim("一"), GAP, Verbatim("二"), Verbatim("三"), GAP))
    assert [m["text"] for m in line(reply)] == ["一\n\n二\n三"]
    assert render.to_text((reply,), "ja", words()) == "一\n二\n三"


def test_an_answer_of_any_length_keeps_its_end() -> None:
    """Long paragraphs are parted at their ends; the last words and the buttons under them are always there."""
    page = "\n\n".join("これは長い説明です。" * 40 for _ in range(60))  # 24,000 characters
    end = Reply((Verbatim("おわり"),), choices=(PERSON,))
    messages = line(render.plain(page), end)
    assert len(messages) == limits.MESSAGES
    assert labels(messages) == ["人と話す"]
    assert all(message["text"].endswith(("。", "おわり")) for message in messages)
    assert "".join(message["text"] for message in messages).replace("\n", "") == page.replace("\n", "") + "おわり"
    messages = line(render.plain(page * 4), Reply((Verbatim("カード"),), cards=(Card(Verbatim("c")),)), end)
    assert [message["type"] for message in messages] == ["text", "text", "text", "flex", "text"]
    assert messages[2]["text"].endswith("…")
    assert messages[-1]["text"] == "おわり"


def test_bubbles_are_joined_until_five_remain() -> None:
    """More than five bubbles become five messages without losing a word or the buttons."""
    replies = [Reply((Verbatim(f"nr{n}"),), choices=(PERSON,) if n == 8 else ()) for n in range(9)]
    messages = line(*replies)
    assert len(messages) == limits.MESSAGES
    assert "\n".join(m["text"] for m in messages).split("\n") == [f"nr{n}" for n in range(9)]
    assert labels(messages) == ["人と話す"]


def test_joining_keeps_cards_apart() -> None:
    """Cards keep their own message when bubbles around them are joined."""
    replies = [Reply((Verbatim(str(n)),), cards=(Card(Verbatim("c")),) if n in (1, 4) else ()) for n in range(6)]
    messages = line(*replies)
    assert len(messages) <= limits.MESSAGES
    assert sum(m["type"] == "flex" for m in messages) == 2


def test_a_long_text_is_cut_after_a_sentence() -> None:
    """More than 5,000 characters become several bubbles that together say the same."""
    text = "とても長い話です。" * 1000
    messages = line(Reply((Verbatim(text),)))
    assert 1 < len(messages) <= limits.MESSAGES
    assert "".join(m["text"] for m in messages) == text
    assert all(m["text"].endswith("。") for m in messages)


# --- buttons ------------------------------------------------------------------------------------------------------


def test_at_most_thirteen_quick_replies_are_sent() -> None:
    """What LINE would refuse is left out; what stands first is kept."""
    choices = tuple(Choice(Verbatim(f"nr{n}"), "menu.show") for n in range(20))
    assert labels(line(Reply((Verbatim("x"),), choices=choices))) == [f"nr{n}" for n in range(13)]


def test_a_label_is_clipped_and_said_whole() -> None:
    """A label longer than LINE's 20 characters is cut visibly; a tap still says it whole in the chat."""
    long = "これはとても長いラベルで二十字をこえています"
    messages = line(Reply((Verbatim("x"),), choices=(Choice(Verbatim(long), "menu.show"),)))
    action = messages[-1]["quickReply"]["items"][0]["action"]
    assert len(action["label"]) == 20
    assert action["label"].endswith("…")
    assert action["displayText"] == long
    assert action["data"] == "menu.show"


@pytest.mark.parametrize(
    ("choice", "action"),
    [
        (Choice(_("いまの場所の近く"), opens="location"), {"type": "location"}),
        (Choice(_("電話する"), opens="call", uri="tel:0005550110"), {"type": "uri", "uri": "tel:0005550110"}),
        (Choice(_("LINEの外で書く"), "person.room", opens="room"), {"type": "uri", "uri": ROOM}),
        (PERSON, {"type": "postback", "data": "person.ask"}),
    ],
)
def test_each_way_to_open_has_its_action(choice: Choice, action: dict[str, str]) -> None:
    """Location, telephone, room and plain buttons become LINE's own actions."""
    found = line(Reply((Verbatim("x"),), choices=(choice,)), room_url=ROOM)[-1]["quickReply"]["items"][0]["action"]
    assert found | action == found


def test_choices_are_written_out_where_line_shows_no_buttons() -> None:
    """Listed choices stand in the bubble too: with numbers that may be typed, or with dots (DESIGN 6)."""
    choices = (PERSON, Choice(_("メニュー"), "menu.show"))
    numbers = line(
        Reply((_("どれにしますか。そのまま質問を書いてもかまいません。"),), choices=choices, listed="numbers")
    )
    assert numbers[0]["text"].split("\n")[1:] == ["1 人と話す", "2 メニュー"]
    dots = line(Reply((Verbatim("x"),), choices=choices, listed="dots"))
    assert dots[0]["text"].split("\n")[1:] == ["・人と話す", "・メニュー"]


def test_only_the_last_reply_carries_buttons() -> None:
    """LINE shows quick replies under the last bubble only, so an earlier reply's are not sent."""
    first = Reply((Verbatim("1"),), choices=(Choice(_("メニュー"), "menu.show"),))
    assert labels(line(first, Reply((Verbatim("2"),), choices=(PERSON,)))) == ["人と話す"]


# --- the room -----------------------------------------------------------------------------------------------------


def test_the_link_of_the_room_stands_where_it_was_asked_for() -> None:
    """A reply that leads into the room asks for a link; without one neither a dead button nor a hole is shown."""
    asks = Reply((Verbatim("ここです"), ROOM_LINK), choices=(Choice(_("LINEの外で書く"), "person.room", opens="room"),))
    assert render.wants_room((asks,))
    assert not render.wants_room((Reply((Verbatim("x"),), choices=(PERSON,)),))
    with_link = line(asks, room_url=ROOM)
    assert with_link[0]["text"] == f"ここです\n{ROOM}"
    assert labels(with_link)
    without = line(asks)
    assert without[0]["text"] == "ここです"
    assert labels(without) == []


# --- what others may see ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ja", "ja-easy", "en"])
def test_the_preview_of_a_card_is_neutral(language: str) -> None:
    """What a locked screen shows of a card is the same for every card (CARE C21)."""
    card = Card(Verbatim("家族から暴力を受けています"), kind=_("見せるカード"))
    alt = line(Reply(cards=(card,)), language=language)[0]["altText"]
    assert alt == words().word(render.ALT_TEXT, language)
    assert "暴力" not in alt


@pytest.mark.parametrize(
    ("name", "shown"),
    [("さくら", "さくら"), ("さ" * 30, "さ" * 19 + "…"), ("LINE相談", None), ("", None)],
)
def test_a_person_is_shown_by_work_name(name: str, shown: str | None) -> None:
    """Staff's words carry the work name, cut to LINE's 20 characters; one that LINE refuses is left out (CARE C31)."""
    assert line(render.plain("こんにちは"), sender=name)[0].get("sender", {}).get("name") == shown


# --- cards --------------------------------------------------------------------------------------------------------


def test_cards_side_by_side_have_one_width() -> None:
    """A place of which nothing is known may stand beside one with facts; LINE wants one width."""
    cards = (Card(Verbatim("a"), facts=(Fact(_("料金"), _("{amount}", amount=Yen(0))),)), Card(Verbatim("b")))
    bubbles = line(Reply(cards=cards))[0]["contents"]["contents"]
    assert {bubble["size"] for bubble in bubbles} == {"kilo"}


@pytest.mark.parametrize(
    "uri",
    ["", "www.example.jp", "javascript:alert(1)", "https://[x", "https://" + "あ" * 90 + ".jp", "x" * 2000, "tel:"],
)
def test_a_bad_link_spoils_no_answer(uri: str) -> None:
    """A link that LINE would refuse is left out, the card stays."""
    card = Card(Verbatim("a"), choices=(Choice(_("ホームページ"), opens="link", uri=uri), PERSON))
    (message,) = line(Reply(cards=(card,)))
    assert [button["action"]["label"] for button in message["contents"]["footer"]["contents"]] == ["人と話す"]


def test_a_japanese_address_of_a_page_is_encoded() -> None:
    """A link with Japanese in it works."""
    card = Card(
        Verbatim("a"), choices=(Choice(_("ホームページ"), opens="link", uri="https://市.example.jp/子育て?a=ひ"),)
    )
    (message,) = line(Reply(cards=(card,)))
    uri = message["contents"]["footer"]["contents"][0]["action"]["uri"]
    assert uri.isascii()
    assert limits.check_uri(uri) == []


dirty = st.text(alphabet=st.one_of(st.sampled_from("あ漢😀👨‍👩‍👧 \n\u3000"), st.characters(codec="utf-8")), max_size=40)
sizes = st.sampled_from([1, 1, 1, 1, 40])
many = st.builds(lambda text, times: text * times, dirty, sizes)
verbatim = st.builds(Verbatim, many)
choice = st.builds(
    Choice,
    st.builds(Verbatim, dirty.filter(lambda text: bool(text.strip()))),
    st.just("menu.show"),
    opens=st.sampled_from(["", "", "link", "call", "location", "room"]),
    uri=many,
)
card = st.builds(
    Card,
    st.builds(Verbatim, many.filter(lambda text: bool(text.strip()))),
    facts=st.lists(st.builds(Fact, st.builds(Verbatim, dirty), verbatim), max_size=12).map(tuple),
    note=st.none() | verbatim,
    choices=st.lists(choice, max_size=5).map(tuple),
)
reply = st.builds(
    Reply,
    st.lists(verbatim, min_size=1, max_size=4).map(tuple),
    st.lists(card, max_size=6).map(tuple),
    st.lists(choice, max_size=16).map(tuple),
    listed=st.sampled_from(["", "numbers", "dots"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(reply, min_size=1, max_size=7))
def test_whatever_data_holds_line_takes_the_answer(replies: list[Reply]) -> None:
    """However long, empty or odd names, values and links are, no more than five valid messages come out."""
    messages = line(Reply((Verbatim("x"),)), *replies, room_url=ROOM)
    assert 1 <= len(messages) <= limits.MESSAGES
    assert limits.check_messages(messages) == []


# --- real open data -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is absent")
def test_every_place_of_real_open_data_can_be_shown() -> None:
    """Every place of every city's file at hand can be shown whole and beside others, in each language."""
    taken = {}
    for path in sorted(SHARED.glob("*/*.csv")):
        if "spec_" not in str(path):
            try:
                taken |= {place.id: place for place in read_file(path).taken}
            except DataFileError:
                continue
    assert len(taken) > 500
    places = Directory(taken.values(), content().topics_of_category)
    talk = Conversation(DAY, directory=places)
    talk.writes("すみません")
    for n, id in enumerate(taken):
        shown = talk.fork()
        shown.does("choice", act=f"find_place.details:{id}")
        assert shown.last.replies[0].cards, id
        line(*shown.last.replies, language=("ja", "ja-easy", "en")[n % 3])
    for topic in content().vocabulary["topics"]:
        page = talk.fork()
        page.does("choice", act=f"find_place.topic:{topic}")
        page.does("choice", act="find_place.anywhere")
        page.does("choice", act="find_place.age:skip")
        for _again in range(4):
            line(*page.last.replies, language="en")
            page.does("choice", act="find_place.more")


def test_a_terminal_shows_cards_as_lines() -> None:
    """In transcripts, journal and room a card is lines, its buttons stand in brackets."""
    shown = Card(
        Verbatim("ひろば"),
        kind=_("子育てひろば"),
        facts=(Fact(_("料金"), _("{amount}", amount=Yen(1200))),),
        note=Verbatim("駅前"),
        choices=(PERSON,),
    )
    text = render.to_text((Reply((Phrase("どうぞ"),), (shown,), (PERSON,)),), "ja", words())
    expected = ["どうぞ", "  ［子育てひろば］ひろば", "    料金: 1,200円", "    駅前", "    [人と話す]", "  [人と話す]"]
    assert text.split("\n") == expected
