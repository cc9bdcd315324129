"""Read the few facts of a search out of a text: the child's age, area, day, time, free of charge, a few conditions.

The rule: small grammars over folded text, in all spoken languages at once; what is not clearly said is left open.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache, lru_cache

from babel import Locale

from bot.messages import Slots
from bot.understanding import days
from bot.understanding.normalise import JAPANESE, fold

_KANJI = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "零": 0}
_KANA_YEARS = {
    "いっさい": 1,
    "にさい": 2,
    "さんさい": 3,
    "よんさい": 4,
    "ごさい": 5,
    "ろくさい": 6,
    "れいさい": 0,
    "ぜろさい": 0,
}
_ENGLISH_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_ENGLISH = {name: number for number, name in enumerate(_ENGLISH_NUMBERS.split())}
_ENGLISH |= {"a": 1, "an": 1}
_N = r"(\d{1,2}|[一二三四五六七八九十])"
_E = r"(\d{1,2}|" + "|".join(_ENGLISH) + ")"

_JA_MONTHS_OLD = re.compile(rf"(?:生後|産後|せいご)\s*{_N}\s*(?:か|ヶ|ケ|カ|ヵ|ヵ|箇|個)?\s*(?:月|げつ)")
_JA_MONTHS_BABY = re.compile(
    rf"{_N}\s*(?:か|ヶ|ケ|カ|ヵ|箇|個)\s*(?:月|げつ)\s*(?:の)?\s*(?:赤ちゃん|あかちゃん|ベビー|子|息子|娘|こども|乳児|です|児|になりました)"
)
# an age that stands alone, as a mother types it at night (5か月 / 10ヶ月 38.5); never how far a pregnancy is
_JA_MONTHS_ALONE = re.compile(
    rf"(?:^|(?<=[\s、。])){_N}\s*(?:か|ヶ|ケ|カ|ヵ|箇|個)\s*(?:月|げつ)(?=$|[\s、。]|\d|で(?!き)|なの|なん)"
)
_PREGNANT = re.compile(
    r"妊|にんしん|臨月|gr[aá]vid|gesta|embaraz|buntis|hamil|mang thai|có thai|co thai|b[aầ]u|임신|怀孕|懷孕|गर्भ|pregnan"
)
_JA_WEEKS = re.compile(rf"(?:生後|産後)\s*{_N}\s*週")
_JA_DAYS = re.compile(r"(?:生後|産後)\s*(\d{1,3})\s*(?:日|にち)")
_JA_YEARS = re.compile(
    rf"(?<!\d){_N}\s*(?:歳|才|さい)(?!以上|以下|未満|まで|から)(半|\s*{_N}\s*(?:か|ヶ|ケ|カ|ヵ|箇)\s*月)?"
)
_JA_NEWBORN = re.compile(r"新生児|生まれたばかり|うまれたばかり|生まれたて")
_EN_MONTHS = re.compile(rf"\b{_E}[\s-]*(?:months?|mos?|mo)\b[\s-]*(?:old|baby|infant|son|daughter|boy|girl)")
_EN_WEEKS = re.compile(rf"\b{_E}[\s-]*(?:weeks?)[\s-]*(?:old)")
_EN_DAYS = re.compile(rf"\b{_E}[\s-]*(?:days?)[\s-]*(?:old)")
_EN_YEARS = re.compile(rf"\b{_E}(\s*(?:and a half|1/2|\.5))?[\s-]*(?:years?|yrs?|yo|y/o)\b(\s*and a half)?")
# ages in the other languages: (number and unit, months of one unit); never how long ago, nor how far a pregnancy is
_AGES = (
    (re.compile(r"(\d{1,2})\s*(?:개월|달\s?(?:된|아기))"), 1.0),
    (re.compile(r"(\d{1,2})\s*(?:살|세(?![가-힣]))"), 12.0),
    (re.compile(r"(?:생후|출산)\s*(\d{1,3})\s*주"), 7 / 30),
    (re.compile(r"생후\s*(\d{1,3})\s*일"), 1 / 30),
    (re.compile(rf"{_N}\s*(?:个|個)\s*(?:多|半)?月(?!前|后|後|以)(?=大|的|宝|寶|婴|嬰|孩|男|女|$|\W)"), 1.0),
    (re.compile(rf"{_N}\s*(?:岁|歲)"), 12.0),
    (re.compile(r"(\d{1,2})\s*th[aá]ng\s*(?:tu[oổ]i|r[uư][oỡ]i)"), 1.0),
    (re.compile(r"(\d{1,2})\s*tu[oổ]i"), 12.0),
    (
        re.compile(
            r"(\d{1,2})\s*(?:m[eê]s(?:es)?|meses)\b(?!\s*(?:atr[aá]s|de\s+(?:embarazo|gesta[cç]))|\s*gr[aá]vida)"
        ),
        1.0,
    ),
    (re.compile(r"(\d{1,2})\s*(?:anos|a[nñ]os|a[nñ]itos|aninhos|a[nñ]o|ano)\b(?!\s*atr[aá]s)"), 12.0),
    (re.compile(r"(\d{1,2})\s*(?:buwan(?:g\s+gulang)?|mos?)\b(?!\s*(?:na\s+(?:akong|kong)?\s*buntis|pa\s))"), 1.0),
    (re.compile(r"(\d{1,2})\s*(?:taon(?:g\s+gulang)?|anyos|y\.?o)\b"), 12.0),
    (re.compile(r"(\d{1,2})\s*(?:bulan|bln)\b(?!\s*(?:lalu|hamil|kehamilan|lagi))"), 1.0),
    (re.compile(r"(\d{1,2})\s*(?:tahun|thn|th)\b(?!\s*lalu)"), 12.0),
    (re.compile(r"(\d{1,2}|[०-९]{1,2})\s*(?:महिना|mahina|maina)(?!\s*(?:अघि|aghi))"), 1.0),
    (re.compile(r"(\d{1,2}|[०-९]{1,2})\s*(?:वर्ष|बर्ष|barsa|barse|varsha)(?!\s*(?:अघि|aghi))"), 12.0),
)
_NO_AGE = r"months?|weeks?|days?|hours?|am|pm|:|minutes?|times?|yen|km|people|kids|children"
_EN_AGED = re.compile(rf"\b(?:aged?|is|turned|who is|hes|shes)\s+{_E}\b(?!\s*(?:{_NO_AGE}))")
_EN_NEWBORN = re.compile(r"\bnew\s?borns?\b")


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    return _KANJI[text] if text in _KANJI else _ENGLISH[text]


def _age(text: str) -> int | None:
    if match := _JA_MONTHS_OLD.search(text) or _EN_MONTHS.search(text):
        return _number(match.group(1))
    if match := _JA_WEEKS.search(text) or _EN_WEEKS.search(text):
        return _number(match.group(1)) * 7 // 30
    if match := _JA_DAYS.search(text) or _EN_DAYS.search(text):
        return _number(match.group(1)) // 30
    if match := _JA_YEARS.search(text):
        half = match.group(2) or ""
        return _number(match.group(1)) * 12 + (6 if half == "半" else _number(match.group(3)) if half else 0)
    if match := _JA_MONTHS_BABY.search(text):
        return _number(match.group(1))
    if not _PREGNANT.search(text) and (match := _JA_MONTHS_ALONE.search(text)):
        return _number(match.group(1))
    for kana, years in _KANA_YEARS.items():
        if kana in text:
            return years * 12
    if match := _EN_YEARS.search(text):
        return _number(match.group(1)) * 12 + (6 if match.group(2) or match.group(3) else 0)
    if _JA_NEWBORN.search(text) or _EN_NEWBORN.search(text):
        return 0
    if (match := _EN_AGED.search(text)) and _number(match.group(1)) <= 18:
        return _number(match.group(1)) * 12
    for pattern, unit in _AGES:
        if (match := pattern.search(text)) and not (unit == 1.0 and _PREGNANT.search(text)):
            return int(_number(match.group(1)) * unit)
    return None


def age_months(text: str) -> int | None:
    """Return the child's age in months (0-227) that a text states, or None (19 years and more are no child's)."""
    months = _age(fold(text).text)
    return months if months is not None and months < 19 * 12 else None


_FREE = re.compile(
    r"無料|むりょう|ただで|タダで|お金(?:が)?(?:の)?かからない|おかね(?:が)?かからない|no charge"
    r"|\bfree(?: of charge)?\b(?! (?:time|day|slot|spot|space))"
    r"|무료|공짜|免费|免費|\bmien phi\b|\bgr[aá]tis\b|\bgratuit[oa]s?\b|\bde graca\b|\bsem custo\b|\bsin costo\b"
    r"|\bwalang bayad\b|\blibre(?:ng)?\b(?= (?:ba|po|ng|na (?!oras)|lang|serbisyo|gamot|bakuna|check))"
    r"|\btanpa biaya\b|निःशुल्क|नि:शुल्क|सित्तै|\bnishulka?\b|\bsittai\b"
)
_NOT_FREE = re.compile(r"smoke.free|feel free|hands.free|無料じゃなくても|有料でも")


# --- what a place is to be like ---------------------------------------------------------------------------------------

#: The languages that a place may speak: our id -> its names in CLDR. Japanese goes without saying.
_SPOKEN = {
    "en": ("en",), "zh-Hans": ("zh",), "ko": ("ko",), "vi": ("vi",), "pt-BR": ("pt",), "fil": ("fil", "tl"),
    "ne": ("ne",), "es": ("es",), "id": ("id",),
}  # fmt: skip
#: Beside CLDR's names.
_ALSO_CALLED = {
    "en": "えいご 英文 英语 英語 angreji अंग्रेजी",
    "zh-Hans": "ちゅうごくご 中文 汉语 漢語 华语 華語 普通话 mandarin 中国话",
    "ko": "かんこくご 韩文 韓語",
    "vi": "ベトナムご べとなむご 越语 越語",
    "pt-BR": "ポルトガルご ぽるとがるご",
    "fil": "フィリピンご ふぃりぴんご タガログご 菲律賓語",
    "ne": "ネパールご ねぱーるご nepali नेपाली",
    "es": "スペインご すぺいんご",
    "id": "インドネシアご いんどねしあご 印尼语 印尼語 印尼文",
}
#: Who or what is to speak it, by the language of the asker; {n} is its name there. Never what the asker cannot speak.
_SPEAKING = (
    ("ja", r"(?:{n})(?:が|で|も|でも)?(?:通じる|通じて|つうじる|つうじて|話せる|はなせる|わかる|分かる|できる|対応"
           r"|相談|そうだん|ok|いける)(?!よう)|(?:{n})[がでもは]*(?:通じ|つうじ|話せ|はなせ|わかり|分かり|でき)ますか"
           r"|(?:{n})[でもは]+(?:大丈夫|だいじょうぶ)"),
    ("en", r"\b(?:{n})[ -]speaking|\b(?:they|staff|who|that|anyone|someone|somebody|doctors?|nurses?|teachers?|people)"
           r"(?: (?:can|also|there))* (?:speaks?|understands?) (?:{n})|\b(?:{n}) (?:is )?(?:spoken|available|ok\b)"),
    ("zh_Hans", r"(?<![不我])(?:会|能|可以|懂)(?:够)?(?:说|讲|用)?(?:{n})|(?<!不)(?:说|讲)(?:{n})的"
                r"|(?:{n})(?:服务|咨询|沟通)"),
    ("zh_Hant", r"(?<![不我])(?:會|能|可以|懂)(?:夠)?(?:說|講|用)?(?:{n})|(?<!不)(?:說|講)(?:{n})的"
                r"|(?:{n})(?:服務|諮詢|溝通)"),
    ("ko", r"(?:{n})(?:가|로|도|로도)? ?(?:통하는|통해요|가능|되는|할 수 있는|하는 (?:곳|데|선생|의사|분|직원)|상담)"),
    ("vi", r"\b(?:nguoi|cho|noi|bac si|y ta|co giao|nhan vien|ai)(?: nao| do)?(?: co the)?"
           r" (?:noi|biet)(?: duoc)? (?:{n})|\bho tro (?:{n})"),
    ("pt_BR", r"(?<!nao )\b(?:falem?|falam|que fala|alguem fala|se fala|atendam?|atendem|atendimento)(?: em)? (?:{n})"),
    ("es", r"(?<!no )\b(?:hablen?|hablan|que habla|alguien habla|se habla|atienden?|atencion)(?: en)? (?:{n})"),
    ("fil", r"(?<!hindi )(?<!ako )\b(?:nagsasalita|marunong|nakakapagsalita|nakakaintindi)(?: po| ba| sila)*"
            r"(?: ng| mag| sa)?[ -](?:{n})"),
    ("ne", r"(?:{n})\s*(?:मा|भाषा|भाषामा|ma|bhasa)?\s*(?:बोल्ने|बुझ्ने|bolne|bujhne)"),
    ("id", r"(?<!tidak )(?<!tak )(?<!gak )(?<!saya )\b(?:bisa|yang|dapat|melayani)(?: (?:bisa|bicara|pakai|dalam))*"
           r" (?:ber)?bahasa (?:{n})"),
)  # fmt: skip
_VISIT = re.compile(
    r"(?:家|うち|自宅|いえ)(?:に|へ|まで)(?:来て|きて)(?:くれ|もら|ほし|いただ)|訪問して(?:くれ|もら|ほし)|訪問型"
    r"|出張して(?:くれ|もら)"
    r"|\b(?:can|could|who|that|will|someone|somebody|anyone|nurse|midwife|helper|sitter)(?: \w+){0,2}"
    r" comes? to (?:my|our|the|your) (?:home|house|place|apartment)|\bhome[ -]visits?\b"
    r"|\bin[ -]home (?:care|help|support)"
    r"|上门|上門|到府|到宅|来家里|來家裡"
    r"|집(?:으)?로 (?:와|오)|집에 와 ?(?:주|줄)|방문 ?(?:서비스|돌봄|해)"
    r"|\bden tan nha\b|\btan nha\b|\btai nha\b(?= (?:giup|cham|trong|ho tro))"
    r"|\b(?:vem|vir|venha|venham|va|ir) (?:a|ate|em|na) (?:minha |nossa )?casa\b|\ba domicilio\b|\bvisitas? domiciliar"
    r"|\b(?:vengan?|vienen?|venir) a (?:mi|la|nuestra) casa\b"
    r"|\b(?:pumunta|pumupunta|pupunta|dumadalaw|dumalaw) sa (?:bahay|amin)\b"
    r"|घरमा(?:ै)? आ(?:उ|एर)|\bghar(?:ai)?ma aa?(?:u|era)"
    r"|\b(?:datang|berkunjung|dipanggil) ke rumah\b|\bkunjungan rumah\b"
)
_CONDITIONS = (
    ("overnight", re.compile(
        r"とまれる(?:ところ|所|ばしょ|しせつ)|泊まれる|泊まりで|お泊まり|泊まりがけ|宿泊|一晩(?:預|あず)"
        r"|\bovernight (?:care|stay|childcare|babysit)|\b(?:stay|sleep|keep|leave)(?: \w+){0,4} overnight\b"
        r"|\bstay the night\b"
        r"|过夜|過夜|숙박|하룻밤|자고 올 수|\b(?:gui|o lai|ngu|trong|giu)(?: \w+){0,3} qua dem\b"
        r"|\bpernoit\w+|\bdormir la\b|\bpernocta\w*|\bquedarse a dormir\b"
        r"|\bmatulog doon\b|\bmagpalipas ng gabi\b|रातभर राख्|रात बस्न|\brat(?:ma|i)? basna\b|\bmenginap\b|\bbermalam\b"
    )),
    ("no_booking", re.compile(
        r"予約(?:なし|無し|ナシ|不要|がいらない|のいらない|いらず|しなくて)|よやく(?:なし|がいらない|しなくて)|飛び込みで"
        r"|\b(?:no|without(?: an?| any)?) (?:booking|reservations?|appointments?)\b|\bwalk[ -]?ins?\b"
        r"|不用预约|不需要预约|无需预约|免预约|不用預約|不需要預約|無需預約|免預約|예약 ?(?:없이|안 ?해도|불필요)"
        r"|\bkhong can (?:dat|hen)|\bsem (?:reserva|agendar|agendamento|marcar|hora marcada)\b"
        r"|\bsin (?:reserva|cita|reservar)\b"
        r"|\bwalang (?:appointment|reservation|booking)\b|\bhindi kailangan ng (?:appointment|reservation|booking)\b"
        r"|(?:बुकिङ|अपोइन्टमेन्ट) (?:बिना|नगरी)|\bbooking bina\b|\btanpa (?:reservasi|janji|booking|daftar)\b"
    )),
    ("parking", re.compile(
        r"駐車場|ちゅうしゃじょう|(?:車|くるま)を(?:停め|止め|とめ)ら?れ?る(?:ところ|所|ばしょ|場所)"
        r"|\bparking\b|停车场|停車場|주차|\bbai do xe\b|\b(?:cho|co) dau xe\b"
        r"|\bestacionamentos?\b|\bestacionamientos?\b|\bparqueo\b|\bparadahan\b|पार्किङ|\bparkir(?:an)?\b"
    )),
)  # fmt: skip


#: Beginners of Japanese put blanks between words (やさしい日本語).
_BLANK = re.compile(rf"(?<={JAPANESE.pattern}) +(?={JAPANESE.pattern})")


@cache
def _speaking() -> tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """Return the pattern of any language's name, and for each language that of wishing it spoken, asked in any."""
    names = {asked: Locale.parse(asked).languages for asked, _template in _SPEAKING}
    every: set[str] = set()
    found = []
    for spoken, codes in _SPOKEN.items():
        more = _ALSO_CALLED.get(spoken, "").split()
        templates = []
        for asked, template in _SPEAKING:
            own = [name for code in codes if (name := names[asked].get(code))]
            written = {days.bare(fold(name).text) for name in (*own, *more)}
            templates.append(template.replace("{n}", _any_of(written)))
            every |= written
        found.append((spoken, re.compile("|".join(templates))))
    return re.compile(_any_of(every)), tuple(found)


def _any_of(words: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _language(bare: str) -> str:
    named, spoken = _speaking()
    return next((id for id, pattern in spoken if pattern.search(bare)), "") if named.search(bare) else ""


def _conditions(bare: str) -> tuple[str, ...]:
    return tuple(id for id, pattern in _CONDITIONS if pattern.search(bare))


@lru_cache(maxsize=20_000)  # a prefecture's 町名; the same ones are looked for in every message
def _folded(area: str) -> str:
    return fold(area).text


def read(text: str, areas: Collection[str] = ()) -> Slots:
    """Return what a text says of age, area (the longest of the known `areas` in it), day, time, cost, conditions."""
    folded = fold(text).text
    bare = _BLANK.sub("", days.bare(folded))
    named = [area for area in areas if area and _folded(area) in folded]
    return Slots(
        age_months=age_months(text),
        area=max(named, key=len, default=""),
        weekday=days.weekday(folded),
        at_time=days.clock(folded),
        free=True if _FREE.search(bare) and not _NOT_FREE.search(folded) else None,
        days_ahead=days.ahead(folded),
        language=_language(bare),
        visit=bool(_VISIT.search(bare)),
        attributes=_conditions(bare),
    )
