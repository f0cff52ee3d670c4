"""The built program over real sockets: its config, the pretend platforms, its callers."""

import hmac
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import trio
from attrs import define, field, frozen

from omni_actors.demo.program import Program
from omni_actors.sandbox import (
    EmailAccount,
    Sandbox,
    SandboxSettings,
    WhatsAppAccount,
    open_sandbox,
)
from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount

T = TypeVar("T")

NUMBER = "770011223344556"
CHANNEL = "wa-support"
SECRET = "sandbox-secret"
PATIENCE_S = 30.0
LOOK_EVERY_S = 0.05
TLS = ssl.create_default_context()  # one for all clients: making one takes longer than a request

CONFIG = """\
[server]
bind = "{bind}"

[store]
url = "sqlite:///{data}/omni.db"

[delivery]
unknown_wait_s = {{ whatsapp = 1, messenger = 1, instagram = 1, email = 1 }}

[drain]
notice_s = {notice_s}
deadline_s = {deadline_s}

[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["sandbox-secret"]
verify_token = "sandbox-verify"

[bot]
kind = "{bot}"
"""
CHANNEL_TABLE = """
[[channels]]
id = "{id}"
platform = "whatsapp"
tenant = "{tenant}"
phone_number_id = "{number}"
access_token = "{token}"
graph_url = "{graph}"
rate = {{ per_second = 2000, burst = 2000 }}
pair_rate = {{ per_second = 1000, burst = 1000 }}
"""


@frozen
class Line:
    """One channel of the config, an account of the sandbox."""

    id: str = CHANNEL
    number: str = NUMBER
    tenant: str = "default"
    token: str = "sandbox-token"


@frozen
class Setup:
    """What a config says besides where things are."""

    bot: str = "echo"
    notice_s: float = 0
    deadline_s: float = 25
    bind: str = "127.0.0.1:0"
    lines: tuple[Line, ...] = (Line(),)
    more: str = ""
    others: tuple[MessengerAccount | InstagramAccount | EmailAccount, ...] = ()
    """Accounts of the sandbox for the channels in `more`, where `{graph}` is its address, and
    `{smtp}` and `{imap}` are the ports of its mail servers."""

    def text(self, data: Path, graph: str, doors: Mapping[str, str] | None = None) -> str:
        """The config as it is written."""
        head = CONFIG.format(
            bind=self.bind,
            data=data,
            bot=self.bot,
            notice_s=self.notice_s,
            deadline_s=self.deadline_s,
        )
        tables = [
            CHANNEL_TABLE.format(
                id=line.id, tenant=line.tenant, number=line.number, token=line.token, graph=graph
            )
            for line in self.lines
        ]
        more = self.more.replace("{graph}", graph)
        for name, place in (doors or {}).items():
            more = more.replace(f"{{{name}}}", place.rpartition(":")[2])
        return head + "".join(tables) + more


def write_config(
    folder: Path, setup: Setup, graph: str, doors: Mapping[str, str] | None = None
) -> Path:
    """A config in this folder, with its data beside it."""
    path = folder / "config.toml"
    path.write_text(setup.text(folder / "data", graph, doors), "utf-8")
    return path


# ---------------------------------------------------------------- what the platform would send


