"""Mails that the gateway sends: one thread, the same bytes on each try, answers that find their
option."""

from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from attrs import define, evolve, field
from trio.testing import MockClock

from omni_actors.adapters.email import EMAIL, inbound
from omni_actors.adapters.mime import MIME, MimeSecrets
from omni_actors.gateway.aftermath import WAITING_MAX
from omni_actors.gateway.channel_actor import IN_FLIGHT_MAX
from omni_actors.gateway.choices import ChoicePage, PageState
from omni_actors.gateway.hooks import Hook
from omni_actors.model.content import Choices, Option, Text, Via
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import Received
from omni_actors.model.requests import To
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.policy.signing import mail_signature
from omni_actors.store.verbs import Accept, ChannelSpec, Intake
from omni_actors.wire.calls import (
    Call,
    FolderReply,
    KeepCall,
    MailCall,
    MailReply,
    Reply,
    SmtpReply,
    Stage,
)
from omni_actors.wire.mail import Mail
from tests.gateway.kit import OPERATOR, Platform, Rig, open_rig, plan

ADA = "ada@example.org"
SUPPORT = "support@shop.example"
SECRET = "a secret of sixteen or more"
TAKEN = MailReply(Stage.END, SmtpReply(250, "2.0.0", "queued"))
TEA = Choices(
    "Which **tea**?", (Option("assam", "Assam"), Option("sencha", "Sencha")), format="markdown"
)
AWAY = Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL)
MAIL = ChannelSpec(
    id="mail",
    tenant="default",
    platform="email",
    channel_key=SUPPORT,
    settings={
        "address": SUPPORT,
        "smtp": {"host": "127.0.0.1", "port": 25, "tls": "plain"},
        "imap": None,
    },
    credentials={"password": "secret"},
)

IMAP: JsonObject = {"host": "127.0.0.1", "port": 143, "tls": "plain"}


