"""Keeps the sample city's invented agencies and their contacts; only the demo calls it.

The rule: they enter through `partners`, so what is wrong in the file is refused as it would be on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy.orm import Session

from bot.curation import By, FieldsRefusedError
from bot.directory.resources import Phone
from bot.errors import ContentError
from bot.opening import TOKYO
from handoff import partners
from handoff.partners import Agency, Contact


def keep_agencies(session: Session, document: Mapping[str, Any], by: By, now: datetime) -> int:
    """Keep the agencies of a document and return how many; `verified_on` is the day of the last making sure.

    Raise ContentError, naming the agency.
    """
    for entry in document["agencies"]:
        values = dict(entry)
        contacts, day = values.pop("contacts", ()), values.pop("verified_on", None)
        values["phones"] = tuple(Phone(**phone) for phone in values.get("phones", ()))
        at = datetime.combine(day, time(10), TOKYO) if day else now
        try:
            id = partners.add(session, Agency(**values), by, at)
            for one in contacts:
                contact = partners.change_contact(session, id, Contact(**{**one, "until": None}), by, at)
                if one.get("until"):
                    partners.end_contact(session, id, contact, one["until"], by, at)
        except (TypeError, FieldsRefusedError) as error:
            raise ContentError(f"agencies: {entry.get('name')}: {error}") from error
    return len(document["agencies"])
