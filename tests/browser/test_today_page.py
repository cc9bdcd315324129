"""The day, the roster, asking a colleague, and "read now, answered later", in a real browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import expect
from sqlalchemy.orm import Session

from bot import cases
from bot.curation import By
from bot.models import CaseRow
from bot.opening import TOKYO
from handoff import shift, team
from handoff.team import Contact
from tests.browser import test_console_pages
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_directory_pages import axe
from tests.console_world import NOW, OWN_HAND, TIRED_EN, VANISH, a_resident, writes
from tests.test_desks import CENTRE, DV, LATE, NORTH, PLAY

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console
BY = By("staff:test", "たなか")
MORNING = NOW.astimezone(TOKYO).replace(day=24, hour=9, minute=20)  # Tuesday; the case of Saturday's night still waits
DESKS = tuple(
    replace(desk, name=name, skills=skills)
    for desk, name, skills in (
        (PLAY, "子育てひろば", ("保育士",)),
        (CENTRE, "こども家庭センター", ("保健師", "社会福祉士")),
        (NORTH, "北の出張窓口", ()),
        (LATE, "夕方の窓口", ()),
    )
)


async def a_morning(site: Site) -> dict[str, CaseRow]:
    """Let a night have been, with promises, notes, a roster and cases for people."""
    world, made = site.world, {}
    world.set_city(desks=DESKS)
    mine, hers = world.staff["specialist"], world.staff["supervisor"]
    sent = (
        ("night", VANISH, MORNING.replace(hour=2), "vi"),
        ("dv", DV, MORNING.replace(hour=3), "ja"),
        ("tired", TIRED_EN, MORNING - timedelta(minutes=10), "en"),
        ("held", OWN_HAND, MORNING - timedelta(days=1), "ja"),
        ("kept", DV, MORNING - timedelta(days=2), "ja"),
        ("hers", TIRED_EN, MORNING - timedelta(days=1), "ja"),
    )
    for name, signal, at, language in sent:
        who = await a_resident(world.store, language=language)
        case = await writes(
            world.store, who, "だれにも言えません", signal, at=at, event="open", language=language, city=world.city
        )
        assert case is not None

        def read(session: Session, id: object = case.id) -> CaseRow:
            row = session.get_one(CaseRow, id)
            session.expunge(row)
            return row

        made[name] = await world.store.read(read)

    def unit(session: Session) -> None:
        day = MORNING - timedelta(days=1)
        cases.claim(session, made["held"].id, mine, MORNING)
        for name, who, agreed in (("kept", mine, "保健師から電話をします"), ("hers", hers, "予定表を送ります")):
            cases.claim(session, made[name].id, who, day)
            cases.release(session, made[name].id, who, day, name="x", agreed=agreed)
            due = MORNING - timedelta(hours=1) if name == "kept" else MORNING + timedelta(hours=3)
            shift.promise(session, made[name].id, made[name].resident_id, who, "agreed", agreed, day, due)
        shift.leave_note(
            session, hers, "10時から停電の点検。電話は使えます。\n赤ちゃん訪問のカードが残り20枚です。", day
        )
        for staff_id, desks, skills, capacity in ((mine, ["play"], ["保育士"], 3), (hers, ["centre"], ["保健師"], 0)):
            team.change(
                session, staff_id, desks=desks, languages=["ja", "en"], skills=skills, capacity=capacity, by=BY, at=day
            )
        team.set_contact(session, hers, Contact("", "000-555-0009"), BY, day)
        team.add_duty(session, mine, "play", MORNING.replace(hour=9), MORNING.replace(hour=17), BY, day, weeks=2)
        night = MORNING.replace(hour=17, minute=15)
        team.add_duty(session, hers, "", night, night + timedelta(hours=15), BY, day, weeks=2)

    world.clock.set(MORNING, running=False)
    await world.store.write(unit)
    return made


async def test_the_morning_is_read_and_the_day_handed_over(site: Site) -> None:
    """All by keyboard: see the night, keep a promise, leave a note, hand what is open to a colleague."""
    made = await a_morning(site)
    page = await site.signed_in()
    await page.get_by_role("link", name="きょう").press("Enter")
    await page.wait_for_url(f"{site.root}/today")
    await expect(page.get_by_role("heading", name="夜のあいだに")).to_contain_text("2")
    await expect(page.locator(".day")).to_have_class("wide day blurred")
    await shot(page, "40-today")
    await sane(page)
    await axe(page)
    await page.get_by_role("link", name="約束のことばを見る").press("Enter")
    await expect(page.get_by_text("保健師から電話をします")).to_be_visible()
    await expect(page.locator(".blurred")).to_have_count(0)
    await page.locator(".overdue").get_by_role("button", name="の約束をしました").press("Enter")
    await expect(page.get_by_text("保健師から電話をします")).to_have_count(0)
    await page.get_by_label("次の人へ").fill("だれもいないときは裏口から")
    async with page.expect_navigation():
        await page.get_by_role("button", name="残す").press("Enter")
    await expect(page.get_by_text("だれもいないときは裏口から")).to_be_visible()
    mine = page.locator(".hand-over")
    await expect(mine.locator(".row")).to_have_count(2)
    for box in await mine.get_by_role("checkbox").all():
        await box.press("Space")
        await expect(box).to_be_checked()
    await mine.get_by_text("選んだ相談を引き継ぐ").press("Enter")
    await mine.get_by_label("だれに").select_option(label="たなか（保健師）")
    await mine.get_by_label("引き継ぐ人へのメモ").fill("午後に電話を待っています")
    await mine.get_by_role("button", name="引き継ぐ").press("Enter")
    await expect(page.get_by_text("あなたの相談はありません。")).to_be_visible()
    held = await site.world.store.read(lambda s: s.get_one(CaseRow, made["held"].id).meant_for_id)
    assert held == site.world.staff["supervisor"]


async def test_a_concern_is_read_now_and_answered_later(site: Site) -> None:
    """The colleague's page says so at once; the family is told until when."""
    made = await a_morning(site)
    mine, hers = await site.signed_in(), await site.signed_in("supervisor")
    await mine.goto(f"{site.root}/cases/{made['tired'].id}")
    await expect(hers.locator(f'[data-row="{made["tired"].id}"]')).to_contain_text("読んだ人: さとう")
    await mine.get_by_text("読んだので、あとで返事する").press("Enter")
    await mine.get_by_label("いつまでに").select_option(index=1)
    await shot(mine, "41-seen")
    await axe(mine)
    await mine.get_by_role("button", name="知らせる").press("Enter")
    await expect(mine.get_by_text("読んだことと、11月24日 10:20 までに返事をすることを伝えました")).to_be_visible()
    row = hers.locator(f'[data-row="{made["tired"].id}"]')
    await expect(row).to_contain_text("さとうさんあて（読んで、あとで返事をする人）")
    await shot(hers, "42-queue-desks")
    await sane(hers)
    await hers.goto(f"{site.root}/cases/{made['night'].id}")
    await expect(hers.get_by_text("読んだので、あとで返事する")).to_be_hidden()  # an emergency is taken or calls


