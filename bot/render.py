"""Rendering: what is said becomes LINE messages, or lines in a terminal.

The rule: rendering words and shapes, and decides nothing. Whatever it makes has passed `line.limits`; previews and
altText are neutral, since somebody else may see the phone (CARE C21).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bot.i18n import Catalogs
from bot.line import limits
from bot.messages import GAP, ROOM_LINK, Card, Choice, Fact, Reply, Text, Verbatim, _

ALT_TEXT = _("お返事があります")

#: How much of one value a card shows, in UTF-16 units: several cards share 50 KB, one alone has 30 KB.
SIDE_BY_SIDE, ALONE = 200, 1000

INK, SOFT, LINE_COLOUR, WARM = "#2B2B2B", "#6B6B6B", "#E6E0D8", "#B4552D"


def wants_room(replies: Sequence[Reply]) -> bool:
    """Return whether some reply leads into the resident's room, so that a link must be made."""
    return any(ROOM_LINK in reply.lines or any(c.opens == "room" for c in reply.choices) for reply in replies)


def to_line(
    replies: Sequence[Reply], language: str, words: Catalogs, *, room_url: str = "", sender: str = ""
) -> list[dict[str, Any]]:
    """Return 1 to 5 LINE messages; the last carries the quick replies. Raise LineRefusedError if LINE would refuse.

    `sender` is the name shown for a person's message (LINE: at most 20 characters).
    """
    bubbles: list[str | dict[str, Any]] = []
    for reply in replies:
        if text := _text(reply, language, words, room_url):
            bubbles.append(text)
        if reply.cards:
            bubbles.append(_flex(reply.cards, language, words))
    messages = _few(bubbles)
    choices = replies[-1].choices if replies else ()
    items = [item for choice in choices if (item := _quick(choice, language, words, room_url))]
    if items and messages:
        messages[-1]["quickReply"] = {"items": items[: limits.QUICK_REPLIES]}
    if name := limits.sender_name(sender):
        for message in messages:
            message["sender"] = {"name": name}
    limits.require(messages)
    return messages


def to_text(replies: Sequence[Reply], language: str, words: Catalogs, *, room_url: str = "") -> str:
    """Return the same as plain lines: for transcripts, the journal and the room."""
    lines: list[str] = []
    for reply in replies:
        if text := _text(reply, language, words, room_url):
            lines += [line for line in text.split("\n") if line]
        for card in reply.cards:
            kind = f"［{words.word(card.kind, language)}］" if card.kind else ""
            lines.append(f"  {kind}{words.word(card.title, language)}")
            lines += [f"    {words.word(f.label, language)}: {words.word(f.value, language)}" for f in card.facts]
            if card.note:
                lines.append(f"    {words.word(card.note, language)}")
            if card.choices:
                lines.append("    " + " ".join(f"[{words.word(c.label, language)}]" for c in card.choices))
    if replies and replies[-1].choices and not replies[-1].listed:
        lines.append("  " + " ".join(f"[{words.word(c.label, language)}]" for c in replies[-1].choices))
    return "\n".join(lines)


def to_page(cards: Sequence[Card], language: str, words: Catalogs) -> list[dict[str, Any]]:
    """Return cards as plain JSON for the resident's page: title, kind, facts, note, and what can be opened."""
    return [
        {
            "title": words.word(card.title, language),
            "kind": words.word(card.kind, language) if card.kind else "",
            "facts": [[words.word(fact.label, language), words.word(fact.value, language)] for fact in card.facts],
            "note": words.word(card.note, language) if card.note else "",
            "links": [
                [words.word(choice.label, language), uri]
                for choice in card.choices
                if choice.opens in ("call", "link") and (uri := _uri(choice.uri))
            ],
        }
        for card in cards
    ]


