"""How Messenger and Instagram name people: by ids that are good for one page or profile only."""

import re
from typing import Final

from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.reading import text
from omni_actors.model.json import Json
from omni_actors.model.reports import IdentityKey

PSID: Final = "psid"
IGSID: Final = "igsid"
USER_REF: Final = "user_ref"

_ID = re.compile(r"[0-9]{5,32}")


def scoped_id(kind: str, written: str, channel_key: str, what: str) -> tuple[IdentityKey, ...]:
    """The identity that `to.address` names on a channel. Raises BadAddress; `what` says of what."""
    found = written.strip()
    if not _ID.fullmatch(found) or not found.isascii():
        raise BadAddress(f"{what} in digits, such as 7300000000000001, as it comes with a message")
    return (IdentityKey(kind, found, channel_key),)


def person(kind: str, named: Json, scope: str) -> tuple[IdentityKey, ...]:
    """The keys of whoever a `sender` or `recipient` names: an id, or the handle of a plugin."""
    if not isinstance(named, dict):
        return ()
    keys = ((kind, named.get("id")), (USER_REF, named.get("user_ref")))
    return tuple(IdentityKey(each, found, scope) for each, told in keys if (found := text(told)))
