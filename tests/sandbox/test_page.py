"""The page about the sandbox tells the truth: its examples work in order, its tables are whole."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omni_actors.cli import SANDBOX_IMAP, SANDBOX_SMTP
from omni_actors.sandbox import INSTAGRAM_LOGIN, EmailAccount, InstagramAccount, MessengerAccount
from omni_actors.sandbox.email.letters import KEYS as KEYS_OF_MAIL
from omni_actors.sandbox.faults import KINDS
from omni_actors.sandbox.meta.channel import PERSON_KEYS
from omni_actors.sandbox.meta.limits import RATES
from omni_actors.sandbox.meta.standing import KEYS
from omni_actors.sandbox.registry import SAMPLE_ACCOUNTS
from omni_actors.sandbox.whatsapp.settings import SAMPLE_TEMPLATES, WhatsAppAccount
from tests.sandbox.conftest import Play

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sandbox.md"
SANDBOX_URL = "http://127.0.0.1:8090"
HOOK_URL = "http://127.0.0.1:8080/webhooks/meta"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST_CELL = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def examples(page: str) -> Iterator[list[str]]:
    """The arguments of every curl on the page, in order."""
    for block in BLOCK.findall(page):
        words = shlex.split(block.replace("\\\n", ""))
        starts = [at for at, word in enumerate(words) if word == "curl"]
        for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
            yield words[start + 1 : end]


def request_of(arguments: list[str]) -> dict[str, Any]:
    """What curl would ask for, as arguments of an httpx request."""
    request: dict[str, Any] = {"method": "GET"}
    words = iter(arguments)
    for word in words:
        match word:
            case "-X":
                request["method"] = next(words)
            case "-d":
                request["content"] = next(words)
            case "--data-binary":
                assert next(words).startswith("@")
                request["content"] = PNG
            case "-o":
                next(words)
            case "-H":
                name, _, value = next(words).partition(":")
                request.setdefault("headers", {})[name] = value.strip()
            case "-F":
                _add_field(request, *next(words).split("=", 1))
            case _:
                assert word.startswith("http"), f"an option that the test does not know: {word}"
                request["url"] = word
    return request


def _add_field(request: dict[str, Any], name: str, value: str) -> None:
    if not value.startswith("@"):
        request.setdefault("data", {})[name] = value
        return
    filename, _, mime_type = value[1:].partition(";type=")
    request.setdefault("files", {})[name] = (filename, PNG, mime_type)


@pytest.mark.slow
async def test_the_examples_work_in_the_order_in_which_they_stand(play: Play) -> None:
    page = PAGE.read_text("utf-8")
    here = page.replace(SANDBOX_URL, play.sandbox.url).replace(HOOK_URL, play.hook.url)
    asked = [request_of(arguments) for arguments in examples(here)]

    async with httpx.AsyncClient() as stranger:
        answers = [await stranger.request(**request) for request in asked]

    assert len(answers) >= 10
    refused = [(answer.request.url.path, answer.text) for answer in answers if answer.is_error]
    assert refused == []


def test_the_tables_name_every_fault_and_every_template() -> None:
    named = set(FIRST_CELL.findall(PAGE.read_text("utf-8")))

    assert {*KINDS, *(template.name for template in SAMPLE_TEMPLATES)} <= named


def test_the_accounts_of_meta_are_those_of_the_page() -> None:
    page = PAGE.read_text("utf-8")

    for account in (MessengerAccount(), InstagramAccount(), INSTAGRAM_LOGIN):
        for value in (account.channel_key, account.access_token, account.app_id):
            assert f"`{value}`" in page
        assert f"`{account.app_secret}`" in page
        assert f"`/sandbox/{account.platform}/{account.channel_key}/…`" in page


def test_the_page_names_every_key_of_a_standing_and_of_a_customer() -> None:
    page = PAGE.read_text("utf-8")

    for name in (*KEYS, *PERSON_KEYS, *RATES):
        assert f"`{name}`" in page


def test_the_sample_configuration_is_of_the_sample_accounts() -> None:
    """So that it runs against the sandbox as it stands."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "config.toml").read_text("utf-8"))
    config = tomllib.loads(text)
    accounts = {(each.platform, each.channel_key): each for each in SAMPLE_ACCOUNTS}
    keys = {
        "whatsapp": "phone_number_id",
        "messenger": "page_id",
        "instagram": "ig_id",
        "email": "address",
    }

    for channel in config["channels"]:
        account = accounts[channel["platform"], channel[keys[channel["platform"]]]]
        if isinstance(account, EmailAccount):
            assert (channel["password"], channel["authserv_id"]) == (account.password, account.host)
            assert f"127.0.0.1:{channel['imap']['port']}" == SANDBOX_IMAP
            assert f"127.0.0.1:{channel['smtp']['port']}" == SANDBOX_SMTP
            continue
        assert isinstance(account, WhatsAppAccount | MessengerAccount | InstagramAccount)
        assert channel["access_token"] == account.access_token
        assert account.app_secret in config["hooks"][0]["app_secrets"]
        assert channel.get("app_id", account.app_id) == account.app_id
        assert channel.get("app_secret", account.app_secret) == account.app_secret


def test_the_mail_account_is_that_of_the_page() -> None:
    page, account = PAGE.read_text("utf-8"), EmailAccount()

    for value in (account.address, account.password, account.access_token, account.host):
        assert f"`{value}`" in page
    for place in (SANDBOX_SMTP, SANDBOX_IMAP):
        assert place in page


def test_the_page_names_every_key_of_a_mail() -> None:
    page = PAGE.read_text("utf-8")

    for name in KEYS_OF_MAIL:
        assert re.search(rf'`"?{name}\b', page), name


def test_the_keys_are_those_of_the_sample_account() -> None:
    page, account = PAGE.read_text("utf-8"), WhatsAppAccount()

    for value in (account.phone_number_id, account.waba_id, account.access_token):
        assert f"`{value}`" in page
    for secret in (account.app_secret, account.verify_token):
        assert f"`{secret}`" in page
