"""Names of parts that nobody can guess: in what a person's answer, or a machine's report, brings
back, they prove which part it is about."""

import hmac
import re
from typing import Final

from omni_actors.model.ids import ALPHABET, LENGTH, PART
from omni_actors.policy.signing import check_letters

KEY_BYTES: Final = 32
CHECK_LENGTH: Final = 10

_PREFIX: Final = f"{PART}_"
_TOKEN: Final = re.compile(f"([{ALPHABET}]{{{LENGTH}}})([a-z2-7]{{{CHECK_LENGTH}}})")


def token_of(key: bytes, part_id: str) -> str:
    """A part's id without its prefix and 50 bits of HMAC-SHA256, all in lower case and safe in the
    local part of an address, which mail programs may write in any case."""
    body = part_id.removeprefix(_PREFIX)
    return body + _check(key, body)


def part_of(key: bytes, token: str) -> str | None:
    """The part that a token names, if it is one of ours; total, in any case, in constant time."""
    if len(token) != LENGTH + CHECK_LENGTH:
        return None
    found = _TOKEN.fullmatch(token.lower())
    body, given = found.groups() if found else ("", "")
    same = hmac.compare_digest(_check(key, body).encode(), given.encode())
    return f"{_PREFIX}{body}" if same and found else None


def _check(key: bytes, body: str) -> str:
    return check_letters(key, f"part:{body}", CHECK_LENGTH)
