"""Sealing inside a unit of work: the keys of residents, and the columns that are closed under them.

The rule: nothing that somebody wrote reaches a table but through `seal`, which binds it to its table, column and row.
Keys stand unwrapped in memory only; where they are kept is the database's matter (DESIGN 8).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final, cast

from sqlalchemy.orm import Session

from bot import crypto
from bot.errors import KeyGoneError, SettingsError

#: Return the wrapped key of an owner, or None when it was destroyed or never made.
FetchKey = Callable[[Session, str], bytes | None]

INSTALL: Final = "install"  # owner of what has no resident


def resident_owner(resident_id: uuid.UUID) -> str:
    """Return the key owner of a resident's texts."""
    return f"resident:{resident_id}"


class Vault:
    """Open and close sealed columns; holds unwrapped keys in memory, never on disk."""

    def __init__(self, secret_key: str) -> None:
        if len(secret_key) < 32:
            raise SettingsError("MADOGUCHI_SECRET_KEY must be at least 32 characters")
        self._kek = crypto.derive(secret_key, "kek")
        self._hash_key = crypto.derive(secret_key, "lookup")
        self._keys: dict[str, bytes] = {}
        self.fetch: FetchKey = lambda _session, _owner: None  # the database sets where it keeps them

    def wrap(self, owner: str, key: bytes) -> bytes:
        """Return `key` sealed under the install's key-encryption key."""
        return crypto.seal(self._kek, key, crypto.place("key", "wrapped", owner))

    def remember(self, owner: str, wrapped: bytes) -> None:
        """Unwrap and hold a key; raise SealBrokenError when MADOGUCHI_SECRET_KEY is not the one it was made with."""
        self._keys[owner] = crypto.unseal(self._kek, wrapped, crypto.place("key", "wrapped", owner))

    def forget(self, owner: str) -> None:
        """Drop a destroyed key from memory."""
        self._keys.pop(owner, None)

    def knows(self, owner: str) -> bool:
        """Return whether the owner's key is in memory."""
        return owner in self._keys

    def key(self, session: Session, owner: str) -> bytes:
        """Return the owner's key; raise KeyGoneError when it was destroyed or never made."""
        held = self._keys.get(owner)
        if held is None:
            wrapped = self.fetch(session, owner)
            if wrapped is None:
                raise KeyGoneError(f"no key for {owner.split(':')[0]}")
            self.remember(owner, wrapped)
            held = self._keys[owner]
        return held

    def hash(self, value: str) -> str:
        """Return the keyed hash by which a LINE id or message id is looked up."""
        return crypto.keyed_hash(self._hash_key, value)


def vault(session: Session) -> Vault:
    """Return the vault that the store put into the session."""
    return cast(Vault, session.info["vault"])


def seal(session: Session, owner: str, table: str, column: str, row: uuid.UUID | str, value: str) -> bytes:
    """Return `value` sealed under the owner's key for this place."""
    return seal_bytes(session, owner, table, column, row, value.encode())


def unseal(session: Session, owner: str, table: str, column: str, row: uuid.UUID | str, sealed: bytes) -> str:
    """Return the text sealed in this place; raise SealBrokenError or KeyGoneError."""
    return unseal_bytes(session, owner, table, column, row, sealed).decode()


def seal_bytes(session: Session, owner: str, table: str, column: str, row: uuid.UUID | str, value: bytes) -> bytes:
    """Return bytes sealed under the owner's key for this place."""
    return crypto.seal(vault(session).key(session, owner), value, crypto.place(table, column, row))


def unseal_bytes(session: Session, owner: str, table: str, column: str, row: uuid.UUID | str, sealed: bytes) -> bytes:
    """Return the bytes sealed in this place; raise SealBrokenError or KeyGoneError."""
    return crypto.unseal(vault(session).key(session, owner), sealed, crypto.place(table, column, row))
