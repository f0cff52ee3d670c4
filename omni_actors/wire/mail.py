"""A mail to be written, before it is bytes."""

from attrs import frozen


@frozen
class Attached:
    """A file that goes with a mail. With a `content_id` the HTML shows it (`cid:`)."""

    blob: str
    filename: str
    mime: str
    size: int
    content_id: str | None = None


@frozen
class Mail:
    """A mail as it will be composed: the same description always becomes the same bytes.

    `headers` stand in their order, as people read them; composing encodes and folds them. `seed`
    makes the boundaries.
    """

    headers: tuple[tuple[str, str], ...]
    text: str
    seed: str
    html: str | None = None
    attachments: tuple[Attached, ...] = ()
