"""Outreach: messages to people whose reply window is closed, and to how many of them a day."""

import math
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from attrs import define, field

DAY_S: Final = 86_400.0
INVITED_MAX: Final = 500
"""So many people are let out of the line at once at most: if the platform closes its door again,
what was let out goes back one by one."""
INVITED_S: Final = 600.0
"""A place that was promised to somebody is free again after so long, whatever became of them."""
INVITED_LOOK_S: Final = 1.0
LOOK_EVERY_S: Final = 3600.0


@define
class Outreach:
    """The people of one portfolio in a rolling day; `most` is how many there may be (None: any).

    Whoever was written to already costs nothing more. Nobody is remembered while there is no limit.
    `invited` are those who were let out of the line of what is held and not written to yet, and
    until when their place is kept. How many wait in that line only the store knows.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
    """

    most: int | None = None
    people: "OrderedDict[str, float]" = field(factory=OrderedDict)
    invited: "OrderedDict[str, float]" = field(factory=OrderedDict)

    def limit(self, most: int | None, known: Iterable[tuple[str, float]] = ()) -> None:
        """Keep to another limit; `known` are the people of the last day, oldest first."""
        self.most = most
        self.people = OrderedDict() if most is None else OrderedDict(known)

    def used(self, now: float) -> int:
        """How many people there are in the day before `now`."""
        while self.people and next(iter(self.people.values())) <= now - DAY_S:
            self.people.popitem(last=False)
        return len(self.people)

    def kept(self, now: float) -> int:
        """How many places are kept for people who were invited."""
        while self.invited and next(iter(self.invited.values())) <= now:
            self.invited.popitem(last=False)
        return len(self.invited)

    def admits(self, person: str, now: float, *, waiting: bool = False) -> bool:
        """Whether this person may be written to now.

        While others are `waiting`, somebody new has to stand in line behind them.
        """
        if self.most is None:
            return True
        used, kept = self.used(now), self.kept(now)
        if person in self.people:
            return True
        if person in self.invited:
            return used < self.most
        return not waiting and used + kept < self.most

    def room(self, now: float) -> int:
        """How many people may be let out of the line now."""
        used, kept = self.used(now), self.kept(now)
        free = INVITED_MAX - kept
        return max(0, free if self.most is None else min(free, self.most - used - kept))

    def invite(self, people: Iterable[str], now: float) -> None:
        """These people are let out of the line; each has a place until they are written to."""
        for person in people:
            if person not in self.people:
                self.invited[person] = now + INVITED_S
                self.invited.move_to_end(person)

    def count(self, person: str, now: float) -> None:
        """This person is written to."""
        self.invited.pop(person, None)
        if self.most is not None:
            self.people[person] = now
            self.people.move_to_end(person)

    def next_at(self, now: float) -> float:
        """When to look at the line again: a place may be free by then."""
        if self.room(now) or len(self.invited) >= INVITED_MAX:
            return now + INVITED_LOOK_S
        oldest = next(iter(self.people.values()), now)
        lapses = next(iter(self.invited.values()), math.inf)
        return min(oldest + DAY_S, lapses, now + LOOK_EVERY_S)
