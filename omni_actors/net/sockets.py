"""Sockets of trio in the words of httpcore, without what each of its reads and writes costs.

httpcore's own wraps every one of them into two context managers; a small call makes two of them.
"""

import ssl
from collections.abc import Iterable
from math import inf
from typing import Any

import httpcore
import trio

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class Sockets(httpcore.TrioBackend):
    """Connects as httpcore does."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises ConnectError, ConnectTimeout."""
        made = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        return Stream(trio.SocketStream(made.get_extra_info("socket")))


class Stream(httpcore.AsyncNetworkStream):
    """One connection, plain or in TLS. A call's own deadline bounds its reads and writes."""

    def __init__(self, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises ReadError, ReadTimeout."""
        if timeout is None:
            return await self._read(max_bytes)
        with trio.move_on_after(timeout):
            return await self._read(max_bytes)
        raise httpcore.ReadTimeout

    async def _read(self, max_bytes: int) -> bytes:
        try:
            return bytes(await self._stream.receive_some(max_bytes))
        except _GONE as gone:
            raise httpcore.ReadError(str(gone)) from gone

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Raises WriteError, WriteTimeout."""
        if timeout is None:
            await self._write(buffer)
            return
        with trio.move_on_after(timeout) as writing:
            await self._write(buffer)
        if writing.cancelled_caught:
            raise httpcore.WriteTimeout

    async def _write(self, buffer: bytes) -> None:
        try:
            await self._stream.send_all(buffer)
        except _GONE as gone:
            raise httpcore.WriteError(str(gone)) from gone

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises ConnectError, ConnectTimeout; the connection is closed then."""
        assert isinstance(self._stream, trio.SocketStream)
        secured = trio.SSLStream(
            self._stream, ssl_context, server_hostname=server_hostname, https_compatible=True
        )
        with trio.move_on_after(inf if timeout is None else timeout) as shaking:
            try:
                await secured.do_handshake()
            except _GONE as gone:
                await self.aclose()
                raise httpcore.ConnectError(str(gone)) from gone
        if shaking.cancelled_caught:
            await self.aclose()
            raise httpcore.ConnectTimeout
        return Stream(secured)

    async def aclose(self) -> None:
        """Hang up."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: whether the other side has closed, or says what nobody asked for."""
        if info != "is_readable":
            return None
        stream = self._stream
        inner = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        return inner.socket.is_readable()
