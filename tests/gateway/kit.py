"""The far end of the system, in memory, and a house that stands on it.

`Platform` answers calls as the Cloud API does, keeps what arrived in its order, and knocks at the
hook with signed bodies. It is what is outside of the gateway, not a stand-in for a part of it.
"""

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import define, field

from omni_actors.actors.clock import Clock
from omni_actors.actors.system import System
from omni_actors.adapters import ADAPTERS
from omni_actors.adapters.meta.hook import META, MetaSecrets
from omni_actors.adapters.meta.settings import VERSION
from omni_actors.gateway import keys
from omni_actors.gateway.channel_actor import Wake
from omni_actors.gateway.facade import Answer, Caller, Gateway
from omni_actors.gateway.ground import Plan
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.house import House, address_of
from omni_actors.gateway.pacing import Pacing
from omni_actors.media.blobs import Blobs
from omni_actors.model.content import Content, Text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.reports import ChannelName
from omni_actors.model.requests import SendRequest, To
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.policy.rate import Limit
from omni_actors.policy.signing import hub_signature
from omni_actors.store.contract import StoreFailed
from omni_actors.store.queries import Events, LastCursor
from omni_actors.store.rows import ANY_TENANT, Event, Message, Part
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.verbs import ChannelSpec
from omni_actors.wire.calls import Call, HttpCall, HttpReply, Reply
from tests.gateway.faults import (
    Arrival,
    Explode,
    Fault,
    Lose,
    Planned,
    Refuse,
    Unreachable,
    Wordless,
)
from tests.gateway.ground import open_house

START = 1_790_000_000.0
SECRET = "app-secret"
HOOK = "meta"
NUMBER = "770011223344556"
TOKEN = "token-1"
ADA = "447700900123"
BOB = "447700900456"
SLOWEST_S = 3 * 86400.0
STEP_S = 0.05
STEP_MAX_S = 2.0


