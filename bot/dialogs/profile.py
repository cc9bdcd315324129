"""The family profile: why one may tell it, the way to the page where it is told, and forgetting it at once.

The rule: LINE neither asks nor shows its content (DESIGN 4); it names what is kept in kinds only.
"""

from __future__ import annotations

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import ROOM_LINK, Choice, Text, _
from bot.profile import KINDS, Profile


class FamilyProfile(Dialog):
    """Explain, lead to the page, forget."""

    name = "profile"
    table = (
        Go("show", "*", "told"),
        Go("forget", "*", "forgotten", take="forget"),
        Go(TEXT, ("told", "forgotten"), "told", when="never"),
    )

    def forget(self) -> None:
        """Forget all of it."""
        self.talk.profile = Profile()

    def ask_told(self) -> None:
        """Say what it is for, who sees it, what is kept in kinds, and where to write it."""
        kinds = self.talk.profile.kinds
        kept: tuple[Text, ...] = (_("いまは、何も残っていません。"),)
        if kinds:
            kept = (_("いま残っているもの:"), *(_("・{kind}", kind=KINDS[kind]) for kind in kinds))
        self.talk.say(
            _("子どもの生まれた月や住んでいる地区を書いておくと、場所や答えが合いやすくなります。"),
            _("書かなくても、同じように使えます。"),
            _("見られるのは、相談を受ける職員だけです。いつでも消せます。"),
        )
        self.talk.say(
            *kept,
            _("書くところは、LINEの外の「家族のこと」です。"),
            ROOM_LINK,
            choices=(
                Choice(_("LINEの外で書く"), "profile.show", opens="room"),
                *((Choice(_("家族のことを消す"), "profile.forget"),) if kinds else ()),
                *WAYS,
            ),
        )

    def ask_forgotten(self) -> None:
        """Say that it is gone."""
        self.talk.say(_("家族のことを消しました。また書きたくなったら、いつでも書けます。"), choices=WAYS)
