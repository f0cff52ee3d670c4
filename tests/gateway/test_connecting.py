"""Accounts are connected over OAuth, stay connected, and can be taken back."""

import json
from base64 import urlsafe_b64encode
from collections import deque
from hmac import digest
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.adapters.messenger.oauth import FIELDS
from omni_actors.gateway.connecting import Landing
from omni_actors.gateway.facade import ChannelView, Code, Connection, RequestError
from omni_actors.gateway.ground import Plan
from omni_actors.model.content import Text
from omni_actors.model.requests import SendRequest, To
from omni_actors.policy import connecting
from omni_actors.store.verbs import ChannelSpec
from tests.gateway.kit import HOOK, OPERATOR, Rig, caller, open_rig, plan
from tests.gateway.meta_far_end import (
    APP_SECRET,
    CUSTOMER,
    DAY_S,
    FACEBOOK,
    IG,
    INSTAGRAM,
    PAGES,
    PERSON,
    PUBLIC,
    Meta,
    page,
    query_of,
    refusal,
    written,
)

FB_1 = f"messenger-{PAGES[0]}"
IG_1 = f"instagram-{IG}"


@pytest.fixture
def meta() -> Meta:
    return Meta()


def wanted() -> Plan:
    return evolve(plan(), apps={"fb": FACEBOOK, "ig": INSTAGRAM}, public_url=PUBLIC)


async def begin(rig: Rig, platform: str, **more: Any) -> tuple[Connection, str]:
    """Begin a connecting; its row and the state in its URL."""
    who = more.pop("caller", caller())
    app = more.pop("app", "fb" if platform == "messenger" else "ig")
    begun = await rig.gateway.connector.begin(
        who, platform, app, more.pop("channel_id", None), more.pop("tenant", None)
    )
    return begun.connection, query_of(begun.url)["state"]


async def log_in(rig: Rig, platform: str, code: str = "code-1", **more: Any) -> Connection:
    """Begin, and let the person's browser come back."""
    connection, state = await begin(rig, platform, **more)
    await land(rig, platform, state=state, code=code)
    return await rig.gateway.connector.connection(OPERATOR, connection.id)


async def land(rig: Rig, platform: str, **query: str) -> Landing:
    return await rig.gateway.connector.land(platform, query)


async def channel(rig: Rig, channel_id: str) -> ChannelView:
    return await rig.gateway.channel(OPERATOR, channel_id)


async def answer(rig: Rig) -> str:
    """A customer writes to the first page and is answered; the id of the answer."""
    assert await rig.knock(written(PAGES[0], int(rig.clock.now()), rig.clock.now())) == 200
    request = SendRequest(content=Text("hi"), to=To(FB_1, CUSTOMER))
    return (await rig.gateway.submit(caller(), request, None, "")).message_id


def signed_request(secret: str = APP_SECRET, algorithm: str = "HMAC-SHA256") -> dict[str, str]:
    facts = {"algorithm": algorithm, "issued_at": 1790000000, "user_id": PERSON}
    payload = urlsafe_b64encode(json.dumps(facts).encode()).rstrip(b"=")
    proof = urlsafe_b64encode(digest(secret.encode(), payload, "sha256")).rstrip(b"=")
    return {"signed_request": f"{proof.decode()}.{payload.decode()}"}


async def later(clock: MockClock, seconds: float) -> None:
    """Let time pass at once; who sleeps wakes as late as that."""
    clock.jump(seconds)
    await trio.sleep(90)


def database(folder: Path) -> list[Path]:
    return list(folder.glob("omni.db*"))


# ---------------------------------------------------------------- connecting


