"""A mailbox of last resort: takes what a mail server delivers by LMTP, and remembers it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field, frozen


@frozen
class Delivered:
    """One mail as it was delivered to one recipient."""

    sender: str
    recipient: str
    raw: bytes


@define(eq=False)
class Mailboxes:
    """What was delivered so far; whoever is at `nobody@…` is not known."""

    port: int = 0
    mails: list[Delivered] = field(factory=list)
    changed: threading.Condition = field(factory=threading.Condition)

    def wait_for(self, count: int, within_s: float = 30.0) -> list[Delivered]:
        """The mails, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.mails) >= count, within_s)
            return list(self.mails)

    def take(self, mail: Delivered) -> None:
        """One more."""
        with self.changed:
            self.mails.append(mail)
            self.changed.notify_all()

    def clear(self) -> None:
        """Forget them."""
        with self.changed:
            self.mails.clear()


@contextmanager
def mailboxes() -> Iterator[Mailboxes]:
    """Take mails on a free port of loopback."""
    kept = Mailboxes()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _serve(self, kept)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


def _serve(session: socketserver.StreamRequestHandler, kept: Mailboxes) -> None:
    sender, recipients = "", list[str]()

    def say(line: str) -> None:
        session.wfile.write(f"{line}\r\n".encode())

    say("220 lmtp")
    while line := session.rfile.readline():
        verb = line[:4].upper()
        if verb == b"LHLO":
            say("250-lmtp\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8")
        elif verb == b"MAIL":
            sender = line.decode().partition("<")[2].partition(">")[0]
            recipients.clear()
            say("250 2.1.0 ok")
        elif verb == b"RCPT":
            recipient = line.decode().partition("<")[2].partition(">")[0]
            if recipient.startswith("nobody"):
                say("550 5.1.1 no such mailbox")
                continue
            recipients.append(recipient)
            say("250 2.1.5 ok")
        elif verb == b"DATA" and not recipients:
            say("503 5.5.1 nobody")
        elif verb == b"DATA":
            say("354 go")
            raw = _data(session)
            for recipient in recipients:
                kept.take(Delivered(sender, recipient, raw))
                say("250 2.0.0 kept")
        elif verb == b"QUIT":
            say("221 bye")
            return
        else:
            say("250 2.0.0 ok")


def _data(session: socketserver.StreamRequestHandler) -> bytes:
    lines = []
    while (line := session.rfile.readline()) and line != b".\r\n":
        lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
    return b"".join(lines)
