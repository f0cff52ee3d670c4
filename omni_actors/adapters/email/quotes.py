"""What the writer of a mail added to what it quotes.

A line is looked at once, with the few around it, so that no text takes longer than it is long. What
cannot be told for sure stays.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from attrs import define, field, frozen

from omni_actors.adapters.email.markup import Event
from omni_actors.adapters.email.quote_words import (
    FORWARDED,
    OPENINGS,
    ORIGINAL,
    SENT_FROM,
    SENT_FROM_MAX,
    WROTE,
    between_dashes,
    header_word,
)
from omni_actors.adapters.email.quoted_html import Lines, lines_of

LINES_MAX: Final = 5000  # what is below stays or goes as one
LINE_SEEN_MAX: Final = 400  # characters of a line that are looked at
INTRO_LINES_MAX: Final = 3
INTRO_CHARS_MAX: Final = 500
HEADER_LINES_MAX: Final = 14
AHEAD_MAX: Final = 2  # empty lines between what belongs together
SIGNATURE_LINES_MAX: Final = 20
FOOTER_LINES_MAX: Final = 6

_ADDRESS = re.compile(r"[^\s<>]@[A-Za-z0-9-]{1,63}\.")
_MOMENT = re.compile(r"\d{1,2}[:.h時点시]\s?\d{2}|(?<!\d)20\d\d(?!\d)|\d{1,2}[./]\d{1,2}[./]\d{2}")
_RULE = re.compile(r"[-_=*–—~]{2,}")
_WIDE: Final = ":   "  # some programs write on behind it
_FOOTER = re.compile(r"_{40,}")


class Label(Enum):
    """What a line is."""

    BLANK = "blank"
    OWN = "own"
    QUOTE = "quote"
    SIGNATURE = "signature"


@frozen
class Reply:
    """What a mail says itself. `forwards`: it passes another one on, which is kept."""

    text: str
    forwards: bool = False


def reply(
    text: str, html: Iterable[Event] | None, account: str, *, forwards: bool = False
) -> Reply:
    """What the writer of a mail to an account added; all of it if they wrote between the lines that
    they quote, or nothing else. `forwards`: its subject says that it passes a mail on.

    Where a program has marked in the HTML what is quoted, that is more certain than any word.
    """
    lines = lines_of(html) if html is not None else Lines()
    if not lines.marked:
        lines = Lines(text.split("\n", LINES_MAX))
    if len(lines.lines) > LINES_MAX + 1:
        lines.lines[LINES_MAX:] = ["\n".join(lines.lines[LINES_MAX:])]
    labeller = _Labeller(lines, account.lower(), forwards)
    labels = labeller.labels()
    kept = _kept(lines.lines, labels)
    if kept is None:
        return Reply(text, labeller.forwards)
    return Reply(kept, labeller.forwards)


def _kept(lines: Sequence[str], labels: Sequence[Label]) -> str | None:
    """The lines that stay; None where it is all of them."""
    own = [number for number, label in enumerate(labels) if label is Label.OWN]
    if not own or not {Label.QUOTE, Label.SIGNATURE} & {*labels}:
        return None
    quotes = [number for number, label in enumerate(labels) if label is Label.QUOTE]
    first, last = own[0], own[-1]
    wanted = {Label.OWN, Label.BLANK}
    if any(first < number < last for number in quotes):
        wanted.add(Label.QUOTE)  # it answers line by line, and is not understood without them
        chosen = [n for n in range(last + 1) if labels[n] in wanted]
    else:
        chosen = [n for n in range(first, last + 1) if labels[n] in wanted]
    return "\n".join(lines[n] for n in chosen).strip("\n").rstrip()


@define
class _Labeller:
    """Goes through the lines of a mail and tells what each of them is."""

    source: Lines
    account: str
    forwards: bool
    at: int = 0
    found: list[Label] = field(factory=list)
    signature_at: int | None = None

    def labels(self) -> list[Label]:
        """What each line is."""
        lines = self.source.lines
        while self.at < len(lines):
            taken, label = self._next()
            self.found += [label] * min(taken, len(lines) - self.at)
            self.at += taken
        self._end_signature()
        self._mark_tails()
        return self.found

    def _next(self) -> tuple[int, Label]:
        """How many lines belong together from here on, and what they are."""
        line, mark = self._line(self.at), self.source.marks.get(self.at)
        left = len(self.source.lines) - self.at
        if self._passes_on(line, mark):
            self.forwards = True
            return left, Label.OWN
        if mark == "rest" or self._starts_rest(line):
            return left, (Label.OWN if self.forwards else self._quote())
        if not line:
            return 1, Label.BLANK
        if mark in ("quote", "intro") or line.startswith(">"):
            return 1, self._quote()
        intro, goes_on = self._intro()
        if intro:
            return (left if goes_on else intro), self._quote()
        if mark == "signature":
            return 1, Label.SIGNATURE
        if line in ("--", "—") and self.signature_at is None:
            self.signature_at = self.at
        return 1, (Label.OWN if self.signature_at is None else Label.SIGNATURE)

    def _quote(self) -> Label:
        self._end_signature()
        return Label.QUOTE

    def _end_signature(self) -> None:
        """What is too long for a signature is none."""
        if self.signature_at is None:
            return
        signed = range(self.signature_at, len(self.found))
        said = [number for number in signed if self.found[number] is Label.SIGNATURE]
        if len(said) > SIGNATURE_LINES_MAX:
            for number in said:
                self.found[number] = Label.OWN
        self.signature_at = None

    def _line(self, number: int) -> str:
        lines = self.source.lines
        return lines[number][:LINE_SEEN_MAX].strip() if number < len(lines) else ""

    # ---- what is passed on, and what is answered whole

    def _passes_on(self, line: str, mark: str | None) -> bool:
        if mark == "forward":
            return True
        told = between_dashes(line) or line.rstrip(" :：").lower()
        return told.startswith(FORWARDED) and len(told) < 80 and self._is_divided(line)

    def _is_divided(self, line: str) -> bool:
        return line.startswith("-") or line.endswith((":", "："))

    def _starts_rest(self, line: str) -> bool:
        """Whether from here on all is another mail: its headers, or a line that says so."""
        if not line:
            return False
        told = between_dashes(line)
        if told in ORIGINAL or (line.startswith(">>> ") and line.endswith(" >>>")):
            return True
        ruled = _RULE.fullmatch(line) is not None and len(line) > 4
        begin = self._past_blanks(self.at + 1) if ruled else self.at
        return self._is_header(begin, ruled=ruled)

    def _is_header(self, begin: int, *, ruled: bool) -> bool:
        """Whether lines are the headers of a mail. What a form asks for may look like that: one
        must be from an address, or have a subject."""
        kinds: list[str] = []
        has_address = False
        for number in range(begin, begin + HEADER_LINES_MAX):
            line = self._line(number)
            kind = header_word(line)
            if kind:
                kinds.append(kind)
                has_address |= kind == "from" and _ADDRESS.search(line) is not None
            elif not kinds or not (line == "" or kinds[-1] == "to"):
                break
        if "from" not in kinds or len({*kinds}) < 2:
            return False
        begins = kinds[0] == "from" or ruled or len({*kinds}) > 2
        return begins and ("subject" in kinds or has_address or ruled)

    def _past_blanks(self, number: int) -> int:
        for each in range(number, number + AHEAD_MAX + 1):
            if self._line(each):
                return each
        return number

    # ---- the line above a quote

    def _intro(self) -> tuple[int, bool]:
        """How many lines from here on say whom the next ones quote, 0 if none do; and whether the
        rest of the mail is the quote, as of programs that do not mark its lines."""
        starts_paragraph = not self.found or self.found[-1] is not Label.OWN
        said, wide, _ = self._line(self.at).partition(_WIDE)
        if wide and self._strength(f"{said}:") > 1:
            return 1, True
        said = ""
        for count in range(1, INTRO_LINES_MAX + 1):
            line = self._line(self.at + count - 1)
            if not line or line.startswith(">"):
                break
            said = f"{said} {line}".strip()
            strength = self._strength(said)
            quoted = self._is_quoted(self._past_blanks(self.at + count))
            if strength > 1 or (strength and quoted and starts_paragraph):
                return count, not quoted
            if not self._may_open(line):
                break
        return 0, False

    def _strength(self, said: str) -> int:
        """How sure it is that words say who wrote what follows: 2 sure, 1 if it is a quote."""
        if len(said) > INTRO_CHARS_MAX:
            return 0
        lower = said.lower()
        wrote = any(word in lower for word in WROTE)
        ends = said.rstrip(" *_>-").endswith((":", "："))
        if not (wrote or ends):
            return 0
        ours = bool(self.account) and self.account in lower
        if not ours and not self._is_dated(said):
            return 0
        closes = ends or lower.rstrip(" *_>.").endswith(WROTE)
        return 2 if closes and ((wrote and self._is_dated(said)) or (ours and ends)) else 1

    def _is_dated(self, said: str) -> bool:
        return _MOMENT.search(said) is not None or _ADDRESS.search(said) is not None

    def _may_open(self, line: str) -> bool:
        """Whether a line may be the first of several that belong together."""
        if line.endswith((".", "!", "?", "。")):
            return False
        has_sign = any(char.isdigit() for char in line) or "@" in line
        opens = line.lower().startswith(OPENINGS) or line[:1].isdigit()
        return has_sign and (opens or line.endswith(("<", ",", ">")))

    def _is_quoted(self, number: int) -> bool:
        mark = self.source.marks.get(number)
        return self._line(number).startswith(">") or mark in ("quote", "rest")

    # ---- what stands last

    def _mark_tails(self) -> None:
        """The last lines above a quote or the end that a program added."""
        lasts = True
        below = 0
        for number in range(len(self.found) - 1, -1, -1):
            if self.found[number] is not Label.OWN:
                if self.found[number] is Label.QUOTE:
                    lasts, below = True, 0
                continue
            line = self._line(number)
            if lasts and (_is_sent_from(line) or _RULE.fullmatch(line)):
                self.found[number] = Label.SIGNATURE
                continue
            lasts = False
            below += 1
            if _FOOTER.fullmatch(line) and below <= FOOTER_LINES_MAX:
                self._sign(number)
                lasts, below = True, 0

    def _sign(self, begin: int) -> None:
        for number in range(begin, len(self.found)):
            if self.found[number] in (Label.QUOTE, Label.SIGNATURE):
                return
            if self.found[number] is Label.OWN:
                self.found[number] = Label.SIGNATURE


def _is_sent_from(line: str) -> bool:
    return len(line) <= SENT_FROM_MAX and line.lower().lstrip("*_< ").startswith(SENT_FROM)
