"""A house on an inline store under the tests' clock; what it talks to is the caller's."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import trio
from attrs import frozen

from omni_actors.actors.clock import Clock
from omni_actors.actors.system import System, open_system
from omni_actors.adapters.contract import Adapter
from omni_actors.config import router
from omni_actors.gateway.dead_letters import DeadLetterDesk
from omni_actors.gateway.facade import Gateway
from omni_actors.gateway.ground import Ground, Plan
from omni_actors.gateway.house import House
from omni_actors.gateway.media_files import MediaFiles
from omni_actors.gateway.sender import Hands
from omni_actors.media.blobs import Blobs
from omni_actors.policy.rate import Limit
from omni_actors.store.contract import StoreFailed
from omni_actors.store.opening import open_store
from omni_actors.store.queries import Credentials
from omni_actors.store.sqlite.engine import SqliteStore
from tests.database import lay


@frozen
class Opened:
    """A house that lives, and what it stands on."""

    house: House
    gateway: Gateway
    store: SqliteStore
    system: System
    blobs: Blobs
    nursery: trio.Nursery
    observed: list[tuple[str, Mapping[str, object]]]
    failures: list[StoreFailed]


@asynccontextmanager
async def open_house(
    folder: Path,
    wanted: Plan,
    hands: Hands,
    adapters: Mapping[str, Adapter[Any, Any]],
    clock: Clock,
    *,
    seed: int = 1,
    media: bool = False,
    low_on_disk: Callable[[], bool] | None = None,
    **beside: Any,
) -> AsyncIterator[Opened]:
    """A house in `folder`; opened again there it is the same one, restarted.

    With `media` there is room for blobs; `beside` goes into its ground. Leaving drains; a cancelled
    scope around it is a crash.
    """
    failures: list[StoreFailed] = []
    observed: list[tuple[str, Mapping[str, object]]] = []
    async with open_store(
        f"sqlite:///{lay(folder)}",
        clock_now=clock.now,
        chance_bits=Random(seed).getrandbits,
        inline=True,
        key=bytes(32),
        on_failure=failures.append,
    ) as store:
        blobs = Blobs(folder / "blobs")
        if media:
            blobs.prepare()
        async with (
            open_system(
                clock=clock,
                chance=Random(seed + 1),
                observe=lambda name, fields: observed.append((name, fields)),
            ) as system,
            trio.open_nursery() as nursery,
        ):
            ground = Ground(
                store=store,
                blobs=blobs,
                hands=hands,
                system=system,
                clock=clock,
                chance=Random(seed + 2),
                adapters=adapters,
                route_of=router(adapters, lambda channel_id: store.peek(Credentials(channel_id))),
                low_on_disk=low_on_disk or (lambda: store.low_on_disk),
                **beside,
            )
            house = House(ground, wanted)
            await house.start(nursery)
            gateway = Gateway(
                house,
                MediaFiles(store, blobs, house.ids, clock.now),
                DeadLetterDesk(store, clock.now, house.wake_legs, house.rereader.read_again),
                lambda: bool(failures),
                Limit(200.0, 400),
            )
            yield Opened(house, gateway, store, system, blobs, nursery, observed, failures)
            nursery.cancel_scope.cancel()
