"""A mail server in memory, a platform whose mails are JSON, and a house that reads them.

The server keeps folders as a real one does, and can be told to break at any moment; it is what is
outside of the gateway.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import define, evolve, field, frozen

from omni_actors.actors.clock import Clock
from omni_actors.actors.system import System
from omni_actors.adapters.contract import (
    Adapter,
    Fetched,
    Folders,
    MailboxDesk,
    PartToSend,
    Sent,
)
from omni_actors.adapters.mime import MIME, MimeSecrets
from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.gateway.facade import Gateway
from omni_actors.gateway.ground import Plan
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.house import House
from omni_actors.gateway.mail_session import OpenSession
from omni_actors.gateway.pacing import Pacing
from omni_actors.model.content import Email, Media, MediaKind, Text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.reports import (
    Clue,
    IdentityKey,
    MediaRef,
    Received,
    Report,
    StatusReported,
    Trust,
)
from omni_actors.model.states import PartStatus
from omni_actors.net.account import Account
from omni_actors.net.imap import (
    Body,
    Fetch,
    ImapFailure,
    ImapKind,
    Moved,
    Outline,
    Selected,
)
from omni_actors.net.imap_link import Write
from omni_actors.net.trace import Trace
from omni_actors.policy.rate import Limit
from omni_actors.store.queries import Events, LastCursor
from omni_actors.store.rows import ANY_TENANT, Event, Message
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.verbs import ChannelSpec
from omni_actors.wire.calls import (
    Call,
    ExtractCall,
    ExtractReply,
    Flow,
    MailCall,
    MailReply,
    MailServer,
    Reply,
    SmtpReply,
    Stage,
)
from omni_actors.wire.mail import Mail
from tests.gateway.ground import open_house

START = 1_790_000_000.0
ADDRESS = "support@example.com"
PASSWORD = "correct horse"
HOOK = "mail"
HOOK_SECRET = "a secret of sixteen or more"
ADA = "ada@example.org"
SIZE_MAX = 2_000
SERVER = MailServer("127.0.0.1", 993, ADDRESS)


# ---------------------------------------------------------------- the platform


@frozen
class Settings:
    address: str = ADDRESS
    reads: bool = True


@frozen
class Passwords:
    password: str = field(default="", repr=False)


def letter(id: str, text: str = "Hello", *, sender: str = ADA, **beside: Any) -> bytes:
    """A mail of this platform. `size` pads it."""
    size = beside.pop("size", 0)
    return json.dumps({"id": id, "from": sender, "text": text, **beside}).encode().ljust(size)


def parse(document: Any) -> Sequence[Report]:
    """What a mail says; one that says `crash` is a bug of the adapter."""
    said = json.loads(document["raw"])
    if said.get("crash"):
        raise RuntimeError("a bug")
    who = (IdentityKey("email", said["from"]),)
    clues = tuple([Clue(**clue) for clue in said.get("clues", ())])
    key, channel, at = f"mail:{said['id']}", document["channel_key"], document["at"]
    if "status" in said:
        status = PartStatus(said["status"])
        return [StatusReported(channel, key, at, who, said["id"], status, clues=clues)]
    content: Any = Text(said["text"])
    if "subject" in said:
        content = Email(said["subject"], said["text"])
    media = tuple([
        MediaRef({"blob": document["blob"], "part": part}, "text/plain")
        for part in said.get("parts", ())
    ])  # fmt: skip
    if media:
        content = Media(MediaKind.DOCUMENT, caption=said["text"])
    return [
        Received(
            channel, key, at, who, said["id"], content, media, clues=clues,
            automatic=bool(said.get("automatic")), thread=said.get("thread"),
            trust=Trust(said["trust"]) if "trust" in said else None,
        )
    ]  # fmt: skip


def document(raw: bytes, channel_key: str, _settings: Settings | None, at: float, blob: str) -> Any:
    return {"raw": raw, "channel_key": channel_key, "at": at, "blob": blob}


def extract(raw: bytes, part: str) -> Iterator[bytes]:
    pieces = json.loads(raw)["parts"][part]
    if pieces is None:
        raise LookupError(part)
    return iter([each.encode() for each in pieces])


def send(part: PartToSend, settings: Settings) -> Flow[Sent]:
    assert isinstance(part.content, Text)
    headers = (("subject", str((part.thread or {}).get("subject"))), ("token", part.token))
    mail = Mail(headers, part.content.text, part.token)
    call = MailCall(SERVER, settings.address, (part.to[0].value,), mail)
    reply = yield call
    assert isinstance(reply, MailReply)
    return Sent((f"c.{part.token}@example.com",), thread=part.thread, found=part.resent)


def fetch(ref: MediaRef, _settings: Settings, _age_s: float) -> Flow[Fetched]:
    reply = yield ExtractCall(str(ref.ref["blob"]), str(ref.ref["part"]), bytes_max=100)
    assert isinstance(reply, ExtractReply)
    return Fetched(reply.blob, reply.size)


def address(text: str, _channel_key: str) -> tuple[IdentityKey, ...]:
    return (IdentityKey("email", text),)


MAIL: Adapter[Any, Any] = Adapter(
    platform="email",
    settings=Settings,
    credentials=Passwords,
    capabilities=evolve(WHATSAPP.capabilities, window_s=None),
    rate=WHATSAPP.rate,
    pair_rate=None,
    channel_key=lambda settings: settings.address,
    address=address,
    parse=parse,
    send=send,
    fetch=fetch,
    token=lambda credentials: credentials.password,
    token_hosts=lambda _settings: frozenset({"127.0.0.1:993"}),
    mailbox=MailboxDesk(
        server=lambda settings: SERVER if settings.reads else None,
        folders=lambda _settings: Folders("INBOX", "Processed", "Failed", SIZE_MAX),
        document=document,
        extract=extract,
    ),
)


def thread_of(message: Message) -> dict[str, Any]:
    """What a mail was found to refer to."""
    notes: Any = message.notes
    found: dict[str, Any] = notes["thread"]
    return found


# ---------------------------------------------------------------- the server


@define
class Stored:
    """One mail on the server."""

    uid: int
    raw: bytes
    at: int
    flags: frozenset[str] = frozenset()
    size: int | None = None  # what the server says of it, if that is wrong


@define
class Office:
    """A mail server with one account. `before` and `after` are called with each command's name."""

    folders: dict[str, list[Stored]] = field(factory=lambda: {"INBOX": []})
    uidvalidity: int = 7
    next_uid: int = 1
    password: str = PASSWORD
    logins: int = 0
    open: int = 0
    now: Callable[[], float] = field(default=lambda: START)
    before: Callable[[str], None] = field(default=lambda _name: None)
    after: Callable[[str], None] = field(default=lambda _name: None)
    withheld: set[int] = field(factory=set)  # UIDs that it does not hand over
    stumbles: set[int] = field(factory=set)  # UIDs whose outlines it refuses
    concealed: set[int] = field(factory=set)  # UIDs of whose outlines it tells nothing
    stalled: bool = False  # it does not go on in the middle of a mail
    down: ImapFailure | None = None
    news: trio.Event = field(factory=trio.Event)
    fetched: list[int] = field(factory=list)
    sent: list[MailCall] = field(factory=list)
    answers_lost: int = 0
    disk_full: bool = False
    copies_only: bool = False  # nobody may remove what is copied

    def deliver(self, raw: bytes, **beside: Any) -> int:
        """A mail arrives; its UID."""
        uid = self.next_uid
        self.next_uid += 1
        at = beside.pop("at", int(self.now()))
        self.folders["INBOX"].append(Stored(uid, raw, at, **beside))
        self.tell()
        return uid

    def tell(self) -> None:
        """There is news for whoever waits."""
        self.news.set()
        self.news = trio.Event()

    def rebuild(self, uidvalidity: int) -> None:
        """Number all mails anew."""
        self.uidvalidity = uidvalidity
        for number, each in enumerate(self.folders["INBOX"], 1):
            each.uid = number
        self.next_uid = len(self.folders["INBOX"]) + 1

    def subjects(self, folder: str) -> list[str]:
        """The ids of the mails in a folder."""
        return [json.loads(each.raw)["id"] for each in self.folders.get(folder, ())]

    @asynccontextmanager
    async def session(self, server: MailServer, account: Account) -> AsyncIterator["Desk"]:
        """Somebody logs in; implements `OpenSession`."""
        await trio.sleep(0.01)
        self.logins += 1
        if self.down is not None:
            raise self.down
        if account.token != self.password:
            raise ImapFailure(ImapKind.AUTH, "LOGIN was answered NO: wrong password")
        self.open += 1
        try:
            yield Desk(self)
        finally:
            self.open -= 1

    async def make(self, call: Call, _account: Account, _trace: Trace) -> Reply:
        """Take a mail; implements `Hands`."""
        assert isinstance(call, MailCall)
        await trio.sleep(0.01)
        self.sent.append(call)
        if self.answers_lost:
            self.answers_lost -= 1
            raise SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text="no answer"))
        return MailReply(Stage.END, SmtpReply(250, "2.0.0", "queued"))


