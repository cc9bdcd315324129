"""Reads municipality and 町名 out of addresses, and folds names so that two spellings of one place meet.

The rule: a municipality is only read where the address cannot mean anything else; otherwise it stays empty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

DASHES = "‐‑‒–—―−─━ーｰ－﹣-"
_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)} | {ord("ヶ"): "け", ord("ヵ"): "か"}
_TO_HIRAGANA |= {ord(dash): "ー" for dash in DASHES}
_DROPPED = re.compile(r"[\s\u3000・･,、。.()（）「」『』【】\[\]<>\"'“”‘’!?:;/~〜～&＆]+")

_PREFECTURE = re.compile(r"^(北海道|東京都|大阪府|京都府|(?:神奈川|和歌山|鹿児島|[^\d\s市区町村]{2})県)")
# 神奈川藤沢市: the prefecture without 県. No city's own name begins so, save one.
_WITHOUT_ITS_END = re.compile(
    r"^(?!大阪狭山市)(?:青森|岩手|宮城|秋田|山形|福島|茨城|栃木|群馬|埼玉|千葉|東京|神奈川|新潟|富山|石川|福井|山梨|長野|岐阜|静岡|愛知|三重"
    r"|滋賀|京都|大阪|兵庫|奈良|和歌山|鳥取|島根|岡山|広島|山口|徳島|香川|愛媛|高知|福岡|佐賀|長崎|熊本|大分|宮崎|鹿児島|沖縄)"
    r"(?=[^\s\d市区町村郡都道府県]{1,5}市)"
)
# Municipalities whose own name holds 市, 町 or 村, so that the first such character is not its end.
_TRICKY = (
    "市川市",
    "市原市",
    "四日市市",
    "廿日市市",
    "野々市市",
    "余市町",
    "町田市",
    "大町市",
    "十日町市",
    "村山市",
    "武蔵村山市",
    "東村山市",
    "村上市",
    "羽村市",
    "大村市",
    "田村市",
    "玉村町",
    "大町町",
    "下市町",
    "上市町",
    "市川三郷町",
    "市川町",
    "市貝町",
    "村田町",
    "中村区",
    "郡山市",
    "大和郡山市",
    "郡上市",
    "小郡市",
    "蒲郡市",
)
_CITY = re.compile(r"^([^\d\s]{1,6}?市)([^\d\s町丁]{1,4}?区)?")
_TOKYO_WARD = re.compile(r"^([^\d\s市町村]{1,3}区)")
_COUNTY = re.compile(r"^([^\d\s市区]{1,5}?郡)([^\d\s]{1,6}?[町村])")
_TOWN_OR_VILLAGE = re.compile(r"^([^\d\s市区]{1,6}?[町村])")
_POSTAL = re.compile(r"^〒?\s*\d{3}-?\d{4}\s*")
_NUMERAL = "一二三四五六七八九十"
_TOWN_END = re.compile(rf"[{_NUMERAL}\d]+丁目|\d|\s|[(（]|番地|字(?=.)")


def fold(text: str) -> str:
    """Fold a name for comparison: NFKC, lower case, hiragana, one kind of dash, no spaces or punctuation."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text).translate(_TO_HIRAGANA)).lower()


def plain(text: str) -> str:
    """Return `text` with full-width letters, digits and spaces made ordinary; dashes between digits become hyphens."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(rf"(?<=\d)\s*[{DASHES}]\s*(?=\d)", "-", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def read_address(address: str, known: Iterable[str] = ()) -> tuple[str, str]:
    """Return (municipality, 町名) of an address, each empty when it is not certain.

    `known`: municipalities that the file names elsewhere. Without a prefecture or a known name only 市 and 郡 are
    taken for municipalities, since 中央町5番 begins with a 町名.
    """
    text = _POSTAL.sub("", plain(address))
    text = re.sub(r"(?<=[^ァ-ヶ])ニ(?=丁目)", "二", text)  # katakana ニ typed for the numeral 二
    bare = _WITHOUT_ITS_END.sub("", _PREFECTURE.sub("", text))
    in_prefecture = bare != text
    municipality = ""
    for name in sorted((*known, *_TRICKY), key=len, reverse=True):
        if bare.startswith(name):
            municipality = name
            break
    else:
        for pattern in (_COUNTY, _CITY, *((_TOKYO_WARD, _TOWN_OR_VILLAGE) if in_prefecture else ())):
            if found := pattern.match(bare):
                municipality = found[0]
                break
    rest = bare[len(municipality) :].strip()
    if municipality.endswith("市") and (ward := re.match(r"^[^\d\s町丁村]{1,4}?区", rest)):
        municipality, rest = municipality + ward[0], rest[ward.end() :]
    rest = re.sub("大字", "", rest)
    end = _TOWN_END.search(rest)
    town = (rest[: end.start()] if end else rest).strip()
    return municipality, re.sub(r"((?<=[町村])[甲乙丙丁]|第)$", "", town)


def fold_area(text: str) -> str:
    """Fold a municipality or 町名 as people type it: without prefecture, 大字, 丁目 and house numbers."""
    text = _PREFECTURE.sub("", _POSTAL.sub("", plain(text)))
    text = text.replace("大字", "")
    text = re.sub(rf"[{_NUMERAL}\d]+丁目.*$", "", text)
    text = re.sub(r"\d[\d-]*(?:番地|番(?!町)|号|の|\s|$).*$", "", text) or text
    return fold(text)
