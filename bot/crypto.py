"""Sealing: AES-256-GCM envelopes bound to table, column and row; keyed hashes for look-up; one-time tokens.

The rule: a sealed value opens only under its owner's key and only in the place it was written for, so a ciphertext
that is moved to another row does not open. Design and figures: facts/reliability.md D3.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import SealBrokenError

VERSION = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32


def derive(secret_key: str, purpose: str) -> bytes:
    """Return 32 bytes for one purpose from the install's secret (HKDF-SHA256)."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"madoguchi:" + purpose.encode()).derive(secret_key.encode())


def new_key() -> bytes:
    """Return a fresh 256-bit key."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, text: bytes, place: str) -> bytes:
    """Return version + nonce + ciphertext of `text`, bound to `place` (table.column|row)."""
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, text, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> bytes:
    """Return the text; raise SealBrokenError when key, place or bytes are not the ones it was sealed with."""
    if sealed[:1] != VERSION:
        raise SealBrokenError("a sealed value has an unknown version")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], place.encode())
    except InvalidTag:
        raise SealBrokenError(f"a sealed value does not open in {place.split('|')[0]}") from None


def place(table: str, column: str, row: uuid.UUID | str) -> str:
    """Return the name of the place that a sealed value is bound to."""
    return f"{table}.{column}|{row}"


def keyed_hash(key: bytes, text: str) -> str:
    """Return HMAC-SHA256 of `text` in hex, for exact look-up of what must not be stored in clear."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def new_token() -> str:
    """Return 256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return SHA-256 of a random token in hex: the only form in which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()
