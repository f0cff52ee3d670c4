"""What an account can be asked before it is used: whether its server would take mails from us."""

from collections.abc import Sequence
from typing import Final

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.email.errors import failure_of
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.model.failure import SendFailure
from omni_actors.wire.calls import Flow, GreetCall, MailReply

SENDING: Final = "sending"
GREET_S: Final = 20.0


def check(settings: EmailSettings) -> Flow[Sequence[Checked]]:
    """Log in at the server that mails are handed over to. The mailbox is looked into elsewhere."""
    server = settings.smtp_server
    if server is None:
        return [Checked(SENDING, None, "the channel has no smtp server: it only receives")]
    try:
        reply = yield GreetCall(server, GREET_S)
    except SendFailure as failed:
        why = failed.failure.text or failed.failure.reason.value
        return [Checked(SENDING, False, f"no mail can be handed over: {why}")]
    assert isinstance(reply, MailReply)
    if reply.reply.code < 300:
        place = f"{server.host}:{server.port}"
        return [Checked(SENDING, True, f"{place} takes mails of {server.username}")]
    said = failure_of(reply, settings.provider)
    return [Checked(SENDING, False, f"refused with {said.code}, {said.text}. {said.advice}")]
