"""What the platform remembers about one business number: rates, windows, messages.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/throughput
"""

from collections import deque

from attrs import define, field, frozen

from omni_actors.sandbox.contract import SandboxSettings
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount

WINDOW_S = 86_400.0
ENTRY_S = 3 * 86_400.0
MESSAGE_LIFE_S = 30 * 86_400.0
MESSAGES_MAX = 500_000
PAIRS_MAX = 500_000
BURST_S = 6.0


@frozen
class Message:
    """A message that went through, in either direction."""

    at: float
    type: str
    user_id: str
    inbound: bool


@define
class Throughput:
    """Messages in both directions, at most `most` in any one second."""

    most: int
    moments: deque[float] = field(factory=deque)

    def is_full(self, now: float) -> bool:
        """Whether one more message would be too many."""
        while self.moments and self.moments[0] <= now - 1.0:
            self.moments.popleft()
        return len(self.moments) >= self.most

    def count(self, now: float) -> None:
        """Note one message."""
        self.moments.append(now)
        if len(self.moments) > 2 * self.most:
            self.moments.popleft()


@define
class Usage:
    """The calls of one business account in the running hour, against its budget."""

    calls_per_h: int
    hour: int = -1
    calls: int = 0

    def count(self, now: float) -> int:
        """Note one call; the share of the budget that is used, in percent."""
        hour = int(now // 3_600)
        if hour != self.hour:
            self.hour, self.calls = hour, 0
        self.calls += 1
        return 100 * self.calls // self.calls_per_h

    def minutes_left(self, now: float) -> int:
        """Until the budget is whole again."""
        return 60 - int(now % 3_600 // 60)


@define
class Pair:
    """What one number owes for its messages to one user.

    A burst borrows from the future. By `debt` the whole loan is paid off before the next message;
    by `gcra` a message becomes free as soon as its own share is paid.
    """

    paid_at: float = 0.0
    burst_from: float = float("-inf")

    def may_send(self, now: float, every_s: float, burst: int, rule: str) -> bool:
        """Whether the pair takes one more message at `now`."""
        owed = max(0.0, self.paid_at - now)
        if rule == "gcra":
            return owed <= (burst - 1) * every_s
        in_burst = now < self.burst_from + BURST_S
        return owed <= 0.0 or (in_burst and self.paid_at < self.burst_from + burst * every_s)

    def send(self, now: float, every_s: float) -> None:
        """Note one message."""
        if self.paid_at <= now:
            self.burst_from = self.paid_at = now
        self.paid_at += every_s


@define(eq=False)
class Number:
    """One business number at work."""

    account: WhatsAppAccount
    settings: SandboxSettings
    throughput: Throughput = field(init=False)
    pairs: dict[str, Pair] = field(factory=dict)
    windows: dict[str, float] = field(factory=dict)
    """User id to the time their window closes."""
    clicked: dict[str, float] = field(factory=dict)
    """User id to when they came from an ad, until they are answered."""
    entries: dict[str, float] = field(factory=dict)
    """User id to the time their free entry ends."""
    messages: dict[str, Message] = field(factory=dict)
    maintenance_until: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.throughput = Throughput(self.settings.throughput_per_s)

    def over_rate(self, user_id: str, now: float) -> int | None:
        """The code of the rate that one more message would break; None when there is room."""
        if not self.settings.limits:
            return None
        if now < self.maintenance_until:
            return 131057
        if self.throughput.is_full(now):
            return 130429
        pair = self.pairs.get(user_id)
        if pair is None or pair.may_send(
            now, self.settings.pair_every_s, self.settings.pair_burst, self.settings.pair_rule
        ):
            return None
        return 131056

    def count_send(self, user_id: str, now: float) -> None:
        """Charge one message to the rates."""
        if not self.settings.limits:
            return
        self.throughput.count(now)
        if len(self.pairs) >= PAIRS_MAX:
            self.pairs = {key: pair for key, pair in self.pairs.items() if pair.paid_at > now}
        self.pairs.setdefault(user_id, Pair()).send(now, self.settings.pair_every_s)

    def window_is_open(self, user_id: str, now: float) -> bool:
        """Whether free-form messages may go to this user."""
        return not self.settings.windows or self.windows.get(user_id, 0.0) > now

    def enters(self, user_id: str, now: float) -> float | None:
        """The business writes: when the free entry of this user ends, if there is one.

        Whoever is answered within a day of coming from an ad is free for three days.
        """
        clicked_at = self.clicked.pop(user_id, None)
        if clicked_at is not None and now <= clicked_at + WINDOW_S:
            self.entries[user_id] = now + ENTRY_S
        until = self.entries.get(user_id, 0.0)
        return until if until > now else None

    def remember(self, message_id: str, message: Message) -> None:
        """Keep one message, so that reactions and receipts can name it."""
        self.messages[message_id] = message
        if len(self.messages) > MESSAGES_MAX:
            del self.messages[next(iter(self.messages))]

    def recall(self, message_id: str, now: float) -> Message | None:
        """A message of the last 30 days."""
        message = self.messages.get(message_id)
        return message if message is not None and message.at > now - MESSAGE_LIFE_S else None

    def hears(self, message_id: str, message: Message) -> None:
        """A customer wrote: the window opens anew, and the message counts as traffic."""
        self.remember(message_id, message)
        if message.type not in NOT_WRITING:
            self.windows[message.user_id] = message.at + WINDOW_S
        if self.settings.limits:
            self.throughput.count(message.at)


NOT_WRITING = frozenset({"system", "reaction"})
"""A number change is no message, and nothing official says that a reaction opens the window."""
