"""Accounts are connected over real sockets: by the command line, through the pretend logins."""

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trio
from attrs import define, field

from omni_actors.actors.clock import Clock
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.app import open_gateway
from omni_actors.config import Config, load
from omni_actors.demo.program import Program
from omni_actors.gateway import grant_desk, keys
from omni_actors.gateway.facade import Caller, Gateway
from omni_actors.gateway.staff import GRANTS
from omni_actors.sandbox import (
    INSTAGRAM_LOGIN,
    InstagramAccount,
    MessengerAccount,
    Sandbox,
    SandboxSettings,
    open_sandbox,
)
from omni_actors.store.rows import ANY_TENANT
from tests.e2e.kit import PATIENCE_S, Setup, Site, command, environment, patiently, write_config

pytestmark = pytest.mark.e2e

PAGE, OTHER_PAGE = "104500000000001", "104500000000002"
IG_BEHIND, IG_OWN = "17841400000000009", "17841400000000017"
CUSTOMER = "7300000000000001"
DAY_S = 86400.0
OPERATOR = Caller("key_operator", ANY_TENANT, frozenset(keys.SCOPES), "operator")

APPS = """
[[apps]]
id = "facebook"
kind = "facebook"
app_id = "70001"
app_secret = "sandbox-secret"
dialog_url = "{url}"
graph_url = "{url}"

[[apps]]
id = "instagram"
kind = "instagram"
app_id = "70011"
app_secret = "sandbox-instagram-secret"
dialog_url = "{url}"
api_url = "{url}"
graph_url = "{url}"

[[hooks]]
id = "own"
kind = "meta"
app_secrets = ["sandbox-instagram-secret"]
verify_token = "sandbox-verify"
"""
ACCOUNTS = (
    MessengerAccount(subscribed=False),
    MessengerAccount(page_id=OTHER_PAGE, name="Sandbox Cocoa", subscribed=False),
    InstagramAccount(),
    INSTAGRAM_LOGIN,
)


