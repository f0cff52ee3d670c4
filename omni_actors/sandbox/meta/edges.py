"""The edges of a Page or an Instagram account, and the nodes behind them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Job
from omni_actors.sandbox.http import Request
from omni_actors.sandbox.meta import fields, personas, profile, routing, uploads
from omni_actors.sandbox.meta.asked import Asked, asked_of
from omni_actors.sandbox.meta.calls import Run, after, authorized, job_of, telling
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.fetching import fetched
from omni_actors.sandbox.meta.history import History
from omni_actors.sandbox.meta.sending import Send
from omni_actors.sandbox.meta.settings import InstagramAccount
from omni_actors.sandbox.meta.tokens import Token
from omni_actors.sandbox.meta.world import World

DONE = {"result": "success"}


@define(eq=False)
class Edges:
    """Calls on behalf of one account."""

    world: World

    async def edge(self, request: Request, channel: Channel, rest: list[str], asked: Asked) -> Job:
        """An edge of an account. Raises GraphError."""
        match (request.method, *rest):
            case ("GET",):
                authorized(self.world, request, channel, "subscribe")
                return job_of(channel, "me", telling(partial(self._identity, channel, asked)))
            case (_, "subscribed_apps"):
                return self._installation(request, channel, asked)
            case ("POST", "messages"):
                return await self._messages(request, channel, asked)
        token = authorized(self.world, request, channel, "messages")
        match (request.method, *rest):
            case ("POST", "message_attachments"):
                files = await fetched(asked.values.get("message"))
                run = partial(uploads.uploaded, channel, self.world.shelf, asked, files)
                return job_of(channel, "media", telling(run), kind="upload")
            case ("GET", "conversations"):
                tell = partial(self._history(channel).conversations, asked, request.path)
                return job_of(channel, "conversations", _limited(channel, "conversations", tell))
            case (_, "messenger_profile" | "custom_user_settings" as edge):
                return self._profile(request.method, channel, edge, asked)
            case ("GET" | "POST", "personas"):
                return self._personas(request.method, channel, asked)
            case ("GET", "thread_owner"):
                return job_of(channel, "routing", telling(partial(routing.owner, channel, asked)))
            case ("GET", "secondary_receivers"):
                return job_of(channel, "routing", telling(partial(routing.receivers, channel)))
            case ("POST", verb) if verb in routing.VERBS:
                change = partial(routing.changed, channel, token, verb, asked)
                return job_of(channel, "routing", after(change), kind=verb)
        raise graph.unknown_path("/" + "/".join([channel.graph_id, *rest]))

    def _installation(self, request: Request, channel: Channel, asked: Asked) -> Job:
        authorized(self.world, request, channel, "subscribe")
        office, call = self.world.office, partial(job_of, channel, "subscribed_apps")
        match request.method:
            case "GET":
                return call(telling(lambda: {"data": office.installed(channel)}))
            case "POST":
                return call(after(partial(office.install, channel, asked)))
            case "DELETE":
                return call(after(partial(office.uninstall, channel)))
        raise graph.unknown_path(f"/{channel.graph_id}/subscribed_apps")

    async def _messages(self, request: Request, channel: Channel, asked: Asked) -> Job:
        token = authorized(self.world, request, channel, "messages")
        document = {key: value for key, value in asked.values.items() if key != "platform"}
        message, recipient = document.get("message"), document.get("recipient")
        send = Send(
            channel=channel,
            token=token,
            shelf=self.world.shelf,
            document=document,
            file=asked.file,
            files=await fetched(message),
        )
        to = str(recipient.get("id", "")) if isinstance(recipient, dict) else ""
        return job_of(channel, "messages", send.run, kind=_kind(document), to=to)

    def _profile(self, method: str, channel: Channel, edge: str, asked: Asked) -> Job:
        calls: dict[tuple[str, str], Callable[[Channel, Asked], Any]] = {
            ("GET", "messenger_profile"): profile.told,
            ("POST", "messenger_profile"): profile.written,
            ("DELETE", "messenger_profile"): profile.deleted,
            ("GET", "custom_user_settings"): profile.menu_of,
            ("POST", "custom_user_settings"): profile.set_menu,
            ("DELETE", "custom_user_settings"): profile.delete_menu,
        }
        if (method, edge) not in calls:
            raise graph.unknown_path(f"/{channel.graph_id}/{edge}")
        call = partial(calls[method, edge], channel, asked)
        tell = partial(lambda: call() or DONE)
        return job_of(channel, "profile", _limited(channel, "profile", tell), kind=edge)

    def _personas(self, method: str, channel: Channel, asked: Asked) -> Job:
        if channel.rules.name != "messenger":
            raise graph.unknown_path(f"/{channel.graph_id}/personas")
        act = personas.made if method == "POST" else personas.listed
        return job_of(channel, "personas", telling(partial(act, channel, asked)))

    def _history(self, channel: Channel) -> History:
        return History(channel, self.world.shelf, self.world.stage.url)

    # ------------------------------------------------------------ nodes

    async def node(self, request: Request, object_id: str, rest: list[str]) -> Job | None:
        """A person, a message, a thread or a persona, by its id; None when there is none."""
        caller = self.world.book.tokens.get(_token(request))
        if not any(channel.knows(object_id) for channel in self.world.channels.values()):
            return None
        asked = await asked_of(request)
        for channel in self.world.channels.values():
            if caller is not None and channel.graph_id != caller.profile_id:
                continue
            found = self._found(request.method, channel, object_id, rest, asked)
            if found is not None:
                token = authorized(self.world, request, channel, "messages")
                return found(token)
        return None

    def _found(
        self, method: str, channel: Channel, object_id: str, rest: list[str], asked: Asked
    ) -> Callable[[Token], Job] | None:
        """What to do with an object of this account; None when it is none of its objects."""
        history = self._history(channel)
        thread = channel.thread_with_id(object_id) if object_id.startswith("t_") else None
        read = partial(job_of, channel, "conversations")
        match (method, *rest):
            case ("GET",) if object_id in channel.people:
                person = channel.people[object_id]
                tell = partial(history.profile, person)
                return lambda token: job_of(
                    channel, "people", telling(partial(tell, token, asked)), to=object_id
                )
            case ("GET",) if object_id in channel.messages:
                one = partial(history.message, channel.messages[object_id], asked)
                return lambda _token: read(_limited(channel, "conversations", one))
            case ("GET",) if thread is not None:
                wanted = fields.read(asked.text("fields") or "id,link,updated_time")
                tell_thread = partial(history.thread, thread, wanted)
                return lambda _token: read(_limited(channel, "conversations", tell_thread))
            case ("GET", "messages") if thread is not None:
                wanted = fields.read(asked.text("fields") or "id,created_time")
                path = f"{object_id}/messages"
                listed = partial(history.messages, thread, wanted, asked.values, path)
                return lambda _token: read(_limited(channel, "conversations", listed))
            case ("GET" | "DELETE",) if object_id in channel.personas:
                act = personas.one if method == "GET" else personas.removed
                do = partial(act, channel, object_id)
                return lambda _token: job_of(channel, "personas", telling(do))
        return None

    # ------------------------------------------------------------ the account itself

    def _identity(self, channel: Channel, asked: Asked) -> dict[str, Any]:
        """`/me`, or the account by its id. Raises GraphError."""
        account = channel.account
        if isinstance(account, InstagramAccount) and account.has_own_login:
            facts: dict[str, Any] = {
                "id": account.app_scoped_id,
                "user_id": account.ig_id,
                "username": account.username,
                "name": account.name,
                "account_type": "BUSINESS",
                "profile_picture_url": f"https://scontent.example-cdn.net/{account.ig_id}.jpg",
            }
            usual = "id,username"
        else:
            facts, usual = self._page(channel), "id,name"
        wanted = fields.read(asked.text("fields") or usual)
        told: dict[str, Any] = fields.pick(facts, wanted, {"instagram_business_account": None})
        return told

    def _page(self, channel: Channel) -> dict[str, Any]:
        page_id = channel.graph_id
        page = self.world.pages.get(page_id)
        routed = channel.standing.default_app is not None
        status = {"status": "enabled" if routed else "disabled"}
        facts: dict[str, Any] = {
            "id": page_id,
            "name": channel.account.name if page is None else page.name,
            "messaging_feature_status": {"msgr_multi_app": status, "ig_multi_app": status},
        }
        behind = self.world.linked(page_id)
        if behind is not None and channel.standing.linked:
            facts["instagram_business_account"] = {
                "id": behind.ig_id,
                "username": behind.username,
            }
        return facts


def _token(request: Request) -> str:
    try:
        return graph.token_of(request)
    except graph.GraphError:
        return ""


def _limited(channel: Channel, rate: str, tell: Callable[[], Any]) -> Run:
    """Answers, unless it is asked too often."""

    def limited() -> Any:
        if not channel.takes(rate):
            raise refusal(*channel.rules.too_fast)
        return tell()

    return telling(limited)


def _kind(document: dict[str, Any]) -> str:
    """The kind of a send, as fault rules match it."""
    if isinstance(document.get("sender_action"), str):
        return str(document["sender_action"])
    message = document.get("message")
    if not isinstance(message, dict):
        return ""
    attachment = message.get("attachment")
    if isinstance(attachment, dict):
        payload = attachment.get("payload")
        inner = payload.get("template_type") if isinstance(payload, dict) else None
        return str(inner or attachment.get("type", ""))
    return next((key for key in ("text", "attachments", "sticker_id") if key in message), "")
