"""Has a say in what a Postfix takes: asked for each recipient, it may put somebody off.

https://www.postfix.org/SMTPD_POLICY_README.html
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define, field

LET_IN: Final = "DUNNO"


@define(eq=False)
class Gatekeeper:
    """Answers the next questions about a recipient by what `says` holds for them, then lets in."""

    port: int = 0
    says: dict[str, list[str]] = field(factory=dict)
    asked: list[str] = field(factory=list)

    def answer(self, recipient: str) -> str:
        """What the server shall say to somebody who writes to this recipient."""
        self.asked.append(recipient)
        waiting = self.says.get(recipient, [])
        return waiting.pop(0) if waiting else LET_IN


@contextmanager
def gatekeeper() -> Iterator[Gatekeeper]:
    """Answer on a free port of loopback."""
    keeper = Gatekeeper()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            told: dict[str, str] = {}
            for line in self.rfile:
                name, _, value = line.decode(errors="replace").rstrip("\n").partition("=")
                if name:
                    told[name] = value
                    continue
                action = keeper.answer(told.pop("recipient", ""))
                self.wfile.write(f"action={action}\n\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        keeper.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield keeper
        finally:
            server.shutdown()
            thread.join()
