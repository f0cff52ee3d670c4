"""What mail servers' replies mean, as data: what each asks for, whom it concerns, what to do.

https://www.rfc-editor.org/rfc/rfc3463, https://support.google.com/a/answer/3726730,
https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements
"""

from typing import Final

from attrs import frozen

from omni_actors.model.failure import Kind, Reason, Scope
from omni_actors.wire.calls import Stage

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
PATIENCE_S: Final = (
    24 * HOUR_S
)  # how long a mail is worth trying that a server defers, ours or its recipient's
GOOGLE: Final = "gmail"
MICROSOFT: Final = "microsoft365"


@frozen
class Rule:
    """A failure without its wording. `sentence` tells a person what happened, and what to do."""

    kind: Kind
    reason: Reason
    sentence: str
    scope: Scope = Scope.PART
    retry_after_s: float | None = None
    patience_s: float | None = None


@frozen
class Row:
    """When a rule holds; what is empty holds for any. `words` is looked for in the text, whatever
    its case. A code below 10 is a whole class; so is an enhanced code that ends with a dot."""

    rule: Rule
    codes: tuple[int, ...] = ()
    enhanced: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    words: str = ""
    provider: str = ""


def _broken(reason: Reason, sentence: str) -> Rule:
    return Rule(Kind.BROKEN, reason, sentence, Scope.CHANNEL)


def _down(sentence: str, retry_after_s: float | None = None) -> Rule:
    reason = Reason.CHANNEL_UNAVAILABLE
    return Rule(Kind.TRANSIENT, reason, sentence, Scope.CHANNEL, retry_after_s, PATIENCE_S)


def _held(sentence: str, retry_after_s: float, scope: Scope = Scope.CHANNEL) -> Rule:
    return Rule(Kind.THROTTLED, Reason.RATE_LIMITED, sentence, scope, retry_after_s)


def _deferred(sentence: str, retry_after_s: float | None = None) -> Rule:
    reason = Reason.RECIPIENT_UNREACHABLE
    return Rule(Kind.TRANSIENT, reason, sentence, Scope.LEG, retry_after_s, PATIENCE_S)


def _rejected(reason: Reason, sentence: str) -> Rule:
    return Rule(Kind.REJECTED, reason, sentence)


OPENING: Final = (Stage.GREETING, Stage.HELLO, Stage.STARTTLS)
TO_WHOM: Final = (Stage.RCPT, Stage.DATA, Stage.END)

NO_ACCESS: Final = _broken(
    Reason.CREDENTIALS_EXPIRED,
    "The mail server does not take the username or the password; give the channel the right ones. "
    "The queue is kept.",
)
NO_SENDER: Final = _broken(
    Reason.PERMISSION_DENIED,
    "The account may not send as this address; log in as the address itself, let the account send "
    "as it, or switch verp off. The queue is kept.",
)
UNPROVEN: Final = (
    "The recipient's server wants mail that proves whom it is from; set up SPF, DKIM and DMARC for "
    "the domain of the channel's address."
)
TOO_LARGE: Final = _rejected(
    Reason.MEDIA_TOO_LARGE, "The mail is too large for the server; send a smaller file or a link."
)
NOBODY: Final = _rejected(
    Reason.RECIPIENT_INVALID, "There is no such mailbox; ask the person for the right address."
)
DISTRUST: Final = _rejected(
    Reason.POLICY_REJECTED,
    "The recipient's server refuses the mail by its policy; read its text, which often names a "
    "list that the sender is on.",
)
STUMBLED: Final = Rule(
    Kind.TRANSIENT,
    Reason.UNKNOWN,
    "The mail server puts it off; it is tried again for a day at most.",
    patience_s=PATIENCE_S,
)
REFUSED: Final = _rejected(
    Reason.UNKNOWN,
    "The mail server refuses it for a reason that is not in the table; read its text.",
)

