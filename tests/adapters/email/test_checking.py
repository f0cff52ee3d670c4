"""What a check says of the server that takes an account's mails."""

import pytest

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.email import EMAIL
from omni_actors.adapters.email.settings import EmailSettings, SmtpTable
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import GreetCall, MailReply, SmtpReply, Stage

SETTINGS = EmailSettings("support@example.com", smtp=SmtpTable("mail.example.com"))


def checked(answer: MailReply | SendFailure) -> Checked:
    """What is found when the server answers so."""
    assert EMAIL.check is not None
    flow = EMAIL.check(SETTINGS)
    call = next(flow)
    assert isinstance(call, GreetCall)
    assert call.server == SETTINGS.smtp_server
    with pytest.raises(StopIteration) as ended:
        flow.throw(answer) if isinstance(answer, SendFailure) else flow.send(answer)
    [found] = ended.value.value
    assert isinstance(found, Checked)
    return found


def test_a_server_that_lets_us_in_is_well() -> None:
    found = checked(MailReply(Stage.MAIL, SmtpReply(250)))

    assert found == Checked(
        "sending", True, "mail.example.com:465 takes mails of support@example.com"
    )


def test_a_refusal_is_told_with_what_to_do() -> None:
    found = checked(MailReply(Stage.AUTH, SmtpReply(535, "5.7.8", "bad password")))

    assert found.ok is False
    assert found.sentence.startswith(
        "refused with 535 5.7.8, bad password. The mail server does not"
    )


def test_a_server_that_is_not_there_is_bad() -> None:
    failure = Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE, text="no connection")

    assert checked(SendFailure(failure)).sentence == "no mail can be handed over: no connection"


def test_a_channel_that_only_receives_is_worth_a_note() -> None:
    assert EMAIL.check is not None
    with pytest.raises(StopIteration) as ended:
        next(EMAIL.check(EmailSettings("support@example.com")))

    [found] = ended.value.value
    assert (found.subject, found.ok) == ("sending", None)
