"""How a command finds the running gateway and its own API key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from attrs import frozen
from cyclopts import Group, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_output import Output
from omni_actors.config_sources import ConfigError, Unread, read_document
from omni_actors.wire.hosts import is_loopback

if TYPE_CHECKING:
    from omni_actors.api_client import ApiClient, RefusedByGateway

CONFIG: Final = Path("config.toml")
RUN: Final = Group("Run it", sort_key=2)
DEFAULT_BIND: Final = "127.0.0.1:8080"
DEFAULT_STORE: Final = "sqlite:///data/omni.db"
KEY_VARIABLE: Final = "OMNI_API_KEY"
OPERATOR_KEY: Final = "operator.key"

HINTS: Final = {
    "unauthenticated": f"give another key with --key-file or {KEY_VARIABLE}",
    "insufficient_scope": "give a key with the scope that this needs, or the operator's",
    "outside_window": 'only a template may be sent now: --json-content \'{"type": "template", …}\'',
    "controlled_elsewhere": "take the control with: omni-actors control take CONVERSATION",
    "cursor_too_old": "leave out --after to begin with now",
    "bad_address": "write it as the platform does, such as +447700900123",
}


@Parameter(name="*")
@frozen
class Reach:
    """Which gateway, as whom, and how to print."""

    url: Annotated[
        str | None, Parameter(help="The gateway. [default: server.bind of the config]")
    ] = None
    key_file: Annotated[
        Path | None,
        Parameter(
            help=f"A file with an API key. [default: ${KEY_VARIABLE}, else operator.key beside "
            "the store]"
        ),
    ] = None
    config: Annotated[Path, Parameter(help="Where the gateway's config lies.")] = CONFIG
    json: Annotated[
        bool, Parameter(negative="", help="Print one JSON document a line, for scripts.")
    ] = False

    @property
    def output(self) -> Output:
        """How to print."""
        return Output(json=self.json)


@frozen
class Address:
    """A gateway and what opens it."""

    url: str
    key: str


def address_of(reach: Reach) -> Address:
    """Where the gateway is, and the key for it. Raises Ended."""
    document = document_of(reach.config)
    url = reach.url or f"http://{callable_bind(told(document, 'server', 'bind', DEFAULT_BIND))}"
    url = url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Ended(Exit.USAGE, "--url must look like http://127.0.0.1:8080")
    return Address(url, key_of(reach, document, parts.hostname))


def key_of(reach: Reach, document: dict[str, Any], host: str) -> str:
    """The API key. The operator's key of this machine is for a gateway on this machine alone."""
    if reach.key_file is not None:
        return read_key(reach.key_file)
    if key := os.environ.get(KEY_VARIABLE):
        return key
    url = told(document, "store", "url", DEFAULT_STORE)
    path = Path(url.removeprefix("sqlite:///")).parent / OPERATOR_KEY
    if reach.url is not None and not is_loopback(host):
        raise Ended(Exit.USAGE, "no API key is given", f"use --key-file or {KEY_VARIABLE}")
    if not path.exists():
        raise Ended(
            Exit.USAGE,
            f"no API key is given, and there is no {path}",
            f"start the gateway here first, or use --key-file or {KEY_VARIABLE}",
        )
    return read_key(path)


def read_key(path: Path) -> str:
    """The key in a file. Raises Ended."""
    try:
        key = path.read_text("utf-8").strip()
    except OSError as error:
        raise Ended(Exit.USAGE, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        key = ""
    if not key or not key.isascii() or len(key.split()) != 1:
        raise Ended(Exit.USAGE, f"{path} does not hold an API key")
    return key


def document_of(path: Path) -> dict[str, Any]:
    """The config as it stands, mistakes and all; empty when none lies where it usually does."""
    if path == CONFIG and not path.exists():
        return {}
    try:
        return read_document(path, os.environ, [])
    except ConfigError as problem:
        raise Ended(Exit.USAGE, problem.mistakes[0]) from None


def told(document: dict[str, Any], section: str, key: str, default: str) -> str:
    """One string of the config. Raises Ended when it hangs on a variable that is not set."""
    table = document.get(section, {})
    value = table.get(key, default) if isinstance(table, dict) else default
    if isinstance(value, Unread):
        raise Ended(Exit.USAGE, f"{section}.{key} of the config cannot be read here")
    return value if isinstance(value, str) else default


def callable_bind(bind: str) -> str:
    """The address to call for what listens there: loopback for every address of the machine."""
    host, _, port = bind.rpartition(":")
    return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host) + f":{port}"


@contextmanager
def open_gateway_client(reach: Reach) -> Iterator["ApiClient"]:
    """The gateway, to be spoken to. What it refuses ends the command with a sentence."""
    from omni_actors.api_client import RefusedByGateway, Unreachable, open_client

    address = address_of(reach)
    try:
        with open_client(address.url, address.key) as client:
            yield client
    except Unreachable as problem:
        hint = "is it running? start it with: omni-actors serve"
        raise Ended(Exit.UNREACHABLE, str(problem), hint) from None
    except RefusedByGateway as problem:
        raise refusal(problem) from None


def refusal(problem: "RefusedByGateway") -> Ended:
    """A refusal as one sentence and, where something helps, a hint."""
    sentence = "; ".join((problem.sentence, *problem.errors))
    hint = HINTS.get(problem.code, "")
    if not hint and problem.retryable:
        hint = "try again in a moment"
    return Ended(Exit.REFUSED, sentence, hint)
