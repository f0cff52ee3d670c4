"""The command line: what it prints where, how it ends, and how it speaks to a gateway."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from omni_actors import cli
from omni_actors.cli_exits import Exit
from omni_actors.cli_output import shown
from omni_actors.store.opening import open_store

ROOT = Path(__file__).resolve().parent.parent
KEY = "omni_test_key"
START_S_MAX = 30

CHANNEL = {
    "id": "wa",
    "tenant": "default",
    "platform": "whatsapp",
    "channel_key": "1",
    "state": "active",
    "reason": None,
    "queue": {"queued": 3, "oldest_at": None, "held": 1, "unknown": 0},
    "health": {"status": "ok", "reason": None},
}
LETTER = {
    "id": "dl_1",
    "tenant": "default",
    "kind": "part",
    "ref": "prt_1",
    "message_id": "msg_1",
    "channel_id": "wa",
    "leg_id": "leg_1",
    "reason": "outside_window",
    "failure": None,
    "at": "2026-11-22T10:00:00.000Z",
    "redriven_at": None,
}
API_KEY = {
    "id": "key_1",
    "tenant": "default",
    "name": "desk",
    "scopes": ["messages:write"],
    "created_at": "2026-11-22T10:00:00.000Z",
    "revoked_at": None,
    "last_used_at": None,
}
SENT = {
    "id": "msg_1",
    "status": "queued",
    "channel_id": "wa",
    "rendering": [{"path": "/options", "level": "flattened", "to": "text", "why": "too many"}],
}


def problem(status: int, code: str, detail: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return status, {"title": "x", "status": status, "code": code, "detail": detail, **more}


@define
class Desk:
    """A gateway's API as far as a test needs it: answers by method and path; requests kept."""

    url: str
    answers: dict[str, tuple[int, Any]] = field(factory=dict)
    asked: list[tuple[str, Any, Mapping[str, str]]] = field(factory=list)

    def answer(self, method: str, target: str, body: Any, headers: Mapping[str, str]) -> Any:
        self.asked.append((f"{method} {target}", body, headers))
        path = target.partition("?")[0]
        missing = problem(404, "not_found", "there is no such thing")
        return self.answers.get(f"{method} {target}", self.answers.get(f"{method} {path}", missing))

    @property
    def requests(self) -> list[str]:
        return [line for line, _, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    """Answers from the desk of its server."""

    desk: Desk

    def do(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.desk.answer(self.command, self.path, body, headers)
        sent = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = do

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A server on loopback, with a key for it in the environment; the test runs in a folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMNI_API_KEY", KEY)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Desk(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = type("DeskHandler", (Handler,), {"desk": made})
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


Captured = pytest.CaptureFixture[str]


def test_help_names_every_command_and_exit_code(capsys: Captured) -> None:
    code = cli.run(["--help"])

    told = capsys.readouterr().out
    assert code == Exit.OK
    for command in ("serve", "demo", "sandbox", "check", "backup", "channels", "tail", "send"):
        assert command in told
    assert "dead-letters" in told
    assert "keys" in told
    assert all(f"{each.value}: {each.meaning}" in told for each in Exit)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["srve"], 'Did you mean "serve"?'),
        (["keys", "lst"], "did you mean list?"),
        (["channels", "list", "--jsn"], "Did you mean --json?"),
        (["send", "hello"], "give either --to CHANNEL:ADDRESS or --conversation ID"),
        (["send", "--to", "wa", "hello"], "--to must be CHANNEL:ADDRESS"),
        (["send", "--to", "wa:1"], "give either TEXT or --json-content"),
        (["send", "--to", "wa:1", "--json-content", "{"], "--json-content is not JSON"),
        (["dead-letters", "redrive"], "say which: give either ids, or --kind"),
        (["tail", "--after", "yesterday"], "--after must be a cursor"),
        (["channels", "--watch"], "--watch needs a terminal"),
        (["channels", "--url", "localhost"], "--url must look like"),
        (["channels", "--key-file", "nowhere"], "nowhere cannot be read"),
    ],
)
def test_a_wrong_command_line_ends_with_one_sentence(
    desk: Desk, capsys: Captured, arguments: list[str], sentence: str
) -> None:
    code = cli.run(arguments)

    told = capsys.readouterr()
    assert code == Exit.USAGE
    assert sentence in told.err
    assert told.out == ""
    assert desk.asked == []


