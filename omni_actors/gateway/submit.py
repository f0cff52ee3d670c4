"""Submitting: a request becomes a routed, shaped and queued message, and somebody is woken."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter, BadAddress
from omni_actors.gateway.derivatives import Derivatives
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.mail_templates import MailTemplateBook
from omni_actors.model.capabilities import Capabilities, Level
from omni_actors.model.content import Content, Reaction, Template
from omni_actors.model.ids import MESSAGE, PART, Ids
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import IdentityKey
from omni_actors.model.requests import AuthorType, SendRequest
from omni_actors.model.states import ChannelState, MediaState
from omni_actors.policy import control, routing, window
from omni_actors.policy.derivatives import explained
from omni_actors.policy.shaping import (
    MediumFacts,
    Note,
    Shaped,
    Unshapable,
    media_ids_of,
    shape,
)
from omni_actors.store.contract import Refused, Store
from omni_actors.store.limits import Fallback, OpenWindow
from omni_actors.store.queries import (
    ContactById,
    ConversationById,
    LegAt,
    LegById,
    MediumById,
    MessageById,
)
from omni_actors.store.rows import ANY_TENANT, Channel, Leg, LegWake, Medium, Message, Question
from omni_actors.store.verbs import (
    Idempotency,
    NewPart,
    OpenLeg,
    Submit,
    Submitted,
)

INSTEAD_AT = "/delivery/on_closed_window/template"
NO_LEGS: Mapping[str, tuple[Leg, ...]] = {}
INSTEAD = Note(
    "/content",
    Level.CONVERTED,
    "template",
    "the reply window is closed: the template of delivery.on_closed_window is sent in its place",
)

NO_PERSONA = Note(
    "/author/persona", Level.DROPPED, "", "this channel shows nobody but the business itself"
)


@frozen
class Sender:
    """Who submits: the API key or consumer that owns the idempotency key."""

    tenant: str
    owner: str
    source: str = "api"


@frozen
class Plan:
    """A message as it would be queued."""

    leg: Leg
    channel: Channel
    content: Content
    shaped: Shaped
    held: bool
    windowed: bool
    grace_s: float
    fallback: Fallback | None
    window_open: bool
    human_until: float | None
    reply_to: str | None
    reply_to_external: str | None


@frozen
class Submitter:
    """Turns requests into queued messages."""

    store: Store
    adapters: Mapping[str, Adapter[Any, Any]]
    channels: Callable[[], Mapping[str, Channel]]
    ids: Ids
    now: Callable[[], float]
    wake: Callable[[Sequence[LegWake]], None]
    due: Callable[[float], None]
    judge_template: Callable[[Template, str, str], Template]
    derivatives: Derivatives
    mail_templates: MailTemplateBook

    async def submit(
        self, sender: Sender, request: SendRequest, idempotency: Idempotency | None
    ) -> Submitted:
        """Queue a message. Raises RequestError; nothing is queued then."""
        verb = await self.prepare(sender, request, idempotency)
        submitted = self.queued(await self.store.do(verb))
        if verb.expires_at is not None:
            self.due(verb.expires_at)
        if verb.held:
            await self.let_go(verb.leg_id)
        return submitted

    def queued(self, submitted: Submitted) -> Submitted:
        """Wake whom a committed submit concerns."""
        self.wake(submitted.wakes)
        return submitted

    async def let_go(self, leg_id: str) -> None:
        """The customer may have written while a message was being held for that: look again."""
        leg = self.store.peek(LegById(ANY_TENANT, leg_id))
        if leg is None:
            return
        now, capabilities = self.now(), self.adapters[leg.platform].capabilities
        if window.is_open(capabilities, leg.window_until, now):
            self.wake(await self.store.do(OpenWindow(leg_id, now)))

    async def prepare(
        self,
        sender: Sender,
        request: SendRequest,
        idempotency: Idempotency | None,
        legs: Mapping[str, tuple[Leg, ...]] | None = None,
    ) -> Submit:
        """Everything that a submit decides, before it is committed.

        `legs` are those of conversations of this tenant that the caller has read already.
        """
        plan = await self.plan(sender.tenant, request, legs or NO_LEGS)
        if not plan.leg.id:
            plan = evolve(plan, leg=await self.opened(plan.leg))
        now = self.now()
        telemetry.of(telemetry.SUBMITTED, plan.channel.platform).inc()
        message_id = self.ids(MESSAGE)
        parts = tuple(
            [
                NewPart(
                    self.ids(PART),
                    n,
                    part.form,
                    part.content,
                    part.media_ids,
                    plan.windowed,
                    plan.grace_s,
                )
                for n, part in enumerate(plan.shaped.parts, start=1)
            ]
        )
        return Submit(
            id=message_id,
            tenant=sender.tenant,
            leg_id=plan.leg.id,
            content=plan.content,
            author=request.author.type.value,
            source=sender.source,
            parts=parts,
            at=now,
            response=answer(message_id, plan, parts),
            priority=request.priority,
            expires_at=None if request.expires_in_s is None else now + request.expires_in_s,
            reply_to=plan.reply_to,
            reply_to_external=plan.reply_to_external,
            metadata=request.metadata,
            rendering=[note.as_json() for note in plan.shaped.notes],
            override=self.override(request, plan.channel.platform),
            on_unknown=request.delivery.on_unknown,
            held=plan.held,
            on_closed_window=request.delivery.on_closed_window.action,
            fallback=plan.fallback,
            question=question(message_id, plan.shaped, now),
            idempotency=idempotency,
        )

    async def opened(self, leg: Leg) -> Leg:
        """The leg of an address to which nobody has written before, made now."""
        return await self.store.do(OpenLeg(leg.tenant, leg.channel_id, leg.keys, self.now()))

    async def plan(
        self,
        tenant: str,
        request: SendRequest,
        legs: Mapping[str, tuple[Leg, ...]] = NO_LEGS,
    ) -> Plan:
        """Route and shape a request; a leg that is not there has no id.

        Nothing is written but pictures that had to be converted.
        """
        leg = self.route(tenant, request, legs)
        channel = self.channels()[leg.channel_id]
        capabilities = self.adapters[channel.platform].capabilities
        if control.is_elsewhere(leg.controlled_by, leg.last_inbound_at, capabilities, self.now()):
            raise RequestError(Code.CONTROLLED_ELSEWHERE, control.ELSEWHERE)
        self.check_override(request, channel.platform)
        content, held = self.fit_window(request, leg, channel)
        if isinstance(content, Template):
            named = content is request.content
            at = "/content" if named else INSTEAD_AT
            content = self.judge_template(content, channel.id, at)
            if named:
                request = evolve(request, content=content)
        reply_to, external = self.quoted(tenant, request, content, leg)
        shaped = await self.shaped(tenant, request, content, leg)
        check_single(shaped, leg, capabilities)
        windowed = self.windowed(request, content, leg, capabilities)
        fallback = None
        if content is not request.content:
            shaped = evolve(shaped, notes=(*shaped.notes, INSTEAD))
        elif windowed:
            fallback = await self.fallback(tenant, request, leg)
        return Plan(
            leg=leg,
            channel=channel,
            content=content,
            shaped=shaped,
            held=held,
            windowed=windowed,
            grace_s=window.grace_s(request.author.type, capabilities) if windowed else 0.0,
            fallback=fallback,
            window_open=window.is_open(capabilities, leg.window_until, self.now()),
            human_until=window.grace_until(AuthorType.HUMAN, capabilities, leg.last_inbound_at),
            reply_to=reply_to,
            reply_to_external=external,
        )

    def route(self, tenant: str, request: SendRequest, known: Mapping[str, tuple[Leg, ...]]) -> Leg:
        """The leg that carries the message."""
        if request.to is not None:
            return self.leg_to(tenant, request)
        legs = known.get(request.conversation_id or "") or self.legs_of(tenant, request)
        channels = self.channels()
        candidates = [self.candidate(leg, channels.get(leg.channel_id)) for leg in legs]
        picked = routing.pick(candidates, request.delivery.route)
        if picked is None:
            wanted = ", ".join(request.delivery.route) or "any channel"
            raise RequestError(Code.NO_CHANNEL_LEFT, f"the contact cannot be reached on {wanted}")
        return next(leg for leg in legs if leg.id == picked.leg_id)

    def leg_to(self, tenant: str, request: SendRequest) -> Leg:
        """The leg of an address; one without an id where nobody was written to yet."""
        assert request.to is not None
        channel = self.channels().get(request.to.channel_id)
        if channel is None or channel.tenant != tenant or channel.state is ChannelState.REMOVED:
            raise RequestError(
                Code.UNKNOWN_CHANNEL,
                f"there is no channel {request.to.channel_id!r}",
                mistakes=(Mistake("/to/channel_id", "names no channel of this tenant"),),
            )
        try:
            adapter = self.adapters[channel.platform]
            keys = adapter.address(request.to.address, channel.channel_key)
        except BadAddress as problem:
            raise RequestError(
                Code.BAD_ADDRESS, str(problem), mistakes=(Mistake("/to/address", str(problem)),)
            ) from None
        at = LegAt(tenant, channel.platform, channel.id, keys)
        return self.store.peek(at) or nobody_yet(channel, keys)

    def legs_of(self, tenant: str, request: SendRequest) -> tuple[Leg, ...]:
        """The legs of the conversation that the request names, directly or by its contact."""
        conversation_id, pointer = request.conversation_id, "/conversation_id"
        if conversation_id is None:
            pointer = "/contact_id"
            contact = self.store.peek(ContactById(tenant, request.contact_id or ""))
            conversation_id = contact.conversation_id if contact else None
        conversation = self.store.peek(ConversationById(tenant, conversation_id or ""))
        if conversation is None:
            raise RequestError(
                Code.NOT_FOUND,
                "there is no such conversation",
                mistakes=(Mistake(pointer, "names nothing of this tenant"),),
            )
        return conversation.legs

    def candidate(self, leg: Leg, channel: Channel | None) -> routing.Candidate:
        """A leg in the words of the policy."""
        capabilities = self.adapters[leg.platform].capabilities
        return routing.Candidate(
            leg_id=leg.id,
            channel_id=leg.channel_id,
            platform=leg.platform,
            usable=channel is not None and channel.state is not ChannelState.REMOVED,
            window_open=window.is_open(capabilities, leg.window_until, self.now()),
            last_inbound_at=leg.last_inbound_at,
            last_outbound_at=leg.last_outbound_at,
        )

    def fit_window(self, request: SendRequest, leg: Leg, channel: Channel) -> tuple[Content, bool]:
        """The content to send and whether it must wait, by what the caller said for this case."""
        capabilities = self.adapters[channel.platform].capabilities
        content = request.content
        if not self.windowed(request, content, leg, capabilities):
            return content, False
        now, author = self.now(), request.author.type
        if window.is_open(capabilities, leg.window_until, now):
            return content, False
        human_until = window.grace_until(author, capabilities, leg.last_inbound_at)
        if human_until is not None and now < human_until:
            return content, False
        if request.delivery.on_closed_window.action == "hold":
            return content, True
        if template := template_of(request):
            return template, False
        raise RequestError(Code.OUTSIDE_WINDOW, window.closed_sentence(author, capabilities))

    def windowed(
        self, request: SendRequest, content: Content, leg: Leg, capabilities: Capabilities
    ) -> bool:
        """Whether this message may go only while the reply window is open."""
        if window.needs_no_window(leg.keys, capabilities):
            return False
        return window.needs_window(content, capabilities)

    async def fallback(self, tenant: str, request: SendRequest, leg: Leg) -> Fallback | None:
        """The template that goes out should the window close before the message does."""
        template = template_of(request)
        if template is None:
            return None
        template = self.judge_template(template, leg.channel_id, INSTEAD_AT)
        (part,) = (await self.shaped(tenant, request, template, leg)).parts
        return Fallback(part.form, part.content, INSTEAD.as_json(), part.media_ids)

    def quoted(
        self, tenant: str, request: SendRequest, content: Content, leg: Leg
    ) -> tuple[str | None, str | None]:
        """The message that is quoted or reacted to, by our id and by the platform's."""
        is_reaction = isinstance(content, Reaction)
        quoted_id = content.message_id if isinstance(content, Reaction) else request.reply_to
        if quoted_id is None:
            return None, None
        pointer = "/content/message_id" if is_reaction else "/reply_to"
        message = self.store.peek(MessageById(tenant, quoted_id))
        if message is None or message.leg_id != leg.id:
            raise RequestError(
                Code.NOT_FOUND,
                "the quoted message is not part of this conversation on this channel",
                mistakes=(Mistake(pointer, "names no message of the leg that is used"),),
            )
        external = external_of(message)
        if external is None:
            raise RequestError(
                Code.INVALID,
                "the quoted message has not reached the platform yet",
                mistakes=(Mistake(pointer, "has no id on the platform yet"),),
                retry_after_s=2.0,
            )
        return quoted_id, external

    async def shaped(self, tenant: str, request: SendRequest, content: Content, leg: Leg) -> Shaped:
        """The parts, by what the channel can carry to whoever is at the end of this leg."""
        attachments = request.attachments if content is request.content else ()
        adapter = self.adapters[leg.platform]
        capabilities = adapter.capabilities.toward(leg.keys)
        if capabilities.letters and isinstance(content, Template):
            content = await self.mail_templates.written(content, "/content")
        facts = {
            media_id: self.facts(tenant, media_id)
            for named in (content, *attachments)
            for media_id in media_ids_of(named)
        }
        adapt = request.delivery.on_unsupported == "adapt"
        try:
            if facts:
                fitted = await self.derivatives.fitted(content, attachments, capabilities, facts)
                shaped = shape(
                    fitted.content, fitted.attachments, capabilities, fitted.facts, adapt=adapt
                )
                told = (*fitted.notes, *explained(shaped.notes, fitted.problems))
                shaped = evolve(shaped, notes=told)
            else:
                shaped = shape(content, attachments, capabilities, facts, adapt=adapt)
            if request.author.persona is not None and adapter.personas is None:
                return evolve(shaped, notes=(*shaped.notes, NO_PERSONA))
            return shaped
        except Unshapable as problem:
            raise RequestError(
                Code.CONTENT_UNSUPPORTED,
                f"{leg.platform} cannot carry this: {problem.why}",
                mistakes=(Mistake(problem.pointer, problem.why),),
            ) from None

    def check_override(self, request: SendRequest, platform: str) -> None:
        """Raise RequestError for raw keys that must not be sent."""
        human = request.author.type is AuthorType.HUMAN
        told = override_for(request, platform)
        forbidden = self.adapters[platform].forbids(told, human=human)
        if forbidden is not None:
            pointer = f"/override/{platform}{forbidden.pointer}"
            raise RequestError(
                Code.INVALID, forbidden.why, mistakes=(Mistake(pointer, forbidden.why),)
            )

    def override(self, request: SendRequest, platform: str) -> JsonObject:
        """The raw keys that the caller adds, and the one that shows who speaks."""
        named, adapter = request.author.persona, self.adapters[platform]
        desk = adapter.personas
        shown = desk.spelled(named) if named is not None and desk else {}
        return {**shown, **override_for(request, platform)}

    def facts(self, tenant: str, media_id: str) -> MediumFacts:
        """What is known of a medium that a request names."""
        medium = self.store.peek(MediumById(tenant, media_id))
        if medium is None:
            raise RequestError(Code.MEDIA_UNKNOWN, f"there is no medium {media_id!r}")
        if medium.state is MediaState.PENDING:
            raise RequestError(
                Code.MEDIA_PENDING, f"medium {media_id} is not here yet", retry_after_s=2.0
            )
        if medium.state is MediaState.FAILED:
            raise RequestError(Code.MEDIA_FAILED, f"medium {media_id} could not be fetched")
        return facts_of(medium)


