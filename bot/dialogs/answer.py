"""Answering a topic: what it is, then who can use it, what it costs, how to apply and what to bring, as it is asked.

The rule: few words at a time, the rest one tap away; what the city has not said is said to be unknown, never guessed,
and every answer has a card for the counter (CARE C6).
"""

from __future__ import annotations

from collections.abc import Iterator

from bot import library, names, services
from bot.dialog import END, START, TEXT, WAYS, Dialog, Go
from bot.i18n import SOURCE
from bot.messages import GAP, Card, Choice, Text, _

#: The first line about what is private: a phone's notice shows it to whoever holds the phone (CARE C21).
THANKS = _("書いてくれて、ありがとうございます。")


class Answer(Dialog):
    """Tell what is asked of a topic."""

    name = "answer"
    table = (
        Go("about", "*", "shown", take="take_topic", when="known"),
        Go("part", "*", "told", take="take_topic", when="has_part"),
        Go("card", "*", "card", take="take_topic", when="known"),
        Go(TEXT, (START, "shown", "told", "card"), END, when="never"),
    )

    def take_topic(self) -> None:
        """Take the topic, and the parts behind it, of a button; or the parts that the words ask for."""
        topic, _stroke, parts = self.talk.argument.partition("/")
        asked = parts.split(",") if parts else self.talk.heard.asked
        self.talk.data.clear()
        self.talk.data.update(topic=topic, parts=[part for part in services.PARTS if part in asked])

    def known(self) -> bool:
        """Return whether there is an answer to the topic."""
        return self.talk.data.get("topic") in self.talk.view.library.answers

    def has_part(self) -> bool:
        """Return whether the answer has one of the parts."""
        return self.known() and bool(self.talk.data["parts"])

    # what is said ------------------------------------------------------------------------------------------------

    def ask_shown(self) -> None:
        """Say what it is, and whatever else was asked in the same breath."""
        parts = tuple(self._parts())
        if self._answer.topic in names.PRIVATE:
            self.talk.say(THANKS)
        self.talk.say(*self._answer.paragraphs, *parts, cards=self._card(), choices=self._ways())

    def ask_told(self) -> None:
        """Tell parts of the answer."""
        _gap, *lines = self._parts()
        self.talk.say(*lines, choices=self._ways())

    def ask_card(self) -> None:
        """Show what can be said or shown at the counter."""
        self.talk.say(
            _("窓口では、次のように言えば伝わります。見せるだけでもかまいません。"),
            cards=(services.counter_card(self._answer, self.talk.language),),
            choices=self._ways(),
        )

    # parts -------------------------------------------------------------------------------------------------------

    @property
    def _answer(self) -> library.Answer:
        return self.talk.view.library.answers[self.talk.data["topic"]]

    def _card(self) -> tuple[Card, ...]:
        """Give the card at once to who would have to say it in a language that is not their own."""
        return () if self.talk.language == SOURCE else (services.counter_card(self._answer, self.talk.language),)

    def _parts(self) -> Iterator[Text]:
        view = self.talk.view
        unknown = False
        for part in self.talk.data["parts"]:
            own, missing = services.own(self._answer, part, view.city, view.directory, self.talk.language)
            unknown |= missing
            yield from (GAP, _("● {part}", part=services.PARTS[part]), self._answer.parts[part], *own)
        if unknown:
            yield services.ASK_THE_DESK

    def _ways(self) -> tuple[Choice, ...]:
        topic, told = self._answer.topic, self.talk.data["parts"]
        near = (Choice(_("場所をさがす"), f"find_place.topic:{topic}"),)
        card = (Choice(_("窓口での言い方"), f"answer.card:{topic}"),)
        return (
            *(
                Choice(label, f"answer.part:{topic}/{part}")
                for part, label in services.PARTS.items()
                if part not in told
            ),
            *(near if self.talk.view.library.topic_has_places(topic) else ()),
            *(card if self.state != "card" else ()),
            *WAYS,
        )
