"""Ids: a prefix that names the noun, then 26 characters that sort by time."""

from collections.abc import Callable
from functools import lru_cache

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_BITS = 48
CHANCE_BITS = 80

MESSAGE = "msg"
PART = "prt"
CONVERSATION = "cnv"
LEG = "leg"
CONTACT = "ctc"
IDENTITY = "idn"
EVENT = "evt"
INTAKE = "itk"
MEDIUM = "med"
ATTEMPT = "att"
DEAD_LETTER = "ddl"
KEY = "key"
CONNECTION = "con"


def spell(prefix: str, at_ms: int, chance: int) -> str:
    """One id from a time in milliseconds and 80 bits of chance."""
    number = (at_ms & (1 << TIME_BITS) - 1) << CHANCE_BITS | chance & (1 << CHANCE_BITS) - 1
    low = PAIRS[number >> 20 & 1023] + PAIRS[number >> 10 & 1023] + PAIRS[number & 1023]
    return prefix + "_" + _high(number >> 30) + low


@lru_cache(maxsize=16)
def _high(number: int) -> str:
    """All but the last six characters: the ids of one moment have them in common."""
    return "".join([PAIRS[number >> shift & 1023] for shift in SHIFTS])


# Two characters at a time: ids are made by the dozen for each message.
PAIRS = tuple([one + two for one in ALPHABET for two in ALPHABET])
SHIFTS = tuple(range(90, -1, -10))
LENGTH = 26


class Ids:
    """Makes ids that never repeat and never go backwards, from an injected clock and chance.

    Not for two threads at once: each thread owns one.
    """

    def __init__(self, now: Callable[[], float], bits: Callable[[int], int]) -> None:
        self._now = now
        self._bits = bits
        self._last_ms = -1
        self._number = 0
        self._of_old = 0

    def __call__(self, prefix: str) -> str:
        at_ms = int(self._now() * 1000)
        if at_ms > self._last_ms:
            self._last_ms = at_ms
            self._number = self._bits(CHANCE_BITS - 1)
        else:
            self._number += 1 + self._bits(24)
        return spell(prefix, self._last_ms, self._number)

    def of_old(self, prefix: str, at: float) -> str:
        """An id for something that happened long ago (unix seconds), to stand in its place in time.

        Those of one moment follow each other in the order in which they are made.
        """
        if not self._of_old or self._of_old >> CHANCE_BITS - 1:
            self._of_old = self._bits(CHANCE_BITS - 2)
        self._of_old += 1 + self._bits(24)
        return spell(prefix, max(0, int(at * 1000)), self._of_old)
