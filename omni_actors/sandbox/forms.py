"""Reading `multipart/form-data` (RFC 7578)."""

from collections.abc import Iterator

from attrs import frozen


@frozen
class FormPart:
    """One field or file of a multipart form."""

    name: str
    filename: str | None
    content_type: str | None
    content: bytes


def form_parts(content_type: str, body: bytes) -> Iterator[FormPart]:
    """The parts of a `multipart/form-data` body. Raises ValueError when it is not one."""
    kind, options = _options(content_type)
    boundary = options.get("boundary", "").encode("latin-1")
    if kind != "multipart/form-data" or not boundary:
        raise ValueError("The body is not multipart/form-data with a boundary.")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("The multipart body does not end with its boundary.")
    for piece in pieces[1:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        if not gap:
            raise ValueError("A part of the multipart body has no end of its headers.")
        yield _form_part(head.decode("utf-8", "replace"), content)


def _form_part(head: str, content: bytes) -> FormPart:
    headers = dict(_header_lines(head))
    kind, options = _options(headers.get("content-disposition", ""))
    if kind != "form-data" or "name" not in options:
        raise ValueError("A part of the multipart body has no name.")
    return FormPart(options["name"], options.get("filename"), headers.get("content-type"), content)


def _header_lines(head: str) -> Iterator[tuple[str, str]]:
    for line in head.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _options(value: str) -> tuple[str, dict[str, str]]:
    """`a/b; c="d"` as ("a/b", {"c": "d"}), the kind and the names in lower case."""
    kind, *rest = value.split(";")
    options = (piece.partition("=") for piece in rest)
    return kind.strip().lower(), {
        name.strip().lower(): text.strip().strip('"') for name, _, text in options
    }
