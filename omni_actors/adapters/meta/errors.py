"""What the Graph's refusals of a call of Messenger or Instagram mean.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from attrs import evolve

from omni_actors.adapters.meta.error_table import (
    CODES,
    EITHER,
    PAIRS,
    RANGES,
    REFUSED,
    STUMBLED,
)
from omni_actors.adapters.meta.graph import GraphError, Rule, document_of, failure_of, graph_error
from omni_actors.adapters.reading import mapping
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import HttpReply


def rule_of(error: GraphError, status: int = 400) -> Rule:
    """What an error means: by code and subcode, by either of them, by the code.

    One that we do not know is judged by `is_transient`, or `status` where that is absent.
    """
    subcode = error.subcode or 0
    if rule := PAIRS.get((error.code, subcode)):
        return rule
    for number in (subcode, error.code):
        if rule := EITHER.get(number) or in_ranges(number):
            return rule
    if rule := CODES.get(error.code):
        return rule
    stumbled = status >= 500 if error.is_transient is None else error.is_transient
    return STUMBLED if stumbled else REFUSED


def in_ranges(number: int) -> Rule | None:
    """The rule of a whole range of numbers."""
    return next((rule for low, high, rule in RANGES if low <= number <= high), None)


def refusal(reply: HttpReply, *, repeatable: bool) -> Failure:
    """The failure that an answer tells; `repeatable` as in `graph.failure_of`.

    Its code is `code` or `code/subcode`. A call that may be made again is never in doubt.
    """
    failure = failure_of(reply, rule_of, repeatable=repeatable)
    error = graph_error(reply)
    if error is not None and error.subcode:
        failure = evolve(failure, code=f"{error.code}/{error.subcode}")
    if repeatable and failure.kind is Kind.UNKNOWN:
        return evolve(failure, kind=Kind.TRANSIENT, attempts_max=3)
    return failure


def answer(reply: HttpReply, *, repeatable: bool) -> JsonObject:
    """The object that a good answer is. Raises SendFailure for a refusal."""
    document = mapping(document_of(reply))
    if not reply.ok or "error" in document:
        raise SendFailure(refusal(reply, repeatable=repeatable))
    return document


def refuse(reason: Reason, why: str) -> SendFailure:
    """The failure of a part that can never be sent as it is."""
    return SendFailure(Failure(Kind.REJECTED, reason, text=why))
