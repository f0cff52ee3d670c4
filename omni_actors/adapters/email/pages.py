"""A mail's blocks as HTML: one quiet layout for every client, light and dark, narrow and wide.

Styles stand on the elements, because several clients drop style sheets; what they keep of the sheet
is for dark surroundings and narrow screens. What has a frame or room around it is the cell of a
table, because Outlook on Windows gives that to cells alone, and what it only understands itself
stands in comments for it. Nothing but pictures is loaded from anywhere.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final, assert_never

from omni_actors.adapters.email.letter import Answer, Answers, Block, Button, Panel, Picture, Words
from omni_actors.model.capabilities import Mark
from omni_actors.policy.dialects import (
    Block as TextBlock,
)
from omni_actors.policy.dialects import (
    CodeBlock,
    Heading,
    Image,
    Inline,
    Link,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Run,
    Table,
)

ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
AFTER_ADDRESS: Final = ".,;:!?…)]}»”’*_~"
SCHEMES: Final = ("http://", "https://", "mailto:", "tel:")
PICTURES: Final = ("http://", "https://", "cid:")
TAGS: Final[dict[Mark, str]] = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}

FONT: Final = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
INK: Final = "#1f2329"
MONO: Final = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:14px"
# All of a button can be pressed where the link fills its cell; Outlook fills it by the cell's own.
FRAME: Final = "border:1px solid #0b5cad;border-radius:8px;mso-padding-alt:12px 16px"
FILLS: Final = (
    "display:block;padding:12px 16px;border-radius:8px;font-weight:600;text-decoration:none"
)
STYLES: Final = {
    "p": "margin:0 0 16px",
    "soft": "margin:0 0 16px;font-size:13px;line-height:1.5;color:#5f6672",
    "h1": "margin:0 0 16px;font-size:24px;line-height:1.3;font-weight:600",
    "h2": "margin:0 0 12px;font-size:19px;line-height:1.35;font-weight:600",
    "h3": "margin:0 0 12px;font-size:16px;line-height:1.4;font-weight:600",
    "list": "margin:0 0 16px;padding:0 0 0 24px",
    "within": "margin:6px 0 0;padding:0 0 0 24px",
    "item": "margin:0 0 6px",
    "quote": "margin:0 0 16px;padding:0 0 0 14px;border-left:3px solid #d5d9df;color:#5f6672",
    "pre": f"margin:0 0 16px;padding:12px 14px;border-radius:8px;background-color:#f1f3f5;"
    f"white-space:pre-wrap;{MONO}",
    "code": f"padding:1px 4px;border-radius:4px;background-color:#f1f3f5;{MONO}",
    "rule": "margin:0 0 16px;border:0;border-top:1px solid #d5d9df",
    "a": "color:#0b5cad",
    "table": "margin:0 0 16px;border-collapse:collapse",
    "cell": "padding:6px 12px 6px 0;border-bottom:1px solid #d5d9df;text-align:start;"
    "vertical-align:top",
    "img": "display:block;max-width:100%;height:auto;border:0;border-radius:8px",
    "icon": "width:24px;height:24px;border:0;border-radius:4px;vertical-align:middle",
    "section": "margin:8px 0;font-size:13px;font-weight:600;color:#5f6672",
    "answer": "margin:0 0 10px",
    "button": f"{FRAME};background-color:#ffffff",
    "link": f"{FRAME};background-color:#0b5cad",
    "option": "padding:12px 16px;border:1px solid #d5d9df;border-radius:8px",
    "of_button": f"{FILLS};color:#0b5cad",
    "of_link": f"{FILLS};color:#ffffff;text-align:center",
    "mark": "font-weight:400",
    "described": "display:block;margin:2px 0 0;font-size:14px;font-weight:400;color:#5f6672",
    "room": "margin:0 0 16px",
    "panel": "padding:20px 20px 4px;border:1px solid #d5d9df;border-radius:12px",
}
SHEET: Final = """\
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (max-width:480px){.sheet{padding:20px 16px 4px!important}.page{padding:0!important}}
@media (prefers-color-scheme:dark){
.page{background-color:#15171b!important}
.sheet{background-color:#1e2126!important;color:#e4e7eb!important}
.soft{color:#a3abb6!important}
.line{border-color:#3b414a!important}
.fill{background-color:#2a2f36!important}
.a{color:#7ab8ff!important}
.button{background-color:#1e2126!important;border-color:#7ab8ff!important;color:#7ab8ff!important}
.link{background-color:#7ab8ff!important;border-color:#7ab8ff!important;color:#10151b!important}
}
[data-ogsc] .soft{color:#a3abb6!important}
[data-ogsc] .a,[data-ogsc] .button{color:#7ab8ff!important}
[data-ogsb] .fill{background-color:#2a2f36!important}
"""
TABLE: Final = '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">'
PAGE: Final = """\
<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no">
<title>{title}</title>
<style>
{sheet}</style>
<!--[if mso]><style>td,p,h1,h2,h3,li,a{{font-family:'Segoe UI',Arial,sans-serif}}</style>\
<![endif]-->
</head>
<body class="page" style="margin:0;padding:0;background-color:#f3f4f6">
<a name="{mark}"></a>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td class="page" align="center" style="padding:24px 12px;background-color:#f3f4f6">
<!--[if mso]><table role="presentation" width="600" align="center" cellpadding="0" \
cellspacing="0" border="0"><tr><td><![endif]-->
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="max-width:600px">
<tr><td class="sheet" dir="auto" style="padding:28px 28px 12px;border-radius:12px;\
background-color:#ffffff;color:{ink};font-family:{font};font-size:16px;line-height:1.55;\
text-align:start;overflow-wrap:anywhere">
{body}
</td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr>
</table>
</body>
</html>
"""


def page(blocks: Iterable[Block], title: str, mark: str) -> str:
    """The HTML of a mail. `mark` is a name for its beginning, by which it is found in an answer."""
    body = fragment(blocks)
    return PAGE.format(
        title=said(title), sheet=SHEET, ink=INK, font=FONT, mark=said(mark), body=body
    )


def fragment(blocks: Iterable[Block]) -> str:
    """The HTML of blocks alone."""
    return "\n".join([_block(block) for block in blocks])


def said(text: str) -> str:
    """Text that stays text, without what no document may hold."""
    kept = [c for c in text if c in "\n\t" or not (c < " " or "\x7f" <= c < "\xa0" or _odd(c))]
    return escape("".join(kept))


def _odd(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff"


def _lines(text: str) -> str:
    return said(text).replace("\n", "<br>\n")


def _running(text: str) -> Iterator[str]:
    """Text in whose lines addresses of pages lead there."""
    at = 0
    for found in ADDRESS.finditer(text):
        url = _address(found[0])
        yield _lines(text[at : found.start()])
        yield _anchor(said(url), url)
        at = found.start() + len(url)
    yield _lines(text[at:])


def _address(text: str) -> str:
    """An address without what belongs to the sentence around it."""
    url = text.rstrip(AFTER_ADDRESS)
    return f"{url})" if text.startswith(f"{url})") and "(" in url else url


def _block(block: Block) -> str:
    match block:
        case Words(document=document, soft=True):
            inner = ["".join(_running(_flat(each))) for each in document.blocks]
            return _tag("p", "<br>\n".join(inner), "soft", "soft")
        case Words(document=document):
            return _texts(document.blocks)
        case Picture():
            return _tag("p", _picture(block), "p")
        case Answers(answers=answers):
            return "\n".join([*_answers(answers)])
        case Button(title=title, url=url):
            return _box(_anchor(said(title), url, "of_link", "link"), "link", "link")
        case Panel(blocks=blocks):
            return _box(f"\n{fragment(blocks)}\n", "panel", "line", around="room")
        case _:
            assert_never(block)


def _tag(name: str, inner: str, style: str, css: str = "") -> str:
    class_ = f' class="{css}"' if css else ""
    return f'<{name}{class_} style="{STYLES[style]}">{inner}</{name}>'


def _box(inner: str, style: str, css: str, around: str = "answer") -> str:
    """What has a frame and room around it."""
    cell = f'<td class="{css}" style="{STYLES[style]}">{inner}</td>'
    return _tag("div", f"{TABLE}<tr>{cell}</tr></table>", around)


def _anchor(inner: str, url: str, style: str = "a", css: str = "a") -> str:
    """Words that lead to an address, if it is one that may be followed."""
    if not url.lower().startswith(SCHEMES):
        return f"{inner} ({said(url)})" if url else inner
    return (
        f'<a class="{css}" href="{said(url)}" style="{STYLES[style]}" '
        f'rel="noopener noreferrer">{inner}</a>'
    )


def _picture(picture: Picture) -> str:
    shown = _image(picture.src, picture.alt, "img")
    return shown if picture.url is None else _anchor(shown, picture.url)


def _image(src: str, alt: str, style: str) -> str:
    if not src.lower().startswith(PICTURES):
        return said(f"{alt} ({src})" if alt else src)
    return f'<img src="{said(src)}" alt="{said(alt)}" style="{STYLES[style]}">'


def _answers(answers: Iterable[Answer]) -> Iterable[str]:
    section: str | None = None
    for answer in answers:
        if answer.option.section != section:
            section = answer.option.section
            if section:
                yield _tag("p", said(section), "section", "soft")
        yield _answer(answer)


def _answer(answer: Answer) -> str:
    option = answer.option
    icon = f"{_image(option.image, '', 'icon')} " if option.image else ""
    mark = f'<span style="{STYLES["mark"]}">{said(answer.mark)}.</span>'
    inner = f"{icon}{mark} {said(option.title)}"
    if option.description:
        inner += _tag("span", said(option.description), "described", "soft")
    if answer.url is None:
        return _box(inner, "option", "line")
    return _box(_anchor(inner, answer.url, "of_button", "button"), "button", "button")


# ------------------------------------------------------------ running text


def _texts(blocks: Iterable[TextBlock]) -> str:
    return "\n".join([_text(block) for block in blocks])


def _text(block: TextBlock) -> str:
    match block:
        case Paragraph(content=content):
            return _tag("p", _inlines(content), "p")
        case Heading(content=content, level=level):
            name = f"h{min(level, 3)}"
            return _tag(name, _inlines(content), name)
        case CodeBlock(text=text):
            return _tag("pre", said(text), "pre", "fill")
        case Quote(blocks=blocks):
            return _tag("blockquote", f"\n{_texts(blocks)}\n", "quote", "soft line")
        case Listing():
            return _listing(block)
        case Table(rows=rows):
            return _table(rows)
        case Rule():
            return f'<hr class="line" style="{STYLES["rule"]}">'
        case _:
            assert_never(block)


def _listing(listing: Listing, style: str = "list") -> str:
    name = "ul" if listing.start is None else "ol"
    start = f' start="{listing.start}"' if listing.start not in (None, 1) else ""
    items = [_tag("li", _item(item), "item") for item in listing.items]
    inner = "\n".join(items)
    return f'<{name}{start} style="{STYLES[style]}">\n{inner}\n</{name}>'


def _item(blocks: tuple[TextBlock, ...]) -> str:
    """An item of a list: its line, and below it the lists within; or several blocks."""
    match blocks:
        case (Paragraph(content=content),):
            return _inlines(content)
        case (Paragraph(content=content), *rest) if all(isinstance(b, Listing) for b in rest):
            inner = [_listing(each, "within") for each in rest if isinstance(each, Listing)]
            return "\n".join([_inlines(content), *inner])
        case _:
            return _texts(blocks)


def _table(rows: tuple[tuple[tuple[Inline, ...], ...], ...]) -> str:
    lines = []
    for n, row in enumerate(rows):
        name = "td" if n else "th"
        cells = [_tag(name, _inlines(cell), "cell", "line") for cell in row]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    inner = "\n".join(lines)
    return f'<table style="{STYLES["table"]}">\n{inner}\n</table>'


def _inlines(content: Iterable[Inline]) -> str:
    return "".join([_inline(inline) for inline in content])


def _inline(inline: Inline, *, linked: bool = False) -> str:
    match inline:
        case Run(text=text, marks=marks):
            plain = linked or "code" in marks
            return _marked(_lines(text) if plain else "".join(_running(text)), marks)
        case Image(url=url, alt=alt):
            return _image(url, alt, "img")
        case Link(url=url, content=content, marks=marks):
            inner = "".join([_inline(each, linked=True) for each in content]) or said(url)
            return _marked(_anchor(inner, url), marks)
        case _:
            assert_never(inline)


def _marked(inner: str, marks: tuple[Mark, ...]) -> str:
    for mark in reversed(marks):
        name = TAGS[mark]
        inner = _tag(name, inner, "code", "fill") if mark == "code" else f"<{name}>{inner}</{name}>"
    return inner


def _flat(block: TextBlock) -> str:
    """The words of a small line, which has no formatting."""
    content = block.content if isinstance(block, Paragraph | Heading) else ()
    return "".join([inline.text for inline in content if isinstance(inline, Run)])
