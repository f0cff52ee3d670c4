"""Receiving: bytes that arrived become authenticated, parsed and stored, and somebody is woken.

Bodies of hooks for mails lie in blobs, and are parsed in a few threads. What is answered 200 has
been committed. Nothing after a valid signature is ever answered with anything else but 503, when
the commit itself failed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import dumps
from typing import Any, TypeVar

import trio
from attrs import evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter, ThreadRead, Undecodable
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.tokens import Tokens
from omni_actors.media.blobs import Blobs, DiskFull
from omni_actors.model.content import Card, Carousel, Content, Email, Media
from omni_actors.model.ids import INTAKE, MEDIUM, Ids
from omni_actors.model.json import Json
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
from omni_actors.store.mail import MailState, MailTaken
from omni_actors.store.verbs import Accept, Accepted, Intake, Item, Resend

INLINE_BYTES_MAX = 64 * 1024
PARSED_BYTES_MAX = 4 * 1024 * 1024
BODY_BYTES_MAX = 16 * 1024 * 1024
NAMES_MAX = 10_000
THREADS_MAX = 2
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
class Parsed:
    """What an adapter made of a body, or what is wrong with it; all names of its channels."""

    reports: tuple[Report, ...] = ()
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
    tokens: Tokens
    threads: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(THREADS_MAX))
    heard: set[tuple[str, ChannelName]] = field(factory=set)

    async def receive(self, hook_id: str, headers: Mapping[str, str], raw: bytes) -> int:
        """Keep one request of a platform; the answer is its HTTP status."""
        hook = self.hooks().get(hook_id)
        if hook is None:
            return counted("unknown", "unknown_hook", 404)
        if not hook.authenticates(headers, raw, self.now()):
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

    def body_max(self, hook_id: str) -> int:
        """How many bytes a hook takes at most."""
        hook = self.hooks().get(hook_id)
        return BODY_BYTES_MAX if hook is None else hook.kind.body_max or BODY_BYTES_MAX

    async def keep(self, hook: Hook, raw: bytes) -> None:
        """Store an authenticated body with what it tells, and wake whom it concerns."""
        told = await self.read(hook, raw)
        inline_max = 0 if hook.kind.body_max else INLINE_BYTES_MAX
        await self.take(await self.intake(hook.id, raw, told.problem, inline_max), told)

    async def keep_again(self, hook: Hook, intake: Intake, raw: bytes) -> bool:
        """Read a stored intake once more; it keeps its id, and its problem only if that is left.

        Answers whether it is understood now.
        """
        return await self.take_again(intake, await self.read(hook, raw, intake.received_at))

    async def take_again(self, intake: Intake, told: Told) -> bool:
        """Store once more what is stored, as it is read now; whether it is understood."""
        await self.take(evolve(intake, received_at=self.now(), problem=told.problem), told)
        return told.problem is None

    async def keep_history(
        self, adapter: Adapter[Any, Any], channel_id: str, read: ThreadRead
    ) -> int:
        """Store what was read of an old conversation; how many messages of it were not here.

        Its intake names the messages only: what they say must stand nowhere else, since whoever
        takes one back wants it gone.
        """
        named: Json = [report.external_id for report in read.reports]
        return await self.keep_told(adapter, f"history:{channel_id}", named, read.reports)

    async def keep_told(
        self, adapter: Adapter[Any, Any], source: str, named: Json, reports: Sequence[Report]
    ) -> int:
        """Store reports that no hook brought; `named` says in the intake what they are about. How
        many old messages of them were not here."""
        items = self.items(adapter, reports)
        intake = await self.intake(source, dumps(named).encode(), None)
        return await self.take(intake, Told(items, None, adapter.platform))

    async def take(self, intake: Intake, told: Told, mail: MailTaken | None = None) -> int:
        """Store an intake with what it tells, and wake whom it concerns; how many old messages of
        it were not here. `mail` is where it was read, if it was read from a mailbox.

        An intake of which a bug of ours cannot store something is kept as a dead letter; what else
        it tells takes effect. A platform that was told 503 would send the same again and again, and
        never anything else.
        """
        synced = 0
        whole = list(pages(told.items))
        for number, items in enumerate(whole, 1):
            read = mail if number == len(whole) else None
            synced += await self.take_page(intake, told, items, read)
        self.hear(told)
        return synced

    async def take_page(
        self, intake: Intake, told: Told, items: tuple[Item, ...], mail: MailTaken | None
    ) -> int:
        """Store these items together; one by one where a bug of ours does not let them."""
        stored = await self.store_all(intake, told, items, mail)
        if isinstance(stored, Accepted):
            return stored.synced
        alone = [
            await self.store_all(intake, told, (item,)) for item in (items if items[1:] else ())
        ]
        problem = f"a bug of ours: {stored}"
        if mail is not None:
            mail = evolve(mail, state=MailState.QUARANTINED, error=problem)
        self.taken(await self.store.do(Accept(evolve(intake, problem=problem), mail=mail)))
        return sum(each.synced for each in alone if isinstance(each, Accepted))

    async def store_all(
        self,
        intake: Intake,
        told: Told,
        items: tuple[Item, ...],
        mail: MailTaken | None = None,
    ) -> Accepted | str:
        """Store these items, or none of them: then it answers where our bug is."""
        try:
            whole = len(items) == len(told.items)
            verb = Accept(intake, items, mail, told.platform, told.names, whole)
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

    async def intake(
        self, hook_id: str, raw: bytes, problem: str | None, inline_max: int = INLINE_BYTES_MAX
    ) -> Intake:
        """The row of the raw bytes; large ones go to a blob first."""
        intake_id, at, size = self.ids(INTAKE), self.now(), len(raw)
        if size <= inline_max:
            return Intake(intake_id, hook_id, at, size, body=raw, problem=problem)
        blob = await self.blobs.put_bytes(raw)
        return Intake(intake_id, hook_id, at, size, blob=blob.sha256, problem=problem)

    async def read(self, hook: Hook, raw: bytes, arrived: float | None = None) -> Told:
        """What a body tells that arrived now, or when it is said (unix seconds); or why it tells
        nothing."""
        size_max = hook.kind.body_max or PARSED_BYTES_MAX
        if len(raw) > size_max:
            size = f"body of {len(raw)} bytes, more than {size_max} are not parsed"
            return Told(problem=size)
        if hook.kind.body_max is None:
            return self.told(self.parse_body(hook, raw), arrived)
        return self.told(await self.in_thread(lambda: self.parse_body(hook, raw)), arrived)

    async def in_thread(self, parse: Callable[[], Parsed]) -> Parsed:
        """Parse what is large beside the run loop, only so many at a time.

        Cancelled, the thread is left to end by itself; until then it counts.
        """
        return await trio.to_thread.run_sync(parse, limiter=self.threads, abandon_on_cancel=True)

    def parse_body(self, hook: Hook, raw: bytes) -> Parsed:
        """What the adapter makes of a body; of a hook's secrets it may need more than proof."""
        try:
            document = hook.kind.decode(raw, hook.secrets)
        except Undecodable as problem:
            return Parsed(problem=str(problem))
        platform = hook.kind.dispatch(document)
        if platform is None or platform not in self.adapters:
            return Parsed(problem="the document names no platform that is served here")
        return parsed(self.adapters[platform], document, hook.id)

    def told(self, parsed: Parsed, arrived: float | None = None) -> Told:
        """What was parsed, with what the house decides about it."""
        if parsed.problem is not None:
            return Told(problem=parsed.problem)
        try:
            items = self.items(self.adapters[parsed.platform], parsed.reports, arrived)
        except Exception as bug:  # noqa: BLE001 - a bug of ours must not make a platform repeat itself
            telemetry.error("intake.bug", hook=parsed.platform, error=telemetry.place_of(bug))
            return Told(problem=f"a bug of ours: {telemetry.place_of(bug)}")
        unheard = tuple([n for n in parsed.names if (parsed.platform, n) not in self.heard])
        return Told(items, None, parsed.platform, unheard)

    def items(
        self, adapter: Adapter[Any, Any], reports: Iterable[Report], arrived: float | None = None
    ) -> tuple[Item, ...]:
        """The reports with what the house decides about them; without those that nobody proves.

        They `arrived` now, unless it is said when.
        """
        at = self.now() if arrived is None else arrived
        proven = [
            self.tokens.proven(report)
            if isinstance(report, StatusReported) and report.clues
            else report
            for report in reports
        ]
        return tuple([self.item(adapter, report, at) for report in proven if report is not None])

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

    def item(self, adapter: Adapter[Any, Any], report: Report, arrived: float) -> Item:
        """A report with what the house decides about it before it is stored."""
        at = believable(report.at, arrived)
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
                    leads=self.tokens.leads_of(report) if report.clues else (),
                    id_repeats=adapter.capabilities.letters,
                )
            case Reacted() | Acted():
                until = window.opened_until(report, adapter.capabilities)
                return Item(adapter.platform, report, window_until=until)
            case StatusReported():
                return Item(
                    adapter.platform,
                    report,
                    rank=status.rank(report.status),
                    resend=self.resend(report),
                    proven=bool(report.clues),
                )
            case WatermarkReported():
                return Item(adapter.platform, report, rank=status.rank(report.status))
            case ChannelReported():
                dated = self.dated(report)
                return Item(adapter.platform, dated, standings=standing.standings_of(dated))
            case TemplateReported() | Unsupported():
                return Item(adapter.platform, self.dated(report))
            case _:
                return Item(adapter.platform, report)


def parsed(adapter: Adapter[Any, Any], document: Any, hook_id: str) -> Parsed:
    """What an adapter makes of a document; a bug of it is a problem, and no exception."""
    try:
        reports = tuple(adapter.parse(document))
        names = tuple(dict.fromkeys(adapter.names(document))) if adapter.names else ()
    except Exception as bug:  # noqa: BLE001 - a bug of ours must not make a platform repeat itself
        telemetry.error("intake.bug", hook=hook_id, error=telemetry.place_of(bug))
        return Parsed(problem=f"a bug of ours: {telemetry.place_of(bug)}")
    return Parsed(reports, None, adapter.platform, names)


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
