"""Where the demo plays: a folder, a config, the pretend platforms and the gateway."""

import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define, field, frozen

from omni_actors.demo.program import Program, open_program
from omni_actors.sandbox import Sandbox, SandboxSettings, open_sandbox

NUMBER = "770011223344556"
CHANNEL = "wa-support"


@frozen
class Account:
    """Where customers write to: an account of the sandbox, and our channel on it."""

    platform: str
    key: str
    channel: str


PHONE = Account("whatsapp", NUMBER, CHANNEL)
PAGE = Account("messenger", "104500000000001", "fb-page")
SHOP = Account("instagram", "17841400000000017", "ig-shop")
BOX = Account("email", "support@example.com", "mail-support")

# Ten answers to one customer, half of them after a restart, would take a minute under the strict
# reading of the pair rule; with one message becoming free every six seconds they pass. The
# channel's own limit is of the same kind, since what was sent before a restart counts after it.
SETTINGS = SandboxSettings(bind="127.0.0.1:0", pair_rule="gcra")

CONFIG = """\
[server]
bind = "{bind}"
public_url = "http://{bind}"

[store]
url = "sqlite:///{data}/omni.db"

[delivery]
unknown_wait_s = {{ whatsapp = 5 }}

[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["sandbox-secret", "sandbox-instagram-secret"]
verify_token = "sandbox-verify"

[[channels]]
id = "{phone.channel}"
platform = "whatsapp"
phone_number_id = "{phone.key}"
access_token = "sandbox-token"
graph_url = "{graph}"
waba_id = "900100200300400"
pair_rate = {{ per_second = 0.16, burst = 40 }}

[[channels]]
id = "{page.channel}"
platform = "messenger"
page_id = "{page.key}"
access_token = "sandbox-page-token"
graph_url = "{graph}"
app_id = "70001"

[[channels]]
id = "{shop.channel}"
platform = "instagram"
ig_id = "{shop.key}"
access_token = "sandbox-instagram-token"
graph_url = "{graph}"
app_id = "70011"

[[channels]]
id = "{box.channel}"
platform = "email"
address = "{box.key}"
name = "Example Support"
password = "sandbox-mail-password"
imap = {{ host = "127.0.0.1", port = {imap}, tls = "plain" }}
smtp = {{ host = "127.0.0.1", port = {smtp}, tls = "plain" }}
authserv_id = "mx.example.com"
rate = {{ per_second = 10, burst = 20 }}
pair_rate = {{ per_second = 1, burst = 20 }}

[bot]
kind = "echo"
"""


@define
class Stage:
    """Everything that a scene needs."""

    program: Program
    sandbox: Sandbox
    control: httpx.AsyncClient
    nursery: trio.Nursery
    say: Callable[[str], None]
    seen: int = field(default=0)

    async def customer(
        self, sender: str, name: str, *, at: Account = PHONE, taken: bool = False, **message: Any
    ) -> str:
        """A customer writes; answers the id of the message on the platform.

        `taken`: only when the gateway has said that it has the message, or was not there.
        """
        document = {"from": sender, "name": name, **message}
        params = {"wait": 1} if taken else {}
        reply = await self.control.post(f"{route(at)}/inbound", json=document, params=params)
        reply.raise_for_status()
        identifier: str = reply.json()["id"]
        return identifier

    async def outbox(self, to: str, at: Account = PHONE) -> list[dict[str, Any]]:
        """What a customer has on the phone, oldest first."""
        reply = await self.control.get(f"{route(at)}/outbox", params={"after": 0, "to": to})
        reply.raise_for_status()
        messages: list[dict[str, Any]] = reply.json()["messages"]
        return messages

    async def until(
        self, to: str, count: int, within_s: float = 20.0, at: Account = PHONE
    ) -> list[dict[str, Any]]:
        """The customer's messages once there are `count` of them, or as many as came in time."""
        with trio.move_on_after(within_s):
            while True:
                grew = self.sandbox.outbox_grew
                if len(messages := await self.outbox(to, at)) >= count:
                    return messages
                await grew.wait()
        return await self.outbox(to, at)

    def arrived(self, phones: Sequence[str]) -> list[list[str]]:
        """The texts on each phone, in the order of their arrival."""
        texts: dict[str, list[str]] = {phone: [] for phone in phones}
        for shown in self.sandbox.platforms["whatsapp"].outboxes[NUMBER].after(0):
            if shown.to in texts:
                texts[shown.to].append(shown.request["text"]["body"])
        return [texts[phone] for phone in phones]

    async def until_arrived(self, phones: Sequence[str], count: int, within_s: float) -> int:
        """How many texts are on these phones: `count`, or as many as came in time."""
        with trio.move_on_after(within_s):
            while True:
                grew = self.sandbox.outbox_grew
                if (total := sum(map(len, self.arrived(phones)))) >= count:
                    return total
                await grew.wait()
        return sum(map(len, self.arrived(phones)))

    async def faults(self, *rules: Mapping[str, Any]) -> None:
        """Let something go wrong on the platform's side."""
        reply = await self.control.post("/sandbox/faults", json=list(rules))
        reply.raise_for_status()

    async def stats(self) -> dict[str, Any]:
        """What the sandbox has counted."""
        document: dict[str, Any] = (await self.control.get("/sandbox/stats")).json()
        return document

    async def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to the gateway, as its operator."""
        async with self.program.operator() as client:
            return await client.request(method, path, **options)

    def point_hook(self) -> None:
        """Tell the pretend platforms where the gateway listens now."""
        self.sandbox.hook_url = f"{self.program.url}/webhooks/meta"


def route(account: Account) -> str:
    """Where the sandbox lets this account be played with."""
    return f"/sandbox/{account.platform}/{account.key}"


@asynccontextmanager
async def open_stage(say: Callable[[str], None]) -> AsyncIterator[Stage]:
    """The whole demo in a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="omni-demo-") as folder:
        async with (
            open_sandbox(SETTINGS) as sandbox,
            httpx.AsyncClient(base_url=sandbox.url, timeout=10) as control,
            trio.open_nursery() as nursery,
        ):
            config = write_config(Path(folder), sandbox)
            async with open_program(config) as program:
                stage = Stage(program, sandbox, control, nursery, say)
                stage.point_hook()
                yield stage
            nursery.cancel_scope.cancel()


def write_config(folder: Path, sandbox: Sandbox) -> Path:
    """A config for this folder and these platforms."""
    data = folder / "data"
    data.mkdir()
    path = folder / "config.toml"
    accounts = {"phone": PHONE, "page": PAGE, "shop": SHOP, "box": BOX}
    ports = {name: place.rpartition(":")[2] for name, place in sandbox.doors.items()}
    places = {"data": data, "graph": sandbox.url, "bind": free_place(), **ports}
    path.write_text(CONFIG.format(**places, **accounts))
    return path


def free_place() -> str:
    """A port for the gateway that is free now: links in mails lead to it, also after a restart."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"
