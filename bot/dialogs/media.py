"""What is not words: a sticker, a picture, a film, a voice, a file, or something that LINE invented since.

The rule: the machine never looks into any of them and says so. It never says that a person looks: it says how one can.
"""

from __future__ import annotations

from bot.dialog import TEXT, WAYS, Dialog, Go
from bot.messages import Phrase, _

WRITE_OR_ASK = _("ことばで書くか、「人と話す」を選んでください。")
SHOW = _("人に見てほしいときは、「人と話す」を選んでください。")
SEND_AGAIN = _("あとで選ぶときは、もう一度送ってください。")  # only what was just sent is fetched (`media`)
KEPT = _("相談員のために残します。")

#: What came -> that the machine does not know it, how a person can, and what is kept then.
ANSWERS: dict[str, tuple[Phrase, Phrase, Phrase]] = {
    "image": (
        _("写真を受け取りました。機械は、写真を見ません。"),
        SHOW,
        _("選ぶと、相談員が見られるように残します。"),
    ),
    "video": (
        _("動画を受け取りました。機械は、動画を見ません。"),
        SHOW,
        _("選ぶと、短い動画なら、相談員が見られるように残します。"),
    ),
    "audio": (
        _("音声を受け取りました。機械は、音声を聞きません。"),
        WRITE_OR_ASK,
        _("選ぶと、相談員が聞けるように残します。"),
    ),
    "file": (
        _("ファイルを受け取りました。機械は、ファイルを開きません。"),
        SHOW,
        _("選ぶと、相談員が見られるように残します。"),
    ),
}


class Media(Dialog):
    """Answer each kind of thing that is not words; the events are the kinds of an Inbound."""

    name = "media"
    table = (
        Go("sticker", "*", "sticker"),
        Go("image", "*", "image"),
        Go("video", "*", "video"),
        Go("audio", "*", "audio"),
        Go("file", "*", "file"),
        Go("unknown", "*", "unknown"),
        Go(TEXT, ("sticker", "image", "video", "audio", "file", "unknown"), "unknown", when="never"),
    )

    def ask_sticker(self) -> None:
        """Answer a sticker: a sign of life is an opening."""
        self.talk.say(_("ありがとうございます。何かあれば、ひとことでも書いてください。"), choices=WAYS)

    def ask_image(self) -> None:
        """Answer a picture."""
        self._received("image")

    def ask_video(self) -> None:
        """Answer a film."""
        self._received("video")

    def ask_audio(self) -> None:
        """Answer a voice."""
        self._received("audio")

    def ask_file(self) -> None:
        """Answer a file."""
        self._received("file")

    def _received(self, kind: str) -> None:
        """Say what is done with it: it is kept for the person who is called already, or how to call one."""
        unread, how, kept_then = ANSWERS[kind]
        case = self.talk.view.case
        if case is not None and case.for_people:
            self.talk.say(unread, KEPT, *self.talk.when_read(), choices=WAYS)
        else:
            self.talk.say(unread, how, kept_then, SEND_AGAIN, choices=WAYS)

    def ask_unknown(self) -> None:
        """Answer what cannot be opened here: a contact, or what LINE invented after this was written."""
        self.talk.say(_("受け取りましたが、ここでは開けないものでした。"), WRITE_OR_ASK, choices=WAYS)
