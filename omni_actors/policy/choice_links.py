"""Links with which a person picks an option: signed names of an option of a part.

Whoever has one has seen the message, so it is good for nothing but that option, and not for ever.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from omni_actors.model.capabilities import PLAIN
from omni_actors.model.content import Card, Carousel, Choices, Content, Letter, Option
from omni_actors.model.ids import ALPHABET, CHANCE_BITS, LENGTH, PART
from omni_actors.policy.dialects import render_markdown
from omni_actors.policy.fitting import neat, reply_options
from omni_actors.policy.signing import check_letters

DAYS: Final = 60
LIFE_S: Final = DAYS * 86400.0
CHECK_LENGTH: Final = 16
OPTIONS_MAX: Final = len(ALPHABET) ** 2

_PREFIX: Final = f"{PART}_"
_TOKEN: Final = re.compile(
    f"([{ALPHABET}]{{{LENGTH}}})([{ALPHABET}]{{2}})([a-z2-7]{{{CHECK_LENGTH}}})"
)


@frozen
class Named:
    """An option by its place among those of a part."""

    part_id: str
    n: int


def token_of(key: bytes, part_id: str, n: int) -> str:
    """The name of option `n` of a part, 44 small letters and digits."""
    place = ALPHABET[n // len(ALPHABET)] + ALPHABET[n % len(ALPHABET)]
    body = part_id.removeprefix(_PREFIX) + place
    return body + _check(key, body)


def named(key: bytes, token: str) -> Named | None:
    """The option that a token names, if it is one of ours; total, in constant time."""
    found = _TOKEN.fullmatch(token)
    part, place, given = found.groups() if found else ("", "00", "")
    same = hmac.compare_digest(_check(key, part + place).encode(), given.encode())
    n = ALPHABET.index(place[0]) * len(ALPHABET) + ALPHABET.index(place[1])
    return Named(_PREFIX + part, n) if same and found else None


def ends_at(part_id: str) -> float:
    """When the links of a part end, in unix seconds; its id tells when it was made."""
    number = 0
    for char in part_id.removeprefix(_PREFIX):
        number = number * len(ALPHABET) + ALPHABET.index(char)
    return (number >> CHANCE_BITS) / 1000 + LIFE_S


def links(key: bytes, base: str, part_id: str, content: Content) -> Mapping[str, str]:
    """The pages below `base` on which the options of a part can be picked, by the options' ids."""
    options = enumerate(options_in(content)[:OPTIONS_MAX])
    return {option.id: f"{base}/c/{token_of(key, part_id, n)}" for n, option in options}


def options_in(content: Content) -> tuple[Option, ...]:
    """What of a message answers it, in its order, each id once."""
    match content:
        case Letter(content=inner):
            return options_in(inner)
        case Choices():
            found = [*map(neat, content.options)]
        case Card():
            found = [*reply_options([content])]
        case Carousel():
            found = [*reply_options(content.cards)]
        case _:
            found = []
    first: dict[str, Option] = {}
    for option in found:
        first.setdefault(option.id, option)
    return tuple(first.values())


def question_in(content: Content) -> str:
    """What is asked, as plain text."""
    match content:
        case Letter(content=inner):
            return question_in(inner)
        case Choices(text=text, format="markdown"):
            return render_markdown(text, PLAIN).text
        case Choices(text=text):
            return text
        case Card():
            return "\n".join(filter(None, [content.title, content.text]))
        case Carousel():
            return content.text or ""
        case _:
            return ""


def _check(key: bytes, body: str) -> str:
    return check_letters(key, f"choice:{body}", CHECK_LENGTH)
