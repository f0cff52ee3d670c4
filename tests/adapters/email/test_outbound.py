"""The mails that parts become: their headers and thread, their files, and how a sending ends."""

from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import PartToSend, Sent
from omni_actors.adapters.email import EMAIL
from omni_actors.adapters.email.heads import REFERENCES_MAX, trimmed
from omni_actors.adapters.email.outbound import send
from omni_actors.adapters.email.settings import EmailSettings, ImapTable, SmtpTable
from omni_actors.adapters.email.subjects import bare
from omni_actors.model.content import (
    Content,
    Email,
    Text,
)
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import (
    Call,
    FindCall,
    Flow,
    FolderReply,
    KeepCall,
    MailCall,
    MailReply,
    Reply,
    SmtpReply,
    Stage,
)
from omni_actors.wire.compose import composed
from omni_actors.wire.mail import Mail

T = TypeVar("T")
ADA = "ada@example.com"
TOKEN = "01k62g5t5kqf0nn6yq4j6zz5z9abcdefghij"
OUR_ID = f"c.{TOKEN}@shop.example"
SETTINGS = EmailSettings(
    address="support@shop.example",
    name='The "Shop", Ltd',
    imap=ImapTable(host="imap.shop.example"),
    smtp=SmtpTable(host="smtp.shop.example"),
)
TAKEN = MailReply(Stage.END, SmtpReply(250, "2.0.0", "queued"), {ADA: SmtpReply(250)})
THEIRS: JsonObject = {
    "subject": "AW: Re: Where is my order?",
    "message_id": "two@example.com",
    "references": ["one@example.com"],
}


def part(content: Content, **beside: Any) -> PartToSend:
    made: dict[str, Any] = {
        "part_id": "prt_01k62g5t5kqf0nn6yq4j6zz5z9", "form": "text", "content": content,
        "to": (IdentityKey("email", ADA),), "token": TOKEN, "asked_at": 1_790_000_000.4,
    }  # fmt: skip
    return PartToSend(**(made | beside))


def sent(
    one: PartToSend, *replies: Reply | SendFailure, settings: EmailSettings = SETTINGS
) -> tuple[list[Call], Sent]:
    """The calls of a sending that are answered so, with what is done after it, and its end."""
    answers = iter(replies or (TAKEN, FolderReply(True)))
    calls, ended = played(send(one, settings), answers)
    if ended.afterwards is None:
        return calls, ended
    more, said = played(ended.afterwards.flow, answers)
    note = "; ".join(filter(None, (ended.note, said))) or None
    return [*calls, *more], evolve(ended, note=note)


def played(flow: Flow[T], answers: Iterator[Reply | SendFailure]) -> tuple[list[Call], T]:
    """The calls of a flow that are answered so, and its end."""
    calls = [next(flow)]
    try:
        while True:
            answer = next(answers)
            if isinstance(answer, SendFailure):
                calls.append(flow.throw(answer))
            else:
                calls.append(flow.send(answer))
    except StopIteration as ended:
        return calls, ended.value


def mail_of(one: PartToSend, settings: EmailSettings = SETTINGS) -> Mail:
    call = sent(one, settings=settings)[0][0]
    assert isinstance(call, MailCall)
    return call.mail


def heads(one: PartToSend, settings: EmailSettings = SETTINGS) -> dict[str, str]:
    return dict(mail_of(one, settings).headers)


# ------------------------------------------------------------ headers


def test_a_first_mail_from_a_bot() -> None:
    assert mail_of(part(Text("Your order is ready.\nCome by."))).headers == (
        ("Date", "Mon, 21 Sep 2026 14:13:20 +0000"),
        ("From", '"The \\"Shop\\", Ltd" <support@shop.example>'),
        ("To", ADA),
        ("Reply-To", f'"The \\"Shop\\", Ltd" <support+c.{TOKEN}@shop.example>'),
        ("Subject", "Your order is ready."),
        ("Message-ID", f"<{OUR_ID}>"),
        ("References", f"<{OUR_ID}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply"),
        ("Precedence", "bulk"),
    )


def test_an_answer_stays_in_the_thread_that_the_customer_sees() -> None:
    found = heads(part(Text("Soon."), thread=THEIRS))

    assert found["Subject"] == "Re: Where is my order?"
    assert found["In-Reply-To"] == "<two@example.com>"
    assert found["References"] == "<one@example.com> <two@example.com>"
    assert found["Auto-Submitted"] == "auto-replied"


def test_a_quoted_mail_is_what_is_answered() -> None:
    found = heads(part(Text("Soon."), thread=THEIRS, reply_to="one@example.com"))

    assert found["In-Reply-To"] == "<one@example.com>"
    assert found["References"] == "<two@example.com> <one@example.com>"


