"""Translation services on loopback that speak the three APIs over real HTTP, and fail as services do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qsl

from handoff.translator import Breaker, Patience, Translator, Wire
from handoff.translators import deepl, libretranslate, textra

PATIENT = Patience(connect=30.0, read=60.0, whole=90.0, tries=3)  # two busy cores, never a measure


@dataclass
class Asked:
    """Hold one request as it came: path, headers, and the JSON or form in it."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass
class Service:
    """Answer in the way of `api`: translate by `table`, leave marked terms alone; `fails` are answered before that."""

    api: str  # deepl | libretranslate | textra
    table: dict[str, str] = field(default_factory=dict)
    fails: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    garbage: bytes | None = None
    codes: list[int] = field(default_factory=list)  # of TexTra, in answers with HTTP 200
    holds: asyncio.Event | None = None  # answers only once it is set
    loses: bool = False  # terms that are marked too
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)  # a request, since `hold`
    _serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict)

    def hold(self) -> asyncio.Event:
        """Answer nothing until the event that is returned is set."""
        self.came.clear()
        self.holds = asyncio.Event()
        return self.holds

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def texts(self) -> list[str]:
        """Return the texts that came, marks and all."""
        found = []
        for one in self.asked:
            text = one.body.get("text", one.body.get("q"))
            if text is not None:
                found += text if isinstance(text, list) else [text]
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests until the client hangs up."""
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                raw = await reader.readexactly(int(headers.get("content-length", "0")))
                is_form = headers.get("content-type", "").startswith("application/x-www-form")
                body = dict(parse_qsl(raw.decode(), keep_blank_values=True)) if is_form else json.loads(raw)
                self.asked.append(Asked(head[0].split()[1], headers, body))
                self.came.set()
                if self.holds is not None:
                    await self.holds.wait()
                status, more = self.fails.pop(0) if self.fails else (200, {})
                said = b"{}" if status != 200 else self.garbage or json.dumps(self._answer(body)).encode()
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(said)}", "content-type: application/json"]
                lines += [f"{name}: {value}" for name, value in more.items()]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            del self._serving[task]

    async def hang_up(self) -> None:
        """Let go of whoever is still connected."""
        if self.holds is not None:
            self.holds.set()
        for writer in self._serving.values():
            writer.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _answer(self, body: Mapping[str, Any]) -> Any:
        if self.api == "deepl":
            (text,) = body["text"]
            said = self._said(text, r"<keep>(.*?)</keep>", "<keep>{}</keep>", html=True)
            return {"translations": [{"detected_source_language": body["source_lang"], "text": said}]}
        if self.api == "libretranslate":
            html = body["format"] == "html"
            mark, shape = r'<span translate="no">(.*?)</span>', '<span translate="no">{}</span>'
            return {"translatedText": [self._said(line, mark, shape, html=html) for line in body["q"]]}
        if body.get("grant_type"):
            return {"access_token": f"token-{len(self.asked)}", "token_type": "Bearer", "expires_in": 3600}
        if self.codes and (code := self.codes.pop(0)):
            return {"resultset": {"code": code, "message": "x"}}
        said = self._said(body["text"], r"｟(.*?)｠", "{}", html=False)
        return {"resultset": {"code": 0, "message": "", "result": {"text": said, "blank": 0}}}

    def _said(self, text: str, mark: str, shape: str, *, html: bool) -> str:
        parts = re.split(mark, text, flags=re.DOTALL)
        for at, part in enumerate(parts):
            if at % 2:
                parts[at] = "" if self.loses else shape.format(part)
                continue
            plain = unescape(part) if html else part
            for source, target in self.table.items():
                plain = plain.replace(source, target)
            parts[at] = escape(plain, quote=False) if html else plain
        return "".join(parts)


def client_of(service: Service, *, patience: Patience = PATIENT, breaker: Breaker | None = None) -> Translator:
    """Return our adapter for a stand-in; it waits for nothing between tries."""

    async def at_once(_seconds: float) -> None:
        return None

    wire = Wire(service.url, {456: "quota"}, patience, breaker or Breaker(), at_once)
    if service.api == "deepl":
        return deepl.DeepL(wire, "deepl-key")
    if service.api == "libretranslate":
        return libretranslate.LibreTranslate(wire, "libre-key")
    return textra.TexTra(wire, "name", "key", "secret")


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Service]:
    """Let it listen on a free port of 127.0.0.1."""
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        await service.hang_up()
