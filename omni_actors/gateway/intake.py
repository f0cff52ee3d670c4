"""Receiving: bytes that arrived become authenticated, parsed and stored, and somebody is woken.

What is answered 200 has been committed. Nothing after a valid signature is ever answered with
anything else but 503, when the commit itself failed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter, Undecodable
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.sender import where
from omni_actors.media.blobs import Blobs, DiskFull
from omni_actors.model.content import Card, Content, Media
from omni_actors.model.ids import INTAKE, MEDIUM, Ids
from omni_actors.model.reports import (
    Echoed,
    Received,
    Report,
    StatusReported,
    WatermarkReported,
)
from omni_actors.policy import status, window
from omni_actors.store.contract import Store, StoreFailed
from omni_actors.store.verbs import Accept, Accepted, Intake, Item

INLINE_BYTES_MAX = 64 * 1024
PARSED_BYTES_MAX = 4 * 1024 * 1024
BODY_BYTES_MAX = 16 * 1024 * 1024


@frozen
class Receiver:
    """Takes in what the platforms send, whatever server it came through."""

    hooks: Callable[[], Mapping[str, Hook]]
    adapters: Mapping[str, Adapter[Any, Any]]
    store: Store
    blobs: Blobs
    ids: Ids
    now: Callable[[], float]
    low_on_disk: Callable[[], bool]
    wake: Callable[[Accepted], None]

    async def receive(self, hook_id: str, headers: Mapping[str, str], raw: bytes) -> int:
        """Keep one request of a platform; the answer is its HTTP status."""
        hook = self.hooks().get(hook_id)
        if hook is None:
            return counted("unknown", "unknown_hook", 404)
        if not hook.authenticates(headers, raw):
            telemetry.warning("intake.bad_signature", hook=hook_id, bytes=len(raw))
            return counted(hook_id, "bad_signature", 403)
        if self.low_on_disk():
            return counted(hook_id, "low_on_disk", 503)
        try:
            await self.keep(hook, raw)
        except StoreFailed:
            return counted(hook_id, "store_failed", 503)
        except (DiskFull, OSError) as problem:
            telemetry.error("intake.no_blob", hook=hook_id, error=type(problem).__name__)
            return counted(hook_id, "no_blob", 503)
        return counted(hook_id, "accepted", 200)

    async def keep(self, hook: Hook, raw: bytes) -> Accepted:
        """Store an authenticated body with what it tells, and wake whom it concerns."""
        items, problem = self.read(hook, raw)
        return await self.take(await self.intake(hook.id, raw, problem), items)

    async def keep_again(self, hook: Hook, intake: Intake, raw: bytes) -> Accepted:
        """Read a stored intake once more; it keeps its id, and its problem only if that is left."""
        items, problem = self.read(hook, raw)
        return await self.take(evolve(intake, received_at=self.now(), problem=problem), items)

    async def take(self, intake: Intake, items: tuple[Item, ...]) -> Accepted:
        """Store an intake with what it tells, and wake whom it concerns."""
        accepted = await self.store_or_bury(intake, items)
        for outcome in ("new", "known", "unclaimed", "parked"):
            if amount := getattr(accepted, outcome):
                telemetry.REPORTS.labels(outcome).inc(amount)
        self.wake(accepted)
        return accepted

    async def store_or_bury(self, intake: Intake, items: tuple[Item, ...]) -> Accepted:
        """Store what an intake tells. What a bug of ours cannot store is kept as a dead letter.

        A platform that was told 503 would send the same again and again, and never anything else.
        """
        try:
            return await self.store.do(Accept(intake, items))
        except StoreFailed:
            raise
        except Exception as bug:  # noqa: BLE001 - one report must not stop all that follow it
            telemetry.error("intake.bug", intake_id=intake.id, hook=intake.hook, error=where(bug))
            problem = f"a bug of ours: {where(bug)}"
            return await self.store.do(Accept(evolve(intake, problem=problem)))

    async def intake(self, hook_id: str, raw: bytes, problem: str | None) -> Intake:
        """The row of the raw bytes; large ones go to a blob first."""
        intake_id, at, size = self.ids(INTAKE), self.now(), len(raw)
        if size <= INLINE_BYTES_MAX:
            return Intake(intake_id, hook_id, at, size, body=raw, problem=problem)
        blob = await self.blobs.put_bytes(raw)
        return Intake(intake_id, hook_id, at, size, blob=blob.sha256, problem=problem)

    def read(self, hook: Hook, raw: bytes) -> tuple[tuple[Item, ...], str | None]:
        """The items of a body, or why it has none."""
        if len(raw) > PARSED_BYTES_MAX:
            return (), f"body of {len(raw)} bytes, more than {PARSED_BYTES_MAX} are not parsed"
        try:
            document = hook.kind.decode(raw)
        except Undecodable as problem:
            return (), str(problem)
        platform = hook.kind.dispatch(document)
        if platform is None or platform not in self.adapters:
            return (), "the document names no platform that is served here"
        adapter = self.adapters[platform]
        try:
            return tuple([self.item(adapter, report) for report in adapter.parse(document)]), None
        except Exception as bug:  # noqa: BLE001 - a bug of ours must not make a platform repeat itself
            telemetry.error("intake.bug", hook=hook.id, error=where(bug))
            return (), f"a bug of ours: {where(bug)}"

    def item(self, adapter: Adapter[Any, Any], report: Report) -> Item:
        """A report with what the house decides about it before it is stored."""
        match report:
            case Received() | Echoed():
                media_ids = tuple([self.ids(MEDIUM) for _ in report.media])
                named = evolve(report, content=with_media(report.content, media_ids))
                if isinstance(report, Echoed):
                    return Item(adapter.platform, named, media_ids=media_ids)
                until = window.opened_until(report, adapter.capabilities)
                return Item(
                    adapter.platform,
                    named,
                    window_until=until,
                    media_ids=media_ids,
                    entry=window.entry_of(report, adapter.capabilities),
                )
            case StatusReported() | WatermarkReported():
                return Item(adapter.platform, report, rank=status.rank(report.status))
            case _:
                return Item(adapter.platform, report)


def with_media(content: Content, media_ids: Sequence[str]) -> Content:
    """Content that names its media by our ids instead of leaving them open."""
    if not media_ids:
        return content
    match content:
        case Media():
            return evolve(content, media_id=media_ids[0])
        case Card(media=Media() as medium):
            return evolve(content, media=evolve(medium, media_id=media_ids[0]))
        case _:
            return content


def counted(hook: str, outcome: str, code: int) -> int:
    """The status, counted."""
    telemetry.INTAKES.labels(hook, outcome).inc()
    return code