def free_port() -> int:
    """A port that nobody uses now; a redirect address must be known before the start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def setup_for(sandbox: Sandbox) -> Setup:
    return Setup(bind=f"127.0.0.1:{free_port()}", lines=(), more=APPS.replace("{url}", sandbox.url))


@asynccontextmanager
async def open_platforms() -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    settings = SandboxSettings(bind="127.0.0.1:0", limits=False, accounts=ACCOUNTS)
    async with (
        open_sandbox(settings) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, timeout=PATIENCE_S) as control,
    ):
        yield sandbox, control


@asynccontextmanager
async def open_connecting_site(folder: Path) -> AsyncIterator[Site]:
    """The program with apps and without channels."""
    async with open_platforms() as (sandbox, control), trio.open_nursery() as nursery:
        setup = setup_for(sandbox)
        program = Program(write_config(folder, setup, sandbox.url), folder / "gateway.log")
        site = Site(folder, setup, program, sandbox, control, nursery)
        try:
            await site.start()
            yield site
        finally:
            with trio.CancelScope(shield=True):
                if program.process is not None:
                    await program.kill()
            nursery.cancel_scope.cancel()


async def consented(control: httpx.AsyncClient, url: str, **form: str) -> str:
    """A person opens the login page and agrees: where their browser is sent."""
    page = await control.get(url)
    assert "<form" in page.text
    answer = await control.post(url, data={"decision": "allow", **form})
    assert answer.status_code == 302, answer.text
    location: str = answer.headers["Location"]
    return location


async def connected_by_command(site: Site, *arguments: str) -> list[dict[str, Any]]:
    """Run `omni-actors connect`, log in as it says, and answer the channels that it shows."""
    site_config = str(site.folder / "config.toml")
    key = str(site.folder / "data" / "operator.key")
    words = ["connect", *arguments, "--json", "--config", site_config, "--key-file", key]
    process = await trio.lowlevel.open_process(
        command(*words), stdout=-1, stderr=-1, env=environment()
    )
    assert process.stdout is not None
    lines = Lines(process.stdout)
    begun = json.loads(await lines.next())
    back = await consented(site.control, begun["url"])
    landed = await site.control.get(back)
    assert landed.status_code == 200, landed.text
    shown = [json.loads(line) async for line in lines]
    assert await process.wait() == 0
    return shown


async def let_go_by_command(site: Site, channel_id: str) -> None:
    """Run `omni-actors disconnect`."""
    there = ["--config", str(site.folder / "config.toml")]
    there += ["--key-file", str(site.folder / "data" / "operator.key")]
    words = command("disconnect", channel_id, *there)
    done = await trio.run_process(words, capture_stdout=True, env=environment())
    assert b"removed" in done.stdout


@define
class Lines:
    """What a program prints, a line at a time."""

    stream: trio.abc.ReceiveStream
    rest: bytes = b""

    async def next(self) -> bytes:
        while b"\n" not in self.rest:
            chunk = await self.stream.receive_some()
            if not chunk:
                return b""
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def __aiter__(self) -> "Lines":
        return self

    async def __anext__(self) -> bytes:
        if line := await self.next():
            return line
        raise StopAsyncIteration


async def state_of(site: Site, channel_id: str) -> str:
    state: str = (await site.get(f"/v1/channels/{channel_id}"))["state"]
    return state


async def test_a_page_is_connected_by_the_command_line_and_lives(tmp_path: Path) -> None:
    async with open_connecting_site(tmp_path) as site:
        shown = await connected_by_command(site, "messenger", "--account", PAGE)

        assert [(row["id"], row["state"]) for row in shown] == [(f"messenger-{PAGE}", "active")]
        await site.kill_and_start()
        said = {"from": CUSTOMER, "text": "Are you open?"}
        await site.control.post(f"/sandbox/messenger/{PAGE}/inbound", json=said)

        async def echoed() -> list[Any]:
            outbox = await site.control.get(f"/sandbox/messenger/{PAGE}/outbox")
            messages: list[Any] = outbox.json()["messages"]
            return messages

        assert await patiently(echoed)
        assert (await site.control.get(f"/sandbox/messenger/{PAGE}/standing")).json()["subscribed"]
        await let_go_by_command(site, f"messenger-{PAGE}")
        assert await state_of(site, f"messenger-{PAGE}") == "removed"
        left = await site.control.get(f"/sandbox/messenger/{PAGE}/standing")
        assert left.json()["subscribed"] is False
        untouched = await site.control.get(f"/sandbox/messenger/{OTHER_PAGE}/standing")
        assert untouched.json()["subscribed"] is False
        check_secrets(site)


async def test_every_flavour_of_instagram_is_connected(tmp_path: Path) -> None:
    async with open_connecting_site(tmp_path) as site:
        behind = await connected_by_command(site, "instagram", "--app", "facebook")
        own = await connected_by_command(site, "instagram", "--app", "instagram")

        assert [row["channel_key"] for row in (*behind, *own)] == [IG_BEHIND, IG_OWN]
        assert [row["settings"]["login"] for row in (*behind, *own)] == ["facebook", "instagram"]
        check_secrets(site)


async def test_a_person_takes_it_back_and_comes_again(tmp_path: Path) -> None:
    async with open_connecting_site(tmp_path) as site:
        channel_id = f"messenger-{PAGE}"
        await connected_by_command(site, "messenger", "--account", PAGE)
        apps = f"{site.program.url}/v1/apps/facebook"

        told = await site.control.post(
            f"/sandbox/messenger/{PAGE}/deauthorize", json={"url": f"{apps}/deauthorize"}
        )
        assert told.json()["status"] == 200, told.text
        assert await state_of(site, channel_id) == "needs_reauth"

        await connected_by_command(site, "messenger", "--channel", channel_id)
        assert await state_of(site, channel_id) == "active"

        told = await site.control.post(
            f"/sandbox/messenger/{PAGE}/data_deletion", json={"url": f"{apps}/data-deletion"}
        )
        answer = told.json()["answer"]
        assert answer["url"].endswith(f"/deletions/{answer['confirmation_code']}")
        page = await site.control.get(answer["url"])
        assert (page.status_code, "carried out" in page.text) == (200, True)
        await site.kill_and_start()
        assert await state_of(site, channel_id) == "removed"
        check_secrets(site)


def check_secrets(site: Site) -> None:
    """No token and no secret in the log, nor in the open in the database."""
    log = site.program.log.read_bytes()
    kept = b"".join([file.read_bytes() for file in (site.folder / "data").glob("omni.db*")])
    tokens = [token.encode() for token in tokens_of(site.sandbox)]
    assert tokens
    for secret in (*tokens, b"sandbox-secret", b"sandbox-instagram-secret"):
        assert secret not in log
        assert secret not in kept


def tokens_of(sandbox: Sandbox) -> list[str]:
    """Every token that the platforms gave out."""
    platform: Any = sandbox.platforms["messenger"]
    return [value for value in platform.world.book.tokens if not value.startswith("sandbox-")]


# ---------------------------------------------------------------- time


class MovableClock(Clock):
    """The gateway's own time, which a test moves."""

    def forward(self, seconds: float) -> None:
        self._offset += seconds


