"""How soon a gateway sends again when it starts with half a million parts that wait.

The legs and the first message of each are queued by the store's own verbs. The others are copies
of those rows, made by SQL with whatever columns there are: half a million submits would take
minutes, and a start cannot tell the difference.
"""

import random
import sys
import time
from pathlib import Path

import apsw
import trio

from bench.fleet import Child, open_fleet
from bench.load import text_of
from bench.report import Row, at_most
from omni_actors import telemetry
from omni_actors.actors.clock import Clock
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.app import open_gateway
from omni_actors.config import load, plan_of
from omni_actors.model.content import Text
from omni_actors.model.ids import MESSAGE, PART, Ids
from omni_actors.model.reports import IdentityKey
from omni_actors.store.opening import open_store
from omni_actors.store.verbs import NewPart, OpenLeg, Submit, SyncChannels

KEY = "770011223344556"
FIRST_DISPATCH_S_MAX = 1.0
WAIT_S = 60.0
LOOK_S = 0.005
NAMED = {"message": ("id",), "part": ("id", "message_id")}


def run(*, quick: bool = False) -> list[Row]:
    """Build the store, start on it, see the first call come."""
    legs, each = (50, 4) if quick else (20_000, 25)
    with open_fleet() as fleet:
        platforms, graph = fleet.platforms("platforms", [KEY], statuses=())
        config = fleet.config("restart", [KEY], graph)
        trio.run(fill, config, legs)
        multiply(fleet.folder / "restart" / "omni.db", each)
        began = time.monotonic()
        gateway = fleet.start("gateway", sys.executable, "-m", "bench.restart", str(config))
        opened_at = float(gateway.line(WAIT_S))
        came_at = first_call(platforms)
        memory_mib = gateway.memory_mib()
    return [
        at_most(
            f"opening the store to first dispatch, {legs * each:,} parts of {legs:,} legs",
            (came_at or time.monotonic()) - opened_at,
            "s",
            FIRST_DISPATCH_S_MAX,
            void="nothing was sent" if came_at is None else None,
        ),
        Row("start of the process to opening the store", opened_at - began, "s"),
        Row("memory of the gateway just after", memory_mib, "MiB"),
    ]


def first_call(platforms: Child) -> float | None:
    """When the first message reached the platform; None when none came in time."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if (came_at := platforms.ask("first")) is not None:
            return float(came_at)
        time.sleep(LOOK_S)
    return None


async def fill(path: Path, legs: int) -> None:
    """Give each of so many customers a leg, and a message that waits."""
    config = load(path, {}, ADAPTERS, HOOK_KINDS)
    plan = plan_of(config, ADAPTERS, HOOK_KINDS)
    clock, chance = Clock(), random.Random(1)
    ids = Ids(clock.now, chance.getrandbits)
    async with open_store(
        config.store.url, clock_now=clock.now, chance_bits=random.Random(2).getrandbits
    ) as store:
        channel = (await store.do(SyncChannels(plan.channels, clock.now())))[0]
        opened = [
            store.post(OpenLeg(channel.tenant, channel.id, customer(number), clock.now()))
            for number in range(legs)
        ]
        for number, ticket in enumerate(opened):
            leg = await ticket.wait()
            store.post(waiting(ids, leg.tenant, leg.id, number, clock.now()))


def customer(number: int) -> tuple[IdentityKey, ...]:
    """The keys of a customer."""
    return ADAPTERS["whatsapp"].address(f"+49{number:011d}", "")


def waiting(ids: Ids, tenant: str, leg_id: str, number: int, at: float) -> Submit:
    """A message of one part for a leg."""
    content = Text(text_of(number))
    return Submit(
        id=ids(MESSAGE),
        tenant=tenant,
        leg_id=leg_id,
        content=content,
        author="bench",
        source="api",
        parts=(NewPart(ids(PART), 0, "text", content),),
        at=at,
        response={},
    )


def multiply(database: Path, each: int) -> None:
    """Copy every waiting message and part until each leg has so many."""
    connection = apsw.Connection(str(database))
    try:
        amount = int(str(connection.execute("SELECT max(pos) FROM part").get))
        with connection:
            for copy in range(1, each):
                for table in ("message", "part"):
                    connection.execute(copying(connection, table, copy, copy * amount))
            counter = "UPDATE counter SET value = ? WHERE name = 'part'"
            connection.execute(counter, (amount * each,))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


def copying(connection: apsw.Connection, table: str, copy: int, moved: int) -> str:
    """SQL that copies the first rows of a table under new ids and positions."""
    columns = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]
    renewed = {name: f"{name} || '-{copy}'" for name in NAMED[table]} | {"pos": f"pos + {moved}"}
    chosen = ", ".join([renewed.get(name, name) for name in columns])
    first = "id NOT LIKE '%-%'"
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} WHERE {first}"


async def start(path: Path) -> None:
    """Open a gateway, tell when, and let it work until we are killed."""
    config = load(path, {}, ADAPTERS, HOOK_KINDS)
    telemetry.configure(level="warning")
    print(time.monotonic(), flush=True)
    async with open_gateway(config):
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(start, Path(sys.argv[1]))
