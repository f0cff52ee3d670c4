"""How professional accounts are connected, by either login, and what keeps them connected.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from omni_actors.adapters.connecting import Found, Harvest, OAuth, TokenFacts, Tokens, Upkeep
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta import oauth, upkeep
from omni_actors.adapters.meta.app_webhooks import Place
from omni_actors.adapters.meta.apps import FacebookApp, InstagramApp
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, Flow, HttpCall, Secret, http

FACEBOOK_SCOPES: Final = (
    "pages_show_list",
    "pages_manage_metadata",
    "instagram_basic",
    "instagram_manage_messages",
    "business_management",
)
FACEBOOK_NEEDED: Final = ("instagram_manage_messages", "pages_manage_metadata")
SCOPES: Final = ("instagram_business_basic", "instagram_business_manage_messages")
# An account gets every field that is chosen for its app, so of these only the first must be there.
FIELDS: Final = (
    "messages",
    "message_edit",
    "message_reactions",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
    "messaging_optins",
    "messaging_handover",
    "standby",
)
NEEDED_FIELDS: Final = FIELDS[:1]
PLACE: Final = Place("instagram", "the App Dashboard, under Webhooks > Instagram")
# With Facebook Login the linked page is what the app is installed on, by one of the page's fields.
PAGE_FIELDS: Final = ("messages",)
SHORT_LIFE_S: Final = 3600.0
RENEWABLE_AGE_S: Final = 24 * 3600.0
ME_FIELDS: Final = "id,user_id,username,name,account_type"


# ---------------------------------------------------------------- Facebook Login


def authorize_facebook(app: FacebookApp, redirect: str, state: str) -> str:
    """The address of the login dialog."""
    return oauth.authorize(app, FACEBOOK_SCOPES, redirect, state)


def linked_accounts(app: FacebookApp, _claims: JsonObject) -> Flow[Harvest]:
    """The accounts that are linked to the pages that the person let us use."""
    subject = yield from oauth.person(app)
    found = yield from oauth.pages(app)
    return Harvest((subject,), tuple([_linked(app, page) for page in found]))


def _linked(app: FacebookApp, page: oauth.Page) -> Found:
    if page.instagram_id is None:
        why = "no professional Instagram account is linked to this page"
        return Found(page.id, page.name, {}, None, why)
    settings = {
        "ig_id": page.instagram_id,
        "login": "facebook",
        "page_id": page.id,
        "graph_url": app.graph_url,
        "version": app.version,
        "app_id": app.app_id,
    }
    name = page.instagram_name or page.name
    return Found(page.instagram_id, name, settings, page.tokens, page.obstacle)


# ---------------------------------------------------------------- Instagram Login


def authorize(app: InstagramApp, redirect: str, state: str) -> str:
    """The address of the login page."""
    asked = {
        "client_id": app.app_id,
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": ",".join(app.scopes or SCOPES),
        "state": state,
    }
    return f"{app.dialog_url}/oauth/authorize?{urlencode(asked)}"


def exchange(app: InstagramApp, redirect: str) -> Flow[Tokens]:
    """Redeem the code for a token that lives an hour.

    The answer is documented as a list below `data`, and is seen without it, too.
    """
    form = {
        "client_id": app.app_id,
        "grant_type": "authorization_code",
        "redirect_uri": redirect,
    }
    call = HttpCall(
        "POST",
        f"{app.api_url}/oauth/access_token",
        Auth.NONE,
        form=form,
        secrets={"client_secret": Secret.APP_SECRET, "code": Secret.CODE},
    )
    document = oauth.good((yield from http(call)))
    listed = [mapping(item) for item in sequence(document.get("data"))]
    told = listed[0] if listed else document
    found = oauth.tokens_of(told)
    _require_allowed(told)
    return Tokens(found.access_token, SHORT_LIFE_S)


def _require_allowed(told: JsonObject) -> None:
    """The person may decline permissions one by one, and an account would be connected deaf and
    dumb. Raises SendFailure."""
    allowed = told.get("permissions")
    names = allowed.split(",") if isinstance(allowed, str) else sequence(allowed)
    given = {name.strip() for name in names if isinstance(name, str) and name}
    lacking = ", ".join([name for name in SCOPES if name not in given])
    if given and lacking:
        why = f"the person did not allow {lacking}; begin again, and allow it in the dialog"
        raise SendFailure(Failure(Kind.REJECTED, Reason.PERMISSION_DENIED, text=why))


def prolong(app: InstagramApp) -> Flow[Tokens]:
    """The token for one of 60 days."""
    call = HttpCall(
        "GET",
        f"{app.graph_url}/access_token",
        Auth.NONE,
        query={"grant_type": "ig_exchange_token"},
        secrets={"client_secret": Secret.APP_SECRET, "access_token": Secret.TOKEN},
        idempotent=True,
    )
    return oauth.tokens_of(oauth.good((yield from http(call))))


def own_account(app: InstagramApp, _claims: JsonObject) -> Flow[Harvest]:
    """The account whose token it is. Webhooks name it by `user_id`; `id` is the app's name of it.

    https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/get-started
    """
    url = f"{app.graph_url}/{app.version}/me"
    call = HttpCall("GET", url, Auth.BEARER, query={"fields": ME_FIELDS}, idempotent=True)
    me = oauth.good((yield from http(call)))
    account = text(me.get("user_id"))
    if account is None:
        raise SendFailure(oauth.stumbled("the platform does not say which account it is"))
    settings = {
        "ig_id": account,
        "login": "instagram",
        "graph_url": app.graph_url,
        "version": app.version,
        "app_id": app.app_id,
        "fields": list(app.fields),
    }
    name = text(me.get("username")) or text(me.get("name")) or account
    subjects = [one for one in (text(me.get("id")), account) if one is not None]
    return Harvest(tuple(dict.fromkeys(subjects)), (Found(account, name, settings),))


# ---------------------------------------------------------------- upkeep


def renews(settings: InstagramSettings) -> float | None:
    """The age from which a token can be renewed; those of pages do not end by themselves."""
    return RENEWABLE_AGE_S if settings.login == "instagram" else None


def renew(settings: InstagramSettings) -> Flow[Tokens]:
    """The token for one of another 60 days."""
    call = HttpCall(
        "GET",
        f"{settings.graph_url}/refresh_access_token",
        Auth.NONE,
        query={"grant_type": "ig_refresh_token"},
        secrets={"access_token": Secret.TOKEN},
        idempotent=True,
    )
    return oauth.tokens_of(oauth.good((yield from http(call))))


def inspect(settings: InstagramSettings) -> Flow[TokenFacts]:
    """What the platform says of the token; Instagram's own host only says whether it is good."""
    if settings.login == "facebook":
        return (yield from upkeep.inspect_token(settings, FACEBOOK_NEEDED))
    call = HttpCall(
        "GET", settings.url("me"), settings.auth, query={"fields": "user_id"}, idempotent=True
    )
    oauth.good((yield from http(call)))
    return TokenFacts()


