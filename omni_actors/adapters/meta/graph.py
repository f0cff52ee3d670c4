"""The Graph API's errors, and what its answers say of the budgets of calls."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attrs import frozen

from omni_actors.adapters.reading import mapping, number, sequence, text
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.limits import Usage
from omni_actors.wire.calls import HttpReply

TEXT_CHARACTERS_MAX: Final = 1000
NO_CODE: Final = -1
APP_USAGE: Final = "x-app-usage"
PAGE_USAGE: Final = "x-page-usage"
ACCOUNT_USAGE: Final = "x-business-use-case-usage"
MEASURES: Final = ("call_count", "total_cputime", "total_time")
REGAIN: Final = "estimated_time_to_regain_access"  # minutes

# Graph repeats a bad token in its message; ids of messages are as long, and no secret.
_SECRET = re.compile(r"(?<=access token )\S{12,}|(?<!wamid\.)\b[A-Za-z0-9_|-]{32,}")


@frozen
class Rule:
    """What one of the platform's codes means: the failure without its wording.

    `sentence` tells a person what happened and what to do about it.
    """

    kind: Kind
    reason: Reason
    scope: Scope = Scope.PART
    retry_after_s: float | None = None
    attempts_max: int | None = None
    sentence: str = ""


@frozen
class GraphError:
    """An error of the Graph API, as an answer or a webhook tells it.

    https://developers.facebook.com/docs/graph-api/guides/error-handling
    """

    code: int
    text: str
    subcode: int | None = None
    is_transient: bool | None = None

    @property
    def named(self) -> str | None:
        """The code as the platform writes it; None where it gave none."""
        return None if self.code == NO_CODE else str(self.code)


def graph_error(reply: HttpReply) -> GraphError | None:
    """The error that an answer carries; None when it carries none."""
    try:
        document = reply.document()
    except RecursionError:
        return None
    error = mapping(document).get("error")
    return read_error(error) if isinstance(error, dict) else None


def read_error(error: JsonObject) -> GraphError:
    """Read one error object, whichever of its keys are there; one without a code has NO_CODE."""
    detail = error.get("error_data")
    details = text(mapping(detail).get("details")) or text(detail)
    message = text(error.get("message")) or text(error.get("title"))
    wording = ": ".join(dict.fromkeys(part for part in (message, details) if part))
    code, subcode = number(error.get("code")), number(error.get("error_subcode"))
    transient = error.get("is_transient")
    return GraphError(
        code=NO_CODE if code is None else int(code),
        text=masked(wording),
        subcode=None if subcode is None else int(subcode),
        is_transient=transient if isinstance(transient, bool) else None,
    )


def masked(wording: str) -> str:
    """The platform's words, shortened, without anything that looks like a token."""
    return _SECRET.sub("…", wording[:TEXT_CHARACTERS_MAX])


def failure_of(
    reply: HttpReply, rule_of: Callable[[GraphError, int], Rule], *, repeatable: bool
) -> Failure:
    """The failure that an answer tells.

    `rule_of` judges an error of the Graph by its code and the HTTP status. `repeatable`: the call
    may simply be made again. For any other, an answer that says neither yes nor no leaves the
    outcome unknown: something between us and the platform may have spoken after the platform did.
    """
    error = graph_error(reply)
    if error is None:
        rule = _wordless(reply.status, repeatable=repeatable)
        asked = retry_after_s(reply, rule.scope)
        return _failure(rule, str(reply.status), f"HTTP {reply.status}", asked)
    rule = rule_of(error, reply.status)
    return _failure(rule, error.named, error.text, retry_after_s(reply, rule.scope))


def failure_told(error: GraphError, rule: Rule) -> Failure:
    """The failure that a webhook tells."""
    return _failure(rule, error.named, error.text, None)


