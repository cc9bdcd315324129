"""The API of みんなの自動翻訳 (NICT's TexTra, and the contract services that run the same software).

The rule: a fixed term stands between ｟ and ｠, which the engine takes out again. The public trial site is refused: its
terms exclude use at work and ask for no personal text (docs/translation.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bot.errors import TranslatorError
from bot.settings import TRANSLATE
from handoff.translator import Piece, Translator, Wire, web_address

NEEDS: Final = ("TEXTRA_URL", "TEXTRA_NAME", "TEXTRA_KEY", "TEXTRA_SECRET")
MAY: Final = ("TEXTRA_ENGINE",)  # generalNT (汎用NT) when it is empty

LANGUAGES: Final[Mapping[str, str]] = {
    "ja": "ja",
    "en": "en",
    "zh-Hans": "zh-CN",
    "zh-Hant": "zh-TW",
    "ko": "ko",
    "vi": "vi",
    "pt-BR": "pt",
    "fil": "fil",
    "ne": "ne",
    "es": "es",
    "id": "id",
}
TRIAL: Final = "mt-auto-minhon-mlt.ucri.jgn-x.jp"
OPEN, CLOSE = "｟", "｠"
_TOKEN: Final = frozenset({510, 511})  # OAuth: the token has run out before its time
#: What a code of the answer means (help pages of みんなの自動翻訳@KI, checked 2026-11-23); others are `refused`.
CODES: Final[Mapping[int, str]] = {
    **dict.fromkeys((500, 501, 510, 511, 522, 523, 530, 10003), "not_allowed"),
    525: "too_long",
    531: "broken",
    10001: "broken",
    10002: "quota",
}
_SPARE_SECONDS: Final = 60.0


def problems(given: Mapping[str, str]) -> list[str]:
    """Return what is wrong."""
    if TRIAL in given["TEXTRA_URL"]:
        return [f"{TRANSLATE}TEXTRA_URL is the public trial, whose terms exclude use at work and personal text"]
    return web_address("TEXTRA_URL", given["TEXTRA_URL"])


def opened(given: Mapping[str, str]) -> Translator:
    """Return the service."""
    wire, engine = Wire(given["TEXTRA_URL"].rstrip("/")), given.get("TEXTRA_ENGINE") or "generalNT"
    return TexTra(wire, given["TEXTRA_NAME"], given["TEXTRA_KEY"], given["TEXTRA_SECRET"], engine)


class TexTra:
    """Translate with TexTra; its token is kept until shortly before it runs out."""

    languages = frozenset(LANGUAGES) - {"ja"}

    def __init__(
        self,
        wire: Wire,
        name: str,
        key: str,
        secret: str,
        engine: str = "generalNT",
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire, self._name, self._key, self._secret, self._engine = wire, name, key, secret, engine
        self._now = now
        self._token, self._good_until = "", 0.0

    async def translate(self, pieces: Sequence[Piece], source: str, target: str) -> str:
        """Return the whole text in `target`. Raises TranslatorError."""
        form = {
            "key": self._key,
            "name": self._name,
            "api_name": "mt",
            "api_param": f"{self._engine}_{LANGUAGES[source]}_{LANGUAGES[target]}",
            "type": "json",
            "text": "".join(_marked(piece) for piece in pieces),
        }
        code, text = await self._asked(form)
        if code in _TOKEN:
            self._token = ""
            code, text = await self._asked(form)
        if code:
            why = CODES.get(code, "refused")
            raise TranslatorError(why, again=why == "broken")
        return text.replace(OPEN, "").replace(CLOSE, "")

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _asked(self, form: Mapping[str, str]) -> tuple[int, str]:
        if not self._token or self._now() >= self._good_until:
            await self._sign_in()
        return await self._wire.ask("/api/", _read, form={**form, "access_token": self._token})

    async def _sign_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._key,
            "client_secret": self._secret,
            "urlAccessToken": f"{self._wire.url}/oauth2/token.php",
        }
        token, seconds = await self._wire.ask("/oauth2/token.php", _token, form=form)
        self._token, self._good_until = token, self._now() + seconds - _SPARE_SECONDS


def _marked(piece: Piece) -> str:
    plain = (piece.becomes or piece.text).replace(OPEN, "(").replace(CLOSE, ")")
    return f"{OPEN}{plain}{CLOSE}" if piece.becomes else plain


def _token(answer: Any) -> tuple[str, float]:
    found = answer["access_token"]
    if not isinstance(found, str) or not found:
        raise ValueError("no token")
    return found, float(answer.get("expires_in", 0))


def _read(answer: Any) -> tuple[int, str]:
    """Return code and text; a code other than 0 comes without a result."""
    found = answer["resultset"]
    code = int(found["code"])
    return code, "" if code else str(found["result"]["text"])