async def test_a_colleague_is_asked_and_sees_it(site: Site) -> None:
    made = await a_morning(site)
    mine, hers = await site.signed_in(), await site.signed_in("supervisor")
    await mine.goto(f"{site.root}/cases/{made['dv'].id}")
    await mine.get_by_text("だれかにお願いする").press("Enter")
    await mine.locator("#assign-to").select_option(value=str(site.world.staff["supervisor"]))
    await mine.locator("#assign-note").fill("前の面談の方です")
    await shot(mine, "43-assign")
    await mine.get_by_role("button", name="お願いする").press("Enter")
    await expect(mine.get_by_text("さとうが担当をお願いしました")).to_be_visible()
    await expect(hers.locator(f'[data-row="{made["dv"].id}"]')).to_contain_text("あなたあて（お願いされた人）")


async def test_the_roster_is_written_and_a_person_described(site: Site) -> None:
    await a_morning(site)
    page = await site.signed_in("supervisor")
    await page.goto(f"{site.root}/team")
    await expect(page.locator(".table tbody tr")).to_have_count(4)
    await expect(page.locator("tr.now")).to_contain_text("さとう")
    await page.get_by_text("当番を加える").press("Enter")
    await page.get_by_label("だれが").select_option(label="たなか")
    await page.get_by_label("日", exact=True).fill("2026-11-26")
    await page.get_by_label("何時から").fill("17:15")
    await page.get_by_label("何時まで").fill("08:30")
    await shot(page, "44-team")
    await sane(page)
    await axe(page)
    await page.get_by_role("button", name="加える").press("Enter")
    await expect(page.locator(".table tbody tr")).to_have_count(5)
    await page.get_by_role("link", name="直す（さとう）").press("Enter")
    await page.get_by_label("いちどに対応できる件数").fill("99")
    await page.get_by_role("button", name="保存").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("20までの数に")
    await shot(page, "45-member")
    await axe(page)
    await page.get_by_label("いちどに対応できる件数").fill("2")
    await page.get_by_role("button", name="保存").press("Enter")
    await expect(page.get_by_text("めやす 2件まで")).to_be_visible()


async def test_the_pages_fit_a_telephone_and_say_when_they_are_empty(site: Site) -> None:
    page = await site.signed_in(width=390, height=844)
    await page.goto(f"{site.root}/today")
    for words in ("人が必要な相談はありませんでした。", "残っている約束はありません。", "あなたの相談はありません。"):
        await expect(page.get_by_text(words)).to_be_visible()
    await page.goto(f"{site.root}/team")
    await expect(page.get_by_text("当番はまだ書かれていません。")).to_be_visible()
    await a_morning(site)
    for path, name in (("/today", "46-today-phone"), ("/team", "47-team-phone"), ("/", "48-queue-phone")):
        await page.goto(f"{site.root}{path}")
        await shot(page, name)
        await sane(page)


