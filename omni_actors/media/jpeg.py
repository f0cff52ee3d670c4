"""What the frame header of a JPEG tells, however far behind its profiles and previews it stands."""

from typing import Final

from attrs import define

_START: Final = b"\xff\xd8"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE: Final = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_ENDS: Final = frozenset({0xD9, 0xDA})
_FRAME_BYTES: Final = 10
_COLOURS: Final = {1: "grey", 3: "rgb", 4: "cmyk"}


@define
class JpegScan:
    """Reads the bytes of a file in pieces until its frame header; it keeps only a few of them.

    `components` (of a pixel) and `depth` (bits of each) are None while, or if, nothing tells them.
    """

    components: int | None = None
    depth: int | None = None
    over: bool = False
    _left: bytes = b""
    _skip: int = 0
    _begun: bool = False

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the file."""
        if self.over:
            return
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        data = self._left + chunk[skipped:]
        at = 0
        while not self.over and not self._skip and (step := self._step(data, at)):
            at += step
        self._skip += max(0, at - len(data))
        self._left = data[at:]

    def _step(self, data: bytes, at: int) -> int:
        """How many bytes the marker here and its segment have; 0 when more bytes are needed."""
        found = data[at : at + _FRAME_BYTES]
        if not self._begun:
            self._begun = found[:2] == _START
            self.over = len(found) >= 2 and not self._begun
            return 2 if self._begun else 0
        if len(found) < 4:
            return 0
        marker = found[1]
        if found[0] != 0xFF or marker in _ENDS:
            self.over = True
            return 0
        if marker == 0xFF:
            return 1
        if marker in _BARE:
            return 2
        if marker not in _FRAMES:
            return 2 + int.from_bytes(found[2:4], "big")
        if len(found) == _FRAME_BYTES:
            self.depth, self.components, self.over = found[4], found[9], True
        return 0

    @property
    def traits(self) -> dict[str, str | int | bool]:
        """`colours`: grey, rgb or cmyk; and `depth`; where the header was met."""
        known: dict[str, str | int | bool] = {}
        if colours := _COLOURS.get(self.components or 0):
            known["colours"] = colours
        return {**known, "depth": self.depth} if self.depth else known
