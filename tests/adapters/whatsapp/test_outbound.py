"""The calls that a part becomes, and what their answers mean."""

import json
from typing import Any

import pytest

from omni_actors.adapters.contract import Medium, PartToSend, Sent
from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.adapters.whatsapp.check import check
from omni_actors.adapters.whatsapp.media import upload
from omni_actors.adapters.whatsapp.outbound import mark_read, send, typing
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.content import (
    Choices,
    ContactCard,
    Contacts,
    Content,
    EmailAddress,
    Location,
    Media,
    MediaKind,
    Option,
    Organisation,
    Phone,
    Reaction,
    Template,
    Text,
)
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import Auth, HttpReply
from tests.adapters.kit import play
from tests.adapters.whatsapp.test_spelling import INTERACTIVE

NUMBER = WhatsAppSettings("770011223344556")
URL = "https://graph.facebook.com/v25.0/770011223344556"
PHONE = IdentityKey("phone", "447700900123")
BSUID = IdentityKey("bsuid", "GB.7204418893310556")
PARENT = IdentityKey("parent_bsuid", "GB.ENT.5510087712")


def part(form: str, content: Content, **more: Any) -> PartToSend:
    return PartToSend("prt_1", form, content, **{"to": (PHONE,), **more})


def answered(document: object, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def accepted(wamid: str = "wamid.OUT01", **contact: str) -> HttpReply:
    contacts = [{"input": "+447700900123", **(contact or {"wa_id": "447700900123"})}]
    return answered({"contacts": contacts, "messages": [{"id": wamid}]})


def body_of(form: str, content: Content, **more: Any) -> dict[str, Any]:
    calls, _sent = play(send(part(form, content, **more), NUMBER), accepted())
    body: dict[str, Any] = calls[-1].json
    return body


def failure_of(part: PartToSend, *replies: HttpReply | SendFailure) -> Failure:
    with pytest.raises(SendFailure) as failed:
        play(send(part, NUMBER), *replies)
    return failed.value.failure


def test_a_text_is_one_call_with_everything_that_lets_us_know_it_again() -> None:
    calls, sent = play(send(part("text", Text("Hello")), NUMBER), accepted())

    assert (calls[0].method, calls[0].url) == ("POST", URL + "/messages")
    assert (calls[0].auth, calls[0].idempotent) == (Auth.PROOF, False)
    assert calls[0].json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+447700900123",
        "type": "text",
        "text": {"body": "Hello"},
        "biz_opaque_callback_data": "prt_1",
    }
    assert sent == Sent(("wamid.OUT01",))


