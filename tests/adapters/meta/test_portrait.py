"""What Messenger and Instagram show of a person, and what they say when they show nothing."""

import json
from typing import Any

import pytest

from omni_actors.adapters import ADAPTERS
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.model.failure import Kind, Reason, SendFailure
from omni_actors.model.portrait import Portrait
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.wire.calls import HttpCall, HttpReply
from tests.adapters.kit import play

PAGE, ACCOUNT = "104500000000001", "17841400000000009"
SETTINGS: dict[str, Any] = {
    "messenger": MessengerSettings(page_id=PAGE),
    "instagram": InstagramSettings(ig_id=ACCOUNT),
}
PEOPLE = {
    "messenger": (IdentityKey("psid", "7300000000000001", PAGE),),
    "instagram": (IdentityKey("igsid", "8900000000000777", ACCOUNT),),
}
PICTURE = "https://scontent.example-cdn.net/p.jpg?oe=6B2F0A10"
REF = MediaRef({"url": PICTURE, "path": "/p.jpg"})


def asked(platform: str, told: Any, status: int = 200) -> tuple[HttpCall, Portrait]:
    portrait = ADAPTERS[platform].portrait
    assert portrait is not None
    answer = HttpReply(status, body=json.dumps(told).encode())
    [call], found = play(portrait(PEOPLE[platform], SETTINGS[platform]), answer)
    return call, found


@pytest.mark.parametrize(
    ("platform", "told", "portrait"),
    [
        (
            "messenger",
            {"name": "Ana Dias", "first_name": "Ana", "last_name": "Dias", "profile_pic": PICTURE},
            Portrait("Ana Dias", None, REF),
        ),
        ("messenger", {"first_name": "Ana", "last_name": "Dias"}, Portrait("Ana Dias")),
        ("messenger", {"first_name": "Ana", "last_name": ""}, Portrait("Ana")),
        (
            "instagram",
            {"name": "Ana Dias", "username": "ana.dias", "profile_pic": PICTURE},
            Portrait("Ana Dias", "ana.dias", REF),
        ),
        ("instagram", {"name": None, "username": "ana.dias"}, Portrait(None, "ana.dias")),
    ],
)
def test_what_the_platform_shows_is_the_portrait(
    platform: str, told: Any, portrait: Portrait
) -> None:
    call, found = asked(platform, told)

    assert found == portrait
    assert call.idempotent
    assert call.url.endswith(f"/{PEOPLE[platform][0].value}")


@pytest.mark.parametrize("told", [{}, {"id": "7300000000000001"}, []])
def test_an_empty_answer_is_that_the_platform_shows_nothing(told: Any) -> None:
    with pytest.raises(SendFailure, match="shows nothing") as caught:
        asked("messenger", told)

    assert caught.value.failure.kind is Kind.REJECTED


@pytest.mark.parametrize(
    ("platform", "code", "subcode", "kind"),
    [
        ("messenger", 2018218, None, Kind.REJECTED),
        ("messenger", 100, 2018218, Kind.REJECTED),
        ("messenger", 2018247, None, Kind.REJECTED),
        ("instagram", 230, None, Kind.REJECTED),
        ("instagram", 9010, None, Kind.REJECTED),
        ("instagram", 100, 2534014, Kind.REJECTED),
        ("instagram", 190, 463, Kind.BROKEN),
        ("instagram", 4, None, Kind.THROTTLED),
    ],
)
def test_a_refusal_says_whether_it_concerns_the_person_or_all(
    platform: str, code: int, subcode: int | None, kind: Kind
) -> None:
    error = {"code": code, "error_subcode": subcode, "message": "no"}

    with pytest.raises(SendFailure) as caught:
        asked(platform, {"error": error}, status=400)

    assert caught.value.failure.kind is kind


def test_nobody_is_asked_about_who_has_no_id_yet() -> None:
    portrait = ADAPTERS["messenger"].portrait
    assert portrait is not None

    with pytest.raises(SendFailure) as caught:
        play(portrait((IdentityKey("user_ref", "abc", PAGE),), SETTINGS["messenger"]))

    assert caught.value.failure.reason is Reason.RECIPIENT_INVALID
