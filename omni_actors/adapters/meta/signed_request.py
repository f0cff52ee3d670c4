"""How Meta tells that a person has revoked what they allowed, or wants their data deleted.

https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
"""

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from omni_actors.adapters.reading import mapping, text

FIELD: Final = "signed_request"
ALGORITHM: Final = "HMAC-SHA256"


def revoked(form: Mapping[str, str], app_secret: str) -> str | None:
    """The person whom a notice is about, as the app knows them; None: it is not Meta's."""
    written, _, payload = form.get(FIELD, "").partition(".")
    given, raw = _decoded(written), _decoded(payload)
    expected = hmac.new(app_secret.encode(), payload.encode(errors="replace"), sha256).digest()
    if given is None or raw is None or not hmac.compare_digest(given, expected):
        return None
    try:
        document = mapping(json.loads(raw))
    except (ValueError, RecursionError):
        return None
    if text(document.get("algorithm")) != ALGORITHM:
        return None
    return text(document.get("user_id"))


def _decoded(written: str) -> bytes | None:
    """Base64 with the alphabet for URLs, whose padding is left out."""
    try:
        return urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except ValueError:
        return None
