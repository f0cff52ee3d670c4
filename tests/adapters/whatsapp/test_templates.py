"""Templates of a WhatsApp Business account: the calls, and what is read out of the answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.whatsapp.inbound import parse
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.adapters.whatsapp.templates import (
    TEMPLATES,
    create,
    delete,
    layout_of,
    page,
    read,
)
from omni_actors.model.failure import Kind, SendFailure
from omni_actors.model.reports import TemplateReported
from omni_actors.model.templates import (
    ButtonSlot,
    CardSlot,
    HeaderSlot,
    Layout,
    NewTemplate,
    TemplateDefinition,
    TemplateNews,
    TemplateStatus,
    TextSlot,
)
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play

WABA = WhatsAppSettings("770011223344556", waba_id="900100200300400")
URL = "https://graph.facebook.com/v25.0/900100200300400/message_templates"
BODY = {"type": "BODY", "text": "Hi {{1}}, order {{2}} is ready."}
LISTED = {
    "id": "4411",
    "name": "order_ready",
    "language": "en_GB",
    "status": "APPROVED",
    "category": "UTILITY",
    "quality_score": {"score": "GREEN"},
    "rejected_reason": "NONE",
    "parameter_format": "POSITIONAL",
    "components": [BODY],
}
READ = TemplateDefinition(
    name="order_ready",
    language="en_GB",
    status=TemplateStatus.APPROVED,
    category="utility",
    quality="green",
    external_id="4411",
    components=(BODY,),
    layout=Layout(body=TextSlot("Hi {{1}}, order {{2}} is ready.", ("1", "2"))),
)


def answered(document: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def refused(code: int, **more: Any) -> HttpReply:
    return answered({"error": {"code": code, "message": f"(#{code}) no", **more}}, 400)


# ---------------------------------------------------------------- calls


def test_templates_need_the_business_account() -> None:
    assert TEMPLATES.reachable(WABA) is None
    missing = TEMPLATES.reachable(WhatsAppSettings("770011223344556"))
    assert missing is not None
    assert "waba_id" in missing


def test_a_page_is_read_with_the_cursor_of_the_next() -> None:
    paging = {"cursors": {"before": "A", "after": "B"}, "next": "https://graph.facebook.com/more"}

    (call,), found = play(page("", WABA), answered({"data": [LISTED], "paging": paging}))

    assert (call.method, call.url, call.idempotent) == ("GET", URL, True)
    assert call.query["limit"] == "100"
    assert "components" in call.query["fields"].split(",")
    assert "after" not in call.query
    assert found is not None
    assert (found.templates, found.next) == ((READ,), "B")


def test_the_last_page_has_no_next() -> None:
    last = {"data": [LISTED], "paging": {"cursors": {"before": "A", "after": "B"}}}

    (call,), found = play(page("A", WABA), answered(last))

    assert call.query["after"] == "A"
    assert found is not None
    assert found.next is None


def test_a_bad_cursor_begins_anew() -> None:
    assert play(page("old", WABA), refused(131059))[1] is None
    with pytest.raises(SendFailure):  # without a cursor there is nothing to begin anew
        play(page("", WABA), refused(131059))


def test_too_many_calls_are_a_throttle() -> None:
    with pytest.raises(SendFailure) as raised:
        play(page("", WABA), refused(80008))

    assert raised.value.failure.kind is Kind.THROTTLED


def test_a_template_is_submitted_in_the_platforms_words() -> None:
    wanted = NewTemplate("order_ready", "en_GB", "utility", (BODY,), "named", 3600)

    (call,), made = play(
        create(wanted, {}, WABA),
        answered({"id": "4411", "status": "PENDING", "category": "MARKETING"}),
    )

    assert (call.method, call.url, call.idempotent) == ("POST", URL, False)
    assert call.json == {
        "name": "order_ready",
        "language": "en_GB",
        "category": "UTILITY",
        "parameter_format": "named",
        "components": (BODY,),
        "message_send_ttl_seconds": 3600,
    }
    assert (made.external_id, made.status, made.category) == (
        "4411",
        TemplateStatus.PENDING,
        "marketing",
    )


@pytest.mark.parametrize(
    "components",
    [({"type": "BODY", "add_security_recommendation": True},), ({"type": "FOOTER"},)],
    ids=["a body without a text", "no body"],
)
def test_what_the_platform_writes_itself_is_not_understood_until_it_is_listed(
    components: tuple[dict[str, Any], ...],
) -> None:
    wanted = NewTemplate("code", "en_GB", "authentication", components)

    _, made = play(create(wanted, {}, WABA), answered({"id": "4411", "status": "PENDING"}))

    assert not made.layout.understood


def test_a_refusal_says_what_the_platform_says_to_people() -> None:
    reply = refused(2388299, error_user_title="Edge", error_user_msg="No variable at the start.")
    wanted = NewTemplate("t", "en", "utility", (BODY,))

    with pytest.raises(SendFailure) as raised:
        play(create(wanted, {}, WABA), reply)

    failure = raised.value.failure
    assert (failure.kind, failure.code) == (Kind.REJECTED, "2388299")
    assert failure.text == "(#2388299) no: Edge: No variable at the start."


def test_a_lost_answer_to_a_submission_leaves_it_open() -> None:
    with pytest.raises(SendFailure) as raised:
        play(create(NewTemplate("t", "en", "utility", (BODY,)), {}, WABA), HttpReply(502))

    assert raised.value.failure.kind is Kind.UNKNOWN


def test_a_template_is_deleted_in_all_languages_or_in_one() -> None:
    (everywhere,), _ = play(delete("order_ready", None, WABA), answered({"success": True}))
    (once,), _ = play(delete("order_ready", READ, WABA), answered({"success": True}))

    assert (everywhere.method, everywhere.url) == ("DELETE", URL)
    assert everywhere.query == {"name": "order_ready"}
    assert once.query == {"name": "order_ready", "hsm_id": "4411"}


# ---------------------------------------------------------------- reading


def test_what_is_no_template_is_left_out() -> None:
    listing = {"data": [LISTED, {"name": "x"}, "y", None, {"language": "en"}]}
    _, found = play(page("", WABA), answered(listing))

    assert found is not None
    assert found.templates == (READ,)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([*LISTED, "other"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "text", "buttons", "cards", "format"]), inner),
)))  # fmt: skip
def test_reading_is_total(item: dict[str, Any]) -> None:
    found = read(item)

    assert found is None or found.name


LAYOUTS: dict[str, tuple[list[dict[str, Any]], bool, Layout]] = {
    "a text header": (
        [{"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, BODY],
        False,
        Layout(HeaderSlot("text", TextSlot("Order {{1}}", ("1",))), READ.layout.body),
    ),
    "positions count by their number": (
        [{"type": "BODY", "text": "{{2}} then {{ 10 }} then {{1}} then {{2}}"}],
        False,
        Layout(body=TextSlot("{{2}} then {{ 10 }} then {{1}} then {{2}}", ("1", "2", "10"))),
    ),
    "names count by their place": (
        [{"type": "BODY", "text": "{{b}} {{a}} {{b}}"}],
        True,
        Layout(body=TextSlot("{{b}} {{a}} {{b}}", ("b", "a"), named=True)),
    ),
    "an image, a footer and buttons": (
        [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "FOOTER", "text": "Omni"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Thanks"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example"},
                    {"type": "URL", "text": "Track", "url": "https://shop.example/{{1}}"},
                    {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+447700900123"},
                    {"type": "COPY_CODE", "example": "SAVE"},
                    {"type": "FLOW", "text": "Ask"},
                    {"type": "MPM", "text": "See"},
                    {"type": "REQUEST_CONTACT_INFO"},
                ],
            },
        ],
        False,
        Layout(
            header=HeaderSlot("image"),
            footer="Omni",
            buttons=(
                ButtonSlot("quick_reply", "Thanks", "optional"),
                ButtonSlot("url", "Shop"),
                ButtonSlot("url", "Track", "required"),
                ButtonSlot("phone_number", "Call"),
                ButtonSlot("copy_code", "", "required"),
                ButtonSlot("flow", "Ask", "optional"),
                ButtonSlot("products", "See", "required"),
                ButtonSlot("contact_request", ""),
            ),
        ),
    ),
    "an offer": (
        [
            {
                "type": "LIMITED_TIME_OFFER",
                "limited_time_offer": {"text": "Ends", "has_expiration": True},
            }
        ],
        False,
        Layout(offer="required"),
    ),
    "a carousel": (
        [
            {
                "type": "CAROUSEL",
                "cards": [
                    {
                        "components": [
                            {"type": "HEADER", "format": "VIDEO"},
                            {"type": "BODY", "text": "{{1}}"},
                        ]
                    }
                ],
            }
        ],
        False,
        Layout(cards=(CardSlot(HeaderSlot("video"), TextSlot("{{1}}", ("1",))),)),
    ),
    "a component that we do not know": ([{"type": "HOLOGRAM"}], False, Layout(understood=False)),
    "a header that we do not know": (
        [{"type": "HEADER", "format": "SMELL"}],
        False,
        Layout(understood=False),
    ),
}


@pytest.mark.parametrize(("components", "named", "layout"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_components_say_what_is_to_be_filled_in(
    components: list[dict[str, Any]], named: bool, layout: Layout
) -> None:
    assert layout_of(tuple(components), named=named) == layout


# ---------------------------------------------------------------- webhooks

NEWS: dict[str, tuple[str, dict[str, Any], str, TemplateNews]] = {
    "rejected": (
        "message_template_status_update",
        {
            "event": "REJECTED",
            "message_template_category": "UTILITY",
            "reason": "INVALID_FORMAT",
            "rejection_info": {"reason": "two variables touch", "recommendation": "add words"},
        },
        "status",
        TemplateNews(
            status=TemplateStatus.REJECTED,
            category="utility",
            reason="INVALID_FORMAT: two variables touch: add words",
            external_id="4411",
        ),
    ),
    "paused": (
        "message_template_status_update",
        {"event": "PAUSED", "reason": "NONE", "other_info": {"title": "FIRST_PAUSE"}},
        "status",
        TemplateNews(status=TemplateStatus.PAUSED, reason="FIRST_PAUSE", external_id="4411"),
    ),
    "back again": (
        "message_template_status_update",
        {"event": "REINSTATED"},
        "status",
        TemplateNews(status=TemplateStatus.APPROVED, external_id="4411"),
    ),
    "a word that we do not know": (
        "message_template_status_update",
        {"event": "SINGING"},
        "status",
        TemplateNews(status=TemplateStatus.UNKNOWN, external_id="4411"),
    ),
    "of another quality": (
        "message_template_quality_update",
        {"previous_quality_score": "GREEN", "new_quality_score": "RED"},
        "quality",
        TemplateNews(quality="red", external_id="4411"),
    ),
    "of another category": (
        "template_category_update",
        {"previous_category": "UTILITY", "new_category": "MARKETING"},
        "category",
        TemplateNews(category="marketing", external_id="4411"),
    ),
    "with other components": (
        "message_template_components_update",
        {"message_template_element": "Hi"},
        "components",
        TemplateNews(external_id="4411"),
    ),
}


@pytest.mark.parametrize(("field", "value", "change", "news"), NEWS.values(), ids=NEWS.keys())
def test_webhooks_tell_of_templates(
    field: str, value: dict[str, Any], change: str, news: TemplateNews
) -> None:
    named = {
        "message_template_id": 4411,
        "message_template_name": "order_ready",
        "message_template_language": "en_GB",
    }
    told: Any = {"field": field, "value": named | value}
    entry: Any = {"id": "900", "time": 1790001000, "changes": [told]}

    (report,) = parse({"object": "whatsapp_business_account", "entry": [entry]})

    assert isinstance(report, TemplateReported)
    assert (report.name, report.language, report.change) == ("order_ready", "en_GB", change)
    assert report.news == news
