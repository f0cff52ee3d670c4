"""What Messenger and Instagram channels are configured with, and how people are addressed there."""

from typing import Any

import pytest

from omni_actors.adapters.contract import BadAddress
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.instagram.settings import InstagramCredentials, InstagramSettings
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.messenger.settings import MessengerCredentials, MessengerSettings
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import Auth

PAGE, ACCOUNT = "104500000000001", "17841400000000009"
SANDBOX = "http://127.0.0.1:8090"


def test_a_page_is_all_that_must_be_set() -> None:
    settings = MessengerSettings(PAGE)

    assert MESSENGER.channel_key(settings) == PAGE
    assert settings.url("me") == "https://graph.facebook.com/v25.0/me"
    assert (settings.account_id, settings.auth) == (PAGE, Auth.PROOF)
    assert MESSENGER.token_hosts(settings) == {"graph.facebook.com"}


def test_an_account_with_a_login_of_its_own_has_a_host_of_its_own() -> None:
    settings = InstagramSettings(ACCOUNT)

    assert INSTAGRAM.channel_key(settings) == ACCOUNT
    assert settings.url(settings.account_id) == f"https://graph.instagram.com/v25.0/{ACCOUNT}"
    assert settings.auth is Auth.BEARER
    assert INSTAGRAM.token_hosts(settings) == {"graph.instagram.com"}


def test_an_account_behind_a_page_is_called_there_and_known_by_its_own_id() -> None:
    settings = InstagramSettings(ACCOUNT, login="facebook", page_id=PAGE)

    assert INSTAGRAM.channel_key(settings) == ACCOUNT
    assert settings.url(settings.account_id) == f"https://graph.facebook.com/v25.0/{PAGE}"
    assert settings.auth is Auth.PROOF


def test_an_account_with_a_login_of_its_own_is_not_called_at_its_page() -> None:
    assert InstagramSettings(ACCOUNT, page_id=PAGE).account_id == ACCOUNT


def test_a_login_through_a_page_names_the_page() -> None:
    with pytest.raises(ValueError, match="page_id must be the id of the linked page"):
        InstagramSettings(ACCOUNT, login="facebook")


def test_another_graph_may_be_named() -> None:
    assert MessengerSettings(PAGE, SANDBOX + "/").graph_url == SANDBOX
    assert InstagramSettings(ACCOUNT, graph_url=SANDBOX).graph_url == SANDBOX
    with pytest.raises(ValueError, match="graph_url must begin with https://"):
        InstagramSettings(ACCOUNT, graph_url="http://graph.example")


@pytest.mark.parametrize("written", ["", "@mughouse", "page-1", "1٢345"])
def test_a_name_is_no_id(written: str) -> None:
    with pytest.raises(ValueError, match="page_id must be the id in digits"):
        MessengerSettings(written)
    with pytest.raises(ValueError, match="ig_id must be the id in digits"):
        InstagramSettings(written)


def test_credentials_are_not_printed() -> None:
    page, account = MessengerCredentials("omni-t", "omni-s"), InstagramCredentials("omni-t")

    assert (MESSENGER.token(page), INSTAGRAM.token(account)) == ("omni-t", "omni-t")
    assert "omni" not in repr((page, account))


ADDRESSES = {
    "7300000000000001": "",
    " 7300000000000001 ": "",
    "comment:88_901": "comment_id",
    "comment:17900000000000321": "comment_id",
}
ONLY_THERE = [
    ("post:104500000000001_99", "post_id", MESSENGER, INSTAGRAM),
    ("user_ref:r-1", "user_ref", MESSENGER, INSTAGRAM),
    ("live:17900000000000321", "live_comment_id", INSTAGRAM, MESSENGER),
]


@pytest.mark.parametrize(("written", "kind"), ADDRESSES.items())
def test_an_address_is_an_id_of_one_page_or_account(written: str, kind: str) -> None:
    value = written.strip().rpartition(":")[2]

    assert MESSENGER.address(written, PAGE) == (IdentityKey(kind or "psid", value, PAGE),)
    assert INSTAGRAM.address(written, ACCOUNT) == (IdentityKey(kind or "igsid", value, ACCOUNT),)


@pytest.mark.parametrize(("written", "kind", "here", "there"), ONLY_THERE)
def test_what_only_one_of_them_knows_the_other_refuses(
    written: str, kind: str, here: Any, there: Any
) -> None:
    assert [key.kind for key in here.address(written, PAGE)] == [kind]
    with pytest.raises(BadAddress):
        there.address(written, PAGE)


@pytest.mark.parametrize("written", ["", "ana.dias", "+447700900123", "12", "comment:", "post:x"])
def test_anything_else_is_told_what_an_address_looks_like(written: str) -> None:
    with pytest.raises(BadAddress, match=r"PSID.* such as 7300000000000001"):
        MESSENGER.address(written, PAGE)
    with pytest.raises(BadAddress, match=r"IGSID.* such as 7300000000000001"):
        INSTAGRAM.address(written, ACCOUNT)
