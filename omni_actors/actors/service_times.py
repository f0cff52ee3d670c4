"""How long handling takes: a histogram in powers of two, cheap enough for every message."""

from typing import Final

from attrs import define, field

_BUCKETS: Final = 40
FAST_S: Final = 64e-6


@define(eq=False)
class ServiceTimes:
    """Bucket n counts times below 2**n microseconds; those below `FAST_S` need not be added."""

    _counts: list[int] | None = field(default=None, init=False)

    def add(self, elapsed_s: float) -> None:
        """Count one; below `FAST_S` there is no need to, but no harm either."""
        if self._counts is None:
            self._counts = [0] * _BUCKETS
        self._counts[min(int(elapsed_s * 1e6).bit_length(), _BUCKETS - 1)] += 1

    def quantile(self, share: float, handled: int) -> float:
        """Seconds that `share` of `handled` times stay below, to the next power of two."""
        slow = self._counts or []
        due = share * handled - max(0, handled - sum(slow))
        if due <= 0:
            return FAST_S if handled else 0.0
        for bucket, count in enumerate(slow):
            due -= count
            if due <= 0:
                return float(2**bucket) / 1e6
        return 0.0
