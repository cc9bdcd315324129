"""What LINE would refuse is refused here, counted as LINE counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import LineRefusedError
from bot.line import limits

FAMILY = "👨‍👩‍👧‍👦"  # one cluster, eleven UTF-16 units
APPLE = "🍎"  # two UTF-16 units


def postback(label: Any = "はい", data: Any = "a.b", **more: Any) -> dict[str, Any]:
    return {"type": "postback", "label": label, "data": data, **more}


def quick(*actions: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "text",
        "text": "x",
        "quickReply": {"items": [{"type": "action", "action": action} for action in actions]},
    }


def bubble(*contents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "bubble", "body": {"type": "box", "layout": "vertical", "contents": list(contents)}, **more}


def flex(contents: dict[str, Any], alt: str = "alt") -> dict[str, Any]:
    return {"type": "flex", "altText": alt, "contents": contents}


def button(label: str) -> dict[str, Any]:
    return {"type": "button", "action": postback(label)}


def uri(link: str) -> dict[str, Any]:
    return quick({"type": "uri", "label": "地図", "uri": link})


GOOD = {
    "text": {"type": "text", "text": "あ" * 5000},
    "apples": {"type": "text", "text": APPLE * 2500},
    "labels of twenty clusters": quick(postback(FAMILY * 20)),
    "thirteen quick replies": quick(*[postback(str(n)) for n in range(13)]),
    "data of 300 units": quick(postback(data=APPLE * 150)),
    "button of forty": flex(bubble(button("あ" * 40))),
    "twelve bubbles": flex({"type": "carousel", "contents": [bubble(button("a"))] * 12}),
    "alt of 1500": flex(bubble(button("a")), "あ" * 1500),
    "phone": uri("tel:000-0000-0000"),
    "encoded": uri("https://example.jp/%E3%81%82?q=%20"),
    "sender": {"type": "text", "text": "x", "sender": {"name": "さくら"}},
    "spans": flex(bubble({"type": "text", "contents": [{"type": "span", "text": "a"}]})),
    "location": {"type": "location", "title": "ひろば", "address": "ひなた市", "latitude": 1, "longitude": 2},
    "confirm": {
        "type": "template",
        "altText": "a",
        "template": {"type": "confirm", "text": "t", "actions": [postback(), postback()]},
    },
}
BAD = {
    "text of 5001": {"type": "text", "text": "あ" * 5001},
    "apples of 5002": {"type": "text", "text": APPLE * 2501},
    "empty text": {"type": "text", "text": " \n"},
    "label of 21": quick(postback("あ" * 21)),
    "no label": quick({"type": "postback", "data": "a"}),
    "fourteen quick replies": quick(*[postback(str(n)) for n in range(14)]),
    "no quick replies": quick(),
    "switch in a quick reply": quick({"type": "richmenuswitch", "label": "a", "data": "a"}),
    "data of 301 units": quick(postback(data="a" * 301)),
    "data of 200 apples": quick(postback(data=APPLE * 200)),
    "said too long": quick({"type": "message", "label": "a", "text": "あ" * 301}),
    "display text": quick(postback(displayText="あ" * 301)),
    "button of 41": flex(bubble(button("あ" * 41))),
    "nested button": flex(bubble({"type": "box", "layout": "vertical", "contents": [button("あ" * 41)]})),
    "empty flex text": flex(bubble({"type": "text", "text": ""})),
    "thirteen bubbles": flex({"type": "carousel", "contents": [bubble()] * 13}),
    "two widths": flex({"type": "carousel", "contents": [bubble(size="kilo"), bubble(size="mega")]}),
    "bubble over 30 KB": flex(bubble({"type": "text", "text": "あ" * 4900}, {"type": "text", "text": "い" * 4900},
                                     {"type": "text", "text": "う" * 900})),
    "carousel over 50 KB": flex({"type": "carousel", "contents": [bubble({"type": "text", "text": "あ" * 4500})] * 4}),
    "no alt": {"type": "flex", "altText": "", "contents": bubble()},
    "alt of 1501": flex(bubble(), "あ" * 1501),
    "http picture": flex(bubble({"type": "image", "url": "http://example.jp/a.png"})),
    "link with Japanese": uri("https://example.jp/地図"),
    "link with a space": uri("https://example.jp/a b"),
    "link half encoded": uri("https://example.jp/%E3%8"),
    "strange scheme": uri("javascript:alert(1)"),
    "no scheme": uri("example.jp"),
    "link of 1001": uri("https://example.jp/" + "a" * 982),
    "sender named LINE": {"type": "text", "text": "x", "sender": {"name": "ＬＩＮＥ係"}},
    "sender of 21": {"type": "text", "text": "x", "sender": {"name": "あ" * 21}},
    "unknown type": {"type": "hologram"},
    "location of 101": {"type": "location", "title": "あ" * 101, "address": "a"},
    "five actions": {"type": "template", "altText": "a",
                     "template": {"type": "buttons", "text": "t", "actions": [postback()] * 5}},
    "uneven carousel": {"type": "template", "altText": "a", "template": {"type": "carousel", "columns": [
        {"text": "a", "actions": [postback()]}, {"text": "b", "actions": [postback(), postback()]}]}},
    "image carousel label of 13": {"type": "template", "altText": "a", "template": {
        "type": "image_carousel", "columns": [
            {"imageUrl": "https://example.jp/a.png", "action": postback("あ" * 13)}]}},
    "one action in confirm": {"type": "template", "altText": "a",
                              "template": {"type": "confirm", "text": "t", "actions": [postback()]}},
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_line_takes_passes(name: str) -> None:
    """At the limit, counted the right way, nothing is refused."""
    assert limits.check_messages([GOOD[name]]) == []


@pytest.mark.parametrize("name", BAD)
def test_what_line_refuses_is_refused(name: str) -> None:
    """One step over, or counted the wrong way, there is a reason that names the property."""
    reasons = limits.check_messages([BAD[name]])
    assert reasons
    assert all(reason.startswith("messages/0") for reason in reasons)
    with pytest.raises(LineRefusedError):
        limits.require([BAD[name]])


def test_one_to_five_messages_in_two_megabytes() -> None:
    """A request holds one to five messages."""
    good = GOOD["confirm"]
    assert limits.check_messages([good] * 5) == []
    assert limits.check_messages([]) != []
    assert limits.check_messages([good] * 6) != []


@pytest.mark.parametrize(("seconds", "fits"), [(5, True), (60, True), (20, True), (7, False), (0, False), (65, False)])
def test_loading_seconds(seconds: int, fits: bool) -> None:
    """Five to sixty, in steps of five."""
    assert (limits.check_loading(seconds) == []) is fits


def test_labels_are_cut_by_clusters() -> None:
    """A cut label shows that it was cut and never breaks an emoji."""
    assert limits.clip_label("みじかい", 20) == "みじかい"
    assert limits.clip_label("あ" * 21, 20) == "あ" * 19 + "…"
    assert limits.clip_label(FAMILY * 21, 20) == FAMILY * 19 + "…"
    assert limits.clip_utf16(FAMILY * 3, 25) == FAMILY * 2 + "…"


def test_long_texts_are_split_after_a_sentence() -> None:
    """The cut falls behind 。 or a line end where there is one."""
    assert limits.split_text("あいう。えお。かき", 7) == ["あいう。えお。", "かき"]
    assert limits.split_text("abc def. ghi", 9) == ["abc def.", "ghi"]
    assert limits.split_text("あ" * 12, 5) == ["あ" * 5, "あ" * 5, "ああ"]
    assert limits.split_text("一二三。四五\n\n六七。八", 10) == [
        "一二三。四五",
        "六七。八",
    ]  # a paragraph before a sentence
    assert limits.split_text("一。二三四五\n六七。八", 9) == ["一。二三四五", "六七。八"]  # a line before a sentence
    assert limits.split_text("one two three", 9) == ["one two", "three"]
    assert limits.split_text("一\n\n二三四五六七。八九", 10) == ["一\n\n二三四五六七。", "八九"]  # no crumbs


@given(st.text(max_size=200), st.integers(min_value=12, max_value=60))
def test_no_piece_is_too_long_and_nothing_is_lost(text: str, limit: int) -> None:
    """Every piece fits, and together they hold every character but the spaces at the cuts."""
    pieces = limits.split_text(text, limit)
    assert all(limits.utf16_len(piece) <= limit or len(limits.graphemes(piece)) == 1 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@given(st.text(max_size=60), st.integers(min_value=1, max_value=20))
def test_a_cut_label_always_fits(text: str, limit: int) -> None:
    """Whatever the text, the label is within the limit."""
    assert len(limits.graphemes(limits.clip_label(text, limit))) <= limit


def test_links_are_encoded() -> None:
    """Japanese in host, path and query becomes what LINE takes; what is encoded stays as it is."""
    assert limits.encode_uri("https://例え.jp/地図?市=ひなた") == (
        "https://xn--r8jz45g.jp/%E5%9C%B0%E5%9B%B3?%E5%B8%82=%E3%81%B2%E3%81%AA%E3%81%9F"
    )
    for link in ("https://example.jp/%E5?a=1&b=%20", "tel:000-0000-0000", "https://line.me/R/nv/location/"):
        assert limits.encode_uri(link) == link
    assert limits.check_uri(limits.encode_uri("https://例え.jp/地 図")) == []


def test_work_names_are_shown_as_line_allows() -> None:
    """A name is cut to twenty, and left out when LINE would refuse it."""
    assert limits.sender_name(" さくら ") == "さくら"
    assert limits.utf16_len(limits.sender_name("さ" * 30)) == 20
    assert limits.sender_name("LINE係") == ""
    assert limits.sender_name("") == ""
