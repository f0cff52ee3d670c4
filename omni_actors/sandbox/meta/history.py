"""What was said, read back: conversations, their messages, and people's profiles.

Sources: developers.facebook.com/documentation/business-messaging/messenger-platform/conversations,
developers.facebook.com/documentation/business-messaging/messenger-platform/identity/user-profile
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from attrs import define

from omni_actors.sandbox.meta import fields
from omni_actors.sandbox.meta.asked import Asked
from omni_actors.sandbox.meta.channel import Channel, Message, Person, Thread
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.face import face
from omni_actors.sandbox.meta.fields import Fields
from omni_actors.sandbox.meta.media import Shelf
from omni_actors.sandbox.meta.tokens import Token

DETAILED: Final = 20
REQUESTS_IDLE_S: Final = 30 * 86_400.0
PAGE_SIZE: Final = 25
_THREAD_FIELDS: Final = (
    "can_reply",
    "id",
    "is_owner",
    "link",
    "message_count",
    "messages",
    "participants",
    "snippet",
    "unread_count",
    "updated_time",
)
_MESSAGE_FIELDS: Final = (
    "attachments",
    "created_time",
    "from",
    "id",
    "is_unsupported",
    "message",
    "reactions",
    "reply_to",
    "shares",
    "sticker",
    "story",
    "to",
)


T = TypeVar("T")


@define(eq=False)
class History:
    """What one account may read back."""

    channel: Channel
    shelf: Shelf
    base_url: str

    def conversations(self, asked: Asked, path: str) -> dict[str, Any]:
        """`GET …/conversations`, the newest first. Raises GraphError."""
        platform = asked.text("platform") or "messenger"
        if platform != self.channel.rules.name:
            raise refusal(100, details="Param platform must be messenger or instagram")
        person_id = asked.text("user_id")
        threads = sorted(self._listed(), key=lambda one: -one.updated_at)
        if person_id:
            threads = [one for one in threads if one.person_id == person_id]
        wanted = fields.read(asked.text("fields") or "id,link,updated_time")
        render = partial(self.thread, wanted=wanted)
        return listing(threads, render, asked.values, f"{self.base_url}{path}")

    def _listed(self) -> list[Thread]:
        now = self.channel.stage.clock.now()
        found = []
        for thread in self.channel.threads.values():
            person = self.channel.people[thread.person_id]
            idle = now - thread.updated_at > REQUESTS_IDLE_S
            if thread.mids and not (person.in_requests and idle):
                found.append(thread)
        return found

    def thread(self, thread: Thread, wanted: Fields) -> dict[str, Any]:
        """A conversation with the asked fields. Raises GraphError."""
        now = self.channel.stage.clock.now()
        person = self.channel.people[thread.person_id]
        facts: dict[str, Any] = {
            "id": thread.id,
            "link": f"/{self.channel.key}/inbox/{thread.id[2:]}/",
            "updated_time": moment(thread.updated_at),
            "message_count": len(thread.mids),
            "unread_count": thread.unread,
            "can_reply": self.channel.in_window(person.id, now),
            "participants": {"data": [self._known(person), self._own()]},
            "is_owner": self.channel.floor_of(person.id, now)
            in (None, self.channel.account.app_id),
        }
        if "messages" in wanted.inner:
            inside = wanted.inner["messages"]
            facts["messages"] = self.messages(thread, inside, {}, f"{thread.id}/messages")
        told: dict[str, Any] = fields.pick(
            facts, _without_inside(wanted), dict.fromkeys(_THREAD_FIELDS)
        )
        return told

    def messages(
        self, thread: Thread, wanted: Fields, query: Mapping[str, Any], path: str
    ) -> dict[str, Any]:
        """The messages of a conversation, newest first: details of the 20 newest, else the id."""
        inner = wanted if wanted.inner else fields.read("id,created_time")
        known = self.channel.messages
        newest = [mid for mid in reversed(thread.mids) if not known[mid].deleted]
        detailed = set(newest[:DETAILED])

        def render(mid: str) -> dict[str, Any]:
            message = self.channel.messages[mid]
            return self._detail(message, inner) if mid in detailed else self._bare(message)

        asked = {"limit": str(wanted.limit(PAGE_SIZE)), **query}
        return listing(newest, render, asked, f"{self.base_url}/v25.0/{path}")

    def message(self, message: Message, asked: Asked) -> dict[str, Any]:
        """`GET /{message id}`: of the 20 newest of its thread only. Raises GraphError."""
        mids, known = self.channel.thread_of(message.person_id).mids, self.channel.messages
        newest = [mid for mid in mids if not known[mid].deleted][-DETAILED:]
        if message.mid not in newest:
            raise refusal(9000001)
        return self._detail(message, fields.read(asked.text("fields") or "id,created_time"))

    def _bare(self, message: Message) -> dict[str, Any]:
        return {"id": message.mid, "created_time": moment(message.at)}

    def _detail(self, message: Message, wanted: Fields) -> dict[str, Any]:
        person = self._known(self.channel.people[message.person_id])
        sender, recipient = (person, self._own()) if message.inbound else (self._own(), person)
        body = message.body
        facts: dict[str, Any] = {
            **self._bare(message),
            "from": sender,
            "to": {"data": [recipient]},
            "message": body.get("text", ""),
            "is_unsupported": body.get("is_unsupported"),
            **self._parts(body),
        }
        quoted = body.get("reply_to") or {}
        if "mid" in quoted:
            facts["reply_to"] = quoted
        if "story" in quoted:
            facts["story"] = {"reply_to": quoted["story"]}
        if message.reactions:
            facts["reactions"] = {
                "data": [self._reaction(*one) for one in message.reactions.items()]
            }
        told: dict[str, Any] = fields.pick(facts, wanted, dict.fromkeys(_MESSAGE_FIELDS))
        return told

    def _reaction(self, who: str, emoji: str) -> dict[str, Any]:
        person = self.channel.people.get(who)
        by = self._own() if person is None else self._known(person)
        return {"reaction": emoji, "users": [by]}

    def _parts(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Attachments and shares; of a share there is only the address."""
        files: list[dict[str, Any]] = []
        shares: list[dict[str, Any]] = []
        parts: dict[str, Any] = {}
        for one in body.get("attachments") or ():
            payload = one.get("payload") or {}
            url = str(payload.get("url", ""))
            if one["type"] in ("image", "video", "audio", "file"):
                files.append(self._file(one["type"], url))
            elif one["type"] == "sticker" and url:
                parts["sticker"] = url
            elif one["type"] == "story_mention":
                parts["story"] = {"mention": {"link": url, "id": str(payload.get("id", ""))}}
            elif url:
                shares.append({"link": url})
        if files:
            parts["attachments"] = {"data": files, "paging": {}}
        if shares:
            parts["shares"] = {"data": shares}
        return parts

    def _file(self, kind: str, url: str) -> dict[str, Any]:
        """One attachment, with a new address for what is on the shelf."""
        name = url.partition("?")[0].rpartition("/")[2]
        held = self.shelf.held.get(name.partition(".")[0])
        mime_type, size = "application/octet-stream", 0
        if held is not None:
            url = self.shelf.link(held, self.channel.stage.clock.now())
            mime_type, size = held.mime_type or mime_type, len(held.content or b"")
            name = held.name or name
        facts: dict[str, Any] = {
            "id": name.partition(".")[0],
            "mime_type": mime_type,
            "name": name,
            "size": size,
        }
        shape = {"width": 640, "height": 480, "url": url, "preview_url": url}
        match kind:
            case "image":
                more = {"max_width": 640, "max_height": 480, "image_type": 1}
                facts["image_data"] = {**shape, **more, "render_as_sticker": False}
            case "video":
                facts["video_data"] = {**shape, "length": 5, "rotation": 0}
            case _:
                facts["file_url"] = url
        return facts

    def _known(self, person: Person) -> dict[str, Any]:
        if self.channel.rules.name == "instagram":
            return {"id": person.id, "username": person.username}
        address = f"{person.id}@facebook.com"
        return {"id": person.id, "name": person.name, "email": address}

    def _own(self) -> dict[str, Any]:
        account = self.channel.account
        if self.channel.rules.name == "instagram":
            return {"id": account.channel_key, "username": getattr(account, "username", "")}
        return {"id": account.channel_key, "name": account.name}

    # ------------------------------------------------------------ profiles

    def profile(self, person: Person, token: Token, asked: Asked) -> dict[str, Any]:
        """`GET /{person id}`: what the person has agreed to show. Raises GraphError."""
        if self.channel.rules.name == "instagram":
            return self._instagram_profile(person, asked)
        if person.by_phone:
            raise refusal(2018218)
        if not person.consents:
            return {"id": person.id}
        first, _, last = person.name.partition(" ")
        facts: dict[str, Any] = {
            "id": person.id,
            "name": person.name,
            "first_name": first,
            "last_name": last,
            "profile_pic": self._picture(person),
            "locale": person.locale,
            "timezone": person.timezone,
            "gender": person.gender,
        }
        wanted = fields.read(asked.text("fields") or "first_name,last_name,profile_pic")
        for name in ("locale", "timezone", "gender"):
            if name in wanted.inner and f"pages_user_{name}" not in token.scopes:
                raise refusal(2018247, details=f"Requires pages_user_{name}")
        told: dict[str, Any] = fields.pick(facts, wanted)
        return told

    def _instagram_profile(self, person: Person, asked: Asked) -> dict[str, Any]:
        if not person.consents:
            raise refusal(230)
        facts = {
            "id": person.id,
            "name": person.name,
            "username": person.username,
            "profile_pic": self._picture(person),
            "follower_count": person.follower_count,
            "is_user_follow_business": person.follows,
            "is_business_follow_user": person.followed,
            "is_verified_user": person.verified,
        }
        wanted = fields.read(asked.text("fields") or "name,username")
        told: dict[str, Any] = fields.pick(facts, wanted)
        return told

    def _picture(self, person: Person) -> str:
        """Where the person's picture is, for two days."""
        held = self.shelf.held.get(person.picture or "")
        if held is None:
            held = self.shelf.put(self.channel.key, "picture", "image/png", face(person.id))
            person.picture = held.id
        return self.shelf.link(held, self.channel.stage.clock.now())


