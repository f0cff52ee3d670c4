"""Connecting accounts over OAuth: a person logs in at the platform, and channels come of it.

What a platform's login looks like is its adapter's to say (`adapters/connecting.py`); here is who
may begin, what came back, which accounts are taken, and that each step happens once.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio
from attrs import asdict, define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.connecting import App, Found, Harvest, OAuth, Tokens
from omni_actors.adapters.contract import Adapter
from omni_actors.gateway.called import called
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.grants import GrantBook
from omni_actors.gateway.keys import Caller, channel_of
from omni_actors.gateway.management import refused as refused_by_platform
from omni_actors.gateway.sender import Hands
from omni_actors.gateway.submit import refused
from omni_actors.model.failure import Failure, Kind
from omni_actors.model.ids import CONNECTION, Ids
from omni_actors.model.states import ChannelState
from omni_actors.net.account import Account
from omni_actors.policy import connecting as policy
from omni_actors.store.connecting import (
    BeginConnection,
    ConnectChannel,
    Connection,
    ConnectionById,
    ConnectionStatus,
    Deletion,
    DeletionByCode,
    Disconnect,
    EndConnection,
    EnsureKey,
    Find,
    Grant,
    LetGo,
    OfferAccounts,
    Offered,
    TakeConnection,
    Treasure,
    TreasureOf,
    fingerprint,
)
from omni_actors.store.contract import Refused, Store
from omni_actors.store.rows import ANY_TENANT, Channel
from omni_actors.store.verbs import ChannelSpec

STATE_KEY = "connecting"
ENDING_S = 5.0
BROKEN_OFF = "the browser was closed before it was done; begin again"
KEY_BYTES = 32
CODE_BYTES = 16
DEFAULT_TENANT = "default"
CONFIGURED = "the channel stands in the config: take it out there, and reload"
REVOKED = "the person who connected the account took back what they had allowed; connect it again"
BY_US = "it was disconnected here; connect its account again to bring it back"
DELETED = "the person who connected the account had their data deleted"


@frozen
class Begun:
    """A connecting that waits for somebody to open `url` in a browser."""

    connection: Connection
    url: str


@frozen
class Landing:
    """What a person sees who comes back from the platform."""

    ok: bool
    title: str
    sentence: str


@define
class Connector:
    """Runs the connectings of this house."""

    store: Store
    hands: Hands
    ids: Ids
    now: Callable[[], float]
    adapters: Mapping[str, Adapter[Any, Any]]
    apps: Callable[[], Mapping[str, App]]
    channels: Callable[[], Mapping[str, Channel]]
    public_url: Callable[[], str]
    adopt: Callable[[Channel], None]
    grants: GrantBook
    choosing: set[str] = field(factory=set)

    # ------------------------------------------------------------ beginning

    async def begin(
        self,
        caller: Caller,
        platform: str,
        app_id: str | None,
        channel_id: str | None,
        tenant: str | None,
    ) -> Begun:
        """Let somebody log in at a platform. Raises RequestError."""
        channel = self.existing(caller, platform, channel_id)
        app = self.app_for(platform, app_id or (channel.app if channel else None))
        now = self.now()
        connection = Connection(
            id=self.ids(CONNECTION),
            tenant=self.tenant_of(caller, channel, tenant),
            key_id=caller.key_id,
            platform=platform,
            app=app.id,
            redirect=self.redirect(platform),
            channel_id=channel_id,
            created_at=now,
            expires_at=now + policy.LOGIN_S,
        )
        key = await self.state_key()
        state = policy.state_of(key, connection.id, connection.expires_at, bound(connection))
        await self.store.do(BeginConnection(connection))
        oauth = self.adapters[platform].oauth[app.kind.kind]
        url = oauth.authorize(app.settings, connection.redirect, state)
        if oauth.pkce:
            url = policy.with_challenge(url, policy.verifier_of(key, connection.id))
        telemetry.info("connection.begun", connection_id=connection.id, platform=platform)
        return Begun(connection, url)

    def existing(self, caller: Caller, platform: str, channel_id: str | None) -> Channel | None:
        """The channel that is to be connected again, if it is there. Raises RequestError."""
        if platform not in self.adapters:
            raise RequestError(Code.NOT_FOUND, f"there is no platform {platform}")
        channel = self.channels().get(channel_id or "")
        if channel is None:
            return None
        theirs = not caller.is_operator and channel.tenant != caller.tenant
        if theirs or channel.platform != platform:
            raise RequestError(
                Code.CHANNEL_TAKEN, f"the id {channel_id} is another channel's; choose another"
            )
        return channel

    def tenant_of(self, caller: Caller, channel: Channel | None, tenant: str | None) -> str:
        """For whom the account is connected. Raises RequestError."""
        if not caller.is_operator and tenant not in (None, caller.tenant):
            what = "is another tenant than that of the API key"
            raise RequestError(Code.INVALID, f"tenant {what}", mistakes=(Mistake("?tenant", what),))
        if not caller.is_operator:
            return caller.tenant
        return channel.tenant if channel else tenant or DEFAULT_TENANT

    def app_for(self, platform: str, app_id: str | None) -> App:
        """The app to connect through. Raises RequestError."""
        kinds = self.adapters[platform].oauth
        able = {app.id: app for app in self.apps().values() if app.kind.kind in kinds}
        if not able:
            wanted = " or ".join(kinds)
            why = f"add an [[apps]] of kind {wanted}" if kinds else "its accounts are configured"
            raise RequestError(
                Code.CONNECT_UNAVAILABLE, f"the config has no app for {platform}: {why}"
            )
        if app_id is None and len(able) == 1:
            return next(iter(able.values()))
        if app_id not in able:
            what = f"must be one of {', '.join(able)}"
            raise RequestError(Code.INVALID, f"the app {what}", mistakes=(Mistake("?app", what),))
        return able[app_id]

    def redirect(self, platform: str) -> str:
        """Where the platform sends the browser back to. Raises RequestError."""
        url = self.public_url()
        if not url:
            raise RequestError(
                Code.CONNECT_UNAVAILABLE,
                "nobody knows how a browser reaches this gateway: set server.public_url",
            )
        return f"{url}/v1/connect/{platform}/callback"

    async def state_key(self) -> bytes:
        """What signs states; made once, and kept sealed."""
        return await self.store.do(EnsureKey(STATE_KEY, secrets.token_bytes(KEY_BYTES)))

    # ------------------------------------------------------------ coming back

    async def land(self, platform: str, query: Mapping[str, str]) -> Landing:
        """What becomes of a browser that comes back from the platform."""
        taken = await self.take(platform, query.get("state", ""))
        if isinstance(taken, Landing):
            return taken
        try:
            return await self.received(taken, query)
        except trio.Cancelled:  # the browser was closed, or the house ends
            with trio.move_on_after(ENDING_S, shield=True):
                await self.fail(taken, BROKEN_OFF)
            raise
        except Exception as bug:  # noqa: BLE001 - whoever waits for it must not wait for ever
            place = telemetry.place_of(bug)
            telemetry.error("connection.bug", connection_id=taken.id, error=place)
            return await self.fail(taken, f"a bug of ours: {place}")

    async def received(self, taken: Connection, query: Mapping[str, str]) -> Landing:
        """What becomes of what the platform says of a connecting."""
        code = query.get("code")
        if not code:
            why = query.get("error_description") or query.get("error") or "it gave no code"
            return await self.fail(taken, f"the platform did not allow it: {why[:300]}")
        app = self.apps().get(taken.app)
        if app is None:
            return await self.fail(taken, f"the app {taken.app} is in the config no more")
        harvest = await self.harvest(taken, app, code)
        if isinstance(harvest, Failure):
            return await self.fail(taken, sentence_of(harvest))
        return await self.offer(taken, harvest)

    async def take(self, platform: str, state: str) -> Connection | Landing:
        """The connecting of a state, which is used up by that; or why it cannot be."""
        connection = self.store.peek(ConnectionById(ANY_TENANT, policy.connection_in(state) or ""))
        if (
            connection is None
            or connection.platform != platform
            or not policy.is_genuine(await self.state_key(), state, bound(connection))
        ):
            telemetry.warning("connection.forged", platform=platform)
            return Landing(False, "Not connected", "This login was not begun here.")
        if policy.has_ended(state, self.now()):
            return Landing(False, "Not connected", "This login took too long; begin again.")
        try:
            return await self.store.do(TakeConnection(connection.id, self.now()))
        except Refused as problem:
            return Landing(False, "Not connected", problem.sentence)

    async def harvest(self, connection: Connection, app: App, code: str) -> "Treasure | Failure":
        """What the platform gives for a code: short-lived token, long-lived token, accounts."""
        oauth = self.adapters[connection.platform].oauth[app.kind.kind]
        verifier = policy.verifier_of(await self.state_key(), connection.id)
        account = account_of(app, code=code, verifier=verifier)
        tokens = await self.tokens(oauth, app, connection.redirect, account)
        if isinstance(tokens, Failure):
            return tokens
        account = account_of(app, token=tokens.access_token)
        found = await called(self.hands, oauth.accounts(app.settings, tokens.claims), account)
        if isinstance(found, Failure):
            return found
        return treasure_of(found, tokens)

    async def tokens(
        self, oauth: OAuth[Any], app: App, redirect: str, account: Account
    ) -> Tokens | Failure:
        """The person's token, changed for one that lives long where it does not anyway."""
        tokens = await called(self.hands, oauth.exchange(app.settings, redirect), account)
        if isinstance(tokens, Failure) or oauth.prolong is None or tokens.expires_in_s is None:
            return tokens
        account = account_of(app, token=tokens.access_token)
        return await called(self.hands, oauth.prolong(app.settings), account)

    async def offer(self, connection: Connection, treasure: Treasure) -> Landing:
        """Connect what was found where there is no choice, else leave the choice to the caller."""
        accounts = tuple([self.shown(connection.platform, one) for one in treasure.accounts])
        able = [one.key for one in accounts if one.obstacle is None]
        if not able:
            return await self.fail(connection, nothing_found(accounts))
        meant = self.meant(connection, able)
        if meant is None:
            return await self.fail(connection, self.not_meant(connection, able))
        until = self.now() + policy.CHOICE_S
        connection = await self.store.do(OfferAccounts(connection.id, treasure, accounts, until))
        if len(meant) > 1:
            sentence = "Several accounts were found. Go back to where you began, and choose."
            return Landing(True, "Almost connected", sentence)
        try:
            await self.connect(connection, meant)
        except RequestError as problem:
            return await self.fail(connection, problem.sentence)
        named = [one.name for one in accounts if one.key in meant]
        return Landing(True, "Connected", f"{', '.join(named)} is connected. You may close this.")

    def meant(self, connection: Connection, able: Sequence[str]) -> Sequence[str] | None:
        """Which accounts it can be about: that of the channel that is connected again, or any."""
        channel = self.channels().get(connection.channel_id or "")
        if channel is None:
            return able
        return (channel.channel_key,) if channel.channel_key in able else None

    def not_meant(self, connection: Connection, able: Sequence[str]) -> str:
        """Why what was allowed is of no use for the channel that is connected again."""
        channel = self.channels()[connection.channel_id or ""]
        whose = f"the account of {channel.id}, {channel.channel_key}"
        return f"{whose}, is not among the allowed ({', '.join(able)}); log in as that account"

    def shown(self, platform: str, found: Find) -> Offered:
        """What may be told of an account."""
        ours = [
            channel.id
            for channel in self.channels().values()
            if (channel.platform, channel.channel_key) == (platform, found.key)
            and channel.state is not ChannelState.REMOVED
        ]
        return Offered(found.key, found.name, found.obstacle, ours[0] if ours else None)

    async def fail(self, connection: Connection, problem: str) -> Landing:
        """End a connecting that came to nothing."""
        await self.store.do(EndConnection(connection.id, problem=problem))
        telemetry.warning("connection.failed", connection_id=connection.id)
        return Landing(False, "Not connected", f"{problem[:1].upper()}{problem[1:]}.")

    # ------------------------------------------------------------ choosing

    async def connection(self, caller: Caller, connection_id: str) -> Connection:
        """How far a connecting is. Raises RequestError."""
        found = self.store.peek(ConnectionById(caller.tenant, connection_id))
        if found is None:
            raise RequestError(Code.NOT_FOUND, "there is no such connecting, or no more")
        open_ = found.status in (ConnectionStatus.WAITING, ConnectionStatus.CHOOSING)
        if open_ and found.expires_at <= self.now():
            problem = "it was not finished in time; begin again"
            return evolve(found, status=ConnectionStatus.FAILED, problem=problem)
        return found

    async def choose(self, caller: Caller, connection_id: str, keys: Sequence[str]) -> Connection:
        """Connect some of the accounts that were found. Raises RequestError."""
        connection = await self.connection(caller, connection_id)
        if connection.status is not ConnectionStatus.CHOOSING or connection_id in self.choosing:
            raise RequestError(
                Code.CONNECTION_STATE, f"there is nothing to choose: it is {connection.status}"
            )
        able = [one.key for one in connection.accounts if one.obstacle is None]
        for n, key in enumerate(keys):
            if key not in able:
                what = f"must be one of {', '.join(able)}"
                mistake = Mistake(f"/accounts/{n}", what)
                raise RequestError(Code.INVALID, "no such account", mistakes=(mistake,))
        if connection.channel_id is not None and len(keys) > 1:
            raise RequestError(Code.INVALID, "one channel cannot be several accounts")
        return await self.connect(connection, keys)

    async def connect(self, connection: Connection, keys: Sequence[str]) -> Connection:
        """Make channels of accounts that were found, and end the connecting."""
        self.choosing.add(connection.id)
        try:
            treasure = self.store.peek(TreasureOf(connection.id))
            if treasure is None:
                raise RequestError(Code.CONNECTION_STATE, "there is nothing to choose any more")
            chosen = [one for one in treasure.accounts if one.key in keys]
            made = [await self.make(connection, treasure.subjects, one) for one in chosen]
        finally:
            self.choosing.discard(connection.id)
        ended = EndConnection(connection.id, channels=tuple([channel.id for channel in made]))
        return await self.store.do(ended)

    async def make(self, connection: Connection, subjects: tuple[str, ...], found: Find) -> Channel:
        """A channel of one account, at work from now on. Raises RequestError."""
        adapter, now = self.adapters[connection.platform], self.now()
        settings, token = adapter.settings(**found.settings), found.access_token
        key = adapter.channel_key(settings)
        credentials = {"access_token": token}
        if found.refresh_token is not None:
            credentials["refresh_token"] = found.refresh_token
        spec = ChannelSpec(
            id=connection.channel_id or policy.channel_id_of(connection.platform, key),
            tenant=connection.tenant,
            platform=connection.platform,
            channel_key=key,
            settings=asdict(settings),
            credentials=asdict(adapter.credentials(**credentials)),
            names=tuple(adapter.named(settings)) if adapter.named else (),
        )
        until = None if found.expires_in_s is None else now + found.expires_in_s
        grant = Grant(spec.id, fingerprint(token), now, until)
        try:
            channel = await self.store.do(
                ConnectChannel(spec, connection.app, subjects, grant, now)
            )
        except Refused as problem:
            raise refused(problem) from None
        telemetry.info("channel.connected", channel_id=channel.id, platform=channel.platform)
        self.adopt(channel)
        await self.grants.subscribe(channel.id)
        return channel

    # ------------------------------------------------------------ taking back

    async def let_go(self, caller: Caller, channel_id: str) -> Channel:
        """Disconnect a channel: the platform sends nothing more of it, and its token is forgotten.

        What the platform refuses, since the token is good no more, keeps nobody. Raises
        RequestError, and then nothing has changed.
        """
        channel = channel_of(caller, self.channels(), channel_id)
        if channel.source == "config":
            raise RequestError(Code.CONNECT_UNAVAILABLE, CONFIGURED)
        if not channel.connected:
            return channel
        try:
            failure = await self.grants.unsubscribe(channel_id)
            if failure is not None and failure.kind not in (Kind.BROKEN, Kind.REJECTED):
                raise refused_by_platform(failure, Code.PLATFORM_REFUSED, "disconnect it again")
            reason = BY_US if failure is None else f"{BY_US}. {still_told(failure)}"
            verb = LetGo(caller.tenant, channel_id, reason, self.now())
            channel = await self.store.do(verb)
            telemetry.info("channel.let_go", channel_id=channel_id)
            self.adopt(channel)
        finally:
            self.grants.leaving.discard(channel_id)
        return channel

    async def revoke(self, app_id: str, form: Mapping[str, str]) -> int:
        """The platform tells that a person took back what they allowed; how many channels it was.

        Raises RequestError where it is not the platform who tells.
        """
        subject = self.subject(app_id, form)
        verb = Disconnect(app_id, subject, ChannelState.NEEDS_REAUTH, REVOKED, self.now())
        return await self.disconnect(verb)

    async def forget(self, app_id: str, form: Mapping[str, str]) -> Deletion:
        """The platform tells that a person wants their data deleted, which is done. As `revoke`."""
        subject, code = self.subject(app_id, form), secrets.token_hex(CODE_BYTES)
        verb = Disconnect(app_id, subject, ChannelState.REMOVED, DELETED, self.now(), code)
        return Deletion(code, app_id, await self.disconnect(verb), verb.at)

    def subject(self, app_id: str, form: Mapping[str, str]) -> str:
        """Whom a notice is about, as the app knows them. Raises RequestError."""
        app = self.apps().get(app_id)
        if app is None or app.kind.revoked is None:
            raise RequestError(Code.NOT_FOUND, "there is no such app")
        subject: str | None = app.kind.revoked(form, app.secrets)
        if subject is None:
            telemetry.warning("connection.forged_notice", app=app_id)
            raise RequestError(Code.BAD_NOTICE, "the notice does not come from the platform")
        return subject

    async def disconnect(self, verb: Disconnect) -> int:
        channels = await self.store.do(verb)
        for channel in channels:
            telemetry.warning("channel.disconnected", channel_id=channel.id, state=channel.state)
            self.adopt(channel)
        return len(channels)

    def deletion(self, code: str) -> Deletion:
        """What became of a person's wish. Raises RequestError."""
        found = self.store.peek(DeletionByCode(code))
        if found is None:
            raise RequestError(Code.NOT_FOUND, "there is no deletion with this code")
        return found


