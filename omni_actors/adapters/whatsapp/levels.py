"""What a number may do, as its profile tells: messages a second, and people a day.

https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
"""

from typing import Final

from omni_actors.adapters.reading import mapping, text
from omni_actors.adapters.whatsapp.account import people_a_day
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.settings import COEXISTENCE_PER_SECOND, WhatsAppSettings
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.limits import PER_SECOND, USERS_PER_DAY
from omni_actors.wire.calls import Flow, HttpCall, http

TIER: Final = "whatsapp_business_manager_messaging_limit"
LIMIT_FIELDS: Final = ("is_on_biz_app", "throughput", TIER)
# What a `throughput.level` allows in a second; the name of the higher one is not documented.
LEVELS: Final = {"STANDARD": 80, "HIGH": 1000}


def is_coexisting(number: JsonObject) -> bool:
    """Whether the number is in the WhatsApp Business app too."""
    return number.get("is_on_biz_app") is True


def level_of(number: JsonObject) -> str | None:
    """The number's level of throughput, in the platform's word."""
    return text(mapping(number.get("throughput")).get("level"))


def limits_in(number: JsonObject) -> JsonObject:
    """The limits that a profile tells, as news would (model/limits.py); what it leaves open is not
    in it.

    A number that is in the Business app too has its throughput for good, whatever its level.
    """
    told: dict[str, Json] = {}
    per_second = (
        COEXISTENCE_PER_SECOND if is_coexisting(number) else LEVELS.get(level_of(number) or "")
    )
    if per_second is not None:
        told[PER_SECOND] = per_second
    people = people_a_day(number.get(TIER))
    if USERS_PER_DAY in people:
        told[USERS_PER_DAY] = people[USERS_PER_DAY]
    return told


def ask_limits(settings: WhatsAppSettings) -> Flow[JsonObject]:
    """Ask what a number may do. Raises SendFailure."""
    asked = {"fields": ",".join(LIMIT_FIELDS)}
    call = HttpCall("GET", settings.number_url, settings.auth, query=asked, idempotent=True)
    return limits_in(answer((yield from http(call)), repeatable=True))
