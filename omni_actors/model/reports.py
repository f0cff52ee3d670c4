"""What platforms tell us: the closed union that `parse` returns.

Each report names its `channel_key` (the platform's own id of the channel), an `event_key` that is
the same whenever the same thing is told again, the time the platform gives (`at`, unix seconds; 0
when it gives none: then the arrival's counts) and the identity keys of the person it is about,
strongest first.
"""

from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import field, frozen

from omni_actors.model.content import Content
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.states import PartStatus
from omni_actors.model.templates import TemplateNews

GROUP = "group"


@frozen
class IdentityKey:
    """One name of a person on a platform, unique within `scope` (empty: on the whole platform).

    A group of people that is written to as one has a key of the kind `group`.
    """

    kind: str  # phone, bsuid, parent_bsuid, psid, igsid, email, group
    value: str
    scope: str = ""


@frozen
class MediaRef:
    """How to fetch one medium from the platform; `ref` is the adapter's own.

    `until` (unix seconds): when it must be gone from us too, because it is at the platform.
    """

    ref: JsonObject
    mime: str | None = None
    sha256: str | None = None
    size: int | None = None
    filename: str | None = None
    until: float | None = None


@frozen
class ChannelName:
    """Another name of a channel, by which news may concern it.

    An `account` is shared by its channels; a `number` is one channel's own.
    """

    channel_key: str
    kind: Literal["account", "number"]
    name: str


@frozen
class Member:
    """Who of a group wrote."""

    keys: tuple[IdentityKey, ...]
    name: str | None = None
    username: str | None = None


class Trust(StrEnum):
    """How sure it is that whoever a message names wrote it."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    FAILED = "failed"


@frozen
class Clue:
    """What a message may be about, and by which rule that was found: an external id, or a token of
    ours that the gateway must verify. Of several the first that holds counts."""

    rule: (
        str  # reply_token, in_reply_to, references, subject, bounce_token, envelope_id, original_id
    )
    external_id: str | None = None
    token: str | None = None
    subject: str | None = None  # the `topic` of the thread that it may continue


@frozen
class Received:
    """A person wrote. The media stand in the order in which `content` needs them.

    What is written in a group comes from the group, and `member` says who of it wrote.
    `free_entry`: they came from an ad or the like, so that an answer may be free of charge.
    `synced`: an old message that the platform hands over with the history of a channel. It takes
    its place in the conversation and asks for nothing. Told again with its media, it gets them.
    `standby`: we only watch, because another app controls the conversation; nobody is to answer.
    `automatic`: a machine wrote it in a person's name; it is kept, and no machine answers it.
    `clues` tell what it may answer where `reply_to` does not. `thread` is what the adapter wants to
    be told when this leg is written to again, and its `topic` that by which a clue
    may name it; `trust` is None where the platform vouches.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    external_id: str
    content: Content
    media: tuple[MediaRef, ...] = ()
    reply_to: str | None = None  # external id of the quoted message
    name: str | None = None
    username: str | None = None
    forwarded: bool = False
    referral: JsonObject | None = None
    member: Member | None = None
    notes: JsonObject | None = None
    opens_window: bool = True
    free_entry: bool = False
    synced: bool = False
    standby: bool = False
    automatic: bool = False
    clues: tuple[Clue, ...] = ()
    thread: JsonObject | None = None
    trust: Trust | None = None


@frozen
class Edited:
    """An earlier message was changed by whoever wrote it; its media stay what they were.

    Of several edits the one with the latest `at` counts.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    target: str
    content: Content


@frozen
class Deleted:
    """An earlier message was taken back by whoever wrote it."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    target: str


@frozen
class Reacted:
    """A person reacted to a message; an empty `emoji` takes the reaction back.

    `opens_window`: on this platform a reaction holds the reply window open as a message does.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    target: str
    emoji: str
    name: str | None = None
    member: Member | None = None
    opens_window: bool = False


class Turn(StrEnum):
    """What a report does to a remark."""

    SAID = "said"
    EDITED = "edited"
    REMOVED = "removed"


@frozen
class Remark:
    """What somebody said outside of messages. It is kept apart, so that it can be taken back.

    `external_id` names it on its channel for good. `words` are keys that whoever is told finds
    beside those of the report's `detail`, as long as it is not taken back; none when it is.
    """

    external_id: str
    words: JsonObject
    turn: Turn = Turn.SAID


@frozen
class Acted:
    """A person did something that is no message. `detail` holds the platform's own words, but for
    what may be the person's, which is a `remark`.

    | kind | what |
    |---|---|
    | `referral` | they came back to the conversation by a link or an ad |
    | `optin` | they agreed to be written to; `detail` has the token for it where there is one |
    | `account_linking` | they linked or unlinked an account of the business with their identity |
    | `feedback`, `response_feedback` | they rated the business, or one answer |
    | `game_play`, `order` | they played a game, or sent a cart |
    | `control_request` | not they but another app asks for the control of the conversation |
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    kind: str
    detail: JsonObject
    opens_window: bool = False
    remark: Remark | None = None


