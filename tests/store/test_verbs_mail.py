"""Mailboxes are read on from where they were left, and what a mail refers to is found out."""

from typing import Any

import pytest
from attrs import evolve

from omni_actors.model.content import Text
from omni_actors.model.reports import IdentityKey, StatusReported, Trust
from omni_actors.model.states import PartStatus
from omni_actors.store.mail import (
    FiledMails,
    Lead,
    MailPlace,
    MailState,
    MailTaken,
    Opened,
    OpenMailbox,
    PassMail,
    RefuseFiling,
    Shut,
    TryMail,
    Unfiled,
)
from omni_actors.store.queries import ContactById, Conversations, Messages
from omni_actors.store.rows import Identity, Message
from omni_actors.store.verbs import (
    Accept,
    Accepted,
    ChannelSpec,
    Claim,
    InDoubt,
    Item,
    Retention,
    Sweep,
    SyncChannels,
    TakenUp,
    Tick,
)
from tests.store.conftest import CHANNELS, LOST, Desk, received

MAILBOX = "support@example.com"
ADA = (IdentityKey("email", "ada@example.org"),)
BOB = (IdentityKey("email", "bob@example.org"),)
DAY_S = 86400.0


def place(uid: int, uidvalidity: int = 7) -> MailPlace:
    return MailPlace("mail", "INBOX", uidvalidity, uid)


@pytest.fixture
async def office(desk: Desk) -> Desk:
    """The store with a channel that has a mailbox."""
    mail = ChannelSpec("mail", "default", "email", MAILBOX, {}, {"password": "s3cret"})
    other = ChannelSpec("sales", "default", "email", "sales@example.com", {}, {"password": "x"})
    await desk.do(SyncChannels((*CHANNELS, mail, other), 1.0))
    return desk


async def opened(desk: Desk, uidvalidity: int = 7, at: float = 900.0) -> Opened:
    found: Opened = await desk.do(OpenMailbox("mail", "INBOX", uidvalidity, at))
    return found


async def fetch(
    desk: Desk,
    uid: int,
    *,
    key: str | None = None,
    uidvalidity: int = 7,
    at: float = 1_000.0,
    state: MailState = MailState.TAKEN,
    error: str | None = None,
) -> Accepted:
    """A mail is read from the mailbox."""
    report = received(f"m{uid}@example.org", who=ADA, channel_key=MAILBOX, event_key=key)
    taken = MailTaken(place(uid, uidvalidity), state, error)
    accepted: Accepted = await desk.do(
        Accept(desk.intake(at), (Item("email", report),), mail=taken)
    )
    return accepted


async def write(
    desk: Desk,
    external_id: str,
    *leads: Lead,
    who: tuple[IdentityKey, ...] = ADA,
    channel_key: str = MAILBOX,
    trust: Trust | None = None,
) -> Message:
    """Somebody writes, and these leads are what it may answer."""
    report = received(external_id, who=who, channel_key=channel_key, trust=trust)
    await desk.accept(Item("email", report, leads=leads))
    return desk.known(external_id)


async def answer(desk: Desk, leg_id: str, external_id: str) -> Message:
    """Something was sent to a leg, under this id."""
    return await desk.sent(leg_id, external_id)


def thread_of(message: Message) -> dict[str, Any]:
    """What a mail was found to refer to."""
    notes: Any = message.notes
    found: dict[str, Any] = notes["thread"]
    return found


def identity(desk: Desk, message: Message) -> Identity:
    [thread] = [
        t for t in desk.ask(Conversations("default")).rows if t.id == message.conversation_id
    ]
    [found] = desk.ask(ContactById("default", thread.contact_id)).identities
    one: Identity = found
    return one


async def test_a_new_mailbox_is_read_from_its_start(office: Desk) -> None:
    assert await opened(office) == Opened(1, 900.0, first=True)


async def test_reading_goes_on_behind_what_was_stored(office: Desk) -> None:
    await opened(office)
    await fetch(office, 3)

    again = await opened(office, at=2_000.0)

    assert (again.next_uid, again.first, again.rebuilt) == (4, False, False)
    assert again.opened_at == 900.0


async def test_a_cursor_never_moves_back(office: Desk) -> None:
    await opened(office)
    await fetch(office, 5)
    await fetch(office, 2)

    assert (await opened(office)).next_uid == 6


