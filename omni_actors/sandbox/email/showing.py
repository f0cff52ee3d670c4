"""A mail as its reader has it before them."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

_LINK = re.compile(r"""href\s*=\s*["']?(https?://[^"'\s>]+)""", re.IGNORECASE)
TOLD = ("from", "to", "cc", "reply-to", "subject", "date", "in-reply-to", "references")


def read(raw: bytes) -> dict[str, Any]:
    """A mail taken apart, as JSON."""
    # What is read here has passed the rules; only a mail of a customer's own client has not.
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    html = _body(mail, "html")
    told = {name.replace("-", "_"): str(mail[name]) for name in TOLD if mail[name] is not None}
    return {
        **told,
        "headers": [[name, str(value)] for name, value in mail.items()],
        "text": _body(mail, "plain"),
        "html": html,
        "links": [each.replace("&amp;", "&") for each in _LINK.findall(html or "")],
        "attachments": [_file(part) for part in mail.walk() if _is_file(part)],
        "size": len(raw),
    }


def _body(mail: EmailMessage, kind: str) -> str | None:
    found = mail.get_body((kind,))
    return None if found is None else str(found.get_content()).replace("\r\n", "\n")


def _is_file(part: Any) -> bool:
    if part.is_multipart():
        return False
    return bool(part.get_filename() or part["content-id"]) or part.is_attachment()


def _file(part: Any) -> dict[str, Any]:
    content = part.get_payload(decode=True) or b""
    return {
        "filename": part.get_filename(),
        "mime_type": part.get_content_type(),
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "content_id": str(part["content-id"] or "").strip("<>") or None,
        "inline": part.get_content_disposition() == "inline",
    }
