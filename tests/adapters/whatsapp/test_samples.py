"""Templates that are changed, and the media that their headers show as examples."""

import json
from typing import Any

import pytest
from attrs import evolve

from omni_actors.adapters.contract import Medium
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.adapters.whatsapp.templates import TEMPLATES
from omni_actors.model.failure import Kind, Reason, SendFailure
from omni_actors.model.templates import (
    NewTemplate,
    TemplateChange,
    TemplateDefinition,
    TemplateStatus,
)
from omni_actors.wire.calls import Auth, HttpReply
from tests.adapters.kit import play

SETTINGS = WhatsAppSettings("770011223344556", waba_id="900100200300400", app_id="70001")
BASE = "https://graph.facebook.com/v25.0"
BODY = {"type": "BODY", "text": "Look."}
PICTURE = Medium("med_1", "blob1", "image/png", 1000, "tea.png")
CLIP = Medium("med_2", "blob2", "video/mp4", 2000)
KNOWN = TemplateDefinition("tea", "en_GB", TemplateStatus.APPROVED, external_id="4411")


def header(media_id: str, kind: str = "IMAGE") -> dict[str, Any]:
    return {"type": "HEADER", "format": kind, "example": {"media_id": media_id}}


def said(document: Any) -> HttpReply:
    return HttpReply(200, {}, json.dumps(document).encode())


BEGUN = said({"id": "upload:MTph?sig=ARZq"})
HANDLE = said({"h": "4:aGFuZGxl"})
MADE = said({"id": "4411", "status": "PENDING"})


def test_an_example_is_uploaded_and_named_by_its_handle() -> None:
    wanted = NewTemplate("tea", "en_GB", "marketing", (header("med_1"), BODY))

    calls, made = play(TEMPLATES.create(wanted, {"med_1": PICTURE}, SETTINGS), BEGUN, HANDLE, MADE)

    begin, upload, submit = calls
    assert (begin.method, begin.url) == ("POST", f"{BASE}/70001/uploads")
    assert begin.query == {"file_name": "tea.png", "file_length": "1000", "file_type": "image/png"}
    assert (upload.url, upload.auth) == (f"{BASE}/upload:MTph?sig=ARZq", Auth.OAUTH)
    assert upload.headers == {"file_offset": "0"}
    assert upload.form is None
    assert upload.upload is not None
    assert (upload.upload.blob, upload.upload.size) == ("blob1", 1000)
    assert submit.json["components"][0]["example"] == {"header_handle": ["4:aGFuZGxl"]}
    assert made.layout.header is not None
    assert made.layout.header.kind == "image"


def test_the_cards_of_a_carousel_show_examples_too_each_uploaded_once() -> None:
    cards = [{"components": [header("med_1"), BODY]}, {"components": [header("med_1"), BODY]}]
    components: tuple[dict[str, Any], ...] = (BODY, {"type": "CAROUSEL", "cards": cards})
    wanted = NewTemplate("tea", "en_GB", "marketing", components)

    assert TEMPLATES.samples(components) == ("med_1",)
    calls, _ = play(TEMPLATES.create(wanted, {"med_1": PICTURE}, SETTINGS), BEGUN, HANDLE, MADE)

    shown = calls[-1].json["components"][1]["cards"]
    assert [card["components"][0]["example"] for card in shown] == [
        {"header_handle": ["4:aGFuZGxl"]}
    ] * 2


def test_components_without_our_media_stay_as_they_are() -> None:
    handled: dict[str, Any] = {
        "type": "HEADER",
        "format": "IMAGE",
        "example": {"header_handle": ["4:x"]},
    }

    assert TEMPLATES.samples((handled, BODY)) == ()


@pytest.mark.parametrize(
    ("medium", "kind", "words"),
    [
        (CLIP, "IMAGE", "a header IMAGE needs image/jpeg or image/png as its example"),
        (evolve(PICTURE, mime="image/webp"), "PRODUCT", "an example is a JPEG, PNG, MP4 or PDF"),
    ],
)
def test_an_example_of_the_wrong_type_is_not_uploaded(
    medium: Medium, kind: str, words: str
) -> None:
    wanted = NewTemplate("tea", "en_GB", "marketing", (header(medium.media_id, kind), BODY))

    with pytest.raises(SendFailure, match=words) as refused:
        play(TEMPLATES.create(wanted, {medium.media_id: medium}, SETTINGS))

    assert refused.value.failure.reason is Reason.MEDIA_UNSUPPORTED


def test_a_channel_without_its_app_says_what_is_missing() -> None:
    wanted = NewTemplate("tea", "en_GB", "marketing", (header("med_1"), BODY))

    with pytest.raises(SendFailure, match="app_id") as refused:
        play(TEMPLATES.create(wanted, {"med_1": PICTURE}, evolve(SETTINGS, app_id=None)))

    assert refused.value.failure.reason is Reason.CHANNEL_MISCONFIGURED


@pytest.mark.parametrize("session", ["", "https://elsewhere.example/x", "upload:a b"])
def test_an_upload_goes_nowhere_else(session: str) -> None:
    wanted = NewTemplate("tea", "en_GB", "marketing", (header("med_1"), BODY))

    with pytest.raises(SendFailure) as refused:
        play(TEMPLATES.create(wanted, {"med_1": PICTURE}, SETTINGS), said({"id": session}))

    assert refused.value.failure.kind is Kind.TRANSIENT


def test_a_template_is_changed_by_its_id_and_read_again() -> None:
    change = TemplateChange((BODY,), "marketing", 3600)
    listed = {"id": "4411", "name": "tea", "language": "en_GB", "status": "PENDING"}

    (edit, read), found = play(
        TEMPLATES.edit(KNOWN, change, {}, SETTINGS),
        said({"success": True}),
        said({**listed, "components": [BODY]}),
    )

    assert (edit.method, edit.url, edit.idempotent) == ("POST", f"{BASE}/4411", False)
    assert edit.json == {
        "category": "MARKETING",
        "components": (BODY,),
        "message_send_ttl_seconds": 3600,
    }
    assert (read.method, read.url) == ("GET", f"{BASE}/4411")
    assert (found.status, found.components) == (TemplateStatus.PENDING, (BODY,))


def test_what_is_not_to_be_different_is_not_said() -> None:
    calls, _ = play(
        TEMPLATES.edit(KNOWN, TemplateChange(send_ttl_s=60), {}, SETTINGS),
        said({"success": True}),
        said({"name": "tea", "language": "en_GB"}),
    )

    assert calls[0].json == {"message_send_ttl_seconds": 60}


def test_a_change_that_cannot_be_read_again_is_not_refused_but_in_doubt() -> None:
    with pytest.raises(SendFailure) as lost:
        play(
            TEMPLATES.edit(KNOWN, TemplateChange((BODY,)), {}, SETTINGS),
            said({"success": True}),
            HttpReply(503, {}, b"busy"),
        )

    assert lost.value.failure.kind is Kind.UNKNOWN
