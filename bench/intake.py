"""How many signed webhooks are taken in a second, durably, beside a server that keeps nothing.

The variants stand side by side and are loaded in turns, so that all see the same machine; the
figures are medians over the rounds. Every request is another customer's.
"""

from attrs import define, field

from bench.fleet import Child, Fleet, Server, go, open_fleet, ready, wait_until_done
from bench.load import Result
from bench.report import Row, at_most, median

KEY = "770011223344556"
GRAPH = "http://127.0.0.1:9"  # nobody sends anything here
CONNECTIONS = 32
MANY = 256
ACCEPT_MIN = 0.85
PIPELINE_MIN = 0.4
P99_MS_MAX = 100.0
LAG_S_MAX = 1.0
SHARE = 0.7
ROUND_S = 3.0


@define
class Side:
    """One server and what its rounds came to."""

    server: Server
    requests: int = 0
    rates: list[float] = field(factory=list)
    cpu_us: list[float] = field(factory=list)
    errors: int = 0
    lag_s: float = 0.0
    void: str | None = None

    @property
    def rate(self) -> float:
        """Requests per second, the median of the rounds."""
        return median(self.rates)


def run(*, quick: bool = False) -> list[Row]:
    """Measure everything; `quick` is too short to be quoted."""
    rounds, warm = (1, 200) if quick else (5, 1000)
    with open_fleet() as fleet:
        load = fleet.load()
        sides = servers(fleet)
        quick_side = sides.pop("quick")
        closed_loop(fleet, load, quick_side, 20 * warm)
        for side in sides.values():
            closed_loop(fleet, load, side, warm)
            side.requests = warm if quick else int(ROUND_S * side.rates.pop())
            side.cpu_us.clear()
        for _ in range(rounds):
            for side in sides.values():
                closed_loop(fleet, load, side, side.requests)
        rows = rates(sides, quick_side)
        for side in sides.values():
            rows += open_loop(fleet, load, side)
        for side in sides.values():
            rows.append(crowded(fleet, load, side))
    return rows


def servers(fleet: Fleet) -> dict[str, Side]:
    """The variants; the gateway is the built program."""
    configs = {
        name: fleet.config(name, [KEY], GRAPH)
        for name in ("quick", "bare", "server", "accept", "pipeline")
    }
    gateway = Side(fleet.gateway("pipeline", configs.pop("pipeline")))
    doors = {name: Side(fleet.door(name, config)) for name, config in configs.items()}
    return {**doors, "pipeline": gateway}


def closed_loop(fleet: Fleet, load: Child, side: Side, requests: int) -> None:
    """One round: as fast as the answers come."""
    ready(load, fleet.job(side.server.hook, requests, connections=CONNECTIONS))
    cpu_s = side.server.child.cpu_s()
    result = go(load)
    ended = settled(side, result)
    side.errors += result.errors
    side.rates.append((requests - result.errors) / (ended - result.began))
    side.cpu_us.append(1e6 * (side.server.child.cpu_s() - cpu_s) / requests)


def settled(side: Side, result: Result) -> float:
    """When everything behind the answers was done as well; the run is void when that takes long."""
    if side.server.name != "pipeline":
        return result.ended
    done_at = wait_until_done(side.server, 30.0)
    if done_at is None:
        side.void = f"{side.server.backlog()} after 30 s"
        return result.ended
    side.lag_s = max(side.lag_s, done_at - result.ended)
    if side.lag_s > LAG_S_MAX:
        side.void = f"the pipeline was {side.lag_s:.1f} s behind"
    return done_at


def rates(sides: dict[str, Side], quick_side: Side) -> list[Row]:
    """The closed-loop rows."""
    loop = f"{CONNECTIONS} connections, closed loop"
    bare, accept, pipeline = sides["bare"], sides["accept"], sides["pipeline"]
    return [
        Row(f"load generator, against a server that only answers, {loop}", quick_side.rate, "/s"),
        Row(f"bare ASGI callable, stores nothing, {loop}", bare.rate, "/s"),
        Row(
            f"the same callable under our server, {loop}",
            sides["server"].rate,
            "/s",
            ratio=sides["server"].rate / bare.rate,
            against="bare",
        ),
        Row(
            f"accept, durable, nothing behind, {loop}",
            accept.rate,
            "/s",
            ratio=accept.rate / bare.rate,
            against="bare",
            target=f">= {ACCEPT_MIN:g} x",
            met=accept.rate >= ACCEPT_MIN * bare.rate,
        ),
        Row(
            f"whole pipeline, until nothing is left, {loop}",
            pipeline.rate,
            "/s",
            ratio=pipeline.rate / bare.rate,
            against="bare",
            target=f">= {PIPELINE_MIN:g} x",
            met=pipeline.rate >= PIPELINE_MIN * bare.rate,
            void=pipeline.void,
        ),
        Row("whole pipeline, longest way behind the last answer", pipeline.lag_s, "s"),
        *[
            Row(f"{side.server.name}, processor time a webhook", median(side.cpu_us), "us")
            for side in sides.values()
        ],
        at_most(f"errors, {loop}", sum(side.errors for side in sides.values()), "", 0),
    ]


def open_loop(fleet: Fleet, load: Child, side: Side) -> list[Row]:
    """Latency from the intended moment, at a share of what the side can do."""
    rate = SHARE * side.rate
    job = fleet.job(side.server.hook, side.requests, connections=4 * CONNECTIONS, rate=rate)
    ready(load, job)
    result = go(load)
    settled(side, result)
    name = f"{side.server.name}, open loop at {rate:,.0f}/s"
    void = side.void or (f"{result.errors} errors" if result.errors else None)
    return [
        Row(f"{name}, p50", result.p50_ms, "ms", void=void),
        at_most(f"{name}, p99", result.p99_ms, "ms", P99_MS_MAX, void=void),
    ]


def crowded(fleet: Fleet, load: Child, side: Side) -> Row:
    """Errors with many connections at once."""
    ready(load, fleet.job(side.server.hook, side.requests, connections=MANY))
    result = go(load)
    settled(side, result)
    name = f"{side.server.name}, errors, {MANY} connections, closed loop, {result.per_s:,.0f}/s"
    return at_most(name, result.errors, "", 0)
