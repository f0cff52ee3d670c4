"""The OpenAPI document: valid, whole, and as strict as the decoder."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from openapi_spec_validator import validate

from omni_actors.api import decode
from omni_actors.api.problems import Problem
from omni_actors.api.routes import Access
from omni_actors.gateway.facade import SCOPES
from omni_actors.model.requests import SendRequest
from tests.api.contract import ALL_ROUTES, DOCUMENT
from tests.api.test_decode import CONTENTS, WRONG

OPERATIONS = """
GET /deletions/{code}
GET /healthz
GET /metrics
GET /openapi.json
GET /problems/{code}
GET /readyz
GET /v1/actors
GET /v1/channels
GET /v1/channels/{channel_id}
GET /v1/channels/{channel_id}/capabilities
GET /v1/channels/{channel_id}/groups
GET /v1/channels/{channel_id}/groups/{group_id}
GET /v1/channels/{channel_id}/groups/{group_id}/invite_link
GET /v1/channels/{channel_id}/groups/{group_id}/join_requests
DELETE /v1/channels/{channel_id}/groups/{group_id}
PATCH /v1/channels/{channel_id}/groups/{group_id}
POST /v1/channels/{channel_id}/groups
POST /v1/channels/{channel_id}/groups/{group_id}/invite_link:reset
POST /v1/channels/{channel_id}/groups/{group_id}/join_requests:approve
POST /v1/channels/{channel_id}/groups/{group_id}/join_requests:reject
POST /v1/channels/{channel_id}/groups/{group_id}/members:remove
POST /v1/messages/{message_id}:pin
POST /v1/messages/{message_id}:unpin
GET /v1/channels/{channel_id}/personas
GET /v1/channels/{channel_id}/profile
GET /v1/channels/{channel_id}/templates
GET /v1/channels/{channel_id}/templates/{name}
GET /v1/connect/{platform}
GET /v1/connect/{platform}/callback
GET /v1/connections/{connection_id}
GET /v1/contacts
GET /v1/contacts/{contact_id}
GET /v1/conversations
GET /v1/conversations/{conversation_id}
GET /v1/conversations/{conversation_id}/context
GET /v1/conversations/{conversation_id}/messages
GET /v1/dead-letters
GET /v1/dead-letters/{dead_letter_id}
GET /v1/events
GET /v1/keys
GET /v1/live
GET /v1/mail-templates
GET /v1/media/{media_id}
GET /v1/messages/{message_id}
GET /v1/messages/{message_id}/attempts
GET /c/{token}
GET /webhooks/{hook}
DELETE /v1/channels/{channel_id}/personas/{persona_id}
DELETE /v1/channels/{channel_id}/profile
DELETE /v1/channels/{channel_id}/templates/{name}
DELETE /v1/keys/{key_id}
PATCH /v1/channels/{channel_id}/templates/{name}
PATCH /v1/conversations/{conversation_id}/context
POST /v1/apps/{app_id}/data-deletion
POST /v1/apps/{app_id}/deauthorize
POST /c/{token}
POST /v1/mail-templates/{name}:render
POST /v1/channels/{channel_id}/history:sync
POST /v1/channels/{channel_id}/limits:sync
POST /v1/channels/{channel_id}/personas
POST /v1/channels/{channel_id}/templates
POST /v1/channels/{channel_id}/templates:sync
POST /v1/channels/{channel_id}:disconnect
POST /v1/channels/{channel_id}:pause
POST /v1/channels/{channel_id}:resume
POST /v1/connections/{connection_id}:choose
POST /v1/conversations/{conversation_id}:close
POST /v1/conversations/{conversation_id}:pass-control
POST /v1/conversations/{conversation_id}:release-control
POST /v1/conversations/{conversation_id}:request-control
POST /v1/conversations/{conversation_id}:take-control
POST /v1/dead-letters:redrive
POST /v1/keys
POST /v1/media
POST /v1/messages
POST /v1/messages/{message_id}:cancel
POST /v1/messages/{message_id}:read
POST /v1/messages/{message_id}:release
POST /v1/messages:preview
POST /webhooks/{hook}
PUT /v1/channels/{channel_id}/credentials
PUT /v1/channels/{channel_id}/profile
"""

# What JSON Schema has no word for; the decoder knows more.
BEYOND_SCHEMA = {"much metadata", "an id with a line feed at its end", "values beyond all measure"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation as method, path and what is said of it."""
    return [
        (method.upper(), path, operation)
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


@pytest.mark.slow
def test_the_document_is_valid_openapi() -> None:
    validate(json.loads(json.dumps(DOCUMENT)))


def test_the_operations_are_these() -> None:
    found = {f"{method} {path}" for method, path, _ in operations()}

    assert found == set(OPERATIONS.split("\n")) - {""}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/channels/{channel_id}/templates", "post"),
        ("/v1/channels/{channel_id}/templates/{name}", "delete"),
        ("/v1/channels/{channel_id}/templates/{name}", "patch"),
    ],
)
def test_a_change_of_templates_may_be_refused_in_two_ways(path: str, method: str) -> None:
    answers = DOCUMENT["paths"][path][method]["responses"]

    assert "`template_refused`" in answers["422"]["description"]
    assert "`platform_refused`" in answers["502"]["description"]


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named <= set(DOCUMENT["components"]["schemas"])


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(names) == len(set(names))


def test_every_route_needs_a_scope_an_operator_or_nothing() -> None:
    for route in ALL_ROUTES:
        assert (route.scope in SCOPES) == (route.access is Access.KEY)


def send_schema() -> Draft202012Validator:
    reference = {"$ref": "#/components/schemas/SendRequest"}
    return Draft202012Validator({"components": DOCUMENT["components"], **reference})


@pytest.mark.parametrize("content", [item[0] for item in CONTENTS.values()], ids=CONTENTS.keys())
def test_what_is_understood_is_in_the_schema(content: Any) -> None:
    assert send_schema().is_valid({"contact_id": "ctc_1", "content": content})


@pytest.mark.parametrize(
    "document", [item[0] for name, item in WRONG.items() if name not in BEYOND_SCHEMA]
)
def test_what_is_a_mistake_is_not_in_the_schema(document: Any) -> None:
    assert not send_schema().is_valid(document)


@pytest.mark.parametrize("route", [r for r in ALL_ROUTES if r.body], ids=lambda route: route.name)
def test_examples_are_understood(route: Any) -> None:
    decode.body(route.example, route.body)


def test_a_null_choice_counts_as_absent_in_schema_and_decoder() -> None:
    document = {"contact_id": "c", "to": None, "content": {"type": "text", "text": "x"}}

    assert send_schema().is_valid(document)
    try:
        decode.body(document, SendRequest)
    except Problem as problem:
        pytest.fail(str(problem.mistakes))
