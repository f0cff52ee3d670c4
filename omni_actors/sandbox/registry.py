"""Which platforms are played, and how a sandbox is opened."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import trio

from omni_actors.sandbox.contract import Account, Platform, SandboxSettings, Stage
from omni_actors.sandbox.email.platform import EmailPlatform
from omni_actors.sandbox.email.settings import EmailAccount
from omni_actors.sandbox.instagram.platform import instagram
from omni_actors.sandbox.messenger.platform import messenger
from omni_actors.sandbox.meta.settings import INSTAGRAM_LOGIN, InstagramAccount, MessengerAccount
from omni_actors.sandbox.meta.world import World
from omni_actors.sandbox.stage import Sandbox, open_stage
from omni_actors.sandbox.whatsapp.platform import WhatsApp
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount

SAMPLE_ACCOUNTS: tuple[Account, ...] = (
    WhatsAppAccount(),
    MessengerAccount(),
    InstagramAccount(),
    INSTAGRAM_LOGIN,
    EmailAccount(),
)


def platforms(stage: Stage) -> Mapping[str, Platform]:
    """Everything that is played. Messenger and Instagram live in one world, and are asked first:
    they leave to WhatsApp what is not about them."""
    world = World(stage)
    return {
        "messenger": messenger(world),
        "instagram": instagram(world),
        "whatsapp": WhatsApp(stage),
        "email": EmailPlatform(stage),
    }


def open_sandbox(settings: SandboxSettings) -> AbstractAsyncContextManager[Sandbox]:
    """Play every platform until the block ends.

    Raises ValueError for a bind that is not `host:port`, OSError when it cannot be listened at.
    """
    return open_stage(settings, platforms, accounts_of(settings))


def accounts_of(settings: SandboxSettings) -> tuple[Account, ...]:
    """The accounts of the settings, or the sample ones."""
    return SAMPLE_ACCOUNTS if settings.accounts is None else settings.accounts


async def serve_sandbox(
    settings: SandboxSettings,
    *,
    task_status: trio.TaskStatus[Sandbox] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Play every platform until cancelled; reports the open sandbox as the task's start value."""
    async with open_sandbox(settings) as sandbox:
        task_status.started(sandbox)
        await trio.sleep_forever()


def describe(sandbox: Sandbox) -> str:
    """Where to find what, for people; without secrets."""
    url, settings = sandbox.url, sandbox.settings
    lines = [f"The sandbox listens at {url}"]
    for account in accounts_of(settings):
        here = f"{url}/sandbox/{account.platform}/{account.channel_key}"
        lines += [
            f"  {account.platform} {account.channel_key}",
            f"    a customer       POST {here}/inbound",
            f"    what they see    GET  {here}/outbox?after=0",
        ]
        if sandbox.platforms[account.platform].has_hooks:
            hook_url = account.hook_url or settings.hook_url
            lines += [
                f"    graph_url        {url}",
                f"    events go to     PUT  {here}/hook  (now {hook_url})",
            ]
        doors = sandbox.platforms[account.platform].doors
        lines += [f"    {door.name:<16} {sandbox.doors[door.name]}" for door in doors]
    lines += [
        f"  faults             POST {url}/sandbox/faults",
        f"  time               POST {url}/sandbox/clock",
        f"  figures            GET  {url}/sandbox/stats",
    ]
    return "\n".join(lines)
