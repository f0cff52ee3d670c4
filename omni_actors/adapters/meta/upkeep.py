"""What keeps a page's or an account's channel going: its token looked at, its webhooks ordered.

https://developers.facebook.com/docs/graph-api/reference/debug_token
https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from omni_actors.adapters.connecting import TokenFacts
from omni_actors.adapters.meta.app_webhooks import KIND, Place, app_webhooks, asking, trouble
from omni_actors.adapters.meta.oauth import ended, good
from omni_actors.adapters.reading import mapping, number, sequence, text
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, Flow, HttpCall, http


class Account(Protocol):
    """What settings of both platforms have."""

    @property
    def app_id(self) -> str | None: ...

    @property
    def account_id(self) -> str: ...

    @property
    def auth(self) -> Auth: ...

    def url(self, *path: str) -> str: ...


def inspect_token(settings: Account, needed: Sequence[str]) -> Flow[TokenFacts]:
    """What the Graph says of a page's token. Raises SendFailure when it is good no more."""
    call = HttpCall("GET", settings.url("debug_token"), Auth.INSPECT, idempotent=True)
    facts = mapping(good((yield from http(call))).get("data"))
    if facts.get("is_valid") is False:
        error = mapping(facts.get("error"))
        subcode = number(error.get("subcode"))
        code = text(error.get("code")) or "190"
        raise ended(code, None if subcode is None else int(subcode), text(error.get("message")))
    return TokenFacts(
        expires_at=_moment(facts, "expires_at"),
        access_until=_moment(facts, "data_access_expires_at"),
        lacking=_lacking(facts, needed),
    )


def _moment(facts: JsonObject, key: str) -> float | None:
    """A moment in unix seconds; 0 means never."""
    at = number(facts.get(key))
    return at if at and at > 0 else None


def _lacking(facts: JsonObject, needed: Sequence[str]) -> tuple[str, ...]:
    given = {text(scope) for scope in sequence(facts.get("scopes"))}
    return tuple([scope for scope in needed if scope not in given]) if given else ()


def missing(settings: Account, needed: Sequence[str]) -> Flow[Sequence[str]]:
    """The fields that the platform does not send our app webhooks of."""
    there = yield from subscribed(settings)
    return needed if there is None else [name for name in needed if there and name not in there]


def subscribed(settings: Account) -> Flow[tuple[str, ...] | None]:
    """The fields that our app is subscribed to; None where it is not subscribed at all.

    None of them where the platform says that it is, and not to what.
    """
    url = installed(settings)
    reply = yield from http(HttpCall("GET", url, settings.auth, idempotent=True))
    apps = [mapping(item) for item in sequence(good(reply).get("data"))]
    ours = [app for app in apps if settings.app_id in (None, text(app.get("id")))]
    if not ours:
        return None
    names = [text(name) for app in ours for name in sequence(app.get("subscribed_fields"))]
    return tuple([name for name in names if name is not None])


def app_lacks(
    settings: Account, place: Place, needed: Sequence[str], hooks: Mapping[str, str]
) -> Flow[str | None]:
    """Why the app itself keeps webhooks from coming to our hooks, in a sentence, if it does.

    https://developers.facebook.com/docs/graph-api/webhooks/subscriptions-edge
    """
    if settings.app_id is None:
        return None
    reply = yield from http(asking(settings.url(settings.app_id, "subscriptions")))
    urls = [url for url, kind in hooks.items() if kind == KIND]
    return trouble(app_webhooks(good(reply), place), needed, urls, place)


def installed(settings: Account) -> str:
    """What the app is installed on: a page also for the account that is linked to it."""
    return settings.url(settings.account_id, "subscribed_apps")


def unsubscribe(settings: Account) -> Flow[None]:
    """Take our app off the page or the account, so that no more webhooks come."""
    good((yield from http(HttpCall("DELETE", installed(settings), settings.auth, idempotent=True))))


def subscribe(settings: Account, wanted: Sequence[str]) -> Flow[None]:
    """Order webhooks of these fields, beside those that were ordered before."""
    before = (yield from subscribed(settings)) or ()
    fields = ",".join(dict.fromkeys([*wanted, *before]))
    url = installed(settings)
    call = HttpCall("POST", url, settings.auth, query={"subscribed_fields": fields})
    good((yield from http(call)))