@pytest.mark.parametrize("uidvalidity", [8, 6])
async def test_a_mailbox_that_was_numbered_anew_is_read_from_its_start(
    office: Desk, uidvalidity: int
) -> None:
    await opened(office)
    await fetch(office, 3)

    assert await opened(office, uidvalidity) == Opened(1, 900.0, rebuilt=True)


async def test_the_same_mail_under_another_number_changes_nothing(office: Desk) -> None:
    await opened(office)
    await fetch(office, 3, key="mail:a")
    await opened(office, 8)

    again = await fetch(office, 1, key="mail:a", uidvalidity=8)

    assert (again.new, again.known) == (0, 1)
    assert (await opened(office, 8)).next_uid == 2


async def test_a_mail_is_known_when_what_was_seen_is_long_forgotten(office: Desk) -> None:
    await opened(office)
    await fetch(office, 3, key="mail:a", at=1_000.0)
    for _ in range(3):
        await office.do(Sweep(1_000.0 + 60 * DAY_S, Retention()))
    await opened(office, 8)

    again = await fetch(office, 1, key="mail:a", uidvalidity=8, at=1_000.0 + 60 * DAY_S)

    assert (again.new, again.known) == (0, 1)


async def test_filed_mails_are_forgotten_after_more_than_a_year(office: Desk) -> None:
    await opened(office)
    await fetch(office, 3, key="mail:a")
    await fetch(office, 4, key="mail:b")
    await office.do(FiledMails("mail", "INBOX", 7, (3,), "Processed"))

    await office.do(Sweep(1_000.0 + 500 * DAY_S, Retention()))

    assert await office.do(TryMail(place(3), 1.0)) == 1
    assert await office.do(TryMail(place(4), 1.0)) == 0


async def test_attempts_are_counted_until_a_mail_is_done_with(office: Desk) -> None:
    await opened(office)

    assert [await office.do(TryMail(place(1), at)) for at in (1.0, 2.0, 3.0)] == [1, 2, 3]
    await fetch(office, 1, state=MailState.QUARANTINED, error="it was too much")
    assert await office.do(TryMail(place(1), 4.0)) == 0


async def test_what_still_lies_where_it_was_read_is_told_of(office: Desk) -> None:
    await opened(office)
    await fetch(office, 1)
    await fetch(office, 2, state=MailState.TOO_LARGE)
    await fetch(office, 3, state=MailState.QUARANTINED)
    await office.do(TryMail(place(4), 1.0))
    await office.do(FiledMails("mail", "INBOX", 7, (1,), "Processed"))

    found = await opened(office)

    assert found.unfiled == (Unfiled(2, MailState.TOO_LARGE), Unfiled(3, MailState.QUARANTINED))


async def test_a_folder_that_takes_no_mails_is_remembered_until_it_does(office: Desk) -> None:
    await opened(office)
    for refusals in (1, 2):
        shut = Shut("Processed", refusals, 100.0 * refusals, "no room")
        await office.do(RefuseFiling("mail", "INBOX", shut, 10.0))
    assert (await opened(office)).shut == (Shut("Processed", 2, 200.0, "no room"),)

    await office.do(FiledMails("mail", "INBOX", 7, (1,), "Processed"))

    assert (await opened(office)).shut == ()
    told = [event for event in office.events() if event.type == "channel.reported"]
    assert [event.channel_id for event in told] == ["mail"]


async def test_what_somebody_took_away_is_passed_over(office: Desk) -> None:
    await opened(office)
    await office.do(TryMail(place(1), 1.0))
    await office.do(PassMail(place(1), 1.0))

    found = await opened(office)

    assert (found.next_uid, found.unfiled) == (2, ())
    assert await office.do(TryMail(place(1), 2.0)) == 0


# ------------------------------------------------------------ what a mail answers


async def test_a_proved_part_is_what_a_mail_answers(office: Desk) -> None:
    first = await write(office, "1@a")
    sent = await answer(office, first.leg_id, "c.1@example.com")
    part = sent.parts[0].id

    reply = await write(office, "2@a", Lead("reply_token", part_id=part))

    assert (reply.reply_to, reply.reply_to_external) == (sent.id, "c.1@example.com")
    told = {"rule": "reply_token", "message_id": sent.id, "conversation_id": first.conversation_id}
    assert reply.notes == {"thread": told}


async def test_somebody_elses_token_leaves_a_mail_with_its_sender(office: Desk) -> None:
    first = await write(office, "1@a")
    sent = await answer(office, first.leg_id, "c.1@example.com")

    strange = await write(office, "2@b", Lead("reply_token", part_id=sent.parts[0].id), who=BOB)

    assert strange.conversation_id != first.conversation_id
    assert strange.reply_to is None
    assert thread_of(strange) == {
        "rule": "reply_token",
        "message_id": sent.id,
        "conversation_id": first.conversation_id,
        "other": True,
    }


