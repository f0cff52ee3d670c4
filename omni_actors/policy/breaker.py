"""When to stop knocking at a door that does not answer, and how to come back gently."""

import math
from typing import Final, assert_never

from attrs import evolve, frozen

from omni_actors.model.failure import Failure, Kind, Scope

SLOTS: Final = 10


def blames(failure: Failure | None) -> bool | None:
    """Whether what became of a call speaks against the door (True), for it, or says nothing (None).

    A refusal is an answer. That something of ours was missing says nothing of the platform.
    """
    if failure is None:
        return False
    match failure.kind:
        case Kind.UNREACHABLE | Kind.UNKNOWN:
            return True
        case Kind.TRANSIENT if failure.scope is Scope.CHANNEL:
            return True
        case Kind.TRANSIENT:
            return None
        case _:
            return False


def named(breaker: "Breaker") -> str:
    """The state of a breaker in a word."""
    return type(breaker.state).__name__.lower()


@frozen
class Law:
    """When a breaker opens and how it closes; times in seconds, shares between 0 and 1."""

    window_s: float = 30.0
    calls_min: int = 10
    failure_share: float = 0.5
    open_s: float = 30.0
    probe_s: float = 30.0
    ramp_s: float = 30.0
    ramp_from: float = 0.1
    ramp_retry_s: float = 1.0


@frozen
class Tally:
    """Calls started in one slot of the window, and how many of them have failed so far."""

    slot: int
    calls: int = 0
    failures: int = 0


@frozen
class Closed:
    """Calls pass; after a successful probe only a growing share of them."""

    tallies: tuple[Tally, ...] = ()
    ramp_since: float = -math.inf


@frozen
class Open:
    """Nothing passes until `until`."""

    until: float


@frozen
class Probing:
    """One call is out to see whether the door answers again."""

    since: float


@frozen
class Permit:
    """Leave to make one call; hand it back with the outcome."""

    started_at: float
    generation: int


@frozen
class Refused:
    """Make no call now; ask again after `retry_after_s`."""

    retry_after_s: float


@frozen
class Breaker:
    """The state of one breaker; every question returns the next state.

    Calls count when they start, so a door that hangs is seen as busy and not as idle. Only failures
    of transport and of the server belong here, never a rejected content. A verdict on a call from
    before the last change of state is ignored: it says nothing about now.
    """

    law: Law = Law()
    state: Closed | Open | Probing = Closed()
    generation: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether calls pass, if perhaps only some of them."""
        return isinstance(self.state, Closed)

    def share(self, now: float) -> float:
        """The share of the usual traffic that may pass, between 0 and 1."""
        match self.state:
            case Closed(ramp_since=since):
                grown = (now - since) / self.law.ramp_s
                return min(1.0, self.law.ramp_from + (1.0 - self.law.ramp_from) * grown)
            case Open() | Probing():
                return 0.0
            case _:
                assert_never(self.state)

    def admit(self, now: float, chance: float) -> tuple["Breaker", Permit | Refused]:
        """Ask for one call. `chance`, in [0, 1) and drawn by the caller, decides in the ramp."""
        match self.state:
            case Closed() as closed:
                if chance >= self.share(now):
                    return self, Refused(self.law.ramp_retry_s)
                counted = self._count(closed.tallies, now, now, calls=1)
                state = Closed(counted, closed.ramp_since)
                return Breaker(self.law, state, self.generation), Permit(now, self.generation)
            case Open(until=until):
                return self._probe(now) if now >= until else (self, Refused(until - now))
            case Probing(since=since):
                # A probe whose caller died must not keep the door shut for ever.
                lost_at = since + self.law.probe_s
                return self._probe(now) if now >= lost_at else (self, Refused(lost_at - now))
            case _:
                assert_never(self.state)

    def succeeded(self, permit: Permit, now: float) -> "Breaker":
        """The call was answered, whatever the answer said about its content."""
        if permit.generation == self.generation and isinstance(self.state, Probing):
            return self._turn(Closed(ramp_since=now))
        return self

    def failed(self, permit: Permit, now: float) -> "Breaker":
        """The call was not answered, or the server said that it is broken."""
        if permit.generation != self.generation:
            return self
        if not isinstance(self.state, Closed):
            return self._turn(Open(now + self.law.open_s))
        tallies = self._count(self.state.tallies, permit.started_at, now, failures=1)
        if self._trips(tallies):
            return self._turn(Open(now + self.law.open_s))
        return evolve(self, state=evolve(self.state, tallies=tallies))

    def abandoned(self, permit: Permit, now: float) -> "Breaker":
        """The caller gave the call up, which proves nothing; a probe's place is free again."""
        if permit.generation == self.generation and isinstance(self.state, Probing):
            return self._turn(Open(now))
        return self

    def _probe(self, now: float) -> tuple["Breaker", Permit]:
        after = self._turn(Probing(now))
        return after, Permit(now, after.generation)

    def _turn(self, state: Closed | Open | Probing) -> "Breaker":
        return evolve(self, state=state, generation=self.generation + 1)

    def _count(
        self,
        tallies: tuple[Tally, ...],
        at: float,
        now: float,
        *,
        calls: int = 0,
        failures: int = 0,
    ) -> tuple[Tally, ...]:
        """Add to the slot of `at`, and forget the slots that have left the window."""
        slot_s = self.law.window_s / SLOTS
        slot, latest = int(at // slot_s), int(now // slot_s)
        if tallies and tallies[-1].slot == slot == latest:  # mostly so
            last = tallies[-1]
            return (*tallies[:-1], Tally(slot, last.calls + calls, last.failures + failures))
        oldest = latest - SLOTS + 1
        kept = {tally.slot: tally for tally in tallies if tally.slot >= oldest}
        if slot >= oldest:
            was = kept.get(slot, Tally(slot))
            kept[slot] = Tally(slot, was.calls + calls, was.failures + failures)
        return tuple(kept.values())

    def _trips(self, tallies: tuple[Tally, ...]) -> bool:
        calls = sum(tally.calls for tally in tallies)
        failures = sum(tally.failures for tally in tallies)
        return calls >= self.law.calls_min and failures >= calls * self.law.failure_share
