"""How a channel stands with its platform: which news say so, and which forbid it to send."""

from collections.abc import Callable, Mapping
from typing import Final

from omni_actors.model.failure import Kind
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.limits import USERS_PER_DAY
from omni_actors.model.reports import ChannelReported, Severity
from omni_actors.model.standing import Standing

# What no other news ends is no longer looked at after so long, in seconds.
NOTICE_S: Final = 7 * 86400.0
ERROR_S: Final = 86400.0
NOTHING: Final = "nothing"
LIMIT: Final = "messaging_limit"


def standings_of(report: ChannelReported) -> tuple[Standing, ...]:
    """What a channel's news mean for how it stands: of their own topic, and of the messaging limit
    where they tell that beside it."""
    found = standing_of(report)
    beside = None if report.kind == LIMIT else limit_told(report.detail, report.at)
    return tuple([standing for standing in (found, beside) if standing is not None])


def limit_told(detail: JsonObject, at: float) -> Standing | None:
    """The messaging limit, where something else tells it too; None when that says nothing of it."""
    told = {key: detail[key] for key in (USERS_PER_DAY, "tier") if key in detail}
    if USERS_PER_DAY not in told:
        return None
    return Standing(LIMIT, ok=True, sentence=_limit(told), at=at, detail=told)


def standing_of(report: ChannelReported) -> Standing | None:
    """What a channel's news mean for its topic; None when they change nothing of that.

    Only what forbids all sending blocks: a channel that may still answer its customers does.
    """
    if report.kind == "error":
        return _trouble(report)
    say = SENTENCES.get(report.kind)
    if say is None:
        return None
    return Standing(
        topic=_topic(report),
        ok=report.severity is Severity.INFO,
        sentence=say(report.detail),
        at=report.at,
        blocks=report.detail.get("sending") == NOTHING,
        until=_until(report),
        detail=report.detail,
    )


def _trouble(report: ChannelReported) -> Standing | None:
    """Trouble that the platform itself reports; what passes by itself is no matter of standing."""
    failure = report.failure
    if failure is None or failure.kind is not Kind.BROKEN:
        return None
    said = failure.text or f"the code {failure.code}"
    sentence = f"The platform complains: {said}."
    until = report.at + ERROR_S
    return Standing("error", ok=False, sentence=sentence, at=report.at, until=until)


def _topic(report: ChannelReported) -> str:
    """Alerts of several types stand side by side; of anything else the newest word counts."""
    if report.kind == "alert" and (named := report.detail.get("type")):
        return f"alert:{named}"
    return report.kind


def _until(report: ChannelReported) -> float | None:
    told = report.detail.get("until")
    if isinstance(told, int | float):
        return float(told)
    return report.at + NOTICE_S if report.kind in PASSING else None


PASSING: Final = frozenset({"security", "violation"})


def _named(detail: JsonObject, key: str) -> str:
    """A word of the detail as one reads it."""
    return str(detail.get(key) or "unknown").replace("_", " ")


def _because(detail: JsonObject, key: str = "reason") -> str:
    return f": {_named(detail, key).rstrip('.')}" if detail.get(key) else ""


def _ban(detail: JsonObject) -> str:
    sentences = {
        "scheduled": f"The account will be disabled{_on(detail.get('on'))}.",
        "disabled": "The account is banned: it may not send until the platform reinstates it.",
        "reinstated": "The account was reinstated.",
    }
    state = str(detail.get("state"))
    return sentences.get(state, f"The state of a ban is {_named(detail, 'state')}.")


def _on(day: Json) -> str:
    return f" on {day}" if day else ""


def _restriction(detail: JsonObject) -> str:
    listed = detail.get("restrictions")
    found = listed if isinstance(listed, list) else []
    types = [_named(one, "type") for one in found if isinstance(one, dict)]
    what = ", ".join(types) or "of a kind that the platform does not name"
    left = {
        "all": "it may send",
        "replies": "it may answer customers, and not write first",
        "nothing": "it may not send",
    }
    may = left.get(str(detail.get("sending")), "it may send")
    if not types and detail.get("sending") == "all":
        return "The account is no longer restricted."
    return f"The account is restricted ({what}): {may}{_because(detail)}."


def _connection(detail: JsonObject) -> str:
    by = f", by {_named(detail, 'by')}" if detail.get("by") else ""
    return f"The connection to the account was {_named(detail, 'state')}{by}{_because(detail)}."


def _deletion(_detail: JsonObject) -> str:
    return "The account was deleted."


def _app(detail: JsonObject) -> str:
    return f"The app was {_named(detail, 'state')}."


def _violation(detail: JsonObject) -> str:
    return f"The account has violated a policy{_because(detail, 'type')}."


def _review(detail: JsonObject) -> str:
    return f"The review of the account is {_named(detail, 'decision')}."


def _alert(detail: JsonObject) -> str:
    text = detail.get("text")
    return f"Alert{_because(detail, 'type')}{f' ({text})' if text else ''}."


def _quality(detail: JsonObject) -> str:
    return f"The quality of the number: {_named(detail, 'state')}."


def _throughput(detail: JsonObject) -> str:
    return f"The number may send {_named(detail, 'per_second')} messages a second."


def _limit(detail: JsonObject) -> str:
    if USERS_PER_DAY not in detail:
        return "The messaging limit was changed."
    people = detail[USERS_PER_DAY]
    first = "everybody" if people is None else f"{people} people a day"
    return f"The business may write first to {first}."


def _name(detail: JsonObject) -> str:
    name, decision = detail.get("name") or "of the number", _named(detail, "decision")
    return f"The name {name} is {decision}{_because(detail)}."


def _username(detail: JsonObject) -> str:
    named = detail.get("username")
    return f"The username{f' {named}' if named else ''} is {_named(detail, 'state')}."


def _security(detail: JsonObject) -> str:
    return f"Security: {_named(detail, 'event')}{_because(detail, 'by')}."


SENTENCES: Final[Mapping[str, Callable[[JsonObject], str]]] = {
    "alert": _alert,
    "app": _app,
    "ban": _ban,
    "connection": _connection,
    "deletion": _deletion,
    LIMIT: _limit,
    "name": _name,
    "quality": _quality,
    "restriction": _restriction,
    "review": _review,
    "security": _security,
    "throughput": _throughput,
    "username": _username,
    "violation": _violation,
}
