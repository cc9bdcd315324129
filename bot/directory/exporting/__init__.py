"""Writes the directory so that a city can publish it: HSDS 3, and the national standard CSVs.

The rule: values in, text or bytes out; nothing leaves that protects a life or that only staff may know.
"""

from bot.directory.exporting import hsds, standard
from bot.directory.exporting.publishing import STAFF_ONLY, bare, harmless, publishable

__all__ = ["STAFF_ONLY", "bare", "harmless", "hsds", "publishable", "standard"]
