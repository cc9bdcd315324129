"""The ways in which the desk calls a person who looks at no page: mail, and a hook that rings a telephone.

The rule: what goes out here holds no word, name, kind or language of a resident (CARE C33): only a number, how grave,
and how long.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from bot.errors import NotCalledError

TIMEOUT_SECONDS: Final = 10.0  # a mail server may look up who we are first; a hook answers at once or is tried again
PORTS: Final = {"smtps": 465, "smtp": 587, "smtp+plain": 25}  # RFC 8314 3.3, RFC 6409, RFC 5321


@dataclass(frozen=True)
class Mail:
    """Send plain mails by one server; `url` as in MADOGUCHI_SMTP_URL, `sender` an address."""

    url: str
    sender: str

    async def send(self, to: Sequence[str], subject: str, words: str) -> None:
        """Send one mail to each address. Raises NotCalledError unless the server took it for every one."""
        message = EmailMessage()
        message["From"], message["Subject"] = self.sender, subject
        message["To"] = self.sender  # who else is called is nobody's business
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.sender.partition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: absence notices must not answer
        message["X-Priority"] = "1"
        message.set_content(words)
        try:
            refused = await asyncio.to_thread(self._hand_over, message, list(to))
        except (OSError, smtplib.SMTPException) as error:
            raise NotCalledError(type(error).__name__) from error
        if refused:
            raise NotCalledError(f"{refused} of {len(to)} addresses refused")

    def _hand_over(self, message: EmailMessage, to: list[str]) -> int:
        """Give a mail to the server and return how many of its addresses were refused."""
        at = urlsplit(self.url)
        host, port = at.hostname or "", at.port or PORTS[at.scheme]
        secure = ssl.create_default_context()
        if at.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=secure)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        with server:
            if at.scheme == "smtp":
                server.starttls(context=secure)  # raises where the server has none: never in the clear by accident
            if at.username:
                server.login(unquote(at.username), unquote(at.password or ""))
            return len(server.send_message(message, to_addrs=to))


@dataclass(frozen=True)
class Hook:
    """Ask a service of the city's own to ring a telephone; it gets JSON, signed with the shared secret.

    The header `X-Madoguchi-Signature` holds `sha256=` and the HMAC-SHA256 (hex) of the body's bytes.
    """

    url: str
    secret: str

    async def ring(self, body: Mapping[str, Any]) -> None:
        """Send the body. Raises NotCalledError unless the answer is 2xx."""
        raw = json.dumps(dict(body), ensure_ascii=False, sort_keys=True).encode()
        signed = hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-madoguchi-signature": f"sha256={signed}"}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                answer = await client.post(self.url, content=raw, headers=headers)
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise NotCalledError(type(error).__name__) from error
        if not answer.is_success:
            raise NotCalledError(f"HTTP {answer.status_code}")
