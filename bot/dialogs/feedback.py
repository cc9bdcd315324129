"""An answer that did not help: thanks, one more try by topics, then a person.

The rule: it is counted by topic and language without words, and never where a signal was heard (CARE C30).
"""

from __future__ import annotations

from bot import names
from bot.dialog import END, TEXT, WAYS, Dialog, Go, UnmetNeed
from bot.messages import Choice, _

GUESSES = 3


class Feedback(Dialog):
    """Hear that an answer did not help, and try again."""

    name = "feedback"
    table = (
        Go("wrong", "*", "asked", take="count"),
        Go(TEXT, ("asked", "guessed"), END, when="is_clear"),
        Go(TEXT, "asked", "guessed", when="has_guesses"),
        Go(TEXT, ("asked", "guessed"), "given_up"),
        Go(TEXT, "given_up", "given_up", when="never"),
    )

    def is_clear(self) -> bool:
        """Return whether the words are a clear question, which is answered as such."""
        return self.talk.heard.confident

    def has_guesses(self) -> bool:
        """Return whether there is something to choose from."""
        return bool(self._guesses())

    def count(self) -> None:
        """Count the answer that did not help, by its topic."""
        topic, case = self.talk.argument, self.talk.view.case
        self.talk.data["topic"] = topic
        if topic in names.TOPICS and (case is None or not case.kinds) and not self.talk.heard.signals:
            self.talk.unmet.append(UnmetNeed(topic, lacking=("answer",)))

    def ask_asked(self) -> None:
        """Thank, and ask what was looked for."""
        self.talk.say(
            _("教えてくれて、ありがとうございます。知りたいことと、ちがったのですね。"),
            _("何をさがしていましたか。ひとことでも、書いてください。"),
            choices=WAYS,
        )

    def ask_guessed(self) -> None:
        """Offer what it may be about."""
        choices = tuple(Choice(names.topic(id), f"answer.about:{id}") for id in self._guesses())
        self.talk.say(_("どれのことか、教えてください。"), choices=(*choices, *WAYS), listed="numbers")

    def ask_given_up(self) -> None:
        """Offer a person."""
        self.talk.say(
            _("ごめんなさい、機械では見つけられませんでした。相談員と一緒にさがせます。"),
            choices=WAYS,
        )

    def _guesses(self) -> tuple[str, ...]:
        """Return up to three topics that the words may be about, without the one that was wrong."""
        answers = self.talk.view.library.answers
        found = (topic.id for topic in self.talk.heard.topics if topic.id in answers)
        return tuple(id for id in found if id != self.talk.data.get("topic"))[:GUESSES]
