"""Judge a request body as LINE would: which properties it refuses, and in which words.

The rule: nothing here may look at the product's own limits; every number comes from LINE's reference
(facts/line.md 2 and 3), so that a mistake there is not excused here. Two shapes of refusal exist: of the body
(`messages[0].text`) and of what stands inside one message (`/body/contents/0/text`, `template/actions/0/label`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import regex

Json = dict[str, Any]

MESSAGES = 5
TEXT = 5000  # UTF-16 code units
QUICK_REPLIES = 13
ALT_TEXT = 1500
BUBBLES = 12
BUBBLE_BYTES = 30 * 1024
CAROUSEL_BYTES = 50 * 1024
DATA = 300
URI = 1000
URL = 2000

TYPES = ("text", "textV2", "sticker", "image", "video", "audio", "location", "imagemap", "template", "flex", "coupon")
_USER = regex.compile(r"U[0-9a-f]{32}")
_CHAT = regex.compile(r"[UCR][0-9a-f]{32}")
_COLOUR = regex.compile(r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?")
_PIXELS = regex.compile(r"\d+(\.\d+)?px")
_PERCENT = regex.compile(r"\d+(\.\d+)?%")
_UNIT = regex.compile(r"[A-Za-z0-9_]{1,30}")
_ALIAS = regex.compile(r"[a-z0-9_-]{1,32}")
_BRAND = regex.compile(r"(?<![a-z])line(?![a-z])", regex.IGNORECASE)
_MOMENT = {
    "date": regex.compile(r"\d{4}-\d\d-\d\d"),
    "time": regex.compile(r"\d\d:\d\d"),
    "datetime": regex.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d"),
}
_SPACE = ("none", "xs", "sm", "md", "lg", "xl", "xxl")
_TEXT_SIZE = ("xxs", "xs", "sm", "md", "lg", "xl", "xxl", "3xl", "4xl", "5xl")
_OFFSETS = {"position", "offsetTop", "offsetBottom", "offsetStart", "offsetEnd"}
_FLEX_PROPERTIES = {
    "bubble": {"size", "direction", "header", "hero", "body", "footer", "styles", "action"},
    "carousel": {"contents"},
    "box": {
        *("layout", "contents", "flex", "spacing", "margin", "width", "maxWidth", "height", "maxHeight", "action"),
        *("paddingAll", "paddingTop", "paddingBottom", "paddingStart", "paddingEnd", "justifyContent", "alignItems"),
        *("backgroundColor", "borderColor", "borderWidth", "cornerRadius", "background"),
        *_OFFSETS,
    },
    "text": {
        *("text", "contents", "flex", "margin", "size", "align", "gravity", "wrap", "maxLines", "weight", "color"),
        *("action", "style", "decoration", "lineSpacing", "adjustMode", "scaling"),
        *_OFFSETS,
    },
    "span": {"text", "color", "size", "weight", "style", "decoration"},
    "button": {
        *("action", "flex", "margin", "height", "style", "color", "gravity", "adjustMode", "scaling"),
        *_OFFSETS,
    },
    "image": {
        *("url", "flex", "margin", "align", "gravity", "size", "aspectRatio", "aspectMode", "backgroundColor"),
        *("action", "animated"),
        *_OFFSETS,
    },
    "icon": {"url", "margin", "size", "aspectRatio", "scaling", *_OFFSETS},
    "video": {"url", "previewUrl", "altContent", "aspectRatio", "action"},
    "separator": {"margin", "color"},
    "filler": {"flex"},
}
_FLEX_ENUMS = {
    "layout": ("horizontal", "vertical", "baseline"),
    "align": ("start", "end", "center"),
    "gravity": ("top", "bottom", "center"),
    "weight": ("regular", "bold"),
    "decoration": ("none", "underline", "line-through"),
    "position": ("relative", "absolute"),
    "direction": ("ltr", "rtl"),
    "aspectMode": ("cover", "fit"),
    "adjustMode": ("shrink-to-fit",),
    "justifyContent": ("center", "flex-start", "flex-end", "space-between", "space-around", "space-evenly"),
    "alignItems": ("center", "flex-start", "flex-end"),
}
_FLEX_INSIDE = {
    "horizontal": ("box", "button", "image", "text", "separator", "filler"),
    "vertical": ("box", "button", "image", "text", "separator", "filler"),
    "baseline": ("icon", "text", "filler"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Hold one detail of a refusal; `message_index` is set when it stands inside that message's contents."""

    message: str
    property: str
    message_index: int | None = None


