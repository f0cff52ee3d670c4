"""The other side of the control API: customers act, the business writes from its own inbox, and
Meta has news."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from attrs import fields_dict, frozen

from omni_actors.sandbox.contract import ControlError, Written
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.meta import comments, tapping, webhooks
from omni_actors.sandbox.meta.channel import (
    PERSON_KEYS,
    Channel,
    Message,
    Person,
    Ticket,
)
from omni_actors.sandbox.meta.received import attachments_of
from omni_actors.sandbox.meta.settings import MetaAccount
from omni_actors.sandbox.meta.webhooks import Item
from omni_actors.sandbox.meta.world import World

EDITS_MAX: Final = 5
YEAR_S: Final = 365 * 86_400.0
MEDIA: Final = ("image", "video", "audio", "file", "sticker", "story_mention", "ig_reel", "ig_post")
_CONTROL: Final = frozenset(
    {"from", "from_ref", "to", "name", "username", "timestamp", "standby", "type"}
)

Kind = TypeVar("Kind", bound=MetaAccount)


def account_of(kind: type[Kind], document: Mapping[str, Any]) -> Kind:
    """The account a control document describes. Raises ControlError."""
    known = set(fields_dict(kind)) - {"utility", "posts"}
    for key, value in document.items():
        if key not in known or not isinstance(value, str | bool) or value == "":
            listed = ", ".join(sorted(known))
            raise ControlError(f"an account takes {listed}; `{key}` is wrong")
    try:
        return kind(**document)
    except (TypeError, ValueError) as error:
        raise ControlError(f"no account can be made of this: {error}") from None


def customer_is(
    world: World, channels: Mapping[str, Channel], document: dict[str, Any]
) -> dict[str, Any]:
    """Make or change the person with this `id`, of `channel_key` or the first account.

    Raises ControlError.
    """
    key = document.pop("channel_key", next(iter(channels), None))
    if key not in channels:
        raise ControlError(f"there is no account {key}")
    person_id = document.pop("id", None)
    if not isinstance(person_id, str) or not person_id.isdecimal():
        raise ControlError("a customer needs an `id` in digits")
    for name, value in document.items():
        if name not in PERSON_KEYS or not isinstance(value, PERSON_KEYS[name]):
            raise ControlError(f"a customer takes {', '.join(PERSON_KEYS)}; `{name}` is wrong")
    person = world.person(channels[key], person_id)
    for name, value in document.items():
        setattr(person, name, value)
    return {**person.document(), "channel_key": key}


@frozen
class Scene:
    """What an event is completed with."""

    world: World
    channel: Channel
    person: Person
    at: float
    document: Mapping[str, Any]


def writes(world: World, channel: Channel, document: dict[str, Any]) -> Written:
    """What happens, filled in and ready for the hook. Raises ControlError."""
    if "entry" in document:
        entry = _object(document, "entry")
        return Written("", Update(channel.key, "entry", {"entry": entry}, field="entry"))
    if "field" in document:
        at, value = world.stage.clock.now(), _object(document, "value")
        return Written("", webhooks.change(channel, str(document["field"]), value, at))
    if "comment" in document or "post" in document:
        return comments.writes(world, channel, document)
    if "tap" in document:
        document = tapping.tapped(channel, document)
    document = _spelled_out(document)
    name = _event(channel, document)
    person, at = _person(world, channel, document, name), _at(world, document)
    scene = Scene(world, channel, person, at, document)
    return _written(scene, name)


def _written(scene: Scene, name: str) -> Written:
    channel, document = scene.channel, scene.document
    event = EVENTS.get(name, Event("", ""))
    value: Any = document[name]
    if isinstance(value, dict):
        value = dict(value)
        event.fill(value, scene)
    item = webhooks.between(channel, scene.person.id, scene.at, echo="to" in document)
    if "timestamp" in document:
        item["timestamp"] = document["timestamp"]
    if document.get("from_ref"):
        item["sender"] = {"user_ref": document["from_ref"]}
    if name in WITHOUT_SENDER:
        del item["sender"]
    item[name] = value
    mid = str(value.get("mid", "")) if isinstance(value, dict) else ""
    return Written(mid, _update(scene, name, event, item))


def _update(scene: Scene, name: str, event: "Event", item: Item) -> Update:
    channel, own = scene.channel, scene.channel.account.app_id
    kind = "echo" if "to" in scene.document else KINDS.get(name, name)
    field = event.field(channel.rules.name) or name
    if kind == "echo":
        field = channel.rules.echo_field
    floor = channel.floor_of(scene.person.id, scene.at)
    elsewhere = floor is not None and floor != own and name in ON_STANDBY
    if scene.document.get("standby", elsewhere):
        return webhooks.on_standby(channel, kind, item, scene.at)
    if name == "message" and not scene.world.office.wants(channel, channel.rules.referral_field):
        item["message"].pop("referral", None)
    return webhooks.event(channel, kind, item, field, scene.at)


# ---------------------------------------------------------------- reading the document


def _spelled_out(document: dict[str, Any]) -> dict[str, Any]:
    """The short ways of saying things: `text`, `type` with its medium, `unsend`."""
    whole = dict(document)
    if isinstance(whole.get("text"), str):
        whole["message"] = {"text": whole.pop("text"), **whole.get("message", {})}
    kind = whole.get("type")
    if kind in MEDIA and kind in whole:
        medium = {"type": kind, "payload": whole.pop(kind)}
        whole["message"] = {**whole.get("message", {}), "attachments": [medium]}
    if "unsend" in whole:
        whole["message"] = {**_object(whole, "unsend"), "is_deleted": True}
        del whole["unsend"]
    return whole


def _event(channel: Channel, document: Mapping[str, Any]) -> str:
    names = [key for key in document if key not in _CONTROL]
    if len(names) != 1:
        known = ", ".join(EVENTS)
        raise ControlError(f"say one thing that happens: text, type, tap, comment, {known}")
    event = EVENTS.get(names[0])
    if event is not None:
        if not isinstance(document[names[0]], dict):
            raise ControlError(f"`{names[0]}` must be a JSON object")
        if not event.field(channel.rules.name):
            raise ControlError(f"{channel.rules.name} has no event `{names[0]}`")
    return names[0]


def _person(world: World, channel: Channel, document: Mapping[str, Any], name: str) -> Person:
    if name in WITHOUT_SENDER and "from" not in document:
        return Person("0")
    person_id = document.get("to") or document.get("from") or document.get("from_ref")
    if not isinstance(person_id, str) or not person_id:
        raise ControlError("say who: `from` (an id in digits) or `from_ref`, or `to` for an echo")
    if "from_ref" not in document and not person_id.isdecimal():
        raise ControlError(f"{person_id!r} is not an id: it has digits only")
    person = world.person(channel, person_id)
    for key in ("name", "username"):
        if isinstance(document.get(key), str):
            setattr(person, key, document[key])
    return person


def _at(world: World, document: Mapping[str, Any]) -> float:
    given = document.get("timestamp")
    if given is None:
        return world.stage.clock.now()
    try:
        at = float(given)
    except (TypeError, ValueError):
        raise ControlError("`timestamp` must be a number, or digits") from None
    return at / 1000 if at >= 1e12 else at


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise ControlError(f"`{name}` must be a JSON object")
    return dict(value)


# ---------------------------------------------------------------- filling events in


def _message(value: Item, scene: Scene) -> None:
    if "to" in scene.document:
        _own_message(value, scene)
        return
    if value.get("is_deleted"):
        _unsent(value, scene)
        return
    _complete(value, scene)
    channel, person = scene.channel, scene.person
    channel.add(Message(value["mid"], scene.at, person.id, True, dict(value)))
    person.consents = True
    thread = channel.thread_of(person.id)
    thread.unread += 1
    ad = isinstance(value.get("referral"), dict) and value["referral"].get("source") == "ADS"
    hours = channel.standing.ad_window_h if ad else 24
    channel.opens_window(person.id, scene.at, hours * 3_600)


def _complete(value: Item, scene: Scene) -> None:
    channel = scene.channel
    value.setdefault("mid", channel.new_mid())
    if "attachments" in value:
        value["attachments"] = attachments_of(scene.world, channel, value["attachments"], scene.at)
    if not value.keys() & {"text", "attachments", "is_unsupported", "referral", "commands"}:
        raise ControlError("a message needs `text` or `attachments`")
    quoted = value.get("reply_to")
    if isinstance(quoted, dict) and quoted.get("mid") in channel.messages:
        target = channel.messages[quoted["mid"]]
        value["reply_to"] = {"is_self_reply": target.inbound, **quoted}


def _own_message(value: Item, scene: Scene) -> None:
    """The business itself, or another app, writes: from Meta's inbox unless `app_id` says who."""
    channel, inbox = scene.channel, scene.channel.rules.inbox_app_id
    _complete(value, scene)
    app_id = str(value.pop("app_id", inbox))
    channel.add(Message(value["mid"], scene.at, scene.person.id, False, dict(value)))
    value["is_echo"] = True
    if channel.standing.echo_app_id:
        value["app_id"] = int(app_id)
    if channel.standing.default_app is not None:
        thread = channel.thread_of(scene.person.id)
        thread.owner, thread.owner_until = app_id, scene.at + 86_400


