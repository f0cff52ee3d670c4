"""From a file to a plain document: TOML, the environment and files of secrets; mistakes gathered.

A mistake is `place: sentence`, and no sentence repeats a value: it may be a secret.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from attrs import frozen

FILE_SUFFIX: Final = "_file"
SECRET_BYTES_MAX: Final = 64 * 1024

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<open>\{)(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"(?::-(?P<default>[^}]*))?\})?)"
)
_SHOWABLE = re.compile(r"[A-Za-z0-9_-]{1,40}")


class ConfigError(Exception):
    """The config cannot be lived by. `mistakes` are all there are, each with its place."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        super().__init__("; ".join(self.mistakes))


class BadReference(ValueError):
    """A string refers to the environment in vain; the text says how."""


@frozen
class Unread:
    """Stands where a value could not be read. Why is told already."""


UNREAD: Final = Unread()


def read_document(path: Path, environ: Mapping[str, str], mistakes: list[str]) -> dict[str, Any]:
    """The tables of a file, references to the environment followed.

    References that lead nowhere are added to `mistakes`, with UNREAD in their place. Raises
    ConfigError when the file cannot be read or is not TOML.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not text in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None
    expanded: dict[str, Any] = _expand_all(document, "", environ, mistakes)
    return expanded


def _expand_all(value: Any, place: str, environ: Mapping[str, str], mistakes: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _expand_all(each, inside(place, key), environ, mistakes)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [
            _expand_all(each, f"{place}[{index}]", environ, mistakes)
            for index, each in enumerate(value)
        ]
    if not isinstance(value, str):
        return value
    try:
        return expand(value, environ)
    except BadReference as problem:
        mistakes.append(f"{place}: {problem}")
        return UNREAD


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Follow `${NAME}` and `${NAME:-default}`; `$$` is a dollar, and so is one that stands alone.

    The default serves when the variable is unset or empty. Raises BadReference.
    """
    return _REFERENCE.sub(lambda found: _follow(found, environ), text)


def _follow(found: re.Match[str], environ: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    if not found["open"]:
        return found[0]
    name, default = found["name"], found["default"]
    if name is None:
        raise BadReference("write ${NAME} or ${NAME:-default}; a plain ${ is written as $${")
    value = environ.get(name)
    if default is not None:
        return value or default
    if value is None:
        raise BadReference(f"the environment variable {name} is not set")
    return value


def inside(place: str, key: str) -> str:
    """The place of a key of a table; a key that does not look like one is not repeated."""
    shown = key if _SHOWABLE.fullmatch(key) else "?"
    return f"{place}.{shown}" if place else shown


def unknown_key(place: str, key: str, known: Iterable[str]) -> str:
    """The mistake of a key that nobody reads."""
    return f"{inside(place, key)}: unknown key{did_you_mean(key, known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The near one, as the end of a sentence; empty when nothing is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def follow_files(
    table: Mapping[str, Any],
    secrets: Mapping[str, bool],
    place: str,
    folder: Path,
    mistakes: list[str],
) -> dict[str, Any]:
    """The table with each `key_file` replaced by `key`, read from the file that it names.

    `secrets` are the keys that may be given so; true for one that holds several secrets, of which
    the file has one a line. Paths are relative to `folder`.
    """
    followed = dict(table)
    for key, several in secrets.items():
        if (given := followed.pop(key + FILE_SUFFIX, None)) is None:
            continue
        where = inside(place, key + FILE_SUFFIX)
        if key in followed:
            mistakes.append(f"{where}: give either this or {key}, not both")
            followed[key] = UNREAD
            continue
        text = _secret_text(given, where, folder, mistakes)
        followed[key] = text.split("\n") if several and isinstance(text, str) else text
    return followed


def _secret_text(given: Any, where: str, folder: Path, mistakes: list[str]) -> str | Unread:
    if isinstance(given, Unread):
        return UNREAD
    if not isinstance(given, str):
        mistakes.append(f"{where}: must be the path of a file, as a string")
        return UNREAD
    try:
        with (folder / given).open("rb") as file:
            raw = file.read(SECRET_BYTES_MAX + 1)
        if len(raw) > SECRET_BYTES_MAX:
            raise ValueError
        return raw.decode("utf-8").replace("\r\n", "\n").removesuffix("\n")
    except OSError as error:
        mistakes.append(f"{where}: the file cannot be read: {error.strerror}")
    except ValueError:
        mistakes.append(f"{where}: the file does not hold a secret in text")
    return UNREAD
