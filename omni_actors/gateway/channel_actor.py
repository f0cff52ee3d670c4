"""One channel: sends what it owes, in order on each leg, no faster than the platform allows.

The mailbox carries wake-ups and completions, never messages: the store is the truth, so a crash
loses nothing and a restarted actor simply looks there again.
"""

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.adapters.contract import Sent
from omni_actors.gateway.aftermath import Aftermath, first_note
from omni_actors.gateway.limits import Go, Limits, WaitFor
from omni_actors.gateway.outbound import Outbound
from omni_actors.gateway.sender import Done, Route, Sender
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.model.copies import Copies
from omni_actors.model.failure import TEMPLATE_REASONS, Failure, Kind, Reason, Scope
from omni_actors.model.json import JsonObject
from omni_actors.model.limits import Closure, Usage, person_of
from omni_actors.model.states import ChannelState
from omni_actors.policy import retry, window
from omni_actors.policy.breaker import Permit
from omni_actors.policy.copies import Late, judge
from omni_actors.policy.fairness import Picked
from omni_actors.policy.rate import Limit
from omni_actors.store.contract import Store
from omni_actors.store.limits import FreeLeg, HoldPart, KeepClosure, ShutOut
from omni_actors.store.queries import Heads, LegHeads, WindowOf
from omni_actors.store.rows import Channel, Complaint, LegWake
from omni_actors.store.verbs import (
    Again,
    Claim,
    Claimed,
    GivenUp,
    InDoubt,
    Outcome,
    Recover,
    SetChannelState,
    Settle,
    TakenUp,
)
from omni_actors.store.verbs import Trace as StoredTrace

IN_FLIGHT_MAX = 16
PROBED = (ChannelState.BROKEN, ChannelState.NEEDS_REAUTH)
TURN_LATER_S = 0.05
NOT_TAKEN_S = 1.0
KEPT_MIN_S = 5.0
KEEP_GRAIN_S = 1.0
NOT_MADE = Failure(Kind.TRANSIENT, Reason.INTERNAL, text="the call was not made after all")


@frozen
class Wake:
    """Legs that may have something to send."""

    wakes: tuple[LegWake, ...]


@frozen
class Look:
    """Read the store again: something was missed, or a timer went off."""


@frozen
class Tick:
    """Time has passed; nothing else."""


@frozen
class Changed:
    """The channel's state, credential, settings or limits changed."""

    channel: Channel
    route: Route
    limit: Limit
    pair: Limit | None


@frozen
class OffTheWire:
    """An attempt ended and was settled (or the part was gone before it began).

    `run` is the actor that began it: one that crashed since has forgotten its attempts, not their
    ends. `route` is what it was sent by.
    """

    run: object
    route: Route
    leg_id: str
    wakes: tuple[LegWake, ...]
    verdict: retry.Verdict | None
    failure: Failure | None
    sent: bool
    permit: Permit | None = None
    usage: tuple[Usage, ...] = ()


@frozen
class Complained:
    """The platform has reported that it did not deliver a part, as others may not be either."""

    complaint: Complaint


Message: TypeAlias = Wake | Look | Changed | OffTheWire | Complained | Tick


