"""What the Graph's refusals of a call of Messenger or Instagram mean.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from typing import Final

from omni_actors.adapters.meta.graph import GraphError, Rule, failure_of
from omni_actors.adapters.reading import mapping
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import HttpReply

TOKEN: Final = 190


def rule_of(error: GraphError, status: int = 400) -> Rule:
    """What an error means: a code that we do not know is judged by `is_transient` and `status`."""
    if error.code == TOKEN:
        return Rule(Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, Scope.CHANNEL)
    stumbled = status >= 500 if error.is_transient is None else error.is_transient
    if stumbled:
        return Rule(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL)
    return Rule(Kind.REJECTED, Reason.UNKNOWN)


def refusal(reply: HttpReply, *, repeatable: bool) -> Failure:
    """The failure that an answer tells; `repeatable` as in `graph.failure_of`."""
    return failure_of(reply, rule_of, repeatable=repeatable)


def answer(reply: HttpReply, *, repeatable: bool) -> JsonObject:
    """The object that a good answer is. Raises SendFailure for a refusal."""
    document = mapping(reply.document())
    if not reply.ok or "error" in document:
        raise SendFailure(refusal(reply, repeatable=repeatable))
    return document