@frozen
class Echoed:
    """A message that the business itself sent; by us (`callback`, `app_id`) or by other means.

    `name` and `username` are the customer's. `synced` and `standby` as in Received; `status` is
    what became of it. `anonymous`: the platform never says who sent it, so what it says must tell.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    external_id: str
    content: Content
    media: tuple[MediaRef, ...] = ()
    callback: str | None = None
    app_id: str | None = None
    reply_to: str | None = None  # external id of the quoted message
    name: str | None = None
    username: str | None = None
    notes: JsonObject | None = None
    synced: bool = False
    status: PartStatus = PartStatus.SENT
    standby: bool = False
    anonymous: bool = False


@frozen
class StatusReported:
    """What became of a part. `callback` is the part id that we sent along, where the platform
    returns it; `rank` comes from `policy/status.py` and is filled in before storing. `entry` is the
    free entry that the message went out under: `kind`, `id`, and `until` where that was told.
    `participant` names the member for whom it became so, of what was sent to a group.
    `sweeps`: whatever was sent to this person before has reached the status too. With `clues`
    nobody vouches for who reports: it counts only if one of them is a token of ours, whose part it
    is about then. `detail` is what the platform says besides, for whoever is told."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    external_id: str
    status: PartStatus
    callback: str | None = None
    failure: Failure | None = None
    pricing: JsonObject | None = None
    participant: str | None = None
    entry: JsonObject | None = None
    sweeps: bool = False
    detail: JsonObject | None = None
    clues: tuple[Clue, ...] = ()


@frozen
class WatermarkReported:
    """Everything sent to this person up to `until` (unix seconds) has reached `status`."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    status: PartStatus
    until: float


@frozen
class IdentityChanged:
    """A person's keys changed; `identities` are the old ones, `now` the new."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    now: tuple[IdentityKey, ...]
    text: str | None = None


MARKETING = "marketing_messages"
STOP = "stop"


@frozen
class PreferenceChanged:
    """A person wants more or less of something, such as `marketing_messages`: `stop`."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    category: str
    value: str
    detail: str | None = None


@frozen
class ControlChanged:
    """An app took or passed the control of a conversation.

    `owner` is the app that has it now; None when nobody does. `ours`: whether that is us, where
    our own app is not known by its id.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    owner: str | None
    detail: JsonObject
    ours: bool = False


class Severity(StrEnum):
    """How much a channel's news matters to its operator."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@frozen
class ChannelReported:
    """News about the channel itself, such as a restriction or a new limit.

    `channel_key` may also be a name that several channels share (`ChannelName`): then the news
    concern all of them. `detail` holds the platform's own words as `platform`, and by kind:

    | kind | detail |
    |---|---|
    | `ban` | `state`: scheduled, disabled, reinstated; `on`; `sending` |
    | `restriction` | `restrictions`: [`type`, `until`]; `sending`; `until`; `first_at`: from when \
it may write first again (unix seconds; 0: it may now; None: nobody knows) |
    | `connection` | `state`: added, removed, offboarded, …; `reason`, `by`; `sending` |
    | `deletion` | `sending`: the account is no more |
    | `app` | `state`: installed, uninstalled |
    | `violation` | `type` |
    | `review` | `decision`: approved, rejected, pending, deferred |
    | `alert` | `type`, `active`, `text`, `entity`, `entity_id` |
    | `quality` | `state`: flagged, unflagged, … |
    | `throughput` | `per_second`: messages a second that the channel may send |
    | `messaging_limit` | `tier` as the platform calls it; `event` |
    | `name` | `decision`, `name`, `reason` |
    | `username` | `username`, `state` |
    | `security` | `event`, `by` |
    | `flow` | `event`, `flow_id`, `text` |
    | `group` | `event`: created, deleted, joined, left, join_requested, …; `group_id`, `subject`, \
`invite_link`, `members`, `request_id`, `reason`; `failure`; `identities` are the group's |
    | `account`, `ads`, `partner`, `payment`, `pricing` | `event` |
    | `address_book` | `action`: add, remove; `name`; `identities` are the person's |
    | `call` | `state`, `call_id`; `identities` are the person's |
    | `comment`, `mention`, `post` | `verb`, `comment_id`, `post_id`, `media_id`: of somebody \
(`identities`) in public; a private reply goes to `address`. Its `remark` has `text`, `name` and \
`platform` |
    | `feed` | `item`, `verb`: what else happened in public. `remark` has `platform` |
    | `mail` | `type`: mail_quarantined; `mailbox`, `uid`, `text`: a mail that could not be read. \
`type`: mail_not_filed; `mailbox`, `folder`, `text`: mails that their server does not move |
    | `history` | `phase`, `chunk`, `progress` in percent; or `declined` |
    | `status` | `status`, `external_id`: a status that changes nothing |
    | `error` | the platform's error; `failure` |

    `sending` is what the platform lets the channel send: `all`, `replies` or `nothing`. Any kind
    may also bring `users_per_day`: to how many people a day the business may write first (None:
    to all), with `tier`. `name` is what whoever `identities` name is called from now on; they
    become a contact by it. What a person said is a `remark`, and never in `detail`.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    kind: str
    severity: Severity
    detail: JsonObject
    failure: Failure | None = None
    name: str | None = None
    remark: Remark | None = None


@frozen
class TemplateReported:
    """News about a template; `detail` is what the platform says in its own words, `news` what of it
    we understand. A name without a language (empty) means all its languages.

    `channel_key` may be a name that several channels share, as in ChannelReported.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    name: str
    language: str
    change: str  # status, quality, category, components
    detail: JsonObject
    news: TemplateNews = field(factory=TemplateNews)


@frozen
class Unsupported:
    """Something the platform told us that we do not know; kept whole."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    kind: str
    reason: str
    raw: Json = None


Report: TypeAlias = (
    Received
    | Edited
    | Deleted
    | Reacted
    | Acted
    | Echoed
    | StatusReported
    | WatermarkReported
    | IdentityChanged
    | PreferenceChanged
    | ControlChanged
    | ChannelReported
    | TemplateReported
    | Unsupported
)
