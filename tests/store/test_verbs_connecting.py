"""Channels of connected accounts: made, given new tokens, renewed, and taken back."""

from typing import Any

import pytest
from attrs import evolve

from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState
from omni_actors.store.connecting import (
    BeginConnection,
    ConnectChannel,
    Connection,
    ConnectionById,
    Deletion,
    DeletionByCode,
    Disconnect,
    EndConnection,
    EnsureKey,
    Find,
    Grant,
    Grants,
    KeepGrant,
    LoseConnections,
    NoteInspection,
    OfferAccounts,
    Offered,
    RenewToken,
    TakeConnection,
    TellStanding,
    Treasure,
    TreasureOf,
    fingerprint,
)
from omni_actors.store.contract import Refused
from omni_actors.store.queries import Channels, Credentials, LastCursor
from omni_actors.store.rows import ANY_TENANT, ApiKey, Channel
from omni_actors.store.verbs import (
    ChannelSpec,
    CreateKey,
    Retention,
    RevokeKey,
    SetChannelState,
    Sweep,
    SyncChannels,
)
from tests.store.conftest import CHANNELS, Desk

CONNECTION = Connection(
    "con_1", "default", "key_1", "messenger", "facebook", "https://gw/callback", None, 10.0, 900.0
)
FOUND = Find("991", "Mug House", {"page_id": "991"}, None, "page-token", None)
TREASURE = Treasure(("4242",), (FOUND,))
PAGE = ChannelSpec(
    "page", "default", "messenger", "991", {"page_id": "991"}, {"access_token": "page-token"}
)


def connect(spec: ChannelSpec = PAGE, at: float = 20.0) -> ConnectChannel:
    grant = Grant(spec.id, fingerprint(str(spec.credentials["access_token"])), at, at + 100.0)
    return ConnectChannel(spec, "facebook", ("4242",), grant, at)


def with_token(token: str, spec: ChannelSpec = PAGE, **changes: Any) -> ChannelSpec:
    return evolve(spec, credentials={"access_token": token}, **changes)


def channel(desk: Desk, channel_id: str) -> Channel:
    found: dict[str, Channel] = {one.id: one for one in desk.ask(Channels(ANY_TENANT))}
    return found[channel_id]


async def refusal(desk: Desk, verb: Any) -> str:
    with pytest.raises(Refused) as refused:
        await desk.do(verb)
    return refused.value.code


# ---------------------------------------------------------------- connectings


async def test_a_state_is_used_up_once(desk: Desk) -> None:
    await desk.do(BeginConnection(CONNECTION))

    assert (await desk.do(TakeConnection("con_1", 20.0))).status == "working"
    assert await refusal(desk, TakeConnection("con_1", 21.0)) == "connection_used"


async def test_a_state_of_a_revoked_key_is_worth_nothing(desk: Desk) -> None:
    await desk.do(CreateKey(ApiKey("key_1", "default", "ci", (), "ab" * 32, 1.0), "s3cret"))
    await desk.do(BeginConnection(CONNECTION))
    await desk.do(RevokeKey("key_1", 15.0))

    assert await refusal(desk, TakeConnection("con_1", 20.0)) == "connection_revoked"


async def test_what_was_found_is_kept_until_it_is_chosen(desk: Desk) -> None:
    offered = (Offered("991", "Mug House", None, None),)
    await desk.do(BeginConnection(CONNECTION))
    await desk.do(OfferAccounts("con_1", TREASURE, offered, 1800.0))

    assert desk.ask(TreasureOf("con_1")) == TREASURE
    found = desk.ask(ConnectionById("default", "con_1"))
    assert (found.status, found.accounts, found.expires_at) == ("choosing", offered, 1800.0)

    await desk.do(EndConnection("con_1", channels=("page",)))

    assert desk.ask(TreasureOf("con_1")) is None
    assert desk.ask(ConnectionById(ANY_TENANT, "con_1")).channels == ("page",)


async def test_what_nobody_chose_is_forgotten(desk: Desk) -> None:
    await desk.do(BeginConnection(CONNECTION))
    await desk.do(OfferAccounts("con_1", TREASURE, (), 1800.0))

    await desk.do(Sweep(1801.0, Retention(), 100))

    assert desk.ask(TreasureOf("con_1")) is None
    assert desk.ask(ConnectionById(ANY_TENANT, "con_1")).status == "failed"
    await desk.do(Sweep(10.0 + 86401.0, Retention(), 100))
    assert desk.ask(ConnectionById(ANY_TENANT, "con_1")) is None


