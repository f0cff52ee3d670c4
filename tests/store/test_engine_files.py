"""Opening: what is made, what is refused, and in which words."""

import os
import stat
from pathlib import Path

import apsw
import pytest

from omni_actors.store.cipher import AesCipher, Unreadable
from omni_actors.store.failures import CannotOpen
from omni_actors.store.opening import open_store, sqlite_path
from omni_actors.store.sqlite.backup import CannotBackUp
from omni_actors.store.sqlite.connect import check_library
from omni_actors.store.sqlite.engine import ReleaseHold
from omni_actors.store.sqlite.migrate import Migration, numbered, shipped
from tests.store.notes import KEY, STEPS, NoteLast, Notes, open_notes


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///data/omni.db", "data/omni.db"),
        ("sqlite:////var/lib/omni/omni.db", "/var/lib/omni/omni.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://db/omni", "not supported yet"),
        ("mysql://db/omni", "must look like"),
        ("sqlite://data/omni.db", "must look like"),
        ("sqlite:///", "must look like"),
        ("data/omni.db", "must look like"),
    ],
)
def test_any_other_url_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(CannotOpen, match=sentence):
        sqlite_path(url)


async def test_a_first_start_makes_folder_database_and_key_for_their_owner_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "deep" / "data" / "omni.db"

    async with open_store(
        f"sqlite:///{path}", clock_now=lambda: 0.0, chance_bits=lambda _bits: 0, inline=True
    ) as store:
        assert not store.held

    modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in path.parent.iterdir()}
    assert modes["omni.db"] == modes["store.key"] == modes["lock"] == 0o600
    assert modes["omni.db-wal"] == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / "store.key").stat().st_size == 32


@pytest.mark.parametrize("version", ["3.54.1", "3.51.3", "3.50.7", "3.44.6", "4.0.0"])
def test_sound_libraries_are_let_through(version: str) -> None:
    check_library(version)


@pytest.mark.parametrize("version", ["3.51.2", "3.51.0", "3.50.6", "3.49.9", "3.44.5", "3.40.1"])
def test_libraries_that_can_lose_data_are_refused(version: str) -> None:
    with pytest.raises(CannotOpen, match=f"SQLite {version} can lose committed data"):
        check_library(version)


async def test_a_second_process_is_told_who_is_in(tmp_path: Path) -> None:
    async with open_notes(tmp_path, inline=True):
        with pytest.raises(CannotOpen, match=rf"in use by another .* \(pid {os.getpid()}\)"):
            async with open_notes(tmp_path, inline=True):
                pass

    async with open_notes(tmp_path, inline=True) as store:
        assert store.peek(Notes()) == ()


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_bytes(b"these are my memoirs, do not touch\n" * 100)

    with pytest.raises(CannotOpen, match="is not a database"):
        async with open_notes(tmp_path):
            pass

    assert (tmp_path / "notes.db").read_bytes().startswith(b"these are my memoirs")


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "notes.db"))
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.close()

    with pytest.raises(CannotOpen, match="database of another program"):
        async with open_notes(tmp_path):
            pass


async def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(CannotOpen, match="cannot be made"):
        async with open_notes(tmp_path / "file" / "data"):
            pass


async def test_a_database_that_is_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.db").mkdir()

    with pytest.raises(CannotOpen, match="cannot be opened for writing"):
        async with open_notes(tmp_path):
            pass


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    newer = (*STEPS, Migration(2, "0002_more.sql", "CREATE TABLE more (id TEXT)"))
    async with open_notes(tmp_path, migrations=newer):
        pass

    with pytest.raises(CannotOpen, match=r"written by a newer program \(version 2"):
        async with open_notes(tmp_path):
            pass


async def test_an_older_database_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path) -> None:
    async with open_notes(tmp_path) as store:
        await store.do(NoteLast("old"))
    newer = (*STEPS, Migration(2, "0002_loud.sql", "UPDATE note SET text = text || '!'"))

    async with open_notes(tmp_path, migrations=newer) as store:
        assert store.peek(Notes()) == ("old!",)
    async with open_notes(tmp_path, migrations=newer) as store:
        assert store.peek(Notes()) == ("old!",)


