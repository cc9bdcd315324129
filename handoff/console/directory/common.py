"""What the directory's pages share: who acts, how a page is shown, where a form leads back to.

The rule: after a change the browser is sent on (303), and the next page says in one sentence what was done.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from bot import catalogue, names
from bot.directory.resources import Resource
from bot.errors import RefusedError
from bot.models import ResourceRow
from bot.opening import TOKYO
from handoff.console.directory import wording
from handoff.console.gate import House, Pass, house_of
from handoff.staff import MAY
from handoff.wording import Table, named

#: What was done, by its short name in the address.
SAID: Final = Table(
    {
        "edited": "直しました。",
        "same": "変わったところはありませんでした。",
        "created": "新しい場所を書きました。",
        "verified": "確かめたことを残しました。",
        "undone": "もとにもどしました。",
        "restored": "この場所を残すことにしました。",
        "noted": "メモを残しました。",
        "unnoted": "メモを消しました。",
        "merged": "1つにまとめました。",
        "apart": "2つの場所として覚えました。もう出てきません。",
        "dropped": "取り込みをやめました。ファイルは消しました。",
        "taken": "お知らせを取り入れました。",
        "declined": "お知らせを取り入れないことにしました。",
    }
)


def page(request: Request, door: Pass, name: str, status: int = 200, **values: Any) -> Response:
    """Return a page of the directory."""
    house, role = house_of(request), door.actor.role
    now = house.clock.now()
    shared = {
        "signed": door.signed,
        "city": house.city().name,
        "now": now,
        "today": now.astimezone(TOKYO).date(),
        "terms": wording,
        "may_edit": role in MAY["directory.edit"],
        "may_import": role in MAY["directory.import"],
        "said": SAID.get(request.query_params.get("said", ""), ""),
    }
    return house.page(request, f"directory/{name}.html", status, **(shared | values))


def back(request: Request, path: str, said: str = "") -> RedirectResponse:
    """Send the browser on to a page of the directory, which then says what was done."""
    root = request.scope.get("root_path", "")
    ask = f"{'&' if '?' in path else '?'}said={said}" if said else ""
    return RedirectResponse(f"{root}/directory{path}{ask}", 303)


def path_of(id: str) -> str:
    """Return where a place's page is."""
    return f"/places/{quote(id, safe='')}"


def row_of(session: Session, id: str) -> ResourceRow:
    """Return a place's row. Raise RefusedError."""
    row = catalogue.row_of(session, id)
    if row is None:
        raise RefusedError("この場所は見つかりません。")
    return row


def shown(row: ResourceRow) -> Resource:
    """Return a place as staff's form shows it: their words over the source's."""
    return wording.resource({**row.body, **row.edits})


def kinds(house: House) -> dict[str, str]:
    """Return the kinds of places, id -> name."""
    known = named(names.CATEGORIES)
    return {id: known.get(id, id) for id in house.categories}
