"""Pictures made into others, each in a process of its own that is bounded in time and memory.

What a stranger sends is decoded where a bug of a decoder, or a small file that unfolds without end,
costs that process alone.
"""

import json
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import trio
from attrs import define, field, frozen

from omni_actors.media.blobs import Blob, Blobs
from omni_actors.policy.derivatives import Recipe

WORKER: Final = Path(__file__).with_name("picture_worker.py")
DEADLINE_S: Final = 20.0
CPU_S_MAX: Final = 15
MEMORY_MAX: Final = 1_200_000_000
PIXELS_MAX: Final = 50_000_000
AT_ONCE: Final = 2
TOLD_MAX: Final = 4096


@frozen
class Made:
    """A picture that fits the recipe."""

    blob: Blob
    mime: str


@frozen
class NotMade:
    """Why there is none, in a few words; `passing` where another try may go better."""

    why: str
    passing: bool = False


@define
class Pictures:
    """Who converts; so many at once, and no more."""

    blobs: Blobs
    deadline_s: float = DEADLINE_S
    memory_max: int = MEMORY_MAX
    pixels_max: int = PIXELS_MAX
    room: trio.CapacityLimiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.room = trio.CapacityLimiter(AT_ONCE)

    async def make(self, source: Blob, recipe: Recipe) -> Made | NotMade:
        """Make a picture of a blob by a recipe. Raises DiskFull, OSError.

        The bounds of the process end what is hard to convert; a deadline passes where too much else
        is going on.
        """
        with trio.move_on_after(self.deadline_s) as waiting:
            await self.room.acquire()
        if waiting.cancelled_caught:
            return NotMade("too many others are being converted", passing=True)
        try:
            return await self._within_time(source, recipe)
        finally:
            self.room.release()

    async def _within_time(self, source: Blob, recipe: Recipe) -> Made | NotMade:
        with trio.move_on_after(self.deadline_s):
            ended = await self._worked(source, recipe)
            return ended if isinstance(ended, NotMade) else await self._kept(ended, recipe)
        return NotMade(f"it takes longer than {self.deadline_s:.0f} s", passing=True)

    async def _worked(self, source: Blob, recipe: Recipe) -> "CompletedProcess[bytes] | NotMade":
        job = {
            "path": str(self.blobs.path_of(source).resolve()),
            "mimes": recipe.mimes,
            "bytes_max": recipe.bytes_max,
            "pixels_max": self.pixels_max,
            "memory_max": self.memory_max,
            "cpu_s_max": CPU_S_MAX,
        }
        try:
            return await trio.run_process(
                [sys.executable, "-I", str(WORKER), json.dumps(job)],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                env={},
            )
        except OSError as why:
            return NotMade(f"no process could be started for it ({why.strerror})", passing=True)

    async def _kept(self, ended: "CompletedProcess[bytes]", recipe: Recipe) -> Made | NotMade:
        told = last_words(ended.stderr)
        mime, body = told.get("mime"), ended.stdout
        if ended.returncode == 0 and mime in recipe.mimes and 0 < len(body) <= recipe.bytes_max:
            return Made(await self.blobs.put_bytes(body), str(mime))
        if isinstance(problem := told.get("problem"), str):
            return NotMade(problem)
        return NotMade("the conversion was ended by its bounds of time and memory")


def last_words(written: bytes) -> dict[str, Any]:
    """The last line that a worker wrote, read as JSON; nothing for what is none."""
    lines = written[-TOLD_MAX:].strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
