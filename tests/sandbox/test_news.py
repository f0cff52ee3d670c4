"""News of any field reach the hook in the platform's spelling, and some change it."""

import base64
from typing import Any

import pytest

from omni_actors.adapters.whatsapp.inbound import parse
from omni_actors.model.reports import Unsupported
from tests.sandbox.conftest import ADA, EPOCH_S, KEY, TEXT, Play, code_of

WABA = "900100200300400"
OWN = "442079460100"
TEMPLATE = {
    "message_template_id": 4411,
    "message_template_name": "order_ready",
    "message_template_language": "en_GB",
}
GROUPS = {"groups": [{"group_id": "Y2Fw", "type": "group_create"}]}
NEWS: dict[str, dict[str, Any]] = {
    "account_alerts": {"entity_type": "WABA", "entity_id": WABA, "alert_info": {}},
    "account_review_update": {"decision": "REJECTED"},
    "account_update": {"event": "ACCOUNT_DELETED"},
    "automatic_events": {"automatic_events": []},
    "business_capability_update": {"max_daily_conversations_per_business": "TIER_10K"},
    "business_username_updates": {"status": "approved", "username": "omni"},
    "calls": {"calls": [{"from": ADA, "event": "connect"}], "statuses": []},
    "flows": {"event": "FLOW_STATUS_CHANGE", "flow_id": "55"},
    "group_lifecycle_update": GROUPS,
    "group_participants_update": GROUPS,
    "group_settings_update": GROUPS,
    "group_status_update": GROUPS,
    "history": {"history": [{"threads": [{"id": ADA, "messages": [TEXT, {**TEXT, "to": ADA}]}]}]},
    "message_template_components_update": {**TEMPLATE, "message_template_element": "Hi"},
    "message_template_quality_update": {**TEMPLATE, "new_quality_score": "RED"},
    "message_template_status_update": {**TEMPLATE, "event": "PAUSED"},
    "messages": {
        "statuses": [{"id": "wamid.1", "status": "played", "recipient_id": ADA}],
        "errors": [{"code": 130429, "title": "Rate limit hit"}],
    },
    "partner_solutions": {"event": "SOLUTION_UPDATED"},
    "payment_configuration_update": {"status": "Active"},
    "phone_number_name_update": {"decision": "APPROVED"},
    "phone_number_quality_update": {"event": "THROUGHPUT_UPGRADE"},
    "security": {"event": "PIN_CHANGED"},
    "smb_app_state_sync": {
        "state_sync": [{"action": "add", "contact": {"phone_number": ADA, "full_name": "Ada"}}]
    },
    "smb_message_echoes": {"message_echoes": [{"to": ADA, **TEXT}]},
    "template_category_update": {**TEMPLATE, "new_category": "MARKETING"},
    "user_id_update": {"user_id_update": [{"user_id": {"previous": "GB.1", "current": "GB.2"}}]},
    "user_preferences": {"user_preferences": [{"wa_id": ADA, "value": "stop"}]},
}


