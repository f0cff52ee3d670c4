"""One Page or Instagram account at work: its people, threads, messages, comments and profile."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from omni_actors.sandbox.contract import Figures, Outbox, Stage
from omni_actors.sandbox.meta.rates import Budget, Rate
from omni_actors.sandbox.meta.rules import Rules
from omni_actors.sandbox.meta.settings import InstagramAccount, MetaAccount
from omni_actors.sandbox.meta.standing import Standing

WINDOW_S: Final = 86_400.0
HUMAN_AGENT_S: Final = 7 * 86_400.0
MESSAGES_MAX: Final = 200_000
OWNED_S: Final = 86_400.0


@define(eq=False)
class Person:
    """A customer, as one account knows them."""

    id: str
    name: str = "Customer"
    username: str = "customer"
    locale: str = "en_GB"
    timezone: float = 0
    gender: str = "neutral"
    follower_count: int = 10
    follows: bool = False
    followed: bool = False
    verified: bool = False
    reachable: bool = True
    """False: does not receive messages now, 551."""
    read_receipts: bool = True
    consents: bool = False
    """Whether the profile may be read: they have written, or tapped something."""
    by_phone: bool = False
    """Known by a phone number only: there is no profile."""
    in_requests: bool = False
    """The thread is in the requests folder of Instagram."""
    picture: str | None = None
    """The id of the profile picture on the shelf, once somebody has asked for it."""

    def document(self) -> dict[str, Any]:
        """The person as the control API shows them."""
        return {name: getattr(self, name) for name in ("id", *PERSON_KEYS)}


PERSON_KEYS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "name": str,
    "username": str,
    "locale": str,
    "timezone": (int, float),
    "gender": str,
    "follower_count": int,
    "follows": bool,
    "followed": bool,
    "verified": bool,
    "reachable": bool,
    "read_receipts": bool,
    "consents": bool,
    "by_phone": bool,
    "in_requests": bool,
}


@define(eq=False)
class Message:
    """A message of a thread. `body` is the webhook's `message`, without its marks."""

    mid: str
    at: float
    person_id: str
    inbound: bool
    body: dict[str, Any]
    sent: Mapping[str, Any] = field(factory=dict)
    """The send that it came from."""
    edits: int = 0
    deleted: bool = False
    reactions: dict[str, str] = field(factory=dict)
    """Who reacted, with which emoji."""


@define(eq=False)
class Thread:
    """What was said with one person, and who of the apps has the floor."""

    id: str
    person_id: str
    mids: list[str] = field(factory=list)
    updated_at: float = 0.0
    user_at: float = float("-inf")
    """When the person last did what opens the window."""
    window_until: float = float("-inf")
    owner: str | None = None
    owner_until: float = float("-inf")
    unread: int = 0
    quick_mid: str | None = None
    """The message whose quick replies can still be tapped."""

    def owner_at(self, now: float) -> str | None:
        """The app in control; None when the thread is idle."""
        return self.owner if self.owner is not None and self.owner_until > now else None


@define(eq=False)
class Comment:
    """A comment or a visitor's post, which may be answered privately, once."""

    id: str
    kind: str
    """`comment`, `post` or `live`."""
    person_id: str
    at: float
    answered: bool = False
    broadcast: bool = True
    """Whether the live video is still running."""


@define(eq=False)
class Ticket:
    """A token that somebody opted in with: it reaches them outside of the window."""

    person_id: str
    until: float
    once: bool
    """A one-time notification, and no topic."""
    used_at: float = float("-inf")


