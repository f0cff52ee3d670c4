"""How the command line ends: the exit codes, and the exception that leads to one."""

from enum import IntEnum
from typing import TypeVar

E = TypeVar("E", bound=BaseException)


class Exit(IntEnum):
    """The exit codes of every command. The texts are what `--help` says of them."""

    OK = 0, "it worked"
    FAILED = 1, "it was tried and failed"
    USAGE = 2, "the command line or the config is wrong; nothing was tried"
    UNREACHABLE = 3, "no gateway answers"
    REFUSED = 4, "the gateway refused"
    CUT_SHORT = 75, "serve: the drain's deadline cut work short; it goes on at the next start"
    INTERRUPTED = 130, "ended by Ctrl-C"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made


class Ended(Exception):
    """The command cannot go on: a sentence, a hint where there is one, and the exit code."""

    def __init__(self, code: Exit, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.hint = hint


def first(problems: BaseExceptionGroup[E], kind: type[E]) -> E:
    """The first problem in a group."""
    found: BaseException = problems
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, kind)
    return found
