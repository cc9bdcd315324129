"""Refuse what LINE would refuse, before it is sent: lengths as LINE counts them, sizes, labels, links.

The rule: pure, and a judge of plain dicts: nothing is mended here behind the writer's back. Numbers and ways of
counting come from facts/line.md 2 (Messaging API reference, "Limits" and "Counting").
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import regex

from bot.errors import LineRefusedError

Json = Mapping[str, Any]

MESSAGES: Final = 5
BODY_BYTES: Final = 2_000_000
TEXT: Final = 5000
ALT_TEXT: Final = 1500
QUICK_REPLIES: Final = 13
QUICK_LABEL: Final = 20
TEMPLATE_LABEL: Final = 20
FLEX_LABEL: Final = 40
IMAGE_CAROUSEL_LABEL: Final = 12
DATA: Final = 300
SAID: Final = 300  # displayText, fillInText and a message action's text
URI: Final = 1000
CLIPBOARD: Final = 1000
MEDIA_URL: Final = 2000
BUBBLE_BYTES: Final = 30_000
CAROUSEL_BYTES: Final = 50_000
BUBBLES: Final = 12
SENDER: Final = 20
LOADING: Final = (5, 60)  # seconds, in steps of five
MENU_WIDTH: Final = (800, 2500)  # pixels; facts/line.md 3, also the next four
MENU_RATIO: Final = 1.45  # width to height, at least
MENU_AREAS: Final = 20
MENU_BAR: Final = 14
MENU_BYTES: Final = 1_000_000
SCHEMES: Final = ("http", "https", "line", "tel")

#: Where a text may be cut, the best first: between paragraphs, lines, sentences, words.
_ENDS = (
    regex.compile(r"\n\s*\n"),
    regex.compile(r"\n"),
    regex.compile(r"[。！？!?।]+[」』）)\s]*|\.\s+"),
    regex.compile(r"[\s、，]+"),
)
_CLUSTER = regex.compile(r"\X")
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")


# --- counting and cutting --------------------------------------------------------------------------------------------


def utf16_len(text: str) -> int:
    """Return the length in UTF-16 code units, as LINE counts text and postback data."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def graphemes(text: str) -> list[str]:
    """Return the grapheme clusters, as LINE counts labels."""
    return [str(cluster) for cluster in _CLUSTER.findall(text)]


def clip_label(text: str, limit: int) -> str:
    """Return `text` in at most `limit` grapheme clusters; what was cut is shown as …."""
    clusters = graphemes(text)
    return text if len(clusters) <= limit else "".join(clusters[: limit - 1]).rstrip() + "…"


def clip_utf16(text: str, limit: int) -> str:
    """Return `text` in at most `limit` UTF-16 units, never cutting a cluster; what was cut is shown as …."""
    if utf16_len(text) <= limit:
        return text
    kept, used = [], 1
    for cluster in graphemes(text):
        used += utf16_len(cluster)
        if used > limit:
            break
        kept.append(cluster)
    return "".join(kept).rstrip() + "…"


