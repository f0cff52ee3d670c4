"""Connectings as callers see them."""

from attrs import asdict, frozen

from omni_actors.api import render
from omni_actors.api.views import Time
from omni_actors.gateway.facade import Connection, ConnectionStatus


@frozen
class AccountView:
    """An account that was found at the platform.

    `obstacle` says why it cannot be connected, and is null where it can. `channel_id` is the
    channel that it is already, or null.
    """

    key: str
    name: str
    obstacle: str | None
    channel_id: str | None


@frozen
class ConnectionView:
    """How far a connecting is.

    `status` is `waiting` for the login, `working`, `choosing` among `accounts`, `connected` as
    `channels`, or `failed` for the reason in `problem`. `url` is where to log in, told only once.
    """

    id: str
    platform: str
    app: str
    status: ConnectionStatus
    url: str | None
    redirect_uri: str
    problem: str | None
    accounts: tuple[AccountView, ...]
    channels: tuple[str, ...]
    created_at: Time
    expires_at: Time


@frozen
class DeletionView:
    """Where a person sees what became of their wish, and the code of it, as Meta asks for it."""

    url: str
    confirmation_code: str


def shown(row: Connection, url: str | None = None) -> ConnectionView:
    """A connecting as it is answered."""
    return ConnectionView(
        id=row.id,
        platform=row.platform,
        app=row.app,
        status=row.status,
        url=url,
        redirect_uri=row.redirect,
        problem=row.problem,
        accounts=tuple([AccountView(**asdict(one)) for one in row.accounts]),
        channels=row.channels,
        created_at=render.time(row.created_at),
        expires_at=render.time(row.expires_at),
    )
