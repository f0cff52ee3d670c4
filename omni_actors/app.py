"""The composition root: a config in, a running house out; and serving it until told to stop."""

import errno
import gc
import os
import random
import secrets
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.actors.clock import Clock
from omni_actors.actors.lag import open_lag_watch
from omni_actors.actors.system import open_system
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.api.app import build_app
from omni_actors.api.server import bound, serve_door
from omni_actors.cli_exits import Exit, first
from omni_actors.config import Config, ConfigError, load, plan_of, router
from omni_actors.gateway import keys
from omni_actors.gateway.dead_letters import DeadLetterDesk
from omni_actors.gateway.facade import Gateway
from omni_actors.gateway.ground import Ground
from omni_actors.gateway.house import House
from omni_actors.gateway.media_files import MediaFiles
from omni_actors.media.blobs import Blob, Blobs, DiskFull, Missing
from omni_actors.model.states import ChannelState
from omni_actors.net.guard import GuardPolicy
from omni_actors.net.hands import all_hands
from omni_actors.policy.rate import Limit
from omni_actors.store import secret_files
from omni_actors.store.contract import Refused, StoreFailed
from omni_actors.store.failures import CannotOpen
from omni_actors.store.opening import open_store, sqlite_path
from omni_actors.store.queries import Credentials
from omni_actors.store.sqlite.engine import ReleaseHold, SqliteStore
from omni_actors.store.verbs import ChannelSpec, SetChannelState, SyncChannels

UNWIND_S = 15.0  # after the drain's deadline, for the door, the drain's own grace and the store

# Nearly all of our garbage dies by reference counts; looking for cycles every 700 objects, as the
# default has it, mostly walks over what is alive.
GC_THRESHOLDS = (10_000, 20, 50)
AT_START = ("server", "limits", "store", "log", "drain")
OPERATOR_KEY = "operator.key"


@define
class Ending:
    """Why and how the house ends."""

    asked: trio.Event = field(factory=trio.Event)
    hurried: trio.Event = field(factory=trio.Event)
    failure: StoreFailed | None = None
    hurry: Callable[[], None] | None = None
    last_resort: threading.Timer | None = None

    def fail(self, failure: StoreFailed) -> None:
        """The disk refused a commit: nothing may be acknowledged any more."""
        self.failure = failure
        telemetry.error("store.failed", sentence=str(failure))
        self.asked.set()

    def end_within(self, seconds: float, code: int) -> None:
        """End the process then, if it still runs: something in it does not let itself be ended.

        What was accepted is in the store, so this loses no more than a power cut would: nothing.
        """
        self.last_resort = threading.Timer(seconds, cut_short, (code,))
        self.last_resort.daemon = True
        self.last_resort.start()

    def ended(self) -> None:
        """The house is closed; the process ends by itself."""
        if self.last_resort is not None:
            self.last_resort.cancel()


@frozen
class Running:
    """A running house: where it listens, and its gateway."""

    url: str
    gateway: Gateway


@asynccontextmanager
async def open_gateway(
    config: Config,
    *,
    clock: Clock | None = None,
    chance: random.Random | None = None,
    ending: Ending | None = None,
    inline: bool = False,
) -> AsyncIterator[Gateway]:
    """The whole house on its store, without a listener; it is at work inside the block.

    Leaving the block drains for at most the config's time. Raises CannotOpen, Refused.
    """
    clock, chance, ending = clock or Clock(), chance or random.Random(), ending or Ending()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(
                config.store.url,
                clock_now=clock.now,
                chance_bits=random.Random(chance.getrandbits(64)).getrandbits,
                inline=inline,
                key=config.store.key,
                on_failure=ending.fail,
            )
        )
        blobs = Blobs(data_directory(config) / "blobs")
        blobs.prepare()
        hands = await stack.enter_async_context(
            all_hands(
                open_source=lambda name, size: blobs.open_source(Blob(name, size)),
                open_sink=blobs.open_sink,
                disk_errors=(OSError, DiskFull, Missing),
                guard_policy=GuardPolicy(),
                now=clock.now,
            )
        )
        system = await stack.enter_async_context(
            open_system(clock=clock, chance=chance, observe=telemetry.observe)
        )
        nursery = await stack.enter_async_context(trio.open_nursery())
        ground = Ground(
            store=store,
            blobs=blobs,
            hands=hands,
            system=system,
            clock=clock,
            chance=chance,
            adapters=ADAPTERS,
            route_of=router(ADAPTERS, lambda channel_id: store.peek(Credentials(channel_id))),
            low_on_disk=lambda: store.low_on_disk,
        )
        house = House(ground, plan_of(config, ADAPTERS, HOOK_KINDS))
        await hold_restored(store, house.plan.channels, clock.now())
        await house.start(nursery)
        media = MediaFiles(store, blobs, house.ids, clock.now, config.api.media_bytes_max)
        letters = DeadLetterDesk(store, clock.now, house.wake_legs, house.rereader.read_again)
        limit = Limit(config.limits.key_per_second, config.limits.key_burst)
        gateway = Gateway(house, media, letters, lambda: ending.failure is not None, limit)
        await write_operator_key(gateway, data_directory(config))
        ending.hurry = system.hurry
        try:
            yield gateway
        finally:
            nursery.cancel_scope.cancel()


