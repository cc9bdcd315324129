"""The simulator refuses what LINE refuses, with its words, and nothing else (facts/line.md 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from simulator_stand_in import spec_errors, text

from bot.simulator.judge import graphemes, judge, refusal, utf16

FAMILY = "👩‍👩‍👧‍👦"  # one grapheme cluster, eleven UTF-16 units


def wrong(*messages: Any, **more: Any) -> list[tuple[str, str]]:
    """Return (property, message) of everything refused."""
    return [(p.property, p.message) for p in judge({"messages": list(messages), **more})]


def flex(*contents: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"type": "box", "layout": "vertical", "contents": list(contents)}
    return {"type": "flex", "altText": "場所", "contents": {"type": "bubble", "body": body, **more}}


def words(value: str = "ひなた保育園", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def button(label: str = "開く", **action: Any) -> dict[str, Any]:
    return {"type": "button", "action": {"type": "postback", "label": label, "data": "a.b", **action}}


def quick(*actions: dict[str, Any]) -> dict[str, Any]:
    return text("どれ？") | {"quickReply": {"items": [{"type": "action", "action": action} for action in actions]}}


def postback(label: str = "はい", data: str = "a.b", **more: Any) -> dict[str, Any]:
    return {"type": "postback", "label": label, "data": data, **more}


def template(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "template", "altText": "どうぞ", "template": {"type": kind, **fields}}


def bubbles(count: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "flex",
        "altText": "場所",
        "contents": {"type": "carousel", "contents": [flex(words(), **more)["contents"]] * count},
    }


def link(uri: str) -> dict[str, Any]:
    return flex(button() | {"action": {"type": "uri", "label": "地図", "uri": uri}})


GOOD = [
    text("あ" * 5000),
    text("🍎" * 2500),
    quick(*[postback(f"{n}") for n in range(13)]),
    quick(postback("🍎" * 20)),
    quick(postback(FAMILY * 20)),
    quick({"type": "location", "label": "いまいる所"}, {"type": "camera", "label": "写真"}),
    quick({"type": "datetimepicker", "label": "日", "data": "d", "mode": "date", "initial": "2026-11-21"}),
    quick(postback(data="あ" * 300)),
    text("はい") | {"sender": {"name": "田中（ひなた市）", "iconUrl": "https://example.com/a.png"}},
    text("はい") | {"sender": {"name": "Caroline"}},
    {"type": "sticker", "packageId": "446", "stickerId": "1988"},
    {"type": "image", "originalContentUrl": "https://example.com/a", "previewImageUrl": "https://example.com/b"},
    {"type": "location", "title": "園", "address": "ひなた市", "latitude": 35.7, "longitude": 139.4},
    {"type": "textV2", "text": "{name}さん {{ }}", "substitution": {"name": {"type": "mention"}}},
    template("buttons", text="あ" * 160, actions=[postback()] * 4),
    template("buttons", title="題", text="あ" * 60, actions=[postback()]),
    template("confirm", text="あ" * 240, actions=[postback("はい"), postback("いいえ")]),
    template("carousel", columns=[{"text": "あ" * 120, "actions": [postback()] * 3}] * 10),
    flex(words(wrap=True, weight="bold", size="lg", color="#123456", flex=0)),
    flex({"type": "text", "contents": [{"type": "span", "text": "あ", "color": "#11223344"}]}),
    flex({"type": "separator", "margin": "md"}, {"type": "filler"}, button("あ" * 40)),
    flex({"type": "image", "url": "https://example.com/a.png", "size": "full", "aspectRatio": "20:13"}),
    flex({"type": "box", "layout": "baseline", "contents": [words(), {"type": "icon", "url": "https://e.com/i"}]}),
    bubbles(12, size="kilo"),
    link("tel:000-0000-0000"),
    link("https://example.com/%E5%9C%92?q=%20#a"),
    link("https://line.me/R/oaMessage/%40hinata-demo/?%E3%81%AF"),
]

BAD = [
    (text(""), "messages[0].text", "May not be empty"),
    (text("   "), "messages[0].text", "May not be empty"),
    ({"type": "text"}, "messages[0].text", "May not be empty"),
    (text("あ" * 5001), "messages[0].text", "Length must be between 0 and 5000"),
    (text("🍎" * 2500 + "あ"), "messages[0].text", "Length must be between 0 and 5000"),
    ({"type": "nosuch"}, "messages[0].type", ""),
    ("text", "messages[0]", "Must be an object"),
    (quick(*[postback(f"{n}") for n in range(14)]), "messages[0].quickReply.items", "Size must be between 1 and 13"),
    (quick(), "messages[0].quickReply.items", "Size must be between 1 and 13"),
    (quick(postback("あ" * 21)), "messages[0].quickReply.items[0].action.label", "Length must be between 0 and 20"),
    (quick(postback("")), "messages[0].quickReply.items[0].action.label", "May not be empty"),
    (
        quick(postback(data="あ" * 301)),
        "messages[0].quickReply.items[0].action.data",
        "Length must be between 0 and 300",
    ),
    (
        quick(postback(data="🍎" * 151)),
        "messages[0].quickReply.items[0].action.data",
        "Length must be between 0 and 300",
    ),
    (quick(postback(displayText="あ" * 301)), "messages[0].quickReply.items[0].action.displayText", ""),
    (quick(postback(displayText="あ", text="い")), "messages[0].quickReply.items[0].action.text", ""),
    (quick({"type": "richmenuswitch", "label": "あ"}), "messages[0].quickReply.items[0].action.type", ""),
    (quick({"type": "message", "label": "あ", "text": "い" * 301}), "messages[0].quickReply.items[0].action.text", ""),
    (quick({"type": "datetimepicker", "label": "日", "data": "d", "mode": "week"}), "…", ""),
    (text("あ") | {"sender": {"name": "あ" * 21}}, "messages[0].sender.name", "Length must be between 0 and 20"),
    (text("あ") | {"sender": {"name": "LINE相談"}}, "messages[0].sender.name", "contains a forbidden word"),
    (text("あ") | {"sender": {"iconUrl": "http://example.com/a"}}, "messages[0].sender.iconUrl", "invalid https url"),
    ({"type": "image", "originalContentUrl": "http://e.com/a", "previewImageUrl": "https://e.com/b"}, "…", ""),
    ({"type": "location", "title": "あ" * 101, "address": "い", "latitude": 35, "longitude": 139}, "…", ""),
    ({"type": "location", "title": "あ", "address": "い", "latitude": 95, "longitude": 139}, "…", ""),
    ({"type": "textV2", "text": "{name}さん"}, "messages[0].text", "undefined substitution: name"),
    ({"type": "textV2", "text": "{さん"}, "messages[0].text", "unbalanced braces"),
    (template("buttons", text="あ" * 161, actions=[postback()]), "template/text", ""),
    (template("buttons", title="題", text="あ" * 61, actions=[postback()]), "template/text", ""),
    (template("buttons", text="あ", actions=[postback()] * 5), "template/actions", "size must be between 1 and 4"),
    (template("buttons", text="あ", actions=[postback("あ" * 21)]), "template/actions/0/label", ""),
    (template("confirm", text="あ", actions=[postback()]), "template/actions", "size must be between 2 and 2"),
    (template("carousel", columns=[{"text": "あ", "actions": [postback()]}] * 11), "template/columns", ""),
    (
        template("carousel", columns=[{"text": "あ", "actions": [postback()] * n} for n in (1, 2)]),
        "template/columns",
        "must have the same number of actions",
    ),
    (flex(words()) | {"altText": "あ" * 1501}, "messages[0].altText", "Length must be between 0 and 1500"),
    (flex(words()) | {"altText": ""}, "messages[0].altText", "May not be empty"),
    (flex(words("")), "/body/contents/0/text", "must be non-empty text"),
    (flex(button("あ" * 41)), "/body/contents/0/action/label", "Length must be between 0 and 40"),
    (flex({"type": "button"}), "/body/contents/0/action", "May not be empty"),
    (flex(words(color="red")), "/body/contents/0/color", "invalid color"),
    (flex(words(size="huge")), "/body/contents/0/size", "invalid size"),
    (flex(words(margin="5")), "/body/contents/0/margin", "invalid size"),
    (flex(words(wrap="true")), "/body/contents/0/wrap", "must be a boolean"),
    (flex(words(flex=-1)), "/body/contents/0/flex", "must be a non-negative integer"),
    (flex(words(colour="#000000")), "/body/contents/0/colour", "unknown field"),
    (flex({"type": "span", "text": "あ"}), "/body/contents/0/type", "invalid component type"),
    (flex({"type": "box", "layout": "baseline", "contents": [button()]}), "/body/contents/0/contents/0/type", ""),
    (flex({"type": "box", "layout": "grid", "contents": []}), "/body/contents/0/layout", ""),
    (flex({"type": "image", "url": "http://e.com/a.png"}), "/body/contents/0/url", "invalid https url"),
    (flex({"type": "image", "url": "https://e.com/a", "aspectRatio": "1:4"}), "/body/contents/0/aspectRatio", ""),
    (flex(words(), size="huge"), "/size", ""),
    (flex(words("あ" * 10240)), "/", "size must be 30KB or less"),
    (bubbles(13), "/contents", "size must be between 1 and 12"),
    (link("https://example.com/園"), "/body/contents/0/action/uri", "invalid uri"),
    (link("https://example.com/a b"), "/body/contents/0/action/uri", "invalid uri"),
    (link("https://example.com/100%"), "/body/contents/0/action/uri", "invalid uri"),
    (link("javascript:alert(1)"), "/body/contents/0/action/uri", "invalid uri"),
    (link("https:///a"), "/body/contents/0/action/uri", "invalid uri"),
    (link("https://example.com/" + "a" * 981), "/body/contents/0/action/uri", "Length must be between 0 and 1000"),
]


def test_counting() -> None:
    """An apple is two UTF-16 units and one grapheme cluster; a family is one cluster."""
    assert (utf16("🍎"), graphemes("🍎")) == (2, 1)
    assert (utf16(FAMILY), graphemes(FAMILY)) == (11, 1)
    assert (utf16("が"), graphemes("か\u3099")) == (1, 1)


@pytest.mark.parametrize("message", GOOD, ids=range(len(GOOD)))
def test_accepted(message: dict[str, Any]) -> None:
    """What stays within LINE's limits is accepted."""
    assert wrong(message) == []


