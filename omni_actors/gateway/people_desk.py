"""Asks platforms what they show of the people who write: name, username, picture.

It happens beside what is said, after somebody's message is handled, and again when they write and
the last answer is a day old. What goes wrong delays nothing and is kept at the identity. Who is in
line when the house ends is asked about when they write again.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.actors.mailbox import Told
from omni_actors.actors.system import System
from omni_actors.gateway.called import called
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.sender import Hands, Route
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.media.blobs import Blob, Blobs, Missing
from omni_actors.media.probe import HEAD_BYTES
from omni_actors.media.traits import traits_of
from omni_actors.model import ids
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.ids import Ids
from omni_actors.model.portrait import Portrait
from omni_actors.model.reports import MediaRef
from omni_actors.model.states import MediaState
from omni_actors.policy.rate import Granted, Limit, Pace, reserve_all
from omni_actors.store.contract import Store
from omni_actors.store.portraits import KeepPortrait, Sitter, SitterOf
from omni_actors.store.rows import Entry, Medium

FRESH_S = 86_400.0
LIMIT = Limit(2.0, 10)
AT_ONCE_MAX = 8
AT_ONCE_PER_CHANNEL = 2
WAITING_MAX = 1_000
KNOWN_MAX = 20_000
AGAIN_S = (60.0, 600.0)
REST_S = 3600.0
HINDERED_S = 60.0


@frozen
class Look:
    """Somebody in line may be asked about now."""


@frozen
class Met:
    """People have written: their channel, by leg. `tries` were made in vain."""

    channels: Mapping[str, str]
    tries: int = 0


@frozen
class Done:
    """The platform was asked about the person of a leg; or did not have to be."""

    leg_id: str
    failure: Failure | None = None


@define
class Line:
    """Who of a channel's people is to be asked about, oldest first, and when the next one may."""

    legs: deque[tuple[str, int]] = field(factory=deque)
    pace: Pace = field(factory=Pace)
    not_before: float = 0.0


def met(entries: Sequence[Entry], routes: Mapping[str, Route]) -> Met | None:
    """Of whom their platform may be asked, after what they have done; None: of nobody."""
    people = {
        entry.leg_id: entry.channel_id
        for entry in entries
        if entry.kind == "message"
        and entry.channel_id in routes
        and routes[entry.channel_id].adapter.portrait is not None
    }
    return Met(people) if people else None


def tell(
    system: System, address: str, entries: Sequence[Entry], routes: Mapping[str, Route]
) -> None:
    """Tell the desk at an address who has done something. One that is full misses it, and is told
    again when they do something else."""
    if people := met(entries, routes):
        told = system.tell(address, people)
        if told is not Told.ACCEPTED:
            telemetry.debug("house.not_nudged", address=address, told=told.name)