@define
class Household:
    """The gateway in this process, on the real pretend platforms, with both clocks in hand."""

    config: Config
    sandbox: Sandbox
    control: httpx.AsyncClient
    clock: MovableClock = field(factory=MovableClock)

    async def later(self, gateway: Gateway, seconds: float) -> None:
        """Let time pass for both sides."""
        await self.platforms_later(seconds)
        self.clock.forward(seconds)
        gateway.house.nudge(GRANTS, grant_desk.Look())

    async def platforms_later(self, seconds: float) -> None:
        answer = await self.control.post("/sandbox/clock", json={"advance_s": seconds})
        assert answer.status_code == 200, answer.text

    async def connect(self, gateway: Gateway, platform: str, app: str, **more: Any) -> str:
        """Connect an account; its channel."""
        begun = await gateway.connector.begin(OPERATOR, platform, app, more.get("channel_id"), None)
        back = urlsplit(await consented(self.control, begun.url, accounts=more.get("key", IG_OWN)))
        query = {name: values[0] for name, values in parse_qs(back.query).items()}
        landing = await gateway.connector.land(platform, query)
        assert landing.ok, landing
        done = await gateway.connector.connection(OPERATOR, begun.connection.id)
        return done.channels[0]


@asynccontextmanager
async def open_household(folder: Path) -> AsyncIterator[Household]:
    async with open_platforms() as (sandbox, control):
        path = write_config(folder, setup_for(sandbox), sandbox.url)
        yield Household(load(path, {}, ADAPTERS, HOOK_KINDS), sandbox, control)


def token_of(gateway: Gateway, channel_id: str) -> str:
    return gateway.house.routes[channel_id].account.token


async def until(truth: Callable[[], bool]) -> None:
    async def look() -> bool:
        return truth()

    await patiently(look)


async def test_a_token_is_renewed_before_its_end_and_asked_for_after_it(tmp_path: Path) -> None:
    async with open_household(tmp_path) as home:
        async with open_gateway(home.config, clock=home.clock) as gateway:
            channel_id = await home.connect(gateway, "instagram", "instagram")
            first = token_of(gateway, channel_id)

            await home.later(gateway, 49 * DAY_S)
            await until(lambda: token_of(gateway, channel_id) != first)
            assert gateway.house.channels[channel_id].state == "active"
            second = token_of(gateway, channel_id)

        await home.platforms_later(61 * DAY_S)
        home.clock.forward(61 * DAY_S)
        async with open_gateway(home.config, clock=home.clock) as gateway:
            assert token_of(gateway, channel_id) == second
            await until(lambda: gateway.house.channels[channel_id].state == "needs_reauth")
            assert "the token has expired" in (gateway.house.channels[channel_id].reason or "")

            again = await home.connect(gateway, "instagram", "instagram", channel_id=channel_id)

            assert again == channel_id
            assert gateway.house.channels[channel_id].state == "active"


async def test_a_subscription_that_was_lost_is_ordered_again(tmp_path: Path) -> None:
    async with (
        open_household(tmp_path) as home,
        open_gateway(home.config, clock=home.clock) as gateway,
    ):
        channel_id = await home.connect(gateway, "messenger", "facebook", key=PAGE)
        standing = f"/sandbox/messenger/{PAGE}/standing"
        assert (await home.control.get(standing)).json()["subscribed"] is True
        await until(
            lambda: GRANTS in {cell.address for cell in gateway.house.ground.system.snapshot()}
        )
        await home.control.post(standing, json={"subscribed": False})

        async def back() -> bool:
            await home.later(gateway, 3700)
            return bool((await home.control.get(standing)).json()["subscribed"])

        assert await patiently(back)

        events, _ = await gateway.events(OPERATOR, after=0, limit=500, types=["channel.reported"])
        told = [event.detail["kind"] for event in events if event.channel_id == channel_id]
        assert "subscription" in told