@frozen
class Desk:
    """A session; implements `mail_session.Mailbox`."""

    office: Office

    async def told(self, name: str) -> None:
        self.office.before(name)
        await trio.sleep(0.01)
        if self.office.down is not None:
            raise self.office.down

    async def select(self, folder: str, *, writable: bool = True) -> Selected:
        await self.told("select")
        office = self.office
        count = len(office.folders[folder])
        return Selected(folder, office.uidvalidity, office.next_uid, count, writable)

    async def uids_from(self, first: int) -> tuple[range, ...]:
        await self.told("uids_from")
        uids = [each.uid for each in self.office.folders["INBOX"] if each.uid >= first]
        return tuple(range(uid, uid + 1) for uid in sorted(uids))

    async def outlines(self, uids: Sequence[int]) -> list[Outline]:
        await self.told("outlines")
        if not self.office.stumbles.isdisjoint(uids):
            raise ImapFailure(ImapKind.REFUSED, "UID FETCH was answered NO: internal error")
        return [
            Outline(each.uid, each.size or len(each.raw), each.at, each.flags)
            for each in self.office.folders["INBOX"]
            if each.uid in uids and each.uid not in self.office.concealed
        ]

    def find(self, uid: int) -> Stored | None:
        return next((e for e in self.office.folders["INBOX"] if e.uid == uid), None)

    async def header(self, uid: int) -> bytes | None:
        await self.told("header")
        found = self.find(uid)
        return None if found is None else json.dumps(json.loads(found.raw)).encode()

    async def fetch(self, uid: int, write: Write, bytes_max: int) -> Fetch:
        await self.told("fetch")
        found = self.find(uid)
        if found is None:
            return Fetch(Body.GONE)
        if uid in self.office.withheld:
            raise ImapFailure(ImapKind.REFUSED, "UID FETCH was answered NO: try later")
        self.office.fetched.append(uid)
        half = len(found.raw) // 2
        await write(found.raw[:half][:bytes_max])
        self.office.before("fetch half")
        if self.office.stalled:
            await trio.sleep_forever()
        await write(found.raw[half:bytes_max])
        whole = len(found.raw) <= bytes_max
        return Fetch(Body.WHOLE if whole else Body.TOO_LARGE, len(found.raw))

    async def move(self, uids: Sequence[int], folder: str) -> Moved:
        await self.told("move")
        inbox = self.office.folders["INBOX"]
        moved = [each for each in inbox if each.uid in uids]
        self.office.folders.setdefault(folder, []).extend(moved)
        if self.office.copies_only:
            return Moved.LEFT
        self.office.folders["INBOX"] = [each for each in inbox if each.uid not in uids]
        self.office.after("move")
        return Moved.MOVED

    async def wait_news(self, within_s: float) -> bool:
        await self.told("wait_news")
        with trio.move_on_after(within_s):
            await self.office.news.wait()
            if self.office.down is not None:
                raise self.office.down
            return True
        return False