def _without_inside(wanted: Fields) -> Fields:
    """The fields of the thread itself; what is inside `messages` was dealt with."""
    return Fields(
        {name: Fields() if name == "messages" else one for name, one in wanted.inner.items()}
    )


def moment(at: float) -> str:
    """A time as these edges write it."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def listing(
    items: Sequence[T],
    render: Callable[[T], dict[str, Any]],
    asked: Mapping[str, Any],
    url: str,
) -> dict[str, Any]:
    """A page of a list, by `limit` and `after`. Raises GraphError."""
    limit, cursor = str(asked.get("limit", PAGE_SIZE)), str(asked.get("after", ""))
    if not limit.isdecimal() or not 0 < int(limit) <= 500:
        raise refusal(100, details="Param limit must be from 1 to 500")
    if cursor and not (cursor.startswith("QVFI") and cursor[4:].isdecimal()):
        raise refusal(100, details="Invalid cursors values")
    start = int(cursor[4:]) if cursor else 0
    page = [render(item) for item in items[start : start + int(limit)]]
    end = start + len(page)
    paging: dict[str, Any] = {"cursors": {"before": f"QVFI{start}", "after": f"QVFI{end}"}}
    if end < len(items):
        names = ("fields", "limit", "platform", "user_id")
        kept = {name: asked[name] for name in names if name in asked}
        paging["next"] = f"{url}?{urlencode({**kept, 'after': f'QVFI{end}'})}"
    return {"data": page, "paging": paging} if page else {"data": []}
