"""Old messages, read over the Conversations API: pages of conversations, and what each one holds.

A message is put as a webhook would have told it, so that both say the same.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/conversations
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import quote

from attrs import frozen

from omni_actors.adapters.contract import Person, Thread, ThreadPage, ThreadRead
from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.meta.messages import read_content
from omni_actors.adapters.meta.scene import Dialect
from omni_actors.adapters.reading import Malformed, mapping, needed_text, number, sequence, text
from omni_actors.adapters.reading import seconds as seconds_of
from omni_actors.model.failure import Kind, SendFailure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import Echoed, IdentityKey, Received
from omni_actors.wire.calls import Auth, Flow, HttpCall, http

DEPTH: Final = 20
"""Of a conversation's messages the newest can be read; of older ones the platform tells the id."""
PAGE: Final = 25
THREAD_FIELDS: Final = "id,updated_time,message_count"
MESSAGE_FIELDS: Final = (
    "id,created_time,from,to,message,attachments,shares,sticker,story,reactions,reply_to,"
    "is_unsupported"
)
INVALID: Final = "100"
# What an attachment is, by the start of its MIME type; anything else is a file.
KINDS: Final = {"image/": "image", "video/": "video", "audio/": "audio"}
DATA: Final = {"image_data": "image", "video_data": "video", "audio_data": "audio"}


class Account(Protocol):
    """What is needed of the settings of both platforms."""

    @property
    def auth(self) -> Auth: ...

    def url(self, *path: str) -> str: ...


@frozen
class Place:
    """Whose conversations are read: where they are listed, and how the platform is called there."""

    dialect: Dialect
    platform: str
    channel_key: str
    owner: str  # in whose name they are listed


def page(after: str, account: Account, place: Place) -> Flow[ThreadPage | None]:
    """One slice of the conversations. Raises SendFailure."""
    asked = {"limit": str(PAGE), **({"after": after} if after else {})}
    try:
        return (yield from _listed(asked, account, place))
    except SendFailure as refused:
        code = (refused.failure.code or "").partition("/")[0]
        if after and refused.failure.kind is Kind.REJECTED and code == INVALID:
            return None
        raise


def of_person(person: Person, account: Account, place: Place) -> Flow[ThreadPage]:
    """The conversations with one person. Raises SendFailure.

    The platform does not list those of a page with very many messages, and tells of each all the
    same.
    """
    ids = [key.value for key in person if key.kind == place.dialect.person]
    if not ids:
        return ThreadPage((), None)
    return (yield from _listed({"user_id": ids[0]}, account, place))


def _listed(asked: Mapping[str, str], account: Account, place: Place) -> Flow[ThreadPage]:
    query = {"platform": place.platform, "fields": THREAD_FIELDS, **asked}
    url = account.url(place.owner, "conversations")
    reply = yield from http(HttpCall("GET", url, account.auth, query=query, idempotent=True))
    told = answer(reply, repeatable=True)
    paging = mapping(told.get("paging"))
    cursor = text(mapping(paging.get("cursors")).get("after"))
    listed = [_thread(mapping(each)) for each in sequence(told.get("data"))]
    threads = tuple([thread for thread in listed if thread is not None])
    return ThreadPage(threads, cursor if "next" in paging else None)


def _thread(told: JsonObject) -> Thread | None:
    thread_id, count = text(told.get("id")), number(told.get("message_count"))
    if thread_id is None:
        return None
    updated = moment(told.get("updated_time")) or None
    return Thread(thread_id, updated, None if count is None else int(count))


def read(thread: Thread, account: Account, place: Place) -> Flow[ThreadRead]:
    """What can be read of a conversation. Raises SendFailure."""
    query = {"fields": f"messages.limit({DEPTH}){{{MESSAGE_FIELDS}}}"}
    url = account.url(quote(thread.id, safe=""))
    reply = yield from http(HttpCall("GET", url, account.auth, query=query, idempotent=True))
    told = mapping(answer(reply, repeatable=True).get("messages"))
    listed = [mapping(each) for each in sequence(told.get("data"))]
    reports = list(_reports(reversed(listed), place))
    more = "next" in mapping(told.get("paging"))
    count = thread.messages if thread.messages is not None else len(listed) + more
    beyond = max(0, count - len(listed))
    return ThreadRead(tuple(reports), beyond, len(listed) - len(reports))


