"""The dialogues of SMTP, played without a socket: what is said, and what comes of the answers."""

from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.wire.calls import Login, MailReply, MailServer, SmtpReply, Stage, Tls
from omni_actors.wire.smtp import (
    Dialogue,
    Envelope,
    Lacking,
    Listen,
    Pour,
    Refusal,
    Say,
    Secure,
    mailing,
    opening,
)
from omni_actors.wire.smtp_lines import Unspeakable
from omni_actors.wire.smtp_offers import Offers
from omni_actors.wire.smtp_replies import Garbled, Replies

T = TypeVar("T")

SERVER = MailServer("mx.example.org", 465, "me@example.org")
GREETING = "220 mx"
PLAIN_EHLO = "250-mx\r\n250 AUTH PLAIN LOGIN"
ONE = Envelope("me@example.org", ("you@example.net",), 10)
TWO = evolve(ONE, recipients=("a@example.net", "b@example.net"))
PIPELINING = Offers(pipelining=True)


@define
class Played:
    """What came of a dialogue: what was said, in which order, and what of it was shown."""

    said: list[str] = field(factory=list)
    shown: list[str] = field(factory=list)


def play(steps: Dialogue[T], replies: Sequence[str], played: Played | None = None) -> T:
    """Take the steps of a dialogue whose server gives these replies."""
    played = Played() if played is None else played
    left, reading = list(replies), Replies()
    answer: SmtpReply | None = None
    try:
        while True:
            step = steps.send(answer) if answer is not None else next(steps)
            answer = None
            match step:
                case Say():
                    played.said.append(step.data.decode())
                    played.shown += step.shown
                    assert len(step.shown) == step.data.count(b"\r\n")
                case Listen():
                    assert step.within_s > 0
                    reading.feed(left.pop(0).encode("latin-1") + b"\r\n")
                    answer = reading.take()
                    assert answer is not None
                case Secure():
                    played.said.append("(TLS)")
                case Pour():
                    played.said.append("(mail)")
    except StopIteration as finished:
        assert not left, f"nobody listened to {left}"
        result: T = finished.value
        return result


def test_a_server_is_greeted_and_logged_into() -> None:
    played = Played()

    offers = play(
        opening(SERVER, "[127.0.0.1]", "hunter2"), [GREETING, PLAIN_EHLO, "235 ok"], played
    )

    token = b64encode(b"\0me@example.org\0hunter2").decode()
    assert played.said == ["EHLO [127.0.0.1]\r\n", f"AUTH PLAIN {token}\r\n"]
    assert played.shown == ["EHLO [127.0.0.1]", "AUTH PLAIN ***"]
    assert offers.auth == ("PLAIN", "LOGIN")


def test_nobody_logs_in_without_a_secret() -> None:
    played = Played()

    play(opening(SERVER, "me", ""), [GREETING, PLAIN_EHLO], played)

    assert played.said == ["EHLO me\r\n"]


def test_a_server_without_ehlo_is_greeted_with_helo() -> None:
    played = Played()

    offers = play(opening(SERVER, "me", ""), [GREETING, "502 what", "250 mx"], played)

    assert played.said == ["EHLO me\r\n", "HELO me\r\n"]
    assert offers == Offers()


def test_after_starttls_nothing_counts_that_was_offered_before() -> None:
    played = Played()
    server = evolve(SERVER, tls=Tls.STARTTLS)
    replies = [GREETING, "250-mx\r\n250-DSN\r\n250 STARTTLS", "220 go", PLAIN_EHLO, "235 ok"]

    offers = play(opening(server, "me", "hunter2"), replies, played)

    assert played.said[:4] == ["EHLO me\r\n", "STARTTLS\r\n", "(TLS)", "EHLO me\r\n"]
    assert not offers.dsn


def test_no_starttls_is_never_passed_over() -> None:
    played = Played()

    with pytest.raises(Lacking, match="STARTTLS"):
        play(
            opening(evolve(SERVER, tls=Tls.STARTTLS), "me", "hunter2"),
            [GREETING, PLAIN_EHLO],
            played,
        )

    assert played.said == ["EHLO me\r\n"]


def coded(text: str) -> str:
    return b64encode(text.encode()).decode()


