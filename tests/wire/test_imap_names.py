"""Names of folders go to the server and come back as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient import imap_utf7

from omni_actors.wire.imap_names import decoded, encoded

NAMES = {
    "INBOX": b"INBOX",
    "a & b": b"a &- b",
    "&": b"&-",
    "Entwürfe": b"Entw&APw-rfe",
    "日本語/台北": b"&ZeVnLIqe-/&U,BTFw-",
    "~peter/mail/台北": b"~peter/mail/&U,BTFw-",
    "😀": b"&2D3eAA-",
    "a\tb": b"a&AAk-b",
}


@pytest.mark.parametrize(("name", "written"), NAMES.items())
def test_a_name_is_written_as_the_protocol_wants_it(name: str, written: bytes) -> None:
    assert encoded(name) == written
    assert decoded(written) == name


@given(st.text())
def test_a_name_is_what_another_client_says_it_is(name: str) -> None:
    assert encoded(name) == imap_utf7.encode(name)
    assert decoded(encoded(name)) == name


@pytest.mark.parametrize("written", [b"a&b", b"&A-", b"&AP,-", b"&2D0-", b"\xff", "ü".encode()])
def test_a_name_that_is_wrong_is_still_a_name(written: bytes) -> None:
    assert isinstance(decoded(written), str)


def test_half_a_character_does_no_harm() -> None:
    assert decoded(encoded("a\ud800b")) == "a\N{REPLACEMENT CHARACTER}b"
