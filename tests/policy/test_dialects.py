"""What Markdown becomes in each dialect."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.whatsapp.limits import DIALECT as WHATSAPP
from omni_actors.model.capabilities import PLAIN, Dialect
from omni_actors.policy.dialects import (
    Document,
    Paragraph,
    Rendered,
    Run,
    parse_markdown,
    render_markdown,
)

BOTH = [WHATSAPP, PLAIN]
TABLE = "| A | B |\n|---|---|\n| 1 | **2** |"


@pytest.mark.parametrize(
    ("markdown", "text", "lost"),
    [
        pytest.param("**b** *i* ~~s~~ `c`", "*b* _i_ ~s~ `c`", (), id="marks"),
        pytest.param("**a *b* c**", "*a _b_ c*", (), id="marks in marks"),
        pytest.param("**a __b__ c**", "*a b c*", (), id="bold in bold is bold"),
        pytest.param("a**b**c", "abc", ("bold",), id="no border before or behind"),
        pytest.param("(**b**)!", "(*b*)!", (), id="signs are borders"),
        pytest.param("**2*3**", "2*3", ("bold",), id="the own sign within"),
        pytest.param("**a\nb**", "*a*\n*b*", (), id="marks do not span lines"),
        pytest.param("**&nbsp;a**b", "\xa0ab", ("bold",), id="space within does not hide a border"),
        pytest.param("**&nbsp;a&nbsp;**", "\xa0*a*\xa0", (), id="marks hug their words"),
        pytest.param("**&nbsp;**", "\xa0", (), id="marks around nothing"),
        pytest.param("# Hello **you**", "*Hello you*", ("heading",), id="headings are bold"),
        pytest.param("[t](https://e.org)", "t (https://e.org)", ("link",), id="links"),
        pytest.param("**[t](https://e.org)**", "*t (https://e.org)*", ("link",), id="bold links"),
        pytest.param("[](https://e.org)", "https://e.org", (), id="a link without words"),
        pytest.param("<https://e.org>", "https://e.org", (), id="an address"),
        pytest.param("<a@e.org>", "a@e.org", (), id="a mail address"),
        pytest.param("[t]()", "t", (), id="a link to nowhere"),
        pytest.param("![p](u)", "p (u)", ("image",), id="images"),
        pytest.param("![](u)", "u", ("image",), id="images without words"),
        pytest.param("[![p](u)](v)", "p (u) (v)", ("image", "link"), id="a linked image"),
        pytest.param("- a\n- b\n", "- a\n- b", (), id="bullets"),
        pytest.param("3. a\n4. b", "3. a\n4. b", (), id="numbers"),
        pytest.param("- a\n  - b", "- a\n  - b", ("nested_list",), id="lists in lists"),
        pytest.param("> a\n> b", "> a\n> b", (), id="quotes"),
        pytest.param("> a\n>> b", "> a\n>\n> b", ("nested_quote",), id="quotes in quotes"),
        pytest.param("```py\nx*y\n```", "```x*y```", (), id="code blocks"),
        pytest.param("````\n```\n````", "```", ("code_block",), id="code with the fence in it"),
        pytest.param(TABLE, "*A* | *B*\n1 | *2*", ("table",), id="tables"),
        pytest.param("a\n\n---\n\nb", "a\n\n---\n\nb", ("rule",), id="rules"),
        pytest.param("<b>x</b>", "<b>x</b>", (), id="html is text"),
        pytest.param("a  \nb", "a\nb", (), id="line breaks"),
        pytest.param("`` ` ``", "`", ("code",), id="a backtick in code"),
        pytest.param("", "", (), id="nothing"),
    ],
)
def test_markdown_in_the_dialect_of_whatsapp(
    markdown: str, text: str, lost: tuple[str, ...]
) -> None:
    assert render_markdown(markdown, WHATSAPP) == Rendered(text, lost)


@pytest.mark.parametrize(
    ("markdown", "text", "lost"),
    [
        pytest.param("**b** `c`", "b c", ("bold", "code"), id="marks go and are told"),
        pytest.param("# T\n\nx", "T\n\nx", ("heading",), id="headings"),
        pytest.param("> a\n>> b", "> a\n>\n> > b", ("nested_quote",), id="quotes in quotes"),
        pytest.param("```\nx\n```", "x", ("code_block",), id="code"),
        pytest.param(TABLE, "A | B\n1 | 2", ("table", "bold"), id="tables"),
    ],
)
def test_markdown_as_plain_text(markdown: str, text: str, lost: tuple[str, ...]) -> None:
    assert render_markdown(markdown, PLAIN) == Rendered(text, lost)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        pytest.param("*a*" * 30_000, "too_long", id="a long text"),
        pytest.param("> " * 50 + "x", "too_deep", id="deep quotes"),
        pytest.param("".join("  " * n + "- a\n" for n in range(40)), "too_deep", id="deep lists"),
        pytest.param(f"[a]: {'x' * 30_000}\n\n" + "[a] " * 5_000, "too_long", id="a growing text"),
        pytest.param(
            "|a" * 200 + "|\n" + "|-" * 200 + "|\n" + "|x|\n" * 200, "too_long", id="cells"
        ),
    ],
)
@pytest.mark.slow
@pytest.mark.parametrize("dialect", BOTH)
def test_text_out_of_proportion_is_taken_literally(text: str, note: str, dialect: Dialect) -> None:
    assert parse_markdown(text) == Document((Paragraph((Run(text),)),), (note,))
    assert render_markdown(text, dialect) == Rendered(text, (note,))


PIECES = ["*", "**", "_", "~~", "`", "```\n", "[", "](", ")", "![", "> ", "- ", "1. ", "\n", "\n\n"]
PIECES += [
    "|",
    "|-|\n",
    "# ",
    "a",
    " ",
    "é",
    "\ud800",
    "\0",
    "<",
    "&amp;",
    "\\",
    "[a]: b\n",
    "---\n",
]


@pytest.mark.slow
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=80).map("".join), st.text()))
def test_no_text_raises(text: str) -> None:
    for dialect in BOTH:
        assert isinstance(render_markdown(text, dialect), Rendered)


@pytest.mark.slow
@given(st.lists(st.sampled_from(["a", "b c", "**x**", "*y*", "\n", " ", "~~z~~"]), max_size=40))
def test_no_letter_is_lost(pieces: list[str]) -> None:
    text = "".join(pieces)

    for dialect in BOTH:
        shown = render_markdown(text, dialect).text
        assert [c for c in shown if c.isalpha()] == [c for c in text if c.isalpha()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "*a " * 10_000,
        ">" * 3_000,
        "![" * 10_000,
        "*a " * 9_000 + "a*" * 9_000,
        "**a " * 8_000 + "a**" * 8_000,
        "[a](" * 10_000,
        "`a" * 20_000,
        "*_~~" * 10_000,
        "|" * 30_000,
        "- " * 9_000,
        "&" * 30_000,
        "<" * 30_000,
        "_a_" * 10_000,
    ],
    ids=lambda text: text[:6],
)
def test_hostile_text_is_rendered_in_bounded_time(text: str) -> None:
    began = time.process_time()

    for dialect in BOTH:
        render_markdown(text, dialect)

    assert time.process_time() - began < 10
