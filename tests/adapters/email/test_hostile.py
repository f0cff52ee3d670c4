"""Mails made to hurt: they cost no error, and no more time than they are long."""

from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.adapters.email.inbound import document, parse
from omni_actors.adapters.email.mime import extract, read
from omni_actors.model.reports import Received, StatusReported, Unsupported

FROM = b"From: a@mail.example\n"
HTML = FROM + b"Content-Type: text/html\n\n"
REPORT = (
    b"From: MAILER-DAEMON@mail.example\nContent-Type: multipart/report; boundary=x\n\n"
    b"--x\nContent-Type: message/delivery-status\n\n"
)
MIXED = FROM + b"Content-Type: multipart/mixed; boundary=x\n\n"

SHAPES: dict[str, tuple[bytes, bytes]] = {
    "quotes in From": (b"From: ", b'"'),
    "escapes in From": (b"From: ", b'"\\'),
    "comments in From": (b"From: ", b"("),
    "people in From": (b"From: ", b"a@b.example, "),
    "fields of From": (b"", FROM),
    "encoded words": (FROM + b"Subject: ", b"=?utf-8?q?a?= "),
    "open words": (FROM + b"Subject: ", b"=?utf-8?q?"),
    "references": (FROM + b"References: ", b"<a@b> "),
    "open references": (FROM + b"References: ", b"<"),
    "fields": (FROM, b"A: b\n"),
    "folds": (FROM + b"A: b\n", b" x\n"),
    "parameters": (FROM + b"Content-Type: a/b", b"; a=b"),
    "open parameter": (FROM + b'Content-Type: a/b; a="', b'\\"'),
    "delimiters": (MIXED, b"--x\n"),
    "other delimiters": (MIXED, b"--y\n"),
    "parts of HTML": (MIXED, b"--x\nContent-Type: text/html\n\n<b>x\n"),
    "nested parts": (FROM, b"Content-Type: multipart/mixed; boundary=x\n\n--x\n"),
    "nested mails": (FROM, b"Content-Type: message/rfc822\n\n"),
    "padding": (FROM + b"Content-Transfer-Encoding: base64\n\n", b"A="),
    "escapes": (FROM + b"Content-Transfer-Encoding: quoted-printable\n\n", b"=\r"),
    "escape sequences": (FROM + b"Content-Type: text/plain; charset=iso-2022-jp\n\n", b"\x1b$B"),
    "flowed quotes": (FROM + b"Content-Type: text/plain; format=flowed\n\n", b">\n>>"),
    "flowing": (FROM + b"Content-Type: text/plain; format=flowed\n\n", b"x "),
    "intros": (FROM + b"\n", b"On 1.1.2026, a@b.c\n"),
    "signatures": (FROM + b"\n", b"--\nx\n"),
    "headers in the text": (FROM + b"\n", b"From: a@b.c\n"),
    "marks in HTML": (HTML, b"<div class=gmail_attr>x"),
    "tokens": (FROM + b"To: ", b"c.0123456789abcdefghjkmnpqrs"),
    "results": (FROM + b"Authentication-Results: x", b"; a=b c=d"),
    "comments in results": (FROM + b"Authentication-Results: x; ", b"("),
    "servers": (b"From: MAILER-DAEMON@mail.example\n\n", b"a@b.c 550 5.1.1 <a@b.c>: \n"),
    "groups of a report": (REPORT, b"Final-Recipient: a;b@c.example\n\n"),
    "ids in a report": (REPORT, b"Message-ID: <c." + b"a" * 36 + b"@b.example>\n"),
    "NUL": (b"", b"\0"),
    "CR": (b"", b"\r"),
    "div": (HTML, b"<div>"),
    "tables": (HTML, b"<table><tr><td>"),
    "cells": (HTML, b"<td>"),
    "formatting": (HTML, b"<b><p>x</b>"),
    "fonts": (HTML, b"<font color=a>x"),
    "links": (HTML, b"<a href=x>y"),
    "open tags": (HTML, b"<a "),
    "open values": (HTML, b"<a b='"),
    "signs": (HTML, b"<"),
    "comments": (HTML, b"<!--"),
    "bogus ends": (HTML, b"</1"),
    "entities": (HTML, b"&amp"),
    "a huge entity": (HTML + b"&#", b"9"),
    "scripts": (HTML, b"<script>x"),
    "lists": (HTML, b"<ul><li>"),
    "quotes": (HTML, b"<blockquote>x<br>"),
    "hidden": (HTML, b"<p hidden>x"),
    "names of parts": (HTML, b"cid:x"),
}


def mail(shape: str, size: int) -> bytes:
    head, unit = SHAPES[shape]
    return head + unit * (size // len(unit))


def spent(run: Callable[[], object]) -> float:
    began = process_time()
    run()
    return process_time() - began


def cost(raw: bytes) -> float:
    """What reading takes, the least of three."""
    return min(spent(lambda: parse(document(raw, "k", None, 0, "b"))) for _ in range(3))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_eight_times_as_long_takes_no_more_than_in_proportion(shape: str) -> None:
    short, long = cost(mail(shape, 20_000)), cost(mail(shape, 160_000))

    assert long < 0.05 or long / short < 30  # 8 if it is linear, 64 if quadratic


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_an_error(shape: str) -> None:
    reports = parse(document(mail(shape, 5_000), "k", None, 0, "b"))

    assert reports
    assert {type(report) for report in reports} <= {Received, StatusReported, Unsupported}


MIME_WORDS = st.sampled_from(
    [
        *(b"From: a@b.c\n", b"From: ", b"Content-Type: ", b"multipart/mixed; boundary=x\n"),
        *(b"text/html; charset=", b"text/plain\n", b"multipart/alternative; boundary=y\n"),
        *(b"utf-8\n", b"\n\n", b"\r\n", b"--x\n", b"--x--\n", b"--y\n", b"--y--", b"=?utf-8?q?"),
        *(
            b"?=",
            b"=",
            b"Content-Transfer-Encoding: base64\n",
            b"message/rfc822\n",
            b'"',
            b"<",
            b">",
        ),
        *(
            b"Content-Disposition: attachment; filename*=",
            b"utf-8''%ff",
            b"<p>",
            b"</p>",
            b"<table>",
        ),
        *(b"<td>", b"<a href=", b"<img src='cid:x'>", b"<!--", b"&amp;", b"\xff", b"\0", b"x y "),
        *(b"Content-ID: <x>\n", b"format=flowed\n", b"Date: ", b"Message-ID: <", b"name*0*="),
    ]
)


@pytest.mark.slow
@given(st.binary(max_size=400) | st.lists(MIME_WORDS, max_size=60).map(b"".join))
@settings(max_examples=300)
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    [report] = parse(document(raw, "k", None, 0, "b"))
    again = parse(document(raw, "k", None, 0, "b"))

    assert again == [report]
    for file in read(raw).attachments:
        assert sum(map(len, extract(raw, file.part))) == file.size
    if isinstance(report, Received):
        assert all("\n" not in file for file in _names(report))
        assert report.external_id


def _names(report: Received) -> list[str]:
    return [ref.filename or "" for ref in report.media]
