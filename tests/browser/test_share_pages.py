"""Handing a text to a partner agency, from the console to the coordinator's telephone, in a real browser.

Neither the console's forms nor the coordinator's page need a script. Screenshots are kept under var/screenshots/share.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import cases
from bot.curation import By
from bot.store import Store
from handoff import partners, shares
from handoff.shared.app import create_shared
from handoff.shares import Text, Wish
from handoff.staff import Actor, Role
from tests.browser.chromium import keep, served
from tests.browser.test_console_pages import Site, sane
from tests.conftest import free_port
from tests.console_world import NAMES, NOW, PASSWORD, a_resident, build, writes
from tests.test_shares import DV, KIMURA, MIDORI, SUMMARY

pytestmark = pytest.mark.browser

BY = By("staff:test", "さとう")


@dataclass
class Both(Site):
    """Hold the console, the page from outside beside it, and a case with violence at home."""

    case: str = ""
    contact: uuid.UUID = uuid.UUID(int=0)

    async def phone(self) -> Page:
        """Open a coordinator's telephone, without scripts but axe's own."""
        return await self.page(width=390, height=760, bypass_csp=True)

    def actor(self, role: Role) -> Actor:
        """Return somebody who acts."""
        return Actor(self.world.staff[role], role, NAMES[role], role)

    async def made(self) -> uuid.UUID:
        """Keep a share that the specialist wrote."""
        wish = Wish(self.contact, Text(SUMMARY, (("ことば", "日本語"),)), NOW.date(), "phone")
        case_id = uuid.UUID(self.case[-36:])
        return await shares.make(self.world.store, case_id, wish, self.actor("specialist"), NOW)

    async def linked(self) -> tuple[str, str]:
        """Keep one that two have agreed to, and return its address and code."""
        id, case_id = await self.made(), uuid.UUID(self.case[-36:])
        store = self.world.store
        await store.write(lambda s: shares.agree(s, case_id, id, self.actor("supervisor"), NOW))
        token, code = await store.write(lambda s: shares.link(s, case_id, id, self.actor("specialist"), NOW))
        return f"{self.root.removesuffix('/console')}/share/{token}", code


@pytest_asyncio.fixture(loop_scope="session")
async def both(sqlite_store: Store) -> AsyncIterator[Both]:
    """Serve console and page on loopback and start Chromium."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    world = await build(sqlite_store, base)
    agency = await sqlite_store.write(lambda s: partners.add(s, MIDORI, BY, NOW))
    contact = await sqlite_store.write(lambda s: partners.change_contact(s, agency, KIMURA, BY, NOW))
    who = await a_resident(sqlite_store)
    case = await writes(sqlite_store, who, "夫になぐられた", DV)
    assert case is not None
    await sqlite_store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    shared = create_shared(store=sqlite_store, clock=world.clock, city=lambda: world.city, base_url=base)
    app = Starlette(routes=[Mount("/console", world.app), Mount("/share", shared)])
    async with served(app, port) as browser:
        yield Both(world, f"{base}/console", browser, f"{base}/console/cases/{case.id}", contact)


async def looked_at(page: Page, name: str) -> None:
    """Check the page with axe and with our own eyes' script, and keep a picture."""
    await sane(page)
    found = await Axe().run(page)
    grave = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert grave == [], [(one["id"], [node["html"] for node in one["nodes"]]) for one in grave]
    await keep(page, f"share/{name}", full_page=True)


async def test_the_holder_writes_it(both: Both) -> None:
    """From the talk to a text that waits for a second person, by keyboard; also narrow."""
    holder = await both.page(bypass_csp=True)
    await sign_in(both, holder, "specialist")
    await holder.goto(both.case)
    await holder.get_by_role("link", name="連携先に渡す").press("Enter")
    await holder.get_by_role("link", name="渡す文をつくる").press("Enter")
    await looked_at(holder, "form")
    await holder.get_by_role("button", name="この文をつくる").press("Enter")
    await expect(holder.get_by_role("alert")).to_contain_text("同意がないうちは渡せません")
    await looked_at(holder, "form-wrong")
    await holder.get_by_label("渡す相手").select_option("みどり相談支援・木村さん")
    await holder.get_by_label("どこで聞いたか").select_option("phone")
    await holder.get_by_label("伝えること").fill(SUMMARY)
    await holder.get_by_role("button", name="この文をつくる").press("Enter")
    await expect(holder.get_by_text("二人目の同意を待っています")).to_be_visible()
    await holder.set_viewport_size({"width": 390, "height": 760})
    await looked_at(holder, "made-390")


