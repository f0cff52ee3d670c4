"""Channels: their state, queue, limiter, health and capabilities; pausing and resuming."""

from omni_actors.api import render
from omni_actors.api.channel_views import ChannelBody
from omni_actors.api.requests import NewCredentials, NoQuery
from omni_actors.api.routes import Call, Listing, Reply, Route, listing
from omni_actors.api.views import CapabilitiesView
from omni_actors.gateway.facade import Code


async def list_channels(call: Call[NoQuery, None]) -> Reply:
    """All channels of the caller."""
    views = await call.gateway.channels(call.caller)
    return listing(call, [render.channel(view) for view in views], None)


async def get_channel(call: Call[NoQuery, None]) -> Reply:
    """One channel."""
    return Reply(render.channel(await call.gateway.channel(call.caller, call.path["channel_id"])))


async def get_capabilities(call: Call[NoQuery, None]) -> Reply:
    """What a channel can carry."""
    view = await call.gateway.channel(call.caller, call.path["channel_id"])
    return Reply(render.capabilities(call.gateway.capabilities(view.channel.platform)))


async def pause_channel(call: Call[NoQuery, None]) -> Reply:
    """Stop sending; receiving goes on."""
    return Reply(render.channel(await call.gateway.pause(call.caller, call.path["channel_id"])))


async def disconnect_channel(call: Call[NoQuery, None]) -> Reply:
    """Let go of a connected account."""
    channel_id = call.path["channel_id"]
    await call.gateway.connector.let_go(call.caller, channel_id)
    return Reply(render.channel(await call.gateway.channel(call.caller, channel_id)))


async def put_credentials(call: Call[NoQuery, NewCredentials]) -> Reply:
    """Give a channel new credentials."""
    view = await call.gateway.put_credentials(
        call.caller, call.path["channel_id"], call.body.values
    )
    return Reply(render.channel(view))


async def sync_limits(call: Call[NoQuery, None]) -> Reply:
    """Ask the platform what it allows the channel; `limiter` keeps to that from now on."""
    view = await call.gateway.sync_limits(call.caller, call.path["channel_id"])
    return Reply(render.channel(view))


async def sync_history(call: Call[NoQuery, None]) -> Reply:
    """Read the old conversations of a channel; `history` shows how far that is."""
    view = await call.gateway.sync_history(call.caller, call.path["channel_id"])
    return Reply(render.channel(view), 202)


async def resume_channel(call: Call[NoQuery, None]) -> Reply:
    """Send again."""
    return Reply(render.channel(await call.gateway.resume(call.caller, call.path["channel_id"])))


ROUTES = (
    Route(
        "GET",
        "/v1/channels",
        list_channels,
        "Channels with their state, queue, limiter and health",
        answer=Listing(ChannelBody),
        scope="channels:read",
    ),
    Route(
        "GET",
        "/v1/channels/{channel_id}",
        get_channel,
        "One channel",
        answer=ChannelBody,
        scope="channels:read",
    ),
    Route(
        "GET",
        "/v1/channels/{channel_id}/capabilities",
        get_capabilities,
        "What a channel can carry, by content type",
        answer=CapabilitiesView,
        scope="channels:read",
    ),
    Route(
        "PUT",
        "/v1/channels/{channel_id}/credentials",
        put_credentials,
        "Give a channel new credentials, such as a token; they are kept sealed and never shown",
        answer=ChannelBody,
        scope="channels:write",
        body=NewCredentials,
        writes=True,
        codes=(Code.UNKNOWN_CHANNEL, Code.BAD_CREDENTIALS),
        example={"access_token": "EAAG-new-token"},
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}/limits:sync",
        sync_limits,
        "Read a channel's throughput and messaging limit from the platform now",
        answer=ChannelBody,
        scope="channels:write",
        writes=True,
        codes=(Code.LIMITS_UNREACHABLE, Code.PLATFORM_REFUSED),
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}/history:sync",
        sync_history,
        "Read a channel's old conversations from the platform; `history` shows the progress",
        answer=ChannelBody,
        scope="channels:write",
        status=202,
        writes=True,
        codes=(Code.HISTORY_UNREACHABLE,),
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}:pause",
        pause_channel,
        "Stop sending on a channel; receiving goes on and the queue is kept",
        answer=ChannelBody,
        scope="channels:write",
        writes=True,
        codes=(Code.UNKNOWN_CHANNEL, Code.TOO_LATE),
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}:resume",
        resume_channel,
        "Send again on a channel",
        answer=ChannelBody,
        scope="channels:write",
        writes=True,
        codes=(Code.UNKNOWN_CHANNEL, Code.TOO_LATE),
    ),
    Route(
        "POST",
        "/v1/channels/{channel_id}:disconnect",
        disconnect_channel,
        "Let go of a connected account: its webhooks end, its token is forgotten",
        answer=ChannelBody,
        scope="channels:write",
        writes=True,
        codes=(Code.CONNECT_UNAVAILABLE, Code.PLATFORM_REFUSED),
    ),
)
