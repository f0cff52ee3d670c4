"""Follows the live feed of a running gateway, over a WebSocket, through its restarts."""

import json
import signal
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import trio
from attrs import define, field
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from omni_actors.api_client import RefusedByGateway, why
from omni_actors.cli_exits import Ended, Exit, first
from omni_actors.cli_output import Output, say, shown
from omni_actors.cli_reach import Address, Reach, address_of, open_gateway_client, refusal

CONNECT_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
EVENT_BYTES_MAX: Final = 4 * 1024 * 1024
SERVER_ERROR: Final = 500
CURSOR_TOO_OLD: Final = 4410
AGAIN_FIRST_S: Final = 0.5
AGAIN_MAX_S: Final = 15.0
LABEL_WIDTH: Final = 22

GONE: Final = (
    ConnectionClosed,
    HandshakeError,
    OSError,
    trio.BrokenResourceError,
    trio.TooSlowError,
)


@define
class Tail:
    """One reader of the feed. `after` is the cursor of the last event that it has shown."""

    address: Address
    types: Sequence[str]
    output: Output
    after: str | None
    left: int | None
    connected: bool = False
    _again_s: float = field(default=AGAIN_FIRST_S)

    async def run(self) -> None:
        """Follow until enough was shown. Raises Ended, perhaps in a group, when that cannot be."""
        while True:
            try:
                await self._follow()
                return
            except* BrokenPipeError:
                raise  # of standard output: the reader has gone
            except* ConnectionRejected as problems:
                self._refused(first(problems, ConnectionRejected))
            except* GONE as problems:
                self._lost(first(problems, Exception))
            await trio.sleep(self._again_s)
            self._again_s = min(self._again_s * 2, AGAIN_MAX_S)

    async def _follow(self) -> None:
        """One connection, until enough was shown; raises when it breaks."""
        async with await self._connect() as stream, trio.open_nursery() as nursery:
            with trio.fail_after(CONNECT_TIMEOUT_S):
                socket = await wrap_client_stream(
                    nursery,
                    stream,
                    urlsplit(self.address.url).netloc,
                    self._target(),
                    extra_headers=[(b"Authorization", b"Bearer " + self.address.key.encode())],
                    max_message_size=EVENT_BYTES_MAX,
                )
            if self.connected:
                say("connected again")
            self.connected = True
            self._again_s = AGAIN_FIRST_S
            await self._show_all(socket)
            with trio.move_on_after(CLOSE_TIMEOUT_S):
                await socket.aclose()
            nursery.cancel_scope.cancel()

    async def _connect(self) -> "trio.SocketStream | trio.SSLStream[trio.SocketStream]":
        """A stream to the gateway, encrypted where its URL says so."""
        parts = urlsplit(self.address.url)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        with trio.fail_after(CONNECT_TIMEOUT_S):
            plain = await trio.open_tcp_stream(host, parts.port or (443 if secure else 80))
        if not secure:
            return plain
        context = ssl.create_default_context()
        return trio.SSLStream(plain, context, server_hostname=host, https_compatible=True)

    async def _show_all(self, socket: WebSocketConnection) -> None:
        while self.left is None or self.left > 0:
            event = json.loads(await socket.get_message())
            self.after = event["cursor"]
            self._show(event)
            if self.left is not None:
                self.left -= 1

    def _show(self, event: Mapping[str, Any]) -> None:
        if self.output.json:
            self.output.document(event)
        else:
            kind = shown(event["type"])
            self.output.line(line_of(event), kind.rpartition(".")[2])

    def _target(self) -> str:
        query = [("after", self.after)] if self.after is not None else []
        query += [("types", ",".join(self.types))] if self.types else []
        return f"{urlsplit(self.address.url).path}/v1/live" + (
            f"?{urlencode(query)}" if query else ""
        )

    def _refused(self, problem: ConnectionRejected) -> None:
        """End with what the gateway says; a restart may refuse for a while what it took before."""
        if self.connected and problem.status_code >= SERVER_ERROR:
            self._lost(problem)
            return
        document: Any = None
        with suppress(ValueError):
            document = json.loads(problem.body or b"null")
        if not isinstance(document, dict):
            sentence = f"what answers there is not a gateway (HTTP {problem.status_code})"
            raise Ended(Exit.UNREACHABLE, sentence)
        raise refusal(RefusedByGateway(problem.status_code, document))

    def _lost(self, problem: Exception) -> None:
        """Say why the connection broke; raise when there never was one."""
        url = self.address.url
        if isinstance(problem, ConnectionClosed) and problem.reason is not None:
            if problem.reason.code == CURSOR_TOO_OLD:
                hint = "leave out --after to begin with now"
                raise Ended(Exit.REFUSED, "the events after this cursor are gone", hint)
            words = problem.reason.reason or problem.reason.name
        else:
            words = why(problem)
        if not self.connected:
            hint = "is it running? start it with: omni-actors serve"
            raise Ended(Exit.UNREACHABLE, f"no gateway answers at {url}: {shown(words)}", hint)
        say(f"the connection broke ({shown(words)}); trying again")


def follow(reach: Reach, after: str | None, types: Sequence[str], count: int | None) -> None:
    """Show events until `count` were shown, or for ever. Raises Ended."""
    if after is None:
        with open_gateway_client(reach) as client:
            after = client.get("events")["cursor"]
    reader = Tail(address_of(reach), types, reach.output, after, count)
    ended: Ended | None = None
    finished, reader_gone = False, False
    try:
        finished = trio.run(run_until_interrupted, reader)
    except* BrokenPipeError:
        reader_gone = True
    except* Ended as problems:
        ended = first(problems, Ended)
    if reader_gone:
        raise BrokenPipeError
    if ended is not None:
        raise ended
    if not finished:
        raise KeyboardInterrupt


async def run_until_interrupted(reader: Tail) -> bool:
    """Follow; false when Ctrl-C ended it.

    An interrupt that is raised inside the WebSocket's own task would look like a broken connection.
    """
    finished = False
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:

            async def interrupt() -> None:
                await anext(signals)
                nursery.cancel_scope.cancel()

            nursery.start_soon(interrupt)
            await reader.run()
            finished = True
            nursery.cancel_scope.cancel()
    return finished


def line_of(event: Mapping[str, Any]) -> str:
    """An event in one line: when, what, where, and the words where there are some."""
    at = shown(event["at"])
    words = [at[11:19] if len(at) > 19 else at, shown(event["type"]).ljust(LABEL_WIDTH)]
    words += [shown(event[key]) for key in ("channel_id", "conversation_id") if event.get(key)]
    message = event.get("message")
    if isinstance(message, Mapping):
        words += [shown(message["id"]), gist(message.get("content"))]
    detail = event.get("detail")
    if isinstance(detail, Mapping) and detail:
        words.append(shown(detail))
    return "  ".join(word for word in words if word)


def gist(content: Any) -> str:
    """The first words of a content."""
    if not isinstance(content, Mapping):
        return ""
    words = content.get("text") or content.get("caption") or content.get("title")
    text = f"“{shown(words)}”" if words else ""
    kind = content.get("type")
    return text if kind == "text" else f"[{shown(kind)}] {text}".rstrip()
