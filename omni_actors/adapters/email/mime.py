"""A raw mail as what it holds.

Reading is tolerant, linear in the size of the mail, and never an error.
https://www.rfc-editor.org/rfc/rfc2045
"""

from collections.abc import Iterator

from attrs import evolve, field, frozen

from omni_actors.adapters.email.attachments import ATTACHMENTS_MAX, kind_of, safe_name
from omni_actors.adapters.email.bodies import Body
from omni_actors.adapters.email.headers import Headers
from omni_actors.adapters.email.html import content_ids_in
from omni_actors.adapters.email.markup import is_bearable
from omni_actors.adapters.email.structure import Part, content, structure, with_lines


class NoSuchPart(LookupError):
    """The mail has no part of that number."""


@frozen
class Attachment:
    """A part that is not shown as the body.

    `part` is its number as IMAP counts (`2.1`), `size` what it has when decoded (bytes). `kind`
    tells what must be known of it: `file`, `inline` (the HTML shows it where it names its
    `content_id`), `mail` (a forwarded one), `calendar`, `tnef` (winmail.dat), `signature`,
    `encrypted`, `report` (of delivery), `body` (text that was too long to be shown).
    """

    part: str
    filename: str
    mime: str
    size: int
    kind: str = "file"
    content_id: str | None = None


@frozen
class Parsed:
    """A mail that was read; `problems` are what was wrong with it, such as `bad_charset`.

    `text` and `html` are whole, with all that they quote; `html` is not safe to show yet. `root` is
    the tree of parts in `raw`.
    """

    raw: bytes = field(repr=False)
    headers: Headers
    root: Part
    text: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = ()
    signed: bool = False
    encrypted: bool = False

    def part(self, number: str) -> bytes:
        """The bytes of a part, decoded. Raises NoSuchPart."""
        return b"".join(content(self.raw, found(self.root, number)))


def read(raw: bytes) -> Parsed:
    """What a mail holds."""
    lined = with_lines(raw)
    split = structure(lined)
    root = split.root
    body = Body(lined, split.problems)
    said = body.said(root)
    if said.html is not None and not is_bearable(said.html):
        said = body.without_html(said, root)
    shown_ids = content_ids_in(said.html or "")
    files = [_attachment(lined, each, kind_of(each, shown_ids)) for each in body.others]
    files += [_attachment(lined, each, "body") for each in body.cut]
    if len(files) > ATTACHMENTS_MAX:
        body.problems["too_many_attachments"] = None
    charset = next((p.parameters["charset"] for p in root.walk() if "charset" in p.parameters), "")
    return Parsed(
        raw=lined,
        headers=evolve(root.headers, charset=charset),
        root=root,
        text=said.text or "",
        html=said.html,
        attachments=tuple(files[:ATTACHMENTS_MAX]),
        problems=tuple(body.problems),
        signed=body.signed,
        encrypted=body.encrypted,
    )


def extract(raw: bytes, part: str) -> Iterator[bytes]:
    """The bytes of a part, decoded piece by piece. Raises NoSuchPart before the first piece."""
    lined = with_lines(raw)
    return content(lined, found(structure(lined).root, part))


def found(root: Part, number: str) -> Part:
    """The part of a number. Raises NoSuchPart."""
    part = next((each for each in root.walk() if each.number == number and each.number), None)
    if part is None:
        raise NoSuchPart(f"the mail has no part {number}")
    return part


def _attachment(raw: bytes, part: Part, kind: str) -> Attachment:
    size = sum(len(piece) for piece in content(raw, part))
    name = safe_name(part.filename, part.number, part.mime)
    return Attachment(part.number, name, part.mime, size, kind, part.content_id or None)