Problems = Iterator[Problem]


def utf16(text: str) -> int:
    """Return the length in UTF-16 code units, LINE's count for most texts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def graphemes(text: str) -> int:
    """Return the number of grapheme clusters, LINE's count for labels and template texts."""
    return len(regex.findall(r"\X", text))


def is_user(value: object) -> bool:
    """Return whether `value` has the form of a resident's id."""
    return isinstance(value, str) and _USER.fullmatch(value) is not None


def is_chat(value: object) -> bool:
    """Return whether `value` has the form of an id of a resident, group or room."""
    return isinstance(value, str) and _CHAT.fullmatch(value) is not None


def is_alias(value: object) -> bool:
    """Return whether `value` may name a rich menu alias."""
    return isinstance(value, str) and _ALIAS.fullmatch(value) is not None


def refusal(problems: list[Problem]) -> Json:
    """Return the body of LINE's 400 for these problems (facts/line.md 2, Errors)."""
    outer = [p for p in problems if p.message_index is None]
    if outer:
        details, message = outer, f"The request body has {len(outer)} error(s)"
    else:
        index = problems[0].message_index
        details = [p for p in problems if p.message_index == index]
        message = f"A message (messages[{index}]) in the request body is invalid"
    return {"message": message, "details": [{"message": p.message, "property": p.property} for p in details]}


def judge(body: Json) -> list[Problem]:
    """Return everything LINE would refuse in a reply, push, multicast or validate body; empty means accepted."""
    return list(_body(body))


def judge_rich_menu(menu: Json) -> list[Problem]:
    """Return everything LINE would refuse in a rich menu object."""
    return list(_rich_menu(menu))


# --- small checks ----------------------------------------------------------------------------------------------


def _words(owner: Json, name: str, at: str, limit: int, *, count: Any = utf16, needed: bool = True) -> Problems:
    value = owner.get(name)
    where = f"{at}{name}"
    if value is None:
        if needed:
            yield Problem("May not be empty", where)
    elif not isinstance(value, str):
        yield Problem("Must be a string", where)
    elif needed and not value.strip():
        yield Problem("May not be empty", where)
    elif count(value) > limit:
        yield Problem(f"Length must be between 0 and {limit}", where)


def _url(owner: Json, name: str, at: str, *, needed: bool = True, limit: int = URL) -> Problems:
    yield from _words(owner, name, at, limit, needed=needed)
    value = owner.get(name)
    if isinstance(value, str) and value and not (value.startswith("https://") and value.isascii() and " " not in value):
        yield Problem("invalid https url", f"{at}{name}")


def _number(owner: Json, name: str, at: str, low: float, high: float, *, whole: bool = False) -> Problems:
    value = owner.get(name)
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind):
        yield Problem("Must be a number", f"{at}{name}")
    elif not low <= value <= high:
        yield Problem(f"must be between {low:g} and {high:g}", f"{at}{name}")


def _choice(owner: Json, name: str, at: str, allowed: tuple[str, ...], *, needed: bool = False) -> Problems:
    value = owner.get(name)
    if value not in allowed and (needed or value is not None):
        yield Problem(f"Must be one of the following values: [{', '.join(allowed)}]", f"{at}{name}")


# --- the body and its messages ---------------------------------------------------------------------------------


def _body(body: Json) -> Problems:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield Problem("May not be empty", "messages")
        return
    if len(messages) > MESSAGES:
        yield Problem(f"Size must be between 1 and {MESSAGES}", "messages")
    if not isinstance(body.get("notificationDisabled", False), bool):
        yield Problem("Must be a boolean", "notificationDisabled")
    units = body.get("customAggregationUnits", [])
    if not isinstance(units, list) or len(units) > 1:
        yield Problem("Size must be between 0 and 1", "customAggregationUnits")
    elif not all(isinstance(unit, str) and _UNIT.fullmatch(unit) for unit in units):
        yield Problem("invalid unit name", "customAggregationUnits[0]")
    for index, message in enumerate(messages):
        yield from _message(message, index)


