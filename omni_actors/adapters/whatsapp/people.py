"""How WhatsApp names people: phone numbers, business-scoped user ids (BSUID) and their parents.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from attrs import evolve, field, frozen

from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import GROUP, IdentityKey

PHONE = "phone"
BSUID = "bsuid"
PARENT_BSUID = "parent_bsuid"
STRENGTH = {BSUID: 0, PHONE: 1, PARENT_BSUID: 2}
GROUP_PREFIX = "group:"

_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_DIGITS = re.compile(r"[0-9]{4,20}")
_E164 = re.compile(r"[1-9][0-9]{6,14}")
_GROUP_ID = re.compile(r"[A-Za-z0-9+/=_:.-]{1,256}")
_BETWEEN_DIGITS = re.compile(r"[\s()\-]")


@frozen
class Person:
    """Someone a report is about; `keys` strongest first.

    `key_hash` is of the key that their phone encrypts with, told of numbers that check it.
    """

    keys: tuple[IdentityKey, ...]
    name: str | None = None
    username: str | None = None
    key_hash: str | None = None


def key(kind: str, value: object) -> IdentityKey | None:
    """One identity key. A BSUID is known by its form, also where a phone number was expected."""
    found = (text(value) or "").strip()
    if kind == PHONE and found.isascii() and found.isdigit():  # as nearly all are
        return IdentityKey(PHONE, found) if _DIGITS.fullmatch(found) else None
    if user_id := _USER_ID.fullmatch(found):
        return IdentityKey(PARENT_BSUID if user_id[1] else BSUID, found)
    if kind != PHONE:
        return IdentityKey(kind, found) if found else None
    digits = _BETWEEN_DIGITS.sub("", found).removeprefix("+")
    return IdentityKey(PHONE, digits) if _DIGITS.fullmatch(digits) else None


def keys(*named: tuple[str, object]) -> tuple[IdentityKey, ...]:
    """The keys of one person from (kind, value) pairs, each once, strongest first."""
    found = [key(kind, value) for kind, value in named if value is not None]
    return strongest_first([each for each in found if each is not None])


def group_keys(group_id: object) -> tuple[IdentityKey, ...]:
    """The key of a group; none for what is no id."""
    found = text(group_id)
    return (IdentityKey(GROUP, found),) if found else ()


def sender_keys(message: JsonObject) -> tuple[IdentityKey, ...]:
    """The keys of whoever wrote a message."""
    return keys(
        (PHONE, message.get("from")),
        (BSUID, message.get("from_user_id")),
        (PARENT_BSUID, message.get("from_parent_user_id")),
    )


def receiver_keys(message: JsonObject) -> tuple[IdentityKey, ...]:
    """The keys of whoever a message went to."""
    return keys(
        (PHONE, message.get("to")),
        (BSUID, message.get("to_user_id")),
        (PARENT_BSUID, message.get("to_parent_user_id")),
    )


def digits(number: Json) -> str | None:
    """The digits of a phone number as the platform writes it for people; None if it is none."""
    return _digits(number) if isinstance(number, str) else _digits_of(number)


def _digits_of(number: Json) -> str | None:
    found = key(PHONE, number)
    return found.value if found is not None and found.kind == PHONE else None


# The numbers of the business itself, which stand in every document.
_digits = lru_cache(maxsize=1024)(_digits_of)


def strongest_first(found: Iterable[IdentityKey]) -> tuple[IdentityKey, ...]:
    """Each key once, in the order in which a person is looked up by them."""
    once = tuple(dict.fromkeys(found))
    return once if len(once) < 2 else tuple(sorted(once, key=_strength))


def _strength(key: IdentityKey) -> int:
    return STRENGTH[key.kind]


NOBODY = Person(())


@frozen
class Cards:
    """The people named beside the items of one change, found by any of their keys."""

    by_key: Mapping[IdentityKey, Person] = field(factory=dict)
    only: Person = NOBODY

    @classmethod
    def read(cls, contacts: Json) -> "Cards":
        """Read the cards; of two with the same key the first is meant."""
        people = [_on_card(card) for card in map(mapping, sequence(contacts)) if card]
        by_key = {key: each for each in reversed(people) for key in each.keys}
        return cls(by_key, people[0] if len(people) == 1 else NOBODY)

    def person(self, own: tuple[IdentityKey, ...]) -> Person:
        """The person with these keys, completed by the card that shares the strongest of them.

        An item that names nobody can only be about the person on the only card.
        """
        card = self._of(own)
        if card.keys == own:
            return card
        return evolve(card, keys=strongest_first((*own, *card.keys)))

    def _of(self, own: tuple[IdentityKey, ...]) -> Person:
        if not own:
            return self.only
        return next((self.by_key[key] for key in own if key in self.by_key), NOBODY)


def _on_card(card: JsonObject) -> Person:
    profile = mapping(card.get("profile"))
    username = (text(profile.get("username")) or "").removeprefix("@")
    found = keys(
        (BSUID, card.get("user_id")),
        (PHONE, card.get("wa_id")),
        (PARENT_BSUID, card.get("parent_user_id")),
    )
    key_hash = text(card.get("identity_key_hash"))
    return Person(found, text(profile.get("name")), username or None, key_hash)


def address(written: str, _channel_key: str = "") -> tuple[IdentityKey, ...]:
    """The identity that `to.address` names, on whichever number. Raises BadAddress."""
    if (group_id := written.strip()).startswith(GROUP_PREFIX):
        return _group(group_id.removeprefix(GROUP_PREFIX))
    if user_id := _USER_ID.fullmatch(written.strip()):
        return (IdentityKey(PARENT_BSUID if user_id[1] else BSUID, user_id[0]),)
    digits = _BETWEEN_DIGITS.sub("", written).removeprefix("+")
    if not _E164.fullmatch(digits):
        raise BadAddress(
            "a WhatsApp address is a phone number with its country code, such as +447700900123, "
            "a business-scoped user id, such as GB.7204418893310556, or group: and the id of a "
            "group"
        )
    return (IdentityKey(PHONE, digits),)


def _group(group_id: str) -> tuple[IdentityKey, ...]:
    if not _GROUP_ID.fullmatch(group_id):
        raise BadAddress(
            "the address of a group is group: and the id that WhatsApp gave it, such as "
            "group:Y2FwaV9ncm91cDoxNzA1NTU1"
        )
    return group_keys(group_id)
