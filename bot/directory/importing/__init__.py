"""Reads cities' files into the directory: `read_file` and `report` are all that others call.

The rule: every row is taken or refused with a reason.
"""

from bot.directory.importing.files import Imported, Mending, Refusal, known_dialects, read_file, report

__all__ = ["Imported", "Mending", "Refusal", "known_dialects", "read_file", "report"]