def _few(bubbles: Sequence[str | dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one to five messages: neighbouring texts are joined, the shortest first, and what is too long is split.

    Cards keep a message of their own. Of a text longer than five messages hold, the end is shown as ….
    """
    kept = list(bubbles)

    def parts(bubble: str | dict[str, Any]) -> list[dict[str, Any]]:
        if not isinstance(bubble, str):
            return [bubble]
        return [{"type": "text", "text": part} for part in limits.split_text(bubble)]

    while sum(len(parts(bubble)) for bubble in kept) > limits.MESSAGES:
        pairs = [
            (len(first) + len(second), at)
            for at, (first, second) in enumerate(pairwise(kept))
            if isinstance(first, str) and isinstance(second, str)
        ]
        if pairs:
            _length, at = min(pairs)
            kept[at : at + 2] = [f"{kept[at]}\n{kept[at + 1]}"]
            continue
        at = max(range(len(kept)), key=lambda n: len(parts(kept[n])))
        longest = kept[at]
        if not isinstance(longest, str) or len(parts(longest)) == 1:
            break
        kept[at] = limits.clip_utf16(longest, limits.utf16_len(longest) - limits.TEXT)
    return [part for bubble in kept for part in parts(bubble)][: limits.MESSAGES]


def _text(reply: Reply, language: str, words: Catalogs, room_url: str) -> str:
    lines: list[str] = []
    for line in reply.lines:
        if line == GAP:
            lines.append("")
        elif worded := room_url if line == ROOM_LINK else words.word(line, language):
            lines.append(worded)
    if reply.listed:
        labels = [words.word(choice.label, language) for choice in reply.choices]
        lines += [f"{n} {label}" if reply.listed == "numbers" else f"・{label}" for n, label in enumerate(labels, 1)]
    return "\n".join(lines).strip("\n")


def _label(text: Text, language: str, words: Catalogs, most: int) -> str:
    return limits.clip_label(words.word(text, language), most)


def _action(choice: Choice, language: str, words: Catalogs, room_url: str, most: int) -> dict[str, Any] | None:
    label = _label(choice.label, language, words, most)
    if choice.opens == "location":
        return {"type": "location", "label": label}
    if choice.opens == "room":
        return {"type": "uri", "label": label, "uri": room_url} if room_url else None
    if choice.opens:
        uri = _uri(choice.uri)
        return {"type": "uri", "label": label, "uri": uri} if uri else None
    return {"type": "postback", "label": label, "data": choice.act, "displayText": words.word(choice.label, language)}


def _uri(uri: str) -> str:
    """Return a link as LINE takes it, or "" when LINE would refuse it: one bad link in open data spoils no answer."""
    try:
        encoded = limits.encode_uri(uri)
    except ValueError:
        return ""
    return "" if limits.check_uri(encoded) else encoded


def _quick(choice: Choice, language: str, words: Catalogs, room_url: str) -> dict[str, Any] | None:
    action = _action(choice, language, words, room_url, limits.QUICK_LABEL)
    return {"type": "action", "action": action} if action else None


def _flex(cards: Sequence[Card], language: str, words: Catalogs) -> dict[str, Any]:
    shown = cards[: limits.BUBBLES]
    size = "kilo" if any(card.facts for card in shown) else "mega"  # a carousel has one width
    most = ALONE if len(shown) == 1 else SIDE_BY_SIDE
    bubbles = [_bubble(card, language, words, size, most) for card in shown]
    contents = bubbles[0] if len(bubbles) == 1 else {"type": "carousel", "contents": bubbles}
    return {"type": "flex", "altText": words.word(ALT_TEXT, language), "contents": contents}


def _bubble(card: Card, language: str, words: Catalogs, size: str, most: int) -> dict[str, Any]:
    title = limits.clip_utf16(words.word(card.title, language), SIDE_BY_SIDE)
    body: list[dict[str, Any]] = []
    if card.kind:
        body.append(
            {
                "type": "text",
                "text": words.word(card.kind, language),
                "size": "xs",
                "color": WARM,
                "weight": "bold",
                "wrap": True,
            }
        )
    body.append({"type": "text", "text": title, "weight": "bold", "size": "md", "wrap": True, "color": INK})
    if card.facts:
        body.append({"type": "separator", "margin": "md", "color": LINE_COLOUR})
        body.append(
            {
                "type": "box",
                "layout": "vertical",
                "margin": "md",
                "spacing": "sm",
                "contents": [_fact(fact, language, words, most) for fact in card.facts],
            }
        )
    if card.note and (note := limits.clip_utf16(words.word(card.note, language), ALONE).strip()):
        body.append({"type": "text", "text": note, "wrap": True, "size": "sm", "color": SOFT, "margin": "md"})
    bubble: dict[str, Any] = {
        "type": "bubble",
        "size": size,
        "body": {"type": "box", "layout": "vertical", "contents": body},
    }
    actions = [a for c in card.choices if (a := _action(c, language, words, "", limits.FLEX_LABEL))]
    if actions:
        bubble["footer"] = {
            "type": "box",
            "layout": "vertical",
            "spacing": "xs",
            "contents": [
                {"type": "button", "style": "link", "height": "sm", "color": WARM, "action": action}
                for action in actions
            ],
        }
    return bubble


def _fact(fact: Fact, language: str, words: Catalogs, most: int) -> dict[str, Any]:
    label, value = words.word(fact.label, language), limits.clip_utf16(words.word(fact.value, language), most)
    return {
        "type": "box",
        "layout": "baseline",
        "spacing": "sm",
        "contents": [
            {"type": "text", "text": label.strip() or "・", "size": "xs", "color": SOFT, "flex": 2, "wrap": True},
            {"type": "text", "text": value.strip() or "-", "size": "sm", "color": INK, "flex": 5, "wrap": True},
        ],
    }


def plain(text: str) -> Reply:
    """Give a bubble of words that a person wrote."""
    return Reply(lines=(Verbatim(text),))
