"""Reading: conversations, contacts, channels, events, dead letters, actors."""

import pytest

from tests.api.conftest import CHANNEL, House, bearer, signed, text_to


@pytest.mark.slow
async def test_a_conversation_shows_its_leg_and_its_messages(house: House) -> None:
    await house.hear("hello")
    await house.client.post("/v1/messages", json=text_to())

    conversation = (await house.client.get("/v1/conversations")).json()["items"][0]
    path = f"/v1/conversations/{conversation['id']}"
    messages = (await house.client.get(f"{path}/messages")).json()["items"]

    assert (await house.client.get(path)).json() == conversation
    assert conversation["legs"][0]["channel_id"] == CHANNEL
    assert [message["direction"] for message in messages] == ["inbound", "outbound"]


@pytest.mark.slow
async def test_a_listing_is_walked_by_its_links(house: House) -> None:
    for n in range(5):
        await house.hear("hello", sender=f"44770090012{n}")

    seen, url, pages = [], "/v1/conversations?limit=2", 0
    while url:
        response = await house.client.get(url)
        seen += [item["id"] for item in response.json()["items"]]
        pages += 1
        url = response.links["next"]["url"] if "next" in response.links else ""

    assert len(set(seen)) == len(seen) == 5
    assert pages == 3


@pytest.mark.slow
async def test_the_newest_messages_are_read_from_the_end(house: House) -> None:
    for n, text in enumerate(("one", "two", "three"), start=1):
        await house.hear(text, n=n)
    [conversation] = (await house.client.get("/v1/conversations")).json()["items"]
    path = f"/v1/conversations/{conversation['id']}/messages?newest_first=true&limit=2"

    newest = await house.client.get(path)
    rest = await house.client.get(newest.links["next"]["url"])

    assert [item["content"]["text"] for item in newest.json()["items"]] == ["three", "two"]
    assert [item["content"]["text"] for item in rest.json()["items"]] == ["one"]
    assert rest.json()["next"] is None


@pytest.mark.slow
async def test_conversations_are_found_by_contact_and_by_channel(house: House) -> None:
    await house.hear("hello")
    conversation = (await house.client.get("/v1/conversations")).json()["items"][0]

    for query in (f"contact_id={conversation['contact_id']}", f"channel_id={CHANNEL}"):
        found = (await house.client.get(f"/v1/conversations?{query}")).json()["items"]
        assert [item["id"] for item in found] == [conversation["id"]]
    assert (await house.client.get("/v1/conversations?contact_id=none")).json()["items"] == []


@pytest.mark.slow
async def test_a_contact_is_found_by_its_identity(house: House) -> None:
    await house.hear("hello")

    found = (await house.client.get("/v1/contacts?identity=phone:447700900123")).json()["items"]
    contact = await house.client.get(f"/v1/contacts/{found[0]['id']}")

    assert contact.json() == found[0]
    assert contact.json()["identities"][0]["name"] == "Ada"


@pytest.mark.slow
async def test_a_telephone_number_is_found_with_its_plus_however_it_is_written(
    house: House,
) -> None:
    await house.hear("hello")

    bare = await house.client.get("/v1/contacts?identity=phone:447700900123")
    plus = await house.client.get("/v1/contacts?identity=phone:+447700900123")
    escaped = await house.client.get("/v1/contacts?identity=phone:%2B447700900123")

    assert len(bare.json()["items"]) == 1
    assert bare.json() == plus.json() == escaped.json()


@pytest.mark.slow
async def test_a_context_is_merged_under_its_version(house: House) -> None:
    await house.hear("hello")
    conversation = (await house.client.get("/v1/conversations")).json()["items"][0]
    path = f"/v1/conversations/{conversation['id']}/context"
    merge = {"Content-Type": "application/merge-patch+json"}

    first = await house.client.patch(path, json={"step": 1, "gone": 1}, headers=merge)
    tag = {"If-Match": first.headers["etag"]}
    second = await house.client.patch(path, json={"step": 2, "gone": None}, headers=merge | tag)
    late = await house.client.patch(path, json={"step": 3}, headers=merge | tag)

    assert second.json()["value"] == {"step": 2}
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")
    assert (await house.client.get(path)).headers["etag"] == second.headers["etag"]


