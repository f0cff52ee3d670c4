"""How pages are connected, and what keeps them connected.

https://developers.facebook.com/docs/messenger-platform/webhooks
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from omni_actors.adapters.connecting import Found, Harvest, OAuth, TokenFacts, Upkeep
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta import oauth, upkeep
from omni_actors.adapters.meta.app_webhooks import Place
from omni_actors.adapters.meta.apps import FacebookApp
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Flow

SCOPES: Final = (
    "pages_show_list",
    "pages_messaging",
    "pages_manage_metadata",
    "pages_read_engagement",
    "business_management",
)
NEEDED: Final = ("pages_messaging", "pages_manage_metadata")
PLACE: Final = Place("page", "the App Dashboard, under Webhooks > Page")
FIELDS: Final = (
    "messages",
    "message_echoes",
    "message_edits",
    "message_reactions",
    "message_deliveries",
    "message_reads",
    "messaging_postbacks",
    "messaging_referrals",
    "messaging_optins",
    "messaging_handovers",
    "standby",
    "messaging_policy_enforcement",
    "messaging_account_linking",
)


def authorize(app: FacebookApp, redirect: str, state: str) -> str:
    """The address of the login dialog."""
    return oauth.authorize(app, SCOPES, redirect, state)


def accounts(app: FacebookApp, _claims: JsonObject) -> Flow[Harvest]:
    """The pages that the person let us use."""
    subject = yield from oauth.person(app)
    found = yield from oauth.pages(app)
    return Harvest((subject,), tuple([_found(app, page) for page in found]))


def _found(app: FacebookApp, page: oauth.Page) -> Found:
    settings = {
        "page_id": page.id,
        "graph_url": app.graph_url,
        "version": app.version,
        "app_id": app.app_id,
        "fields": list(app.fields),
    }
    return Found(page.id, page.name, settings, page.tokens, page.obstacle)


def inspect(settings: MessengerSettings) -> Flow[TokenFacts]:
    """What the platform says of the page's token."""
    return (yield from upkeep.inspect_token(settings, NEEDED))


def missing(settings: MessengerSettings) -> Flow[Sequence[str]]:
    """The webhooks that do not come."""
    return (yield from upkeep.missing(settings, wanted(settings)))


def subscribe(settings: MessengerSettings) -> Flow[None]:
    """Order all webhooks that we read, and those that the operator wants besides."""
    yield from upkeep.subscribe(settings, wanted(settings))


def app_lacks(settings: MessengerSettings, hooks: Mapping[str, str]) -> Flow[str | None]:
    """What keeps the app from being told of the page."""
    return (yield from upkeep.app_lacks(settings, PLACE, wanted(settings), hooks))


def wanted(settings: MessengerSettings) -> tuple[str, ...]:
    """The webhooks that we read, and those that the operator wants besides."""
    return (*FIELDS, *settings.fields)


OAUTH: Final[Mapping[str, OAuth[Any]]] = {
    "facebook": OAuth(
        authorize=authorize, exchange=oauth.exchange, accounts=accounts, prolong=oauth.prolong
    )
}
UPKEEP: Final = Upkeep(
    inspect=inspect,
    missing=missing,
    subscribe=subscribe,
    unsubscribe=upkeep.unsubscribe,
    installed=upkeep.installed,
    app_lacks=app_lacks,
)
