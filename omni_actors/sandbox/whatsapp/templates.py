"""The templates of a business account: submitted, reviewed, listed, deleted.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.settings import Template
from omni_actors.sandbox.whatsapp.template_rules import VARIABLE, check_new

TEMPLATES_MAX = 250
CREATIONS_MAX = 100
HOUR_S = 3_600.0
BLOCKED_S = 30 * 86_400.0
LIMIT_MAX = 1_000
DAY_S, MONTH_S = 86_400.0, 30 * 86_400.0
EDITS_MAX = 10
EDITABLE = frozenset({"APPROVED", "FLAGGED", "REJECTED", "PAUSED"})
SENDABLE = frozenset({"APPROVED", "FLAGGED"})
# What a review or the quality of a template can lead to, and the status after it.
EVENTS = {
    "APPROVED": "APPROVED",
    "REJECTED": "REJECTED",
    "PENDING": "PENDING",
    "PAUSED": "PAUSED",
    "DISABLED": "DISABLED",
    "FLAGGED": "FLAGGED",
    "REINSTATED": "APPROVED",
    "IN_APPEAL": "IN_APPEAL",
    "ARCHIVED": "ARCHIVED",
    "UNARCHIVED": "APPROVED",
    "PENDING_DELETION": "PENDING_DELETION",
    "DELETED": "DELETED",
}
QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
CATEGORIES = ("UTILITY", "MARKETING", "AUTHENTICATION")


@define
class Kept:
    """One template in one language; `components` as the management edge lists them."""

    id: str
    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    named: bool = False
    status: str = "APPROVED"
    quality: str = "UNKNOWN"
    reason: str = "NONE"
    edits: list[float] = field(factory=list)
    """When it was edited while it was approved."""

    def component(self, kind: str) -> dict[str, Any]:
        """The component of a kind, or an empty one."""
        return next((one for one in self.components if one["type"] == kind), {})

    @property
    def body(self) -> str:
        """The text with its variables."""
        return str(self.component("BODY").get("text", ""))

    def document(self) -> dict[str, Any]:
        """The template as the management edge shows it."""
        return {
            "name": self.name,
            "parameter_format": "NAMED" if self.named else "POSITIONAL",
            "components": self.components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "quality_score": {"score": self.quality},
            "rejected_reason": self.reason,
            "id": self.id,
        }


@define
class TemplateShelf:
    """The templates of one business account, in the order in which they came."""

    next_id: Callable[[], int]
    kept: dict[tuple[str, str], Kept] = field(factory=dict)
    blocked: dict[str, float] = field(factory=dict)
    """Names that were deleted, and until when nobody may use them."""
    made: deque[float] = field(factory=deque)

    def seed(self, templates: Iterable[Template]) -> None:
        """Put approved templates on the shelf, unless they stand there."""
        for template in templates:
            key = (template.name, template.language)
            if key not in self.kept:
                self.kept[key] = _seeded(str(self.next_id()), template)

    def by_id(self, template_id: str) -> Kept | None:
        """The template of this id."""
        return next((one for one in self.kept.values() if one.id == template_id), None)

    def approved(self, sent: Mapping[str, Any]) -> Kept:
        """The template that a message names. Raises GraphError 132001, 132015 or 132016."""
        name, language = sent["name"], sent["language"]["code"]
        one = self.kept.get((name, language))
        if one is not None and one.status == "PAUSED":
            raise refusal(132015, f"template {name} in {language} is paused for its quality")
        if one is not None and one.status == "DISABLED":
            raise refusal(132016, f"template {name} in {language} is disabled for good")
        if one is None or one.status not in SENDABLE:
            raise refusal(132001, f"template name ({name}) does not exist in {language}")
        return one

    # ------------------------------------------------------------ the management edge

    def page(self, query: Mapping[str, str], path: str) -> dict[str, Any]:
        """A slice of the listing. Raises GraphError 131059 for a bad cursor."""
        found = [one.document() for one in self.kept.values() if one.status != "DELETED"]
        for key in ("name", "status", "category", "language"):
            if key in query:
                found = [one for one in found if one[key] == query[key]]
        after, limit = query.get("after", "0"), query.get("limit", "25")
        if not after.isdecimal() or not limit.isdecimal() or not 0 < int(limit) <= LIMIT_MAX:
            raise refusal(131059, "The cursor or the limit is malformed.")
        if int(after) > len(found):
            raise refusal(131059, "The cursor is of another listing.")
        start, end = int(after), int(after) + int(limit)
        page: dict[str, Any] = {"data": [with_fields(one, query) for one in found[start:end]]}
        page["paging"] = {"cursors": {"before": str(start), "after": str(min(end, len(found)))}}
        if end < len(found):
            page["paging"]["next"] = f"{path}?after={end}&limit={limit}"
        if "summary" in query:
            page["summary"] = {
                "total_count": len(found),
                "message_template_count": len(self.kept),
                "message_template_limit": TEMPLATES_MAX,
                "are_translations_complete": True,
            }
        return page

    def create(self, document: dict[str, Any], now: float) -> Kept:
        """Take in a template for review. Raises GraphError."""
        while self.made and self.made[0] <= now - HOUR_S:
            self.made.popleft()
        if len(self.made) >= CREATIONS_MAX:
            raise refusal(80008, f"There were {CREATIONS_MAX} creations within the hour.")
        check_new(document)
        name, language = document["name"], document["language"]
        if self.blocked.get(name, 0.0) > now:
            raise refusal(100, f"The name {name} was deleted within the last 30 days.")
        if (name, language) in self.kept:
            raise refusal(100, f"There already is content in {language} for the template {name}.")
        if len(self.kept) >= TEMPLATES_MAX:
            raise refusal(2388019, f"The account has {TEMPLATES_MAX} templates already.")
        self.made.append(now)
        named = document.get("parameter_format", "").lower() == "named"
        one = Kept(
            str(self.next_id()), name, language, document["category"],
            _completed(document), named, status="PENDING",
        )  # fmt: skip
        self.kept[name, language] = one
        return one

    def edit(self, one: Kept, document: dict[str, Any], now: float) -> None:
        """Change a template, which is reviewed again. Raises GraphError."""
        if one.status not in EDITABLE:
            raise refusal(2388039, f"A template that is {one.status} cannot be edited.")
        category = document.get("category", one.category)
        if one.status in SENDABLE:
            if category != one.category:
                raise refusal(2388039, "The category of an approved template stays what it is.")
            one.edits[:] = [at for at in one.edits if at > now - MONTH_S]
            if len(one.edits) >= EDITS_MAX or (one.edits and one.edits[-1] > now - DAY_S):
                raise refusal(
                    2388039, "An approved template is edited once a day and ten times a month."
                )
        wanted = {
            "name": one.name,
            "language": one.language,
            "category": category,
            "parameter_format": "named" if one.named else "positional",
            **document,
            "components": document.get("components", one.components),
        }
        check_new(wanted)
        if one.status in SENDABLE:
            one.edits.append(now)
        one.category, one.components = category, _completed(wanted)
        one.status, one.reason = "PENDING", "NONE"

    def delete(self, query: Mapping[str, str], now: float) -> None:
        """Delete by name, by name and id, or by ids. Raises GraphError."""
        gone = self._meant(query)
        if not gone:
            raise refusal(100, "There is no template of this name or id.")
        for one in gone:
            del self.kept[one.name, one.language]
            left = any(name == one.name for name, _ in self.kept)
            if one.status in SENDABLE and not left:
                self.blocked[one.name] = now + BLOCKED_S

    def _meant(self, query: Mapping[str, str]) -> list[Kept]:
        if "hsm_ids" in query:
            wanted = _ids(query["hsm_ids"])
            return [one for one in self.kept.values() if one.id in wanted]
        if "name" not in query:
            raise refusal(100, "The parameter name is required.")
        named = [one for one in self.kept.values() if one.name == query["name"]]
        return [one for one in named if query.get("hsm_id") in (None, one.id)]

    # ------------------------------------------------------------ what the platform decides

    def change(
        self, document: Mapping[str, Any], channel_key: str, now: float
    ) -> tuple[Kept, Update]:
        """Review, pause, requalify or recategorize a template. Raises ControlError."""
        named = (str(document.get("name")), str(document.get("language")))
        one = self.kept.get(named)
        if one is None:
            there = ", ".join(f"{name} ({language})" for name, language in self.kept)
            raise ControlError(f"there is no template {named[0]} in {named[1]}; there are {there}")
        asked = [key for key in _CHANGES if key in document]
        if len(asked) != 1:
            raise ControlError(f"give one of {', '.join(_CHANGES)}")
        topic, value = _CHANGES[asked[0]](one, document)
        if one.status == "DELETED":
            del self.kept[named]
        told = {
            "message_template_id": int(one.id),
            "message_template_name": one.name,
            "message_template_language": one.language,
            **value,
        }
        return one, Update(channel_key, topic, told, field=topic, at=now)

    def follow(self, topic: str, told: Mapping[str, Any]) -> None:
        """A template is from now on as news of it say; what the shelf does not have is nobody's."""
        named = str(told.get("message_template_name")), str(told.get("message_template_language"))
        one, follow = self.kept.get(named), _FOLLOWED.get(topic)
        if one is None or follow is None:
            return
        follow(one, told)
        if one.status == "DELETED":
            del self.kept[named]


