"""Messenger and Instagram, from a call of the API to the platform: each kind of content, who it is
that writes, who may answer, and whether the accounts can be used."""

import json
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from attrs import evolve

from omni_actors.demo.program import Program
from omni_actors.demo.scenes import png
from omni_actors.sandbox import SandboxSettings, open_sandbox
from omni_actors.sandbox.meta.settings import INSTAGRAM_LOGIN, InstagramAccount, MessengerAccount
from tests.e2e.kit import PATIENCE_S, SECRET, Setup, Site, Told, patiently, told, write_config
from tests.e2e.test_contents import with_medium

PAGE, ACCOUNT, OWN = "104500000000001", "17841400000000009", "17841400000000017"
PSID, IGSID = "7300000000000001", "8900000000000777"
CHANNELS = """
[[channels]]
id = "fb-page"
platform = "messenger"
page_id = "{page}"
app_id = "70001"
access_token = "sandbox-page-token"
graph_url = "{graph}"

[[channels]]
id = "ig-page"
platform = "instagram"
login = "facebook"
ig_id = "{account}"
page_id = "{page}"
app_id = "70001"
access_token = "sandbox-page-token"
graph_url = "{graph}"

[[channels]]
id = "ig-own"
platform = "instagram"
ig_id = "{own}"
app_id = "70011"
access_token = "sandbox-instagram-token"
graph_url = "{graph}"
"""
EVERYWHERE: list[dict[str, Any]] = [
    {"type": "text", "text": "Hello"},
    {"type": "media", "kind": "image", "media_id": "MEDIUM", "caption": "A picture"},
    {
        "type": "choices",
        "text": "Which size?",
        "options": [{"id": "S", "title": "Small"}, {"id": "M", "title": "Medium"}],
    },
    {
        "type": "choices",
        "text": "Which day?",
        "options": [{"id": day, "title": day} for day in ("Mon", "Tue", "Wed", "Thu")],
    },
    {
        "type": "choices",
        "text": "Which room?",
        "options": [{"id": "1", "title": "Sea view", "description": "With a balcony"}],
    },
    {
        "type": "card",
        "title": "Blue mug",
        "text": "350 ml",
        "url": "https://shop.example/9",
        "actions": [
            {"title": "Shop", "url": "https://shop.example/9"},
            {"title": "Reserve", "id": "RESERVE:9"},
        ],
    },
    {
        "type": "card",
        "title": "Red mug",
        "text": "350 ml",
        "media": {"kind": "image", "media_id": "MEDIUM"},
        "actions": [{"title": "Reserve", "id": "RESERVE:10"}],
    },
    {
        "type": "carousel",
        "text": "New",
        "cards": [{"title": "Mug", "text": "Blue"}, {"title": "Saucer", "text": "White"}],
    },
    {"type": "request", "kind": "contact", "text": "Your number?"},
    {"type": "location", "latitude": 41.15, "longitude": -8.61, "name": "Porto"},
]
ON_PAGES: list[dict[str, Any]] = [
    {"type": "media", "kind": "document", "media_id": "MEDIUM"},
    {"type": "media", "kind": "sticker", "external_id": "767226160478561"},
    {"type": "request", "kind": "email", "text": "Your address?"},
    {
        "type": "card",
        "title": "Account",
        "text": "Hi",
        "actions": [
            {"title": "Call", "phone": "+351210000000"},
            {"title": "In", "login": "https://shop.example/login"},
            {"title": "Out", "does": "log_out"},
        ],
    },
    {"type": "call_invite", "text": "Shall we talk?", "button": "Call us"},
    {
        "type": "receipt",
        "number": "A-1009",
        "recipient": "Ana Dias",
        "currency": "EUR",
        "paid_with": "Visa 4242",
        "total": 34.0,
        "items": [{"title": "Blue mug", "price": 14.0, "quantity": 2}],
        "shipping": 6.0,
        "address": {"street": "Rua A 1", "city": "Porto", "zip": "4000-001", "country": "PT"},
    },
    {"type": "coupon", "title": "20% off", "code": "MUG20"},
    {
        "type": "feedback",
        "id": "q_csat",
        "title": "Rate our help",
        "question": "How did we do?",
        "privacy_url": "https://shop.example/privacy",
    },
]
ON_ACCOUNTS: list[dict[str, Any]] = [
    {"type": "media", "kind": "sticker", "external_id": "like_heart"},
    {"type": "receipt", "number": "A-1", "recipient": "Ana", "currency": "EUR",
     "paid_with": "Visa", "total": 1.0},
]  # fmt: skip
DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAYLOAD = re.compile(r"^\|.*\| `(\{\"(?:template_type|elements|image_a).*\})` \|$", re.MULTILINE)
SENT = ("sent", "delivered", "read")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The program with a page and two accounts, at the sample accounts of the sandbox."""
    own = evolve(INSTAGRAM_LOGIN, app_secret=SECRET)
    accounts = (MessengerAccount(), InstagramAccount(), own)
    settings = SandboxSettings(bind="127.0.0.1:0", limits=False, accounts=accounts)
    async with (
        open_sandbox(settings) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, timeout=PATIENCE_S) as control,
        trio.open_nursery() as nursery,
    ):
        tables = CHANNELS.format(page=PAGE, account=ACCOUNT, own=OWN, graph=sandbox.url)
        setup = Setup(bot="none", lines=(), more=tables)
        config = write_config(tmp_path, setup, sandbox.url)
        program = Program(config, tmp_path / "gateway.log")
        opened = Site(tmp_path, setup, program, sandbox, control, nursery)
        try:
            await opened.start()
            yield opened
        finally:
            with trio.CancelScope(shield=True):
                if program.process is not None:
                    await program.kill()
            nursery.cancel_scope.cancel()


async def heard(site: Site, platform: str, key: str, who: str) -> None:
    """A customer writes, so that they may be written to."""
    path = f"/sandbox/{platform}/{key}/inbound"
    written = await site.control.post(path, json={"from": who, "text": "hi"}, params={"wait": 1})
    assert written.status_code == 200, written.text


async def sent(site: Site, channel: str, who: str, content: dict[str, Any], **more: Any) -> None:
    """One message, once the platform has taken it."""
    asked = {"to": {"channel_id": channel, "address": who}, "content": content, **more}
    answer = await site.call("POST", "/v1/messages", json=asked)
    assert answer.status_code == 202, answer.text

    async def settled() -> Any:
        found = await site.get(f"/v1/messages/{answer.json()['id']}")
        return found if found["status"] not in ("queued", "sending", "unknown") else None

    message = await patiently(settled)
    assert message["status"] in SENT, (content, message["parts"])


async def operated(site: Site, *arguments: str) -> Told:
    """What a command told that was run against the gateway."""
    reach = ("--url", site.program.url, "--config", str(site.folder / "config.toml"))
    return await trio.to_thread.run_sync(partial(told, *arguments, *reach))


@pytest.mark.parametrize(
    ("channel", "platform", "key", "who", "contents"),
    [
        ("fb-page", "messenger", PAGE, PSID, EVERYWHERE + ON_PAGES),
        ("ig-page", "instagram", ACCOUNT, IGSID, EVERYWHERE + ON_ACCOUNTS),
        ("ig-own", "instagram", OWN, IGSID, EVERYWHERE + ON_ACCOUNTS),
    ],
)
async def test_every_content_is_taken_by_the_platform(
    site: Site, channel: str, platform: str, key: str, who: str, contents: list[dict[str, Any]]
) -> None:
    await heard(site, platform, key, who)
    up = await site.call(
        "POST", "/v1/media", content=png(32, 32), headers={"Content-Type": "image/png"}
    )

    for content in contents:
        await sent(site, channel, who, with_medium(content, up.json()["id"]))


def overridden(page: str) -> list[tuple[dict[str, Any], Any]]:
    """The examples of a page of the docs: a content, and by what it becomes something else."""
    text = (DOCS / page).read_text("utf-8")
    blocks = [json.loads(found) for found in BLOCK.findall(text)]
    whole = [(each["content"], each["override"]) for each in blocks if "override" in each]
    rows = [json.loads(found) for found in PAYLOAD.findall(text)]
    card = whole[0][0]
    wrapped = [{"messenger": {"message": {"attachment": {"payload": each}}}} for each in rows]
    return whole + [(card, each) for each in wrapped]


@pytest.mark.parametrize(
    ("channel", "platform", "key", "who", "page", "examples"),
    [
        ("fb-page", "messenger", PAGE, PSID, "messenger.md", 8),
        ("ig-own", "instagram", OWN, IGSID, "instagram.md", 1),
    ],
)
async def test_what_the_docs_override_is_taken_by_the_platform(
    site: Site, channel: str, platform: str, key: str, who: str, page: str, examples: int
) -> None:
    await heard(site, platform, key, who)

    found = overridden(page)
    for content, override in found:
        await sent(site, channel, who, content, override=override)

    assert len(found) == examples


async def test_a_customer_is_shown_that_somebody_types_and_then_no_longer(site: Site) -> None:
    await heard(site, "messenger", PAGE, PSID)
    (event,) = await site.events("message.received")
    path = f"/v1/messages/{event['message_id']}:read"

    answers = [
        await site.call("POST", path, json=sign)
        for sign in ({}, {"typing": True}, {"stop_typing": True})
    ]
    both = await site.call("POST", path, json={"typing": True, "stop_typing": True})

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert both.status_code == 400
    assert both.json()["errors"][0]["pointer"] == "/stop_typing"


async def test_a_profile_and_a_face_are_set_for_real(site: Site) -> None:
    menu = {"menu": [{"items": [{"title": "Talk to a person", "id": "HUMAN"}]}]}
    whole = {"get_started": "START", "greeting": [{"text": "Hi"}], **menu}
    rita = {"name": "Rita", "picture_url": "https://cdn.example/r.jpg"}
    await heard(site, "messenger", PAGE, PSID)

    put = await site.call("PUT", "/v1/channels/fb-page/profile", json=whole)
    own = await site.call("PUT", "/v1/channels/ig-own/profile", json=menu)
    face = await site.call("POST", "/v1/channels/fb-page/personas", json=rita)
    await sent(
        site,
        "fb-page",
        PSID,
        {"type": "text", "text": "Rita here"},
        author={"type": "human", "persona": face.json()["id"]},
    )

    assert (put.status_code, own.status_code, face.status_code) == (200, 200, 201)
    assert await site.get("/v1/channels/fb-page/profile") == whole
    assert await site.get("/v1/channels/ig-own/profile") == menu


async def test_who_writes_is_shown_with_name_and_picture(site: Site) -> None:
    written = {"from": IGSID, "name": "Ana Dias", "username": "ana.dias", "text": "hi"}
    await site.control.post(f"/sandbox/instagram/{ACCOUNT}/inbound", json=written)

    async def shown() -> Any:
        page = await site.get("/v1/contacts", identity=f"igsid:{IGSID}")
        identities = page["items"][0]["identities"] if page["items"] else []
        return identities[0] if identities and identities[0]["portrait"] else None

    known = await patiently(shown)
    picture = await site.call("GET", f"/v1/media/{known['portrait']['picture']}")

    assert (known["name"], known["username"]) == ("Ana Dias", "ana.dias")
    assert picture.content.startswith(b"\x89PNG")


async def test_nobody_answers_while_another_app_has_the_conversation(site: Site) -> None:
    there = f"/sandbox/messenger/{PAGE}"
    await site.control.post(f"{there}/standing", json={"default_app": "70001"})
    await heard(site, "messenger", PAGE, PSID)
    event = {"pass_thread_control": {"new_owner_app_id": "4711"}, "from": PSID}
    params = {"wait": 1}
    await site.control.post(f"{there}/inbound", json=event, params=params)
    message = {"to": {"channel_id": "fb-page", "address": PSID}, "content": EVERYWHERE[0]}

    refused = await site.call("POST", "/v1/messages", json=message)
    page = await site.get("/v1/contacts", identity=f"psid:{PSID}")
    conversation = f"/v1/conversations/{page['items'][0]['conversation_id']}"
    by_hand = await operated(site, "control", "take", conversation.rpartition("/")[2])
    handed = await operated(site, "control", "pass", conversation.rpartition("/")[2], "4711")
    wished = await site.call("POST", f"{conversation}:request-control", json={"told": "please"})
    asked = await operated(site, "control", "request", conversation.rpartition("/")[2])
    taken = await site.call("POST", f"{conversation}:take-control", json={})
    await sent(site, "fb-page", PSID, EVERYWHERE[0])
    given = await site.call("POST", f"{conversation}:pass-control", json={"app_id": "4711"})
    again = await site.call("POST", f"{conversation}:release-control", json={})
    released = await operated(site, "control", "release", conversation.rpartition("/")[2])

    assert (refused.status_code, refused.json()["code"]) == (409, "controlled_elsewhere")
    assert (by_hand.code, by_hand.out) == (0, "fb-page: we may answer\n")
    assert (handed.code, handed.out) == (0, "fb-page: app 4711 answers\n")
    assert wished.json()["legs"][0]["controlled_by"] == "4711"
    assert (asked.code, asked.out) == (0, "fb-page: app 4711 answers\n")
    assert taken.json()["legs"][0]["controlled_by"] is None
    assert given.json()["legs"][0]["controlled_by"] == "4711"
    assert (again.status_code, again.json()["code"]) == (422, "control_refused")
    assert released.code == 4, released


async def test_control_is_moved_where_there_is_such_a_thing_only(site: Site) -> None:
    await heard(site, "messenger", PAGE, PSID)
    page = await site.get("/v1/contacts", identity=f"psid:{PSID}")
    conversation = f"/v1/conversations/{page['items'][0]['conversation_id']}"

    refused = await site.call("POST", f"{conversation}:take-control", json={})
    elsewhere = await site.call("POST", f"{conversation}:take-control", json={"channel_id": "x"})
    nowhere = await site.call("POST", "/v1/conversations/cnv_1:take-control", json={})

    assert (refused.status_code, refused.json()["code"]) == (422, "control_refused")
    assert elsewhere.json()["errors"][0]["pointer"] == "/channel_id"
    assert nowhere.status_code == 404


async def test_check_online_looks_at_pages_and_accounts(site: Site) -> None:
    config = str(site.folder / "config.toml")

    well = await trio.to_thread.run_sync(told, "check", "--online", "--config", config, "--json")
    await site.program.kill()  # it would order them again
    await site.control.post(f"/sandbox/messenger/{PAGE}/standing", json={"subscribed": False})
    ill = await trio.to_thread.run_sync(told, "check", "--online", "--config", config, "--json")

    places = {each["place"] for each in well.documents if each["ok"]}
    assert {"fb-page.account", "ig-page.webhooks", "ig-own.token"} <= places
    assert well.code == 0, well
    assert "fb-page.webhooks" in {each["place"] for each in ill.documents if not each["ok"]}
