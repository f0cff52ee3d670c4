"""A store of each engine, and the things that tests of its verbs keep saying to it."""

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from omni_actors.model.content import Content, Text
from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.reports import IdentityKey, Received, Report, StatusReported
from omni_actors.model.states import PartStatus, Priority
from omni_actors.store.opening import open_store
from omni_actors.store.queries import (
    Conversations,
    Events,
    Heads,
    MessageById,
    Messages,
    Unhandled,
)
from omni_actors.store.rows import ANY_TENANT, Event, LegWake, Message
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.verbs import (
    Accept,
    Accepted,
    ChannelSpec,
    Claim,
    Claimed,
    Intake,
    Item,
    NewPart,
    Settle,
    Submit,
    Submitted,
    SyncChannels,
    TakenUp,
)
from tests.database import lay

RANKS = {"sent": 1, "failed": 2, "delivered": 3, "read": 4, "played": 5}
ADA = (IdentityKey("bsuid", "GB.1"), IdentityKey("phone", "44771"))
BOB = (IdentityKey("bsuid", "GB.2"), IdentityKey("phone", "44772"))
LOST = Failure(Kind.UNKNOWN, Reason.TIMED_OUT)
STUMBLED = Failure(Kind.TRANSIENT, Reason.INTERNAL, code="131000")
REJECTED = Failure(Kind.REJECTED, Reason.RECIPIENT_INVALID, code="131026", text="no such number")
CHANNELS = (
    ChannelSpec("wa", "default", "whatsapp", "770", {}, {"access_token": "s3cret"}),
    ChannelSpec("wa-2", "default", "whatsapp", "771", {}, {"access_token": "s3cret"}),
    ChannelSpec("fb", "default", "messenger", "880", {}, {"access_token": "s3cret"}),
    ChannelSpec("ig", "default", "instagram", "990", {"app_id": "4711"}, {"access_token": "x"}),
    ChannelSpec("wa-other", "other", "whatsapp", "779", {}, {"access_token": "other"}),
)


def opened(path: Path) -> AbstractAsyncContextManager[SqliteStore]:
    """The store in a directory, inline, with ids that come out the same in every run."""
    return open_store(
        f"sqlite:///{lay(path)}",
        clock_now=lambda: 1_000.0,
        chance_bits=random.Random(1).getrandbits,
        inline=True,
        key=bytes(32),
    )


