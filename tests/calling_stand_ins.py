"""A mail server and a hook on loopback, real enough for what calls people: they answer over TCP and keep what came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TypeVar


@dataclass
class Post:
    """Keep what was handed over; `refuses` answers all (`refused`: these) recipients with 550, `down` hangs up."""

    port: int = 0
    refuses: bool = False
    refused: set[str] = field(default_factory=set)
    down: bool = False
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    tries: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP as a mail needs (RFC 5321)."""
        self.tries += 1
        to: list[str] = []
        try:
            if self.down:
                return
            writer.write(b"220 post\r\n")
            while line := (await reader.readline()).decode().strip():
                word = line[:4].upper()
                if word == "QUIT":
                    writer.write(b"221 bye\r\n")
                    await writer.drain()
                    return
                whom = line[line.index("<") + 1 : line.index(">")] if word == "RCPT" else ""
                refused = bool(whom) and (self.refuses or whom in self.refused)
                if whom and not refused:
                    to.append(whom)
                if word == "DATA":
                    writer.write(b"354 go on\r\n")
                    raw = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                    found = message_from_bytes(raw, policy=policy.default)
                    assert isinstance(found, EmailMessage)
                    self.taken.append((to, found))
                    to = []
                writer.write(b"550 no\r\n" if refused else b"250 fine\r\n")
        finally:
            writer.close()


@dataclass
class Ringer:
    """Keep every request's headers and body; answer with `status`."""

    port: int = 0
    status: int = 204
    rung: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        self.rung.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


Made = TypeVar("Made", Post, Ringer)


@asynccontextmanager
async def opened(made: Made) -> AsyncIterator[Made]:
    """Let it listen on a free port of 127.0.0.1."""
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
