"""What the author of an adapter fills in: two records of pure functions, no base class."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attrs import field, frozen

from omni_actors.adapters.connecting import OAuth, Upkeep
from omni_actors.model.capabilities import Capabilities
from omni_actors.model.content import Content
from omni_actors.model.copies import NoCopy
from omni_actors.model.failure import Failure
from omni_actors.model.groups import (
    Decided,
    GroupChange,
    GroupInfo,
    GroupPage,
    JoinRequestPage,
    NewGroup,
)
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.limits import Ties, Usage
from omni_actors.model.portrait import Portrait
from omni_actors.model.profile import NewPersona, Persona, Profile
from omni_actors.model.reports import (
    ChannelName,
    Echoed,
    IdentityKey,
    MediaRef,
    Received,
    Report,
)
from omni_actors.model.templates import NewTemplate, TemplateChange, TemplateDefinition
from omni_actors.wire.calls import Flow, HttpReply, MailServer

Person: TypeAlias = tuple[IdentityKey, ...]
S = TypeVar("S")
C = TypeVar("C")


class BadAddress(ValueError):
    """`to.address` is not an address on this platform; the text says what one looks like."""


class Undecodable(ValueError):
    """A hook's body, or a mail, could not be decoded; the text says why. It is kept as a dead
    letter."""


@frozen
class RateDefault:
    """A limit to start from: at most `burst` at once, `per_second` on the long run.

    With `loan_s` a burst must be taken up within so many seconds, and is then paid off whole.
    """

    per_second: float
    burst: int
    loan_s: float | None = None


@frozen
class Meter:
    """A limit of some of a channel's sends: of these forms, or to addresses of these kinds."""

    name: str
    rate: RateDefault
    forms: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@frozen
class Medium:
    """One medium that a part needs: where its bytes are and what the platform knows of it.

    `uploaded` is the platform's own id of these bytes on this channel while it is still valid.
    """

    media_id: str
    blob: str
    mime: str
    size: int
    filename: str | None = None
    uploaded: str | None = None


@frozen
class PartToSend:
    """One part, ready to be spelled. `part_id` travels as callback data where there is such.

    `human`: a person wrote it. `late`: the reply window is closed, as far as we know. `resent`: it
    went out before with an outcome that nobody knows.
    `token` is a name of the part that nobody can guess, `asked_at` (unix seconds) is when it was
    asked for. `thread` is what the adapter had said of the leg's thread, by a Received or a Sent,
    before the first attempt.
    `links` are pages of ours on which an option can be picked, by the option's id.
    With `only` nobody but these gets a copy: the platform has the part already for all others.
    Where the adapter has an `upload`, each of the `media` is `uploaded` by now.
    """

    part_id: str
    form: str
    content: Content
    to: tuple[IdentityKey, ...]
    attempt: int = 1
    reply_to: str | None = None
    media: Mapping[str, Medium] = field(factory=dict)
    human: bool = False
    late: bool = False
    resent: bool = False
    override: JsonObject = field(factory=dict)
    token: str = ""
    asked_at: float = 0.0
    thread: JsonObject | None = None
    links: Mapping[str, str] = field(factory=dict)
    only: tuple[str, ...] = ()


@frozen
class Uploaded:
    """The platform's id of a medium, good for `valid_s` seconds."""

    external_id: str
    valid_s: float


@frozen
class Afterwards:
    """What remains to be done once it is safely known that a part was accepted, such as a copy to
    be put away. The `flow` does it and returns what is to be told of it, and it never fails; what
    is told as long as it has not been done is `undone`: `no copy in Sent`."""

    flow: "Flow[str | None]" = field(eq=False, repr=False)
    undone: str


@frozen
class Sent:
    """The platform accepted a part: its ids there, keys of the person that it taught us, and what
    the adapter wants to be told of the leg's thread. `found`: it had accepted it before, so that it
    was not sent again. `refused` are those who should get a copy, and for whom it was not taken.
    What came of what is to be done `afterwards` is one more note, and never an error."""

    external_ids: tuple[str, ...]
    aliases: tuple[IdentityKey, ...] = ()
    note: str | None = None
    thread: JsonObject | None = None
    found: bool = False
    refused: tuple[NoCopy, ...] = ()
    afterwards: Afterwards | None = field(default=None, eq=False, repr=False)


