"""What every call to Meta's Graph goes through: permissions, budgets, usage headers, figures."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Job, Outcome
from omni_actors.sandbox.faults import Fault, Target
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.tokens import Token
from omni_actors.sandbox.meta.world import World

Run = Callable[[Fault | None], Outcome]
WHATSAPPS_USUAL_CODE = 131000

_SCOPES = {
    "messages": ("pages_messaging", "instagram_manage_messages"),
    "subscribe": ("pages_manage_metadata", "pages_manage_metadata"),
    "comments": ("pages_messaging", "instagram_manage_comments"),
}
_OWN_SCOPES = {
    "messages": "instagram_business_manage_messages",
    "subscribe": "instagram_business_basic",
    "comments": "instagram_business_manage_comments",
}


def authorized(world: World, request: Request, channel: Channel, right: str) -> Token:
    """The caller's token, which must act for the account and have the right. Raises GraphError."""
    value = graph.token_of(request)
    token = world.book.good(value, world.stage.clock.now())
    account, standing = channel.account, channel.standing
    if token.profile_id != channel.graph_id:
        raise refusal(10, details="The token has no permission for this object")
    secret = world.app_secrets()[token.app_id]
    graph.check_proof(request, value, secret, required=account.require_proof)
    if standing.token_subcode is not None:
        raise refusal(190, standing.token_subcode)
    check_scope(channel, token, right)
    if channel.rules.name == "instagram" and right == "messages":
        _check_instagram(channel)
    return token


def check_scope(channel: Channel, token: Token, right: str) -> None:
    """Whether the token may do this. Raises GraphError."""
    names = _SCOPES[right]
    scope = names[channel.rules.name == "instagram"]
    if channel.page_id is None:
        scope = _OWN_SCOPES[right]
    if scope in token.scopes:
        return
    if right == "comments" and channel.rules.name == "instagram":
        raise refusal(200, 2534066)
    raise refusal(200, details=f"Requires {scope} permission to manage the object")


def _check_instagram(channel: Channel) -> None:
    if not channel.standing.linked:
        raise refusal(100, 2534013)
    if not channel.standing.message_access:
        raise refusal(200, 2534041)


def job_of(channel: Channel, call: str, run: Run, *, kind: str = "", to: str = "") -> Job:
    """A call on behalf of an account, counted and metered."""
    channel.figures.call(call)
    return Job(
        target=Target(channel.key, call, kind, to),
        run=partial(_metered, channel, partial(_refusing, channel, run)),
        refuse=partial(_refuse, channel),
        platform=channel.rules.name,
    )


def plain_job(platform: str, call: str, run: Callable[[], Answer], kind: str = "") -> Job:
    """A call on behalf of an app or a person, such as a login."""

    def carried_out(_fault: Fault | None) -> Outcome:
        try:
            return Outcome(run())
        except GraphError as error:
            return Outcome(error.answer())

    return Job(Target("", call, kind), carried_out, _refuse_plainly, platform)


def _refuse_plainly(fault: Fault) -> Answer:
    return _refusal_of(fault, (4, None)).answer(*_retry_after(fault))


def _refuse(channel: Channel, fault: Fault) -> Answer:
    """The platform's own words for a fault rule."""
    error = _refusal_of(fault, channel.rules.too_fast)
    channel.figures.refuse(error.code)
    return _with(error.answer(*_retry_after(fault)), usage_headers(channel, 0, 0))


def _refusal_of(fault: Fault, too_fast: tuple[int, int | None]) -> GraphError:
    match fault.kind:
        case "throttle":
            return refusal(*too_fast)
        case "expire_token":
            return refusal(190, 463)
        case _:
            code = 2 if fault.code == WHATSAPPS_USUAL_CODE else fault.code
            return refusal(code, fault.subcode, "A fault rule refused this call")


def _retry_after(fault: Fault) -> tuple[tuple[str, str], ...]:
    wait_s = fault.retry_after_s
    return () if wait_s is None else (("Retry-After", f"{wait_s:g}"),)


def _refusing(channel: Channel, run: Run, fault: Fault | None) -> Outcome:
    try:
        return run(fault)
    except GraphError as error:
        channel.figures.refuse(error.code)
        return Outcome(error.answer())


def _metered(channel: Channel, run: Run, fault: Fault | None) -> Outcome:
    """Hold the call against the budget, and tell the caller how much is used."""
    now = channel.stage.clock.now()
    share = channel.budget.count(now)
    wait_min = channel.budget.minutes_left(now) if share >= 100 else 0
    if fault is not None and fault.kind == "usage":
        share, wait_min, fault = fault.percent, fault.regain_min, None
        outcome = run(None)
    elif share > 100:
        channel.figures.refuse(channel.rules.over_budget)
        outcome = Outcome(refusal(channel.rules.over_budget).answer())
    else:
        outcome = run(fault)
    if fault is not None and fault.kind == "error_after":
        code = 1 if fault.code == WHATSAPPS_USUAL_CODE else fault.code
        subcode = 1357046 if code == 1 and fault.subcode is None else fault.subcode
        outcome = evolve(outcome, answer=refusal(code, subcode).answer())
    return evolve(outcome, answer=_with(outcome.answer, usage_headers(channel, share, wait_min)))


def usage_headers(channel: Channel, share: int, wait_min: int) -> tuple[tuple[str, str], ...]:
    """What every answer tells of the budgets of calls, in percent and minutes."""
    spent = {"call_count": share, "total_cputime": share // 4, "total_time": share // 4}
    usage = {"type": channel.rules.name, **spent, "estimated_time_to_regain_access": wait_min}
    return (
        ("X-App-Usage", json.dumps(spent)),
        ("X-Business-Use-Case-Usage", json.dumps({channel.key: [usage]})),
    )


def _with(answer: Answer, headers: tuple[tuple[str, str], ...]) -> Answer:
    return evolve(answer, headers=answer.headers + headers)


def after(change: Callable[[], None], document: dict[str, Any] | None = None) -> Run:
    """Does something, and says that it is done."""

    def run(_fault: Fault | None) -> Outcome:
        change()
        return Outcome(json_answer(200, document or {"success": True}))

    return run


def telling(tell: Callable[[], Any]) -> Run:
    """Answers with what there is to tell at that moment."""
    return lambda _fault: Outcome(json_answer(200, tell()))
