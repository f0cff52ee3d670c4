"""The other webhook fields: echoes, history, calls, people's wishes, and news of the account.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from attrs import frozen

from omni_actors.sandbox.contract import ControlError, Stage, Written
from omni_actors.sandbox.whatsapp import updates
from omni_actors.sandbox.whatsapp.customers import RECEIVED_MEDIA, customer_of, put_medium
from omni_actors.sandbox.whatsapp.media import MediaShelf
from omni_actors.sandbox.whatsapp.number import Message, Number
from omni_actors.sandbox.whatsapp.people import Customer, People
from omni_actors.sandbox.whatsapp.sending import new_message_id

MARKETING: Final = {"stop": False, "resume": True, "signup": True}


@frozen
class Scene:
    """What it takes to fill in news."""

    number: Number
    people: People
    shelf: MediaShelf
    stage: Stage

    @property
    def now(self) -> float:
        return self.stage.clock.now()

    def person(self, item: Mapping[str, Any], phone: str, user_id: str) -> Customer:
        """Whom an item is about, by the keys under which it names them."""
        return customer_of(self.people, item.get(phone), item.get(user_id))


Item: TypeAlias = dict[str, Any]
# Fills in one item of a list and says which customer belongs beside it in `contacts`.
Fill: TypeAlias = Callable[[Item, Scene], Customer | None]


def tells(
    number: Number, people: People, shelf: MediaShelf, document: dict[str, Any], stage: Stage
) -> Written:
    """News of any field, filled in and ready for the hook. Raises ControlError.

    `value` is what the platform would say; the numbers, ids and times are filled in.
    """
    field, value = document.get("field"), document.get("value")
    if not isinstance(field, str) or not field or not isinstance(value, dict):
        raise ControlError("news need a `field` and an object `value`")
    scene = Scene(number, people, shelf, stage)
    told = dict(value)
    if field in LISTS:
        return _listed(field, told, scene)
    for key in NEEDED.get(field, ()):
        if told.get(key) in (None, ""):
            raise ControlError(f"{field} needs `value.{key}`")
    if field in OF_NUMBERS:
        told.setdefault("display_phone_number", number.account.display_number)
    if field in WITH_METADATA:
        told = updates.value(number.account, **told)
    at = _time(document, stage.clock.now())
    return Written("", updates.news(number.account, field, told, at))


def _time(document: Mapping[str, Any], now: float) -> float:
    at = document.get("time", now)
    if isinstance(at, bool) or not isinstance(at, int | float) or at < 0:
        raise ControlError("`time` must be in unix seconds")
    return float(at)


def _listed(field: str, told: dict[str, Any], scene: Scene) -> Written:
    """News that are a list of items about people."""
    fills = {name: fill for name, fill in LISTS[field].items() if name in told}
    if not fills:
        raise ControlError(f"{field} needs a list {' or '.join(f'`{n}`' for n in LISTS[field])}")
    people: dict[str, Customer] = {}
    first = ""
    for name, fill in fills.items():
        if not isinstance(told[name], list) or not all(isinstance(i, dict) for i in told[name]):
            raise ControlError(f"`value.{name}` must be a list of objects")
        told[name] = [dict(item) for item in told[name]]
        for item in told[name]:
            customer = fill(item, scene)
            if customer is not None:
                people[customer.user_id] = customer
            first = first or str(item.get("id", ""))
    if people:
        contacts = [one.contact(with_username=True) for one in people.values()]
        told.setdefault("contacts", contacts)
    value = updates.value(scene.number.account, **told)
    return Written(first, updates.news(scene.number.account, field, value, None))


def _echo(item: Item, scene: Scene) -> Customer:
    """Somebody of the business writes in its app; that opens no window and costs nothing."""
    customer = scene.person(item, "to", "to_user_id")
    item.setdefault("from", scene.number.account.display_number)
    if customer.phone is not None:
        item["to"] = customer.phone
    item["to_user_id"] = customer.user_id
    _message(item, scene)
    return customer


def _message(item: Item, scene: Scene) -> None:
    kind = item.setdefault("type", "text")
    item.setdefault("id", new_message_id(scene.stage.chance))
    item.setdefault("timestamp", str(int(scene.now)))
    if kind in RECEIVED_MEDIA:
        put_medium(item, kind, scene.number, scene.shelf, scene.stage)


def _past(item: Item, scene: Scene) -> Customer:
    """A message of the history once more, with its medium."""
    customer = scene.person(item, "from", "from_user_id")
    item["from_user_id"] = customer.user_id
    _message(item, scene)
    return customer


def _chunk(item: Item, scene: Scene) -> None:
    """A piece of the history: threads of messages, or the error that there is none."""
    if "errors" in item:
        return
    item.setdefault("metadata", {"phase": 0, "chunk_order": 1, "progress": 100})
    threads = item.get("threads")
    if not isinstance(threads, list):
        raise ControlError("a piece of the history needs a list `threads`, or `errors`")
    item["threads"] = [_thread(thread, scene) for thread in threads]


def _thread(thread: Any, scene: Scene) -> Item:
    messages = thread.get("messages") if isinstance(thread, dict) else None
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise ControlError("a thread needs an `id`, the customer's number, and `messages`")
    customer = scene.person(thread, "id", "user_id")
    context = {"user_id": customer.user_id}
    if customer.phone is not None:
        context["wa_id"] = customer.phone
    filled = [dict(message) for message in messages]
    for message in filled:
        _message(message, scene)
        message.setdefault("history_context", {"status": "READ"})
        if "to" not in message:
            message.setdefault("from", customer.phone)
    return {"id": thread.get("id", customer.user_id), "context": context, "messages": filled}


def _call(item: Item, scene: Scene) -> Customer:
    """A call; the customer's opens the window as a message does."""
    if item.get("event") not in ("connect", "terminate"):
        raise ControlError("a call needs an `event`: connect or terminate")
    ours = item.setdefault("direction", "USER_INITIATED") == "BUSINESS_INITIATED"
    own = scene.number.account.display_number
    customer = scene.person(item, "to" if ours else "from", "user_id")
    item.setdefault("from" if ours else "to", own)
    item.setdefault("id", f"wacid.{new_message_id(scene.stage.chance)[6:]}")
    item.setdefault("timestamp", str(int(scene.now)))
    if item["event"] == "connect":
        entry = Message(scene.now, "call", customer.user_id, inbound=not ours)
        if ours:
            scene.number.remember(str(item["id"]), entry)
        else:
            scene.number.hears(str(item["id"]), entry)
    return customer


