"""What a channel says of itself before anybody writes, and the faces that it can speak with."""

from omni_actors.api.requests import NoQuery, ProfilePieces
from omni_actors.api.routes import Call, Listing, Reply, Route, listing
from omni_actors.api.views import PersonaDeletedView, ProfileClearedView
from omni_actors.gateway.facade import Code
from omni_actors.model.profile import NewPersona, Persona, Profile

CODES = (Code.CONTENT_UNSUPPORTED, Code.PLATFORM_REFUSED)
EXAMPLE = {
    "get_started": "START",
    "greeting": [{"text": "Hi {{user_first_name}}, how can we help?"}],
    "starters": [{"questions": [{"question": "Where is my order?", "id": "FAQ_ORDER"}]}],
    "menu": [
        {
            "items": [
                {"title": "Talk to a person", "id": "HUMAN"},
                {"title": "Shop", "url": "https://shop.example/"},
            ]
        }
    ],
}


async def get_profile(call: Call[NoQuery, None]) -> Reply:
    """What a channel says of itself."""
    return Reply(await call.gateway.profiles.read(call.caller, call.path["channel_id"]))


async def put_profile(call: Call[NoQuery, Profile]) -> Reply:
    """Replace pieces of it."""
    call.gateway.accepting()
    await call.gateway.profiles.put(call.caller, call.path["channel_id"], call.body)
    return Reply(call.body)


async def clear_profile(call: Call[ProfilePieces, None]) -> Reply:
    """Take pieces of it away."""
    call.gateway.accepting()
    cleared = await call.gateway.profiles.clear(
        call.caller, call.path["channel_id"], call.query.pieces
    )
    return Reply(ProfileClearedView(cleared))


async def list_personas(call: Call[NoQuery, None]) -> Reply:
    """The faces of a channel."""
    found = await call.gateway.profiles.personas(call.caller, call.path["channel_id"])
    return listing(call, list(found), None)


async def add_persona(call: Call[NoQuery, NewPersona]) -> Reply:
    """Make a face."""
    call.gateway.accepting()
    made = await call.gateway.profiles.add_persona(call.caller, call.path["channel_id"], call.body)
    return Reply(made, 201)


async def delete_persona(call: Call[NoQuery, None]) -> Reply:
    """Take a face away."""
    call.gateway.accepting()
    persona_id = call.path["persona_id"]
    await call.gateway.profiles.drop_persona(call.caller, call.path["channel_id"], persona_id)
    return Reply(PersonaDeletedView(persona_id))


ROUTES = (
    Route(
        "GET",
        "/v1/channels/{channel_id}/profile",
        get_profile,
        "What a channel says of itself before anybody writes: greeting, questions, menu",
        answer=Profile,
        scope="channels:read",
        codes=(*CODES, Code.RATE_LIMITED),
    ),
    Route(
        "PUT",
        "/v1/channels/{channel_id}/profile",
        put_profile,
        "Set pieces of it; pieces that are left out stay as they are",
        answer=Profile,
        scope="channels:write",
        body=Profile,
        writes=True,
        codes=(*CODES, Code.RATE_LIMITED),
        example=EXAMPLE,
    ),
    Route(
        "DELETE",
        "/v1/channels/{channel_id}/profile",
        clear_profile,
        "Take pieces of it away, or all of them",
        answer=ProfileClearedView,
        scope="channels:write",
        query=ProfilePieces,
        writes=True,
        codes=(*CODES, Code.RATE_LIMITED),
    ),
    Route(
        "GET",
        "/v1/channels/{channel_id}/personas",
        list_personas,
        "The faces that a channel can speak with",
        answer=Listing(Persona),
        scope="channels:read",
        codes=CODES,
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}/personas",
        add_persona,
        "Make a face; `author.persona` of a message names it by its id",
        answer=Persona,
        status=201,
        scope="channels:write",
        body=NewPersona,
        writes=True,
        codes=CODES,
        example={"name": "Rita", "picture_url": "https://cdn.example/rita.jpg"},
    ),
    Route(
        "DELETE",
        "/v1/channels/{channel_id}/personas/{persona_id}",
        delete_persona,
        "Take a face away; a face cannot be changed",
        answer=PersonaDeletedView,
        scope="channels:write",
        writes=True,
        codes=CODES,
    ),
)
