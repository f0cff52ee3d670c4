"""Who comes in: keys, scopes, operators, and the peer on loopback."""

from collections.abc import Mapping

from omni_actors.api.asgi import Scope
from omni_actors.api.problems import Problem
from omni_actors.api.routes import Access, Route
from omni_actors.gateway.facade import Caller, Code, Gateway

REALM = 'Bearer realm="omni-actors"'
LOOPBACK = ("127.", "::1", "::ffff:127.")
NOBODY = Caller("", "", frozenset(), "")
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def admit(gateway: Gateway, route: Route, headers: Mapping[str, str], scope: Scope) -> Caller:
    """The caller of a route, charged with one request. Raises Problem when it may not come in."""
    if route.access is Access.PUBLIC:
        return NOBODY
    if route.access is Access.OPERATOR_OR_LOOPBACK and is_local(headers, scope):
        return NOBODY
    caller = known(gateway, headers.get("authorization"))
    if route.access is not Access.KEY:
        if not caller.is_operator:
            raise _forbidden("only an operator's key opens this", "operate")
    elif not caller.is_operator and route.scope not in caller.scopes:
        raise _forbidden(f"the API key lacks the scope {route.scope}", route.scope)
    if (wait_s := gateway.allow(caller.key_id)) is not None:
        raise Problem(
            Code.RATE_LIMITED, "this API key calls too often", retry_after_s=max(wait_s, 1.0)
        )
    return caller


def known(gateway: Gateway, header: str | None) -> Caller:
    """Whose key an Authorization header carries. Raises Problem."""
    if header is None:
        raise _unknown("an API key is needed: Authorization: Bearer <key>", REALM)
    scheme, _, token = header.partition(" ")
    caller = gateway.authenticate(token.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        raise _unknown("the API key is not known", f'{REALM}, error="invalid_token"')
    return caller


def is_local(headers: Mapping[str, str], scope: Scope) -> bool:
    """Whether the peer is on this machine, and not a proxy that speaks for somebody else."""
    host = str((scope.get("client") or ("",))[0])
    local = host.startswith(LOOPBACK)
    return local and not any(name in headers for name in FORWARDED)


def _unknown(detail: str, challenge: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": challenge})


def _forbidden(detail: str, scope: str) -> Problem:
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
    return Problem("insufficient_scope", detail, headers={"WWW-Authenticate": challenge})
