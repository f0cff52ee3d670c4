"""Of the requests: what reading mailboxes asks for, and what mails refer to."""

from enum import StrEnum

from attrs import frozen

from omni_actors.store.contract import Verb


class MailState(StrEnum):
    """What became of a mail."""

    TRYING = "trying"
    TAKEN = "taken"
    TOO_LARGE = "too_large"  # only its headers were read
    QUARANTINED = "quarantined"  # it could not be read
    GONE = "gone"  # somebody took it away before it was read


@frozen
class MailPlace:
    """Where a mail lies on its server."""

    channel_id: str
    mailbox: str
    uidvalidity: int
    uid: int


@frozen
class MailTaken:
    """What became of a mail, stored with what it says; the mailbox is read up to it then."""

    place: MailPlace
    state: MailState = MailState.TAKEN
    error: str | None = None


@frozen
class Lead:
    """What a message may be about, by which rule: an external id, a part that a token of ours has
    proved, or the topic of its thread."""

    rule: str
    external_id: str | None = None
    part_id: str | None = None
    topic: str | None = None


@frozen
class Unfiled:
    """A mail that is done with, and still lies where it was read."""

    uid: int
    state: MailState


@frozen
class Shut:
    """A folder that its server has refused to move mails to, so often by now; the `problem` of the
    last time, and when it is to be tried again."""

    folder: str
    refusals: int
    again_at: float
    problem: str


@frozen
class Opened:
    """Where the reading of a mailbox goes on.

    `first`: it was never read. `rebuilt`: its server has numbered its mails anew.
    """

    next_uid: int
    opened_at: float  # when it was opened for the first time
    first: bool = False
    rebuilt: bool = False
    unfiled: tuple[Unfiled, ...] = ()
    shut: tuple[Shut, ...] = ()


@frozen
class OpenMailbox(Verb[Opened]):
    """A mailbox was opened. With another UIDVALIDITY than before it is read from its start."""

    channel_id: str
    mailbox: str
    uidvalidity: int
    at: float


@frozen
class TryMail(Verb[int]):
    """A mail is to be read: which attempt that is. 0 when it is done with already."""

    place: MailPlace
    at: float


@frozen
class PassMail(Verb[None]):
    """A mail is gone; the mailbox is read up to it."""

    place: MailPlace
    at: float


@frozen
class FiledMails(Verb[None]):
    """These mails lie no more where they were read; the `folder` that they went to is open."""

    channel_id: str
    mailbox: str
    uidvalidity: int
    uids: tuple[int, ...]
    folder: str


@frozen
class RefuseFiling(Verb[None]):
    """The server moves no mails from a mailbox to a folder; what is to be moved waits until then.
    Only the first time is told."""

    channel_id: str
    mailbox: str
    shut: Shut
    at: float


@frozen
class SpareMail(Verb[None]):
    """The last attempt to read a mail ended for reasons that are not its own: it does not count."""

    place: MailPlace