def bound(connection: Connection) -> policy.Bound:
    """What the state of a connecting is good for, and for nothing else."""
    return policy.Bound(connection.tenant, connection.key_id, connection.app, connection.redirect)


def account_of(
    app: App, *, token: str = "", code: str | None = None, verifier: str | None = None
) -> Account:
    """An app's credential, with what a person gave it."""
    kind = app.kind
    return Account(
        channel_id=f"app/{app.id}",
        token=token,
        app_secret=kind.secret(app.secrets),
        app_id=kind.app_id(app.settings),
        code=code,
        verifier=verifier,
        hosts=kind.hosts(app.settings),
    )


def treasure_of(harvest: Harvest, tokens: Tokens) -> Treasure:
    """What was found, as it is kept until it is chosen."""
    return Treasure(harvest.subjects, tuple([kept(one, tokens) for one in harvest.accounts]))


def kept(found: Found, tokens: Tokens) -> Find:
    """One account with its token, or with the one in hand."""
    own = found.tokens or tokens
    return Find(
        found.channel_key,
        found.name,
        found.settings,
        found.obstacle,
        own.access_token,
        own.expires_in_s,
        own.refresh_token,
    )


def sentence_of(failure: Failure) -> str:
    """Why the platform gave us nothing."""
    later = failure.kind in (Kind.TRANSIENT, Kind.UNREACHABLE, Kind.UNKNOWN, Kind.THROTTLED)
    why = failure.advice or failure.text or failure.reason.value
    code = f" ({failure.code})" if failure.code and failure.code not in why else ""
    if later:
        return f"the platform could not be asked, begin again later: {why}{code}"
    return f"the platform refused: {why}{code}" if failure.code else why


def still_told(failure: Failure) -> str:
    """Why webhooks of a disconnected account may go on."""
    return f"The platform would not end its webhooks: {failure.advice or failure.text}"


def nothing_found(accounts: Sequence[Offered]) -> str:
    """Why there is nothing to connect."""
    if not accounts:
        return "the platform shows no account; allow at least one in its dialog"
    return "; ".join([f"{one.name}: {one.obstacle}" for one in accounts])
