"""What of an exchange an operator may see: no credential, no content, and no file."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from omni_actors.model.json import Json
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import HttpCall, HttpReply, Upload

REPLY_BYTES_MAX: Final = 16 * 1024
_USER_INFO: Final = re.compile(r"//[^/?#]*@")
SECRET_QUERY: Final = re.compile(r"token|secret|proof|password|sig$|signature|hash|key|code", re.I)


def masked_url(call: HttpCall) -> str:
    """The call's URL as an operator may see it.

    A stranger's URL is often itself the right to fetch, so no value of its query is shown.
    """
    base, _, query = _USER_INFO.sub("//***@", call.url).partition("?")
    pairs = [*parse_qsl(query, keep_blank_values=True), *call.query.items()]
    if not pairs:
        return base
    hidden = call.guarded or call.download
    shown = [f"{name}={_shown(name, value, hidden=hidden)}" for name, value in pairs]
    return f"{base}?{'&'.join(shown)}"


def _shown(name: str, value: str, *, hidden: bool) -> str:
    return "***" if hidden or SECRET_QUERY.search(name) else quote(value)


def shown_request(call: HttpCall, trace: Trace) -> Json:
    """The body of a call; header names and values are never shown."""
    if call.upload is not None and call.form is None:
        return {"file": _file(call.upload)}
    if call.upload is not None:
        return {"form": trace.masked(call.form or {}), "file": _file(call.upload)}
    if call.json is not None:
        return trace.masked(call.json)
    if call.form is not None:
        return trace.masked(call.form)
    return None if call.body is None else _bytes(len(call.body))


def _file(upload: Upload) -> Json:
    return {"field": upload.field_name, "mime": upload.mime, "bytes": _bytes(upload.size)}


def shown_reply(reply: HttpReply, trace: Trace) -> Json:
    """The body of an answer: its document when it is a short one, or how long it is."""
    document = _document(reply) if 0 < len(reply.body) <= REPLY_BYTES_MAX else None
    return _bytes(reply.size) if document is None else trace.masked(document)


def _document(reply: HttpReply) -> Any:
    try:
        return reply.document()
    except RecursionError:
        return None  # brackets in brackets without end, which some stranger's server may send


def _bytes(count: int) -> str:
    return f"({count} bytes)"