async def test_what_a_crash_interrupted_says_so(desk: Desk) -> None:
    await desk.do(BeginConnection(CONNECTION))
    await desk.do(TakeConnection("con_1", 20.0))

    await desk.do(LoseConnections("begin again"))

    lost = desk.ask(ConnectionById(ANY_TENANT, "con_1"))
    assert (lost.status, lost.problem) == ("failed", "begin again")


async def test_a_key_of_the_house_stays_the_first(desk: Desk) -> None:
    assert await desk.do(EnsureKey("states", b"1" * 32)) == b"1" * 32
    assert await desk.do(EnsureKey("states", b"2" * 32)) == b"1" * 32


# ---------------------------------------------------------------- channels


async def test_a_connected_channel_survives_a_sync_of_the_config(desk: Desk) -> None:
    made = await desk.do(connect())
    assert (made.state, made.source, made.app) == ("active", "connect", "facebook")

    await desk.do(SyncChannels(CHANNELS, 30.0))

    assert channel(desk, "page").state == "active"
    assert desk.ask(Credentials("page")) == {"access_token": "page-token"}


async def test_a_channel_is_told_of_when_it_begins(desk: Desk) -> None:
    before = desk.ask(LastCursor())

    await desk.do(connect())

    assert desk.ask(LastCursor()) == before + 1


async def test_connecting_again_gives_a_new_token_and_wakes_the_channel(desk: Desk) -> None:
    await desk.do(connect())
    stop = SetChannelState("default", "page", ChannelState.NEEDS_REAUTH, "expired", 25.0)
    await desk.do(stop)

    again = await desk.do(connect(with_token("second", id="another")))

    assert (again.id, again.state) == ("page", "active")
    assert desk.ask(Credentials("page")) == {"access_token": "second"}
    assert [grant.fingerprint for grant in desk.ask(Grants())] == [fingerprint("second")]


async def test_what_an_operator_paused_stays_paused(desk: Desk) -> None:
    await desk.do(connect())
    await desk.do(SetChannelState("default", "page", ChannelState.PAUSED, "holiday", 25.0))

    assert (await desk.do(connect(with_token("second")))).state == "paused"


async def test_a_channel_of_the_config_stays_the_configs(desk: Desk) -> None:
    theirs = next(spec for spec in CHANNELS if spec.id == "fb")

    again = await desk.do(connect(with_token("connected", theirs, id="whatever")))

    assert (again.id, again.source) == ("fb", "config")
    assert desk.ask(Credentials("fb")) == {"access_token": "connected"}
    await desk.do(SyncChannels(CHANNELS, 30.0))
    assert desk.ask(Credentials("fb")) == {"access_token": "connected"}
    changed = tuple(with_token("new", s) if s.id == "fb" else s for s in CHANNELS)
    await desk.do(SyncChannels(changed, 40.0))
    assert desk.ask(Credentials("fb")) == {"access_token": "new"}


async def test_neither_an_account_nor_an_id_is_taken_from_another(desk: Desk) -> None:
    await desk.do(connect())

    others = with_token("x", tenant="other", id="theirs")
    assert await refusal(desk, connect(others)) == "channel_taken"
    assert await refusal(desk, connect(with_token("x", channel_key="992"))) == "channel_taken"
    assert desk.ask(Credentials("page")) == {"access_token": "page-token"}


# ---------------------------------------------------------------- what lasts


async def test_a_renewed_token_takes_the_place_of_the_one_that_it_came_of(desk: Desk) -> None:
    await desk.do(connect())
    fresh = Grant("page", fingerprint("next"), 50.0, 150.0, renewed_at=50.0)

    assert await desk.do(RenewToken(fingerprint("page-token"), "next", fresh)) is not None

    assert desk.ask(Credentials("page")) == {"access_token": "next"}
    assert desk.ask(Grants()) == (fresh,)
    late = RenewToken(fingerprint("page-token"), "late", evolve(fresh, fingerprint="late"))
    assert await desk.do(late) is None
    assert desk.ask(Credentials("page")) == {"access_token": "next"}


async def test_what_is_learned_of_an_old_token_says_nothing_of_the_new(desk: Desk) -> None:
    await desk.do(connect())
    old = desk.ask(Grants())[0]
    await desk.do(KeepGrant(evolve(old, fingerprint="new", expires_at=500.0)))

    await desk.do(NoteInspection(evolve(old, expires_at=60.0, inspected_at=55.0)))

    assert [(g.expires_at, g.inspected_at) for g in desk.ask(Grants())] == [(500.0, None)]


