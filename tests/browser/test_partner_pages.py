"""Agencies and people nearby in a real Chromium, without a script of ours: by keyboard, by axe, and as pictures.

Screenshots are kept under var/screenshots/partners (not in the repository).
"""

import uuid
from dataclasses import replace
from datetime import date, timedelta

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from bot.curation import STALE_AFTER, By
from handoff import partners, people
from handoff.partners import Agency, Contact
from tests.browser.chromium import keep
from tests.browser.test_console_pages import Site, sane, site
from tests.console_world import NOW, PASSWORD
from tests.test_partners import JISO, TWINS, YAMADA

__all__ = ["site"]

pytestmark = pytest.mark.browser

BY = By("staff:test", "さくら")
OLD = NOW - STALE_AFTER - timedelta(days=3)


async def a_town(site: Site) -> tuple[uuid.UUID, uuid.UUID]:
    """Keep three agencies and two people; return the first of each."""
    store = site.world.store
    jiso = await store.write(lambda s: partners.add(s, JISO, BY, NOW))
    before = replace(YAMADA, name="山田 花")
    first = await store.write(lambda s: partners.change_contact(s, jiso, before, BY, NOW))
    now = Contact(
        "田中 空", "地区担当（北・川辺）", "000-555-5103", "火・木 9:00〜12:00", NOW.date().replace(month=4, day=1)
    )
    await store.write(lambda s: partners.change_contact(s, jiso, now, BY, NOW, replaces=first))
    club = Agency(
        "NPO法人 そよかぜ", "community_group", "家に来て一緒に家事や育児をする（ホームスタート）", sharing="never"
    )
    await store.write(lambda s: partners.add(s, club, BY, OLD))
    commissioner = Agency(
        "北地区 民生委員・児童委員", "welfare_commissioner", "見守り、つなぎ", duty="民生委員法15条", sharing="consent"
    )
    await store.write(lambda s: partners.add(s, commissioner, BY, NOW))
    person = await people.add(store, TWINS, BY, NOW)
    await people.add(
        store,
        replace(
            TWINS,
            name="もうひとり",
            asked_on=date(2026, 4, 1),
            area="桜台",
            knows="ネパール語",
            topics=("interpreter",),
        ),
        BY,
        OLD,
    )
    return jiso, person


async def looked_at(page: Page, name: str) -> None:
    """Check the page with axe and with our own eyes' script, and keep a picture, wide and narrow."""
    await sane(page)
    found = await Axe().run(page)
    grave = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert grave == [], [(one["id"], [node["html"] for node in one["nodes"]]) for one in grave]
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 860})
        await sane(page)
        await keep(page, f"partners/{name}-{width}", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 860})


async def signed_in(site: Site, *, bypass_csp: bool = True) -> Page:
    """Open a window and sign in as a specialist; axe needs a script of its own, which our policy would refuse."""
    page = await site.page(bypass_csp=bypass_csp)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    return page


async def test_every_page_is_accessible_and_fits(site: Site) -> None:
    """List, page, form and the form with errors, of agencies and of people."""
    jiso, person = await a_town(site)
    page = await signed_in(site)
    for name, path in (
        ("agencies", "agencies"), ("agency", f"agencies/{jiso}"), ("agency-edit", f"agencies/{jiso}/edit"),
        ("agency-new", "agencies/new"), ("agencies-none", "agencies?words=どこにもない"),
        ("people", "people"), ("person", f"people/{person}"), ("person-edit", f"people/{person}/edit"),
    ):  # fmt: skip
        await page.goto(f"{site.root}/{path}")
        await looked_at(page, name)
    await page.goto(f"{site.root}/agencies/new")
    await page.get_by_label("番号 1").fill("代表まで")
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("alert")).to_contain_text("まだ保存していません")
    await looked_at(page, "agency-wrong")
    await page.goto(f"{site.root}/people/new")
    await page.get_by_role("button", name="保存").click()
    await looked_at(page, "person-wrong")
    await page.goto(f"{site.root}/agencies/{jiso}")
    await page.get_by_text("担当者が変わった・加わった").click()
    await page.get_by_role("button", name="担当者を残す").click()
    await expect(page.get_by_role("alert")).to_contain_text("担当者の名前を書いてください")
    await looked_at(page, "contact-wrong")


