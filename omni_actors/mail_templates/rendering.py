"""Templates handed to a process of their own, which is bounded in time and memory."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import trio
from attrs import define, evolve, field, frozen

from omni_actors.model.json import Json
from omni_actors.model.mail_templates import MailTemplate
from omni_actors.policy.mail_templates import filled

WORKER: Final = Path(__file__).with_name("worker.py")
COMMAND: Final = (sys.executable, "-I", str(WORKER))
DEADLINE_S: Final = 10.0
CPU_S_MAX: Final = 5
MEMORY_MAX: Final = 512_000_000
CHARS_MAX: Final = 512 * 1024
CHECK_DEADLINE_S: Final = 30.0
AT_ONCE: Final = 2
BOUNDS_MET: Final = "its rendering was ended by its bounds of time and memory"


@frozen
class Rendered:
    """A mail made of a template."""

    subject: str
    text: str
    html: str | None


@frozen
class NotRendered:
    """Why there is none; `passing` where another try may go better."""

    why: str
    passing: bool = False


@define
class Renderer:
    """Who renders; so many at once, and no more."""

    deadline_s: float = DEADLINE_S
    cpu_s_max: int = CPU_S_MAX
    memory_max: int = MEMORY_MAX
    chars_max: int = CHARS_MAX
    room: trio.CapacityLimiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.room = trio.CapacityLimiter(AT_ONCE)

    async def render(
        self, template: MailTemplate, values: Mapping[str, Json]
    ) -> Rendered | NotRendered:
        """A template with these values, one for each of its variables."""
        job = {
            "do": "render",
            "template": spelled(template),
            "values": dict(values),
            "memory_max": self.memory_max,
            "cpu_s_max": self.cpu_s_max,
            "chars_max": self.chars_max,
        }
        with trio.move_on_after(self.deadline_s) as waiting:
            await self.room.acquire()
        if waiting.cancelled_caught:
            return NotRendered("too many others are being rendered", passing=True)
        try:
            return await self._within_time(json.dumps(job).encode())
        finally:
            self.room.release()

    async def _within_time(self, job: bytes) -> Rendered | NotRendered:
        with trio.move_on_after(self.deadline_s):
            try:
                ended = await trio.run_process(
                    COMMAND,
                    stdin=job,
                    capture_stdout=True,
                    capture_stderr=True,
                    check=False,
                    env={},
                )
            except OSError as why:
                told = f"no process could be started for it ({why.strerror})"
                return NotRendered(told, passing=True)
            return result_of(answer_in(ended.stdout) if ended.returncode == 0 else {})
        return NotRendered(f"it takes longer than {self.deadline_s:.0f} s", passing=True)


def result_of(answer: Mapping[str, Any]) -> Rendered | NotRendered:
    """What a process made of a template."""
    made = answer.get("rendered")
    if isinstance(made, dict):
        return Rendered(made["subject"], made["text"], made["html"])
    if "why" not in answer:
        return NotRendered(BOUNDS_MET)
    piece, why = answer["piece"], answer["why"]
    return NotRendered(f"{piece}: {why}" if piece else why)


def answer_in(written: bytes) -> dict[str, Any]:
    """What a process wrote, read as JSON; nothing for what is none."""
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def spelled(template: MailTemplate) -> dict[str, Any]:
    """A template in the words of the process."""
    names = ("subject", "text", "html", "mjml")
    return {name: getattr(template, name) for name in names}


# ------------------------------------------------------------ checking, where there is no run loop


@frozen
class Checked:
    """A template ready to be rendered, and what is wrong with it: the piece, and why."""

    template: MailTemplate
    problems: tuple[tuple[str, str], ...]


def check(templates: Sequence[MailTemplate], deadline_s: float = CHECK_DEADLINE_S) -> list[Checked]:
    """All templates read through and tried with their examples, in one process. It blocks."""
    if not templates:
        return []
    job = {
        "do": "check",
        "templates": [to_check(each) for each in templates],
        "memory_max": MEMORY_MAX,
        "cpu_s_max": int(deadline_s),
        "chars_max": CHARS_MAX,
    }
    found = _checked(json.dumps(job).encode(), deadline_s)
    if found is None and len(templates) > 1:  # one of them takes too much: which?
        return [one for each in templates for one in check([each], CPU_S_MAX)]
    if found is None:
        return [Checked(templates[0], (("", BOUNDS_MET),))]
    return [
        Checked(
            evolve(template, html=told["html"]), tuple([(p, why) for p, why in told["problems"]])
        )
        for template, told in zip(templates, found, strict=True)
    ]


def _checked(job: bytes, deadline_s: float) -> list[dict[str, Any]] | None:
    try:
        ended = subprocess.run(
            COMMAND, input=job, capture_output=True, check=False, env={}, timeout=deadline_s
        )
    except subprocess.TimeoutExpired:
        return None
    return answer_in(ended.stdout).get("checked") if ended.returncode == 0 else None


def to_check(template: MailTemplate) -> dict[str, Any]:
    """The same, with values to try it with where all can be made up from what it declares."""
    values = filled(template, {}, examples=True)
    lacking = any(each.required and values[each.name] is None for each in template.variables)
    names = [each.name for each in template.variables]
    return {**spelled(template), "variables": names, "values": None if lacking else values}
