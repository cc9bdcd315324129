"""What our scripts say in English, as one more script; in Japanese it stands in the scripts themselves.

The rule: it holds words of ours alone, so that it opens without a session, as the static files do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from handoff import wording
from handoff.console.gate import to_json

STATIC: Final = Path(__file__).parent.parent / "static"

router = APIRouter()


@router.get("/words.js")
async def words() -> Response:
    """Give the sentences of the scripts, Japanese -> English."""
    return Response(english(), media_type="text/javascript")


@cache
def english() -> str:
    """Return that script; the catalog does not change while the console runs."""
    known = wording.catalog("en")
    return f"export default {to_json({one: known[one] for one in wording.script_sentences(STATIC) if one in known})};\n"
