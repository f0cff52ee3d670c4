"""Which call of Meta's Graph is meant, by its path, its token and its recipient."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import define

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Job
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.meta import fields
from omni_actors.sandbox.meta.asked import Asked, asked_of
from omni_actors.sandbox.meta.calls import job_of, plain_job
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.edges import Edges
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.history import listing
from omni_actors.sandbox.meta.office import app_of, check_app
from omni_actors.sandbox.meta.settings import InstagramAccount
from omni_actors.sandbox.meta.tokens import Token
from omni_actors.sandbox.meta.world import World


@define(eq=False)
class Routes:
    """The doors of `graph.facebook.com`, `graph.instagram.com` and the logins, in one house."""

    world: World

    async def job(self, request: Request) -> Job | Answer | None:
        """Understand one request; None when it is about nothing of ours."""
        segments = graph.route_of(request)
        try:
            login = await self._login(request, segments)
            return login if login is not None else await self._graph(request, segments)
        except GraphError as error:
            return error.answer()

    # ------------------------------------------------------------ logins and apps

    async def _login(self, request: Request, segments: list[str]) -> Job | Answer | None:
        login, versioned = self.world.login, len(request.segments) > len(segments)
        match (request.method, *segments):
            case ("GET" | "POST", "dialog", "oauth"):
                return await login.facebook_dialog(request)
            case ("GET" | "POST", "oauth", "authorize"):
                return await login.instagram_dialog(request)
            case ("GET" | "POST", "oauth", "access_token"):
                return await self._token(request, versioned=versioned)
            case ("GET", "access_token"):
                run = partial(login.instagram_long, request.query)
                return plain_job("instagram", "oauth", run, "long")
            case ("GET", "refresh_access_token"):
                run = partial(login.instagram_refresh, request.query)
                return plain_job("instagram", "oauth", run, "refresh")
            case ("GET", "debug_token"):
                return self._debug_token(request)
            case (method, app_id, "subscriptions") if app_id in self.world.app_secrets():
                return await self._subscriptions(request, method, app_id)
            case ("GET", "v", _, name):
                return self._download(request, name)
        return None

    async def _token(self, request: Request, *, versioned: bool) -> Job:
        """Instagram's endpoint takes forms and has no version; Facebook's has one, or a query."""
        asked = await asked_of(request)
        texts = {name: asked.text(name) for name in asked.values}
        if request.method == "POST" and not versioned:
            run = partial(self.world.login.instagram_token, texts)
            return plain_job("instagram", "oauth", run, "token")
        run = partial(self.world.login.facebook_token, texts)
        return plain_job("messenger", "oauth", run, "token")

    def _debug_token(self, request: Request) -> Job | None:
        """Only what is about a token of ours, or comes with one."""
        caller, asked = graph.token_of(request), request.query.get("input_token")
        book, now = self.world.book, self.world.stage.clock.now()
        ours = app_of(caller, self.world.app_secrets()) is not None
        if not ours and caller not in book.tokens:
            return None
        token = book.tokens.get(asked or "")

        def tell() -> Answer:
            if not ours:
                book.good(caller, now)
            if asked is None:
                raise refusal(100, details="The parameter input_token is required")
            return json_answer(200, {"data": self._facts(token, now)})

        return plain_job("messenger", "app", tell, "debug_token")

    def _facts(self, token: Token | None, now: float) -> dict[str, Any]:
        if token is None:
            error = {"code": 190, "message": "Malformed access token"}
            return {"is_valid": False, "error": error, "scopes": []}
        return token.facts(now)

    async def _subscriptions(self, request: Request, method: str, app_id: str) -> Job | None:
        asked = await asked_of(request)
        if method != "GET" and asked.text("object") not in ("page", "instagram"):
            return None
        check_app(graph.token_of(request), app_id, self.world.app_secrets())
        office, call = self.world.office, partial(plain_job, "messenger", "app")
        match method:
            case "GET":
                listed = self.world.stage.app_subscriptions
                return call(lambda: json_answer(200, {"data": listed(app_id)}))
            case "POST":
                await office.subscribe(app_id, asked)
                return call(lambda: json_answer(200, {"success": True}))
            case "DELETE":
                office.unsubscribe(app_id, asked)
                return call(lambda: json_answer(200, {"success": True}))
        raise graph.unknown_path(f"/{app_id}/subscriptions")

    def _download(self, request: Request, name: str) -> Answer | Job:
        shelf, now = self.world.shelf, self.world.stage.clock.now()
        attachment_id = shelf.download(name, request.query, request.headers)
        one = shelf.held.get(attachment_id)
        if one is None:
            return Answer(403, b"URL signature mismatch", (("Content-Type", "text/html"),))
        channel = self.world.channels[one.channel_key]
        return job_of(
            channel,
            "media",
            lambda fault: shelf.fetched(attachment_id, request.query, now, fault),
            kind="download",
        )

    # ------------------------------------------------------------ the Graph

    async def _graph(self, request: Request, segments: list[str]) -> Job | None:
        if not segments:
            return None
        object_id, *rest = segments
        if object_id == "me":
            return await self._me(request, rest)
        if object_id in self.world.pages or object_id in self.world.profiles:
            return await self._edge(request, object_id, rest)
        if any(not one.has_own_login and one.page_id == object_id for one in self._profiles()):
            return await self._edge(request, object_id, rest)
        return await Edges(self.world).node(request, object_id, rest)

    def _profiles(self) -> list[InstagramAccount]:
        return list(self.world.profiles.values())

    async def _me(self, request: Request, rest: list[str]) -> Job:
        token = self.world.book.good(graph.token_of(request), self.world.stage.clock.now())
        if token.kind != "USER":
            return await self._edge(request, token.profile_id, rest)
        match (request.method, *rest):
            case ("GET",):
                person = {"id": token.user_id, "name": "Sandbox Owner"}
                asked = fields.read(request.query.get("fields", "id,name"))
                return self._plain(lambda: fields.pick(person, asked), "me")
            case ("GET", "accounts"):
                return self._plain(partial(self._accounts, request, token), "accounts")
        raise graph.unknown_path("/" + "/".join(["me", *rest]))

    def _plain(self, tell: Any, kind: str) -> Job:
        return plain_job("messenger", "login", lambda: json_answer(200, tell()), kind)

    def _accounts(self, request: Request, token: Token) -> dict[str, Any]:
        graph.check_proof(
            request, token.value, self.world.app_secrets()[token.app_id], required=False
        )
        usual = "id,name,access_token,category,tasks"
        asked = fields.read(request.query.get("fields", usual))
        listed = self.world.page_listing(token)
        known = {"instagram_business_account": None, "category_list": None}
        url = f"{self.world.stage.url}{request.path}"
        return listing(listed, lambda one: fields.pick(one, asked, known), request.query, url)

    async def _edge(self, request: Request, object_id: str, rest: list[str]) -> Job:
        """An edge of a Page or of an Instagram account."""
        asked = await asked_of(request)
        channel = self._channel(object_id, rest[0] if rest else "", asked)
        return await Edges(self.world).edge(request, channel, rest, asked)

    def _channel(self, object_id: str, edge: str, asked: Asked) -> Channel:
        """The account that is meant: a Page's edges serve the Instagram account behind it too.

        An Instagram account with Facebook Login has no edges of its own for messages.
        """
        behind = self.world.linked(object_id)
        instagram = None if behind is None else self.world.channels[behind.ig_id]
        channel = self.world.channels.get(object_id)
        if channel is None:
            if instagram is None:
                raise graph.unknown_object(object_id, "get")
            return instagram
        if instagram is not None and _is_for(instagram, edge, asked):
            return instagram
        if channel.page_id not in (None, object_id):
            raise graph.unknown_object(object_id, "post")
        return channel


def _is_for(instagram: Channel, edge: str, asked: Asked) -> bool:
    """Whether a call to a Page is about the Instagram account behind it."""
    if edge == "subscribed_apps":
        return False
    if asked.values.get("platform") is not None:
        return asked.text("platform") == "instagram"
    given = asked.values.get("recipient")
    person = given if isinstance(given, str) else None
    if isinstance(given, Mapping):
        if str(given.get("comment_id")) in instagram.comments:
            return True
        person = str(given.get("id"))
    return person is not None and person in instagram.people