def _failure(rule: Rule, code: str | None, wording: str, asked_s: float | None) -> Failure:
    waits = rule.kind in (Kind.THROTTLED, Kind.TRANSIENT)
    return Failure(
        kind=rule.kind,
        reason=rule.reason,
        scope=rule.scope,
        code=code,
        text=wording,
        retry_after_s=asked_s if waits and asked_s is not None else rule.retry_after_s,
        attempts_max=rule.attempts_max,
        advice=rule.sentence or None,
    )


def _wordless(status: int, *, repeatable: bool) -> Rule:
    """Judge an answer that carries no error of the Graph."""
    if status == 429:
        return Rule(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.CHANNEL)
    if status == 401:
        return Rule(Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, Scope.CHANNEL)
    if status == 403:
        return Rule(Kind.BROKEN, Reason.PERMISSION_DENIED, Scope.CHANNEL)
    if 300 <= status < 400:
        return Rule(Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, Scope.CHANNEL)
    if 400 <= status < 500 and status != 408:
        return Rule(Kind.REJECTED, Reason.BAD_REQUEST)
    if repeatable:
        return Rule(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL)
    return Rule(Kind.UNKNOWN, Reason.UNKNOWN)


def retry_after_s(reply: HttpReply, scope: Scope) -> float | None:
    """Seconds that an answer asks to wait: `Retry-After`, else the usage header's estimate.

    A budget's estimate counts where the budget is the trouble: that of sending for an account or
    an app, that of management for a single call. It says nothing of a person or a number.
    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    asked = number(reply.headers.get("retry-after"))
    if asked is not None and asked >= 0:
        return asked
    if scope not in (Scope.ACCOUNT, Scope.APP, Scope.PART):
        return None
    minutes = _minutes_to_regain(reply, management=scope is Scope.PART)
    return max((each * 60 for each in minutes), default=None)


def _minutes_to_regain(reply: HttpReply, *, management: bool) -> Iterator[float]:
    for budget in _budgets(reply):
        minutes = number(budget.get(REGAIN))
        if minutes is not None and minutes > 0 and _is_management(budget) is management:
            yield minutes


def _is_management(budget: Mapping[str, Json]) -> bool:
    return str(budget.get("type")).endswith("_management")


def usage(reply: HttpReply) -> tuple[Usage, ...]:
    """How much of the app's and of the account's budgets of calls is used.

    What is for management only says nothing of sending.
    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    if not any(header in reply.headers for header in (APP_USAGE, ACCOUNT_USAGE, PAGE_USAGE)):
        return ()
    app = mapping(_told(reply, APP_USAGE))
    budgets = [budget for budget in _budgets(reply) if not _is_management(budget)]
    if page := mapping(_told(reply, PAGE_USAGE)):
        budgets.append(page)
    told = [Usage(Scope.APP, _percent(app), _regain_s(app))] if app else []
    if budgets:
        fullest = max(budgets, key=_percent)
        told.append(Usage(Scope.ACCOUNT, _percent(fullest), _regain_s(fullest)))
    return tuple(told)


def _told(reply: HttpReply, header: str) -> Json:
    try:
        document: Json = json.loads(reply.headers.get(header, "{}"))
    except (ValueError, RecursionError):
        return None
    return document


def _budgets(reply: HttpReply) -> list[JsonObject]:
    accounts = mapping(_told(reply, ACCOUNT_USAGE)).values()
    return [mapping(budget) for budgets in accounts for budget in sequence(budgets)]


def _percent(budget: JsonObject) -> float:
    return max(number(budget.get(name)) or 0.0 for name in MEASURES)


def _regain_s(budget: JsonObject) -> float:
    return max(0.0, number(budget.get(REGAIN)) or 0.0) * 60.0


def document_of(reply: HttpReply) -> Json:
    """The document that an answer is; None where it is none, or nested without end."""
    try:
        document: Json = reply.document()
    except RecursionError:
        return None
    return document


def unreadable(why: str) -> SendFailure:
    """The failure of a call that may be made again, whose good answer lacks what it is for."""
    failure = Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, text=why, attempts_max=3)
    return SendFailure(failure)