def _message(message: Any, index: int) -> Problems:
    at = f"messages[{index}]."
    if not isinstance(message, dict):
        yield Problem("Must be an object", at[:-1])
        return
    yield from _choice(message, "type", at, TYPES, needed=True)
    kind = message.get("type")
    if kind == "text" or kind == "textV2":
        yield from _words(message, "text", at, TEXT)
        if kind == "textV2":
            yield from _text_v2(message, at)
    elif kind == "sticker":
        yield from _words(message, "packageId", at, 20)
        yield from _words(message, "stickerId", at, 20)
    elif kind in ("image", "video"):
        yield from _url(message, "originalContentUrl", at)
        yield from _url(message, "previewImageUrl", at)
    elif kind == "audio":
        yield from _url(message, "originalContentUrl", at)
        yield from _number(message, "duration", at, 1, float("inf"))
    elif kind == "location":
        yield from _words(message, "title", at, 100)
        yield from _words(message, "address", at, 100)
        yield from _number(message, "latitude", at, -90, 90)
        yield from _number(message, "longitude", at, -180, 180)
    elif kind == "imagemap":
        yield from _words(message, "baseUrl", at, URL)
        yield from _words(message, "altText", at, ALT_TEXT)
    elif kind in ("template", "flex"):
        yield from _words(message, "altText", at, ALT_TEXT)
        inside = _template(message.get("template")) if kind == "template" else _flex(message.get("contents"))
        for problem in inside:
            yield Problem(problem.message, problem.property, index)
    if "quickReply" in message:
        yield from _quick_reply(message["quickReply"], f"{at}quickReply")
    if "sender" in message:
        yield from _sender(message["sender"], f"{at}sender")


def _text_v2(message: Json, at: str) -> Problems:
    substitution = message.get("substitution", {})
    if not isinstance(substitution, dict) or len(substitution) > 100:
        yield Problem("Size must be between 0 and 100", f"{at}substitution")
        return
    text = message.get("text")
    bare = str(text).replace("{{", "").replace("}}", "")
    for name in regex.findall(r"\{([^{}]*)\}", bare):
        if name not in substitution:
            yield Problem(f"undefined substitution: {name}", f"{at}text")
    if regex.search(r"[{}]", regex.sub(r"\{[^{}]*\}", "", bare)):
        yield Problem("unbalanced braces", f"{at}text")


def _sender(sender: Any, at: str) -> Problems:
    if not isinstance(sender, dict):
        yield Problem("Must be an object", at)
        return
    yield from _words(sender, "name", f"{at}.", 20, needed=False)
    yield from _url(sender, "iconUrl", f"{at}.", needed=False)
    if _BRAND.search(str(sender.get("name", ""))):
        yield Problem("contains a forbidden word", f"{at}.name")