@define
class Desk:
    """A store with what tests say to it again and again; times are seconds."""

    store: SqliteStore
    numbers: Iterator[int] = field(factory=lambda: count(1))

    async def do(self, verb: Any) -> Any:
        return await self.store.do(verb)

    def ask(self, query: Any) -> Any:
        return self.store.peek(query)

    def intake(self, at: float = 1_000.0, **more: Any) -> Intake:
        return Intake(f"itk_{next(self.numbers):06d}", "meta", at, 2, body=b"{}", **more)

    async def accept(self, *items: Item, at: float = 1_000.0) -> Accepted:
        """One intake with these items."""
        return await self.store.do(Accept(self.intake(at), items))

    async def receive(
        self,
        external_id: str = "wamid.IN1",
        content: Content = Text("Hello"),  # noqa: B008 - content is frozen
        *,
        who: tuple[IdentityKey, ...] = ADA,
        at: float = 1_000.0,
        window_until: float | None = None,
        platform: str = "whatsapp",
        channel_key: str = "770",
        **more: Any,
    ) -> Accepted:
        """A person writes."""
        report = received(external_id, content, who=who, at=at, channel_key=channel_key, **more)
        return await self.accept(Item(platform, report, window_until=window_until), at=at)

    async def leg(self, *, who: tuple[IdentityKey, ...] = ADA, **more: Any) -> str:
        """The leg of somebody who has just written."""
        accepted = await self.receive(f"wamid.L{next(self.numbers)}", who=who, **more)
        backlog = self.ask(Unhandled(accepted.conversations[0]))
        leg_id: str = backlog.entries[-1].leg_id
        return leg_id

    async def submit(self, leg_id: str, parts: int = 1, **more: Any) -> Submitted:
        """Queue a message of so many parts; message `msg_7` has the parts `prt_7_0`, …"""
        return await self.store.do(self.message(leg_id, parts, **more))

    def message(self, leg_id: str, parts: int = 1, at: float = 1_000.0, **more: Any) -> Submit:
        n = next(self.numbers)
        text = Text("Good morning")
        new = tuple(NewPart(f"prt_{n}_{i}", i, "text", text) for i in range(parts))
        settings = {"id": f"msg_{n}", "tenant": "default", "author": "bot", "source": "api"} | more
        return Submit(
            leg_id=leg_id, content=text, parts=new, at=at, response={"id": f"msg_{n}"}, **settings
        )

    async def claim(self, *part_ids: str, at: float = 1_001.0) -> tuple[Claimed, ...]:
        return await self.store.do(Claim(part_ids, at))

    async def settle(
        self, claimed: Claimed, outcome: Any, at: float = 1_002.0
    ) -> tuple[LegWake, ...]:
        return await self.store.do(Settle(claimed.part_id, claimed.attempt_id, at, outcome))

    async def sent(self, leg_id: str, external_id: str = "wamid.OUT1", **more: Any) -> Message:
        """A message of one part that the platform has accepted."""
        queued = await self.submit(leg_id, **more)
        [claimed] = await self.claim(*[part.id for part in self.find(queued.message_id).parts])
        await self.settle(claimed, TakenUp((external_id,)))
        return self.find(queued.message_id)

    async def status(
        self,
        external_id: str,
        status: str,
        *,
        at: float = 1_003.0,
        key: str | None = None,
        callback: str | None = None,
        failure: Failure | None = None,
        who: tuple[IdentityKey, ...] = (),
        channel_key: str = "770",
        platform: str = "whatsapp",
    ) -> Accepted:
        """The platform tells what became of a part."""
        report = StatusReported(
            channel_key, key or f"status:{external_id}:{status}", at, who, external_id,
            PartStatus(status), callback, failure,
        )  # fmt: skip
        return await self.accept(Item(platform, report, rank=RANKS[status]), at=at)

    def find(self, message_id: str, tenant: str = ANY_TENANT) -> Message:
        message: Message | None = self.ask(MessageById(tenant, message_id))
        assert message is not None
        return message

    def known(self, external_id: str) -> Message:
        """The message that has this id on its platform."""
        threads = self.ask(Conversations(ANY_TENANT, limit=1_000)).rows
        pages = [self.ask(Messages(ANY_TENANT, thread.id, limit=1_000)) for thread in threads]
        [message] = [m for page in pages for m in page.rows if m.external_id == external_id]
        found: Message = message
        return found

    def heads(self, channel_id: str = "wa", **more: Any) -> list[str]:
        """The ids of the parts that may be sent next."""
        lane = more.pop("lane", Priority.NORMAL)
        return [head.part_id for head in self.ask(Heads(channel_id, lane, **more))]

    def events(self, after: int = 0, tenant: str = ANY_TENANT) -> tuple[Event, ...]:
        found: tuple[Event, ...] = self.ask(Events(tenant, after, 1_000))
        return found

    def told(self, message_id: str) -> list[EventType]:
        """The types of the events about one message, in their order."""
        return [event.type for event in self.events() if event.message_id == message_id]


def received(
    external_id: str,
    content: Content = Text("Hello"),  # noqa: B008 - content is frozen
    *,
    who: tuple[IdentityKey, ...] = ADA,
    at: float = 1_000.0,
    channel_key: str = "770",
    event_key: str | None = None,
    **more: Any,
) -> Received:
    return Received(
        channel_key, event_key or f"message:{external_id}", at, who, external_id, content, **more
    )


def item(report: Report, platform: str = "whatsapp", **more: Any) -> Item:
    return Item(platform, report, **more)


Opened = Callable[[Path], AbstractAsyncContextManager[SqliteStore]]


@pytest.fixture(params=["sqlite"])
def open_engine(request: pytest.FixtureRequest) -> Opened:
    """How to open a store of each engine in a directory."""
    return {"sqlite": opened}[request.param]


@pytest.fixture
async def store(open_engine: Opened, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with open_engine(tmp_path) as opened_store:
        yield opened_store


@pytest.fixture
async def desk(store: SqliteStore) -> Desk:
    """A store that knows a few channels."""
    await store.do(SyncChannels(CHANNELS, 1.0))
    return Desk(store)
