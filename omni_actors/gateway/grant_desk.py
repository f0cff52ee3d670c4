"""Lets each channel have what its platform needs at its time: one thing at a time, once.

Tokens are renewed well before their end and looked at every day. Every hour, and soon after a
start, it is seen whether webhooks still come. A failure makes only that care rarer.
"""

import math
from collections.abc import Callable
from random import Random
from typing import TypeAlias

import trio
from attrs import define, field, frozen

from omni_actors.actors.cell import Context
from omni_actors.gateway.grants import Care, GrantBook, Ward
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.model.failure import Failure
from omni_actors.policy import grants as policy
from omni_actors.store.connecting import Grant, Grants

AT_ONCE_MAX = 4
FIRST_S = 5.0
LOOK_EVERY_S = 60.0


@frozen
class Look:
    """There may be channels whose time has come."""


@frozen
class News:
    """A channel is new, or has another token."""

    channel_id: str


@frozen
class Done:
    """One care has ended, well or with a failure."""

    channel_id: str
    what: Care
    failure: Failure | None


Heard: TypeAlias = Look | News | Done


@define
class Turn:
    """When a channel's cares are due, and how often each failed in a row."""

    fingerprint: str
    due: dict[Care, float]
    strikes: dict[Care, int] = field(factory=dict)
    running: bool = False

    @property
    def next(self) -> tuple[float, Care]:
        """The care that is due first."""
        return min((at, what) for what, at in self.due.items())


@define
class GrantDesk:
    """Cares for a few channels at a time. A crash forgets the turns, which the store tells anew."""

    book: GrantBook
    now: Callable[[], float]
    chance: Random
    ending: trio.Event
    turns: dict[str, Turn] = field(factory=dict)
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Heard) -> None:
        """Take in what happened, then start what is due."""
        match message:
            case Done():
                self.done(message)
            case News(channel_id=channel_id):
                self.hurry(channel_id)
            case Look():
                pass
        if not self.context.draining:
            await self.start_due()
        self.wake()

    def hurry(self, channel_id: str) -> None:
        """See to the webhooks of a channel at once."""
        turn = self.turns.get(channel_id)
        if turn is not None and not turn.running and Care.WATCH in turn.due:
            turn.due[Care.WATCH] = self.now()

    def done(self, message: Done) -> None:
        turn = self.turns.get(message.channel_id)
        if turn is None:
            return
        turn.running = False
        strikes = turn.strikes.get(message.what, 0)
        turn.strikes[message.what] = 0 if message.failure is None else strikes + 1
        turn.due[message.what] = self.now() + self.pause_s(message, strikes)

    def pause_s(self, message: Done, strikes: int) -> float:
        """Seconds until the same care again. What only a person can mend is not asked often."""
        failure = message.failure
        if failure is not None and not policy.must_connect_again(failure):
            return policy.retry_s(failure, strikes, self.chance.random())
        watched = message.what is Care.WATCH and failure is None
        return policy.WATCH_EVERY_S if watched else policy.INSPECT_EVERY_S

    async def start_due(self) -> None:
        """Begin with the channels that have waited longest."""
        wards = self.book.wards()
        grants = {grant.channel_id: grant for grant in await self.book.store.ask(Grants())}
        self.turns = {
            channel_id: await self.turn(ward, grants) for channel_id, ward in wards.items()
        }
        room = AT_ONCE_MAX - sum(turn.running for turn in self.turns.values())
        due = [
            (*turn.next, channel_id)
            for channel_id, turn in self.turns.items()
            if not turn.running and turn.next[0] <= self.now()
        ]
        for _, what, channel_id in sorted(due)[: max(room, 0)]:
            self.turns[channel_id].running = True
            self.context.start_soon(self.care, wards[channel_id], grants[channel_id], what)

    async def turn(self, ward: Ward, grants: dict[str, Grant]) -> Turn:
        """A channel's turn; it begins anew with each token, but for the care that is under way."""
        channel_id = ward.channel.id
        known = self.turns.get(channel_id)
        grant = grants[channel_id] = await self.book.known(ward, grants.get(channel_id))
        if known is None:
            first = self.now() + FIRST_S * self.chance.random()
            return Turn(grant.fingerprint, self.dues(ward, grant, first))
        if known.fingerprint != grant.fingerprint:
            known.fingerprint, known.strikes = grant.fingerprint, {}
            known.due = self.dues(ward, grant, self.now())
        return known

    def dues(self, ward: Ward, grant: Grant, first: float) -> dict[Care, float]:
        """When a token is cared for, as far as is known now."""
        age_s = ward.renews_s
        renew_at = math.inf
        if ward.token_lacks:
            renew_at = first
        elif age_s is not None:
            end = grant.expires_at
            renew_at = policy.renew_at(grant.issued_at, end, age_s, self.chance.random())
        looked = grant.inspected_at
        inspect_at = first if looked is None else looked + policy.INSPECT_EVERY_S
        renewal = {Care.RENEW: max(renew_at, first)}
        if ward.upkeep is None:
            return renewal
        return {**renewal, Care.INSPECT: max(inspect_at, first), Care.WATCH: first}

    async def care(self, ward: Ward, grant: Grant, what: Care) -> None:
        """Do one thing for one channel and say how that went. It is left when the house ends."""

        async def work() -> None:
            failure = await self.book.care(ward, grant, what)
            self.context.tell_self(Done(ward.channel.id, what, failure))

        await left_at(self.ending, work)

    def wake(self) -> None:
        waiting = [turn.next[0] for turn in self.turns.values() if not turn.running]
        latest = self.now() + LOOK_EVERY_S
        self.context.wake_at(max(min([latest, *waiting]), self.now() + GRAIN_S), Look(), key="look")
