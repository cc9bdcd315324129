"""The menu: the few ways from which everything can be reached.

The rule: a person is always one of them.
"""

from __future__ import annotations

from bot import names
from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import Choice, _


class Menu(Dialog):
    """Show the ways, stop, and answer small talk."""

    name = "menu"
    table = (
        Go("show", "*", "shown"),
        Go("stop", "*", "stopped"),
        Go("thanks", "*", "thanked"),
        Go("tired", "*", "company"),
        Go("hear_sticker", "*", "greeted_back"),
        Go("cannot_see", "*", "told"),
        Go(TEXT, ("shown", "stopped", "thanked", "company", "greeted_back", "told"), "shown", when="never"),
    )

    def never(self) -> bool:
        """Return False: what is typed here is a question for somebody else."""
        return False

    def ask_shown(self) -> None:
        """Show the ways."""
        self.talk.say(
            _("どれにしますか。そのまま質問を書いてもかまいません。"),
            choices=(
                Choice(_("場所をさがす"), "find_place.begin"),
                Choice(names.topic("temporary_care"), "find_place.topic:temporary_care"),
                Choice(names.topic("parenting_salon"), "find_place.topic:parenting_salon"),
                Choice(_("人と話す"), "person.ask"),
                Choice(_("だれが読みますか"), "welcome.who"),
                Choice(_("ことば / Language"), "language.ask"),
            ),
            listed="numbers",
        )

    def ask_stopped(self) -> None:
        """Let go, kindly."""
        self.talk.say(_("わかりました。ここまでにします。また、いつでも書いてください。"), choices=WAYS)

    def ask_thanked(self) -> None:
        """Answer thanks."""
        self.talk.say(_("こちらこそ、書いてくれてありがとうございます。また、いつでもどうぞ。"), choices=WAYS)

    def ask_company(self) -> None:
        """Keep company with somebody who is tired: a sigh needs no solution (CARE C4)."""
        self.talk.say(
            _("おつかれさまです。ここでは、返事のいらないひとりごとも、どうぞ。"),
            choices=WAYS,
        )

    def ask_greeted_back(self) -> None:
        """Answer a sticker: a sign of life is an opening."""
        self.talk.say(
            _("ありがとうございます。何かあれば、ひとことでも書いてください。"),
            choices=WAYS,
        )

    def ask_told(self) -> None:
        """Say that a machine does not look at pictures, voices and files."""
        self.talk.say(
            _("写真・音声・ファイルは、機械では見ません。ことばで書くか、「人と話す」を選んでください。"),
            choices=WAYS,
        )
