"""Looks whether a page can be used; findings in sentences."""

from collections.abc import Sequence

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.messenger.oauth import UPKEEP
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta.check import examined
from omni_actors.adapters.reading import text
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Flow


def check(settings: MessengerSettings) -> Flow[Sequence[Checked]]:
    """Look whether the token is good and the page's, and whether its webhooks come.

    Raises SendFailure when the platform cannot be reached.
    """

    def whose(me: JsonObject) -> Checked:
        named, page = text(me.get("name")) or "a page", text(me.get("id"))
        if page == settings.page_id:
            return Checked("account", True, f"it is the page {named}")
        wrong = f"the access token is of {named} ({page}), and page_id is {settings.page_id}"
        return Checked("account", False, f"{wrong}; give the channel this page's own token")

    return (yield from examined(settings, UPKEEP, "id,name", whose))
