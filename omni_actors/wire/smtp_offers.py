"""What a mail server says that it can do, in its answer to EHLO (RFC 5321, 4.1.1.1)."""

from attrs import frozen

from omni_actors.wire.calls import SmtpReply


@frozen
class Offers:
    """Its extensions. `size_max` (bytes) is None where it names none; `auth` are mechanisms."""

    starttls: bool = False
    pipelining: bool = False
    sizes: bool = False
    size_max: int | None = None
    eight_bit: bool = False
    utf8: bool = False
    dsn: bool = False
    auth: tuple[str, ...] = ()


def offers_in(reply: SmtpReply) -> Offers:
    """Read the answer; its first line is a greeting. What we do not use is passed over."""
    words = [line.upper().split() for line in reply.text.split("\n")[1:]]
    named = {each[0]: each[1:] for each in words if each}
    size = next(iter(named.get("SIZE", [])), "")
    return Offers(
        starttls="STARTTLS" in named,
        pipelining="PIPELINING" in named,
        sizes="SIZE" in named,
        size_max=(int(size) or None) if size.isascii() and size.isdecimal() else None,
        eight_bit="8BITMIME" in named,
        utf8="SMTPUTF8" in named,
        dsn="DSN" in named,
        auth=_mechanisms(words),
    )


def _mechanisms(words: list[list[str]]) -> tuple[str, ...]:
    """Also of the old form `AUTH=LOGIN`, beside which some servers say the new one."""
    found: dict[str, None] = {}
    for each in words:
        if not each:
            continue
        first, old, rest = each[0].partition("=")
        if first == "AUTH":
            found.update(dict.fromkeys([rest, *each[1:]] if old else each[1:]))
    found.pop("", None)
    return tuple(found)
