"""Webhook to bot to Graph call: whole answers in a second, with one channel and with a hundred.

Four gateways stand side by side and are loaded in turns: 1 or 100 channels, without statuses or
with three unbatched status webhooks for each answer. The total load is the same; every customer is
new. A rate counts until nothing is left anywhere, or the run is void.
"""

import time

from attrs import define, field, frozen

from bench.fleet import Child, Fleet, Server, go, open_fleet, ready
from bench.load import Job, Result, quantile
from bench.report import Pace, Row, Watch, at_least, median, rate_at_least

CONNECTIONS = 32
CHANNELS = (1, 100)
STATUSES = ("sent", "delivered", "read")
HOOK_CONNECTIONS = 8
PLAIN_MIN = 700.0
STATUSES_MIN = 300.0
SPREAD_MIN = 0.85
SHARE = 0.7
ROUND_S = 3.0
ROUNDS = 5
TRIES_MAX = 30
DONE_S_MAX = 120.0
LOOK_S = 0.02


@frozen
class Counted:
    """What one round came to, and what the machine was like meanwhile."""

    per_s: float
    cpu_us: float
    pace: Pace


@define
class Side:
    """One gateway with its platforms, and what its rounds came to."""

    name: str
    server: Server
    platforms: Child
    keys: tuple[str, ...]
    rounds: list[Counted] = field(factory=list)
    void: str | None = None

    @property
    def steady(self) -> list[Counted]:
        """The rounds during which the machine was ours, and of one speed."""
        return [each for each in self.rounds if each.pace.problem is None]

    @property
    def counted(self) -> list[Counted]:
        """The rounds that are told of: steady ones, if there are any."""
        return self.steady or self.rounds

    @property
    def rate(self) -> float:
        """Answers per second, the median of the rounds."""
        return median([each.per_s for each in self.counted])

    @property
    def there(self) -> float:
        """What that is on the reference machine, each round by its own yardstick."""
        return median([each.per_s * each.pace.slowness for each in self.counted])

    def judge(self, wanted: int) -> None:
        """Void if the machine was not steady often enough."""
        if self.void is None and len(self.steady) < wanted:
            self.void = next(each.pace.problem for each in self.rounds if each.pace.problem)

    def job(self, fleet: Fleet, requests: int, **more: float) -> Job:
        """New customers for its channels."""
        url = self.server.hook
        return fleet.job(url, requests, channel_keys=self.keys, connections=CONNECTIONS, **more)


@define
class Round:
    """One job, with the moments at which its answers came and everything was done."""

    job: Job
    result: Result
    done_at: float
    arrivals: list[tuple[int, float]]
    cpu_us: float

    @property
    def per_s(self) -> float:
        """Answers per second until nothing was left."""
        return self.job.requests / (self.done_at - self.result.began)

    def latencies_ms(self) -> list[float]:
        """From the intended moment of each webhook to the Graph call that answers it."""
        began, first, rate = self.result.began, self.job.first, self.job.rate
        return sorted(1000 * (at - began - (serial - first) / rate) for serial, at in self.arrivals)

    def problem(self) -> str | None:
        """What is wrong with it: refused webhooks, answers that are missing or came twice."""
        if self.result.errors:
            return f"{self.result.errors} webhooks were not taken"
        serials = [serial for serial, _ in self.arrivals]
        wanted = range(self.job.first, self.job.first + self.job.requests)
        if sorted(serials) != list(wanted):
            return f"{len(serials)} answers, {len(set(serials))} different, of {len(wanted)}"
        return None


def run(*, quick: bool = False) -> list[Row]:
    """Measure everything; `quick` is too short to be quoted."""
    with open_fleet() as fleet:
        load = fleet.load()
        sides = {
            (amount, statuses): open_side(fleet, amount, statuses)
            for statuses in (False, True)
            for amount in CHANNELS
        }
        requests = warm(fleet, load, sides, 200 if quick else 1000, 0.0 if quick else ROUND_S)
        wanted = 1 if quick else ROUNDS
        for _ in range(1 if quick else TRIES_MAX):
            for key, side in sides.items():
                if len(side.steady) < wanted:
                    watch = Watch()
                    done = one_round(fleet, load, side, requests[key])
                    side.rounds.append(Counted(done.per_s, done.cpu_us, watch.pace()))
        for side in sides.values():
            side.judge(wanted)
        rows = rates(sides)
        for amount in CHANNELS:
            side = sides[amount, False]
            rows += open_loop(fleet, load, side, requests[amount, False])
    return rows


