"""Which leg carries a message out, and which consumer answers what came in."""

from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

LAST_USED = "last_used"


@frozen
class Candidate:
    """A leg that could carry a message. `usable` is false when its channel was removed."""

    leg_id: str
    channel_id: str
    platform: str
    usable: bool
    window_open: bool
    last_inbound_at: float | None
    last_outbound_at: float | None


def pick(candidates: Sequence[Candidate], route: Sequence[str]) -> Candidate | None:
    """The first usable leg in the order of `route`; an empty route means the last used one.

    Where a person has several legs on a channel, the last used of them goes.
    """
    usable = [candidate for candidate in candidates if candidate.usable]
    for step in route or (LAST_USED,):
        if step == LAST_USED:
            found = last_used(usable)
        else:
            found = last_used([c for c in usable if c.channel_id == step])
        if found is not None:
            return found
    return None


def last_used(candidates: Sequence[Candidate]) -> Candidate | None:
    """The leg on which the customer wrote last; before anybody wrote, the one we used last."""
    return max(
        candidates,
        key=lambda c: (c.last_inbound_at or 0.0, c.last_outbound_at or 0.0, c.leg_id),
        default=None,
    )


@frozen
class ConsumerRule:
    """What matches goes to the consumer `to`. An empty criterion matches everything."""

    to: str
    platforms: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    content: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()

    def matches(self, facts: Mapping[str, str]) -> bool:
        """Whether the rule is about a message with these facts."""
        return (
            allows(self.platforms, facts["platform"])
            and allows(self.channels, facts["channel"])
            and allows(self.content, facts["content"])
            and allows(self.tenants, facts["tenant"])
        )


def allows(wanted: Collection[str], value: str) -> bool:
    """Whether a criterion lets a value pass."""
    return not wanted or value in wanted


def consumer_of(rules: Sequence[ConsumerRule], facts: Mapping[str, str], default: str) -> str:
    """Who answers a message: the first rule that matches, else `default`."""
    return next((rule.to for rule in rules if rule.matches(facts)), default)
