"""Templates in the store: their rows, the verbs that change them, the queries that read them."""

from attrs import frozen

from omni_actors.model.failure import Failure
from omni_actors.model.templates import TemplateDefinition, TemplateStatus
from omni_actors.store.contract import Query, Verb
from omni_actors.store.rows import Page


@frozen
class Template:
    """A template of a channel: `changed_at` is when we last learned something new of it, `seen_at`
    when the platform last had it."""

    channel_id: str
    tenant: str
    definition: TemplateDefinition
    changed_at: float
    seen_at: float


@frozen
class TemplateSync:
    """How well the templates of a channel are known. `synced_at` is None before the first whole
    listing; `failure` is why the last try came to nothing."""

    channel_id: str
    synced_at: float | None
    tried_at: float
    failure: Failure | None


@frozen
class KeepTemplates(Verb[int]):
    """Keep what a platform lists of a channel's templates, or one that was just made; answers how
    many are new or different.

    Once the channel's templates are known, each difference writes a `template.changed` event.
    """

    channel_id: str
    templates: tuple[TemplateDefinition, ...]
    at: float


@frozen
class EndTemplateSync(Verb[int]):
    """A listing that began at `began_at` has ended; answers how many templates are gone.

    Without a `failure` it was whole: what was not seen since it began is gone, each with a
    `template.changed` event.
    """

    channel_id: str
    began_at: float
    at: float
    failure: Failure | None = None


@frozen
class DropTemplates(Verb[int]):
    """A template was deleted, in one language or (None) in all; answers how many are gone."""

    channel_id: str
    name: str
    language: str | None
    at: float


@frozen
class Templates(Query[Page[Template]]):
    """A channel's templates by name, then language."""

    tenant: str
    channel_id: str
    after: str = ""
    limit: int = 50
    status: TemplateStatus | None = None
    name: str | None = None
    language: str | None = None


@frozen
class TemplatesNamed(Query[tuple[Template, ...]]):
    """The languages of a channel's template, in their order."""

    tenant: str
    channel_id: str
    name: str


@frozen
class TemplateSyncOf(Query[TemplateSync | None]):
    """How well a channel's templates are known; None when nobody has asked yet."""

    channel_id: str
