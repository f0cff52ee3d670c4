"""Who may come in: keys, scopes, operators, loopback, and how often."""

import pytest

from omni_actors.api.app import ROUTES
from omni_actors.api.routes import Access, Route
from omni_actors.gateway.facade import SCOPES
from omni_actors.policy.rate import Limit
from tests.api.conftest import OPERATOR, House, bearer, text_to

STRANGERS = "203.0.113.9"


def url_of(route: Route) -> str:
    """A URL of a route, about things that do not exist."""
    path = route.path
    while "{" in path:
        path = path[: path.index("{")] + "none" + path[path.index("}") + 1 :]
    return path


@pytest.mark.slow
async def test_no_key_opens_nothing_but_what_is_public(house: House) -> None:
    async with house.at(STRANGERS) as client:
        for route in ROUTES:
            response = await client.request(route.method, url_of(route))
            if route.access is Access.PUBLIC:
                assert response.status_code in (200, 404, 409, 503)  # "none" is not there
            else:
                assert response.status_code == 401
                assert response.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.slow
async def test_a_key_without_the_scope_is_told_which_one_it_lacks(house: House) -> None:
    async with house.at(STRANGERS) as client:
        for route in [route for route in ROUTES if route.access is Access.KEY]:
            others = [scope for scope in SCOPES if scope != route.scope]
            headers = bearer(await house.key(*others))
            response = await client.request(route.method, url_of(route), headers=headers)
            assert response.status_code == 403
            assert f'scope="{route.scope}"' in response.headers["www-authenticate"]


@pytest.mark.slow
async def test_a_tenants_key_opens_no_operators_route(house: House) -> None:
    headers = bearer(await house.key(*SCOPES))
    async with house.at(STRANGERS) as client:
        for path in ("/v1/actors", "/v1/keys", "/metrics"):
            assert (await client.get(path, headers=headers)).status_code == 403


@pytest.mark.slow
async def test_an_operators_key_opens_all(house: House) -> None:
    headers = bearer(await house.key("operate", tenant="*"))
    async with house.at(STRANGERS) as client:
        for path in ("/v1/actors", "/v1/keys", "/metrics", "/v1/channels"):
            assert (await client.get(path, headers=headers)).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_metrics_are_open_on_loopback(house: House, host: str) -> None:
    async with house.at(host) as client:
        response = await client.get("/metrics")

    assert response.status_code == 200
    assert b"omni_api_requests_total" in response.content


@pytest.mark.slow
async def test_metrics_are_closed_to_whom_a_proxy_on_loopback_speaks_for(house: House) -> None:
    async with house.at("127.0.0.1") as client:
        response = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})

    assert response.status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Basic abc", "Bearer omni_wrong", "Bearer omni_\xff"]
)
async def test_a_wrong_key_is_not_known(house: House, header: str) -> None:
    async with house.at(STRANGERS) as client:
        response = await client.get(
            "/v1/channels", headers=[(b"Authorization", header.encode("latin-1"))]
        )

    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"


@pytest.mark.slow
async def test_a_revoked_key_is_worthless_at_once(house: House) -> None:
    secret = await house.key("channels:read")
    row = next(
        key for key in await house.gateway.keys(OPERATOR) if key.scopes == ("channels:read",)
    )
    async with house.at(STRANGERS) as client:
        before = await client.get("/v1/channels", headers=bearer(secret))
        operator = bearer(await house.key("operate", tenant="*"))
        revoked = await client.delete(f"/v1/keys/{row.id}", headers=operator)
        after = await client.get("/v1/channels", headers=bearer(secret))

    assert (before.status_code, revoked.status_code, after.status_code) == (200, 200, 401)
    assert revoked.json()["revoked_at"] is not None


@pytest.mark.slow
async def test_a_keys_secret_is_shown_once(house: House) -> None:
    operator = bearer(await house.key("operate", tenant="*"))
    asked = {"name": "desk", "scopes": ["channels:read"], "tenant": "default"}

    made = await house.client.post("/v1/keys", json=asked, headers=operator)
    listed = await house.client.get("/v1/keys", headers=operator)

    assert made.status_code == 201
    assert made.json()["secret"] not in listed.text
    shown = await house.client.get("/v1/channels", headers=bearer(made.json()["secret"]))
    assert shown.status_code == 200


@pytest.mark.slow
async def test_whoever_asks_again_for_the_same_key_gets_it(house: House) -> None:
    operator = bearer(await house.key("operate", tenant="*"))
    asked = {"name": "desk", "scopes": ["channels:read"], "tenant": "default"}
    headers = operator | {"Idempotency-Key": "desk-1"}

    made = await house.client.post("/v1/keys", json=asked, headers=headers)
    again = await house.client.post("/v1/keys", json=asked, headers=headers)
    other = await house.client.post("/v1/keys", json=asked | {"name": "x"}, headers=headers)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == made.json()
    assert other.json()["code"] == "idempotency_mismatch"


@pytest.mark.slow
async def test_a_key_that_calls_too_often_is_told_when_to_come_back(house: House) -> None:
    house.gateway.paces.limit = Limit(1, 2)
    headers = bearer(await house.key("channels:read"))

    statuses = [
        (await house.client.get("/v1/channels", headers=headers)).status_code for _ in range(3)
    ]
    refused = await house.client.get("/v1/channels", headers=headers)

    assert statuses == [200, 200, 429]
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["retryable"] is True


@pytest.mark.slow
async def test_what_belongs_to_another_tenant_does_not_exist(house: House) -> None:
    sent = await house.client.post("/v1/messages", json=text_to())
    stranger = bearer(await house.key(*SCOPES, tenant="other"))

    message = await house.client.get(sent.headers["Location"], headers=stranger)
    conversation = await house.client.get(
        f"/v1/conversations/{sent.json()['conversation_id']}", headers=stranger
    )
    channels = await house.client.get("/v1/channels", headers=stranger)
    sending = await house.client.post("/v1/messages", json=text_to(), headers=stranger)

    assert (message.status_code, conversation.status_code) == (404, 404)
    assert channels.json()["items"] == []
    assert sending.json()["code"] == "unknown_channel"