def open_side(fleet: Fleet, amount: int, statuses: bool) -> Side:
    """A gateway with so many channels, and the platforms behind them."""
    keys = tuple([f"7700112233{number:05d}" for number in range(amount)])
    noun = "channel" if amount == 1 else "channels"
    name = f"{amount} {noun}, {'three statuses each' if statuses else 'no statuses'}"
    slug = f"{amount}-{'statuses' if statuses else 'plain'}"
    platforms, graph = fleet.platforms(
        f"platforms-{slug}",
        keys,
        statuses=STATUSES if statuses else (),
        hook_concurrency=HOOK_CONNECTIONS,
        hook_pending_max=1_000_000,
    )
    server = fleet.gateway(slug, fleet.config(slug, keys, graph, bot="echo"))
    platforms.ask(server.hook)
    return Side(name, server, platforms, keys)


def warm(
    fleet: Fleet, load: Child, sides: dict[tuple[int, bool], Side], requests: int, round_s: float
) -> dict[tuple[int, bool], int]:
    """One short round each; the sizes that make later rounds take about `round_s`.

    Sides that are compared get the same size.
    """
    sizes = {
        key: max(requests, int(one_round(fleet, load, side, requests).per_s * round_s))
        for key, side in sides.items()
    }
    return {
        (amount, statuses): max(sizes[each, statuses] for each in CHANNELS)
        for amount, statuses in sizes
    }


def one_round(fleet: Fleet, load: Child, side: Side, requests: int, rate: float = 0.0) -> Round:
    """One job, until nothing is left."""
    job = side.job(fleet, requests, rate=rate)
    side.platforms.ask("arrivals")
    ready(load, job)
    cpu_s = side.server.child.cpu_s()
    result = go(load)
    done_at = wait_until_done(side, requests)
    if done_at is None:
        figures = side.platforms.ask("figures")
        side.void = f"{side.server.backlog()} and {figures} after {DONE_S_MAX:.0f} s"
    cpu_us = 1e6 * (side.server.child.cpu_s() - cpu_s) / requests
    arrivals = side.platforms.ask("arrivals")
    done = Round(job, result, done_at or time.monotonic(), arrivals, cpu_us)
    side.void = side.void or done.problem()
    return done


def wait_until_done(side: Side, requests: int) -> float | None:
    """The moment at which every answer was sent, every status taken and nothing was left."""
    deadline = time.monotonic() + DONE_S_MAX
    while time.monotonic() < deadline:
        figures = side.platforms.ask("figures")
        if figures["accepted"] >= requests and not figures["pending"]:
            now = time.monotonic()
            if not side.server.backlog().amount:
                return now
        time.sleep(LOOK_S)
    return None


def rates(sides: dict[tuple[int, bool], Side]) -> list[Row]:
    """The closed-loop rows."""
    loop = f"{CONNECTIONS} connections, closed loop"
    rows: list[Row] = []
    for (amount, statuses), side in sides.items():
        least = STATUSES_MIN if statuses else PLAIN_MIN
        name = f"echo, {side.name}, {loop}"
        rows.append(rate_at_least(name, side.rate, there=side.there, least=least, void=side.void))
        if amount > 1:
            rows.append(spread(sides[1, statuses], side))
        rows.append(
            Row(
                f"gateway processor time, {side.name}",
                median([c.cpu_us for c in side.counted]),
                "us",
            )
        )
    return rows


def spread(one: Side, many: Side) -> Row:
    """Many channels against one."""
    return at_least(
        f"{many.name}, against one",
        many.there / one.there,
        "times",
        SPREAD_MIN,
        void=one.void or many.void,
    )


def open_loop(fleet: Fleet, load: Child, side: Side, requests: int) -> list[Row]:
    """Latency at a share of what the side can do."""
    rate = SHARE * side.rate
    done = one_round(fleet, load, side, requests, rate=rate)
    latencies = done.latencies_ms() or [0.0]
    name = f"webhook to Graph call, {side.name}, open loop at {rate:,.0f}/s"
    void = side.void
    return [
        Row(f"{name}, p50", quantile(latencies, 0.5), "ms", void=void),
        Row(f"{name}, p99", quantile(latencies, 0.99), "ms", void=void),
    ]
