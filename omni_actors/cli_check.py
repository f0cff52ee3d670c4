"""The commands that look after a gateway's config and data: `check` and `backup`."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import trio

from omni_actors.actors.clock import Clock
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.adapters.contract import Checked
from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_output import Output, say, shown
from omni_actors.config import Config, ConfigError, load, route_to
from omni_actors.config_tables import ChannelConfig
from omni_actors.model.failure import SendFailure
from omni_actors.net import flow
from omni_actors.net.guard import GuardPolicy
from omni_actors.net.http import HttpHands, open_hands
from omni_actors.net.streams import Sink
from omni_actors.net.trace import Trace
from omni_actors.store.failures import CannotOpen
from omni_actors.store.opening import sqlite_path
from omni_actors.store.sqlite.backup import CannotBackUp
from omni_actors.store.sqlite.backup import back_up as copy_database
from omni_actors.wire.calls import Call, Reply

CHECK_TIMEOUT_S: Final = 30.0
CHECKS_AT_ONCE: Final = 8


def check(path: Path, *, online: bool, as_json: bool) -> int:
    """Judge the config and, when asked, its credentials; the exit code."""
    output = Output(json=as_json)
    try:
        config = load(path, os.environ, ADAPTERS, HOOK_KINDS)
    except ConfigError as problem:
        if not as_json:
            raise
        for mistake in problem.mistakes:
            place, _, sentence = mistake.partition(": ")
            output.document({"place": place, "ok": False, "sentence": sentence})
        return Exit.USAGE
    summary(config, output)
    if not online:
        return Exit.OK
    good = trio.run(check_online, config.channels, output)
    return Exit.OK if good else Exit.FAILED


def summary(config: Config, output: Output) -> None:
    """What a good config amounts to."""
    if output.json:
        output.document({"place": str(config.path), "ok": True, "sentence": "no mistakes"})
        return
    output.line(f"{config.path}: no mistakes")
    output.line(f"  listens on {config.server.bind}, reached as {config.public_url}")
    output.line(f"  keeps everything in {config.store.url}")
    for hook in config.hooks:
        output.line(f"  hook {hook.id} ({hook.kind}) at {config.public_url}/webhooks/{hook.id}")
    for channel in config.channels:
        output.line(f"  channel {channel.id} ({channel.platform} {shown(channel.channel_key)})")


async def check_online(channels: Sequence[ChannelConfig], output: Output) -> bool:
    """Ask each channel's platform, several at once; whether all is well. Findings in order."""
    found: dict[str, Sequence[Checked]] = {}
    limiter = trio.CapacityLimiter(CHECKS_AT_ONCE)
    async with open_hands(
        open_source=no_source,
        open_sink=no_sink,
        guard_policy=GuardPolicy(),
        now=Clock().now,
    ) as hands:

        async def look(channel: ChannelConfig) -> None:
            async with limiter:
                found[channel.id] = await findings(channel, hands)

        async with trio.open_nursery() as nursery:
            for channel in channels:
                nursery.start_soon(look, channel)
    for channel in channels:
        for each in found[channel.id]:
            tell(channel.id, each, output)
    return all(each.ok for some in found.values() for each in some)


async def findings(channel: ChannelConfig, hands: HttpHands) -> Sequence[Checked]:
    """What a platform says of one channel."""
    adapter = ADAPTERS[channel.platform]
    if adapter.check is None:
        return [Checked("channel", True, f"nothing can be asked of {channel.platform}")]
    account = route_to(adapter, channel.id, channel.settings, channel.credentials).account
    trace = Trace(frozenset(adapter.masked_keys))

    async def make(call: Call) -> Reply:
        return await hands.make(call, account, trace)

    try:
        with trio.fail_after(CHECK_TIMEOUT_S):
            return await flow.run(adapter.check(channel.settings), make)
    except SendFailure as failed:
        sentence = failed.failure.text or failed.failure.reason.value
        return [Checked("platform", False, f"cannot be asked: {sentence}")]
    except trio.TooSlowError:
        return [Checked("platform", False, f"no answer within {CHECK_TIMEOUT_S:.0f} s")]


def tell(channel_id: str, finding: Checked, output: Output) -> None:
    """Print one finding."""
    if output.json:
        place = f"{channel_id}.{finding.subject}"
        output.document({"place": place, "ok": finding.ok, "sentence": finding.sentence})
        return
    word = "ok" if finding.ok else "bad"
    output.line(f"{word:>3}  {channel_id} {finding.subject}: {shown(finding.sentence)}", word)


def no_source(_blob: str, _size: int, /) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
    """A check sends no media."""
    raise FileNotFoundError


def no_sink(_size_max: int, _resume: str | None, /) -> AbstractAsyncContextManager[Sink]:
    """A check fetches no media."""
    raise FileNotFoundError


def back_up(config_path: Path, target: Path) -> None:
    """Copy the database that the config names, while it is in use or not. Raises Ended."""
    config = load(config_path, os.environ, ADAPTERS, HOOK_KINDS)
    try:
        source = sqlite_path(config.store.url)
        if not source.is_file():
            raise Ended(Exit.FAILED, f"there is no database {source} to copy")
        copy_database(source, target)
    except (CannotOpen, CannotBackUp) as problem:
        raise Ended(Exit.FAILED, str(problem)) from None
    Output().line(str(target))
    say(f"keep {source.parent / 'blobs'} with it, which holds the media,")
    if config.store.key is None:
        say(f"and {source.parent / 'store.key'}, without which no credential can be read")
