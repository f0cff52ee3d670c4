"""The pretend mail provider as the stage knows it."""

import base64
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import trio
from attrs import define, evolve, field

from omni_actors.sandbox.contract import (
    Account,
    Arrived,
    ControlError,
    Door,
    Figures,
    Outbox,
    Shown,
    Stage,
    Written,
)
from omni_actors.sandbox.email import imap, letters, smtp
from omni_actors.sandbox.email.letters import Letter
from omni_actors.sandbox.email.mailbox import FullError
from omni_actors.sandbox.email.post import PostOffice, fate_of, plain
from omni_actors.sandbox.email.settings import SIZE_MAX, EmailAccount
from omni_actors.sandbox.email.talk import Gone
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.http import Answer, Request, json_answer

log = logging.getLogger(__name__)

Serve: TypeAlias = Callable[[PostOffice, trio.SocketStream], Awaitable[None]]


@define(eq=False)
class EmailPlatform:
    """The business's mail accounts, and the mailboxes of all their customers."""

    stage: Stage
    name: str = "email"
    has_hooks: bool = False
    post: PostOffice = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.post = PostOffice(self.stage)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The open accounts by address."""
        return self.post.accounts

    @property
    def outboxes(self) -> Mapping[str, Outbox]:
        """What customers were sent, by address of the account."""
        return self.post.outboxes

    @property
    def figures(self) -> Mapping[str, Figures]:
        """Counts by address of the account."""
        return self.post.figures

    @property
    def doors(self) -> Sequence[Door]:
        """The two servers."""
        settings = self.stage.settings
        return (
            Door("smtp", settings.smtp_bind, partial(self._serve, smtp.serve)),
            Door("imap", settings.imap_bind, partial(self._serve, imap.serve)),
        )

    async def _serve(self, serve: Serve, stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await serve(self.post, stream)
            except* Gone:
                pass  # as connections end
            except* Exception:
                log.exception("a mail connection failed")

    def open_account(self, account: EmailAccount) -> None:
        """Connect one more account. Raises ControlError for an address that is taken."""
        if account.address in self.post.accounts:
            raise ControlError(f"there already is an account {account.address}")
        if plain(account.address) != account.address:
            raise ControlError("an account's address has no plus in it")
        self.post.begin(account)

    def account_of(self, document: Mapping[str, Any]) -> EmailAccount:
        """The account a control document describes. Raises ControlError."""
        names = {"address", "name", "password", "access_token", "size_max"}
        if unknown := document.keys() - names:
            raise ControlError(f"an account has no key `{min(unknown)}`")
        letters.address(str(document.get("address", "")), "address")
        size = document.get("size_max", SIZE_MAX)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ControlError("`size_max` must be a number of bytes")
        for key in names - {"size_max"}:
            if not isinstance(document.get(key, ""), str):
                raise ControlError(f"`{key}` must be a text")
        return EmailAccount(**document)

    async def job(self, _request: Request) -> None:
        """Nothing of mail goes over HTTP."""

    def customer_writes(self, channel_key: str, document: dict[str, Any]) -> Arrived:
        """A customer's mail arrives in the account's mailbox. Raises ControlError."""
        document = _with_uploaded(document)
        sender = letters.check(document)
        if plain(sender) in self.post.accounts:
            raise ControlError("`from` must be a customer, not an account of the business")
        letter = self._letter(channel_key, document, sender)
        if plain(letter.recipient) not in self.post.accounts:
            raise ControlError(f"{letter.recipient} is none of the accounts here")
        self.post.written(letter)
        return Arrived(letter.message_id)

    def _letter(self, channel_key: str, document: dict[str, Any], sender: str) -> Letter:
        if "raw" in document or "raw_base64" in document:
            to = letters.address(document.get("to", channel_key), "to")
            return letters.as_it_is(document, sender, to)
        if document.get("name"):
            self.post.names[sender] = document["name"]
        document = {"name": self.post.names.get(sender, ""), **document}
        answers = document.get("reply") or "in_reply_to" in document
        named = document.get("in_reply_to")
        earlier = self.post.earlier(channel_key, plain(sender), named) if answers else None
        now = self.stage.clock.now()
        return letters.written(document, sender, channel_key, earlier, now, self.post.mark())

    def customer_is(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make or change a customer. Raises ControlError."""
        if unknown := document.keys() - {"address", "name", "bounces"}:
            raise ControlError(f"a customer has no key `{min(unknown)}`")
        key = letters.address(str(document.get("address", "")), "address")
        if "name" in document:
            self.post.names[key] = str(document["name"])
        if "bounces" in document:
            self.post.fates.pop(plain(key), None)
            if document["bounces"] is not None:
                self.post.fates[plain(key)] = fate_of(str(document["bounces"]))
        try:
            mailbox = self.post.mailbox(key)
        except FullError:
            raise ControlError("there are too many mailboxes: POST /sandbox/reset") from None
        return {
            "address": key,
            "name": self.post.names.get(key),
            "bounces": self.post.fates.get(plain(key)),
            "folders": {name: len(each.mails) for name, each in mailbox.folders.items()},
        }

    def template_is(self, channel_key: str, document: dict[str, Any]) -> Written:
        """Nothing is reviewed here. Raises ControlError."""
        raise ControlError("templates of mails are files of the gateway, and nobody reviews them")

    def renew_token(self, channel_key: str, token: str) -> None:
        """Take this as password and as token from now on; who is logged in is logged out."""
        account = self.post.accounts[channel_key]
        self.post.accounts[channel_key] = evolve(account, password=token, access_token=token)
        self.post.mailbox(channel_key).end_sessions()

    def set_limits(self, channel_key: str, document: Mapping[str, Any]) -> Sequence[Update]:
        """Another size of mails, `size_max` in bytes, or number of them, `mails_per_day` (null: any
        number). Raises ControlError."""
        size, mails = document.get("size_max", SIZE_MAX), document.get("mails_per_day")
        known = bool(document) and document.keys() <= {"size_max", "mails_per_day"}
        if not known or type(size) is not int or not (mails is None or type(mails) is int):
            raise ControlError(
                "the limits of a mail account are `size_max`, a number of bytes, and "
                "`mails_per_day`, a number of mails"
            )
        account = self.post.accounts[channel_key]
        self.post.accounts[channel_key] = evolve(account, **document)
        return ()

    def account_stands(self, channel_key: str, document: dict[str, Any]) -> dict[str, Any]:
        """Where the account's mails are. Raises ControlError for what would be changed."""
        if document:
            raise ControlError("a mail account stands as it is; faults and `token` change it")
        mailbox = self.post.mailbox(channel_key)
        folders = {name: len(each.mails) for name, each in mailbox.folders.items()}
        return {"folders": folders, "uidvalidity": mailbox.inbox.uidvalidity}

    def is_heard(self, update: Update) -> bool:
        """Nobody knocks at a hook for mails."""
        return False

    def is_answered(self, update: Update, status: int) -> None:
        """Nothing follows."""

    def app_subscriptions(self, app_id: str) -> list[dict[str, Any]]:
        """Mail has no apps."""
        return []

    async def act(self, channel_key: str, verb: str, request: Request) -> Answer | None:
        """`renumber`: the mailbox's mails have other numbers from now on (a new UIDVALIDITY)."""
        if (request.method, verb) != ("POST", "renumber"):
            return None
        mailbox = self.post.mailbox(channel_key)
        mailbox.renumber()
        return json_answer(200, {"uidvalidity": mailbox.inbox.uidvalidity})

    def extras(self, entry: Shown) -> dict[str, Any]:
        """The subject, and what can be followed or opened."""
        return {key: entry.request.get(key) for key in ("subject", "links", "attachments")}

    def rendering(self, entry: Shown) -> str:
        """The text of the mail."""
        return str(entry.request.get("text") or "")

    def envelope(self, updates: Sequence[Update]) -> bytes:
        """Mail has no webhooks."""
        return b""

    def reset(self) -> None:
        """Forget everything but the accounts."""
        self.post.clear()


def _with_uploaded(document: dict[str, Any]) -> dict[str, Any]:
    """A file that came in a form beside the mail, as one of its attachments."""
    kind = document.get("type")
    if kind is None:
        return document
    file = document.get(str(kind))
    if not isinstance(file, dict) or not isinstance(file.get("content"), bytes):
        raise ControlError("`type` stands beside the file of a form; a mail has `attachments`")
    attached = {key: value for key, value in file.items() if key != "content"}
    attached["content_base64"] = base64.b64encode(file["content"]).decode()
    rest = {key: value for key, value in document.items() if key not in ("type", kind)}
    return {**rest, "attachments": [*rest.get("attachments", []), attached]}
