"""The event log, pulled: any consumer can recover alone from the last cursor it has seen."""

from omni_actors.api import render
from omni_actors.api.problems import Problem
from omni_actors.api.requests import EventQuery, NoQuery
from omni_actors.api.routes import Call, Reply, Route
from omni_actors.api.views import EventsView
from omni_actors.gateway.facade import Code


async def list_events(call: Call[EventQuery, None]) -> Reply:
    """Events after a cursor, and the cursor to go on from."""
    asked = call.query
    after = None if asked.after is None else int(asked.after)
    rows, reached = await call.gateway.events(
        call.caller, after=after, limit=asked.limit, types=asked.types
    )
    items = tuple([render.event(row) for row in rows])
    return Reply(EventsView(items, render.cursor(reached)))


async def live_events(call: Call[NoQuery, None]) -> Reply:
    """Tell who comes without a WebSocket how to get one."""
    del call
    raise Problem(
        "upgrade_required",
        "the live feed is a WebSocket: come with Upgrade: websocket",
        headers={"Upgrade": "websocket", "Connection": "Upgrade"},
    )


ROUTES = (
    Route(
        "GET",
        "/v1/events",
        list_events,
        "Events after a cursor; without one, the cursor of now",
        answer=EventsView,
        scope="events:read",
        query=EventQuery,
        codes=(Code.CURSOR_TOO_OLD, Code.CURSOR_UNKNOWN),
    ),
)
