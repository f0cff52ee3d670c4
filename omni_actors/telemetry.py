"""The names of what we log and count, and the rule that no secret and no content goes with it.

Logs are JSON lines on standard error: `event`, `level`, `at` and ids. Metrics live in one registry
of this process; `of` finds a metric's child for its labels more cheaply than the metric itself.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from traceback import walk_tb
from typing import Any, TextIO, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECRET_WORDS = ("token", "secret", "password", "authorization", "proof", "signature", "api_key")
MASK = "***"

REGISTRY = CollectorRegistry(auto_describe=True)

INTAKES = Counter(
    "omni_intakes", "Webhook requests by hook and outcome.", ["hook", "outcome"], registry=REGISTRY
)
REPORTS = Counter(
    "omni_reports", "Reports stored, known already, unclaimed.", ["outcome"], registry=REGISTRY
)
SUBMITTED = Counter(
    "omni_messages_submitted", "Outbound messages taken.", ["platform"], registry=REGISTRY
)
ATTEMPTS = Counter(
    "omni_attempts", "Tries to send a part, by outcome.", ["platform", "outcome"], registry=REGISTRY
)
SEND_SECONDS = Histogram(
    "omni_send_seconds", "From the claim of a part to its answer.", ["platform"], registry=REGISTRY
)
QUEUE_SECONDS = Histogram(
    "omni_queue_seconds",
    "From submit to the claim of a part.",
    ["platform"],
    registry=REGISTRY,
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800),
)
HANDLED = Counter(
    "omni_entries_handled", "Entries handled by conversation actors.", registry=REGISTRY
)
PORTRAITS = Counter(
    "omni_portraits",
    "Questions to platforms about people, by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
MEDIA = Counter("omni_media", "Media fetched, by outcome.", ["outcome"], registry=REGISTRY)
API_REQUESTS = Counter(
    "omni_api_requests", "API requests by route and status.", ["route", "status"], registry=REGISTRY
)
CHANNEL_STATE = Gauge(
    "omni_channel_active", "1 while the channel sends.", ["channel"], registry=REGISTRY
)
CHANNEL_RATE = Gauge(
    "omni_channel_rate",
    "Messages a second that the channel may send: configured, and now.",
    ["channel", "what"],
    registry=REGISTRY,
)
CHANNEL_CLOSED = Gauge(
    "omni_channel_closed_seconds",
    "For how long the channel sends nothing, by its limits.",
    ["channel"],
    registry=REGISTRY,
)
OUTREACH = Gauge(
    "omni_outreach_people",
    "People of the last day whom the channel's portfolio wrote to first, and the limit.",
    ["channel", "what"],
    registry=REGISTRY,
)
DAY = Gauge(
    "omni_day_sent",
    "What the channel's account has sent in 24 hours: messages and recipients, used and limit.",
    ["channel", "of", "what"],
    registry=REGISTRY,
)
THROTTLED = Counter(
    "omni_throttled", "Complaints of too fast, by scope.", ["platform", "scope"], registry=REGISTRY
)
MAILBOX_DOWN = Gauge(
    "omni_mailbox_down",
    "1 while the channel's mailbox cannot be read.",
    ["channel"],
    registry=REGISTRY,
)
MAILBOX_BEHIND = Gauge(
    "omni_mailbox_behind",
    "Mails that are known to wait in the channel's mailbox.",
    ["channel"],
    registry=REGISTRY,
)
STORE_ROWS = Gauge(
    "omni_store_rows", "Rows in the store, by kind, at the scrape.", ["kind"], registry=REGISTRY
)
LOOP_LAG = Gauge("omni_loop_lag_seconds", "p99 lag of the run loop.", registry=REGISTRY)

_log: Any = structlog.get_logger()

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


def of(metric: Metric, *labels: str) -> Metric:
    """The child of a metric for these labels."""
    child: Metric = _child(metric, labels)
    return child


@lru_cache(maxsize=8192)
def _child(metric: Any, labels: tuple[str, ...]) -> Any:
    return metric.labels(*labels)


def first_of(problem: BaseException) -> BaseException:
    """The first failure within a group of them, however deep."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


def place_of(error: BaseException) -> str:
    """`Type at module:function:line` of where it was raised; the text is left out on purpose.

    An exception's text may hold what a person wrote, and this goes to logs and to operators.
    """
    error = first_of(error)
    kind, place = type(error).__qualname__, None
    for frame, line in walk_tb(error.__traceback__):
        place = f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{line}"
    return f"{kind} at {place}" if place else kind


def configure(*, level: str = "info", stream: TextIO | None = None) -> None:
    """Send log lines to `stream` (standard error) from `level` on."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            without_secrets,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def without_secrets(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Mask every field whose name speaks of a secret."""
    for name in line:
        if any(word in name.lower() for word in SECRET_WORDS):
            line[name] = MASK
    return line


def debug(event: str, **fields: object) -> None:
    """Log what only a developer wants to see."""
    _log.debug(event, **fields)


def info(event: str, **fields: object) -> None:
    """Log what an operator may want to see."""
    _log.info(event, **fields)


def warning(event: str, **fields: object) -> None:
    """Log what an operator should look at."""
    _log.warning(event, **fields)


def error(event: str, **fields: object) -> None:
    """Log what an operator must look at."""
    _log.error(event, **fields)


def observe(event: str, fields: Mapping[str, object]) -> None:
    """Log what the runtime tells of itself. That an actor ended as it was told is no warning."""
    as_told = event == "actor.stopped" and fields.get("reason") in ("stopped", "drained")
    log = _log.info if as_told else _log.warning
    log(event, **fields)


def exposition() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
