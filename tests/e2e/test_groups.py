"""A group from its making to its end, over the built program and the pretend platform."""

from typing import Any

from tests.e2e.kit import CHANNEL, NUMBER, Served, Site, patiently

ADA, BOB = "447700900123", "447700900456"
GROUPS = f"/v1/channels/{CHANNEL}/groups"


async def news(site: Site, topic: str, **item: Any) -> None:
    """Something happens in a group."""
    document = {"field": topic, "value": {"groups": [item]}}
    told = await site.control.post(
        f"/sandbox/whatsapp/{NUMBER}/inbound", json=document, params={"wait": "1"}
    )
    assert told.json()["status"] == 200, told.text


async def told(site: Site, event: str) -> dict[str, Any]:
    """The detail of the news of a group, once they are here."""

    async def look() -> dict[str, Any]:
        reported = await site.events("channel.reported")
        found = [each["detail"]["detail"] for each in reported]
        return next((each for each in found if each.get("event") == event), {})

    return await patiently(look)


async def test_a_group_from_its_making_to_its_end(site: Site) -> None:
    wanted = {"subject": "Tea lovers", "approval": True}
    asked = await site.call("POST", GROUPS, json=wanted)
    assert asked.status_code == 202, asked.text
    made = await told(site, "created")
    assert made["request_id"] == asked.json()["request_id"]
    group = f"{GROUPS}/{made['group_id']}"
    assert (await site.get(f"{group}/invite_link"))["invite_link"] == made["invite_link"]

    topic = "group_participants_update"
    kind = "group_join_request_created"
    for request_id, who in (("q1", ADA), ("q2", BOB)):
        request = {"join_request_id": request_id, "wa_id": who}
        await news(site, topic, group_id=made["group_id"], type=kind, **request)
    requests = await site.get(f"{group}/join_requests")
    assert [each["member"] for each in requests["items"]] == [f"+{ADA}", f"+{BOB}"]
    decided = await site.call("POST", f"{group}/join_requests:approve", json={"ids": ["q1", "q7"]})
    assert decided.json()["done"] == ["q1"]
    assert decided.json()["failed"][0]["id"] == "q7"
    await site.call("POST", f"{group}/join_requests:reject", json={"ids": ["q2"]})
    one = await site.get(group)
    assert (one["subject"], one["members"]) == ("Tea lovers", [f"+{ADA}"])

    await site.acts(ADA, type="text", text={"body": "tea?"}, group_id=made["group_id"])
    await patiently(lambda: site.events("window.opened"))
    sent = await site.call(
        "POST",
        "/v1/messages",
        json={
            "to": {"channel_id": CHANNEL, "address": one["address"]},
            "content": {"type": "text", "text": "Tea for all"},
        },
    )
    assert sent.status_code == 202, sent.text
    await site.until_phone(made["group_id"], 1)
    message = f"/v1/messages/{sent.json()['id']}"

    async def read() -> bool:
        return bool((await site.get(message))["status"] == "read")

    await patiently(read)
    pinned = await site.call("POST", f"{message}:pin", json={"days": 3})
    assert pinned.status_code == 200, pinned.text
    *_, last = site.sandbox.platforms["whatsapp"].outboxes[NUMBER].after(0)
    assert (last.to, last.request["pin"]["expiration_days"]) == (made["group_id"], 3)

    removed = await site.call("POST", f"{group}/members:remove", json={"members": [f"+{ADA}"]})
    assert removed.status_code == 202
    assert (await told(site, "removed"))["members"] == [f"+{ADA}"]
    gone = await site.call("DELETE", group)
    assert gone.status_code == 202
    after = await site.call("GET", group)
    assert (after.status_code, after.json()["code"]) in {
        (422, "group_refused"),
        (502, "platform_refused"),
    }


async def test_a_member_that_is_no_address_is_a_mistake(site: Site) -> None:
    group = f"{GROUPS}/Y2FwaV9ncm91cDptYWRl"
    wrong = await site.call("POST", f"{group}/members:remove", json={"members": ["ada"]})

    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_address")
    assert wrong.json()["errors"][0]["pointer"] == "/members/0"


def test_groups_on_the_command_line(served: Served) -> None:
    asked = served.operate("groups", "create", CHANNEL, "Tea lovers")
    assert asked.code == 0, asked
    [group] = served.operate("groups", "list", CHANNEL, "--json").documents
    shown = served.operate("groups", "show", CHANNEL, group["id"], "--json").documents[0]
    link = served.operate("groups", "invite", CHANNEL, group["id"], "--reset")
    nobody = served.operate("groups", "approve", CHANNEL, group["id"])
    ended = served.operate("groups", "delete", CHANNEL, group["id"])

    assert shown["subject"] == "Tea lovers"
    assert link.out.startswith("https://chat.whatsapp.com/")
    assert (nobody.code, ended.code) == (2, 0)
