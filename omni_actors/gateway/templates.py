"""The templates of channels: read, kept, created, deleted, and judged for sends."""

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, TypeVar

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Medium, TemplateDesk, TemplatePage
from omni_actors.gateway import management
from omni_actors.gateway.called import CALL_DEADLINE_S, called
from omni_actors.gateway.derivatives import Derivatives
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.keys import Caller, channel_of
from omni_actors.gateway.mail_templates import MailTemplateBook
from omni_actors.gateway.sender import Hands, Route
from omni_actors.gateway.uploads import UPLOAD_DEADLINE_S
from omni_actors.model.content import Category, MediaKind
from omni_actors.model.content import Template as TemplateContent
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.json import JsonObject
from omni_actors.model.states import ChannelState, MediaState
from omni_actors.model.templates import (
    UNEDITABLE,
    NewTemplate,
    TemplateDefinition,
    TemplateStatus,
)
from omni_actors.model.templates import TemplateChange as Change
from omni_actors.policy import templates as policy
from omni_actors.policy.derivatives import recipe_for
from omni_actors.policy.shaped import MediumFacts
from omni_actors.store.contract import Store
from omni_actors.store.queries import MediumById
from omni_actors.store.rows import ANY_TENANT, Channel, Page
from omni_actors.store.rows import Medium as StoredMedium
from omni_actors.store.templates import (
    DropTemplates,
    EndTemplateSync,
    KeepTemplates,
    Template,
    Templates,
    TemplatesNamed,
    TemplateSync,
    TemplateSyncOf,
)
from omni_actors.wire.calls import Flow

T = TypeVar("T")

CATEGORIES: Mapping[str, Category] = {
    "authentication": "authentication", "marketing": "marketing", "utility": "utility",
}  # fmt: skip
PAGES_MAX = 200
RESTARTS_MAX = 3
SYNC_WAIT_S = 300.0


@frozen
class Able:
    """A channel whose templates can be reached."""

    channel: Channel
    route: Route
    desk: TemplateDesk[Any]


@frozen
class TemplatesPage:
    """A slice of a channel's templates, with how well they are known.

    `unreachable` says in a sentence why they cannot be read from the platform at all.
    """

    channel: Channel
    page: Page[Template]
    sync: TemplateSync | None
    unreachable: str | None


