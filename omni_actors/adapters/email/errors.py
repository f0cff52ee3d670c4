"""What a mail server's refusal means for the mail and for the account."""

from typing import Final

from omni_actors.adapters.email.error_table import ROWS, STUMBLED, Row, Rule
from omni_actors.model.failure import Failure
from omni_actors.wire.calls import MailReply, SmtpReply, Stage

TEXT_CHARACTERS_MAX: Final = 1000


def failure_of(reply: MailReply, provider: str = "plain") -> Failure:
    """The failure that a session's deciding reply tells, of an account at `provider`."""
    said = reply.reply
    rule = rule_of(reply.stage, said, provider)
    return Failure(
        kind=rule.kind,
        reason=rule.reason,
        scope=rule.scope,
        code=f"{said.code} {said.enhanced}".rstrip(),
        text=said.text[:TEXT_CHARACTERS_MAX],
        retry_after_s=rule.retry_after_s,
        patience_s=rule.patience_s,
        advice=rule.sentence,
    )


def rule_of(stage: Stage, reply: SmtpReply, provider: str = "plain") -> Rule:
    """The first rule of the table that fits; what fits none is tried again."""
    return next((row.rule for row in ROWS if _fits(row, stage, reply, provider)), STUMBLED)


def _fits(row: Row, stage: Stage, reply: SmtpReply, provider: str) -> bool:
    return (
        (not row.stages or stage in row.stages)
        and (not row.codes or bool({reply.code, reply.code // 100} & {*row.codes}))
        and (not row.enhanced or any(_is(each, reply.enhanced) for each in row.enhanced))
        and row.words.lower() in reply.text.lower()
        and row.provider in ("", provider)
    )


def _is(wanted: str, enhanced: str) -> bool:
    return enhanced.startswith(wanted) if wanted.endswith(".") else enhanced == wanted
