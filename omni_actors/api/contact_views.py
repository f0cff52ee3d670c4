"""What callers see of contacts."""

from attrs import frozen

from omni_actors.api.views import KeyOfIdentity, Time
from omni_actors.model.json import JsonObject
from omni_actors.model.states import IdentityState


@frozen
class PortraitView:
    """What the platform showed of a person when it was asked, or why nothing (`problem`).

    `picture` is a medium of GET /v1/media.
    """

    picture: str | None
    asked_at: Time
    problem: str | None


@frozen
class IdentityView:
    """How a person appears on a platform.

    `trust` is how sure it is that what came under this name came from them: `verified`,
    `unverified` or `failed`; null where the platform vouches for all its users.
    """

    id: str
    platform: str
    keys: tuple[KeyOfIdentity, ...]
    state: IdentityState
    name: str | None
    username: str | None
    preferences: JsonObject
    portrait: PortraitView | None
    trust: str | None


@frozen
class ContactView:
    """A person as the business knows them."""

    id: str
    tenant: str
    name: str | None
    conversation_id: str | None
    created_at: Time
    identities: tuple[IdentityView, ...]