def test_channels_are_tab_separated_lines_in_a_pipe(desk: Desk, capsys: Captured) -> None:
    desk.answers["GET /v1/channels"] = (200, {"items": [CHANNEL], "next": None})

    code = cli.run(["channels", "--url", desk.url])

    assert code == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "id\tplatform\tstate\tqueued\theld\tunknown\treason",
        "wa\twhatsapp\tactive\t3\t1\t0\t-",
    ]
    assert desk.asked[0][2]["authorization"] == f"Bearer {KEY}"


def test_json_prints_what_the_gateway_said_a_document_a_line(desk: Desk, capsys: Captured) -> None:
    desk.answers["GET /v1/channels"] = (200, {"items": [CHANNEL, CHANNEL], "next": None})

    cli.run(["channels", "list", "--json", "--url", desk.url])

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [CHANNEL, CHANNEL]


def test_a_channel_is_paused(desk: Desk, capsys: Captured) -> None:
    desk.answers["POST /v1/channels/wa:pause"] = (200, {**CHANNEL, "state": "paused"})

    code = cli.run(["channels", "pause", "wa", "--url", desk.url])

    assert code == Exit.OK
    assert capsys.readouterr().out == "wa is paused\n"


def test_a_message_is_sent_with_a_key_of_its_own(desk: Desk, capsys: Captured) -> None:
    desk.answers["POST /v1/messages"] = (202, SENT)

    code = cli.run(["send", "--to", "wa:+44:1", "hello", "--url", desk.url])

    told = capsys.readouterr()
    _, body, headers = desk.asked[0]
    assert code == Exit.OK
    assert body == {
        "to": {"channel_id": "wa", "address": "+44:1"},
        "content": {"type": "text", "text": "hello"},
    }
    assert headers["idempotency-key"].startswith("cli-")
    assert told.out == "msg_1 is queued on wa\n"
    assert told.err == "  /options became text: too many\n"


def test_any_content_is_sent_as_json(desk: Desk) -> None:
    desk.answers["POST /v1/messages"] = (202, SENT)
    content = {"type": "location", "latitude": 1, "longitude": 2}

    cli.run(["send", "--conversation", "cnv_1", "--json-content", json.dumps(content),
             "--url", desk.url])  # fmt: skip

    assert desk.asked[0][1] == {"conversation_id": "cnv_1", "content": content}


def test_dead_letters_are_read_page_after_page(desk: Desk, capsys: Captured) -> None:
    first, second = LETTER, {**LETTER, "id": "dl_2"}
    desk.answers["GET /v1/dead-letters"] = (200, {"items": [first], "next": "n 1"})
    desk.answers["GET /v1/dead-letters?after=n+1&limit=49&kind=part"] = (
        200,
        {"items": [second], "next": None},
    )

    cli.run(["dead-letters", "list", "--kind", "part", "--json", "--url", desk.url])

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["dl_1", "dl_2"]


def test_dead_letters_are_redriven_by_what_they_have_in_common(
    desk: Desk, capsys: Captured
) -> None:
    desk.answers["POST /v1/dead-letters:redrive"] = (
        200,
        {"redriven": ["dl_1"], "skipped": [], "unread": []},
    )

    code = cli.run(["dead-letters", "redrive", "--channel", "wa", "--per-second", "5",
                    "--url", desk.url])  # fmt: skip

    assert code == Exit.OK
    assert desk.asked[0][1] == {"where": {"channel_id": "wa"}, "per_second": 5.0}
    assert capsys.readouterr().out == "redriven: 1, skipped: 0\n"


def test_a_dead_letter_that_could_not_be_redriven_fails_the_command(
    desk: Desk, capsys: Captured
) -> None:
    desk.answers["POST /v1/dead-letters:redrive"] = (
        200,
        {"redriven": [], "skipped": ["dl_1"], "unread": []},
    )

    code = cli.run(["dead-letters", "redrive", "dl_1", "--url", desk.url])

    assert code == Exit.FAILED
    assert "skipped dl_1" in capsys.readouterr().err


def test_the_secret_of_a_new_key_is_alone_on_standard_output(desk: Desk, capsys: Captured) -> None:
    desk.answers["POST /v1/keys"] = (201, {"key": API_KEY, "secret": "omni_new"})

    cli.run(["keys", "create", "desk", "--scopes", "messages:write,messages:read",
             "--url", desk.url])  # fmt: skip

    assert desk.asked[0][1]["scopes"] == ["messages:write", "messages:read"]
    assert capsys.readouterr().out == "omni_new\n"


