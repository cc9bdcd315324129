"""Asking for a person, and the offer of one when a worry is heard (CARE C12, C13, C17).

The rule: it says when a person reads next, and never that somebody reads or comes before that happened.
"""

from __future__ import annotations

from bot.dialog import START, TEXT, Dialog, Go
from bot.messages import ROOM_LINK, Choice, Phrase, _
from bot.situation import READ_EVEN_IF_DECLINED


class Person(Dialog):
    """Call a person, or let it be."""

    name = "person"
    table = (
        Go("ask", "*", "asked", take="open_case"),
        Go("yes", "*", "asked", take="open_case"),
        Go("no", "*", "declined", take="decline"),
        Go("room", "*", "room", take="choose_room"),
        Go("in_line", "*", "line", take="choose_line"),
        Go(TEXT, ("asked", "kept", "room", "line"), "kept", when="belongs_to_the_talk"),
        Go(TEXT, (START, "declined"), "declined", when="never"),
    )

    def belongs_to_the_talk(self) -> bool:
        """Return whether the text is for the person: it is not a clear question to the directory."""
        return not self.talk.heard.confident

    def open_case(self) -> None:
        """Ask for a person to be called."""
        self.talk.case = "open"

    def decline(self) -> None:
        """Note the no; abuse, dv and crisis are read all the same (CARE C17)."""
        case = self.talk.view.case
        if case is not None and case.state == "offered":
            self.talk.case = "decline"

    def ask_asked(self) -> None:
        """Say when a person reads, and that one may go on writing."""
        self.talk.say(
            _("わかりました。相談員に伝えます。"),
            *self.talk.when_read(),
            _("話したいことを、いま書いておいてもかまいません。"),
            choices=self._ways(),
        )

    def ask_kept(self) -> None:
        """Say that it is kept for the person."""
        self.talk.say(
            _("書いたことを、相談員が読めるように残しました。"),
            *self.talk.when_read(),
            choices=self._ways(),
        )

    def choose_room(self) -> None:
        """Keep that the talk goes on in the room."""
        self.talk.talk_in = "room"

    def choose_line(self) -> None:
        """Keep that the talk goes on in LINE, where the city lets the resident choose."""
        if self.talk.view.city.talk_in == "ask":
            self.talk.talk_in = "line"

    def ask_line(self) -> None:
        """Say so, and that the words then stay on the phone."""
        self.talk.say(
            _("わかりました。相談員は、ここに返事を書きます。やりとりは、このスマートフォンに残ります。"),
            *self.talk.when_read(),
            choices=self._ways(),
        )

    def ask_room(self) -> None:
        """Give the way into the room in words, for a computer where no button is shown."""
        self.talk.say(
            _("この部屋に書いたことは、LINEには残りません。相談員が読みます。"),
            ROOM_LINK,
            choices=(Choice(_("人と話す"), "person.ask"),),
        )

    def ask_declined(self) -> None:
        """Accept the no."""
        lines: list[Phrase] = [_("わかりました。気が変わったら「人と話す」と書いてください。")]
        case = self.talk.view.case
        if case is not None and not READ_EVEN_IF_DECLINED.isdisjoint(case.kinds):
            lines.append(_("大切なことなので、相談員が一度読みますが、こちらから連絡はしません。"))
        self.talk.say(*lines, choices=(*self.talk.ways_on(), Choice(_("人と話す"), "person.ask")))

    def _ways(self) -> tuple[Choice, ...]:
        talk_in = self.talk.view.city.talk_in
        return (
            *((Choice(_("LINEの外で書く"), "person.room", opens="room"),) if talk_in in ("room", "ask") else ()),
            *((Choice(_("LINEで話す"), "person.in_line"),) if talk_in == "ask" else ()),
            *self.talk.ways_on(),
        )
