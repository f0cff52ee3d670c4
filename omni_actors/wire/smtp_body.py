"""A mail's bytes on their way into DATA (RFC 5321, 4.5.2)."""

from attrs import define

END = b".\r\n"


@define
class Dots:
    """Makes every line end CRLF and doubles the dots that lines begin with, however it is cut.

    A line end that is only half of one would be read by some servers as the end of the mail, with
    whatever follows as another mail.
    """

    _line_begins: bool = True
    _held: bool = False  # a CR whose LF may follow

    def feed(self, data: bytes) -> bytes:
        """The bytes to send for the next bytes of the mail."""
        if self._held:
            data = b"\r" + data
        self._held = data.endswith(b"\r")
        return self._spelled(data[:-1] if self._held else data)

    def end(self) -> bytes:
        """What ends the mail: the end of its last line, and the dot."""
        last = self._spelled(b"\n") if self._held else b""
        self._held = False
        return last + (END if self._line_begins else b"\r\n" + END)

    def _spelled(self, data: bytes) -> bytes:
        if not data:
            return b""
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        doubled = lines.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        spelled = b"." + doubled if self._line_begins and lines.startswith(b".") else doubled
        self._line_begins = lines.endswith(b"\n")
        return spelled
