"""Mail accounts that were connected by a login live on: their tokens are kept fresh, one renewal at
a time, and what only a person can mend waits for that person."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.adapters.email import EMAIL
from omni_actors.gateway.ground import Plan
from omni_actors.gateway.pacing import Pacing
from omni_actors.model.content import Text
from omni_actors.model.requests import SendRequest, To
from omni_actors.policy.rate import Limit
from omni_actors.store.queries import Credentials
from omni_actors.store.verbs import ChannelSpec
from tests.gateway.kit import caller
from tests.gateway.mail_kit import ADDRESS, MailRig, open_mail_rig, plan
from tests.gateway.mail_provider import (
    APPS,
    CLIENT_SECRET,
    PUBLIC,
    Provider,
    log_in,
    refusal,
)
from tests.gateway.test_connecting import database

CHANNEL = "email-support-example.com"
HOUR_S = 3600.0
ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture
def office() -> Provider:
    return Provider()


def wanted(*channels: ChannelSpec) -> Plan:
    pacing = {each.id: Pacing(Limit(1_000, 1_000), None) for each in channels}
    return evolve(plan(), channels=channels, pacing=pacing, apps=APPS, public_url=PUBLIC)


@pytest.fixture
async def rig(tmp_path: Path, office: Provider, clock: MockClock) -> AsyncIterator[MailRig]:
    async with open_mail_rig(tmp_path, office, wanted(), adapter=EMAIL) as opened:
        yield opened
        assert opened.crashes() == []


def raw(name: str) -> bytes:
    return (
        f"From: {ADA}\r\nTo: {ADDRESS}\r\nSubject: {name}\r\nMessage-ID: <{name}@example.org>\r\n"
        f"\r\nHello\r\n"
    ).encode()


async def send(rig: MailRig, to: str = ADA) -> str:
    request = SendRequest(content=Text("hi"), to=To(CHANNEL, to))
    return (await rig.gateway.submit(caller(), request, None, "")).message_id


async def status_of(rig: MailRig, message_id: str) -> str:
    return str((await rig.gateway.message(caller(), message_id)).status)


async def is_sent(rig: MailRig, message_id: str) -> None:
    async def look() -> bool:
        return await status_of(rig, message_id) == "sent"

    await rig.until(look, within_s=HOUR_S)


async def waits(rig: MailRig) -> None:
    """The mailbox is read, and waits for news."""
    await rig.until(lambda: rig.house.mail.healths[CHANNEL].doing == "waiting", within_s=HOUR_S)


def state(rig: MailRig) -> str:
    return str(rig.house.channels[CHANNEL].state)


def reason(rig: MailRig) -> str:
    return rig.house.channels[CHANNEL].reason or ""


async def comes(rig: MailRig, name: str) -> None:
    async def look() -> bool:
        return f"{name}@example.org" in await rig.received()

    await rig.until(look, within_s=HOUR_S)


# ---------------------------------------------------------------- connecting


@pytest.mark.slow
async def test_an_account_is_a_channel_and_its_mailbox_is_read(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    office.deliver(raw("1"))

    landing = await log_in(rig)

    assert landing.ok
    await comes(rig, "1")
    channel = rig.house.channels[CHANNEL]
    assert (channel.channel_key, channel.source, channel.app) == (ADDRESS, "connect", "google")
    assert rig.house.routes[CHANNEL].settings.provider == "gmail"
    await is_sent(rig, await send(rig))


async def test_another_account_than_the_channels_is_refused(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    office.address = "other@example.com"

    landing = await log_in(rig, channel_id=CHANNEL)

    assert not landing.ok
    assert ADDRESS in landing.sentence
    assert "(other@example.com)" in landing.sentence
    assert rig.house.routes[CHANNEL].account.token == "access-0"


async def test_a_mailbox_that_the_token_does_not_open_is_not_connected(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    office.distrust = True

    landing = await log_in(rig, "microsoft")

    assert not landing.ok
    assert "must switch on IMAP" in landing.sentence
    assert CHANNEL not in rig.house.channels


@pytest.mark.slow
async def test_no_token_lies_open_in_the_database(
    tmp_path: Path, office: Provider, clock: MockClock
) -> None:
    async with open_mail_rig(tmp_path, office, wanted(), adapter=EMAIL) as rig:
        await log_in(rig)
        await waits(rig)
        office.end_access()
        await is_sent(rig, await send(rig))

    kept = b"".join([file.read_bytes() for file in database(tmp_path)])
    assert len(office.given) == 4
    for secret in (*office.given, CLIENT_SECRET, "code-1"):
        assert secret.encode() not in kept


# ---------------------------------------------------------------- fresh tokens


@pytest.mark.slow
async def test_a_token_is_renewed_before_its_end_and_the_session_goes_on(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig, "microsoft")
    await waits(rig)
    logins = office.logins

    await trio.sleep(5 * HOUR_S)

    assert office.refreshed == 6
    assert (office.logins, office.refusals) == (logins, 0)
    assert state(rig) == "active"
    stored = rig.store.peek(Credentials(CHANNEL))
    assert (stored["access_token"], stored["refresh_token"]) == ("access-12", "refresh-12")


@pytest.mark.slow
async def test_a_session_that_ends_goes_on_with_the_fresh_token(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await trio.sleep(HOUR_S)
    await office.break_off()
    office.deliver(raw("1"))

    await comes(rig, "1")

    assert office.refusals == 0


@pytest.mark.slow
async def test_a_token_that_ended_early_costs_one_renewal(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.end_access()
    await office.break_off()
    office.deliver(raw("1"))

    await comes(rig, "1")

    assert (office.refreshed, office.refusals) == (1, 1)
    assert state(rig) == "active"


@pytest.mark.slow
async def test_mails_that_meet_an_ended_token_share_one_renewal(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.end_access()

    sent = [await send(rig, to) for to in (ADA, BOB, "cleo@example.org")]

    for message_id in sent:
        await is_sent(rig, message_id)
    assert office.refreshed == 1
    assert len(office.sent) == 3
    assert state(rig) == "active"


@pytest.mark.slow
async def test_while_nobody_gives_tokens_all_waits_and_then_goes_on(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.end_access()
    office.always = refusal("temporarily_unavailable")
    await office.break_off()
    message_id = await send(rig)
    await trio.sleep(240)
    assert state(rig) == "active"
    assert office.refreshed < 30

    office.always = None
    office.deliver(raw("1"))

    await is_sent(rig, message_id)
    await comes(rig, "1")


@pytest.mark.slow
async def test_a_wrong_client_secret_holds_the_queue(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.end_access()
    office.always = refusal("invalid_client", "The provided client secret is invalid.")
    message_id = await send(rig)
    await rig.until(lambda: state(rig) == "broken")

    assert "client_secret of the app is wrong" in reason(rig)
    office.always = None

    await is_sent(rig, message_id)


# ---------------------------------------------------------------- what only a person can mend


@pytest.mark.slow
async def test_access_that_was_taken_back_holds_the_queue_until_the_next_login(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.take_back()
    await office.break_off()
    message_id = await send(rig)
    office.deliver(raw("1"))
    await rig.until(lambda: state(rig) == "needs_reauth")
    await trio.sleep(60)

    assert "invalid_grant" not in reason(rig)
    assert "7 days" in reason(rig)
    assert "Token has been expired or revoked" in reason(rig)
    assert rig.house.mail.healths[CHANNEL].doing == "refused"
    asked, logins = office.refreshed, office.logins
    assert asked == 1
    await trio.sleep(2 * HOUR_S)
    assert (office.refreshed, office.logins) == (asked, logins)
    assert await status_of(rig, message_id) == "queued"
    assert await rig.received() == []

    landing = await log_in(rig, channel_id=CHANNEL)

    assert landing.ok
    await comes(rig, "1")
    await is_sent(rig, message_id)
    assert state(rig) == "active"


@pytest.mark.slow
async def test_a_renewal_that_is_refused_for_good_is_told_before_the_token_ends(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.refreshes.clear()

    await trio.sleep(HOUR_S * 0.85)

    assert state(rig) == "needs_reauth"
    assert office.refreshed == 1
    office.deliver(raw("1"))
    await comes(rig, "1")


@pytest.mark.slow
async def test_a_server_that_takes_no_fresh_token_either_is_left_alone(
    rig: MailRig, office: Provider, clock: MockClock
) -> None:
    await log_in(rig)
    await waits(rig)
    office.distrust = True
    await office.break_off()
    message_id = await send(rig)

    await rig.until(lambda: state(rig) == "needs_reauth")
    await trio.sleep(600)

    assert office.refreshed <= 2
    assert office.refusals <= 6
    assert await status_of(rig, message_id) == "queued"


# ---------------------------------------------------------------- channels of the config


def configured(**credentials: Any) -> ChannelSpec:
    settings = {"address": ADDRESS, "provider": "microsoft365", "login": "oauth"}
    return ChannelSpec(CHANNEL, "default", "email", ADDRESS, settings, credentials, app="microsoft")


@pytest.mark.slow
async def test_a_channel_of_the_config_lives_by_its_refresh_token(
    tmp_path: Path, office: Provider, clock: MockClock
) -> None:
    office.refreshes.add("refresh-of-config")
    kept = wanted(configured(refresh_token="refresh-of-config"))
    async with open_mail_rig(tmp_path, office, kept, adapter=EMAIL) as rig:
        office.deliver(raw("1"))
        await comes(rig, "1")
        await is_sent(rig, await send(rig))
        await trio.sleep(3 * HOUR_S)
        refreshed = office.refreshed
        assert refreshed == 4
    async with open_mail_rig(tmp_path, office, kept, adapter=EMAIL) as rig:
        office.deliver(raw("2"))
        await comes(rig, "2")

        assert office.refreshed == refreshed
        assert state(rig) == "active"


@pytest.mark.slow
async def test_another_refresh_token_in_the_config_takes_the_place_of_what_came_of_the_old(
    tmp_path: Path, office: Provider, clock: MockClock
) -> None:
    office.refreshes |= {"one", "two"}
    kept = wanted(configured(refresh_token="one"))
    async with open_mail_rig(tmp_path, office, kept, adapter=EMAIL) as rig:
        await waits(rig)
        office.take_back()
        office.refreshes.add("two")
        await office.break_off()
        await rig.until(lambda: state(rig) == "needs_reauth")

        await rig.house.reload(wanted(configured(refresh_token="two")))
        office.deliver(raw("1"))

        await comes(rig, "1")
        assert state(rig) == "active"
