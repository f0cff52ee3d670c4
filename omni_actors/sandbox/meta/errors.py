"""The errors of Messenger and of Instagram messaging, with their HTTP statuses and words.

Source: developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from typing import Final

from omni_actors.sandbox.graph import GraphError

CODES: Final[dict[tuple[int, int | None], tuple[int, str]]] = {
    (1, None): (500, "An unknown error occurred"),
    (1, 99): (500, "An unknown error occurred"),
    (1, 1357046): (500, "Invalid JSON reply"),
    (2, None): (503, "Service temporarily unavailable"),
    (2, 2018344): (400, "The Page contact terms are not accepted"),
    (3, None): (400, "Application does not have the capability to make this API call"),
    (4, None): (400, "Application request limit reached"),
    (4, 2018022): (400, "Too many send requests to phone numbers"),
    (4, 2018354): (400, "Notification cooldown"),
    (9, 2018352): (400, "Too many opt-in requests"),
    (10, None): (403, "Application does not have permission for this action"),
    (10, 2018278): (400, "This message is sent outside of allowed window."),
    (10, 2534022): (400, "This message is sent outside of allowed window."),
    (10, 2018065): (
        400,
        "This message is sent outside of allowed window. It would need the news permission.",
    ),
    (10, 2018108): (400, "This person cannot receive messages right now."),
    (10, 1893063): (400, "The Page is temporarily restricted from sending messages."),
    (10, 1404170): (400, "The opt-in is restricted."),
    (10, 1893015): (400, "The user has stopped this topic."),
    (10, 2534077): (400, "The link between the user, the Page and the account is broken."),
    (17, None): (400, "User request limit reached"),
    (17, 2446079): (400, "User request limit reached"),
    (32, None): (400, "Page request limit reached"),
    (33, None): (400, "Unsupported request"),
    (100, None): (400, "Invalid parameter"),
    (100, 33): (400, "Unsupported request"),
    (100, 2018001): (400, "No matching user found"),
    (100, 2018008): (400, "Failed to fetch the file from the url"),
    (100, 2018014): (400, "Param message and param sender_action cannot be given together"),
    (100, 2018047): (400, "The media type does not match the type of the file"),
    (100, 2018074): (400, "The attachment id is invalid or is not yours"),
    (100, 2018109): (400, "The attachment exceeds the allowable limit"),
    (100, 2018164): (400, "The app id is invalid"),
    (100, 2018294): (400, "The video was not fetched in time, or is corrupt"),
    (100, 2018320): (400, "The product id is invalid"),
    (100, 2018328): (400, "The API version does not know this"),
    (100, 2534013): (400, "The Page is not linked to an Instagram account"),
    (100, 2534014): (400, "No matching Instagram user"),
    (100, 2534015): (400, "Invalid message data"),
    (100, 2534025): (400, "Invalid comment id for a private reply"),
    (100, 2534029): (400, "The business is blocked from Instagram messaging"),
    (100, 2534037): (400, "The app is not the owner of the thread"),
    (102, None): (401, "Session key invalid or no longer valid"),
    (190, None): (401, "Invalid OAuth access token"),
    (190, 458): (401, "Error validating access token: The user has not authorized the app."),
    (190, 459): (401, "Error validating access token: The user must pass a checkpoint."),
    (190, 460): (401, "Error validating access token: The user changed the password."),
    (190, 463): (401, "Error validating access token: Session has expired."),
    (190, 464): (401, "Error validating access token: The user is not confirmed."),
    (190, 467): (401, "Error validating access token: The session has been invalidated."),
    (200, None): (403, "Permissions error"),
    (200, 1545041): (400, "This person isn't available right now."),
    (200, 2018021): (403, "Phone matching is not permitted"),
    (200, 2018027): (403, "The user is no tester of the app"),
    (200, 2018028): (403, "The user is no tester of the app"),
    (200, 2534041): (403, "The owner of the account has disabled access to messages"),
    (200, 2534066): (403, "The permission for comments is missing"),
    (230, None): (403, "User consent is required to access the user profile"),
    (341, None): (400, "Application limit reached"),
    (368, None): (403, "Temporarily blocked for policies violations"),
    (506, None): (400, "Duplicate post"),
    (551, None): (400, "This person isn't receiving messages right now."),
    (551, 1545041): (400, "This person isn't receiving messages right now."),
    (613, None): (400, "Calls to this api have exceeded the rate limit."),
    (613, 2534040): (400, "Calls to this api have exceeded the rate limit."),
    (613, 2018338): (400, "The tag is being abused"),
    (613, 1893016): (400, "The opt-in topic is a duplicate"),
    (1200, None): (400, "Temporary send message failure. Please try again later."),
    (2022, None): (400, "Commerce messages are disabled"),
    (2534068, None): (400, "Several images in one message are not enabled"),
    (9010, None): (400, "No matching Instagram user"),
    (10303, None): (400, "Invalid account_linking_token"),
    (10900, None): (400, "The comment has been replied to already"),
    (10903, None): (400, "This user cannot be replied to"),
    (10903, 1893049): (400, "This user cannot be replied to"),
    (10904, None): (400, "Messages of the Page are disabled"),
    (10904, 1893050): (400, "Messages of the Page are disabled"),
    (36103, None): (400, "The Instagram account is not eligible"),
    (80001, None): (400, "There have been too many calls to this Page account."),
    (80002, None): (400, "There have been too many calls to this Instagram account."),
    (80006, None): (400, "There have been too many calls to this Messenger account."),
    (2018171, None): (400, "Routing of the conversation failed"),
    (2018218, None): (400, "The profile is not available"),
    (2018234, None): (400, "Routing of the conversation failed"),
    (2018247, None): (400, "Insufficient permission to access the user profile"),
    (2018300, None): (400, "Another app is controlling this thread now."),
    (2018321, None): (400, "An automated flow is in progress in this thread"),
    (9000001, None): (400, "This message has been deleted"),
}
"""(code, subcode) to the HTTP status and what the platform says."""

TRANSIENT: Final = frozenset({1, 2, 4, 17, 32, 341, 613, 1200, 80001, 80002, 80006, 2018321})


def refusal(code: int, subcode: int | None = None, details: str = "") -> GraphError:
    """The error with these codes, in the platform's words; a code of no table is taken as 2."""
    if (code, subcode) not in CODES and (code, None) not in CODES:
        code, subcode = 2, None
    status, words = CODES.get((code, subcode)) or CODES[code, None]
    return GraphError(
        status=status,
        code=code,
        subcode=subcode,
        message=f"(#{code}) {words}" + (f": {details}" if details else ""),
        is_transient=code in TRANSIENT,
    )