async def test_a_desk_with_children_says_so_on_its_page(site: Site) -> None:
    """The roof gives every process the state; here the settings are changed as it would."""
    await a_morning(site)
    page = await site.signed_in()
    await page.get_by_text("子どもたちといるとき").press("Enter")
    await shot(page, "49-with-children")
    await axe(page)
    await page.get_by_role("form", name="子育てひろば").get_by_role("button", name="60分").press("Enter")
    await page.wait_for_url(f"{site.root}/")
    busy = replace(DESKS[0], with_children_until=MORNING + timedelta(hours=1))
    site.world.set_city(desks=(busy, *DESKS[1:]))
    await page.reload()
    await expect(page.get_by_text("子育てひろば: 子どもたちといます（10:20 ごろまで）")).to_be_visible()
    await expect(page.get_by_role("button", name="手があきました")).to_be_visible()
    await sane(page)


async def test_a_second_person_is_called_and_reads_along(site: Site) -> None:
    """Who takes an emergency is not alone: a colleague's page asks, she joins, and both see each other."""
    made = await a_morning(site)
    mine, hers = await site.signed_in(), await site.signed_in("supervisor")
    await mine.goto(f"{site.root}/cases/{made['night'].id}")
    await mine.get_by_role("button", name="この相談を受ける").press("Enter")
    await expect(mine.get_by_text("いっしょに読む人を呼んでいます")).to_be_visible()
    band = hers.locator("#alarm")
    await expect(band).to_contain_text("緊急の相談で、いっしょに読む人を待っています")
    await shot(hers, "50-second-wanted")
    await axe(hers)
    await band.get_by_role("link", name="ひらく").press("Enter")
    await hers.wait_for_url(f"{site.root}/cases/{made['night'].id}")
    await hers.get_by_role("button", name="いっしょに読む（二人目になる）").press("Enter")
    await expect(mine.get_by_text("いっしょに読む人: たなか")).to_be_visible()
    await expect(band).to_be_hidden()
    await expect(hers.get_by_text("いま見ている人: さとう")).to_be_visible()
    await shot(mine, "51-second")
    await axe(mine)


async def test_a_debriefing_stands_on_the_day_until_it_was_held(site: Site) -> None:
    """For who took the emergency and for the supervisor; ended by a word of what was learned, kept with the case."""
    made = await a_morning(site)
    mine, case_id = site.world.staff["specialist"], made["night"].id
    await site.world.store.write(lambda s: cases.claim(s, case_id, mine, MORNING - timedelta(days=3)))
    page, hers = await site.signed_in(), await site.signed_in("supervisor")
    for each in (page, hers):
        await each.goto(f"{site.root}/today")
        await expect(each.locator("#debriefs")).to_contain_text("対応した人: さとう")
        await expect(each.locator("#debriefs")).to_contain_text("（過ぎました）")
    await page.locator("#debriefs summary").press("Enter")
    await page.locator("#debriefs").scroll_into_view_if_needed()
    await shot(page, "73-debriefing")
    await sane(page)
    await axe(page)
    await page.get_by_label("学んだこと").click()  # the row's link lies not over it
    await page.get_by_label("学んだこと").fill("電話する人と書く人を、先に決めると楽だった")
    await page.locator("#debriefs").get_by_role("button", name="残す").press("Enter")
    await expect(page.locator("#debriefs")).to_have_count(0)
    await page.goto(f"{site.root}/cases/{case_id}")
    await expect(page.get_by_text("電話する人と書く人を、先に決めると楽だった")).to_be_visible()
    await shot(page, "74-debriefed")
    await sane(page)


async def test_the_emergency_sheet_is_filled_by_keyboard_and_prints(site: Site) -> None:
    made = await a_morning(site)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{made['night'].id}")
    await page.locator("#emergency").press("Enter")
    await page.wait_for_url("**/emergency")
    await page.get_by_role("group", name="いまいる場所が分かる").get_by_label("いいえ").press("Space")
    await shot(page, "70-emergency")
    await sane(page)
    await axe(page)
    await page.get_by_role("button", name="いま分かっていることを残す").press("Enter")
    await expect(page.locator("#check-title + .notes")).to_contain_text("いいえ いまいる場所が分かる")
    await page.get_by_label("どこに").select_option("警察（110）")
    await page.get_by_label("話した人（名前・係）").fill("佐伯")
    await page.get_by_label("伝えたこと").fill("場所を伝えた。向かうとのこと")
    await page.get_by_role("button", name="電話の記録を残す").press("Enter")
    await expect(page.locator("#calls")).to_contain_text("警察（110）（佐伯）")
    await shot(page, "71-emergency-kept")
    await page.set_viewport_size({"width": 390, "height": 844})
    await sane(page)
    await shot(page, "72-emergency-phone")
