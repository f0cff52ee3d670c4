"""How the gateway is: health, readiness, metrics, the live tree of actors."""

from omni_actors.api import render
from omni_actors.api.requests import NoQuery
from omni_actors.api.routes import Access, Call, Listing, Reply, Route, listing
from omni_actors.api.views import ActorView, Healthy, ReadinessView

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def get_healthz(call: Call[NoQuery, None]) -> Reply:
    """The process answers; nothing more is said."""
    del call
    return Reply(Healthy("ok"))


async def get_readyz(call: Call[NoQuery, None]) -> Reply:
    """Whether a load balancer should send work here."""
    readiness = call.gateway.readiness()
    status = 200 if readiness.ready else 503
    return Reply(ReadinessView(readiness.ready, readiness.reasons), status)


async def get_metrics(call: Call[NoQuery, None]) -> Reply:
    """Metrics in the Prometheus text format."""
    return Reply(raw=await call.gateway.metrics(), media_type=METRICS_TYPE)


async def list_actors(call: Call[NoQuery, None]) -> Reply:
    """The live tree, without content."""
    return listing(call, [render.actor(told) for told in call.gateway.actors()], None)


ROUTES = (
    Route(
        "GET",
        "/healthz",
        get_healthz,
        "Whether the process answers",
        answer=Healthy,
        access=Access.PUBLIC,
    ),
    Route(
        "GET",
        "/readyz",
        get_readyz,
        "Whether the gateway takes work",
        answer=ReadinessView,
        access=Access.PUBLIC,
        also=(503,),
    ),
    Route(
        "GET",
        "/metrics",
        get_metrics,
        "Metrics in the Prometheus text format",
        access=Access.OPERATOR_OR_LOOPBACK,
        answer_type=METRICS_TYPE,
    ),
    Route(
        "GET",
        "/v1/actors",
        list_actors,
        "The live tree of actors: states, depths, ages; no content",
        answer=Listing(ActorView),
        access=Access.OPERATOR,
    ),
)