def _unsent(value: Item, scene: Scene) -> None:
    message = _known(value, scene)
    message.deleted = True
    message.body = {"mid": message.mid}


def _edit(value: Item, scene: Scene) -> None:
    message = _known(value, scene)
    if not isinstance(value.get("text"), str):
        raise ControlError("an edit needs the new `message_edit.text`")
    message.edits += 1
    if message.edits > EDITS_MAX:
        raise ControlError(f"a message can be edited {EDITS_MAX} times")
    value.setdefault("num_edit", message.edits)
    message.body = {**message.body, "text": value["text"]}


def _known(value: Item, scene: Scene) -> Message:
    message = scene.channel.messages.get(str(value.get("mid")))
    if message is None or message.person_id != scene.person.id:
        raise ControlError("`mid` must be a message of this person's thread")
    return message


def _reaction(value: Item, scene: Scene) -> None:
    message = _known(value, scene)
    value.setdefault("action", "react" if "emoji" in value else "unreact")
    if value["action"] == "react":
        value.setdefault("emoji", "\u2764\ufe0f")
        value.setdefault("reaction", "love" if value["emoji"] == "\u2764\ufe0f" else "other")
        message.reactions[scene.person.id] = value["emoji"]
        scene.channel.opens_window(scene.person.id, scene.at)
    else:
        message.reactions.pop(scene.person.id, None)


