"""Hold the channel's rich menus, their pictures, aliases and links (facts/line.md 3).

The rule: a menu is seen only after its picture was uploaded and it was linked; her own menu wins over the default,
and who is not a friend sees the default only.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from bot.simulator.answers import Answer, Content, refused, refused_body
from bot.simulator.judge import Problem, is_alias, is_user, judge_rich_menu
from bot.simulator.people import Resident

Json = dict[str, Any]


@dataclass(slots=True)
class RichMenu:
    """Hold a rich menu and its picture, which is there only after the upload."""

    menu: Json
    picture: Content | None = None


class RichMenus:
    """Answer what a client asks about rich menus; `residents` is the platform's own table, by id."""

    def __init__(self, residents: dict[str, Resident]) -> None:
        self.all: dict[str, RichMenu] = {}
        self.aliases: dict[str, str] = {}
        self.default: str | None = None
        self._residents = residents

    def create(self, body: Json) -> Answer:
        """Answer POST /v2/bot/richmenu."""
        problems = judge_rich_menu(body)
        if problems:
            return refused_body(problems)
        menu_id = f"richmenu-{secrets.token_hex(16)}"
        self.all[menu_id] = RichMenu(body)
        return Answer(200, {"richMenuId": menu_id})

    def validate(self, body: Json) -> Answer:
        """Answer POST /v2/bot/richmenu/validate."""
        problems = judge_rich_menu(body)
        return refused_body(problems) if problems else Answer()

    def get(self, menu_id: str) -> Answer:
        """Answer GET /v2/bot/richmenu/{id}."""
        menu = self.all.get(menu_id)
        return Answer(200, {"richMenuId": menu_id, **menu.menu}) if menu else refused(404, "richmenu not found")

    def list(self) -> Answer:
        """Answer GET /v2/bot/richmenu/list."""
        return Answer(200, {"richmenus": [{"richMenuId": key, **menu.menu} for key, menu in self.all.items()]})

    def delete(self, menu_id: str) -> Answer:
        """Answer DELETE /v2/bot/richmenu/{id}; whoever had it linked falls back to the default."""
        if self.all.pop(menu_id, None) is None:
            return refused(404, "richmenu not found")
        for resident in self._residents.values():
            if resident.rich_menu == menu_id:
                resident.rich_menu = None
        if self.default == menu_id:
            self.default = None
        return Answer()

    def upload(self, menu_id: str, data: bytes, media_type: str) -> Answer:
        """Answer POST (api-data) /v2/bot/richmenu/{id}/content: one PNG or JPEG up to 1 MB, never replaced."""
        menu = self.all.get(menu_id)
        if menu is None:
            return refused(404, "richmenu not found")
        magic = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8"}.get(media_type)
        if magic is None:
            return refused(415, "Unsupported Media Type")
        if menu.picture is not None:
            return refused(400, "An image has already been uploaded to the richmenu")
        if not data.startswith(magic) or len(data) > 1024 * 1024:
            return refused(400, "The image is invalid")
        menu.picture = Content(data, media_type)
        return Answer()

    def picture(self, menu_id: str) -> Answer:
        """Answer GET (api-data) /v2/bot/richmenu/{id}/content."""
        menu = self.all.get(menu_id)
        return menu.picture.answer() if menu and menu.picture else refused(404, "Not found")

    def link(self, user_id: str, menu_id: str) -> Answer:
        """Answer POST /v2/bot/user/{id|all}/richmenu/{menuId}; for a non-friend it is 200 and nothing happens."""
        menu = self.all.get(menu_id)
        if menu is None:
            return refused(404, "richmenu not found")
        if menu.picture is None:
            return refused(400, "must upload richmenu image before applying it to user")
        if user_id == "all":
            self.default = menu_id
        elif not is_user(user_id):
            return refused(400, "The user ID is invalid")
        elif (resident := self._residents.get(user_id)) and resident.friend and not resident.blocked:
            resident.rich_menu = menu_id
        return Answer()

    def linked(self, user_id: str) -> Answer:
        """Answer GET /v2/bot/user/{id|all}/richmenu."""
        resident = self._residents.get(user_id)
        menu_id = self.default if user_id == "all" else (resident.rich_menu if resident else None)
        return Answer(200, {"richMenuId": menu_id}) if menu_id else refused(404, "the user has no richmenu")

    def unlink(self, user_id: str) -> Answer:
        """Answer DELETE /v2/bot/user/{id|all}/richmenu."""
        if user_id == "all":
            self.default = None
        elif resident := self._residents.get(user_id):
            resident.rich_menu = None
        return Answer()

    def set_alias(self, body: Json, *, alias: str = "") -> Answer:
        """Answer POST /v2/bot/richmenu/alias (new) and POST /v2/bot/richmenu/alias/{id} (changed)."""
        name, menu_id = alias or body.get("richMenuAliasId"), body.get("richMenuId")
        if not is_alias(name) or not isinstance(menu_id, str):
            return refused_body([Problem("invalid alias", "richMenuAliasId")])
        if alias and alias not in self.aliases:
            return refused(404, "richmenu alias not found")
        if not alias and name in self.aliases:
            return refused(400, "conflict richmenu alias id")
        menu = self.all.get(menu_id)
        if menu is None or menu.picture is None:
            return refused(400, "richmenu not found")
        self.aliases[str(name)] = menu_id
        return Answer()

    def get_alias(self, alias: str) -> Answer:
        """Answer GET /v2/bot/richmenu/alias/{id} and …/list."""
        rows = [{"richMenuAliasId": name, "richMenuId": menu} for name, menu in self.aliases.items()]
        if alias == "list":
            return Answer(200, {"aliases": rows})
        found = next((row for row in rows if row["richMenuAliasId"] == alias), None)
        return Answer(200, dict(found)) if found else refused(404, "richmenu alias not found")

    def delete_alias(self, alias: str) -> Answer:
        """Answer DELETE /v2/bot/richmenu/alias/{id}."""
        return Answer() if self.aliases.pop(alias, None) else refused(404, "richmenu alias not found")

    def shown_id(self, resident: Resident) -> str | None:
        """Return the id of the menu that the phone shows: her own, else the default; none when blocked."""
        own = resident.rich_menu if resident.friend else None
        return None if resident.blocked else own or self.default

    def shown(self, resident: Resident) -> RichMenu | None:
        """Return the menu that the phone shows."""
        return self.all.get(self.shown_id(resident) or "")

    def switch(self, resident: Resident, alias: str) -> Json:
        """Switch the resident's menu to an alias and return the `params` of the postback that tells it."""
        menu_id = self.aliases.get(alias)
        status = "RICHMENU_ALIAS_ID_NOTFOUND" if menu_id is None else "SUCCESS"
        if menu_id is not None and menu_id not in self.all:
            status = "RICHMENU_NOTFOUND"
        if status == "SUCCESS":
            resident.rich_menu = menu_id
        return {"newRichMenuAliasId": alias, "status": status}
