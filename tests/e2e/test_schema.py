"""The OpenAPI document is true: what it describes is what the running program does."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from tests.e2e.kit import Served

EXAMPLES = 4
SEED = 20260101
SCOPES = ("messages:read", "messages:write", "contacts:read", "channels:read", "events:read")


# All paths, in parts that take about as long as each other.
PARTS = (
    "^/v1/channels",
    "^/v1/messages$",
    "^/v1/messages:preview$",
    "^/(?!v1/channels|v1/messages$|v1/messages:preview$)",
)
EVERYTHING = "^/"
# The coverage phase asks about the shapes of requests, which are the same for whoever asks.
PHASES_OF_OPERATOR = "examples,coverage,fuzzing"
PHASES_OF_TENANT = "examples,fuzzing"
# Statuses that say no to what the document allows, because of what is stored or how one came.
REFUSALS: Mapping[str, Sequence[int]] = {
    "GET /v1/channels/{channel_id}/groups": (400,),
    "GET /v1/channels/{channel_id}/groups/{group_id}": (422,),
    "GET /v1/channels/{channel_id}/groups/{group_id}/invite_link": (422,),
    "GET /v1/channels/{channel_id}/groups/{group_id}/join_requests": (400, 422),
    "PATCH /v1/channels/{channel_id}/groups/{group_id}": (400, 422),
    "DELETE /v1/channels/{channel_id}/groups/{group_id}": (422,),
    "POST /v1/channels/{channel_id}/groups/{group_id}/invite_link:reset": (422,),
    "POST /v1/channels/{channel_id}/groups/{group_id}/members:remove": (422,),
    "POST /v1/channels/{channel_id}/groups/{group_id}/join_requests:approve": (422,),
    "POST /v1/channels/{channel_id}/groups/{group_id}/join_requests:reject": (422,),
    "GET /v1/live": (426,),
    "PATCH /v1/conversations/{conversation_id}/context": (412,),
    "POST /v1/apps/{app_id}/data-deletion": (400,),
    "POST /v1/apps/{app_id}/deauthorize": (400,),
    "POST /v1/conversations/{conversation_id}:pass-control": (422,),
    "POST /v1/conversations/{conversation_id}:release-control": (422,),
    "POST /v1/conversations/{conversation_id}:request-control": (422,),
    "POST /v1/conversations/{conversation_id}:take-control": (422,),
    "POST /v1/keys": (422,),
    "POST /v1/media": (415, 422),
    "POST /v1/messages": (409, 422),
    "POST /v1/messages:preview": (409, 422),
    "POST /v1/messages/{message_id}:pin": (409, 422),
    "POST /v1/messages/{message_id}:read": (409, 422),
    "POST /v1/messages/{message_id}:unpin": (409, 422),
}
OPERATION = """
[[operations]]
include-name = "{name}"
checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 429, {more}]
"""
# Whoever revokes what the listing shows revokes the very key that asks, and sees 401 from then on;
# with credentials that are none, the platform refuses whatever it is asked.
LEFT_OUT = """
[[operations]]
include-name = "DELETE /v1/keys/{key_id}"
enabled = false

[[operations]]
include-name = "PUT /v1/channels/{channel_id}/credentials"
enabled = false
"""


def configured() -> str:
    """What schemathesis is told besides the document."""
    return LEFT_OUT + "".join(
        OPERATION.format(name=name, more=", ".join(map(str, statuses)))
        for name, statuses in REFUSALS.items()
    )


def schemathesis(
    served: Served, key: str, paths: str, phases: str
) -> subprocess.CompletedProcess[str]:
    """Hold some paths of the running program against its own document, by every check there is."""
    arguments = [
        "run",
        f"{served.url}/openapi.json",
        "--header",
        f"Authorization: Bearer {key}",
        "--checks=all",
        f"--include-path-regex={paths}",
        f"--phases={phases}",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES}",
        "--generation-database=none",
        "--generation-allow-x00=false",
        "--generation-codec=utf-8",
        "--rate-limit=150/s",
        "--request-timeout=20",
        "--no-color",
    ]
    (served.folder / "schemathesis.toml").write_text(configured())
    environ = {**os.environ, "PYTHONPATH": os.getcwd(), "SCHEMATHESIS_HOOKS": ""}
    start = "from schemathesis.cli import schemathesis as run; run(prog_name='st')"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        capture_output=True,
        text=True,
        env=environ,
        cwd=served.folder,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("paths", PARTS)
def test_every_answer_is_one_that_the_document_promises(served: Served, paths: str) -> None:
    ended = schemathesis(served, served.operator_key, paths, PHASES_OF_OPERATOR)

    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]


def test_so_is_every_answer_to_somebody_with_fewer_rights(served: Served) -> None:
    ended = schemathesis(served, served.key(*SCOPES), EVERYTHING, PHASES_OF_TENANT)

    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]
