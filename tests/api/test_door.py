"""What every request goes through: bounds, ids, problems, headers."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from omni_actors.api.app import build_app
from omni_actors.api.problems import KINDS, code_of
from omni_actors.api.settings import ApiSettings
from omni_actors.gateway.facade import Code
from tests.api.conftest import House, bearer, checked_client, text_to


async def test_every_code_of_the_gateway_has_a_status() -> None:
    assert {code.value for code in Code} <= set(KINDS)


@pytest.mark.parametrize("status", [400, 404, 405, 408, 413, 414, 415, 418, 429, 431, 500, 599])
async def test_every_status_has_a_code(status: int) -> None:
    assert code_of(status) in KINDS


@pytest.mark.slow
async def test_a_problem_leads_to_a_page_that_explains_it(house: House) -> None:
    problem = (await house.client.get("/v1/messages/none")).json()
    page = await house.client.get(problem["type"])

    assert page.json() == {
        "code": "not_found",
        "status": 404,
        "title": problem["title"],
        "retryable": False,
    }


@pytest.mark.slow
async def test_a_callers_request_id_comes_back(house: House) -> None:
    headers = {"X-Request-Id": "order-77"}

    response = await house.client.get("/v1/messages/none", headers=headers)

    assert response.headers["x-request-id"] == "order-77"
    assert response.json()["request_id"] == "order-77"


@pytest.mark.slow
@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b'])
async def test_a_request_id_that_does_not_fit_is_replaced(house: House, given: str) -> None:
    response = await house.client.get("/healthz", headers={"X-Request-Id": given})

    assert re.fullmatch("req_[0-9a-f]{24}", response.headers["x-request-id"])


@pytest.mark.slow
async def test_every_answer_is_closed_to_browsers(house: House) -> None:
    for path in ("/healthz", "/nothing", "/v1/channels", "/openapi.json"):
        headers = (await house.client.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.slow
async def test_a_wrong_method_is_told_the_right_ones(house: House) -> None:
    response = await house.client.put("/v1/messages/msg_1")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/messages/",
        "//v1/channels",
        "/v1/messages/a%00b",
        "/v1/messages/%ff",
        "/v1/messages/%2e%2e%2f",
        "/v1/messages/a:b",
        "/v1/messages/" + "a" * 129,
        "/v1/messages/%ed%a0%80",
    ],
)
async def test_what_does_not_exist_is_not_found(house: House, path: str) -> None:
    response = await house.client.get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=%FF", "after=%00", "unknown=1", "&".join(["a=1"] * 60)],
)
async def test_a_bad_query_is_the_callers_mistake(house: House, query: str) -> None:
    response = await house.client.get(f"/v1/conversations?{query}")

    assert response.status_code == 400


@pytest.mark.slow
async def test_a_url_that_is_too_long_is_refused(house: House) -> None:
    response = await house.client.get("/v1/conversations?after=" + "a" * 9000)

    assert response.status_code == 414


@pytest.mark.slow
async def test_headers_that_are_too_large_are_refused(house: House) -> None:
    response = await house.client.get("/v1/channels", headers={"X-Large": "a" * 20000})

    assert response.status_code == 431


@pytest.mark.slow
async def test_a_body_that_is_too_large_is_refused_by_what_it_says(house: House) -> None:
    response = await house.client.post("/v1/messages", content=b" " * (1024 * 1024 + 1))

    assert response.status_code == 413
    assert response.headers["connection"] == "close"


@pytest.mark.slow
async def test_a_body_that_is_too_large_is_refused_by_what_it_is(house: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65536

    response = await house.client.post(
        "/v1/messages", content=pieces(), headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 413


@pytest.mark.slow
async def test_a_body_of_another_type_is_not_supported(house: House) -> None:
    response = await house.client.post("/v1/messages", data={"text": "hi"})

    assert response.status_code == 415
    assert response.json()["detail"] == (
        "Content-Type must be application/json; it is application/x-www-form-urlencoded"
    )


@pytest.mark.slow
async def test_mistakes_in_a_body_are_all_told(house: House) -> None:
    response = await house.client.post("/v1/messages", json={"content": {"type": "text"}, "x": 1})

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/content/text", "", "/x"]


@pytest.mark.slow
async def test_an_unexpected_error_is_a_problem_without_any_content(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        """A gateway whose every answer is a bug."""

        def __getattr__(self, name: str) -> Any:
            if name in ("authenticate", "allow", "hook_body_max"):
                return getattr(house.gateway, name)
            raise RuntimeError("secret words of a customer")

    broken: Any = Broken()
    app = build_app(broken, ApiSettings())
    async with checked_client(httpx.ASGITransport(app=app)) as client:
        headers = bearer(await house.key("messages:write"))
        response = await client.post("/v1/messages", json=text_to(), headers=headers)

    assert response.status_code == 500
    assert "customer" not in response.text
    assert "customer" not in "".join(capsys.readouterr())


@pytest.mark.slow
async def test_a_draining_gateway_takes_nothing_new_but_still_answers(house: House) -> None:
    house.gateway.house.drain_begun.set()

    sending = await house.client.post("/v1/messages", json=text_to())
    reading = await house.client.get("/v1/channels")

    assert (sending.status_code, sending.json()["code"]) == (503, "draining")
    assert int(sending.headers["retry-after"]) >= 1
    assert reading.status_code == 200
