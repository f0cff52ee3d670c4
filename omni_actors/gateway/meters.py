"""Limits of some sends only, such as films or answers to comments, beside those of the channel.

They are asked when a part is claimed, for only then is it known what it is: one that must wait
goes back to its queue and uses up no attempt.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, field

from omni_actors.adapters.contract import Adapter, Meter, PartToSend
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.policy.rate import Granted, Limit, Pace, reserve_all


@define
class Meters:
    """What each channel has used of them; all are full after a start."""

    paces: dict[tuple[str, str], Pace] = field(factory=dict)

    def admit(
        self, part: PartToSend, channel_id: str, adapter: Adapter[Any, Any], now: float
    ) -> Failure | None:
        """Charge every limit that a part falls under, or tell why it must wait."""
        mine = [meter for meter in adapter.meters if falls_under(part, meter)]
        if not mine:
            return None
        granted = reserve_all(now, [self.ask(channel_id, meter) for meter in mine])
        if not isinstance(granted, Granted):
            name = mine[granted.index].name
            text = f"the platform takes fewer messages of this kind ({name})"
            return Failure(
                Kind.THROTTLED, Reason.RATE_LIMITED, text=text, retry_after_s=granted.seconds
            )
        for meter, pace in zip(mine, granted.paces, strict=True):
            self.paces[channel_id, meter.name] = pace
        return None

    def ask(self, channel_id: str, meter: Meter) -> tuple[Pace, Limit, float]:
        """One limit with what is used of it."""
        limit = Limit(meter.rate.per_second, meter.rate.burst)
        return self.paces.get((channel_id, meter.name), Pace()), limit, 1.0


def falls_under(part: PartToSend, meter: Meter) -> bool:
    """Whether a part is of a limit's forms, or goes to one of its kinds of addresses."""
    return part.form in meter.forms or named_by(part, meter.addresses)


def named_by(part: PartToSend, kinds: Sequence[str]) -> bool:
    """Whether nothing better is known of a person than keys of these kinds."""
    return bool(part.to) and all(key.kind in kinds for key in part.to)
