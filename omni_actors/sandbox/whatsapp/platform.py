"""The pretend WhatsApp: its Graph edges, its customers, its webhooks."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from attrs import define, evolve, field

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import (
    ControlError,
    Door,
    Figures,
    Job,
    Outbox,
    Outcome,
    Shown,
    Stage,
    Written,
)
from omni_actors.sandbox.faults import Fault, Target
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.whatsapp import customers, news, updates
from omni_actors.sandbox.whatsapp.answers import (
    after,
    always,
    refuse,
    refusing,
    usage_headers,
    with_headers,
)
from omni_actors.sandbox.whatsapp.bodies import check_read
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.group_edges import GroupEdges
from omni_actors.sandbox.whatsapp.groups import Group, Groups
from omni_actors.sandbox.whatsapp.limits import (
    Portfolio,
    capability,
    tier_of,
    upgraded,
    wanted,
)
from omni_actors.sandbox.whatsapp.links import link_fault
from omni_actors.sandbox.whatsapp.media import (
    UPLOAD_BYTES_MAX,
    MediaShelf,
    downloaded,
    resolved,
    uploaded,
)
from omni_actors.sandbox.whatsapp.number import Number, Usage
from omni_actors.sandbox.whatsapp.office import Office, asked_of, profile, wanted_of
from omni_actors.sandbox.whatsapp.people import People
from omni_actors.sandbox.whatsapp.samples import SAMPLE_BYTES_MAX, Samples
from omni_actors.sandbox.whatsapp.sending import Desk
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount
from omni_actors.sandbox.whatsapp.template_edges import TemplateEdges
from omni_actors.sandbox.whatsapp.templates import Kept, TemplateShelf

FIRST_TEMPLATE_ID = 4411

_LOOPBACK = re.compile(rb"127\.0\.0\.1|localhost|\[::1\]")

JSON_HEADERS = (("Content-Type", "application/json; charset=UTF-8"),)


@define(eq=False)
class WhatsApp:
    """All WhatsApp numbers of one sandbox, in one business portfolio."""

    stage: Stage
    name: str = "whatsapp"
    has_hooks: bool = True
    doors: tuple[Door, ...] = ()
    accounts: dict[str, WhatsAppAccount] = field(factory=dict)
    outboxes: dict[str, Outbox] = field(factory=dict)
    figures: dict[str, Figures] = field(factory=dict)
    people: People = field(factory=People)
    numbers: dict[str, Number] = field(factory=dict)
    usage: dict[str, Usage] = field(factory=dict)
    templates: dict[str, TemplateShelf] = field(factory=dict)
    """By business account."""
    template_ids: "count[int]" = field(factory=lambda: count(FIRST_TEMPLATE_ID))
    shelf: MediaShelf = field(init=False)
    portfolio: Portfolio = field(init=False)
    groups: Groups = field(init=False)
    samples: Samples = field(init=False)
    desk: Desk = field(init=False)
    office: Office = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings, chance = self.stage.settings, self.stage.chance
        self.shelf = MediaShelf(settings.media_bytes_max, chance.randbytes(16))
        shelves = self.templates.__getitem__
        self.portfolio = Portfolio(settings.users_per_day)
        self.groups = Groups(chance, self.people)
        self.samples = Samples(chance)
        self.desk = Desk(
            settings, self.people, self.shelf, chance, shelves, self.portfolio, self.groups
        )
        self.office = Office(self.stage, self.accounts)

    def open_account(self, account: WhatsAppAccount) -> None:
        """Connect one more number. Raises ControlError for an id that is taken."""
        key = account.phone_number_id
        if key in self.accounts:
            raise ControlError(f"there already is a number {key}")
        self.accounts[key] = account
        self._begin(account)

    def _begin(self, account: WhatsAppAccount) -> None:
        key = account.phone_number_id
        self.numbers[key] = Number(account, self.stage.settings)
        self.outboxes[key] = Outbox(self.stage.settings.outbox_max)
        self.figures[key] = Figures()
        if account.waba_id not in self.templates:
            self.templates[account.waba_id] = TemplateShelf(lambda: next(self.template_ids))
        self.templates[account.waba_id].seed(account.templates)
        self.office.begin(key)
        self.office.standings[key].messaging_limit = tier_of(self.portfolio.most)

    def reset(self) -> None:
        """Forget everything but the accounts."""
        self.people.clear()
        self.shelf.clear()
        self.usage.clear()
        self.templates.clear()
        self.template_ids = count(FIRST_TEMPLATE_ID)
        self.portfolio.most = self.stage.settings.users_per_day
        self.portfolio.people.clear()
        self.groups.known.clear()
        self.samples.clear()
        for account in self.accounts.values():
            self._begin(account)

    def account_of(self, document: Mapping[str, Any]) -> WhatsAppAccount:
        """The number a control document describes. Raises ControlError."""
        return customers.account_of(document)

    def customer_is(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make or change a customer. Raises ControlError."""
        return customers.customer_is(self.people, document)

    def account_stands(self, channel_key: str, document: dict[str, Any]) -> dict[str, Any]:
        """Let a number stand otherwise with the platform. Raises ControlError."""
        return self.office.change(channel_key, document)

    def is_heard(self, update: Update) -> bool:
        """Whether the business account and the app's webhook fields want this told."""
        return self.office.is_heard(update.channel_key, update.field)

    def is_answered(self, update: Update, status: int) -> None:
        """Nothing follows: WhatsApp goes on knocking."""

    def app_subscriptions(self, app_id: str) -> list[dict[str, Any]]:
        """What an app is sent of its numbers."""
        mine = [each for each in self.accounts.values() if each.app_id == app_id]
        return self.office.subscriptions(mine[0]) if mine else []

    async def act(self, channel_key: str, verb: str, request: Request) -> None:
        """There are no further control routes."""

    def extras(self, entry: Shown) -> dict[str, Any]:
        """The text says it all."""
        return {}

    def customer_writes(self, channel_key: str, document: dict[str, Any]) -> Written:
        """A customer acts, or the platform has news (`field`). Raises ControlError."""
        write = news.tells if "field" in document else customers.writes
        written = write(
            number=self.numbers[channel_key],
            people=self.people,
            shelf=self.shelf,
            document=document,
            stage=self.stage,
        )
        self._follow_groups(channel_key, document, written)
        shelf = self.templates[self.accounts[channel_key].waba_id]
        shelf.follow(str(document.get("field")), written.update.value)
        self.figures[channel_key].inbound += 1
        return written

    def _follow_groups(
        self, channel_key: str, document: Mapping[str, Any], written: Written
    ) -> None:
        """What is written in a group, or told of one, is so from now on."""
        now = self.stage.clock.now()
        if str(document.get("field", "")).startswith("group_"):
            self.groups.follow(channel_key, written.update.value, now)
        elif (group_id := document.get("group_id")) is not None:
            named = document.get("from"), document.get("from_user_id")
            customer = customers.customer_of(self.people, *named)
            self.groups.joined(channel_key, str(group_id), customer, now)

    def renew_token(self, channel_key: str, token: str) -> None:
        """Take this token from now on, and no longer the one before."""
        account = evolve(self.accounts[channel_key], access_token=token)
        self.accounts[channel_key] = self.numbers[channel_key].account = account

    def set_limits(self, channel_key: str, document: Mapping[str, Any]) -> Sequence[Update]:
        """Another throughput after a maintenance, or another number of people a day.

        Raises ControlError.
        """
        account, number, news = self.accounts[channel_key], self.numbers[channel_key], []
        now = self.stage.clock.now()
        asked = wanted(document)
        if asked.users_per_day != ():
            (self.portfolio.most,) = asked.users_per_day
            tier = tier_of(self.portfolio.most)
            for standing in self.office.standings.values():
                standing.messaging_limit = tier
            news.append(capability(account, tier, now))
        if asked.per_second is not None:
            number.throughput.most = asked.per_second
            number.maintenance_until = now + asked.maintenance_s
            tier = tier_of(self.portfolio.most)
            news.append(upgraded(account, tier, now + asked.maintenance_s, asked.maintenance_s))
        return news

    def rendering(self, entry: Shown) -> str:
        """What the customer's phone shows."""
        return customers.rendering(entry.request, self._all_templates)

    @property
    def _all_templates(self) -> list[Kept]:
        return [one for shelf in self.templates.values() for one in shelf.kept.values()]

    def template_is(self, channel_key: str, document: dict[str, Any]) -> Written:
        """The platform decides about a template. Raises ControlError."""
        shelf = self.templates[self.accounts[channel_key].waba_id]
        one, update = shelf.change(document, channel_key, self.stage.clock.now())
        return Written(one.id, update)

    def envelope(self, updates_: Sequence[Update]) -> bytes:
        """The updates as the body of one webhook."""
        return updates.envelope(updates_, lambda key: self.accounts[key].waba_id)

    async def job(self, request: Request) -> Job | Answer | None:
        """Understand one request; None when its object is not one of ours."""
        segments = graph.route_of(request)
        try:
            match (request.method, *segments):
                case ("POST", key, "messages") if key in self.accounts:
                    return await self._messages(request, self.accounts[key])
                case ("POST", key, "media") if key in self.accounts:
                    return await self._upload(request, self.accounts[key])
                case (method, key, *rest) if key in self.accounts:
                    return await self._number(request, self.accounts[key], method, rest)
                case (method, waba, *rest) if waba in self._wabas:
                    return await self._waba(request, waba, method, rest)
                case ("GET", "debug_token"):
                    return self._debug_token(request)
                case (method, app_id, "subscriptions") if app_id in self._apps:
                    return await self._app(request, app_id, method)
                case ("GET", "whatsapp_business", "attachments"):
                    return self._download(request)
                case _:
                    return await self._object(request, segments)
        except GraphError as error:
            return error.answer()

    async def _object(self, request: Request, segments: list[str]) -> Job | None:
        """What has an id of its own: a medium, a group, a template, an upload."""
        match (request.method, *segments):
            case ("GET" | "DELETE", media_id) if media_id in self.shelf.media:
                return self._medium(request, media_id)
            case (method, group_id, *edge) if group := self.groups.known.get(group_id):
                return await self._group(request, group, method, edge)
            case ("POST", app_id, "uploads") if app_id in self._apps:
                return self._begin_sample(request, app_id)
            case ("POST", session_id) if session_id.startswith("upload:"):
                return await self._end_sample(request, session_id)
            case ("GET" | "POST", template_id) if found := self._template_of(template_id):
                return await self._one_template(request, *found)
        return None

    @property
    def _wabas(self) -> set[str]:
        return {account.waba_id for account in self.accounts.values()}

    @property
    def _apps(self) -> set[str]:
        return {account.app_id for account in self.accounts.values()}

    def _authorize(self, request: Request, account: WhatsAppAccount, scope: str = "") -> None:
        """Check the caller's token against one number, and for a permission. Raises GraphError."""
        token = graph.token_of(request)
        if token != account.access_token:
            if any(token == other.access_token for other in self.accounts.values()):
                raise refusal(10, "The token has no permission for this object.")
            raise graph.bad_token("Invalid OAuth access token - Cannot parse access token")
        graph.check_proof(request, token, account.app_secret, required=account.require_proof)
        self.office.check_token(account, scope)

    def _job(
        self,
        account: WhatsAppAccount,
        call: str,
        run: Callable[[Fault | None], Outcome],
        *,
        kind: str = "",
        to: str = "",
    ) -> Job:
        figures = self.figures[account.phone_number_id]
        figures.call(call)
        return Job(
            target=Target(account.phone_number_id, call, kind, to),
            run=partial(self._metered, account, partial(refusing, run, figures)),
            refuse=partial(refuse, figures),
        )

    def _metered(
        self,
        account: WhatsAppAccount,
        run: Callable[[Fault | None], Outcome],
        fault: Fault | None,
    ) -> Outcome:
        """Hold the call against the hourly budget, and tell the caller how much is used."""
        if fault is not None and fault.kind == "usage":
            told = usage_headers(account.waba_id, fault.percent, fault.regain_min)
            outcome = run(None)
            return evolve(
                outcome, answer=evolve(outcome.answer, headers=outcome.answer.headers + told)
            )
        budget = self.stage.settings.calls_per_h
        if not budget:
            return run(fault)
        now = self.stage.clock.now()
        usage = self.usage.setdefault(account.waba_id, Usage(budget))
        share = usage.count(now)
        if share > 100:
            error = refusal(80007, "The business account has reached its rate limit.")
            outcome = Outcome(error.answer())
        else:
            outcome = run(fault)
        wait_min = usage.minutes_left(now) if share >= 100 else 0
        headers = usage_headers(account.waba_id, share, wait_min)
        return with_headers(outcome, headers)

    async def _messages(self, request: Request, account: WhatsAppAccount) -> Job:
        self._authorize(request, account, "whatsapp_business_messaging")
        body = await request.body()
        document = graph.json_object(body)
        if "status" in document and "type" not in document:
            return self._job(account, "read", partial(self._read, account, document))
        kind, to = document.get("type", "text"), document.get("to")
        fault = await link_fault(document) if _LOOPBACK.search(body) else None
        send = partial(self._send, account, document, fault)
        return self._job(
            account, "messages", send, kind=str(kind), to=to if isinstance(to, str) else ""
        )

    def _send(
        self,
        account: WhatsAppAccount,
        document: dict[str, Any],
        broken_link: str | None,
        fault: Fault | None,
    ) -> Outcome:
        key, now = account.phone_number_id, self.stage.clock.now()
        self.office.check_registered(account)
        accepted = self.desk.take(self.numbers[key], document, now, fault, broken_link)
        customer = accepted.sent.customer
        address = accepted.sent.group or customer.phone or customer.user_id
        self.figures[key].accept(address, accepted.sent.callback_data)
        if not accepted.lost:
            self.outboxes[key].add(now, address, accepted.message_id, document)
        answer = Answer(200, json.dumps(accepted.document).encode(), JSON_HEADERS)
        return Outcome(answer, accepted.updates, shown=not accepted.lost)

    def _read(
        self, account: WhatsAppAccount, document: dict[str, Any], _fault: Fault | None
    ) -> Outcome:
        check_read(document)
        number, message_id = self.numbers[account.phone_number_id], document["message_id"]
        message = number.recall(message_id, self.stage.clock.now())
        if message is None or not message.inbound:
            raise refusal(131009, f"The message {message_id} is unknown.")
        return Outcome(json_answer(200, {"success": True}))

    async def _upload(self, request: Request, account: WhatsAppAccount) -> Job:
        self._authorize(request, account)
        body = await request.body(UPLOAD_BYTES_MAX)
        content_type = request.headers.get("content-type", "")
        return self._job(
            account, "media", partial(self._keep, account, content_type, body), kind="upload"
        )

    def _keep(
        self, account: WhatsAppAccount, content_type: str, body: bytes, _fault: Fault | None
    ) -> Outcome:
        upload = uploaded(content_type, body)
        expires_at = self.stage.clock.now() + upload.life_s
        key = account.phone_number_id
        medium = self.shelf.put(key, upload.mime_type, upload.content, expires_at)
        return Outcome(json_answer(200, {"id": medium.id}))

    def _medium(self, request: Request, media_id: str) -> Job:
        medium = self.shelf.get(media_id, self.stage.clock.now())
        if medium is None:
            raise graph.unknown_object(media_id, request.method)
        account = self.accounts[medium.channel_key]
        self._authorize(request, account)
        if request.query.get("phone_number_id", medium.channel_key) != medium.channel_key:
            raise graph.unknown_object(media_id, request.method)

        def run(_fault: Fault | None) -> Outcome:
            if request.method == "DELETE":
                self.shelf.remove(media_id)
                return Outcome(json_answer(200, {"success": True}))
            url = self.shelf.link(self.stage.url, medium, self.stage.clock.now())
            return Outcome(json_answer(200, resolved(medium, url)))

        return self._job(account, "media", run, kind=request.method.lower())

    def _download(self, request: Request) -> Job | Answer:
        medium = self.shelf.linked(request.query, self.stage.clock.now())
        if medium is None:
            return Answer(404, b"", (("Content-Type", "text/html"),))
        account = self.accounts[medium.channel_key]
        if request.headers.get("authorization", "") != f"Bearer {account.access_token}":
            raise graph.bad_token("Authentication Error")
        headers = request.headers
        return self._job(
            account,
            "media",
            lambda fault: Outcome(downloaded(medium, headers, fault)),
            kind="download",
        )

    async def _number(
        self, request: Request, account: WhatsAppAccount, method: str, rest: list[str]
    ) -> Job:
        self._authorize(request, account, "whatsapp_business_management")
        match (method, *rest):
            case ("GET",):
                return self._job(account, "number", partial(self._profile, request, account))
            case ("POST", "register"):
                document = graph.json_object(await request.body())
                register = partial(self.office.register, account, document)
                return self._job(account, "register", after(register))
            case ("POST", "deregister"):
                deregister = partial(self.office.deregister, account)
                return self._job(account, "register", after(deregister))
            case ("GET" | "POST", "groups"):
                return await self._groups(request, account, method)
        raise graph.unknown_path("/" + "/".join([account.phone_number_id, *rest]))

    async def _groups(self, request: Request, account: WhatsAppAccount, method: str) -> Job:
        document = graph.json_object(await request.body()) if method == "POST" else {}

        def run(_fault: Fault | None) -> Outcome:
            edges = GroupEdges(self.groups, account, self.stage.clock.now())
            return edges.of_number(method, request.query, document)

        return self._job(account, "groups", run)

    async def _group(self, request: Request, group: Group, method: str, edge: list[str]) -> Job:
        account = self.accounts[group.channel_key]
        self._authorize(request, account, "whatsapp_business_messaging")
        body = await request.body()
        document = graph.json_object(body) if body else {}

        def run(_fault: Fault | None) -> Outcome:
            edges = GroupEdges(self.groups, account, self.stage.clock.now())
            return edges.of_group(method, group, edge, request.query, document)

        return self._job(account, "groups", run)

    def _profile(self, request: Request, account: WhatsAppAccount, _fault: Fault | None) -> Outcome:
        every = self._every(account)
        usual = "verified_name,display_phone_number,quality_rating"
        names = request.query.get("fields", usual).split(",")
        unknown = [name for name in names if name not in every]
        if unknown:
            details = f"Tried accessing nonexisting field ({unknown[0]})"
            raise GraphError(400, 100, f"(#100) {details} on node type (WhatsAppBusinessPhone)")
        return Outcome(json_answer(200, {name: every[name] for name in {*names, "id"}}))

    def _every(self, account: WhatsAppAccount) -> dict[str, Any]:
        key = account.phone_number_id
        most = self.numbers[key].throughput.most if self.stage.settings.limits else None
        url = self.stage.hook_url(self.name, key)
        return profile(account, self.office.standings[key], most, url)

    async def _waba(self, request: Request, waba: str, method: str, rest: list[str]) -> Job:
        owners = [one for one in self.accounts.values() if one.waba_id == waba]
        token = graph.token_of(request)
        account = next((one for one in owners if one.access_token == token), owners[0])
        self._authorize(request, account, "whatsapp_business_management")
        self.office.check_reach(account)
        match (method, *rest):
            case ("POST" | "DELETE", "subscribed_apps"):
                subscribed = method == "POST"
                change = partial(self.office.subscribe, account, subscribed=subscribed)
                return self._job(account, "waba", after(change))
            case ("GET", "subscribed_apps"):
                apps = {"data": self.office.subscribed_apps(account)}
                return self._job(account, "waba", always(apps))
            case ("GET", "phone_numbers"):
                numbers = [self._every(one) for one in owners]
                return self._job(account, "waba", always({"data": numbers}))
            case ("GET" | "POST" | "DELETE", "message_templates"):
                return await self._templates(request, account, method)
        raise graph.unknown_path("/" + "/".join([waba, *rest]))

    async def _templates(self, request: Request, account: WhatsAppAccount, method: str) -> Job:
        document = graph.json_object(await request.body()) if method == "POST" else {}

        def run(_fault: Fault | None) -> Outcome:
            edges = self._template_edges(account)
            return edges.of_account(method, request.path, request.query, document)

        return self._job(account, "waba", run, kind="message_templates")

    def _template_edges(self, account: WhatsAppAccount) -> TemplateEdges:
        shelf = self.templates[account.waba_id]
        return TemplateEdges(shelf, self.samples, self.stage.clock.now())

    def _template_of(self, template_id: str) -> tuple[WhatsAppAccount, Kept] | None:
        for account in self.accounts.values():
            one = self.templates[account.waba_id].by_id(template_id)
            if one is not None:
                return account, one
        return None

    async def _one_template(self, request: Request, account: WhatsAppAccount, one: Kept) -> Job:
        self._authorize(request, account, "whatsapp_business_management")
        document = graph.json_object(await request.body()) if request.method == "POST" else {}

        def run(_fault: Fault | None) -> Outcome:
            edges = self._template_edges(account)
            return edges.of_one(one, request.method, request.query, document)

        return self._job(account, "waba", run, kind="message_templates")

    def _account_of_app(self, request: Request, app_id: str) -> WhatsAppAccount:
        """The number whose token calls for an app. Raises GraphError."""
        token = graph.token_of(request)
        owners = [one for one in self.accounts.values() if one.app_id == app_id]
        account = next((one for one in owners if one.access_token == token), owners[0])
        self._authorize(request, account)
        return account

    def _begin_sample(self, request: Request, app_id: str) -> Job:
        account = self._account_of_app(request, app_id)

        def run(_fault: Fault | None) -> Outcome:
            session_id = self.samples.begin(app_id, request.query)
            return Outcome(json_answer(200, {"id": session_id}))

        return self._job(account, "app", run, kind="uploads")

    async def _end_sample(self, request: Request, named: str) -> Job:
        session = self.samples.session(named, request)
        account = self._account_of_app(request, session.app_id)
        body = await request.body(SAMPLE_BYTES_MAX)

        def run(_fault: Fault | None) -> Outcome:
            return Outcome(json_answer(200, {"h": self.samples.end(named, body)}))

        return self._job(account, "app", run, kind="uploads")

    def _debug_token(self, request: Request) -> Answer:
        caller = graph.token_of(request)
        account = next((a for a in self.accounts.values() if a.access_token == caller), None)
        if account is None:
            raise graph.bad_token("Invalid OAuth access token - Cannot parse access token")
        self._authorize(request, account)
        asked = request.query.get("input_token")
        if asked is None:
            raise GraphError(400, 100, "(#100) The parameter input_token is required")
        return json_answer(200, {"data": self.office.token_facts(asked)})

    async def _app(self, request: Request, app_id: str, method: str) -> Job:
        account = self.office.app_account(request, app_id)
        match method:
            case "GET":
                listed = {"data": self.stage.app_subscriptions(app_id)}
                return self._job(account, "app", always(listed))
            case "POST":
                wanted = await wanted_of(await asked_of(request))
                subscribe = partial(self.office.subscribe_app, account, wanted)
                return self._job(account, "app", after(subscribe))
            case "DELETE":
                asked = await asked_of(request)
                unsubscribe = partial(self.office.unsubscribe_app, account, asked)
                return self._job(account, "app", after(unsubscribe))
        raise graph.unknown_path(f"/{app_id}/subscriptions")
