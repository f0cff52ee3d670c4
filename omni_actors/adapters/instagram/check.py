"""Looks whether an account can be used; findings in sentences."""

from collections.abc import Sequence
from typing import Final

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.instagram.oauth import UPKEEP
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta.check import examined
from omni_actors.adapters.reading import mapping, text
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Flow

OWN: Final = "user_id,username"
OF_PAGE: Final = "id,name,instagram_business_account{id,username}"


def check(settings: InstagramSettings) -> Flow[Sequence[Checked]]:
    """Look whether the token is good and the account's, and whether its webhooks come.

    Raises SendFailure when the platform cannot be reached.
    """
    own = settings.login == "instagram"

    def whose(me: JsonObject) -> Checked:
        account = me if own else mapping(me.get("instagram_business_account"))
        found = text(account.get("user_id" if own else "id"))
        name = text(account.get("username")) or "an account"
        if found == settings.ig_id:
            return Checked("account", True, f"it is the account {name}")
        return Checked("account", False, _other(me, name, found, settings))

    return (yield from examined(settings, UPKEEP, OWN if own else OF_PAGE, whose))


def _other(me: JsonObject, name: str, found: str | None, settings: InstagramSettings) -> str:
    expected = f"ig_id is {settings.ig_id}"
    if found is not None:
        return f"the access token is for {name} ({found}), and {expected}; compare them"
    page = text(me.get("name")) or "the page"
    return f"no Instagram account is linked to {page}, and {expected}; link it, and connect again"
