"""Who is told of what: apps subscribe to fields, and are installed on Pages and accounts.

Source: developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Stage
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.hooks import Update, handshake
from omni_actors.sandbox.line import ExchangeError
from omni_actors.sandbox.meta.asked import Asked
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.errors import refusal

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DISABLED_AFTER_S = 3_600.0


@define(eq=False)
class Office:
    """The subscriptions of all apps. `app_fields` is by app and object; absent is everything."""

    stage: Stage
    channels: Mapping[str, Channel]
    app_fields: dict[tuple[str, str], list[str]] = field(factory=dict)

    def is_heard(self, update: Update) -> bool:
        """Whether the account has the app, and the field is wanted; unknown fields always are."""
        channel = self.channels[update.channel_key]
        if not channel.standing.subscribed:
            return False
        return update.field not in channel.rules.fields or self._wants(channel, update.field)

    def _wants(self, channel: Channel, webhook_field: str) -> bool:
        """Fields are chosen for the app, and on a Page once more for the Page."""
        of_app = self.fields_of_app(channel)
        of_page = channel.standing.fields if channel.rules.name == "messenger" else of_app
        return webhook_field in of_app and webhook_field in of_page

    def wants(self, channel: Channel, webhook_field: str) -> bool:
        """Whether anything of a field is told of a channel."""
        return channel.standing.subscribed and self._wants(channel, webhook_field)

    def fields_of_app(self, channel: Channel) -> list[str]:
        """What the app of a channel is sent, of the channel's object."""
        key = (channel.account.app_id, channel.rules.object)
        return self.app_fields.get(key, sorted(channel.rules.fields))

    def set_app_fields(self, channel: Channel, fields: list[str]) -> None:
        """Send the app of a channel these fields."""
        self.app_fields[channel.account.app_id, channel.rules.object] = fields

    def is_answered(self, update: Update, status: int) -> None:
        """A hook that fails for an hour loses the account: the platform disables its webhooks."""
        standing, now = self.channels[update.channel_key].standing, self.stage.clock.now()
        if status == 200:
            standing.failing_since = None
        elif standing.failing_since is None:
            standing.failing_since = now
        elif now - standing.failing_since >= DISABLED_AFTER_S:
            standing.subscribed, standing.failing_since = False, None

    # ------------------------------------------------------------ an account's installation

    def installed(self, channel: Channel) -> list[dict[str, Any]]:
        """The answer of `GET /{id}/subscribed_apps`."""
        if not channel.standing.subscribed:
            return []
        of_page = channel.rules.name == "messenger"
        fields = channel.standing.fields if of_page else self.fields_of_app(channel)
        app = {"category": "Business", "link": "https://example.com/", "name": "sandbox"}
        return [{**app, "id": channel.account.app_id, "subscribed_fields": fields}]

    def install(self, channel: Channel, asked: Asked) -> None:
        """Have the account's events go to the app; on a Page, those of the fields that are named.

        Raises GraphError.
        """
        names = _names(asked.values.get("subscribed_fields"))
        if not names:
            raise refusal(100, details="The parameter subscribed_fields is required")
        # A Page that is not played itself has fields that its Instagram account does not know.
        judged = channel.graph_id == channel.key
        unknown = [name for name in names if name not in channel.rules.fields]
        if unknown and judged:
            text = f"Param subscribed_fields must be one of the webhook fields, not {unknown[0]}"
            raise refusal(100, details=text)
        for each in self._together(channel):
            each.standing.subscribed, each.standing.failing_since = True, None
            if each is channel:
                each.standing.fields = names

    def uninstall(self, channel: Channel) -> None:
        """Have the account's events go to the app no longer."""
        for each in self._together(channel):
            each.standing.subscribed = False

    def _together(self, channel: Channel) -> list[Channel]:
        """A Page and the Instagram account behind it: they are installed through one edge."""
        page_id = channel.page_id
        behind = [each for each in self.channels.values() if each.page_id == page_id]
        return [channel] if page_id is None else behind

    # ------------------------------------------------------------ an app's subscriptions

    def subscriptions(self, app_id: str) -> list[dict[str, Any]]:
        """What an app is sent, and where that goes."""
        objects: dict[str, Channel] = {}
        for channel in self.channels.values():
            if channel.account.app_id == app_id:
                objects.setdefault(channel.rules.object, channel)
        return [told for one in objects.values() for told in self._told(one)]

    def _told(self, channel: Channel) -> list[dict[str, Any]]:
        url = self.stage.hook_url(channel.rules.name, channel.key)
        fields = self.fields_of_app(channel)
        if url is None or not fields:
            return []
        listed = [{"name": name, "version": "v25.0"} for name in fields]
        facts = {"callback_url": url, "active": True, "fields": listed}
        return [{"object": channel.rules.object, **facts}]

    async def subscribe(self, app_id: str, asked: Asked) -> None:
        """Send an app these fields of an object, there; the callback proves itself first.

        Raises GraphError.
        """
        mine = self._of_object(app_id, asked.need("object"))
        url, names = asked.need("callback_url"), _names(asked.values.get("fields"))
        token = asked.need("verify_token")
        known = mine[0].rules.fields
        if not names or not set(names) <= known:
            text = f"Param fields must be of {', '.join(sorted(known))}"
            raise refusal(100, details=text)
        await _prove(url, token)
        self.set_app_fields(mine[0], names)
        for channel in mine:
            if self.stage.hook_url(channel.rules.name, channel.key) != url:
                self.stage.move_hook(channel.rules.name, channel.key, url)

    def unsubscribe(self, app_id: str, asked: Asked) -> None:
        """Send an app no longer these fields, or none when none is named. Raises GraphError."""
        channel = self._of_object(app_id, asked.need("object"))[0]
        gone = set(_names(asked.values.get("fields"))) or channel.rules.fields
        kept = [name for name in self.fields_of_app(channel) if name not in gone]
        self.set_app_fields(channel, kept)

    def _of_object(self, app_id: str, name: str) -> list[Channel]:
        mine = [
            each
            for each in self.channels.values()
            if (each.account.app_id, each.rules.object) == (app_id, name)
        ]
        if not mine:
            raise refusal(100, details=f"The app has no accounts of the object {name}")
        return mine


