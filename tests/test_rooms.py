"""The map of the house: which room may import what, checked on every import in the source.

The checker takes the package's path, so that violations planted in a temporary tree show that it
still sees them.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import field, frozen

PACKAGE = Path(__file__).resolve().parent.parent / "omni_actors"
OURS = PACKAGE.name


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What a pure room may use of the standard library; a dotted entry opens only that name.
PURE_STDLIB = _names("""
    __future__ abc base64 binascii bisect codecs collections contextlib copy dataclasses datetime
    decimal difflib email encodings enum fractions functools hashlib heapq hmac html io ipaddress
    itertools json math numbers operator quopri re statistics string stringprep struct textwrap
    types typing unicodedata weakref zlib http.HTTPStatus pathlib.PurePath pathlib.PurePosixPath
    urllib.parse uuid.NAMESPACE_DNS uuid.NAMESPACE_OID uuid.NAMESPACE_URL uuid.UUID uuid.uuid5
""")
PURE_CALLS_BANNED = _names("""
    open print input exec eval breakpoint io.open io.FileIO
    datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    email.utils.localtime email.utils.make_msgid
""")

# What blocks the run loop, or goes around the room that owns the job.
STDLIB_BANNED = _names("""
    asyncio concurrent.futures http.client imaplib multiprocessing smtplib socketserver sqlite3
    urllib.request
""")


@frozen
class Room:
    """What one room may import: rooms or single modules of ours, and packages of others."""

    ours: frozenset[str] = field(converter=_names)
    others: frozenset[str] = field(converter=_names)
    pure: bool = False


# Import names of what an installation without extras brings along.
INSTALLED = """
    PIL apsw attrs cattrs cryptography cyclopts filetype h11 httpcore httptools httpx hypercorn
    markdown_it markupsafe nh3 prometheus_client quart quart_trio regex rich structlog trio
    trio_websocket werkzeug wsproto
"""
HANDS = "model policy wire adapters actors net media mail_templates store telemetry"
PRODUCT = f"{HANDS} gateway api app cli config"
ROOMS = {
    "model": Room("", "attrs", pure=True),
    "policy": Room("model", "attrs markdown_it regex", pure=True),
    "wire": Room("", "attrs", pure=True),
    "adapters": Room("model policy wire", "attrs nh3", pure=True),
    "telemetry": Room("", "attrs prometheus_client structlog"),
    "actors": Room("telemetry", "attrs trio"),
    "net": Room("model wire actors.clock telemetry", "attrs httpcore httptools httpx trio"),
    "media": Room("model policy telemetry", "PIL attrs filetype trio"),
    "mail_templates": Room("model policy", "attrs css_inline jinja2 mrml trio"),
    "store": Room("model telemetry", "apsw attrs cattrs cryptography trio"),
    "gateway": Room(HANDS, "attrs trio"),
    "api": Room(
        "model gateway.facade telemetry",
        "attrs cattrs hypercorn markupsafe prometheus_client quart quart_trio trio werkzeug",
    ),
    "app": Room(PRODUCT, INSTALLED),
    "config": Room(PRODUCT, INSTALLED),
    "api_client": Room("", "attrs httpx"),
    "cli": Room(f"{PRODUCT} api_client demo sandbox", INSTALLED),
    "demo": Room(f"{PRODUCT} sandbox", INSTALLED),
    "sandbox": Room(f"{PRODUCT} demo", INSTALLED),
    "__main__": Room("cli", ""),
    "__init__": Room("", ""),
}


# What several adapters share, in the room of the adapters.
SHARED = ("meta",)
# Rooms of several modules at the top level.
SPREAD = ("cli", "config")


@frozen
class Violation:
    """One import or call that its room does not allow."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def violations(package: Path) -> Iterator[Violation]:
    """Everything below `package` that goes through a door its room does not have."""
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        name = room_of(inside.parts[0])
        tree = ast.parse(path.read_bytes(), filename=str(path))
        if name not in ROOMS:
            yield Violation(inside, 1, f"{name} is not on the map of rooms")
            continue
        room = ROOMS[name]
        for line, imported in imports(tree):
            if complaint := _judge_import(imported, name, room, inside, package):
                yield Violation(inside, line, complaint)
        for line, called in calls(tree):
            if room.pure and called in PURE_CALLS_BANNED:
                yield Violation(inside, line, f"{name} is pure and may not call {called}")
            elif called in {"__import__", "importlib.import_module", "import_module"}:
                yield Violation(inside, line, f"{name} may not import by name at run time")


