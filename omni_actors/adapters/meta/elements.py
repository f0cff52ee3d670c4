"""Reads one element of `messaging` or `standby`: what it is, and the reports that it becomes.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.meta import control, receipts
from omni_actors.adapters.meta.messages import read_content
from omni_actors.adapters.meta.people import named
from omni_actors.adapters.meta.scene import Read, Scene, unsupported
from omni_actors.adapters.reading import (
    digest,
    mapping,
    needed_mapping,
    needed_text,
    number,
    text,
)
from omni_actors.model.content import ChoiceResponse, Text, Via
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    MARKETING,
    STOP,
    Acted,
    Deleted,
    Echoed,
    Edited,
    PreferenceChanged,
    Reacted,
    Received,
    Remark,
    Report,
)

# The inboxes of the platform itself: a person of the business writes there.
# https://developers.facebook.com/docs/messenger-platform/handover-protocol
INBOXES: Final = frozenset({"263902037430900", "26390203743090", "1217981644879628"})
OUR_PART: Final = "prt_"
EMOJI: Final = {
    "angry": "\N{ANGRY FACE}",
    "dislike": "\N{THUMBS DOWN SIGN}",
    "like": "\N{THUMBS UP SIGN}",
    "love": "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
    "sad": "\N{CRYING FACE}",
    "smile": "\N{SMILING FACE WITH OPEN MOUTH AND TIGHTLY-CLOSED EYES}",
    "wow": "\N{FACE WITH OPEN MOUTH}",
}
EDITS_PER_S: Final = 1_000_000  # so that of two edits told with one time the later one counts


def read_element(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """The reports of one element, by the first key that it has. Raises Malformed."""
    for key, read in ELEMENTS.items():
        if item.get(key) is not None:
            yield from read(item, scene)
            return
    yield unsupported(scene, "element", "none of its keys is one that we read", item)


def _message(item: JsonObject, scene: Scene) -> Iterator[Report]:
    message = needed_mapping(item.get("message"), "message")
    mid = needed_text(message, "mid")
    if message.get("is_deleted") is True:
        where, when = scene.channel_key, scene.when(item)
        yield Deleted(where, f"del:{mid}", when, scene.person(item), target=mid)
    elif message.get("is_echo") is True or message.get("is_self") is True:
        yield _echoed(item, message, mid, scene)
    else:
        yield _received(item, message, mid, scene)


def _received(item: JsonObject, message: JsonObject, mid: str, scene: Scene) -> Received:
    said = read_content(message, mid, scene.when(item), scene.dialect.audio)
    referral = mapping(message.get("referral"))
    return Received(
        channel_key=scene.channel_key,
        event_key=mid,
        at=scene.when(item),
        identities=scene.person(item),
        external_id=mid,
        content=said.content,
        media=said.media,
        reply_to=text(mapping(message.get("reply_to")).get("mid")),
        referral=referral or None,
        notes=said.notes or None,
        free_entry=text(referral.get("source")) == "ADS",
        standby=scene.standby,
    )


def _echoed(item: JsonObject, message: JsonObject, mid: str, scene: Scene) -> Echoed:
    """What the business wrote: by us, by another app, or by a person in an inbox."""
    said = read_content(message, mid, scene.when(item), scene.dialect.audio)
    app_id, metadata = text(message.get("app_id")), text(message.get("metadata"))
    notes = dict(said.notes)
    callback = metadata if metadata and metadata.startswith(OUR_PART) else None
    if metadata and callback is None:
        notes["metadata"] = metadata
    return Echoed(
        channel_key=scene.channel_key,
        event_key=mid,
        at=scene.when(item),
        identities=scene.person(item),
        external_id=mid,
        content=said.content,
        media=said.media,
        callback=callback,
        app_id=None if app_id in INBOXES else app_id,
        reply_to=text(mapping(message.get("reply_to")).get("mid")),
        notes=notes or None,
        standby=scene.standby,
        anonymous=app_id is None and not scene.dialect.signed,
    )


def _edited(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """A message has other words now; how often it was edited tells edits of one time apart."""
    edit = needed_mapping(item.get("message_edit"), "message_edit")
    mid, words = needed_text(edit, "mid"), needed_text(edit, "text")
    told = number(edit.get("num_edit"))
    nth = int(told or 0)
    named = str(nth) if told is not None else digest(words, scene.when(item))
    yield Edited(
        scene.channel_key,
        f"edit:{mid}:{named}",
        scene.when(item) + nth / EDITS_PER_S,
        scene.person(item),
        target=mid,
        content=Text(words),
    )


def _reacted(item: JsonObject, scene: Scene) -> Iterator[Report]:
    reaction = needed_mapping(item.get("reaction"), "reaction")
    mid, action = needed_text(reaction, "mid"), needed_text(reaction, "action")
    emoji = "" if action == "unreact" else _emoji(reaction)
    key = digest(mid, item.get("sender"), action, emoji, scene.when(item))
    yield Reacted(
        scene.channel_key,
        f"reaction:{key}",
        scene.when(item),
        scene.person(item),
        target=mid,
        emoji=emoji,
        opens_window=emoji != "",
    )


def _emoji(reaction: JsonObject) -> str:
    word = needed_text(reaction, "reaction") if not text(reaction.get("emoji")) else ""
    return text(reaction.get("emoji")) or EMOJI.get(word, word)


def _postback(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """A tap on a button or a menu; who only watches is not told the payload.

    https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messaging_postbacks
    """
    postback = needed_mapping(item.get("postback"), "postback")
    title = text(postback.get("title"))
    payload = text(postback.get("payload")) or title or needed_text(postback, "payload")
    mid = text(postback.get("mid"))
    referral = mapping(postback.get("referral"))
    yield Received(
        channel_key=scene.channel_key,
        event_key=mid or _key("postback", item, scene, payload),
        at=scene.when(item),
        identities=scene.person(item),
        external_id=mid or _key("postback", item, scene, payload),
        content=ChoiceResponse(payload, Via.NATIVE, title),
        referral=referral or None,
        free_entry=text(referral.get("source")) == "ADS",
        standby=scene.standby,
    )


def _referral(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """They came back to a conversation by a link or an ad, which opens the window."""
    referral = needed_mapping(item.get("referral"), "referral")
    key = _key("referral", item, scene, referral.get("ref"), referral.get("ad_id"))
    where, when = scene.channel_key, scene.when(item)
    person = scene.person(item)
    yield Acted(where, key, when, person, "referral", referral, opens_window=True)


def _optin(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """They agreed to be written to, or no longer do.

    https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messaging_optins
    """
    optin = needed_mapping(item.get("optin"), "optin")
    token = optin.get("notification_messages_token") or optin.get("one_time_notif_token")
    status = text(optin.get("notification_messages_status"))
    key = _key("optin", item, scene, optin.get("type"), token, status)
    guest = named("", {"user_ref": optin.get("user_ref")}, scope=scene.channel_key)
    person = guest if "sender" not in item and guest else scene.person(item)
    where, when = scene.channel_key, scene.when(item)
    if status is None:
        yield Acted(where, key, when, person, "optin", optin)
        return
    value = STOP if status.upper().startswith("STOP") else "resume"
    topic = text(optin.get("title")) or text(optin.get("payload"))
    yield PreferenceChanged(where, key, when, person, MARKETING, value, topic)


def _acted(kind: str) -> Read:
    def read(item: JsonObject, scene: Scene) -> Iterator[Report]:
        detail = needed_mapping(item.get(kind), kind)
        key = _key(kind, item, scene, detail)
        yield Acted(scene.channel_key, key, scene.when(item), scene.person(item), kind, detail)

    return read


def _said(name: str, kind: str) -> Read:
    """Reads a rating or a cart, which may be in somebody's own words."""

    def read(item: JsonObject, scene: Scene) -> Iterator[Report]:
        words = needed_mapping(item.get(name), name)
        key = _key(kind, item, scene, words)
        yield Acted(
            scene.channel_key, key, scene.when(item), scene.person(item), kind, {},
            remark=Remark(key, words),
        )  # fmt: skip

    return read


def _key(kind: str, item: JsonObject, scene: Scene, *values: Json) -> str:
    """An event key of what has no id: its person, its time and what tells it apart."""
    return f"{kind}:{digest(item.get('sender'), scene.when(item), *values)}"


ELEMENTS: Final[dict[str, Read]] = {
    "message": _message,
    "message_edit": _edited,
    "reaction": _reacted,
    "postback": _postback,
    "referral": _referral,
    "delivery": receipts.delivered,
    "read": receipts.read,
    "optin": _optin,
    "account_linking": _acted("account_linking"),
    "policy_enforcement": control.policy_enforced,
    "pass_thread_control": control.changed("pass_thread_control", ours=True),
    "take_thread_control": control.changed("take_thread_control", ours=False),
    "request_thread_control": control.requested,
    "app_roles": control.roles,
    "response_feedback": _said("response_feedback", "response_feedback"),
    "messaging_feedback": _said("messaging_feedback", "feedback"),
    "game_play": _acted("game_play"),
    "order": _said("order", "order"),
}