def check_single(shaped: Shaped, leg: Leg, capabilities: Capabilities) -> None:
    """Raise RequestError where more than one message would go to what takes only one."""
    count = len(shaped.parts)
    if count > 1 and window.needs_no_window(leg.keys, capabilities):
        why = f"this address takes one message, and this becomes {count}: say less, or no media"
        raise RequestError(Code.CONTENT_UNSUPPORTED, why, mistakes=(Mistake("/content", why),))


def nobody_yet(channel: Channel, keys: tuple[IdentityKey, ...]) -> Leg:
    """The leg of an address before anything was sent to it."""
    return Leg(
        "", channel.tenant, "", "", channel.id, channel.platform, "", keys, None, None, None, None
    )


def facts_of(medium: Medium) -> MediumFacts:
    """What shaping must know of a medium's bytes."""
    return MediumFacts.of(medium.mime, medium.size, medium.filename, medium.traits)


def template_of(request: SendRequest) -> Template | None:
    """The template that the caller names for a closed window."""
    template = request.delivery.on_closed_window.template
    return Template(template.name, template.language, template.params) if template else None


def external_of(message: Message) -> str | None:
    """The platform's id of a message: its own, or that of its first part."""
    if message.external_id:
        return message.external_id
    ids = [external for part in message.parts for external in part.external_ids]
    return ids[0] if ids else None


