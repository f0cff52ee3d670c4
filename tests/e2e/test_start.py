"""What keeps the program from starting is one clear sentence, and an exit code that is not zero."""

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.kit import Line, Setup, Told, running, told, write_config

GRAPH = "http://127.0.0.1:9"


def start(config: Path) -> Told:
    """Start the program in vain."""
    return told("serve", "--config", str(config))


def assert_one_sentence(ended: Told, code: int, *words: str) -> None:
    """Hold what a failed start told against how it must be told."""
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    assert len(ended.sentences) == 1, ended.err
    for word in words:
        assert word in ended.sentences[0]
    assert "listening on" not in ended.out


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A good config on a fresh folder."""
    return write_config(tmp_path, Setup(), GRAPH)


def serve_once(config: Path) -> None:
    """Let the program make its data."""
    with running(
        "serve", "--config", str(config), log=config.parent / "first.log", says="listening on"
    ):
        pass


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"

        ended = start(write_config(tmp_path, Setup(bind=bind), GRAPH))

    assert_one_sentence(ended, 1, bind, "another program")


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    more = Line(token="a-real-token")
    text = Setup(bind="192.0.2.1:0", lines=(more,)).text(tmp_path / "data", GRAPH)
    config = tmp_path / "config.toml"
    config.write_text(text.replace("sandbox-", "real-"))

    ended = start(config)

    assert_one_sentence(ended, 1, "192.0.2.1:0")


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    ended = start(write_config(tmp_path, Setup(), GRAPH))

    assert_one_sentence(ended, 1, str(tmp_path / "data"))


def test_a_data_directory_that_cannot_be_written_to_is_told(config: Path) -> None:
    text = config.read_text()
    config.write_text(text.replace(f"{config.parent}/data/omni.db", "/proc/self/omni.db"))

    ended = start(config)

    assert_one_sentence(ended, 1, "/proc/self")


def test_a_second_program_on_the_same_data_is_told(config: Path) -> None:
    with running(
        "serve", "--config", str(config), log=config.parent / "first.log", says="listening on"
    ):
        ended = start(config)

    assert_one_sentence(ended, 1, str(config.parent / "data"))


def of_a_newer_version(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 9999")
    connection.commit()
    connection.close()


def of_another_program(database: Path) -> None:
    database.unlink()
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA application_id = 4711")
    connection.execute("CREATE TABLE somebody (else_ INTEGER)")
    connection.commit()
    connection.close()


def no_database(database: Path) -> None:
    database.write_bytes(b"This is a shopping list: " + b"milk, " * 1000)


def a_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


def with_half_a_key(database: Path) -> None:
    (database.parent / "store.key").write_bytes(b"\x01" * 7)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (of_a_newer_version, "newer"),
        (of_another_program, "another program"),
        (no_database, "not a database"),
        (a_folder, "omni.db"),
        (with_half_a_key, "key"),
    ],
)
def test_a_database_that_cannot_be_used_is_told(
    config: Path, spoil: Callable[[Path], None], word: str
) -> None:
    serve_once(config)
    database = config.parent / "data" / "omni.db"
    for beside in ("omni.db-wal", "omni.db-shm"):
        (config.parent / "data" / beside).unlink(missing_ok=True)

    spoil(database)
    ended = start(config)

    assert_one_sentence(ended, 1, word)


def test_secrets_of_the_sandbox_off_loopback_are_refused_each_with_its_place(
    tmp_path: Path,
) -> None:
    ended = start(write_config(tmp_path, Setup(bind="0.0.0.0:0"), GRAPH))

    assert ended.code == 2
    places = [sentence.partition(": ")[0] for sentence in ended.sentences]
    assert places == ["hooks[0].app_secrets", "hooks[0].verify_token", "channels[0].access_token"]
    assert not (tmp_path / "data").exists()


def test_a_token_of_the_sandbox_for_the_real_platform_is_refused(tmp_path: Path) -> None:
    ended = start(write_config(tmp_path, Setup(), "https://graph.facebook.com"))

    assert ended.code == 2
    assert any("channels[0].access_token" in sentence for sentence in ended.sentences)
    assert "sandbox-token" not in ended.err


def test_all_mistakes_of_a_config_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        """\
[server]
bind = 8080
color = "green"

[[hooks]]
id = "meta"
kind = "meat"

[[channels]]
id = "wa support"
platform = "whatsapp"
phone_number_id = "770011223344556"
access_token = "${NOT_SET_ANYWHERE}"
rate = { per_second = -1, burst = 0 }

[[routes]]
to = "nobody-we-know"

[bott]
kind = "echo"
"""
    )

    ended = start(config)

    assert ended.code == 2
    assert "Traceback" not in ended.err
    places = {sentence.partition(": ")[0] for sentence in ended.sentences}
    assert places >= {
        "server.bind",
        "server.color",
        "hooks[0].kind",
        "channels[0].id",
        "channels[0].access_token",
        "channels[0].rate.per_second",
        "channels[0].rate.burst",
        "routes[0].to",
        "bott",
    }


@pytest.mark.parametrize(
    "content", [None, b"[server\nbind = 1", b"\xff\xfe\x00", b"a = 1\na = 2"], ids=repr
)
def test_a_config_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    config = tmp_path / "config.toml"
    if content is not None:
        config.write_bytes(content)

    ended = start(config)

    assert_one_sentence(ended, 2, "config.toml")


def test_the_first_start_leaves_a_key_for_its_owner_alone(config: Path) -> None:
    serve_once(config)

    data = config.parent / "data"
    assert (data / "operator.key").stat().st_mode & 0o777 == 0o600
    assert (data / "store.key").stat().st_mode & 0o777 == 0o600
    assert (data / "omni.db").stat().st_mode & 0o077 == 0


def test_an_unknown_command_is_one_sentence() -> None:
    ended = told("server")

    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert ended.out == ""
