"""A bot's context of a conversation: how it is changed, and how large it may be."""

import json
from collections.abc import Mapping

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.model.json import JsonObject
from omni_actors.store.verbs import PutContext

CONTEXT_BYTES_MAX = 64 * 1024


def merged(value: JsonObject, patch: JsonObject) -> JsonObject:
    """A JSON merge patch applied: null removes, objects merge, the rest replaces."""
    result = dict(value)
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, Mapping):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, change)
        else:
            result[name] = change
    return result


def within(put: PutContext) -> PutContext:
    """The verb, if its context is small enough."""
    size = len(json.dumps(put.value, ensure_ascii=False).encode())
    if size > CONTEXT_BYTES_MAX:
        raise RequestError(
            Code.TOO_LARGE, f"the context would be {size} bytes, {CONTEXT_BYTES_MAX} are allowed"
        )
    return put
