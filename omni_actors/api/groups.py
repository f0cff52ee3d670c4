"""Groups of a channel: who is in them, how people come in; making, changing and ending them."""

from omni_actors.api import render
from omni_actors.api.group_views import (
    DecidedView,
    GroupAskedView,
    GroupView,
    InviteLinkView,
    JoinRequestView,
    NotDecidedView,
)
from omni_actors.api.requests import After, GroupMembers, JoinDecision, NoQuery, Pin
from omni_actors.api.routes import Call, Listing, Reply, Route, listing
from omni_actors.api.views import MessageView
from omni_actors.gateway.facade import Code
from omni_actors.model.groups import Decided, GroupChange, GroupInfo, NewGroup

CODES = (Code.CONTENT_UNSUPPORTED, Code.GROUP_REFUSED, Code.PLATFORM_REFUSED)
GROUPS = "/v1/channels/{channel_id}/groups"
GROUP = GROUPS + "/{group_id}"


async def list_groups(call: Call[After, None]) -> Reply:
    """The groups of a channel as its platform has them now."""
    page = await call.gateway.groups.page(call.caller, call.path["channel_id"], call.query.after)
    return listing(call, [group(each) for each in page.groups], page.next)


async def get_group(call: Call[NoQuery, None]) -> Reply:
    """One group, with who is in it."""
    return Reply(group(await call.gateway.groups.get(call.caller, *place(call))))


async def create_group(call: Call[NoQuery, NewGroup]) -> Reply:
    """Ask for a group; that it is made, and by which link people come in, is told as an event."""
    call.gateway.accepting()
    asked = await call.gateway.groups.create(call.caller, call.path["channel_id"], call.body)
    return Reply(GroupAskedView(asked), 202)


async def change_group(call: Call[NoQuery, GroupChange]) -> Reply:
    """Call a group something else."""
    call.gateway.accepting()
    asked = await call.gateway.groups.change(call.caller, *place(call), call.body)
    return Reply(GroupAskedView(asked), 202)


async def delete_group(call: Call[NoQuery, None]) -> Reply:
    """Put an end to a group; everybody leaves it."""
    call.gateway.accepting()
    asked = await call.gateway.groups.delete(call.caller, *place(call))
    return Reply(GroupAskedView(asked), 202)


async def get_invite_link(call: Call[NoQuery, None]) -> Reply:
    """The link by which people come in."""
    link = await call.gateway.groups.invite_link(call.caller, *place(call), fresh=False)
    return Reply(InviteLinkView(link))


async def reset_invite_link(call: Call[NoQuery, None]) -> Reply:
    """A fresh link; all before it let nobody in any more."""
    call.gateway.accepting()
    link = await call.gateway.groups.invite_link(call.caller, *place(call), fresh=True)
    return Reply(InviteLinkView(link))


async def remove_members(call: Call[NoQuery, GroupMembers]) -> Reply:
    """Take people out of a group; they cannot come back by its link."""
    call.gateway.accepting()
    asked = await call.gateway.groups.remove(call.caller, *place(call), call.body.members)
    return Reply(GroupAskedView(asked), 202)


async def list_join_requests(call: Call[After, None]) -> Reply:
    """Who asks to be let in."""
    page = await call.gateway.groups.requests(call.caller, *place(call), call.query.after)
    items = [
        JoinRequestView(each.id, each.member, render.time(each.asked_at)) for each in page.requests
    ]
    return listing(call, items, page.next)


async def approve_join_requests(call: Call[NoQuery, JoinDecision]) -> Reply:
    """Let people in."""
    return await decide(call, approve=True)


async def reject_join_requests(call: Call[NoQuery, JoinDecision]) -> Reply:
    """Turn people down; they may ask again."""
    return await decide(call, approve=False)


async def decide(call: Call[NoQuery, JoinDecision], *, approve: bool) -> Reply:
    call.gateway.accepting()
    found = await call.gateway.groups.decide(
        call.caller, *place(call), call.body.ids, approve=approve
    )
    return Reply(decided(found))


async def pin_message(call: Call[NoQuery, Pin]) -> Reply:
    """Show a message of a group on top of it."""
    return await pin(call, call.body.days)


