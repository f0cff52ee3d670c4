"""The calls that make, change and end groups, and let people in.

What becomes of most of them is told by a webhook (`group_news`).
https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/reference
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve

from omni_actors.adapters.contract import GroupDesk
from omni_actors.adapters.meta.graph import read_error, unreadable
from omni_actors.adapters.reading import mapping, number, sequence, text
from omni_actors.adapters.whatsapp.errors import answer, failure_in
from omni_actors.adapters.whatsapp.outbound import PRODUCT
from omni_actors.adapters.whatsapp.people import BSUID, address
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Kind, Scope, SendFailure
from omni_actors.model.groups import (
    Decided,
    GroupChange,
    GroupInfo,
    GroupPage,
    JoinRequest,
    JoinRequestPage,
    NewGroup,
    NotDecided,
)
from omni_actors.model.json import Json, JsonObject
from omni_actors.wire.calls import Flow, HttpCall, HttpReply, http

FIELDS: Final = (
    "subject,description,suspended,creation_timestamp,participants,total_participant_count,"
    "join_approval_mode"
)
APPROVAL: Final = "approval_required"
PAGE: Final = 100
BAD_CURSOR: Final = "131059"
NOT_THERE: Final = "33"

# The Graph has media, templates and accounts under numbers, and words of its own, such as `me`.
_NAMES_A_GROUP = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9+=_-]{12,256}")


def create(wanted: NewGroup, settings: WhatsAppSettings) -> Flow[str | None]:
    """Ask for a group. Raises SendFailure."""
    body: dict[str, Any] = {**PRODUCT, "subject": wanted.subject}
    if wanted.description is not None:
        body["description"] = wanted.description
    body["join_approval_mode"] = APPROVAL if wanted.approval else "auto_approve"
    return (yield from _asked("POST", _groups(settings), settings, body, repeatable=False))


def page(after: str, settings: WhatsAppSettings) -> Flow[GroupPage | None]:
    """One slice of the number's groups. Raises SendFailure."""
    found = yield from _page(_groups(settings), after, settings)
    if found is None:
        return None
    data = found.get("data")
    listed = mapping(data).get("groups") if isinstance(data, dict) else data
    items = [_group(mapping(each), "created_at") for each in sequence(listed)]
    return GroupPage(tuple([each for each in items if each is not None]), _next(found, after))


def get(group_id: str, settings: WhatsAppSettings) -> Flow[GroupInfo]:
    """One group with who is in it. Raises SendFailure."""
    document = yield from _read(_url(settings, group_id), settings, {"fields": FIELDS})
    found = _group({"id": group_id, **document}, "creation_timestamp")
    if found is None:
        raise unreadable("the group was answered without an id")
    return found


def change(group_id: str, wanted: GroupChange, settings: WhatsAppSettings) -> Flow[str | None]:
    """Call a group something else. Raises SendFailure."""
    told = {"subject": wanted.subject, "description": wanted.description}
    body = {**PRODUCT, **{name: value for name, value in told.items() if value is not None}}
    return (yield from _asked("POST", _url(settings, group_id), settings, body))


def delete(group_id: str, settings: WhatsAppSettings) -> Flow[str | None]:
    """Put an end to a group; everybody leaves it. Raises SendFailure."""
    return (yield from _asked("DELETE", _url(settings, group_id), settings))


def invite_link(group_id: str, settings: WhatsAppSettings, *, fresh: bool) -> Flow[str]:
    """The link that lets people in; a fresh one makes all before it invalid. Raises SendFailure."""
    url = _url(settings, group_id, "invite_link")
    if fresh:
        document = yield from _made("POST", url, settings, PRODUCT)
    else:
        document = yield from _read(url, settings, {})
    found = text(document.get("invite_link"))
    if found is None:
        raise unreadable("the invite link was answered without a link")
    return found


def remove(group_id: str, members: Sequence[str], settings: WhatsAppSettings) -> Flow[str | None]:
    """Take people out of a group; they cannot come back by its link. Raises SendFailure."""
    body = {**PRODUCT, "participants": [{"user": _user(member)} for member in members]}
    url = _url(settings, group_id, "participants")
    return (yield from _asked("DELETE", url, settings, body))


def requests(group_id: str, after: str, settings: WhatsAppSettings) -> Flow[JoinRequestPage | None]:
    """One slice of those who ask to be let in. Raises SendFailure."""
    found = yield from _page(_url(settings, group_id, "join_requests"), after, settings)
    if found is None:
        return None
    items = [_request(mapping(each)) for each in sequence(found.get("data"))]
    kept = tuple([each for each in items if each is not None])
    return JoinRequestPage(kept, _next(found, after))


def decide(
    group_id: str, ids: Sequence[str], settings: WhatsAppSettings, *, approve: bool
) -> Flow[Decided]:
    """Let people in, or turn them down. Raises SendFailure."""
    url, body = _url(settings, group_id, "join_requests"), {**PRODUCT, "join_requests": [*ids]}
    document = yield from _made("POST" if approve else "DELETE", url, settings, body)
    word = "approved" if approve else "rejected"
    done = [text(each) for each in sequence(document.get(f"{word}_join_requests"))]
    failed = [mapping(each) for each in sequence(document.get("failed_join_requests"))]
    return Decided(
        tuple([each for each in done if each]),
        tuple([NotDecided(text(each.get("join_request_id")) or "", _why(each)) for each in failed]),
    )


