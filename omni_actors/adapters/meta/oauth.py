"""Facebook Login: how a person lets an app use their pages, and what is linked to those.

https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from attrs import evolve, frozen

from omni_actors.adapters.connecting import Tokens
from omni_actors.adapters.meta.apps import FacebookApp
from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.meta.graph import graph_error, masked
from omni_actors.adapters.reading import mapping, number, sequence, text
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, Flow, HttpCall, HttpReply, Secret, http

PAGES_MAX: Final = 50
PAGE_FIELDS: Final = "id,name,access_token,tasks,instagram_business_account{id,username}"
# To send needs one of these tasks on the page, to order its webhooks needs the other.
SENDING_TASKS: Final = frozenset({"MESSAGING", "MESSAGE"})
MODERATE: Final = "MODERATE"

# Why a token is good no more, by the subcode that comes with code 190.
# https://developers.facebook.com/docs/graph-api/guides/error-handling
TOKEN_ENDS: Final[Mapping[int, str]] = {
    458: "the person who connected the account has removed the app",
    459: "the person who connected the account must log in at the platform and pass a checkpoint",
    460: "the person who connected the account has changed their password",
    463: "the token has expired",
    464: "the person who connected the account must confirm who they are at the platform",
    467: "the token was withdrawn",
}


# ---------------------------------------------------------------- the dialog


def authorize(app: FacebookApp, scopes: Sequence[str], redirect: str, state: str) -> str:
    """The address of the login dialog."""
    asked = {
        "client_id": app.app_id,
        "redirect_uri": redirect,
        "state": state,
        "response_type": "code",
    }
    if app.config_id is None:
        asked["scope"] = ",".join(app.scopes or scopes)
    else:
        asked["config_id"] = app.config_id
    if app.system_user:
        asked["override_default_response_type"] = "true"
    return f"{app.dialog_url}/{app.version}/dialog/oauth?{urlencode(asked)}"


# ---------------------------------------------------------------- tokens


def exchange(app: FacebookApp, redirect: str) -> Flow[Tokens]:
    """Redeem the code for the person's token; that lives an hour or two."""
    call = HttpCall(
        "GET",
        app.url("oauth", "access_token"),
        Auth.NONE,
        query={"client_id": app.app_id, "redirect_uri": redirect},
        secrets={"client_secret": Secret.APP_SECRET, "code": Secret.CODE},
    )
    return tokens_of(good((yield from http(call))))


def prolong(app: FacebookApp) -> Flow[Tokens]:
    """The person's token for one of about 60 days; tokens of pages that come of it do not end."""
    call = HttpCall(
        "GET",
        app.url("oauth", "access_token"),
        Auth.NONE,
        query={"grant_type": "fb_exchange_token", "client_id": app.app_id},
        secrets={"client_secret": Secret.APP_SECRET, "fb_exchange_token": Secret.TOKEN},
        idempotent=True,
    )
    return tokens_of(good((yield from http(call))))


def tokens_of(document: JsonObject) -> Tokens:
    """The token in an answer. Raises SendFailure when there is none."""
    token = text(document.get("access_token"))
    if token is None:
        raise SendFailure(stumbled("the answer is good, but holds no token"))
    lives_s = number(document.get("expires_in"))
    return Tokens(token, lives_s if lives_s and lives_s > 0 else None)


# ---------------------------------------------------------------- pages


@frozen
class Page:
    """A page that a person let us use. `obstacle` is what keeps us from it, if anything."""

    id: str
    name: str
    tokens: Tokens | None
    obstacle: str | None
    instagram_id: str | None
    instagram_name: str | None


def person(app: FacebookApp) -> Flow[str]:
    """The id by which the app knows the person."""
    call = HttpCall("GET", app.url("me"), Auth.PROOF, query={"fields": "id"}, idempotent=True)
    found = text(good((yield from http(call))).get("id"))
    if found is None:
        raise SendFailure(stumbled("the platform does not say who connects"))
    return found


def pages(app: FacebookApp) -> Flow[Sequence[Page]]:
    """All pages that the person let us use, with their tokens."""
    found: list[Page] = []
    asked = {"fields": PAGE_FIELDS, "limit": "100"}
    for _ in range(PAGES_MAX):
        call = HttpCall("GET", app.url("me", "accounts"), Auth.PROOF, query=asked, idempotent=True)
        document = good((yield from http(call)))
        found += _pages_in(document)
        paging = mapping(document.get("paging"))
        after = text(mapping(paging.get("cursors")).get("after"))
        if not paging.get("next") or after is None:
            return found
        asked = {**asked, "after": after}
    raise SendFailure(stumbled(f"the list of pages has no end within {PAGES_MAX} slices"))


def _pages_in(document: JsonObject) -> Iterator[Page]:
    for item in map(mapping, sequence(document.get("data"))):
        page_id, token = text(item.get("id")), text(item.get("access_token"))
        if page_id is None:
            continue
        linked = mapping(item.get("instagram_business_account"))
        yield Page(
            id=page_id,
            name=text(item.get("name")) or page_id,
            tokens=None if token is None else Tokens(token),
            obstacle=_obstacle(item, token),
            instagram_id=text(linked.get("id")),
            instagram_name=text(linked.get("username")),
        )


def _obstacle(item: JsonObject, token: str | None) -> str | None:
    if token is None:
        return "the platform gave no token for this page; choose it in the dialog, too"
    if "tasks" not in item:
        return None
    tasks = {text(task) for task in sequence(item.get("tasks"))}
    if not tasks & SENDING_TASKS:
        return "the person may not send messages for this page; an admin of it can allow that"
    if MODERATE not in tasks:
        return "the person may not moderate this page, which its webhooks need"
    return None


# ---------------------------------------------------------------- answers


def good(reply: HttpReply) -> JsonObject:
    """The object that a good answer is; why else, in a sentence. Raises SendFailure."""
    try:
        return answer(reply, repeatable=True)
    except SendFailure as failed:
        raise SendFailure(explained(failed.failure, reply)) from None


def explained(failure: Failure, reply: HttpReply) -> Failure:
    """A failure with what its subcode means for a token, or with what a login page said."""
    error = graph_error(reply)
    if error is None:
        said = text(mapping(reply.document()).get("error_message"))
        return failure if said is None else evolve(failure, text=masked(said))
    why = TOKEN_ENDS.get(error.subcode or 0)
    if failure.reason is not Reason.CREDENTIALS_EXPIRED or why is None:
        return failure
    return evolve(failure, code=f"{error.code}/{error.subcode}", advice=why)


def ended(code: str, subcode: int | None, wording: str | None) -> SendFailure:
    """A token is good no more, as an answer about it tells."""
    named = code if subcode is None else f"{code}/{subcode}"
    advice = TOKEN_ENDS.get(subcode or 0)
    return SendFailure(
        Failure(
            Kind.BROKEN,
            Reason.CREDENTIALS_EXPIRED,
            Scope.CHANNEL,
            code=named,
            text=wording and masked(wording),
            advice=advice,
        )
    )


def stumbled(why: str) -> Failure:
    """An answer that makes no sense, and may be better another time."""
    return Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL, text=why)