QUESTION = Choices("Confirm?", (Option("y", "Yes"), Option("n", "No", "later")))
CARD = ContactCard(
    "Grace Hopper",
    first_name="Grace",
    phones=(Phone("+447700900456", "WORK", "447700900456"),),
    emails=(EmailAddress("g@example.org"),),
    org=Organisation(),
)
BODIES: dict[str, tuple[str, Content, dict[str, Any]]] = {
    "a text with a link": (
        "text",
        Text("See https://shop.example/t/9"),
        {"type": "text", "text": {"body": "See https://shop.example/t/9", "preview_url": True}},
    ),
    "a question in numbers": (
        "numbered_text",
        Text("1. Yes"),
        {"type": "text", "text": {"body": "1. Yes"}},
    ),
    "an image by link": (
        "image",
        Media(MediaKind.IMAGE, url="https://cdn.example/p.png", caption="by link"),
        {"type": "image", "image": {"link": "https://cdn.example/p.png", "caption": "by link"}},
    ),
    "a voice note": (
        "voice",
        Media(MediaKind.VOICE, url="https://cdn.example/v.ogg"),
        {"type": "audio", "audio": {"link": "https://cdn.example/v.ogg", "voice": True}},
    ),
    "an audio file": (
        "audio",
        Media(MediaKind.VOICE, url="https://cdn.example/v.mp3"),
        {"type": "audio", "audio": {"link": "https://cdn.example/v.mp3"}},
    ),
    "a video as a document": (
        "document",
        Media(MediaKind.VIDEO, url="https://cdn.example/v.mov", filename="v.mov"),
        {
            "type": "document",
            "document": {"link": "https://cdn.example/v.mov", "filename": "v.mov"},
        },
    ),
    "a sticker": (
        "sticker",
        Media(MediaKind.STICKER, url="https://cdn.example/s.webp"),
        {"type": "sticker", "sticker": {"link": "https://cdn.example/s.webp"}},
    ),
    "buttons": (
        "buttons",
        QUESTION,
        {
            "type": "interactive",
            "interactive": {
                "type": "button",
                "body": {"text": "Confirm?"},
                "action": {
                    "buttons": [
                        {"type": "reply", "reply": {"id": "y", "title": "Yes"}},
                        {"type": "reply", "reply": {"id": "n", "title": "No"}},
                    ]
                },
            },
        },
    ),
    "a list": (
        "list",
        QUESTION,
        {
            "type": "interactive",
            "interactive": {
                "type": "list",
                "body": {"text": "Confirm?"},
                "action": {
                    "button": "Options",
                    "sections": [
                        {
                            "rows": [
                                {"id": "y", "title": "Yes"},
                                {"id": "n", "title": "No", "description": "later"},
                            ]
                        }
                    ],
                },
            },
        },
    ),
    "a location": (
        "location",
        Location(51.5033, -0.0000001, "Our shop"),
        {
            "type": "location",
            "location": {"latitude": "51.5033", "longitude": "-0.0000001", "name": "Our shop"},
        },
    ),
    "contacts": (
        "contacts",
        Contacts((CARD, ContactCard("Omni"))),
        {
            "type": "contacts",
            "contacts": [
                {
                    "name": {"formatted_name": "Grace Hopper", "first_name": "Grace"},
                    "phones": [{"phone": "+447700900456", "type": "WORK", "wa_id": "447700900456"}],
                    "emails": [{"email": "g@example.org"}],
                },
                {"name": {"formatted_name": "Omni", "first_name": "Omni"}},
            ],
        },
    ),
    "a reaction": (
        "reaction",
        Reaction("\U0001f44d", "wamid.IN01"),
        {"type": "reaction", "reaction": {"message_id": "wamid.IN01", "emoji": "\U0001f44d"}},
    ),
    "a reaction taken back": (
        "reaction",
        Reaction("", "wamid.IN01"),
        {"type": "reaction", "reaction": {"message_id": "wamid.IN01", "emoji": ""}},
    ),
    "a template without variables": (
        "template",
        Template("hello", "en_GB"),
        {"type": "template", "template": {"name": "hello", "language": {"code": "en_GB"}}},
    ),
}
ENVELOPE = {"messaging_product", "recipient_type", "to", "biz_opaque_callback_data"}


@pytest.mark.parametrize(("form", "content", "spelled"), BODIES.values(), ids=BODIES.keys())
def test_a_content_is_spelled_by_its_form(
    form: str, content: Content, spelled: dict[str, Any]
) -> None:
    body = body_of(form, content)

    assert {key: value for key, value in body.items() if key not in ENVELOPE} == spelled


def test_every_form_that_is_declared_can_be_spelled() -> None:
    declared = {form.name for forms in WHATSAPP.capabilities.forms.values() for form in forms}
    spelled = {form for form, _content, _body in (*BODIES.values(), *INTERACTIVE.values())}

    assert declared - spelled == {"video", "link_text"}
    assert body_of("video", Media(MediaKind.VIDEO, url="https://a.example"))["type"] == "video"
    assert body_of("link_text", Text("a"))["type"] == "text"


def test_a_channel_can_do_without_link_previews() -> None:
    settings = WhatsAppSettings("770011223344556", link_preview=False)

    calls, _sent = play(send(part("text", Text("https://a.example")), settings), accepted())

    assert calls[0].json["text"] == {"body": "https://a.example"}


RECIPIENTS = {
    "a phone before a BSUID": ((BSUID, PHONE), {"to": "+447700900123"}),
    "the first of two phones": ((PHONE, IdentityKey("phone", "44770")), {"to": "+447700900123"}),
    "a BSUID without a phone": ((PARENT, BSUID), {"recipient": "GB.7204418893310556"}),
    "a parent BSUID alone": ((PARENT,), {"recipient": "GB.ENT.5510087712"}),
}


@pytest.mark.parametrize(("to", "named"), RECIPIENTS.values(), ids=RECIPIENTS.keys())
def test_a_person_is_written_to_by_phone_else_by_user_id(
    to: tuple[IdentityKey, ...], named: dict[str, str]
) -> None:
    body = body_of("text", Text("a"), to=to)

    assert {key: body[key] for key in ("to", "recipient") if key in body} == named


def test_a_person_without_a_known_key_is_refused_before_any_call() -> None:
    failure = failure_of(part("text", Text("a"), to=(IdentityKey("email", "a@b.example"),)))

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.NO_IDENTITY)