@pytest.mark.slow
async def test_an_etag_that_is_none_is_refused(house: House) -> None:
    headers = {"If-Match": "W/x"}

    response = await house.client.patch("/v1/conversations/cnv_1/context", json={}, headers=headers)

    assert response.status_code == 400


@pytest.mark.slow
async def test_a_context_has_a_bound(house: House) -> None:
    await house.hear("hello")
    conversation = (await house.client.get("/v1/conversations")).json()["items"][0]
    path = f"/v1/conversations/{conversation['id']}/context"

    response = await house.client.patch(path, json={"much": "x" * 70_000})

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.slow
async def test_a_conversation_is_closed(house: House) -> None:
    await house.hear("hello")
    conversation = (await house.client.get("/v1/conversations")).json()["items"][0]

    closed = await house.client.post(f"/v1/conversations/{conversation['id']}:close")

    assert closed.json()["closed_at"].endswith("Z")


@pytest.mark.slow
async def test_a_channels_capabilities_are_shown(house: House) -> None:
    shown = (await house.client.get(f"/v1/channels/{CHANNEL}/capabilities")).json()

    assert shown["forms"]["text"][0]["level"] == "native"
    assert shown["window_s"] == 86400


@pytest.mark.slow
async def test_events_are_pulled_by_cursor(house: House) -> None:
    now = (await house.client.get("/v1/events")).json()
    await house.hear("hello")

    first = (await house.client.get(f"/v1/events?after={now['cursor']}&limit=1")).json()
    rest = (await house.client.get(f"/v1/events?after={first['cursor']}")).json()

    assert now["items"] == []
    assert [event["type"] for event in first["items"]] == ["conversation.started"]
    assert len(first["cursor"]) == 16
    texts = [event["message"]["content"] for event in rest["items"] if event["message"]]
    assert texts == [{"type": "text", "text": "hello"}]


@pytest.mark.slow
async def test_a_cursor_of_another_log_is_told_from_one_that_is_too_old(house: House) -> None:
    response = await house.client.get("/v1/events?after=999999")

    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "cursor_unknown")
    assert [mistake["pointer"] for mistake in problem["errors"]] == ["?after"]


@pytest.mark.slow
async def test_events_are_chosen_by_type(house: House) -> None:
    await house.hear("hello")

    chosen = await house.client.get("/v1/events?after=0&types=window.opened,media.ready")
    unknown = await house.client.get("/v1/events?after=0&types=window.opened,nothing")

    assert {event["type"] for event in chosen.json()["items"]} <= {"window.opened"}
    assert unknown.status_code == 400


@pytest.mark.slow
async def test_an_intake_that_cannot_be_read_is_a_dead_letter(house: House) -> None:
    operator = bearer(await house.key("operate", tenant="*"))
    await house.client.post("/webhooks/meta", **signed(b"{"))

    listed = (await house.client.get("/v1/dead-letters", headers=operator)).json()["items"]
    path = f"/v1/dead-letters/{listed[0]['id']}"
    one = (await house.client.get(path, headers=operator)).json()
    redriven = await house.client.post(
        "/v1/dead-letters:redrive", json={"ids": [listed[0]["id"], "ddl_none"]}, headers=operator
    )

    assert listed[0]["kind"] == "intake"
    assert one["about"]["begins"] == "{"
    assert redriven.json() == {
        "redriven": [],
        "skipped": ["ddl_none"],
        "unread": [listed[0]["id"]],
    }


@pytest.mark.slow
async def test_the_live_tree_names_the_actors(house: House) -> None:
    operator = bearer(await house.key("operate", tenant="*"))

    actors = (await house.client.get("/v1/actors", headers=operator)).json()["items"]

    assert f"channel/{CHANNEL}" in {actor["address"] for actor in actors}


@pytest.mark.slow
async def test_readiness_follows_the_drain(house: House) -> None:
    before = await house.client.get("/readyz")
    house.gateway.house.drain_begun.set()
    after = await house.client.get("/readyz")

    assert (before.status_code, after.status_code) == (200, 503)
    assert after.json() == {"ready": False, "reasons": ["draining"]}
