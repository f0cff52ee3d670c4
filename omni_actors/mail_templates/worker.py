"""Checks or renders templates of mails, in a process of its own: a job as JSON on standard input,
what came of it as JSON on standard output.

Templates are programs, and a line of one can ask for all memory or never end; that ends this
process alone. It imports nothing of ours, so that it starts fast and holds little.
"""

import json
import re
import resource
import sys
from collections.abc import Iterator
from typing import Any

import css_inline
import mrml
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

SUBJECT_MAX = 998
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
TEXT_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
UNKNOWN_ELEMENT = re.compile(r"<mj[a-z-]*")
BLANK_LINES = re.compile(r"\n{3,}")

WRITTEN = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
MARKUP = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
INLINERS = {
    False: css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False),
    # Rules that only some clients read stand beside those at work, as MJML has them.
    True: css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False),
}


class Problem(Exception):
    """What is wrong with a piece of a template; for its author."""

    def __init__(self, piece: str, why: str) -> None:
        super().__init__(f"{piece}: {why}")
        self.piece = piece
        self.why = why


def bound(job: dict[str, Any]) -> None:
    """Let the system end this process before it holds or takes too much."""
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_max"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_s_max"],) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def pieces_of(template: dict[str, Any]) -> Iterator[tuple[str, str, ImmutableSandboxedEnvironment]]:
    """The sources of a template with their names, and how each is read."""
    yield "subject", template["subject"], WRITTEN
    yield "text", template["text"], WRITTEN
    if template["html"] is not None:
        yield "html", template["html"], MARKUP


def compiled(piece: str, source: str, how: ImmutableSandboxedEnvironment) -> Template:
    """A piece, ready to be rendered. Raises Problem."""
    try:
        return how.from_string(source)
    except TemplateSyntaxError as wrong:
        raise Problem(piece, f"line {wrong.lineno}: {wrong.message}") from None
    except (TemplateError, RecursionError, ArithmeticError, SyntaxError) as wrong:
        raise Problem(piece, f"it cannot be read: {spelled(wrong)}") from None


def rendered(template: dict[str, Any], values: dict[str, Any], most: int) -> dict[str, Any]:
    """Subject, text and HTML. Raises Problem."""
    made: dict[str, Any] = {"html": None}
    for piece, source, how in pieces_of(template):
        ready = compiled(piece, source, how)
        try:
            made[piece] = ready.render(values)
        except MemoryError:
            raise
        except Exception as wrong:  # noqa: BLE001 - a template may raise whatever Python can
            raise Problem(piece, f"line {line_of(wrong)}: {spelled(wrong)}") from None
        bounded(piece, made[piece], most)
    made["subject"] = " ".join(CONTROLS.sub(" ", made["subject"]).split())
    made["text"] = BLANK_LINES.sub("\n\n", TEXT_CONTROLS.sub("", made["text"])).strip() + "\n"
    if made["html"] is not None:
        made["html"] = inlined(made["html"], mjml=template["mjml"])
        bounded("html", made["html"], most)  # each style stands on many elements now
    for piece in ("subject", "text"):
        if not made[piece].strip():
            raise Problem(piece, "there is nothing in it")
    if len(made["subject"]) > SUBJECT_MAX:
        raise Problem("subject", f"it would have more than {SUBJECT_MAX} characters")
    return made


def bounded(piece: str, text: str, most: int) -> None:
    """Raise Problem for more than a mail may hold."""
    if len(text) > most:
        raise Problem(piece, f"it would have {len(text)} characters, {most} allowed")


def inlined(html: str, *, mjml: bool) -> str:
    """HTML with its styles on the elements; what depends on the screen stays in the sheet."""
    try:
        return INLINERS[mjml].inline(html)
    except css_inline.InlineError as wrong:
        raise Problem("html", f"its styles cannot be put in place: {wrong}") from None


def line_of(wrong: BaseException) -> int:
    """The line of a template at which rendering failed."""
    trace, line = wrong.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def spelled(wrong: BaseException) -> str:
    """What an exception says."""
    return str(wrong)[:300] or type(wrong).__name__


def checked(template: dict[str, Any], most: int) -> dict[str, Any]:
    """The template's HTML as it is rendered from, and all that is wrong with it."""
    template = dict(template)
    problems: list[Problem] = []
    if template["mjml"]:
        try:
            template["html"] = page_of(template["html"])
        except Problem as problem:
            return {"html": None, "problems": [(problem.piece, problem.why)]}
    for piece, source, how in pieces_of(template):
        try:
            compiled(piece, source, how)
            problems += undeclared(piece, source, how, template["variables"])
        except Problem as problem:
            problems.append(problem)
    if not problems and template["values"] is not None:
        try:
            rendered(template, template["values"], most)
        except Problem as problem:
            why = f"with its examples and defaults: {problem.why}"
            problems.append(Problem(problem.piece, why))
    return {"html": template["html"], "problems": [(each.piece, each.why) for each in problems]}


def page_of(source: str) -> str:
    """MJML as HTML, whose variables stay what they are, so that no value can add an element."""
    try:
        made = mrml.to_html(source, None, mrml.RenderOptions(fonts={}))
    except Exception as wrong:  # noqa: BLE001 - the library raises what it likes
        raise Problem("html", f"it is not MJML: {spelled(wrong)}") from None
    if unknown := UNKNOWN_ELEMENT.search(made.content):
        raise Problem("html", f"MJML has no element {unknown[0]}>")
    return made.content


def undeclared(
    piece: str, source: str, how: ImmutableSandboxedEnvironment, known: list[str]
) -> Iterator[Problem]:
    """What a piece uses and the template does not have: variables, and other templates."""
    tree = how.parse(source)
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        yield Problem(piece, f"line {node.lineno}: a template cannot use another one")
    names = meta.find_undeclared_variables(tree)
    for name in sorted(names - {*known, *how.globals}):
        yield Problem(piece, f"{name} is not among the template's variables")


def done(job: dict[str, Any]) -> dict[str, Any]:
    """What a job asks for."""
    most = job["chars_max"]
    if job["do"] == "check":
        return {"checked": [checked(each, most) for each in job["templates"]]}
    try:
        return {"rendered": rendered(job["template"], job["values"], most)}
    except Problem as problem:
        return {"piece": problem.piece, "why": problem.why}


def main() -> int:
    """Do one job; the exit code is 0 unless a bound was met."""
    job = json.load(sys.stdin)
    bound(job)
    try:
        answer = json.dumps(done(job))
    except MemoryError:
        answer = json.dumps({"piece": "", "why": "it needs too much memory"})
    sys.stdout.write(answer)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
