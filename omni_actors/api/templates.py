"""Templates of a channel: what the platform has, what it asks of a sender; creating, deleting."""

from omni_actors.api import render
from omni_actors.api.requests import NoQuery, TemplateLanguage, TemplateQuery
from omni_actors.api.routes import Call, Reply, Route, listing
from omni_actors.api.views import (
    TemplateListView,
    TemplatesDeletedView,
    TemplateSyncView,
    TemplateView,
)
from omni_actors.gateway import facade as g
from omni_actors.gateway.facade import Code
from omni_actors.model.templates import UNSENDABLE, NewTemplate, TemplateChange

MANAGING = (Code.TEMPLATES_UNREACHABLE, Code.PLATFORM_REFUSED)
CHANGING = (*MANAGING, Code.TEMPLATE_REFUSED)
SUBMITTING = (*CHANGING, Code.MEDIA_UNKNOWN, Code.MEDIA_PENDING, Code.MEDIA_FAILED)
EXAMPLE = {
    "name": "order_ready",
    "language": "en_GB",
    "category": "utility",
    "components": [
        {
            "type": "BODY",
            "text": "Hi {{1}}, order {{2}} is ready to collect.",
            "example": {"body_text": [["Ada", "42"]]},
        },
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}]},
    ],
}


async def list_templates(call: Call[TemplateQuery, None]) -> Reply:
    """The templates of a channel as they were last heard of."""
    asked = call.query
    found = await call.gateway.templates.page(
        call.caller,
        call.path["channel_id"],
        after=asked.after,
        limit=asked.limit,
        status=asked.status,
        name=asked.name,
        language=asked.language,
    )
    sync, platform = found.sync, found.channel.platform
    answer = TemplateListView(
        items=tuple([template(row) for row in found.page.rows]),
        next=found.page.next,
        known=found.unreachable is None and sync is not None and sync.synced_at is not None,
        synced_at=render.time(sync.synced_at if sync else None),
        reason=render.reason(sync.failure, platform) if sync else None,
        unreachable=found.unreachable,
    )
    return Reply(answer, headers=listing(call, [], found.page.next).headers)


async def get_template(call: Call[TemplateLanguage, None]) -> Reply:
    """One template; the language may be left out where there is only one."""
    row = await call.gateway.templates.named(
        call.caller, call.path["channel_id"], call.path["name"], call.query.language
    )
    return Reply(template(row))


async def create_template(call: Call[NoQuery, NewTemplate]) -> Reply:
    """Submit a template to the platform; it can be sent once it is approved."""
    call.gateway.accepting()
    row = await call.gateway.templates.create(call.caller, call.path["channel_id"], call.body)
    channel_id, name = row.channel_id, row.definition.name
    return Reply(template(row), 201, {"Location": f"/v1/channels/{channel_id}/templates/{name}"})


async def edit_template(call: Call[TemplateLanguage, TemplateChange]) -> Reply:
    """Change a template; the platform reviews it again."""
    call.gateway.accepting()
    row = await call.gateway.templates.edit(
        call.caller, call.path["channel_id"], call.path["name"], call.query.language, call.body
    )
    return Reply(template(row))


async def delete_template(call: Call[TemplateLanguage, None]) -> Reply:
    """Delete a template on the platform, in one language or in all."""
    call.gateway.accepting()
    deleted = await call.gateway.templates.delete(
        call.caller, call.path["channel_id"], call.path["name"], call.query.language
    )
    return Reply(TemplatesDeletedView(deleted))


async def sync_templates(call: Call[NoQuery, None]) -> Reply:
    """Read all templates of a channel from the platform, and answer when that is done."""
    call.gateway.accepting()
    sync = await call.gateway.templates.sync_now(call.caller, call.path["channel_id"])
    return Reply(TemplateSyncView(sync.channel_id, render.time(sync.synced_at)))


def template(row: g.Template) -> TemplateView:
    """A template as callers see it."""
    one = row.definition
    return TemplateView(
        channel_id=row.channel_id,
        name=one.name,
        language=one.language,
        status=one.status,
        sendable=one.status not in UNSENDABLE,
        category=one.category,
        quality=one.quality,
        reason=one.reason,
        external_id=one.external_id,
        layout=one.layout,
        components=one.components,
        changed_at=render.time(row.changed_at),
        seen_at=render.time(row.seen_at),
    )


ROUTES = (
    Route(
        "GET",
        "/v1/channels/{channel_id}/templates",
        list_templates,
        "The templates of a channel, by name and language",
        answer=TemplateListView,
        scope="channels:read",
        query=TemplateQuery,
        headers=("Link",),
    ),
    Route(
        "GET",
        "/v1/channels/{channel_id}/templates/{name}",
        get_template,
        "One template of a channel",
        answer=TemplateView,
        scope="channels:read",
        query=TemplateLanguage,
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}/templates",
        create_template,
        "Submit a template for approval; `components` are in the platform's own words",
        answer=TemplateView,
        status=201,
        scope="channels:write",
        body=NewTemplate,
        writes=True,
        codes=SUBMITTING,
        headers=("Location",),
        example=EXAMPLE,
    ),
    Route(
        "PATCH",
        "/v1/channels/{channel_id}/templates/{name}",
        edit_template,
        "Change a template, in one language; `components` replace all that it has",
        answer=TemplateView,
        scope="channels:write",
        query=TemplateLanguage,
        body=TemplateChange,
        writes=True,
        codes=SUBMITTING,
        example={"components": EXAMPLE["components"]},
    ),
    Route(
        "DELETE",
        "/v1/channels/{channel_id}/templates/{name}",
        delete_template,
        "Delete a template on the platform, in one language or in all",
        answer=TemplatesDeletedView,
        scope="channels:write",
        query=TemplateLanguage,
        writes=True,
        codes=CHANGING,
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}/templates:sync",
        sync_templates,
        "Read a channel's templates from the platform now",
        answer=TemplateSyncView,
        scope="channels:write",
        writes=True,
        codes=MANAGING,
    ),
)