@frozen
class Fetched:
    """A medium's bytes are in `blob`; `mime` is what the platform calls them."""

    blob: str
    size: int
    mime: str | None = None
    filename: str | None = None


@frozen
class Checked:
    """One finding of an online check of a channel: what was looked at, and what to do if bad.

    `ok` is None for what could not be looked at, or is worth knowing and nothing bad.
    """

    subject: str
    ok: bool | None
    sentence: str


@frozen
class OurHook:
    """A hook of the config, as a platform must know it.

    `signed` tells whether it knows the channel's app secret; None where the channel has none.
    """

    id: str
    kind: str
    url: str
    verify_token: str | None = field(default=None, repr=False)
    signed: bool | None = None


@frozen
class Visit:
    """What a doctor is told: the time in unix seconds, our hooks, and what it may mend.

    `app_secret`: whether the channel has one, so that calls can be made in the app's name.
    `pin` is for registering the account with the platform; None leaves it as it is.
    """

    now: float
    hooks: tuple[OurHook, ...] = ()
    app_secret: bool = False
    subscribe: bool = False
    pin: str | None = field(default=None, repr=False)


@frozen
class Forbidden:
    """What of an override must not be sent, as a JSON pointer within it, and why."""

    pointer: str
    why: str


class Forbids(Protocol):
    """Judges an override by itself, and whether a person wrote the message."""

    def __call__(self, told: JsonObject, *, human: bool) -> Forbidden | None: ...


@frozen
class TemplatePage:
    """A slice of a channel's templates; `next` is the cursor of the next one, None at the end."""

    templates: tuple[TemplateDefinition, ...]
    next: str | None


@frozen
class TemplateDesk(Generic[S]):
    """What a platform with templates lets us do with them. The flows raise SendFailure.

    `reachable` is None, or says in a sentence which setting is missing. `page` reads one slice
    after a cursor ("" is the start); its answer None says that the cursor is good no more, and the
    listing must begin anew. `samples` are the media, by our ids, that components show as examples;
    `create` and `edit` are given them. Both answer with the template as it is then. `delete` takes
    the name away in all languages, or only the one template that is given.
    """

    reachable: Callable[[S], str | None]
    page: Callable[[str, S], Flow[TemplatePage | None]]
    samples: Callable[[Sequence[JsonObject]], Sequence[str]]
    create: Callable[[NewTemplate, Mapping[str, Medium], S], Flow[TemplateDefinition]]
    edit: Callable[
        [TemplateDefinition, TemplateChange, Mapping[str, Medium], S], Flow[TemplateDefinition]
    ]
    delete: Callable[[str, TemplateDefinition | None, S], Flow[None]]


@frozen
class GroupDesk(Generic[S]):
    """What a platform with groups lets us do with them. The flows raise SendFailure.

    What only asks (`create`, `change`, `delete`, `remove`) answers with the platform's id of the
    request, where it has one; what became of it is told as news of the group. `page` and `requests`
    read slices as those of templates are. `invite_link` takes whether it shall be a fresh one,
    `decide` whether the requests are approved, `pin` for how many days (None: no more). `remove`
    raises BadAddress. `names` tells whether something can be the id of a group at all: platforms
    have other things under ids too, which these calls would change or delete.
    """

    names: Callable[[str], bool]
    create: Callable[[NewGroup, S], Flow[str | None]]
    page: Callable[[str, S], Flow[GroupPage | None]]
    get: Callable[[str, S], Flow[GroupInfo]]
    change: Callable[[str, GroupChange, S], Flow[str | None]]
    delete: Callable[[str, S], Flow[str | None]]
    invite_link: Callable[[str, bool, S], Flow[str]]
    remove: Callable[[str, Sequence[str], S], Flow[str | None]]
    requests: Callable[[str, str, S], Flow[JoinRequestPage | None]]
    decide: Callable[[str, Sequence[str], bool, S], Flow[Decided]]
    pin: Callable[[str, str, int | None, S], Flow[None]]


@frozen
class PersonaDesk(Generic[S]):
    """What a platform with personas lets us do with them. The flows raise SendFailure.

    `create` answers with the persona as it is then. `spelled` are the keys of a message's body that
    show one.
    """

    all: Callable[[S], Flow[Sequence[Persona]]]
    create: Callable[[NewPersona, S], Flow[Persona]]
    delete: Callable[[str, S], Flow[None]]
    spelled: Callable[[str], JsonObject]


