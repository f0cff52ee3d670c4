"""`omni-actors whatsapp doctor` at the pretend platform: all well, each thing missing, mended."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from omni_actors import cli
from omni_actors.cli_exits import Exit
from omni_actors.sandbox import SandboxSettings, WhatsAppAccount
from tests.sandbox.conftest import KEY, Play

CONFIG = """\
[server]
public_url = "{public}"

[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["{hook_secret}"]
verify_token = "sandbox-verify"

[[channels]]
id = "wa"
platform = "whatsapp"
phone_number_id = "{number}"
access_token = "{token}"
app_secret = "{secret}"
app_id = "70001"
waba_id = "900100200300400"
graph_url = "{graph}"
"""
STANDING = f"/sandbox/whatsapp/{KEY}/standing"

Findings = list[dict[str, Any]]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(bind="127.0.0.1:0", accounts=[WhatsAppAccount(require_proof=True)])


class Doctor:
    """The command, with a config of its own."""

    def __init__(self, play: Play, folder: Path, capsys: Captured) -> None:
        self.config = folder / "config.toml"
        self.capsys = capsys
        self.play = play
        self.says()

    def says(self, **changes: str) -> None:
        """Write the config."""
        usual = {
            "public": self.play.hook.url.removesuffix("/webhooks/meta"),
            "hook_secret": "sandbox-secret",
            "number": KEY,
            "token": "sandbox-token",
            "secret": "sandbox-secret",
            "graph": self.play.sandbox.url,
        }
        self.config.write_text(CONFIG.format(**{**usual, **changes}))

    async def examines(self, *arguments: str) -> tuple[int, Findings]:
        """Run it to its end: the exit code, and the findings."""
        words = ["whatsapp", "doctor", "wa", "--json", "--config", str(self.config), *arguments]
        code = await trio.to_thread.run_sync(cli.run, words)
        printed = self.capsys.readouterr()
        assert "sandbox-token" not in printed.out + printed.err
        assert "sandbox-secret" not in printed.out + printed.err
        return code, [json.loads(line) for line in printed.out.splitlines()]


@pytest.fixture
def doctor(play: Play, tmp_path: Path, capsys: Captured) -> Doctor:
    return Doctor(play, tmp_path, capsys)


def bad(findings: Findings) -> dict[str, str]:
    return {each["place"]: each["sentence"] for each in findings if each["ok"] is False}


async def stand(play: Play, **changes: Any) -> None:
    answer = await play.client.post(STANDING, json=changes)
    assert answer.status_code == 200, answer.text


async def test_all_is_well(doctor: Doctor) -> None:
    code, findings = await doctor.examines()

    assert code == Exit.OK
    assert [each["ok"] for each in findings[:-1]] == [True] * 14
    assert (findings[-1]["place"], findings[-1]["ok"]) == ("wa.gateway", None)
    assert findings[-1]["sentence"].startswith("no gateway runs here")
    assert all(each["place"].startswith("wa.") for each in findings)


MISSING: dict[str, tuple[dict[str, Any], str, str]] = {
    "a valid token": ({"token_valid": False}, "wa.token", "not valid; make a new one (190: "),
    "a young token": ({"token_expires_in_s": -1}, "wa.token", "not valid; make a new one (190: "),
    "a lasting token": ({"token_expires_in_s": 3600}, "wa.token", "expires soon"),
    "the scope to send": (
        {"scopes": ["whatsapp_business_management"]},
        "wa.scopes",
        "lacks whatsapp_business_messaging",
    ),
    "the scope to manage": (
        {"scopes": ["whatsapp_business_messaging"]},
        "wa.number",
        "lacks a permission",
    ),
    "the account": ({"token_accounts": ["123456"]}, "wa.webhooks", "access to the account (200:"),
    "registration": ({"registered": False}, "wa.status", "DISCONNECTED; register it"),
    "quality": ({"quality_rating": "RED"}, "wa.quality", "write to them less"),
    "health": (
        {"can_send_message": "BLOCKED", "trouble": "No payment method"},
        "wa.health",
        "sending is BLOCKED: No payment method",
    ),
    "all of health": (
        {"can_send_message": "LIMITED", "trouble": "Name not approved"},
        "wa.health",
        "sending is LIMITED: Name not approved",
    ),
    "the subscription": ({"subscribed": False}, "wa.webhooks", "no app receives"),
    "the messages field": ({"fields": ["account_update"]}, "wa.fields", "no message comes in"),
    "echoes": (
        {"is_on_biz_app": True, "fields": ["messages"]},
        "wa.fields",
        "does not get smb_message_echoes",
    ),
}


@pytest.mark.parametrize("label", MISSING)
async def test_it_is_said_that_what_is_missing_is(doctor: Doctor, play: Play, label: str) -> None:
    changes, place, sentence = MISSING[label]
    await stand(play, **changes)

    code, findings = await doctor.examines()

    assert code == Exit.FAILED
    assert sentence in bad(findings)[place]


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "the token": ({"token": "EAAmadeup"}, "wa.token", "not valid"),
    "the app secret": ({"secret": "omni-wrong"}, "wa.token", "app_secret is not the secret"),
    "the hook's secret": ({"hook_secret": "other"}, "wa.secret", "not among app_secrets"),
    "the number": ({"number": "880011"}, "wa.number", "id is not known"),
    "the public URL": ({"public": "http://127.0.0.1:9"}, "wa.callback", "no hook of this config"),
}


@pytest.mark.parametrize("label", WRONG)
async def test_it_is_said_that_the_config_is_wrong_about(doctor: Doctor, label: str) -> None:
    changes, place, sentence = WRONG[label]
    doctor.says(**changes)

    code, findings = await doctor.examines()

    assert code == Exit.FAILED
    assert sentence in bad(findings)[place]


async def test_a_platform_that_does_not_answer_is_said(doctor: Doctor) -> None:
    doctor.says(graph="http://127.0.0.1:9")

    code, findings = await doctor.examines()

    assert code == Exit.FAILED
    assert list(bad(findings)) == ["wa.token"]


async def test_a_number_is_registered(doctor: Doctor, play: Play) -> None:
    await stand(play, registered=False, pin="314159")

    wrong, of_wrong = await doctor.examines("--register", "--pin", "111111")
    right, of_right = await doctor.examines("--register", "--pin", "314159")

    assert (wrong, right) == (Exit.FAILED, Exit.OK)
    assert "reset it in the WhatsApp Manager (133005" in bad(of_wrong)["wa.register"]
    assert "the number was registered; keep the PIN" in [each["sentence"] for each in of_right]
    assert (await play.client.get(STANDING)).json()["registered"] is True


async def test_a_number_in_the_business_app_is_not_registered(doctor: Doctor, play: Play) -> None:
    await stand(play, registered=False, is_on_biz_app=True)

    _code, findings = await doctor.examines("--register", "--pin", "314159")

    assert "skipped" in {each["place"]: each["sentence"] for each in findings}["wa.register"]
    assert (await play.client.get(STANDING)).json()["registered"] is False


async def test_the_app_is_subscribed_and_its_webhooks_come(doctor: Doctor, play: Play) -> None:
    await stand(play, subscribed=False, fields=[])
    unheard = await play.client.post(
        f"/sandbox/whatsapp/{KEY}/inbound",
        params={"wait": "1"},
        json={"from": "447700900123", "text": {"body": "hello?"}},
    )

    code, findings = await doctor.examines("--subscribe")
    await play.write({"text": {"body": "hello!"}})

    assert unheard.json()["error"].startswith("no app is subscribed")
    assert (code, bad(findings)) == (Exit.OK, {})
    (value,) = await play.hook.values(1)
    assert value["messages"][0]["text"]["body"] == "hello!"


async def test_a_hook_that_does_not_prove_itself_is_not_subscribed(
    doctor: Doctor, play: Play
) -> None:
    await stand(play, fields=[])
    doctor.says(public="http://127.0.0.1:9")

    code, findings = await doctor.examines("--subscribe")

    assert code == Exit.FAILED
    assert "is the gateway running" in bad(findings)["wa.subscribe"]


Told = Callable[[list[str]], tuple[int, str]]


@pytest.fixture
def told(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Runs a command that ends before it asks anybody."""
    monkeypatch.chdir(tmp_path)
    usual = {"public": "http://127.0.0.1:9", "graph": "http://127.0.0.1:9", "number": KEY}
    secrets = {"hook_secret": "a", "token": "b", "secret": "c"}
    (tmp_path / "config.toml").write_text(CONFIG.format(**usual, **secrets))

    def run(words: list[str]) -> tuple[int, str]:
        code = cli.run(["whatsapp", "doctor", *words])
        return code, capsys.readouterr().err

    return run


USES: dict[str, tuple[list[str], str]] = {
    "a channel that is none": (["we"], "no channel on whatsapp is called we\n  there is wa"),
    "no PIN": (["wa", "--register"], "--register needs --pin"),
    "a PIN for nothing": (["wa", "--pin", "314159"], "--pin goes with --register"),
}


@pytest.mark.parametrize("label", USES)
def test_nothing_is_tried_with(told: Told, label: str) -> None:
    words, sentence = USES[label]

    code, said = told(words)

    assert (code, sentence in said) == (Exit.USAGE, True)


def test_the_last_line_sums_up(told: Told) -> None:
    code, said = told(["wa"])

    assert code == Exit.FAILED
    assert said == "something is missing: see the lines that begin with bad\n"