async def test_an_agency_and_its_contact_by_keyboard_without_scripts(site: Site) -> None:
    """With JavaScript off and no mouse: enter an agency, make sure of it, change who speaks for it."""
    page = await site.page(java_script_enabled=False)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    await page.get_by_role("link", name="連携先").press("Enter")
    await page.get_by_role("link", name="連携先を加える").press("Enter")
    await page.get_by_label("名前 必ず").fill("ひなた署 生活安全課")
    await page.get_by_label("種類").select_option("police")
    await page.get_by_label("番号 1").fill("000-555-0110")
    await page.get_by_role("button", name="保存").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("ひなた署 生活安全課")
    await expect(page.get_by_text("まだたしかめていない")).to_be_visible()
    await page.get_by_text("担当者が変わった・加わった").press("Enter")
    await page.get_by_label("新しい担当者の名前").fill("高橋")
    await page.get_by_label("いつから").fill("2026-10-01")
    await page.get_by_label("いつから").press("Enter")
    await expect(page.get_by_role("row", name="高橋")).to_contain_text("2026年10月1日から")
    await page.get_by_text("担当者が変わった・加わった").press("Enter")
    await page.get_by_label("新しい担当者の名前").fill("森")
    await page.get_by_label("いつから").press("Enter")
    await expect(page.get_by_role("row", name="森")).to_contain_text("2026年11月21日から")
    await expect(page.get_by_role("row", name="高橋")).to_contain_text("2026年11月20日まで")
    await page.get_by_role("button", name="たしかめた").press("Enter")
    await expect(page.get_by_text("さとうがたしかめました")).to_be_visible()


async def test_withdrawing_takes_two_steps_and_leaves_no_word(site: Site) -> None:
    """The button that destroys stands behind a sentence that says what it does."""
    _jiso, person = await a_town(site)
    page = await signed_in(site)
    await page.goto(f"{site.root}/people/{person}")
    destroy = page.get_by_role("button", name="ことばをすべて消す")
    await expect(destroy).to_be_hidden()
    await page.get_by_text("同意を取り下げた", exact=True).press("Enter")
    await expect(page.get_by_text("元にはもどせません")).to_be_visible()
    await looked_at(page, "person-withdraw")
    await destroy.press("Enter")
    await page.wait_for_url(f"{site.root}/people")
    await expect(page.get_by_text("取り下げた方が1人")).to_be_visible()
    await expect(page.get_by_text("点字")).to_have_count(0)


async def test_an_offer_to_help_is_written_down_and_moved_on(site: Site) -> None:
    """Four fields by keyboard; then the next step, on the day's page when it is due."""
    page = await signed_in(site)
    await page.goto(f"{site.root}/people")
    await page.get_by_role("link", name="手伝いの申し出を書きとめる").press("Enter")
    await page.get_by_role("button", name="書きとめる").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("残してよい")
    await looked_at(page, "offer-wrong")
    await page.get_by_label("名前（よび名でもよい）").fill("青木 海")
    await page.get_by_label("連絡のしかた").fill("000-555-7002")
    await page.get_by_label("したいこと・できること").fill("読み聞かせ")
    await page.get_by_label("職員から連絡するために").press("Space")
    await page.get_by_role("button", name="書きとめる").press("Enter")
    await expect(page.get_by_text("次にすること: 連絡する")).to_be_visible()
    await page.get_by_text("進める・次にすることを決める").press("Enter")
    await page.get_by_label("いま", exact=True).select_option("contacted")
    await page.get_by_label("次にすること（").fill("研修に案内する")
    await page.get_by_label("いつまでに").fill("2026-11-21")
    await looked_at(page, "helper")
    await page.get_by_role("button", name="残す").press("Enter")
    await expect(page.get_by_text("連絡した（さとう）")).to_be_visible()
    await page.goto(f"{site.root}/today")
    await expect(page.locator("#helpers")).to_contain_text("研修に案内する")
    await looked_at(page, "today-helpers")
    await page.goto(f"{site.root}/people")
    await looked_at(page, "helpers")
