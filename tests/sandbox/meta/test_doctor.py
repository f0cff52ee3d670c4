"""`omni-actors messenger doctor` and `instagram doctor` at the pretend platform."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from omni_actors import cli
from omni_actors.cli_exits import Exit
from omni_actors.sandbox import SandboxSettings
from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount
from tests.sandbox.conftest import Play

PAGE, ACCOUNT = MessengerAccount().page_id, InstagramAccount().ig_id
CONFIG = """\
[server]
public_url = "{public}"

[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["sandbox-secret"]
verify_token = "sandbox-verify"

[[channels]]
id = "fb"
platform = "messenger"
page_id = "{page}"
access_token = "sandbox-page-token"
app_secret = "sandbox-secret"
app_id = "70001"
graph_url = "{graph}"

[[channels]]
id = "ig"
platform = "instagram"
login = "facebook"
ig_id = "{account}"
page_id = "{page}"
access_token = "sandbox-page-token"
app_secret = "sandbox-secret"
app_id = "70001"
graph_url = "{graph}"
"""
Findings = list[dict[str, Any]]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def settings() -> SandboxSettings:
    accounts = (MessengerAccount(require_proof=True), InstagramAccount(require_proof=True))
    return SandboxSettings(bind="127.0.0.1:0", accounts=accounts)


@pytest.fixture
def config(play: Play, tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    public = play.hook.url.removesuffix("/webhooks/meta")
    graph = play.sandbox.url
    path.write_text(CONFIG.format(public=public, page=PAGE, account=ACCOUNT, graph=graph))
    return path


async def examined(
    config: Path, capsys: Captured, platform: str, channel: str, *more: str
) -> tuple[int, Findings]:
    words = [platform, "doctor", channel, "--json", "--config", str(config), *more]
    code = await trio.to_thread.run_sync(cli.run, words)
    printed = capsys.readouterr()
    assert "sandbox-secret" not in printed.out + printed.err
    return code, [json.loads(line) for line in printed.out.splitlines()]


def bad(findings: Findings) -> dict[str, str]:
    return {each["place"]: each["sentence"] for each in findings if each["ok"] is False}


@pytest.mark.parametrize(("platform", "channel"), [("messenger", "fb"), ("instagram", "ig")])
async def test_all_is_well(config: Path, capsys: Captured, platform: str, channel: str) -> None:
    code, findings = await examined(config, capsys, platform, channel)

    assert (code, bad(findings)) == (Exit.OK, {})
    subjects = [each["place"].partition(".")[2] for each in findings if each["ok"]]
    assert subjects == ["token", "account", "webhooks", "fields", "callback", "secret"]


@pytest.mark.slow
async def test_what_the_page_and_its_app_lack_is_told_and_ordered(
    play: Play, config: Path, capsys: Captured
) -> None:
    told = {"subscribed": False, "app_fields": ["messages", "feed"]}
    await play.client.post(f"/sandbox/messenger/{PAGE}/standing", json=told)

    ill, before = await examined(config, capsys, "messenger", "fb")
    well, after = await examined(config, capsys, "messenger", "fb", "--subscribe")

    assert (ill, set(bad(before))) == (Exit.FAILED, {"fb.webhooks", "fb.fields"})
    assert "the app itself does not get message_echoes" in bad(before)["fb.fields"]
    assert [each["sentence"] for each in after if each["place"] == "fb.subscribe"] == [
        "the webhooks of the account were ordered",
        f"the app's webhooks were subscribed to {play.hook.url}",
    ]
    assert (well, bad(after)) == (Exit.OK, {})


async def test_of_a_connected_page_it_says_where_to_look(config: Path, capsys: Captured) -> None:
    words = ["messenger", "doctor", "messenger-1", "--config", str(config)]
    code = await trio.to_thread.run_sync(cli.run, words)

    assert code == Exit.USAGE
    assert "`omni-actors channels show messenger-1` tells" in capsys.readouterr().err
