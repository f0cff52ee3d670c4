"""Conversations: the cross-channel thread, its messages, its legs, and the bot's context."""

import re
from collections.abc import Callable
from typing import Any

from omni_actors.api import render
from omni_actors.api.problems import Problem
from omni_actors.api.requests import (
    ContextPatch,
    Control,
    ConversationQuery,
    MessageQuery,
    NoQuery,
    PassControl,
    ReleaseControl,
)
from omni_actors.api.routes import Call, Listing, Reply, Route, listing
from omni_actors.api.views import ContextView, ConversationView, MessageView
from omni_actors.gateway.facade import Code, Context, Gateway, Mistake

CONTROL_CODES = (Code.CONTROL_REFUSED, Code.PLATFORM_REFUSED)
_ETAG = re.compile(r'"?([0-9]{1,18})"?', re.ASCII)


def windows(gateway: Gateway) -> Callable[[str], render.Windows]:
    """Tells for how long a platform lets a business write."""
    known: dict[str, render.Windows] = {}

    def look(platform: str) -> render.Windows:
        if platform not in known:
            told: Any = gateway.capabilities(platform)
            known[platform] = render.Windows(told["window_s"], told["human_window_s"])
        return known[platform]

    return look


async def list_conversations(call: Call[ConversationQuery, None]) -> Reply:
    """Conversations, of one contact or with a channel if the caller says so."""
    asked = call.query
    page = await call.gateway.conversations(
        call.caller,
        after=asked.after,
        limit=asked.limit,
        contact_id=asked.contact_id,
        channel_id=asked.channel_id,
    )
    now, free = call.gateway.now(), windows(call.gateway)
    return listing(call, [render.conversation(row, now, free) for row in page.rows], page.next)


async def get_conversation(call: Call[NoQuery, None]) -> Reply:
    """One conversation with its legs."""
    row = await call.gateway.conversation(call.caller, call.path["conversation_id"])
    return Reply(render.conversation(row, call.gateway.now(), windows(call.gateway)))


async def list_messages(call: Call[MessageQuery, None]) -> Reply:
    """The messages of a conversation in order, or with `newest_first` from its end."""
    page = await call.gateway.messages(
        call.caller,
        call.path["conversation_id"],
        after=call.query.after,
        limit=call.query.limit,
        newest_first=call.query.newest_first,
    )
    return listing(call, [render.message(row) for row in page.rows], page.next)


async def close_conversation(call: Call[NoQuery, None]) -> Reply:
    """Close a conversation; the next inbound message opens it again."""
    row = await call.gateway.close_conversation(call.caller, call.path["conversation_id"])
    return Reply(render.conversation(row, call.gateway.now(), windows(call.gateway)))


async def take_control(call: Call[NoQuery, Control]) -> Reply:
    """Take the control of a conversation from another app, or a person in the platform's inbox."""
    row = await call.gateway.control.take(
        call.caller, call.path["conversation_id"], call.body.channel_id, call.body.told
    )
    return Reply(render.conversation(row, call.gateway.now(), windows(call.gateway)))


async def request_control(call: Call[NoQuery, Control]) -> Reply:
    """Ask the app that has the control to pass it on to us; nothing changes until it does."""
    row = await call.gateway.control.request(
        call.caller, call.path["conversation_id"], call.body.channel_id, call.body.told
    )
    return Reply(render.conversation(row, call.gateway.now(), windows(call.gateway)))


async def release_control(call: Call[NoQuery, ReleaseControl]) -> Reply:
    """Leave a conversation to whoever answers first."""
    row = await call.gateway.control.release(
        call.caller, call.path["conversation_id"], call.body.channel_id
    )
    return Reply(render.conversation(row, call.gateway.now(), windows(call.gateway)))


async def pass_control(call: Call[NoQuery, PassControl]) -> Reply:
    """Hand the control of a conversation to another app of the business."""
    asked = call.body
    row = await call.gateway.control.give(
        call.caller, call.path["conversation_id"], asked.channel_id, asked.app_id, asked.told
    )
    return Reply(render.conversation(row, call.gateway.now(), windows(call.gateway)))


