"""Header fields, addresses and parameters: what people wrote, and what is played on us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.email.addresses import (
    Mailbox,
    address,
    address_within,
    mailboxes,
    normalised,
)
from omni_actors.adapters.email.charsets import codec_of, decode
from omni_actors.adapters.email.headers import Headers, date_of, ids_in, shown, words_decoded
from omni_actors.adapters.email.parameters import valued
from omni_actors.model.reports import IdentityKey


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?b?w6Q=?= =?utf-8?B?w7Y?=", "äö"),
        ("=?utf-8?Q?a=C3?=\n =?utf-8?Q?=A4?= b", "aä b"),
        ("a =?utf-8?Q?b?= c =?utf-8?Q?d?=", "a b c d"),
        ("=?utf-8*de?Q?=C3=A4?=", "ä"),
        ("=?iso-8859-1?Q?=80?=", "€"),
        ("=?x-unknown?Q?=C3=A4?=", "ä"),
        ("=?utf-7?Q?+ADw-script?=", "+ADw-script"),
        ("=?utf-8?Q?Really?_Yes?=", "Really? Yes"),
        ("=?utf-8?Q?broken =?utf-8?Q?good?=", "=?utf-8?Q?broken good"),
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
        ("=?utf-8?q?hi=0D=0ABcc:_x@y?=", "hi Bcc: x@y"),
        ("a\u2028b\u202ec\x00d\x85e", "a bc d e"),
        ("=?", "=?"),
    ],
)
def test_encoded_words_are_read_and_hide_nothing(written: str, read: str) -> None:
    assert shown(words_decoded(written)) == read


@given(st.text(max_size=300))
def test_what_is_shown_is_one_line(text: str) -> None:
    line = shown(words_decoded(text))

    assert "\n" not in line
    assert "\r" not in line
    assert line.isprintable() or any(not each.isprintable() for each in text)
    assert len(f"{line}\n".splitlines()) == 1


def test_more_encoded_words_than_people_write_stay_encoded() -> None:
    read = words_decoded("=?utf-8?q?a?= " * 2000)

    assert read.startswith("a" * 512)
    assert "=?utf-8?q?a?=" in read


@pytest.mark.parametrize(
    ("header", "people"),
    [
        ("jane@mail.example", [Mailbox("jane@mail.example")]),
        ("<Jane@Mail.example>", [Mailbox("Jane@Mail.example")]),
        ('"Doe, \\"J\\"" <j@mail.example>', [Mailbox("j@mail.example", 'Doe, "J"')]),
        ("j@mail.example (Jane (Ann) Doe)", [Mailbox("j@mail.example", "Jane (Ann) Doe")]),
        (
            "=?utf-8?Q?Doe,_Jane?= <j@mail.example>, b@mail.example",
            [Mailbox("j@mail.example", "=?utf-8?Q?Doe,_Jane?="), Mailbox("b@mail.example")],
        ),
        (
            "Team: a@mail.example, b@mail.example;",
            [Mailbox("a@mail.example"), Mailbox("b@mail.example")],
        ),
        ("undisclosed-recipients:;", []),
        ("<@relay.example:j@mail.example>", [Mailbox("j@mail.example")]),
        ("MAILER-DAEMON", [Mailbox("", "MAILER-DAEMON")]),
        ("søren@bücher.example", [Mailbox("søren@bücher.example")]),
        ("j@[192.0.2.1]", [Mailbox("j@[192.0.2.1]")]),
        ("", []),
        ('To: "', [Mailbox("", '"', True)]),
        ("(c):", []),
    ],
)
def test_people_are_read_from_a_header(header: str, people: list[Mailbox]) -> None:
    assert list(mailboxes(header)) == people


@pytest.mark.parametrize(
    "header",
    [
        "alice@example.org)bob@example.com",
        "alice@example.org(<bob@example.com>",
        "alice@example.org <bob@example.com> carol@example.com",
        "<alice@example.org><bob@example.com>",
        "<alice@example.org> bob@example.com",
        "alice@example.org@bob.example.com",
        "jane doe@mail.example",
        "<a@mail.example",
        '"alice@example.org',
    ],
)
def test_what_can_be_read_in_two_ways_is_ambiguous(header: str) -> None:
    people = mailboxes(header)

    assert any(person.ambiguous for person in people) or people[0].name == "alice@example.org"


@pytest.mark.slow
@given(st.text(max_size=500))
def test_any_header_has_people_in_it_or_none(header: str) -> None:
    for person in mailboxes(header):
        assert not person.address or person.key == normalised(person.address)


def test_a_name_that_is_an_address_is_seen() -> None:
    assert address_within("boss@bank.example") == "boss@bank.example"
    assert address_within('"Boss" <Boss@Bank.example>') == "boss@bank.example"
    assert address_within("Jane @ work") == ""


def test_an_address_is_that_of_nobody_else() -> None:
    assert normalised("Ada@Straße.example") == "ada@xn--strae-oqa.example"
    assert normalised("ada@STRASSE.example") == "ada@strasse.example"


def test_an_address_to_write_to_is_one_and_nothing_else() -> None:
    assert address(" Jane@Mail.Example ", "") == (IdentityKey("email", "jane@mail.example"),)
    for written in ("jane", "Jane <jane@mail.example>", "a@b@c", "a@b.example\nBcc: c@d.example"):
        with pytest.raises(BadAddress, match=r"looks like jane@example\.com"):
            address(written, "")


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("<a@b>", ["a@b"]),
        ("<a@b>\t<c@d>", ["a@b", "c@d"]),
        ("<[hex@microsoft.example]>", ["[hex@microsoft.example]"]),
        ("a@b", ["a@b"]),
        ("none", []),
        ("< a@b >", ["a@b"]),
        (f"<{'x' * 600}@b>", []),
    ],
)
def test_ids_stand_in_brackets_or_are_bare(written: str, ids: list[str]) -> None:
    assert ids_in(written) == ids


def test_of_very_many_ids_the_first_and_the_last_ones_count() -> None:
    ids = ids_in(" ".join(f"<{n}@x>" for n in range(200)))

    assert (len(ids), ids[0], ids[-1]) == (50, "0@x", "199@x")


@pytest.mark.parametrize(
    ("written", "value", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        ('Text/Plain; Charset="UTF-8"', "text/plain", {"charset": "UTF-8"}),
        ('a/b; name="x; y=\\"z\\""', "a/b", {"name": 'x; y="z"'}),
        ("a/b; name=My File.pdf", "a/b", {"name": "My File.pdf"}),
        ("a/b; name*=utf-8'de'%C3%A4.txt; name=a.txt", "a/b", {"name": "ä.txt"}),
        ("a/b; name*0*=utf-8''%C3; name*1*=%A4; name*2=.txt", "a/b", {"name": "ä.txt"}),
        ("a/b; name*1=b; name*0=a", "a/b", {"name": "ab"}),
        ('a/b; name="=?utf-8?Q?=C3=A4?="', "a/b", {"name": "ä"}),
        ("a/b; name*", "a/b", {}),
        ("a/b; name*=", "a/b", {"name": ""}),
        ('a/b; name="open', "a/b", {"name": "open"}),
        ("a/b;;; x=1; x=2", "a/b", {"x": "1"}),
        ("", "", {}),
    ],
)
def test_parameters_are_read_in_all_their_spellings(
    written: str, value: str, parameters: dict[str, str]
) -> None:
    found = valued(written)

    assert (found.value, dict(found.parameters)) == (value, parameters)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        (b"Thu, 26 Nov 2026 10:00:00 +0100 (CET)", 1795683600.0),
        (b"26 Nov 26 09:00 GMT", 1795683600.0),
        (b"yesterday", 0.0),
        (b"Thu, 99 Nov 99999999999 10:00:00 +0100", 0.0),
        (b"Thu, 26 Nov 1902 10:00:00 +0100", 0.0),
    ],
)
def test_a_date_is_a_time_or_none(written: bytes, at: float) -> None:
    assert date_of(Headers((("date", written),))) == at


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf_8"),
        ("ks_c_5601-1987", "cp949"),
        ("gb2312", "gb18030"),
        ("iso-8859-8-i", "iso8859_8"),
        ("cp-850", "cp850"),
        ("utf-7", ""),
        ("punycode", ""),
        ("base64", ""),
        ("unicode_escape", ""),
        ("x-unknown", ""),
        ("../../etc", ""),
    ],
)
def test_a_charset_is_one_that_mails_are_written_in(declared: str, codec: str) -> None:
    assert codec_of(declared) == codec


@given(
    st.binary(max_size=200), st.sampled_from(["", "utf-8", "gb2312", "hz", "utf-16", "x", "koi8-r"])
)
def test_any_bytes_are_text(data: bytes, declared: str) -> None:
    text = decode(data, declared).text

    assert "\x00" not in text
    assert text.encode("utf-8") is not None


def test_one_bad_byte_does_not_spoil_a_long_text() -> None:
    long = "杯子碎了" * 100
    found = decode(long.encode("gb18030") + b"\xff", "gb2312")

    assert found.text.startswith(long)
    assert found.problem == "bad_charset"