def test_a_reply_quotes_its_message() -> None:
    body = body_of("text", Text("a"), reply_to="wamid.IN01")

    assert body["context"] == {"message_id": "wamid.IN01"}


def test_a_reaction_names_its_target_and_quotes_nothing() -> None:
    body = body_of("reaction", Reaction("\U0001f44d", "msg_ours"), reply_to="wamid.IN01")

    assert body["reaction"]["message_id"] == "wamid.IN01"
    assert "context" not in body


MEDIUM = Medium("med_1", "blob-1", "image/png", 500_000, "p.png", uploaded="990001")


def test_a_medium_is_named_by_the_id_that_it_was_uploaded_under() -> None:
    content = Media(MediaKind.IMAGE, "med_1", caption="Your *ticket*")

    body = body_of("image", content, media={"med_1": MEDIUM})

    assert body["image"] == {"id": "990001", "caption": "Your *ticket*"}


def test_a_document_keeps_the_name_that_it_was_stored_with() -> None:
    body = body_of("document", Media(MediaKind.IMAGE, "med_1"), media={"med_1": MEDIUM})

    assert body["document"] == {"id": "990001", "filename": "p.png"}


def test_a_template_shows_a_medium_of_ours() -> None:
    template = Template("t", "en", {"header": {"kind": "image", "media_id": "med_1"}})

    body = body_of("template", template, media={"med_1": MEDIUM})

    components = body["template"]["components"]
    assert components[0]["parameters"] == [{"type": "image", "image": {"id": "990001"}}]


