"""The commands that look after a gateway's config and data: `check`, `doctor` and `backup`."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import trio
from attrs import field, frozen

from omni_actors.actors.clock import Clock
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.adapters.contract import Checked, Folders, OurHook, Visit
from omni_actors.api_client import RefusedByGateway, Unreachable, open_client
from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_output import Output, say, shown
from omni_actors.cli_reach import Reach, address_of
from omni_actors.config import Config, ConfigError, load, route_to
from omni_actors.config_sources import did_you_mean
from omni_actors.config_tables import ChannelConfig, HookConfig
from omni_actors.model.failure import SendFailure
from omni_actors.net import flow
from omni_actors.net.account import Account
from omni_actors.net.guard import GuardPolicy
from omni_actors.net.hands import Hands, all_hands
from omni_actors.net.imap import ImapFailure, open_mailbox
from omni_actors.net.streams import Sink
from omni_actors.net.trace import Trace
from omni_actors.store.failures import CannotOpen
from omni_actors.store.opening import sqlite_path
from omni_actors.store.sqlite.backup import CannotBackUp
from omni_actors.store.sqlite.backup import back_up as copy_database
from omni_actors.wire.calls import Call, Flow, MailServer, Reply

CHECK_TIMEOUT_S: Final = 30.0
DOCTOR_TIMEOUT_S: Final = 120.0  # the platform calls our hook before it answers
CHECKS_AT_ONCE: Final = 8
WORDS: Final[Mapping[bool | None, str]] = {True: "ok", False: "bad", None: "note"}


@frozen
class Wishes:
    """What a doctor may mend."""

    subscribe: bool = False
    pin: str | None = field(default=None, repr=False)


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
    return verdict(good, output)


def summary(config: Config, output: Output) -> None:
    """What a good config amounts to."""
    if output.json:
        output.document({"place": str(config.path), "ok": True, "sentence": "no mistakes"})
        return
    output.line(f"{config.path}: no mistakes")
    output.line(f"  listens on {config.server.bind}, reached as {config.public_url}")
    output.line(f"  keeps everything in {config.store.url}")
    for hook in config.hooks:
        output.line(f"  hook {hook.id} ({hook.kind}) at {config.hook_url(hook.id)}")
    for channel in config.channels:
        output.line(f"  channel {channel.id} ({channel.platform} {shown(channel.channel_key)})")


async def check_online(channels: Sequence[ChannelConfig], output: Output) -> bool:
    """Ask each channel's platform, several at once; whether all is well. Findings in order."""
    found: dict[str, Sequence[Checked]] = {}
    limiter = trio.CapacityLimiter(CHECKS_AT_ONCE)
    async with all_hands(
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
        if not all_well(found[channel.id]) and ADAPTERS[channel.platform].doctor is not None:
            say(f"more about {channel.id}: omni-actors {channel.platform} doctor {channel.id}")
    return all(all_well(each) for each in found.values())


def all_well(found: Sequence[Checked]) -> bool:
    """Whether nothing is bad; what could not be looked at is not."""
    return all(each.ok is not False for each in found)


async def findings(channel: ChannelConfig, hands: Hands) -> Sequence[Checked]:
    """What a platform says of one channel."""
    adapter = ADAPTERS[channel.platform]
    found = await mailbox_findings(channel)
    if adapter.check is None:
        return found or [Checked("channel", None, f"nothing can be asked of {channel.platform}")]
    asks = adapter.check(channel.settings)
    return [*found, *await asked(channel, asks, hands, CHECK_TIMEOUT_S)]


async def mailbox_findings(channel: ChannelConfig) -> Sequence[Checked]:
    """Whether a channel's mailbox can be read, where it has one."""
    adapter = ADAPTERS[channel.platform]
    desk = adapter.mailbox
    server = desk.server(channel.settings) if desk else None
    if desk is None or server is None:
        return []
    account = route_to(adapter, channel.id, channel.settings, channel.credentials).account
    if account.refresh_token is not None and not account.token:
        return [Checked("mailbox", None, "not looked at: a running gateway gets its access token")]
    return [await look_into(server, account, desk.folders(channel.settings))]


async def look_into(server: MailServer, account: Account, folders: Folders) -> Checked:
    """What there is to say of a mailbox; it is left as it is."""
    try:
        with trio.fail_after(CHECK_TIMEOUT_S):
            async with open_mailbox(server, account) as mailbox:
                selected = await mailbox.select(folders.inbox, writable=False)
    except ImapFailure as failure:
        return Checked("mailbox", False, f"cannot be read: {failure.text}")
    except trio.TooSlowError:
        return Checked("mailbox", False, f"no answer within {CHECK_TIMEOUT_S:.0f} s")
    return Checked("mailbox", True, f"{folders.inbox} can be read and has {selected.exists} mails")


async def asked(
    channel: ChannelConfig, questions: Flow[Sequence[Checked]], hands: Hands, timeout_s: float
) -> Sequence[Checked]:
    """What becomes of questions to a channel's platform; no answer is a finding too."""
    adapter = ADAPTERS[channel.platform]
    account = route_to(adapter, channel.id, channel.settings, channel.credentials).account
    trace = Trace(frozenset(adapter.masked_keys))

    async def make(call: Call) -> Reply:
        return await hands.make(call, account, trace)

    try:
        with trio.fail_after(timeout_s):
            return await flow.run(questions, make)
    except SendFailure as failed:
        sentence = failed.failure.text or failed.failure.reason.value
        return [Checked("platform", False, f"cannot be asked: {sentence}")]
    except trio.TooSlowError:
        return [Checked("platform", False, f"no answer within {timeout_s:.0f} s")]


def tell(channel_id: str, finding: Checked, output: Output) -> None:
    """Print one finding."""
    if output.json:
        place = f"{channel_id}.{finding.subject}"
        output.document({"place": place, "ok": finding.ok, "sentence": finding.sentence})
        return
    word = WORDS[finding.ok]
    output.line(f"{word:>4}  {channel_id} {finding.subject}: {shown(finding.sentence)}", word)


def doctor(platform: str, channel_id: str, path: Path, wishes: Wishes, *, as_json: bool) -> int:
    """Examine one channel, mend what is wished; the exit code. Raises ConfigError, Ended."""
    output = Output(json=as_json)
    config = load(path, os.environ, ADAPTERS, HOOK_KINDS)
    channel = channel_named(channel_id, platform, config)
    found = trio.run(examined, channel, config, wishes)
    for each in (*found, *taken_up(channel, path)):
        tell(channel.id, each, output)
    return verdict(all_well(found), output)


def taken_up(channel: ChannelConfig, path: Path) -> Iterator[Checked]:
    """Have the running gateway keep to the limits that its platform tells now."""
    if ADAPTERS[channel.platform].limits is None:
        return
    try:
        address = address_of(Reach(config=path))
        with open_client(address.url, address.key) as gateway:
            told = gateway.post("channels", channel.id, "limits", verb="sync")
    except (Ended, Unreachable):
        why = "no gateway runs here: one that starts asks the platform for the channel's limits"
        yield Checked("gateway", None, why)
    except RefusedByGateway as problem:
        why = f"the running gateway did not take the limits up: {problem.sentence}"
        yield Checked("gateway", None, why)
    else:
        per_second = told["limiter"].get("configured_per_second")
        keeps = f"the running gateway sends {per_second:g} messages a second at most"
        yield Checked("gateway", True, keeps)


def verdict(good: bool, output: Output) -> Exit:
    """Say in one line what the findings come to; the exit code."""
    if not output.json:
        say("all is well" if good else "something is missing: see the lines that begin with bad")
    return Exit.OK if good else Exit.FAILED


def channel_named(channel_id: str, platform: str, config: Config) -> ChannelConfig:
    """A channel of this platform. Raises Ended."""
    known = {each.id: each for each in config.channels if each.platform == platform}
    if channel_id in known:
        return known[channel_id]
    hint = did_you_mean(channel_id, known).removeprefix("; ")
    if not hint:
        hint = f"there is {', '.join(known)}" if known else f"{config.path} has none"
        if ADAPTERS[platform].oauth:
            hint += f"; of a connected account, `omni-actors channels show {channel_id}` tells"
    raise Ended(Exit.USAGE, f"no channel on {platform} is called {channel_id}", hint)


async def examined(channel: ChannelConfig, config: Config, wishes: Wishes) -> Sequence[Checked]:
    """What the doctor of a channel's platform finds."""
    examine = ADAPTERS[channel.platform].doctor
    assert examine is not None
    clock = Clock()
    visit = Visit(
        now=clock.now(),
        hooks=tuple(our_hook(each, channel, config) for each in config.hooks),
        app_secret=secret_of(channel) is not None,
        subscribe=wishes.subscribe,
        pin=wishes.pin,
    )
    async with all_hands(
        open_source=no_source, open_sink=no_sink, guard_policy=GuardPolicy(), now=clock.now
    ) as hands:
        questions = examine(channel.settings, visit)
        return await asked(channel, questions, hands, DOCTOR_TIMEOUT_S)


def our_hook(hook: HookConfig, channel: ChannelConfig, config: Config) -> OurHook:
    """A hook as a platform must know it."""
    secret = secret_of(channel)
    known = getattr(hook.secrets, "app_secrets", ())
    return OurHook(
        id=hook.id,
        kind=hook.kind,
        url=config.hook_url(hook.id),
        verify_token=getattr(hook.secrets, "verify_token", None),
        signed=None if secret is None else secret in known,
    )


def secret_of(channel: ChannelConfig) -> str | None:
    """The secret of the app that a channel belongs to, where it has one."""
    secret: str | None = getattr(channel.credentials, "app_secret", None)
    return secret


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