async def test_an_account_that_is_the_only_one_is_a_channel_at_once(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        done = await log_in(rig, "instagram")

        assert (done.status, done.channels) == ("connected", (IG_1,))
        view = await channel(rig, IG_1)
        assert (view.channel.state, view.channel.source) == ("active", "connect")
        assert view.channel.channel_key == IG
        assert "messages" in meta.subscribed[IG]
        assert "token" not in json.dumps(view.channel.settings)


async def test_among_several_pages_the_caller_chooses(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        found = await log_in(rig, "messenger")
        assert found.status == "choosing"
        assert [one.key for one in found.accounts] == list(PAGES)

        done = await rig.gateway.connector.choose(caller(), found.id, PAGES[:1])

        assert done.channels == (FB_1,)
        assert set(meta.subscribed) == {PAGES[0]}
        with pytest.raises(RequestError) as again:
            await rig.gateway.connector.choose(caller(), found.id, PAGES[1:])
        assert again.value.code is Code.CONNECTION_STATE


async def test_what_cannot_be_connected_says_why(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = (page(PAGES[0], 0) | {"tasks": ["ANALYZE"]},)
    async with open_rig(tmp_path, meta, wanted()) as rig:
        done = await log_in(rig, "messenger")

        assert done.status == "failed"
        assert done.problem is not None
        assert "may not send messages" in done.problem


async def test_a_channel_lives_on_after_a_restart_with_its_apps_proof(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
    async with open_rig(tmp_path, meta, wanted()) as rig:
        sent = await answer(rig)

        await rig.reached(sent, "sent")
        assert rig.house.routes[FB_1].account.app_secret == APP_SECRET
        assert rig.house.routes[FB_1].account.token == "page-token-1"


async def test_no_token_lies_open_in_the_database(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")  # with a choice that is never made
        await log_in(rig, "instagram", "code-2")

    kept = b"".join([file.read_bytes() for file in database(tmp_path)])
    for secret in (b"page-token-1", b"long", b"code-1", APP_SECRET.encode()):
        assert secret not in kept


# ---------------------------------------------------------------- the state


async def test_a_state_works_once(tmp_path: Path, meta: Meta, autojump_clock: MockClock) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        _, state = await begin(rig, "instagram")
        assert (await land(rig, "instagram", state=state, code="code-1")).ok

        again = await land(rig, "instagram", state=state, code="code-2")

        assert not again.ok
        assert "used already" in again.sentence
        assert "code-2" in meta.codes


async def test_a_state_ends(tmp_path: Path, meta: Meta, autojump_clock: MockClock) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        connection, state = await begin(rig, "instagram")
        await later(autojump_clock, connecting.LOGIN_S + 1)

        landed = await land(rig, "instagram", state=state, code="code-1")

        assert not landed.ok
        late = await rig.gateway.connector.connection(OPERATOR, connection.id)
        assert late.status == "failed"


@pytest.mark.parametrize("change", ["x", "", "con_1.2.3", "....", "\x00.1.2"])
async def test_a_forged_state_is_refused(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock, change: str
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        _, state = await begin(rig, "instagram")
        forged = state + change if change == "x" else change

        landed = await land(rig, "instagram", state=forged, code="code-1")

        assert landed == Landing(False, "Not connected", "This login was not begun here.")
        assert "code-1" in meta.codes


async def test_a_state_is_for_its_platform_only(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        _, state = await begin(rig, "instagram")

        assert not (await land(rig, "messenger", state=state, code="code-1")).ok


async def test_a_person_who_says_no_is_told_of(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        connection, state = await begin(rig, "messenger")
        words = "Permissions error"
        await land(rig, "messenger", state=state, error="access_denied", error_description=words)

        ended = await rig.gateway.connector.connection(OPERATOR, connection.id)
        assert ended.problem == "the platform did not allow it: Permissions error"


async def test_who_closes_the_browser_too_soon_keeps_nobody_waiting(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        connection, state = await begin(rig, "instagram")
        meta.sticks_at = "me"

        with trio.move_on_after(5):
            await land(rig, "instagram", state=state, code="code-1")

        ended = await rig.gateway.connector.connection(OPERATOR, connection.id)
        assert (ended.status, "closed" in (ended.problem or "")) == ("failed", True)


async def test_a_bug_keeps_nobody_waiting(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.account_id = "no digits"
    async with open_rig(tmp_path, meta, wanted()) as rig:
        connection, state = await begin(rig, "instagram")

        landed = await land(rig, "instagram", state=state, code="code-1")

        assert "a bug of ours" in landed.sentence.lower()
        ended = await rig.gateway.connector.connection(OPERATOR, connection.id)
        assert ended.status == "failed"


# ---------------------------------------------------------------- tenants


async def test_an_account_of_another_tenant_stays_theirs(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "instagram")

        theirs = await log_in(rig, "instagram", "code-2", caller=caller("other"))

        assert theirs.status == "failed"
        assert (await channel(rig, IG_1)).channel.tenant == "default"
        with pytest.raises(RequestError):
            await rig.gateway.connector.connection(caller(), theirs.id)


async def test_only_an_operator_connects_for_others(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        with pytest.raises(RequestError):
            await begin(rig, "instagram", tenant="other")

        done = await log_in(rig, "instagram", tenant="other", caller=OPERATOR)
        assert (await channel(rig, done.channels[0])).channel.tenant == "other"


async def test_without_an_app_it_says_what_to_add(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    bare = evolve(wanted(), apps={"ig": INSTAGRAM})
    async with open_rig(tmp_path, meta, bare) as rig:
        with pytest.raises(RequestError) as refused:
            await begin(rig, "messenger", app=None)

        assert refused.value.code is Code.CONNECT_UNAVAILABLE
        assert "[[apps]] of kind facebook" in refused.value.sentence


# ---------------------------------------------------------------- tokens over time


async def test_a_token_is_renewed_at_four_fifths_of_its_life(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "instagram")
        await later(autojump_clock, 44 * DAY_S)
        assert meta.renewals == 0

        await later(autojump_clock, 4 * DAY_S + 60)

        assert meta.renewals == 1
        assert rig.house.routes[IG_1].account.token == "renewed-1"
        await later(autojump_clock, 50 * DAY_S)
        assert meta.renewals == 2
        assert rig.channel_state(IG_1) == "active"


@pytest.mark.slow
async def test_a_renewal_that_stumbles_is_tried_again_and_told_of(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    stumbles = deque([refusal(2, text="try later") for _ in range(4)])
    meta.next_refusals["refresh_access_token"] = stumbles
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "instagram")

        async def worried() -> bool:
            health = (await channel(rig, IG_1)).health
            return "could not be renewed" in str(health["reason"])

        await later(autojump_clock, 48 * DAY_S)
        await rig.until(worried, within_s=3600)
        await rig.until(lambda: meta.renewals == 1, within_s=2 * DAY_S)
        await trio.sleep(10)

        view = await channel(rig, IG_1)
        assert view.health["status"] == "ok"


async def test_a_token_that_came_with_the_config_is_renewed_once_it_may_be(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    spec = ChannelSpec(
        "shop", "default", "instagram", IG, {"ig_id": IG}, {"access_token": "from-config"}
    )
    meta.ends["from-config"] = float("inf")
    meta.subscribed[IG] = ("messages",)
    async with open_rig(tmp_path, meta, plan(spec)) as rig:
        await trio.sleep(60)
        await later(autojump_clock, 23 * 3600)
        assert meta.renewals == 0

        await later(autojump_clock, 3 * 3600)

        assert meta.renewals == 1
        assert rig.house.routes["shop"].account.token == "renewed-1"


async def test_a_token_that_ended_asks_for_a_login_and_the_queue_goes_on_after_it(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        invalid = {"code": 190, "subcode": 460, "message": "the session has been invalidated"}
        meta.facts = {"is_valid": False, "error": invalid}
        meta.ends["page-token-1"] = 0.0
        await later(autojump_clock, DAY_S)
        assert rig.channel_state(FB_1) == "needs_reauth"
        reason = rig.house.channels[FB_1].reason or ""
        sent = await answer(rig)
        await trio.sleep(120)
        assert (await rig.message(sent)).status == "queued"

        meta.pages, meta.facts = (page(PAGES[0], 6),), {}
        await log_in(rig, "messenger", "code-2", channel_id=FB_1)

        await rig.reached(sent, "sent")
        assert reason.startswith("credentials_expired: ")
        assert rig.house.routes[FB_1].account.token == "page-token-7"


async def test_access_that_ends_soon_is_told_of(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        meta.facts = {"data_access_expires_at": rig.clock.now() + 9 * DAY_S}
        await later(autojump_clock, DAY_S + 60)

        health = (await channel(rig, FB_1)).health
        assert "connect the account again before" in str(health["reason"])


# ---------------------------------------------------------------- webhooks


@pytest.mark.slow
async def test_lost_webhooks_are_ordered_again(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await trio.sleep(60)
        told_before = len(await rig.events("channel.reported"))
        del meta.subscribed[PAGES[0]]

        await rig.until(lambda: PAGES[0] in meta.subscribed, within_s=2 * 3600)
        await trio.sleep(10)

        told = (await rig.events("channel.reported"))[told_before:]
        assert [(one.detail["kind"], one.detail["severity"]) for one in told] == [
            ("subscription", "warning"),
            ("subscription", "info"),
            ("history", "info"),
        ]
        view = await channel(rig, FB_1)
        assert view.health["status"] == "ok"
        assert view.history is not None
        assert (view.history.cause, view.history.state) == ("subscription", "done")


async def test_a_token_that_may_not_see_to_webhooks_goes_on_sending(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.ends["from-config"] = float("inf")
    lacking = [refusal(200, text="Requires pages_manage_metadata") for _ in range(9)]
    meta.next_refusals["subscribed_apps"] = deque(lacking)
    spec = ChannelSpec(
        FB_1, "default", "messenger", PAGES[0], {"page_id": PAGES[0]},
        {"access_token": "from-config"},
    )  # fmt: skip
    async with open_rig(tmp_path, meta, plan(spec)) as rig:
        await trio.sleep(60)
        sent = await answer(rig)
        await rig.reached(sent, "sent")

        assert rig.channel_state(FB_1) == "active"
        health = (await channel(rig, FB_1)).health
        assert "pages_manage_metadata" in str(health["reason"])


@pytest.mark.slow
async def test_what_the_app_itself_does_not_order_is_said_until_it_does(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    meta.app_fields, meta.callback = ("messages",), "https://old.example/hook"
    async with open_rig(tmp_path, meta, evolve(wanted(), links_url=PUBLIC)) as rig:
        await log_in(rig, "messenger")
        await trio.sleep(60)
        reason = str((await channel(rig, FB_1)).health["reason"])
        meta.app_fields, meta.callback = FIELDS, f"{PUBLIC}/webhooks/{HOOK}"
        await trio.sleep(3700)
        health = (await channel(rig, FB_1)).health

    assert "does not order message_echoes" in reason
    assert "sends its webhooks to https://old.example/hook" in reason
    assert f"enter {PUBLIC}/webhooks/{HOOK}, its verify_token" in reason
    assert health["status"] == "ok"


@pytest.mark.slow
async def test_an_app_that_may_not_be_asked_keeps_no_channel_from_sending(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    meta.next_refusals["subscriptions"] = deque([refusal(190, text="Invalid app secret")] * 9)
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await trio.sleep(60)

        assert rig.channel_state(FB_1) == "active"
        assert "webhooks cannot be seen" in str((await channel(rig, FB_1)).health["reason"])


async def test_what_was_said_before_is_read_once_an_account_is_connected(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "instagram")
        await trio.sleep(60)

        found = (await channel(rig, IG_1)).history
        assert found is not None
        assert (found.cause, found.state, found.since) == ("connected", "done", None)
        assert "messages" in meta.subscribed[IG]


# ---------------------------------------------------------------- taking back


async def test_who_removes_the_app_is_heard_and_may_come_back(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")

        assert await rig.gateway.connector.revoke("fb", signed_request()) == 1

        assert rig.channel_state(FB_1) == "needs_reauth"
        assert FB_1 not in rig.house.routes
        sent = await answer(rig)
        with pytest.raises(RequestError) as refused:
            await rig.gateway.resume(OPERATOR, FB_1)
        assert refused.value.code is Code.NOT_CONNECTED
        await trio.sleep(60)
        assert (await rig.message(sent)).status == "queued"
        await log_in(rig, "messenger", "code-2")
        await rig.reached(sent, "sent")
        rig.check_calm()


@pytest.mark.slow
async def test_a_house_starts_with_a_channel_that_was_taken_back(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await rig.gateway.connector.revoke("fb", signed_request())
    async with open_rig(tmp_path, meta, wanted()) as rig:
        assert rig.channel_state(FB_1) == "needs_reauth"
        sent = await answer(rig)

        await log_in(rig, "messenger", "code-2")

        await rig.reached(sent, "sent")


async def test_data_are_deleted_with_a_code(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")

        done = await rig.gateway.connector.forget("fb", signed_request())

        assert rig.channel_state(FB_1) == "removed"
        assert rig.gateway.connector.deletion(done.code).channels == 1
    async with open_rig(tmp_path, meta, wanted()) as rig:
        assert rig.gateway.connector.deletion(done.code) == done
        again = await rig.gateway.connector.forget("fb", signed_request())
        assert (again.channels, again.code != done.code) == (0, True)


@pytest.mark.parametrize(
    "form", [{}, {"signed_request": "a.b"}, signed_request("x"), signed_request(algorithm="none")]
)
async def test_a_notice_that_is_not_metas_changes_nothing(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock, form: dict[str, str]
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")

        with pytest.raises(RequestError) as refused:
            await rig.gateway.connector.forget("fb", form)

        assert refused.value.code is Code.BAD_NOTICE
        assert rig.channel_state(FB_1) == "active"
