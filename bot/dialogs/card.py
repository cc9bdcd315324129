"""The first words to somebody who came by a printed card: what fits the moment at which the card was handed over.

The rule: one row of `MOMENTS` is all that a moment says; the same words stand on its card and its page. It assumes no
mother, no joy and no outcome, and nothing here tells of violence (CARE C4, C26); what is known of the topic is told
from the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import Choice, Phrase, _
from bot.situation import Moment


@dataclass(frozen=True, slots=True)
class Words:
    """Hold what one moment says: what it is, what need not be, what can be asked; and where "more" leads."""

    lines: tuple[Phrase, Phrase, Phrase]
    label: Phrase
    topic: str  # of the library, told by the choice `label`
    places: str = ""  # a topic whose places are near, else all kinds are offered

    @property
    def can_be_asked(self) -> Phrase:
        """Return the line that a card prints."""
        return self.lines[2]


NOT_TIDY = _("部屋は、片づけなくてかまいません。")

MOMENTS: Final[Mapping[Moment, Words]] = {
    "home_visit": Words(
        (
            _("赤ちゃん訪問は、生後4か月までの赤ちゃんがいる家に、人が行くものです。"),
            NOT_TIDY,
            _("赤ちゃんのことも、あなたの体や気持ちのことも聞けます。"),
        ),
        _("訪問のこと"),
        "newborn_visit",
        "parenting_salon",
    ),
    "newborn_visit": Words(
        (
            _("新生児訪問は、生まれて間もない赤ちゃんのいる家に、助産師や保健師が行くものです。"),
            NOT_TIDY,
            _("授乳や体重のことも、あなたの体や気持ちのことも聞けます。"),
        ),
        _("訪問のこと"),
        "newborn_visit",
        "postnatal_care",
    ),
    "handbook": Words(
        (
            _("母子健康手帳を受けとったときの、案内です。"),
            _("まだ気持ちが決まっていなくても、かまいません。"),
            _("健診、お金、仕事のことも、体や気持ちのことも聞けます。"),
        ),
        _("手帳のこと"),
        "pregnancy_registration",
    ),
    "month_8": Words(
        (
            _("妊娠8か月ごろの、アンケートと面談の案内です。"),
            _("アンケートに、正しい答えはありません。"),
            _("出産の準備も、産んだあとの手伝いや休む場所のことも聞けます。"),
        ),
        _("産後の手伝い"),
        "postnatal_care",
        "postnatal_care",
    ),
    "birth_report": Words(
        (
            _("出生届のあとの、手続きの案内です。"),
            _("一度に全部しなくても、かまいません。"),
            _("手当、医療費、健診のことも、あなたの体や気持ちのことも聞けます。"),
        ),
        _("手続きのこと"),
        "birth_procedures",
    ),
    "checkup": Words(
        (
            _("子どもの健診の、案内です。"),
            _("泣いても、眠っていても、できないことがあっても、かまいません。"),
            _("健診で気になったことも、言えなかったことも聞けます。"),
        ),
        _("健診のこと"),
        "infant_checkup",
    ),
    "hiroba": Words(
        (
            _("ひろばは、子どもと行って、好きなだけ過ごせる場所です。"),
            _("話さなくても、すぐ帰っても、かまいません。"),
            _("遊び場のことも、預けたいときのことも聞けます。"),
        ),
        _("ひろばのこと"),
        "parenting_salon",
        "parenting_salon",
    ),
}


class PrintedCard(Dialog):
    """Greet by the moment of the card, and lead to what is known of it."""

    name = "card"
    table = (
        Go("greet", "*", "greeted", when="is_known"),
        Go(TEXT, "greeted", "greeted", when="never"),
    )

    def is_known(self) -> bool:
        """Return whether the argument names a moment."""
        return self.talk.argument in MOMENTS

    def ask_greeted(self) -> None:
        """Say what the visit (or the like) is, that nothing must be prepared, and what can be asked."""
        near = self._words.places
        self.talk.say(*self._words.lines)
        self.talk.say(
            _("そのまま書いてください。短くても、まとまらなくても、かまいません。"),
            _("「メニュー」「人と話す」「ことば」と書くと、いつでもそこへ行けます。「やめる」でいつでもやめられます。"),
            choices=(
                Choice(self._words.label, f"answer.about:{self._words.topic}"),
                Choice(_("場所をさがす"), f"find_place.topic:{near}" if near else "find_place.begin"),
                WAYS[0],
                Choice(_("ことば / Language"), "language.ask"),
            ),
        )

    @property
    def _words(self) -> Words:
        return MOMENTS[cast(Moment, self.talk.argument)]
