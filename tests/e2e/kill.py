"""Kills the program again and again under load, and looks for lost, doubled and misplaced messages.

`python -m tests.e2e.kill --rounds 50` for a long run.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define, evolve, field, frozen

from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount
from tests.e2e.kit import CHANNEL, NUMBER, Setup, Site, open_site, patiently

PAGE, ACCOUNT = "104500000000001", "17841400000000009"
CHANNELS = """
[[channels]]
id = "fb-page"
platform = "messenger"
page_id = "104500000000001"
app_id = "70001"
access_token = "sandbox-page-token"
graph_url = "{graph}"
rate = { per_second = 2000, burst = 2000 }
pair_rate = { per_second = 1000, burst = 1000 }

[[channels]]
id = "ig-page"
platform = "instagram"
login = "facebook"
ig_id = "17841400000000009"
page_id = "104500000000001"
app_id = "70001"
access_token = "sandbox-page-token"
graph_url = "{graph}"
rate = { per_second = 2000, burst = 2000 }
pair_rate = { per_second = 1000, burst = 1000 }
"""
SETUP = Setup(more=CHANNELS, others=(MessengerAccount(), InstagramAccount()))
CUSTOMERS = 4
SENDERS = 2
EACH = 12
KILLS_MAX = 3
PAUSE_S_MAX = 0.06
RUN_S_MAX = 0.9
SETTLE_S = 60.0
AGAIN_S = 0.05
QUIET_S = 0.4
TAKEN = ("message.sent", "message.delivered", "message.read")
DONE = ("sent", "delivered", "read")


@frozen
class Person:
    """Somebody on a platform, known there by an id of this kind, who writes to one account."""

    id: str
    platform: str
    account: str
    channel: str
    kind: str

    @property
    def address(self) -> str:
        """What `to.address` says."""
        return f"+{self.id}" if self.kind == "phone" else self.id

    async def writes(self, site: Site, words: str, redeliver: int = 0) -> None:
        """Write a text, which the platform tells once more for each `redeliver`."""
        if self.platform == "whatsapp":
            await site.writes(self.id, words, redeliver=redeliver)
            return
        path = f"/sandbox/{self.platform}/{self.account}/inbound"
        document = {"from": self.id, "text": words, "redeliver": redeliver}
        answer = await site.control.post(path, json=document)
        assert answer.status_code == 200, answer.text

    def phone(self, site: Site) -> list[str]:
        """The texts on their phone, in the order of their arrival."""
        if self.platform == "whatsapp":
            return site.phone(self.id)
        shown = site.sandbox.platforms[self.platform].outboxes[self.account].after(0)
        return [each.request["message"]["text"] for each in shown if each.to == self.id]


PLACES = (
    Person("4477", "whatsapp", NUMBER, CHANNEL, "phone"),
    Person("7300", "messenger", PAGE, "fb-page", "psid"),
    Person("8900", "instagram", ACCOUNT, "ig-page", "igsid"),
)


@frozen
class Given:
    """One message that a caller of the API was promised: a 202 came back."""

    message_id: str
    text: str


@define
class Load:
    """What was asked of the program in one round, and what it acknowledged."""

    customers: dict[Person, list[str]] = field(factory=dict)
    given: dict[Person, list[Given]] = field(factory=dict)
    kills: int = 0
    flagged: int = 0
    mistakes: list[str] = field(factory=list)

    @property
    def messages(self) -> int:
        """How many messages were exchanged."""
        asked = sum(len(words) for words in self.customers.values())
        return asked + sum(len(given) for given in self.given.values())


async def play_round(site: Site, number: int, chance: random.Random) -> Load:
    """Load in both directions, kills in between, and a look at everything afterwards."""
    load = Load()
    for place in PLACES:
        for index in range(CUSTOMERS):
            load.customers[evolve(place, id=f"{place.id}{number:04}1{index:03}")] = []
        for index in range(SENDERS):
            load.given[evolve(place, id=f"{place.id}{number:04}2{index:03}")] = []
    ready = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill, site, load, chance, ready)
        for who, words in load.customers.items():
            nursery.start_soon(write, site, who, words, random.Random(chance.random()))
        for who, given in load.given.items():
            nursery.start_soon(send, site, who, given, random.Random(chance.random()), load)
        ready.set()
    await settle(site, load)
    await check(site, load)
    return load


# ---------------------------------------------------------------- load


async def kill(site: Site, load: Load, chance: random.Random, ready: trio.Event) -> None:
    """SIGKILL at random moments, each time with a new start."""
    await ready.wait()
    for _ in range(chance.randint(1, KILLS_MAX)):
        await trio.sleep(chance.uniform(0, RUN_S_MAX))
        await site.kill_and_start()
        load.kills += 1


async def write(site: Site, who: Person, words: list[str], chance: random.Random) -> None:
    """A customer writes; the platform delivers each message up to three times."""
    for n in range(EACH):
        text = f"{who.id} asks {n}"
        await who.writes(site, text, redeliver=chance.randint(0, 2))
        words.append(text)
        await trio.sleep(chance.uniform(0, PAUSE_S_MAX))


async def send(
    site: Site, who: Person, given: list[Given], chance: random.Random, load: Load
) -> None:
    """A caller sends one message after the other, each until it gets its 202."""
    await who.writes(site, f"{who.id} opens the window")
    await site.until(lambda: bool(who.phone(site)), SETTLE_S)
    for n in range(EACH):
        one = await insist(site, who, n)
        given.append(one)
        if chance.random() < 0.3 and await insist(site, who, n) != one:
            load.mistakes.append(f"a repeated request made another message: {one}")
        await trio.sleep(chance.uniform(0, PAUSE_S_MAX))


async def insist(site: Site, who: Person, n: int) -> Given:
    """Repeat one request, with its key, until the program says 202."""
    text = f"{who.id} is told {n}"
    body = {
        "to": {"channel_id": who.channel, "address": who.address},
        "content": {"type": "text", "text": text},
    }
    while True:
        try:
            answer = await site.call(
                "POST", "/v1/messages", json=body, headers={"Idempotency-Key": f"{who.id}-{n}"}
            )
        except httpx.TransportError:
            await trio.sleep(AGAIN_S)
            continue
        if "json" not in answer.headers.get("content-type", ""):
            # While the program is down another one of this machine may have its port.
            await trio.sleep(AGAIN_S)
            continue
        if answer.status_code == 202:
            return Given(answer.json()["id"], text)
        assert answer.status_code in (409, 429, 503), answer.text
        await trio.sleep(AGAIN_S)


async def settle(site: Site, load: Load) -> None:
    """Wait until every customer has what is due, and for a doubled message to show."""

    def complete() -> bool:
        answered = all(set(who.phone(site)) >= set(w) for who, w in load.customers.items())
        return answered and all(
            {each.text for each in given} <= set(who.phone(site))
            for who, given in load.given.items()
        )

    await site.until(complete, SETTLE_S)
    await trio.sleep(QUIET_S)


# ---------------------------------------------------------------- the look afterwards


async def check(site: Site, load: Load) -> None:
    """Hold what the customers have, and what the API tells, against what was acknowledged."""
    for who, words in load.customers.items():
        told = await thread(site, who)
        load.mistakes += taken_once(words, told, who.id)
        asked = [text_of(each) for each in told if each["direction"] == "inbound"]
        load.mistakes += arrived(who.phone(site), asked, told, who.id)
        load.flagged += len(doubtful(told))
    for who, given in load.given.items():
        told = await thread(site, who)
        load.mistakes += promised(given, told)
        wanted = [text_of(each) for each in told if each["direction"] == "inbound"]
        wanted += [each.text for each in given]
        load.mistakes += arrived(who.phone(site), wanted, told, who.id)
        load.flagged += len(doubtful(told))
    load.mistakes += await told_once(site, load)


async def thread(site: Site, who: Person) -> list[dict[str, Any]]:
    """All messages with a customer, oldest first, once none is on its way."""

    async def look() -> str:
        page = await site.get("/v1/contacts", identity=f"{who.kind}:{who.id}")
        found = page["items"]
        return found[0]["conversation_id"] or "" if found else ""

    conversation = await patiently(look)
    with trio.move_on_after(SETTLE_S):
        while True:
            messages = await site.items(f"/v1/conversations/{conversation}/messages")
            outbound = [each for each in messages if each["direction"] == "outbound"]
            if all(each["status"] in DONE for each in outbound):
                break
            await trio.sleep(AGAIN_S)
    return messages


def text_of(message: dict[str, Any]) -> str:
    """The text of a message."""
    text: str = message["content"]["text"]
    return text


def doubtful(messages: Iterable[dict[str, Any]]) -> set[str]:
    """The texts that the program itself says may have gone out twice."""
    return {
        text_of(message)
        for message in messages
        if any(part["maybe_duplicate"] for part in message["parts"])
    }


def taken_once(words: Sequence[str], told: Iterable[dict[str, Any]], who: str) -> list[str]:
    """What is wrong with the inbound messages of a conversation."""
    asked = Counter(text_of(each) for each in told if each["direction"] == "inbound")
    return [f"{who}: {text!r} was taken {asked[text]} times" for text in words if asked[text] != 1]


def arrived(
    phone: Sequence[str], wanted: Sequence[str], told: Sequence[dict[str, Any]], who: str
) -> list[str]:
    """What is wrong with the texts on a phone: missing, doubled without a flag, out of order."""
    mistakes = []
    maybe, counts = doubtful(told), Counter(phone)
    for text in dict.fromkeys(wanted):
        most = 2 if text in maybe else 1
        if not 1 <= counts[text] <= most:
            mistakes.append(f"{who}: {text!r} arrived {counts[text]} times, at most {most} are due")
    if list(dict.fromkeys(phone)) != list(wanted):
        mistakes.append(f"{who}: arrived as {list(dict.fromkeys(phone))}, due were {list(wanted)}")
    return mistakes


def promised(given: Sequence[Given], told: Iterable[dict[str, Any]]) -> list[str]:
    """What is wrong with the messages that a caller was promised."""
    known = {each["id"]: each for each in told}
    states = {one: known.get(one.message_id, {}).get("status", "gone") for one in given}
    mistakes = [
        f"{one} was acknowledged and is {state}"
        for one, state in states.items()
        if state not in DONE
    ]
    if len({one.message_id for one in given}) != len(given):
        mistakes.append("two requests were answered with one message")
    return mistakes


async def told_once(site: Site, load: Load) -> list[str]:
    """What is wrong with the event log: each arrival and each status is told once.

    After a kill the platform tells what it could not tell in any order, and who is told that a
    message was delivered is not told any more that it was sent.
    """
    mistakes = []
    events = await site.events("message.received", *TAKEN)
    counts = Counter((each["type"], each["message_id"]) for each in events)
    mistakes += [f"{key} was told {count} times" for key, count in counts.items() if count != 1]
    for each in await site.events("message.echoed"):
        told = await site.items(f"/v1/conversations/{each['conversation_id']}/messages")
        same = [one for one in told if text_of(one) == text_of(each["message"])]
        mistakes.append(f"what we sent was taken for somebody else's: {same}")
    sent = {each["message_id"] for each in events if each["type"] in TAKEN}
    for given in load.given.values():
        mistakes += [
            f"nobody was told that {one} is sent" for one in given if one.message_id not in sent
        ]
    return mistakes


# ---------------------------------------------------------------- the long run


async def play(rounds: int, seed: int) -> int:
    """Play rounds on one data directory until one goes wrong; how many messages were exchanged."""
    chance = random.Random(seed)
    messages = kills = flagged = 0
    with tempfile.TemporaryDirectory(prefix="omni-kill-") as folder:
        async with open_site(Path(folder), SETUP) as site:
            for number in range(rounds):
                load = await play_round(site, number, chance)
                messages, kills = messages + load.messages, kills + load.kills
                flagged += load.flagged
                print(
                    f"round {number + 1}: {messages} messages, {kills} kills, "
                    f"{flagged} flagged as maybe doubled, {len(load.mistakes)} mistakes",
                    flush=True,
                )
                if load.mistakes:
                    print("\n".join(load.mistakes))
                    return 1
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    return trio.run(play, asked.rounds, asked.seed)


if __name__ == "__main__":
    sys.exit(main())
