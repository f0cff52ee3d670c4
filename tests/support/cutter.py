"""A wire to a mail server that breaks when told to: after the mail's end, before its answer."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define, field

DOT: Final = b"\r\n.\r\n"
CHUNK: Final = 65536


@define(eq=False)
class Cutter:
    """Passes everything on, but for the answers to the next `cuts` mails: the server has those
    mails, and whoever sent them will never know. Each time it breaks when it `may`."""

    port: int = 0
    cuts: int = 0
    done: int = 0
    may: threading.Event = field(factory=threading.Event)


@contextmanager
def cutter(server_port: int) -> Iterator[Cutter]:
    """A wire from a free port of loopback to this one."""
    wire = Cutter()
    wire.may.set()

    class Session(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", server_port)) as server:
                _carry(wire, self.request, server)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as listening:
        wire.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield wire
        finally:
            wire.may.set()
            listening.shutdown()
            thread.join()


def _carry(wire: Cutter, client: socket.socket, server: socket.socket) -> None:
    """Carry what the client says, and what is answered until the wire is cut."""
    is_cut = threading.Event()

    def answers() -> None:
        while (data := _received(server)) and not is_cut.is_set():
            client.sendall(data)
        wire.may.wait()
        _hang_up(client)

    answering = threading.Thread(target=answers, daemon=True)
    answering.start()
    tail = b""
    while data := _received(client):
        tail = (tail + data)[-len(DOT) :]
        if wire.cuts and tail == DOT:
            wire.cuts -= 1
            is_cut.set()
        server.sendall(data)
    _hang_up(server)
    answering.join()
    wire.done += is_cut.is_set()


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(CHUNK)
    except OSError:
        return b""


def _hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
