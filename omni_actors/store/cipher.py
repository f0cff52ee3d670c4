"""Encrypts credentials at rest: AES-256-GCM, bound to their owner, with a versioned prefix."""

import os
from pathlib import Path
from typing import Self

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from omni_actors.store import secret_files
from omni_actors.store.failures import CannotOpen

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION_1 = b"\x01"


class Unreadable(Exception):
    """Sealed with another key or for another owner, or altered since."""


@frozen
class AesCipher:
    """Seals with one key. Implements `dialect.Cipher`; safe for several threads at once."""

    _aes: AESGCM = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> Self:
        """The cipher with this key. Raises CannotOpen for a key of another length."""
        if len(key) != KEY_BYTES:
            raise CannotOpen(f"the store's key must be {KEY_BYTES} bytes long, not {len(key)}")
        return cls(AESGCM(key))

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Version, nonce, ciphertext with its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return VERSION_1 + nonce + self._aes.encrypt(nonce, plain, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """What was sealed for this owner. Raises Unreadable."""
        start = len(VERSION_1) + NONCE_BYTES
        if sealed[: len(VERSION_1)] != VERSION_1 or len(sealed) < start:
            raise Unreadable(f"what belongs to {owner} is sealed in a way this program cannot read")
        try:
            return self._aes.decrypt(sealed[len(VERSION_1) : start], sealed[start:], owner.encode())
        except InvalidTag:
            raise Unreadable(f"what belongs to {owner} does not open with this key") from None


def load_key(path: Path, *, create: bool) -> bytes:
    """The key in a file; with `create` a missing or empty one is made, readable by its owner alone.

    Raises CannotOpen when the file is missing, unreadable or no key.
    """
    try:
        made = create and not secret_files.is_kept(path)
        return _made(path) if made else path.read_bytes()
    except FileNotFoundError:
        raise CannotOpen(
            f"the key file {path} is missing, but the database holds what was sealed with it; "
            "put it back"
        ) from None
    except OSError as error:
        raise CannotOpen(f"the key file {path} cannot be used: {error.strerror}") from error


def _made(path: Path) -> bytes:
    key = os.urandom(KEY_BYTES)
    secret_files.keep(path, key)
    return key
