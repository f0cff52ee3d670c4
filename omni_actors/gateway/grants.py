"""What keeps connected channels going: fresh tokens, tokens looked at, webhooks that come."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.connecting import TokenFacts, Tokens, Upkeep
from omni_actors.gateway.called import called
from omni_actors.gateway.refreshing import Refreshing, Refusal
from omni_actors.gateway.uploads import Hands, Route
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState
from omni_actors.net.account import Account
from omni_actors.policy import grants as policy
from omni_actors.store.connecting import (
    Grant,
    Grants,
    KeepGrant,
    NoteInspection,
    RenewToken,
    TellStanding,
    fingerprint,
)
from omni_actors.store.contract import Store
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import SetChannelState
from omni_actors.wire.calls import Flow

OPERATORS = (ChannelState.PAUSED, ChannelState.RESTRICTED, ChannelState.REMOVED)
WEBHOOKS_COME = "The platform sends webhooks."
APP_ORDERS = "The app orders the webhooks that are needed."
NOT_RENEWED = Failure(
    Kind.TRANSIENT,
    Reason.CHANNEL_UNAVAILABLE,
    Scope.CHANNEL,
    text="the token was given up for another one meanwhile",
)


class Care(StrEnum):
    """What is done for a channel now and then."""

    RENEW = "renew"
    INSPECT = "inspect"
    WATCH = "watch"


@frozen
class Ward:
    """A channel that is cared for: by its platform's upkeep, or with a refresh token, or both."""

    channel: Channel
    route: Route
    upkeep: Upkeep[Any] | None

    @property
    def fingerprint(self) -> str:
        """Which token it uses."""
        return fingerprint(self.route.account.token)

    @property
    def place(self) -> str | None:
        """What its webhooks are ordered of."""
        return None if self.upkeep is None else self.upkeep.installed(self.route.settings)

    @property
    def renews_s(self) -> float | None:
        """The age from which its token can be renewed."""
        if refresh_of(self.route) is not None:
            return 0.0
        if self.upkeep is None or self.upkeep.renew is None:
            return None
        return self.upkeep.renews(self.route.settings)

    @property
    def token_lacks(self) -> bool:
        """Whether there is no access token yet, only what gets one."""
        return not self.route.account.token


def refresh_of(route: Route) -> Callable[[Any], Flow[Tokens]] | None:
    """How a channel's refresh token is changed for fresh tokens, where it has one."""
    if route.app is None or route.account.refresh_token is None:
        return None
    oauth = route.adapter.oauth.get(route.app.kind.kind)
    return None if oauth is None else oauth.refresh


