"""Showing what comes when: pregnancy, the first year, a nursery place, moving, starting school and the like.

The rule: a family looks at the step it wants, in any order; nothing is a duty of theirs because it stands here.
"""

from __future__ import annotations

from bot import names
from bot.dialog import END, START, TEXT, WAYS, Dialog, Go
from bot.library import Journey as Path
from bot.messages import Choice, _


class Journey(Dialog):
    """Show the steps of one journey, one at a time."""

    name = "journey"
    table = (
        Go("list", "*", "listed"),
        Go("begin", "*", "overview", take="take_journey", when="known"),
        Go("begin", "*", "listed"),
        Go("step", "*", "step", take="take_step", when="has_step"),
        Go("step", "*", "listed"),
        Go(TEXT, (START, "listed", "overview", "step"), END, when="never"),
    )

    def take_journey(self) -> None:
        """Take the journey of a button."""
        self.talk.data.clear()
        self.talk.data["journey"] = self.talk.argument

    def take_step(self) -> None:
        """Take journey and number of a step of a button."""
        journey, _stroke, number = self.talk.argument.partition("/")
        self.talk.data.update(journey=journey, step=int(number) if number.isdecimal() and len(number) < 3 else -1)

    def known(self) -> bool:
        """Return whether there is such a journey."""
        return self.talk.data.get("journey") in self.talk.view.library.journeys

    def has_step(self) -> bool:
        """Return whether the journey has this step."""
        return self.known() and 0 <= self.talk.data["step"] < len(self._path.steps)

    def ask_listed(self) -> None:
        """Show all journeys."""
        found = self.talk.view.library.journeys.values()
        self.talk.say(
            _("どの道すじを見ますか。"),
            choices=(*(Choice(path.title, f"journey.begin:{path.id}") for path in found), *WAYS),
            listed="numbers",
        )

    def ask_overview(self) -> None:
        """Say what the journey is about, and name its steps."""
        self.talk.say(self._path.words, choices=(*self._steps(), *WAYS), listed="numbers")

    def ask_step(self) -> None:
        """Say a word to one step, and offer the answers that help then."""
        path, number = self._path, self.talk.data["step"]
        step = path.steps[number]
        onward = (Choice(_("次へ"), f"journey.step:{path.id}/{number + 1}"),) if number + 1 < len(path.steps) else ()
        self.talk.say(
            _("● {part}", part=step.name),
            step.words,
            choices=(
                *(Choice(names.topic(topic), f"answer.about:{topic}") for topic in step.topics),
                *onward,
                Choice(_("全体を見る"), f"journey.begin:{path.id}"),
                *WAYS,
            ),
        )

    @property
    def _path(self) -> Path:
        return self.talk.view.library.journeys[self.talk.data["journey"]]

    def _steps(self) -> tuple[Choice, ...]:
        path = self._path
        return tuple(Choice(step.name, f"journey.step:{path.id}/{at}") for at, step in enumerate(path.steps))
