"""Everything that the public pages say of their own, as literals of the catalog; operators' form is Japanese only.

The rule: pages speak every language that has a catalog, so each sentence here is short and stands alone; what is told
of a place comes from `bot.places`, names of topics and kinds from `bot.names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.messages import Phrase, _

#: name in the templates -> what stands there.
LABELS: Final[Mapping[str, Phrase]] = {
    # every page
    "site": _("子育ての場所と相談"),
    "skip": _("本文へ"),
    "languages": _("ことばをえらぶ"),
    "desk": _("LINEの窓口で聞く"),
    "unseen": _("だれがこのページを見たかは、記録していません。"),
    "print": _("このページは、そのまま印刷できます。"),
    "missing": _("このページはありません。"),
    "missing_how": _("用件から、もう一度さがしてください。"),
    # topics
    "topics": _("用件からさがす"),
    "no_places": _("場所はまだありません"),
    "bulletin": _("今月の情報誌"),
    # one topic
    "sources": _("この答えのもと"),
    "filter": _("しぼる"),
    "show": _("さがす"),
    "area": _("地区"),
    "area_how": _("町の名前（書かなくてもかまいません）"),
    "age": _("子どもの年齢"),
    "any": _("どれでも"),
    "open": _("開いているとき"),
    "open_now": _("いま"),
    "free": _("無料だけ"),
    "speaks": _("話せることば"),
    "earlier": _("まえへ"),
    "later": _("つぎへ"),
    "nothing": _("当てはまる場所が、ここにはありませんでした。"),
    "nothing_how": _("条件をへらすか、LINEの窓口で聞いてください。"),
    "all": _("しぼらないで全部見る"),
    # one place
    "week": _("これから1週間の時間"),
    "day": _("日"),
    "hours": _("時間"),
    "today": _("今日"),
    "closed": _("休み"),
    "holiday": _("祝日"),
    "usual": _("ふだんの時間"),
    "hours_unknown": _("時間は分かりません。行く前に、電話で確かめてください。"),
    "may_change": _("急に休むこともあります。行く前に、電話で確かめてください。"),
    "facts": _("くわしいこと"),
    "call": _("電話する"),
    "website": _("ホームページ"),
    "map_elsewhere": _("地図（ほかのサイトがひらきます）"),
    "plan": _("今月の予定"),
    "no_plan": _("今月の予定は、まだ入っていません。"),
    "notes": _("行った人・知っている人の話"),
    "calendar": _("カレンダーに入れる（.ics）"),
    "wrong": _("ここが違う、と知らせる"),
    "resting": _("いまは休んでいます。"),
    "over": _("この行事は終わりました。"),
    "gone": _("この場所は、もうここにのせていません。"),
    "gone_how": _("閉じたか、うつったかもしれません。ほかの場所を、用件からさがせます。"),
    # the bulletin
    "events": _("今月の行事"),
    "no_events": _("今月の行事は、まだ入っていません。"),
    "when": _("いつ"),
    "what": _("なに"),
    "where": _("どこ"),
    "about": _("年齢・料金・予約"),
    "new": _("新しくのったところ"),
    "no_new": _("新しくのったところはありません。"),
    "changed": _("変わったところ"),
    "no_changed": _("変わったところはありません。"),
    "previous_month": _("前の月"),
    "next_month": _("次の月"),
    "checked": _("予定は変わることがあります。行く前に、電話などで確かめてください。"),
    # "this is wrong"
    "wrong_what": _("どこが違いますか"),
    "wrong_words": _("くわしく（書かなくてもかまいません。200字まで）"),
    "wrong_no_name": _("名前や電話番号、家のことは書かないでください。だれが知らせたかは残りません。"),
    "wrong_read": _("窓口が開いている時間に、人が読んで確かめます。お返事はできません。"),
    "wrong_danger": _("いま危ないときは、110（警察）か119（救急・消防）へ電話してください。"),
    "wrong_talk": _("困っていることや相談は、ここではなくLINEの窓口に書いてください。"),
    "wrong_send": _("知らせる"),
    "wrong_pick": _("どこが違うかを、1つえらんでください。"),
    "wrong_long": _("長すぎます。200字までにしてください。"),
    "wrong_full": _("いまは受けとれません。もうたくさん届いています。あとでもう一度、ためしてください。"),
    "wrong_origin": _("送れませんでした。このページをひらきなおして、もう一度送ってください。"),
    "wrong_problems": _("送る前に、なおしてください"),
    "thanks": _("知らせてくれて、ありがとうございます。"),
    "thanks_how": _("人が確かめてから、直します。直るまで、日にちがかかることがあります。"),
    "back": _("場所のページへもどる"),
    # words in which somebody may be in danger
    "not_kept": _("書いてくれた言葉は、ここではだれも読めないので、残していません。"),
    "not_kept_how": _("人に伝えるには、LINEの窓口に同じことを書いてください。下の言葉をコピーできます。"),
    "numbers": _("電話で話せるところ"),
    "phones_japanese": _("電話は日本語です。いそぐときは、そのまま電話して、切らないでください。"),
    "child_not_kept": _("かいてくれたことは、ここでは だれも よめないから、のこして いないよ。"),
    "child_not_kept_how": _("LINEの まどぐちに、おなじことを かいてね。"),
    "child_numbers": _("でんわで はなせる ところ"),
    "your_words": _("書いた言葉"),
    # printed cards and their page: words that anybody may see over a shoulder (CARE C26)
    "card_ask": _("子どものことも、自分のことも、LINEで聞けます。"),
    "card_scan": _("スマートフォンのカメラで読みとってください。"),
    "card_languages": _("あなたのことばで聞けます。"),
    "card_machine": _("はじめに答えるのは機械です。必要なときは、人につなぎます。"),
    "card_stop": _("名前はいりません。いつでもやめられます。"),
    "card_hours": _("人が答える時間"),
    "card_phone": _("LINEがないときは、この電話で聞けます。"),
    "card_hurry": _("いそぐとき"),
    "card_old": _("このカードの番号は、いまは使っていません。"),
    "card_old_how": _("窓口は同じです。ここから聞けます。"),
}

#: What a parent may say is wrong (`suggestions.KINDS`).
KINDS: Final[Mapping[str, Phrase]] = {
    "closed": _("もうやっていない"),
    "hours": _("時間や休みの日が違う"),
    "phone": _("電話番号が違う"),
    "place": _("場所や地図が違う"),
    "fee": _("料金が違う"),
    "other": _("ほかのこと"),
}

PROVISION: Final[Mapping[str, Phrase]] = {
    "visit": _("家に来てくれる"),
    "outreach": _("近くの会場に来てくれる"),
}

AVAILABILITY: Final[Mapping[str, Phrase]] = {
    "free": _("空きがある"),
    "soon": _("もうすぐ空く"),
    "waiting": _("待っている人がいる"),
    "full": _("いっぱい"),
}

#: field of a Resource -> what the bulletin calls it when it has changed; other fields are no news.
CHANGED: Final[Mapping[str, Phrase]] = {
    "name": _("名前"),
    "location": _("場所"),
    "phones": _("電話"),
    "opening": _("時間"),
    "hours_note": _("時間"),
    "cost": _("料金"),
    "minimum_age": _("年齢"),
    "maximum_age": _("年齢"),
    "booking_required": _("予約"),
    "application_process": _("申し込み"),
    "eligibility_description": _("使える人"),
    "attributes": _("使える条件"),
    "availability": _("空き"),
    "url": _("ホームページ"),
    "alert": _("お知らせ"),
    "status": _("やっているか"),
}


def place_heading(count: int) -> Phrase:
    """Say how many places there are."""
    return _("{count}か所", count=count)


def shown(total: int, first: int, last: int, order: Phrase) -> Phrase:
    """Say which of the places are shown, in which order."""
    return _("{total}か所のうち、{first}〜{last}番目です。{order}", total=total, first=first, last=last, order=order)
