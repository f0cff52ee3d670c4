"""A life of the whole gateway: customers, faults and crashes by chance, all of it from one seed."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

import trio
import trio._core._run as trio_run
from attrs import define, field, frozen
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.gateway.ground import Plan
from omni_actors.gateway.pacing import Pacing
from omni_actors.model.requests import Delivery
from omni_actors.model.states import OnUnknown, Priority
from omni_actors.policy.rate import Limit
from omni_actors.store.contract import StoreFailed
from omni_actors.store.queries import MessageById
from omni_actors.store.rows import ANY_TENANT, Message
from tests.gateway.faults import (
    Fault,
    Lose,
    Refuse,
    Unreachable,
    Wordless,
)
from tests.gateway.kit import (
    OPERATOR,
    Platform,
    Rig,
    caller,
    inbound,
    message_of,
    open_rig,
    plan,
    request,
    spec,
    to,
)

NUMBERS = ("770011223344556", "770011223344557", "770011223344558")
CHANNEL = Limit(20, 5)
PAIR = Limit(1 / 3, 4)
TOKENS = ("token-1", "token-2")
SETTLING_S = 4 * 3600.0
TRIES_MAX = (
    24  # eight for a part's own failures; an outage costs none, but lasts ten minutes at most
)
FINAL = ("sent", "delivered", "read", "failed", "expired", "cancelled")


@frozen
class Scale:
    """How much happens in one life. Times in seconds."""

    customers: int = 40
    writes: int = 3
    sends: int = 20
    lasts_s: float = 900.0
    crashes: int = 4


@define
class Post:
    """Carries bodies to the house: late, twice, in any order, until they are accepted."""

    chance: Random
    rig: Rig | None = None
    accepted: int = 0

    async def carry(self, body: bytes) -> int:
        """Knock until it is accepted, and now and then once more."""
        copies = 1 + (self.chance.random() < 0.15)
        for _ in range(copies):
            very_late_s = 200.0 if self.chance.random() < 0.3 else 0.0
            await trio.sleep(very_late_s + self.chance.random() ** 4 * 30)
            while await self.knock(body) != 200:  # noqa: ASYNC110 - a platform tries again
                await trio.sleep(1 + self.chance.random() * 20)
        self.accepted += 1
        return 200

    async def knock(self, body: bytes) -> int:
        """One try; nobody opens while the house is down."""
        if self.rig is None:
            return 0
        return await self.rig.knock(body)


@define
class Weather:
    """What goes wrong out there, for a while at a time."""

    chance: Random
    kind: str = "calm"

    def judge(self, _number: str, _to: str) -> Fault | None:
        """What the next call meets."""
        faults: dict[str, tuple[float, tuple[Fault, ...]]] = {
            "calm": (0.0, ()),
            "storm": (0.5, (Refuse(130429, 429), Refuse(80007, 429, 3.0))),
            "pairs": (0.3, (Refuse(131056),)),
            "stumbling": (0.4, (Refuse(131016, 500), Refuse(1, 500))),
            "losing": (0.4, (Lose(True), Lose(False), Wordless(502))),
            "away": (0.7, (Unreachable(),)),
            "broken": (1.0, (Refuse(131042),)),
            "picky": (0.2, (Refuse(131026), Refuse(131051))),
        }
        share, some = faults[self.kind]
        return self.chance.choice(some) if self.chance.random() < share else None

    def change(self) -> None:
        """Another weather."""
        kinds = ("calm", "calm", "storm", "pairs", "stumbling", "losing", "away", "broken", "picky")
        self.kind = self.chance.choice(kinds)


@define
class World:
    """Everything outside of the house, and the house as long as it stands."""

    seed: int
    folder: Path
    scale: Scale
    chance: Random = field(init=False)
    platform: Platform = field(init=False)
    post: Post = field(init=False)
    weather: Weather = field(init=False)
    token: str = TOKENS[0]
    written: dict[str, str] = field(factory=dict)
    sent: dict[str, str] = field(factory=dict)
    released: set[str] = field(factory=set)
    lives: list[float] = field(factory=list)
    busy: int = 0
    crashed: int = 0
    trace: str = ""

    def __attrs_post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.post = Post(Random(self.seed + 1))
        self.weather = Weather(Random(self.seed + 2))
        latency = Random(self.seed + 3)
        self.platform = Platform(
            latency_s=lambda _to: 0.02 + latency.random() ** 6 * 40,
            reports=("sent", "delivered"),
            judge=self.weather.judge,
        )

    # -------------------------------------------------------- people

    @property
    def people(self) -> Sequence[str]:
        return [f"4477009{n:05d}" for n in range(self.scale.customers)]

    async def write_all(self, person: str) -> None:
        """What one customer writes, now and then, to one number or another."""
        for n in range(self.scale.writes):
            await trio.sleep(self.chance.random() * self.scale.lasts_s / self.scale.writes)
            number = self.chance.choice(NUMBERS)
            external_id = self.platform.next_id()
            text = f"{person[-3:]}-{n}"
            said = {"type": "text", "text": {"body": text}}
            body = inbound([message_of(external_id, person, self.platform.now(), said)], number)
            self.written[external_id] = text
            await self.post.carry(body)
        self.busy -= 1

    async def send(self, n: int) -> None:
        """A program sends to somebody, with a key, until it is told that it was taken."""
        await trio.sleep(60 + self.chance.random() * self.scale.lasts_s)
        person = self.chance.choice(self.people)
        wanted = request(
            f"api-{n}",
            to=to(person, f"wa{self.chance.randrange(3)}"),
            priority=self.chance.choice(tuple(Priority)),
            delivery=Delivery(
                on_unknown=OnUnknown.HOLD if self.chance.random() < 0.1 else OnUnknown.RESEND
            ),
        )
        while True:
            rig = self.post.rig
            try:
                if rig is not None:
                    answer = await rig.gateway.submit(caller(), wanted, f"key-{n}", "print")
                    self.sent[f"api-{n}"] = answer.message_id
                    break
            except StoreFailed:
                pass  # it died before it could answer
            except RequestError as problem:
                if problem.code is Code.OUTSIDE_WINDOW:
                    break
                if problem.code is not Code.IDEMPOTENCY_RUNNING:
                    raise
            await trio.sleep(3)
        self.busy -= 1

    # -------------------------------------------------------- the house

    async def live(self) -> None:
        """One life after the other, then a last one until all is quiet."""
        async with trio.open_nursery() as nursery:
            self.platform.nursery = nursery
            self.busy = self.scale.customers + self.scale.sends
            for person in self.people:
                nursery.start_soon(self.write_all, person)
            for n in range(self.scale.sends):
                nursery.start_soon(self.send, n)
            nursery.start_soon(self.change_weather)
            for _ in range(self.scale.crashes):
                await self.one_life(nursery)
            await self.last_life(nursery)
            nursery.cancel_scope.cancel()

    async def change_weather(self) -> None:
        """Faults come and go; a token runs out now and then."""
        until = trio.current_time() + self.scale.lasts_s * 1.2
        while trio.current_time() < until:
            await trio.sleep(20 + self.chance.random() * 60)
            self.weather.change()
            if self.chance.random() < 0.2:
                self.token = TOKENS[TOKENS.index(self.token) - 1]
                self.platform.tokens = {self.token}
                await trio.sleep(self.chance.random() * 60)
                await self.renew()
        self.weather.kind = "calm"
        self.platform.tokens = {self.token}
        await self.renew()

    async def renew(self) -> None:
        """The operator writes the new token into the config."""
        if self.post.rig is not None:
            with suppress(StoreFailed):  # the next start reads the config anyway
                await self.post.rig.house.reload(self.plan())

    def plan(self) -> Plan:
        """The config as it is now."""
        specs = [
            spec(f"wa{n}", number=number, token=self.token) for n, number in enumerate(NUMBERS)
        ]
        return plan(*specs, bot="echo", pacing=Pacing(CHANNEL, PAIR))

    async def one_life(self, nursery: trio.Nursery) -> None:
        """A life that ends in a crash at any moment."""
        with trio.CancelScope() as life:
            async with self.opened(nursery) as rig:
                await trio.sleep(self.chance.random() * self.scale.lasts_s / self.scale.crashes * 2)
                if self.chance.random() < 0.3:
                    rig.crash_channel("wa0")
                    self.crashed += 1
                    await trio.sleep(self.chance.random() * 30)
                for _ in range(self.chance.randrange(60)):
                    await trio.lowlevel.checkpoint()
                self.check_life(rig)
                self.post.rig = None
                life.cancel()
                await trio.lowlevel.checkpoint()
        await trio.sleep(self.chance.random() * 20)

    @asynccontextmanager
    async def opened(self, nursery: trio.Nursery) -> AsyncIterator[Rig]:
        """The house with its doors open."""
        self.lives.append(trio.current_time())
        seed = self.seed * 100 + len(self.lives)
        async with open_rig(self.folder, self.platform, self.plan(), seed=seed) as rig:
            self.platform.nursery, self.platform.receive = nursery, self.post.carry
            self.post.rig = rig
            yield rig

    async def last_life(self, nursery: trio.Nursery) -> None:
        """A life until everything has come to its end."""
        async with self.opened(nursery) as rig:
            await rig.until(lambda: self.busy == 0 and self.weather.kind == "calm")
            await self.renew()
            with trio.move_on_after(SETTLING_S):
                while not await self.finished(rig):  # seen in the store only
                    await trio.sleep(60)
                    await self.release(rig)
            await rig.quiet(for_s=100)
            await trio.sleep(300)
            self.check_life(rig)
            self.check_idle(rig)
            await self.check_all(rig)
            self.trace = digest_of(self.platform.arrivals, await rig.events())
            self.post.rig = None

    async def release(self, rig: Rig) -> None:
        """An operator lets go once more what is held in doubt."""
        for message in (await self.messages(rig)).values():
            if message.status == "held":
                await rig.gateway.release(OPERATOR, message.id)
                self.released.add(message.parts[0].id)

    async def messages(self, rig: Rig) -> dict[str, Message]:
        """Every outbound message, in the order in which they were queued."""
        found: dict[str, Message] = {}
        for event in await rig.events("message.queued"):
            if event.message_id is not None and event.message_id not in found:
                message = await rig.store.ask(MessageById(ANY_TENANT, event.message_id))
                assert message is not None
                found[message.id] = message
        return found

    async def finished(self, rig: Rig) -> bool:
        """Whether no message is on its way any more."""
        return all(m.status in FINAL for m in (await self.messages(rig)).values())

    # -------------------------------------------------------- what must hold

    def check_life(self, rig: Rig) -> None:
        """Of one life: calm actors, one call a leg, bounded memory, limits kept. What a person was
        sent counts over all lives."""
        assert len(rig.crashes()) <= 3 * self.crashed, rig.crashes()
        assert self.platform.overlaps == 0
        for cell in rig.system.snapshot():
            assert sum(cell.depth.values()) <= 512 + 256 + 64
        for desk in rig.house.desks.values():
            assert desk.in_flight <= desk.in_flight_max
        since = self.platform.now() - (trio.current_time() - self.lives[-1])
        mine = [a for a in self.platform.arrivals if a.at >= since]
        for number in NUMBERS:
            of_number = [a for a in mine if a.number == number]
            kept([a.at for a in of_number], CHANNEL)
        for number, person in {(a.number, a.to) for a in mine}:
            every = [a for a in self.platform.arrivals if (a.number, a.to) == (number, person)]
            kept([a.at for a in every], PAIR)

    def check_idle(self, rig: Rig) -> None:
        """When nothing is left to do, nothing is remembered."""
        for desk in rig.house.desks.values():
            # a broken one that has nothing to send has nothing to be probed with either
            assert desk.channel.state in ("active", "broken"), desk.channel
            assert desk.in_flight == 0
            assert not desk.outbound.busy
            assert not desk.outbound.known
            assert len(desk.limits.pairs) <= self.scale.customers
        assert rig.house.conversations.active == 0

    async def check_all(self, rig: Rig) -> None:
        """Over all lives: nothing lost, nothing done twice without saying so, order kept."""
        messages = await self.messages(rig)
        received = [e.message for e in await rig.events("message.received")]
        ids = [m.external_id or "" for m in received if m is not None]
        assert sorted(ids) == sorted(self.written), "an inbound message was lost or taken twice"
        for message in messages.values():
            assert message.status in FINAL, message
            for part in message.parts:
                assert part.attempts <= TRIES_MAX
        assert set(self.sent.values()) <= set(messages), "an accepted message was lost"
        self.check_answers(messages)
        self.check_order(messages)

    def check_answers(self, messages: dict[str, Message]) -> None:
        """Each message of a customer is answered once; a second copy says that it may be one."""
        of_text: dict[str, list[Message]] = {}
        for message in messages.values():
            of_text.setdefault(getattr(message.content, "text", ""), []).append(message)
        for text in self.written.values():
            assert len(of_text.get(text, [])) == 1, f"{text} has {len(of_text.get(text, []))}"
        copies: dict[str, int] = {}
        for arrival in self.platform.arrivals:
            if arrival.external_id:
                copies[arrival.part_id] = copies.get(arrival.part_id, 0) + 1
        for message in messages.values():
            for part in message.parts:
                count = copies.get(part.id, 0)
                assert count <= 1 or part.maybe_duplicate, f"{part} came {count} times unsaid"
                if part.status in ("sent", "delivered", "read"):
                    assert count >= 1, f"{part} never arrived"

    def check_order(self, messages: dict[str, Message]) -> None:
        """What a customer has from one number in one lane came in the order of queueing, but for
        what an operator let go later."""
        place = {m.parts[0].id: n for n, m in enumerate(messages.values())}
        lane = {m.parts[0].id: m.priority for m in messages.values()}
        seen: dict[tuple[str, str, Priority], list[int]] = {}
        first = set(self.released)
        for arrival in self.platform.arrivals:
            if arrival.external_id and arrival.part_id not in first:
                first.add(arrival.part_id)
                key = (arrival.number, arrival.to, lane[arrival.part_id])
                seen.setdefault(key, []).append(place[arrival.part_id])
        for key, order in seen.items():
            assert order == sorted(order), f"{key} out of order: {order}"


def digest_of(*things: object) -> str:
    return hashlib.sha256(repr(things).encode()).hexdigest()


def kept(at: Sequence[float], limit: Limit) -> None:
    """Raise when more passed in some span than the limit allows."""
    for first, start in enumerate(at):
        for count, end in enumerate(at[first:], start=1):
            allowed = limit.burst + limit.per_second * (end - start)
            assert count <= allowed + 0.01, f"{count} within {end - start:.3f} s"


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Let trio schedule by a seed: both switches are trio's own and meant for tests like these."""
    switch, source = "_ALLOW_DETERMINISTIC_SCHEDULING", "_r"
    before = {name: getattr(trio_run, name) for name in (switch, source)}
    setattr(trio_run, switch, True)
    setattr(trio_run, source, Random(seed))
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(trio_run, name, value)


@frozen
class Told:
    """What became of a life; `doubled` counts second copies, each of which said so."""

    seed: int
    trace: str
    arrivals: int
    doubled: int
    written: int
    sent: int
    lives: int


def live(seed: int, folder: Path, scale: Scale = Scale()) -> Told:
    """Live once. Raises AssertionError when something does not hold."""
    world = World(seed, folder, scale)
    with deterministic(seed):
        trio.run(world.live, clock=MockClock(autojump_threshold=0))
    doubled = sum(1 for a in world.platform.arrivals if a.external_id) - len(
        {a.part_id for a in world.platform.arrivals if a.external_id}
    )
    return Told(
        seed=seed,
        trace=world.trace,
        arrivals=len(world.platform.arrivals),
        doubled=doubled,
        written=len(world.written),
        sent=len(world.sent),
        lives=len(world.lives),
    )
