"""How long the command line waits for a gateway."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from omni_actors.api_client import ApiClient

CALLS: dict[str, tuple[Callable[[ApiClient], Any], float]] = {
    "what is looked up": (lambda client: client.get("channels"), 30.0),
    "what asks a platform": (
        lambda client: client.post("channels", "wa", "templates", verb="sync"),
        300.0,
    ),
    "what uploads to one": (
        lambda client: client.patch("channels", "wa", "templates", "sale", body={}),
        660.0,
    ),
}


@pytest.mark.parametrize(("call", "least_s"), CALLS.values(), ids=CALLS.keys())
def test_it_waits_as_long_as_the_gateway_may_take(
    call: Callable[[ApiClient], Any], least_s: float
) -> None:
    """A listing of templates may take five minutes, an upload of an example ten."""
    waits: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        waits.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={})

    with httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(answer)) as http:
        call(ApiClient("http://127.0.0.1:1", http))

    assert waits[0] >= least_s
