"""Where text is cut, and that nothing but space is lost there."""

import time

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from omni_actors.policy.splitting import Split, Unit, length, split

UNITS: list[Unit] = ["utf16", "utf8", "code_points", "graphemes"]
FAMILY = "👩‍👩‍👧‍👦"
ATOMS = [
    "a",
    "bc",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\n\n",
    ". ",
    "é",
    "e\u0301",
    " \u0301",
    FAMILY,
    "🇩🇪",
    "🇩",
]
ATOMS += ["क्षि", "。", "\u0600", "\ud800", "\u200d", "https://e.org/a?b=c", "👍🏽", "\t", "\u2028"]
TEXTS = st.one_of(st.lists(st.sampled_from(ATOMS), max_size=60).map("".join), st.text())


def solid(text: str) -> str:
    """A text without its whitespace."""
    return "".join(text.split())


@pytest.mark.parametrize(
    ("unit", "expected"), [("utf16", 13), ("utf8", 28), ("code_points", 9), ("graphemes", 3)]
)
def test_length_counts_in_the_platforms_unit(unit: Unit, expected: int) -> None:
    assert length(f"a{FAMILY}é", unit) == expected


@pytest.mark.slow
@given(TEXTS, st.integers(4, 40), st.sampled_from(UNITS))
@example("  \n a", 4, "utf8")
@example(" " * 9 + "\u0301", 4, "code_points")
@example("x" * 4 + "\u0301" * 9 + "  y", 4, "utf16")
@example("xxxx\x1f", 4, "utf16")
def test_pieces_fit_and_lose_nothing_but_space(text: str, limit: int, unit: Unit) -> None:
    cut = split(text, limit, unit)

    assert all(length(piece, unit) <= limit for piece in cut.pieces)
    assert solid("".join(cut.pieces)) == solid(text)
    assert (
        len(cut.pieces) <= 1 or all(piece.strip() for piece in cut.pieces) or cut.graphemes_broken
    )


@pytest.mark.slow
@given(TEXTS, st.integers(4, 40), st.sampled_from(UNITS))
def test_no_grapheme_is_cut_that_fits_a_piece(text: str, limit: int, unit: Unit) -> None:
    cut = split(text, limit, unit)

    clusters = regex.findall(r"\X", text)
    over = sum(length(cluster, unit) > limit for cluster in clusters)
    assert cut.graphemes_broken == over
    if not over:
        inside = [c for piece in cut.pieces for c in regex.findall(r"\X", piece) if not c.isspace()]
        assert inside == [c for c in clusters if not c.isspace()]


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        pytest.param("short ", 10, ("short ",), id="what fits stays as it is"),
        pytest.param("", 10, ("",), id="nothing stays nothing"),
        pytest.param("one two three", 8, ("one two", "three"), id="between words"),
        pytest.param("One. Two three", 11, ("One.", "Two three"), id="after a sentence"),
        pytest.param("One. Two\nthree four", 14, ("One. Two", "three four"), id="after a line"),
        pytest.param("One\n\ntwo\nthree four", 12, ("One\n\ntwo", "three four"), id="too early"),
        pytest.param("Oneee\n\ntwo\nthree", 12, ("Oneee", "two\nthree"), id="after a paragraph"),
        pytest.param("abcdefghij", 4, ("abcd", "efgh", "ij"), id="within a word at last"),
        pytest.param(
            "一二。三四五六七", 5, ("一二。", "三四五六七"), id="a sentence without spaces"
        ),
        pytest.param("abcdef:\n  indented", 12, ("abcdef:", "  indented"), id="indentation stays"),
        pytest.param("   abcdefghij k", 10, ("abcdefghij", "k"), id="or goes when it would cut"),
        pytest.param(" " * 30 + "a" + " " * 30, 10, ("a",), id="outer space goes"),
        pytest.param(" " * 30, 10, (), id="space alone is nothing to say"),
        pytest.param(" \u0301abcdef", 4, (" \u0301ab", "cdef"), id="an accented space is no space"),
        pytest.param(
            "看这里https://e.org/path好",
            20,
            ("看这里", "https://e.org/path好"),
            id="before an address",
        ),
        pytest.param(
            "ab:https://example.org/a",
            12,
            ("ab:https://e", "xample.org/a"),
            id="an address too long",
        ),
        pytest.param(
            "https://e.org abcdefghijklmnop",
            14,
            ("https://e.org", "abcdefghijklmn", "op"),
            id="address behind",
        ),
    ],
)
def test_text_is_cut_where_a_reader_would_pause(
    text: str, limit: int, pieces: tuple[str, ...]
) -> None:
    assert split(text, limit, "code_points") == Split(pieces)


def test_a_grapheme_over_the_limit_is_broken_and_said_so() -> None:
    cut = split("ab " + FAMILY + " cd", 6, "utf16")

    assert cut.graphemes_broken == 1
    assert all(length(piece, "utf16") <= 6 for piece in cut.pieces)
    assert solid("".join(cut.pieces)) == "ab" + FAMILY + "cd"


@pytest.mark.parametrize(("limit", "unit"), [(1, "utf16"), (3, "utf8"), (0, "graphemes")])
def test_a_limit_below_one_code_point_is_refused(limit: int, unit: Unit) -> None:
    with pytest.raises(ValueError, match="no code point"):
        split("a", limit, unit)


@pytest.mark.slow
@pytest.mark.parametrize(
    "atom",
    [
        "a",
        " ",
        "\n",
        "🇩",
        "a\u0301",
        "\u0301",
        "👩\u200d",
        "क्",
        "\r\n",
        "https://",
        "a ",
        "。",
        " \u0301",
        "\n  x",
    ],
)
@pytest.mark.parametrize("limit", [4, 4096])
def test_hostile_text_takes_linear_time(atom: str, limit: int) -> None:
    def spent(size: int) -> float:
        text = atom * (size // len(atom))
        began = time.process_time()
        split(text, limit, "utf16")
        return time.process_time() - began

    small, large = spent(25_000), spent(200_000)

    assert large < 8 * max(small, 0.02) * 4
