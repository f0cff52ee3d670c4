"""Pictures that a channel would not show are made into others: once, however many messages need it.

What becomes of a picture is kept, so that a campaign converts and uploads it once. A picture that
cannot be converted stays what it is, and shaping finds another form for it; what only went wrong
this time is not kept.
"""

from collections.abc import Callable, Mapping, Sequence

import trio
from attrs import define, field, frozen

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.media.blobs import Blob, DiskFull, Missing
from omni_actors.media.pictures import Made, NotMade, Pictures
from omni_actors.model.capabilities import Capabilities
from omni_actors.model.content import Content, Media
from omni_actors.model.ids import MEDIUM, Ids
from omni_actors.model.states import MediaState
from omni_actors.policy import derivatives as policy
from omni_actors.policy.derivatives import Recipe, Wanted
from omni_actors.policy.shaping import MediumFacts, Note
from omni_actors.store.contract import Store
from omni_actors.store.media_verbs import KeepDerivative
from omni_actors.store.queries import DerivativeOf, MediumById
from omni_actors.store.rows import ANY_TENANT, Derivative, Medium

ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png"}


@frozen
class Fitted:
    """A message whose pictures fit as far as they could be made to, with the report of that."""

    content: Content
    attachments: tuple[Media, ...]
    facts: Mapping[str, MediumFacts]
    notes: tuple[Note, ...] = ()
    problems: Mapping[str, str] = field(factory=dict)


@define
class Work:
    """A conversion under way; what came of it is for all who wait for it."""

    ended: trio.Event = field(factory=trio.Event)
    found: Derivative | None = None


@define
class Derivatives:
    """Who has pictures converted."""

    store: Store
    pictures: Pictures
    ids: Ids
    now: Callable[[], float]
    under_way: dict[tuple[str, str], Work] = field(factory=dict)

    async def fitted(
        self,
        content: Content,
        attachments: Sequence[Media],
        capabilities: Capabilities,
        facts: Mapping[str, MediumFacts],
    ) -> Fitted:
        """A message with pictures that the channel shows. Raises RequestError for a full disk."""
        whole = Fitted(content, tuple(attachments), facts)
        wanted = policy.wanted(content, attachments, capabilities, facts)
        return await self.exchanged(whole, wanted) if wanted else whole

    async def exchanged(self, whole: Fitted, wanted: Sequence[Wanted]) -> Fitted:
        """The message with these pictures converted, as far as that can be."""
        made: dict[str, Medium] = {}
        notes: list[Note] = []
        problems: dict[str, str] = {}
        for one in wanted:
            found = await self.of(one.media_id, one.recipe)
            if found.medium is None:
                problems[one.path] = found.problem or "nobody knows why"
                continue
            made[one.media_id] = found.medium
            mime, size = found.medium.mime or "", found.medium.size or 0
            notes.append(policy.converted(one, mime, size))
        names = {media_id: medium.id for media_id, medium in made.items()}
        content = policy.exchanged(whole.content, names)
        attachments = [policy.exchanged(each, names) for each in whole.attachments]
        facts = {m.id: MediumFacts(m.mime, m.size, m.filename) for m in made.values()}
        return Fitted(
            content,
            tuple([each for each in attachments if isinstance(each, Media)]),
            {**whole.facts, **facts},
            tuple(notes),
            problems,
        )

    async def of(self, media_id: str, recipe: Recipe) -> Derivative:
        """What a recipe makes of a medium, made by us or by whoever is at it already."""
        key = (media_id, recipe.name)
        while True:
            known = self.store.peek(DerivativeOf(media_id, recipe.name))
            if known is not None:
                return known
            work = self.under_way.get(key)
            if work is None:
                return await self.make(key, recipe)
            await work.ended.wait()
            if work.found is not None:
                return work.found

    async def make(self, key: tuple[str, str], recipe: Recipe) -> Derivative:
        """Convert a medium and remember what came of it. Cancelled, a waiter takes it over."""
        media_id, name = key
        source = self.store.peek(MediumById(ANY_TENANT, media_id))
        if source is None or source.blob is None:
            return Derivative(None, "its bytes are gone")
        work = self.under_way[key] = Work()
        try:
            made = await self.pictures.make(Blob(source.blob, source.size or 0), recipe)
            found = self.derived(source, made)
            if not (isinstance(made, NotMade) and made.passing):
                await self.store.do(KeepDerivative(media_id, name, found.medium, found.problem))
            work.found = found
        except (DiskFull, Missing, OSError):
            sentence = "the gateway's disk is almost full, or does not work"
            raise RequestError(Code.DISK_FULL, sentence, retry_after_s=60) from None
        finally:
            del self.under_way[key]
            work.ended.set()
        return found

    def derived(self, source: Medium, made: Made | NotMade) -> Derivative:
        """A new medium with the picture that was made; it goes when its source goes."""
        if isinstance(made, NotMade):
            return Derivative(None, made.why)
        medium = Medium(
            id=self.ids(MEDIUM),
            tenant=source.tenant,
            state=MediaState.READY,
            channel_id=None,
            message_id=source.message_id,
            ref=None,
            blob=made.blob.sha256,
            mime=made.mime,
            size=made.blob.size,
            filename=renamed(source.filename, made.mime),
            failure=None,
            attempts=0,
            due_at=None,
            created_at=self.now(),
        )
        return Derivative(medium, None)


def renamed(filename: str | None, mime: str) -> str | None:
    """A file's name with the ending of what it is now."""
    if filename is None:
        return None
    stem, dot, _ending = filename.rpartition(".")
    return (stem if dot and stem else filename) + ENDINGS.get(mime, "")
