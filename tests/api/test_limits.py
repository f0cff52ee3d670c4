"""Asking the platform for a channel's limits over the API."""

import pytest

from tests.api.conftest import CHANNEL, House, bearer

PATH = f"/v1/channels/{CHANNEL}/limits:sync"


@pytest.mark.slow
async def test_a_platform_that_cannot_be_asked_is_told_of(house: House) -> None:
    response = await house.client.post(PATH)

    assert (response.status_code, response.json()["code"]) == (502, "platform_refused")
    assert response.json()["retryable"]


@pytest.mark.slow
async def test_it_needs_its_scope_and_its_channel(house: House) -> None:
    reader = bearer(await house.key("channels:read"))
    stranger = bearer(await house.key("channels:write", tenant="acme"))

    assert (await house.client.post(PATH, headers=reader)).status_code == 403
    assert (await house.client.post(PATH, headers=stranger)).status_code == 404
