"""The control API: customers write, the outbox is read, time passes, things go wrong.

It answers on loopback only: whoever can reach it can speak in any customer's name.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio
from attrs import define

from omni_actors.sandbox.contract import Arrived, ControlError, Platform, Shown, Written
from omni_actors.sandbox.forms import form_parts
from omni_actors.sandbox.hooks import Knock, handshake
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.line import ExchangeError

if TYPE_CHECKING:
    from omni_actors.sandbox.stage import Sandbox

INBOUND_BYTES_MAX = 150 * 1_048_576
WAIT_S_MAX = 60.0
REDELIVER_MAX = 1_000
OUTBOX_PAGE_MAX = 10_000


@define(eq=False)
class Control:
    """Routes under `/sandbox/`; wrong use is answered 400 with a sentence that says what to do."""

    sandbox: "Sandbox"

    async def handle(self, request: Request) -> Answer:
        """Answer one control request."""
        if not self.sandbox.controllable:
            return _problem(403, "the control API answers on a loopback bind only")
        try:
            return await self._route(request)
        except (ControlError, ValueError) as error:
            return _problem(400, str(error))

    async def _route(self, request: Request) -> Answer:
        match (request.method, *request.segments[1:]):
            case ("GET", "stats"):
                return self._stats()
            case ("GET", "clock"):
                return self._clock()
            case ("POST", "clock"):
                document = await _document(request)
                self.sandbox.stage.clock.advance(_seconds(document, "advance_s"))
                return self._clock()
            case (_, "faults"):
                return await self._faults(request)
            case ("POST", "reset"):
                self.sandbox.reset()
                return json_answer(200, {"reset": True})
            case (_, name, *rest) if name in self.sandbox.platforms:
                return await self._platform(request, self.sandbox.platforms[name], rest)
        return _problem(404, f"the control API has no {request.method} {request.path}")

    async def _platform(self, request: Request, platform: Platform, rest: list[str]) -> Answer:
        match (request.method, *rest):
            case ("POST", "accounts"):
                account = platform.account_of(await _document(request))
                self.sandbox.open_account(account)
                return json_answer(200, {"channel_key": account.channel_key})
            case ("GET", "accounts"):
                return json_answer(200, {"channel_keys": list(platform.accounts)})
            case ("POST", "customers"):
                return json_answer(200, platform.customer_is(await _document(request)))
            case (_, key, verb) if key in platform.accounts:
                return await self._account(request, platform, key, verb)
            case (_, key, _):
                return _problem(404, f"{platform.name} has no account {key}")
        return _problem(404, f"the control API has no {request.method} {request.path}")

    async def _account(self, request: Request, platform: Platform, key: str, verb: str) -> Answer:
        match (request.method, verb):
            case ("POST", "inbound"):
                return await self._inbound(request, platform, key)
            case ("POST", "templates"):
                return await self._template(request, platform, key)
            case ("GET", "outbox"):
                return await self._outbox(request, platform, key)
            case ("POST", "standing"):
                stands = platform.account_stands(key, await _document(request))
                return json_answer(200, stands)
            case ("GET", "standing"):
                return json_answer(200, platform.account_stands(key, {}))
            case ("PUT", "hook"):
                url = _url(await _document(request))
                self.sandbox.move_hook(platform.name, key, url)
                return json_answer(200, {"hook_url": url})
            case ("PUT", "token"):
                platform.renew_token(key, _text(await _document(request), "access_token"))
                return json_answer(200, {"renewed": True})
            case ("PUT", "limits"):
                news = platform.set_limits(key, await _document(request))
                for update in news:
                    await self.sandbox.hook_of(platform.name, key).offer(update)
                return json_answer(200, {"told": [update.type for update in news]})
            case ("POST", "handshake"):
                return await self._handshake(platform, key)
        own = await platform.act(key, verb, request)
        if own is not None:
            return own
        return _problem(404, f"the control API has no {request.method} {request.path}")

    async def _inbound(self, request: Request, platform: Platform, key: str) -> Answer:
        document = await _inbound_document(request)
        return await self._deliver(request, platform, key, document, platform.customer_writes)

    async def _template(self, request: Request, platform: Platform, key: str) -> Answer:
        document = await _document(request)
        return await self._deliver(request, platform, key, document, platform.template_is)

    async def _deliver(
        self,
        request: Request,
        platform: Platform,
        key: str,
        document: dict[str, Any],
        act: Callable[[str, dict[str, Any]], Written | Arrived],
    ) -> Answer:
        """Let something happen and tell the hook of it."""
        if not platform.has_hooks and {"wait", "redeliver"} & {*request.query, *document}:
            raise ControlError(f"{platform.name} has no hook to wait for, or to deliver to again")
        repeats = int(_seconds({**request.query, **document}, "redeliver", REDELIVER_MAX))
        document.pop("redeliver", None)
        wait = request.query.get("wait") not in (None, "", "0", "false")
        written = act(key, document)
        if isinstance(written, Arrived):
            return json_answer(200, {"id": written.message_id})
        knock = Knock() if wait else None
        await self.sandbox.hook_of(platform.name, key).offer(written.sent(repeats, knock))
        answer: dict[str, Any] = {"id": written.message_id}
        if knock is not None:
            with trio.move_on_after(_wait_s(request, WAIT_S_MAX)):
                await knock.wait()
            answer["status"] = knock.status
            answer["error"] = knock.error or None
        return json_answer(200, answer)

    async def _outbox(self, request: Request, platform: Platform, key: str) -> Answer:
        after = int(_seconds(request.query, "after"))
        limit = int(_seconds(request.query, "limit", OUTBOX_PAGE_MAX)) or OUTBOX_PAGE_MAX
        with trio.move_on_after(_wait_s(request, 0.0)):
            while not (page := self._page(request, platform, key, after, limit)):
                await self.sandbox.outbox_grew.wait()
        if not page:
            page = self._page(request, platform, key, after, limit)
        last = page[-1]["number"] if page else after
        return json_answer(200, {"messages": page, "after": last})

    def _page(
        self, request: Request, platform: Platform, key: str, after: int, limit: int
    ) -> list[dict[str, Any]]:
        page = []
        for entry in platform.outboxes[key].after(after):
            if request.query.get("to") in (None, entry.to):
                page.append(_shown(platform, entry))
            if len(page) >= limit:
                break
        return page

    async def _handshake(self, platform: Platform, key: str) -> Answer:
        url = self.sandbox.hook_of(platform.name, key).url
        if url is None:
            raise ControlError(f"{key} has no hook yet: PUT /sandbox/{platform.name}/{key}/hook")
        challenge = str(self.sandbox.stage.chance.randrange(10**9, 10**10))
        token = platform.accounts[key].verify_token
        try:
            reply = await handshake(url, token, challenge)
        except ExchangeError as error:
            return json_answer(200, {"verified": False, "status": None, "error": str(error)})
        verified = reply.status == 200 and reply.body == challenge.encode()
        return json_answer(200, {"verified": verified, "status": reply.status, "error": None})

    async def _faults(self, request: Request) -> Answer:
        faults = self.sandbox.faults
        match request.method:
            case "POST":
                faults.add(await _json(request))
            case "DELETE":
                faults.clear()
            case "GET":
                pass
            case _:
                return _problem(405, "faults take GET, POST and DELETE")
        rules = [rule.document() for rule in faults.rules]
        return json_answer(200, {"faults": rules, "taken": faults.taken})

    def _clock(self) -> Answer:
        clock = self.sandbox.stage.clock
        return json_answer(200, {"now": clock.now(), "advanced_s": clock.advanced_s})

    def _stats(self) -> Answer:
        hooks = [
            {
                "url": hook.url,
                "pending": hook.pending,
                "updates": hook.figures.updates,
                "delivered": hook.figures.delivered,
                "retried": hook.figures.retried,
                "given_up": hook.figures.given_up,
                "last_status": hook.figures.last_status,
            }
            for hook in self.sandbox.hooks
        ]
        platforms = {
            name: {key: figures.document() for key, figures in platform.figures.items()}
            for name, platform in self.sandbox.platforms.items()
        }
        return json_answer(
            200,
            {
                "requests": self.sandbox.requests,
                "hooks": hooks,
                "platforms": platforms,
                "faults_taken": self.sandbox.faults.taken,
            },
        )


def _shown(platform: Platform, entry: Shown) -> dict[str, Any]:
    return {
        "number": entry.number,
        "id": entry.message_id,
        "to": entry.to,
        "at": entry.at,
        "text": platform.rendering(entry),
        "request": entry.request,
        **platform.extras(entry),
    }


def _problem(status: int, sentence: str) -> Answer:
    return json_answer(status, {"error": sentence})


async def _json(request: Request, bytes_max: int = 1_048_576) -> Any:
    body = await request.body(bytes_max)
    try:
        return json.loads(body)
    except ValueError as error:
        raise ControlError(f"the body must be JSON: {error}") from None


async def _document(request: Request, bytes_max: int = 1_048_576) -> dict[str, Any]:
    document = await _json(request, bytes_max)
    if not isinstance(document, dict):
        raise ControlError("the body must be a JSON object")
    return document


async def _inbound_document(request: Request) -> dict[str, Any]:
    """The message of a customer: JSON, or a form with `message` (JSON) and `file` (bytes)."""
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith("multipart/"):
        return await _document(request, INBOUND_BYTES_MAX)
    parts = {p.name: p for p in form_parts(content_type, await request.body(INBOUND_BYTES_MAX))}
    if "message" not in parts or "file" not in parts:
        raise ControlError("the form must have the fields `message` (JSON) and `file`")
    document: dict[str, Any] = json.loads(parts["message"].content)
    kind = document.get("type") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        raise ControlError("`message` must be a JSON object with a `type`")
    file = parts["file"]
    medium = document.setdefault(kind, {})
    medium["content"] = file.content
    medium.setdefault("mime_type", file.content_type or "application/octet-stream")
    if kind == "document" and file.filename:
        medium.setdefault("filename", file.filename)
    return document


def _seconds(document: Mapping[str, Any], name: str, most: float = 1e10) -> float:
    try:
        value = float(document.get(name, 0))
    except (TypeError, ValueError):
        raise ControlError(f"`{name}` must be a number") from None
    if not 0 <= value <= most:
        raise ControlError(f"`{name}` must be between 0 and {most:g}")
    return value


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"`{name}` must be a text")
    return value


def _wait_s(request: Request, default: float) -> float:
    if "wait_s" not in request.query:
        return default
    return _seconds(request.query, "wait_s", WAIT_S_MAX)


def _url(document: Mapping[str, Any]) -> str:
    url = document.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ControlError("`url` must be an http:// or https:// address")
    return url
