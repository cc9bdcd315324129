"""The first contact of any kind: what this is, who may read, how to stop, and in which language (CARE C7).

The rule: it never asks for consent and never delays an answer; the engine puts `HELLO` before whatever is said first.
"""

from __future__ import annotations

from bot.dialog import START, TEXT, Dialog, Go
from bot.messages import Choice, Phrase, _

HELLO: tuple[Phrase, ...] = (
    _("{city}の子育てのまどぐちです。はじめに答えるのは機械（自動応答）です。必要なときは、人につなぎます。"),
    _(
        "書いたことを読むのは、この窓口で相談を受ける職員です。命や子どもの安全に関わるときだけ、"
        "市や児童相談所などに伝えることがあります。"
    ),
)

HELLO_SHORT = _(
    "{city}のまどぐち（自動応答）です。書いたことは、あとで相談員が読みます。"
    "命や子どもの安全に関わるときは、必要なところへ伝えることがあります。"
)

HELLO_CHILD = _(
    "ここは {city}の まどぐち。さいしょに こたえるのは きかいだよ。"
    "かいてくれたことは、おとなが よむよ。たすけるために、ほかの おとなに つたえることが あるよ。"
)


class Welcome(Dialog):
    """Greet, and say who reads."""

    name = "welcome"
    table = (
        Go("greet", "*", "greeted"),
        Go("who", "*", "told_who"),
        Go(TEXT, (START, "greeted", "told_who"), "greeted", when="is_greeting"),
    )

    def is_greeting(self) -> bool:
        """Return False: whatever is typed after the greeting is a question for somebody else."""
        return False

    def ask_greeted(self) -> None:
        """Invite to write, choose or change the language; HELLO itself is put in front by the engine."""
        self.talk.say(
            _("そのまま書いてください。短くても、まとまらなくても、かまいません。"),
            _("「メニュー」「人と話す」「ことば」と書くと、いつでもそこへ行けます。「やめる」でいつでもやめられます。"),
            choices=(
                *self.talk.language_choices(),
                Choice(_("メニュー"), "menu.show"),
                Choice(_("人と話す"), "person.ask"),
            ),
        )

    def ask_told_who(self) -> None:
        """Say who reads, what is passed on, and what one may ask for (CARE C3: honest, no promise)."""
        self.talk.say(
            _("はじめに答えるのは機械です。相談になったものは、この窓口の相談員が読みます。"),
            _("市のほかの人やほかの機関には、あなたの同意なしには伝えません。ただし、命や子どもの安全に関わるときは、"
              "法律により、市や児童相談所に伝えることがあります。"),
            _("自分の記録を見たい、消したいときは、「人と話す」から相談員に伝えてください。"),
            choices=(Choice(_("人と話す"), "person.ask"), *self.talk.ways_on()),
        )  # fmt: skip
