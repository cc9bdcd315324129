"""The directory's pages of the console in a real Chromium: by keyboard, without JavaScript, wide and narrow, by axe.

Screenshots are kept under var/screenshots/directory/ (not in the repository).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot import catalogue, curation, suggestions
from bot.curation import By
from bot.directory.resources import Location, Resource, Source
from bot.models import ResourceRow
from bot.opening import Opening, Schedule
from handoff.console.directory import wording
from tests.browser import test_console_pages
from tests.browser.chromium import keep, press
from tests.browser.test_console_pages import Site, sane
from tests.console_world import NOW, PASSWORD, World
from tests.talk import sample

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console

AYA = By("staff:00000000-0000-0000-0000-000000000001", "あや")
POKAPOKA = "hinata-azukari-plaza"
LIBRARY = "hinata-azukari-nagisa"


async def fill(world: World) -> None:
    """Store ひなた市's places, some made sure of long ago, some lately."""
    _city, places = sample()
    await world.store.write(lambda s: catalogue.keep(s, "sample_city", places, NOW - timedelta(days=300)))
    for days, place in zip((10, 120, 250), places, strict=False):
        await world.store.write(
            lambda s, id=place.id, days=days: curation.verify(s, id, AYA, NOW - timedelta(days=days))
        )
    await world.load_places()


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the whole page, wide and narrow."""
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 860})
        await keep(page, f"directory/{name}-{width}", full_page=True)
        await sane(page)
    await page.set_viewport_size({"width": 1280, "height": 860})


async def axe(page: Page) -> None:
    """Check that axe finds nothing serious, in light and at night; its script needs a context without the policy."""
    storage = await page.context.storage_state()
    browser = page.context.browser
    assert browser is not None
    context = await browser.new_context(bypass_csp=True, storage_state=storage, locale="ja-JP")
    other = await context.new_page()
    await other.goto(page.url)
    for scheme in ("light", "dark"):
        await other.emulate_media(color_scheme=scheme)
        found = await Axe().run(other)
        grave = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
        assert not grave, [(scheme, v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in grave]
    await context.close()


async def looked_at(page: Page, name: str) -> None:
    """Keep pictures and look at the page with both pairs of eyes."""
    await shot(page, name)
    await axe(page)


async def test_a_place_is_found_read_corrected_and_taken_back(site: Site) -> None:
    """From the list by words and keyboard to a place, correct it with a mistake on the way, take it back."""
    await fill(site.world)
    page = await site.signed_in()
    await page.get_by_role("link", name="地域資源").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("地域資源")
    await looked_at(page, "01-list")
    await press(page, "/")
    await page.keyboard.type("pokapoka")
    await page.keyboard.press("Enter")
    await expect(page.locator(".row-link")).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.get_by_role("heading", level=1).click()
    await press(page, "j")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/directory/places/{POKAPOKA}")
    await looked_at(page, "02-place")
    await press(page, "e")
    await page.wait_for_url("**/edit")
    await looked_at(page, "03-edit")
    await page.get_by_label("電話番号 1").fill("かけてね")
    await page.get_by_label("木 はじまり", exact=True).fill("10時半")
    await page.get_by_role("button", name="残す").click()
    await expect(page.get_by_role("alert")).to_contain_text("直すところが2つ")
    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.get_by_label("木 はじまり", exact=True)).to_have_value("10時半")
    await shot(page, "04-refused")
    await page.get_by_label("電話番号 1").fill("０００-５５５-９９９９")
    await page.get_by_label("木 はじまり", exact=True).fill("10:30")
    await page.get_by_label("お知らせ").fill("12月は工事で休み")
    await page.get_by_role("button", name="残す").click()
    await expect(page.get_by_role("status").filter(has_text="直しました")).to_be_visible()
    told = page.locator(".told")
    await expect(told).to_contain_text("000-555-9999")
    await expect(told).to_contain_text("情報源では: 000-555-2001")
    await expect(told).to_contain_text("木 10:30～17:00")
    await looked_at(page, "05-corrected")
    await page.get_by_role("button", name="この変更をもどす").click()
    await expect(page.get_by_role("status").filter(has_text="もとにもどしました")).to_be_visible()
    await expect(told).not_to_contain_text("000-555-9999")
    await press(page, "v")
    await expect(page.get_by_role("status").filter(has_text="確かめたことを残しました")).to_be_visible()
    await expect(page.locator(".place-state")).to_contain_text("さとう")


async def test_a_note_is_added_and_taken_off(site: Site) -> None:
    """A note for families needs somebody's consent, which the form asks for beside the field."""
    await fill(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/directory/places/{POKAPOKA}")
    await page.get_by_text("メモを足す").click()
    await page.get_by_label("この場所について").fill("火曜は英語を話す人がいる")
    await page.get_by_label("ご家族にも").check()
    await page.get_by_role("button", name="残す").click()
    consent = page.get_by_label("だれが、いつ、のせてよいと言ったか")
    await expect(consent).to_have_attribute("aria-invalid", "true")
    await looked_at(page, "06-note-refused")
    await consent.fill("室長の田中さん 11月20日")
    await page.get_by_role("button", name="残す").click()
    await expect(page.locator(".notes")).to_contain_text("ご家族にも見える")
    await looked_at(page, "07-noted")
    await page.get_by_role("button", name="消す: 火曜は英語を話す人がいる").click()
    await expect(page.get_by_text("メモを消しました。")).to_be_visible()


async def test_two_people_edit_the_same_place(site: Site) -> None:
    """The second one sees both values, keeps what only the first one changed, and decides."""
    await fill(site.world)
    one, other = await site.signed_in(), await site.signed_in("supervisor")
    for page in (one, other):
        await page.goto(f"{site.root}/directory/places/{POKAPOKA}/edit")
    await one.get_by_label("定員").fill("12")
    await one.get_by_label("通称").fill("ぽかぽか")
    await one.get_by_role("button", name="残す").click()
    await expect(one.get_by_text("直しました。")).to_be_visible()
    await other.get_by_label("定員").fill("15")
    await other.get_by_role("button", name="残す").click()
    told = other.get_by_role("alert")
    await expect(told).to_contain_text("さとうがこの場所を直しました")
    await expect(told.get_by_role("row", name="定員")).to_contain_text("12")
    await expect(other.get_by_label("定員")).to_have_value("15")
    await expect(other.get_by_label("通称")).to_have_value("ぽかぽか")
    await looked_at(other, "08-overtaken")
    await other.get_by_role("button", name="残す").click()
    await expect(other.locator(".told")).to_contain_text("15")
    await expect(other.locator(".told")).to_contain_text("ぽかぽか")


async def test_the_work_list_is_worked_by_keyboard(site: Site) -> None:
    """Walk with j, say "still right" with v, see it said with its undo, go on with the next; e and Enter lead on."""
    await fill(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/directory/week")
    rows = page.locator("[data-row]")
    await expect(rows).to_have_count(20)
    await looked_at(page, "09-week")
    await press(page, "j")
    await press(page, "j")
    second, third = [await rows.nth(n).get_attribute("data-row") for n in (1, 2)]
    await press(page, "v")
    done = page.locator(".done-row")
    await expect(done).to_have_count(1)
    await expect(done).to_contain_text("確かめました")
    await expect(page.locator(f'[data-row="{third}"] .row-link')).to_be_focused()
    await expect(page.locator("#announced")).to_have_text("確かめたことを残しました。")
    await looked_at(page, "10-week-done")
    row = await site.world.store.read(lambda s: s.get_one(ResourceRow, second))
    assert row.verified_by == "さとう"
    await done.get_by_role("button", name="もどす").focus()
    await page.keyboard.press("Enter")
    await expect(done).to_have_count(0)
    await expect(page.locator(f'[data-row="{second}"]')).to_be_visible()
    await page.locator(f'[data-row="{third}"] .row-link').focus()
    await press(page, "e")
    await page.wait_for_url(f"**/{third}/edit")
    await press(page, "q")
    await page.wait_for_url(f"**/{third}")
    await sane(page)


async def test_the_work_list_works_without_javascript(site: Site) -> None:
    """The buttons are plain forms: what was said stands on the page that comes back."""
    await fill(site.world)
    page = await site.page(java_script_enabled=False)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.get_by_role("button", name="サインイン").click()
    await page.wait_for_url(f"{site.root}/")
    await page.goto(f"{site.root}/directory/week")
    await page.locator("[data-row]").first.get_by_role("button").click()
    await expect(page.get_by_text("確かめたことを残しました。")).to_be_visible()
    await page.get_by_role("button", name="もどす").click()
    await expect(page.get_by_text("もとにもどしました。")).to_be_visible()


async def test_two_entries_of_one_place_are_merged_and_parted(site: Site) -> None:
    """A pair stands side by side; merged it is one; parted it is two again; told apart it does not come back."""
    await fill(site.world)
    found = await site.world.store.read(lambda s: s.get_one(ResourceRow, POKAPOKA).body)
    twin = replace(wording.resource(found), id="twin", capacity=9, url="", source=Source("other.csv", 1))
    await site.world.store.write(lambda s: catalogue.keep(s, "other", [twin], NOW))
    await site.world.load_places()
    page = await site.signed_in("officer")
    await page.goto(f"{site.root}/directory/duplicates")
    await expect(page.locator(".pair-card")).to_have_count(1)
    await looked_at(page, "11-duplicates")
    await page.get_by_role("button", name="こちらにまとめる").first.click()
    await expect(page.get_by_text("1つにまとめました。")).to_be_visible()
    await expect(page.locator(".pair-card")).to_have_count(0)
    await page.goto(f"{site.root}/directory/places/{POKAPOKA}")
    await expect(page.locator(".told")).to_contain_text("定員")
    await expect(page.get_by_role("heading", name="ここにまとめた場所")).to_be_visible()
    await looked_at(page, "12-merged")
    await page.goto(f"{site.root}/directory/places/twin")
    await expect(page.get_by_text("にまとめてあります")).to_be_visible()
    await page.get_by_role("button", name="2つに分ける").click()
    await expect(page.get_by_text("もとにもどしました。")).to_be_visible()
    await page.goto(f"{site.root}/directory/places/{POKAPOKA}")
    await expect(page.locator(".told")).not_to_contain_text("定員")
    await page.get_by_role("link", name="ほかの場所とまとめる").click()
    await page.get_by_label("もう1つの場所の名前").fill("ぽかぽか")
    await page.keyboard.press("Enter")
    await expect(page.locator(".row-link")).not_to_have_count(0)
    await looked_at(page, "13-compare-search")
    await page.locator(".row-link").first.click()
    await page.get_by_role("button", name="別の場所です").click()
    await expect(page.get_by_text("2つの場所として覚えました。")).to_be_visible()  # leaving at once would cut it off
    await page.goto(f"{site.root}/directory/duplicates")
    await expect(page.get_by_text("同じ場所かもしれない組はありません。")).to_be_visible()
    await looked_at(page, "14-no-duplicates")


async def test_a_file_is_brought_in_with_a_preview(site: Site, tmp_path: Path) -> None:
    """Upload, see what would change, overrule a guess, store; a second edition shows from and to."""
    await fill(site.world)
    header = "名称,種別,住所,電話番号,おもな連絡先メモ,利用時間\r\n"
    rows = [
        f"ひろば{n},子育てひろば,ひなた市川辺町{n},000-555-01{n:02},000-555-02{n:02},9:00～17:00" for n in range(12)
    ]
    bad = ["様子の家,母子生活支援施設,ひなた市3,000-555-0199,,", ",公園,ひなた市4,,,"]
    file = tmp_path / "ひろば一覧_20261101.csv"
    file.write_text(header + "\r\n".join([*rows, *bad]), encoding="utf-8")
    page = await site.signed_in("officer")
    await page.goto(f"{site.root}/directory/imports")
    await looked_at(page, "20-imports")
    await page.get_by_role("button", name="読んで、変わるところを見る").click()
    await expect(page.get_by_role("alert")).to_contain_text("ファイルをえらんでください")
    await page.locator("#file").set_input_files(file)
    await page.get_by_role("button", name="読んで、変わるところを見る").click()
    await expect(page.get_by_role("heading", name="入れると、こうなります")).to_be_visible()
    await expect(page.locator(".small-counts")).to_contain_text("12 新しい場所")
    await expect(page.locator(".small-counts")).to_contain_text("2 入れられない行")
    await looked_at(page, "21-preview")
    guess = page.get_by_label("おもな連絡先メモ の読み方")
    await guess.select_option("description")
    await page.get_by_role("button", name="この読み方で、もう一度読む").click()
    await expect(page.get_by_role("heading", name="入れると、こうなります")).to_be_visible()
    await expect(guess).to_have_value("description")
    await page.get_by_role("button", name="台帳に入れる").click()
    await expect(page.get_by_text("台帳に入れました。新しい場所12")).to_be_visible()
    await looked_at(page, "22-stored")
    rows[0] = rows[0].replace("9:00～17:00", "10:00～15:00")
    newer = tmp_path / "ひろば一覧_20261201.csv"
    newer.write_text(header + "\r\n".join(rows[:-1]), encoding="utf-8")
    await page.goto(f"{site.root}/directory/imports")
    await page.locator("#file").set_input_files(newer)
    await page.get_by_role("button", name="読んで、変わるところを見る").click()
    await expect(page.get_by_text("新しい版として読みました（いま12か所）")).to_be_visible()
    await expect(page.get_by_role("region", name="変わる場所", exact=True)).to_contain_text("10:00～15:00")
    await expect(page.get_by_role("region", name="この版にない場所", exact=True)).to_contain_text("ひろば11")
    await looked_at(page, "23-newer-edition")
    await page.get_by_role("button", name="やめる").first.click()
    await expect(page.get_by_text("取り込みをやめました")).to_be_visible()
    assert await site.world.store.read(lambda s: s.scalar(select(func.count()).select_from(ResourceRow))) == 132


async def test_a_file_is_brought_in_without_javascript(site: Site, tmp_path: Path) -> None:
    """The waiting page asks again by itself; no script is needed to see and store a preview."""
    file = tmp_path / "list.csv"
    file.write_text("名称,種別,住所\r\n川辺ひろば,子育てひろば,ひなた市川辺町1\r\n", encoding="utf-8")
    page = await site.page(java_script_enabled=False)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("supervisor")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.get_by_role("button", name="サインイン").click()
    await page.wait_for_url(f"{site.root}/")
    await page.goto(f"{site.root}/directory/imports")
    await page.locator("#file").set_input_files(file)
    await page.get_by_role("button", name="読んで、変わるところを見る").click()
    await page.get_by_role("button", name="台帳に入れる").click()
    await expect(page.get_by_text("台帳に入れました。新しい場所1")).to_be_visible()


async def test_suggestions_are_taken_over_or_declined(site: Site) -> None:
    """An operator's proposal beside what stands now becomes an edit; a parent's words are declined with a reason."""
    await fill(site.world)

    def suggest(session: Session) -> None:
        changes = {"name": "ぽかぽかルーム", "cost": [{"amount": 0, "option": "1時間"}], "booking_required": True}
        suggestions.suggest(
            session,
            POKAPOKA,
            sender="operator",
            kind="other",
            text="4月からです",
            language="ja",
            at=NOW,
            changes=changes,
        )
        suggestions.suggest(
            session, LIBRARY, sender="parent", kind="hours", text="Đóng cửa thứ hai", language="vi", at=NOW
        )

    await site.world.store.write(suggest)
    page = await site.signed_in()
    await page.goto(f"{site.root}/directory/suggestions")
    await looked_at(page, "30-suggestions")
    await page.get_by_role("button", name="取り入れる: ").click()
    await expect(page.get_by_text("お知らせを取り入れました。")).to_be_visible()
    await page.get_by_text("取り入れない", exact=True).click()
    await page.get_by_role("button", name="取り入れないことにする").click()
    await expect(page.get_by_role("alert")).to_contain_text("理由を書いてください")
    await page.get_by_text("取り入れない", exact=True).click()
    await page.get_by_label("理由").fill("電話で確かめた。月曜も開いている")
    await page.get_by_role("button", name="取り入れないことにする").click()
    await expect(page.get_by_text("まだ決めていないお知らせはありません。")).to_be_visible()
    await page.goto(f"{site.root}/directory/places/{POKAPOKA}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ぽかぽかルーム")
    await page.get_by_text("送るリンクを見る").click()
    await looked_at(page, "31-taken")


async def test_a_new_place_is_written_and_hours_beyond_the_table_stay(site: Site) -> None:
    """A circle that no list has; a place open on 第2土曜 keeps its hours while something else is corrected."""
    await fill(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/directory/new")
    await page.get_by_role("button", name="残す").click()
    await expect(page.get_by_role("alert")).to_contain_text("名前を書いてください")
    await page.get_by_label("名前", exact=True).fill("火曜の会")
    await page.get_by_label("種類", exact=True).select_option("parent_circle")
    await page.get_by_label("建物・会場の名前").fill("公民館")
    await page.get_by_label("火 はじまり", exact=True).fill("10:00")
    await page.get_by_label("火 終わり", exact=True).fill("11:30")
    await page.get_by_role("button", name="残す").click()
    await expect(page.get_by_text("新しい場所を書きました。")).to_be_visible()
    await expect(page.locator(".told")).to_contain_text("火 10:00～11:30")
    second_saturday = Opening((Schedule((5,), time(10), time(12), nth=(2,)),))
    place = Resource("sat", "第2土曜の会", "parent_circle", location=Location("公民館"), opening=second_saturday)
    await site.world.store.write(lambda s: catalogue.keep(s, "circles", [place], NOW))
    await page.goto(f"{site.root}/directory/places/sat/edit")
    await expect(page.get_by_text("週の表に入らない決まり")).to_be_visible()
    await looked_at(page, "15-beyond-the-table")
    await page.get_by_label("定員").fill("8")
    await page.get_by_role("button", name="残す").click()
    await expect(page.locator(".told")).to_contain_text("第2土 10:00～12:00")
    await expect(page.locator(".told")).to_contain_text("8")
