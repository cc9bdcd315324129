"""What the browser tests share: Debian's Chromium, an application served on loopback, a page that notes what breaks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Playwright, async_playwright

from bot.cli import CHROMIUM

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What a page must not do is noted in the page itself: it broke the policy.
WATCH = """
window.__broken = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.__broken.push(`${e.violatedDirective} ${e.blockedURI}`);
});
"""
PICTURES = Path(__file__).parents[2] / "var" / "screenshots"
_broken: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()
_shared: list[tuple[Playwright, Browser]] = []


async def chromium() -> Browser:
    """Give this worker's Chromium, started once: a start costs as much as a test. `conftest` ends it."""
    if not _shared:
        play = await async_playwright().start()
        _shared.append((play, await play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)))
    return _shared[0][1]


async def end() -> None:
    """Close this worker's Chromium, if it was started."""
    while _shared:
        play, browser = _shared.pop()
        await browser.close()
        await play.stop()


async def tidy() -> None:
    """Close every window of this worker's Chromium, with its cookies and its storage."""
    for _play, browser in _shared:
        for context in browser.contexts:
            await context.close()


@asynccontextmanager
async def served(app: Any, port: int) -> AsyncIterator[Browser]:
    """Serve an application on a port of 127.0.0.1 and give a Chromium beside it; its windows are closed afterwards."""
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error", ws="none", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    try:
        yield await chromium()
    finally:
        await tidy()
        server.should_exit = True
        await serving


async def watch(page: Page) -> Page:
    """Note from now on what breaks on a page: script errors, and what its policy refuses."""
    noted = _broken[page] = []

    def refused(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused" in message.text:
            noted.append(message.text)

    await page.add_init_script(WATCH)
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on("console", refused)
    page.set_default_timeout(20_000)
    return page


async def keep(what: Page | Locator, name: str, **more: Any) -> None:
    """Keep a picture as var/screenshots/<name>.png to look at, where SHOTS=1 asks for it: taking one costs a while."""
    if os.environ.get("SHOTS"):
        path = PICTURES / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        await what.screenshot(path=str(path), animations="disabled", **more)


async def press(page: Page, key: str) -> None:
    """Press one of the console's keys, once the page has loaded what listens for it."""
    await page.wait_for_load_state()
    await page.keyboard.press(key)


async def claims(page: Page) -> None:
    """Take the talk that is open, and wait for the page that answers: a stream may show it on the old one before."""
    async with page.expect_navigation():
        await press(page, "c")


async def broken(page: Page) -> list[str]:
    """Return what broke on a watched page; the policy's violations are those since it was loaded."""
    return [*_broken[page], *await page.evaluate("window.__broken")]