async def get_context(call: Call[NoQuery, None]) -> Reply:
    """The bot's context."""
    return context_reply(await call.gateway.context(call.caller, call.path["conversation_id"]))


async def patch_context(call: Call[NoQuery, ContextPatch]) -> Reply:
    """Merge into the bot's context."""
    context = await call.gateway.patch_context(
        call.caller,
        call.path["conversation_id"],
        call.body.patch,
        expected_version(call.headers.get("if-match")),
    )
    return context_reply(context)


def context_reply(context: Context) -> Reply:
    """A context with its version as ETag."""
    view = ContextView(context.value, context.version)
    return Reply(view, headers={"ETag": f'"{context.version}"'})


def expected_version(if_match: str | None) -> int | None:
    """The version that `If-Match` names; `*` and none mean any. Raises Problem."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        detail = "If-Match is not an ETag of a context"
        raise Problem(Code.INVALID, detail, mistakes=[Mistake("If-Match", detail)])
    return int(match[1])


ROUTES = (
    Route(
        "GET",
        "/v1/conversations",
        list_conversations,
        "Conversations",
        answer=Listing(ConversationView),
        scope="messages:read",
        query=ConversationQuery,
        headers=("Link",),
    ),
    Route(
        "GET",
        "/v1/conversations/{conversation_id}",
        get_conversation,
        "One conversation with its legs and windows",
        answer=ConversationView,
        scope="messages:read",
    ),
    Route(
        "GET",
        "/v1/conversations/{conversation_id}/messages",
        list_messages,
        "The messages of a conversation, across its channels",
        answer=Listing(MessageView),
        scope="messages:read",
        query=MessageQuery,
        headers=("Link",),
    ),
    Route(
        "GET",
        "/v1/conversations/{conversation_id}/context",
        get_context,
        "The bot's context",
        answer=ContextView,
        scope="messages:read",
        headers=("ETag",),
    ),
    Route(
        "PATCH",
        "/v1/conversations/{conversation_id}/context",
        patch_context,
        "Change the bot's context by a JSON merge patch",
        answer=ContextView,
        scope="messages:write",
        body=ContextPatch,
        body_types=("application/merge-patch+json", "application/json"),
        writes=True,
        codes=(Code.VERSION_CONFLICT,),
        headers=("ETag",),
        request_headers=("If-Match",),
        example={"step": "address", "basket": None},
    ),
    Route(
        "POST",
        "/v1/conversations/{conversation_id}:close",
        close_conversation,
        "Close a conversation",
        answer=ConversationView,
        scope="messages:write",
        writes=True,
    ),
    Route(
        "POST",
        "/v1/conversations/{conversation_id}:take-control",
        take_control,
        "Take the control of a conversation from another app or the platform's inbox",
        answer=ConversationView,
        scope="messages:write",
        body=Control,
        writes=True,
        codes=CONTROL_CODES,
        example={"told": "a colleague answers"},
    ),
    Route(
        "POST",
        "/v1/conversations/{conversation_id}:request-control",
        request_control,
        "Ask the app that has the control of a conversation to pass it on to us",
        answer=ConversationView,
        scope="messages:write",
        body=Control,
        writes=True,
        codes=CONTROL_CODES,
        example={"told": "a colleague knows the answer"},
    ),
    Route(
        "POST",
        "/v1/conversations/{conversation_id}:release-control",
        release_control,
        "Leave a conversation to whoever answers first",
        answer=ConversationView,
        scope="messages:write",
        body=ReleaseControl,
        writes=True,
        codes=CONTROL_CODES,
        example={"channel_id": "fb-page"},
    ),
    Route(
        "POST",
        "/v1/conversations/{conversation_id}:pass-control",
        pass_control,
        "Hand the control of a conversation to another app of the business",
        answer=ConversationView,
        scope="messages:write",
        body=PassControl,
        writes=True,
        codes=CONTROL_CODES,
        example={"app_id": "263902037430900", "told": "wants a refund"},
    ),
)
