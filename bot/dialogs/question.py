"""Showing an entry of the city's own questions and answers.

The rule: what the city wrote is shown as it stands, in Japanese, and said to be the city's; nothing is translated or
shortened in its meaning. Who cannot read it is led to a person.
"""

from __future__ import annotations

from bot.dialog import END, TEXT, WAYS, Dialog, Go
from bot.i18n import EASY, SOURCE
from bot.messages import Card, Choice, Verbatim, _

LONGEST = 700  # characters of an answer that are shown, about one screen; the rest stands behind its link
SHORT = 120  # of a question, on a card


class Question(Dialog):
    """Show one entry, or the few that are near."""

    name = "question"
    table = (
        Go("show", "*", "shown", when="known"),
        Go("show", "*", "lost"),
        Go("near", "*", "offered", when="some"),
        Go(TEXT, ("shown", "lost", "offered"), END, when="never"),
    )

    def known(self) -> bool:
        """Return whether the collection still holds the entry that was asked for."""
        return self.talk.view.question(self.talk.argument) is not None

    def some(self) -> bool:
        """Return whether there is something near."""
        return bool(self.talk.heard.entries)

    def ask_shown(self) -> None:
        """Say what the city answers, and that the city says so."""
        entry = self.talk.view.question(self.talk.argument)
        assert entry is not None
        answer = entry.answer if len(entry.answer) <= LONGEST else entry.answer[:LONGEST].rstrip() + "…"
        only = () if self.talk.language in (SOURCE, EASY) else (_("市の答えは、日本語だけです。"),)
        link = (Choice(_("ホームページ"), opens="link", uri=entry.url),) if entry.url else ()
        self.talk.say(
            _("市の「よくある質問」に、こう書いてあります。"),
            Verbatim(entry.question),
            Verbatim(answer),
            *only,
            choices=(*link, *WAYS),
        )

    def ask_lost(self) -> None:
        """Say that the entry is not there any more."""
        self.talk.say(_("この答えは、もうありません。もう一度、質問を書いてください。"), choices=WAYS)

    def ask_offered(self) -> None:
        """Show the questions that are near, to choose from."""
        cards = tuple(
            Card(
                title=Verbatim(entry.question if len(entry.question) <= SHORT else entry.question[:SHORT] + "…"),
                choices=(Choice(_("答えを見る"), f"question.show:{entry.id}"),),
            )
            for near in self.talk.heard.entries
            if (entry := self.talk.view.question(near.id)) is not None
        )
        self.talk.say(_("市の「よくある質問」に、近いものがあります。"), cards=cards, choices=WAYS)
