"""Templates over the API: what is listed, what is out of reach, what a caller may not do."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.templates import Layout, TemplateDefinition, TemplateStatus, TextSlot
from omni_actors.store.templates import EndTemplateSync, KeepTemplates
from tests.api.conftest import CHANNEL, CONFIG, House, bearer, open_house

PATH = f"/v1/channels/{CHANNEL}/templates"
BODY = {"type": "BODY", "text": "Hi {{1}}"}
READY = TemplateDefinition(
    "order_ready",
    "en_GB",
    TemplateStatus.APPROVED,
    "utility",
    "green",
    "4411",
    None,
    (BODY,),
    Layout(body=TextSlot("Hi {{1}}", ("1",))),
)
GERMAN = TemplateDefinition(
    "order_ready", "de", TemplateStatus.PAUSED, "utility", "red", "4412", "LOW_QUALITY"
)
NEW = {"name": "pickup", "language": "en_GB", "category": "utility", "components": [BODY]}


async def known(house: House, *templates: TemplateDefinition) -> None:
    """The platform has listed these."""
    store = house.gateway.house.ground.store
    await store.do(KeepTemplates(CHANNEL, templates, 1_790_000_000.0))
    await store.do(EndTemplateSync(CHANNEL, 1_790_000_000.0, 1_790_000_001.0))


@pytest.mark.slow
async def test_templates_are_listed_with_what_they_ask_of_a_sender(house: House) -> None:
    await known(house, READY, GERMAN)

    listing = (await house.client.get(PATH)).json()

    german, english = listing["items"]
    assert (german["status"], german["sendable"], german["reason"]) == (
        "paused",
        False,
        "LOW_QUALITY",
    )
    assert english["sendable"] is True
    assert english["layout"] == {"body": {"text": "Hi {{1}}", "variables": ["1"]}}
    assert english["components"] == [BODY]
    assert listing["synced_at"] == "2026-09-21T14:13:21.000Z"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "languages"),
    [
        ({"status": "approved"}, ["en_GB"]),
        ({"language": "de"}, ["de"]),
        ({"name": "order_ready", "limit": "1"}, ["de"]),
        ({"name": "none"}, []),
    ],
)
async def test_a_listing_is_filtered(
    house: House, query: dict[str, str], languages: Sequence[str]
) -> None:
    await known(house, READY, GERMAN)

    listing = (await house.client.get(PATH, params=query)).json()

    assert [one["language"] for one in listing["items"]] == languages


@pytest.mark.slow
async def test_the_next_page_is_linked(house: House) -> None:
    await known(house, READY, GERMAN)

    first = await house.client.get(PATH, params={"limit": "1"})
    second = await house.client.get(PATH, params={"limit": "1", "after": first.json()["next"]})

    assert 'rel="next"' in first.headers["Link"]
    assert [one["language"] for one in second.json()["items"]] == ["en_GB"]
    assert second.json()["next"] is None


@pytest.mark.slow
async def test_a_template_in_several_languages_wants_one(house: House) -> None:
    await known(house, READY, GERMAN)

    either = await house.client.get(f"{PATH}/order_ready")
    german = await house.client.get(f"{PATH}/order_ready", params={"language": "de"})
    french = await house.client.get(f"{PATH}/order_ready", params={"language": "fr"})

    assert either.status_code == 400
    assert either.json()["errors"] == [
        {"pointer": "?language", "detail": "must be one of de, en_GB"}
    ]
    assert german.json()["status"] == "paused"
    assert french.status_code == 404
    assert french.json()["detail"] == "there is no such template; it exists in de, en_GB"


@pytest.mark.slow
async def test_why_the_last_reading_failed_is_told(house: House) -> None:
    failure = Failure(Kind.BROKEN, Reason.PERMISSION_DENIED, code="10", text="no permission")
    store = house.gateway.house.ground.store
    await store.do(EndTemplateSync(CHANNEL, 1.0, 2.0, failure))

    listing = (await house.client.get(PATH)).json()

    assert listing["known"] is False
    assert listing["reason"]["code"] == "permission_denied"
    assert listing["reason"]["raw"] == {
        "platform": "whatsapp",
        "code": "10",
        "text": "no permission",
    }


@pytest.mark.slow
async def test_without_an_account_the_platform_is_out_of_reach(house: House) -> None:
    answers = [
        await house.client.post(PATH, json=NEW),
        await house.client.delete(f"{PATH}/order_ready"),
        await house.client.post(f"{PATH}:sync"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "templates_unreachable")
    ] * 3
    assert "waba_id" in answers[0].json()["detail"]


class TestWithAnAccount:
    """The same channel with its business account; nobody answers at its platform."""

    @pytest.fixture
    async def house(self, tmp_path: Path) -> AsyncIterator[House]:
        url = 'graph_url = "http://127.0.0.1:9"'
        text = CONFIG.replace(url, f'{url}\nwaba_id = "900100200300400"')
        async with open_house(tmp_path, text) as opened:
            yield opened

    @pytest.mark.slow
    async def test_a_platform_that_does_not_answer_is_told(self, house: House) -> None:
        answer = await house.client.post(f"{PATH}:sync")

        assert (answer.status_code, answer.json()["code"]) == (502, "platform_refused")
        assert answer.json()["retryable"] is True

    @pytest.mark.slow
    async def test_parameters_that_do_not_fit_are_a_problem_with_pointers(
        self, house: House
    ) -> None:
        await known(house, READY)
        content = {"type": "template", "name": "order_ready", "language": "en_GB"}
        message: dict[str, Any] = {
            "to": {"channel_id": CHANNEL, "address": "+447700900123"},
            "content": content,
        }

        sent = await house.client.post("/v1/messages", json=message)
        shown = await house.client.post("/v1/messages:preview", json=message)

        for answer in (sent, shown):
            assert (answer.status_code, answer.json()["code"]) == (422, "template_params")
            assert answer.json()["errors"] == [
                {
                    "pointer": "/content/params/body",
                    "detail": "is missing; the template wants 1 value",
                }
            ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        {"components": []},
        {"components": ["BODY"]},
        {"components": None},
        {"parameter_format": "both"},
        {"name": ""},
        {"send_ttl_s": -2},
        {"colour": "red"},
    ],
)
async def test_a_submission_of_the_wrong_form_is_refused(
    house: House, wrong: dict[str, Any]
) -> None:
    answer = await house.client.post(PATH, json={**NEW, **wrong})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["errors"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [{"components": []}, {"name": "other"}, {"send_ttl_s": 1.5}, {"category": ""}]
)
async def test_a_change_of_the_wrong_form_is_refused(house: House, wrong: dict[str, Any]) -> None:
    await known(house, READY)

    answer = await house.client.patch(f"{PATH}/order_ready", json=wrong)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.slow
async def test_reading_and_changing_need_their_scopes(house: House) -> None:
    reader = bearer(await house.key("channels:read"))
    other = bearer(await house.key("messages:write"))

    assert (await house.client.get(PATH, headers=reader)).status_code == 200
    assert (await house.client.post(PATH, json=NEW, headers=reader)).status_code == 403
    assert (await house.client.patch(f"{PATH}/x", json={}, headers=reader)).status_code == 403
    assert (await house.client.delete(f"{PATH}/x", headers=reader)).status_code == 403
    assert (await house.client.post(f"{PATH}:sync", headers=reader)).status_code == 403
    assert (await house.client.get(PATH, headers=other)).status_code == 403


@pytest.mark.slow
async def test_another_tenant_sees_nothing(house: House) -> None:
    await known(house, READY)
    stranger = bearer(await house.key("channels:read", "channels:write", tenant="other"))

    for answer in (
        await house.client.get(PATH, headers=stranger),
        await house.client.get(f"{PATH}/order_ready", headers=stranger),
        await house.client.post(f"{PATH}:sync", headers=stranger),
    ):
        assert answer.status_code == 404
