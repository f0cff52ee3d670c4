"""The sandbox itself: one server for all pretend platforms, their hooks, and the faults between."""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from attrs import define, evolve, field

from omni_actors.sandbox import graph
from omni_actors.sandbox.clock import SandboxClock
from omni_actors.sandbox.contract import (
    Account,
    ControlError,
    Door,
    Job,
    Outcome,
    Platform,
    SandboxSettings,
    Stage,
)
from omni_actors.sandbox.control import Control
from omni_actors.sandbox.email_oauth.logins import MailLogins
from omni_actors.sandbox.faults import REQUEST_KINDS, Fault, Faults
from omni_actors.sandbox.hooks import Hook, Update
from omni_actors.sandbox.http import (
    CONNECTIONS_MAX,
    HANG_UP,
    Answer,
    Request,
    json_answer,
    serve_connection,
)
from omni_actors.wire.hosts import is_loopback

Cast = Callable[[Stage], Mapping[str, Platform]]
"""Makes all platforms of one sandbox, by name, in the order in which they are asked."""


@define(eq=False)
class Sandbox:
    """The pretend platforms that are open, and the address they listen at."""

    settings: SandboxSettings
    stage: Stage
    platforms: Mapping[str, Platform]
    faults: Faults
    url: str
    port: int
    controllable: bool
    _start: Callable[[Hook], None]
    mail_logins: MailLogins = field(init=False)
    requests: int = 0
    outbox_grew: trio.Event = field(factory=trio.Event)
    doors: dict[str, str] = field(factory=dict)
    """Where servers beside HTTP listen, as `host:port`, by name."""
    _hook_url: str | None = field(init=False)
    _hooks: dict[tuple[str, str], Hook] = field(factory=dict)
    _control: Control = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._hook_url = self.settings.hook_url
        self._control = Control(self)
        self.mail_logins = MailLogins(self.stage)

    @property
    def hook_url(self) -> str | None:
        """Where accounts without a hook of their own send their events."""
        return self._hook_url

    @hook_url.setter
    def hook_url(self, url: str | None) -> None:
        self._hook_url = url
        for (platform, key), hook in self._hooks.items():
            if self.platforms[platform].accounts[key].hook_url is None:
                hook.move_to(url)

    @property
    def hooks(self) -> Iterable[Hook]:
        """Each hook once."""
        return {id(hook): hook for hook in self._hooks.values()}.values()

    def open_account(self, account: Account) -> None:
        """Connect one more account and give it a hook; those with one URL and secret share one.

        Raises ControlError for a platform that is not played here.
        """
        platform = self.platforms.get(account.platform)
        if platform is None:
            raise ControlError(f"there is no platform {account.platform!r} here")
        platform.open_account(account)
        if not platform.has_hooks:
            return
        self._hooks[account.platform, account.channel_key] = self._hook_for(account)

    def _hook_for(self, account: Account) -> Hook:
        url = account.hook_url or self._hook_url
        for (platform, _key), hook in self._hooks.items():
            same = (platform, hook.url, hook.secret)
            if same == (account.platform, url, account.app_secret):
                return hook
        return self._new_hook(account.platform, url, account.app_secret)

    def _new_hook(self, platform: str, url: str | None, secret: str) -> Hook:
        hook = Hook(
            url=url,
            secret=secret,
            envelope=self.platforms[platform].envelope,
            faults=self.faults,
            heard=self.platforms[platform].is_heard,
            answered=self.platforms[platform].is_answered,
            concurrency=self.settings.hook_concurrency,
            batch_max=self.settings.hook_batch_max,
            pending_max=self.settings.hook_pending_max,
        )
        self._start(hook)
        return hook

    def hook_of(self, platform: str, channel_key: str) -> Hook:
        """The hook of an account. Raises ControlError where it has none."""
        hook = self._hooks.get((platform, channel_key))
        if hook is None:
            raise ControlError(f"{platform} has no hooks, so none of {channel_key}")
        return hook

    def move_hook(self, platform: str, channel_key: str, url: str) -> None:
        """Send the events of one account to `url` from now on."""
        mine = self.hook_of(platform, channel_key)
        if sum(hook is mine for hook in self._hooks.values()) == 1:
            mine.move_to(url)
            return
        own = self._new_hook(platform, url, mine.secret)
        own.take_over(mine, channel_key)
        self._hooks[platform, channel_key] = own

    async def handle(self, request: Request) -> Answer:
        """Answer one request: of the control API, or of whichever platform knows its path."""
        self.requests += 1
        if request.path.startswith("/sandbox/mail-logins/") and self.controllable:
            return await self.mail_logins.control(request)
        if request.path.startswith("/sandbox/"):
            return await self._control.handle(request)
        login = await self.mail_logins.answer(request)
        if login is not None:
            return login
        for platform in self.platforms.values():
            job = await platform.job(request)
            if isinstance(job, Answer):
                return job
            if job is not None:
                return await self._carry_out(self.platforms.get(job.platform, platform), job)
        segments = graph.route_of(request)
        if not segments:
            return json_answer(200, {"sandbox": sorted(self.platforms)})
        return graph.unknown_object(segments[0], request.method).answer()

    async def _carry_out(self, platform: Platform, job: Job) -> Answer:
        fault = self.faults.take(job.target, REQUEST_KINDS) if self.faults.rules else None
        if fault is None:
            return self._finished(platform, job.run(None))
        return await self._with_fault(platform, job, fault)

    async def _with_fault(self, platform: Platform, job: Job, fault: Fault) -> Answer:
        match fault.kind:
            case "drop_request":
                return HANG_UP
            case "error_5xx":
                page = b"<html><body>The server had a bad moment.</body></html>"
                return Answer(fault.status, page, (("Content-Type", "text/html"),))
            case "throttle" | "expire_token" | "error_code":
                return job.refuse(fault)
            case "delay":
                await trio.sleep(fault.delay_s)
                return self._finished(platform, job.run(None))
            case "status_before_answer":
                outcome = job.run(None)
                await self._tell(platform, outcome.updates)
                await trio.sleep(fault.delay_s)
                return outcome.answer
            case "drop_answer":
                return self._cut(platform, job.run(None), at=-1)
            case "disconnect_mid_body":
                outcome = job.run(None)
                return self._cut(platform, outcome, at=len(outcome.answer.body) // 2)
            case "slow_body":
                return evolve(job.run(None).answer, pause_s=fault.delay_s)
            case _:
                return self._finished(platform, job.run(fault))

    def _finished(self, platform: Platform, outcome: Outcome) -> Answer:
        if not outcome.updates and not outcome.shown:
            return outcome.answer
        return self._then(outcome.answer, platform, outcome, cut_at=None)

    def _cut(self, platform: Platform, outcome: Outcome, at: int) -> Answer:
        return self._then(outcome.answer, platform, outcome, cut_at=at)

    def _then(
        self, answer: Answer, platform: Platform, outcome: Outcome, cut_at: int | None
    ) -> Answer:
        if outcome.shown:
            self.show()
        after = partial(self._tell, platform, outcome.updates)
        return Answer(answer.status, answer.body, answer.headers, after=after, cut_at=cut_at)

    def app_subscriptions(self, app_id: str) -> list[dict[str, Any]]:
        """What an app is sent, platform by platform."""
        told = [each.app_subscriptions(app_id) for each in self.platforms.values()]
        return [one for some in told for one in some]

    def show(self) -> None:
        """Wake who waits for the outbox."""
        grown, self.outbox_grew = self.outbox_grew, trio.Event()
        grown.set()

    async def _tell(self, platform: Platform, updates: Iterable[Update]) -> None:
        for update in updates:
            await self._hooks[platform.name, update.channel_key].offer(update)

    def reset(self) -> None:
        """Forget messages, customers, faults, figures and queued updates; accounts stay."""
        self.faults.clear()
        self.faults.taken.clear()
        for platform in self.platforms.values():
            platform.reset()
        for hook in self.hooks:
            hook.drop_all()
        self.requests = 0


def _address(bind: str, name: str = "bind") -> tuple[str, int]:
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{name} must be host:port, not {bind!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


@asynccontextmanager
async def open_stage(
    settings: SandboxSettings, cast: Cast, accounts: Iterable[Account]
) -> AsyncIterator[Sandbox]:
    """Listen, and play the platforms of `cast` until the block ends.

    Raises ValueError for a bind that is not `host:port`, OSError when it cannot be listened at.
    """
    host, port = _address(settings.bind)
    chance = random.Random(settings.seed)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=1024)
        port = listeners[0].socket.getsockname()[1]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        clock = SandboxClock.started_at(settings.epoch_s)
        stage = Stage(
            settings=settings,
            clock=clock,
            chance=chance,
            url=url,
            hook_url=lambda platform, key: sandbox.hook_of(platform, key).url,
            move_hook=lambda platform, key, moved: sandbox.move_hook(platform, key, moved),
            token_owner=lambda token: sandbox.mail_logins.address_of(token),
            app_subscriptions=lambda app_id: sandbox.app_subscriptions(app_id),
            take_fault=lambda target, kinds: sandbox.faults.take(target, kinds),
            show=lambda: sandbox.show(),
        )
        sandbox = Sandbox(
            settings=settings,
            stage=stage,
            platforms=cast(stage),
            faults=Faults(chance),
            url=url,
            port=port,
            controllable=is_loopback(host) or settings.control_anywhere,
            start=lambda hook: nursery.start_soon(hook.run),
        )
        for account in accounts:
            sandbox.open_account(account)
        limiter = trio.CapacityLimiter(CONNECTIONS_MAX)
        nursery.start_soon(_serve, listeners, sandbox, limiter)
        for platform in sandbox.platforms.values():
            for door in platform.doors:
                sandbox.doors[door.name] = await _open_door(door, nursery)
        yield sandbox
        nursery.cancel_scope.cancel()


async def _open_door(door: Door, nursery: trio.Nursery) -> str:
    """Where it listens. Raises ValueError, OSError with the place."""
    host, port = _address(door.bind, door.name)
    if not is_loopback(host):
        raise ValueError(f"{door.name} listens on loopback only, not on {door.bind}")
    try:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=1024)
    except OSError as error:
        raise OSError(error.errno, error.strerror, door.bind) from error
    limiter = trio.CapacityLimiter(CONNECTIONS_MAX)

    async def connection(stream: trio.SocketStream) -> None:
        async with limiter:
            await door.serve(stream)

    nursery.start_soon(trio.serve_listeners, connection, listeners)
    return f"{host}:{listeners[0].socket.getsockname()[1]}"


async def _serve(
    listeners: list[trio.SocketListener], sandbox: Sandbox, limiter: trio.CapacityLimiter
) -> None:
    async def connection(stream: trio.SocketStream) -> None:
        async with limiter:
            await serve_connection(stream, sandbox.handle)

    await trio.serve_listeners(connection, listeners)