@define(repr=False)
class Platform:
    """The Cloud API for any number of numbers."""

    latency_s: Callable[[str], float] = field(default=lambda _to: 0.05)
    reports: tuple[str, ...] = ()
    report_after_s: float = 0.2
    tokens: set[str] = field(factory=lambda: {TOKEN})
    arrivals: list[Arrival] = field(factory=list)
    on_the_wire: int = 0
    on_the_wire_max: int = 0
    busy: set[str] = field(factory=set)
    overlaps: int = 0
    media: dict[str, tuple[bytes, str]] = field(factory=dict)
    blobs: Blobs | None = None
    now: Callable[[], float] = field(default=lambda: START)
    receive: Callable[[bytes], Awaitable[int]] | None = None
    nursery: trio.Nursery | None = None
    judge: Callable[[str, str], Fault | None] = field(default=lambda _number, _to: None)
    planned: deque[Planned] = field(factory=deque)
    uploads: list[str] = field(factory=list)
    templates: list[dict[str, Any]] = field(factory=list)
    page_size: int = 100
    listings: list[Mapping[str, str]] = field(factory=list)
    """The queries of the listings of templates that were asked for."""
    listing_faults: deque[Refuse | None] = field(factory=deque)
    """What the next calls about templates meet; None lets one pass."""
    slow: set[str] = field(factory=set)  # media that take for ever to be found
    waited_for: set[str] = field(factory=set)
    stumbles: int = 0  # how often no medium is found
    upload_s: float = 0.05
    upload_refusals: list[int] = field(factory=list)
    forgotten: set[str] = field(factory=set)
    links: dict[str, tuple[int, bytes, Mapping[str, str]]] = field(factory=dict)
    fetched: list[HttpCall] = field(factory=list)
    headers: Mapping[str, str] = field(factory=dict)  # of good answers
    profile: Mapping[str, Any] = field(factory=dict)
    """What the numbers tell of themselves."""
    profile_refusals: list[int] = field(factory=list)
    profiles: list[str] = field(factory=list)
    """The numbers that were asked for that."""
    _serial: int = 0

    # -------------------------------------------------------- faults

    def strike(self, fault: Fault, *, times: int = 1, to: str | None = None) -> None:
        """Let the next messages meet a fault."""
        self.planned.append(Planned(fault, times, to))

    def heal(self) -> None:
        """No more faults."""
        self.planned.clear()

    def fault_for(self, number: str, to: str) -> Fault | None:
        for planned in self.planned:
            if planned.to in (None, to):
                planned.left -= 1
                if planned.left <= 0:
                    self.planned.remove(planned)
                return planned.fault
        return self.judge(number, to)

    # -------------------------------------------------------- calls

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        """Answer a call; implements `sender.Hands`."""
        del trace
        assert isinstance(call, HttpCall)
        path = call.url.partition(f"/{VERSION}/")[2] or call.url
        if path.endswith("/message_templates"):
            return await self.manage(call)
        if "/" not in path and any(one.get("id") == path for one in self.templates):
            return await self.manage_one(path, call)
        if call.method == "GET" and "fields" in call.query:
            return await self.tell_profile(path)
        if call.method == "GET":
            return await self.give(path, call)
        number, _, what = path.partition("/")
        if what in ("media", "uploads") or path.startswith("upload:"):
            return await self.take_upload(call)
        return await self.take(number, call.json, account)

    async def take(self, number: str, body: Mapping[str, Any], account: Account) -> Reply:
        """Take one message, or say why not."""
        to = str(body["to"]).lstrip("+")
        leg = f"{number}/{to}"
        self.overlaps += leg in self.busy
        self.busy.add(leg)
        self.on_the_wire += 1
        self.on_the_wire_max = max(self.on_the_wire_max, self.on_the_wire)
        try:
            return await self.answer(number, to, body, account)
        finally:
            self.on_the_wire -= 1
            self.busy.discard(leg)

    async def answer(
        self, number: str, to: str, body: Mapping[str, Any], account: Account
    ) -> Reply:
        fault = Refuse(190, 401) if account.token not in self.tokens else self.fault_for(number, to)
        if any(f'"{id}"' in json.dumps(body) for id in self.forgotten):
            fault = Refuse(131009)
        accepted = fault is None or fault == Lose(accepted=True)
        if not isinstance(fault, Unreachable | Explode):
            self.keep(number, to, body, account.token, accepted=accepted)
        external_id = self.arrivals[-1].external_id if self.arrivals else None
        await trio.sleep(self.latency_s(to))
        match fault:
            case None:
                told = {"messages": [{"id": external_id}], "contacts": []}
                return reply(200, told, self.headers)
            case Refuse(code=code, status=status, retry_after_s=after):
                headers = {} if after is None else {"retry-after": str(after)}
                return reply(status, {"error": {"code": code, "message": "no"}}, headers)
            case Wordless(status=status):
                return HttpReply(status)
            case Lose():
                raise SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text="no answer"))
            case Unreachable():
                raise SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE))
            case Explode():
                raise RuntimeError("a bug")

    def keep(
        self, number: str, to: str, body: Mapping[str, Any], token: str, *, accepted: bool
    ) -> None:
        part_id = str(body["biz_opaque_callback_data"])
        external_id = self.next_id() if accepted else None
        arrival = Arrival(self.now(), number, to, part_id, body, token, external_id)
        self.arrivals.append(arrival)
        if accepted and self.reports and self.nursery is not None:
            self.nursery.start_soon(self.report_all, arrival)

    def next_id(self) -> str:
        self._serial += 1
        return f"wamid.{self._serial:06d}"

    async def report_all(self, arrival: Arrival) -> None:
        for status in self.reports:
            await trio.sleep(self.report_after_s)
            await self.tell(arrival, status)

    async def take_upload(self, call: HttpCall) -> Reply:
        if call.upload is None:  # an upload to the app begins
            return reply(200, {"id": "upload:1"})
        self.uploads.append(call.upload.blob)
        id = f"up-{len(self.uploads)}"
        await trio.sleep(self.upload_s)
        if self.upload_refusals:
            return reply(400, {"error": {"code": self.upload_refusals.pop(0), "message": "no"}})
        return reply(200, {"id": id, "h": "4:a"})

    async def manage(self, call: HttpCall) -> Reply:
        """List, take in or delete templates."""
        await trio.sleep(self.latency_s(""))
        if call.method == "GET":
            self.listings.append(call.query)
        fault = self.listing_faults.popleft() if self.listing_faults else None
        if fault is not None:
            return reply(fault.status, {"error": {"code": fault.code, "message": "no"}})
        if call.method == "POST":
            self.templates.append({**call.json, "id": "7", "status": "PENDING"})
            return reply(200, {"id": "7", "status": "PENDING"})
        if call.method == "DELETE":
            named = call.query["name"]
            self.templates = [one for one in self.templates if one["name"] != named]
            return reply(200, {"success": True})
        start = int(call.query.get("after", "0"))
        end = start + self.page_size
        paging: dict[str, Any] = {"cursors": {"after": str(end)}}
        if end < len(self.templates):
            paging["next"] = "https://graph.facebook.com/more"
        return reply(200, {"data": self.templates[start:end], "paging": paging})

    async def tell_profile(self, number: str) -> Reply:
        """What a number tells of itself."""
        await trio.lowlevel.checkpoint()
        self.profiles.append(number)
        if self.profile_refusals:
            code = self.profile_refusals.pop(0)
            return reply(400, {"error": {"code": code, "message": "no"}})
        return reply(200, {"id": number, **self.profile})

    async def manage_one(self, template_id: str, call: HttpCall) -> Reply:
        """Show or change one template."""
        await trio.sleep(self.latency_s(""))
        fault = self.listing_faults.popleft() if self.listing_faults else None
        if fault is not None:
            return reply(fault.status, {"error": {"code": fault.code, "message": "no"}})
        one = next(one for one in self.templates if one["id"] == template_id)
        if call.method == "POST":
            one.update(call.json, status="PENDING")
            return reply(200, {"success": True})
        return reply(200, one)

    async def give(self, path: str, call: HttpCall) -> Reply:
        """Where a medium is, and its bytes."""
        await trio.lowlevel.checkpoint()
        if call.url in self.links:
            return await self.serve_link(call)
        media_id = path.rpartition("/")[2]
        if media_id in self.slow:
            self.waited_for.add(media_id)
            await trio.sleep_forever()
        if self.stumbles:
            self.stumbles -= 1
            return reply(500, {"error": {"code": 131000, "message": "oops"}})
        if media_id not in self.media:
            return reply(400, {"error": {"code": 100, "error_subcode": 33, "message": "none"}})
        body, mime = self.media[media_id]
        if not call.download:
            url = f"https://lookaside.fbsbx.com/{media_id}"
            return reply(200, {"url": url, "mime_type": mime})
        assert self.blobs is not None
        blob = await self.blobs.put_bytes(body)
        return HttpReply(200, {"content-type": mime}, blob=blob.sha256, size=blob.size)

    async def serve_link(self, call: HttpCall) -> Reply:
        """What a link that a caller gave leads to."""
        assert self.blobs is not None
        self.fetched.append(call)
        status, body, headers = self.links[call.url]
        if status != 200:
            return HttpReply(status, headers)
        blob = await self.blobs.put_bytes(body)
        return HttpReply(200, headers, blob=blob.sha256, size=blob.size)

    # -------------------------------------------------------- what is seen

    def accepted(self, to: str = ADA, number: str = NUMBER) -> list[Arrival]:
        """What one customer has, in the order in which it was taken."""
        return [a for a in self.arrivals if (a.to, a.number) == (to, number) and a.external_id]

    def texts(self, to: str = ADA, number: str = NUMBER) -> list[str]:
        """The texts that one customer has."""
        return [arrival.text for arrival in self.accepted(to, number)]

    # -------------------------------------------------------- knocking

    async def greet(self, people: Sequence[str], *, number: str = NUMBER) -> None:
        """All these customers write, many in one request."""
        hello = {"type": "text", "text": {"body": "hi"}}
        for first in range(0, len(people), 100):
            some = people[first : first + 100]
            written = [message_of(self.next_id(), who, self.now(), hello) for who in some]
            assert await self.post(inbound(written, number)) == 200

    async def post(self, body: bytes) -> int:
        """Knock with a signed body."""
        assert self.receive is not None
        return await self.receive(body)

    async def write(self, text: str, *, sender: str = ADA, **beside: Any) -> str:
        """A customer writes; the id of what they wrote. `beside` goes into the message."""
        number = beside.pop("number", NUMBER)
        message_id = beside.pop("id", None) or self.next_id()
        message = {"type": "text", "text": {"body": text}, **beside}
        body = inbound([message_of(message_id, sender, self.now(), message)], number)
        status = await self.post(body)
        assert status == 200, status
        return message_id

    async def tell(self, arrival: Arrival, status: str, **beside: Any) -> int:
        """Tell what became of a message."""
        told = {
            "id": arrival.external_id,
            "status": status,
            "timestamp": str(int(self.now())),
            "recipient_id": arrival.to,
            "biz_opaque_callback_data": arrival.part_id,
            **beside,
        }
        return await self.post(statuses([told], arrival.number))


