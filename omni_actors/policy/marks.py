"""The marks before the options of a question in text, and the marks that people write back."""

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Final

from omni_actors.model.content import Option

_MARK: Final = r"(\d{1,4}|[a-z])"
_WORDS: Final = "option|opción|opcion|opção|opcao|choice|number|número|numero|nummer|nr|no"
_SAID: Final = re.compile(
    rf"(?:(?:{_WORDS})(?:[ .:#]+|(?=\d)))?[#(\[]? ?{_MARK} ?[.)\]:,;!]*", re.IGNORECASE
)
_LINE: Final = re.compile(rf"[#(\[]?{_MARK}(?: ?[.)\]:–-]+ ?| )(.+)")
# A keycap is a digit, a selector of emoji style and an enclosing key.
_DRESS: Final = frozenset("\ufe0e\ufe0f\u20e3")


def plain(text: str) -> str:
    """Text without what cannot be seen or only dresses it: width, case, direction, keycaps."""
    kept = [c for c in text if c not in _DRESS and unicodedata.category(c) != "Cf"]
    written = unicodedata.normalize("NFKC", "".join(kept).replace("🔟", "10"))
    return " ".join(written.casefold().split())


def mark_in(text: str) -> str:
    """The mark that a text is, as `marks_of` spells it; empty when it is none.

    "2", "2.", "#2", "(2)", "2️⃣", "２" and "option 2" are all the mark 2.
    """
    said = _SAID.fullmatch(plain(text))
    return _spelled(said[1]) if said else ""


def line_in(text: str) -> tuple[str, str]:
    """A line that somebody copied with its mark: the mark and the rest; both empty if it is not."""
    copied = _LINE.fullmatch(plain(text))
    return (_spelled(copied[1]), copied[2]) if copied else ("", "")


def marks_of(options: Sequence[Option]) -> tuple[str, ...]:
    """The marks that tell these options apart: numbers, or letters where a number would mislead.

    A title such as "2" would, at any place but the second. If letters mislead too, numbers stay.
    """
    numbers = tuple([str(n) for n in range(1, len(options) + 1)])
    letters = tuple(ascii_lowercase[: len(options)])
    if not _mislead(options, numbers):
        return numbers
    if len(letters) == len(options) and not _mislead(options, letters):
        return letters
    return numbers


def _spelled(mark: str) -> str:
    return str(int(mark)) if mark.isdecimal() else mark


def _mislead(options: Sequence[Option], marks: Sequence[str]) -> bool:
    read = [mark_in(option.title) for option in options]
    return any(
        title in marks and title != mark for title, mark in zip(read, marks, strict=True) if title
    )
