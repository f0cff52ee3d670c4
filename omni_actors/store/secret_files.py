"""Secrets that we make ourselves and keep in files of their own: whole, or not there at all."""

import os
from pathlib import Path


def is_kept(path: Path) -> bool:
    """Whether there is anything in the file; an empty one is what a crash has left."""
    return path.exists() and path.stat().st_size > 0


def keep(path: Path, secret: bytes) -> None:
    """Write the file durably, for this user's eyes only. Raises OSError.

    Whatever the moment of a crash, the file is as it was before or has all of `secret`.
    """
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
