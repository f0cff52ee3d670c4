"""The platform's table of errors as data: what each code asks for, whom it concerns, what to do.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from typing import Final

from omni_actors.adapters.meta.graph import Rule
from omni_actors.model.failure import Kind, Reason, Scope

HOUR_S: Final = 3600.0


def _rejected(reason: Reason, sentence: str) -> Rule:
    return Rule(Kind.REJECTED, reason, sentence=sentence)


def _broken(reason: Reason, sentence: str) -> Rule:
    return Rule(Kind.BROKEN, reason, Scope.CHANNEL, sentence=sentence)


def _down(sentence: str, retry_after_s: float | None = None) -> Rule:
    reason = Reason.CHANNEL_UNAVAILABLE
    return Rule(Kind.TRANSIENT, reason, Scope.CHANNEL, retry_after_s, sentence=sentence)


def _throttled(scope: Scope, sentence: str, retry_after_s: float | None = None) -> Rule:
    return Rule(Kind.THROTTLED, Reason.RATE_LIMITED, scope, retry_after_s, sentence=sentence)


def _stumbled(sentence: str) -> Rule:
    return Rule(Kind.TRANSIENT, Reason.UNKNOWN, attempts_max=3, sentence=sentence)


STUMBLED: Final = _stumbled("The platform stumbled; it is tried again, three times at most.")
REFUSED: Final = _rejected(
    Reason.UNKNOWN, "The platform refused it with a code that is not in the table; read its text."
)

RULES: Final = {
    0: _broken(
        Reason.CREDENTIALS_EXPIRED,
        "The platform could not tell who calls; give the channel a new token.",
    ),
    1: _stumbled(
        "The platform stumbled, or the request was malformed; it is tried again, three times at "
        "most. If it fails for good, look at the request in the attempts."
    ),
    2: _down("The platform is down or overloaded; sending goes on when it is back."),
    3: _broken(
        Reason.PERMISSION_DENIED,
        "The app lacks a capability or permission; give the token whatsapp_business_messaging.",
    ),
    4: _throttled(
        Scope.APP,
        "The app has made too many calls; all its channels wait. Make fewer calls with this app.",
    ),
    10: _broken(
        Reason.PERMISSION_DENIED,
        "The token may not send for this number; give its system user the number and "
        "whatsapp_business_messaging, or put in another token.",
    ),
    33: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The phone number id is unknown to this token, or the number was deleted; correct "
        "phone_number_id.",
    ),
    100: _rejected(
        Reason.BAD_REQUEST,
        "A parameter is unknown, misspelled or too long; the platform's text names it. If you set "
        "no override, report it as a bug of the gateway.",
    ),
    104: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The proof of the app secret is missing or wrong; give the channel the app_secret of the "
        "app that its token is of.",
    ),
    190: _broken(
        Reason.CREDENTIALS_EXPIRED,
        "The token has expired or was revoked; give the channel a new one. The queue is kept.",
    ),
    368: _broken(
        Reason.POLICY_REJECTED,
        "The account is blocked for breaking a policy; read the notice in the Business Manager "
        "and appeal there.",
    ),
    613: _throttled(Scope.PART, "The permission to call was asked for too often; it waits."),
    12455: _rejected(
        Reason.CONTENT_UNSUPPORTED, "It is about calls, which the gateway does not make."
    ),
    80007: _throttled(
        Scope.ACCOUNT,
        "The WhatsApp Business account has used up its calls; all its numbers wait until the "
        "platform gives access back.",
    ),
    80008: _throttled(
        Scope.PART,
        "Too many management calls to the account, such as for templates; they wait, sending "
        "goes on.",
    ),
    130403: _rejected(
        Reason.RECIPIENT_BLOCKED, "The business has blocked this person; unblock them to write."
    ),
    130429: _throttled(
        Scope.CHANNEL,
        "The number sends faster than its throughput allows; it slows down by itself. Lower rate "
        "if this goes on.",
    ),
    130472: _rejected(
        Reason.POLICY_REJECTED,
        "The person is in an experiment of the platform and gets no marketing; use another "
        "channel. It costs nothing.",
    ),
    130497: _rejected(
        Reason.POLICY_REJECTED,
        "The account may not write to people in this country; use another channel.",
    ),
    130501: _rejected(
        Reason.CONTENT_UNSUPPORTED, "A group does not take this type of message; send another."
    ),
    131000: _stumbled(
        "The platform failed without saying why; it is tried again, three times at most."
    ),
    131005: _broken(
        Reason.PERMISSION_DENIED,
        "Access was denied; check the permissions of the token and the app's access.",
    ),
    131008: _rejected(
        Reason.BAD_REQUEST,
        "A required parameter is missing; the platform's text names it. If you set no override, "
        "report it as a bug of the gateway.",
    ),
    131009: _rejected(
        Reason.BAD_REQUEST,
        "A parameter has a value that is not valid; also a message to react to or to mark as "
        "read that is unknown or too old. The platform's text names it.",
    ),
    131016: _down("The platform's service is unavailable; sending goes on when it is back."),
    131020: _rejected(
        Reason.RECIPIENT_INVALID, "The group has no other member; nobody would read it."
    ),
    131021: _rejected(
        Reason.RECIPIENT_INVALID, "Sender and recipient are the same number; send to another."
    ),
    131026: _rejected(
        Reason.RECIPIENT_UNREACHABLE,
        "It cannot be delivered: the person is not on WhatsApp, has an old version, or has not "
        "accepted its terms. Use another channel.",
    ),
    131030: _rejected(
        Reason.RECIPIENT_INVALID,
        "A test number writes to its allowed recipients only; add the person to that list in the "
        "app's dashboard, or use a real number.",
    ),
    131031: _broken(
        Reason.POLICY_REJECTED,
        "The account is locked, or the two-step PIN was wrong; resolve it in the WhatsApp Manager.",
    ),
    131037: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The display name of the number is not approved; have it approved in the WhatsApp Manager.",
    ),
    131041: _rejected(Reason.RECIPIENT_INVALID, "The group is unknown; check its id."),
    131042: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "There is a problem with the payment method; mend it in the billing settings of the "
        "account. Sending is tried again from time to time.",
    ),
    131044: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "There is a problem with the payment method for calls; mend it in the billing settings.",
    ),
    131045: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The number's registration or certificate is broken; register the number again.",
    ),
    131047: _rejected(
        Reason.OUTSIDE_WINDOW,
        "The reply window is closed; send a template, or set delivery.on_closed_window.",
    ),
    131048: _throttled(
        Scope.OUTREACH,
        "The number is restricted because people block or report it, or its messaging limit is "
        "used up; what it starts by itself waits, answers go on. Look at its quality rating.",
        HOUR_S,
    ),
    131049: _rejected(
        Reason.POLICY_REJECTED,
        "The platform withheld it: the person gets enough marketing. Do not send it again within "
        "24 hours; trying again is punished.",
    ),
    131050: _rejected(
        Reason.RECIPIENT_NOT_OPTED_IN,
        "The person has stopped your marketing messages; send none until they opt in again.",
    ),
    131051: _rejected(
        Reason.CONTENT_UNSUPPORTED, "The platform does not know this type of message."
    ),
    131052: _rejected(
        Reason.MEDIA_UNREACHABLE,
        "The platform could not fetch what the customer sent; ask them to send it again.",
    ),
    131053: Rule(
        Kind.TRANSIENT,
        Reason.MEDIA_UNREACHABLE,
        attempts_max=3,
        sentence="The platform could not take the file: its link does not answer, or its type or "
        "codec is not what it says. It is tried again, a link then as an upload; if that fails, "
        "convert it.",
    ),
    131055: _rejected(
        Reason.CONTENT_UNSUPPORTED,
        "The Marketing Messages API takes marketing templates only; send it the usual way.",
    ),
    131056: Rule(
        Kind.THROTTLED,
        Reason.PAIR_RATE_LIMITED,
        Scope.LEG,
        sentence="Too many messages to this person in a short time; only this conversation waits. "
        "Put more into one message, or lower pair_rate.",
    ),
    131057: _down(
        "The number is in maintenance for about a minute, such as for a higher throughput; "
        "sending goes on by itself.",
        60.0,
    ),
    131059: _rejected(Reason.BAD_REQUEST, "A listing's cursor is not valid; begin it anew."),
    131060: _rejected(
        Reason.CONTENT_UNSUPPORTED,
        "The content of this message cannot be had over the API; look at it in the Business app.",
    ),
    131062: _rejected(
        Reason.NO_IDENTITY,
        "This message needs the person's phone number, and only their business-scoped id is "
        "known; ask them for the number.",
    ),
    131063: _rejected(
        Reason.CHANNEL_MISCONFIGURED,
        "Marketing is switched off for the Cloud API of this account; switch it on in the "
        "WhatsApp Manager, or send this by the Marketing Messages API, without the gateway.",
    ),
    131064: _throttled(
        Scope.OUTREACH,
        "Templates of this account were put into the wrong category, so their sending is limited; "
        "what the business starts waits. The platform lifts it by itself.",
        HOUR_S,
    ),
    131201: _rejected(
        Reason.BAD_REQUEST, "Not all of it worked in the group; the platform's text names the rest."
    ),
    131202: _rejected(Reason.BAD_REQUEST, "The same member is named twice; name each once."),
    131203: _rejected(
        Reason.RECIPIENT_INVALID,
        "The person has not accepted WhatsApp's terms, and cannot be in the group.",
    ),
    131204: _rejected(
        Reason.BAD_REQUEST, "The group has no room for so many; it takes eight people."
    ),
    131207: _rejected(
        Reason.RECIPIENT_INVALID,
        "The group is suspended for breaking a policy; write to its members one by one.",
    ),
    131208: _throttled(
        Scope.PART, "The number has done too much with groups in a short time; it waits."
    ),
    131211: _rejected(
        Reason.BAD_REQUEST, "The number has as many groups as it may have; delete one first."
    ),
    131212: _rejected(Reason.BAD_REQUEST, "The person is not in the group; list its members."),
    131213: _rejected(
        Reason.BAD_REQUEST, "There is no such request to join; list the requests again."
    ),
    131214: _rejected(
        Reason.POLICY_REJECTED,
        "The account sent too much marketing, and may make no groups for a while.",
    ),
    131215: _rejected(
        Reason.PERMISSION_DENIED,
        "The number may not use groups; they are for Official Business Accounts only.",
    ),
    132000: _rejected(
        Reason.TEMPLATE_PARAMS,
        "The number of parameters is not that of the template; count its variables.",
    ),
    132001: _rejected(
        Reason.TEMPLATE_MISSING,
        "There is no approved template of this name in this language; check both in the WhatsApp "
        "Manager.",
    ),
    132005: _rejected(
        Reason.TEMPLATE_PARAMS,
        "With its parameters filled in the template is too long; shorten them.",
    ),
    132007: _rejected(
        Reason.POLICY_REJECTED, "The template's content breaks a policy; change the template."
    ),
    132008: _rejected(
        Reason.TEMPLATE_PARAMS,
        "A parameter is not of the format that the template asks for; compare them.",
    ),
    132012: _rejected(
        Reason.TEMPLATE_PARAMS,
        "A parameter is not of the type that the template asks for; compare them.",
    ),
    132015: _rejected(
        Reason.TEMPLATE_PAUSED,
        "The template is paused for its low quality; wait, change it, or use another.",
    ),
    132016: _rejected(
        Reason.TEMPLATE_PAUSED,
        "The template was paused too often and is disabled for good; make a new one.",
    ),
    132068: _rejected(
        Reason.TEMPLATE_PAUSED, "The flow is blocked; mend it in the WhatsApp Manager."
    ),
    132069: _throttled(
        Scope.PART,
        "The flow is throttled to ten an hour; this message waits. Mend the flow.",
        360.0,
    ),
    133000: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The number was not deregistered wholly; deregister it again, then register it.",
    ),
    133004: _down("The platform's server is unavailable; sending goes on when it is back."),
    133005: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The two-step PIN is wrong; register with the right one."
    ),
    133006: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The number must be verified again before it is registered."
    ),
    133008: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The two-step PIN was wrong too often; wait as long as the platform's text says.",
    ),
    133009: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The two-step PIN was tried too fast; wait, then try again."
    ),
    133010: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The number is not registered on the Cloud API; register it with its two-step PIN.",
    ),
    133015: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The number was deleted a moment ago; wait five minutes, then register it.",
    ),
    133016: _throttled(
        Scope.PART,
        "The number was registered or deregistered ten times; that is possible again in 72 hours.",
        72 * HOUR_S,
    ),
    134011: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The terms of payments are not accepted; accept them in the WhatsApp Manager.",
    ),
    134100: _rejected(
        Reason.CONTENT_UNSUPPORTED, "The Marketing Messages API takes marketing templates only."
    ),
    134101: Rule(
        Kind.TRANSIENT,
        Reason.TEMPLATE_MISSING,
        retry_after_s=120.0,
        sentence="The template is still being made known, for ten minutes at most; it is tried "
        "again.",
    ),
    134102: _broken(
        Reason.PERMISSION_DENIED,
        "The account may not use the Marketing Messages API; apply for it.",
    ),
    135000: _rejected(
        Reason.BAD_REQUEST,
        "The platform refused the parameters without naming one; look at the request in the "
        "attempts.",
    ),
    137000: _rejected(
        Reason.RECIPIENT_INVALID,
        "The person's identity key has changed: they may have a new phone, or be somebody else. "
        "Make sure who they are before you send it again.",
    ),
    2388019: _rejected(
        Reason.POLICY_REJECTED,
        "The account has as many templates as it may have; delete some.",
    ),
    2388039: _rejected(
        Reason.TEMPLATE_PARAMS, "The template cannot be edited now; wait until it is reviewed."
    ),
    2388040: _rejected(Reason.TEMPLATE_PARAMS, "A part of the template is too long; shorten it."),
    2388047: _rejected(Reason.TEMPLATE_PARAMS, "The template's header is malformed; correct it."),
    2388072: _rejected(Reason.TEMPLATE_PARAMS, "The template's body is malformed; correct it."),
    2388073: _rejected(Reason.TEMPLATE_PARAMS, "The template's footer is malformed; correct it."),
    2388293: _rejected(
        Reason.TEMPLATE_PARAMS,
        "The template has too many variables for its text; add words or take variables away.",
    ),
    2388299: _rejected(
        Reason.TEMPLATE_PARAMS,
        "A variable stands at the beginning or the end of the template; put words around it.",
    ),
    2593107: _rejected(
        Reason.BAD_REQUEST,
        "The contacts and history of the Business app were asked for already; that is possible "
        "once.",
    ),
    2593108: _rejected(
        Reason.BAD_REQUEST,
        "The contacts and history of the Business app can be had within 24 hours only.",
    ),
    2593109: _rejected(
        Reason.BAD_REQUEST, "The business chose not to share the history of its Business app."
    ),
}

# Inclusive, for codes that have no rule of their own.
RANGES: Final = (
    (
        200,
        299,
        _broken(
            Reason.PERMISSION_DENIED,
            "The token is missing or lacks a permission; give it whatsapp_business_messaging, or "
            "put in another token.",
        ),
    ),
    (
        138000,
        138013,
        _rejected(
            Reason.CONTENT_UNSUPPORTED, "It is about calls, which the gateway does not make."
        ),
    ),
    (
        139000,
        139004,
        _rejected(
            Reason.CONTENT_UNSUPPORTED,
            "The flow cannot be sent as it is; check that it is published and valid.",
        ),
    ),
    (
        139100,
        139103,
        _rejected(
            Reason.BAD_REQUEST,
            "The block list did not take it: it is full, or the person has not written lately.",
        ),
    ),
    (
        147001,
        147005,
        _rejected(Reason.BAD_REQUEST, "It is about the business's username; choose another."),
    ),
    (
        2388000,
        2388999,
        _rejected(
            Reason.TEMPLATE_PARAMS,
            "The template cannot be made or changed as it is; the platform's text names what.",
        ),
    ),
    (
        2494000,
        2494999,
        _broken(
            Reason.CHANNEL_MISCONFIGURED,
            "Bringing the number over is not finished; finish it in the WhatsApp Manager.",
        ),
    ),
    (
        2593000,
        2593999,
        _rejected(
            Reason.BAD_REQUEST,
            "The history of the Business app cannot be had: it was refused there, or asked for "
            "too late.",
        ),
    ),
)

# What the subcodes of 190 say of the token.
TOKENS: Final = {
    458: "The app was taken away from the account; add it again and make a new token.",
    459: "The user of the token must log in at the platform first; or use a system user's token.",
    460: "The password of the token's user was changed; make a new token.",
    463: "The token has expired; give the channel a new one, best a system user's, which lasts.",
    464: "The user of the token is not confirmed; or use a system user's token.",
    467: "The token was revoked; give the channel a new one.",
}