async def test_a_standing_is_told_of_when_it_is_news(desk: Desk) -> None:
    await desk.do(connect())
    bad = Standing("subscription", ok=False, sentence="No webhooks come.", at=30.0)
    good = Standing("subscription", ok=True, sentence="They come.", at=40.0)

    told = [
        await desk.do(TellStanding("page", "subscription", "warning", each))
        for each in (good, bad, evolve(bad, at=35.0), good, evolve(good, at=50.0))
    ]

    assert told == [False, True, False, True, False]


# ---------------------------------------------------------------- taking back


async def test_taking_back_forgets_the_token_and_who_it_was(desk: Desk) -> None:
    await desk.do(connect())
    verb = Disconnect("facebook", "4242", ChannelState.NEEDS_REAUTH, "taken back", 60.0)

    [gone] = await desk.do(verb)

    assert (gone.state, gone.reason, gone.connected) == ("needs_reauth", "taken back", False)
    with pytest.raises(Refused):
        desk.ask(Credentials("page"))
    assert desk.ask(Grants()) == ()
    assert await desk.do(verb) == ()
    resume = SetChannelState("default", "page", ChannelState.ACTIVE, None, 70.0)
    assert await refusal(desk, resume) == "not_connected"
    assert (await desk.do(connect(with_token("again")))).state == "active"


async def test_what_was_taken_back_stays_so_until_the_config_says_another_token(
    desk: Desk,
) -> None:
    await desk.do(SyncChannels((*CHANNELS, with_token("from-config")), 10.0))
    await desk.do(connect())
    taken = Disconnect("facebook", "4242", ChannelState.NEEDS_REAUTH, "revoked", 30.0)
    await desk.do(taken)

    await desk.do(SyncChannels((*CHANNELS, with_token("from-config")), 40.0))
    still = channel(desk, "page")
    await desk.do(SyncChannels((*CHANNELS, with_token("another")), 50.0))

    assert (still.state, still.connected, still.reason) == ("needs_reauth", False, "revoked")
    assert (channel(desk, "page").state, channel(desk, "page").connected) == ("active", True)
    assert desk.ask(Credentials("page")) == {"access_token": "another"}


async def test_only_what_was_connected_through_the_app_is_taken_back(desk: Desk) -> None:
    await desk.do(connect())

    for app, subject in (("instagram", "4242"), ("facebook", "1")):
        verb = Disconnect(app, subject, ChannelState.NEEDS_REAUTH, "taken back", 60.0)
        assert await desk.do(verb) == ()

    assert channel(desk, "page").connected


async def test_a_deletion_is_remembered_without_the_person(desk: Desk) -> None:
    await desk.do(BeginConnection(CONNECTION))
    await desk.do(OfferAccounts("con_1", TREASURE, (), 1800.0))
    await desk.do(connect())
    verb = Disconnect("facebook", "4242", ChannelState.REMOVED, "deleted", 60.0, "c0de")

    await desk.do(verb)

    assert channel(desk, "page").state == "removed"
    assert desk.ask(DeletionByCode("c0de")) == Deletion("c0de", "facebook", 1, 60.0)
    assert desk.ask(ConnectionById(ANY_TENANT, "con_1")) is None
    assert (await desk.do(connect(with_token("again")))).state == "active"


async def test_a_rotated_refresh_token_is_kept_with_the_token_that_came_with_it(
    desk: Desk,
) -> None:
    spec = evolve(PAGE, credentials={"access_token": "page-token", "refresh_token": "first"})
    await desk.do(connect(spec))
    fresh = Grant("page", fingerprint("next"), 50.0, 150.0, renewed_at=50.0)

    await desk.do(RenewToken(fingerprint("page-token"), "next", fresh, "second"))
    assert desk.ask(Credentials("page")) == {"access_token": "next", "refresh_token": "second"}

    again = evolve(fresh, fingerprint=fingerprint("third"))
    await desk.do(RenewToken(fingerprint("next"), "third", again))
    assert desk.ask(Credentials("page")) == {"access_token": "third", "refresh_token": "second"}


async def test_a_channel_of_the_config_is_of_the_app_that_it_names(desk: Desk) -> None:
    named = tuple(evolve(s, app="mine") if s.id == "fb" else s for s in CHANNELS)
    await desk.do(SyncChannels(named, 10.0))
    assert channel(desk, "fb").app == "mine"

    theirs = next(spec for spec in named if spec.id == "fb")
    await desk.do(connect(with_token("connected", theirs)))
    await desk.do(SyncChannels(named, 30.0))

    assert channel(desk, "fb").app == "facebook"