@define
class TemplateBook:
    """What this house knows of templates, and does with them."""

    store: Store
    hands: Hands
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]
    derivatives: Derivatives
    changed: Callable[[str], None]  # news of a channel's templates: they are to be read again
    of_mails: MailTemplateBook
    syncing: dict[str, trio.Lock] = field(factory=dict)

    # ------------------------------------------------------------ which channel

    def able(self, channel_id: str) -> Able | str:
        """The channel with what its platform can do; else why its templates are out of reach."""
        channel, route = self.channels().get(channel_id), self.routes().get(channel_id)
        if channel is None or route is None or channel.state is ChannelState.REMOVED:
            return "the channel is gone"
        desk = route.adapter.templates
        if desk is None:
            return f"{channel.platform} has no templates"
        return desk.reachable(route.settings) or Able(channel, route, desk)

    def all_able(self) -> dict[str, Able]:
        """Every channel whose templates can be reached, by its id."""
        able = {channel_id: self.able(channel_id) for channel_id in self.channels()}
        return {key: value for key, value in able.items() if isinstance(value, Able)}

    def ability(self, caller: Caller, channel_id: str) -> Able:
        """The same for a caller. Raises RequestError."""
        channel_of(caller, self.channels(), channel_id)
        able = self.able(channel_id)
        if isinstance(able, str):
            raise RequestError(Code.TEMPLATES_UNREACHABLE, able)
        return able

    # ------------------------------------------------------------ reading

    async def page(
        self,
        caller: Caller,
        channel_id: str,
        *,
        after: str,
        limit: int,
        status: TemplateStatus | None = None,
        name: str | None = None,
        language: str | None = None,
    ) -> TemplatesPage:
        """What is known of a channel's templates."""
        channel, able = channel_of(caller, self.channels(), channel_id), self.able(channel_id)
        if self.has_ours(channel):
            ours = self.ours(channel, after, status, name, language)
            more = ours[limit - 1].definition if len(ours) > limit else None
            page = Page(ours[:limit], None if more is None else key_of(more))
            now = self.now()
            return TemplatesPage(channel, page, TemplateSync(channel_id, now, now, None), None)
        query = Templates(caller.tenant, channel_id, after, limit, status, name, language)
        return TemplatesPage(
            channel,
            await self.store.ask(query),
            self.store.peek(TemplateSyncOf(channel_id)),
            able if isinstance(able, str) else None,
        )

    def has_ours(self, channel: Channel) -> bool:
        """Whether a channel's templates are those of the house."""
        route = self.routes().get(channel.id)
        return route is not None and route.adapter.capabilities.letters

    def ours(
        self,
        channel: Channel,
        after: str = "",
        status: TemplateStatus | None = None,
        name: str | None = None,
        language: str | None = None,
    ) -> tuple[Template, ...]:
        """The house's templates as those of a channel."""
        now = self.now()
        return tuple(
            [
                Template(channel.id, channel.tenant, one, now, now)
                for one in self.of_mails.definitions()
                if key_of(one) > after
                and status in (None, one.status)
                and name in (None, one.name)
                and language in (None, one.language)
            ]
        )

    async def named(
        self, caller: Caller, channel_id: str, name: str, language: str | None
    ) -> Template:
        """One template. Raises RequestError for none, and where the language must be told."""
        channel = channel_of(caller, self.channels(), channel_id)
        if self.has_ours(channel):
            found = self.ours(channel, name=name)
        else:
            found = await self.store.ask(TemplatesNamed(caller.tenant, channel_id, name))
        meant = [row for row in found if language in (None, row.definition.language)]
        if not meant:
            there = languages(found)
            beside = f"; it exists in {there}" if there else ""
            raise RequestError(Code.NOT_FOUND, f"there is no such template{beside}")
        if len(meant) > 1:
            raise RequestError(
                Code.INVALID,
                "the template exists in several languages",
                mistakes=(Mistake("?language", f"must be one of {languages(found)}"),),
            )
        return meant[0]

    # ------------------------------------------------------------ keeping up

    async def sync_now(self, caller: Caller, channel_id: str) -> TemplateSync:
        """Read all templates of a channel from the platform. Raises RequestError."""
        able = self.ability(caller, channel_id)
        with trio.move_on_after(SYNC_WAIT_S):
            failure = await self.sync(able)
            if failure is not None:
                raise refused(failure)
            known = self.store.peek(TemplateSyncOf(channel_id))
            assert known is not None
            return known
        raise RequestError(
            Code.PLATFORM_REFUSED,
            f"the platform did not list the templates within {SYNC_WAIT_S:.0f} s",
            retry_after_s=60,
        )

    async def sync(self, able: Able) -> Failure | None:
        """Read all templates of a channel from the platform; answers why that did not work.

        One at a time for each channel: who comes second reads after the first.
        """
        channel_id = able.channel.id
        async with self.syncing.setdefault(channel_id, trio.Lock()):
            began_at = self.now()
            failure = await self.read_all(able)
            ended = EndTemplateSync(channel_id, began_at, self.now(), failure)
            gone = await self.store.do(ended)
        if failure is None:
            telemetry.info("templates.synced", channel_id=channel_id, gone=gone)
        else:
            telemetry.warning(
                "templates.not_synced",
                channel_id=channel_id,
                reason=failure.reason.value,
                code=failure.code,
            )
        return failure

    async def read_all(self, able: Able) -> Failure | None:
        """Keep every page of a listing; one whose cursor goes bad begins anew."""
        after, restarts = "", 0
        for _ in range(PAGES_MAX):
            page = await self.call(able, able.desk.page(after, able.route.settings))
            if isinstance(page, Failure):
                return page
            if page is None:
                after, restarts = "", restarts + 1
                if restarts > RESTARTS_MAX:
                    return stumbled("the platform's cursors go bad again and again")
                continue
            await self.keep(able, page)
            if page.next is None:
                return None
            after = page.next
        return stumbled(f"the listing has no end within {PAGES_MAX} pages")

    async def keep(self, able: Able, page: TemplatePage) -> None:
        await self.store.do(KeepTemplates(able.channel.id, page.templates, self.now()))

    async def call(self, able: Able, wanted: Flow[T], media: Sized = ()) -> T | Failure:
        """Run one flow of management; what uploads media may take as long as that takes."""
        adapter = able.route.adapter
        within_s = CALL_DEADLINE_S + UPLOAD_DEADLINE_S * len(media)
        return await called(self.hands, wanted, able.route.account, adapter.masked_keys, within_s)

    # ------------------------------------------------------------ changing

    async def create(self, caller: Caller, channel_id: str, wanted: NewTemplate) -> Template:
        """Submit a template for approval. Raises RequestError with the platform's reason."""
        able = self.ability(caller, channel_id)
        media = await self.samples(caller, able, wanted.components)
        made = await self.call(able, able.desk.create(wanted, media, able.route.settings), media)
        if isinstance(made, Failure):
            self.changed(channel_id)  # where the answer was lost, a listing tells
            raise refused(made, Code.TEMPLATE_REFUSED)
        await self.store.do(KeepTemplates(channel_id, (made,), self.now()))
        if not made.layout.understood:
            self.changed(channel_id)  # what the platform writes itself, a listing tells
        return await self.named(caller, channel_id, made.name, made.language)

    async def edit(
        self, caller: Caller, channel_id: str, name: str, language: str | None, wanted: Change
    ) -> Template:
        """Change a template. Raises RequestError with the platform's reason."""
        able = self.ability(caller, channel_id)
        row = await self.named(caller, channel_id, name, language)
        if wanted == Change():
            return row
        known = row.definition
        if known.status in UNEDITABLE:
            sentence = f"a template that is {known.status} cannot be edited"
            raise RequestError(Code.TEMPLATE_REFUSED, sentence)
        if known.external_id is None:
            sentence = (
                "the platform's id of the template is not known yet; sync the templates first"
            )
            raise RequestError(Code.TEMPLATE_REFUSED, sentence)
        media = await self.samples(caller, able, wanted.components or ())
        edit = able.desk.edit(known, wanted, media, able.route.settings)
        changed = await self.call(able, edit, media)
        if isinstance(changed, Failure):
            self.changed(channel_id)
            raise refused(changed, Code.TEMPLATE_REFUSED)
        await self.store.do(KeepTemplates(channel_id, (changed,), self.now()))
        return await self.named(caller, channel_id, name, known.language)

    async def samples(
        self, caller: Caller, able: Able, components: Sequence[JsonObject]
    ) -> dict[str, Medium]:
        """The media that components show as examples, pictures as the channel shows them. Raises
        RequestError."""
        kept = {each: self.sample(caller, each) for each in able.desk.samples(components)}
        return {each: await self.shown(able, found) for each, found in kept.items()}

    async def shown(self, able: Able, found: StoredMedium) -> Medium:
        """An example as it is handed over: a picture that no message could show is converted."""
        native = able.route.adapter.capabilities.forms_of(f"media.{MediaKind.IMAGE}")[:1]
        facts = MediumFacts.of(found.mime, found.size, found.filename, found.traits)
        recipe = recipe_for(native[0], facts) if native else None
        made = None if recipe is None else await self.derivatives.of(found.id, recipe)
        one = (made and made.medium) or found
        mime = one.mime or "application/octet-stream"
        return Medium(found.id, one.blob or "", mime, one.size or 0, one.filename)

    def sample(self, caller: Caller, media_id: str) -> StoredMedium:
        """One of them, if its bytes are here."""
        found = self.store.peek(MediumById(caller.tenant, media_id))
        if found is None:
            raise RequestError(Code.MEDIA_UNKNOWN, f"there is no medium {media_id!r}")
        if found.state is MediaState.PENDING:
            sentence = f"medium {media_id} is not here yet"
            raise RequestError(Code.MEDIA_PENDING, sentence, retry_after_s=2.0)
        if found.state is MediaState.FAILED or found.blob is None:
            raise RequestError(Code.MEDIA_FAILED, f"medium {media_id} could not be fetched")
        return found

    async def delete(self, caller: Caller, channel_id: str, name: str, language: str | None) -> int:
        """Delete a template in one language or in all; answers how many of ours are gone."""
        able = self.ability(caller, channel_id)
        one: TemplateDefinition | None = None
        if language is not None:
            one = (await self.named(caller, channel_id, name, language)).definition
        ended = await self.call(able, able.desk.delete(name, one, able.route.settings))
        if isinstance(ended, Failure):
            self.changed(channel_id)
            raise refused(ended, Code.TEMPLATE_REFUSED)
        return await self.store.do(DropTemplates(channel_id, name, language, self.now()))

    # ------------------------------------------------------------ before a send

    def judge(self, content: TemplateContent, channel_id: str, at: str) -> TemplateContent:
        """A template that is to be sent, held against what is known of it, with its category.

        Raises RequestError with pointers below `at`. What nobody knows is left to the platform: a
        channel whose templates were never listed, and a name that is not among them.
        """
        if isinstance(self.able(channel_id), str):
            return content
        known = [
            row.definition
            for row in self.store.peek(TemplatesNamed(ANY_TENANT, channel_id, content.name))
        ]
        found = policy.find(content.name, content.language, known)
        match found:
            case None:
                return content
            case policy.Unsendable(sentence=sentence):
                named = any(one.language == content.language for one in known)
                mistake = Mistake(f"{at}/name" if named else f"{at}/language", sentence)
                raise RequestError(Code.TEMPLATE_UNUSABLE, sentence, mistakes=(mistake,))
        wrong = policy.check(found.layout, content.params)
        if wrong:
            raise RequestError(
                Code.TEMPLATE_PARAMS,
                f"the parameters do not fit the template {content.name} in {content.language}",
                mistakes=tuple([Mistake(f"{at}/params{w.pointer}", w.detail) for w in wrong]),
            )
        return evolve(content, category=content.category or CATEGORIES.get(found.category or ""))


def key_of(one: TemplateDefinition) -> str:
    """Where a template stands in a listing."""
    return f"{one.name}/{one.language}"


def languages(rows: "tuple[Template, ...]") -> str:
    """The languages of a template, for a sentence."""
    return ", ".join(row.definition.language for row in rows)


def stumbled(text: str) -> Failure:
    """A listing that may go better another time."""
    return Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, text=text)


def refused(failure: Failure, rejected: Code = Code.PLATFORM_REFUSED) -> RequestError:
    """What the platform said; a lost answer leaves the templates to be looked at."""
    return management.refused(failure, rejected, "look at the templates again")