def split_text(text: str, limit: int = TEXT) -> list[str]:
    """Return `text` in pieces of at most `limit` UTF-16 units, cut after a paragraph, a line, a sentence or a word.

    A better cut counts only in the second half of a piece, so that no piece is a crumb.
    """
    pieces: list[str] = []
    rest = text.strip()
    while utf16_len(rest) > limit:
        kept, used = [], 0
        for cluster in graphemes(rest[: limit + 64]):  # a little more, so that no cluster is cut in two
            used += utf16_len(cluster)
            if used > limit:
                break
            kept.append(cluster)
        head = "".join(kept)
        cut = next((at for ends in _ENDS if (at := _last(ends, head)) > len(head) // 2), len(head))
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        pieces.append(rest)
    return pieces


def _last(ends: regex.Pattern[str], text: str) -> int:
    """Return where the last match ends, 0 when there is none."""
    return max((found.end() for found in ends.finditer(text)), default=0)


def encode_uri(uri: str) -> str:
    """Return `uri` percent-encoded as UTF-8, its host as IDNA; what is encoded already stays."""
    parts = urlsplit(uri.strip())
    host = parts.netloc
    if not host.isascii():
        host = host.encode("idna").decode()
    safe = "%/:=&?~+!$,;'@()*[]"
    return urlunsplit(
        (parts.scheme, host, quote(parts.path, safe), quote(parts.query, safe), quote(parts.fragment, safe))
    )


def sender_name(name: str) -> str:
    """Return a staff member's work name as LINE will show it, or "" when LINE would refuse it."""
    cut = clip_utf16(name.strip(), SENDER)
    return "" if _forbidden_name(cut) else cut


# --- judging ----------------------------------------------------------------------------------------------------


def check_messages(messages: Sequence[Json]) -> list[str]:
    """Return every reason why LINE would refuse these messages as one reply or push; empty when it takes them."""
    judge = _Judge()
    if not 1 <= len(messages) <= MESSAGES:
        judge.no("messages", f"{len(messages)} of them; LINE takes 1 to {MESSAGES}")
    if _size({"messages": list(messages)}) > BODY_BYTES:
        judge.no("messages", "the body is larger than 2 MB")
    for number, message in enumerate(messages):
        judge.message(f"messages/{number}", message)
    return judge.reasons


def require(messages: Sequence[Json]) -> None:
    """Raise LineRefusedError with every reason when LINE would refuse these messages."""
    if reasons := check_messages(messages):
        raise LineRefusedError(*reasons)


def check_loading(seconds: int) -> list[str]:
    """Return why LINE would refuse a loading animation of this length."""
    low, high = LOADING
    fits = low <= seconds <= high and seconds % 5 == 0
    return [] if fits else [f"loadingSeconds: {seconds}; LINE takes {low} to {high} in steps of five"]


def check_rich_menu(menu: Json, picture: bytes) -> list[str]:
    """Return why LINE would refuse this rich menu or its picture."""
    judge = _Judge()
    size, (low, high) = _mapping(menu.get("size")), MENU_WIDTH
    width, height = size.get("width", 0), size.get("height", 0)
    if not low <= width <= high or height < 250 or width / height < MENU_RATIO:
        judge.no(
            "size", f"{width} by {height}; LINE takes {low} to {high} wide, and at least {MENU_RATIO} times as wide"
        )
    judge.label("name", menu.get("name"), 300, needed=True)
    judge.label("chatBarText", menu.get("chatBarText"), MENU_BAR, needed=True)
    areas = _list(menu.get("areas"))
    if len(areas) > MENU_AREAS:
        judge.no("areas", f"{len(areas)} of them; LINE takes {MENU_AREAS}")
    for number, area in enumerate(areas):
        judge.action(f"areas/{number}/action", _mapping(_mapping(area).get("action")), QUICK_LABEL, needed=True)
    if not picture.startswith(b"\x89PNG") or len(picture) > MENU_BYTES:
        judge.no("picture", f"{len(picture)} bytes; LINE takes a PNG of at most 1 MB")
    return judge.reasons


def check_uri(uri: str) -> list[str]:
    """Return why LINE would refuse this link."""
    judge = _Judge()
    judge.uri("uri", uri)
    return judge.reasons


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _forbidden_name(name: str) -> bool:
    return not name or "line" in unicodedata.normalize("NFKC", name).casefold()


class _Judge:
    """Walk a message and gather reasons, each naming the property."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def no(self, where: str, why: str) -> None:
        self.reasons.append(f"{where}: {why}")

    def words(
        self, where: str, value: object, limit: int, *, count: Callable[[str], int] = utf16_len, needed: bool = True
    ) -> None:
        if value is None and not needed:
            return
        if not isinstance(value, str) or (needed and not value.strip()):
            self.no(where, "must be a text that is not empty")
        elif count(value) > limit:
            self.no(where, f"{count(value)} long; LINE takes {limit}")

    def label(self, where: str, value: object, limit: int, *, needed: bool) -> None:
        self.words(where, value, limit, count=lambda text: len(graphemes(text)), needed=needed)

    def uri(self, where: str, value: object, limit: int = URI, schemes: Sequence[str] = SCHEMES) -> None:
        if not isinstance(value, str) or not value:
            self.no(where, "must be a link")
            return
        if utf16_len(value) > limit:
            self.no(where, f"{utf16_len(value)} long; LINE takes {limit}")
        scheme, _, rest = value.partition(":")
        if scheme.lower() not in schemes or not rest:
            self.no(where, f"must begin with one of {', '.join(schemes)}")
        if not _ENCODED.fullmatch(value):
            self.no(where, "must be percent-encoded UTF-8")

    def message(self, where: str, message: Json) -> None:
        kind = message.get("type")
        if kind in ("text", "textV2"):
            self.words(f"{where}/text", message.get("text"), TEXT)
        elif kind == "sticker":
            for key in ("packageId", "stickerId"):
                self.words(f"{where}/{key}", message.get(key), 20)
        elif kind in ("image", "video", "audio"):
            self.uri(f"{where}/originalContentUrl", message.get("originalContentUrl"), MEDIA_URL, ("https",))
            if kind != "audio":
                self.uri(f"{where}/previewImageUrl", message.get("previewImageUrl"), MEDIA_URL, ("https",))
        elif kind == "location":
            for key in ("title", "address"):
                self.words(f"{where}/{key}", message.get(key), 100)
        elif kind == "template":
            self.words(f"{where}/altText", message.get("altText"), ALT_TEXT)
            self.template(f"{where}/template", _mapping(message.get("template")))
        elif kind == "flex":
            self.words(f"{where}/altText", message.get("altText"), ALT_TEXT)
            self.flex(f"{where}/contents", _mapping(message.get("contents")))
        else:
            self.no(f"{where}/type", "is none that this product sends")
        if "quickReply" in message:
            self.quick_reply(f"{where}/quickReply", _mapping(message["quickReply"]))
        if "sender" in message:
            name = _mapping(message["sender"]).get("name")
            self.words(f"{where}/sender/name", name, SENDER)
            if isinstance(name, str) and name and _forbidden_name(name):
                self.no(f"{where}/sender/name", "LINE refuses its own name in it")

    def quick_reply(self, where: str, quick: Json) -> None:
        items = _list(quick.get("items"))
        if not 1 <= len(items) <= QUICK_REPLIES:
            self.no(f"{where}/items", f"{len(items)} of them; LINE takes 1 to {QUICK_REPLIES}")
        for number, item in enumerate(items):
            action = _mapping(_mapping(item).get("action"))
            self.action(f"{where}/items/{number}/action", action, QUICK_LABEL, needed=True)
            if action.get("type") == "richmenuswitch":
                self.no(f"{where}/items/{number}/action", "a quick reply cannot switch the rich menu")

    def action(self, where: str, action: Json, limit: int, *, needed: bool) -> None:
        kind = action.get("type")
        self.label(f"{where}/label", action.get("label"), limit, needed=needed)
        if kind == "postback":
            self.words(f"{where}/data", action.get("data"), DATA)
            for key in ("displayText", "text", "fillInText"):
                self.label(f"{where}/{key}", action.get(key), SAID, needed=False)
        elif kind == "message":
            self.label(f"{where}/text", action.get("text"), SAID, needed=True)
        elif kind == "uri":
            self.uri(f"{where}/uri", action.get("uri"))
        elif kind == "datetimepicker":
            self.words(f"{where}/data", action.get("data"), DATA)
        elif kind == "clipboard":
            self.words(f"{where}/clipboardText", action.get("clipboardText"), CLIPBOARD)
        elif kind not in ("location", "camera", "cameraRoll", "richmenuswitch"):
            self.no(f"{where}/type", "is no action of LINE")

    def actions(self, where: str, value: object, low: int, high: int, limit: int = TEMPLATE_LABEL) -> int:
        found = _list(value)
        if not low <= len(found) <= high:
            self.no(where, f"{len(found)} of them; LINE takes {low} to {high}")
        for number, action in enumerate(found):
            self.action(f"{where}/{number}", _mapping(action), limit, needed=True)
        return len(found)

    def template(self, where: str, template: Json) -> None:
        kind = template.get("type")
        if kind == "buttons":
            self._titled(where, template, 160, 60)
            self.actions(f"{where}/actions", template.get("actions"), 1, 4)
        elif kind == "confirm":
            self.label(f"{where}/text", template.get("text"), 240, needed=True)
            self.actions(f"{where}/actions", template.get("actions"), 2, 2)
        elif kind == "carousel":
            columns = _list(template.get("columns"))
            if not 1 <= len(columns) <= 10:
                self.no(f"{where}/columns", f"{len(columns)} of them; LINE takes 1 to 10")
            counts = set()
            for number, column in enumerate(columns):
                here = f"{where}/columns/{number}"
                self._titled(here, _mapping(column), 120, 60)
                counts.add(self.actions(f"{here}/actions", _mapping(column).get("actions"), 1, 3))
            if len(counts) > 1:
                self.no(f"{where}/columns", "every column needs the same number of actions")
        elif kind == "image_carousel":
            columns = _list(template.get("columns"))
            if not 1 <= len(columns) <= 10:
                self.no(f"{where}/columns", f"{len(columns)} of them; LINE takes 1 to 10")
            for number, column in enumerate(columns):
                here = f"{where}/columns/{number}"
                self.uri(f"{here}/imageUrl", _mapping(column).get("imageUrl"), MEDIA_URL, ("https",))
                self.action(
                    f"{here}/action", _mapping(_mapping(column).get("action")), IMAGE_CAROUSEL_LABEL, needed=False
                )
        else:
            self.no(f"{where}/type", "is no template of LINE")

    def _titled(self, where: str, part: Json, plain: int, under_title: int) -> None:
        self.label(f"{where}/title", part.get("title"), 40, needed=False)
        above = "title" in part or "thumbnailImageUrl" in part
        self.label(f"{where}/text", part.get("text"), under_title if above else plain, needed=True)

    def flex(self, where: str, contents: Json) -> None:
        kind = contents.get("type")
        if kind == "bubble":
            self.bubble(where, contents)
        elif kind == "carousel":
            bubbles = [_mapping(b) for b in _list(contents.get("contents"))]
            if not 1 <= len(bubbles) <= BUBBLES:
                self.no(f"{where}/contents", f"{len(bubbles)} bubbles; LINE takes 1 to {BUBBLES}")
            if _size(contents) > CAROUSEL_BYTES:
                self.no(where, "the carousel is larger than 50 KB")
            if len({b.get("size", "mega") for b in bubbles}) > 1:
                self.no(f"{where}/contents", "the bubbles of a carousel need one width")
            for number, bubble in enumerate(bubbles):
                self.bubble(f"{where}/contents/{number}", bubble)
        else:
            self.no(f"{where}/type", "must be bubble or carousel")

    def bubble(self, where: str, bubble: Json) -> None:
        if bubble.get("type") != "bubble":
            self.no(f"{where}/type", "must be bubble")
        if _size(bubble) > BUBBLE_BYTES:
            self.no(where, "the bubble is larger than 30 KB")
        for part in ("header", "hero", "body", "footer"):
            if part in bubble:
                self.component(f"{where}/{part}", _mapping(bubble[part]))
        if "action" in bubble:
            self.action(f"{where}/action", _mapping(bubble["action"]), FLEX_LABEL, needed=False)

    def component(self, where: str, part: Json) -> None:
        kind = part.get("type")
        if kind == "text" and not part.get("contents"):
            self.words(f"{where}/text", part.get("text"), TEXT)
        if kind in ("image", "icon"):
            self.uri(f"{where}/url", part.get("url"), MEDIA_URL, ("https",))
        if kind == "button" or "action" in part:
            self.action(f"{where}/action", _mapping(part.get("action")), FLEX_LABEL, needed=kind == "button")
        for number, child in enumerate(_list(part.get("contents"))):
            self.component(f"{where}/contents/{number}", _mapping(child))


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
