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
    80007: (400, "Rate limit issues"),
    80008: (400, "Too many management calls"),
    130403: (400, "Message blocked by business"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Account has been locked"),
    131037: (400, "Display name approval is needed"),
    131041: (400, "Unknown group"),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has stopped receiving marketing messages from the business"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131059: (400, "Invalid cursor"),
    131062: (400, "Business-scoped user id not allowed for this message"),
    131063: (400, "Marketing messages are disabled on Cloud API"),
    131064: (400, "Template misclassification limit"),
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
    133010: (400, "Phone number not registered"),
    133016: (400, "Account register deregister rate limit exceeded"),
    134011: (400, "Payments terms of service not accepted"),
    135000: (400, "Generic user error"),
    137000: (400, "Identity key hash mismatch"),
}


def refusal(code: int, details: str, subcode: int | None = None) -> GraphError:
    """The synchronous form of an error."""
    status, title = CODES.get(code, (400, "Unknown error"))
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
    _status, title = CODES.get(code, (400, "Unknown error"))
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
        "href": HREF,
    }
