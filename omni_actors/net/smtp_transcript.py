"""What was said in one attempt to hand over a mail, as an operator may see it: no content, and no
credential, whoever repeats it."""

from base64 import b64encode
from typing import Final

from attrs import define, evolve, field

from omni_actors.model.json import Json
from omni_actors.telemetry import MASK
from omni_actors.wire.calls import SmtpReply

LINES_MAX: Final = 300
LINE_CHARS_MAX: Final = 500
HIDDEN_CHARS_MIN: Final = 4  # shorter ones stand in ordinary words


@define
class Transcript:
    """Its lines, ours with `C:` and the server's with `S:`."""

    secret: str = field(default="", repr=False)
    lines: list[str] = field(factory=list)

    def said(self, *lines: str) -> None:
        """We said something; what is not to be seen is not in it."""
        for line in lines:
            self._add(f"C: {line}")

    def poured(self, size: int) -> None:
        """So many bytes of the mail went out."""
        self._add(f"C: ({size} bytes)")

    def noted(self, what: str) -> None:
        """Something happened that nobody said."""
        self._add(f"({what})")

    def heard(self, reply: SmtpReply) -> SmtpReply:
        """The server said something; it is given back without the credential."""
        reply = evolve(reply, text=self.masked(reply.text))
        last = reply.text.count("\n")
        for at, line in enumerate(reply.text.split("\n")):
            words = f"{reply.code}{' ' if at == last else '-'}{reply.enhanced} {line}"
            self._add("S: " + words.replace("- ", "-").replace("  ", " ").rstrip())
        return reply

    def masked(self, text: str) -> str:
        """The text without the credential, plain or as it goes over the wire."""
        for form in self._forms():
            text = text.replace(form, MASK)
        return text

    def as_json(self) -> Json:
        """As it is stored."""
        return list(self.lines)

    def _forms(self) -> list[str]:
        if len(self.secret) < HIDDEN_CHARS_MIN:
            return []
        secret = self.secret.encode(errors="replace")
        # Behind a name of any length, base64 of the credential looks like one of three.
        inner = [b64encode(b"\0" * at + secret)[4 if at else 0 : -4].decode() for at in range(3)]
        return [self.secret, *(each for each in inner if len(each) >= HIDDEN_CHARS_MIN)]

    def _add(self, line: str) -> None:
        if len(self.lines) < LINES_MAX:
            self.lines.append(line[:LINE_CHARS_MAX])
        elif len(self.lines) == LINES_MAX:
            self.lines.append("…")
