"""What the stage asks of Messenger and of Instagram alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define

from omni_actors.sandbox.contract import (
    ControlError,
    Door,
    Figures,
    Job,
    Outbox,
    Shown,
    Written,
)
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.http import Answer, Request
from omni_actors.sandbox.meta import calling_back, customers, limits, webhooks
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.routes import Routes
from omni_actors.sandbox.meta.rules import Rules
from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount, MetaAccount
from omni_actors.sandbox.meta.showing import extras, rendering
from omni_actors.sandbox.meta.world import World


@define(eq=False)
class MetaPlatform:
    """One of the two; the world is shared, and so is everything that can be asked."""

    world: World
    rules: Rules
    answers_calls: bool
    """Whether it is the one of the two that is asked; it knows the other's calls too."""
    has_hooks: bool = True
    doors: tuple[Door, ...] = ()

    @property
    def name(self) -> str:
        """Its name in settings and control paths."""
        return self.rules.name

    @property
    def channels(self) -> dict[str, Channel]:
        """Its accounts at work."""
        mine = self.world.channels.items()
        return {key: channel for key, channel in mine if channel.rules is self.rules}

    @property
    def accounts(self) -> Mapping[str, MetaAccount]:
        """The open accounts by channel key."""
        return {key: channel.account for key, channel in self.channels.items()}

    @property
    def outboxes(self) -> Mapping[str, Outbox]:
        """What customers were sent, by channel key."""
        return {key: channel.outbox for key, channel in self.channels.items()}

    @property
    def figures(self) -> Mapping[str, Figures]:
        """Counts by channel key."""
        return {key: channel.figures for key, channel in self.channels.items()}

    def open_account(self, account: MetaAccount) -> None:
        """Connect one more account. Raises ControlError for an id that is taken."""
        self.world.open_account(account, self.rules)

    def account_of(self, document: Mapping[str, Any]) -> MetaAccount:
        """The account a control document describes. Raises ControlError."""
        kind = MessengerAccount if self.name == "messenger" else InstagramAccount
        return customers.account_of(kind, document)

    async def job(self, request: Request) -> Job | Answer | None:
        """Understand one request; None when its object is not one of ours."""
        return await Routes(self.world).job(request) if self.answers_calls else None

    def customer_writes(self, channel_key: str, document: dict[str, Any]) -> Written:
        """A customer acts, or the platform has news. Raises ControlError."""
        channel = self.world.channels[channel_key]
        written = customers.writes(self.world, channel, document)
        channel.figures.inbound += 1
        return written

    def customer_is(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make or change a customer of one account. Raises ControlError."""
        return customers.customer_is(self.world, self.channels, document)

    def template_is(self, channel_key: str, document: dict[str, Any]) -> Written:
        """Nothing is reviewed here. Raises ControlError."""
        raise ControlError(f"{self.name} has no templates that are reviewed here")

    def renew_token(self, channel_key: str, token: str) -> None:
        """Take this token from now on, and no longer the one before."""
        self.world.renew_token(self.world.channels[channel_key], token)

    def set_limits(self, channel_key: str, document: Mapping[str, Any]) -> Sequence[Update]:
        """Change how much of what is taken in which time; nobody is told. Raises ControlError."""
        limits.change(self.world.channels[channel_key], document)
        return ()

    def account_stands(self, channel_key: str, document: dict[str, Any]) -> dict[str, Any]:
        """Change how an account stands with Meta. Raises ControlError."""
        return limits.stands(self.world, self.world.channels[channel_key], document)

    def is_heard(self, update: Update) -> bool:
        """Whether the account's and the app's webhook fields want this told."""
        return self.world.office.is_heard(update)

    def is_answered(self, update: Update, status: int) -> None:
        """A hook that fails too long is no longer told."""
        self.world.office.is_answered(update, status)

    def app_subscriptions(self, app_id: str) -> list[dict[str, Any]]:
        """What an app is sent of both platforms."""
        return self.world.office.subscriptions(app_id) if self.answers_calls else []

    async def act(self, channel_key: str, verb: str, request: Request) -> Answer | None:
        """`deauthorize` and `data_deletion`: a person takes back what they gave."""
        channel = self.world.channels[channel_key]
        return await calling_back.act(self.world, channel, verb, request)

    def rendering(self, entry: Shown) -> str:
        """What the customer's phone shows."""
        return rendering(entry.request)

    def extras(self, entry: Shown) -> dict[str, Any]:
        """What can be tapped."""
        return extras(entry.request)

    def envelope(self, updates: Sequence[Update]) -> bytes:
        """The updates as the body of one webhook."""
        return webhooks.envelope(updates, self.rules.object, self.world.stage.clock.now())

    def reset(self) -> None:
        """Forget everything but the accounts; one call is enough for both."""
        if self.answers_calls:
            self.world.forget()