def test_what_a_person_writes_has_no_mark_of_a_machine() -> None:
    found = heads(part(Text("Soon."), thread=THEIRS, human=True))

    assert not {"Auto-Submitted", "X-Auto-Response-Suppress", "Precedence"} & {*found}


def test_a_mail_with_a_subject_of_its_own_begins_a_thread() -> None:
    found = heads(part(Email("Your invoice", "See below."), thread=THEIRS))

    assert found["Subject"] == "Your invoice"
    assert "In-Reply-To" not in found


def test_the_same_subject_in_other_words_stays_in_the_thread() -> None:
    found = heads(part(Email("re:  where is my ORDER?", "Soon."), thread=THEIRS))

    assert found["Subject"] == "Re: Where is my order?"
    assert found["In-Reply-To"] == "<two@example.com>"


def test_an_answer_with_another_subject_keeps_that_of_the_thread_and_says_so() -> None:
    answer = part(Email("Invoice", "Soon."), thread=THEIRS, reply_to="two@example.com")

    calls, ended = sent(answer)

    assert isinstance(calls[0], MailCall)
    assert dict(calls[0].mail.headers)["Subject"] == "Re: Where is my order?"
    assert ended.note == "the subject stays that of the mail which is answered"


def test_the_thread_goes_on_from_what_was_sent() -> None:
    _, first = sent(part(Text("Your order is ready."), token="a" * 36))
    _, second = sent(part(Text("Are you coming?"), thread=first.thread))
    found = heads(part(Text("Hello?"), thread=second.thread, token="b" * 36))

    assert first.external_ids == (f"c.{'a' * 36}@shop.example",)
    assert found["Subject"] == "Re: Your order is ready."
    assert found["References"] == f"<c.{'a' * 36}@shop.example> <{OUR_ID}>"
    assert found["In-Reply-To"] == f"<{OUR_ID}>"


HOSTILE: list[JsonObject] = [
    {"subject": "a\r\nBcc: eve@example.com", "message_id": "x@y", "references": ["> <a@b"]},
    {"subject": 7, "message_id": ["x@y"], "references": "x@y"},
    {"subject": "", "message_id": "ü@example.com", "references": [None, "a b@c"]},
    {"subject": "Re: Re: Re:", "message_id": "a@" + "b" * 2000, "references": ["x"] * 5000},
    {},
]


@pytest.mark.parametrize("thread", HOSTILE)
def test_nothing_that_somebody_wrote_makes_an_answer_unsendable(thread: JsonObject) -> None:
    mail = mail_of(part(Text("Soon."), thread=thread, reply_to="sha256:00"))

    written = b"".join(piece for piece in composed(mail).pieces if isinstance(piece, bytes))

    assert b"\r\nBcc:" not in written


@pytest.mark.slow
@given(st.text(max_size=40), st.text(max_size=40), st.lists(st.text(max_size=30), max_size=30))
def test_any_thread_can_be_answered(subject: str, last: str, ids: list[str]) -> None:
    thread: JsonObject = {"subject": subject, "message_id": last, "references": ids}

    assert composed(mail_of(part(Text("Soon."), thread=thread))).size > 0


@pytest.mark.parametrize(
    ("subject", "rest"),
    [
        ("Re: Hello", "Hello"),
        ("RE[2]: AW: Antw: hello", "hello"),
        ("SV:Hej", "Hej"),
        ("回复：你好", "你好"),
        ("Fwd: Re: Hello", "Fwd: Re: Hello"),
        ("Reply to all", "Reply to all"),
        ("re", "re"),
    ],
)
def test_a_subject_loses_the_prefixes_of_answers(subject: str, rest: str) -> None:
    assert bare(subject) == rest


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80))
def test_of_many_ids_the_first_and_the_newest_are_kept(numbers: list[int]) -> None:
    ids = [f"{number}@example.com" for number in numbers]

    kept = trimmed(ids)

    assert kept[-1] == ids[-1]
    assert len(kept) == len({*kept}) <= REFERENCES_MAX
    assert [*kept] == [each for each in dict.fromkeys(ids[::-1])][::-1] or len({*ids}) > len(kept)


def test_the_envelope_bounces_to_the_part_where_the_account_allows_it() -> None:
    calls, _ = sent(part(Text("x")), settings=evolve(SETTINGS, verp=True))

    assert isinstance(calls[0], MailCall)
    assert calls[0].sender == f"support+b.{TOKEN}@shop.example"
    assert calls[0].envelope_id == TOKEN


def test_an_address_too_long_to_be_tagged_stays_as_it_is() -> None:
    """No server takes more than 64 bytes before the @; people's answers would bounce."""
    longest = evolve(SETTINGS, address=f"{'a' * 25}@shop.example", verp=True)
    longer = evolve(SETTINGS, address=f"{'a' * 26}@shop.example", verp=True)

    assert f"{'a' * 25}+c.{TOKEN}@shop.example" in heads(part(Text("x")), longest)["Reply-To"]
    assert "Reply-To" not in heads(part(Text("x")), longer)
    call = sent(part(Text("x")), settings=longer)[0][0]
    assert isinstance(call, MailCall)
    assert call.sender == longer.address


