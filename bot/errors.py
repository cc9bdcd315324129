"""Every error of the product, named by whose mistake it was.

What a resident types is never an exception.

    MadoguchiError
    ├── OursError                 a bug or a broken promise inside the product
    │   ├── DialogError           a dialog's table is wrong (refused at import)
    │   ├── LeaseLostError        another worker holds the lane or the job now
    │   └── SealBrokenError       sealed text does not open under its key and place
    ├── AuthorError               a mistake of somebody who writes content, data or settings
    │   ├── ContentError          a content file is wrong: names the file and the line
    │   ├── DataFileError         an imported file cannot be read at all
    │   └── SettingsError         a setting is missing or wrong: names it and says what to do
    ├── RefusedError              a person may not or cannot do this now: shown to staff as it stands
    │   ├── NotAllowedError       the role may not do it
    │   ├── CaseMovedError        the case is no longer in the state that the action needs
    │   ├── StaysHereError        the city or the family has not agreed that these words are translated outside
    │   ├── SlipError             one input of a form cannot be read
    │   └── DirectoryMovedError   somebody else has changed the directory since the page was opened
    └── OutsideError              the outside world failed
        ├── LineRefusedError      LINE would refuse or refused a body
        ├── LineUnreachableError  LINE did not answer in time
        ├── NotCalledError        a mail or a hook that should call a person was not taken
        ├── EncoderError          an engine that turns text into vectors failed: patterns go on
        ├── TranslatorError       a translation service failed, or what it answered is no translation
        └── KeyGoneError          the key was destroyed: the text is gone on purpose
"""

from collections.abc import Mapping
from typing import Self


class MadoguchiError(Exception):
    """Say that something in the product went wrong; the message is written for the person who reads it."""


class OursError(MadoguchiError):
    """Say that the product itself is at fault."""


class DialogError(OursError):
    """Refuse a dialog whose table is wrong."""


class LeaseLostError(OursError):
    """Say that another worker holds the lane now: everything of this transaction is taken back."""


class SealBrokenError(OursError):
    """Say that sealed text does not open: wrong key, wrong place, or altered bytes."""


class AuthorError(MadoguchiError):
    """Say that a file or a setting that somebody wrote is wrong."""


class ContentError(AuthorError):
    """Refuse a content file, naming it."""


class DataFileError(AuthorError):
    """Refuse a data file that cannot be read at all."""


class SettingsError(AuthorError):
    """Refuse a missing or wrong setting, naming it."""


class Fault(str):
    """Hold what is wrong, in Japanese with its `{names}` filled, and what it is made of: staff read it in theirs."""

    sentence: str
    values: Mapping[str, object]

    def __new__(cls, sentence: str, **values: object) -> Self:
        """Fill the sentence."""
        made = super().__new__(cls, sentence.format(**values) if values else sentence)
        made.sentence, made.values = sentence, values
        return made


class RefusedError(MadoguchiError):
    """Refuse what a person asked for, in a sentence that is shown to staff in their language (`handoff.wording`)."""

    def __init__(self, sentence: str, **values: object) -> None:
        self.fault = Fault(sentence, **values)
        super().__init__(self.fault)


class NotAllowedError(RefusedError):
    """Refuse an action that the role may not do."""


class CaseMovedError(RefusedError):
    """Refuse an action because the case has moved on."""


class StaysHereError(RefusedError):
    """Refuse to send words to a translation service; the message is the id of the reason, for the console's labels."""


class SlipError(RefusedError):
    """Refuse one input of a form, in words for the person who typed it."""


class DirectoryMovedError(RefusedError):
    """Refuse a change of what somebody else in the directory has changed since the page was opened."""


class OutsideError(MadoguchiError):
    """Say that something outside the product failed."""


class LineRefusedError(OutsideError):
    """Say that LINE refuses a body: `reasons` lists every property and rule."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class LineUnreachableError(OutsideError):
    """Say that LINE did not answer in time or the connection broke: the outcome is unknown."""


class NotCalledError(OutsideError):
    """Say that nobody was called, why (without an address), and that it makes sense to try again."""


class KeyGoneError(OutsideError):
    """Say that the key of a text was destroyed, so the text is gone on purpose."""


class EncoderError(OutsideError):
    """Say that an engine that turns text into vectors cannot be used."""


class TranslatorError(OutsideError):
    """Say that nothing was translated, by the id of the reason, never by words that were sent or came back.

    `again`: it makes sense to try later.
    """

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.why = why
        self.again = again