async def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    async with open_notes(tmp_path) as store:
        await store.do(NoteLast("old"))
    bad = "UPDATE note SET text = 'half'; INSERT INTO nowhere VALUES (1)"

    with pytest.raises(CannotOpen, match=r"0002_bad\.sql failed"):
        async with open_notes(tmp_path, migrations=(*STEPS, Migration(2, "0002_bad.sql", bad))):
            pass

    async with open_notes(tmp_path) as store:
        assert store.peek(Notes()) == ("old",)


@pytest.mark.parametrize("names", [["0002_b.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_migrations_have_every_number_once(names: list[str]) -> None:
    with pytest.raises(ValueError, match="must be numbered"):
        numbered((name, "") for name in names)


def test_the_program_brings_its_migrations() -> None:
    assert [step.number for step in shipped()][:1] == [1]


async def test_another_key_is_refused(tmp_path: Path) -> None:
    async with open_notes(tmp_path, key=KEY):
        pass

    with pytest.raises(CannotOpen, match="key does not fit"):
        async with open_notes(tmp_path, key=bytes(32)):
            pass


async def test_a_lost_key_file_is_not_replaced(tmp_path: Path) -> None:
    async with open_notes(tmp_path, key=None):
        pass
    (tmp_path / "store.key").unlink()

    with pytest.raises(CannotOpen, match=r"key file .* is missing"):
        async with open_notes(tmp_path, key=None):
            pass

    assert not (tmp_path / "store.key").exists()


async def test_the_key_file_is_found_again(tmp_path: Path) -> None:
    async with open_notes(tmp_path, key=None) as store:
        await store.do(NoteLast("sealed"))

    async with open_notes(tmp_path, key=None) as store:
        assert store.peek(Notes()) == ("sealed",)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(CannotOpen, match="32 bytes long, not 5"):
        AesCipher.of(b"short")


def test_what_is_sealed_opens_for_its_owner_only() -> None:
    cipher = AesCipher.of(KEY)
    sealed = cipher.seal(b"token", "channel/1")

    assert cipher.open(sealed, "channel/1") == b"token"
    assert b"token" not in sealed
    with pytest.raises(Unreadable, match="does not open with this key"):
        cipher.open(sealed, "channel/2")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(40), b"\x01" + bytes(40)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        AesCipher.of(KEY).open(sealed, "channel/1")


def test_neither_key_nor_cipher_shows_the_key() -> None:
    assert KEY.hex() not in repr(AesCipher.of(KEY))
    assert repr(KEY)[2:-1] not in repr(AesCipher.of(KEY))


async def test_a_backup_is_a_whole_store_whose_sending_is_held(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    async with open_notes(tmp_path) as store:
        await store.do(NoteLast("kept"))
        await store.backup(tmp_path / "copy" / "notes.db")
        await store.do(NoteLast("later"))

    async with open_notes(tmp_path / "copy") as copy:
        assert copy.peek(Notes()) == ("kept",)
        assert copy.held
        await copy.do(ReleaseHold())
        assert not bool(copy.held)
    assert stat.S_IMODE((tmp_path / "copy" / "notes.db").stat().st_mode) == 0o600


async def test_a_backup_can_be_made_inline_and_of_a_restored_copy(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with open_notes(tmp_path, inline=True) as store:
        await store.backup(tmp_path / "one" / "notes.db")

    async with open_notes(tmp_path / "one") as copy:
        await copy.backup(tmp_path / "two" / "notes.db")

    async with open_notes(tmp_path / "two") as copy:
        assert copy.held


async def test_a_backup_never_replaces_a_file(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")

    async with open_notes(tmp_path) as store:
        with pytest.raises(CannotBackUp, match="exists already"):
            await store.backup(target)

    assert target.read_text() == "mine"


async def test_a_backup_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    async with open_notes(tmp_path) as store:
        with pytest.raises(CannotBackUp, match="cannot be made"):
            await store.backup(tmp_path / "nowhere" / "copy.db")

    assert not (tmp_path / "nowhere").exists()


@pytest.mark.slow
async def test_another_programs_lock_does_not_keep_the_store_from_closing(tmp_path: Path) -> None:
    async with open_notes(tmp_path) as store:
        await store.do(NoteLast("kept"))
        other = apsw.Connection(str(tmp_path / "notes.db"))
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM note").get == 1
    other.close()

    async with open_notes(tmp_path) as store:
        assert store.peek(Notes()) == ("kept",)