async def tell(play: Play, field: str, value: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """The platform has news; the change as it reached the hook, with its entry's time."""
    knocks = len(play.hook.knocks)
    document = {"field": field, "value": value, **beside}
    answer = await play.client.post(
        f"/sandbox/whatsapp/{KEY}/inbound", json=document, params={"wait": 1}
    )
    assert answer.status_code == 200, answer.text
    [entry] = (await play.hook.documents(knocks + 1))[-1]["entry"]
    [change] = entry["changes"]
    return {"id": entry["id"], "time": entry.get("time"), **change}


@pytest.mark.parametrize("field", NEWS)
async def test_news_of_every_field_are_told_so_that_they_are_understood(
    play: Play, field: str
) -> None:
    change = await tell(play, field, NEWS[field])

    [document] = await play.hook.documents(1)
    reports = parse(document)
    assert (change["field"], change["id"]) == (field, WABA)
    assert reports
    assert not [report for report in reports if isinstance(report, Unsupported)]


async def test_a_field_of_tomorrow_is_passed_on_as_it_is(play: Play) -> None:
    change = await tell(play, "telepathy", {"thoughts": [1]})

    assert change["value"] == {"thoughts": [1]}


async def test_what_concerns_the_account_has_a_time_and_no_number(play: Play) -> None:
    change = await tell(play, "account_update", {"event": "DISABLED_UPDATE"}, time=EPOCH_S + 5)

    assert change["time"] == EPOCH_S + 5
    assert change["value"] == {"event": "DISABLED_UPDATE"}


async def test_what_concerns_a_number_names_it(play: Play) -> None:
    change = await tell(play, "security", {"event": "PIN_CHANGED"})

    assert change["value"] == {"event": "PIN_CHANGED", "display_phone_number": OWN}


async def test_an_echo_names_whom_it_went_to_and_opens_no_window(play: Play) -> None:
    image = {"content_base64": base64.b64encode(b"png").decode(), "mime_type": "image/png"}
    echo = {"to": ADA, "type": "image", "image": image}

    change = await tell(play, "smb_message_echoes", {"message_echoes": [echo]})

    value = change["value"]
    [told] = value["message_echoes"]
    assert (told["from"], told["to"], value["contacts"][0]["wa_id"]) == (OWN, ADA, ADA)
    assert told["image"]["id"]
    assert value["metadata"]["phone_number_id"] == KEY
    assert code_of(await play.send(TEXT)) == 131047


async def test_a_call_opens_the_window(play: Play) -> None:
    await tell(play, "calls", {"calls": [{"from": ADA, "event": "connect"}]})

    assert code_of(await play.send(TEXT)) == 0


async def test_who_stops_marketing_gets_none_until_they_resume(play: Play) -> None:
    name = {"name": "autumn_sale", "language": {"code": "en_GB"}}
    body = {"type": "text", "text": "Ada"}
    template = {**name, "components": [{"type": "body", "parameters": [body]}]}
    codes = []
    for wish in ("stop", "resume"):
        wishes = [{"wa_id": ADA, "value": wish}]
        await tell(play, "user_preferences", {"user_preferences": wishes})
        before = len(play.hook.knocks)
        await play.send({"type": "template", "template": template})
        [status, *_] = (await play.hook.statuses(before + 1))[-1:]
        codes.append([error["code"] for error in status.get("errors", ())])

    assert codes == [[131050], []]


async def test_who_changes_number_is_known_by_the_new_one(play: Play) -> None:
    moved = {"type": "system", "system": {"type": "user_changed_number", "wa_id": "447700900999"}}
    await play.write(moved, wait=1)

    await play.write({"from": "447700900999", **TEXT}, wait=1)

    first, second = await play.hook.values(2)
    system = first["messages"][0]["system"]
    assert system["wa_id"] == "447700900999"
    assert system["body"].endswith(f"changed from {ADA} to 447700900999")
    assert second["messages"][0]["from_user_id"] == system["user_id"]


WRONG = {
    "no value": {"field": "security"},
    "no event": {"field": "account_update", "value": {}},
    "no list": {"field": "calls", "value": {}},
    "a list of texts": {"field": "calls", "value": {"calls": ["connect"]}},
    "a call without an event": {"field": "calls", "value": {"calls": [{"from": ADA}]}},
    "an echo to nobody": {"field": "smb_message_echoes", "value": {"message_echoes": [TEXT]}},
    "a wish of tomorrow": {
        "field": "user_preferences",
        "value": {"user_preferences": [{"wa_id": ADA, "value": "maybe"}]},
    },
    "a status of nothing": {"field": "messages", "value": {"statuses": [{"status": "played"}]}},
    "an error without a code": {"field": "messages", "value": {"errors": [{}]}},
    "a history without threads": {"field": "history", "value": {"history": [{}]}},
    "an edit of nothing": {"type": "edit", "from": ADA, "edit": {}},
    "an answer without itself": {
        "type": "interactive",
        "from": ADA,
        "interactive": {"type": "nfm_reply"},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
async def test_what_the_platform_would_never_say_is_refused_with_a_sentence(
    play: Play, document: dict[str, Any]
) -> None:
    answer = await play.client.post(f"/sandbox/whatsapp/{KEY}/inbound", json=document)

    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 20