def with_fields(document: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """The fields that were asked for, and the id. Raises GraphError for one that is unknown."""
    names = [name for name in query.get("fields", "").split(",") if name] or list(document)
    unknown = [name for name in names if name not in document]
    if unknown:
        details = f"(#100) Tried accessing nonexisting field ({unknown[0]})"
        raise GraphError(400, 100, details)
    return {name: document[name] for name in dict.fromkeys([*names, "id"])}


def _ids(text: str) -> Sequence[str]:
    try:
        ids = json.loads(text)
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not 0 < len(ids) <= 100:
        raise refusal(100, "Param hsm_ids must be a list of 1 to 100 ids.")
    return [str(each) for each in ids]


# ---------------------------------------------------------------- changes


def _status(one: Kept, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    event = str(document["status"]).upper()
    if event not in EVENTS:
        raise ControlError(f"`status` must be one of {', '.join(EVENTS)}")
    one.status, reason = EVENTS[event], str(document.get("reason") or "NONE")
    one.reason = reason if one.status in ("REJECTED", "PAUSED", "DISABLED") else "NONE"
    value: dict[str, Any] = {
        "event": event,
        "message_template_category": one.category,
        "reason": reason,
    }
    if one.status == "REJECTED":
        value["rejection_info"] = {
            "reason": str(document.get("why") or "the review found something"),
            "recommendation": str(document.get("recommendation") or "change it"),
        }
    return "message_template_status_update", value


def _quality(one: Kept, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    score = str(document["quality"]).upper()
    if score not in QUALITIES:
        raise ControlError(f"`quality` must be one of {', '.join(QUALITIES)}")
    value = {"previous_quality_score": one.quality, "new_quality_score": score}
    one.quality = score
    return "message_template_quality_update", value


def _category(one: Kept, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    category = str(document["category"]).upper()
    if category not in CATEGORIES:
        raise ControlError(f"`category` must be one of {', '.join(CATEGORIES)}")
    value = {"previous_category": one.category, "new_category": category}
    one.category = category
    return "template_category_update", value


def _components(one: Kept, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    wanted = {
        "name": one.name,
        "language": one.language,
        "category": one.category,
        "parameter_format": "named" if one.named else "positional",
        "components": document["components"],
    }
    try:
        check_new(wanted)
    except GraphError as error:
        raise ControlError(error.details) from None
    one.components = _completed(wanted)
    return "message_template_components_update", {"message_template_element": one.body}


_CHANGES: Mapping[str, Callable[[Kept, Mapping[str, Any]], tuple[str, dict[str, Any]]]] = {
    "status": _status,
    "quality": _quality,
    "category": _category,
    "components": _components,
}


def _follow_status(one: Kept, told: Mapping[str, Any]) -> None:
    one.status = EVENTS.get(str(told.get("event")).upper(), one.status)
    refused = one.status in ("REJECTED", "PAUSED", "DISABLED")
    one.reason = str(told.get("reason") or "NONE") if refused else "NONE"


def _follow_quality(one: Kept, told: Mapping[str, Any]) -> None:
    score = str(told.get("new_quality_score")).upper()
    one.quality = score if score in QUALITIES else one.quality


def _follow_category(one: Kept, told: Mapping[str, Any]) -> None:
    """A category that is only announced (`correct_category`) is not yet so."""
    category = str(told.get("new_category")).upper()
    if "correct_category" not in told and category in CATEGORIES:
        one.category = category


_FOLLOWED: Mapping[str, Callable[[Kept, Mapping[str, Any]], None]] = {
    "message_template_status_update": _follow_status,
    "message_template_quality_update": _follow_quality,
    "template_category_update": _follow_category,
}


# ---------------------------------------------------------------- components


def _completed(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The components as they are listed: the platform writes the text of a code itself."""
    if document["category"] != "AUTHENTICATION":
        return list(document["components"])
    text = {"text": "{{1}} is your verification code."}
    given = document["components"]
    listed = [{**one, **text} if one["type"] == "BODY" else one for one in given]
    bodied = any(one["type"] == "BODY" for one in given)
    return listed if bodied else [{"type": "BODY", **text}, *listed]


def _seeded(template_id: str, template: Template) -> Kept:
    components: list[dict[str, Any]] = []
    if template.header is not None:
        kind, _, text = template.header.partition(":")
        sample = {"text": text} if text else {"example": {"header_handle": [f"4:{kind}"]}}
        components.append({"type": "HEADER", "format": kind, **sample})
    named = any(not name.isdigit() for name in VARIABLE.findall(template.body))
    components.append({"type": "BODY", "text": template.body, **_example(template.body, named)})
    if template.footer is not None:
        components.append({"type": "FOOTER", "text": template.footer})
    if template.buttons:
        buttons = [_seeded_button(button) for button in template.buttons]
        components.append({"type": "BUTTONS", "buttons": buttons})
    return Kept(template_id, template.name, template.language, template.category, components, named)


def _seeded_button(button: str) -> dict[str, Any]:
    kind, text, *address = button.split(":", 2)
    listed: dict[str, Any] = {"type": kind, "text": text}
    if address:
        listed["url"] = address[0]
        if VARIABLE.search(address[0]):
            listed["example"] = [VARIABLE.sub("42", address[0])]
    return listed


def _example(text: str, named: bool) -> dict[str, Any]:
    names = VARIABLE.findall(text)
    if not names:
        return {}
    if named:
        samples = [{"param_name": name, "example": "sample"} for name in names]
        return {"example": {"body_text_named_params": samples}}
    return {"example": {"body_text": [["sample"] * len(names)]}}
