"""The hook that takes raw mails: who may hand one over, and what becomes of it."""

from hashlib import sha256

import hypothesis.strategies as st
import pytest
from hypothesis import given

from omni_actors.adapters import HOOK_KINDS
from omni_actors.adapters.contract import Undecodable
from omni_actors.adapters.email import EMAIL
from omni_actors.adapters.mime import MIME, MimeSecrets, authenticate
from omni_actors.model.reports import Received
from omni_actors.policy.signing import mail_signature

NOW = 1_790_000_000.0
SECRET = "a secret of sixteen or more"
SECRETS = MimeSecrets("Support@Example.com", ("another one of sixteen", SECRET))
MAIL = b"From: ada@example.org\r\n\r\nHello\r\n"
# HMAC-SHA256 of "1790000000." and the mail, made with OpenSSL.
SIGNED = "v1=aaa57c20734e282d90d4f16224e82f240b78c99d7c0cfced8cff3c22d4db082a"


def headers(
    raw: bytes = MAIL, timestamp: str = "1790000000", secret: str = SECRET
) -> dict[str, str]:
    return {
        "X-Omni-Timestamp": timestamp,
        "X-Omni-Signature": mail_signature(secret, timestamp, raw),
    }


def test_an_answer_is_matched_by_its_subject_only_where_the_hook_says_so() -> None:
    raw = b"From: ada@example.org\nSubject: Re: Mugs\n\nYes"
    for wanted in (False, True):
        secrets = MimeSecrets("support@example.com", (SECRET,), subject_fallback=wanted)
        [report] = EMAIL.parse(MIME.decode(raw, secrets))
        assert isinstance(report, Received)
        assert [clue.rule for clue in report.clues] == (["subject"] if wanted else [])


def test_it_is_registered() -> None:
    assert HOOK_KINDS["mime"] is MIME


def test_the_signature_is_what_other_programs_make() -> None:
    given = {"x-omni-timestamp": "1790000000", "x-omni-signature": SIGNED}

    assert authenticate(given, MAIL, SECRETS, NOW)


@pytest.mark.parametrize("off_s", [-300, 0, 300])
def test_a_mail_that_was_signed_just_now_is_taken(off_s: int) -> None:
    assert authenticate(headers(), MAIL, SECRETS, NOW + off_s)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"x-omni-signature": SIGNED},
        {"x-omni-timestamp": "1790000000"},
        headers(secret="somebody else's secret"),
        headers(raw=MAIL + b" "),
        headers(timestamp="1789999699"),
        headers(timestamp="1790000301"),
        headers(timestamp=""),
        headers(timestamp="-1790000000"),
        headers(timestamp="1790000000.0"),
        headers(timestamp="9" * 5_000),
        headers(timestamp="١٧٩٠٠٠٠٠٠٠"),
        {**headers(), "X-Omni-Signature": SIGNED.removeprefix("v1=")},
    ],
)
def test_all_else_is_refused(given: dict[str, str]) -> None:
    assert not authenticate(given, MAIL, SECRETS, NOW)


@pytest.mark.slow
@given(st.text(), st.text(), st.binary())
def test_any_headers_can_be_judged(signature: str, timestamp: str, raw: bytes) -> None:
    given = {"x-omni-signature": signature, "x-omni-timestamp": timestamp}

    assert not authenticate(given, raw, SECRETS, NOW)


def test_a_mail_is_for_the_address_of_the_hook() -> None:
    document = MIME.decode(MAIL, SECRETS)

    assert document == {
        "raw": MAIL,
        "channel_key": "support@example.com",
        "at": 0,
        "blob": sha256(MAIL).hexdigest(),
        "authserv_id": "",
        "subject_fallback": False,
    }
    assert MIME.dispatch(document) == "email"


@pytest.mark.parametrize("raw", [b"", b" \r\n"])
def test_nothing_is_no_mail(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        MIME.decode(raw, SECRETS)


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("support@example.com", ()),
        ("support@example.com", ("short",)),
        ("support@example.com", (SECRET, "")),
        ("support", (SECRET,)),
        ("@example.com", (SECRET,)),
        ("Support <support@example.com>", (SECRET,)),
        ("support@bücher.example", (SECRET,)),
    ],
)
def test_a_hook_without_good_secrets_is_none(address: str, secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must"):
        MimeSecrets(address, secrets)


def test_nobody_is_shaken_hands_with() -> None:
    assert MIME.handshake({"hub.mode": "subscribe"}, SECRETS) is None
