"""The command line against a running program: what it prints, for people and for scripts."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
import trio

from tests.e2e.kit import (
    CHANNEL,
    NUMBER,
    PATIENCE_S,
    Served,
    Setup,
    Site,
    command,
    environment,
    open_site,
    told,
    write_config,
)

ADA = "447700900401"
UNREACHABLE, REFUSED, USAGE, FAILED = 3, 4, 2, 1


@pytest.fixture(autouse=True)
def _an_open_window(served: Served) -> None:
    url = f"{served.sandbox_url}/sandbox/whatsapp/{NUMBER}/inbound"
    hello = {"id": "wamid.CLI", "from": ADA, "type": "text", "text": {"body": "hello"}}
    written = httpx.post(url, params={"wait": 1}, json=hello)
    assert written.json()["status"] == 200


def talking(*arguments: str) -> subprocess.Popen[str]:
    """A command that goes on while the test does."""
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )


def config_of(site: Site) -> Path:
    """The config of a program."""
    return site.folder / "config.toml"


def test_check_says_what_a_good_config_amounts_to(served: Served) -> None:
    people = told("check", "--config", str(served.config))
    scripts = told("check", "--config", str(served.config), "--json")

    assert (people.code, scripts.code) == (0, 0)
    assert CHANNEL in people.out
    assert "sandbox-token" not in people.out + people.err
    assert [each["ok"] for each in scripts.documents] == [True]


def test_check_online_asks_the_platform(served: Served) -> None:
    good = told("check", "--online", "--config", str(served.config), "--json")

    assert good.code == 0, good
    assert all(each["ok"] for each in good.documents)
    assert any(each["place"].startswith(CHANNEL) for each in good.documents)


def test_check_online_fails_on_a_token_that_the_platform_refuses(
    served: Served, tmp_path: Path
) -> None:
    text = served.config.read_text().replace("sandbox-token", "sandbox-expired")
    config = tmp_path / "config.toml"
    config.write_text(text)

    bad = told("check", "--online", "--config", str(config))

    assert bad.code == FAILED
    assert "sandbox-expired" not in bad.out + bad.err


def test_a_doctor_subscribes_the_app_to_the_running_gateway(served: Served, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    text = served.config.read_text().replace("[store]", f'public_url = "{served.url}"\n\n[store]')
    config.write_text(f'{text}app_id = "70001"\napp_secret = "sandbox-secret"\n')
    standing = f"{served.sandbox_url}/sandbox/whatsapp/{NUMBER}/standing"
    httpx.post(standing, json={"subscribed": False, "fields": []}).raise_for_status()

    ill = told("whatsapp", "doctor", CHANNEL, "--config", str(config))
    mended = told("whatsapp", "doctor", CHANNEL, "--subscribe", "--config", str(config))

    assert (ill.code, mended.code) == (FAILED, 0), mended.out
    assert f" bad  {CHANNEL} webhooks: no app receives" in ill.out
    assert f"  ok  {CHANNEL} subscribe: the app's webhooks were subscribed to" in mended.out
    assert mended.sentences == ["all is well"]


def test_a_doctor_has_the_running_gateway_keep_to_what_the_number_may(
    served: Served, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    bind = served.url.removeprefix("http://")
    config.write_text(served.config.read_text().replace("127.0.0.1:0", bind))
    standing = f"{served.sandbox_url}/sandbox/whatsapp/{NUMBER}/standing"
    httpx.post(standing, json={"throughput": "HIGH"}).raise_for_status()

    examined = told("whatsapp", "doctor", CHANNEL, "--config", str(config))

    assert f"  ok  {CHANNEL} throughput: 1,000 messages a second" in examined.out
    assert f"  ok  {CHANNEL} gateway: the running gateway sends 900 messages a" in examined.out


def test_check_of_a_bad_config_names_every_place(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[server]\nbind = 1\n[bot]\nkind = "parrot"\n')

    people = told("check", "--config", str(config))
    scripts = told("check", "--config", str(config), "--json")

    assert (people.code, scripts.code) == (USAGE, USAGE)
    assert [line.partition(":")[0] for line in people.sentences] == ["server.bind", "bot.kind"]
    assert [each["place"] for each in scripts.documents] == ["server.bind", "bot.kind"]


def test_channels_are_listed_shown_paused_and_resumed(served: Served) -> None:
    listed = served.operate("channels", "--json")
    shown = served.operate("channels", "show", CHANNEL, "--json")
    paused = served.operate("channels", "pause", CHANNEL, "--json")
    people = served.operate("channels")
    resumed = served.operate("channels", "resume", CHANNEL)

    assert [each["id"] for each in listed.documents] == [CHANNEL]
    assert shown.documents[0]["channel_key"] == NUMBER
    assert paused.documents[0]["state"] == "paused"
    assert "paused" in people.out
    assert resumed.out == f"{CHANNEL} is active\n"


def test_a_channel_that_is_not_there_is_refused_in_one_sentence(served: Served) -> None:
    refused = served.operate("channels", "show", "nope")

    assert refused.code == REFUSED
    assert refused.out == ""
    assert "Traceback" not in refused.err


def test_send_sends_once_whatever_is_repeated(served: Served) -> None:
    again = ["send", "from the shell", "--to", f"{CHANNEL}:+{ADA}", "--idempotency-key", "cli-1"]

    first = served.operate(*again, "--json")
    second = served.operate(*again, "--json")
    stdin = served.operate("send", "-", "--to", f"{CHANNEL}:+{ADA}", stdin="typed in\n")
    content = json.dumps({"type": "text", "text": "as JSON"})
    document = served.operate("send", "--json-content", content, "--to", f"{CHANNEL}:+{ADA}")

    assert [each.code for each in (first, second, stdin, document)] == [0, 0, 0, 0]
    assert first.documents == second.documents
    texts = [each["text"] for each in served.outbox(ADA, count=3)]
    assert texts == ["from the shell", "typed in", "as JSON"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "to nobody"),
        ("send", "hi", "--to", "no colon"),
        ("send", "--to", f"{CHANNEL}:+{ADA}"),
        ("send", "--json-content", "{", "--to", f"{CHANNEL}:+{ADA}"),
        ("tail", "--after", "yesterday"),
        ("dead-letters", "redrive"),
        ("channels", "--watch"),
    ],
    ids=" ".join,
)
def test_a_wrong_use_is_told_and_tries_nothing(served: Served, arguments: tuple[str, ...]) -> None:
    wrong = served.operate(*arguments)

    assert wrong.code == USAGE
    assert wrong.out == ""
    assert "Traceback" not in wrong.err
    assert wrong.sentences


def test_tail_shows_events_as_they_are_in_the_log(served: Served) -> None:
    people = served.operate("tail", "--after", "0", "--count", "2")
    scripts = served.operate(
        "tail", "--after", "0", "--types", "message.received", "--count", "1", "--json"
    )

    assert (people.code, scripts.code) == (0, 0)
    assert len(people.out.splitlines()) == 2
    event = scripts.documents[0]
    assert (event["type"], event["message"]["content"]["text"]) == ("message.received", "hello")


async def test_tail_goes_on_through_a_restart_of_the_program(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    async with open_site(tmp_path, Setup(bind=bind)) as site:
        await site.writes(ADA, "one")
        only = ("--types", "message.received", "--count", "2")
        process = talking("tail", "--after", "0", *only, "--json", "--config", str(config_of(site)))
        try:
            assert process.stdout is not None
            first = await trio.to_thread.run_sync(process.stdout.readline)
            await site.kill_and_start()
            await site.writes(ADA, "two")
            out, err = await trio.to_thread.run_sync(process.communicate, None, PATIENCE_S)
        finally:
            process.kill()

    texts = [json.loads(line)["message"]["content"]["text"] for line in (first, *out.splitlines())]
    assert (process.returncode, texts) == (0, ["one", "two"]), err


def test_dead_letters_are_listed_shown_and_redriven(served: Served) -> None:
    assert served.knock(b"{ not JSON at all").status_code == 200

    listed = served.operate("dead-letters", "list", "--kind", "intake", "--json")
    letter = listed.documents[-1]
    shown = served.operate("dead-letters", "show", letter["id"], "--json")
    redriven = served.operate("dead-letters", "redrive", letter["id"], "--json")
    nothing = served.operate("dead-letters", "redrive", "ddl_" + 26 * "0")

    assert "not JSON at all" in shown.documents[0]["about"]["begins"]
    assert redriven.code == FAILED
    assert redriven.documents[0]["unread"] == [letter["id"]]
    assert nothing.code == FAILED
    assert "redriven already" in nothing.err


def test_keys_are_made_listed_and_revoked(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "key"
    saved = served.operate(
        "keys", "create", "help desk", "--scopes", "channels:read", "--save", str(file)
    )
    made = served.operate(
        "keys", "create", "other", "--scopes", "messages:read,events:read", "--json"
    )
    key_id = made.documents[0]["key"]["id"]

    weak = served.operate("channels", "--key-file", str(file), "--json")
    lacking = served.operate("keys", "--key-file", str(file))
    revoked = served.operate("keys", "revoke", key_id, "--json")
    listed = served.operate("keys", "--json")

    assert (saved.code, made.code, weak.code, revoked.code) == (0, 0, 0, 0)
    assert file.stat().st_mode & 0o777 == 0o600
    assert lacking.code == REFUSED
    gone = [each["id"] for each in listed.documents if each["revoked_at"] is not None]
    assert gone == [key_id]
    assert "secret" not in listed.out


def test_without_a_gateway_every_command_says_so(served: Served, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("omni_nothing")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    ended = [
        told(*words, "--url", url, "--key-file", str(key), "--config", str(served.config))
        for words in (("channels",), ("tail",), ("send", "hi", "--to", "a:b"), ("keys",))
    ]

    assert [each.code for each in ended] == [UNREACHABLE] * 4
    assert all(url in each.err and "Traceback" not in each.err for each in ended)


def test_a_wrong_key_is_refused(served: Served, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("omni_wrong")

    refused = served.operate("channels", "--key-file", str(key))

    assert refused.code == REFUSED
    assert "omni_wrong" not in refused.err


async def test_a_restored_backup_sends_only_when_it_is_told_to(site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "restored"
    copy.mkdir()
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    (copy / "data").mkdir()

    made = told(
        "backup", str(copy / "data" / "omni.db"), "--config", str(site.folder / "config.toml")
    )
    again = told(
        "backup", str(copy / "data" / "omni.db"), "--config", str(site.folder / "config.toml")
    )
    assert made.code == 0, made
    assert again.code == FAILED
    (copy / "data" / "store.key").write_bytes((site.folder / "data" / "store.key").read_bytes())
    key = site.folder / "data" / "operator.key"
    await site.program.kill()
    config = write_config(copy, Setup(), site.sandbox.url)
    site.program.config, site.program.log = config, copy / "gateway.log"
    await site.start()
    site.folder = copy
    (copy / "data" / "operator.key").write_text(key.read_text())

    state = (await site.get(f"/v1/channels/{CHANNEL}"))["state"]
    await site.writes(ADA, "are you back?")
    conversation = await site.conversation_of(ADA)
    waiting = await site.items(f"/v1/conversations/{conversation}/messages")
    resumed = await site.call("POST", f"/v1/channels/{CHANNEL}:resume")
    texts = await site.until_phone(ADA, 2)

    assert state == "paused"
    assert "hello" in [each["content"]["text"] for each in waiting]
    assert resumed.status_code == 200
    assert texts == ["hello", "are you back?"]


def test_ctrl_c_ends_a_command_quietly(served: Served) -> None:
    where = ("--url", served.url, "--config", str(served.config))
    with talking("tail", "--after", "0", *where) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)

    assert first
    assert process.returncode == 130
    assert "Traceback" not in err


def test_the_sandbox_on_a_port_in_use_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"

        ended = told("sandbox", "--bind", bind)

    assert ended.code == FAILED
    assert bind in ended.err
    assert "Traceback" not in ended.err


def test_a_reader_that_leaves_early_is_no_error(served: Served) -> None:
    where = ("--url", served.url, "--config", str(served.config))
    with talking("tail", "--after", "0", "--count", "2", "--json", *where) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        try:
            code = process.wait(PATIENCE_S / 2)
        finally:
            process.kill()
        err = process.stderr.read()

    assert code == 0
    assert "Traceback" not in err


def test_a_backup_into_a_folder_that_is_not_there_fails_and_leaves_nothing(
    served: Served, tmp_path: Path
) -> None:
    target = tmp_path / "no" / "copy.db"

    failed = told("backup", str(target), "--config", str(served.config))

    assert failed.code == FAILED
    assert "Traceback" not in failed.err
    assert list(tmp_path.iterdir()) == []
