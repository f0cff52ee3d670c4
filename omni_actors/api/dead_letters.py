"""Dead letters: what the gateway gave up on, with its history, and another chance for it."""

from omni_actors.api import render
from omni_actors.api.requests import DeadLetterQuery, NoQuery, Redrive
from omni_actors.api.routes import Call, Listing, Reply, Route, listing
from omni_actors.api.views import DeadLetterDetail, DeadLetterView, RedrivenView


async def list_dead_letters(call: Call[DeadLetterQuery, None]) -> Reply:
    """Dead letters that match."""
    asked = call.query
    page = await call.gateway.dead_letters(
        call.caller,
        after=asked.after,
        limit=asked.limit,
        kind=asked.kind,
        channel_id=asked.channel_id,
        reason=asked.reason,
        redriven=asked.redriven,
    )
    return listing(call, [render.dead_letter(row) for row in page.rows], page.next)


async def get_dead_letter(call: Call[NoQuery, None]) -> Reply:
    """One dead letter with what it was about."""
    row, about = await call.gateway.dead_letter(call.caller, call.path["dead_letter_id"])
    return Reply(DeadLetterDetail(render.dead_letter(row), render.timely_object(about)))


async def redrive_dead_letters(call: Call[NoQuery, Redrive]) -> Reply:
    """Give dead letters another chance."""
    asked = call.body
    where = None
    if asked.where is not None:
        named = {
            "kind": asked.where.kind,
            "channel_id": asked.where.channel_id,
            "reason": asked.where.reason,
        }
        where = {name: value for name, value in named.items() if value is not None}
    told = await call.gateway.redrive(
        call.caller, ids=asked.ids or (), where=where, per_second=asked.per_second
    )
    return Reply(render.redriven(told))


ROUTES = (
    Route(
        "GET",
        "/v1/dead-letters",
        list_dead_letters,
        "What the gateway gave up on",
        answer=Listing(DeadLetterView),
        scope="operate",
        query=DeadLetterQuery,
        headers=("Link",),
    ),
    Route(
        "GET",
        "/v1/dead-letters/{dead_letter_id}",
        get_dead_letter,
        "One dead letter with what it was about",
        answer=DeadLetterDetail,
        scope="operate",
    ),
    Route(
        "POST",
        "/v1/dead-letters:redrive",
        redrive_dead_letters,
        "Give dead letters another chance, by id or by filter, at a rate",
        answer=RedrivenView,
        scope="operate",
        body=Redrive,
        writes=True,
        example={"where": {"channel_id": "wa-support"}, "per_second": 10},
    ),
)
