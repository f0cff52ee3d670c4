"""Tells a mail server who may log in, over the protocol by which Dovecot tells it.

https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/
"""

import socketserver
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

USER = "support@example.test"
PASSWORD = "correct horse"
TOKEN = "ya29.good-token"
REFUSAL = b'{"status":"401","schemes":"bearer","scope":"mail"}'
Say: TypeAlias = Callable[..., None]
MECHANISMS = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")


@contextmanager
def sasl_service() -> Iterator[int]:
    """Answer on a free port of loopback, which is given."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _serve(self)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _serve(session: socketserver.StreamRequestHandler) -> None:
    def say(*words: str) -> None:
        session.wfile.write(("\t".join(words) + "\n").encode())

    say("VERSION", "1", "1")
    for name in MECHANISMS:
        say("MECH", name, "plaintext")
    say("SPID", "1")
    say("CUID", "1")
    say("COOKIE", "0123456789abcdef0123456789abcdef")
    say("DONE")
    asked: dict[str, tuple[str, list[bytes]]] = {}
    while line := session.rfile.readline():
        verb, *words = line.decode().rstrip("\n").split("\t")
        if verb not in ("AUTH", "CONT"):
            continue
        number = words[0]
        if verb == "AUTH":
            asked[number] = (words[1], [])
            first = next((each[5:] for each in words if each.startswith("resp=")), None)
            if first is None:
                say("CONT", number, b64encode(_question(words[1], 0)).decode())
                continue
            said = b64decode(first)
        else:
            said = b64decode(words[1] if len(words) > 1 else "")
        name, answers = asked[number]
        answers.append(said)
        _judge(say, number, name, answers)


def _judge(say: Say, number: str, name: str, answers: list[bytes]) -> None:
    if name == "LOGIN" and len(answers) == 1:
        say("CONT", number, b64encode(_question(name, 1)).decode())
    elif _is_good(name, answers):
        say("OK", number, f"user={USER}")
    elif name in ("XOAUTH2", "OAUTHBEARER") and len(answers) == 1:
        say("CONT", number, b64encode(REFUSAL).decode())
    else:
        say("FAIL", number, f"user={USER}")


def _question(name: str, at: int) -> bytes:
    return (b"Username:", b"Password:")[at] if name == "LOGIN" else b""


def _is_good(name: str, answers: list[bytes]) -> bool:
    user = USER.encode()
    match name:
        case "PLAIN":
            return answers[0] == b"\0%b\0%b" % (user, PASSWORD.encode())
        case "LOGIN":
            return answers == [user, PASSWORD.encode()]
        case "XOAUTH2":
            return answers[0] == b"user=%b\x01auth=Bearer %b\x01\x01" % (user, TOKEN.encode())
        case _:
            return answers[0].endswith(b"\x01auth=Bearer %b\x01\x01" % TOKEN.encode())
