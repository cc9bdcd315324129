"""The menu: the few ways from which everything can be reached.

The rule: a person is always one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot import names
from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import Choice, _

ASK = _("どれにしますか。そのまま質問を書いてもかまいません。")

#: Subject of an area of the rich menu -> what can be asked about it, the most frequent first.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "care": (
        "temporary_care", "nursery", "kodomoen", "sick_child_care", "family_support", "short_stay", "after_school",
    ),
    "birth": ("pregnancy_registration", "newborn_visit", "postnatal_care", "birth_procedures", "feeding"),
    "health": ("night_clinic", "medical_care", "vaccination", "infant_checkup", "mental_health"),
}  # fmt: skip

#: The ways, as the rich menu draws them too (`line.richmenu`): a person in the middle below, where a thumb rests.
AREAS: tuple[Choice, ...] = (
    Choice(_("場所をさがす"), "find_place.begin"),
    Choice(_("保育園・預け先"), "menu.about:care"),
    Choice(_("妊娠・出産"), "menu.about:birth"),
    Choice(_("子どもの健康"), "menu.about:health"),
    Choice(_("人と話す"), "person.ask"),
    Choice(_("ことば / Language"), "language.ask"),
)

#: What the menu shows besides, where there is no picture to fill.
MORE: tuple[Choice, ...] = (
    Choice(_("これからの道すじ"), "journey.list"),
    Choice(_("家族のこと"), "profile.show"),
    Choice(_("だれが読みますか"), "welcome.who"),
)


class Menu(Dialog):
    """Show the ways, stop, and answer small talk."""

    name = "menu"
    table = (
        Go("show", "*", "shown"),
        Go("about", "*", "about", when="is_known"),
        Go("about", "*", "shown"),
        Go("stop", "*", "stopped"),
        Go("thanks", "*", "thanked"),
        Go("tired", "*", "company"),
        Go(TEXT, ("shown", "about", "stopped", "thanked", "company"), "shown", when="never"),
    )

    def is_known(self) -> bool:
        """Return whether there is such a subject."""
        return self.talk.argument in SUBJECTS

    def ask_about(self) -> None:
        """Show what can be asked about a subject."""
        self.talk.say(
            ASK,
            choices=(
                *(Choice(names.topic(id), f"answer.about:{id}") for id in SUBJECTS[self.talk.argument]),
                *WAYS,
            ),
            listed="numbers",
        )

    def ask_shown(self) -> None:
        """Show the ways."""
        self.talk.say(ASK, choices=(*AREAS, *MORE), listed="numbers")

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