def _postback(value: Item, scene: Scene) -> None:
    if not isinstance(value.get("payload"), str):
        raise ControlError("a postback needs a `postback.payload`")
    value.setdefault("mid", scene.channel.new_mid())
    value.setdefault("title", value["payload"])
    scene.person.consents = True
    scene.channel.opens_window(scene.person.id, scene.at)


def _referral(value: Item, scene: Scene) -> None:
    value.setdefault("source", "SHORTLINK")
    value.setdefault("type", "OPEN_THREAD")
    scene.channel.opens_window(scene.person.id, scene.at)


def _delivery(value: Item, scene: Scene) -> None:
    value.setdefault("watermark", int(scene.at * 1000))


def _read(value: Item, scene: Scene) -> None:
    channel = scene.channel
    if not channel.rules.reads_by_mid:
        value.setdefault("watermark", int(scene.at * 1000))
    elif "mid" not in value:
        mids = channel.thread_of(scene.person.id).mids
        ours = [mid for mid in mids if not channel.messages[mid].inbound]
        if not ours:
            raise ControlError("nothing was sent that could be read: give `read.mid`")
        value["mid"] = ours[-1]


def _optin(value: Item, scene: Scene) -> None:
    """What somebody opts in to gives a token that reaches them; none opens the window."""
    token = value.get("one_time_notif_token")
    topic = value.get("notification_messages_token")
    if isinstance(token, str):
        value.setdefault("type", "one_time_notif_req")
        ticket = Ticket(scene.person.id, scene.at + YEAR_S, once=True)
        scene.channel.tickets[token] = ticket
    elif isinstance(topic, str):
        value.setdefault("type", "notification_messages")
        until = int(value.setdefault("token_expiry_timestamp", int((scene.at + YEAR_S) * 1000)))
        value.setdefault("user_token_status", "NOT_REFRESHED")
        scene.channel.tickets[topic] = Ticket(scene.person.id, until / 1000, once=False)
    elif scene.document.get("from_ref"):
        scene.channel.opens_window(scene.person.id, scene.at)