async def hold_restored(store: SqliteStore, channels: tuple[ChannelSpec, ...], now: float) -> None:
    """A restored backup must not send again what was sent since: every channel starts paused.

    The config comes first: it brings a channel that was removed, or has new credentials, back as
    active. Raises Refused when the config cannot be.
    """
    if not store.held:
        return
    for channel in await store.do(SyncChannels(channels, now)):
        if channel.state is not ChannelState.REMOVED:
            reason = "restored from a backup; resume the channel to send"
            await store.do(
                SetChannelState(channel.tenant, channel.id, ChannelState.PAUSED, reason, now)
            )
    await store.do(ReleaseHold())
    telemetry.warning("house.restored", sentence="channels start paused; resume them to send")


async def write_operator_key(gateway: Gateway, directory: Path) -> None:
    """The first start leaves an operator's key where only this user can read it."""
    path = directory / OPERATOR_KEY
    if secret_files.is_kept(path):
        return
    ground = gateway.house.ground
    made = await keys.create(
        ground.store,
        gateway.house.ids,
        secrets.randbits,
        ground.clock.now(),
        name="operator",
        tenant="*",
        scopes=keys.SCOPES,
    )
    secret_files.keep(path, f"{made.secret}\n".encode())


def data_directory(config: Config) -> Path:
    """Where everything that lasts lies: beside the database."""
    return sqlite_path(config.store.url).parent


# ---------------------------------------------------------------- serving


