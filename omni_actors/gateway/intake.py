"""Receiving: bytes that arrived become authenticated, parsed and stored, and somebody is woken.

What is answered 200 has been committed. Nothing after a valid signature is ever answered with
anything else but 503, when the commit itself failed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from json import dumps
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter, ThreadRead, Undecodable
from omni_actors.gateway.hooks import Hook
from omni_actors.media.blobs import Blobs, DiskFull
from omni_actors.model.content import Card, Carousel, Content, Email, Media
from omni_actors.model.ids import INTAKE, MEDIUM, Ids
from omni_actors.model.reports import (
    Acted,
    ChannelName,
    ChannelReported,
    Echoed,
    Reacted,
    Received,
    Report,
    StatusReported,
    TemplateReported,
    Unsupported,
    WatermarkReported,
)
from omni_actors.policy import retry, standing, status, window
from omni_actors.policy.moments import believable
from omni_actors.store.contract import Store, StoreFailed
from omni_actors.store.verbs import Accept, Accepted, Intake, Item, Resend

INLINE_BYTES_MAX = 64 * 1024
PARSED_BYTES_MAX = 4 * 1024 * 1024
BODY_BYTES_MAX = 16 * 1024 * 1024
NAMES_MAX = 10_000
ITEMS_MAX = 500

News = TypeVar("News", bound=ChannelReported | TemplateReported | Unsupported)


@frozen
class Told:
    """What a body tells: its items, the names of its channels that were not heard before, and what
    is wrong with it."""

    items: tuple[Item, ...] = ()
    problem: str | None = None
    platform: str = ""
    names: tuple[ChannelName, ...] = ()


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
    heard: set[tuple[str, ChannelName]] = field(factory=set)

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

    async def keep(self, hook: Hook, raw: bytes) -> None:
        """Store an authenticated body with what it tells, and wake whom it concerns."""
        told = self.read(hook, raw)
        await self.take(await self.intake(hook.id, raw, told.problem), told)

    async def keep_again(self, hook: Hook, intake: Intake, raw: bytes) -> bool:
        """Read a stored intake once more; it keeps its id, and its problem only if that is left.

        Answers whether it is understood now.
        """
        told = self.read(hook, raw)
        await self.take(evolve(intake, received_at=self.now(), problem=told.problem), told)
        return told.problem is None

    async def keep_history(
        self, adapter: Adapter[Any, Any], channel_id: str, read: ThreadRead
    ) -> int:
        """Store what was read of an old conversation; how many messages of it were not here.

        Its intake names the messages only: what they say must stand nowhere else, since whoever
        takes one back wants it gone.
        """
        items = tuple([self.item(adapter, report) for report in read.reports])
        named = dumps([report.external_id for report in read.reports]).encode()
        intake = await self.intake(f"history:{channel_id}", named, None)
        return await self.take(intake, Told(items, None, adapter.platform))

    async def take(self, intake: Intake, told: Told) -> int:
        """Store an intake with what it tells, and wake whom it concerns; how many old messages of
        it were not here.

        An intake of which a bug of ours cannot store something is kept as a dead letter; what else
        it tells takes effect. A platform that was told 503 would send the same again and again, and
        never anything else.
        """
        synced = 0
        for items in pages(told.items):
            synced += await self.take_page(intake, told, items)
        self.hear(told)
        return synced

    async def take_page(self, intake: Intake, told: Told, items: tuple[Item, ...]) -> int:
        """Store these items together; one by one where a bug of ours does not let them."""
        stored = await self.store_all(intake, told, items)
        if isinstance(stored, Accepted):
            return stored.synced
        alone = [
            await self.store_all(intake, told, (item,)) for item in (items if items[1:] else ())
        ]
        self.taken(await self.store.do(Accept(evolve(intake, problem=f"a bug of ours: {stored}"))))
        return sum(each.synced for each in alone if isinstance(each, Accepted))

    async def store_all(
        self, intake: Intake, told: Told, items: tuple[Item, ...]
    ) -> Accepted | str:
        """Store these items, or none of them: then it answers where our bug is."""
        try:
            whole = len(items) == len(told.items)
            verb = Accept(intake, items, platform=told.platform, names=told.names, whole=whole)
            accepted = await self.store.do(verb)
            self.taken(accepted)
        except StoreFailed:
            raise
        except Exception as bug:  # noqa: BLE001 - one report must not stop all that follow it
            telemetry.error(
                "intake.bug", intake_id=intake.id, hook=intake.hook, error=telemetry.place_of(bug)
            )
            return telemetry.place_of(bug)
        return accepted

    def taken(self, accepted: Accepted) -> None:
        """Count what was stored, and wake whom it concerns."""
        for outcome in ("new", "known", "unclaimed", "parked"):
            if amount := getattr(accepted, outcome):
                telemetry.of(telemetry.REPORTS, outcome).inc(amount)
        self.wake(accepted)

    def hear(self, told: Told) -> None:
        """These names are stored, and need not be told again."""
        if len(self.heard) > NAMES_MAX:
            self.heard.clear()
        self.heard.update([(told.platform, name) for name in told.names])

    async def intake(self, hook_id: str, raw: bytes, problem: str | None) -> Intake:
        """The row of the raw bytes; large ones go to a blob first."""
        intake_id, at, size = self.ids(INTAKE), self.now(), len(raw)
        if size <= INLINE_BYTES_MAX:
            return Intake(intake_id, hook_id, at, size, body=raw, problem=problem)
        blob = await self.blobs.put_bytes(raw)
        return Intake(intake_id, hook_id, at, size, blob=blob.sha256, problem=problem)

    def read(self, hook: Hook, raw: bytes) -> Told:
        """What a body tells, or why it tells nothing."""
        if len(raw) > PARSED_BYTES_MAX:
            size = f"body of {len(raw)} bytes, more than {PARSED_BYTES_MAX} are not parsed"
            return Told(problem=size)
        try:
            document = hook.kind.decode(raw)
        except Undecodable as problem:
            return Told(problem=str(problem))
        platform = hook.kind.dispatch(document)
        if platform is None or platform not in self.adapters:
            return Told(problem="the document names no platform that is served here")
        adapter = self.adapters[platform]
        try:
            items = tuple([self.item(adapter, report) for report in adapter.parse(document)])
            return Told(items, None, platform, self.unheard(adapter, document))
        except Exception as bug:  # noqa: BLE001 - a bug of ours must not make a platform repeat itself
            telemetry.error("intake.bug", hook=hook.id, error=telemetry.place_of(bug))
            return Told(problem=f"a bug of ours: {telemetry.place_of(bug)}")

    def unheard(self, adapter: Adapter[Any, Any], document: Any) -> tuple[ChannelName, ...]:
        """The names of channels in a document that were not stored since the start."""
        if adapter.names is None:
            return ()
        named = dict.fromkeys(adapter.names(document))
        return tuple([n for n in named if (adapter.platform, n) not in self.heard])

    def resend(self, report: StatusReported) -> Resend | None:
        """Whether a failure that is reported need not be the end of its part.

        That one member of a group has not got it never is.
        """
        failure = report.failure if report.participant is None else None
        tries = retry.tries_when_reported(failure)
        if failure is None or not tries:
            return None
        return Resend(tries, retry.resend_at(failure, self.now()))

    def dated(self, report: News) -> News:
        """News that name no time are from now."""
        return report if report.at else evolve(report, at=self.now())

    def item(self, adapter: Adapter[Any, Any], report: Report) -> Item:
        """A report with what the house decides about it before it is stored."""
        at = believable(report.at, self.now())
        if at != report.at:
            report = evolve(report, at=at)
        match report:
            case Received() | Echoed():
                media_ids = tuple([self.ids(MEDIUM) for _ in report.media])
                named = report
                if media_ids:
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
            case Reacted() | Acted():
                until = window.opened_until(report, adapter.capabilities)
                return Item(adapter.platform, report, window_until=until)
            case StatusReported():
                rank = status.rank(report.status)
                return Item(adapter.platform, report, rank=rank, resend=self.resend(report))
            case WatermarkReported():
                return Item(adapter.platform, report, rank=status.rank(report.status))
            case ChannelReported():
                dated = self.dated(report)
                return Item(adapter.platform, dated, standings=standing.standings_of(dated))
            case TemplateReported() | Unsupported():
                return Item(adapter.platform, self.dated(report))
            case _:
                return Item(adapter.platform, report)


def pages(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    """The items in transactions of bearable length; an intake without any has one too.

    A history of thousands of messages must not hold up everybody else. If not all of its
    transactions are committed, the platform sends it again, and what is known is known.
    """
    for first in range(0, max(1, len(items)), ITEMS_MAX):
        yield items[first : first + ITEMS_MAX]


def with_media(content: Content, media_ids: Sequence[str]) -> Content:
    """Content that names its media by our ids instead of leaving them open."""
    if not media_ids:
        return content
    match content:
        case Media():
            return evolve(content, media_id=media_ids[0])
        case Card(media=Media() as medium):
            return evolve(content, media=evolve(medium, media_id=media_ids[0]))
        case Carousel():
            left = list(media_ids)
            return evolve(
                content, cards=tuple([_with_medium(card, left) for card in content.cards])
            )
        case Email(attachments=files):
            named = [evolve(file, media_id=id) for file, id in zip(files, media_ids, strict=True)]
            return evolve(content, attachments=tuple(named))
        case _:
            return content


def _with_medium(card: Card, left: list[str]) -> Card:
    """A card that names its medium, if it has one, by the first of the ids that are left."""
    if card.media is None:
        return card
    return evolve(card, media=evolve(card.media, media_id=left.pop(0)))


def counted(hook: str, outcome: str, code: int) -> int:
    """The status, counted."""
    telemetry.of(telemetry.INTAKES, hook, outcome).inc()
    return code
