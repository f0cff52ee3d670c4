"""A disk in memory that can lose power, fill up or fail, behind SQLite's own file interface.

It keeps what was synced apart from what was only written. When the power goes, what was synced is
still there; of each later write any sectors may be there or not, as with a real disk's cache.
It offers no shared memory, so a write-ahead log needs exclusive locking.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import apsw
from attrs import define, field

SECTOR = 512
# What a sector's neighbours in the same write hold is not touched; the default on Unix as well.
POWERSAFE_OVERWRITE = 0x1000


@define
class Image:
    """One file: the bytes that were synced, those that a reader sees, and the steps between."""

    synced: bytearray = field(factory=bytearray)
    seen: bytearray = field(factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(factory=list)  # None: cut off at that offset

    def apply(self, offset: int, piece: bytes | None) -> None:
        _change(self.seen, offset, piece)
        self.pending.append((offset, piece))

    def sync(self) -> None:
        for offset, piece in self.pending:
            _change(self.synced, offset, piece)
        self.pending.clear()

    def after_power_cut(self, chance: random.Random) -> "Image":
        """What is found when the power is back: each pending step wholly, partly or not there."""
        found = bytearray(self.synced)
        likely = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for offset, piece in self.pending:
            if piece is None:
                if chance.random() < likely:
                    _change(found, offset, None)
            else:
                for start, sector in _sectors(offset, piece):
                    if chance.random() < likely:
                        _change(found, start, sector)
        return Image(synced=found, seen=bytearray(found))


@define
class Disk:
    """All files. `steps_left` counts writes, cuts and syncs until the power goes."""

    chance: random.Random = field(factory=lambda: random.Random(0))
    files: dict[str, Image] = field(factory=dict)
    steps_left: int | None = None
    dead: bool = False
    full: bool = False
    fails_to_sync: bool = False
    broken_image: Image | None = None  # the one file that cannot be written

    def step(self) -> bool:
        """Count one step. False when the power went just now: the step may still have an effect.

        Raises IOError when it had gone before.
        """
        self.check()
        if self.steps_left is not None:
            self.steps_left -= 1
            self.dead = self.steps_left <= 0
        return not self.dead

    def check(self) -> None:
        """Raises IOError when there is no power."""
        if self.dead:
            raise apsw.IOError("no power")

    def after_power_cut(self) -> "Disk":
        """The disk as the next start finds it."""
        found = {name: image.after_power_cut(self.chance) for name, image in self.files.items()}
        return Disk(chance=self.chance, files=found)


class File:
    """What SQLite holds of one open file."""

    def __init__(self, disk: Disk, image: Image) -> None:
        self._disk = disk
        self._image = image

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.check()
        return bytes(self._image.seen[offset : offset + amount])

    def xWrite(self, piece: bytes, offset: int) -> None:
        if self._disk.full and offset + len(piece) > len(self._image.seen):
            raise apsw.FullError("no space left")
        if self._disk.broken_image is self._image:
            raise apsw.IOError("the file cannot be written")
        alive = self._disk.step()
        self._image.apply(offset, bytes(piece))
        if not alive:
            raise apsw.IOError("the power went during a write")

    def xTruncate(self, size: int) -> None:
        alive = self._disk.step()
        self._image.apply(size, None)
        if not alive:
            raise apsw.IOError("the power went during a cut")

    def xSync(self, _flags: int) -> None:
        if self._disk.fails_to_sync:
            raise apsw.IOError("the disk failed")
        alive = self._disk.step()
        if alive or self._disk.chance.random() < 0.5:
            self._image.sync()
        if not alive:
            raise apsw.IOError("the power went during a sync")

    def xFileSize(self) -> int:
        self._disk.check()
        return len(self._image.seen)

    def xClose(self) -> None:
        return

    def xLock(self, _level: int) -> None:
        return

    def xUnlock(self, _level: int) -> None:
        return

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, _operation: int, _pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return POWERSAFE_OVERWRITE


class FaultVFS(apsw.VFS):
    """Gives SQLite the files of one disk."""

    def __init__(self, name: str, disk: Disk) -> None:
        super().__init__(name, base="", maxpathname=4096)
        self._disk = disk

    def xFullPathname(self, name: str) -> str:
        return name

    def xOpen(  # type: ignore[override]  # SQLite needs the methods, not the class
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> File:
        self._disk.check()
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        image = self._disk.files.setdefault(path, Image()) if path else Image()
        flags[1] = flags[0]
        return File(self._disk, image)

    def xDelete(self, name: str, _sync_folder: bool) -> None:
        self._disk.check()
        self._disk.files.pop(name, None)

    def xAccess(self, name: str, _flags: int) -> bool:
        self._disk.check()
        return name in self._disk.files


@contextmanager
def mounted(disk: Disk, name: str = "faults") -> Iterator[str]:
    """Let SQLite use the disk under this name."""
    vfs = FaultVFS(name, disk)
    try:
        yield name
    finally:
        vfs.unregister()


def _change(content: bytearray, offset: int, piece: bytes | None) -> None:
    if piece is None:
        del content[offset:]
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(piece)] = piece


def _sectors(offset: int, piece: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a write that lie in one sector each."""
    start = offset
    while start < offset + len(piece):
        end = min((start // SECTOR + 1) * SECTOR, offset + len(piece))
        yield start, piece[start - offset : end - offset]
        start = end
