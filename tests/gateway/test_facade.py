"""The gateway as its door sees it: who may see what, and what an operator can do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.facade import Caller, Code, Gateway, RequestError
from omni_actors.policy.rate import Limit
from tests.gateway.kit import (
    OPERATOR,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    spec,
)

STRANGER = caller("acme")
THEIRS = "770011223344557"


@pytest.fixture
async def two_tenants(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> AsyncIterator[Rig]:
    wanted = plan(spec(), spec("theirs", number=THEIRS, tenant="acme"))
    async with open_rig(tmp_path, platform, wanted) as rig:
        yield rig


async def refused(gateway: Gateway, who: Caller, id: str, verb: str) -> Code:
    """With what code a caller is refused something."""
    more = {"patch_context": ({"a": 1}, None)}.get(verb, ())
    named = {"after": "", "limit": 9} if verb == "messages" else {}
    with pytest.raises(RequestError) as problem:
        await getattr(gateway, verb)(who, id, *more, **named)
    return problem.value.code


async def test_nothing_of_one_tenant_is_there_for_another(
    two_tenants: Rig, autojump_clock: MockClock
) -> None:
    rig, gateway = two_tenants, two_tenants.gateway
    await open_window(rig)
    answer = await rig.submit()
    await rig.quiet()
    received = (await rig.events("message.received"))[0]
    message, conversation = answer.message_id, str(received.conversation_id)
    contact = (await gateway.conversation(OPERATOR, conversation)).contact_id

    codes = {
        await refused(gateway, STRANGER, message, "message"),
        await refused(gateway, STRANGER, message, "attempts"),
        await refused(gateway, STRANGER, message, "cancel"),
        await refused(gateway, STRANGER, conversation, "conversation"),
        await refused(gateway, STRANGER, conversation, "messages"),
        await refused(gateway, STRANGER, conversation, "context"),
        await refused(gateway, STRANGER, conversation, "patch_context"),
        await refused(gateway, STRANGER, conversation, "close_conversation"),
        await refused(gateway, STRANGER, contact, "contact"),
        await refused(gateway, STRANGER, "wa", "channel"),
    }

    assert codes == {Code.NOT_FOUND}
    assert (await gateway.conversations(STRANGER, after="", limit=9)).rows == ()
    assert (await gateway.contacts(STRANGER, after="", limit=9)).rows == ()
    assert (await gateway.dead_letters(STRANGER, after="", limit=9)).rows == ()
    assert [view.channel.id for view in await gateway.channels(STRANGER)] == ["theirs"]


async def test_an_operator_sees_every_tenant(two_tenants: Rig, autojump_clock: MockClock) -> None:
    await open_window(two_tenants)
    await open_window(two_tenants, number=THEIRS)

    views = await two_tenants.gateway.channels(OPERATOR)
    threads = await two_tenants.gateway.conversations(OPERATOR, after="", limit=9)

    assert {view.channel.tenant for view in views} == {"default", "acme"}
    assert {thread.tenant for thread in threads.rows} == {"default", "acme"}


async def test_a_stranger_cannot_pause_a_channel(
    two_tenants: Rig, autojump_clock: MockClock
) -> None:
    with pytest.raises(RequestError) as problem:
        await two_tenants.gateway.pause(STRANGER, "wa")

    assert problem.value.code is Code.UNKNOWN_CHANNEL
    assert two_tenants.channel_state() == "active"


async def test_a_key_opens_until_it_is_revoked(rig: Rig, autojump_clock: MockClock) -> None:
    gateway = rig.gateway
    made = await gateway.create_key(OPERATOR, name="bot", tenant="acme", scopes=["messages:write"])
    key, secret = made.key, made.secret
    who = gateway.authenticate(secret)
    assert who is not None
    assert (who.key_id, who.tenant, who.scopes) == (key.id, "acme", frozenset({"messages:write"}))

    await gateway.revoke_key(OPERATOR, key.id)

    assert gateway.authenticate(secret) is None
    assert gateway.authenticate("omni_nothing") is None
    assert gateway.authenticate("x" * 10_000) is None


async def test_the_use_of_a_key_is_noted(rig: Rig, autojump_clock: MockClock) -> None:
    made = await rig.gateway.create_key(OPERATOR, name="bot", tenant="acme", scopes=[])
    used_at = rig.clock.now()
    rig.gateway.authenticate(made.secret)

    await trio.sleep(120)

    assert (await rig.gateway.keys(OPERATOR))[0].last_used_at == used_at


async def test_a_key_that_calls_too_fast_is_told_to_wait(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.gateway.paces.limit = Limit(1, 2)

    waits = [rig.gateway.allow("key") for _ in range(3)]

    assert waits[:2] == [None, None]
    assert waits[2] == pytest.approx(1.0)
    assert rig.gateway.allow("other") is None


async def test_a_context_is_patched_and_guarded_by_its_version(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    thread = str((await rig.events("message.received"))[0].conversation_id)
    gateway = rig.gateway

    first = await gateway.patch_context(OPERATOR, thread, {"a": {"b": 1, "c": 2}}, None)
    second = await gateway.patch_context(OPERATOR, thread, {"a": {"b": None}}, first.version)
    with pytest.raises(RequestError) as stale:
        await gateway.patch_context(OPERATOR, thread, {}, first.version)
    with pytest.raises(RequestError) as huge:
        await gateway.patch_context(OPERATOR, thread, {"x": "y" * 70_000}, None)

    assert second.value == {"a": {"c": 2}}
    assert stale.value.code is Code.VERSION_CONFLICT
    assert huge.value.code is Code.TOO_LARGE


async def test_patches_at_the_same_time_all_take_effect(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    thread = str((await rig.events("message.received"))[0].conversation_id)

    async with trio.open_nursery() as nursery:
        for n in range(4):
            nursery.start_soon(rig.gateway.patch_context, OPERATOR, thread, {f"k{n}": n}, None)

    context = await rig.gateway.context(OPERATOR, thread)
    assert context.value == {f"k{n}": n for n in range(4)}


async def test_what_was_sent_cannot_be_cancelled(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    answer = await rig.submit()
    await rig.reached(answer.message_id, "sent")

    with pytest.raises(RequestError) as problem:
        await rig.gateway.cancel(OPERATOR, answer.message_id)

    assert problem.value.code is Code.TOO_LATE


async def test_attempts_show_what_went_over_the_wire(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    answer = await rig.submit()
    await rig.reached(answer.message_id, "sent")

    attempts = await rig.gateway.attempts(OPERATOR, answer.message_id)

    assert [(attempt.n, attempt.outcome) for attempt in attempts] == [(1, "taken_up")]


async def test_the_handshake_proves_the_hook(rig: Rig, autojump_clock: MockClock) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "42"}

    assert rig.gateway.handshake("meta", asked) == (200, "42")
    assert rig.gateway.handshake("meta", {**asked, "hub.verify_token": "no"}) == (403, "")
    assert rig.gateway.handshake("nobody", asked) == (404, "")


async def test_the_tree_of_actors_names_no_content(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.platform.write("a secret of mine")
    await rig.quiet()

    shown = str(rig.gateway.actors())

    assert "channel/wa" in shown
    assert "conversation/" in shown
    assert "secret" not in shown


async def test_a_house_that_works_is_ready(rig: Rig, autojump_clock: MockClock) -> None:
    assert rig.gateway.readiness().ready

    rig.house.drain_begun.set()

    assert rig.gateway.readiness().reasons == ("draining",)


@pytest.mark.slow
async def test_the_metrics_tell_what_the_store_holds(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.platform.write("nobody's", number="770000000000000")

    told = (await rig.gateway.metrics()).decode().splitlines()

    assert 'omni_store_rows{kind="unclaimed"} 1.0' in told
    assert 'omni_store_rows{kind="dead_letters"} 0.0' in told
