"""What channels share at their platform, found out at a start."""

from typing import Any

from attrs import evolve

from omni_actors.adapters.email import EMAIL
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.gateway.pacing import Pacer
from omni_actors.gateway.sender import Route
from omni_actors.model.limits import Ties
from omni_actors.model.states import ChannelState
from omni_actors.net.account import Account
from omni_actors.store.rows import Channel


def test_a_start_looks_at_each_channel_so_often_and_not_more_for_all_the_others() -> None:
    looked = list[str]()

    def ties(settings: EmailSettings) -> Ties:
        looked.append(settings.address)
        return EMAIL.ties(settings)

    adapter = evolve(EMAIL, ties=ties)
    routes = {
        address: Route(adapter, EmailSettings(address), Account(address, ""))
        for address in [f"a{n}@shop.example" for n in range(40)]
    }
    channels = {
        id: Channel(id, "default", "email", id, {}, ChannelState.ACTIVE, None, 0.0, "config")
        for id in routes
    }
    nothing: Any = None  # of accounts without a limit the store knows nothing
    pacer = Pacer(
        nothing, {"email": adapter}, lambda: 1e9, lambda: channels, lambda: routes, lambda: {}
    )
    for channel in channels.values():
        pacer.limits(channel)

    assert len(looked) <= 12 * len(routes)