@define(repr=False)
class Post(Platform):
    """A mail server that takes what it is handed, unless a reply is planned."""

    mails: list[Mail] = field(factory=list)
    replies: deque[MailReply | SendFailure] = field(factory=deque)
    kept: list[Mail] = field(factory=list)
    keeping_s: float = 0.0
    away_until: float = 0.0

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        if isinstance(call, KeepCall):
            await trio.sleep(self.keeping_s)
            self.kept.append(call.mail)
            return FolderReply(True)
        assert isinstance(call, MailCall)
        if trio.current_time() < self.away_until:
            raise SendFailure(AWAY)
        self.mails.append(call.mail)
        reply = self.replies.popleft() if self.replies else TAKEN
        if isinstance(reply, SendFailure):
            raise reply
        return reply

    def heads(self) -> dict[str, str]:
        """The headers of the newest mail."""
        return dict(self.mails[-1].headers)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def mail_rig(tmp_path: Path, post: Post, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    hook = Hook("mail", MIME, MimeSecrets(SUPPORT, (SECRET,)))
    wanted = evolve(plan(MAIL), hooks={"mail": hook}, links_url="https://gw.example")
    async with open_rig(tmp_path, post, wanted, media=True) as opened:
        yield opened
        opened.check_calm()


async def send(rig: Rig, content: Text | Choices) -> str:
    sent = await rig.submit(content, to=To("mail", ADA))
    message_id = str(sent.body["id"])
    await rig.reached(message_id, "sent")
    return message_id


async def write(rig: Rig, body: str, answers: str) -> None:
    """Ada answers a mail."""
    raw = (
        f"From: Ada <{ADA}>\r\nTo: {SUPPORT}\r\nSubject: Re: tea\r\nMessage-ID: <1@example.org>\r\n"
        f"In-Reply-To: {answers}\r\n\r\n{body}\r\n"
    ).encode()
    at = str(int(rig.clock.now()))
    proof = {"x-omni-timestamp": at, "x-omni-signature": mail_signature(SECRET, at, raw)}
    assert await rig.gateway.receive("mail", proof, raw) == 200
    await rig.quiet()


@pytest.mark.slow
async def test_mails_to_one_person_make_one_thread(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    await send(mail_rig, Text("Your tea is here."))
    first = post.heads()
    await send(mail_rig, Text("Will you come?"))
    second = post.heads()

    assert (first["Subject"], second["Subject"]) == ("Your tea is here.", "Re: Your tea is here.")
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]


@pytest.mark.slow
async def test_a_question_has_its_links_and_each_try_the_same_bytes(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    post.replies.append(MailReply(Stage.MAIL, SmtpReply(451, "4.3.0", "try again")))

    await send(mail_rig, TEA)

    first, second = post.mails
    assert first == second
    assert first.html is not None
    assert first.html.count("https://gw.example/c/") == 2


async def test_a_mail_that_is_sent_again_is_the_same_whatever_came_in_between(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    await send(mail_rig, Text("Your tea is here."))
    before = post.heads()["Message-ID"]
    lost = SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT))
    post.replies.append(lost)
    answer = await mail_rig.submit(Text("Will you come?"), to=To("mail", ADA))
    await mail_rig.reached(str(answer.body["id"]), "unknown")

    await write(mail_rig, "Which tea?", before)
    await mail_rig.reached(str(answer.body["id"]), "sent")

    first, second = post.mails[1:]
    assert first == second


@pytest.mark.slow
async def test_a_mail_that_is_tried_again_by_hand_is_the_same(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    lost = SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT))
    post.replies += [lost, lost]
    answer = await mail_rig.submit(Text("Your tea is here."), to=To("mail", ADA))
    await mail_rig.reached(str(answer.body["id"]), "failed")
    assert len(post.mails) == 2

    (letter,) = (await mail_rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows
    await mail_rig.gateway.redrive(OPERATOR, ids=[letter.id])
    await mail_rig.reached(str(answer.body["id"]), "sent")

    assert post.mails == [post.mails[0]] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "option_id", "via"),
    [
        ("2", "sencha", Via.NUMBER),
        ("assam!\r\n\r\nBest wishes\r\nAda", "assam", Via.LABEL),
        ("2. Sencha\r\n\r\n> Which tea?\r\n> 1. Assam", "sencha", Via.NUMBER),
    ],
)
async def test_an_answer_by_mail_finds_its_option(
    mail_rig: Rig, post: Post, body: str, option_id: str, via: Via, autojump_clock: MockClock
) -> None:
    await send(mail_rig, TEA)

    await write(mail_rig, body, post.heads()["Message-ID"])

    (picked,) = await mail_rig.events("choice.selected")
    assert picked.detail is not None
    assert (picked.detail["option_id"], picked.detail["via"]) == (option_id, via)