def override_for(request: SendRequest, platform: str) -> JsonObject:
    """The raw keys that the caller adds for the platform that is used."""
    override = request.override.get(platform)
    return override if isinstance(override, dict) else {}


def question(message_id: str, shaped: Shaped, now: float) -> Question | None:
    """The question that stays open on the leg."""
    if not shaped.options:
        return None
    return Question(message_id, shaped.options, shaped.numbered, now)


def window_of(plan: Plan) -> JsonObject:
    """The leg's reply window as callers see it; times in unix seconds."""
    return {
        "open": plan.window_open,
        "closes_at": plan.leg.window_until,
        "human_closes_at": plan.human_until,
        "free_until": plan.leg.entry_until,
    }


def answer(message_id: str, plan: Plan, parts: Sequence[NewPart]) -> JsonObject:
    """The body of the 202."""
    return {
        "id": message_id,
        "status": "held" if plan.held else "queued",
        "channel_id": plan.channel.id,
        "conversation_id": plan.leg.conversation_id,
        "leg_id": plan.leg.id,
        "parts": [{"id": part.id, "n": part.n, "form": part.form} for part in parts],
        "rendering": [note.as_json() for note in plan.shaped.notes],
        "window": window_of(plan),
    }


def refused(problem: Refused) -> RequestError:
    """A store's refusal in the words of the API."""
    codes = {
        "unknown_channel": Code.UNKNOWN_CHANNEL,
        "idempotency_mismatch": Code.IDEMPOTENCY_MISMATCH,
        "channel_taken": Code.CHANNEL_TAKEN,
        "not_connected": Code.NOT_CONNECTED,
        "too_late": Code.TOO_LATE,
        "not_held": Code.NOT_HELD,
        "version_conflict": Code.VERSION_CONFLICT,
        "cursor_too_old": Code.CURSOR_TOO_OLD,
    }
    return RequestError(codes.get(problem.code, Code.NOT_FOUND), problem.sentence)
