"""What else than a person's own id a message can go to: a comment, a handle, a token.

https://developers.facebook.com/docs/messenger-platform/reference/send-api#recipient
"""

import re
from typing import Final

from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.meta.people import USER_REF, scoped_id
from omni_actors.model.reports import IdentityKey

COMMENT_ID: Final = "comment_id"
POST_ID: Final = "post_id"
ONE_TIME: Final = "one_time_notif_token"
NOTIFICATIONS: Final = "notification_messages_token"
# The keys of a `recipient` besides `id`, best first.
RECIPIENTS: Final = (USER_REF, COMMENT_ID, POST_ID, ONE_TIME, NOTIFICATIONS)
# Each of these is good for what it is given for, whatever the reply window.
WINDOWLESS: Final = (COMMENT_ID, POST_ID, ONE_TIME, NOTIFICATIONS)
MESSENGER_WORDS: Final = {
    "user_ref": USER_REF,
    "comment": COMMENT_ID,
    "post": POST_ID,
    "one_time": ONE_TIME,
    "notifications": NOTIFICATIONS,
}
INSTAGRAM_WORDS: Final = {"comment": COMMENT_ID}

_VALUE = re.compile(r"[!-~]{1,512}")


def written(
    kind: str, words: dict[str, str], address: str, channel_key: str, what: str
) -> tuple[IdentityKey, ...]:
    """The identity that `to.address` names: an id of the `kind`, or `word:value`.

    Raises BadAddress; `what` says what an id is.
    """
    word, colon, value = address.strip().partition(":")
    if not colon:
        return scoped_id(kind, address, channel_key, what)
    if word not in words or not _VALUE.fullmatch(value):
        known = ", ".join(f"{each}:…" for each in words)
        raise BadAddress(f"{what} in digits, or one of {known}")
    return (IdentityKey(words[word], value, channel_key),)
