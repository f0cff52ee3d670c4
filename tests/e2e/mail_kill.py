"""Kills the program again and again under a stream of mails, and looks for lost and doubled ones.

`python -m tests.e2e.mail_kill --rounds 20` for a long run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.e2e.kit import eventually
from tests.e2e.post import DOMAIN, Desk, Office, Post, open_office, open_post, text, text_of

DESK = "stream"
ADDRESS = f"{DESK}@{DOMAIN}"
PEOPLE = 4
MAILS = 16
SENT = 8
KILLS_MAX = 3
PAUSE_S_MAX = 0.05
RUN_S_MAX = 0.7
SETTLE_S = 60.0


@define
class Load:
    """What was asked of the program in a round, by address, and what is wrong with the outcome."""

    due: dict[str, list[str]] = field(factory=dict)
    mails: int = 0
    kills: int = 0
    flagged: int = 0
    mistakes: list[str] = field(factory=list)


def play_round(office: Office, post: Post, number: int, chance: random.Random) -> Load:
    """Mails in both directions, kills in between, and a look at everything afterwards."""
    load = Load({f"round{number}.{n}@{DOMAIN}": [] for n in range(PEOPLE)})
    kills_at = set(chance.sample(range(MAILS), chance.randint(1, KILLS_MAX)))
    for n in range(MAILS):
        who = list(load.due)[n % PEOPLE]
        post.writes(who, ADDRESS, f"{who} asks {n}")
        load.due[who].append(f"{who} asks {n}")
        if n < SENT:
            office.send(DESK, who, f"{who} is told {n}")
            load.due[who].append(f"{who} is told {n}")
        time.sleep(chance.uniform(0, PAUSE_S_MAX))
        if n in kills_at:
            time.sleep(chance.uniform(0, RUN_S_MAX))
            office.kill()
            office.start()
            load.kills += 1
    for who, words in load.due.items():
        check(office, post, load, who, words)
    if not eventually(lambda: not post.raws(ADDRESS), SETTLE_S):
        load.mistakes.append("mails were left in the inbox")
    return load


def check(office: Office, post: Post, load: Load, who: str, words: list[str]) -> None:
    """Hold what somebody has, and what the API tells, against what is due to them."""

    def settled() -> list[dict[str, Any]]:
        told = conversation(office, who)
        sent = [each for each in told if each["direction"] == "outbound"]
        done = len(sent) >= len(words) and all(each["status"] == "sent" for each in sent)
        return told if done else []

    told = eventually(settled, SETTLE_S) or conversation(office, who)
    asked = Counter(text(each) for each in told if each["direction"] == "inbound")
    load.mistakes += [f"{each!r} was taken {n} times" for each, n in asked.items() if n != 1]
    tries = sent_by(told, load.mistakes)
    got = Counter(text_of(mail) for mail in post.mails(who))
    for each in words:
        load.mails += 1
        status, most = tries.get(each, ("gone", 0))
        load.flagged += most > 1
        if status != "sent" or not 1 <= got[each] <= most:
            load.mistakes.append(f"{each!r} is {status}, came {got[each]} times of {most} at most")
    load.mistakes += [f"nobody said {each!r} to {who}" for each in set(got) - set(words)]


def conversation(office: Office, who: str) -> list[dict[str, Any]]:
    """All messages with somebody."""
    found = office.get("/v1/contacts", identity=f"email:{who}")["items"]
    if not found or not found[0]["conversation_id"]:
        return []
    path = f"/v1/conversations/{found[0]['conversation_id']}/messages"
    messages: list[dict[str, Any]] = office.get(path, limit=200)["items"]
    return messages


def sent_by(told: Iterable[dict[str, Any]], mistakes: list[str]) -> dict[str, tuple[str, int]]:
    """Of each mail of ours by its text: its status, and how often it may have gone by itself."""
    found: dict[str, tuple[str, int]] = {}
    for each in told:
        if each["direction"] == "outbound":
            if text(each) in found:
                mistakes.append(f"{text(each)!r} became two messages")
            [part] = each["parts"]
            tries = part["attempts"] if part["maybe_duplicate"] else 1
            found[text(each)] = (each["status"], tries)
    return found


def main() -> int:
    """The long run: rounds on one data directory until one goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with (
        open_post() as post,
        tempfile.TemporaryDirectory(prefix="omni-kill-") as folder,
        open_office(Path(folder), post, Desk(DESK)) as office,
    ):
        for number in range(asked.rounds):
            load = play_round(office, post, number, chance)
            print(
                f"round {number + 1}: {load.mails} mails, {load.kills} kills, "
                f"{load.flagged} flagged as maybe doubled, {len(load.mistakes)} mistakes",
                flush=True,
            )
            if load.mistakes:
                print("\n".join(load.mistakes))
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
