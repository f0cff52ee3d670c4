"""New credentials over the API: taken whole, checked, sealed, and never shown."""

from typing import Any

import pytest

from tests.api.conftest import CHANNEL, House, bearer

PATH = f"/v1/channels/{CHANNEL}/credentials"


@pytest.mark.slow
async def test_new_credentials_are_taken_and_not_shown(house: House) -> None:
    response = await house.client.put(PATH, json={"access_token": "EAAG-fresh"})

    assert response.status_code == 200
    assert response.json()["id"] == CHANNEL
    assert "EAAG-fresh" not in response.text
    assert house.gateway.house.routes[CHANNEL].account.token == "EAAG-fresh"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/access_token"),
        ({"access_token": 7}, "/access_token"),
        ({"access_token": "x", "password": "y"}, "/password"),
        ({"access_token": "not ascii: é"}, ""),
        ({"access_token": ""}, ""),
    ],
)
async def test_what_are_no_credentials_is_told_without_repeating_them(
    house: House, body: dict[str, Any], pointer: str
) -> None:
    response = await house.client.put(PATH, json=body)

    assert (response.status_code, response.json()["code"]) == (422, "bad_credentials")
    assert [mistake["pointer"] for mistake in response.json()["errors"]] == [pointer]
    assert "é" not in response.text
    assert house.gateway.house.routes[CHANNEL].account.token == "sandbox-token"


@pytest.mark.slow
async def test_credentials_need_their_scope_and_their_channel(house: House) -> None:
    reader = bearer(await house.key("channels:read"))
    stranger = bearer(await house.key("channels:write", tenant="acme"))
    body = {"access_token": "mine"}

    answers = [
        await house.client.put(PATH, json=body, headers=reader),
        await house.client.put(PATH, json=body, headers=stranger),
        await house.client.put("/v1/channels/none/credentials", json=body),
    ]

    assert [answer.status_code for answer in answers] == [403, 404, 404]
    assert house.gateway.house.routes[CHANNEL].account.token == "sandbox-token"