def test_an_account_without_plus_addresses_has_no_reply_to() -> None:
    assert "Reply-To" not in heads(part(Text("x")), evolve(SETTINGS, plus_addresses=False))


def test_headers_of_the_caller_come_last() -> None:
    mail = mail_of(part(Email("Hi", "x", headers={"X-Order": "42"}, cc=("eve@example.com",))))

    assert mail.headers[-1] == ("X-Order", "42")
    assert ("Cc", "eve@example.com") in mail.headers


# ------------------------------------------------------------ how it ends


def test_what_was_sent_is_put_into_the_folder_of_sent_mails() -> None:
    calls, ended = sent(part(Text("x")))

    mail, kept = calls
    assert isinstance(mail, MailCall)
    assert isinstance(kept, KeepCall)
    assert (kept.folder, kept.mail) == ("\\Sent", mail.mail)
    assert (mail.recipients, mail.sender) == ((ADA,), "support@shop.example")
    thread = {"subject": "x", "topic": "x", "message_id": OUR_ID, "references": []}
    assert ended == Sent((OUR_ID,), thread=thread)


def test_a_mail_is_sent_before_its_copy_is_put_away() -> None:
    calls, ended = played(send(part(Text("x")), SETTINGS), iter([TAKEN]))

    assert [type(call) for call in calls] == [MailCall]
    assert ended.afterwards is not None
    assert ended.afterwards.undone == "no copy in Sent"


def test_a_provider_that_keeps_what_is_sent_gets_no_second_copy() -> None:
    gmail = EmailSettings(address="support@shop.example", provider="gmail")

    calls, _ = sent(part(Text("x")), TAKEN, settings=gmail)

    assert len(calls) == 1


def test_a_folder_that_takes_no_copy_is_a_note_and_no_failure() -> None:
    full = SendFailure(Failure(Kind.REJECTED, Reason.UNKNOWN, text="over quota"))

    _, ended = sent(part(Text("x")), TAKEN, full)

    assert ended.external_ids == (OUR_ID,)
    assert ended.note == "sent, but no copy in Sent: over quota"


def test_who_gets_no_copy_is_told() -> None:
    copies = part(Email("Hi", "x", cc=("eve@example.com", "bob@example.com")))
    said = {ADA: SmtpReply(250), "eve@example.com": SmtpReply(550, "5.1.1", "no such user")}
    reply = evolve(TAKEN, recipients=said)

    calls, ended = sent(copies, reply, FolderReply(True))

    assert isinstance(calls[0], MailCall)
    assert calls[0].recipients == (ADA, "eve@example.com", "bob@example.com")
    assert ended.note == "no copy to eve@example.com: 550 5.1.1 no such user"
    [eve] = ended.refused
    assert (eve.address, eve.failure.kind) == ("eve@example.com", Kind.REJECTED)


EVE, BOB = "eve@example.com", "bob@example.com"
COPIED = part(Email("Hi", "x", cc=(EVE, BOB)))
GREYLISTED = SmtpReply(450, "4.7.1", "later")


def test_copies_alone_are_the_same_mail_for_those_who_lack_it() -> None:
    late = evolve(TAKEN, recipients={EVE: SmtpReply(250), BOB: GREYLISTED})

    calls, ended = sent(evolve(COPIED, only=(EVE, BOB)), late)

    [call] = calls
    assert isinstance(call, MailCall)
    assert (call.recipients, call.required) == ((EVE, BOB), ())
    assert call.mail == mail_of(COPIED)
    assert ended.external_ids == ()
    assert [(each.address, each.failure.kind) for each in ended.refused] == [(BOB, Kind.TRANSIENT)]


TOO_MANY = SmtpReply(452, "4.5.3", "too many")


@pytest.mark.parametrize("only", [(), (EVE, BOB)])
def test_who_was_one_too_many_is_left_for_another_session(only: tuple[str, ...]) -> None:
    said = {ADA: SmtpReply(250), EVE: TOO_MANY, BOB: GREYLISTED}
    if only:
        said = {EVE: TOO_MANY, BOB: SmtpReply(250)}

    calls, ended = sent(
        evolve(COPIED, only=only), evolve(TAKEN, recipients=said), FolderReply(True)
    )

    assert len([call for call in calls if isinstance(call, MailCall)]) == 1
    [eve, *others] = ended.refused
    assert (eve.address, eve.crowded, eve.failure.kind) == (EVE, True, Kind.TRANSIENT)
    assert not any(each.crowded for each in others)


