"""Signatures against vectors, an independent implementation and hostile headers."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from omni_actors.policy import signing

APP_SECRET = "omni-test-secret"
RAW = b'{"object":"whatsapp_business_account","entry":[]}'
HEADER = "sha256=218a9b985cc97cd0b93bd9710a43fdd83f50df2ac05175a5961373f26e12360a"
SECRET = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
OTHER = signing.webhook_secret(b"k" * 24)
EVENT_ID, AT = "msg_01JD9Z3K7Q8V", 1763800000
EVENT = b'{"type":"message.received","timestamp":"2025-11-22T08:26:40Z","data":{"id":"m_42"}}'


def test_a_hook_signature_agrees_with_its_vector() -> None:
    assert signing.hub_signature(APP_SECRET, RAW) == HEADER


@pytest.mark.parametrize(
    ("header", "secrets", "matches"),
    [
        pytest.param(HEADER, [APP_SECRET], True, id="the secret"),
        pytest.param(HEADER.encode(), ["old", APP_SECRET, "new"], True, id="one of several"),
        pytest.param(HEADER, ["other"], False, id="another secret"),
        pytest.param(HEADER, [], False, id="no secret"),
        pytest.param(None, [APP_SECRET], False, id="no header"),
        pytest.param("", [APP_SECRET], False, id="an empty header"),
        pytest.param("sha1=" + HEADER[7:], [APP_SECRET], False, id="another method"),
        pytest.param(signing.hub_signature("", RAW), [""], False, id="an empty secret"),
    ],
)
def test_a_hook_header_is_checked_against_every_secret(
    header: str | bytes | None, secrets: list[str], matches: bool
) -> None:
    assert signing.hub_signature_matches(header, RAW, secrets) is matches


@pytest.mark.slow
@given(st.one_of(st.text(), st.binary(), st.text(st.characters(categories=["Cs"]))))
def test_no_header_raises_or_matches_by_chance(header: str | bytes) -> None:
    assert not signing.hub_signature_matches(header, RAW, [APP_SECRET])


def test_a_webhook_signature_agrees_with_its_vector() -> None:
    signature = signing.webhook_signature(SECRET, EVENT_ID, AT, EVENT)

    assert signature == "v1,XP5s+++sHkkDK22al0SXZw01iPHFGs3Y3EVgfHUgQ/4="


@pytest.mark.slow
@given(st.binary(min_size=24, max_size=64), st.text("abc_019", min_size=1), st.text())
def test_webhook_signatures_are_those_of_an_independent_implementation(
    key: bytes, message_id: str, body: str
) -> None:
    secret = signing.webhook_secret(key)
    payload = body.encode()

    ours = signing.webhook_signature(secret, message_id, AT, payload)

    assert ours == Webhook(secret).sign(message_id, datetime.fromtimestamp(AT, UTC), body)
    assert signing.webhook_key(secret) == key


def test_headers_carry_one_signature_a_secret() -> None:
    headers = signing.webhook_headers([SECRET, OTHER], EVENT_ID, AT, EVENT)

    assert headers["webhook-id"] == EVENT_ID
    assert headers["webhook-timestamp"] == str(AT)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert signing.webhook_verifies(headers, EVENT, SECRET, AT + 10)
    assert signing.webhook_verifies(headers, EVENT, OTHER, AT - 10)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"webhook-id": "msg_other"}, id="another id"),
        pytest.param({"webhook-id": "a.b"}, id="an id with a full stop"),
        pytest.param({"webhook-id": "\ud800"}, id="an id that cannot be encoded"),
        pytest.param({"webhook-timestamp": str(AT - 301)}, id="too old"),
        pytest.param({"webhook-timestamp": str(AT - 1)}, id="another time"),
        pytest.param({"webhook-timestamp": "soon"}, id="no time"),
        pytest.param({"webhook-timestamp": "9" * 5000}, id="a time beyond all times"),
        pytest.param({"webhook-signature": "v1,é \ud800"}, id="no signature"),
    ],
)
def test_a_changed_header_does_not_verify(change: dict[str, str]) -> None:
    headers = signing.webhook_headers([SECRET], EVENT_ID, AT, EVENT) | change

    assert not signing.webhook_verifies(headers, EVENT, SECRET, AT)


def test_an_id_with_a_full_stop_is_not_signed() -> None:
    with pytest.raises(ValueError, match="full stop"):
        signing.webhook_signature(SECRET, "a.b", AT, EVENT)


@pytest.mark.parametrize(
    "secret",
    ["", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "whsec_!!", "whsec_é", "whsec_QUJD"],
)
def test_a_malformed_secret_is_refused_without_telling_it(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and the base64") as refusal:
        signing.webhook_key(secret)

    assert not secret or secret not in str(refusal.value)


@pytest.mark.parametrize("size", [0, 23, 65])
def test_a_key_of_the_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        signing.webhook_secret(b"k" * size)


def test_a_secret_is_written_as_base64() -> None:
    assert base64.b64decode(OTHER.removeprefix("whsec_")) == b"k" * 24
