"""What the door tells about itself: its OpenAPI document, and a page for each kind of problem."""

from functools import cache

from omni_actors.api import openapi
from omni_actors.api.problems import KINDS, Problem
from omni_actors.api.requests import NoQuery
from omni_actors.api.routes import Access, Call, Reply, Route
from omni_actors.api.settings import ApiSettings
from omni_actors.api.spell import json_bytes
from omni_actors.api.views import OpenApi, ProblemPage
from omni_actors.gateway.facade import Code


def documents(others: tuple[Route, ...], settings: ApiSettings) -> tuple[Route, ...]:
    """The routes of the documents; the OpenAPI document is of these and all others."""

    @cache
    def written() -> bytes:
        document = openapi.document(
            (*others, *own), version=settings.version, public_url=settings.public_url
        )
        return json_bytes(document)

    async def get_openapi(call: Call[NoQuery, None]) -> Reply:
        """This document."""
        del call
        return Reply(raw=written())

    own = (
        Route(
            "GET",
            "/openapi.json",
            get_openapi,
            "The OpenAPI document",
            answer=OpenApi,
            access=Access.PUBLIC,
        ),
        Route(
            "GET",
            "/problems/{code}",
            get_problem,
            "What a problem's code means",
            answer=ProblemPage,
            access=Access.PUBLIC,
        ),
    )
    return own


async def get_problem(call: Call[NoQuery, None]) -> Reply:
    """One kind of problem."""
    code = call.path["code"]
    if code not in KINDS:
        raise Problem(Code.NOT_FOUND, "there is no problem with this code")
    kind = KINDS[code]
    return Reply(ProblemPage(code, kind.status, kind.title, kind.retryable))
