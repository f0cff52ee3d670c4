"""The errors of Messenger and Instagram as data: what each asks for, whom it concerns, what to do.

A rule is found by code and subcode together, then by the subcode or code that is one of the large
numbers, which come as either, then by the code alone.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from typing import Final

from omni_actors.adapters.meta.graph import Rule
from omni_actors.model.failure import Kind, Reason, Scope

# Whoever calls while it is blocked is blocked for longer, so that it waits a minute at least.
MINUTE_S: Final = 60.0


def _rejected(reason: Reason, sentence: str) -> Rule:
    return Rule(Kind.REJECTED, reason, sentence=sentence)


def _broken(reason: Reason, sentence: str) -> Rule:
    return Rule(Kind.BROKEN, reason, Scope.CHANNEL, sentence=sentence)


def _throttled(scope: Scope, sentence: str, retry_after_s: float | None = None) -> Rule:
    return Rule(Kind.THROTTLED, Reason.RATE_LIMITED, scope, retry_after_s, sentence=sentence)


def _again(reason: Reason, sentence: str, attempts_max: int, after_s: float | None = None) -> Rule:
    return Rule(Kind.TRANSIENT, reason, Scope.PART, after_s, attempts_max, sentence)


def _restricted(sentence: str) -> Rule:
    reason = Reason.POLICY_REJECTED
    return Rule(Kind.BROKEN, reason, Scope.CHANNEL, sentence=sentence)


STUMBLED: Final = _again(
    Reason.UNKNOWN, "The platform stumbled; it is tried again, three times at most.", 3
)
REFUSED: Final = _rejected(
    Reason.UNKNOWN, "The platform refused it with a code that is not in the table; read its text."
)
DOUBTFUL: Final = Rule(
    Kind.UNKNOWN,
    Reason.UNKNOWN,
    sentence="The platform does not know whether it was sent. An echo settles it; without one it "
    "is sent once more, unless on_unknown is hold.",
)
CLOSED: Final = _rejected(
    Reason.OUTSIDE_WINDOW,
    "The reply window is closed: the customer has not written within the last 24 hours. A person "
    "may still write for 7 days (author.type = human) if the app has the feature Human Agent.",
)
NOT_THERE: Final = _rejected(
    Reason.RECIPIENT_UNREACHABLE,
    "The person does not take messages of this account now: they may have blocked it or left.",
)
NO_SUCH_PERSON: Final = _rejected(
    Reason.RECIPIENT_INVALID,
    "No such person on this page or account; ids of people are good for one page or account only.",
)
NOT_OWNER: Final = _rejected(
    Reason.CONTROLLED_ELSEWHERE,
    "Another app, or a person in the inbox, has this conversation; take the control, or wait until "
    "it is passed back.",
)
NO_PERMISSION: Final = _broken(
    Reason.PERMISSION_DENIED,
    "The token lacks a permission, or the app has no access to people without a role in it; see "
    "App Review, and connect the channel again.",
)
NO_TOKEN: Final = _broken(
    Reason.CREDENTIALS_EXPIRED,
    "The token has expired or was revoked; connect the channel again. The queue is kept.",
)
NO_PROFILE: Final = _rejected(
    Reason.RECIPIENT_UNREACHABLE, "The platform shows no profile of this person; nothing is wrong."
)
BAD_MEDIUM: Final = _again(
    Reason.MEDIA_UNREACHABLE,
    "The platform could not fetch the medium from its address; after two tries it is uploaded.",
    4,
)
# What a permission is lacking for that only some sends need: the others go on.
NO_HUMAN_AGENT: Final = (
    "The reply window is closed, and the app does not have the feature Human Agent: ask for it in "
    "App Review. Everything else goes on."
)
NO_UTILITY: Final = (
    "The token may not send templates: it needs pages_utility_messaging, after App Review. "
    "Everything else goes on."
)
NO_COMMENTS: Final = (
    "The token may not answer comments: add the permission to the app's scopes "
    "(instagram_manage_comments, or instagram_business_manage_comments with Instagram Login), and "
    "connect the channel again. Everything else goes on."
)
OTHER_PRODUCT: Final = _rejected(
    Reason.CONTENT_UNSUPPORTED,
    "It is about payments, games, calls or web views, which the gateway does not make.",
)

CODES: Final[dict[int, Rule]] = {
    1: DOUBTFUL,
    2: _again(
        Reason.CHANNEL_UNAVAILABLE,
        "The platform stumbled for now; the person may also have blocked the account. It is tried "
        "five times.",
        5,
    ),
    3: _broken(
        Reason.PERMISSION_DENIED, "The app lacks a capability; see its permissions in App Review."
    ),
    4: _throttled(
        Scope.APP,
        "The app has made too many calls; all its channels wait until it may go on.",
        MINUTE_S,
    ),
    10: NO_PERMISSION,
    17: _throttled(
        Scope.CHANNEL, "The user of the token has made too many calls; it waits.", MINUTE_S
    ),
    32: _throttled(
        Scope.CHANNEL,
        "The page has had too many calls with a user's token; give the channel a page's token.",
        MINUTE_S,
    ),
    100: _rejected(
        Reason.BAD_REQUEST,
        "A parameter is wrong, or a message tag was removed by the platform; its text names it. If "
        "you set no override, report it as a bug of the gateway.",
    ),
    102: _broken(Reason.CREDENTIALS_EXPIRED, "The session is over; connect the channel again."),
    190: NO_TOKEN,
    200: NO_PERMISSION,
    230: NO_PROFILE,
    341: _throttled(Scope.APP, "The app has reached a limit; all its channels wait.", MINUTE_S),
    368: _restricted(
        "The account is blocked for breaking a policy; read the notice in the Page Quality tab and "
        "appeal there."
    ),
    506: _rejected(
        Reason.POLICY_REJECTED,
        "The platform takes it for a duplicate of the message before; say it in other words.",
    ),
    551: NOT_THERE,
    613: _throttled(
        Scope.CHANNEL, "Too many calls in a short time; the channel slows down. Lower its rate."
    ),
    1200: _again(Reason.CHANNEL_UNAVAILABLE, "The platform stumbled; it is tried again.", 5),
    2022: _restricted("The page may send no messages about its shop; see Commerce Manager."),
    9010: NO_PROFILE,
    10303: _rejected(
        Reason.BAD_REQUEST,
        "The token of an account link is not valid any more; it lives 5 minutes.",
    ),
    10900: _rejected(
        Reason.POLICY_REJECTED, "The comment has had its private reply; there is one for each."
    ),
    10903: _rejected(
        Reason.RECIPIENT_UNREACHABLE, "The person who commented cannot be written to."
    ),
    10904: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The page takes no messages; switch them on in its settings."
    ),
    36103: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The Instagram account may not use messages; make it a professional account.",
    ),
    80001: _throttled(
        Scope.ACCOUNT, "The page has used up its calls; it waits for access.", MINUTE_S
    ),
    80002: _throttled(
        Scope.ACCOUNT, "The account has used up its calls; it waits for access.", MINUTE_S
    ),
    80006: _throttled(
        Scope.ACCOUNT,
        "The page has used up its calls for messages; it waits for access.",
        MINUTE_S,
    ),
    9000001: _rejected(
        Reason.BAD_REQUEST, "The message was deleted, or is older than the newest twenty."
    ),
}

# Numbers that come as a code of their own or as the subcode of another.
EITHER: Final[dict[int, Rule]] = {
    1357046: DOUBTFUL,
    1404170: _rejected(Reason.RECIPIENT_NOT_OPTED_IN, "The person may not be asked to opt in now."),
    1545041: NOT_THERE,
    1893015: _rejected(Reason.RECIPIENT_NOT_OPTED_IN, "The person has stopped this topic."),
    1893016: _rejected(Reason.BAD_REQUEST, "The person was asked to opt in to this topic already."),
    1893049: _rejected(
        Reason.RECIPIENT_UNREACHABLE, "The person who commented cannot be written to."
    ),
    1893050: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The page takes no messages; switch them on in its settings."
    ),
    1893063: _restricted("The page is restricted for some hours; read the notice in Page Quality."),
    2018001: NO_SUCH_PERSON,
    2018008: BAD_MEDIUM,
    2018014: _rejected(
        Reason.BAD_REQUEST, "A message and a sender action in one call; take the override away."
    ),
    2018021: NO_PERMISSION,
    2018022: _throttled(Scope.CHANNEL, "Too many messages to phone numbers; they wait."),
    2018027: NO_PERMISSION,
    2018028: NO_PERMISSION,
    2018047: _rejected(
        Reason.MEDIA_UNSUPPORTED,
        "The file is not what its kind of medium may be; convert it, or send it as a document.",
    ),
    2018065: CLOSED,
    2018074: _rejected(
        Reason.MEDIA_UNREACHABLE,
        "The platform no longer knows the uploaded medium; it is uploaded anew and sent once more.",
    ),
    2018108: NOT_THERE,
    2018109: _rejected(
        Reason.MEDIA_TOO_LARGE, "The file is too large; make it smaller, or send a link."
    ),
    2018164: _rejected(Reason.BAD_REQUEST, "The id of the app is wrong; correct app_id."),
    2018171: NOT_OWNER,
    2018218: NO_PROFILE,
    2018234: NOT_OWNER,
    2018247: NO_PROFILE,
    2018278: CLOSED,
    2018294: BAD_MEDIUM,
    2018300: NOT_OWNER,
    2018320: _rejected(
        Reason.BAD_REQUEST,
        "The catalog has no such product, or the app may not read it; connect the catalog.",
    ),
    2018321: _again(
        Reason.CHANNEL_UNAVAILABLE,
        "An automated flow of the platform talks to the person; it is tried again soon.",
        5,
        MINUTE_S,
    ),
    2018328: _rejected(Reason.BAD_REQUEST, "It needs a newer Graph API; raise `version`."),
    2018338: _restricted("The platform warns of an abuse of message tags; sending pauses."),
    2018344: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The page has not accepted the terms about its contacts."
    ),
    2018352: _throttled(Scope.PART, "Too many people were asked to opt in; it waits."),
    2018354: _throttled(Scope.LEG, "The person was notified a short while ago; it waits."),
    2534013: _broken(
        Reason.CHANNEL_MISCONFIGURED, "The page is linked to no Instagram account; link it."
    ),
    2534014: NO_SUCH_PERSON,
    2534015: _rejected(
        Reason.BAD_REQUEST,
        "The platform does not understand the message. If you set no override, report it as a bug "
        "of the gateway.",
    ),
    2534022: CLOSED,
    2534025: _rejected(
        Reason.BAD_REQUEST, "No such comment, or it is older than 7 days; there is no reply to it."
    ),
    2534029: _restricted("The business is blocked from messages on Instagram."),
    2534037: NOT_OWNER,
    2534040: _throttled(
        Scope.CHANNEL, "The account sends faster than it may; it slows down. Lower its rate."
    ),
    2534041: _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The owner of the account has switched off access to messages; switch it on in the "
        "Instagram app under connected tools.",
    ),
    2534066: _rejected(Reason.PERMISSION_DENIED, NO_COMMENTS),
    2534068: _rejected(
        Reason.CONTENT_UNSUPPORTED, "The account takes one picture a message; send them apart."
    ),
    2534077: _broken(
        Reason.CREDENTIALS_EXPIRED,
        "The account, its page or its user are not linked as they were, or lack two-factor login; "
        "connect the channel again.",
    ),
}

# Subcodes that mean something only with their code.
PAIRS: Final[dict[tuple[int, int], Rule]] = {
    (1, 99): _broken(
        Reason.PERMISSION_DENIED,
        "The platform gives no reason; most often the app lacks a permission or access level.",
    ),
    (17, 2446079): _throttled(
        Scope.CHANNEL, "The user of the token has made too many calls.", MINUTE_S
    ),
    (100, 33): _broken(
        Reason.CHANNEL_MISCONFIGURED,
        "The id of the page or account is unknown to this token; correct it, or connect again.",
    ),
    (190, 458): _broken(
        Reason.CREDENTIALS_EXPIRED, "The app was removed from the account; connect it again."
    ),
    (190, 459): _broken(
        Reason.CREDENTIALS_EXPIRED,
        "The user of the token must log in to Facebook and confirm who they are; then connect "
        "the channel again.",
    ),
    (190, 460): _broken(
        Reason.CREDENTIALS_EXPIRED,
        "The password of the token's user was changed; connect the channel again.",
    ),
    (190, 463): _broken(
        Reason.CREDENTIALS_EXPIRED, "The token has expired; connect the channel again."
    ),
    (190, 464): _broken(
        Reason.CREDENTIALS_EXPIRED, "The token's user has not confirmed their account yet."
    ),
    (190, 467): _broken(
        Reason.CREDENTIALS_EXPIRED, "The token is not valid; connect the channel again."
    ),
}

RANGES: Final[tuple[tuple[int, int, Rule], ...]] = (
    (24001, 24005, OTHER_PRODUCT),
    (2018144, 2018163, OTHER_PRODUCT),
    (2018165, 2018166, OTHER_PRODUCT),
    (2018389, 2018396, OTHER_PRODUCT),
    (2071000, 2071099, OTHER_PRODUCT),
)