def _quick_reply(quick_reply: Any, at: str) -> Problems:
    items = quick_reply.get("items") if isinstance(quick_reply, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= QUICK_REPLIES:
        yield Problem(f"Size must be between 1 and {QUICK_REPLIES}", f"{at}.items")
        return
    for index, item in enumerate(items):
        here = f"{at}.items[{index}]."
        if not isinstance(item, dict):
            yield Problem("Must be an object", here[:-1])
            continue
        yield from _choice(item, "type", here, ("action",), needed=True)
        yield from _url(item, "imageUrl", here, needed=False)
        yield from _action(item.get("action"), f"{here}action.", label=20, place="quick reply")


# --- actions ---------------------------------------------------------------------------------------------------

_ACTIONS = ("postback", "message", "uri", "datetimepicker", "clipboard")
_PLACES = {
    "quick reply": (*_ACTIONS, "camera", "cameraRoll", "location"),
    "rich menu": (*_ACTIONS, "richmenuswitch"),
    "flex": _ACTIONS,
    "template": _ACTIONS,
}


def _action(action: Any, at: str, *, label: int, place: str, labelled: bool = True) -> Problems:
    if not isinstance(action, dict):
        yield Problem("May not be empty", at.rstrip("./"))
        return
    yield from _choice(action, "type", at, _PLACES[place], needed=True)
    if action.get("type") not in _PLACES[place]:
        return
    yield from _words(action, "label", at, label, count=graphemes, needed=labelled)
    match action.get("type"):
        case "postback":
            yield from _words(action, "data", at, DATA)
            for name in ("displayText", "text", "fillInText"):
                yield from _words(action, name, at, 300, count=graphemes, needed=False)
            if "displayText" in action and "text" in action:
                yield Problem("displayText and text can't be set together", f"{at}text")
        case "message":
            yield from _words(action, "text", at, 300, count=graphemes)
        case "uri":
            yield from _uri(action, at)
        case "datetimepicker":
            yield from _words(action, "data", at, DATA)
            yield from _choice(action, "mode", at, tuple(_MOMENT), needed=True)
            form = _MOMENT.get(action.get("mode", ""))
            for name in ("initial", "min", "max"):
                if form and name in action and not form.fullmatch(str(action[name])):
                    yield Problem("invalid date format", f"{at}{name}")
        case "clipboard":
            yield from _words(action, "clipboardText", at, 1000)
        case "richmenuswitch":
            yield from _words(action, "data", at, DATA)
            if not is_alias(action.get("richMenuAliasId")):
                yield Problem("invalid alias", f"{at}richMenuAliasId")


def _uri(action: Json, at: str) -> Problems:
    wrong = list(_words(action, "uri", at, URI))
    yield from wrong
    value = action.get("uri")
    if wrong or not isinstance(value, str):
        return
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    encoded = value.isascii() and not regex.search(r'[\s<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})', value)
    named = bool(parts.netloc) if parts.scheme in ("http", "https") else bool(parts.path or parts.netloc)
    if parts.scheme not in ("http", "https", "line", "tel") or not encoded or not named:
        yield Problem("invalid uri", f"{at}uri")


# --- templates -------------------------------------------------------------------------------------------------


def _template(template: Any) -> Problems:
    if not isinstance(template, dict):
        yield Problem("May not be empty", "template")
        return
    yield from _choice(template, "type", "template/", ("buttons", "confirm", "carousel", "image_carousel"), needed=True)
    match template.get("type"):
        case "buttons":
            yield from _column(template, "template/", plain=160, actions=4)
            if "defaultAction" in template:
                yield from _action(template["defaultAction"], "template/defaultAction/", label=20, place="template")
        case "confirm":
            yield from _words(template, "text", "template/", 240, count=graphemes)
            yield from _actions(template, "template/", 2, 2)
        case "carousel":
            columns = template.get("columns")
            yield from _columns(columns)
            for index, column in enumerate(columns if isinstance(columns, list) else []):
                if isinstance(column, dict):
                    yield from _column(column, f"template/columns/{index}/", plain=120, actions=3)
        case "image_carousel":
            columns = template.get("columns")
            yield from _columns(columns)
            for index, column in enumerate(columns if isinstance(columns, list) else []):
                if isinstance(column, dict):
                    at = f"template/columns/{index}/"
                    yield from _url(column, "imageUrl", at)
                    yield from _action(column.get("action"), f"{at}action/", label=12, place="template", labelled=False)


def _columns(columns: Any) -> Problems:
    if not isinstance(columns, list) or not 1 <= len(columns) <= 10:
        yield Problem("size must be between 1 and 10", "template/columns")
    elif not all(isinstance(column, dict) for column in columns):
        yield Problem("Must be an object", "template/columns")
    elif len({len(column.get("actions") or ()) for column in columns}) > 1:
        yield Problem("must have the same number of actions", "template/columns")


def _column(column: Json, at: str, *, plain: int, actions: int) -> Problems:
    crowded = "title" in column or "thumbnailImageUrl" in column
    yield from _words(column, "title", at, 40, count=graphemes, needed=False)
    yield from _url(column, "thumbnailImageUrl", at, needed=False)
    yield from _words(column, "text", at, 60 if crowded else plain, count=graphemes)
    yield from _actions(column, at, 1, actions)


def _actions(owner: Json, at: str, low: int, high: int) -> Problems:
    actions = owner.get("actions")
    if not isinstance(actions, list) or not low <= len(actions) <= high:
        yield Problem(f"size must be between {low} and {high}", f"{at}actions")
        return
    for index, action in enumerate(actions):
        yield from _action(action, f"{at}actions/{index}/", label=20, place="template")


# --- Flex ------------------------------------------------------------------------------------------------------


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _flex(container: Any) -> Problems:
    if not isinstance(container, dict) or container.get("type") not in ("bubble", "carousel"):
        yield Problem("invalid container", "/type")
        return
    if container["type"] == "bubble":
        yield from _bubble(container, "")
        return
    yield from _known(container, "")
    bubbles = container.get("contents")
    if not isinstance(bubbles, list) or not 1 <= len(bubbles) <= BUBBLES:
        yield Problem(f"size must be between 1 and {BUBBLES}", "/contents")
        return
    if _bytes(container) > CAROUSEL_BYTES:
        yield Problem("size must be 50KB or less", "/")
    if len({bubble.get("size", "mega") for bubble in bubbles if isinstance(bubble, dict)}) > 1:
        yield Problem("all bubbles must have the same size", "/contents")
    for index, bubble in enumerate(bubbles):
        yield from _bubble(bubble, f"/contents/{index}")


def _bubble(bubble: Any, at: str) -> Problems:
    if not isinstance(bubble, dict) or bubble.get("type") != "bubble":
        yield Problem("invalid container", f"{at}/type")
        return
    yield from _known(bubble, at)
    if _bytes(bubble) > BUBBLE_BYTES:
        yield Problem("size must be 30KB or less", f"{at}/")
    yield from _choice(bubble, "size", f"{at}/", ("nano", "micro", "deca", "hecto", "kilo", "mega", "giga"))
    if not any(part in bubble for part in ("header", "hero", "body", "footer")):
        yield Problem("at least one block must be specified", at or "/")
    for part in ("header", "body", "footer"):
        if part in bubble:
            yield from _component(bubble[part], f"{at}/{part}", ("box",))
    if "hero" in bubble:
        yield from _component(bubble["hero"], f"{at}/hero", ("box", "image", "video"))
    if "action" in bubble:
        yield from _action(bubble["action"], f"{at}/action/", label=40, place="flex", labelled=False)


def _known(component: Json, at: str) -> Problems:
    for name in component.keys() - _FLEX_PROPERTIES[component["type"]] - {"type"}:
        yield Problem("unknown field", f"{at}/{name}")
    for name, allowed in _FLEX_ENUMS.items():
        yield from _choice(component, name, f"{at}/", allowed)


def _component(component: Any, at: str, allowed: tuple[str, ...]) -> Problems:
    kind = component.get("type") if isinstance(component, dict) else None
    if not isinstance(component, dict) or kind not in allowed:
        yield Problem("invalid component type", f"{at}/type")
        return
    yield from _known(component, at)
    yield from _measures(component, at)
    match kind:
        case "box":
            contents = component.get("contents")
            inside = _FLEX_INSIDE.get(component.get("layout", ""))
            if "layout" not in component:
                yield Problem("layout is required", f"{at}/layout")
            if not isinstance(contents, list):
                yield Problem("contents is required", f"{at}/contents")
            else:
                for index, child in enumerate(contents):
                    yield from _component(child, f"{at}/contents/{index}", inside or _FLEX_INSIDE["vertical"])
        case "text":
            spans = component.get("contents")
            if isinstance(spans, list) and spans:
                for index, span in enumerate(spans):
                    yield from _component(span, f"{at}/contents/{index}", ("span",))
            elif not isinstance(component.get("text"), str) or not component["text"]:
                yield Problem("must be non-empty text", f"{at}/text")
        case "span":
            if not isinstance(component.get("text"), str) or not component["text"]:
                yield Problem("must be non-empty text", f"{at}/text")
        case "button":
            yield from _choice(component, "style", f"{at}/", ("primary", "secondary", "link"))
            yield from _choice(component, "height", f"{at}/", ("md", "sm"))
            yield from _action(component.get("action"), f"{at}/action/", label=40, place="flex")
        case "image" | "icon":
            yield from _url(component, "url", f"{at}/")
            yield from _ratio(component, at)
        case "video":
            yield from _url(component, "url", f"{at}/")
            yield from _url(component, "previewUrl", f"{at}/")
            yield from _component(component.get("altContent"), f"{at}/altContent", ("box", "image"))
    if kind != "button" and "action" in component:
        yield from _action(component["action"], f"{at}/action/", label=40, place="flex", labelled=False)


def _ratio(component: Json, at: str) -> Problems:
    ratio = component.get("aspectRatio")
    if ratio is None:
        return
    sides = regex.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", str(ratio))
    if not sides or not 1 <= float(sides[1]) <= 100000 or not 1 <= float(sides[2]) <= 3 * float(sides[1]):
        yield Problem("invalid aspect ratio", f"{at}/aspectRatio")


def _measures(component: Json, at: str) -> Problems:
    kind = component["type"]
    for name in ("color", "backgroundColor", "borderColor"):
        if name in component and not _COLOUR.fullmatch(str(component[name])):
            yield Problem("invalid color", f"{at}/{name}")
    spaces = ("margin", "spacing", "paddingAll", "paddingTop", "paddingBottom", "paddingStart", "paddingEnd")
    offsets = ("offsetTop", "offsetBottom", "offsetStart", "offsetEnd", "cornerRadius")
    for name in chain(spaces, offsets):
        value = component.get(name)
        if value is not None and value not in _SPACE and not _length(value, percent=name.startswith("padding")):
            yield Problem("invalid size", f"{at}/{name}")
    for name in ("width", "height", "maxWidth", "maxHeight"):
        if kind == "box" and name in component and not _length(component[name], percent=True):
            yield Problem("invalid size", f"{at}/{name}")
    size = component.get("size")
    if size is not None and kind in ("text", "span", "icon", "image"):
        keywords = (*_TEXT_SIZE, "full") if kind == "image" else _TEXT_SIZE
        if size not in keywords and not _length(size, percent=kind == "image"):
            yield Problem("invalid size", f"{at}/size")
    for name in ("flex", "maxLines"):
        value = component.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            yield Problem("must be a non-negative integer", f"{at}/{name}")
    for name in ("wrap", "scaling", "animated"):
        if not isinstance(component.get(name, False), bool):
            yield Problem("must be a boolean", f"{at}/{name}")


def _length(value: Any, *, percent: bool) -> bool:
    return isinstance(value, str) and bool(_PIXELS.fullmatch(value) or (percent and _PERCENT.fullmatch(value)))


# --- rich menus ------------------------------------------------------------------------------------------------


def _rich_menu(menu: Json) -> Problems:
    size = menu.get("size")
    if not isinstance(size, dict):
        yield Problem("May not be empty", "size")
        return
    wrong = [*_number(size, "width", "size.", 800, 2500, whole=True)]
    wrong += _number(size, "height", "size.", 250, float("inf"), whole=True)
    yield from wrong
    if wrong:
        return
    if size["width"] / size["height"] < 1.45:
        yield Problem("width / height must be 1.45 or more", "size")
    if not isinstance(menu.get("selected"), bool):
        yield Problem("Must be a boolean", "selected")
    yield from _words(menu, "name", "", 300, count=graphemes)
    yield from _words(menu, "chatBarText", "", 14, count=graphemes)
    areas = menu.get("areas")
    if not isinstance(areas, list) or len(areas) > 20:
        yield Problem("Size must be between 0 and 20", "areas")
        return
    for index, area in enumerate(areas):
        at = f"areas[{index}]."
        bounds = area.get("bounds") if isinstance(area, dict) else None
        if not isinstance(bounds, dict):
            yield Problem("May not be empty", f"{at}bounds")
            continue
        box = {name: bounds.get(name) for name in ("x", "y", "width", "height")}
        if not all(isinstance(value, int) and value >= 0 for value in box.values()):
            yield Problem("Must be a number", f"{at}bounds")
        elif bounds["x"] + bounds["width"] > size["width"] or bounds["y"] + bounds["height"] > size["height"]:
            yield Problem("must be inside the menu", f"{at}bounds")
        yield from _action(area.get("action"), f"{at}action.", label=20, place="rich menu", labelled=False)
