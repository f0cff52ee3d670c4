"""A mail server's replies: whole however they are cut, and nothing else taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.wire.calls import SmtpReply
from omni_actors.wire.smtp_offers import Offers, offers_in
from omni_actors.wire.smtp_replies import REPLY_BYTES_MAX, Garbled, Replies

READ = {
    "a plain one": (b"250 ok\r\n", SmtpReply(250, "", "ok")),
    "a code alone": (b"250\r\n", SmtpReply(250, "", "")),
    "one of several lines": (b"250-a\r\n250-b\r\n250 c\r\n", SmtpReply(250, "", "a\nb\nc")),
    "one with an enhanced code": (b"550 5.1.1 no\r\n", SmtpReply(550, "5.1.1", "no")),
    "the enhanced code on every line": (
        b"550-5.7.26 a\r\n550 5.7.26 b\r\n",
        SmtpReply(550, "5.7.26", "a\nb"),
    ),
    "an enhanced code alone": (b"250 2.0.0\r\n", SmtpReply(250, "2.0.0", "")),
    "a version that is no enhanced code": (
        b"220 5.1.1 is my version\r\n",
        SmtpReply(220, "", "5.1.1 is my version"),
    ),
    "Latin-1": (b"550 Bo\xeete pleine\r\n", SmtpReply(550, "", "Boîte pleine")),
    "UTF-8": ("550 Boîte pleine\r\n".encode(), SmtpReply(550, "", "Boîte pleine")),
    "a line that ends LF": (b"250 ok\n", SmtpReply(250, "", "ok")),
    "control characters": (b"250 a\0b\x1b[31m\rc\r\n", SmtpReply(250, "", "a b [31m c")),
}


@pytest.mark.parametrize(("sent", "reply"), READ.values(), ids=READ.keys())
def test_a_reply_is_read(sent: bytes, reply: SmtpReply) -> None:
    replies = Replies()

    replies.feed(sent)

    assert replies.take() == reply
    assert replies.take() is None
    assert not replies.pending


@given(st.lists(st.sampled_from(list(READ.values())), min_size=1, max_size=6), st.data())
def test_it_does_not_matter_how_replies_are_cut(
    wanted: list[tuple[bytes, SmtpReply]], data: st.DataObject
) -> None:
    sent = b"".join(each for each, _ in wanted)
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=12).map(sorted))
    replies, read = Replies(), []

    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        replies.feed(sent[start:end])
        while (reply := replies.take()) is not None:
            read.append(reply)

    assert read == [reply for _, reply in wanted]


GARBLED = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n",
    "a code of another kind": b"150 wait\r\n",
    "a code of four digits": b"2500 ok\r\n",
    "a reply of two codes": b"250-ok\r\n550 no\r\n",
    "an empty line": b"\r\n",
    "a line without end": b"250 " + b"x" * REPLY_BYTES_MAX,
    "lines without end": b"250-x\r\n" * (REPLY_BYTES_MAX // 7 + 2),
}


@pytest.mark.parametrize("sent", GARBLED.values(), ids=GARBLED.keys())
def test_what_is_no_reply_is_said_to_be_none(sent: bytes) -> None:
    replies = Replies()

    replies.feed(sent)

    with pytest.raises(Garbled):
        replies.take()


@given(st.binary(max_size=400))
def test_anything_is_a_reply_or_garbled(sent: bytes) -> None:
    replies = Replies()
    replies.feed(sent)
    try:
        while (reply := replies.take()) is not None:
            assert 200 <= reply.code <= 599
            assert "\r" not in reply.text
    except Garbled:
        assert sent


OFFERED = {
    "everything that Postfix offers": (
        "mx\nPIPELINING\nSIZE 10240000\nETRN\nSTARTTLS\nAUTH PLAIN LOGIN\n8BITMIME\nDSN\nSMTPUTF8",
        Offers(True, True, True, 10240000, True, True, True, ("PLAIN", "LOGIN")),
    ),
    "nothing": ("mx", Offers()),
    "no bound of the size": ("mx\nSIZE 0", Offers(sizes=True)),
    "a size that is no number": ("mx\nSIZE many", Offers(sizes=True)),
    "the old form of AUTH": ("mx\nAUTH=LOGIN PLAIN", Offers(auth=("LOGIN", "PLAIN"))),
    "both forms of AUTH": (
        "mx\nAUTH PLAIN\nAUTH=PLAIN LOGIN",
        Offers(auth=("PLAIN", "LOGIN")),
    ),
    "small letters and empty lines": ("mx\n\nsize 5\nauth xoauth2\n", None),
}


@pytest.mark.parametrize(("text", "offers"), OFFERED.values(), ids=OFFERED.keys())
def test_what_is_offered_is_read(text: str, offers: Offers | None) -> None:
    read = offers_in(SmtpReply(250, "", text))

    assert read == (offers or Offers(sizes=True, size_max=5, auth=("XOAUTH2",)))
