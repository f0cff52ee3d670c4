"""Mail when something breaks: the gateway, the wire, the mailbox, the password."""

import json
import random
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kit import command, eventually
from tests.e2e.mail_kill import DESK, play_round
from tests.e2e.post import Desk, Office, Post, letter, open_office, text, text_of
from tests.support.cutter import Cutter, cutter
from tests.support.dovecot import PASSWORD

SEED = 11
QUEUED = 12
STARTS = 2  # of the office that the tests share


def at(name: str) -> str:
    return f"{name}@example.test"


@pytest.fixture(scope="module")
def wire(post: Post) -> Iterator[Cutter]:
    with cutter(post.postfix.plain) as made:
        yield made


@pytest.fixture(scope="module")
def office(post: Post, wire: Cutter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One in which nobody answers by itself."""
    desks = (
        Desk("cut", bot=False, smtp_port=wire.port),
        Desk("patient", bot=False),
        Desk("anew", bot=False),
        Desk("locked", bot=False, password="not that one"),
    )
    with open_office(tmp_path_factory.mktemp("office"), post, *desks) as opened:
        yield opened


# ------------------------------------------------------------ the wire


def test_an_answer_that_is_lost_makes_a_mail_go_out_once_more_and_say_so(
    office: Office, post: Post, wire: Cutter
) -> None:
    wire.cuts = 1

    doubted = office.send("cut", at("lea"), "maybe twice")
    first, second = post.until(at("lea"), 2)

    message = office.until_status(doubted, "sent")
    assert [part["maybe_duplicate"] for part in message["parts"]] == [True]
    assert first["Message-ID"] == second["Message-ID"]
    assert handed_over(first.as_bytes()) == handed_over(second.as_bytes())


def test_a_mail_that_its_server_keeps_as_sent_does_not_go_out_again(
    office: Office, post: Post, wire: Cutter
) -> None:
    wire.cuts = 1
    wire.may.clear()
    doubted = office.send("cut", at("max"), "only once")
    [mail] = post.until(at("max"))
    post.dovecot.doveadm("save", "-u", at("cut"), "-m", "Sent", given=post.raws(at("max"))[0])

    wire.may.set()

    message = office.until_status(doubted, "sent")
    assert [part["maybe_duplicate"] for part in message["parts"]] == [False]
    assert message["external_id"] == str(mail["Message-ID"]).strip("<>")
    assert len(post.raws(at("max"))) == 1


def handed_over(raw: bytes) -> bytes:
    """What was handed over of a mail: servers put their own above."""
    return raw[raw.index(b"Date: ") :]


def test_who_is_put_off_is_tried_again_and_let_in(office: Office, post: Post) -> None:
    ned = at("ned")
    post.keeper.says[ned] = ["450 4.7.1 Greylisted, come back in five minutes"]
    sent = office.send("patient", ned, "patience")
    other = office.send("patient", at("olga"), "no need to wait")

    office.until_status(other, "sent")
    assert eventually(lambda: office.message(sent)["parts"][0]["reason"])
    waiting = office.message(sent)["parts"][0]
    assert (waiting["status"], waiting["reason"]["raw"]["code"]) == ("queued", "450 4.7.1")
    assert office.ends() == 0
    later(office, 301)
    office.start()

    office.until_status(sent, "sent")
    assert [text_of(mail) for mail in post.until(ned)] == ["patience"]
    assert post.keeper.asked.count(ned) == 2


def later(office: Office, seconds: float) -> None:
    """Let so much time have passed for what waits; the program must not run."""
    db = sqlite3.connect(office.folder / "data" / "omni.db")
    with db:
        moved = db.execute(
            "UPDATE part SET due_at = due_at - ? WHERE open = 1 AND due_at IS NOT NULL", [seconds]
        )
        assert moved.rowcount >= 1
    db.close()


# ------------------------------------------------------------ the gateway


def test_sigkill_under_a_stream_of_mails_loses_and_doubles_nothing(
    post: Post, tmp_path: Path
) -> None:
    with open_office(tmp_path, post, Desk(DESK)) as office:
        load = play_round(office, post, 0, random.Random(SEED))

    assert load.mistakes == []
    assert load.kills >= 1


def test_sigterm_ends_a_gateway_that_reads_and_sends_in_good_order(
    post: Post, tmp_path: Path
) -> None:
    words = [f"before {n}" for n in range(QUEUED)]
    mails = [letter(at("rita"), at("drained"), each).as_bytes() for each in words]
    post.dovecot.deliver(at("drained"), *mails)
    with open_office(tmp_path, post, Desk("drained")) as office:
        office.received("drained")
        began = time.monotonic()

        code = office.ends()

        assert code == 0
        assert time.monotonic() - began < 15
        office.start()
        told = [text(each) for each in office.received("drained", QUEUED)]
        answers = [text_of(mail) for mail in post.until(at("rita"), QUEUED)]
        assert sorted(told) == sorted(answers) == sorted(words)


# ------------------------------------------------------------ the mailbox


def test_a_mailbox_that_is_numbered_anew_in_mid_stream_is_read_once(
    office: Office, post: Post
) -> None:
    anew, numbers = at("anew"), iter((99, 2_000_000_000))
    for n in range(30):
        post.dovecot.deliver(anew, letter(at("pia"), anew, f"mail {n}").as_bytes())
        if n in (10, 20):
            post.until(anew, 1, "Processed")
            with post.client(anew) as other:  # somebody puts a mail back
                other.select_folder("Processed")
                other.move(other.search()[:1], "INBOX")
            flip = ("--uid-validity", str(next(numbers)))
            post.dovecot.doveadm("mailbox", "update", "-u", anew, *flip, "INBOX")

    told = Counter(text(each) for each in office.received("anew", 30))

    assert told == Counter(f"mail {n}" for n in range(30))
    assert eventually(lambda: not post.raws(anew))
    assert len(post.raws(anew, "Processed")) == 30
    assert len(office.received("anew")) == 30
    assert office.logged("mailbox.numbered_anew")


# ------------------------------------------------------------ the password


def test_a_wrong_password_is_tried_once_and_a_new_one_goes_on(office: Office, post: Post) -> None:
    locked = at("locked")
    post.dovecot.deliver(locked, letter(at("quin"), locked, "inside").as_bytes())
    stopped = office.until_channel("locked", state="needs_reauth", mailbox="refused")
    tries = failed_logins(post, "locked")
    waiting = office.send("locked", at("quin"), "from the queue")
    time.sleep(2)
    assert failed_logins(post, "locked") == tries <= STARTS

    body = {"password": PASSWORD}
    answer = office.call("PUT", "/v1/channels/locked/credentials", json=body)

    assert answer.status_code == 200, answer.text
    assert "mailbox" in stopped["reason"]
    office.until_channel("locked", state="active", mailbox="waiting")
    office.heard("locked", "inside")
    office.until_status(waiting, "sent")
    assert PASSWORD not in office.log.read_text()
    assert "not that one" not in office.log.read_text()


def failed_logins(post: Post, name: str) -> int:
    """How often somebody tried a wrong password at the mailbox."""
    lines = post.dovecot.log().splitlines()
    return sum(
        "imap-login" in line and "auth failed" in line and at(name) in line for line in lines
    )


def test_a_check_looks_at_both_servers_of_every_account(post: Post, tmp_path: Path) -> None:
    wrong = Desk("checked-wrong", password="not that one")
    office = Office(tmp_path, post, [Desk("checked"), wrong, Desk("checked-deaf", smtp_port=1)])
    office.write_config()

    checked = subprocess.run(
        command("check", "--online", "--json", "--config", str(office.config)),
        env=office.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    told = {each["place"]: each for each in map(json.loads, checked.stdout.splitlines())}
    assert checked.returncode == 1
    assert {
        place: each["ok"] for place, each in told.items() if "." in place and "/" not in place
    } == {
        "checked.mailbox": True,
        "checked.sending": True,
        "checked-wrong.mailbox": False,
        "checked-wrong.sending": False,
        "checked-deaf.mailbox": True,
        "checked-deaf.sending": False,
    }
    assert "535 5.7.8" in told["checked-wrong.sending"]["sentence"]
    assert "Connection refused" in told["checked-deaf.sending"]["sentence"]