def test_the_secret_of_a_new_key_can_go_to_a_file_of_its_owner(
    desk: Desk, capsys: Captured
) -> None:
    desk.answers["POST /v1/keys"] = (201, {"key": API_KEY, "secret": "omni_new"})

    cli.run(["keys", "create", "desk", "--scopes", "operate", "--save", "key", "--url", desk.url])

    assert Path("key").read_text() == "omni_new\n"
    assert Path("key").stat().st_mode & 0o777 == 0o600
    assert "omni_new" not in "".join(capsys.readouterr())


def test_a_key_is_revoked(desk: Desk, capsys: Captured) -> None:
    desk.answers["DELETE /v1/keys/key_1"] = (200, API_KEY)

    cli.run(["keys", "revoke", "key_1", "--url", desk.url])

    assert capsys.readouterr().out == "key_1 is revoked\n"


REFUSALS = {
    "an unknown key": (problem(401, "unauthenticated", "the API key is not known"), "--key-file"),
    "a closed window": (problem(409, "outside_window", "the window is closed"), "template"),
    "a shutdown": (problem(503, "draining", "shutting down", retryable=True), "in a moment"),
    "a wrong body": (
        problem(400, "invalid_request", "not valid", errors=[{"pointer": "/to", "detail": "odd"}]),
        "not valid; /to: odd",
    ),
}


