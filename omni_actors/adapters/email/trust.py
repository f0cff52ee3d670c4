"""How sure it is that whoever a mail names wrote it.

Anybody can write any header. What counts is what the account's own server says of its checks, where
it says so: above all that came with the mail.
https://www.rfc-editor.org/rfc/rfc8601
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Final

from attrs import field, frozen

from omni_actors.adapters.email.headers import Headers, shown
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import Trust

RESULTS_CHARS_MAX: Final = 8192
RESULTS_MAX: Final = 50
TOLD: Final = ("spf", "dkim", "dmarc", "arc", "compauth")
# With these nobody knows which of the addresses was checked, or it is the list's.
DOUBTS: Final = frozenset(
    ("several_from_fields", "several_senders", "ambiguous_from", "through_list")
)

_TOKEN = re.compile(r"\"((?:[^\"\\]|\\.)*+)\"|([^\s\";=]++)|(=)|(;)")
_BY = re.compile(r"\bby\s+\[?([^\s;\[\]()]{1,255})", re.IGNORECASE)
_FIELD = "authentication-results"


@frozen
class Witness:
    """Whose results are believed: a server's by its name, or that of a provider whose servers stand
    below `host` and, if `unnamed`, give no name. Without either nobody is.

    `single`: it writes one field, so that others came with the mail.
    """

    name: str = ""
    host: str = ""
    unnamed: bool = False
    single: bool = False

    @property
    def is_anybody(self) -> bool:
        return bool(self.name) or self.unnamed

    def wrote(self, given: str) -> bool:
        """Whether it is this one that gives its results under a name."""
        return given.lower() == self.name if given else self.unnamed

    def is_own(self, host: str) -> bool:
        """Whether a server that took the mail is one of the account's."""
        lower = host.lower().rstrip(".")
        if "." not in lower or _is_address(lower):
            return True
        own = self.host or self.name
        below = own.partition(".")[2] if own.count(".") > 1 and not self.host else own
        return lower in (own, below) or lower.endswith(f".{below}")


# What providers' servers write; a channel's own authserv_id goes before it.
_GMAIL: Final = Witness("mx.google.com", "google.com", single=True)
# https://learn.microsoft.com/en-us/defender-office-365/message-headers-eop-mdo
_MICROSOFT: Final = Witness("", "outlook.com", unnamed=True, single=True)


def witness(authserv_id: str, provider: str) -> Witness:
    """Whom an account of a provider believes."""
    if provider == "microsoft365" and not authserv_id:
        return _MICROSOFT
    if authserv_id == _GMAIL.name:
        return _GMAIL
    return Witness(authserv_id.lower())


@frozen
class Result:
    """What one check gave, such as `dkim`, `pass` and {"header.d": "example.com"}."""

    method: str
    result: str
    properties: Mapping[str, str] = field(factory=dict)


def results(headers: Headers, witness: Witness) -> tuple[Result, ...]:
    """What the account's own server says of a mail; nothing of what anybody else does."""
    found: dict[str, list[Result]] = {}
    for name, value in _above(headers, witness):
        if name != _FIELD:
            if found:
                break  # only what stands together
            continue
        server, told = read(headers.spelled(value))
        if not witness.wrote(server):
            continue
        fresh: dict[str, list[Result]] = {}
        for result in told:
            if result.method not in found:
                fresh.setdefault(result.method, []).append(result)
        found |= fresh
        if witness.single:
            break
    return tuple(result for told in found.values() for result in told)


def _above(headers: Headers, witness: Witness) -> Sequence[tuple[str, bytes]]:
    """The fields that stand above the first server that is not the account's."""
    if not witness.is_anybody:
        return ()
    for place, (name, value) in enumerate(headers.fields):
        if name == "received" and not _is_own_hop(headers.spelled(value), witness):
            return headers.fields[:place]
    return headers.fields


def _is_own_hop(received: str, witness: Witness) -> bool:
    by = _BY.search(_bare(received[:RESULTS_CHARS_MAX]))
    return by is None or witness.is_own(by[1])


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removeprefix("ipv6:"))
    except ValueError:
        return False
    return True


def read(written: str) -> tuple[str, list[Result]]:
    """A field: the name of the server, empty where it gives none, and its results."""
    first, *others = _clauses(written[:RESULTS_CHARS_MAX])
    server = first[0] if first and "=" not in first[:2] else ""
    clauses = others if server or not first else [first, *others]
    told = [_result(clause) for clause in clauses[:RESULTS_MAX]]
    return shown(server), [result for result in told if result]


def _clauses(written: str) -> list[list[str]]:
    clauses: list[list[str]] = [[]]
    for token in _TOKEN.finditer(_bare(written)):
        if token[4]:
            clauses.append([])
        else:
            clauses[-1].append(token[1] if token[1] is not None else token[0])
    return clauses


def _result(clause: list[str]) -> Result | None:
    if len(clause) < 3 or clause[1] != "=":
        return None
    method = clause[0].partition("/")[0].lower()
    if not method:
        return None
    pairs = zip(clause[3:], clause[4:], clause[5:], strict=False)
    properties = {name.lower(): value.lower() for name, sign, value in pairs if sign == "="}
    return Result(method, clause[2].lower(), properties)


def _bare(written: str) -> str:
    """A value without its comments."""
    kept: list[str] = []
    depth, quoted, begin = 0, False, 0
    for place, char in enumerate(written):
        if char == '"' and not depth:
            quoted = not quoted
        elif char == "(" and not quoted:
            if not depth:
                kept.append(written[begin:place])
            depth += 1
        elif char == ")" and depth:
            depth -= 1
            if not depth:
                begin = place + 1
    return " ".join([*kept, written[begin:]]) if not depth else " ".join(kept)


def trust_of(told: Sequence[Result], sender: str, doubts: Sequence[str] = ()) -> Trust:
    """What the results say of the sender's address."""
    domain = sender.rpartition("@")[2]
    if any(result.method == "dmarc" and result.result == "fail" for result in told):
        return Trust.FAILED
    if not domain or DOUBTS & {*doubts}:
        return Trust.UNVERIFIED
    return Trust.VERIFIED if any(_proves(result, domain) for result in told) else Trust.UNVERIFIED


def _proves(result: Result, domain: str) -> bool:
    """Whether a check proves the domain of a sender: DMARC, or a signature of it or of what it is a
    part of. What a part has signed proves nothing of the whole: others may own it."""
    if result.result != "pass":
        return False
    named = result.properties
    if result.method == "dmarc":
        return named.get("header.from", domain).rpartition("@")[2] == domain
    if result.method != "dkim":
        return False
    signer = named.get("header.d") or named.get("header.i", "").rpartition("@")[2]
    return "." in signer and (domain == signer or domain.endswith(f".{signer}"))


def told_of(told: Sequence[Result]) -> JsonObject:
    """The results as they are shown: one for each check, the best of several."""
    shown_results: dict[str, str] = {}
    for result in told:
        if result.method in TOLD and shown_results.get(result.method) != "pass":
            shown_results[result.method] = result.result
    return dict(shown_results)
