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
from tests.e2e.post import Desk, Office, Post, letter, open_office, text, text_of
from tests.support.cutter import Cutter, cutter
from tests.support.dovecot import PASSWORD

SEED = 11
KILLS = 4
MAILS = 36


def at(name: str) -> str:
    return f"{name}@example.test"


@pytest.fixture
def wire(post: Post) -> Iterator[Cutter]:
    with cutter(post.postfix.plain) as made:
        yield made


# ------------------------------------------------------------ the wire


def test_an_answer_that_is_lost_is_looked_for_and_else_sent_once_more(
    post: Post, wire: Cutter, tmp_path: Path
) -> None:
    desk = Desk("cut", bot=False, smtp_port=wire.port)
    with open_office(tmp_path, post, desk) as office:
        wire.cuts = 1
        doubted = office.send("cut", at("lea"), "maybe twice")
        first, second = post.until(at("lea"), 2)

        message = office.until_status(doubted, "sent")
        assert [part["maybe_duplicate"] for part in message["parts"]] == [True]
        assert first["Message-ID"] == second["Message-ID"]
        assert sent_bytes(first.as_bytes()) == sent_bytes(second.as_bytes())

        # This time the account's server keeps what it sent, as large providers do.
        wire.cuts = 1
        found = office.send("cut", at("max"), "only once")
        [mail] = post.until(at("max"))
        post.dovecot.doveadm("save", "-u", at("cut"), "-m", "Sent", given=post.raws(at("max"))[0])
        message = office.until_status(found, "sent")

        assert [part["maybe_duplicate"] for part in message["parts"]] == [False]
        assert wire.done == 2
        assert len(post.raws(at("max"))) == 1
        assert message["external_id"] == str(mail["Message-ID"]).strip("<>")


def sent_bytes(raw: bytes) -> bytes:
    """What was handed over of a mail: servers put their own above."""
    return raw[raw.index(b"Date: ") :]


def test_who_is_put_off_is_tried_again_and_let_in(post: Post, tmp_path: Path) -> None:
    ned = at("ned")
    post.keeper.says[ned] = ["450 4.7.1 Greylisted, come back in five minutes"]
    with open_office(tmp_path, post, Desk("patient", bot=False)) as office:
        sent = office.send("patient", ned, "patience")
        other = office.send("patient", at("olga"), "no need to wait")

        assert eventually(lambda: office.message(sent)["parts"][0]["attempts"] == 1)
        office.until_status(other, "sent")
        waiting = office.until_status(sent, "queued")["parts"][0]
        assert waiting["reason"]["raw"]["code"] == "450 4.7.1"
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
    chance = random.Random(SEED)
    people = [at(f"stream{n}") for n in range(6)]
    asked: dict[str, list[str]] = {who: [] for who in people}
    kills_at = set(chance.sample(range(2, MAILS), KILLS))
    with open_office(tmp_path, post, Desk("stream")) as office:
        for n in range(MAILS):
            who = chance.choice(people)
            post.writes(who, at("stream"), f"question {n}")
            asked[who].append(f"question {n}")
            time.sleep(chance.uniform(0, 0.05))
            if n in kills_at:
                time.sleep(chance.uniform(0, 0.7))
                office.kill()
                office.start()
        for who, words in asked.items():
            post.until(who, len(words))
        settled = eventually(lambda: {s for s, _ in sent_by(office).values()} == {"sent"})
        assert settled, sent_by(office)

        told = Counter(text(each) for each in office.received("stream", MAILS))
        assert told == Counter(f"question {n}" for n in range(MAILS))
        answers = sent_by(office)
        for who, words in asked.items():
            got = Counter(text_of(mail) for mail in post.mails(who))
            assert set(got) == set(words)
            for each, times in got.items():
                assert times <= answers[each][1], each
        assert len(answers) == MAILS
        assert eventually(lambda: not post.raws(at("stream")))
        assert len(post.raws(at("stream"), "Processed")) == MAILS


def sent_by(office: Office) -> dict[str, tuple[str, int]]:
    """Of each answer by its text: its status, and how often it may have gone out, as it says."""
    conversations = {each["conversation_id"] for each in office.received("stream")}
    found: dict[str, tuple[str, int]] = {}
    for conversation in conversations:
        page = office.get(f"/v1/conversations/{conversation}/messages", limit=200)
        for each in page["items"]:
            if each["direction"] == "outbound":
                assert text(each) not in found
                [part] = each["parts"]
                tries = part["attempts"] if part["maybe_duplicate"] else 1
                found[text(each)] = (each["status"], tries)
    return found


def test_sigterm_ends_a_gateway_that_reads_and_sends_in_good_order(
    post: Post, tmp_path: Path
) -> None:
    mails = [letter(at(f"term{n}"), at("drained"), f"before {n}").as_bytes() for n in range(30)]
    post.dovecot.deliver(at("drained"), *mails)
    with open_office(tmp_path, post, Desk("drained")) as office:
        office.received("drained")
        began = time.monotonic()

        code = office.ends()

        assert code == 0
        assert time.monotonic() - began < 15
        office.start()
        told = Counter(text(each) for each in office.received("drained", 30))
        assert told == Counter(f"before {n}" for n in range(30))
        for n in range(30):
            post.until(at(f"term{n}"))
        assert [len(post.raws(at(f"term{n}"))) for n in range(30)] == [1] * 30


# ------------------------------------------------------------ the mailbox


def test_a_mailbox_that_is_numbered_anew_in_mid_stream_is_read_once(
    post: Post, tmp_path: Path
) -> None:
    with open_office(tmp_path, post, Desk("anew", bot=False)) as office:
        numbers = iter((99, 2_000_000_000))
        for n in range(30):
            post.dovecot.deliver(at("anew"), letter(at("pia"), at("anew"), f"mail {n}").as_bytes())
            if n in (10, 20):
                post.until(at("anew"), 1, "Processed")
                with post.client(at("anew")) as other:  # somebody puts a mail back
                    other.select_folder("Processed")
                    other.move(other.search()[:1], "INBOX")
                flip = str(next(numbers))
                post.dovecot.doveadm(
                    "mailbox", "update", "-u", at("anew"), "--uid-validity", flip, "INBOX"
                )

        told = Counter(text(each) for each in office.received("anew", 30))

        assert told == Counter(f"mail {n}" for n in range(30))
        assert eventually(lambda: not post.raws(at("anew")))
        assert len(post.raws(at("anew"), "Processed")) == 30
        assert len(office.received("anew")) == 30


# ------------------------------------------------------------ the password


def test_a_wrong_password_is_tried_once_and_a_new_one_goes_on(post: Post, tmp_path: Path) -> None:
    wrong = Desk("locked", bot=False, password="not that one")
    post.dovecot.deliver(at("locked"), letter(at("quin"), at("locked"), "inside").as_bytes())
    with open_office(tmp_path, post, wrong) as office:
        stopped = office.until_channel("locked", state="needs_reauth", mailbox="refused")
        waiting = office.send("locked", at("quin"), "from the queue")
        time.sleep(2)
        tries = failed_logins(post, "locked")

        answer = office.call("PUT", "/v1/channels/locked/credentials", json={"password": PASSWORD})

        assert answer.status_code == 200, answer.text
        assert "mailbox" in stopped["reason"]
        assert tries == 1
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
