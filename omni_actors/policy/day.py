"""What an account may send in any 24 hours, where its platform counts that."""

from collections import deque
from collections.abc import Iterable
from typing import Final, TypeAlias

from attrs import define, field

from omni_actors.model.content import Content, Email, Letter
from omni_actors.model.limits import DayLimit
from omni_actors.policy.outreach import DAY_S

Use: TypeAlias = tuple[float, int, int]
"""When (unix seconds) how many messages went out, to how many recipients."""

NO_LIMIT: Final = DayLimit()


def recipients_of(content: Content) -> int:
    """To how many people a part goes."""
    said = content.content if isinstance(content, Letter) else content
    return 1 + len(said.cc) if isinstance(said, Email) else 1


@define
class Day:
    """What an account has sent in a rolling day, and how much there may be.

    Nothing is remembered while there is no limit. A message with many recipients passes while there
    is room for one, so that the limits of its sort are kept to with what one message has too many.
    """

    most: DayLimit = NO_LIMIT
    uses: deque[Use] = field(factory=deque)
    messages: int = 0
    recipients: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether anybody counts."""
        return self.most != NO_LIMIT

    def limit(self, most: DayLimit, known: Iterable[Use] = ()) -> None:
        """Keep to other limits; `known` is what was sent in the last day, oldest first."""
        self.most, self.messages, self.recipients = most, 0, 0
        self.uses.clear()
        for use in known:
            self._add(use)

    def count(self, now: float, messages: int, recipients: int) -> None:
        """So much goes out."""
        if self.is_limited and (messages or recipients):
            self._add((now, messages, recipients))

    def give_back(self) -> None:
        """A message that was counted for one recipient was not sent after all."""
        for index in range(len(self.uses) - 1, -1, -1):
            if self.uses[index][1:] == (1, 1):
                del self.uses[index]
                self.messages, self.recipients = self.messages - 1, self.recipients - 1
                return

    def free_at(self, now: float) -> float:
        """From when another message may go out; `now` or before: at once."""
        if self.uses and self.uses[-1][0] > now:  # the clock was set back
            self.uses = deque([(min(use[0], now), use[1], use[2]) for use in self.uses])
        while self.uses and self.uses[0][0] <= now - DAY_S:
            _, messages, recipients = self.uses.popleft()
            self.messages, self.recipients = self.messages - messages, self.recipients - recipients
        if not self._full(self.messages, self.recipients):
            return now
        messages, recipients = self.messages, self.recipients
        for at, fewer, people in self.uses:
            messages, recipients = messages - fewer, recipients - people
            if not self._full(messages, recipients):
                return at + DAY_S
        return now + DAY_S  # nothing may be sent at all

    def _full(self, messages: int, recipients: int) -> bool:
        most = self.most
        return (most.messages is not None and messages >= most.messages) or (
            most.recipients is not None and recipients >= most.recipients
        )

    def _add(self, use: Use) -> None:
        self.uses.append(use)
        self.messages += use[1]
        self.recipients += use[2]
