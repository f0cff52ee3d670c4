"""Which parts of a mail are what it says, and what they say."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, evolve, field, frozen

from omni_actors.adapters.email.charsets import decode
from omni_actors.adapters.email.html import escaped, to_text
from omni_actors.adapters.email.structure import Part, content

TEXT_MAX: Final = 1_000_000
HTML_MAX: Final = 1_000_000
STUB_MAX: Final = 40
STUB_TALK_MAX: Final = 300
STUB_RATIO: Final = 10
STUB_TALK_RATIO: Final = 3
STUB_HTML_MAX: Final = 20_000

_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.I
)
_PGP = "-----BEGIN PGP MESSAGE-----"
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"


@frozen
class Said:
    """What a part says: as text, as HTML, or as both; None where it does not say it so."""

    text: str | None = None
    html: str | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.text or "").strip() and self.html is None

    def as_text(self) -> str:
        """As text in any case."""
        if self.text is not None:
            return self.text
        return to_text(self.html) if self.html is not None else ""

    def as_html(self) -> str:
        """As HTML in any case."""
        return self.html if self.html is not None else escaped(self.text or "")


@define
class Body:
    """What a mail says, and the parts that it does not show there."""

    raw: bytes
    problems: dict[str, None] = field(factory=dict)
    others: list[Part] = field(factory=list)
    cut: list[Part] = field(factory=list)  # shown, but not whole
    signed: bool = False
    encrypted: bool = False

    def said(self, root: Part) -> Said:
        """What the mail says, read where people look first: in its text, unless that is empty or
        only tells them to look elsewhere."""
        said = self._said(root)
        if said.is_empty and (first := self._named_body(root)) is not None:
            self.others.remove(first)
            said = self._leaf(first)
        text = said.as_text().strip("\n")
        if _PGP in text[:2000]:
            self.encrypted = True
        if _PGP_SIGNED in text[:2000]:
            self.signed = True
        if len(text) > TEXT_MAX:
            self.problems["text_too_long"] = None
        return evolve(said, text=text[:TEXT_MAX])

    def without_html(self, said: Said, root: Part) -> Said:
        """What the mail says, when its HTML is too much to be shown; it is a file then."""
        self.problems["html_too_complex"] = None
        html = [each for each in root.walk() if each.mime == "text/html" and is_body(each)]
        self.cut += [each for each in html if each not in self.cut]
        return evolve(said, html=None)

    def _said(self, part: Part) -> Said:
        if not part.parts:
            return self._leaf_or_other(part)
        match part.mime:
            case "multipart/alternative":
                return self._alternative(part)
            case "multipart/related":
                return self._related(part)
            case "multipart/signed":
                self.signed = True
                return self._first(part.parts[0], part.parts[1:])
            case "multipart/report":
                return self._first(part.parts[0], part.parts[1:])
            case "multipart/encrypted":
                self.encrypted = True
                self._others(part.parts)
                return Said()
            case _:
                return joined([self._said(each) for each in part.parts])

    def _leaf_or_other(self, part: Part) -> Said:
        if is_body(part):
            return self._leaf(part)
        self.others.append(part)
        self.signed |= part.mime in SIGNATURES or part.parameters.get("smime-type") == "signed-data"
        self.encrypted |= part.parameters.get("smime-type") == "enveloped-data"
        return Said()

    def _leaf(self, part: Part) -> Said:
        if part.mime == "text/html":
            return self._html(part)
        text = self._decoded(part, TEXT_MAX, part.parameters.get("charset", ""))
        if part.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, delsp=part.parameters.get("delsp", "").lower() == "yes")
        return Said(text=text)

    def _html(self, part: Part) -> Said:
        charset = part.parameters.get("charset", "")
        if not charset:
            head = b"".join(self._bytes(part, 4096))[:4096]
            named = _META_CHARSET.search(head)
            charset = named[1].decode("ascii") if named else ""
        return Said(html=self._decoded(part, HTML_MAX, charset))

    def _decoded(self, part: Part, length: int, charset: str) -> str:
        """The text of a part, as much of it as may be shown; the whole is a file then."""
        data = b"".join(self._bytes(part, 4 * length))
        found = decode(data[: 4 * length], charset)
        if found.problem:
            self.problems[found.problem] = None
        if len(found.text) > length or len(data) > 4 * length:
            self.problems["body_too_long"] = None
            self.cut.append(part)
        return found.text[:length]

    def _bytes(self, part: Part, size: int) -> Iterator[bytes]:
        for piece in content(self.raw, part):
            yield piece
            size -= len(piece)
            if size < 0:
                return

    def _alternative(self, part: Part) -> Said:
        """The same said in several ways, the best one last. Kinds of text that nobody knows are the
        same once more; what is no text is kept."""
        text: str | None = None
        html: str | None = None
        for each in part.parts:
            if not each.parts and each.mime.startswith("text/") and not is_known_text(each):
                continue
            said = self._said(each)
            if said.text is not None and (text is None or not text.strip()):
                text = said.text
            html = said.html if said.html is not None else html
        if html is not None and (text is None or is_stub(text, html)):
            text = None
        return Said(text, html)

    def _related(self, part: Part) -> Said:
        start = part.parameters.get("start", "").strip("<>")
        root = next((p for p in part.parts if start and p.content_id == start), part.parts[0])
        return self._first(root, [each for each in part.parts if each is not root])

    def _first(self, root: Part, others: Iterable[Part]) -> Said:
        said = self._said(root)
        self._others(others)
        return said

    def _others(self, parts: Iterable[Part]) -> None:
        self.others += [each for part in parts for each in part.walk() if not each.parts]

    def _named_body(self, root: Part) -> Part | None:
        """Some mailers give the text itself a name, as if it were a file."""
        first = next(each for each in root.walk() if not each.parts)
        is_text = first.mime in ("text/plain", "text/html") and first.disposition != "attachment"
        return first if is_text and first in self.others else None


SIGNATURES: Final = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    )
)


def is_body(part: Part) -> bool:
    """Whether a part is there to be read with the mail."""
    named = part.filename or part.disposition == "attachment"
    return part.mime in ("text/plain", "text/html") and not named


def is_known_text(part: Part) -> bool:
    """Whether a kind of text means more than what the others say already."""
    return part.mime in ("text/plain", "text/html", "text/calendar") or bool(part.filename)


def is_stub(text: str, html: str) -> bool:
    """Whether a text only tells people to look at the HTML."""
    bare = text.strip()
    says_so = "html" in bare.lower()
    if len(bare) > (STUB_TALK_MAX if says_so else STUB_MAX):
        return False
    ratio = STUB_TALK_RATIO if says_so else STUB_RATIO
    return len(to_text(html[:STUB_HTML_MAX])) > ratio * len(bare)


def joined(all_said: list[Said]) -> Said:
    """What parts say one after the other; some mailers cut a text where a picture stands in it."""
    told = [said for said in all_said if not said.is_empty]
    if len(told) < 2:
        return (
            told[0] if told else next((said for said in all_said if said.text is not None), Said())
        )
    with_html = any(said.html is not None for said in told)
    html = "\n".join(said.as_html() for said in told) if with_html else None
    if all(said.text is None for said in told):
        return Said(None, html)
    return Said("\n".join(said.as_text().rstrip("\n") for said in told), html)


def unflowed(text: str, *, delsp: bool) -> str:
    """Paragraphs of a text that was wrapped for old terminals.

    https://www.rfc-editor.org/rfc/rfc3676
    """
    lines: list[str] = []
    paragraph: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        flows = bare.endswith(" ") and bare != "-- "
        if paragraph and (depth != open_depth or bare == "-- "):
            lines.append(_quoted(open_depth, paragraph))
            paragraph = []
        open_depth = depth
        paragraph.append(bare[:-1] if flows and delsp else bare)
        if not flows:
            lines.append(_quoted(depth, paragraph))
            paragraph = []
    if paragraph:
        lines.append(_quoted(open_depth, paragraph))
    return "\n".join(lines)


def _quoted(depth: int, paragraph: list[str]) -> str:
    text = "".join(paragraph)
    return f"{'>' * depth} {text}" if depth else text
