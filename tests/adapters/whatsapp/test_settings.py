"""A channel's settings, its credentials, and the addresses that people are written to at."""

import pytest

from omni_actors.adapters import ADAPTERS
from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.whatsapp.people import address
from omni_actors.adapters.whatsapp.settings import (
    WhatsAppCredentials,
    WhatsAppSettings,
    channel_key,
    token,
    token_hosts,
)

SANDBOX = "http://127.0.0.1:8090"


def test_a_number_is_all_that_must_be_set() -> None:
    settings = WhatsAppSettings("770011223344556")

    assert settings.number_url == "https://graph.facebook.com/v25.0/770011223344556"
    assert channel_key(settings) == "770011223344556"


GOOD_URLS = [
    SANDBOX,
    "http://localhost:1",
    "http://[::1]:8090",
    "https://graph.example/v",
    SANDBOX + "/",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_graph_may_stand_on_loopback_or_behind_tls(url: str) -> None:
    assert WhatsAppSettings("770011223344556", url).graph_url == url.rstrip("/")


BAD_URLS = [
    "http://graph.example",
    "http://10.0.0.1",
    "graph.facebook.com",
    "https://",
    "https://a:b@graph.example",
    "https://graph.example?x=1",
    "https://graph.example#x",
    "https://graph.example:port",
    "https://[::1",
    "ftp://localhost",
    "",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_any_other_graph_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="graph_url must begin with https://"):
        WhatsAppSettings("770011223344556", url)


@pytest.mark.parametrize("number", ["", "+447700900123", "44 7700", "abc", "1/messages"])
def test_a_telephone_number_is_not_the_id_of_a_number(number: str) -> None:
    with pytest.raises(ValueError, match="phone_number_id must be the id in digits"):
        WhatsAppSettings(number)
    with pytest.raises(ValueError, match="waba_id must be the id in digits"):
        WhatsAppSettings("770011223344556", waba_id=number)


@pytest.mark.parametrize("version", ["25.0", "v25", "latest", "v25.0/"])
def test_a_version_is_one_of_the_graph(version: str) -> None:
    with pytest.raises(ValueError, match=r"such as v25\.0"):
        WhatsAppSettings("770011223344556", version=version)


@pytest.mark.parametrize("written", ["", "tökén", "two\nlines"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_being_shown(written: str) -> None:
    with pytest.raises(ValueError, match="access_token must not be empty") as refused:
        WhatsAppCredentials(written)

    assert not written or written not in str(refused.value)


def test_credentials_are_not_printed() -> None:
    credentials = WhatsAppCredentials("omni-token", "omni-secret")

    assert token(credentials) == "omni-token"
    assert "omni" not in repr(credentials)


def test_the_token_is_for_the_graph_and_the_media_host_only() -> None:
    assert token_hosts(WhatsAppSettings("770011223344556")) == {
        "graph.facebook.com",
        "lookaside.fbsbx.com",
    }
    assert "127.0.0.1:8090" in token_hosts(WhatsAppSettings("770011223344556", SANDBOX))


ADDRESSES = {
    "+447700900123": ("phone", "447700900123"),
    "447700900123": ("phone", "447700900123"),
    "+44 (7700) 900-123": ("phone", "447700900123"),
    "GB.7204418893310556": ("bsuid", "GB.7204418893310556"),
    " GB.ENT.5510087712 ": ("parent_bsuid", "GB.ENT.5510087712"),
}


@pytest.mark.parametrize(("written", "key"), ADDRESSES.items())
def test_an_address_is_a_phone_number_or_a_user_id(written: str, key: tuple[str, str]) -> None:
    assert [(found.kind, found.value) for found in address(written)] == [key]


@pytest.mark.parametrize(
    "written", ["", "07700900123", "0044770090012", "ada@example.org", "++44770090012", "٤٤٧٧٠٠٩٠٠"]
)
def test_anything_else_is_told_what_an_address_looks_like(written: str) -> None:
    with pytest.raises(BadAddress, match=r"such as \+447700900123"):
        address(written)


def test_the_adapter_is_registered_by_its_platform() -> None:
    assert {name: adapter.platform for name, adapter in ADAPTERS.items()} == {
        name: name for name in ADAPTERS
    }
    assert "whatsapp" in ADAPTERS
