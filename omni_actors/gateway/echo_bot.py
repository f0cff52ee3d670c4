"""The built-in bot: a consumer of the event log that answers with what it was told.

Its cursor is durable and its sends carry `{event_id}:{n}` as idempotency key, so a crash at any
moment neither loses nor doubles an answer.
"""

from collections.abc import Callable, Container, Mapping, Sequence

from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.gateway.errors import RequestError
from omni_actors.gateway.submit import Sender, Submitter
from omni_actors.model.content import (
    Carousel,
    Contacts,
    Content,
    Email,
    Location,
    Media,
    Text,
    UnsupportedContent,
    content_type,
)
from omni_actors.model.events import EventType
from omni_actors.model.json import Json
from omni_actors.model.requests import Delivery, SendRequest
from omni_actors.model.states import Direction
from omni_actors.policy.loops import AnswersGiven
from omni_actors.policy.routing import ConsumerRule, consumer_of
from omni_actors.store.contract import Refused, Store, StoreFailed, Ticket
from omni_actors.store.queries import EventFloor, Events, LegsOf
from omni_actors.store.rows import ANY_TENANT, Event, Leg, Message
from omni_actors.store.verbs import Advance, EnsureConsumer, Idempotency, Submit, Submitted

CONSUMER = "echo"
PAGE = 100
NEAR = 512  # events; so many are looked through in about a millisecond
TYPES = (EventType.MESSAGE_RECEIVED, EventType.MEDIA_READY, EventType.CHOICE_SELECTED)
OWNER = f"bot:{CONSUMER}"
UNANSWERED = frozenset({"group_id", "standby", "automatic"})
HISTORY = "history"  # what was written before the gateway was there


@frozen
class Ring:
    """The event log has grown, at least up to this cursor, by something to answer."""

    cursor: int = 0


@frozen
class Reply:
    """What the bot says to an event."""

    event: Event
    request: SendRequest