BEARER = evolve(SERVER, login=Login.OAUTH)
JSON = '{"status":"401","scope":"https://mail.google.com/"}'
LOGINS = {
    "LOGIN": (
        SERVER,
        "AUTH LOGIN",
        [f"334 {coded('Username:')}", f"334 {coded('Password:')}", "235 ok"],
        ["AUTH LOGIN\r\n", f"{coded('me@example.org')}\r\n", f"{coded('hunter2')}\r\n"],
    ),
    "XOAUTH2": (
        BEARER,
        "AUTH PLAIN XOAUTH2",
        ["235 ok"],
        ["AUTH XOAUTH2 " + coded("user=me@example.org\x01auth=Bearer hunter2\x01\x01") + "\r\n"],
    ),
    "OAUTHBEARER": (
        BEARER,
        "AUTH OAUTHBEARER",
        ["235 ok"],
        [
            "AUTH OAUTHBEARER "
            + coded(
                "n,a=me@example.org,\x01host=mx.example.org\x01port=465\x01"
                "auth=Bearer hunter2\x01\x01"
            )
            + "\r\n"
        ],
    ),
    "the old form": (
        SERVER,
        "AUTH=PLAIN",
        ["235 ok"],
        ["AUTH PLAIN " + coded("\0me@example.org\0hunter2") + "\r\n"],
    ),
}


@pytest.mark.parametrize(("server", "offer", "replies", "said"), LOGINS.values(), ids=LOGINS.keys())
def test_there_are_many_ways_to_log_in(
    server: MailServer, offer: str, replies: list[str], said: list[str]
) -> None:
    played = Played()

    play(opening(server, "me", "hunter2"), [GREETING, f"250-mx\r\n250 {offer}", *replies], played)

    assert played.said[1:] == said
    assert not any(coded("hunter2") in line or "hunter2" in line for line in played.shown)


@pytest.mark.parametrize(("name", "farewell"), [("XOAUTH2", "\r\n"), ("OAUTHBEARER", "AQ==\r\n")])
def test_why_an_access_token_is_refused_is_asked_for(name: str, farewell: str) -> None:
    played = Played()
    replies = [GREETING, f"250-mx\r\n250 AUTH {name}", f"334 {coded(JSON)}", "535 5.7.8 no"]

    with pytest.raises(Refusal) as refused:
        play(opening(BEARER, "me", "hunter2"), replies, played)

    assert played.said[-1] == farewell
    assert refused.value.reply == MailReply(Stage.AUTH, SmtpReply(535, "5.7.8", f"no {JSON}"))


def test_a_long_token_waits_to_be_asked_for() -> None:
    played = Played()

    play(
        opening(BEARER, "me", "x" * 2000),
        [GREETING, "250-mx\r\n250 AUTH XOAUTH2", "334 ", "235 ok"],
        played,
    )

    assert played.said[1] == "AUTH XOAUTH2\r\n"
    assert len(played.said[2]) > 2000


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
def test_a_server_that_asks_for_more_is_told_to_stop(name: str) -> None:
    server = SERVER if name in ("PLAIN", "LOGIN") else BEARER
    asked = {"PLAIN": 1, "LOGIN": 3, "XOAUTH2": 2, "OAUTHBEARER": 2}[name]
    replies = [GREETING, f"250-mx\r\n250 AUTH {name}", *["334 bW9yZQ=="] * asked]
    played = Played()

    with pytest.raises(Refusal) as refused:
        play(opening(server, "me", "hunter2"), [*replies, "501 cancelled"], played)

    assert played.said[-1] == "*\r\n"
    assert refused.value.reply.reply.code == 501
    with pytest.raises(Garbled):
        play(opening(server, "me", "hunter2"), [*replies, "334 bW9yZQ=="])


def test_no_common_way_to_log_in_says_what_there_is() -> None:
    with pytest.raises(Lacking, match=r"access token.*PLAIN, LOGIN"):
        play(opening(BEARER, "me", "hunter2"), [GREETING, PLAIN_EHLO])


@pytest.mark.parametrize("secret", ["a\0b", "a\x01b"])
def test_a_secret_that_would_be_read_as_two_is_refused_unquoted(secret: str) -> None:
    with pytest.raises(Unspeakable) as refused:
        play(opening(SERVER, "me", secret), [GREETING, PLAIN_EHLO])

    assert secret not in str(refused.value)


