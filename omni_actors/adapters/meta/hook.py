"""The hook that the Meta platforms knock at: handshake, signature, and whom a document is for."""

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import Attribute, field, frozen

from omni_actors.adapters.contract import HookKind
from omni_actors.adapters.decode import decode
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.json import Json
from omni_actors.policy.signing import hub_signature_matches

SIGNATURE_HEADER: Final = "x-hub-signature-256"
# The `object` of a document, and the platform that it is for.
OBJECTS: Final = {
    "instagram": "instagram",
    "page": "messenger",
    "whatsapp_business_account": "whatsapp",
}

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,128}")


def _are_secrets(_secrets: Any, attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    if not value or not all(value):
        raise ValueError(f"{attribute.name} must name at least one app secret, and none empty")


def _is_verify_token(_secrets: Any, attribute: "Attribute[str]", value: str) -> None:
    if not value:
        raise ValueError(f"{attribute.name} must not be empty")


@frozen
class MetaSecrets:
    """What a hook of Meta apps knows: several secrets while one replaces another, or of several
    apps."""

    app_secrets: tuple[str, ...] = field(repr=False, validator=_are_secrets)
    verify_token: str = field(repr=False, validator=_is_verify_token)


def handshake(query: Mapping[str, str], secrets: MetaSecrets) -> str | None:
    """The challenge to answer with as plain text; None: refused.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint
    """
    challenge = query.get("hub.challenge", "")
    given = query.get("hub.verify_token", "").encode(errors="replace")
    same = hmac.compare_digest(given, secrets.verify_token.encode(errors="replace"))
    subscribes = query.get("hub.mode") == "subscribe"
    return challenge if same and subscribes and _CHALLENGE.fullmatch(challenge) else None


def authenticate(
    headers: Mapping[str, str], raw: bytes, secrets: MetaSecrets, _now: float = 0.0
) -> bool:
    """Whether one of the app secrets signed these very bytes. Header names in any case.

    Meta signs no time: what is sent again is known by its content.
    """
    given = next((v for name, v in headers.items() if name.lower() == SIGNATURE_HEADER), None)
    return hub_signature_matches(given, raw, secrets.app_secrets)


def document_of(raw: bytes, _secrets: MetaSecrets) -> Json:
    """A body as a document. Raises Undecodable."""
    return decode(raw)


def dispatch(document: Json) -> str | None:
    """The platform that a document is for; a list is as good as its first document.

    https://developers.facebook.com/docs/instagram-platform/webhooks/examples
    """
    first = next(iter(sequence(document)), document)
    return OBJECTS.get(text(mapping(first).get("object")) or "")


META = HookKind(
    kind="meta",
    secrets=MetaSecrets,
    handshake=handshake,
    authenticate=authenticate,
    decode=document_of,
    dispatch=dispatch,
)