def _call_status(item: Item, scene: Scene) -> None:
    item.setdefault("type", "call")
    _status(item, scene)


def _wish(item: Item, scene: Scene) -> Customer:
    """A person stops the business's marketing, or takes that back; sending heeds it from now on."""
    wanted = item.get("value")
    if wanted not in MARKETING:
        raise ControlError("a preference needs a `value`: stop, resume or signup")
    customer = scene.person(item, "wa_id", "user_id")
    customer.marketing = MARKETING[str(wanted)]
    if customer.phone is not None:
        item["wa_id"] = customer.phone
    item["user_id"] = customer.user_id
    item.setdefault("category", "marketing_messages")
    item.setdefault("detail", f"User requested to {wanted} marketing messages")
    item.setdefault("timestamp", int(scene.now))
    return customer


def _exchanged(item: Item, scene: Scene) -> None:
    """A person is known by another id from now on."""
    ids = item.get("user_id")
    if not isinstance(ids, dict) or not ids.get("previous") or not ids.get("current"):
        raise ControlError("an exchange of ids needs `user_id.previous` and `user_id.current`")
    customer = customer_of(scene.people, item.get("wa_id"), ids["previous"])
    scene.people.changes_user_id(customer, str(ids["current"]))
    item.setdefault("timestamp", str(int(scene.now)))


def _entry(item: Item, scene: Scene) -> None:
    """An entry of the business's own address book."""
    item.setdefault("type", "contact")
    if item.get("action") not in ("add", "remove") or not isinstance(item.get("contact"), dict):
        raise ControlError("an entry needs an `action`, add or remove, and a `contact`")
    item.setdefault("metadata", {"timestamp": str(int(scene.now))})


def _status(item: Item, scene: Scene) -> None:
    """A status that nothing here leads to, such as `played`, or one of a member of a group."""
    item.setdefault("timestamp", str(int(scene.now)))
    for key in ("id", "status"):
        if not isinstance(item.get(key), str):
            raise ControlError(f"a status needs `{key}`, which must be a text")


def _error(item: Item, _scene: Scene) -> None:
    """Trouble of the number itself."""
    if not isinstance(item.get("code"), int):
        raise ControlError("an error needs a `code`")


LISTS: Final[Mapping[str, Mapping[str, Fill]]] = {
    "messages": {"statuses": _status, "errors": _error},
    "calls": {"calls": _call, "statuses": _call_status},
    "history": {"history": _chunk, "messages": _past, "message_echoes": _echo},
    "smb_app_state_sync": {"state_sync": _entry},
    "smb_message_echoes": {"message_echoes": _echo},
    "user_id_update": {"user_id_update": _exchanged},
    "user_preferences": {"user_preferences": _wish},
}
OF_NUMBERS: Final = frozenset(
    {
        "business_username_updates",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
    }
)
WITH_METADATA: Final = frozenset(
    {
        "automatic_events",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
    }
)
_TEMPLATE = ("message_template_id", "message_template_name", "message_template_language")
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "account_alerts": ("entity_type", "entity_id", "alert_info"),
    "account_review_update": ("decision",),
    "account_update": ("event",),
    "business_username_updates": ("status",),
    "flows": ("event", "flow_id"),
    "message_template_components_update": (*_TEMPLATE, "message_template_element"),
    "message_template_quality_update": (*_TEMPLATE, "new_quality_score"),
    "message_template_status_update": (*_TEMPLATE, "event"),
    "phone_number_name_update": ("decision",),
    "phone_number_quality_update": ("event",),
    "security": ("event",),
    "template_category_update": (*_TEMPLATE, "new_category"),
} | dict.fromkeys((name for name in WITH_METADATA if name.startswith("group_")), ("groups",))
