"""The groups of the pretend WhatsApp: who is in them, and what the Graph edges do with them.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/groups/reference
"""

import base64
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.shapes import Items, Object, OneOf, ShapeError, Text
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.people import Customer, People

MEMBERS_MAX: Final = 8
GROUPS_MAX: Final = 10_000
PAGE: Final = 25
PAGE_MAX: Final = 1024
# What a group may get: texts, media, their templates, and the pinning of one.
TYPES: Final = frozenset(
    {"text", "image", "video", "audio", "document", "sticker", "template", "pin"}
)
_PRODUCT = {"messaging_product": OneOf(["whatsapp"])}
_SUBJECT, _DESCRIPTION = Text(128), Text(2048, least=0)
_MADE = Object(
    {**_PRODUCT, "subject": _SUBJECT},
    {
        "description": _DESCRIPTION,
        "join_approval_mode": OneOf(["auto_approve", "approval_required"]),
    },
)
_CHANGED = Object(_PRODUCT, {"subject": _SUBJECT, "description": _DESCRIPTION})
_REQUESTS = Object({**_PRODUCT, "join_requests": Items(Text(256), most=100)})
_PEOPLE = Object({**_PRODUCT, "participants": Items(Object({"user": Text(150)}), most=MEMBERS_MAX)})


@define(eq=False)
class Group:
    """One group: of one business number and up to eight people."""

    id: str
    channel_key: str
    made_at: float
    link: str
    subject: str = ""
    description: str = ""
    approval: str = "auto_approve"
    suspended: bool = False
    members: dict[str, Customer] = field(factory=dict)
    """By business-scoped user id."""
    requests: dict[str, Customer] = field(factory=dict)

    @property
    def window_key(self) -> str:
        """By what a number knows the customer service window that it shares with all of them."""
        return f"group {self.id}"

    def document(self, names: str) -> dict[str, Any]:
        """The group as the Graph shows it. Raises GraphError."""
        every = {
            "subject": self.subject,
            "description": self.description,
            "suspended": self.suspended,
            "creation_timestamp": int(self.made_at),
            "participants": [_person(member) for member in self.members.values()],
            "total_participant_count": len(self.members),
            "join_approval_mode": self.approval,
        }
        wanted = [name for name in names.split(",") if name and name != "id"]
        for name in wanted:
            if name not in every:
                raise GraphError(400, 100, f"(#100) Tried accessing nonexisting field ({name})")
        shown = {name: every[name] for name in wanted}
        return {"messaging_product": "whatsapp", "id": self.id, **shown}


def _person(member: Customer) -> dict[str, Any]:
    known = {"user_id": member.user_id}
    return {**known, "wa_id": member.phone} if member.phone is not None else known


