"""The bytes decide what a file is; the sender's word is only compared."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.media.probe import HEAD_BYTES, agrees, detect, essence

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


HEADS = {
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", "image/jpeg"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20), "image/png"),
    "gif": (b"GIF89a\x01\x00\x01\x00\x80\x00\x00", "image/gif"),
    "webp": (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(16), "image/webp"),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
    "mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "video/mp4"),
    "m4a": (b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00M4A mp42", "audio/mp4"),
    "3gp": (b"\x00\x00\x00\x18ftyp3gp4\x00\x00\x02\x003gp4isom", "video/3gpp"),
    "ogg with opus": (b"OggS\x00\x02" + bytes(22) + b"OpusHead\x01", "audio/ogg"),
    "mp3 with tags": (b"ID3\x03\x00\x00\x00\x00\x00\x21" + bytes(10), "audio/mpeg"),
    "mp3 frames": (b"\xff\xfb\x90\x64" + bytes(20), "audio/mpeg"),
    "amr": (b"#!AMR\n\x3c\x91\x17\x16\xbe\x66\x79", "audio/amr"),
    "aac": (b"\xff\xf1\x50\x80\x02\x1f\xfc", "audio/aac"),
    "wav": (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00", "audio/wav"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    "pdf all in ascii": (b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", "application/pdf"),
    "pdf after a line break": (b"\r\n%PDF-1.4\n", "application/pdf"),
    "pdf after junk": (b"\x00junk\xff%PDF-1.4\n", "application/pdf"),
    "docx": (zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"), DOCX),
    "xlsx": (zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), XLSX),
    "zip": (zipped("notes.txt"), "application/zip"),
    "ole": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/x-ole-storage"),
    "rtf": (rb"{\rtf1\ansi hello}", "application/rtf"),
    "text": ("Grüße aus Köln\n".encode(), "text/plain"),
    "text in utf-16": ("\ufeffGrüße".encode("utf-16-le"), "text/plain"),
    "text with a byte order mark": (b"\xef\xbb\xbfhello", "text/plain"),
    "text cut inside a character": (("x" + "é" * HEAD_BYTES).encode(), "text/plain"),
    "text that begins like a bitmap": (b"BMW drivers of the world", "text/plain"),
    "text that begins like a program": (b"MZ is a prefix", "text/plain"),
    "text that speaks of pdf": (b"The header %PDF-1.4 begins a file", "text/plain"),
    "text with a tag in it": (b"a <b>bold</b> claim", "text/plain"),
    "json": (b'{"a": 1}', "text/plain"),
    "html": (b"<!DOCTYPE html>\n<html><body>hi", "text/html"),
    "html after a comment": (b"<!-- hi -->\n  <HTML lang=en>", "text/html"),
    "a lone script": (b"<script>alert(1)</script>", "text/html"),
    "xhtml": (b'<?xml version="1.0"?>\n<html xmlns="x">', "text/html"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg">', "image/svg+xml"),
    "svg after a prolog": (
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n'
        b'<!DOCTYPE svg PUBLIC "a" "b">\n<svg\nx="1">',
        "image/svg+xml",
    ),
    "svg with an entity trick": (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>', "image/svg+xml"),
    "xml": (b'<?xml version="1.0"?><note/>', "application/xml"),
    "vcard": (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "text/vcard"),
    "calendar": (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
    "nothing": (b"", "application/octet-stream"),
    "noise": (b"\x13\x37\x00\xff\xfe\x00noise\x81", "application/octet-stream"),
    "text with a zero byte": (b"hello\x00world", "application/octet-stream"),
}


@pytest.mark.parametrize(("head", "mime"), HEADS.values(), ids=HEADS.keys())
def test_a_file_is_known_by_its_head(head: bytes, mime: str) -> None:
    assert detect(head) == mime


@given(st.binary(max_size=2 * HEAD_BYTES))
def test_any_bytes_have_a_type(head: bytes) -> None:
    mime = detect(head)

    assert essence(mime) == mime
    assert mime.count("/") == 1


@given(st.text(max_size=200))
def test_markup_of_any_shape_is_judged_without_an_error(text: str) -> None:
    assert detect(b"<" + text.encode("utf-8", "replace"))


@pytest.mark.parametrize("opening", [b"<!--", b"<?", b"<!doctype svg ", b" <?x?>", b"\n"])
def test_a_head_of_nothing_but_openings_is_judged_at_once(opening: bytes) -> None:
    assert detect(opening * (HEAD_BYTES // len(opening))) == "text/plain"


@pytest.mark.parametrize(
    ("declared", "detected"),
    [
        ("audio/ogg; codecs=opus", "audio/ogg"),
        ("Audio/OGG ;codecs=opus", "audio/ogg"),
        ("audio/opus", "audio/ogg"),
        ("image/jpg", "image/jpeg"),
        ("audio/mp3", "audio/mpeg"),
        ("audio/x-wav", "audio/wav"),
        ("audio/mp4", "video/mp4"),
        ("video/quicktime", "video/mp4"),
        ("audio/3gpp", "video/3gpp"),
        ("audio/webm;codecs=opus", "video/webm"),
        (DOCX, "application/zip"),
        ("application/vnd.oasis.opendocument.text", "application/zip"),
        ("application/msword", "application/x-ole-storage"),
        ("application/vnd.ms-excel", "application/msword"),
        ("text/csv; charset=utf-8", "text/plain"),
        ("application/json", "text/plain"),
        ("application/atom+xml", "application/xml"),
        ("application/octet-stream", "image/png"),
        ("", "image/png"),
        ("application/x-blender", "application/octet-stream"),
    ],
)
def test_a_declaration_that_the_bytes_bear_out_agrees(declared: str, detected: str) -> None:
    assert agrees(declared, detected)


@pytest.mark.parametrize(
    ("declared", "detected"),
    [
        ("image/jpeg", "image/png"),
        ("image/jpeg", "text/html"),
        ("image/png", "image/svg+xml"),
        ("image/jpeg", "application/octet-stream"),
        ("application/pdf", "application/zip"),
        ("application/pdf", "text/plain"),
        ("text/plain", "text/html"),
        ("text/html", "text/plain"),
        ("text/plain", "image/svg+xml"),
        ("audio/ogg; codecs=opus", "audio/mpeg"),
        ("audio/mpeg", "video/mp4"),
        ("video/mp4", "application/x-msdownload"),
        (DOCX, XLSX),
        (DOCX, "text/plain"),
    ],
)
def test_a_declaration_that_the_bytes_refute_does_not_agree(declared: str, detected: str) -> None:
    assert not agrees(declared, detected)