async def test_a_token_of_another_tenant_tells_nothing(office: Desk) -> None:
    leg_id = await office.leg(channel_key="779")
    sent = await office.sent(leg_id, "wamid.OTHER", tenant="other")

    mail = await write(office, "1@a", Lead("reply_token", part_id=sent.parts[0].id))

    assert (mail.reply_to, mail.notes) == (None, None)


async def test_an_answer_that_came_to_another_channel_of_the_same_person_is_one(
    office: Desk,
) -> None:
    first = await write(office, "1@a")
    sent = await answer(office, first.leg_id, "c.1@example.com")
    proof = Lead("reply_token", part_id=sent.parts[0].id)

    reply = await write(office, "2@a", proof, channel_key="sales@example.com")

    assert (reply.channel_id, reply.reply_to) == ("sales", sent.id)


async def test_ids_count_on_the_same_leg(office: Desk) -> None:
    first = await write(office, "1@a")

    reply = await write(office, "2@a", Lead("references", "0@a"), Lead("references", "1@a"))

    assert (reply.reply_to, reply.reply_to_external) == (first.id, "1@a")
    assert thread_of(reply)["rule"] == "references"


async def test_ids_of_somebody_elses_messages_prove_nothing(office: Desk) -> None:
    first = await write(office, "1@a")

    strange = await write(office, "2@b", Lead("in_reply_to", "1@a"), who=BOB)

    assert strange.reply_to is None
    assert thread_of(strange)["other"] is True
    assert thread_of(strange)["message_id"] == first.id


async def test_a_topic_leads_to_the_newest_message_of_the_same_person(office: Desk) -> None:
    for who, external_id in ((ADA, "1@a"), (ADA, "2@a"), (BOB, "3@b")):
        report = received(external_id, who=who, channel_key=MAILBOX)
        thread = {"topic": "mugs", "message_id": external_id}
        await office.accept(Item("email", evolve(report, thread=thread)))

    found = await write(office, "4@a", Lead("subject", topic="mugs"))
    other = await write(office, "5@a", Lead("subject", topic="cups"))

    assert (found.reply_to, found.reply_to_external) == (office.known("2@a").id, "2@a")
    assert thread_of(found)["rule"] == "subject"
    assert other.reply_to is None


async def test_a_lead_to_ones_own_messages_goes_before_one_to_others(office: Desk) -> None:
    await write(office, "1@a")
    mine = await write(office, "1@b", who=BOB)

    found = await write(
        office, "2@b", Lead("in_reply_to", "1@a"), Lead("references", "1@b"), who=BOB
    )

    assert found.reply_to == mine.id


async def test_two_mails_of_one_batch_find_each_other(office: Desk) -> None:
    items = (
        Item("email", received("1@a", who=ADA, channel_key=MAILBOX)),
        Item(
            "email",
            received("2@a", who=ADA, channel_key=MAILBOX),
            leads=(Lead("in_reply_to", "1@a"),),
        ),
    )

    await office.accept(*items)

    assert office.known("2@a").reply_to == office.known("1@a").id


# ------------------------------------------------------------ trust


@pytest.mark.parametrize(
    ("levels", "known"),
    [
        ([Trust.UNVERIFIED], "unverified"),
        ([Trust.UNVERIFIED, Trust.VERIFIED], "verified"),
        ([Trust.VERIFIED, Trust.FAILED], "verified"),
        ([Trust.FAILED, Trust.UNVERIFIED], "unverified"),
        ([Trust.UNVERIFIED, Trust.FAILED], "unverified"),
        ([None], None),
    ],
)
async def test_whoever_was_proved_once_is_known(
    office: Desk, levels: list[Trust | None], known: str | None
) -> None:
    for number, trust in enumerate(levels):
        message = await write(office, f"{number}@a", trust=trust)

    assert identity(office, message).trust == known
    assert (message.notes or {}).get("trust") == (levels[-1].value if levels[-1] else None)


@pytest.mark.parametrize(
    ("trust", "found"), [(Trust.UNVERIFIED, "verified"), (Trust.FAILED, "failed")]
)
async def test_whoever_has_a_token_of_what_was_sent_to_them_is_who_they_say(
    office: Desk, trust: Trust, found: str
) -> None:
    first = await write(office, "1@a")
    sent = await answer(office, first.leg_id, "c.1@example.com")

    reply = await write(office, "2@a", Lead("reply_token", part_id=sent.parts[0].id), trust=trust)

    assert reply.notes is not None
    assert reply.notes["trust"] == found


