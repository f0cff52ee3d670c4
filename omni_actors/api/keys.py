"""API keys, for operators: a secret is shown once, when its key is made."""

from omni_actors.api import render
from omni_actors.api.requests import CreateKey, NoQuery
from omni_actors.api.routes import Access, Call, Listing, Reply, Route, listing, replay_headers
from omni_actors.api.views import KeyView, NewKeyView


async def list_keys(call: Call[NoQuery, None]) -> Reply:
    """All keys, without their secrets."""
    return listing(call, [render.key(row) for row in await call.gateway.keys(call.caller)], None)


async def create_key(call: Call[NoQuery, CreateKey]) -> Reply:
    """Make a key."""
    asked = call.body
    made = await call.gateway.create_key(
        call.caller,
        name=asked.name,
        tenant=asked.tenant,
        scopes=asked.scopes,
        idempotency_key=call.idempotency_key,
        fingerprint=call.fingerprint,
    )
    return Reply(NewKeyView(render.key(made.key), made.secret), 201, replay_headers(made.replayed))


async def revoke_key(call: Call[NoQuery, None]) -> Reply:
    """Make a key worthless at once."""
    return Reply(render.key(await call.gateway.revoke_key(call.caller, call.path["key_id"])))


ROUTES = (
    Route(
        "GET",
        "/v1/keys",
        list_keys,
        "API keys, without their secrets",
        answer=Listing(KeyView),
        access=Access.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/keys",
        create_key,
        "Make an API key; its secret is in the answer to this request only",
        answer=NewKeyView,
        status=201,
        access=Access.OPERATOR,
        body=CreateKey,
        idempotent=True,
        writes=True,
        example={"name": "help desk", "scopes": ["messages:write", "messages:read"]},
    ),
    Route(
        "DELETE",
        "/v1/keys/{key_id}",
        revoke_key,
        "Revoke an API key at once",
        answer=KeyView,
        access=Access.OPERATOR,
        writes=True,
    ),
)
