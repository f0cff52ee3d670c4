"""A connected account is let go: its webhooks end, its token is forgotten, nothing is read then."""

from collections import deque
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.store.verbs import ChannelSpec
from tests.gateway.kit import OPERATOR, caller, open_rig, plan
from tests.gateway.meta_far_end import IG, PAGES, Meta, page, refusal
from tests.gateway.test_connecting import (
    FB_1,
    IG_1,
    answer,
    channel,
    later,
    log_in,
    signed_request,
    wanted,
)


@pytest.fixture
def meta() -> Meta:
    return Meta()


async def test_a_channel_is_let_go_and_comes_back_with_its_queue(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await rig.gateway.pause(OPERATOR, FB_1)
        sent = await answer(rig)

        await rig.gateway.connector.let_go(caller(), FB_1)

        view = (await channel(rig, FB_1)).channel
        assert (view.state, FB_1 in rig.house.routes) == ("removed", False)
        assert "disconnected here" in (view.reason or "")
        await later(autojump_clock, 7200)  # nobody orders its webhooks again
        assert meta.subscribed == {}
        assert (await rig.message(sent)).status == "queued"
        await rig.gateway.connector.let_go(caller(), FB_1)  # once more changes nothing

        await log_in(rig, "messenger", "code-2")

        await rig.reached(sent, "sent")
        assert PAGES[0] in meta.subscribed


async def test_the_other_channel_of_a_page_keeps_its_webhooks(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    linked = {"instagram_business_account": {"id": IG, "username": "mughouse"}}
    meta.pages = (page(PAGES[0], 0) | linked,)
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await log_in(rig, "instagram", "code-2", app="fb")

        await rig.gateway.connector.let_go(caller(), FB_1)
        both = PAGES[0] in meta.subscribed
        await rig.gateway.connector.let_go(caller(), IG_1)

        assert (both, PAGES[0] in meta.subscribed) == (True, False)


async def test_a_channel_is_not_let_go_while_the_platform_stumbles(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await trio.sleep(60)
        meta.next_refusals["subscribed_apps"] = deque([refusal(2, text="try later")])

        with pytest.raises(RequestError) as refused:
            await rig.gateway.connector.let_go(caller(), FB_1)

        assert (refused.value.code, rig.channel_state(FB_1)) == (Code.PLATFORM_REFUSED, "active")
        meta.ends["page-token-1"] = 0.0  # one that is good for nothing keeps nobody
        await rig.gateway.connector.let_go(caller(), FB_1)
        reason = (await channel(rig, FB_1)).channel.reason or ""
        assert "would not end its webhooks: the token has expired" in reason


async def test_a_channel_of_the_config_is_let_go_there(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    spec = ChannelSpec("shop", "default", "instagram", IG, {"ig_id": IG}, {"access_token": "t"})
    async with open_rig(tmp_path, meta, plan(spec)) as rig:
        with pytest.raises(RequestError) as refused:
            await rig.gateway.connector.let_go(caller(), "shop")

        assert refused.value.code is Code.CONNECT_UNAVAILABLE
        assert "take it out there" in refused.value.sentence
        with pytest.raises(RequestError) as hidden:
            await rig.gateway.connector.let_go(caller("other"), "shop")
        assert hidden.value.code is Code.NOT_FOUND


async def test_nothing_is_read_any_more_of_an_account_that_was_taken_back(
    tmp_path: Path, meta: Meta, autojump_clock: MockClock
) -> None:
    meta.pages = meta.pages[:1]
    meta.conversations = [{"id": f"t_{n}", "message_count": 1} for n in range(40)]
    async with open_rig(tmp_path, meta, wanted()) as rig:
        await log_in(rig, "messenger")
        await rig.until(lambda: meta.asked("t_3"), within_s=60)

        await rig.gateway.connector.revoke("fb", signed_request())
        await trio.sleep(60)

        assert not meta.asked("t_9")
        with pytest.raises(RequestError) as refused:
            await rig.gateway.sync_history(caller(), FB_1)
        assert "connect its account again" in refused.value.sentence
