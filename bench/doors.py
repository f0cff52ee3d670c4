"""What stands beside the gateway in a bench: servers that do less, on purpose.

`quick` answers every request at once and shows what the load generator itself can do. `bare` is
what a user would write first: an ASGI callable under a Hypercorn worker with the gateway's settings
that reads, checks the signature and decodes, but keeps nothing. `server` is the same callable under
the gateway's own server. `accept` is our server, door, receiver and store with nobody behind them.
"""

import hashlib
import hmac
import json
import random
import select
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import evolve
from hypercorn.trio import serve as serve_asgi

from bench.load import SECRET
from omni_actors import telemetry
from omni_actors.actors.clock import Clock
from omni_actors.actors.system import open_system
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.api.asgi import Application, Receive, Scope, Send
from omni_actors.api.hook_door import HookDoor
from omni_actors.api.server import bound, hypercorn_config, serve_door
from omni_actors.api.settings import ApiSettings
from omni_actors.app import data_directory
from omni_actors.config import Config, load, plan_of, router
from omni_actors.gateway.dead_letters import DeadLetterDesk
from omni_actors.gateway.facade import Gateway
from omni_actors.gateway.ground import Ground
from omni_actors.gateway.house import House
from omni_actors.gateway.media_files import MediaFiles
from omni_actors.media.blobs import Blob, Blobs
from omni_actors.net.guard import GuardPolicy
from omni_actors.net.hands import all_hands
from omni_actors.policy.rate import Limit
from omni_actors.store.opening import open_store
from omni_actors.store.queries import Credentials
from omni_actors.store.verbs import Accepted, SyncChannels

ANSWER = b"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"
READ_BYTES = 65_536


def quick() -> None:
    """Answer each request, seen as one read, as fast as can be; for ever."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    wires: dict[int, socket.socket] = {}
    told(listener.getsockname()[1])
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                wire, _ = listener.accept()
                wires[wire.fileno()] = wire
                poll.register(wire.fileno(), select.EPOLLIN)
            elif wires[descriptor].recv(READ_BYTES):
                wires[descriptor].sendall(ANSWER)
            else:
                wires.pop(descriptor).close()


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Read, check the signature, decode, forget, answer."""
    if scope["type"] != "http":
        await lifespan(receive, send)
        return
    body = b""
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    given = dict(scope["headers"]).get(b"x-hub-signature-256", b"").decode()
    wanted = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    good = hmac.compare_digest(given, f"sha256={wanted}")
    document = json.loads(body) if good else None
    status = 200 if isinstance(document, dict) else 403
    headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def lifespan(receive: Receive, send: Send) -> None:
    """Say yes to the start and to the end."""
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


@asynccontextmanager
async def open_accept(config: Config) -> AsyncIterator[Application]:
    """The hook door with the real receiver and store; what it wakes is nobody."""
    clock, chance = Clock(), random.Random()
    plan = plan_of(config, ADAPTERS, HOOK_KINDS)
    blobs = Blobs(data_directory(config) / "blobs")
    async with (
        open_store(
            config.store.url, clock_now=clock.now, chance_bits=random.Random().getrandbits
        ) as store,
        all_hands(
            open_source=lambda name, size: blobs.open_source(Blob(name, size)),
            open_sink=blobs.open_sink,
            guard_policy=GuardPolicy(),
            now=clock.now,
        ) as hands,
        open_system(clock=clock, chance=chance, observe=telemetry.observe) as system,
    ):
        blobs.prepare()
        route_of = router(ADAPTERS, lambda channel_id: store.peek(Credentials(channel_id)))
        ground = Ground(
            store, blobs, hands, system, clock, chance, ADAPTERS, route_of, lambda: False
        )
        house = House(ground, plan)
        house.receiver = evolve(house.receiver, wake=nobody)
        await store.do(SyncChannels(plan.channels, clock.now()))
        media = MediaFiles(store, blobs, house.ids, clock.now)
        letters = DeadLetterDesk(store, clock.now, house.wake_legs, house.rereader.read_again)
        yield HookDoor(
            Gateway(house, media, letters, lambda: False, Limit(1e6, 1)), bare, ApiSettings()
        )


def nobody(_accepted: Accepted) -> None:
    """Wake nobody."""


async def serve(kind: str, config: Config) -> None:
    """Serve one of them until killed: under Hypercorn alone, or under the gateway's own server."""
    bind = config.server.bind
    app: Any = bare
    if kind == "bare":
        await listen(partial(serve_asgi, app, hypercorn_config(bind)))
    if kind == "server":
        await listen(partial(serve_door, app, bound(bind), trio.Event()))
    async with open_accept(config) as door:
        await listen(partial(serve_door, door, bound(bind), trio.Event()))


async def listen(server: Callable[..., Awaitable[None]]) -> None:
    """Open the door, say where, and stay."""
    async with trio.open_nursery() as nursery:
        urls = await nursery.start(server)
        told(int(urls[0].rpartition(":")[2]))


def told(port: int) -> None:
    """Say where we listen, in the words of the gateway."""
    print(f"listening on http://127.0.0.1:{port}", flush=True)


def main(kind: str, path: str = "") -> None:
    """Serve until killed."""
    if kind == "quick":
        quick()
        return
    telemetry.configure(level="warning")
    trio.run(serve, kind, load(Path(path), {}, ADAPTERS, HOOK_KINDS))


if __name__ == "__main__":
    main(*sys.argv[1:])
