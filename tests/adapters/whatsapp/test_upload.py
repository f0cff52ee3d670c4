"""Handing a medium to the platform."""

import json

import pytest

from omni_actors.adapters.contract import Medium, Uploaded
from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.adapters.whatsapp.media import upload
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import HttpReply, Upload
from tests.adapters.kit import play

NUMBER = WhatsAppSettings("770011223344556")
MEDIUM = Medium("med_1", "blob-1", "image/png", 500_000, "p.png")


def answered(document: object, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def failure_of(medium: Medium, reply: HttpReply) -> Failure:
    with pytest.raises(SendFailure) as failed:
        play(upload(medium, NUMBER), reply)
    return failed.value.failure


def test_a_medium_is_streamed_with_its_name_and_type() -> None:
    calls, uploaded = play(upload(MEDIUM, NUMBER), answered({"id": 990001}))

    assert calls[0].url == "https://graph.facebook.com/v25.0/770011223344556/media"
    assert calls[0].form == {"messaging_product": "whatsapp", "type": "image/png"}
    assert calls[0].upload == Upload("file", "blob-1", "p.png", "image/png", 500_000)
    assert (calls[0].idempotent, calls[0].deadline_s) == (True, 32.0)
    assert uploaded == Uploaded("990001", 29 * 86_400.0)


@pytest.mark.parametrize(
    ("mime", "declared"),
    [
        ("text/csv", "text/plain"),
        ("application/json", "text/plain"),
        ("image/svg+xml", "image/svg+xml"),
        ("audio/ogg; codecs=opus", "audio/ogg; codecs=opus"),
        ("application/pdf", "application/pdf"),
    ],
)
def test_whatever_is_text_is_declared_as_the_text_that_the_platform_sees(
    mime: str, declared: str
) -> None:
    calls, _uploaded = play(
        upload(Medium("med_1", "b", mime, 5, "list.csv"), NUMBER), answered({"id": "1"})
    )

    assert calls[0].upload is not None
    assert (calls[0].upload.mime, calls[0].upload.filename) == (declared, "list.csv")
    assert calls[0].form is not None
    assert calls[0].form["type"] == declared


@pytest.mark.parametrize("reply", [answered({}), HttpReply(502)])
def test_an_upload_without_an_id_is_tried_again(reply: HttpReply) -> None:
    assert failure_of(MEDIUM, reply).kind is Kind.TRANSIENT


def test_a_type_that_the_platform_does_not_take_says_so() -> None:
    refused = answered({"error": {"code": 100, "message": "must be one of the types"}}, 400)

    failure = failure_of(MEDIUM, refused)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_UNSUPPORTED)
    assert failure.text == "must be one of the types"


@pytest.mark.parametrize(
    ("code", "gone"), [("100", True), ("131009", True), ("131053", True), ("131047", False)]
)
def test_which_refusals_may_mean_that_an_id_is_forgotten(code: str, gone: bool) -> None:
    assert WHATSAPP.upload_gone(Failure(Kind.REJECTED, Reason.UNKNOWN, code=code)) is gone