def missing(settings: InstagramSettings) -> Flow[Sequence[str]]:
    """The webhooks that do not come."""
    return (yield from upkeep.missing(settings, NEEDED_FIELDS))


def subscribe(settings: InstagramSettings) -> Flow[None]:
    """Order all webhooks that we read."""
    own = settings.login == "instagram"
    fields = (*FIELDS, *settings.fields) if own else PAGE_FIELDS
    yield from upkeep.subscribe(settings, fields)


def app_lacks(settings: InstagramSettings, hooks: Mapping[str, str]) -> Flow[str | None]:
    """What keeps the app from being told of the account. Of the app of an Instagram Login no page
    says that it can be asked."""
    if settings.login == "instagram":
        return None
    return (yield from upkeep.app_lacks(settings, PLACE, needed(settings), hooks))


def needed(settings: InstagramSettings) -> tuple[str, ...]:
    """The webhooks without which there is no channel, and those that the operator wants."""
    return (*NEEDED_FIELDS, *settings.fields)


OAUTH: Final[Mapping[str, OAuth[Any]]] = {
    "facebook": OAuth(
        authorize=authorize_facebook,
        exchange=oauth.exchange,
        accounts=linked_accounts,
        prolong=oauth.prolong,
    ),
    "instagram": OAuth(
        authorize=authorize, exchange=exchange, accounts=own_account, prolong=prolong
    ),
}
UPKEEP: Final = Upkeep(
    inspect=inspect,
    missing=missing,
    subscribe=subscribe,
    unsubscribe=upkeep.unsubscribe,
    installed=upkeep.installed,
    renews=renews,
    renew=renew,
    app_lacks=app_lacks,
)