@pytest.mark.parametrize("message", GOOD, ids=range(len(GOOD)))
def test_accepted_by_the_spec(message: dict[str, Any], shared: Path) -> None:
    """LINE's own schema accepts the same (it counts some things otherwise: emoji in textV2)."""
    if message["type"] != "textV2" and not any("🍎" in str(value) for value in message.values()):
        assert spec_errors(shared, "messaging-api.yml", "ValidateMessageRequest", {"messages": [message]}) == []


@pytest.mark.parametrize(("message", "where", "why"), BAD, ids=range(len(BAD)))
def test_refused(message: Any, where: str, why: str) -> None:
    """What is beyond a limit is refused in the right place; one problem, one detail."""
    found = wrong(message)
    assert len(found) == 1
    if where != "…":
        assert found[0][0] == where
    if why:
        assert found[0][1] == why


def test_number_of_messages() -> None:
    """One to five messages go into a request."""
    assert wrong(*[text("あ")] * 5) == []
    assert wrong(*[text("あ")] * 6) == [("messages", "Size must be between 1 and 5")]
    assert wrong() == [("messages", "May not be empty")]
    assert [p.property for p in judge({})] == ["messages"]


def test_other_properties() -> None:
    """Aggregation units and the silent flag are looked at too."""
    assert wrong(text("あ"), customAggregationUnits=["batch_1"], notificationDisabled=True) == []
    assert wrong(text("あ"), customAggregationUnits=["a", "b"])[0][0] == "customAggregationUnits"
    assert wrong(text("あ"), customAggregationUnits=["案内"])[0][0] == "customAggregationUnits[0]"
    assert wrong(text("あ"), notificationDisabled="yes")[0][0] == "notificationDisabled"


def test_carousel_size() -> None:
    """A carousel may be 50 KB although each bubble alone is small enough; its bubbles have one width."""
    many = bubbles(10)
    many["contents"]["contents"] = [flex(words("あ" * 2000))["contents"]] * 10
    assert wrong(many) == [("/", "size must be 50KB or less")]
    two = bubbles(2)
    two["contents"]["contents"] = [flex(words(), size=size)["contents"] for size in ("kilo", "mega")]
    assert wrong(two) == [("/contents", "all bubbles must have the same size")]


def test_words_of_a_refusal() -> None:
    """LINE lists what is wrong in the body first, and else what is wrong inside the first bad message."""
    body = {"messages": [text(""), flex(words(""))]}
    assert refusal(judge(body)) == {
        "message": "The request body has 1 error(s)",
        "details": [{"message": "May not be empty", "property": "messages[0].text"}],
    }
    body["messages"][0] = text("はい")
    assert refusal(judge(body)) == {
        "message": "A message (messages[1]) in the request body is invalid",
        "details": [{"message": "must be non-empty text", "property": "/body/contents/0/text"}],
    }