@define(eq=False)
class Groups:
    """All groups of all numbers."""

    chance: random.Random
    people: People
    known: dict[str, Group] = field(factory=dict)

    def of(self, channel_key: str, group_id: object) -> Group:
        """A group of a number. Raises GraphError."""
        group = self.known.get(str(group_id))
        if group is None or group.channel_key != channel_key:
            raise refusal(131041, "There is no group of this id.")
        return group

    def writable(self, channel_key: str, document: Mapping[str, Any], kind: str) -> Group:
        """The group that a message may go to. Raises GraphError."""
        group = self.of(channel_key, document.get("to"))
        if kind not in TYPES:
            raise refusal(130501, f"A group takes no messages of type {kind}.")
        if group.suspended:
            raise refusal(131207, "The group is suspended.")
        if not group.members:
            raise refusal(131020, "Nobody but the business is in the group.")
        return group

    def make(self, channel_key: str, document: dict[str, Any], now: float) -> Group:
        """A new group, with nobody in it yet. Raises GraphError."""
        _check(_MADE, document)
        if sum(group.channel_key == channel_key for group in self.known.values()) >= GROUPS_MAX:
            raise refusal(131211, "The number has as many groups as it may have.")
        return self.add(
            self._id(channel_key),
            channel_key,
            now,
            subject=document["subject"].strip(),
            description=document.get("description", ""),
            approval=document.get("join_approval_mode", "auto_approve"),
        )

    def add(self, group_id: str, channel_key: str, now: float, **told: Any) -> Group:
        """Know one more group."""
        group = Group(group_id, channel_key, now, self.new_link(), **told)
        self.known[group_id] = group
        return group

    def joined(self, channel_key: str, group_id: str, customer: Customer, now: float) -> None:
        """Who writes in a group is in it; a group that nobody knew is one by that."""
        group = self.known.get(group_id) or self.add(group_id, channel_key, now)
        group.members[customer.user_id] = customer

    def new_link(self) -> str:
        """An invite link that nobody has yet."""
        return "https://chat.whatsapp.com/" + self.chance.randbytes(11).hex()

    def request_id(self) -> str:
        """The id under which the outcome of a call is told."""
        return "req_" + self.chance.randbytes(12).hex()

    def page(self, channel_key: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The groups of a number, a slice at a time. Raises GraphError."""
        mine = [group for group in self.known.values() if group.channel_key == channel_key]
        after = query.get("after", "")
        if after and after not in self.known:
            raise refusal(131059, "The cursor is no longer valid.")
        start = next((n for n, group in enumerate(mine, 1) if group.id == after), 0)
        limit = query.get("limit", str(PAGE))
        if not limit.isdigit() or not 1 <= int(limit) <= PAGE_MAX:
            raise refusal(100, f"limit must be 1 to {PAGE_MAX}.")
        shown = mine[start : start + int(limit)]
        items = [
            {"id": one.id, "subject": one.subject, "created_at": str(int(one.made_at))}
            for one in shown
        ]
        paging: dict[str, Any] = {}
        if shown:
            paging["cursors"] = {"before": shown[0].id, "after": shown[-1].id}
        if start + len(shown) < len(mine):
            paging["next"] = "https://graph.facebook.com/next"
        return {"data": {"groups": items}, "paging": paging}

    def change(self, group: Group, document: dict[str, Any]) -> dict[str, Any]:
        """Other settings; answers with what the webhook tells of them. Raises GraphError."""
        _check(_CHANGED, document)
        told: dict[str, Any] = {"type": "group_settings_update"}
        for name in ("subject", "description"):
            if name in document:
                setattr(group, name, document[name].strip())
                told[f"group_{name}"] = {"text": document[name], "update_successful": True}
        return told

    def remove(self, group: Group, document: dict[str, Any]) -> dict[str, Any]:
        """People go; answers with what the webhook tells of it. Raises GraphError."""
        _check(_PEOPLE, document)
        gone, failed = [], []
        for named in [each["user"] for each in document["participants"]]:
            member = next((m for m in group.members.values() if _is(m, named)), None)
            if member is None:
                failed.append({"input": named, "errors": [{"code": 131212}]})
            else:
                del group.members[member.user_id]
                gone.append({"input": named})
        told: dict[str, Any] = {"type": "group_participants_remove", "initiated_by": "business"}
        if gone:
            told["removed_participants"] = gone
        if failed:
            told["failed_participants"] = failed
            told["errors"] = [{"code": 131212, "title": "The participant is not in the group"}]
        return told

    def decide(self, group: Group, document: dict[str, Any], *, approve: bool) -> dict[str, Any]:
        """Requests are approved or turned down: the answer. Raises GraphError."""
        _check(_REQUESTS, document)
        done, failed = [], []
        for request_id in document["join_requests"]:
            asked = group.requests.pop(request_id, None)
            if asked is None:
                failed.append({"join_request_id": request_id, "errors": [{"code": 131213}]})
                continue
            done.append(request_id)
            if approve:
                group.members[asked.user_id] = asked
        word = "approved" if approve else "rejected"
        answer: dict[str, Any] = {"messaging_product": "whatsapp", f"{word}_join_requests": done}
        if failed:
            answer["failed_join_requests"] = failed
        return answer

    def follow(self, channel_key: str, value: Mapping[str, Any], now: float) -> None:
        """Let what the platform tells of groups be so from now on."""
        for item in value.get("groups", ()):
            group_id = item.get("group_id")
            if not isinstance(group_id, str) or item.get("errors"):
                continue
            group = self.known.get(group_id) or self.add(group_id, channel_key, now)
            self._follow(group, item)

    def _follow(self, group: Group, item: dict[str, Any]) -> None:
        match item.get("type"):
            case "group_participants_add":
                for customer in self._named(item.get("added_participants", ())):
                    group.members[customer.user_id] = customer
            case "group_participants_remove":
                for customer in self._named(item.get("removed_participants", ())):
                    group.members.pop(customer.user_id, None)
            case "group_join_request_created":
                request_id = item.setdefault("join_request_id", self.request_id())
                for customer in self._named([item]):
                    group.requests[request_id] = customer
            case "group_suspend" | "group_suspend_cleared" as kind:
                group.suspended = kind == "group_suspend"
            case "group_delete":
                del self.known[group.id]
            case _:
                group.subject = item.get("subject", group.subject)

    def _named(self, listed: Any) -> Iterator[Customer]:
        for each in listed:
            phone, user_id = each.get("wa_id") or each.get("input"), each.get("user_id")
            if phone or user_id:
                yield self.people.of(phone, user_id)

    def _id(self, channel_key: str) -> str:
        raw = f"capi_group:{channel_key}:{self.chance.randrange(10**18)}"
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _is(member: Customer, named: str) -> bool:
    return named in (member.user_id, member.phone, f"+{member.phone}")


def _check(shape: Object, document: dict[str, Any]) -> None:
    try:
        shape.check(document, "")
    except ShapeError as error:
        raise refusal(131008 if error.fault == "missing" else 100, error.details) from None