def signature(raw: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook, signed as Meta signs."""
    digest = hmac.digest(secret.encode(), raw, "sha256").hex()
    return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}


def text_message(
    message_id: str, words: str, sender: str = "447700900123", at: float | None = None
) -> dict[str, Any]:
    """One text of a customer as a webhook carries it."""
    return {
        "id": message_id,
        "from": sender,
        "timestamp": str(int(time.time() if at is None else at)),
        "type": "text",
        "text": {"body": words},
    }


def hook_body(*messages: Any, number: str = NUMBER) -> dict[str, Any]:
    """A webhook with messages of customers."""
    senders = {
        message["from"]: None
        for message in messages
        if isinstance(message, dict) and isinstance(message.get("from"), str)
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "442079460100", "phone_number_id": number},
        "contacts": [{"wa_id": sender, "profile": {"name": "Ada"}} for sender in senders],
        "messages": list(messages),
    }
    change = {"field": "messages", "value": value}
    entry = {"id": "900100200300400", "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def raw_of(document: object) -> bytes:
    """A document as the bytes of a body."""
    return json.dumps(document).encode()


# ---------------------------------------------------------------- in one task tree with the sandbox


@define
class Site:
    """The program, the platforms around it, and a client of each."""

    folder: Path
    setup: Setup
    program: Program
    sandbox: Sandbox
    control: httpx.AsyncClient
    nursery: trio.Nursery
    keys: dict[str, str] = field(factory=dict)

    async def start(self) -> None:
        """Start the program, again perhaps, and tell the platforms where it listens."""
        await self.program.start(self.nursery)
        self.sandbox.hook_url = f"{self.program.url}/webhooks/meta"

    async def kill_and_start(self) -> None:
        """SIGKILL, then a new start on the same folder."""
        await self.program.kill()
        await self.start()

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        assert self.program.process is not None
        self.program.process.send_signal(number)

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        """The exit code, once the program has ended."""
        assert self.program.process is not None
        with trio.fail_after(within_s):
            return await self.program.process.wait()

    def configure(self, setup: Setup) -> None:
        """Write another config in place of the one there is."""
        self.setup = setup
        write_config(self.folder, setup, self.sandbox.url, self.sandbox.doors)

    @property
    def operator_key(self) -> str:
        """The secret of the operator's key."""
        return (self.folder / "data" / "operator.key").read_text().strip()

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A client of the API; the operator's when no key is given."""
        secret = self.operator_key if key is None else key
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.AsyncClient(
            base_url=self.program.url, headers=headers, timeout=PATIENCE_S, verify=TLS
        )

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request as the operator."""
        async with self.client() as client:
            return await client.request(method, path, **options)

    async def get(self, path: str, **query: Any) -> Any:
        """What the API answers to a GET that must work."""
        answer = await self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a listing."""
        found: list[dict[str, Any]] = []
        after: str | None = None
        async with self.client() as client:
            while True:
                asked: dict[str, Any] = {**query, "limit": 200}
                asked |= {} if after is None else {"after": after}
                answer = await client.get(path, params=asked)
                assert answer.status_code == 200, answer.text
                page = answer.json()
                found += page["items"]
                after = page["next"]
                if after is None:
                    return found

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """The whole event log, pulled."""
        found: list[dict[str, Any]] = []
        cursor = "0"
        async with self.client() as client:
            while True:
                asked: dict[str, Any] = {"after": cursor, "limit": 200}
                asked |= {"types": ",".join(types)} if types else {}
                answer = await client.get("/v1/events", params=asked)
                assert answer.status_code == 200, answer.text
                page = answer.json()
                found += page["items"]
                if page["cursor"] == cursor:
                    return found
                cursor = page["cursor"]

    async def make_key(self, *scopes: str, tenant: str = "default") -> str:
        """A new key; its secret."""
        body = {"name": "test", "scopes": list(scopes), "tenant": tenant}
        answer = await self.call("POST", "/v1/keys", json=body)
        assert answer.status_code == 201, answer.text
        secret: str = answer.json()["secret"]
        return secret

    async def writes(self, sender: str, words: str, number: str = NUMBER, **more: Any) -> str:
        """A customer writes a text; its id on the platform."""
        return await self.acts(sender, number, type="text", text={"body": words}, **more)

    async def acts(self, sender: str, number: str = NUMBER, **message: Any) -> str:
        """A customer writes anything; its id on the platform."""
        document = {"from": sender, "name": f"Customer {sender[-3:]}", **message}
        answer = await self.control.post(f"/sandbox/whatsapp/{number}/inbound", json=document)
        assert answer.status_code == 200, answer.text
        message_id: str = answer.json()["id"]
        return message_id

    async def faults(self, *rules: Mapping[str, Any]) -> None:
        """Let something go wrong on the platforms' side."""
        answer = await self.control.post("/sandbox/faults", json=list(rules))
        assert answer.status_code == 200, answer.text

    def phone(self, address: str, number: str = NUMBER) -> list[str]:
        """The texts on a customer's phone, in the order of their arrival."""
        shown = self.sandbox.platforms["whatsapp"].outboxes[number].after(0)
        return [each.request["text"]["body"] for each in shown if each.to == address]

    async def until(self, truth: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
        """Wait for what becomes true when a customer gets something; whether it did."""
        with trio.move_on_after(within_s):
            while not truth():
                grew = self.sandbox.outbox_grew
                with trio.move_on_after(LOOK_EVERY_S):
                    await grew.wait()
        return truth()

    async def until_phone(self, address: str, count: int, number: str = NUMBER) -> list[str]:
        """The texts on a phone once there are so many."""
        await self.until(lambda: len(self.phone(address, number)) >= count)
        return self.phone(address, number)

    async def conversation_of(self, phone: str) -> str:
        """The conversation with a customer, once the gateway knows of one."""

        async def look() -> str:
            found = (await self.get("/v1/contacts", identity=f"phone:{phone}"))["items"]
            return found[0]["conversation_id"] or "" if found else ""

        return await patiently(look)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of the program's log that tell of an event."""
        return [line for line in log_lines(self.program.log) if line.get("event") == event]

    async def until_logged(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """The same, once there are so many."""

        async def look() -> list[dict[str, Any]]:
            lines = self.logged(event)
            return lines if len(lines) >= count else []

        return await patiently(look)


async def patiently(look: Callable[[], Awaitable[T]]) -> T:
    """The first true answer of `look`. Raises trio.TooSlowError."""
    with trio.fail_after(PATIENCE_S):
        while True:
            if found := await look():
                return found
            await trio.sleep(LOOK_EVERY_S)


def log_lines(log: Path) -> list[dict[str, Any]]:
    """A log as documents; what is no JSON is left out."""
    lines = []
    for line in log.read_text("utf-8", "replace").splitlines():
        if line.startswith("{") and line.endswith("}"):
            lines.append(json.loads(line))
    return lines


def accounts(
    setup: Setup,
) -> tuple[WhatsAppAccount | MessengerAccount | InstagramAccount | EmailAccount, ...]:
    """An account of the sandbox for each channel."""
    numbers = [
        WhatsAppAccount(
            phone_number_id=line.number,
            display_number=f"4420794601{index:02}",
            waba_id=f"9001002003004{index:02}",
        )
        for index, line in enumerate(setup.lines)
    ]
    return (*numbers, *setup.others)


@asynccontextmanager
async def open_site(folder: Path, setup: Setup, seed: int = 1) -> AsyncIterator[Site]:
    """The program at work in a folder, with the platforms; stopped at the end."""
    settings = SandboxSettings(
        bind="127.0.0.1:0", limits=False, accounts=accounts(setup), seed=seed
    )
    async with (
        open_sandbox(settings) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, timeout=PATIENCE_S) as control,
        trio.open_nursery() as nursery,
    ):
        config = write_config(folder, setup, sandbox.url, sandbox.doors)
        program = Program(config, folder / "gateway.log")
        site = Site(folder, setup, program, sandbox, control, nursery)
        try:
            await site.start()
            yield site
        finally:
            with trio.CancelScope(shield=True):
                if program.process is not None:
                    await program.kill()
            nursery.cancel_scope.cancel()


# ---------------------------------------------------------------- without a task tree


def environment() -> dict[str, str]:
    """The environment of a program of ours: its output unbuffered, no key from outside."""
    kept = {name: value for name, value in os.environ.items() if name != "OMNI_API_KEY"}
    return {**kept, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


def command(*arguments: str) -> list[str]:
    """How the program is called."""
    return [sys.executable, "-m", "omni_actors", *arguments]


@frozen
class Told:
    """What a command that has ended told."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        """The lines on standard error that are not of the log."""
        return [line for line in self.err.splitlines() if line and not line.startswith("{")]

    @property
    def documents(self) -> list[Any]:
        """The lines on standard output, read as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def told(*arguments: str, stdin: str | None = None, cwd: Path | None = None) -> Told:
    """Run the program until it ends by itself."""
    ended = subprocess.run(
        command(*arguments),
        input=stdin,
        capture_output=True,
        text=True,
        env=environment() | {"PYTHONPATH": os.getcwd()},
        cwd=cwd,
        timeout=PATIENCE_S,
        check=False,
    )
    return Told(ended.returncode, ended.stdout, ended.stderr)


@frozen
class Served:
    """A program that runs beside a plain test, with a client for its operator."""

    folder: Path
    url: str
    sandbox_url: str
    operator_key: str

    @property
    def config(self) -> Path:
        """Its config."""
        return self.folder / "config.toml"

    def client(self, key: str | None = None) -> httpx.Client:
        """A client of the API; the operator's when no key is given."""
        secret = self.operator_key if key is None else key
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S, verify=TLS)

    def key(self, *scopes: str, tenant: str = "default") -> str:
        """A new key; its secret."""
        body = {"name": "test", "scopes": list(scopes), "tenant": tenant}
        with self.client() as client:
            answer = client.post("/v1/keys", json=body)
        assert answer.status_code == 201, answer.text
        secret: str = answer.json()["secret"]
        return secret

    def knock(self, raw: bytes) -> httpx.Response:
        """One signed webhook."""
        return httpx.post(
            f"{self.url}/webhooks/meta", content=raw, headers=signature(raw), timeout=PATIENCE_S
        )

    def operate(self, *arguments: str, stdin: str | None = None) -> Told:
        """One command of the command line against this program."""
        reach = ["--url", self.url, "--config", str(self.config)]
        return told(*arguments, *reach, stdin=stdin)

    def outbox(self, to: str, count: int = 1) -> list[dict[str, Any]]:
        """What a customer has on the phone, once there are so many messages."""
        url = f"{self.sandbox_url}/sandbox/whatsapp/{NUMBER}/outbox"

        def look() -> Sequence[dict[str, Any]]:
            messages: list[dict[str, Any]] = httpx.get(url, params={"to": to}).json()["messages"]
            return messages if len(messages) >= count else []

        return list(eventually(look))


def eventually(look: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """The first true answer of `look`; its last one when none comes in time."""
    ends_at = time.monotonic() + within_s
    while not (found := look()) and time.monotonic() < ends_at:
        time.sleep(LOOK_EVERY_S)
    return found


@contextmanager
def running(*arguments: str, log: Path, says: str) -> Iterator[str]:
    """A program that serves; the address that it prints after `says`. It is killed at the end."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=errors, env=environment(), text=True
        )
    assert process.stdout is not None
    try:
        line = next((each for each in process.stdout if says in each), "")
        found = re.search(r"http://\S+", line)
        assert found is not None, log.read_text()
        yield found[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def serving(folder: Path, setup: Setup) -> Iterator[Served]:
    """The program and the platforms, each in a process of its own."""
    log = folder / "sandbox.log"
    free = "127.0.0.1:0"
    places = ("--bind", free, "--smtp", free, "--imap", free)
    arguments = ("sandbox", *places, "--hook", "http://127.0.0.1:9/none")
    with running(*arguments, log=log, says="listens at") as sandbox_url:
        config = write_config(folder, setup, sandbox_url)
        log = folder / "gateway.log"
        with running("serve", "--config", str(config), log=log, says="listening on") as url:
            hook = f"{sandbox_url}/sandbox/whatsapp/{NUMBER}/hook"
            httpx.put(hook, json={"url": f"{url}/webhooks/meta"}).raise_for_status()
            key = (folder / "data" / "operator.key").read_text().strip()
            yield Served(folder, url, sandbox_url, key)