@pytest.mark.parametrize(
    ("replies", "stage"),
    [
        (["554 go away"], Stage.GREETING),
        ([GREETING, "421 busy"], Stage.HELLO),
        ([GREETING, "550 no", "550 no"], Stage.HELLO),
        ([GREETING, PLAIN_EHLO, "535 no"], Stage.AUTH),
    ],
)
def test_a_refusal_tells_its_stage(replies: list[str], stage: Stage) -> None:
    with pytest.raises(Refusal) as refused:
        play(opening(SERVER, "me", "hunter2"), replies)

    assert refused.value.reply.stage is stage


# Handing over


def test_an_envelope_is_said_in_one_breath() -> None:
    played = Played()
    replies = ["250 a", "250 b", "550 5.1.1 no", "354 go", "250 2.0.0 queued"]

    reply = play(mailing(TWO, PIPELINING, again=False), replies, played)

    assert played.said == [
        "MAIL FROM:<me@example.org>\r\nRCPT TO:<a@example.net>\r\nRCPT TO:<b@example.net>\r\n"
        "DATA\r\n",
        "(mail)",
    ]
    assert reply.stage is Stage.END
    assert reply.reply == SmtpReply(250, "2.0.0", "queued")
    assert {who: said.code for who, said in reply.recipients.items()} == {
        "a@example.net": 250,
        "b@example.net": 550,
    }


def test_an_envelope_is_said_by_turns_where_the_server_wants_that() -> None:
    played = Played()

    reply = play(mailing(TWO, Offers(), again=False), ["250"] * 3 + ["354", "250"], played)

    assert played.said == [
        "MAIL FROM:<me@example.org>\r\n",
        "RCPT TO:<a@example.net>\r\n",
        "RCPT TO:<b@example.net>\r\n",
        "DATA\r\n",
        "(mail)",
    ]
    assert reply.reply.code == 250


@pytest.mark.parametrize("offers", [PIPELINING, Offers()])
def test_another_mail_begins_with_a_reset(offers: Offers) -> None:
    played = Played()

    play(mailing(ONE, offers, again=True), ["250"] * 3 + ["354", "250"], played)

    assert "".join(played.said).startswith("RSET\r\nMAIL FROM")


REFUSALS = {
    "the sender": (["550 no", "503", "503"], ["550 no"], Stage.MAIL, 550),
    "the recipient": (["250", "550 no", "554"], ["250", "550 no"], Stage.RCPT, 550),
    "the mail before it was sent": (
        ["250", "250", "451 later"],
        ["250", "250", "451 later"],
        Stage.DATA,
        451,
    ),
    "the mail when it was sent": (
        ["250", "250", "354", "554 spam"],
        ["250", "250", "354", "554 spam"],
        Stage.END,
        554,
    ),
}


@pytest.mark.parametrize(
    ("piped", "turns", "stage", "code"), REFUSALS.values(), ids=REFUSALS.keys()
)
def test_what_is_refused_is_told(
    piped: list[str], turns: list[str], stage: Stage, code: int
) -> None:
    for offers, replies in ((PIPELINING, piped), (Offers(), turns)):
        reply = play(mailing(ONE, offers, again=False), replies)

        assert (reply.stage, reply.reply.code) == (stage, code)


@pytest.mark.parametrize("offers", [PIPELINING, Offers()])
def test_nobody_gets_a_mail_that_somebody_who_is_required_may_not_have(offers: Offers) -> None:
    played = Played()
    asked = evolve(TWO, required=frozenset({"a@example.net"}))

    reply = play(mailing(asked, offers, again=False), ["250", "450 4.7.1 grey", "250"], played)

    assert (reply.stage, reply.reply.code) == (Stage.RCPT, 450)
    assert not {"(mail)", ".\r\n"} & {*played.said}
    assert "DATA" not in "".join(played.said)


def test_who_is_required_and_accepted_gets_the_mail_without_the_others() -> None:
    played = Played()
    asked = evolve(TWO, required=frozenset({"a@example.net"}))

    reply = play(
        mailing(asked, PIPELINING, again=False), ["250", "250", "550 no", "354", "250"], played
    )

    assert played.said[1:] == ["DATA\r\n", "(mail)"]
    assert (reply.stage, reply.reply.code) == (Stage.END, 250)