def test_nobody_is_one_too_many_where_nobody_gets_it() -> None:
    reply = MailReply(Stage.RCPT, TOO_MANY, recipients={EVE: TOO_MANY})

    _, ended = sent(evolve(COPIED, only=(EVE,)), reply)

    assert [each.crowded for each in ended.refused] == [False]


def test_copies_that_nobody_gets_are_refused_one_by_one() -> None:
    said = {EVE: GREYLISTED, BOB: SmtpReply(550, "5.1.1", "no such user")}

    _, ended = sent(
        evolve(COPIED, only=(EVE, BOB)), MailReply(Stage.RCPT, GREYLISTED, recipients=said)
    )

    kinds = {each.address: each.failure.kind for each in ended.refused}
    assert kinds == {EVE: Kind.TRANSIENT, BOB: Kind.REJECTED}


def test_a_session_for_copies_that_comes_to_nothing_fails() -> None:
    with pytest.raises(SendFailure):
        sent(evolve(COPIED, only=(EVE,)), MailReply(Stage.MAIL, SmtpReply(451, "4.3.0", "busy")))


def test_a_mail_that_its_reader_does_not_get_has_failed() -> None:
    refused = MailReply(Stage.RCPT, SmtpReply(550, "5.1.1", "no such user"))

    with pytest.raises(SendFailure) as failed:
        sent(part(Text("x")), refused)

    assert failed.value.failure.reason is Reason.RECIPIENT_INVALID


def test_without_the_reader_nobody_gets_a_copy() -> None:
    calls, _ = sent(part(Email("Hi", "x", cc=("eve@example.com",))))

    assert isinstance(calls[0], MailCall)
    assert calls[0].required == (ADA,)


@pytest.mark.parametrize(("resent", "attempts_max"), [(False, None), (True, 1)])
def test_a_mail_of_which_nobody_knows_goes_out_once_more_and_no_third_time(
    resent: bool, attempts_max: int | None
) -> None:
    lost = SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT))
    answers = [FolderReply(False), lost] if resent else [lost]

    with pytest.raises(SendFailure) as failed:
        sent(part(Text("x"), resent=resent), *answers)

    assert failed.value.failure.kind is Kind.UNKNOWN
    assert failed.value.failure.attempts_max == attempts_max


def test_what_may_have_been_sent_is_looked_for_first() -> None:
    calls, ended = sent(part(Text("x"), resent=True), FolderReply(True))

    (call,) = calls
    assert isinstance(call, FindCall)
    assert (call.folder, call.message_id) == ("\\Sent", OUR_ID)
    assert ended.found
    assert ended.external_ids == (OUR_ID,)
    assert ended.note is None


def test_of_copies_of_a_mail_that_is_found_nobody_knows() -> None:
    _, ended = sent(evolve(COPIED, resent=True), FolderReply(True))

    assert ended.note == "it went out, and nobody knows whether all copies were taken"


@pytest.mark.parametrize(
    "settings",
    [
        EmailSettings(address="support@shop.example", provider="gmail"),
        EmailSettings(address="support@shop.example", provider="microsoft365"),
        evolve(SETTINGS, sent_folder=""),
    ],
)
def test_what_the_provider_keeps_by_itself_is_looked_for_where_it_keeps_it(
    settings: EmailSettings,
) -> None:
    calls, ended = sent(part(Text("x"), resent=True), FolderReply(True), settings=settings)

    (call,) = calls
    assert isinstance(call, FindCall)
    assert call.folder == "\\Sent"
    assert ended.found


def test_what_is_not_found_is_sent_once_more() -> None:
    gone = SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE))

    calls, _ = sent(part(Text("x"), resent=True), gone, TAKEN, FolderReply(True))

    assert [type(call) for call in calls] == [FindCall, MailCall, KeepCall]


def test_an_id_that_the_server_gives_is_known_as_well() -> None:
    ses = evolve(SETTINGS, smtp=SmtpTable(host="email-smtp.eu-west-1.amazonaws.com"))
    told = evolve(TAKEN, reply=SmtpReply(250, "", "Ok 010201923f4a-5b6c-7d8e-000000"))

    _, ended = sent(part(Text("x")), told, FolderReply(True), settings=ses)

    assert ended.external_ids == (OUR_ID, "010201923f4a-5b6c-7d8e-000000@eu-west-1.amazonses.com")


def test_raw_keys_are_refused_rather_than_passed_over() -> None:
    assert EMAIL.forbids({"bcc": "eve@example.com"}, human=True) is not None
    assert EMAIL.forbids({}, human=False) is None


def test_a_channel_that_only_receives_says_so() -> None:
    deaf = EmailSettings(address="support@shop.example")

    with pytest.raises(SendFailure) as failed:
        sent(part(Text("x")), settings=deaf)

    assert failed.value.failure.reason is Reason.CHANNEL_MISCONFIGURED
