"""What a pretend platform fills in, and what the stage lends it."""

import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import trio
from attrs import define, evolve, field, frozen
from attrs.validators import in_

from omni_actors.sandbox.clock import SandboxClock
from omni_actors.sandbox.faults import Fault, Target
from omni_actors.sandbox.hooks import Knock, Update
from omni_actors.sandbox.http import Answer, Request

RECIPIENTS_MAX = 1_000_000
KEYS_MAX = 1_000_000


class ControlError(Exception):
    """The control API was used wrongly; the text tells how."""


class Account(Protocol):
    """One connected account of a platform, as the settings name it."""

    @property
    def platform(self) -> str:
        """The name of its platform."""

    @property
    def channel_key(self) -> str:
        """The platform's own id of it."""

    @property
    def app_secret(self) -> str:
        """Signs its webhooks."""

    @property
    def verify_token(self) -> str:
        """Proves its handshakes."""

    @property
    def hook_url(self) -> str | None:
        """Where its events go; None means the sandbox's own `hook_url`."""


def _words(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _accounts(given: Iterable[Account] | None) -> tuple[Account, ...] | None:
    return None if given is None else tuple(given)


@frozen
class SandboxSettings:
    """How a sandbox is set up. Times are in seconds."""

    bind: str = "127.0.0.1:8090"
    smtp_bind: str = "127.0.0.1:0"
    """Where mails are taken; loopback only, for any password opens a customer's mailbox."""
    imap_bind: str = "127.0.0.1:0"
    """Where mailboxes are shown; loopback only."""
    hook_url: str | None = None
    accounts: tuple[Account, ...] | None = field(default=None, converter=_accounts)
    """None takes one account of each platform with the keys of the sample configuration."""
    limits: bool = True
    """Refuse what comes faster than the platform allows."""
    windows: bool = True
    """Refuse free-form messages outside the customer service window."""
    closed_window: str = field(default="refuse", validator=in_(("refuse", "fail")))
    """`refuse` answers 131047 at once; `fail` accepts and reports it by a failed status."""
    statuses: tuple[str, ...] = field(default=("sent", "delivered", "read"), converter=_words)
    status_gap_s: float = 0.0
    """Time before each status of a message."""
    throughput_per_s: int = 80
    pair_every_s: float = 6.0
    pair_burst: int = 45
    pair_rule: str = field(default="debt", validator=in_(("debt", "gcra")))
    """`debt`: a burst is paid off before the next message, as the platform's text says; `gcra`:
    one message becomes free every `pair_every_s`."""
    users_per_day: int | None = None
    """To how many people all numbers together may write first in a rolling day; None: to all."""
    calls_per_h: int = 0
    """Calls a business account may make in an hour; 0 is no limit and no usage headers."""
    hook_concurrency: int = 4
    hook_batch_max: int = 1
    hook_pending_max: int = 10_000
    outbox_max: int = 100_000
    media_bytes_max: int = 268_435_456
    epoch_s: float | None = None
    """Unix seconds the sandbox's clock starts at; None takes the machine's time."""
    seed: int = 1
    control_anywhere: bool = False
    """Let the control API answer on a bind that is not loopback."""


@frozen(eq=False)
class Shown:
    """One message as the customer has it."""

    number: int
    at: float
    to: str
    message_id: str
    request: Mapping[str, Any]


@define(eq=False)
class Outbox:
    """What the customers of one account have been sent, in order; the oldest are let go."""

    entries_max: int
    entries: deque[Shown] = field(factory=deque)
    count: int = 0

    def add(self, at: float, to: str, message_id: str, request: Mapping[str, Any]) -> None:
        """Show one message to the customer."""
        self.count += 1
        self.entries.append(Shown(self.count, at, to, message_id, request))
        if len(self.entries) > self.entries_max:
            self.entries.popleft()

    def after(self, number: int) -> Iterable[Shown]:
        """The entries with a higher number."""
        skip = max(0, number - (self.count - len(self.entries)))
        return (self.entries[index] for index in range(skip, len(self.entries)))


@define(eq=False)
class Figures:
    """Counts of one account."""

    accepted: int = 0
    refused: dict[str, int] = field(factory=dict)
    inbound: int = 0
    calls: dict[str, int] = field(factory=dict)
    by_recipient: dict[str, int] = field(factory=dict)
    seen: dict[str, int] = field(factory=dict)
    repeated: dict[str, int] = field(factory=dict)
    """Correlation keys of senders that were accepted more than once, with their counts."""

    def call(self, name: str) -> None:
        """Count one request."""
        self.calls[name] = self.calls.get(name, 0) + 1

    def refuse(self, code: int) -> None:
        """Count one refusal."""
        self.refused[str(code)] = self.refused.get(str(code), 0) + 1

    def accept(self, to: str, key: str | None) -> None:
        """Count one accepted message and whether its correlation key was seen before."""
        self.accepted += 1
        if len(self.by_recipient) < RECIPIENTS_MAX:
            self.by_recipient[to] = self.by_recipient.get(to, 0) + 1
        if key is None:
            return
        if key in self.seen:
            self.repeated[key] = self.repeated.get(key, 1) + 1
        elif len(self.seen) < KEYS_MAX:
            self.seen[key] = 1

    def document(self) -> dict[str, Any]:
        """The counts as the control API shows them."""
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "inbound": self.inbound,
            "calls": self.calls,
            "recipients": len(self.by_recipient),
            "duplicates": sum(count - 1 for count in self.repeated.values()),
            "repeated": dict(list(self.repeated.items())[:100]),
        }