def test_of_several_refusals_that_one_decides_which_may_pass() -> None:
    reply = play(
        mailing(TWO, PIPELINING, again=False), ["250", "550 5.1.1 no", "450 4.7.1 later", "554"]
    )

    assert (reply.stage, reply.reply.code) == (Stage.RCPT, 450)
    assert set(reply.recipients) == set(TWO.recipients)


def test_a_server_that_takes_data_for_nobody_gets_its_dot() -> None:
    played = Played()

    reply = play(
        mailing(ONE, PIPELINING, again=False), ["250", "550 no", "354 go", "554 nobody"], played
    )

    assert played.said[-1] == ".\r\n"
    assert (reply.stage, reply.reply.code) == (Stage.RCPT, 550)


def test_unknown_parameters_are_left_out_once() -> None:
    played = Played()
    offers = Offers(pipelining=True, sizes=True, dsn=True)
    replies = ["555 5.5.4 what", "503", "503", "250 reset", "250", "250", "354", "250"]

    reply = play(mailing(evolve(ONE, envelope_id="t"), offers, again=False), replies, played)

    assert "SIZE=10 RET=HDRS ENVID=t" in played.said[0]
    assert played.said[1].startswith("RSET\r\nMAIL FROM:<me@example.org>\r\nRCPT")
    assert reply.stage is Stage.END


def test_reports_of_delivery_are_asked_for_where_they_are_offered() -> None:
    offers = Offers(pipelining=True, dsn=True)
    wanted = {
        ONE: "NOTIFY=FAILURE,DELAY",
        evolve(ONE, sender=""): "NOTIFY=NEVER",
    }
    for envelope, notify in wanted.items():
        played = Played()
        play(mailing(envelope, offers, again=False), ["250", "250", "354", "250"], played)
        assert f"RCPT TO:<you@example.net> {notify}\r\n" in played.said[0]


def test_utf8_is_asked_for_only_where_an_address_needs_it() -> None:
    offers = Offers(pipelining=True, utf8=True, eight_bit=True)
    played = Played()

    play(mailing(ONE, offers, again=False), ["250", "250", "354", "250"], played)
    foreign = evolve(ONE, recipients=("jürgen@example.net",))
    play(mailing(foreign, offers, again=False), ["250", "250", "354", "250"], played)

    assert "SMTPUTF8" not in played.said[0]
    assert "MAIL FROM:<me@example.org> SMTPUTF8 BODY=8BITMIME\r\n" in played.said[2]
    with pytest.raises(Unspeakable, match="not ASCII"):
        play(mailing(foreign, PIPELINING, again=False), [])


def test_many_recipients_are_told_in_several_breaths() -> None:
    many = evolve(ONE, recipients=tuple(f"u{number}@example.net" for number in range(250)))
    played = Played()

    reply = play(mailing(many, PIPELINING, again=False), ["250"] * 251 + ["354", "250"], played)

    assert [each.count("RCPT") for each in played.said] == [100, 100, 50, 0]
    assert len(reply.recipients) == 250


@given(st.data())
def test_whoever_hangs_up_ends_the_dialogue_at_once(data: st.DataObject) -> None:
    offers = data.draw(st.sampled_from([PIPELINING, Offers()]))
    good = ["250", "250", "250", "354", "250"]
    at = data.draw(st.integers(0, len(good) - 1))

    with pytest.raises(Refusal) as refused:
        play(mailing(TWO, offers, again=False), [*good[:at], "421 4.7.0 bye"])

    stages = [Stage.MAIL, Stage.RCPT, Stage.RCPT, Stage.DATA, Stage.END]
    assert refused.value.reply.stage is stages[at]


CODES = st.sampled_from(["250 ok", "354 go", "450 later", "550 no", "555 what", "432 many"])


@given(st.lists(CODES, min_size=10, max_size=10), st.booleans(), st.booleans())
def test_a_mail_goes_only_where_somebody_is_to_get_it(
    replies: list[str], pipelining: bool, again: bool
) -> None:
    played = Played()
    offers = Offers(pipelining=pipelining, sizes=True)
    with suppress(Garbled, AssertionError, IndexError):  # nonsense, or more than was needed
        play(mailing(TWO, offers, again=again), replies, played)
    if "(mail)" in played.said:
        assert any("DATA" in each for each in played.said)
        assert "250 ok" in replies
        assert "354 go" in replies
