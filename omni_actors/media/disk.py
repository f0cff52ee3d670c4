"""What we ask of a file system, each thing one step, so that power may be cut between any two."""

import os
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o700


class DiskFull(Exception):
    """Less than `floor_bytes` would stay free, so nothing more is taken; `free_bytes` are."""

    def __init__(self, free_bytes: int, floor_bytes: int) -> None:
        super().__init__(f"{free_bytes} bytes free, at least {floor_bytes} must stay")
        self.free_bytes = free_bytes
        self.floor_bytes = floor_bytes


class Disk:
    """The few things we ask of a file system, each one step; the tests cut the power between."""

    def create(self, path: Path) -> int:
        """Open a new file for writing; its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def reopen(self, path: Path) -> int:
        """Open a file that is being written, to go on at its end; its descriptor."""
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def empty(self, descriptor: int) -> None:
        """Forget all bytes of a file that is being written."""
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)

    def write(self, descriptor: int, chunk: memoryview) -> int:
        """Write some of `chunk`; how many bytes."""
        return os.write(descriptor, chunk)

    def sync(self, descriptor: int) -> None:
        """Return when the file's bytes survive a power cut."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Move a file in one step, over an older one."""
        source.replace(target)

    def make_folder(self, folder: Path) -> None:
        """Make a folder that may be there already."""
        folder.mkdir(FOLDER_MODE, exist_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Return when the folder's names survive a power cut."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file that may be gone already."""
        path.unlink(missing_ok=True)

    def free_bytes(self, folder: Path) -> int:
        """What an ordinary process may still write."""
        room = os.statvfs(folder)
        return room.f_bavail * room.f_frsize