async def unpin_message(call: Call[NoQuery, None]) -> Reply:
    """Show it there no more."""
    return await pin(call, None)


async def pin(call: Call[NoQuery, Pin | None], days: int | None) -> Reply:
    call.gateway.accepting()
    message = await call.gateway.message(call.caller, call.path["message_id"])
    await call.gateway.groups.pin(call.caller, message, days)
    return Reply(render.message(message))


def place(call: Call[object, object]) -> tuple[str, str]:
    """Which group of which channel."""
    return call.path["channel_id"], call.path["group_id"]


def group(one: GroupInfo) -> GroupView:
    """A group as callers see it; they write to `address`."""
    return GroupView(
        id=one.id,
        address=f"group:{one.id}",
        subject=one.subject,
        description=one.description,
        suspended=one.suspended,
        approval=one.approval,
        members=one.members,
        created_at=render.time(one.created_at),
    )


def decided(found: Decided) -> DecidedView:
    return DecidedView(
        found.done, tuple([NotDecidedView(each.id, each.why) for each in found.failed])
    )


ROUTES = (
    Route(
        "GET", GROUPS, list_groups, "The groups of a channel, as its platform has them",
        answer=Listing(GroupView), scope="channels:read", query=After, codes=CODES,
        headers=("Link",),
    ),
    Route(
        "POST", GROUPS, create_group, "Ask for a group; `channel.reported` tells what came of it",
        answer=GroupAskedView, status=202, scope="channels:write", body=NewGroup, writes=True,
        codes=CODES, example={"subject": "Tea lovers", "approval": True},
    ),
    Route(
        "GET", GROUP, get_group, "One group with who is in it",
        answer=GroupView, scope="channels:read", codes=CODES,
    ),
    Route(
        "PATCH", GROUP, change_group, "Call a group something else",
        answer=GroupAskedView, status=202, scope="channels:write", body=GroupChange, writes=True,
        codes=CODES, example={"subject": "Tea lovers of London"},
    ),
    Route(
        "DELETE", GROUP, delete_group, "Put an end to a group",
        answer=GroupAskedView, status=202, scope="channels:write", writes=True, codes=CODES,
    ),
    Route(
        "GET", GROUP + "/invite_link", get_invite_link, "The link by which people come in",
        answer=InviteLinkView, scope="channels:read", codes=CODES,
    ),
    Route(
        "POST", GROUP + "/invite_link:reset", reset_invite_link,
        "A fresh link in place of all before it",
        answer=InviteLinkView, scope="channels:write", writes=True, codes=CODES,
    ),
    Route(
        "POST", GROUP + "/members:remove", remove_members, "Take people out of a group",
        answer=GroupAskedView, status=202, scope="channels:write", body=GroupMembers, writes=True,
        codes=(*CODES, Code.BAD_ADDRESS), example={"members": ["+447700900123"]},
    ),
    Route(
        "GET", GROUP + "/join_requests", list_join_requests, "Who asks to be let in",
        answer=Listing(JoinRequestView), scope="channels:read", query=After, codes=CODES,
        headers=("Link",),
    ),
    Route(
        "POST", GROUP + "/join_requests:approve", approve_join_requests, "Let people in",
        answer=DecidedView, scope="channels:write", body=JoinDecision, writes=True, codes=CODES,
        example={"ids": ["MTY0NjcwNDM1OTU"]},
    ),
    Route(
        "POST", GROUP + "/join_requests:reject", reject_join_requests, "Turn people down",
        answer=DecidedView, scope="channels:write", body=JoinDecision, writes=True, codes=CODES,
        example={"ids": ["MTY0NjcwNDM1OTU"]},
    ),
    Route(
        "POST", "/v1/messages/{message_id}:pin", pin_message,
        "Show a message of a group on top of it, for some days",
        answer=MessageView, scope="messages:write", body=Pin, writes=True, codes=CODES,
        example={"days": 7},
    ),
    Route(
        "POST", "/v1/messages/{message_id}:unpin", unpin_message, "Show it there no more",
        answer=MessageView, scope="messages:write", writes=True, codes=CODES,
    ),
)  # fmt: skip