@define
class EchoBot:
    """Answers what customers write, page by page of the event log."""

    store: Store
    submitter: Submitter
    rules: Callable[[], Sequence[ConsumerRule]]
    capped: Container[str] = ()
    """The platforms on which machines answer machines, so that the bot must not answer for ever."""
    given: AnswersGiven = field(factory=AnswersGiven)
    default: str = CONSUMER
    cursor: int = 0
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        """Go on where the last run ended."""
        self.context = context
        self.cursor = await self.store.do(
            EnsureConsumer(CONSUMER, ANY_TENANT, self.submitter.now())
        )
        context.tell_self(Ring())

    async def handle(self, message: Ring) -> None:
        """Answer everything after the cursor."""
        if 0 < message.cursor <= self.cursor:
            return
        while not self.context.draining:
            try:
                events = await self.read(message.cursor)
            except Refused as problem:
                await self.skip(problem)
                continue
            if events:
                await self.answer_all(events)
                self.cursor = events[-1].cursor
            if len(events) < PAGE:  # what comes later rings again
                self.cursor = max(self.cursor, message.cursor)
                return

    async def read(self, upto: int) -> Sequence[Event]:
        """The next page. A short stretch of the log is read at once, a long one beside the loop."""
        query = Events(ANY_TENANT, self.cursor, PAGE, TYPES)
        if 0 < upto <= self.cursor + NEAR:
            return self.store.peek(query)
        return await self.store.ask(query)

    async def skip(self, problem: Refused) -> None:
        """Where the bot stood, events are no longer kept: go on with the first one that is.

        Either it was away for longer, or nothing came for so long that it had to answer.
        """
        telemetry.warning("bot.skipped", consumer=CONSUMER, sentence=str(problem))
        self.cursor = await self.store.ask(EventFloor())
        await self.store.do(Advance(CONSUMER, self.cursor))

    async def answer_all(self, events: Sequence[Event]) -> None:
        """Queue the answers to a page in the order of its events, in as few commits as may be."""
        replies = [reply for event in events if (reply := self.reply(event)) is not None]
        ids = {reply.request.conversation_id or "" for reply in replies}
        legs = self.store.peek(LegsOf(tuple(ids)))
        verbs = [verb for reply in replies if (verb := await self.answer(reply, legs)) is not None]
        tickets = [self.store.post(verb) for verb in verbs]
        advanced = self.store.post(Advance(CONSUMER, events[-1].cursor))
        for ticket in tickets:
            await self.answered(ticket)
        await advanced.wait()

    async def answered(self, ticket: Ticket[Submitted]) -> None:
        """Wake who sends an answer. The cursor is behind it already: it is not tried again."""
        try:
            self.submitter.queued(await ticket.wait())
        except Refused as problem:
            telemetry.warning("bot.refused", consumer=CONSUMER, code=problem.code)
        except StoreFailed:
            raise
        except Exception as bug:  # noqa: BLE001 - one answer must not stop all others
            telemetry.error("bot.bug", consumer=CONSUMER, error=telemetry.place_of(bug))

    def reply(self, event: Event) -> Reply | None:
        """What the bot says to an event; None when there is nothing to say."""
        message = event.message
        if message is None or message.direction is not Direction.INBOUND or message.deleted:
            return None
        content = reply_to(event, message) if is_to_the_bot(message) else None
        if content is None or not self.is_mine(message):
            return None
        if message.platform in self.capped and not self.given.may_answer(
            message.leg_id, repr(content), self.submitter.now()
        ):
            telemetry.warning("bot.held_back", consumer=CONSUMER, leg_id=message.leg_id)
            return None
        request = SendRequest(
            content=content,
            conversation_id=message.conversation_id,
            delivery=Delivery(route=(message.channel_id,)),  # answer where the customer wrote
        )
        return Reply(event, request)

    async def answer(self, reply: Reply, legs: Mapping[str, tuple[Leg, ...]]) -> Submit | None:
        """The submit of a reply; None when it cannot be sent."""
        event = reply.event
        key = Idempotency(OWNER, f"{event.id}:0", "echo")
        sender = Sender(event.tenant, OWNER, source="bot")
        try:
            return await self.submitter.prepare(sender, reply.request, key, legs)
        except RequestError as problem:
            telemetry.warning(
                "bot.cannot_answer", consumer=CONSUMER, event_id=event.id, code=problem.code
            )
            return None

    def is_mine(self, message: Message) -> bool:
        """Whether the routes give this message to the bot."""
        facts = {
            "platform": message.platform,
            "channel": message.channel_id,
            "content": content_type(message.content),
            "tenant": message.tenant,
        }
        return consumer_of(self.rules(), facts, self.default) == CONSUMER


def is_to_the_bot(message: Message) -> bool:
    """Whether an answer is expected: not to what is of old, was said in a group, is for another app
    to answer, or was written by a machine."""
    return message.source != HISTORY and not UNANSWERED & (message.notes or {}).keys()


def reply_to(event: Event, message: Message) -> Content | None:
    """What the bot says to an event."""
    if event.type is EventType.CHOICE_SELECTED:
        return Text(f"You picked: {event.detail.get('title')}")
    match message.content:
        case Media() as medium:
            return echo_of(medium) if event.type is EventType.MEDIA_READY else None
        case Carousel(cards=cards) if event.type is EventType.MEDIA_READY:
            media = [card.media for card in cards if card.media]
            return one_of(media, event.detail.get("media_id"))
        case Email(attachments=files) if event.type is EventType.MEDIA_READY:
            return one_of(files, event.detail.get("media_id"))
        case _ if event.type is not EventType.MESSAGE_RECEIVED:
            return None
        case Text() | Location() | Contacts() as content:
            return content
        case Email(text=text):
            return Text(text) if text.strip() else None
        case UnsupportedContent():
            return Text("I received something that I cannot read on this channel.")
        case _:
            return None


def one_of(media: Sequence[Media], media_id: Json) -> Media | None:
    """The medium of several that came together which is here now."""
    found = [medium for medium in media if medium.media_id == media_id]
    return echo_of(found[0]) if found else None


def echo_of(medium: Media) -> Media:
    """The same medium, to be sent back."""
    return Media(
        medium.kind, media_id=medium.media_id, caption=medium.caption, filename=medium.filename
    )