# ------------------------------------------------------------ what goes out


async def test_what_a_leg_was_last_told_goes_with_what_is_sent_there(office: Desk) -> None:
    report = received("1@a", who=ADA, channel_key=MAILBOX, thread={"subject": "Shoes"})
    await office.accept(Item("email", report))
    leg_id = office.known("1@a").leg_id

    await office.submit(leg_id)
    [first] = await office.claim(*office.heads("mail"))
    await office.settle(first, TakenUp(("c.1@x",), thread={"subject": "Shoes", "ids": ["c.1@x"]}))
    await office.submit(leg_id)
    [second] = await office.claim(*office.heads("mail"))

    assert first.thread == {"subject": "Shoes"}
    assert second.thread == {"subject": "Shoes", "ids": ["c.1@x"]}


async def test_an_answer_goes_into_the_thread_of_what_it_answers(office: Desk) -> None:
    for subject in ("Shoes", "Hats"):
        report = received(subject, who=ADA, channel_key=MAILBOX, thread={"subject": subject})
        await office.accept(Item("email", report))
    shoes = office.known("Shoes")

    await office.submit(shoes.leg_id, reply_to=shoes.id)
    [claimed] = await office.claim(*office.heads("mail"))

    assert claimed.thread == {"subject": "Shoes"}


async def test_a_part_that_was_found_at_the_platform_is_no_duplicate(office: Desk) -> None:
    first = await write(office, "1@a")
    await office.submit(first.leg_id)
    [claimed] = await office.claim(*office.heads("mail"))
    await office.settle(claimed, InDoubt(LOST, 1_010.0))
    await office.do(Tick(1_011.0))
    [again] = await office.do(Claim((claimed.part_id,), 1_012.0))
    assert again.resent
    await office.settle(again, TakenUp(("c.1@x",), found=True))

    [part] = office.find(claimed.message_id).parts
    assert (part.status, part.maybe_duplicate) == (PartStatus.SENT, False)


async def test_a_proven_status_needs_no_id(office: Desk) -> None:
    first = await write(office, "1@a")
    sent = await answer(office, first.leg_id, "c.1@example.com")
    part = sent.parts[0].id
    report = StatusReported(
        MAILBOX, "mail:bounce", 1_003.0, (), "whatever@forged", PartStatus.FAILED, callback=part
    )

    await office.accept(Item("email", report, rank=2, proven=True))

    [found] = office.find(sent.id).parts
    assert (found.status, found.external_ids) == (PartStatus.FAILED, ("c.1@example.com",))


@pytest.mark.parametrize("known", [None, {"subject": "Shoes"}])
async def test_each_attempt_is_told_of_the_same_thread_and_time(
    office: Desk, known: dict[str, Any] | None
) -> None:
    report = received("1@a", who=ADA, channel_key=MAILBOX, thread=known)
    await office.accept(Item("email", report))
    leg_id = office.known("1@a").leg_id
    queued = await office.submit(leg_id, at=1_000.0)
    [part_id] = [each.id for each in office.find(queued.message_id).parts]
    [first] = await office.claim(part_id, at=1_001.0)
    await office.settle(first, InDoubt(LOST, 1_060.0))

    other = received("2@a", who=ADA, channel_key=MAILBOX, thread={"subject": "Hats"})
    await office.accept(Item("email", other))
    await office.do(Tick(1_061.0, 10))
    [second] = await office.claim(part_id, at=1_062.0)

    assert (first.thread, second.thread) == (known, known)
    assert (first.asked_at, second.asked_at) == (1_000.0, 1_000.0)
    assert second.resent


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
async def test_two_mails_with_one_message_id_are_two_whichever_is_old(
    office: Desk, first: bool, second: bool
) -> None:
    for n, old in enumerate((first, second)):
        one = received(
            "same@example.org",
            Text(f"mail {n}"),
            who=ADA,
            channel_key=MAILBOX,
            event_key=f"mail:{n}",
            synced=old,
        )
        await office.accept(Item("email", one, id_repeats=True))

    [conversation] = office.ask(Conversations("default")).rows
    rows = office.ask(Messages("default", conversation.id)).rows
    assert sorted(str(row.content) for row in rows) == [str(Text("mail 0")), str(Text("mail 1"))]