@pytest.mark.parametrize(("answer", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_a_sentence_with_a_hint(
    desk: Desk, capsys: Captured, answer: tuple[int, Any], words: str
) -> None:
    desk.answers["GET /v1/channels"] = answer

    code = cli.run(["channels", "--url", desk.url])

    told = capsys.readouterr().err
    assert code == Exit.REFUSED
    assert answer[1]["detail"] in told
    assert words in told
    assert KEY not in told


def test_where_nobody_listens_no_gateway_answers(desk: Desk, capsys: Captured) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    code = cli.run(["channels", "--url", f"http://127.0.0.1:{port}"])

    assert code == Exit.UNREACHABLE
    assert "Connection refused" in capsys.readouterr().err


def test_what_does_not_speak_json_is_no_gateway(desk: Desk, capsys: Captured) -> None:
    desk.answers["GET /v1/channels"] = (502, "<html>Bad gateway</html>")

    code = cli.run(["channels", "--url", desk.url])

    assert code == Exit.UNREACHABLE
    assert "is not a gateway (HTTP 502)" in capsys.readouterr().err


def test_the_config_tells_where_the_gateway_and_its_key_are(
    desk: Desk, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMNI_API_KEY")
    Path("kept").mkdir()
    Path("kept/operator.key").write_text("omni_operator\n")
    bind = desk.url.removeprefix("http://127.0.0.1")
    Path("config.toml").write_text(
        f'[server]\nbind = "0.0.0.0{bind}"\n[store]\nurl = "sqlite:///kept/omni.db"\n'
        '[[channels]]\naccess_token = "${NOT_SET_HERE}"\n'
    )
    desk.answers["GET /v1/keys"] = (200, {"items": [API_KEY], "next": None})

    code = cli.run(["keys"])

    assert code == Exit.OK
    assert desk.asked[0][2]["authorization"] == "Bearer omni_operator"
    assert "desk" in capsys.readouterr().out


def test_the_key_of_this_machine_does_not_go_to_another(
    desk: Desk, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMNI_API_KEY")
    Path("data").mkdir()
    Path("data/operator.key").write_text("omni_operator\n")

    code = cli.run(["channels", "--url", "https://gateway.example.com"])

    assert code == Exit.USAGE
    assert "no API key is given" in capsys.readouterr().err


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    assert shown("a\x1b[2Jb\u202ec\nd") == "a�[2Jb�c ⏎ d"


@pytest.mark.slow
def test_a_good_config_is_summed_up(capsys: Captured) -> None:
    code = cli.run(["check", "--config", str(ROOT / "config.toml")])

    told = capsys.readouterr().out
    assert code == Exit.OK
    assert "no mistakes" in told
    assert "http://127.0.0.1:8080/webhooks/meta" in told
    assert "sandbox-token" not in told


def test_all_mistakes_of_a_config_are_told(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[server]\nbnd = 3\n[log]\nlevel = 3\n")

    code = cli.run(["check", "--config", str(path)])

    assert code == Exit.USAGE
    assert capsys.readouterr().err.splitlines() == [
        "server.bnd: unknown key; did you mean bind?",
        "log.level: must be one of debug, info, warning, error",
    ]


def test_mistakes_are_documents_for_scripts(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[log]\nlevel = 3\n")

    cli.run(["check", "--json", "--config", str(path)])

    assert json.loads(capsys.readouterr().out) == {
        "place": "log.level",
        "ok": False,
        "sentence": "must be one of debug, info, warning, error",
    }


def test_the_platform_is_asked_about_the_credentials(desk: Desk, capsys: Captured) -> None:
    desk.answers["GET /v25.0/770011223344556"] = (
        200,
        {"display_phone_number": "+44 20", "verified_name": "Shop", "status": "CONNECTED"},
    )
    Path("config.toml").write_text(channel_at(desk.url))

    code = cli.run(["check", "--online"])

    assert code == Exit.OK
    assert " ok  wa number: +44 20 answers as Shop" in capsys.readouterr().out
    assert desk.asked[0][2]["authorization"] == "Bearer sandbox-token"


def test_a_credential_that_the_platform_refuses_fails_the_check(
    desk: Desk, capsys: Captured
) -> None:
    error = {"message": "Invalid OAuth access token", "code": 190, "type": "OAuthException"}
    desk.answers["GET /v25.0/770011223344556"] = (401, {"error": error})
    Path("config.toml").write_text(channel_at(desk.url))

    code = cli.run(["check", "--online"])

    assert code == Exit.FAILED
    assert "bad  wa number: the access token is not valid" in capsys.readouterr().out


def channel_at(url: str) -> str:
    return (
        '[[channels]]\nid = "wa"\nplatform = "whatsapp"\nphone_number_id = "770011223344556"\n'
        f'access_token = "sandbox-token"\ngraph_url = "{url}"\n'
    )


@pytest.mark.slow
async def test_a_backup_is_made_while_the_database_is_in_use(
    tmp_path: Path, capsys: Captured
) -> None:
    config, copy = tmp_path / "config.toml", tmp_path / "copy.db"
    url = f"sqlite:///{tmp_path / 'omni.db'}"
    config.write_text(f'[store]\nurl = "{url}"\n')

    async with open_store(url, clock_now=lambda: 0.0, chance_bits=lambda bits: 1):
        first = cli.run(["backup", str(copy), "--config", str(config)])
        second = cli.run(["backup", str(copy), "--config", str(config)])

    told = capsys.readouterr()
    assert (first, second) == (Exit.OK, Exit.FAILED)
    assert told.out == f"{copy}\n"
    assert "exists already" in told.err


def test_there_is_nothing_to_copy_before_the_first_start(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text("")

    code = cli.run(["backup", "copy.db"])

    assert code == Exit.FAILED
    assert "there is no database data/omni.db" in capsys.readouterr().err


def test_a_sandbox_on_a_port_in_use_ends_with_a_sentence(capsys: Captured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"

        code = cli.run(["sandbox", "--bind", bind])

    assert code == Exit.FAILED
    told = capsys.readouterr().err
    assert told == f"omni-actors: cannot listen on {bind}: another program does already\n"


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the built program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "omni_actors", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=START_S_MAX,
        check=False,
    )


@pytest.mark.e2e
def test_the_program_ends_with_the_code_and_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[server]\nbind = "x"\n')

    ended = program(tmp_path, "serve")

    assert ended.returncode == Exit.USAGE
    assert ended.stderr.startswith("server.bind: must be host:port")
    assert "Traceback" not in ended.stderr


@pytest.mark.e2e
def test_a_port_in_use_ends_serve_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "config.toml").write_text(f'[server]\nbind = "{bind}"\n')

        ended = program(tmp_path, "serve")

    assert ended.returncode == Exit.FAILED
    assert f"cannot listen on {bind}: another program does already" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.e2e
def test_help_does_not_load_the_gateway(tmp_path: Path) -> None:
    code = (
        "import sys; from omni_actors import cli; cli.run(['--help']);"
        "print(sorted({'trio', 'httpx', 'apsw', 'quart', 'rich.table'} & set(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_S_MAX,
        check=True,
    )

    assert ended.stdout.splitlines()[-1] in ("[]", "['rich.table']")