def pin(
    group_id: str, external_id: str, days: int | None, settings: WhatsAppSettings
) -> Flow[None]:
    """Pin a message of a group for so many days; None takes the pin away. Raises SendFailure.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/groups-messaging
    """
    told: dict[str, Any] = {"type": "unpin" if days is None else "pin", "message_id": external_id}
    if days is not None:
        told["expiration_days"] = days
    body = {**PRODUCT, "recipient_type": "group", "to": group_id, "type": "pin", "pin": told}
    yield from _made("POST", settings.number_url + "/messages", settings, body)


GROUPS: Final = GroupDesk(
    names=lambda group_id: _NAMES_A_GROUP.fullmatch(group_id) is not None,
    create=create,
    page=page,
    get=get,
    change=change,
    delete=delete,
    invite_link=lambda group_id, fresh, settings: invite_link(group_id, settings, fresh=fresh),
    remove=remove,
    requests=requests,
    decide=lambda group_id, ids, yes, settings: decide(group_id, ids, settings, approve=yes),
    pin=pin,
)


# ---------------------------------------------------------------- calls


def _groups(settings: WhatsAppSettings) -> str:
    return settings.number_url + "/groups"


def _url(settings: WhatsAppSettings, group_id: str, *edge: str) -> str:
    return settings.url(quote(group_id, safe=""), *edge)


def _read(url: str, settings: WhatsAppSettings, query: Mapping[str, str]) -> Flow[JsonObject]:
    reply = yield from http(HttpCall("GET", url, settings.auth, query=query, idempotent=True))
    return _answered(reply, url, settings, repeatable=True)


def _made(
    method: str,
    url: str,
    settings: WhatsAppSettings,
    body: Mapping[str, Any] | None = None,
    *,
    repeatable: bool = True,
) -> Flow[JsonObject]:
    call = HttpCall(method, url, settings.auth, json=body, idempotent=repeatable)
    reply = yield from http(call)
    return _answered(reply, url, settings, repeatable=repeatable)


def _answered(
    reply: HttpReply, url: str, settings: WhatsAppSettings, *, repeatable: bool
) -> JsonObject:
    """The document of an answer. What is not there is the group, unless the number was asked.

    Raises SendFailure.
    """
    try:
        return answer(reply, repeatable=repeatable)
    except SendFailure as refused:
        if refused.failure.code == NOT_THERE and not url.startswith(settings.number_url):
            raise SendFailure(
                evolve(refused.failure, kind=Kind.REJECTED, scope=Scope.PART)
            ) from None
        raise


def _asked(
    method: str,
    url: str,
    settings: WhatsAppSettings,
    body: Mapping[str, Any] | None = None,
    *,
    repeatable: bool = True,
) -> Flow[str | None]:
    """Ask for something; the platform's id of the request, by which its webhook tells the end."""
    document = yield from _made(method, url, settings, body, repeatable=repeatable)
    return text(document.get("request_id"))


def _page(url: str, after: str, settings: WhatsAppSettings) -> Flow[JsonObject | None]:
    """A slice of a listing; None when its cursor is good no more."""
    query = {"limit": str(PAGE), **({"after": after} if after else {})}
    try:
        return (yield from _read(url, settings, query))
    except SendFailure as refused:
        if refused.failure.code == BAD_CURSOR and after:
            return None
        raise


def _next(document: JsonObject, after: str) -> str | None:
    paging = mapping(document.get("paging"))
    cursor = text(mapping(paging.get("cursors")).get("after"))
    return cursor if text(paging.get("next")) and cursor != after else None


# ---------------------------------------------------------------- reading


def _group(item: JsonObject, made_at: str) -> GroupInfo | None:
    group_id, mode = text(item.get("id")), text(item.get("join_approval_mode"))
    if group_id is None:
        return None
    suspended = item.get("suspended")
    return GroupInfo(
        id=group_id,
        subject=text(item.get("subject")),
        description=text(item.get("description")),
        created_at=number(item.get(made_at)),
        suspended=suspended if isinstance(suspended, bool) else None,
        approval=None if mode is None else mode == APPROVAL,
        members=_members(item["participants"]) if "participants" in item else None,
    )


def _members(listed: Json) -> tuple[str, ...]:
    people = [_address(mapping(each)) for each in sequence(listed)]
    return tuple([person for person in people if person])


def _address(person: JsonObject) -> str | None:
    """How a member is written to: by number where that is told."""
    phone = text(person.get("wa_id"))
    return f"+{phone}" if phone else text(person.get("user_id"))


def _request(item: JsonObject) -> JoinRequest | None:
    request_id = text(item.get("join_request_id"))
    if request_id is None:
        return None
    return JoinRequest(request_id, _address(item), number(item.get("creation_timestamp")))


def _why(item: JsonObject) -> str:
    for error in map(mapping, sequence(item.get("errors"))):
        read = read_error(error)
        return ": ".join(filter(None, (read.named, read.text or failure_in(error).advice)))
    return "the platform gives no reason"


def _user(member: str) -> str:
    """A member as the platform wants them named. Raises BadAddress."""
    (key,) = address(member)
    return key.value if key.kind == BSUID else f"+{key.value}"
