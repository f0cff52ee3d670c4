"""The profile of a page or account and its faces: what goes over the wire, and what is refused."""

from typing import Any

import pytest

from omni_actors.adapters.instagram.profile import PROFILE as THERE
from omni_actors.adapters.messenger.profile import PERSONAS
from omni_actors.adapters.messenger.profile import PROFILE as DESK
from omni_actors.model.failure import Kind, SendFailure
from omni_actors.model.profile import (
    Command,
    Commands,
    Localized,
    Menu,
    MenuItem,
    NewPersona,
    Persona,
    Profile,
    Starter,
    Starters,
)
from tests.adapters.kit import play
from tests.adapters.meta.kit import BY_FACEBOOK, BY_INSTAGRAM, IG_ID, PAGE, PAGE_ID, answered

WHOLE = Profile(
    get_started="START",
    greeting=(Localized("Hi {{user_first_name}}"), Localized("Olá", "pt_PT")),
    starters=(Starters((Starter("Where is my order?", "FAQ_ORDER"),)),),
    menu=(
        Menu(
            (
                MenuItem("Talk to a person", id="HUMAN"),
                MenuItem("Shop", url="https://shop.example/", size="tall"),
            ),
            only=True,
        ),
    ),
    commands=(Commands((Command("flights", "Look for flights"),)),),
    domains=("https://shop.example/",),
    login_url="https://shop.example/login",
)
PROPERTIES: dict[str, Any] = {
    "get_started": {"payload": "START"},
    "greeting": [
        {"locale": "default", "text": "Hi {{user_first_name}}"},
        {"locale": "pt_PT", "text": "Olá"},
    ],
    "ice_breakers": [
        {
            "locale": "default",
            "call_to_actions": [{"question": "Where is my order?", "payload": "FAQ_ORDER"}],
        }
    ],
    "persistent_menu": [
        {
            "locale": "default",
            "composer_input_disabled": True,
            "call_to_actions": [
                {"type": "postback", "title": "Talk to a person", "payload": "HUMAN"},
                {
                    "type": "web_url",
                    "title": "Shop",
                    "url": "https://shop.example/",
                    "webview_height_ratio": "tall",
                },
            ],
        }
    ],
    "commands": [
        {
            "locale": "default",
            "commands": [{"name": "flights", "description": "Look for flights"}],
        }
    ],
    "whitelisted_domains": ["https://shop.example/"],
    "account_linking_url": "https://shop.example/login",
}
DONE = answered({"result": "success"})


def test_every_piece_of_a_profile_is_spelled_so() -> None:
    (call,), _ = play(DESK.put(WHOLE, PAGE), DONE)

    assert (call.method, call.url) == (
        "POST",
        "https://graph.facebook.com/v25.0/me/messenger_profile",
    )
    assert call.json == PROPERTIES


def test_only_the_pieces_that_are_given_are_set() -> None:
    (call,), _ = play(DESK.put(Profile(get_started="START"), PAGE), DONE)

    assert call.json == {"get_started": {"payload": "START"}}


def test_what_was_set_is_read_as_it_was_set() -> None:
    (call,), profile = play(DESK.read(PAGE), answered({"data": [PROPERTIES]}))

    assert call.query["fields"].split(",") == list(PROPERTIES)
    assert profile == WHOLE


@pytest.mark.parametrize("told", [{}, {"data": []}, {"data": [None, 3]}, {"data": "x"}])
def test_an_empty_profile_is_one_without_pieces(told: Any) -> None:
    _calls, profile = play(DESK.read(PAGE), answered(told))

    assert profile == Profile()


def test_pieces_are_taken_away_by_name() -> None:
    (call,), _ = play(DESK.clear(("menu", "starters"), PAGE), DONE)

    assert (call.method, call.json) == ("DELETE", {"fields": ["persistent_menu", "ice_breakers"]})