@define
class GrantBook:
    """Does for a channel what its platform needs, and draws the consequences."""

    store: Store
    hands: Hands
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]
    changed: Callable[[Channel], None]
    restored: Callable[[str], Awaitable[None]]  # a channel's webhooks come again
    hooks: Callable[[], Mapping[str, str]]  # our hooks' kinds, by their addresses
    refreshing: Refreshing = field(factory=Refreshing)
    leaving: set[str] = field(factory=set)
    """Channels that are being disconnected: nobody is to order their webhooks again."""

    def wards(self) -> dict[str, Ward]:
        """All channels that can be cared for, by their ids."""
        found = {}
        for channel_id, route in self.routes().items():
            channel, upkeep = self.channels().get(channel_id), route.adapter.upkeep
            if channel is None or channel.state is ChannelState.REMOVED:
                continue
            if channel_id in self.leaving or (upkeep is None and refresh_of(route) is None):
                continue
            found[channel_id] = Ward(channel, route, upkeep)
        return found

    async def known(self, ward: Ward, grant: Grant | None) -> Grant:
        """What is known of the token in use; of a new one only that it is."""
        if grant is not None and grant.fingerprint == ward.fingerprint:
            return grant
        fresh = Grant(ward.channel.id, ward.fingerprint, self.now())
        await self.store.do(KeepGrant(fresh))
        return fresh

    async def care(self, ward: Ward, grant: Grant, what: Care) -> Failure | None:
        """Do one thing for a channel; answers why that did not work."""
        match what:
            case Care.RENEW:
                failure = await self.renew(ward, grant)
            case Care.INSPECT:
                failure = await self.inspect(ward, grant)
            case Care.WATCH:
                failure = await self.watch(ward)
        if failure is not None:
            await self.failed(ward, grant, what, failure)
        return failure

    async def call(self, ward: Ward, wanted: Flow[Any]) -> Any:
        keys = ward.route.adapter.masked_keys
        return await called(self.hands, wanted, ward.route.account, keys)

    # ------------------------------------------------------------ tokens

    async def renew(self, ward: Ward, grant: Grant) -> Failure | None:
        """Change the token for a fresh one, by whoever is at it already."""
        return await self.refreshing.once(ward.channel.id, partial(self.exchange, ward, grant))

    async def exchange(self, ward: Ward, grant: Grant) -> Failure | None:
        """Change the token for a fresh one, which is in use from the same commit on."""
        tokens = await self.fresh_tokens(ward)
        if isinstance(tokens, Failure):
            return tokens
        return await self.keep(ward, grant, tokens)

    async def fresh_tokens(self, ward: Ward) -> Tokens | Failure:
        """What the platform gives for the token, or for the refresh token."""
        route, refresh = ward.route, refresh_of(ward.route)
        if refresh is None or route.app is None:
            assert ward.upkeep is not None
            assert ward.upkeep.renew is not None
            renewed: Tokens | Failure = await self.call(ward, ward.upkeep.renew(route.settings))
            return renewed
        account = evolve(route.account, token="", hosts=route.app.kind.hosts(route.app.settings))
        of = fingerprint(account.refresh_token or "")
        refused = self.refreshing.refusal(account.channel_id, of, self.now())
        if refused is not None:
            return refused
        tokens = await called(self.hands, refresh(route.app.settings), account)
        if not isinstance(tokens, Failure):
            return tokens
        failure = policy.of_channel(tokens)
        if policy.has_ended(failure):
            until = self.now() + policy.ASK_AGAIN_S
            self.refreshing.refused[account.channel_id] = Refusal(of, until, failure)
        return failure

    async def keep(self, ward: Ward, grant: Grant, tokens: Tokens) -> Failure | None:
        """Use fresh tokens from now on."""
        now = self.now()
        until = None if tokens.expires_in_s is None else now + tokens.expires_in_s
        fresh = evolve(
            grant,
            fingerprint=fingerprint(tokens.access_token),
            issued_at=now,
            renewed_at=now,
            expires_at=until,
        )
        verb = RenewToken(grant.fingerprint, tokens.access_token, fresh, tokens.refresh_token)
        with trio.CancelScope(shield=True):  # the platform may take the old one no more
            channel = await self.store.do(verb)
        if channel is None:  # somebody gave the channel another token meanwhile
            telemetry.info("grant.overtaken", channel_id=ward.channel.id)
            return None
        telemetry.info("grant.renewed", channel_id=channel.id, good_until=until)
        await self.tell(ward, "token", ok=True, sentence="The token was renewed.")
        self.changed(channel)
        return None

    async def refreshed(self, stale: Account) -> Route | Failure | None:
        """A route with a fresh token for a channel whose token is good no more, or why there is
        none. None: nothing can be done, as for a token that came of this and was never good.
        """
        channel_id = stale.channel_id
        route, ward = self.routes().get(channel_id), self.wards().get(channel_id)
        if route is not None and route.account.token != stale.token:
            return route  # somebody was at it already
        if ward is None or refresh_of(ward.route) is None:
            return None
        if self.refreshing.unproved.get(channel_id) == fingerprint(stale.token):
            return None
        known = {grant.channel_id: grant for grant in await self.store.ask(Grants())}
        grant = await self.known(ward, known.get(channel_id))
        failure = await self.care(ward, grant, Care.RENEW)
        route = self.routes().get(channel_id)
        if failure is not None or route is None or route.account.token == stale.token:
            return failure or NOT_RENEWED
        self.refreshing.unproved[channel_id] = fingerprint(route.account.token)
        return route

    def proved(self, account: Account) -> None:
        """A channel's token was found to be good."""
        self.refreshing.unproved.pop(account.channel_id, None)

    async def inspect(self, ward: Ward, grant: Grant) -> Failure | None:
        """Ask whether the token is still good, and for how long."""
        assert ward.upkeep is not None
        found = await self.call(ward, ward.upkeep.inspect(ward.route.settings))
        if isinstance(found, Failure):
            return found
        facts: TokenFacts = found
        now = self.now()
        until = facts.expires_at or grant.expires_at
        looked = evolve(grant, expires_at=until, access_until=facts.access_until, inspected_at=now)
        await self.store.do(NoteInspection(looked))
        await self.judge(ward, looked, facts)
        if ward.channel.state is ChannelState.NEEDS_REAUTH and was_expired(ward.channel):
            await self.set_state(ward, ChannelState.ACTIVE, None)
        return None

    async def judge(self, ward: Ward, grant: Grant, facts: TokenFacts) -> None:
        """Warn of what ends soon, and of rights that are lacking."""
        end = policy.ends_at(grant.expires_at, grant.access_until)
        soon = end is not None and end < self.now() + policy.WARN_S
        said = f"The platform gives access until {day(end)}; connect the account again before."
        good = "The token is good."
        await self.tell(ward, "access", ok=not soon, sentence=said if soon else good)
        lacking = ", ".join(facts.lacking)
        said = f"The token lacks the rights {lacking}; connect the account again with them."
        good = "The token has the rights that are needed."
        await self.tell(ward, "rights", ok=not lacking, sentence=said if lacking else good)

    # ------------------------------------------------------------ webhooks

    async def watch(self, ward: Ward) -> Failure | None:
        """See that the platform sends webhooks, and order them again where it does not."""
        await self.watch_app(ward)
        missing = await self.missing(ward)
        if isinstance(missing, Failure):
            return missing
        if not missing:
            await self.tell(ward, "subscription", ok=True, sentence=WEBHOOKS_COME)
            return None
        fields = ", ".join(missing)
        telemetry.warning("subscription.lost", channel_id=ward.channel.id, fields=missing)
        sentence = f"The platform sends no webhooks of {fields}."
        await self.tell(ward, "subscription", ok=False, sentence=sentence)
        if ward.channel.id in self.leaving:
            return None
        assert ward.upkeep is not None
        ordered = await self.call(ward, ward.upkeep.subscribe(ward.route.settings))
        still = ordered if isinstance(ordered, Failure) else await self.missing(ward)
        if isinstance(still, Failure):
            return still
        if not still:
            telemetry.info("subscription.renewed", channel_id=ward.channel.id)
            sentence = f"{WEBHOOKS_COME} They were ordered again at {moment(self.now())}."
            await self.tell(ward, "subscription", ok=True, sentence=sentence)
            await self.restored(ward.channel.id)
        return None

    async def watch_app(self, ward: Ward) -> None:
        """Say what the app itself keeps from coming, which a person chose and can change.

        It is asked in its own name: what that meets says nothing of the channel's token.
        """
        account = ward.route.account
        look = None if ward.upkeep is None else ward.upkeep.app_lacks
        if look is None or not (account.app_id and account.app_secret):
            return
        lacks = await self.call(ward, look(ward.route.settings, self.hooks()))
        if isinstance(lacks, Failure):
            reason = lacks.reason.value
            telemetry.warning("app_webhooks.unseen", channel_id=ward.channel.id, reason=reason)
            if policy.must_connect_again(lacks):
                sentence = f"The app's own webhooks cannot be seen: {policy.reason_of(lacks)}."
                await self.tell(ward, "app_webhooks", ok=False, sentence=sentence)
            return
        await self.tell(ward, "app_webhooks", ok=lacks is None, sentence=lacks or APP_ORDERS)

    async def subscribe(self, channel_id: str) -> None:
        """Order the webhooks of a channel that was just connected."""
        ward = self.wards().get(channel_id)
        if ward is None or ward.upkeep is None:
            return
        ordered = await self.call(ward, ward.upkeep.subscribe(ward.route.settings))
        if isinstance(ordered, Failure):
            telemetry.warning(
                "subscription.refused", channel_id=channel_id, reason=ordered.reason.value
            )
            sentence = f"Webhooks could not be ordered so far: {policy.reason_of(ordered)}."
            await self.tell(ward, "subscription", ok=False, sentence=sentence)
            return
        telemetry.info("subscription.ordered", channel_id=channel_id)
        await self.tell(ward, "subscription", ok=True, sentence=WEBHOOKS_COME)

    async def unsubscribe(self, channel_id: str) -> Failure | None:
        """Have the platform send no more webhooks of a channel, unless others need them too."""
        ward = self.wards().get(channel_id)
        if ward is None:
            return None
        self.leaving.add(channel_id)
        if ward.upkeep is None:
            return None
        place = ward.place
        if any(each.place == place for each in self.wards().values()):
            telemetry.info("subscription.shared", channel_id=channel_id)
            return None
        done = await self.call(ward, ward.upkeep.unsubscribe(ward.route.settings))
        if isinstance(done, Failure):
            code, reason = done.code, done.reason.value
            telemetry.warning(
                "subscription.not_ended", channel_id=channel_id, reason=reason, code=code
            )
            return done
        telemetry.info("subscription.ended", channel_id=channel_id)
        return None

    async def missing(self, ward: Ward) -> tuple[str, ...] | Failure:
        assert ward.upkeep is not None
        found = await self.call(ward, ward.upkeep.missing(ward.route.settings))
        return found if isinstance(found, Failure) else tuple(found)

    # ------------------------------------------------------------ consequences

    async def failed(self, ward: Ward, grant: Grant, what: Care, failure: Failure) -> None:
        """Say what did not work; stop sending where only a person can mend it."""
        telemetry.warning(
            "grant.care_failed",
            channel_id=ward.channel.id,
            care=what.value,
            reason=failure.reason.value,
            code=failure.code,
        )
        in_use = self.routes().get(ward.channel.id)
        if in_use is None or in_use.account.token != ward.route.account.token:
            return  # it was of a token that is used no more
        why = policy.reason_of(failure)
        if policy.has_ended(failure):
            await self.set_state(ward, ChannelState.NEEDS_REAUTH, why)
        elif what is Care.RENEW:
            end = f"; it ends on {day(grant.expires_at)}" if grant.expires_at else ""
            sentence = f"The token could not be renewed so far: {why}{end}."
            await self.tell(ward, "token", ok=False, sentence=sentence)
        elif what is Care.WATCH and policy.must_connect_again(failure):
            sentence = f"Nobody can see to the webhooks: {why}."
            await self.tell(ward, "subscription", ok=False, sentence=sentence)
        elif policy.must_connect_again(failure):
            sentence = f"The token could not be looked at: {why}."
            await self.tell(ward, "rights", ok=False, sentence=sentence)

    async def set_state(self, ward: Ward, state: ChannelState, reason: str | None) -> None:
        verb = SetChannelState(
            ward.channel.tenant, ward.channel.id, state, reason, self.now(), OPERATORS
        )
        before = self.channels().get(ward.channel.id)
        channel = await self.store.do(verb)
        if before is None or before.state is not channel.state:
            self.changed(channel)

    async def tell(self, ward: Ward, topic: str, *, ok: bool, sentence: str) -> None:
        """Our word on how a channel stands."""
        severity = "info" if ok else "warning"
        standing = Standing(topic, ok, sentence, self.now())
        await self.store.do(TellStanding(ward.channel.id, topic, severity, standing))


def was_expired(channel: Channel) -> bool:
    """Whether the channel waits for a token, and not for a right."""
    return (channel.reason or "").startswith(Reason.CREDENTIALS_EXPIRED.value)


def day(at: float | None) -> str:
    """A day, for a sentence."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def moment(at: float) -> str:
    """A moment, for a sentence."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
