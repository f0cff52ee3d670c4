"""The pretend platforms in a process of their own, asked and told in lines of JSON.

`figures` answers how far they are; `arrivals` answers which texts were sent to customers and when,
by the machine's monotonic clock, and forgets them; `first` answers when the first one came.
"""

import json
import os
import sys
import time
from typing import Any

import trio

from bench.load import serial_in
from omni_actors.sandbox import Sandbox, SandboxSettings, WhatsAppAccount, open_sandbox


async def play(document: dict[str, Any]) -> None:
    """Play until standard input ends."""
    keys = document.pop("channel_keys")
    accounts = tuple([WhatsAppAccount(phone_number_id=key) for key in keys])
    settings = SandboxSettings(
        bind="127.0.0.1:0", accounts=accounts, limits=False, windows=False, **document
    )
    async with open_sandbox(settings) as sandbox:
        print(json.dumps(sandbox.url), flush=True)
        async for line in lines_of_stdin():
            print(json.dumps(answer(sandbox, json.loads(line))), flush=True)


async def lines_of_stdin() -> Any:
    """What we are asked, line by line."""
    stream = trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))
    text = b""
    async for chunk in stream:
        *lines, text = (text + bytes(chunk)).split(b"\n")
        for line in lines:
            yield line


def answer(sandbox: Sandbox, asked: Any) -> Any:
    """The answer to one question; a URL is where to knock from now on."""
    if asked == "figures":
        return figures(sandbox)
    if asked == "arrivals":
        return arrivals(sandbox)
    if asked == "first":
        return first(sandbox)
    sandbox.hook_url = asked
    return None


def figures(sandbox: Sandbox) -> dict[str, int]:
    """Messages taken so far, calls that were refused, webhooks that wait and that were retried."""
    accounts = sandbox.platforms["whatsapp"].figures.values()
    return {
        "accepted": sum(each.accepted for each in accounts),
        "refused": sum(sum(each.refused.values()) for each in accounts),
        "pending": sum(hook.pending for hook in sandbox.hooks),
        "retried": sum(hook.figures.retried for hook in sandbox.hooks),
        "delivered": sum(hook.figures.delivered for hook in sandbox.hooks),
    }


def first(sandbox: Sandbox) -> float | None:
    """When the first message came, if one did."""
    outboxes = sandbox.platforms["whatsapp"].outboxes.values()
    moments = [outbox.entries[0].at for outbox in outboxes if outbox.entries]
    return min(moments) + behind(sandbox) if moments else None


def behind(sandbox: Sandbox) -> float:
    """What leads from the sandbox's clock to the machine's monotonic one."""
    return time.monotonic() - sandbox.stage.clock.now()


def arrivals(sandbox: Sandbox) -> list[tuple[int, float]]:
    """The serial number in each text that a customer was sent, and when it came."""
    moved = behind(sandbox)
    outboxes = sandbox.platforms["whatsapp"].outboxes.values()
    found = [
        (serial_in(shown.request["text"]["body"]), shown.at + moved)
        for outbox in outboxes
        for shown in outbox.entries
    ]
    sandbox.reset()
    return found


if __name__ == "__main__":
    trio.run(play, json.loads(sys.argv[1]))
