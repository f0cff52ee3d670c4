"""Connecting accounts: beginning, coming back from the platform, choosing; and taking it back."""

from urllib.parse import parse_qsl

from markupsafe import escape

from omni_actors.api import render
from omni_actors.api.connect_views import ConnectionView, DeletionView, shown
from omni_actors.api.problems import Problem
from omni_actors.api.requests import ChosenAccounts, ConnectQuery, NoQuery
from omni_actors.api.routes import Access, Call, Reply, Route
from omni_actors.api.views import Healthy
from omni_actors.gateway.facade import Code

HTML = "text/html; charset=utf-8"
FORM = "application/x-www-form-urlencoded"
NOTICE_BYTES_MAX = 16 * 1024
FIELDS_MAX = 20
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{sentence}</p>
</html>
"""


async def connect(call: Call[ConnectQuery, None]) -> Reply:
    """Begin to connect accounts; open the `url` of the answer in a browser."""
    asked = call.query
    begun = await call.gateway.connector.begin(
        call.caller, call.path["platform"], asked.app, asked.channel_id, asked.tenant
    )
    return Reply(shown(begun.connection, begun.url))


async def connect_callback(call: Call[NoQuery, None]) -> Reply:
    """Where the platform sends a person's browser back to."""
    landing = await call.gateway.connector.land(call.path["platform"], dict(call.pairs))
    return page(landing.title, landing.sentence, 200 if landing.ok else 409)


async def get_connection(call: Call[NoQuery, None]) -> Reply:
    """How far a connecting is."""
    connector, connection_id = call.gateway.connector, call.path["connection_id"]
    return Reply(shown(await connector.connection(call.caller, connection_id)))


async def choose_accounts(call: Call[NoQuery, ChosenAccounts]) -> Reply:
    """Connect some of the accounts that were found."""
    connector, connection_id = call.gateway.connector, call.path["connection_id"]
    chosen = await connector.choose(call.caller, connection_id, call.body.accounts)
    return Reply(shown(chosen))


async def deauthorize(call: Call[NoQuery, None]) -> Reply:
    """Meta tells that a person removed the app: what they connected stops sending."""
    await call.gateway.connector.revoke(call.path["app_id"], await notice(call))
    return Reply(Healthy("ok"))


async def delete_data(call: Call[NoQuery, None]) -> Reply:
    """Meta tells that a person wants their data deleted, which is done before the answer."""
    connector = call.gateway.connector
    done = await connector.forget(call.path["app_id"], await notice(call))
    return Reply(DeletionView(f"{connector.public_url()}/deletions/{done.code}", done.code))


async def get_deletion(call: Call[NoQuery, None]) -> Reply:
    """What became of a person's wish, for them to read."""
    done = call.gateway.connector.deletion(call.path["code"])
    day = (render.time(done.at) or "")[:10]
    sentence = (
        f"The request {done.code} was carried out on {day}. What was kept of the person who had "
        f"connected accounts here was deleted: their id, and the access to {done.channels} "
        f"account{'' if done.channels == 1 else 's'}."
    )
    return page("Your data was deleted", sentence)


async def notice(call: Call[NoQuery, None]) -> dict[str, str]:
    """The form that a platform sends. Raises Problem."""
    assert call.incoming is not None
    raw = await call.incoming.read(NOTICE_BYTES_MAX, call.bounds.body_timeout_s)
    try:
        return dict(parse_qsl(raw.decode("ascii"), errors="strict", max_num_fields=FIELDS_MAX))
    except ValueError:
        raise Problem(Code.INVALID, "the body is not a form") from None


def page(title: str, sentence: str, status: int = 200) -> Reply:
    """A page for a person, without anything that a browser could run."""
    html = PAGE.format(title=escape(title), sentence=escape(sentence))
    return Reply(raw=html.encode(), status=status, media_type=HTML)


ROUTES = (
    Route(
        "GET",
        "/v1/connect/{platform}",
        connect,
        "Begin to connect accounts of a platform: the answer has the URL to log in at",
        answer=ConnectionView,
        scope="channels:write",
        query=ConnectQuery,
        writes=True,
        codes=(Code.CONNECT_UNAVAILABLE, Code.CHANNEL_TAKEN),
    ),
    Route(
        "GET",
        "/v1/connect/{platform}/callback",
        connect_callback,
        "Where the platform sends the browser back to after the login",
        access=Access.PUBLIC,
        any_query=True,
        writes=True,
        answer_type=HTML,
        also=(409,),
    ),
    Route(
        "GET",
        "/v1/connections/{connection_id}",
        get_connection,
        "How far a connecting is",
        answer=ConnectionView,
        scope="channels:write",
    ),
    Route(
        "POST",
        "/v1/connections/{connection_id}:choose",
        choose_accounts,
        "Connect some of the accounts that were found",
        answer=ConnectionView,
        scope="channels:write",
        body=ChosenAccounts,
        writes=True,
        codes=(Code.CONNECTION_STATE, Code.CHANNEL_TAKEN),
        example={"accounts": ["104500000000001"]},
    ),
    Route(
        "POST",
        "/v1/apps/{app_id}/deauthorize",
        deauthorize,
        "The platform tells that a person took back what they allowed the app",
        answer=Healthy,
        access=Access.PUBLIC,
        streams=True,
        body_types=(FORM,),
        codes=(Code.BAD_NOTICE,),
    ),
    Route(
        "POST",
        "/v1/apps/{app_id}/data-deletion",
        delete_data,
        "The platform tells that a person wants their data deleted",
        answer=DeletionView,
        access=Access.PUBLIC,
        streams=True,
        body_types=(FORM,),
        codes=(Code.BAD_NOTICE,),
    ),
    Route(
        "GET",
        "/deletions/{code}",
        get_deletion,
        "What became of a person's wish to have their data deleted",
        access=Access.PUBLIC,
        answer_type=HTML,
    ),
)
