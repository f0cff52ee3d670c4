"""The platform's error codes, with their HTTP statuses and titles.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from typing import Any

from omni_actors.sandbox.graph import GraphError

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"

CODES: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (400, "API Too Many Calls"),
    10: (403, "API Permission Denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    104: (401, "Incorrect signature"),
    190: (401, "Access token has expired"),
    200: (403, "API Permission"),
    368: (403, "Temporarily blocked for policies violations"),
    613: (400, "Calls to this api have exceeded the rate limit"),
    12455: (400, "Calling is not available"),
    80007: (400, "Rate limit issues"),
    80008: (400, "Too many management calls"),
    130403: (400, "Message blocked by business"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country"),
    130501: (400, "Message type is not supported in groups"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131020: (400, "Group has a single member"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Account has been locked"),
    131037: (400, "Display name approval is needed"),
    131041: (400, "Unknown group"),
    131042: (400, "Business eligibility payment issue"),
    131044: (400, "Business eligibility payment issue for calling"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has stopped receiving marketing messages from the business"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed for this message"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131059: (400, "Invalid cursor"),
    131060: (400, "This message is unavailable"),
    131062: (400, "Business-scoped user id not allowed for this message"),
    131063: (400, "Marketing messages are disabled on Cloud API"),
    131064: (400, "Template misclassification limit"),
    131201: (206, "Request partly succeeded"),
    131202: (400, "Duplicate participant"),
    131203: (400, "Unable to add participant to group"),
    131204: (400, "Too many participants"),
    131207: (403, "Group is suspended"),
    131208: (429, "Group rate limit hit"),
    131209: (400, "The picture of a group must be square"),
    131210: (400, "The picture of a group is too small"),
    131211: (400, "Group creation limit reached"),
    131212: (400, "The participant is not in the group"),
    131213: (400, "The request to join does not exist"),
    131214: (400, "Group creation is temporarily disabled"),
    131215: (400, "This phone number is not eligible for the Groups API"),
    132000: (400, "Template param count mismatch"),
    132001: (404, "Template does not exist"),
    132005: (400, "Template hydrated text too long"),
    132007: (400, "Template format character policy violated"),
    132008: (400, "Template parameter format mismatch"),
    132012: (400, "Template parameter format mismatch"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132068: (400, "Flow is in blocked state"),
    132069: (400, "Flow is in throttled state"),
    133000: (500, "Incomplete deregistration"),
    133004: (503, "Server temporarily unavailable"),
    133005: (400, "Two step verification PIN mismatch"),
    133006: (400, "Phone number re-verification needed"),
    133008: (400, "Too many two step verification PIN guesses"),
    133009: (400, "Two step verification PIN guessed too fast"),
    133010: (400, "Phone number not registered"),
    133015: (400, "Please wait a few minutes before attempting to register"),
    133016: (400, "Account register deregister rate limit exceeded"),
    134011: (400, "Payments terms of service not accepted"),
    134100: (400, "Only marketing messages are supported"),
    134101: (400, "Template is being synchronized"),
    134102: (500, "The account is not eligible for marketing messages"),
    135000: (400, "Generic user error"),
    137000: (400, "Identity key hash mismatch"),
    2388019: (400, "Message template limit exceeded"),
    2388039: (400, "The template cannot be edited now"),
    2388040: (400, "Character limit exceeded"),
    2388047: (400, "Message header format is incorrect"),
    2388072: (400, "Message body format is incorrect"),
    2388073: (400, "Message footer format is incorrect"),
    2388293: (400, "This template has too many variables for its length"),
    2388299: (400, "Variables can't be at the start or end of the template"),
    2593107: (400, "Synchronization request limit exceeded"),
    2593108: (400, "Synchronization request made outside of the allowed time window"),
    2593109: (400, "The business did not share its history"),
}
RANGES: tuple[tuple[int, int, int, str], ...] = (
    (200, 299, 403, "API Permission"),
    (138000, 138013, 400, "Calling error"),
    (139000, 139004, 400, "Flow error"),
    (139100, 139103, 400, "Block list error"),
    (147001, 147005, 400, "Username error"),
    (2388000, 2388999, 400, "Template creation failed"),
    (2494000, 2494999, 400, "Migration failed"),
    (2593000, 2593999, 400, "Synchronization failed"),
)


def told_of(code: int) -> tuple[int, str]:
    """The HTTP status and the title of a code; it may be one of a range."""
    if code in CODES:
        return CODES[code]
    for low, high, status, title in RANGES:
        if low <= code <= high:
            return status, title
    return 400, "Unknown error"


def refusal(code: int, details: str, subcode: int | None = None) -> GraphError:
    """The synchronous form of an error."""
    status, title = told_of(code)
    return GraphError(
        status=status,
        code=code,
        message=f"(#{code}) {title}",
        details=details,
        subcode=subcode,
        product="whatsapp",
    )


def webhook_error(code: int, details: str) -> dict[str, Any]:
    """The form an error has inside a webhook."""
    _status, title = told_of(code)
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
        "href": HREF,
    }
