"""A form with one file in it, framed so that the file's bytes stream between two pieces; or the
file alone."""

from collections.abc import Mapping

from attrs import frozen

from omni_actors.wire.calls import Upload

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@frozen
class FormFrame:
    """What comes before and after the file's bytes. `mime` holds the boundary."""

    mime: str
    before: bytes
    after: bytes
    size: int  # of the whole body, the file included


def form_frame(form: Mapping[str, str], upload: Upload, boundary: str) -> FormFrame:
    """Frame `form` and `upload` by RFC 7578, with names written as browsers write them.

    `boundary` must not occur in the content: the caller draws it at random.
    """
    fields = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    file_head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(upload.field_name)}"; '
        f'filename="{_quoted(upload.filename)}"\r\nContent-Type: {_quoted(upload.mime)}\r\n\r\n'
    )
    before = "".join((*fields, file_head)).encode(errors="replace")
    after = f"\r\n--{boundary}--\r\n".encode()
    mime = f"multipart/form-data; boundary={boundary}"
    return FormFrame(mime, before, after, len(before) + upload.size + len(after))


def bare_frame(upload: Upload) -> FormFrame:
    """A file that is the whole body."""
    return FormFrame(upload.mime, b"", b"", upload.size)


def _quoted(text: str) -> str:
    return text.translate(_QUOTED)
