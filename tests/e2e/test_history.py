"""Old conversations over real sockets: read by the built program, through a kill in the middle."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from tests.e2e.kit import (
    PATIENCE_S,
    SECRET,
    Setup,
    Site,
    command,
    environment,
    patiently,
    write_config,
)
from tests.e2e.test_messaging_contents import ACCOUNT, CHANNELS, IGSID, OWN, PAGE

pytestmark = pytest.mark.e2e
PEOPLE = [f"73000000000001{n:02}" for n in range(8)]


@asynccontextmanager
async def open_site(folder: Path) -> AsyncIterator[Site]:
    """The program with a page and two accounts, not yet started: nobody gets webhooks of them."""
    accounts = (
        MessengerAccount(subscribed=False),
        InstagramAccount(subscribed=False),
        evolve(INSTAGRAM_LOGIN, app_secret=SECRET, subscribed=False),
    )
    settings = SandboxSettings(bind="127.0.0.1:0", limits=True, accounts=accounts)
    async with (
        open_sandbox(settings) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, timeout=PATIENCE_S) as control,
        trio.open_nursery() as nursery,
    ):
        tables = CHANNELS.format(page=PAGE, account=ACCOUNT, own=OWN, graph=sandbox.url)
        setup = Setup(bot="echo", lines=(), more=tables)
        program = Program(write_config(folder, setup, sandbox.url), folder / "gateway.log")
        site = Site(folder, setup, program, sandbox, control, nursery)
        try:
            yield site
        finally:
            with trio.CancelScope(shield=True):
                if program.process is not None:
                    await program.kill()
            nursery.cancel_scope.cancel()


async def writes(site: Site, platform: str, key: str, **what: Any) -> None:
    answer = await site.control.post(f"/sandbox/{platform}/{key}/inbound", json=what)
    assert answer.status_code == 200, answer.text


async def history(site: Site, channel: str, *states: str) -> dict[str, Any]:
    """How far a channel's old conversations are read, once it has one of these states."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await site.get(f"/v1/channels/{channel}"))["history"]
        return found if found is not None and found["state"] in states else None

    found = await patiently(look)
    assert found is not None
    return found


async def run(site: Site, *words: str) -> tuple[int, str, str]:
    """A command of ours at the program: its exit code and what it told."""
    places = ["--config", str(site.folder / "config.toml"), "--url", site.program.url]
    key = ["--key-file", str(site.folder / "data" / "operator.key")]
    ended = await trio.run_process(
        command(*words, *places, *key),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env=environment(),
    )
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def sent(site: Site) -> int:
    """How many messages the customers of all accounts got."""
    boxes = [site.sandbox.platforms[name].outboxes for name in ("messenger", "instagram")]
    return sum(len(list(box.after(0))) for each in boxes for box in each.values())


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_a_reading_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        for who in PEOPLE:
            await writes(site, "messenger", PAGE, **{"from": who}, text=f"I am {who}")
        await site.start()
        asked = await site.call("POST", "/v1/channels/fb-page/history:sync")
        assert asked.status_code == 202, asked.text

        async def has_begun() -> bool:
            found = await history(site, "fb-page", "waiting", "running")
            return int(found["conversations"]) >= 2

        await patiently(has_begun)
        await site.kill_and_start()
        found = await history(site, "fb-page", "done")

        assert found["conversations"] == len(PEOPLE)
        conversations = await site.items("/v1/conversations")
        there = [
            message["content"]["text"]
            for one in conversations
            for message in await site.items(f"/v1/conversations/{one['id']}/messages")
        ]
        assert sorted(there) == [f"I am {who}" for who in PEOPLE]
        assert len(await site.events("message.synced")) == len(PEOPLE)
        assert sent(site) == 0


@pytest.mark.slow
async def test_the_command_reads_accounts_of_either_login_and_shows_the_progress(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path) as site:
        picture = {"content_base64": base64.b64encode(png(8, 8)).decode(), "mime_type": "image/png"}
        attachment = {"type": "image", "payload": picture}
        for key in (ACCOUNT, OWN):
            await writes(site, "instagram", key, **{"from": IGSID}, text="Do you ship to Porto?")
            await writes(
                site, "instagram", key, **{"from": IGSID}, message={"attachments": [attachment]}
            )
        await site.start()

        for channel in ("ig-page", "ig-own"):
            code, out, err = await run(site, "sync", channel)
            assert code == 0, err
            assert f"{channel} is done: 2 messages of 1 conversations read" in out
            code, out, err = await run(site, "sync", channel, "--json")
            told = json.loads(out)
            assert (told["state"], told["messages"], told["added"]) == ("done", 2, 0)

        async def fetched() -> bool:
            return len(await site.events("media.ready")) == 2

        await patiently(fetched)
        assert await site.events("media.failed") == []
        assert sent(site) == 0
        assert (await run(site, "sync", "nobody"))[0] == 4
