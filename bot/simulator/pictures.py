"""Photograph ten conversations on the simulator's phone in a real Chromium (`make pictures`); needs the dev extra.

The rule: a picture shows what its transcript holds, said again by the running demo; a desk that says otherwise is not
photographed.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Error, Page, TimeoutError, sync_playwright

from bot.errors import ContentError

LARGEST = 150_000  # bytes of one picture that is kept with the documents
SCALE = 1.25  # pixels of the picture for one of the phone's
PATIENCE = 60_000  # milliseconds; the first answer waits for the encoders
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--disable-background-networking"]
#: What the phone alone needs: nothing shines through at its corners.
STYLE = ":root, body { background: transparent !important } .phone { box-shadow: none !important }"
#: The resident's last words go to the top of the chat, or as near to it as the end of the answer lets them.
SHOW = "(mine) => { mine.parentElement.scrollTop = mine.offsetTop - mine.parentElement.offsetTop - 8 }"


@dataclass(frozen=True, slots=True)
class Talk:
    """Name a transcript, how many of its lines are played, and who writes, with the language that LINE tells."""

    transcript: str
    lines: int
    name: str
    language: str


TALKS = (
    Talk("ja_refused_care", 1, "はるか", "ja"),
    Talk("ja_exhausted", 1, "みなみ", "ja"),
    Talk("ja_visit", 4, "ゆうこ", "ja"),
    Talk("easy_nursery_place", 4, "マヤ", "ja"),
    Talk("en_fears", 1, "Grace", "en"),
    Talk("vi_temporary_care", 6, "Linh", "vi"),
    Talk("zh-Hans_fever", 1, "小雨", "zh-Hans"),
    Talk("ko_allowance", 1, "지우", "ko"),
    Talk("pt-BR_first_year", 5, "Camila", "pt-BR"),
    Talk("ne_visa", 1, "सीता", "ne"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what a resident types or taps, and the last words of what the desk says to it."""

    written: str
    answer: str


@dataclass(frozen=True, slots=True)
class Script:
    """Hold what of a transcript is played: its clock, as an input of the page takes it, and its lines."""

    clock: str
    lines: tuple[Line, ...]


def read(talk: Talk, transcripts: Path) -> Script:
    """Read the clock and the first lines of the transcript of a talk; raise ContentError if there are fewer."""
    clock, written, answers = "", list[str](), list[str]()
    for line in (transcripts / f"{talk.transcript}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("@ 2"):
            clock = line[2:].replace(" ", "T")
        elif line.startswith("> "):
            written.append(line[2:])
            answers.append("")
        elif written and line and line[0] not in " !@#":  # cards and buttons are indented
            answers[-1] = line
    lines = tuple(map(Line, written, answers))[: talk.lines]
    if not clock or len(lines) < talk.lines or not all(line.answer for line in lines):
        raise ContentError(f"{talk.transcript}: no clock, or not {talk.lines} lines that the desk answers with words")
    return Script(clock, lines)


def draw(page: Page, talks: Iterable[Talk], transcripts: Path, folder: Path) -> dict[str, int]:
    """Play each talk on the phone, photograph it into `folder` as <transcript>.png, and return the sizes in bytes.

    Raises ContentError when the desk does not say what the transcript holds, or a picture is larger than 150 KB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scripts = {talk: read(talk, transcripts) for talk in talks}
    sizes = {}
    for talk, script in sorted(scripts.items(), key=lambda one: one[1].clock):  # the desk's time never goes back
        play(page, talk, script)
        png = photograph(page)
        if len(png) > LARGEST:
            raise ContentError(f"{talk.transcript}: {len(png)} bytes, more than {LARGEST}")
        (folder / f"{talk.transcript}.png").write_bytes(png)
        sizes[talk.transcript] = len(png)
    return sizes


@contextmanager
def opened(chromium: str) -> Iterator[Page]:
    """Start a demo of its own on 127.0.0.1, in a temporary folder, and give the page of its phone."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bot.cli", "demo", "--quiet", "--host", "127.0.0.1"]
        command += ["--port", str(_free_port()), "--folder", folder]
        direct = {**os.environ, "NO_PROXY": "*"}
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, env=direct, text=True)  # noqa: S603
        try:
            told = demo.stdout.readline() if demo.stdout else ""
            if not told:
                raise ContentError("the demo ended before it served: `madoguchi demo` says why")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
                page = browser.new_page(
                    viewport={"width": 1180, "height": 912},
                    device_scale_factor=SCALE,
                    locale="ja-JP",
                    timezone_id="Asia/Tokyo",
                    bypass_csp=True,  # else the page refuses STYLE
                )
                page.set_default_timeout(PATIENCE)
                _go(page, json.loads(told)["phone"], demo)
                yield page
                browser.close()
        finally:
            demo.terminate()
            demo.communicate(timeout=20)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _go(page: Page, url: str, demo: subprocess.Popen[str]) -> None:
    """Go to the phone as soon as the demo listens."""
    while True:
        try:
            page.goto(url)
            return
        except Error as error:
            if "ERR_CONNECTION_REFUSED" not in error.message or demo.poll() is not None:
                raise
            page.wait_for_timeout(200)


def play(page: Page, talk: Talk, script: Script) -> None:
    """Give the phone to a new friend of the account and let her write and tap; raise ContentError on other answers."""
    page.get_by_test_id("clock-input").fill(script.clock)
    page.get_by_test_id("clock-set").click()
    page.get_by_test_id("clock-now").filter(has_text=script.clock[11:]).wait_for()
    page.get_by_test_id("new-resident").click()
    page.get_by_test_id("resident-name").fill(talk.name)
    page.get_by_test_id("resident-language").select_option(talk.language)
    page.get_by_test_id("resident-add").click()
    page.locator("#who").filter(has_text=talk.name).wait_for()
    chat = page.get_by_test_id("chat")
    chat.get_by_test_id("bubble").first.wait_for()  # the welcome
    for at, line in enumerate(script.lines):
        _write(page, line.written)
        mine = chat.locator("[data-mine=true]").nth(at)
        try:
            mine.locator("xpath=following-sibling::*").filter(has_text=line.answer).first.wait_for()
        except TimeoutError:
            raise ContentError(f"{talk.transcript}: to {line.written!r} nobody says {line.answer!r}") from None


def _write(page: Page, written: str) -> None:
    """Type a line, or tap the quick reply or button that it names in brackets."""
    if written.startswith("[") and written.endswith("]"):
        buttons = page.get_by_test_id("quick-reply").or_(page.get_by_test_id("action"))
        buttons.filter(has_text=re.compile(f"^{re.escape(written[1:-1])}$")).last.click()
    else:
        page.get_by_test_id("message-input").fill(written)
        page.get_by_test_id("send").click()


def photograph(page: Page) -> bytes:
    """Return a picture of the phone alone, from the resident's last words on, or from earlier if there is room."""
    bar = page.locator(".menu-bar[aria-expanded=true]")
    if bar.count():
        bar.click()
    page.mouse.move(0, 0)
    page.get_by_test_id("chat").locator("[data-mine=true]").last.evaluate(SHOW)
    return page.locator(".phone").screenshot(type="png", style=STYLE, omit_background=True, animations="disabled")