@define(eq=False)
class Channel:
    """One account; `reset` makes it new."""

    stage: Stage
    account: MetaAccount
    rules: Rules
    outbox: Outbox = field(init=False)
    figures: Figures = field(init=False)
    standing: Standing = field(init=False)
    people: dict[str, Person] = field(factory=dict)
    threads: dict[str, Thread] = field(factory=dict)
    messages: dict[str, Message] = field(factory=dict)
    comments: dict[str, Comment] = field(factory=dict)
    tickets: dict[str, Ticket] = field(factory=dict)
    profile: dict[str, Any] = field(factory=dict)
    menus: dict[str, Any] = field(factory=dict)
    personas: dict[str, dict[str, Any]] = field(factory=dict)
    rates: dict[str, Rate] = field(factory=dict)
    budget: Budget = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = self.stage.settings
        self.outbox = Outbox(settings.outbox_max)
        self.figures = Figures()
        self.standing = Standing(
            subscribed=self.account.subscribed, fields=sorted(self.rules.fields)
        )
        self.budget = Budget(settings.calls_per_h)
        self.rates = {
            "text": Rate(self.rules.texts_per_s, 1.0),
            "media": Rate(10, 1.0),
            "conversations": Rate(2, 1.0),
            "profile": Rate(10, 600.0),
            "private": Rate(750, 3_600.0),
            "live": Rate(100, 1.0),
        }

    @property
    def key(self) -> str:
        """The channel key."""
        return self.account.channel_key

    @property
    def page_id(self) -> str | None:
        """The Page whose edges and token serve it; None with Instagram Login."""
        own = isinstance(self.account, InstagramAccount) and self.account.has_own_login
        return None if own else self.account.page_id

    @property
    def graph_id(self) -> str:
        """The id that stands in the paths of its edges."""
        return self.page_id or self.key

    def takes(self, rate: str) -> bool:
        """Count one call of a kind, unless it comes too fast."""
        return not self.stage.settings.limits or self.rates[rate].takes(self.stage.clock.now())

    def thread_of(self, person_id: str) -> Thread:
        """The thread with a person, made when there is none."""
        thread = self.threads.get(person_id)
        if thread is None:
            number = self.stage.chance.randrange(10**15, 10**16)
            thread = self.threads[person_id] = Thread(f"t_{number}", person_id)
        return thread

    def floor_of(self, person_id: str, now: float) -> str | None:
        """The app that has the floor; None where every app may write."""
        thread = self.threads.get(person_id)
        owner = None if thread is None else thread.owner_at(now)
        return owner or self.standing.default_app

    def person(self, person_id: str) -> Person:
        """The person of this id; a stranger is made on demand."""
        if person_id not in self.people:
            self.people[person_id] = Person(person_id)
        return self.people[person_id]

    def new_mid(self) -> str:
        """An opaque message id in the platform's fashion."""
        raw = self.stage.chance.randbytes(self.rules.mid_bytes)
        return self.rules.mid_prefix + base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def knows(self, object_id: str) -> bool:
        """Whether a person, a message, a thread or a persona of this account has the id."""
        if object_id.startswith("t_"):
            return self.thread_with_id(object_id) is not None
        return any(object_id in held for held in (self.people, self.messages, self.personas))

    def thread_with_id(self, thread_id: str) -> Thread | None:
        """The thread of this id."""
        return next((each for each in self.threads.values() if each.id == thread_id), None)

    def add(self, message: Message) -> None:
        """A message goes into its thread; the oldest of all are let go."""
        self.messages[message.mid] = message
        thread = self.thread_of(message.person_id)
        thread.mids.append(message.mid)
        thread.updated_at = message.at
        if len(self.messages) > MESSAGES_MAX:
            oldest = self.messages.pop(next(iter(self.messages)))
            self.thread_of(oldest.person_id).mids.remove(oldest.mid)

    def opens_window(self, person_id: str, at: float, window_s: float = WINDOW_S) -> None:
        """A person did what opens the standard window, and keeps the owner of the thread."""
        thread = self.thread_of(person_id)
        thread.user_at = max(thread.user_at, at)
        thread.window_until = max(thread.window_until, at + window_s)
        if thread.owner_at(at) is not None:
            thread.owner_until = max(thread.owner_until, at + OWNED_S)

    def in_window(self, person_id: str, now: float) -> bool:
        """Whether a standard message may go to the person."""
        thread = self.threads.get(person_id)
        open_until = float("-inf") if thread is None else thread.window_until
        return not self.stage.settings.windows or open_until > now

    def in_agent_window(self, person_id: str, now: float) -> bool:
        """Whether a human agent may still answer."""
        thread = self.threads.get(person_id)
        return thread is not None and now <= thread.user_at + HUMAN_AGENT_S
