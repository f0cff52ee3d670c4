"""What mails look like: golden pages and texts, and what holds of any of them."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import Medium, PartToSend
from omni_actors.adapters.email.letter import written
from omni_actors.adapters.email.pages import page
from omni_actors.adapters.email.plain import plain_text
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Content,
    Coupon,
    Letter,
    Location,
    Media,
    MediaKind,
    Option,
    Text,
)
from omni_actors.policy.answers import OpenQuestion, match

MARK = "c.0123"
GOLDEN = Path(__file__).parent / "golden"
PNG = Medium("med_png", "b1", "image/png", 1000, "shop.png")
LINKS = {"tue": "https://gw.example/c/1", "fri": "https://gw.example/c/2"}
SHOP = Media(MediaKind.IMAGE, media_id="med_png")

MARKDOWN = """\
# Your visit

**Hello** *Ada*, ~~tomorrow~~ on `Friday`:
see [our page](https://shop.example/?a=1&b=2) and <script>alert(1)</script>.

1. bring
   - the receipt
   - [the card](javascript:alert(1))
2. come

> She said
> hello

| size | price |
|------|-------|
| S    | 10    |

```
a < b
```

---

![a map](https://shop.example/map.png)
"""

PAGES: dict[str, Content] = {
    "markdown": Text(MARKDOWN, "markdown"),
    "choices": Choices(
        "When does it **suit** you?",
        (
            Option("tue", "Tuesday", "in the morning", "This week"),
            Option("fri", "<Friday>", None, "This week", "https://shop.example/sun.png"),
            Option("mon", "Monday", None, "Next week"),
        ),
        "markdown",
        header="Your appointment",
        media=SHOP,
        footer="Call us at any time",
    ),
    "carousel": Carousel(
        (
            Card(
                "Boots",
                "Warm & dry",
                SHOP,
                (Action("Buy", id="tue"), Action("See", url="https://shop.example/boots")),
                "until May",
                "https://shop.example/boots",
            ),
            Card("Socks", actions=(Action("Buy", id="fri"), Action("Call", phone="+351210000000"))),
        ),
        "For you",
    ),
    "location": Location(38.7, -9.1, "Shop", "Street 1"),
    "coupon": Coupon("10 % off", code="MAY", url="https://shop.example/may", button="Redeem"),
    "files": Letter(
        Text("*See* below", "markdown"),
        (Media(MediaKind.DOCUMENT, url="https://shop.example/terms.pdf", filename="terms.pdf"),),
    ),
}


def part(content: Content, links: dict[str, str] | None = None) -> PartToSend:
    return PartToSend(
        "prt_1",
        "text",
        content,
        (),
        media={"med_png": PNG},
        links=LINKS if links is None else links,
    )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("ending", ["html", "txt"])
def test_a_mail_looks_as_it_always_has(name: str, ending: str) -> None:
    """With GOLDEN=write in the environment the files are written anew, to be looked at."""
    blocks = written(part(PAGES[name])).blocks
    made = page(blocks, "Hello & welcome", MARK) if ending == "html" else plain_text(blocks) + "\n"
    golden = GOLDEN / f"{name}.{ending}"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(made, "utf-8")

    assert made == golden.read_text("utf-8")


def test_without_links_options_are_no_buttons() -> None:
    html = page(written(part(PAGES["choices"], {})).blocks, "x", MARK)

    assert "<a class" not in html
    assert "Tuesday" in html


LINKED = {
    "at the end of a sentence": ("see https://a.example/b?c=1.", ["https://a.example/b?c=1"]),
    "in brackets": ("(see https://a.example/b)", ["https://a.example/b"]),
    "with brackets": ("https://a.example/b_(c)", ["https://a.example/b_(c)"]),
    "in bold": ("**https://a.example/b**", ["https://a.example/b"]),
    "in code": ("`https://a.example/b`", []),
    "a link already": ("[https://a.example/b](https://b.example)", ["https://b.example"]),
    "with quotes behind it": ('https://a.example/b"onx=', ["https://a.example/b"]),
    "another scheme": ("javascript://a.example/b ftp://a.example", []),
}


@pytest.mark.parametrize(("text", "addresses"), LINKED.values(), ids=LINKED.keys())
def test_an_address_in_a_text_leads_there(text: str, addresses: list[str]) -> None:
    html = page(written(part(Text(text, "markdown"))).blocks, "x", MARK)

    assert Tags(html).addresses == addresses


def test_what_is_struck_out_is_not_said_in_the_text() -> None:
    blocks = written(part(Text("~~90~~ 75 EUR", "markdown"))).blocks

    assert plain_text(blocks) == "~90~ 75 EUR"


def test_a_small_line_keeps_its_lines() -> None:
    asked = Choices("Which?", (Option("a", "A"),), footer="Shop\nhttps://shop.example")
    html = page(written(part(asked)).blocks, "x", MARK)

    assert 'Shop<br>\n<a class="a" href="https://shop.example"' in html


# ------------------------------------------------------------ what holds of any mail


class Tags(HTMLParser):
    """The elements of a page, their links, and its text."""

    VOID = ("meta", "img", "br", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


HEAD = "html head meta title style body"
BLOCKS = "table tr td th p h1 h2 h3 ul ol li blockquote pre hr div"
WITHIN = "code strong em s a img br span"
ALLOWED = frozenset(f"{HEAD} {BLOCKS} {WITHIN}".split(" "))
SAFE = re.compile(r"(https?://|mailto:|tel:|cid:)", re.IGNORECASE)
words = st.text(max_size=60)
filled = words.filter(lambda text: bool(text.strip()))
hostile = st.sampled_from(
    ["<script>x</script>", '"><img src=x onerror=x>', "</td></table>", "&lt;", "\x00\x1b[31m",
     "javascript:alert(1)", "\u202ex", "[a](javascript:x)", "![](data:text/html,x)", "{title}"]
)  # fmt: skip
anything = st.one_of(words, hostile)


@pytest.mark.slow
@given(st.lists(anything, max_size=8))
def test_markdown_adds_no_element_and_no_address_that_does_something(pieces: list[str]) -> None:
    found = Tags(
        page(written(part(Text("\n".join(pieces), "markdown"))).blocks, "".join(pieces), MARK)
    )

    assert not found.open
    assert found.names <= ALLOWED
    assert all(SAFE.match(address) for address in found.addresses)


option = st.builds(
    Option, filled, st.one_of(filled, hostile), st.none() | anything, st.none() | filled,
    st.none() | hostile,
)  # fmt: skip
questions = st.builds(
    Choices,
    st.one_of(filled, hostile),
    st.lists(option, min_size=1, max_size=12, unique_by=lambda each: each.id).map(tuple),
    st.sampled_from(["plain", "markdown"]),
    header=st.none() | anything,
    footer=st.none() | anything,
)


@pytest.mark.slow
@given(questions)
def test_every_option_is_a_button_with_its_own_link(asked: Choices) -> None:
    links = {each.id: f"https://gw.example/c/{n}" for n, each in enumerate(asked.options)}

    found = Tags(page(written(part(asked, links)).blocks, "x", MARK))

    assert not found.open
    assert found.names <= ALLOWED
    ours = [each for each in found.addresses if each.startswith("https://gw.example/c/")]
    assert [*dict.fromkeys(ours)] == [*links.values()]


@pytest.mark.slow
@given(st.integers(1, 30), st.data())
def test_every_option_is_answered_by_its_mark_in_the_text(count: int, data: st.DataObject) -> None:
    titles = data.draw(st.lists(st.text("abcdefgh ", min_size=3, max_size=9).map(str.strip).filter(
        lambda t: len(t) > 2), min_size=count, max_size=count))  # fmt: skip
    options = tuple([Option(f"id{n}", title) for n, title in enumerate(titles)])
    text = plain_text(written(part(Choices("Which?", options))).blocks)
    question = OpenQuestion("msg_1", options, numbered=True)

    marks = re.findall(r"^(\w+)\. ", text, re.MULTILINE)
    answers = [match(Text(mark), None, [question]) for mark in marks]

    assert [answer and answer.option.id for answer in answers] == [each.id for each in options]


@pytest.mark.slow
def test_a_text_of_any_size_takes_its_time_only_once() -> None:
    text = "**bold** [link](https://a.example) `code`\n\n" * 1500

    assert len(page(written(part(Text(text, "markdown"))).blocks, "x", MARK)) > len(text)