@pytest.mark.slow
async def test_an_option_is_picked_by_its_link_while_the_mail_is_out(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    message_id = await send(mail_rig, TEA)
    html = post.mails[-1].html or ""
    token = html.split("https://gw.example/c/")[1].split('"')[0]

    await mail_rig.gateway.choices.pick(token)
    await mail_rig.quiet()

    (picked,) = await mail_rig.events("choice.selected")
    assert picked.detail is not None
    assert (picked.detail["question_id"], picked.detail["via"]) == (message_id, Via.LINK)


@pytest.mark.slow
async def test_a_link_offers_nothing_once_the_question_was_answered_by_mail(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    await send(mail_rig, TEA)
    token = (post.mails[-1].html or "").split("https://gw.example/c/")[1].split('"')[0]
    await write(mail_rig, "2", post.heads()["Message-ID"])

    looked = mail_rig.gateway.choices.page(token)
    pressed = await mail_rig.gateway.choices.pick(token)
    await mail_rig.quiet()

    assert looked == pressed == ChoicePage(PageState.OTHERWISE, "Which tea?", "Sencha")
    assert len(await mail_rig.events("message.received")) == 1


@pytest.mark.slow
async def test_a_mail_is_sent_while_its_copy_is_still_put_away(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    wanted = plan(evolve(MAIL, settings={**MAIL.settings, "imap": IMAP}))
    post.keeping_s = 40.0
    async with open_rig(tmp_path, post, wanted) as rig:
        began = rig.clock.now()
        first = await send(rig, Text("One"))
        await send(rig, Text("Two"))

        assert rig.clock.now() - began < 40.0
        assert post.kept == []
        await trio.sleep(100.0)
        assert post.kept == post.mails
        assert (await rig.message(first)).status == "sent"
        assert (await rig.gateway.attempts(OPERATOR, first))[0].note is None
        rig.check_calm()


async def send_many(rig: Rig, number: int) -> list[str]:
    """Ask for mails to different people."""
    asked = [await rig.submit(Text("x"), to=To("mail", f"{n}@a.b")) for n in range(number)]
    return [str(each.body["id"]) for each in asked]


@pytest.mark.slow
async def test_where_copies_are_put_away_slowly_none_is_left_out(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    wanted = plan(evolve(MAIL, settings={**MAIL.settings, "imap": IMAP}))
    post.keeping_s, number = 1.0, WAITING_MAX + 100
    async with open_rig(tmp_path, post, wanted) as rig:
        ids = await send_many(rig, number)
        await rig.until(lambda: len(post.kept) == number, within_s=number)
        await rig.quiet()

        assert [(await rig.gateway.attempts(OPERATOR, each))[0].note for each in ids] == (
            [None] * number
        )


@pytest.mark.slow
async def test_a_server_that_keeps_no_copies_slows_nobody_and_loses_no_word(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    wanted = plan(evolve(MAIL, settings={**MAIL.settings, "imap": IMAP}))
    post.keeping_s, number = 3600.0, WAITING_MAX + 50
    async with open_rig(tmp_path, post, wanted) as rig:
        began = rig.clock.now()
        ids = await send_many(rig, number)
        for each in ids:
            await rig.reached(each, "sent")
        assert rig.clock.now() - began < 600.0
        assert rig.house.desks["mail"].in_flight == 0
        waiting = rig.house.desks["mail"].aftermath.pending
        assert WAITING_MAX <= waiting <= WAITING_MAX + IN_FLIGHT_MAX
        await rig.quiet()

        notes = [(await rig.gateway.attempts(OPERATOR, each))[0].note for each in ids]
        assert notes.count("sent, no copy in Sent yet") == waiting
        left = notes.count("sent, but no copy in Sent: 256 others wait for theirs")
        assert left == number - waiting
        report = await rig.house.drain(20.0)
        assert report.clean
        assert report.took_s < 10.0
        notes = [(await rig.gateway.attempts(OPERATOR, each))[0].note for each in ids]
        assert notes.count("sent, but no copy in Sent: the gateway was stopped") == waiting


@pytest.mark.slow
async def test_a_mail_outlives_a_server_that_is_away_for_long(
    mail_rig: Rig, post: Post, autojump_clock: MockClock
) -> None:
    post.away_until = trio.current_time() + 3600.0
    asked = await mail_rig.submit(Text("Your tea is here."), to=To("mail", ADA))
    await trio.sleep(3600.0)
    assert (await mail_rig.message(str(asked.body["id"]))).status == "queued"

    await trio.sleep(300.0)

    assert (await mail_rig.message(str(asked.body["id"]))).status == "sent"
    assert len(post.mails) == 1


async def test_an_old_mail_does_not_hide_a_new_one_that_uses_its_id(
    mail_rig: Rig, post: Post
) -> None:
    await write(mail_rig, "first", "<none@example.org>")
    [first] = await mail_rig.events("message.received")
    head = f"From: Ada <{ADA}>\r\nTo: {SUPPORT}\r\nMessage-ID: <1@example.org>\r\n\r\n".encode()
    document = inbound.document(head + b"of old\r\n", SUPPORT, None, 1_000.0, "a" * 64)
    [old] = inbound.parse(document)
    assert isinstance(old, Received)

    receiver = mail_rig.house.receiver
    items = receiver.items(EMAIL, [evolve(old, synced=True)])
    await mail_rig.store.do(Accept(Intake("itk_old", "mail", 1.0, 2, body=b"{}"), items))

    [synced] = await mail_rig.events("message.synced")
    assert synced.message_id != first.message_id
