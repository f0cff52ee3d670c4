"""What the commands print: results on standard output, messages on standard error.

Tables and colours are for people at a terminal; a pipe gets tab-separated lines, and `--json` gets
one JSON document a line. Text that others wrote cannot steer the terminal.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Any, TextIO, TypeAlias

from attrs import field, frozen

Row: TypeAlias = Mapping[str, Any]
Cells: TypeAlias = Callable[[Row], Sequence[object]]

WATCH_EVERY_S = 2.0
STYLES = {
    "active": "green",
    "ok": "green",
    "good": "green",
    "delivered": "green",
    "read": "green",
    "paused": "yellow",
    "held": "yellow",
    "note": "yellow",
    "unknown": "yellow",
    "needs_reauth": "red",
    "broken": "red",
    "restricted": "red",
    "failed": "red",
    "bad": "red",
}

# Control characters and those that turn the direction of text around.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def shown(value: object) -> str:
    """A value as one line of text that cannot steer a terminal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(shown(each) for each in value) or "-"
    if isinstance(value, Mapping):
        return _STEERING.sub(" ", json.dumps(value, ensure_ascii=False))
    text = str(value).replace("\r\n", "\n").replace("\n", " ⏎ ")
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def at_terminal() -> bool:
    """Whether a person looks at the results."""
    return sys.stdout.isatty()


def colourful() -> bool:
    """Whether colours are wanted, as https://no-color.org asks."""
    return at_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@frozen
class Output:
    """Prints the results of one command."""

    json: bool = False
    colour: bool = field(factory=colourful)
    terminal: bool = field(factory=at_terminal)

    def document(self, document: Any) -> None:
        """One JSON document on one line."""
        _write(sys.stdout, json.dumps(document))

    def line(self, text: str, word: str = "") -> None:
        """One line; `word` in it is coloured by what it means."""
        if not (self.colour and word in STYLES):
            _write(sys.stdout, text)
            return
        from rich.text import Text

        styled = Text(text)
        styled.highlight_words([word], STYLES[word])
        _console(self).print(styled, soft_wrap=True)

    def rows(self, columns: Sequence[str], rows: Iterable[Row], cells: Cells) -> None:
        """A listing: documents as they are, a table, or tab-separated lines under their names."""
        if self.json:
            for row in rows:
                self.document(row)
        elif self.terminal:
            self._table(columns, list(rows), cells)
        else:
            _write(sys.stdout, "\t".join(columns))
            for row in rows:
                _write(sys.stdout, "\t".join(shown(cell) for cell in cells(row)))

    def _table(self, columns: Sequence[str], rows: Sequence[Row], cells: Cells) -> None:
        if rows:
            _console(self).print(table_of(columns, rows, cells))
        else:
            say("nothing to show")

    def details(self, document: Mapping[str, Any]) -> None:
        """One thing with all that is known of it, a key a line; what lies inside is indented."""
        if self.json:
            self.document(document)
        else:
            for line in outline(document):
                self.line(line)

    def watch(
        self, columns: Sequence[str], read: Callable[[], Sequence[Row]], cells: Cells
    ) -> None:
        """A table that follows what it shows, until Ctrl-C; only for a terminal."""
        from rich.live import Live

        pause = Event()
        first = table_of(columns, read(), cells)
        with Live(first, console=_console(self), screen=False, auto_refresh=False) as live:
            while not pause.wait(WATCH_EVERY_S):
                live.update(table_of(columns, read(), cells), refresh=True)


def outline(document: Mapping[str, Any], indent: str = "") -> Iterable[str]:
    """The lines of a document."""
    width = max((len(key) for key in document), default=0)
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{shown(key)}:"
            yield from outline(value, indent + "  ")
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            yield f"{indent}{shown(key)}:"
            for each in value:
                yield f"{indent}  -"
                yield from outline(each, indent + "    ")
        else:
            yield f"{indent}{shown(key).ljust(width)}  {shown(value)}"


def table_of(columns: Sequence[str], rows: Iterable[Row], cells: Cells) -> Any:
    """A table for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        words = [shown(cell) for cell in cells(row)]
        table.add_row(*(Text(word, STYLES.get(word, "")) for word in words))
    return table


def _console(output: Output) -> Any:
    from rich.console import Console

    return Console(no_color=not output.colour, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """A message beside the results."""
    _write(sys.stderr, text)


def _write(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


def complain(sentence: str, hint: str = "") -> None:
    """Why a command ends."""
    say(f"omni-actors: {shown(sentence)}")
    if hint:
        say(f"  {shown(hint)}")
