"""Examines a page or an account from its token to the webhooks of its app, and mends on request.

https://developers.facebook.com/docs/graph-api/webhooks/subscriptions-edge
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from attrs import frozen

from omni_actors.adapters.connecting import Upkeep
from omni_actors.adapters.contract import Checked, Visit
from omni_actors.adapters.meta.app_webhooks import (
    AppWebhooks,
    Place,
    app_webhooks,
    asking,
    callback_finding,
    field_findings,
    hook_findings,
    hook_to_subscribe,
    ordering,
)
from omni_actors.adapters.meta.check import Graph, webhooks, why_not
from omni_actors.adapters.meta.oauth import good
from omni_actors.model.failure import SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Flow, HttpCall, http
from omni_actors.wire.hosts import is_loopback

NOTHING_TO_REGISTER: Final = Checked("register", None, "skipped: only numbers are registered")


class Account(Graph, Protocol):
    """What settings of both platforms have."""

    @property
    def app_id(self) -> str | None: ...

    @property
    def graph_url(self) -> str: ...


S = TypeVar("S", bound=Account)


@frozen
class Practice(Generic[S]):
    """What there is to know of a platform, for one channel.

    `needed` are the fields that its app must order, `more` what is good to have besides. `hidden`
    says why the app cannot be asked, where that is so.
    """

    check: Callable[[S], Flow[Sequence[Checked]]]
    upkeep: Upkeep[S]
    place: Place
    needed: Sequence[str]
    more: Sequence[str] = ()
    hidden: str | None = None


def examined(settings: S, visit: Visit, practice: Practice[S]) -> Flow[Sequence[Checked]]:
    """Examine an account; with `visit.subscribe` order what it lacks. Raises nothing."""
    try:
        findings = list((yield from practice.check(settings)))
    except SendFailure as failed:
        return [Checked("platform", False, f"cannot be asked: {why_not(failed.failure)}")]
    silent = [one for one in findings if one.subject == "webhooks" and one.ok is False]
    if visit.subscribe and silent:
        findings = [one for one in findings if one not in silent]
        findings += yield from _ordered(settings, practice)
    if visit.pin is not None:
        findings.append(NOTHING_TO_REGISTER)
    seen = yield from _app(settings, visit, practice, findings)
    return [*findings, *_reach(settings, visit, practice.place, seen)]


def _ordered(settings: S, practice: Practice[S]) -> Flow[Sequence[Checked]]:
    """Order the webhooks of the account, and look again."""
    try:
        yield from practice.upkeep.subscribe(settings)
        return [
            Checked("subscribe", True, "the webhooks of the account were ordered"),
            (yield from webhooks(settings, practice.upkeep)),
        ]
    except SendFailure as failed:
        return [Checked("subscribe", False, why_not(failed.failure))]


# ---------------------------------------------------------------- the app


def _app(
    settings: S, visit: Visit, practice: Practice[S], findings: list[Checked]
) -> Flow[AppWebhooks | None]:
    """The app's own webhooks, mended where that is asked for; None where they cannot be seen."""
    hidden = practice.hidden
    if settings.app_id is None or not visit.app_secret:
        hidden = hidden or "put app_id and app_secret into the config"
    if hidden is not None:
        why = f"the app's own webhook fields cannot be seen: {hidden}"
        findings.append(Checked("fields", None, why))
        return None
    seen = yield from _seen(settings, practice.place)
    if isinstance(seen, AppWebhooks) and visit.subscribe:
        done = yield from _chosen(settings, visit, practice, seen)
        findings += done
        seen = (yield from _seen(settings, practice.place)) if done else seen
    if isinstance(seen, Checked):
        findings.append(seen)
        return None
    findings += field_findings(seen, practice.needed, practice.more, practice.place)
    return seen


def _seen(settings: Account, place: Place) -> Flow[AppWebhooks | Checked]:
    told = yield from _asked("fields", asking(_subscriptions(settings)))
    return told if isinstance(told, Checked) else app_webhooks(told, place)


def _chosen(
    settings: S, visit: Visit, practice: Practice[S], seen: AppWebhooks
) -> Flow[Sequence[Checked]]:
    """Choose the fields for the app that it lacks; nothing where it lacks none."""
    wanted = frozenset((*practice.needed, *practice.more))
    if not seen.lacks(wanted):
        return []
    hook = hook_to_subscribe(seen, visit.hooks, practice.place)
    if isinstance(hook, Checked):
        return [hook]
    call = ordering(_subscriptions(settings), practice.place, hook, wanted | seen.fields)
    told = yield from _asked("subscribe", call)
    if isinstance(told, Checked):
        return [told]
    return [Checked("subscribe", True, f"the app's webhooks were subscribed to {hook.url}")]


def _subscriptions(settings: Account) -> str:
    return settings.url(settings.app_id or "", "subscriptions")


def _asked(subject: str, call: HttpCall) -> Flow[JsonObject | Checked]:
    try:
        return good((yield from http(call)))
    except SendFailure as failed:
        return Checked(subject, False, f"the app cannot be asked: {why_not(failed.failure)}")


def _reach(
    settings: Account, visit: Visit, place: Place, seen: AppWebhooks | None
) -> Iterator[Checked]:
    """Whether the webhooks come to us, and whether we shall believe them."""
    effective = None if seen is None or seen.url is None else (seen.url, "application")
    yield callback_finding(effective, visit.hooks, place)
    here = is_loopback(urlsplit(settings.graph_url).hostname or "")
    yield from hook_findings(effective, visit.hooks, on_loopback=here)
