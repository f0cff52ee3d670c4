"""What WhatsApp's error codes mean. The code alone decides; HTTP status and wording do not.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from typing import Final

from omni_actors.adapters.meta import GraphError, Rule, failure_of, failure_told, read_error
from omni_actors.adapters.reading import mapping
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import Json, JsonObject
from omni_actors.wire.calls import HttpReply

SUBCODE_NO_OBJECT: Final = 33


def _rejected(reason: Reason) -> Rule:
    return Rule(Kind.REJECTED, reason)


def _broken(reason: Reason) -> Rule:
    return Rule(Kind.BROKEN, reason, Scope.CHANNEL)


def _down(retry_after_s: float | None = None) -> Rule:
    return Rule(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL, retry_after_s)


def _throttled(scope: Scope, retry_after_s: float | None = None) -> Rule:
    return Rule(Kind.THROTTLED, Reason.RATE_LIMITED, scope, retry_after_s)


STUMBLED: Final = Rule(Kind.TRANSIENT, Reason.UNKNOWN, attempts_max=3)
REFUSED: Final = _rejected(Reason.UNKNOWN)

RULES: Final = {
    0: _broken(Reason.CREDENTIALS_EXPIRED),
    1: STUMBLED,
    2: _down(),
    3: _broken(Reason.PERMISSION_DENIED),
    4: _throttled(Scope.APP),
    10: _broken(Reason.PERMISSION_DENIED),
    33: _broken(Reason.CHANNEL_MISCONFIGURED),
    100: _rejected(Reason.BAD_REQUEST),
    104: _broken(Reason.CHANNEL_MISCONFIGURED),
    190: _broken(Reason.CREDENTIALS_EXPIRED),
    368: _broken(Reason.POLICY_REJECTED),
    613: _throttled(Scope.CHANNEL),
    80007: _throttled(Scope.CHANNEL),
    80008: _throttled(Scope.CHANNEL),
    130403: _rejected(Reason.RECIPIENT_BLOCKED),
    130429: _throttled(Scope.CHANNEL),
    130472: _rejected(Reason.POLICY_REJECTED),
    130497: _rejected(Reason.POLICY_REJECTED),
    130501: _rejected(Reason.CONTENT_UNSUPPORTED),
    131000: STUMBLED,
    131005: _broken(Reason.PERMISSION_DENIED),
    131008: _rejected(Reason.BAD_REQUEST),
    131009: _rejected(Reason.BAD_REQUEST),
    131016: _down(),
    131020: _rejected(Reason.RECIPIENT_INVALID),
    131021: _rejected(Reason.RECIPIENT_INVALID),
    131026: _rejected(Reason.RECIPIENT_UNREACHABLE),
    131030: _rejected(Reason.RECIPIENT_INVALID),
    131031: _broken(Reason.POLICY_REJECTED),
    131037: _broken(Reason.CHANNEL_MISCONFIGURED),
    131041: _rejected(Reason.RECIPIENT_INVALID),
    131042: _broken(Reason.CHANNEL_MISCONFIGURED),
    131044: _broken(Reason.CHANNEL_MISCONFIGURED),
    131045: _broken(Reason.CHANNEL_MISCONFIGURED),
    131047: _rejected(Reason.OUTSIDE_WINDOW),
    131048: _throttled(Scope.CHANNEL, 3600.0),  # a restriction for spam lasts for hours
    131049: _rejected(Reason.POLICY_REJECTED),  # trying again within a day is punished
    131050: _rejected(Reason.RECIPIENT_NOT_OPTED_IN),
    131051: _rejected(Reason.CONTENT_UNSUPPORTED),
    131052: _rejected(Reason.MEDIA_UNREACHABLE),
    131053: Rule(Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE, attempts_max=3),
    131055: _rejected(Reason.CONTENT_UNSUPPORTED),
    131056: Rule(Kind.THROTTLED, Reason.PAIR_RATE_LIMITED, Scope.LEG),
    131057: _down(60.0),  # the number is moved to a higher throughput
    131059: _rejected(Reason.BAD_REQUEST),
    131060: _rejected(Reason.CONTENT_UNSUPPORTED),
    131062: _rejected(Reason.NO_IDENTITY),  # wants a phone number, not a BSUID
    131063: _rejected(Reason.CHANNEL_MISCONFIGURED),
    131064: _throttled(Scope.CHANNEL, 3600.0),
    132000: _rejected(Reason.TEMPLATE_PARAMS),
    132001: _rejected(Reason.TEMPLATE_MISSING),
    132005: _rejected(Reason.TEMPLATE_PARAMS),
    132007: _rejected(Reason.POLICY_REJECTED),
    132008: _rejected(Reason.TEMPLATE_PARAMS),
    132012: _rejected(Reason.TEMPLATE_PARAMS),
    132015: _rejected(Reason.TEMPLATE_PAUSED),
    132016: _rejected(Reason.TEMPLATE_PAUSED),
    132068: _rejected(Reason.TEMPLATE_PAUSED),  # a flow, which is paused like a template
    132069: _throttled(Scope.PART, 360.0),  # a flow's ten an hour
    133000: _broken(Reason.CHANNEL_MISCONFIGURED),
    133004: _down(),
    133005: _broken(Reason.CHANNEL_MISCONFIGURED),
    133006: _broken(Reason.CHANNEL_MISCONFIGURED),
    133008: _broken(Reason.CHANNEL_MISCONFIGURED),
    133009: _broken(Reason.CHANNEL_MISCONFIGURED),
    133010: _broken(Reason.CHANNEL_MISCONFIGURED),
    133015: _broken(Reason.CHANNEL_MISCONFIGURED),
    133016: _throttled(Scope.CHANNEL, 72 * 3600.0),
    134011: _broken(Reason.CHANNEL_MISCONFIGURED),
    134100: _rejected(Reason.CONTENT_UNSUPPORTED),
    134101: Rule(Kind.TRANSIENT, Reason.TEMPLATE_MISSING, retry_after_s=120.0),  # still synced
    134102: _broken(Reason.PERMISSION_DENIED),
    135000: _rejected(Reason.BAD_REQUEST),
    137000: _rejected(Reason.RECIPIENT_INVALID),  # the person's key is another one now
    2388019: _rejected(Reason.POLICY_REJECTED),  # no room for one more template
}

# Inclusive, for codes that have no rule of their own.
RANGES: Final = (
    (200, 299, _broken(Reason.PERMISSION_DENIED)),
    (138000, 138013, _rejected(Reason.CONTENT_UNSUPPORTED)),  # calls
    (139000, 139004, _rejected(Reason.CONTENT_UNSUPPORTED)),  # flows
    (139100, 139103, _rejected(Reason.BAD_REQUEST)),  # the block list
    (147001, 147005, _rejected(Reason.BAD_REQUEST)),  # usernames
    (2388000, 2388999, _rejected(Reason.TEMPLATE_PARAMS)),
    (2494000, 2494999, _broken(Reason.CHANNEL_MISCONFIGURED)),
    (2593000, 2593999, _rejected(Reason.BAD_REQUEST)),
)


def rule_of(error: GraphError, status: int = 400) -> Rule:
    """What an error means; an unknown code by `is_transient`, and by `status` where that is absent.

    The Graph tells a missing object as code 100 with subcode 33.
    """
    code = SUBCODE_NO_OBJECT if _no_object(error) else error.code
    if rule := RULES.get(code):
        return rule
    for low, high, rule in RANGES:
        if low <= code <= high:
            return rule
    stumbled = status >= 500 if error.is_transient is None else error.is_transient
    return STUMBLED if stumbled else REFUSED


def _no_object(error: GraphError) -> bool:
    return error.code == 100 and error.subcode == SUBCODE_NO_OBJECT


def refusal(reply: HttpReply, *, repeatable: bool = False) -> Failure:
    """The failure that an answer tells; `repeatable` as in `meta.failure_of`."""
    return failure_of(reply, rule_of, repeatable=repeatable)


def failure_in(error: JsonObject) -> Failure:
    """The failure in an `errors[]` of a webhook."""
    read = read_error(error)
    return failure_told(read, rule_of(read))


def answer(reply: HttpReply, *, repeatable: bool) -> JsonObject:
    """The object that a good answer is. Raises SendFailure for a refusal."""
    document = mapping(_document(reply))
    if not reply.ok or "error" in document:
        raise SendFailure(refusal(reply, repeatable=repeatable))
    return document


def _document(reply: HttpReply) -> Json:
    try:
        document: Json = reply.document()
    except RecursionError:
        return None
    return document


def unreadable(why: str) -> SendFailure:
    """The failure of a call that may be made again, whose good answer lacks what it is for."""
    failure = Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, text=why, attempts_max=3)
    return SendFailure(failure)
