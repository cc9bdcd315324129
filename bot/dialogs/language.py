"""Changing the language, by one tap or one word, in any state.

The rule: each language is offered in its own name, so that somebody who reads nothing else finds it.
"""

from __future__ import annotations

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import Choice, Verbatim, _


class Language(Dialog):
    """Ask for a language and keep it."""

    name = "language"
    table = (
        Go("ask", "*", "which"),
        Go("chosen", "*", "kept", take="keep", when="is_known"),
        Go(TEXT, "which", "which", when="never"),
        Go(TEXT, "kept", "kept", when="never"),
    )

    def is_known(self) -> bool:
        """Return whether the city offers the chosen language."""
        return self.talk.argument in self.talk.view.city.languages

    def keep(self) -> None:
        """Keep the choice and speak it from now on."""
        if self.is_known():
            self.talk.chosen_language = self.talk.language = self.talk.argument

    def ask_which(self) -> None:
        """Offer the languages."""
        self.talk.say(Verbatim("ことば / Language"), choices=(*self.talk.language_choices(), WAYS[0]), listed="numbers")

    def ask_kept(self) -> None:
        """Say so, in the new language."""
        self.talk.say(
            _("これからは、このことばで答えます。"),
            choices=(*self.talk.ways_on(), Choice(_("人と話す"), "person.ask")),
        )
