"""What WhatsApp's error codes mean. The code alone decides; HTTP status and wording do not.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from typing import Final

from attrs import evolve

from omni_actors.adapters.meta.graph import (
    GraphError,
    Rule,
    document_of,
    failure_of,
    failure_told,
    read_error,
)
from omni_actors.adapters.reading import mapping
from omni_actors.adapters.whatsapp.error_table import RANGES, REFUSED, RULES, STUMBLED, TOKENS
from omni_actors.model.failure import Failure, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import HttpReply

SUBCODE_NO_OBJECT: Final = 33
TOKEN: Final = 190


def rule_of(error: GraphError, status: int = 400) -> Rule:
    """What an error means; an unknown code by `is_transient`, and by `status` where that is absent.

    The Graph tells a missing object as code 100 with subcode 33.
    """
    code = SUBCODE_NO_OBJECT if _no_object(error) else error.code
    if rule := RULES.get(code):
        sentence = TOKENS.get(error.subcode or 0) if code == TOKEN else None
        return evolve(rule, sentence=sentence) if sentence else rule
    for low, high, rule in RANGES:
        if low <= code <= high:
            return rule
    stumbled = status >= 500 if error.is_transient is None else error.is_transient
    return STUMBLED if stumbled else REFUSED


def _no_object(error: GraphError) -> bool:
    return error.code == 100 and error.subcode == SUBCODE_NO_OBJECT


def refusal(reply: HttpReply, *, repeatable: bool = False) -> Failure:
    """The failure that an answer tells; `repeatable` as in `graph.failure_of`."""
    return failure_of(reply, rule_of, repeatable=repeatable)


def failure_in(error: JsonObject) -> Failure:
    """The failure in an `errors[]` of a webhook."""
    read = read_error(error)
    return failure_told(read, rule_of(read))


def answer(reply: HttpReply, *, repeatable: bool) -> JsonObject:
    """The object that a good answer is. Raises SendFailure for a refusal."""
    document = mapping(document_of(reply))
    if not reply.ok or "error" in document:
        raise SendFailure(refusal(reply, repeatable=repeatable))
    return document
