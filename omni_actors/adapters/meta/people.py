"""How Messenger and Instagram name people: by ids that are good for one page or profile only."""

import re
from collections.abc import Mapping
from typing import Final

from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.reading import mapping, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import IdentityKey

PSID: Final = "psid"
IGSID: Final = "igsid"
# Kinds of keys that the Send API takes as a recipient under the same name.
USER_REF: Final = "user_ref"
COMMENT: Final = "comment_id"
POST: Final = "post_id"
LIVE: Final = "live_comment_id"
ONE_TIME: Final = "one_time_notif_token"
NOTIFICATIONS: Final = "notification_messages_token"
# How an address names whoever wrote a comment or a post, until they have answered.
PREFIXES: Final = {COMMENT: "comment:", POST: "post:", LIVE: "live:"}
# How an address names a person otherwise: to a page also by a handle or a token that they gave.
OF_PAGES: Final = {
    PREFIXES[COMMENT]: COMMENT,
    PREFIXES[POST]: POST,
    "user_ref:": USER_REF,
    "one_time:": ONE_TIME,
    "notifications:": NOTIFICATIONS,
}
OF_ACCOUNTS: Final = {PREFIXES[COMMENT]: COMMENT, PREFIXES[LIVE]: LIVE}
# The keys of a `recipient` besides `id`, best first, by kind of key; all but the handle are good
# for what they were given for, whatever the reply window.
RECIPIENTS: Final = {
    USER_REF: USER_REF,
    COMMENT: "comment_id",
    POST: "post_id",
    LIVE: "comment_id",
    ONE_TIME: ONE_TIME,
    NOTIFICATIONS: NOTIFICATIONS,
}
WINDOWLESS: Final = (COMMENT, POST, LIVE, ONE_TIME, NOTIFICATIONS)

_ID = re.compile(r"[0-9]{5,32}")
_TOKEN = re.compile(r"[!-~]{1,512}")
_PUBLIC_ID = re.compile(r"[0-9]{1,32}(_[0-9]{1,32})?")


def address_of(
    kind: str, written: str, channel_key: str, what: str, others: Mapping[str, str]
) -> tuple[IdentityKey, ...]:
    """The identity that `to.address` names on a channel. Raises BadAddress; `what` says of what.

    Ids are those of one page or profile, so its key is their scope. `others` are the prefixes of
    what else may be named there.
    """
    named, expected = written.strip(), _ID
    for prefix, other in others.items():
        if named.startswith(prefix):
            kind, named = other, named.removeprefix(prefix)
            expected = _PUBLIC_ID if other in PREFIXES else _TOKEN
    if not named.isascii() or not expected.fullmatch(named):
        raise BadAddress(
            f"{what} in digits, as it comes with a message, such as 7300000000000001, "
            "or comment:… with the id of a comment that is to be answered in private"
        )
    return (IdentityKey(kind, named, channel_key),)


def named(kind: str, who: Json, scope: str) -> tuple[IdentityKey, ...]:
    """The keys of whoever a `sender` or `recipient` names: an id, or the handle of a plugin."""
    read = mapping(who)
    pairs = ((kind, text(read.get("id"))), (USER_REF, text(read.get("user_ref"))))
    return tuple([IdentityKey(each, found, scope) for each, found in pairs if found is not None])


def customer(kind: str, item: JsonObject, scope: str) -> tuple[IdentityKey, ...]:
    """The keys of the person in an event, whichever side of it is the business."""
    sender, recipient = named(kind, item.get("sender"), scope), item.get("recipient")
    if not any(key.value == scope for key in sender):
        return sender
    return named(kind, recipient, scope)