@asynccontextmanager
async def open_server(config: Config, ending: Ending) -> AsyncIterator[Running]:
    """The house with its front door open. Leaving the block closes the door, then the house.

    Its address is taken first: a house that cannot have a door does not begin to live.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(sock) for sock in bound(config.server.bind)]
        async with open_house(config, sockets, ending) as running:
            yield running


@asynccontextmanager
async def open_house(
    config: Config, sockets: Sequence[socket.socket], ending: Ending
) -> AsyncIterator[Running]:
    """The house with a front door on these sockets."""
    async with open_gateway(config, ending=ending) as gateway, trio.open_nursery() as nursery:
        # With a bind of port 0 nobody knows the URL but the caller: links are relative then.
        app = build_app(gateway, evolve(config.api, public_url=config.server.public_url or ""))
        closing = trio.Event()
        urls = await nursery.start(serve_door, app, sockets, closing)
        try:
            yield Running(urls[0], gateway)
        finally:
            closing.set()


def serve(path: Path, environ: dict[str, str], *, tell: Callable[[str], None]) -> int:
    """Run the gateway until SIGTERM or SIGINT; answers the exit code. Mistakes are one sentence."""
    try:
        config = load(path, environ, ADAPTERS, HOOK_KINDS)
    except ConfigError as problem:
        for mistake in problem.mistakes:
            complain(mistake)
        return Exit.USAGE
    telemetry.configure(level=config.log.level)
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        return trio.run(run, config, path, environ, tell)
    except* (CannotOpen, Refused, StoreFailed) as problems:
        complain(str(first(problems, Exception)))
    except* OSError as problems:
        complain(listening_problem(config, first(problems, OSError)))
    return Exit.FAILED


async def run(
    config: Config, path: Path, environ: dict[str, str], tell: Callable[[str], None]
) -> int:
    """Serve until the end, then drain."""
    ending = Ending()
    try:
        return await run_until_asked(config, path, environ, tell, ending)
    finally:
        ending.ended()


async def run_until_asked(
    config: Config,
    path: Path,
    environ: dict[str, str],
    tell: Callable[[str], None],
    ending: Ending,
) -> int:
    """The whole house, its door and its watchers, until it is to end; answers the exit code."""
    async with (
        open_lag_watch(stalled) as lag,
        open_server(config, ending) as running,
        trio.open_nursery() as nursery,
    ):
        telemetry.LOOP_LAG.set_function(lambda: lag.statistics().p99_s)
        await nursery.start(watch_signals, config, running.gateway, ending, path, environ)
        tell(running.url)
        await ending.asked.wait()
        code = await end(config, running.gateway, ending)
        nursery.cancel_scope.cancel()
    return code


def stalled(stall: object) -> None:
    """The run loop was held up: say where."""
    telemetry.warning("loop.stalled", detail=str(stall))


async def end(config: Config, gateway: Gateway, ending: Ending) -> int:
    """Drain within the deadline; a failed store leaves nothing to drain."""
    if ending.failure is not None:
        ending.end_within(UNWIND_S, Exit.FAILED)
        return Exit.FAILED
    ending.end_within(config.drain.notice_s + config.drain.deadline_s + UNWIND_S, Exit.CUT_SHORT)
    gateway.house.drain_begun.set()
    with trio.move_on_after(config.drain.notice_s):
        await ending.hurried.wait()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hurry, ending)
        report = await gateway.house.drain(config.drain.deadline_s)
        nursery.cancel_scope.cancel()
    telemetry.info("house.drained", clean=report.clean, took_s=round(report.took_s, 3))
    return Exit.OK if report.clean else Exit.CUT_SHORT


def cut_short(code: int) -> None:
    """The last resort of a stop: what does not end is left where it stands."""
    telemetry.error("house.cut_short", code=code)
    os._exit(code)


async def hurry(ending: Ending) -> None:
    """Cut the waiting of the drain that is under way, once somebody asks for it."""
    await ending.hurried.wait()
    if ending.hurry is not None:
        ending.hurry()


async def watch_signals(
    config: Config,
    gateway: Gateway,
    ending: Ending,
    path: Path,
    environ: dict[str, str],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """SIGTERM and SIGINT end, a second one hurries; SIGHUP reloads the config or refuses it."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                await reload(config, gateway, path, environ)
            elif ending.asked.is_set():
                ending.hurried.set()
            else:
                ending.asked.set()


async def reload(started: Config, gateway: Gateway, path: Path, environ: dict[str, str]) -> None:
    """Live by the config as it is now, whole; or go on as before and say why.

    What is read at a start only is told, if it is not what it was when we `started`.
    """
    try:
        # Templates of mails are read through in a process, which takes a moment.
        config = await trio.to_thread.run_sync(load, path, environ, ADAPTERS, HOOK_KINDS)
        await gateway.house.reload(plan_of(config, ADAPTERS, HOOK_KINDS))
        if tables := [name for name in AT_START if getattr(config, name) != getattr(started, name)]:
            sentence = "these tables are read at the start only; restart to live by them"
            telemetry.warning("config.needs_restart", tables=tables, sentence=sentence)
    except ConfigError as problem:
        telemetry.error("config.refused", mistakes=list(problem.mistakes))
    except Refused as problem:
        telemetry.error("config.refused", mistakes=[problem.sentence])


def complain(text: str) -> None:
    """Tell the operator, on standard error."""
    sys.stderr.write(text + "\n")


def listening_problem(config: Config, problem: OSError) -> str:
    """Why the server cannot listen. Raises what has nothing to do with that."""
    if problem.errno == errno.EADDRINUSE:
        return f"cannot listen on {config.server.bind}: another program does already"
    if problem.errno in (errno.EACCES, errno.EADDRNOTAVAIL):
        return f"cannot listen on {config.server.bind}: {problem.strerror}"
    raise problem