@frozen
class ControlDesk(Generic[S]):
    """What we can do where several apps of a business share a conversation, and one controls it.

    The flows raise SendFailure. `take` takes the control from whoever has it, `release` leaves it
    to whoever is first, `give` hands it to another app, `request` asks the app that has it to hand
    it to us, which moves nothing; the text is for that app.
    """

    take: Callable[[Person, str | None, S], Flow[None]]
    release: Callable[[Person, S], Flow[None]]
    give: Callable[[Person, str, str | None, S], Flow[None]]
    request: Callable[[Person, str | None, S], Flow[None]]


@frozen
class ProfileDesk(Generic[S]):
    """What a channel says of itself before anybody writes. The flows raise SendFailure.

    `unfit` tells which pieces of a profile the platform does not take: JSON pointer and why. `put`
    replaces the pieces that are given, `clear` takes pieces away by their names. `pieces` are those
    that there are, `rate` is how many calls about them the platform takes.
    """

    pieces: tuple[str, ...]
    rate: RateDefault
    read: Callable[[S], Flow[Profile]]
    put: Callable[[Profile, S], Flow[None]]
    clear: Callable[[Sequence[str], S], Flow[None]]
    unfit: Callable[[Profile], Sequence[tuple[str, str]]]


@frozen
class Thread:
    """A conversation as the platform lists it: when something last happened in it, as far as that
    is told (unix seconds), and how many messages it has."""

    id: str
    updated_at: float | None = None
    messages: int | None = None


@frozen
class ThreadPage:
    """A slice of a channel's conversations, those in which something happened last before others;
    `next` is the cursor of the next one, None at the end."""

    threads: tuple[Thread, ...]
    next: str | None


@frozen
class ThreadRead:
    """What the platform lets us read of a conversation, the oldest first, each marked as synced.

    `beyond` older messages are there that it does not hand over, `unread` newer ones could not be
    read.
    """

    reports: tuple[Received | Echoed, ...]
    beyond: int = 0
    unread: int = 0


@frozen
class HistoryDesk(Generic[S]):
    """How old conversations are read from a platform that keeps them. The flows raise SendFailure.

    `page` reads one slice after a cursor ("" is the start); its answer None says that the cursor is
    good no more, and the listing must begin anew. `rate` is how many calls it takes. `of` tells the
    conversations with one person, where the platform may not list them all.
    """

    rate: RateDefault
    page: Callable[[str, S], Flow[ThreadPage | None]]
    read: Callable[[Thread, S], Flow[ThreadRead]]
    of: Callable[[Person, S], Flow[ThreadPage]] | None = None


@frozen
class Folders:
    """The folders of a mailbox: what is read, and where a mail goes that was taken in, or could not
    be. `size_max` (bytes): of a larger mail only the headers are read."""

    inbox: str
    processed: str
    failed: str
    size_max: int


@frozen
class MailboxDesk(Generic[S]):
    """How the mailbox of a channel is read, where it has one.

    `server` is None where it is not read. `document` makes of a raw mail what `parse` reads: the
    bytes, the channel's key and settings (None where they cannot be read), when it arrived (unix
    seconds) and the blob that holds it; it raises Undecodable for what is no mail. `extract`
    decodes one part of a raw mail, numbered as in IMAP, in pieces; it raises LookupError before the
    first where there is no such part. Both run in threads.
    """

    server: Callable[[S], MailServer | None]
    folders: Callable[[S], Folders]
    document: Callable[[bytes, str, S | None, float, str], Any]
    extract: Callable[[bytes, str], Iterable[bytes]]


