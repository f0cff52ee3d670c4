"""What a customer's phone shows of a send, and what can be tapped on it."""

from collections.abc import Iterator, Mapping
from typing import Any

from omni_actors.sandbox.meta.bodies import TITLE_MAX

Json = Mapping[str, Any]


def rendering(request: Json) -> str:
    """A send as a person would read it."""
    if request.get("sender_action") in ("react", "unreact"):
        return f"[reaction] {request['payload'].get('reaction', 'removed')}"
    message = request["message"]
    lines = list(_lines(message))
    lines += [f"({title})" for title in _replies(message)]
    return "\n".join(lines)


def _lines(message: Json) -> Iterator[str]:
    if message.get("text") is not None:
        yield str(message["text"])
    if message.get("sticker_id") is not None:
        yield f"[sticker] {message['sticker_id']}"
    if message.get("template") is not None:
        yield f"[utility] {message['template']['name']}"
    for medium in message.get("attachments") or ():
        yield _medium(medium)
    attachment = message.get("attachment")
    if attachment is not None:
        yield from _attachment(attachment)


def _attachment(attachment: Json) -> Iterator[str]:
    if attachment["type"] != "template":
        yield _medium(attachment)
        return
    payload = attachment["payload"]
    if payload["template_type"] in ("receipt", "coupon", "product"):
        yield f"[{payload['template_type']}] {payload.get('order_number', '')}".rstrip()
    for part in (payload, *payload.get("elements", ())):
        yield from _card(part)


def _card(part: Json) -> Iterator[str]:
    for key in ("text", "title", "subtitle"):
        if part.get(key):
            yield str(part[key])
    if part.get("image_url"):
        yield "[image]"
    for button in part.get("buttons") or ():
        yield f"[{_label(button)}]" + (f" {button['url']}" if button.get("url") else "")


def _medium(medium: Json) -> str:
    payload = medium.get("payload") or {}
    where = payload.get("url") or payload.get("attachment_id") or payload.get("id") or ""
    return f"[{medium['type']}] {where}".rstrip()


def _label(button: Json) -> str:
    names = {"account_link": "Log in", "account_unlink": "Log out"}
    return str(button.get("title") or names.get(button["type"], button["type"]))


def _replies(message: Json) -> Iterator[str]:
    for reply in message.get("quick_replies") or ():
        yield reply.get("title", "")[:TITLE_MAX] or reply["content_type"]


def taps(request: Json) -> list[dict[str, Any]]:
    """What can be tapped: quick replies and buttons, each with its `kind`."""
    message = request.get("message") or {}
    found: list[dict[str, Any]] = []
    for reply in message.get("quick_replies") or ():
        title = reply.get("title", "")[:TITLE_MAX]
        found.append({**reply, "kind": "quick_reply", "title": title})
    payload = (message.get("attachment") or {}).get("payload") or {}
    for part in (payload, *(payload.get("elements") or ())):
        for button in part.get("buttons") or ():
            found.append({**button, "kind": "button", "title": _label(button)})
    if payload.get("template_type") in ("one_time_notif_req", "notification_messages"):
        found.append({**payload, "kind": "optin", "title": "Get notified"})
    return found


def extras(request: Json) -> dict[str, Any]:
    """What the outbox tells beside the text."""
    return {"taps": taps(request)}
