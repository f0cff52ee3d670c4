"""Spells the commands of SMTP; nothing that a caller gives can end a line (RFC 5321, 4.1)."""

import re
from typing import Final
from unicodedata import normalize

from omni_actors.wire.smtp_offers import Offers

LABEL_CHARS_MAX: Final = 63
LINE_BYTES_MAX: Final = 2048  # with parameters; a bare one is much shorter
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_WORD: Final = re.compile(r"[\x21-\x7e]+")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
# Letters that the older rules of domain names turn into others, which may be another's domain
# (RFC 5891 keeps them; https://www.unicode.org/reports/tr46/#Deviations).
_DEVIANT: Final = re.compile("[ßẞς]")
_JOINERS: Final = re.compile("[\u200c\u200d]")
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")


class Unspeakable(ValueError):
    """Something cannot be said to a mail server. The text names what, and why."""


def line(*words: str) -> bytes:
    """One command. Raises Unspeakable."""
    text = " ".join(words)
    if _UNSPEAKABLE.search(text):
        raise Unspeakable(f"an argument of {words[0]} holds a control character")
    spelled = text.encode() + b"\r\n"
    if len(spelled) > LINE_BYTES_MAX:
        raise Unspeakable(f"an argument of {words[0]} is too long: {len(spelled)} bytes")
    return spelled


def hello(verb: str, name: str) -> bytes:
    """EHLO or HELO."""
    if not _WORD.fullmatch(name):
        raise Unspeakable(f"the name for {verb} must be ASCII without blanks: {name!r}")
    return line(verb, name)


def mail_from(sender: str, offers: Offers, *, size: int, envelope_id: str, utf8: bool) -> bytes:
    """MAIL, with what the server offers to be told. Raises Unspeakable.

    What is composed is ASCII but for addresses, so only with them are there eight bits.
    """
    words = ["MAIL", f"FROM:<{address(sender) if sender else ''}>"]
    if offers.sizes:
        words.append(f"SIZE={size}")
    if utf8:
        words += ["SMTPUTF8", "BODY=8BITMIME"]
    if offers.dsn:
        words.append("RET=HDRS")
        if envelope_id:
            words.append(f"ENVID={xtext(envelope_id)}")
    return line(*words)


def rcpt_to(recipient: str, offers: Offers, notify: str) -> bytes:
    """RCPT, with the reports that are wanted where the server knows of them."""
    words = ["RCPT", f"TO:<{address(recipient)}>"]
    if offers.dsn:
        words.append(f"NOTIFY={notify}")
    return line(*words)


def address(text: str) -> str:
    """An address as it stands between `<` and `>`, its domain in ASCII. Raises Unspeakable."""
    local, at, domain = text.rpartition("@")
    plain = bool(local) and not re.search(r'[\s<>"\\,;:()\[\]@]', local)
    if not at or not domain or not (plain or _QUOTED.fullmatch(local)):
        raise Unspeakable(f"{text!r} is no mail address")
    if _UNSPEAKABLE.search(text) or re.search(r"[\s<>@\"\\]", domain):
        raise Unspeakable(f"{text!r} holds a character that no mail address has")
    return f"{local}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """A domain as the mail system knows it: `xn--…` for what is not ASCII. Raises Unspeakable."""
    if domain.isascii():
        return domain
    if _JOINERS.search(domain):
        raise Unspeakable(f"the domain {domain!r} must be given in its ASCII form (xn--…)")
    try:
        return ".".join([_ascii_label(label) for label in _DOTS.split(domain)])
    except UnicodeError:
        raise Unspeakable(f"the domain {domain!r} is no domain name") from None


def _ascii_label(label: str) -> str:
    """One label of a domain. Raises UnicodeError."""
    if not label:
        raise UnicodeError("a label is empty")
    if not _DEVIANT.search(label):
        return label.encode("idna").decode("ascii")
    spelled = "xn--" + normalize("NFKC", label.lower()).encode("punycode").decode("ascii")
    if len(spelled) > LABEL_CHARS_MAX:
        raise UnicodeError("a label is too long")
    return spelled


def needs_utf8(text: str) -> bool:
    """Whether an address can only be said to a server that takes UTF-8 (RFC 6531)."""
    return not text.rpartition("@")[0].isascii()


def xtext(text: str) -> str:
    """Text as a parameter's value (RFC 3461, 4). Raises Unspeakable."""
    if not re.fullmatch(r"[\x20-\x7e]{1,100}", text):
        raise Unspeakable(f"an envelope id must be 1 to 100 ASCII characters: {text!r}")
    return re.sub(r"[^\x21-\x2a\x2c-\x3c\x3e-\x7e]", lambda found: f"+{ord(found[0]):02X}", text)
