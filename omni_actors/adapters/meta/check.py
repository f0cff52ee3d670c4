"""Looks whether a page's or an account's channel can be used; findings in sentences.

https://developers.facebook.com/docs/graph-api/reference/debug_token
https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from omni_actors.adapters.connecting import TokenFacts, Upkeep
from omni_actors.adapters.contract import Checked
from omni_actors.adapters.meta.oauth import good
from omni_actors.model.failure import Failure, Kind, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, Flow, HttpCall, http

OUT_OF_REACH: Final = (Kind.UNREACHABLE, Kind.TRANSIENT, Kind.UNKNOWN)


class Graph(Protocol):
    """What is needed of a channel's settings to call its Graph."""

    @property
    def auth(self) -> Auth: ...

    def url(self, *path: str) -> str: ...


T = TypeVar("T")
S = TypeVar("S", bound=Graph)


def examined(
    settings: S, upkeep: Upkeep[S], fields: str, whose: Callable[[JsonObject], Checked]
) -> Flow[Sequence[Checked]]:
    """Whether the token is good, whose it is, and whether webhooks come.

    `whose` judges what the Graph says in these fields of the one whose token it is. Findings only;
    raises SendFailure when the platform cannot be reached.
    """
    facts = yield from _asked("token", upkeep.inspect(settings))
    if isinstance(facts, Checked):
        return [facts]
    findings = [*_token_findings(facts)]
    me = yield from _asked("account", _me(settings, fields))
    findings.append(me if isinstance(me, Checked) else whose(me))
    findings.append((yield from webhooks(settings, upkeep)))
    return findings


def webhooks(settings: S, upkeep: Upkeep[S]) -> Flow[Checked]:
    """Whether the webhooks of the account come to the app."""
    missing = yield from _asked("webhooks", upkeep.missing(settings))
    return missing if isinstance(missing, Checked) else _webhooks(missing)


def _me(settings: Graph, fields: str) -> Flow[JsonObject]:
    url, query = settings.url("me"), {"fields": fields}
    return good(
        (yield from http(HttpCall("GET", url, settings.auth, query=query, idempotent=True)))
    )


def _asked(subject: str, question: Flow[T]) -> Flow[T | Checked]:
    """The answer, or a finding that there is none."""
    try:
        return (yield from question)
    except SendFailure as failed:
        if failed.failure.kind in OUT_OF_REACH:
            raise
        return Checked(subject, False, why_not(failed.failure))


def why_not(failure: Failure) -> str:
    """What went wrong, in our words and the platform's."""
    words = ": ".join(word for word in (failure.code, failure.text) if word)
    said = failure.advice or failure.reason.value
    return f"{said} ({words})" if words else said


def _token_findings(facts: TokenFacts) -> Iterator[Checked]:
    ends = "" if facts.expires_at is None else f"; it ends on {_day(facts.expires_at)}"
    yield Checked("token", True, f"the access token is good{ends}")
    if facts.lacking:
        names = ", ".join(facts.lacking)
        yield Checked("rights", False, f"the access token lacks {names}; connect the channel again")
    if facts.access_until is not None:
        day = _day(facts.access_until)
        yield Checked("access", None, f"the person's consent ends on {day}; connect again by then")


def _webhooks(missing: Sequence[str]) -> Checked:
    if not missing:
        return Checked("webhooks", True, "the app gets the webhooks that are needed")
    names = ", ".join(missing)
    how = "a running gateway orders them within an hour; or connect the channel again"
    return Checked("webhooks", False, f"the app gets no webhooks of {names}; {how}")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %B %Y")
