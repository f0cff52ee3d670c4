"""Credentials that come over the API: read by the platform's class, never told of."""

from collections.abc import Iterator
from typing import Any

from attrs import NOTHING, asdict, fields

from omni_actors import telemetry
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.house import House
from omni_actors.model.json import JsonObject
from omni_actors.store.limits import PutCredentials
from omni_actors.store.rows import Channel


async def replace(house: House, channel: Channel, document: JsonObject, at: float) -> None:
    """Give a channel new credentials; its queue goes on by itself. Raises RequestError, Refused."""
    adapter = house.ground.adapters[channel.platform]
    secrets = credentials_of(adapter.credentials, document)
    verb = PutCredentials(channel.tenant, channel.id, secrets, at)
    house.changed(await house.ground.store.do(verb))
    telemetry.info("channel.credentials_replaced", channel_id=channel.id)


def credentials_of(cls: type[Any], document: JsonObject) -> JsonObject:
    """A document as this platform's credentials, whole. Raises RequestError with all mistakes."""
    mistakes = list(_mistakes(cls, document))
    if not mistakes:
        try:
            return asdict(cls(**document))
        except ValueError as wrong:
            mistakes = [Mistake("", str(wrong))]
    raise RequestError(
        Code.BAD_CREDENTIALS,
        "these are not the credentials of this platform",
        mistakes=tuple(mistakes),
    )


def _mistakes(cls: type[Any], document: JsonObject) -> Iterator[Mistake]:
    known = {each.name: each for each in fields(cls)}
    for name in document.keys() - known.keys():
        yield Mistake(f"/{name}", f"is not known here; there is {', '.join(known)}")
    for name, each in known.items():
        value = document.get(name)
        if name not in document:
            if each.default is NOTHING:
                yield Mistake(f"/{name}", "is missing")
        elif not isinstance(value, str) and not (value is None and each.default is None):
            yield Mistake(f"/{name}", "must be a string")
