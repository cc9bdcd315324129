"""What a family sent, in a real Chromium: the holder sees the photo and hears the voice; taking back is told.

Screenshots are kept under var/screenshots/media (not in the repository).
"""

import io
import math
import struct
import wave

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from sqlalchemy import update
from sqlalchemy.orm import Session

from bot import cases, unsend
from bot.models import CaseRow, Journal
from bot.store import append_event
from tests.browser.chromium import keep, watch
from tests.browser.test_console_pages import Site, sane, site
from tests.console_world import NOW, VANISH, a_resident, sent, writes

__all__ = ["site"]

pytestmark = pytest.mark.browser

LETTER = """<body style="margin:0;padding:60px;font:28px/1.8 serif;background:#f6f3ea;width:700px">
<p style="text-align:right">ひなた市 こども課</p><h2>保育料 納入通知書</h2>
<p>令和8年12月分　12,300円<br>納期限　12月28日</p>"""


PLAYS = """
(audio) => new Promise((done) => {
  audio.oncanplaythrough = () => done(audio.duration);
  audio.onerror = () => done(0);
  audio.load();
})
"""


def voice(seconds: float = 2.0) -> bytes:
    """Return a sound that a browser can play."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        tones = (int(9000 * math.sin(n / 4)) for n in range(int(8000 * seconds)))
        sound.writeframes(b"".join(struct.pack("<h", tone) for tone in tones))
    return file.getvalue()


async def look(page: Page, name: str) -> None:
    """Check the page as a person with or without eyes would, and keep its picture."""
    await sane(page)
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    await keep(page, f"media/{name}")


async def photo_of_a_letter(site: Site) -> bytes:
    page = await site.page(width=820, height=1100)
    await page.set_content(LETTER)
    return await page.screenshot(type="jpeg", quality=90)


async def opened(page: Page, link: str) -> Page:
    """Open one thing that was sent in a tab of its own, which notes what is broken."""
    link_to = page.locator(".sent-file", has_text=link).get_by_role("link", name="ひらく")
    assert await link_to.get_attribute("target") == "_blank"
    tab = await watch(await page.context.new_page())
    await tab.set_viewport_size(page.viewport_size or {"width": 1280, "height": 860})
    await tab.goto(page.url.partition("/console")[0] + (await link_to.get_attribute("href") or ""))
    return tab


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_letter_is_read_and_a_voice_is_heard(site: Site, width: int) -> None:
    """The talk names each; a photo shows and a voice plays under the console's policy; an unsend reaches the page."""
    world = site.world
    case = await writes(world.store, await a_resident(world.store), "いまベランダにいます", VANISH)
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW) and None)
    letter = await sent(world.store, case.id, await photo_of_a_letter(site))
    await sent(world.store, case.id, voice(), "audio")
    await sent(world.store, case.id, b"%PDF-1.7", "file")
    page = await site.signed_in(width=width)
    await page.goto(f"{site.root}/cases/{case.id}")
    await expect(page.locator(".sent-file")).to_have_count(3)
    await look(page, f"talk-{width}")

    shown = await opened(page, "写真")
    assert await shown.locator("main img").evaluate("(img) => img.decode().then(() => img.naturalWidth)") == 820
    await look(shown, f"photo-{width}")
    await shown.close()

    heard = await opened(page, "音声")
    assert await heard.locator("main audio").evaluate(PLAYS) == pytest.approx(2.0, abs=0.1)
    await look(heard, f"voice-{width}")
    await heard.close()

    file = await opened(page, "ファイル")
    async with file.expect_download() as waited:
        await file.get_by_role("link", name="この端末に保存して開く").click()
    assert (await waited.value).suggested_filename.endswith(".pdf")
    await look(file, f"file-{width}")
    await file.close()

    def takes_back(session: Session) -> None:
        row = session.get_one(CaseRow, case.id)
        session.execute(update(Journal).where(Journal.uid == letter).values(message_hash="h"))
        unsend.take_back(session, row.resident_id, "h", NOW)
        append_event(session, "journal.unsent", NOW, case_id=row.id, resident_id=row.resident_id)

    await world.store.write(takes_back)
    await expect(page.locator(".sent-file")).to_have_count(2)
    await expect(page.locator("#notice")).to_contain_text("送信が取り消されました")
    await expect(page.locator("#talk")).to_contain_text("（写真・送信が取り消されました）")
    await look(page, f"unsent-{width}")
