"""Mail addresses, as people write them and as headers hold them.

One pass over a header, whatever it holds. What cannot be read in one way only is said to be
ambiguous, as programs that read it differently may be played off against each other.
https://www.rfc-editor.org/rfc/rfc5322#section-3.4
"""

import re
from contextlib import suppress
from typing import Final, Literal

from attrs import define, field, frozen

from omni_actors.adapters.contract import BadAddress
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.smtp_lines import Unspeakable, ascii_domain

EMAIL: Final = "email"
ADDRESS_MAX: Final = 320
MAILBOXES_MAX: Final = 1000

_LOCAL = (
    r"(?:[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"]+(?:\.[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"]+)*)"
)
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_ADDRESS = re.compile(rf"{_LOCAL}@(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f.:]{{2,60}}\])")
_TOKEN = re.compile(
    r"""(?P<word>=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*+\?=)   # commas in an encoded word divide nothing
      | (?P<quoted>"(?:[^"\\]|\\.)*+(?P<closed>")?+)   # without an end it is all that follows
      | (?P<special>[()<>,;:"\\])
      | (?P<space>\s++)
      | (?P<text>[^()<>,;:"\\\s]++)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_IN_NAME = re.compile(r"[^\s<>()\"',;:]{1,64}@[^\s<>()\"',;:@]{1,255}")


def is_address(written: str) -> bool:
    """Whether this is one address and nothing else."""
    return len(written) <= ADDRESS_MAX and _ADDRESS.fullmatch(written) is not None


def normalised(address: str) -> str:
    """An address as it is looked up: in lower case, its domain as DNS knows it."""
    local, _, domain = address.strip().lower().rpartition("@")
    if not domain.isascii():
        with suppress(Unspeakable):  # no name that DNS could have stays what it is
            domain = ascii_domain(domain)
    return f"{local}@{domain.rstrip('.')}"


def identity(address: str) -> IdentityKey:
    """Whom an address names."""
    return IdentityKey(EMAIL, normalised(address))


def address(written: str, _channel_key: str) -> tuple[IdentityKey, ...]:
    """The person that `to.address` names. Raises BadAddress."""
    if not is_address(written.strip()):
        raise BadAddress("a mail address looks like jane@example.com, without a name or brackets")
    return (identity(written),)


@frozen
class Mailbox:
    """Somebody in a header: an address, and the name beside it as it stands there.

    `address` is empty where there is none that could be written to.
    """

    address: str
    name: str = ""
    ambiguous: bool = False

    @property
    def key(self) -> str:
        """The address as it is looked up."""
        return normalised(self.address)


def mailboxes(header: str) -> tuple[Mailbox, ...]:
    """Everybody that a header names, at most 1,000. Nothing in it is an error.

    Encoded words are still encoded, so that what they hide cannot pass for an address.
    """
    reader = _Reader()
    for token in _TOKEN.finditer(header):
        unclosed = token["quoted"] is not None and token["closed"] is None
        reader.take(token[0], '"' if unclosed else token["special"] or "")
        if len(reader.found) > MAILBOXES_MAX:
            break
    reader.end()
    return tuple(reader.found[:MAILBOXES_MAX])


@define
class _Reader:
    """Reads a list of addresses, token by token; the names of groups are left out."""

    found: list[Mailbox] = field(factory=list)
    words: list[str] = field(factory=list)
    comments: list[str] = field(factory=list)
    angles: list[str] = field(factory=list)
    open: list[str] = field(factory=list)  # what stands in the comment or the angle that is open
    mode: Literal["words", "comment", "angle"] = "words"
    depth: int = 0
    odd: bool = False  # something has no place where it stands

    def take(self, text: str, special: str) -> None:
        """The next token; `special` is the character that divides, if it is one."""
        match self.mode:
            case "comment":
                self._in_comment(text, special)
            case "angle":
                self._in_angle(text, special)
            case "words":
                self._in_words(text, special)

    def end(self) -> None:
        """There is no more."""
        if self.mode != "words":
            self.odd = True
            self.words += ["<" if self.mode == "angle" else "(", *self.open]
            self.mode, self.open = "words", []
        self._close()

    def _in_comment(self, text: str, special: str) -> None:
        self.depth += (special == "(") - (special == ")")
        if self.depth:
            self.open.append(text)
            return
        self.comments.append("".join(self.open))
        self.mode, self.open = "words", []

    def _in_angle(self, text: str, special: str) -> None:
        if special != ">":
            self.open.append(text)
            return
        self.angles.append("".join(self.open))
        self.mode, self.open = "words", []

    def _in_words(self, text: str, special: str) -> None:
        match special:
            case "(":
                self.mode, self.depth = "comment", 1
            case "<":
                self.mode = "angle"
            case "," | ";":
                self._close()
            case ":":
                self.words, self.comments, self.odd = [], [], False
            case "":
                self.odd = self.odd or bool(self.angles and not text.isspace())
                self.words.append(text)
            case _:
                self.odd = True
                if text not in "()<>\\":
                    self.words.append(text)

    def _close(self) -> None:
        words = "".join(self.words).strip()
        if words or self.angles or self.comments:
            self.found.append(self._mailbox(words))
        self.words, self.comments, self.angles, self.odd = [], [], [], False

    def _mailbox(self, words: str) -> Mailbox:
        written = self.angles[0].strip() if self.angles else words
        route, _, last = written.rpartition(":")  # <@relay.example:jane@example.com>
        if route.startswith("@"):
            written = last
        good = is_address(written)
        name = words if self.angles else "" if good else words
        if not name and self.comments:
            name = self.comments[0]
        odd = self.odd or len(self.angles) > 1 or not (good or "@" not in written)
        return Mailbox(written if good else "", unquoted(name), odd)


def unquoted(name: str) -> str:
    """A name without the quotation marks that headers need."""
    whole = name.strip()
    if len(whole) > 1 and whole[0] == whole[-1] == '"':
        whole = whole[1:-1]
    return _ESCAPED.sub(r"\1", whole).strip()


def address_within(name: str) -> str:
    """The address that a name pretends to be, or empty."""
    found = _IN_NAME.search(name)
    return normalised(found[0].strip(".")) if found else ""
