"""What `messenger doctor` and `instagram doctor` find, and what they mend when asked."""

from typing import Any

import pytest

from omni_actors.adapters import ADAPTERS
from omni_actors.adapters.contract import Checked, OurHook, Visit
from omni_actors.adapters.instagram.oauth import NEEDED_FIELDS
from omni_actors.adapters.messenger.oauth import FIELDS
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import Auth, HttpCall
from tests.adapters.kit import play
from tests.adapters.meta.test_check import (
    ACCOUNT,
    APP,
    FB,
    GOOD,
    LINKED,
    OWN,
    PAGE,
    reply,
    subscribed,
)

URL = "https://gw.example/webhooks/meta"
HOOK = OurHook("meta", "meta", URL, "verify", signed=True)
VISIT = Visit(1_790_000_000.0, (HOOK,), app_secret=True)
ME = {
    "id": PAGE,
    "name": "Tea",
    "user_id": ACCOUNT,
    "instagram_business_account": {"id": ACCOUNT},
}
DONE = reply({"success": True})


def app(*fields: str, url: str | None = URL, object: str = "page") -> Any:
    listed = [{"name": name, "version": "v25.0"} for name in fields]
    told = {"object": object, "callback_url": url, "active": True, "fields": listed}
    return reply({"data": [{"object": "user", "fields": []}, told]})


def well(*fields: str) -> list[Any]:
    """A good token, the right account, and its webhooks of these fields."""
    return [reply(GOOD), reply(ME), subscribed(*fields)]


def examined(
    settings: Any, *replies: Any, visit: Visit = VISIT
) -> tuple[list[HttpCall], list[Checked]]:
    platform = "messenger" if isinstance(settings, MessengerSettings) else "instagram"
    doctor = ADAPTERS[platform].doctor
    assert doctor is not None
    calls, found = play(doctor(settings, visit), *replies)
    return calls, list(found)


def verdicts(found: list[Checked]) -> list[tuple[str, bool | None]]:
    return [(each.subject, each.ok) for each in found]


ACCOUNT_WELL = [("token", True), ("account", True), ("webhooks", True)]
APP_WELL = [("fields", True), ("callback", True), ("secret", True)]


def test_a_page_is_well_with_its_app() -> None:
    calls, found = examined(FB, *well(*FIELDS), app(*FIELDS))

    assert verdicts(found) == ACCOUNT_WELL + APP_WELL
    assert (calls[-1].url, calls[-1].auth) == (FB.url(APP, "subscriptions"), Auth.APP)


def test_an_account_that_is_linked_to_a_page_is_well_with_notes() -> None:
    _, found = examined(LINKED, *well("messages"), app("messages", object="instagram"))

    assert verdicts(found) == [*ACCOUNT_WELL, APP_WELL[0], ("fields", None), *APP_WELL[1:]]
    assert "message_edit" in found[4].sentence


def test_the_app_of_an_instagram_login_is_not_asked() -> None:
    me = reply({"user_id": ACCOUNT, "username": "tea"})
    _, found = examined(OWN, me, me, subscribed(*NEEDED_FIELDS))

    assert verdicts(found)[3:] == [("fields", None), ("callback", None), ("secret", True)]
    assert f"callback URL must be {URL}" in found[4].sentence


@pytest.mark.parametrize(
    ("settings", "told", "subject", "words"),
    [
        (FB, app("messages"), "fields", "the app itself does not get message_echoes"),
        (FB, reply({"data": []}), "fields", "does not get messages, message_echoes"),
        (FB, app(*FIELDS, url="https://old.example"), "callback", "no hook of this config"),
        (FB, reply({"error": {"code": 190}}, 400), "fields", "the app cannot be asked"),
        (
            MessengerSettings(PAGE, app_id=APP, fields=("feed",)),
            app(*FIELDS),
            "fields",
            "does not get feed",
        ),
        (LINKED, app("standby", object="instagram"), "fields", "does not get messages, so"),
    ],
)
def test_what_the_app_lacks_is_told(settings: Any, told: Any, subject: str, words: str) -> None:
    _, found = examined(settings, *well(*FIELDS, "feed"), told)

    assert words in next(
        each.sentence for each in found if (each.subject, each.ok) == (subject, False)
    )


def test_without_the_secret_of_the_app_it_cannot_be_seen() -> None:
    _, found = examined(FB, *well(*FIELDS), visit=Visit(1.0, (HOOK,)))

    assert verdicts(found)[3:5] == [("fields", None), ("callback", None)]
    assert "put app_id and app_secret into the config" in found[3].sentence


def test_what_lacks_is_ordered_when_that_is_asked_for() -> None:
    visit = Visit(1.0, (HOOK,), app_secret=True, subscribe=True, pin="123456")
    calls, found = examined(
        FB,
        *well("messages"),
        subscribed("messages"),
        DONE,
        subscribed(*FIELDS),
        app("messages", "feed"),
        DONE,
        app(*FIELDS, "feed"),
        visit=visit,
    )

    assert verdicts(found)[2:] == [
        ("subscribe", True), ("webhooks", True), ("register", None), ("subscribe", True), *APP_WELL,
    ]  # fmt: skip
    form = calls[-2].form or {}
    assert (form["object"], form["callback_url"], form["verify_token"]) == ("page", URL, "verify")
    assert set(form["fields"].split(",")) == {*FIELDS, "feed"}


def test_what_goes_elsewhere_is_left_alone() -> None:
    visit = Visit(1.0, (HOOK,), app_secret=True, subscribe=True)
    elsewhere = app("messages", url="https://old.example")

    _, found = examined(FB, *well(*FIELDS), elsewhere, elsewhere, visit=visit)

    assert ("subscribe", False) in verdicts(found)
    assert "which is left alone" in found[3].sentence


def test_a_platform_that_is_out_of_reach_is_one_finding() -> None:
    away = SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE, text="no route"))

    _, found = examined(FB, away)

    assert verdicts(found) == [("platform", False)]
