"""How often a machine may answer on one leg, so that two of them never talk for ever."""

from collections import deque
from hashlib import sha256
from typing import Final

from attrs import define, field

WITHIN_S: Final = 3600.0
ANSWERS_MAX: Final = 20
SAME_MAX: Final = 3
LEGS_MAX: Final = 10_000


@define
class AnswersGiven:
    """What was answered automatically within the last hour, by leg.

    Of more than 10,000 legs those are forgotten that were answered longest ago; a restart forgets
    all. It is the last of several defences.
    """

    _given: dict[str, deque[tuple[float, bytes]]] = field(factory=dict)

    def may_answer(self, leg_id: str, answer: str, now: float) -> bool:
        """Whether one more answer may go out on a leg; if so it counts as given."""
        body = sha256(answer.encode(errors="replace")).digest()
        given = self._given.pop(leg_id, None) or deque()
        self._given[leg_id] = given
        while given and given[0][0] <= now - WITHIN_S:
            given.popleft()
        if len(given) >= ANSWERS_MAX or sum(same == body for _, same in given) >= SAME_MAX:
            return False
        given.append((now, body))
        if len(self._given) > LEGS_MAX:
            del self._given[next(iter(self._given))]
        return True