def room_of(name: str) -> str:
    """The room of a top-level module; `cli_tail.py` is a part of `cli`."""
    name = name.removesuffix(".py")
    first = name.partition("_")[0]
    return first if first in SPREAD else name


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every import at any depth as (line, full dotted name); a relative one begins with a dot."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield node.lineno, alias.name
            case ast.ImportFrom():
                module = "." * node.level + (node.module or "")
                for alias in node.names:
                    yield node.lineno, f"{module}.{alias.name}"
            case _:
                pass


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every call as (line, full dotted name), names that were imported spelled out."""
    spelled = dict(_spellings(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, _, rest = ast.unparse(node.func).partition(".")
        called = ".".join(filter(None, [spelled.get(first, first), rest]))
        yield node.lineno, called


def _spellings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    if alias.asname:
                        yield alias.asname, alias.name
            case ast.ImportFrom():
                for alias in node.names:
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"
            case _:
                pass


def _judge_import(imported: str, name: str, room: Room, path: Path, package: Path) -> str | None:
    top, _, rest = imported.partition(".")
    if not top:
        return f"{imported} is a relative import"
    if top == OURS:
        return _judge_ours(rest, name, room, path, package)
    if top in sys.stdlib_module_names:
        return _judge_stdlib(imported, name, room)
    return None if top in room.others else f"{name} may not import {imported}"


def _judge_ours(target: str, name: str, room: Room, path: Path, package: Path) -> str | None:
    if not target:
        return "the bare package opens every room; import the module that is meant"
    if target.startswith("__"):
        return None
    module, dot, inner = target.partition(".")
    if (there := room_of(module)) != name:
        opens = _opens(room.ours, there + dot + inner)
        return None if opens else f"{name} may not import {OURS}.{target}"
    if name == "adapters" and (neighbour := _neighbour(target, path, package)):
        return f"adapter {path.parts[1]} may not import adapter {neighbour}"
    return None


def _neighbour(target: str, path: Path, package: Path) -> str | None:
    """The other adapter's folder that an adapter's file reaches into, if any but a shared one."""
    if len(path.parts) < 3:
        return None
    folder = target.split(".")[1:2]
    if not folder or folder[0] in (path.parts[1], *SHARED):
        return None
    return folder[0] if (package / "adapters" / folder[0]).is_dir() else None


def _judge_stdlib(imported: str, name: str, room: Room) -> str | None:
    if room.pure and not _opens(PURE_STDLIB, imported):
        return f"{name} is pure and may not import {imported}"
    if name != "sandbox" and _opens(STDLIB_BANNED, imported):
        return f"{name} may not import {imported}"
    return None


def _opens(doors: frozenset[str], target: str) -> bool:
    """Whether `target` is one of `doors` or lies behind one."""
    parts = target.split(".")
    return any(".".join(parts[:count]) in doors for count in range(1, len(parts) + 1))


def test_every_import_goes_through_a_door() -> None:
    found = [str(violation) for violation in violations(PACKAGE)]

    assert not found, "\n" + "\n".join(found)


PLANTED = {
    "a pure room imports trio": ("model/a.py", "import trio"),
    "a pure room reads a clock": ("policy/a.py", "import time"),
    "a pure room draws chance": ("policy/a.py", "from random import random"),
    "a pure room opens a socket": ("wire/a.py", "import socket"),
    "a pure room logs": ("adapters/a.py", "import logging"),
    "a pure room touches files": ("model/a.py", "from pathlib import Path"),
    "a pure room takes all of pathlib": ("model/a.py", "import pathlib"),
    "a pure room draws an id": ("model/a.py", "from uuid import uuid4"),
    "a pure room opens a file": ("model/a.py", "def f():\n    return open('x')"),
    "a pure room prints": ("model/a.py", "print('x')"),
    "a pure room asks for now": ("model/a.py", "from datetime import datetime\ndatetime.now()"),
    "now by the module": ("model/a.py", "import datetime\ndatetime.datetime.now()"),
    "now by another name": ("model/a.py", "from datetime import datetime as d\nd.now()"),
    "today by the module": ("model/a.py", "import datetime as dt\ndt.date.today()"),
    "a pure room takes a library": ("wire/a.py", "import h11"),
    "an adapter takes a regex engine": ("adapters/a.py", "import regex"),
    "a lower room looks up": ("model/a.py", "from omni_actors.policy import rate"),
    "an import hides in a function": ("policy/a.py", "def f():\n    import omni_actors.net.http"),
    "an import hides behind a type check": (
        "wire/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from omni_actors import store",
    ),
    "the store reads a platform": ("store/a.py", "from omni_actors.adapters import contract"),
    "the store reads a clock of ours": ("store/a.py", "from omni_actors.actors import clock"),
    "net takes more than the clock": ("net/a.py", "from omni_actors.actors import mailbox"),
    "net takes all of actors": ("net/a.py", "import omni_actors.actors"),
    "actors learn a messaging word": ("actors/a.py", "from omni_actors.model import ids"),
    "media goes to the network": ("media/a.py", "from omni_actors.net import http"),
    "the gateway speaks HTTP": ("gateway/a.py", "import httpx"),
    "the gateway speaks SQL": ("gateway/a.py", "import apsw"),
    "the gateway opens the front door": ("gateway/a.py", "import quart"),
    "the gateway imports the api": ("gateway/a.py", "from omni_actors.api import app"),
    "the api reaches behind the facade": ("api/a.py", "from omni_actors.gateway import submit"),
    "the api reaches the store": ("api/a.py", "from omni_actors.store import verbs"),
    "a product room plays": ("gateway/a.py", "from omni_actors.sandbox import whatsapp"),
    "the app plays": ("app.py", "import omni_actors.sandbox"),
    "the config plays": ("config.py", "from omni_actors import sandbox"),
    "an adapter visits its neighbour": (
        "adapters/one/a.py",
        "from omni_actors.adapters.two import parse",
    ),
    "an adapter visits its neighbour's folder": (
        "adapters/one/a.py",
        "from omni_actors.adapters import two",
    ),
    "telemetry imports a room": ("telemetry/a.py", "from omni_actors.model import ids"),
    "a pure room imports telemetry": ("wire/a.py", "from omni_actors import telemetry"),
    "a relative import": ("model/a.py", "from . import ids"),
    "the bare package": ("gateway/a.py", "import omni_actors"),
    "an import by name": ("gateway/a.py", "import importlib\nimportlib.import_module('x')"),
    "the blocking database": ("store/a.py", "import sqlite3"),
    "the other event loop": ("gateway/a.py", "import asyncio"),
    "a test library in what is installed": ("sandbox/a.py", "import hypothesis"),
    "a room that nobody drew": ("attic/a.py", "x = 1"),
}


@pytest.mark.parametrize(("path", "source"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_found(tmp_path: Path, path: str, source: str) -> None:
    package = _plant(tmp_path, path, source)

    found = list(violations(package))

    assert [violation.path for violation in found] == [Path(path)]


ALLOWED = {
    "a pure room uses attrs": ("model/a.py", "from attrs import frozen"),
    "a pure room names a moment": ("model/a.py", "from datetime import UTC, datetime"),
    "a pure room counts by hand": ("policy/a.py", "def f(now: float):\n    return now + 1"),
    "a pure room has a method called now": ("policy/a.py", "def f(clock):\n    clock.now()"),
    "a pure room splits an address": ("wire/a.py", "from urllib.parse import urlsplit"),
    "a pure room names a path": ("model/a.py", "from pathlib import PurePosixPath"),
    "policy reads Markdown": ("policy/a.py", "import markdown_it, regex"),
    "net reads the clock": ("net/a.py", "from omni_actors.actors.clock import Clock"),
    "net takes the clock": ("net/a.py", "from omni_actors.actors import clock"),
    "the gateway uses its hands": ("gateway/a.py", "from omni_actors.store import verbs"),
    "the api knows the facade": ("api/a.py", "from omni_actors.gateway.facade import Facade"),
    "a room knows itself": ("actors/a.py", "from omni_actors.actors.mailbox import Mailbox"),
    "an adapter knows itself": ("adapters/one/a.py", "from omni_actors.adapters.one import b"),
    "an adapter shares": ("adapters/one/a.py", "from omni_actors.adapters.meta import sign"),
    "the registry knows all": ("adapters/registry.py", "from omni_actors.adapters import one, two"),
    "the command line plays": ("cli.py", "from omni_actors import app, demo, sandbox"),
    "the command line is a folder": ("cli/a.py", "import cyclopts, omni_actors.sandbox"),
    "the demo plays": ("demo.py", "from omni_actors import sandbox"),
    "the sandbox reads a wire": ("sandbox/a.py", "import quart_trio, omni_actors.wire"),
    "the version": ("api/a.py", "from omni_actors import __version__"),
}


@pytest.mark.parametrize(("path", "source"), ALLOWED.values(), ids=ALLOWED.keys())
def test_what_the_map_allows_is_let_through(tmp_path: Path, path: str, source: str) -> None:
    package = _plant(tmp_path, path, source)

    found = [str(violation) for violation in violations(package)]

    assert found == []


def _plant(tmp_path: Path, path: str, source: str) -> Path:
    package = tmp_path / OURS
    for folder in ("adapters/one", "adapters/two", "adapters/meta"):
        (package / folder).mkdir(parents=True)
    target = package / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source)
    return package