@pytest.mark.parametrize(
    ("settings", "url", "query"),
    [
        (
            BY_FACEBOOK,
            "https://graph.facebook.com/v25.0/me/messenger_profile",
            {"platform": "instagram"},
        ),
        (
            BY_INSTAGRAM,
            f"https://graph.instagram.com/v25.0/{IG_ID}/messenger_profile",
            {},
        ),
    ],
)
def test_an_account_has_a_profile_of_two_pieces(
    settings: Any, url: str, query: dict[str, str]
) -> None:
    wanted = Profile(
        starters=WHOLE.starters, menu=(Menu(WHOLE.menu[0].items),) if WHOLE.menu else None
    )

    (call,), _ = play(THERE.put(wanted, settings), DONE)

    (menu,) = call.json["persistent_menu"]
    assert (call.url, call.query) == (url, query)
    assert set(call.json) == {"ice_breakers", "persistent_menu"}
    assert "composer_input_disabled" not in menu
    assert menu["call_to_actions"][1] == {
        "type": "web_url",
        "title": "Shop",
        "url": "https://shop.example/",
    }


LONG = "x" * 1001
UNFIT: list[tuple[Profile, str]] = [
    (Profile(get_started=LONG), "/get_started"),
    (Profile(greeting=(Localized("x" * 161),)), "/greeting/0/text"),
    (Profile(greeting=(Localized("Olá", "pt_PT"),)), "/greeting"),
    (Profile(starters=(Starters((Starter("Why?", "Y"),) * 5),)), "/starters/0/questions"),
    (
        Profile(starters=(Starters((Starter("x" * 81, "Y"),)),)),
        "/starters/0/questions/0/question",
    ),
    (Profile(menu=(Menu((MenuItem("Shop", id="S"),) * 21),)), "/menu/0/items"),
    (Profile(menu=(Menu((MenuItem("x" * 21, id="S"),)),)), "/menu/0/items/0/title"),
    (Profile(menu=(Menu((MenuItem("Shop", id=LONG),)),)), "/menu/0/items/0/id"),
    (Profile(domains=("https://a.example/", "http://b.example/")), "/domains/1"),
    (Profile(login_url="http://shop.example/login"), "/login_url"),
]


@pytest.mark.parametrize(("profile", "pointer"), UNFIT, ids=[row[1] for row in UNFIT])
def test_what_the_platform_would_refuse_is_named_before_the_call(
    profile: Profile, pointer: str
) -> None:
    assert [each[0] for each in DESK.unfit(profile)] == [pointer]


def test_a_profile_that_fits_has_nothing_against_it() -> None:
    assert DESK.unfit(WHOLE) == []


def test_an_account_has_neither_a_greeting_nor_a_menu_that_stands_alone() -> None:
    pointers = [pointer for pointer, _why in THERE.unfit(WHOLE)]

    assert pointers == [
        "/get_started", "/greeting", "/commands", "/domains", "/login_url", "/menu/0/only"
    ]  # fmt: skip


def test_faces_are_made_listed_and_taken_away() -> None:
    (made,), rita = play(
        PERSONAS.create(NewPersona("Rita", "https://cdn.example/r.jpg"), PAGE),
        answered({"id": "9900"}),
    )
    (listed,), found = play(
        PERSONAS.all(PAGE),
        answered(
            {
                "data": [
                    {
                        "id": "9900",
                        "name": "Rita",
                        "profile_picture_url": "https://cdn.example/r.jpg",
                    },
                    {},
                ]
            }
        ),
    )
    (gone,), _ = play(PERSONAS.delete("9900", PAGE), answered({"success": True}))

    assert rita == Persona("9900", "Rita", "https://cdn.example/r.jpg")
    assert list(found) == [rita]
    assert made.json == {"name": "Rita", "profile_picture_url": "https://cdn.example/r.jpg"}
    assert made.url == listed.url == f"https://graph.facebook.com/v25.0/{PAGE_ID}/personas"
    assert (gone.method, gone.url) == ("DELETE", "https://graph.facebook.com/v25.0/9900")


def test_faces_are_listed_to_the_last() -> None:
    more = {"cursors": {"after": "QVFI1"}, "next": "https://graph.facebook.com/next"}
    pages = [{"data": [{"id": "1"}], "paging": more}, {"data": [{"id": "2"}]}]

    calls, found = play(PERSONAS.all(PAGE), *map(answered, pages))

    assert [each.id for each in found] == ["1", "2"]
    assert [call.query.get("after") for call in calls] == [None, "QVFI1"]


def test_a_face_whose_making_was_answered_badly_may_have_been_made() -> None:
    with pytest.raises(SendFailure) as failed:
        play(
            PERSONAS.create(NewPersona("Rita", "https://cdn.example/r.jpg"), PAGE),
            answered({"error": {"code": 1, "message": "?"}}, 500),
        )

    assert failed.value.failure.kind is Kind.UNKNOWN