@frozen
class Stage:
    """What every pretend platform is lent: time, chance, and the settings."""

    settings: SandboxSettings
    clock: SandboxClock
    chance: random.Random
    url: str
    hook_url: Callable[[str, str], str | None] = lambda _platform, _key: None
    """Where the events of an account go; by platform and channel key."""
    move_hook: Callable[[str, str, str], None] = lambda _platform, _key, _url: None
    """Send the events of an account to another URL."""
    app_subscriptions: Callable[[str], list[dict[str, Any]]] = lambda _app_id: []
    """What an app is sent, of all platforms together."""
    take_fault: Callable[[Target, frozenset[str]], Fault | None] = lambda _target, _kinds: None
    """What goes wrong with something that is no request of HTTP."""
    show: Callable[[], None] = lambda: None
    """Wake who waits for the outbox."""


@frozen
class Outcome:
    """What a call came to: the answer, the updates that follow it, whether a customer sees it."""

    answer: Answer
    updates: Sequence[Update] = ()
    shown: bool = False


@frozen
class Job:
    """A call whose request is understood: who it is about, and how to carry it out.

    `run` makes the whole change without waiting, so that a fault before it leaves nothing behind
    and a fault after it loses only the answer. It takes a fault that only it can act out.
    """

    target: Target
    run: Callable[[Fault | None], Outcome]
    refuse: Callable[[Fault], Answer]
    """Answers in the platform's own words for `throttle`, `expire_token` and `error_code`."""
    platform: str = ""
    """Whose hooks the updates go to, where that is another platform than the one that was asked."""


@frozen
class Written:
    """What a customer did, ready for the hook."""

    message_id: str
    update: Update

    def sent(self, repeats: int, knock: Knock | None) -> Update:
        """The update, to be delivered `repeats` more times and watched by `knock`."""
        return evolve(self.update, repeats=repeats, knock=knock)


@frozen
class Arrived:
    """What a customer wrote, where the business looks for it by itself."""

    message_id: str


@frozen
class Door:
    """A server of a platform's own beside HTTP: its name, where it listens, and who serves."""

    name: str
    bind: str
    serve: Callable[[trio.SocketStream], Awaitable[None]]


class Platform(Protocol):
    """One pretend platform."""

    @property
    def name(self) -> str:
        """Its name in settings and control paths."""

    @property
    def has_hooks(self) -> bool:
        """Whether its accounts' events go to a hook."""

    @property
    def doors(self) -> Sequence[Door]:
        """Its servers beside HTTP."""

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The open accounts by channel key."""

    @property
    def outboxes(self) -> Mapping[str, Outbox]:
        """What customers were sent, by channel key."""

    @property
    def figures(self) -> Mapping[str, Figures]:
        """Counts by channel key."""

    def open_account(self, account: Any) -> None:
        """Connect one more account."""

    def account_of(self, document: Mapping[str, Any]) -> Account:
        """The account a control document describes. Raises ControlError."""

    async def job(self, request: Request) -> Job | Answer | None:
        """Understand one request; an Answer refuses it, None means it is not for this platform."""

    def customer_writes(self, channel_key: str, document: dict[str, Any]) -> Written | Arrived:
        """A customer acts. Raises ControlError."""

    def customer_is(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make or change a customer; answers with how they are now. Raises ControlError."""

    def template_is(self, channel_key: str, document: dict[str, Any]) -> Written:
        """The platform decides about a template: its id, and what is told. Raises ControlError."""

    def renew_token(self, channel_key: str, token: str) -> None:
        """Take this token from now on, and no longer the one before."""

    def set_limits(self, channel_key: str, document: Mapping[str, Any]) -> Sequence[Update]:
        """Change what the platform takes of an account; the news of it. Raises ControlError."""

    def account_stands(self, channel_key: str, document: dict[str, Any]) -> dict[str, Any]:
        """Change how an account stands with the platform; answers with how it is now.

        Raises ControlError.
        """

    def is_heard(self, update: Update) -> bool:
        """Whether anybody has asked to be told of this."""

    def is_answered(self, update: Update, status: int) -> None:
        """A hook was knocked at with this: its status, or 0 where nobody answered."""

    def app_subscriptions(self, app_id: str) -> list[dict[str, Any]]:
        """What an app is sent of this platform; nothing where it is no app of these accounts."""

    async def act(self, channel_key: str, verb: str, request: Request) -> Answer | None:
        """A control route of this platform's own; None when it has none. Raises ControlError."""

    def extras(self, entry: Shown) -> dict[str, Any]:
        """What the outbox tells of a message beside its text, such as what can be tapped."""

    def rendering(self, entry: Shown) -> str:
        """What the customer's phone shows."""

    def envelope(self, updates: Sequence[Update]) -> bytes:
        """The updates as the body of one webhook."""

    def reset(self) -> None:
        """Forget everything but the accounts."""