async def _prove(url: str, verify_token: str) -> None:
    """The handshake. What is not on loopback is believed, for the sandbox never calls out."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise refusal(100, details="The callback_url is not a URL")
    if parts.hostname not in LOOPBACK:
        return
    challenge = "904417263"
    try:
        reply = await handshake(url, verify_token, challenge)
    except ExchangeError:
        raise _unproved("The URL couldn't be reached") from None
    if reply.status != 200 or reply.body != challenge.encode():
        raise _unproved(f"HTTP Status Code = {reply.status}, or the answer is not the challenge")


def _unproved(why: str) -> GraphError:
    text = f"(#2200) Callback verification failed with the following errors: {why}"
    return GraphError(400, 2200, text)


def _names(given: Any) -> list[str]:
    """Field names: a list, or text that is separated by commas."""
    if isinstance(given, list):
        return [str(each) for each in given]
    return [name.strip() for name in str(given or "").split(",") if name.strip()]


def app_of(caller: str, secrets: Mapping[str, str]) -> str | None:
    """The app whose own token this is: its id and secret, with a pipe between."""
    app_id, _, secret = caller.partition("|")
    return app_id if app_id in secrets and secret and secrets[app_id] == secret else None


def check_app(caller: str, app_id: str, secrets: Mapping[str, str]) -> None:
    """Only the app itself may. Raises GraphError."""
    if app_of(caller, secrets) == app_id:
        return
    if "|" in caller:
        raise graph.bad_token("Invalid OAuth access token signature.")
    raise GraphError(400, 15, "(#15) This method must be called with an app access_token.")
