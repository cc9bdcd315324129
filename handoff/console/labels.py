"""What staff read for the ids of the vocabulary, the states and the refusals: one small Japanese table.

The rule: every id that the console can show has a label here (a test compares with content/vocabulary.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from bot.opening import TOKYO
from bot.profile import Profile
from bot.situation import case_number
from handoff.wording import Table, day, month_of, say, spoken

SEVERITIES: Final = Table({"emergency": "緊急", "urgent": "急ぎ", "concern": "気がかり"})
#: Shape beside the word, so that colour is never the only sign.
MARKS: Final[Mapping[str, str]] = {"emergency": "▲", "urgent": "◆", "concern": "●"}

KINDS: Final = Table(
    {
        "crisis": "死にたい・消えたい気持ち",
        "abuse": "子どもの安全",
        "dv": "パートナーなどからの暴力",
        "medical": "けが・病気・行方",
        "anxiety": "育児のつらさ・孤立",
        "development": "発達の心配",
        "hardship": "お金・住まい・妊娠の困りごと",
    }
)

ASPECTS: Final = Table(
    {
        "sexual": "性被害",
        "infant": "乳児",
        "child_writing": "子ども本人",
        "facility_staff": "施設の職員",
        "weapon": "刃物など",
        "strangling": "首を絞める",
        "documents_taken": "証明書を取られた",
        "child_taken": "子どもを連れ去られた",
        "missing_child": "子どもの行方不明",
        "unattended_birth": "ひとりでの出産",
        "psychosis": "幻聴・妄想",
    }
)

LANGUAGES: Final = Table(
    {
        "ja": "日本語",
        "ja-easy": "やさしい日本語",
        "en": "英語",
        "zh-Hans": "中国語（簡体字）",
        "zh-Hant": "中国語（繁体字）",
        "ko": "韓国語",
        "vi": "ベトナム語",
        "pt-BR": "ポルトガル語",
        "fil": "フィリピノ語",
        "ne": "ネパール語",
        "es": "スペイン語",
        "id": "インドネシア語",
    }
)

#: (how, whether it failed) -> what became of a call because nobody took a case
CALLED: Final = Table(
    {
        ("mail", False): "メールで知らせました",
        ("call", False): "電話で呼びました",
        ("mail", True): "メールで知らせられませんでした（続けて試しています）",
        ("call", True): "電話で呼べませんでした（続けて試しています）",
    }
)

ROLES: Final = Table(
    {
        "specialist": "専門員",
        "supervisor": "統括",
        "officer": "担当課",
        "administrator": "管理者",
    }
)

STATES: Final = Table(
    {
        "offered": "声をかけた",
        "waiting": "待っています",
        "claimed": "対応中",
        "on_hold": "保留（担当あり）",
        "declined": "いまはいい、との返事",
        "closed": "終わった相談",
    }
)

REASONS: Final = Table(
    {
        "signal": "ことばから気づいた",
        "asked": "人と話したいとの希望",
        "dead_letter": "機械が読めなかったメッセージがある",
        "half_heard": "機械の一部が止まり、人が読む必要がある",
        "given_up": "返事が届かなかった",
        "privacy": "自分の記録についての希望",
        "complaint": "要望・苦情",
        "complaint_staff": "職員についての要望・苦情（責任者が読む）",
        "visit": "訪問や面談の希望",
    }
)

#: Why a case lies at its desk (`routing.Why`).
DESK_WHY: Final = Table(
    {
        "only": "窓口はひとつです",
        "soonest": "いちばん早く人がいる",
        "kind": "内容が合う",
        "area": "住んでいる地区",
        "language": "ことばが合う",
        "order": "設定の順",
        "person": "職員が移した",
    }
)

#: Why a case waits for one person before others (`cases.Meant`).
MEANT: Final = Table(
    {
        "again": "前に話した人",
        "asked": "お願いされた人",
        "later": "読んで、あとで返事をする人",
    }
)

OUTBOX: Final = Table(
    {
        "pending": "送信待ち",
        "in_flight": "送信中",
        "accepted": "LINEが受け付けました",
        "unknown": "届いたか分かりません",
        "unreachable": "届きません（ブロックなど）",
        "given_up": "送れませんでした",
        "withdrawn": "取り下げ",
    }
)
#: States of a message that staff should look at: it has not surely left.
UNSENT: Final = frozenset({"pending", "in_flight", "unknown", "unreachable", "given_up"})

CONTACT: Final = Table(
    {
        "any": "いつでも連絡してよい",
        "when_writing": "本人が書いているときだけ",
        "times": "決まった時間だけ",
    }
)

WHO: Final = Table(
    {
        "resident": "ご本人",
        "desk": "窓口（自動）",
        "staff": "担当",
        "system": "お知らせ（自動）",
    }
)
PLACES: Final = Table({"line": "LINE", "room": "ルーム"})

#: Things without words of their own.
DONE: Final = Table(
    {
        "choice": "ボタンを押しました",
        "place": "位置を送りました",
        "sticker": "スタンプ",
        "image": "写真",
        "video": "動画",
        "audio": "音声",
        "file": "ファイル",
        "follow": "友だちになりました",
        "unfollow": "ブロックしました",
        "unsend": "送信を取り消しました",
        "notice": "ルームのお知らせを送りました",
        "unknown": "新しい種類の操作",
    }
)

#: What became of a photo, film, voice or file (`bot.media`); where it is kept, its size stands instead.
MEDIA: Final = Table(
    {
        "unasked": "人を呼ぶ前に送られたため、取り寄せていません",
        "wanted": "LINEから取り寄せています",
        "gone": "LINEにはもう残っていません",
        "too_big": "大きすぎて取り寄せられません（10MBまで）",
        "failed": "LINEから取り寄せられませんでした",
    }
)

#: What happened to the case, for the timeline.
MOVES: Final = Table(
    {
        "case.opened": "相談が開きました",
        "case.claimed": "受けました",
        "case.released": "窓口に戻しました（保留）",
        "case.transferred": "引き継ぎに出しました",
        "case.assigned": "担当をお願いしました",
        "case.seen": "読みました。あとで返事をします",
        "case.lapsed": "動きがなかったので、列に戻りました",
        "case.closed": "終えました",
        "case.reopened": "もう一度開きました",
        "case.asked": "希望が加わりました",
        "case.lowered": "緊急度を下げました",
        "case.dead_letter": "読めなかったメッセージがあります",
        "case.given_up": "送れなかった返事があります",
        "promise.kept": "約束したことをしました",
        "promise.open": "「しました」の印をもどしました",
        "case.second": "いっしょに読んでいます",
        "emergency.check": "緊急の紙に、分かったことを残しました",
        "emergency.call": "電話の記録を残しました",
        "case.second_wanted": "もう一人を呼びました",
        "identity.asked": "LINEのIDを開くことを頼みました",
        "identity.agreed": "LINEのIDを開くことに同意しました",
        "identity.opened": "LINEのIDを見ました（警察に渡す紙）",
        "translation.consent": "翻訳についての返事を残しました",
        "case.debriefed": "緊急のあとのふりかえりをしました",
        "share.asked": "連携先に伝えてよいかを、ご家族に聞きました",
        "share.made": "連携先に渡す文をつくりました",
        "share.agreed": "連携先に渡すことに同意しました（二人目）",
        "share.linked": "連携先の入り口をつくりました",
        "share.answered": "連携先から返事がありました",
        "share.ended": "連携先に渡した文を閉じました",
    }
)

NOTES: Final = Table(
    {
        "release": "保留のメモ",
        "transfer": "引き継ぎのメモ",
        "close": "終了のメモ",
        "note": "メモ",
        "partner": "連携先からの返事（渡した人）",
    }
)

#: How far it is with somebody nearby (`people.State`).
HELPERS: Final = Table(
    {
        "new": "申し出があった",
        "contacted": "連絡した",
        "trained": "研修を受けた",
        "active": "お願いできる",
        "resting": "休んでいる",
        "ended": "終わった",
    }
)

#: How far a share is (`shares.State`).
SHARES: Final = Table(
    {
        "second": "二人目の同意を待っています",
        "receiver": "連携先か担当者が変わったので、読めません",
        "ready": "入り口はまだありません",
        "linked": "まだ開かれていません",
        "opened": "開かれました",
        "revoked": "取り消しました",
        "withdrawn": "ご家族が同意を取り下げました",
        "expired": "期限が過ぎました",
    }
)

AGENCIES: Final = Table(
    {
        "child_guidance": "児童相談所",
        "child_family_center": "こども家庭センター",
        "welfare_office": "福祉事務所・福祉の窓口",
        "health_center": "保健所・保健センター",
        "medical": "医療機関",
        "child_development": "療育・児童発達支援",
        "disability_consultation": "障害児相談支援事業所",
        "welfare_commissioner": "民生委員・児童委員",
        "education_board": "教育委員会",
        "school": "学校",
        "nursery": "保育所・幼稚園・こども園",
        "police": "警察",
        "womens_support": "女性・DVの相談機関",
        "single_parent": "ひとり親の支援",
        "living_support": "生活・住まい・食べもの",
        "social_council": "社会福祉協議会",
        "community_group": "NPO・支援団体",
        "international": "国際交流・通訳",
        "legal": "法律の相談",
        "city_section": "市町村の担当課",
        "other": "そのほか",
    }
)

#: Whether personal information may go to an agency without consent (guideline 6(1)②).
SHARINGS: Final = Table(
    {
        "law": "法律の定めで、同意がなくても渡せる（児童虐待の心配など、その法律の場合だけ）",
        "consent": "本人の同意があるときだけ渡せる",
        "never": "渡さない",
        "": "まだたしかめていない（たしかめるまでは渡さない）",
    }
)

#: Why LINE is not the place now (`rooms.may_talk_in_line`).
NOT_IN_LINE: Final = Table(
    {
        "room": "この方とはルームで話します。",
        "not_urgent": "相談の内容はルームに書いてください。LINEには、届いたことだけが知らされます。",
        "no_notice": "まずルームに書いてください。「読みました」のお知らせがLINEに届きます。",
        "opened": "ルームが開かれています。ルームに書いてください。",
        "wait": "ルームのお知らせを送ったところです。2分たっても開かれなければ、LINEで続けられます。",
        "contact_safety": "ご本人が書いているときだけ送れる方です。ルームに書いておけば、次に書いたときに届きます。",
    }
)

#: On what ground LINE is open now (`rooms.may_talk_in_line`).
IN_LINE: Final = Table({"not_opened": "ルームが開かれていないので、LINEでも続けられます（記録に残ります）。"})

#: Why words are not translated by a service (`translation.Stays`).
STAYS: Final = Table(
    {
        "off": "この町では、機械翻訳を使っていません。定型文と場所のカードは、12のことばで送れます。",
        "japanese": "この方とは日本語で話しています。",
        "no_service": "このことばの翻訳サービスは、つながっていません。定型文と場所のカードは、このことばで送れます。",
        "closed": "終わった相談です。新しく翻訳に出すことはありません。",
        "kind": "市の決まりで、この内容の相談は翻訳に出しません。通訳の手配や、定型文を使ってください。",
        "refused": "ご家族が「いいえ」と答えています。翻訳には出しません。",
        "child": "子ども本人が書いているかもしれません。翻訳には出しません。",
        "not_asked": "ご家族の「はい」があると、翻訳できます。",
    }
)

#: Why a service made no translation (`TranslatorError.why`).
FAILED: Final = Table(
    {
        "slow": "翻訳サービスの返事が、時間内に来ませんでした。",
        "unreachable": "翻訳サービスにつながりません。",
        "broken": "翻訳サービスが、いまうまく動いていません。",
        "busy": "翻訳サービスが混んでいます。",
        "resting": "翻訳サービスがうまく動いていないため、少し休んでいます。",
        "not_allowed": "翻訳サービスが受け付けません（設定や契約を確かめてください）。",
        "quota": "翻訳サービスの、今月使える量を超えました。",
        "refused": "翻訳サービスが、この文を受け付けませんでした。",
        "garbage": "翻訳サービスから、読めない返事が来ました。",
        "too_long": "長すぎて、一度に翻訳できません。",
        "empty": "翻訳サービスから、空の返事が来ました。",
        "echo": "元の文のまま返ってきました。",
        "wrong_language": "ちがうことばで返ってきました。",
    }
)

#: How the family answered (`translation.How`).
HOWS: Final = Table(
    {
        "room": "ルームに書いて",
        "line": "LINEに書いて",
        "phone": "電話で",
        "counter": "会って",
    }
)

#: What became of the notice of a reply in the room (`rooms.notify`).
NOTICES: Final = Table(
    {
        "sent": "LINEでお知らせしました。",
        "out": "お知らせはもう届いています（まだ開かれていません）。",
        "reading": "いまルームを開いています。",
        "quiet": "安全のため、LINEには知らせていません。次に書いたときに届きます。",
        "line": "LINEで送ります。",
        "told": "LINEで、いつまでに返事をするかを知らせました。",
    }
)

#: How bright somebody's pages are (`staff.Look`).
LOOKS: Final = Table({"system": "パソコンの設定と同じ", "light": "明るい", "dark": "暗い"})


def label(table: Mapping[str, str], key: str) -> str:
    """Return the label, or the id itself when an older row holds an id that is gone."""
    return table.get(key, key)


def moment(at: datetime | None, today: date | None = None) -> str:
    """Return Tokyo time as 02:10, with its day unless it is `today`."""
    if at is None:
        return ""
    here = at.astimezone(TOKYO)
    if here.date() == today:
        return f"{here:%H:%M}"
    return f"{day(here)}{' ' if spoken() == 'en' else ''}{here:%H:%M}"


def end_of_day(now: datetime) -> datetime:
    """Return when this day ends in Tokyo."""
    return datetime.combine(now.astimezone(TOKYO).date() + timedelta(days=1), time(0), TOKYO)


def is_today(at: datetime, today: date) -> bool:
    """Return whether a moment lies on this day in Tokyo."""
    return at.astimezone(TOKYO).date() == today


def family(profile: Profile, today: date) -> tuple[tuple[str, str], ...]:
    """Return what a family told of itself, as label and words."""
    months = profile.ages(today)
    born = say("、").join(
        say("{month}（{years}歳{months}か月）", month=month_of(born.year, born.month), years=age // 12, months=age % 12)
        for born, age in zip(profile.children, months, strict=True)
    )
    due = month_of(profile.due.year, profile.due.month) if profile.due else ""
    told = ((say("子どもの生まれた月"), born), (say("出産予定の月"), due), (say("地区"), profile.area))
    return tuple((label, words) for label, words in told if words)


def waited(seconds: float) -> str:
    """Return a waiting time in words, as coarse as it is long."""
    minutes = max(0, int(seconds // 60))
    hours, days = minutes // 60, minutes // (60 * 24)
    if minutes < 1:
        return say("1分未満")
    if hours < 1:
        return say("{minutes}分", minutes=minutes)
    if days < 1:
        return say("{hours}時間{minutes}分", hours=hours, minutes=minutes % 60)
    return say("{days}日{hours}時間", days=days, hours=hours % 24)


def megabytes(size: int) -> str:
    """Return a size in bytes as 1.2 MB, at least 0.1."""
    return f"{max(size / 1_000_000, 0.1):.1f} MB"


def short(id: UUID) -> str:
    """Return the short name of a case, by which staff speak of it without naming anybody."""
    return say("相談 {number}", number=case_number(id))