def reply(status: int, document: Any, headers: Mapping[str, str] | None = None) -> HttpReply:
    return HttpReply(status, headers or {}, json.dumps(document).encode())


# ---------------------------------------------------------------- bodies of webhooks


def message_of(id: str, sender: str, at: float, said: Mapping[str, Any]) -> dict[str, Any]:
    """One message of a customer, as a webhook tells it."""
    return {"from": sender, "id": id, "timestamp": str(int(at)), **said}


def inbound(messages: Sequence[Mapping[str, Any]], number: str = NUMBER) -> bytes:
    """A body with messages."""
    people = dict.fromkeys(str(message["from"]) for message in messages)
    cards = [{"profile": {"name": f"N{person[-3:]}"}, "wa_id": person} for person in people]
    return document({"contacts": cards, "messages": list(messages)}, number)


def statuses(told: Sequence[Mapping[str, Any]], number: str = NUMBER) -> bytes:
    """A body with statuses."""
    return document({"statuses": list(told)}, number)


def document(value: Mapping[str, Any], number: str = NUMBER) -> bytes:
    """A body about one number."""
    metadata = {"display_phone_number": "442079460100", "phone_number_id": number}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    change = {"field": "messages", "value": whole}
    entry = {"id": "900", "time": int(START), "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers that prove a body."""
    return {"x-hub-signature-256": hub_signature(secret, body)}


# ---------------------------------------------------------------- the house


def spec(
    id: str = "wa",
    *,
    number: str = NUMBER,
    tenant: str = "default",
    token: str = TOKEN,
    waba_id: str | None = None,
) -> ChannelSpec:
    """A WhatsApp channel as the config says it."""
    account = {} if waba_id is None else {"waba_id": waba_id}
    return ChannelSpec(
        id=id,
        tenant=tenant,
        platform="whatsapp",
        channel_key=number,
        settings={"phone_number_id": number, "graph_url": "http://127.0.0.1:1", **account},
        credentials={"access_token": token},
        names=() if waba_id is None else (ChannelName(number, "account", waba_id),),
    )


FREE = Pacing(Limit(10_000, 1_000), None)


def plan(*channels: ChannelSpec, bot: str = "none", pacing: Pacing = FREE) -> Plan:
    """What the config asks of the house. Without channels there is the one number."""
    kept = channels or (spec(),)
    return Plan(
        channels=kept,
        pacing={channel.id: pacing for channel in kept},
        hooks={HOOK: Hook(HOOK, META, MetaSecrets((SECRET,), "verify"))},
        bot=bot,
    )


OPERATOR = Caller("key_operator", ANY_TENANT, frozenset(keys.SCOPES), "operator")


def caller(tenant: str = "default") -> Caller:
    """Somebody of a tenant who may do everything."""
    return Caller(f"key_{tenant}", tenant, frozenset(keys.SCOPES), tenant)


def to(address: str = ADA, channel: str = "wa") -> To:
    return To(channel, f"+{address}")


def request(text: str | Content = "hello", **beside: Any) -> SendRequest:
    """A message to Ada, unless `beside` says otherwise."""
    content = Text(text) if isinstance(text, str) else text
    if not {"to", "conversation_id", "contact_id"} & set(beside):
        beside["to"] = to()
    return SendRequest(content=content, **beside)


@define(repr=False)
class Rig:
    """A running house and what one needs to look at it."""

    house: House
    gateway: Gateway
    store: SqliteStore
    system: System
    platform: Platform
    clock: Clock
    observed: list[tuple[str, Mapping[str, object]]]
    failures: list[StoreFailed]

    async def knock(self, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        """One request of a platform; signed unless told otherwise."""
        proof = signed(body) if headers is None else headers
        return await self.gateway.receive(HOOK, proof, body)

    async def submit(self, text: str | Content = "hello", **beside: Any) -> Answer:
        """Queue a message to Ada, whose window need not be open for it."""
        key = beside.pop("key", None)
        who = beside.pop("caller", caller())
        return await self.gateway.submit(who, request(text, **beside), key, f"print of {text!r}")

    async def submit_all(self, requests: Sequence[SendRequest]) -> None:
        """Queue many at once, in any order."""
        async with trio.open_nursery() as nursery:
            for one in requests:
                nursery.start_soon(self.gateway.submit, caller(), one, None, "")

    async def message(self, id: str) -> Message:
        return await self.gateway.message(OPERATOR, id)

    async def part(self, id: str) -> Part:
        """The first part of a message."""
        return (await self.message(id)).parts[0]

    async def until(self, holds: Callable[[], object], *, within_s: float = SLOWEST_S) -> None:
        """Let virtual time pass until something holds; what it answers may have to be awaited."""
        step_s = STEP_S
        with trio.fail_after(within_s):
            while not await answered(holds()):
                await trio.sleep(step_s)
                step_s = min(STEP_MAX_S, step_s * 1.05)

    async def reached(self, id: str, *status: str, within_s: float = SLOWEST_S) -> Message:
        """The message once it has one of these states."""

        async def there() -> bool:
            return (await self.message(id)).status in status

        await self.until(there, within_s=within_s)
        return await self.message(id)

    async def events(self, *types: str) -> list[Event]:
        """All events of these types (or all), oldest first."""
        found: list[Event] = []
        after = 0
        while page := await self.store.ask(Events(ANY_TENANT, after, 500)):
            found += page
            after = page[-1].cursor
        return [event for event in found if not types or event.type in types]

    async def quiet(self, *, for_s: float = 1.0) -> None:
        """Wait until nothing has happened for a while."""
        last = -1
        while last != (now := await self.store.ask(LastCursor())):
            last = now
            await trio.sleep(for_s)

    def channel_state(self, id: str = "wa") -> str:
        return self.house.channels[id].state.value

    def crash_channel(self, id: str = "wa") -> None:
        """Let a channel's actor fail as by a bug of ours: it is told what cannot be handled."""
        nothing: Any = None
        self.system.tell(address_of(id), Wake(nothing))

    def handled(self, id: str = "wa") -> int:
        """How many messages a channel's actor has handled."""
        return next(c.handled for c in self.system.snapshot() if c.address == address_of(id))

    def crashes(self) -> list[Mapping[str, object]]:
        return [fields for name, fields in self.observed if name == "actor.crashed"]

    def check_calm(self) -> None:
        """No actor has crashed, and no leg ever had two calls at once."""
        assert self.crashes() == []
        assert self.platform.overlaps == 0


async def answered(value: Any) -> Any:
    return await value if isinstance(value, Awaitable) else value


@asynccontextmanager
async def open_rig(
    folder: Path, platform: Platform, wanted: Plan, *, seed: int = 1, media: bool = False
) -> AsyncIterator[Rig]:
    """A house on an inline store in `folder`; opened again there it is the same one, restarted.

    Leaving drains; a cancelled scope around it is a crash.
    """
    clock = Clock(wall=START + trio.current_time())
    house = open_house(folder, wanted, platform, ADAPTERS, clock, seed=seed, media=media)
    async with house as opened:
        rig = Rig(
            opened.house,
            opened.gateway,
            opened.store,
            opened.system,
            platform,
            clock,
            opened.observed,
            opened.failures,
        )
        platform.now, platform.blobs, platform.nursery = clock.now, opened.blobs, opened.nursery
        platform.receive = rig.knock
        yield rig


async def open_window(rig: Rig, who: str = ADA, number: str = NUMBER) -> None:
    await rig.platform.write("hi", sender=who, number=number)
    await rig.quiet(for_s=0.1)