@frozen
class Adapter(Generic[S, C]):
    """One platform.

    `settings` and `credentials` are frozen attrs classes decoded from the channel's table in the
    config; credentials never reach an adapter's functions. `channel_key` is the platform's own id
    of the channel. `address` reads `to.address` of an API call to the channel of a key, and raises
    BadAddress.
    `parse` is total: an unknown kind becomes Unsupported and one bad item costs no neighbour.
    `send`, `fetch` and the abilities are flows; they raise SendFailure. An attempt to send a part
    is given up after `attempt_s` seconds. `fetch` is told the seconds
    since the platform told of the medium. `upload` hands a medium to
    the platform, which is done once for a channel, before the first part that needs it;
    `upload_gone` tells whether a refused part may mean that the platform has forgotten a medium.
    `names` tells by which names a document's channels are known besides their keys, `named` by
    which the settings know one.
    `rate` is where a channel starts from, `rate_of` that of one with these settings.
    `token` names the credential that `net` injects, for `token_hosts` only; `completed` adds to the
    settings of the config what follows from its credentials.
    `meters` are limits of some sends only, `profile` and `personas` what it says and who it shows;
    `forbids` tells what of an override is refused before a message is queued, `control` moves the
    control of a conversation between the apps of a business.
    `portrait` asks what the platform shows of a person who has written to the channel.
    `ties` tells what a channel shares with others; `usage` what an answer says of budgets. `limits`
    asks for what the platform allows the channel, as news would tell it (model/limits.py).
    `oauth` tells, by kind of app, how accounts are connected; `upkeep` what keeps a channel going.
    `history` reads what was said before we were there, or while we were not; `mailbox` is where
    messages must be fetched.
    """

    platform: str
    settings: type[S]
    credentials: type[C]
    capabilities: Capabilities
    rate: RateDefault
    pair_rate: RateDefault | None
    channel_key: Callable[[S], str]
    address: Callable[[str, str], tuple[IdentityKey, ...]]
    parse: Callable[[Json], Sequence[Report]]
    send: Callable[[PartToSend, S], Flow[Sent]]
    fetch: Callable[[MediaRef, S, float], Flow[Fetched]]
    token: Callable[[C], str]
    token_hosts: Callable[[S], frozenset[str]]
    upload: Callable[[Medium, S], Flow[Uploaded]] | None = None
    upload_gone: Callable[[Failure], bool] = field(default=lambda _failure: False)
    completed: Callable[[S, C], S] = field(default=lambda settings, _credentials: settings)
    ties: Callable[[S], Ties] = field(default=lambda _settings: Ties())
    usage: Callable[[HttpReply], Sequence[Usage]] = field(default=lambda _reply: ())
    limits: Callable[[S], Flow[JsonObject]] | None = None
    mark_read: Callable[[str, Person, S], Flow[None]] | None = None
    typing: Callable[[str, Person, S], Flow[None]] | None = None
    stop_typing: Callable[[str, Person, S], Flow[None]] | None = None
    check: Callable[[S], Flow[Sequence[Checked]]] | None = None
    names: Callable[[Json], Iterable[ChannelName]] | None = None
    named: Callable[[S], Sequence[ChannelName]] | None = None
    doctor: Callable[[S, Visit], Flow[Sequence[Checked]]] | None = None
    templates: TemplateDesk[S] | None = None
    groups: GroupDesk[S] | None = None
    oauth: Mapping[str, OAuth[Any]] = field(factory=dict)
    upkeep: Upkeep[S] | None = None
    history: HistoryDesk[S] | None = None
    mailbox: MailboxDesk[S] | None = None
    rate_of: Callable[[S], RateDefault] | None = None
    meters: tuple[Meter, ...] = ()
    personas: PersonaDesk[S] | None = None
    profile: ProfileDesk[S] | None = None
    control: ControlDesk[S] | None = None
    portrait: Callable[[Person, S], Flow[Portrait]] | None = None
    attempt_s: float = 180.0
    forbids: Forbids = field(default=lambda _told, human: None)
    masked_keys: tuple[str, ...] = ()  # body keys whose values a trace must not show

    def rate_for(self, settings: S) -> RateDefault:
        """The rate that a channel with these settings starts from."""
        return self.rate if self.rate_of is None else self.rate_of(settings)


H = TypeVar("H")


@frozen
class HookKind(Generic[H]):
    """One way in which platforms knock.

    `secrets` is a frozen attrs class decoded from the hook's table. `handshake` answers the GET
    (None: refused, 403). `authenticate` judges the raw bytes in constant time, by the time that it
    is (unix seconds). `decode` makes a document of them and raises Undecodable. `dispatch` names
    the platform a document is for, or None for one we do not serve. With a `body_max` (bytes) the
    bodies are mails or the like: they always lie in blobs, and are decoded in threads.
    """

    kind: str
    secrets: type[H]
    handshake: Callable[[Mapping[str, str], H], str | None]
    authenticate: Callable[[Mapping[str, str], bytes, H, float], bool]
    decode: Callable[[bytes, H], Any]
    dispatch: Callable[[Any], str | None]
    body_max: int | None = None
