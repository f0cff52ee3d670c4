"""A consistent copy of a database that is in use."""

import os
from pathlib import Path

import apsw

from omni_actors.store.sqlite.connect import connect
from omni_actors.store.sqlite.files import sync_file, sync_folder
from omni_actors.store.sqlite.readers import STEPS_BETWEEN_LOOKS, stop_if_cancelled

HOLD = "restored_hold"
PARTIAL = ".partial"


class CannotBackUp(Exception):
    """No copy was made; the text says why and what to do."""


def back_up(source: Path, target: Path) -> None:
    """Copy the database as it is at this moment to `target`, which must not exist.

    Writing goes on meanwhile. The copy is durable when this returns, readable by its owner alone,
    and marked so that a gateway started on it does not send until it is told to. On failure
    nothing is left behind. Raises CannotBackUp.
    """
    partial = target.with_name(target.name + PARTIAL)
    if target.exists():
        raise CannotBackUp(f"{target} exists already; name a file that does not")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise CannotBackUp(f"{partial} cannot be made: {error.strerror}") from error
    try:
        _copy(source, partial)
        _mark(partial)
        sync_file(partial)
        os.link(partial, target)
    except FileExistsError:
        raise CannotBackUp(f"{target} exists already; name a file that does not") from None
    except (apsw.Error, OSError) as error:
        raise CannotBackUp(f"the copy to {target} failed: {error}") from error
    finally:
        partial.unlink()
        sync_folder(target.parent)


def _copy(source: Path, copy: Path) -> None:
    connection = connect(source)
    try:
        connection.set_progress_handler(stop_if_cancelled, STEPS_BETWEEN_LOOKS)
        connection.execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.close()


def _mark(copy: Path) -> None:
    connection = apsw.Connection(str(copy))
    try:
        connection.execute(
            "INSERT INTO meta (name, value) VALUES (?, 1) ON CONFLICT DO NOTHING", (HOLD,)
        )
    finally:
        connection.close()
