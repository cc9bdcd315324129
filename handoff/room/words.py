"""Everything the room's pages say, as literals of the catalog, and who is told that somebody reads.

The rule: no page says that a person reads before one has taken the talk (CARE C13), and no title, label or address
names what is talked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.messages import Clocktime, Phrase, _
from bot.opening import TOKYO
from bot.situation import City

Words = Callable[[Phrase, str], str]  # i18n's `word`: a phrase in a language

#: name in the templates -> what stands there.
LABELS: Final[Mapping[str, Phrase]] = {
    # every page
    "leave": _("このページを出る"),
    # the door
    "door": _("ここから話せます。"),
    "door_once": _("この入り口は1回だけ使えます。"),
    "open": _("ひらく"),
    "closed": _("この入り口は、いまは開きません。"),
    "closed_how": _("話のつづきがあるときは、LINEに何か書くと、新しい入り口が届きます。"),
    "closed_kept": _("この言葉は、まだ送られていません。コピーして、新しい入り口から送れます。"),
    # the talk
    "log": _("やりとり"),
    "empty": _("ここに書いてください。ゆっくりで、短くて、かまいません。"),
    "me": _("わたし"),
    "machine": _("自動の返事"),
    "person": _("窓口の人"),
    "write": _("書く"),
    "send": _("送る"),
    "sending": _("送っています…"),
    "sent": _("送りました。"),
    "failed": _("送れませんでした。もう一度、押してください。"),
    "too_long": _("長すぎて送れませんでした。分けて送ってください。"),
    "renew": _("新しくする"),
    "earlier": _("前に書いたことへの返事です。"),
    "picture": _("写真"),
    "lost": _("つながりが切れています。つながったら、自動で新しくなります。"),
    "danger": _("いま危ないときは、110（警察）か119（救急・消防）へ電話してください。"),
    "who_reads": _(
        "書いたことは、窓口の人が読みます。命や子どもの安全があぶないときは、守るために、ほかの人に伝えることがあります。"
    ),
    "trace": _(
        "読んだ言葉は、この電話に残さないように作っています。ページを開いたことは、ブラウザーの履歴に残ることがあります。"
    ),
    # the family profile
    "family": _("家族のこと"),
    "family_why": _("書いておくと、場所や答えが合いやすくなります。どれも、書かなくてかまいません。"),
    "family_who": _("見られるのは、相談を受ける職員だけです。いつでも消せます。"),
    "family_hidden": _("前に書いたことは、ここには出しません。書きなおすと、新しいほうが残ります。"),
    "born": _("子どもの生まれた月（6人まで）"),
    "due": _("出産予定の月"),
    "area": _("住んでいる地区"),
    "language": _("ことば / Language"),
    "as_now": _("いまのまま"),
    "keep": _("残す"),
    "kept": _("いま残っているもの:"),
    "nothing": _("いまは、何も残っていません。"),
    "forget": _("家族のことを消す"),
    # 合言葉
    "secret": _("合言葉"),
    "secret_set_why": _(
        "合言葉を決めると、つぎに来たときも、ここからの話を読めます。ほかの人が知らない言葉にしてください。"
    ),
    "secret_rule": _("6文字以上"),
    "secret_set": _("決める"),
    "secret_open_why": _("前の話を読むには、自分で決めた合言葉を入れてください。"),
    "secret_open": _("前の話を読む"),
    "secret_is_open": _("前の話が読めるようになっています。合言葉を変えることもできます。"),
}

#: ?n=… -> what became of the last thing that was sent without JavaScript.
NOTES: Final[Mapping[str, Phrase]] = {
    "1": _("送りました。少しあとで「新しくする」を押してください。"),
    "2": _("合言葉を決めました。"),
    "3": _("合言葉は6文字以上にしてください。"),
    "4": _("合言葉がちがうか、いまは使えません。少し待ってから、もう一度ためしてください。"),
    "5": _("前の話が読めるようになりました。"),
    "6": LABELS["too_long"],
    "7": _("残しました。"),
    "8": _("家族のことを消しました。また書きたくなったら、いつでも書けます。"),
    "9": _("月は 2024-03 のように書いてください。18歳までの子どもの月か、10か月先までの月です。"),
    "10": _("その地区が見つかりませんでした。一覧から選んでください。"),
}
SENT, SET, SHORT, WRONG, OPENED, TOO_LONG, KEPT, FORGOTTEN, NO_MONTH, NO_AREA = NOTES
OF_FAMILY: Final = frozenset({KEPT, FORGOTTEN, NO_MONTH, NO_AREA})  # beside them its form stays open


def status(city: City, now: datetime, holder: str) -> Phrase:
    """Return who reads, and when: `holder` is the work name of who holds the talk, "" when nobody does."""
    if holder:
        return _("{name}が担当しています。お返事まで、少しかかることがあります。", name=holder)
    if city.open_now(now):
        return _("窓口は開いています。人が読むまでは、まず機械が聞いて、お返事します。")
    reading = city.next_reading(now)
    if reading is None:
        return _("人が読むまでは、まず機械が聞いて、お返事します。")
    when = Clocktime(reading, now.astimezone(TOKYO).date())
    return _("つぎに人が読むのは、{when}です。それまでは、まず機械が聞いて、お返事します。", when=when)


def pick_language(accepted: str, offered: Sequence[str]) -> str:
    """Return the language of a browser (its Accept-Language) among those the city offers; Japanese when none fits."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _sep, quality = part.partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag.strip()))
        except ValueError:
            continue
    for _quality, tag in sorted(wanted, key=lambda pair: pair[0]):
        for language in offered:
            if tag.lower() == language.lower() or tag.split("-")[0].lower() == language.lower():
                return language
    return "ja"