# ---------------------------------------------------------------- the house


def spec(id: str = "mail", **settings: Any) -> ChannelSpec:
    """A channel with a mailbox as the config says it."""
    password = settings.pop("password", PASSWORD)
    key = settings.get("address", ADDRESS)
    return ChannelSpec(id, "default", "email", key, settings, {"password": password})


def plan(*channels: ChannelSpec, bot: str = "none") -> Plan:
    """What the config asks of the house."""
    kept = channels or (spec(),)
    pacing = Pacing(Limit(1_000, 1_000), None)
    return Plan(
        channels=kept,
        pacing={channel.id: pacing for channel in kept},
        hooks={HOOK: Hook(HOOK, MIME, MimeSecrets(ADDRESS, (HOOK_SECRET,)))},
        bot=bot,
    )


@define(repr=False)
class MailRig:
    """A running house that reads mail."""

    house: House
    gateway: Gateway
    store: SqliteStore
    system: System
    office: Office
    clock: Clock
    observed: list[tuple[str, Mapping[str, object]]]

    async def until(
        self,
        holds: Callable[[], object],
        *,
        within_s: float = 86400.0,
        step_max_s: float = 30.0,
    ) -> None:
        """Let time pass until something holds; what it answers may have to be awaited."""
        step_s = 0.05
        with trio.fail_after(within_s):
            while True:
                found = holds()
                if await found if isinstance(found, Awaitable) else found:
                    return
                await trio.sleep(step_s)
                step_s = min(step_max_s, step_s * 1.3)

    async def events(self, *types: str) -> list[Event]:
        """All events of these types (or all), oldest first."""
        found: list[Event] = []
        after = 0
        while page := await self.store.ask(Events(ANY_TENANT, after, 500)):
            found += page
            after = page[-1].cursor
        return [event for event in found if not types or event.type in types]

    async def received(self) -> list[str]:
        """The ids of the mails that were told of, each time that they were."""
        told = await self.events("message.received")
        return [str(event.message.external_id) for event in told if event.message]

    async def came(self, count: int) -> None:
        """So many mails were told of, and the mailbox is quiet again."""

        async def all_here() -> bool:
            return len(await self.received()) >= count and self.health.doing == "waiting"

        await self.until(all_here)

    async def quiet(self) -> None:
        """Nothing has happened for a while."""
        last = -1
        while last != (now := await self.store.ask(LastCursor())):
            last = now
            await trio.sleep(1.0)

    @property
    def health(self) -> Any:
        return self.house.mail.healths["mail"]

    def crashes(self) -> list[Mapping[str, object]]:
        return [fields for name, fields in self.observed if name == "actor.crashed"]


@asynccontextmanager
async def open_mail_rig(
    folder: Path,
    office: Office,
    wanted: Plan,
    *,
    seed: int = 1,
    adapter: Adapter[Any, Any] = MAIL,
    session: OpenSession | None = None,
) -> AsyncIterator[MailRig]:
    """A house on an inline store in `folder`; opened again there it is the same one, restarted.

    A cancelled scope around it is a crash. With a `session` mails are read elsewhere than in the
    office.
    """
    clock = Clock(wall=START + trio.current_time())
    office.now = clock.now
    house = open_house(
        folder,
        wanted,
        office,
        {"email": adapter},
        clock,
        seed=seed,
        media=True,
        low_on_disk=lambda: office.disk_full,
        open_mailbox=session or office.session,
    )
    async with house as opened:
        yield MailRig(
            opened.house,
            opened.gateway,
            opened.store,
            opened.system,
            office,
            clock,
            opened.observed,
        )
