"""Contacts, to be read: people and how they appear on the platforms."""

from omni_actors.api import render
from omni_actors.api.contact_views import ContactView
from omni_actors.api.requests import ContactQuery, NoQuery
from omni_actors.api.routes import Call, Listing, Reply, Route, listing


async def list_contacts(call: Call[ContactQuery, None]) -> Reply:
    """Contacts, or the one that has an identity."""
    asked = call.query
    identity = None
    if asked.identity is not None:
        kind, _, value = asked.identity.partition(":")
        identity = (kind, value)
    page = await call.gateway.contacts(
        call.caller, after=asked.after, limit=asked.limit, identity=identity
    )
    return listing(call, [render.contact(row) for row in page.rows], page.next)


async def get_contact(call: Call[NoQuery, None]) -> Reply:
    """One contact."""
    return Reply(render.contact(await call.gateway.contact(call.caller, call.path["contact_id"])))


ROUTES = (
    Route(
        "GET",
        "/v1/contacts",
        list_contacts,
        "Contacts; with `identity` the one who has it",
        answer=Listing(ContactView),
        scope="contacts:read",
        query=ContactQuery,
        headers=("Link",),
    ),
    Route(
        "GET",
        "/v1/contacts/{contact_id}",
        get_contact,
        "One contact with its identities",
        answer=ContactView,
        scope="contacts:read",
    ),
)
