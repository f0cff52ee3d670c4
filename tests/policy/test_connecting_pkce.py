"""The code challenge of a login (RFC 7636)."""

from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from omni_actors.policy.connecting import channel_id_of, verifier_of, with_challenge


def test_a_challenge_agrees_with_the_vector_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    url = with_challenge(
        "https://a.example/auth?x=1", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )

    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge"] == ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["x"] == ["1"]


def test_a_verifier_is_of_one_connecting_and_of_one_key() -> None:
    key, other = sha256(b"1").digest(), sha256(b"2").digest()

    verifiers = {verifier_of(key, "con_1"), verifier_of(key, "con_2"), verifier_of(other, "con_1")}

    assert len(verifiers) == 3
    assert all(len(each) == 43 for each in verifiers)
    assert verifier_of(key, "con_1") in verifiers


def test_a_channel_that_nobody_named_has_an_id_for_any_url() -> None:
    assert channel_id_of("email", "a/b+c@example.com") == "email-a-b-c-example.com"
    assert channel_id_of("messenger", "104500000000001") == "messenger-104500000000001"