def _reports(listed: Iterator[JsonObject], place: Place) -> Iterator[Received | Echoed]:
    for told in listed:
        try:
            yield _report(told, place)
        except Malformed:
            continue  # it is counted: the platform tells its id and nothing of it
        except Exception:  # noqa: BLE001 - a bug of ours must not cost the others; it is counted
            continue


def _report(told: JsonObject, place: Place) -> Received | Echoed:
    """A message of a person, or of the business. Raises Malformed."""
    mid, at = needed_text(told, "id"), moment(told.get("created_time"))
    person, ours = _customer(told, place)
    named = IdentityKey(place.dialect.person, needed_text(person, "id"), place.channel_key)
    message = as_webhook(told)
    said = read_content(message, mid, at, place.dialect.audio)
    notes = dict(said.notes)
    if reactions := sequence(mapping(told.get("reactions")).get("data")):
        notes["reactions"] = reactions
    if ours:
        return Echoed(
            channel_key=place.channel_key,
            event_key=f"history:{mid}",
            at=at,
            identities=(named,),
            external_id=mid,
            content=said.content,
            media=said.media,
            reply_to=text(mapping(message.get("reply_to")).get("mid")),
            name=text(person.get("name")),
            username=text(person.get("username")),
            notes=notes or None,
            synced=True,
            anonymous=True,
        )
    return Received(
        channel_key=place.channel_key,
        event_key=f"history:{mid}",
        at=at,
        identities=(named,),
        external_id=mid,
        content=said.content,
        media=said.media,
        reply_to=text(mapping(message.get("reply_to")).get("mid")),
        name=text(person.get("name")),
        username=text(person.get("username")),
        notes=notes or None,
        synced=True,
    )


def _customer(told: JsonObject, place: Place) -> tuple[JsonObject, bool]:
    """The person of a message, and whether it is ours to them. Raises Malformed.

    One that names the business on neither side would make a person of it.
    """
    sender = mapping(told.get("from"))
    receivers = [mapping(each) for each in sequence(mapping(told.get("to")).get("data"))]
    if text(sender.get("id")) == place.channel_key and receivers:
        return receivers[0], True
    if not any(text(each.get("id")) == place.channel_key for each in receivers):
        raise Malformed("it is not between the business and a person")
    return sender, False


def as_webhook(told: JsonObject) -> JsonObject:
    """A message as a webhook tells it; files first, since they are asked for by their place."""
    attached = [*_files(told), *_shares(told)]
    story = mapping(told.get("story"))
    message: dict[str, Json] = {
        "text": told.get("message"),
        "is_unsupported": told.get("is_unsupported"),
        "reply_to": told.get("reply_to"),
    }
    if answered := mapping(story.get("reply_to")):
        message["reply_to"] = {**mapping(told.get("reply_to")), "story": answered}
    if mention := mapping(story.get("mention")):
        payload = {"url": mention.get("link"), "id": mention.get("id")}
        attached.append({"type": "story_mention", "payload": payload})
    if attached:
        message["attachments"] = attached
    return message


def _files(told: JsonObject) -> Iterator[JsonObject]:
    for each in sequence(mapping(told.get("attachments")).get("data")):
        yield _file(mapping(each))


def _file(told: JsonObject) -> JsonObject:
    """https://developers.facebook.com/docs/graph-api/reference/message/attachments"""
    held = next((name for name in DATA if mapping(told.get(name))), None)
    mime = text(told.get("mime_type")) or ""
    kind = next((kind for start, kind in KINDS.items() if mime.startswith(start)), "file")
    data = mapping(told.get(held)) if held else {}
    url = text(data.get("url")) or text(told.get("file_url"))
    shown = DATA[held] if held else kind
    if data.get("render_as_sticker") is True:
        shown = "sticker"
    return {"type": shown, "payload": {"url": url}}


def _shares(told: JsonObject) -> Iterator[JsonObject]:
    if sticker := text(told.get("sticker")):
        yield {"type": "sticker", "payload": {"url": sticker}}
    shares = told.get("shares")
    for each in sequence(mapping(shares).get("data")) or sequence(shares):
        share = mapping(each)
        url = text(share.get("link")) or text(share.get("url"))
        yield {"type": "share", "payload": {"url": url, "title": share.get("name")}}


def moment(told: Json) -> float:
    """A time in any of the shapes that are told; unix seconds, 0.0 when it tells none."""
    if not isinstance(told, str) or "T" not in told:
        return seconds_of(told)
    try:
        read = datetime.fromisoformat(told)
    except ValueError:
        return 0.0
    return max(0.0, (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
