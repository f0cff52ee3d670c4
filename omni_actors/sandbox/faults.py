"""What goes wrong on request: rules that the control API lays down and the platforms obey."""

import random
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

REQUEST_KINDS = frozenset(
    {
        "throttle",
        "drop_answer",
        "drop_request",
        "delay",
        "expire_token",
        "error_5xx",
        "error_code",
        "disconnect_mid_body",
        "status_before_answer",
        "failed_status",
        "held",
        "slow_body",
        "wrong_bytes",
        "expired_url",
        "usage",
        "error_after",
    }
)
DOWNLOAD_KINDS = frozenset({"slow_body", "wrong_bytes", "expired_url"})
WEBHOOK_KINDS = frozenset({"duplicate_webhook", "reorder_webhooks"})
MAIL_KINDS = frozenset({"refuse", "bounce"})
KINDS = REQUEST_KINDS | WEBHOOK_KINDS | MAIL_KINDS

RULES_MAX = 1_000

_NUMBERS = (
    "count",
    "probability",
    "delay_s",
    "retry_after_s",
    "code",
    "status",
    "percent",
    "regain_min",
    "subcode",
)


@frozen
class Target:
    """What a rule is held against: a call of ours to the platform, or an update it sends us."""

    channel_key: str
    call: str
    """The route, for example `messages` or `media`; `webhook` for an update."""
    type: str
    """The kind of message or status; empty where the call has none."""
    to: str = ""

    def has(self, key: str, value: str) -> bool:
        """Whether it is of this kind; a phone number may be written with its plus or without."""
        own: str = getattr(self, key)
        return value in ("*", own) or (key == "to" and value.lstrip("+") == own.lstrip("+"))


@define(eq=False)
class Fault:
    """One rule; it is spent when `left` reaches 0. None is never spent."""

    kind: str
    left: int | None
    probability: float
    delay_s: float
    retry_after_s: float | None
    code: int
    status: int
    match: Mapping[str, str]
    percent: int = 0
    regain_min: int = 0
    """What a `usage` rule lets the answer tell of the budget of calls."""
    subcode: int | None = None
    """Beside `code`, where the platform has any."""
    text: str = ""
    """What a mail server says."""

    def hits(self, target: Target) -> bool:
        """Whether the rule is about this target; a send is meant unless `call` says otherwise."""
        wanted = {**_usual(self.kind), **self.match}
        return all(target.has(key, value) for key, value in wanted.items())

    def document(self) -> dict[str, Any]:
        """The rule as the control API shows it."""
        return {
            "kind": self.kind,
            "left": self.left,
            "probability": self.probability,
            "delay_s": self.delay_s,
            "retry_after_s": self.retry_after_s,
            "code": self.code,
            "status": self.status,
            "percent": self.percent,
            "regain_min": self.regain_min,
            "subcode": self.subcode,
            "text": self.text,
            "match": dict(self.match),
        }


@define
class Faults:
    """The rules in force, in the order they were laid down; the first that hits is used."""

    chance: random.Random
    rules: list[Fault] = field(factory=list)
    taken: dict[str, int] = field(factory=dict)

    def add(self, document: Any) -> None:
        """Lay down one rule or a list of them, all or none. Raises ValueError with the reason."""
        documents = document if isinstance(document, list) else [document]
        rules = [_fault(one) for one in documents]
        if len(self.rules) + len(rules) > RULES_MAX:
            raise ValueError(f"at most {RULES_MAX} fault rules can be in force")
        self.rules.extend(rules)

    def take(self, target: Target, kinds: frozenset[str]) -> Fault | None:
        """The fault that befalls `target`, counted as used; None almost always."""
        if not self.rules:
            return None
        for rule in self.rules:
            if rule.kind in kinds and rule.hits(target) and self._strikes(rule):
                self._spend(rule)
                return rule
        return None

    def _strikes(self, rule: Fault) -> bool:
        return rule.probability >= 1.0 or self.chance.random() < rule.probability

    def _spend(self, rule: Fault) -> None:
        self.taken[rule.kind] = self.taken.get(rule.kind, 0) + 1
        if rule.left is not None:
            rule.left -= 1
            if rule.left <= 0:
                self.rules.remove(rule)

    def clear(self) -> None:
        """Lift every rule."""
        self.rules.clear()


def _usual(kind: str) -> dict[str, str]:
    if kind in WEBHOOK_KINDS:
        return {"call": "webhook"}
    if kind in MAIL_KINDS:
        return {"call": "smtp", "type": "rcpt" if kind == "refuse" else "end"}
    return {"call": "media", "type": "download"} if kind in DOWNLOAD_KINDS else {"call": "messages"}


def _fault(document: Any) -> Fault:
    if not isinstance(document, dict):
        raise ValueError("a fault rule is a JSON object with at least `kind`")
    kind = document.get("kind")
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(sorted(KINDS))}")
    unknown = document.keys() - {*_NUMBERS, "kind", "match", "text"}
    if unknown:
        raise ValueError(f"a fault rule has no key `{min(unknown)}`")
    numbers = {name: _number(document, name) for name in _NUMBERS}
    chance = numbers["probability"]
    if chance is not None and not 0 < chance <= 1:
        raise ValueError("`probability` must be above 0 and at most 1")
    count = numbers["count"]
    if count is None and chance is None:
        count = 1
    return Fault(
        kind=kind,
        left=None if count is None else int(count),
        probability=1.0 if chance is None else float(chance),
        delay_s=float(_or(numbers["delay_s"], 0.5)),
        retry_after_s=numbers["retry_after_s"],
        code=_code(kind, numbers["code"]),
        status=int(_or(numbers["status"], 503)),
        match=_match(document.get("match", {})),
        percent=int(_or(numbers["percent"], 100)),
        regain_min=int(_or(numbers["regain_min"], 0)),
        subcode=None if numbers["subcode"] is None else int(numbers["subcode"]),
        text=_text(document),
    )


def _code(kind: str, given: float | None) -> int:
    if kind == "refuse" and given is not None and not 400 <= given <= 599:
        raise ValueError("`code` must be a refusal of SMTP, from 400 to 599")
    return int(_or(given, 450 if kind == "refuse" else 131000))


def _text(document: dict[str, Any]) -> str:
    text = document.get("text", "")
    if not isinstance(text, str) or not text.isprintable() or len(text) > 400:
        raise ValueError("`text` must be one line of at most 400 characters")
    return text


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _number(document: dict[str, Any], name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"`{name}` must be a number, 0 or more")
    return value


def _match(document: Any) -> dict[str, str]:
    names = ("channel_key", "call", "type", "to")
    if not isinstance(document, dict):
        raise ValueError("`match` must be a JSON object")
    for name, value in document.items():
        if name not in names or not isinstance(value, str):
            raise ValueError(f"`match` takes strings for {', '.join(names)}")
    return dict(document)
