"""What it costs to wait for mail in many mailboxes at once: memory, and how soon all are closed.

The server is a real one, Dovecot, over TLS; a process of its own holds the mailboxes, each open,
looked through and idling, as the gateway holds them.
"""

import json
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

from bench.fleet import open_fleet
from bench.report import Row, at_most
from omni_actors.net.account import Account
from omni_actors.net.imap import open_mailbox
from omni_actors.wire.calls import MailServer
from tests.support.dovecot import PASSWORD, running

MAILBOXES = 300
OVER_BASE_MIB_MAX = 60.0
CLOSED_S_MAX = 1.0
LOGINS_AT_ONCE = 20
WAIT_S = 240.0
SETTLE_S = 1.0


def run(*, quick: bool = False) -> list[Row]:
    """Open the mailboxes, let them idle, cancel them all at once."""
    count = 20 if quick else MAILBOXES
    with running() as dovecot, open_fleet() as fleet:
        place = {"port": dovecot.imaps_port, "trust": str(dovecot.certificate.certificate)}
        asked = json.dumps({"count": count, **place})
        child = fleet.start("mailboxes", sys.executable, "-m", "bench.mail_idle", asked)
        said: dict[str, Any] = json.loads(child.line(WAIT_S))
    void = None if said["left"] == 0 else f"{said['left']} sockets were left open"
    over_mib = said["idle_mib"] - said["base_mib"]
    return [
        at_most(
            f"memory of {count} idle mailboxes over the base", over_mib, "MiB", OVER_BASE_MIB_MAX
        ),
        Row("the same, for each", 1024 * over_mib / count, "KiB"),
        at_most(
            "cancelling all to the last socket closed",
            said["closed_s"],
            "s",
            CLOSED_S_MAX,
            void=void,
        ),
        Row(f"logging in and looking through, {LOGINS_AT_ONCE} at once", said["opened_s"], "s"),
        Row("the base: one session was opened and closed", said["base_mib"], "MiB"),
    ]


@frozen(eq=False)
class Watcher:
    """Holds mailboxes that idle."""

    server_port: int
    context: ssl.SSLContext
    logins: trio.CapacityLimiter

    async def idle(
        self, number: int, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open one mailbox, and wait for news that never come."""
        host = f"127.0.0.1:{self.server_port}"
        server = MailServer("127.0.0.1", self.server_port, f"box{number}@example.test")
        account = Account(f"mail-{number}", PASSWORD, hosts=frozenset({host}))
        async with open_mailbox(server, account, ssl_context=self.context) as mailbox:
            await mailbox.select("INBOX")
            await mailbox.uids_from(1)
            task_status.started()
            await mailbox.wait_news(WAIT_S)

    async def open(self, number: int, nursery: trio.Nursery) -> None:
        """Open one mailbox that goes on in the nursery."""
        async with self.logins:
            await nursery.start(self.idle, number)


async def measured(count: int, port: int, trust: str) -> dict[str, float]:
    """Hold so many mailboxes for a moment."""
    watcher = Watcher(
        port, ssl.create_default_context(cafile=trust), trio.CapacityLimiter(LOGINS_AT_ONCE)
    )
    async with trio.open_nursery() as first:
        await watcher.open(0, first)
        first.cancel_scope.cancel()
    base_mib, sockets = memory_mib(), open_sockets()
    began = time.perf_counter()
    async with trio.open_nursery() as mailboxes:
        async with trio.open_nursery() as opening:
            for number in range(count):
                opening.start_soon(watcher.open, number, mailboxes)
        opened_s = time.perf_counter() - began
        await trio.sleep(SETTLE_S)
        idle_mib, held = memory_mib(), open_sockets() - sockets
        assert held == count, f"{held} sockets for {count} mailboxes"
        began = time.perf_counter()
        mailboxes.cancel_scope.cancel()
    closed_s = time.perf_counter() - began
    return {
        "base_mib": base_mib,
        "idle_mib": idle_mib,
        "opened_s": opened_s,
        "closed_s": closed_s,
        "left": open_sockets() - sockets,
    }


def memory_mib() -> float:
    """The memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def open_sockets() -> int:
    """How many sockets this process has."""
    links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum(link.startswith("socket:") for link in links)


if __name__ == "__main__":
    print(json.dumps(trio.run(lambda: measured(**json.loads(sys.argv[1])))))
