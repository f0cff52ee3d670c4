"""What a part asked, for whoever answers it by a link."""

from attrs import frozen

from omni_actors.model.content import Content
from omni_actors.model.reports import IdentityKey
from omni_actors.store.contract import Query
from omni_actors.store.rows import Choice


@frozen
class AskedPart:
    """A part with whom it went to. `external_ids` are the platform's of it; `answer` is what was
    said under the external id that was asked for, and `picked` what counts as the answer to its
    message, however it was given."""

    content: Content
    platform: str
    channel_id: str
    channel_key: str
    keys: tuple[IdentityKey, ...]
    external_ids: tuple[str, ...]
    answer: Content | None
    picked: Choice | None = None


@frozen
class AskedBy(Query[AskedPart | None]):
    """A part, and what came in under the external id of its answer."""

    part_id: str
    answer_id: str
