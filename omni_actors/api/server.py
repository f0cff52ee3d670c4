"""The server of the front door: Hypercorn, and before it the short way of hook requests."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import trio
from attrs import frozen
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIFramework, ConnectionState
from hypercorn.utils import repr_socket_addr, wrap_app

from omni_actors import telemetry
from omni_actors.api.asgi import Application
from omni_actors.api.shortcut import HEAD_BYTES_MAX, ShortWay

KEEP_ALIVE_S: Final = 75
GRACE_S: Final = 5.0
BACKLOG: Final = 1024


def hypercorn_config(*bind: str) -> Config:
    """How the server serves, and what it binds: addresses as `host:port`."""
    config = Config()
    config.bind = list(bind)
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = GRACE_S
    config.h11_max_incomplete_size = HEAD_BYTES_MAX
    config.backlog = BACKLOG
    config.errorlog = None
    config.accesslog = None
    config.websocket_ping_interval = 20.0
    return config


def bound(bind: str) -> list[socket.socket]:
    """Sockets on `bind`, an address as `host:port`, that do not listen yet.

    Raises OSError when it cannot be had. Whoever serves them closes them.
    """
    return hypercorn_config(bind).create_sockets().insecure_sockets


async def serve_door(
    app: Application,
    sockets: Sequence[socket.socket],
    closing: trio.Event,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `closing`, then for at most the grace; tells the URLs once it listens.

    Raises OSError when it cannot listen.
    """
    config = hypercorn_config()
    wrapped = wrap_app(cast(ASGIFramework, app), config.wsgi_max_body_size, "asgi")
    way = ShortWay(app, lambda: config.response_headers("h11"), KEEP_ALIVE_S)
    listeners = listen(sockets)
    async with open_lifespan(wrapped, config) as state, trio.open_nursery() as connections:
        door = Door(wrapped, config, WorkerContext(None), state, way)
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                await nursery.start(door.listen, listener, connections)
            task_status.started([url_of(listener) for listener in listeners])
            await closing.wait()
            nursery.cancel_scope.cancel()
        await door.close()
        connections.cancel_scope.deadline = trio.current_time() + GRACE_S


def listen(sockets: Sequence[socket.socket]) -> list[trio.SocketListener]:
    """Listen on bound sockets."""
    listeners = []
    for sock in sockets:
        sock.listen(BACKLOG)
        listeners.append(trio.SocketListener(trio.socket.from_stdlib_socket(sock)))
    return listeners


def url_of(listener: trio.SocketListener) -> str:
    """Where a listener can be reached."""
    return f"http://{repr_socket_addr(listener.socket.family, listener.socket.getsockname())}"


@asynccontextmanager
async def open_lifespan(app: AppWrapper, config: Config) -> AsyncIterator[dict[str, Any]]:
    """The application between its start and its end, as ASGI has it."""
    state: dict[str, Any] = {}
    lifespan = Lifespan(app, config, state)
    async with trio.open_nursery() as nursery:
        await nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        yield state
        await lifespan.wait_for_shutdown()
        nursery.cancel_scope.cancel()


@frozen(eq=False)
class Door:
    """Serves connections: the short way first, Hypercorn as soon as something else is said."""

    app: AppWrapper
    config: Config
    context: WorkerContext
    state: dict[str, Any]
    way: ShortWay

    async def listen(
        self,
        listener: trio.SocketListener,
        connections: trio.Nursery,
        *,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept until cancelled."""
        await trio.serve_listeners(
            self.connection, [listener], handler_nursery=connections, task_status=task_status
        )

    async def connection(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end. Whatever it brings about, the others go on."""
        rest = await self.way.serve(stream)
        if rest is None:
            return
        try:
            await self.hypercorn(stream, rest)
        except Exception as problem:  # noqa: BLE001 - what a stranger sent must not close the house
            telemetry.warning("api.connection_failed", error=telemetry.place_of(problem))
        finally:
            await trio.aclose_forcefully(stream)

    async def hypercorn(self, stream: trio.SocketStream, rest: bytes) -> None:
        """Let Hypercorn serve it, beginning with what was read of it already."""
        state = ConnectionState(dict(self.state))
        read_on = cast(Any, ReadOn(stream, rest))
        await TCPServer(self.app, self.config, self.context, state, read_on).run()

    async def close(self) -> None:
        """Let what is under way be answered, and take nothing new."""
        self.way.close()
        await self.context.terminated.set()


class ReadOn:
    """A stream of which some bytes were read already, and are read again."""

    def __init__(self, stream: trio.SocketStream, rest: bytes) -> None:
        self.socket = stream.socket
        self.send_all = stream.send_all
        self.send_eof = stream.send_eof
        self.aclose = stream.aclose
        self._stream = stream
        self._rest = rest

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What was read before, then what comes. Raises what the stream raises."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        return bytes(await self._stream.receive_some(max_bytes))