def _linking(value: Item, _scene: Scene) -> None:
    """Somebody has linked an account of the business, or no longer has."""
    if value.get("status") not in ("linked", "unlinked"):
        raise ControlError("`account_linking.status` must be linked or unlinked")


def _control(value: Item, scene: Scene) -> None:
    """The floor goes to another app, or comes back."""
    if "requested_owner_app_id" in value:
        return
    thread = scene.channel.thread_of(scene.person.id)
    value.setdefault("previous_owner_app_id", thread.owner_at(scene.at))
    if "new_owner_app_id" not in value:
        raise ControlError("say who has the floor now: `new_owner_app_id`")
    thread.owner = None if value["new_owner_app_id"] is None else str(value["new_owner_app_id"])
    thread.owner_until = scene.at + 86_400


def _nothing(_value: Item, _scene: Scene) -> None:
    return


@frozen
class Event:
    """One event of a thread: the webhook field it is told under, and what completes it."""

    messenger: str
    instagram: str
    fill: Callable[[Item, Scene], None] = _nothing

    def field(self, platform: str) -> str:
        """Its webhook field; empty where the platform has no such event."""
        return self.messenger if platform == "messenger" else self.instagram


_HANDOVER: Final = ("messaging_handovers", "messaging_handover")
EVENTS: Final[Mapping[str, Event]] = {
    "message": Event("messages", "messages", _message),
    "message_edit": Event("message_edits", "message_edit", _edit),
    "reaction": Event("message_reactions", "message_reactions", _reaction),
    "postback": Event("messaging_postbacks", "messaging_postbacks", _postback),
    "referral": Event("messaging_referrals", "messaging_referral", _referral),
    "delivery": Event("message_deliveries", "", _delivery),
    "read": Event("message_reads", "messaging_seen", _read),
    "optin": Event("messaging_optins", "messaging_optins", _optin),
    "account_linking": Event("messaging_account_linking", "", _linking),
    "policy_enforcement": Event("messaging_policy_enforcement", "messaging_policy_enforcement"),
    "pass_thread_control": Event(*_HANDOVER, _control),
    "take_thread_control": Event(*_HANDOVER, _control),
    "request_thread_control": Event(*_HANDOVER),
    "app_roles": Event(*_HANDOVER),
    "messaging_feedback": Event("messaging_feedback", ""),
    "response_feedback": Event("response_feedback", ""),
    "game_play": Event("messaging_game_plays", ""),
    "order": Event("send_cart", ""),
}
WITHOUT_SENDER: Final = ("policy_enforcement", "app_roles")
ON_STANDBY: Final = ("message", "postback", "delivery", "read")
KINDS: Final = {"message_edit": "edit"}