@define
class PeopleDesk:
    """Asks about a few people at a time, and of one channel not so many that others wait."""

    store: Store
    blobs: Blobs
    hands: Hands
    routes: Callable[[], Mapping[str, Route]]
    ids: Ids
    now: Callable[[], float]
    ending: trio.Event
    lines: dict[str, Line] = field(factory=dict)
    waiting: set[str] = field(factory=set)  # legs in line, asked about, or to be tried again
    asking: dict[str, tuple[str, int]] = field(factory=dict)  # channel and tries, by leg
    known: dict[str, float] = field(factory=dict)  # until when nobody need ask, by leg
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context

    async def handle(self, message: Met | Done | Look) -> None:
        """Take in who has written and what was answered, then ask about whom there is room for."""
        if isinstance(message, Met):
            for leg_id, channel_id in message.channels.items():
                self.line_up(leg_id, channel_id, message.tries)
        elif isinstance(message, Done):
            self.take(message)
        if not self.context.draining:
            for channel_id in list(self.lines):
                self.start(channel_id, self.lines[channel_id])

    def line_up(self, leg_id: str, channel_id: str, tries: int) -> None:
        """Put a person in line, unless they are known well enough or the line is full."""
        if not tries and (leg_id in self.waiting or self.known.get(leg_id, 0.0) > self.now()):
            return
        line = self.lines.setdefault(channel_id, Line())
        if len(line.legs) >= WAITING_MAX:
            telemetry.of(telemetry.PORTRAITS, "crowded").inc()
            self.waiting.discard(leg_id)
            return
        self.waiting.add(leg_id)
        line.legs.append((leg_id, tries))

    def start(self, channel_id: str, line: Line) -> None:
        """Ask about those in a line for whom there is room; its turn comes last then."""
        while line.legs and self.has_room(channel_id):
            free_at = self.free_at(line)
            if free_at is not None:
                self.context.wake_at(free_at + GRAIN_S, Look(), key=("line", channel_id))
                return
            leg_id, tries = line.legs.popleft()
            self.asking[leg_id] = (channel_id, tries)
            self.context.start_soon(self.ask, leg_id, channel_id)
            self.lines[channel_id] = self.lines.pop(channel_id)

    def has_room(self, channel_id: str) -> bool:
        of_channel = Counter(channel for channel, _ in self.asking.values())[channel_id]
        return len(self.asking) < AT_ONCE_MAX and of_channel < AT_ONCE_PER_CHANNEL

    def free_at(self, line: Line) -> float | None:
        """When the next call of a channel may be made; None when it is counted, and may now."""
        now = self.now()
        if line.not_before > now:
            return line.not_before
        granted = reserve_all(now, [(line.pace, LIMIT, 1.0)])
        if not isinstance(granted, Granted):
            return now + granted.seconds
        line.pace = granted.paces[0]
        return None

    def take(self, done: Done) -> None:
        """What an answer says of the next ones, and whether this one is asked about again."""
        channel_id, tries = self.asking.pop(done.leg_id)
        failure = done.failure
        if failure is not None and failure.kind is not Kind.REJECTED:
            self.rest(channel_id, failure)
            if failure.kind is not Kind.BROKEN and tries < len(AGAIN_S):
                again = Met({done.leg_id: channel_id}, tries + 1)
                self.context.wake_at(self.now() + AGAIN_S[tries], again, key=done.leg_id)
                return
        self.waiting.discard(done.leg_id)
        if failure is None or failure.kind in (Kind.REJECTED, Kind.BROKEN):
            if len(self.known) >= KNOWN_MAX:
                self.known.clear()
            self.known[done.leg_id] = self.now() + FRESH_S

    def rest(self, channel_id: str, failure: Failure) -> None:
        """Ask nothing of a channel for as long as what stands in the way may last."""
        if failure.kind is Kind.BROKEN:
            pause_s = REST_S
        elif failure.kind is Kind.THROTTLED or failure.scope is not Scope.PART:
            pause_s = failure.retry_after_s or HINDERED_S
        else:
            return
        line = self.lines.setdefault(channel_id, Line())
        line.not_before = max(line.not_before, self.now() + pause_s)

    # ------------------------------------------------------------ one person

    async def ask(self, leg_id: str, channel_id: str) -> None:
        """Ask about one person; it is left when the house is to end."""

        async def work() -> None:
            failure = None
            sitter = self.store.peek(SitterOf(leg_id, self.now() - FRESH_S))
            route = self.routes().get(channel_id)
            if sitter is not None and route is not None:
                failure = await self.portray(sitter, route)
            self.context.tell_self(Done(leg_id, failure))

        await left_at(self.ending, work)

    async def portray(self, sitter: Sitter, route: Route) -> Failure | None:
        """Ask, and keep what came of it; answers why it did not work."""
        if route.adapter.portrait is None:  # the channel is another one since a reload
            return None
        wanted = route.adapter.portrait(sitter.keys, route.settings)
        told = await called(self.hands, wanted, route.account, route.adapter.masked_keys)
        if isinstance(told, Failure):
            self.note("refused" if told.kind is Kind.REJECTED else "failed", sitter, told)
            if told.kind in (Kind.REJECTED, Kind.BROKEN):
                await self.keep(sitter, Portrait(), problem=why(told))
            return told
        picture = await self.picture_of(sitter, told.picture, route)
        if isinstance(picture, Failure):
            self.note("no_picture", sitter, picture)
            problem = f"the picture could not be had: {why(picture)}"
            await self.keep(sitter, told, problem=problem)
        else:
            telemetry.of(telemetry.PORTRAITS, "shown").inc()
            await self.keep(sitter, told, picture)
        return None

    async def picture_of(
        self, sitter: Sitter, ref: MediaRef | None, route: Route
    ) -> Medium | Failure | None:
        """The picture as a medium of ours; None when there is none, or we have it."""
        if ref is None or same_picture(ref, sitter.shown):
            return None
        wanted = route.adapter.fetch(ref, route.settings, 0.0)
        fetched = await called(self.hands, wanted, route.account, route.adapter.masked_keys)
        if isinstance(fetched, Failure):
            return fetched
        blob = Blob(fetched.blob, fetched.size)
        try:
            async with self.blobs.open_source(blob, chunk_bytes_max=HEAD_BYTES) as source:
                head = await source.read()
        except (Missing, OSError) as problem:
            text = f"the bytes cannot be read from the disk: {type(problem).__name__}"
            return Failure(Kind.TRANSIENT, Reason.INTERNAL, text=text)
        if not (fetched.mime or "").startswith("image/"):
            text = f"it is no image but {fetched.mime or 'of no known kind'}"
            return Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=text)
        return Medium(
            self.ids(ids.MEDIUM), sitter.tenant, MediaState.READY, sitter.channel_id, None,
            evolve(ref, size=fetched.size), blob.sha256, fetched.mime, fetched.size,
            fetched.filename, None, 1, None, self.now(), traits_of(fetched.mime, head),
        )  # fmt: skip

    async def keep(
        self,
        sitter: Sitter,
        portrait: Portrait,
        picture: Medium | None = None,
        problem: str | None = None,
    ) -> None:
        await self.store.do(
            KeepPortrait(
                sitter.identity_id, sitter.channel_id, self.now(), portrait, picture, problem
            )
        )

    def note(self, outcome: str, sitter: Sitter, failure: Failure) -> None:
        telemetry.of(telemetry.PORTRAITS, outcome).inc()
        telemetry.info(
            "portrait.not_shown",
            outcome=outcome,
            channel_id=sitter.channel_id,
            identity_id=sitter.identity_id,
            reason=failure.reason.value,
            code=failure.code,
        )


def why(failure: Failure) -> str:
    """What stood in the way, for whoever looks at the identity."""
    said = failure.advice or failure.text or failure.reason.value
    return f"{said} ({failure.code})" if failure.code and failure.code not in said else said


def same_picture(ref: MediaRef, shown: MediaRef | None) -> bool:
    """Whether a picture is the one that we have. Addresses expire; adapters name what stays."""
    path = ref.ref.get("path")
    return shown is not None and path is not None and path == shown.ref.get("path")
