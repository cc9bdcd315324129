"""What our scripts say in English, as one more script; in Japanese it stands in the scripts themselves.

The rule: it holds words of ours alone, so that it opens without a session, as the static files do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from handoff.console.gate import to_json
from handoff.wording import catalog, script_sentences

STATIC: Final = Path(__file__).parent.parent / "static"

router = APIRouter()


@router.get("/words.js")
async def words() -> Response:
    """Give the sentences of the scripts, Japanese -> English."""
    return Response(_words(), media_type="text/javascript")


@cache
def _words() -> str:
    known = catalog("en")
    return f"export default {to_json({one: known[one] for one in script_sentences(STATIC) if one in known})};\n"
