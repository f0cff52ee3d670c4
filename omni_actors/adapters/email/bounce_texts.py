"""Reports of delivery that have no form, in the words of the programs that write them."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from omni_actors.adapters.email.bounce_codes import reply_in, status_in

TEXT_MAX: Final = 20_000
LINES_MAX: Final = 200
ADDRESSES_MAX: Final = 20
DIAGNOSIS_LINES: Final = 6
DIAGNOSIS_MAX: Final = 1000
OTHER: Final = "other"  # words that anybody may use

# A program, and what only it says; in lower case, blanks folded.
_FORMS: Final = (
    ("qmail", "this is the qmail-send program"),
    ("qmail", "this is the machine generated message from mail service"),
    ("postfix", "this is the mail system at host"),
    ("postfix", "this is the postfix program at host"),
    ("exim", "this message was created automatically by mail delivery software"),
    ("dragonfly", "this is the dragonfly mail agent"),
    ("yahoo", "sorry, we were unable to deliver your message to the following address"),
    ("yahoo", "message from yahoo.com"),
    ("gmail", "delivery to the following recipient failed permanently"),
    ("gmail", "delivery to the following recipients failed"),
    ("gmail", "your message wasn't delivered to"),
    ("gmail", "your message couldn't be delivered to"),
    ("gmail", "there was a problem delivering your message to"),
    ("gmail", "we're writing to let you know that the group you tried to contact"),
    ("exchange", "delivery has failed to these recipients or groups"),
    ("exchange", "delivery has failed to these recipients or distribution lists"),
    ("exchange", "your message did not reach some or all of the intended recipients"),
    ("exchange", "the following recipient(s) cannot be reached"),
    ("sendmail", "the following addresses had permanent fatal errors"),
    ("sendmail", "the following addresses had transient non-fatal errors"),
    ("sendmail", "the original message was received at"),
    ("courier", "this is a delivery status notification from"),
    ("courier", "undeliverable mail"),
    ("domino", "your message could not be delivered to"),
    ("mdaemon", "the attached message had permanent fatal delivery errors"),
    ("mdaemon", "permanent fatal errors"),
    ("mailru", "a message that you sent could not be delivered"),
    (OTHER, "could not be delivered"),
    (OTHER, "couldn't be delivered"),
    (OTHER, "undeliverable"),
    (OTHER, "delivery failed"),
    (OTHER, "delivery failure"),
    (OTHER, "unzustellbar"),
    (OTHER, "n'a pas pu être remis"),
    (OTHER, "no se pudo entregar"),
    (OTHER, "no se ha podido entregar"),
    (OTHER, "não pôde ser entregue"),
    (OTHER, "impossibile recapitare"),
    (OTHER, "kon niet worden bezorgd"),
    (OTHER, "не удалось доставить"),
)
_WAITS: Final = (
    "warning message only",
    "you do not need to resend",
    "has not yet been delivered",
    "delivery attempts will continue",
    "will continue to try",
    "will be retried",
    "keep trying",
    "delivery temporarily suspended",
    "has been delayed",
    "delivery incomplete",
)
# Below these stands what was sent, which may hold anything.
_BELOW: Final = (
    "--- below this line is a copy",
    "------ this is a copy of",
    "----- original message -----",
    "--- original message",
    "----- message header",
    "----- transcript of session",
    "original message headers",
    "--- the header of the original",
    "original message follows",
)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_BRACKETED = re.compile(rf"<({_ADDRESS.pattern})>")
_SPACES = re.compile(r"\s+")


@frozen
class Spoken:
    """A report in words: who it is of, for which addresses, and what the server said."""

    form: str
    addresses: tuple[str, ...]
    status: str
    text: str
    delayed: bool = False


def read(text: str, subject: str, failed: Sequence[str]) -> Spoken | None:
    """What a text of a mail server reports; `failed` are the addresses that its headers name."""
    told = "\n".join(_above(text[:TEXT_MAX]))
    folded = _SPACES.sub(" ", told.lower().replace("’", "'"))
    form = next((name for name, phrase in _FORMS if phrase in folded), "")
    if not form and failed:
        form = "exim"
    if not form and any(phrase in subject.lower() for name, phrase in _FORMS if name == OTHER):
        form = OTHER
    if not form:
        return None
    diagnosis = _diagnosis(told)
    addresses = tuple(dict.fromkeys(failed or _addresses(told)))[:ADDRESSES_MAX]
    delayed = any(phrase in folded for phrase in _WAITS)
    return Spoken(form, addresses, status_in(diagnosis or told), diagnosis, delayed)


def _above(text: str) -> Iterator[str]:
    """The lines of a report, without what was sent."""
    for line in text.split("\n")[:LINES_MAX]:
        lower = line.lower()
        if any(mark in lower for mark in _BELOW):
            return
        yield line


def _addresses(text: str) -> list[str]:
    """Whom it is about: addresses at the beginning of a line, else those in brackets."""
    lines = [line.strip().lstrip("<([*- ") for line in text.split("\n")]
    found = [address[0] for line in lines if (address := _ADDRESS.match(line))]
    return found or _BRACKETED.findall(text)


def _diagnosis(text: str) -> str:
    """What the server said: the lines from the first on that names a reply or a status."""
    lines = [line.strip() for line in text.split("\n")]
    for place, line in enumerate(lines):
        if status_in(line) or reply_in(line):
            said: list[str] = []
            for each in lines[place : place + DIAGNOSIS_LINES]:
                if not each and said:
                    break
                said.append(each)
            return " ".join(said)[:DIAGNOSIS_MAX]
    return _SPACES.sub(" ", text).strip()[:DIAGNOSIS_MAX]
