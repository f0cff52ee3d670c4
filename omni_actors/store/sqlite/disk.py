"""How much room the disk has left, looked at not more often than needed."""

import os
from pathlib import Path

from attrs import define, field, frozen


@frozen
class Floor:
    """Below either of these the disk counts as low."""

    share: float = 0.05
    bytes_min: int = 1 << 30


@define
class Disk:
    """The file system below `folder`. `low` is written by one thread and read by any."""

    folder: Path
    floor: Floor
    low: bool = field(init=False, default=False)

    def look(self) -> None:
        """Ask the file system; never raises, because a disk that fails is found by the commit."""
        try:
            found = os.statvfs(self.folder)
        except OSError:
            self.low = True
            return
        free = found.f_bavail * found.f_frsize
        total = found.f_blocks * found.f_frsize
        self.low = free < self.floor.bytes_min or free < self.floor.share * total