MISFITS: dict[str, tuple[str, Content, Reason]] = {
    "a form that WhatsApp does not have": ("hologram", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a text as a picture": ("image", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a picture as a text": ("text", Media(MediaKind.IMAGE), Reason.CONTENT_UNSUPPORTED),
    "a text on buttons": ("buttons", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a text in a list": ("list", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a text as a place": ("location", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a text as contacts": ("contacts", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a text as a template": ("template", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a text as a reaction": ("reaction", Text("a"), Reason.CONTENT_UNSUPPORTED),
    "a medium without bytes": ("image", Media(MediaKind.IMAGE, "med_9"), Reason.MEDIA_UNREACHABLE),
    "a sticker with a caption": (
        "sticker",
        Media(MediaKind.STICKER, url="https://a.example", caption="ha"),
        Reason.CONTENT_UNSUPPORTED,
    ),
    "no contacts": ("contacts", Contacts(()), Reason.CONTENT_UNSUPPORTED),
    "six contacts": ("contacts", Contacts((CARD,) * 6), Reason.CONTENT_UNSUPPORTED),
    "a reaction to nothing": ("reaction", Reaction("a"), Reason.BAD_REQUEST),
    "a component that templates lack": (
        "template",
        Template("t", "en", {"footer": ["a"]}),
        Reason.TEMPLATE_PARAMS,
    ),
    "a text for a list of variables": (
        "template",
        Template("t", "en", {"body": "Ada"}),
        Reason.TEMPLATE_PARAMS,
    ),
    "a number for a list of buttons": (
        "template",
        Template("t", "en", {"buttons": 1}),
        Reason.TEMPLATE_PARAMS,
    ),
    "a template with a medium that is not there": (
        "template",
        Template("t", "en", {"header": {"kind": "image", "media_id": "med_9"}}),
        Reason.MEDIA_UNREACHABLE,
    ),
}


@pytest.mark.parametrize(("form", "content", "reason"), MISFITS.values(), ids=MISFITS.keys())
def test_what_cannot_be_spelled_is_refused_before_any_call(
    form: str, content: Content, reason: Reason
) -> None:
    failure = failure_of(part(form, content))

    assert (failure.kind, failure.reason) == (Kind.REJECTED, reason)
    assert failure.text


def test_an_override_reaches_into_the_body() -> None:
    override = {"text": {"preview_url": False}, "recipient_identity_key_hash": "abc"}

    body = body_of("text", Text("https://a.example"), override=override)

    assert body["text"] == {"body": "https://a.example", "preview_url": False}
    assert body["recipient_identity_key_hash"] == "abc"


def test_an_override_never_changes_whom_a_message_goes_to() -> None:
    override = {
        "to": "+447700900666",
        "recipient": "GB.6",
        "biz_opaque_callback_data": "x",
        "messaging_product": "x",
    }

    calls, sent = play(send(part("text", Text("a"), override=override), NUMBER), accepted())

    assert calls[0].json["to"] == "+447700900123"
    assert calls[0].json["biz_opaque_callback_data"] == "prt_1"
    assert calls[0].json["messaging_product"] == "whatsapp"
    assert "recipient" not in calls[0].json
    ignored = "override ignored: messaging_product, to, recipient, biz_opaque_callback_data"
    assert sent.note == ignored


def test_the_platforms_own_spelling_of_a_person_is_an_alias() -> None:
    reply = accepted(wa_id="447700900124", user_id="GB.7204418893310556")

    _calls, sent = play(send(part("text", Text("a")), NUMBER), reply)

    assert sent.aliases == (BSUID, IdentityKey("phone", "447700900124"))


def test_a_message_that_is_held_says_so() -> None:
    held = {"messages": [{"id": "wamid.A", "message_status": "held_for_quality_assessment"}]}

    _calls, sent = play(send(part("text", Text("a")), NUMBER), answered(held))

    assert (sent.external_ids, sent.note) == (("wamid.A",), "held_for_quality_assessment")


ANSWERS: dict[str, tuple[HttpReply, Kind, Scope]] = {
    "nothing": (HttpReply(200), Kind.UNKNOWN, Scope.PART),
    "something else": (HttpReply(200, {}, b"<html>"), Kind.UNKNOWN, Scope.PART),
    "no ids": (answered({"messages": [{}, 3]}), Kind.UNKNOWN, Scope.PART),
    "an error that is no object": (answered({"error": "no"}), Kind.UNKNOWN, Scope.PART),
    "a gateway that gave up": (HttpReply(504, {}, b"<html>"), Kind.UNKNOWN, Scope.PART),
    "an error of the server": (
        answered({"error": {"code": 131000}}, 500),
        Kind.TRANSIENT,
        Scope.PART,
    ),
    "too fast for one person": (
        answered({"error": {"code": 131056}}, 400),
        Kind.THROTTLED,
        Scope.LEG,
    ),
    "too fast for the app": (answered({"error": {"code": 4}}, 400), Kind.THROTTLED, Scope.APP),
    "an expired token": (answered({"error": {"code": 190}}, 401), Kind.BROKEN, Scope.CHANNEL),
    "a closed window": (answered({"error": {"code": 131047}}, 400), Kind.REJECTED, Scope.PART),
}


@pytest.mark.parametrize(("reply", "kind", "scope"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_that_is_no_acceptance_fails_the_part(
    reply: HttpReply, kind: Kind, scope: Scope
) -> None:
    failure = failure_of(part("text", Text("a")), reply)

    assert (failure.kind, failure.scope) == (kind, scope)


def test_a_call_that_could_not_be_made_fails_the_part_as_it_is() -> None:
    lost = Failure(Kind.UNKNOWN, Reason.TIMED_OUT)

    assert failure_of(part("text", Text("a")), SendFailure(lost)) is lost


def test_a_message_is_marked_as_read() -> None:
    calls, _none = play(mark_read("wamid.IN01", (), NUMBER), answered({"success": True}))

    assert (calls[0].url, calls[0].idempotent) == (URL + "/messages", True)
    assert calls[0].json == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.IN01",
    }


def test_typing_is_shown_on_a_message() -> None:
    calls, _none = play(typing("wamid.IN01", (), NUMBER), answered({"success": True}))

    assert calls[0].json["typing_indicator"] == {"type": "text"}
    assert calls[0].json["message_id"] == "wamid.IN01"


def test_every_call_proves_the_app_secret() -> None:
    proving = WhatsAppSettings("770011223344556", waba_id="900100200300400")
    wanted = part("image", Media(MediaKind.IMAGE, "med_1"), media={"med_1": MEDIUM})

    sending, _sent = play(send(wanted, proving), accepted())
    uploading, _id = play(upload(MEDIUM, proving), answered({"id": "990001"}))
    reading, _none = play(mark_read("wamid.IN01", (), proving), answered({"success": True}))
    checking, _found = play(check(proving), answered({}), answered({}))

    assert {call.auth for call in (*sending, *uploading, *reading, *checking)} == {Auth.PROOF}


def test_a_message_that_cannot_be_marked_as_read_is_a_failure() -> None:
    with pytest.raises(SendFailure, match="bad_request: 131009"):
        play(mark_read("wamid.gone", (), NUMBER), answered({"error": {"code": 131009}}, 400))
