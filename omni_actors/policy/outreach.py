"""Outreach: messages to people whose reply window is closed, and to how many of them a day."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from attrs import define, field

DAY_S: Final = 86_400.0


@define
class Outreach:
    """The people of one portfolio in a rolling day; `most` is how many there may be (None: any).

    Whoever was written to already costs nothing more. Nobody is remembered while there is no limit.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
    """

    most: int | None = None
    people: "OrderedDict[str, float]" = field(factory=OrderedDict)
    promised: int = 0

    def limit(self, most: int | None, known: Iterable[tuple[str, float]] = ()) -> None:
        """Keep to another limit; `known` are the people of the last day, oldest first."""
        self.most = most
        self.people = OrderedDict() if most is None else OrderedDict(known)

    def used(self, now: float) -> int:
        """How many people there are in the day before `now`."""
        while self.people and next(iter(self.people.values())) <= now - DAY_S:
            self.people.popitem(last=False)
        return len(self.people)

    def admits(self, person: str, now: float) -> bool:
        """Whether this person may be written to now."""
        return self.most is None or self.used(now) < self.most or person in self.people

    def count(self, person: str, now: float) -> None:
        """This person is written to."""
        if self.most is None:
            return
        self.people[person] = now
        self.people.move_to_end(person)
        self.promised = max(0, self.promised - 1)

    def promise(self, now: float) -> float:
        """When to ask again: about when a place is free that nobody else waits for.

        Places come free in the order in which they were taken, over a day.
        """
        self.used(now)
        if not self.people:
            return now + DAY_S
        oldest, newest = next(iter(self.people.values())), next(reversed(self.people.values()))
        days, place = divmod(self.promised, len(self.people))
        self.promised += 1
        pause_s = (newest - oldest) / len(self.people)
        return oldest + DAY_S * (1 + days) + place * pause_s