# The first row that fits decides, so what is more particular stands before what is less.
ROWS: Final[tuple[Row, ...]] = (
    # Whatever the stage
    Row(
        Rule(
            Kind.TRANSIENT,
            Reason.CHANNEL_MISCONFIGURED,
            UNPROVEN,
            Scope.LEG,
            30 * MINUTE_S,
            PATIENCE_S,
        ),
        codes=(4,),
        enhanced=tuple(f"4.7.{number}" for number in range(26, 33)),
    ),
    Row(
        Rule(Kind.REJECTED, Reason.CHANNEL_MISCONFIGURED, UNPROVEN, Scope.CHANNEL),
        codes=(5,),
        enhanced=tuple(f"5.7.{number}" for number in range(26, 33)),
        stages=TO_WHOM,
    ),
    Row(
        _held(
            "Too many connections to the server at once; fewer are made for a while.",
            15.0,
        ),
        codes=(432,),
    ),
    Row(
        _held(
            "The account has sent as many mails as it may in a day; sending goes on by itself as "
            "the day passes. Send less, or get a higher limit.",
            HOUR_S,
            Scope.ACCOUNT,
        ),
        codes=(5,),
        enhanced=("5.4.5",),
    ),
    Row(NO_SENDER, codes=(5,), enhanced=("5.7.60", "5.2.252")),
    Row(NO_SENDER, codes=(5,), words="SendAsDenied"),
    Row(
        _held(
            "The account has written to as many people as it may in a day; sending goes on by "
            "itself as the day passes.",
            HOUR_S,
            Scope.ACCOUNT,
        ),
        codes=(554,),
        enhanced=("5.2.0",),
        words="STOREDRV",
        provider=MICROSOFT,
    ),
    Row(
        _broken(
            Reason.CHANNEL_MISCONFIGURED,
            "The account's own mailbox is full, so what it sends cannot be kept; make room in it.",
        ),
        codes=(554,),
        enhanced=("5.2.2",),
        stages=(Stage.MAIL, Stage.DATA, Stage.END),
        provider=MICROSOFT,
    ),
    Row(
        _broken(
            Reason.POLICY_REJECTED,
            "The account is blocked because it sent what was taken for spam; unblock it in the "
            "administration of Microsoft 365.",
        ),
        codes=(5,),
        enhanced=("5.1.8",),
        provider=MICROSOFT,
    ),
    Row(
        _down("The mail server hangs up on us for now; it is tried again on a new connection."),
        codes=(421,),
    ),
    # Before a mail is named
    Row(
        _broken(
            Reason.CHANNEL_MISCONFIGURED,
            "The mail server does not talk to this host; look whether its address is on a block "
            "list, and check host and port of the channel's smtp.",
        ),
        codes=(5,),
        stages=OPENING,
    ),
    Row(
        _down("The mail server takes no mail now; sending goes on when it does."),
        codes=(4,),
        stages=OPENING,
    ),
    Row(
        _down("The mail server cannot log anybody in now; it is tried again.", MINUTE_S),
        codes=(4,),
        stages=(Stage.AUTH,),
    ),
    Row(
        _broken(
            Reason.CREDENTIALS_EXPIRED,
            "The account wants a password made for apps, not the person's own; make one in the "
            "settings of the account, or connect it by OAuth.",
        ),
        codes=(534,),
        stages=(Stage.AUTH,),
    ),
    Row(
        _broken(
            Reason.PERMISSION_DENIED,
            "SMTP is switched off for this account or for all of the organisation; switch on "
            "authenticated SMTP for it in the administration of Microsoft 365.",
        ),
        codes=(535,),
        enhanced=("5.7.139",),
        stages=(Stage.AUTH,),
    ),
    Row(
        _broken(
            Reason.CREDENTIALS_EXPIRED,
            "The provider takes no passwords any more; connect the account by OAuth.",
        ),
        codes=(550,),
        enhanced=("5.7.30",),
    ),
    Row(
        _broken(
            Reason.CHANNEL_MISCONFIGURED,
            "The mail server does not take this way to log in here; check tls, port and the sort "
            "of credential of the channel.",
        ),
        codes=(504, 538),
        stages=(Stage.AUTH,),
    ),
    Row(NO_ACCESS, codes=(5,), stages=(Stage.AUTH,)),
    Row(
        _broken(
            Reason.CREDENTIALS_EXPIRED,
            "The mail server wants a login first; give the channel its username and password.",
        ),
        codes=(530,),
    ),
    # Who sends
    Row(TOO_LARGE, codes=(5,), enhanced=("5.3.4", "5.2.3")),
    Row(TOO_LARGE, codes=(552,), enhanced=("",), stages=(Stage.MAIL, Stage.DATA, Stage.END)),
    Row(
        _rejected(
            Reason.BAD_REQUEST,
            "The mail server does not know what it is asked; report it as a bug of the gateway.",
        ),
        codes=(500, 501, 502, 503, 504, 555),
        stages=(Stage.MAIL,),
    ),
    Row(NO_SENDER, codes=(550, 551, 553, 554), stages=(Stage.MAIL,)),
    Row(NO_SENDER, codes=(5,), enhanced=("5.1.7", "5.1.8")),
    Row(NO_SENDER, codes=(5,), words="sender address rejected"),
    Row(
        _broken(
            Reason.CHANNEL_MISCONFIGURED,
            "The mail server sends nothing on for us; give the channel a username and a password, "
            "or let the server relay for this host.",
        ),
        codes=(5,),
        stages=(Stage.RCPT,),
        words="relay access denied",
    ),
    # To whom
    Row(
        Rule(
            Kind.THROTTLED,
            Reason.PAIR_RATE_LIMITED,
            "This person gets mail faster than their provider takes it; only this conversation "
            "waits.",
            Scope.LEG,
            MINUTE_S,
        ),
        codes=(450,),
        enhanced=("4.2.1",),
        stages=TO_WHOM,
    ),
    Row(
        _deferred(
            "The recipient's mailbox is full; it is tried again every hour, for a day at most.",
            HOUR_S,
        ),
        codes=(4,),
        enhanced=("4.2.2",),
        stages=TO_WHOM,
    ),
    Row(
        _deferred("Too many recipients at once; name fewer for copies.", MINUTE_S),
        codes=(452,),
        enhanced=("4.5.3",),
        stages=(Stage.RCPT,),
    ),
    Row(
        _deferred(
            "The recipient's server lets strangers wait before it takes their mail; it is tried "
            "again after five minutes.",
            5 * MINUTE_S,
        ),
        codes=(450, 451),
        enhanced=("4.7.1", "4.7.0", "4.2.0"),
        stages=TO_WHOM,
    ),
    Row(
        _deferred(
            "The recipient's server does not take it now, and does not say why; it is tried again "
            "after five minutes.",
            5 * MINUTE_S,
        ),
        codes=(450, 451),
        enhanced=("",),
        stages=(Stage.RCPT,),
    ),
    Row(
        _deferred("The recipient's server does not take it now; it is tried again for a day."),
        codes=(4,),
        enhanced=("4.1.", "4.2.", "4.4.", "4.7."),
        stages=TO_WHOM,
    ),
    Row(
        _down("The mail server has no room or is overloaded; sending goes on when it has."),
        codes=(4,),
        enhanced=("4.3.",),
    ),
    Row(NOBODY, codes=(5,), enhanced=("5.1.", "5.4.1", "5.4.4"), stages=TO_WHOM),
    Row(
        _rejected(
            Reason.RECIPIENT_UNREACHABLE,
            "The recipient's mailbox is full; reach the person on another channel.",
        ),
        codes=(5,),
        enhanced=("5.2.2",),
        stages=TO_WHOM,
    ),
    Row(
        _rejected(
            Reason.RECIPIENT_UNREACHABLE,
            "The recipient's mailbox is switched off; reach the person on another channel.",
        ),
        codes=(5,),
        enhanced=("5.2.1",),
        stages=TO_WHOM,
    ),
    Row(DISTRUST, codes=(5,), enhanced=("5.7.",), stages=TO_WHOM),
    Row(
        _rejected(
            Reason.CONTENT_UNSUPPORTED,
            "A server on the way cannot pass the mail on as it is; send it with less in it.",
        ),
        codes=(5,),
        enhanced=("5.6.",),
        stages=TO_WHOM,
    ),
    Row(
        _rejected(
            Reason.RECIPIENT_UNREACHABLE,
            "The recipient's mailbox is full; reach the person on another channel.",
        ),
        codes=(552,),
        enhanced=("",),
        stages=(Stage.RCPT,),
    ),
    Row(NOBODY, codes=(550, 551, 553), enhanced=("",), stages=(Stage.RCPT,)),
    Row(DISTRUST, codes=(550, 554), enhanced=("",), stages=TO_WHOM),
    # Whatever else
    Row(
        _down("The mail server takes no mail of this account now; sending goes on when it does."),
        codes=(4,),
        stages=(Stage.MAIL,),
    ),
    Row(STUMBLED, codes=(4,)),
    Row(REFUSED, codes=(5,)),
)