@define
class ChannelActor:
    """Sends for one channel."""

    channel: Channel
    route: Route
    store: Store
    sender: Sender
    limits: Limits
    chance: Random
    now: Callable[[], float]
    told: Callable[[Channel], None]
    doubt: Callable[[float], None]
    in_line: Callable[[], None]
    unknown_wait_s: float
    doubt_templates: Callable[[str], None]
    copies_wait: Callable[[], None]
    ending: trio.Event
    recover: Mapping[str, float] | None = None
    in_flight_max: int = IN_FLIGHT_MAX
    in_flight: int = 0
    full: bool = False  # it is waited for room for what remains of parts
    probes: int = 0
    probe_at: float | None = None
    doubted: bool = False  # it was a report that parked the channel: an answer proves nothing
    doubted_at: float = -math.inf
    trust_at: float | None = None
    outbound: Outbound = field(factory=Outbound)
    run: object = field(factory=object)
    aftermath: Aftermath = field(init=False)
    context: Context = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.aftermath = Aftermath(self.store, self.sender, self.now, self.ending, self.freed)

    def freed(self) -> None:
        """There is room for what remains of one more part."""
        if self.full:
            self.full = False
            self.context.tell_self(Tick())

    async def started(self, context: Context) -> None:
        """Begin with what the store holds. A channel that was refused is probed at once.

        After a crash of this actor, what it had on the wire is in doubt.
        """
        self.context = context
        if self.recover is not None:
            waits = dict(self.recover)
            await self.store.do(Recover(self.now(), waits, channel_id=self.channel.id))
            self.doubt(self.now())
        if self.channel.state in PROBED:
            self.probe_at = self.now()
        context.tell_self(Look())

    async def handle(self, message: Message) -> None:
        """Take in what happened, then send what may go."""
        match message:
            case Complained(complaint=complaint):
                await self.complained(complaint)
            case Wake(wakes=wakes):
                self.outbound.add(wakes, self.now())
            case Look():
                self.outbound.look_again()
            case Changed():
                self.changed(message)
            case OffTheWire():
                await self.landed(message)
        if self.context.take_overflowed():
            self.outbound.look_again()
        await self.pump()

    def changed(self, message: Changed) -> None:
        self.channel, self.route = message.channel, message.route
        self.limits.change(message.limit, message.pair)
        probed = message.channel.state in PROBED
        self.probes, self.probe_at = 0, self.now() if probed else None  # it may work by now
        self.trust_at = None
        self.outbound.look_again()

    async def landed(self, message: OffTheWire) -> None:
        """Draw the consequences of an attempt for the whole channel."""
        now = self.now()
        self.limits.landed(message.permit, message.failure, now)
        if message.failure is NOT_MADE:
            self.limits.unmade(message.leg_id, now)
        for usage in message.usage:
            await self.heed(usage, now)
        match message.verdict:
            case retry.CloseScope(scope=scope, until=until):
                await self.shut(scope, message.leg_id, until, now)
            case retry.RetryAt(refund=True) if message.failure is not None:
                self.count_throttled(message.failure.scope)
            case retry.PauseChannel() as pause if message.route is self.route:
                self.doubted = False
                await self.pause(pause, message.failure)
            case _ if message.sent:
                await self.went_well(message.leg_id, message.permit)
            case _:
                pass
        if message.run is self.run:
            self.in_flight -= 1
            self.outbound.off_the_wire(message.leg_id, message.wakes, now)
        else:
            self.outbound.add(message.wakes, now)

    async def heed(self, usage: Usage, now: float) -> None:
        """An answer tells how much of a shared budget is used."""
        before = self.limits.closed_until(usage.scope, "")
        self.limits.heed(usage, now)
        await self.keep_closure(usage.scope, "", before, now)

    async def shut(self, scope: Scope, leg_id: str, until: float, now: float) -> None:
        """Close a scope as the platform asked."""
        before = self.limits.closed_until(scope, leg_id)
        self.limits.shut(scope, leg_id, until, now)
        self.count_throttled(scope)
        await self.keep_closure(scope, leg_id, before, now)

    async def keep_closure(self, scope: Scope, leg_id: str, before: float, now: float) -> None:
        """Remember across a start what is closed for longer than a start takes."""
        until = self.limits.closed_until(scope, leg_id)
        if until >= max(before + KEEP_GRAIN_S, now + KEPT_MIN_S):
            await self.store.do(KeepClosure(self.closure(scope, leg_id, until)))

    def closure(self, scope: Scope, leg_id: str, until: float) -> Closure:
        brake = self.limits.shared.get(scope)
        if brake is not None:
            return Closure(scope, brake.owner, brake.name, until)
        return Closure(scope, self.channel.id, leg_id if scope is Scope.LEG else "", until)

    def count_throttled(self, scope: Scope) -> None:
        telemetry.of(telemetry.THROTTLED, self.channel.platform, scope.value).inc()

    async def complained(self, complaint: Complaint) -> None:
        """Draw the consequences of a report as of an answer.

        What was sent before they were drawn last only repeats the complaint.
        """
        failure, leg_id, now = complaint.failure, complaint.leg_id, self.now()
        sent_at = math.inf if complaint.sent_at is None else complaint.sent_at
        case = retry.Case(
            failure,
            attempt=1,
            now=now,
            jitter=self.chance.random(),
            throttled=self.limits.strikes(failure.scope, leg_id),
            probes=self.probes,
            first=True,
        )
        match retry.when_reported(case, complaint.at):
            case retry.CloseScope(scope=scope, until=until):
                if sent_at > self.limits.last_shut_at(scope, leg_id):
                    self.limits.doubted_until = until + retry.TRUST_S
                    await self.shut(scope, leg_id, until, now)
            case retry.PauseChannel() as pause if sent_at > self.channel.since:
                self.doubted, self.doubted_at = True, now
                if self.trust_at is not None:  # it was the probe that was not delivered
                    self.trust_at, self.probe_at = None, now
                await self.pause(pause, failure)

    async def went_well(self, leg_id: str, permit: Permit | None) -> None:
        """A part was accepted; where a report parked the channel, none may follow this time."""
        self.limits.went_well(leg_id, self.now())
        if self.channel.state not in PROBED or self.probe_at is None:
            return
        if self.doubted and permit is not None and permit.started_at <= self.doubted_at:
            return  # the report was about this one, or others that were sent beside it
        if self.doubted:
            self.trust_at = self.probe_at = self.now() + retry.TRUST_S
        else:
            await self.is_sound()

    async def is_sound(self) -> None:
        """The channel works again."""
        self.probes, self.probe_at, self.trust_at, self.doubted = 0, None, None, False
        await self.set_state(ChannelState.ACTIVE, None)
        self.outbound.look_again()

    async def pause(self, verdict: retry.PauseChannel, failure: Failure | None) -> None:
        """Park the sending, tell why, and look again when a probe is due.

        What was on the wire beside the first one repeats the same complaint; only a probe that
        fails makes the next one rarer.
        """
        known = self.channel.state is verdict.state
        if known and (self.probe_at is None or self.now() < self.probe_at):
            return
        self.probe_at = verdict.probe_at
        self.probes += 1
        reason = f"{failure.reason}: {failure.text or failure.code or ''}" if failure else None
        await self.set_state(verdict.state, reason)

    async def set_state(self, state: ChannelState, reason: str | None) -> None:
        """Write the new state, unless its operator's or its platform's word is against it."""
        unless = (ChannelState.PAUSED, ChannelState.RESTRICTED, ChannelState.REMOVED)
        verb = SetChannelState(
            self.channel.tenant, self.channel.id, state, reason, self.now(), unless
        )
        self.channel = await self.store.do(verb)
        self.told(self.channel)

    def may_start(self, now: float) -> int:
        """How many more parts may go on the wire; one probe at a time after a refusal."""
        if self.context.draining or not self.channel.connected:
            return 0
        if self.channel.state is ChannelState.ACTIVE:
            return self.in_flight_max - self.in_flight
        if self.channel.state in PROBED and self.probe_at is not None:
            return int(self.in_flight == 0 and self.probe_at <= now)
        return 0

    async def pump(self) -> None:
        """Send all that may go now, and be woken when the next may."""
        if self.trust_at is not None and self.trust_at <= self.now():
            await self.is_sound()
        while True:
            next_at = self.start_all()
            lane = self.outbound.wants()
            if lane is None or not self.may_start(self.now()):
                break
            after, limit = self.outbound.after(lane), self.outbound.page
            page = await self.store.ask(Heads(self.channel.id, lane, after, limit))
            self.outbound.read(lane, page, self.now())
        self.wake_at(next_at)

    def start_all(self) -> float | None:
        """Put on the wire what may go; answers when something else may, as far as time decides."""
        now = self.now()
        due_at = self.outbound.ripen(now)
        while self.may_start(now) > 0:
            held = self.limits.channel_wait(now)
            if held is not None:
                return earliest(due_at, held.until)
            full_until = self.aftermath.full_until()
            self.full = full_until is not None
            if full_until is not None:
                return earliest(due_at, full_until)
            lanes = self.limits.lanes(now)
            picked = self.outbound.pick(lanes)
            if picked is None:
                due_at = earliest(due_at, self.limits.lanes_again_at() if lanes else None)
                break
            held_leg = self.start(picked, now)
            due_at = earliest(due_at, held_leg)
        if self.channel.state in PROBED and (self.probe_at or 0.0) > now:
            return self.probe_at
        return due_at

    def start(self, picked: Picked[str, LegWake], now: float) -> float | None:
        """Send one part in a child task, or put it back until its leg may send again.

        What would be one person too many to write to first is held in the store, out of the way.
        """
        person, behind = self.writes_first_to(picked.item.leg_id, now)
        if person is not None and (behind or not self.limits.may_write_first(person, now)):
            free = behind and self.limits.may_write_first(person, now)
            self.in_flight += 1
            self.context.start_soon(self.let_out if free else self.hold_back, picked.item)
            return None
        match self.limits.leave(picked.item.leg_id, now, self.chance.random()):
            case WaitFor(until=until):
                self.outbound.put_back(picked, until)
                return until
            case Go(permit=permit):
                if person is not None:  # a place; it is used up when the part is claimed
                    self.limits.outreach.invite([person], now)
                self.in_flight += 1
                self.context.start_soon(self.attempt, picked.item, permit)
                return None

    def writes_first_to(self, leg_id: str, now: float) -> tuple[str | None, bool]:
        """The person of a leg whose reply window is closed, while it matters that it is; and
        whether something on it waits for room already."""
        if not self.limits.guards_outreach(now):
            return None, False
        found = self.store.peek(WindowOf(leg_id))
        capabilities = self.route.adapter.capabilities
        if found is None or window.is_open(capabilities, found[1], now):
            return None, False
        return found[0], found[2]

    async def hold_back(self, wake: LegWake) -> None:
        """Hold a part in the store until there is room for one more person."""
        now = self.now()
        self.limits.stand_in_line()  # a crash of this actor may come before the answer
        wakes = await self.store.do(HoldPart(wake.part_id, now, self.limits.full(now)))
        self.limits.stand_in_line()  # somebody may have looked before it was held
        self.in_line()
        self.not_sent(wake, wakes)

    async def let_out(self, wake: LegWake) -> None:
        """Queue what waits for room on a leg: there is some, and the part was behind it."""
        self.not_sent(wake, await self.store.do(FreeLeg(wake.leg_id, self.now())))

    def not_sent(self, wake: LegWake, wakes: tuple[LegWake, ...]) -> None:
        """The part was not put on the wire after all; these are the leg's heads now."""
        route = self.route
        self.context.tell_self(
            OffTheWire(self.run, route, wake.leg_id, wakes, None, None, sent=False)
        )

    def wake_at(self, at: float | None) -> None:
        now = self.now()
        if at is not None:
            wanted = max(at, now + GRAIN_S) if at > now else now + TURN_LATER_S
            self.context.wake_at(wanted, Tick(), key="pump")

    async def attempt(self, wake: LegWake, permit: Permit | None) -> None:
        """Claim a part, send it, settle it, and report back."""
        route = self.route
        claims = await self.store.do(Claim((wake.part_id,), self.now(), self.limits.portfolio))
        if not claims:
            self.not_taken(wake, route, permit)
            return
        claimed = claims[0]
        if claimed.first and self.limits.portfolio is not None:
            self.limits.outreach.count(person_of(claimed.keys), self.now())
        telemetry.of(telemetry.QUEUE_SECONDS, self.channel.platform).observe(
            self.now() - claimed.queued_at
        )
        done = await self.sender.send(claimed, route)
        await self.settle(claimed, done, route, permit)
        await self.aftermath.finish(claimed, done, route)

    def not_taken(self, wake: LegWake, route: Route, permit: Permit | None) -> None:
        """The part is not for us to send: go on with what the leg has now.

        The same part once more has expired or is not due; that is not to be asked without pause.
        """
        later = self.now() + NOT_TAKEN_S
        heads = self.store.peek(LegHeads(wake.leg_id))
        wakes = tuple(
            [
                evolve(h, due_at=max(h.due_at, later)) if h.part_id == wake.part_id else h
                for h in heads
            ]
        )
        self.context.tell_self(
            OffTheWire(self.run, route, wake.leg_id, wakes, None, NOT_MADE, False, permit)
        )

    async def settle(
        self, claimed: Claimed, done: Done, route: Route, permit: Permit | None
    ) -> None:
        """Commit how the attempt ended, then tell the actor."""
        verdict, outcome = self.judge(claimed, done)
        trace = StoredTrace(done.started_at, done.ended_at, done.trace.as_json())
        spent = self.limits.spent(claimed.content, (), done.result, done.ended_at)
        wakes = await self.store.do(
            Settle(claimed.part_id, claimed.attempt_id, done.ended_at, outcome, trace, spent)
        )
        if isinstance(outcome, InDoubt):
            self.doubt(outcome.until)
        if isinstance(outcome, TakenUp) and outcome.copies is not None:
            self.copies_wait()
        counted(self.channel.platform, outcome, done)
        failure = done.result if isinstance(done.result, Failure) else None
        if failure is not None and failure.reason in TEMPLATE_REASONS:
            self.doubt_templates(self.channel.id)
        sent = isinstance(done.result, Sent)
        self.context.tell_self(
            OffTheWire(
                self.run, route, claimed.leg_id, wakes, verdict, failure, sent, permit, done.usage
            )
        )

    def judge(self, claimed: Claimed, done: Done) -> tuple[retry.Verdict | None, Outcome]:
        """What the end of an attempt means, by the policy."""
        match done.result:
            case Sent() as sent:
                return None, TakenUp(
                    sent.external_ids,
                    sent.aliases,
                    first_note(sent),
                    sent.thread,
                    sent.found,
                    self.late_copies(sent, done.ended_at),
                )
            case failure:
                verdict = retry.decide(
                    retry.Case(
                        failure,
                        attempt=claimed.attempt,
                        now=done.ended_at,
                        jitter=self.chance.random(),
                        first_failed_at=claimed.first_failed_at,
                        throttled=self.limits.strikes(failure.scope, claimed.leg_id),
                        probes=self.probes,
                        unknown_wait_s=self.unknown_wait_s,
                        first=claimed.first,
                    )
                )
                return verdict, outcome_of(verdict, failure, done.ended_at)

    def late_copies(self, sent: Sent, at: float) -> Copies | None:
        """What is to become of the copies that were not taken with a part."""
        if not sent.refused:
            return None
        return judge(Late(sent.refused, 1, at, at, self.chance.random()))

    def describe(self) -> JsonObject:
        """What an operator sees of it."""
        return {
            "in_flight": self.in_flight,
            "finishing": self.aftermath.pending,
            "ready": len(self.outbound.ready),
            "reading_ahead": self.outbound.reading(),
            "probe_at": self.probe_at,
            **self.limits.describe(self.now()),
        }


def earliest(one: float | None, other: float | None) -> float | None:
    """The earlier of two moments that may not come."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def outcome_of(verdict: retry.Verdict, failure: Failure, at: float) -> Outcome:
    """A verdict, as the store keeps it. What holds the channel costs the part no attempt."""
    match verdict:
        case retry.RetryAt(at=due_at, refund=refund):
            return Again(due_at, failure, refund)
        case retry.CloseScope(part_at=part_at):
            return Again(max(at, part_at), failure, refund=True)
        case retry.PauseChannel():
            return Again(at, failure, refund=True)
        case retry.GiveUp(gap=gap):
            return GivenUp(failure, gap)
        case retry.WindowShut():
            return ShutOut(failure)
        case retry.WaitForWord(until=until):
            return InDoubt(failure, until)


def counted(platform: str, outcome: Outcome, done: Done) -> None:
    """Count an attempt by how it ended."""
    telemetry.of(telemetry.ATTEMPTS, platform, type(outcome).__name__).inc()
    telemetry.of(telemetry.SEND_SECONDS, platform).observe(done.ended_at - done.started_at)
