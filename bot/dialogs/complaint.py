"""A wish or a complaint: heard in the resident's own words, numbered, and said who is responsible and what follows.

The rule: it never reaches whom it is about (CARE C36): what is about a member of staff is marked for the officer. The
words stay as they were written; nothing is asked back, weighed or defended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import CASE_NUMBER, ROOM_LINK, Choice, Text, _


class Complaint(Dialog):
    """Take a wish or complaint."""

    name = "complaint"
    offers: ClassVar[Mapping[str, Choice]] = {"complaint": Choice(_("要望・苦情を書く"), "complaint.begin")}
    takes_words = frozenset({"words", "room"})
    table = (
        Go("begin", "*", "about", take="forget"),
        Go("staff", "*", "words", take="about_staff"),
        Go("other", "*", "words"),
        Go("room", "*", "room"),
        Go(TEXT, ("words", "room"), "received", take="keep"),
        Go(TEXT, "about", "received", take="keep_unless_asked", when="is_kept"),
        Go(TEXT, "received", "received", when="never"),
    )

    def forget(self) -> None:
        """Begin anew."""
        self.talk.data.clear()

    def about_staff(self) -> None:
        """Remember that it is about somebody who works here."""
        self.talk.data["staff"] = True

    def keep(self) -> None:
        """Call a person for it; a work name in the words makes it one about staff, too."""
        named = any(person.name in self.talk.inbound.text for person in self.talk.view.city.people)
        if self.talk.data.get("staff") or named:
            self.talk.data["staff"] = True
            self.talk.call("complaint_staff", "窓口の職員についての要望・苦情です。責任者が読んでください。")
        else:
            self.talk.call("complaint", "要望・苦情です。")

    def keep_unless_asked(self) -> None:
        """Take it too before it was said what about, but no clear question to the desk."""
        heard = self.talk.heard
        if not heard.confident or heard.topics[0].id == "complaint":
            self.keep()

    def is_kept(self) -> bool:
        """Return whether the words were taken."""
        return bool(self.talk.case)

    def ask_about(self) -> None:
        """Ask only what decides who may read it."""
        self.talk.say(
            _("教えてくれて、ありがとうございます。そのまま書いてください。"),
            _("この窓口の職員のことなら、先に教えてください。責任者が読むものとして残します。"),
            choices=(
                Choice(_("職員のこと"), "complaint.staff"),
                Choice(_("ほかのこと"), "complaint.other"),
                *self._ways(),
            ),
            listed="numbers",
        )

    def ask_words(self) -> None:
        """Wait for the words."""
        self.talk.say(_("どんなことがありましたか。短くても、長くても、そのまま書いてください。"), choices=self._ways())

    def ask_room(self) -> None:
        """Give the way to the page outside LINE."""
        self.talk.say(
            _("この部屋に書いたことは、LINEには残りません。相談員が読みます。"),
            ROOM_LINK,
            choices=WAYS,
        )

    def ask_received(self) -> None:
        """Give the number, who is responsible, what happens next and by when."""
        about_staff = self.talk.data.get("staff")
        self.talk.say(
            _("書いてくれたことを受け取りました。番号は {number} です。", number=CASE_NUMBER),
            *((_("職員のことなので、責任者が読むものとして残しました。"),) if about_staff else ()),
            *self.talk.when_read(),
        )
        self.talk.say(*self._who(), choices=WAYS)

    def _who(self) -> tuple[Text, ...]:
        """Say who answers for it here (guideline 6(2))."""
        decided = self.talk.view.city.complaints
        if not decided.decided:
            return (_("責任者や返事の期限は、この町ではまだ決まっていません。相談員に聞けます。"),)
        by = (_("市の決まりでは、{days}日以内にお返事をします。", days=decided.days),) if decided.days else ()
        return (
            _("責任者: {name}", name=decided.officer),
            _("受け付ける人: {name}", name=decided.receiver),
            _("市の外から見る人（第三者委員）: {name}", name=decided.third_party),
            *by,
        )

    def _ways(self) -> tuple[Choice, ...]:
        in_room = self.talk.view.city.talk_in in ("room", "ask") and self.talk.inbound.kind != "room_text"
        room = (Choice(_("LINEの外で書く"), "complaint.room", opens="room"),) if in_room else ()
        return (*room, *WAYS)
