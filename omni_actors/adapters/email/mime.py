"""A raw mail as what it holds."""

from attrs import field, frozen


@frozen
class Attachment:
    """A part that is not shown as the body.

    `part` is its number as IMAP counts (`2.1`), `size` what it has when decoded (bytes). `kind`
    tells what must be known of it: `file`, `inline` (the HTML shows it where it names its
    `content_id`), `mail` (a forwarded one), `calendar`, `tnef` (winmail.dat), `signature`, `encrypted`,
    `report` (of delivery), `body` (text that was too long to be shown).
    """

    part: str
    filename: str
    mime: str
    size: int
    kind: str = "file"
    content_id: str | None = None


@frozen
class Headers:
    """The fields of a mail or a part, in their order: names in lower case, values as they came,
    unfolded."""

    fields: tuple[tuple[str, bytes], ...] = ()


@frozen
class Parsed:
    """A mail that was read; `problems` are what was wrong with it, each a word with an underscore.

    `text` and `html` are whole, with all that they quote; `html` is not safe to show yet.
    """

    headers: Headers
    text: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = field(default=())
    signed: bool = False
    encrypted: bool = False
