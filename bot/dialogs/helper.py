"""Somebody wants to help other families (function 10, guideline 4(1)⑥): thanks, and whether the offer may be kept.

The library answers first what helping is; this is one tap away from it, so that a question is not met by a request.
The rule: nothing is kept without a yes to the very words, and then apart from any consultation (CARE C24); a signal, or
a person who takes the talk, ends it, so that words of need are never an offer (C15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import GAP, Choice, Verbatim, _

TOPIC = "becoming_helper"
LONGEST = 1_000  # characters of an offer
_ABOUT = Choice(_("しくみを知りたい"), f"answer.about:{TOPIC}")


class Helper(Dialog):
    """Take the offer to help, if it may be kept."""

    name = "helper"
    offers: ClassVar[Mapping[str, Choice]] = {TOPIC: Choice(_("手伝いたいと伝える"), "helper.begin")}
    takes_words = frozenset({"telling"})
    yields = True
    table = (
        Go("begin", "*", "asked"),
        Go("yes", "*", "telling"),
        Go("no", "*", "declined", take="forget"),
        Go(TEXT, "telling", "confirm", take="hold"),
        Go("keep", "confirm", "kept", take="keep"),
        Go(TEXT, ("asked", "confirm", "declined", "kept"), "asked", when="never"),
    )

    def hold(self) -> None:
        """Hold what was written, shown again whole, until it is said that just this may be kept."""
        self.talk.data["words"] = self.talk.inbound.text[:LONGEST]

    def keep(self) -> None:
        """Hand it on."""
        self.talk.offer = self.talk.data.pop("words", "")

    def forget(self) -> None:
        """Forget it."""
        self.talk.data.clear()

    def ask_asked(self) -> None:
        """Thank, and ask whether it may be kept."""
        self.talk.say(
            _("手伝いたいと言ってくれて、ありがとうございます。"),
            _(
                "この申し出を、窓口の職員に残してもいいですか。残すのは、このあとあなたが書くことだけです。相談とは別にします。"
            ),
            choices=(
                Choice(_("残してもいい"), "helper.yes", word="yes"),
                Choice(_("残さない"), "helper.no", word="no"),
                _ABOUT,
                *WAYS,
            ),
        )

    def ask_telling(self) -> None:
        """Ask for the little that staff need."""
        self.talk.say(
            _("よび名、連絡してよい方法、できることや来られる日を、1つのメッセージで書いてください。"),
            _("相談したいことは、ここではなく、あとで別に書いてください。"),
            choices=(Choice(_("残さない"), "helper.no", word="no"), *WAYS),
        )

    def ask_confirm(self) -> None:
        """Ask, then show what would be kept: the first line is what a phone's notice shows (CARE C21)."""
        self.talk.say(
            _("この文を、職員に残してもいいですか。"),
            GAP,
            Verbatim(self.talk.data["words"]),
            choices=(
                Choice(_("残してもいい"), "helper.keep", word="yes"),
                Choice(_("残さない"), "helper.no", word="no"),
                *WAYS,
            ),
        )

    def ask_kept(self) -> None:
        """Say what happens with it, and promise no day."""
        self.talk.say(
            _("受け取りました。職員が読んでから、書いてくれた方法で連絡します。いつになるかは、まだお約束できません。"),
            _("やめたいときは、窓口に言ってください。残したものを消します。"),
            choices=WAYS,
        )

    def ask_declined(self) -> None:
        """Accept the no."""
        self.talk.say(
            _("わかりました。申し出は残しません。気が変わったら、また書いてください。"), choices=(_ABOUT, *WAYS)
        )