async def test_the_supervisor_agrees_and_the_link_is_shown_once(both: Both) -> None:
    """Found on the day's page, read, agreed; then link and code."""
    await both.made()
    page = await both.page(bypass_csp=True)
    await sign_in(both, page, "supervisor")
    await page.goto(f"{both.root}/today")
    await looked_at(page, "today")
    await page.locator("#shares .row-link").press("Enter")
    await page.get_by_text("渡す文を読む").press("Enter")
    await looked_at(page, "agree")
    await page.get_by_role("button", name="二人目として同意する").press("Enter")
    await expect(page.get_by_text("入り口はまだありません")).to_be_visible()
    await page.get_by_role("button", name="入り口と番号をつくる").press("Enter")
    await looked_at(page, "link")
    assert re.fullmatch(r"\d{4} \d{4}", await page.locator(".share-code").inner_text())


async def test_the_coordinator_reads_and_answers_on_a_telephone(both: Both) -> None:
    """The door, a wrong code, the text, the answer, closing; by keyboard and axe, light and dark."""
    address, code = await both.linked()
    phone = await both.phone()
    await phone.goto(address)
    await looked_at(phone, "door")
    field = phone.get_by_label("電話で聞いた8けたの番号")
    await field.fill("1")
    await field.press("Enter")
    await expect(phone.get_by_role("alert")).to_contain_text("いまは開けませんでした")
    await looked_at(phone, "door-no")
    await field.fill(code)
    await field.press("Enter")
    await expect(phone.get_by_text(SUMMARY)).to_be_visible()
    await looked_at(phone, "page")
    await phone.emulate_media(color_scheme="dark")
    await looked_at(phone, "page-dark")
    await phone.get_by_label("返事（").fill("引き受けます。月曜の10時に窓口へ電話します。")
    await phone.get_by_role("button", name="返事を送る").press("Enter")
    await expect(phone.get_by_text("返事を受け取りました")).to_be_visible()
    await phone.get_by_role("button", name="この画面を閉じる").press("Enter")
    await expect(field).to_be_visible()


async def test_the_family_takes_its_yes_back(both: Both) -> None:
    """Two steps, a sentence that says what goes, and nothing is left to read."""
    await both.linked()
    page = await both.page(bypass_csp=True)
    await sign_in(both, page, "specialist")
    await page.goto(f"{both.case}/shares")
    await page.locator("summary", has_text="閉じる").press("Enter")
    await looked_at(page, "linked")
    await page.get_by_role("button", name="ご家族が同意を取り下げた").press("Enter")
    await expect(page.get_by_text("ご家族が同意を取り下げました")).to_be_visible()
    await expect(page.get_by_text("渡す文を読む")).to_have_count(0)
    await looked_at(page, "ended")


async def test_the_coordinators_page_works_without_scripts(both: Both) -> None:
    """Its policy allows none, and nothing on it needs one; a made-up link looks like any other."""
    page = await both.page(width=390, height=760, java_script_enabled=False)
    await page.goto(f"{both.root.removesuffix('/console')}/share/made-up")
    await page.get_by_label("電話で聞いた8けたの番号").fill("12345678")
    await page.get_by_role("button", name="ひらく").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("いまは開けませんでした")


async def sign_in(both: Both, page: Page, role: str) -> None:
    """Sign a window in that axe may run in."""
    await page.goto(f"{both.root}/sign-in")
    await page.get_by_label("ログイン名").fill(role)
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{both.root}/")
