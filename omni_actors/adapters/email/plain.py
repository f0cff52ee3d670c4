"""A mail's blocks as plain text, whole: nothing that the HTML says is missing."""

from typing import assert_never

from omni_actors.adapters.email.letter import Answer, Answers, Block, Button, Panel, Picture, Words
from omni_actors.model.capabilities import Dialect
from omni_actors.policy.dialects import render
from omni_actors.policy.flattening import described

DIALECT = Dialect("mail", {"strike": "~"}, quotes_nest=True)  # else it would be said after all
RULE = "-" * 20


def plain_text(blocks: tuple[Block, ...]) -> str:
    """The text of blocks, with an empty line between two of them."""
    pieces: list[str] = []
    before: Block | None = None
    for block in blocks:
        text = _block(block)
        if text and not repeated(block, before):
            close = isinstance(block, Answers | Button) and isinstance(before, Answers | Button)
            pieces += ["\n" if close else "\n\n"] if pieces else []
            pieces.append(text)
            before = block
    return "".join(pieces)


def repeated(block: Block, before: Block | None) -> bool:
    """Whether a text only says once more what stood for the picture above it."""
    return (
        isinstance(before, Picture)
        and isinstance(block, Words)
        and render(block.document, DIALECT).text == before.alt
    )


def _block(block: Block) -> str:
    match block:
        case Words(document=document):
            return render(document, DIALECT).text
        case Picture(alt=alt):
            return alt
        case Answers(answers=answers):
            return "\n".join(_answers(answers))
        case Button(title=title, url=url):
            return f"{title}: {url.removeprefix('tel:')}"
        case Panel(blocks=blocks):
            return f"{RULE}\n{plain_text(blocks)}"
        case _:
            assert_never(block)


def _answers(answers: tuple[Answer, ...]) -> list[str]:
    lines: list[str] = []
    section: str | None = None
    for answer in answers:
        if answer.option.section != section:
            section = answer.option.section
            lines += [""] if lines else []
            lines += [section] if section else []
        lines.append(f"{answer.mark}. {described(answer.option)}")
    return lines
