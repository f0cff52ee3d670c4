"""A page, an account with either login, a person on each; playing the sending of a part."""

import json
from typing import Any

from omni_actors.adapters.contract import Adapter, Medium, PartToSend, Sent
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.model.content import Content
from omni_actors.model.reports import IdentityKey
from omni_actors.sandbox.instagram import bodies as instagram
from omni_actors.sandbox.messenger import bodies as messenger
from omni_actors.wire.calls import HttpCall, HttpReply
from tests.adapters.kit import play

PAGE_ID, IG_ID = "104500000000001", "17841400000000009"
PAGE = MessengerSettings(PAGE_ID)
BY_INSTAGRAM = InstagramSettings(IG_ID)
BY_FACEBOOK = InstagramSettings(IG_ID, login="facebook", page_id=PAGE_ID)
ANA = IdentityKey("psid", "7300000000000001", PAGE_ID)
ANA_THERE = IdentityKey("igsid", "8900000000000777", IG_ID)
PICTURE = Medium("med_1", "blob", "image/png", 9, "p.png", uploaded="1857700000000001")
FILM = Medium("med_2", "blob", "video/mp4", 9, "f.mp4", uploaded="1857700000000002")
CHECKS = {"messenger": messenger.check_send, "instagram": instagram.check_send}
MEDIA = {"med_1": PICTURE, "med_2": FILM}


def answered(document: Any, status: int = 200) -> HttpReply:
    """An answer of the Graph."""
    return HttpReply(status, body=json.dumps(document).encode())


ACCEPTED = answered({"recipient_id": "7300000000000001", "message_id": "m_OutSize09"})


def sending(
    form: str,
    content: Content,
    adapter: Adapter[Any, Any] = MESSENGER,
    settings: Any = None,
    reply: HttpReply = ACCEPTED,
    **more: Any,
) -> tuple[HttpCall, Sent]:
    """The call that sends a part, and what became of it."""
    to = (ANA,) if adapter is MESSENGER else (ANA_THERE,)
    told = {"to": to, "media": MEDIA} | more
    part = PartToSend("prt_1", form, content, **told)
    used = settings or (PAGE if adapter is MESSENGER else BY_FACEBOOK)
    (call,), sent = play(adapter.send(part, used), reply)
    return call, sent


def body_of(form: str, content: Content, **more: Any) -> dict[str, Any]:
    """The body of the call that sends a part; the sandbox takes it."""
    body: dict[str, Any] = sending(form, content, **more)[0].json
    if "override" not in more:
        CHECKS[more.get("adapter", MESSENGER).platform](body)
    return body


def on_instagram(form: str, content: Content, **more: Any) -> dict[str, Any]:
    """The same over Instagram."""
    return body_of(form, content, adapter=INSTAGRAM, **more)
