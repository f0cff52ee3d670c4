"""Runs the demo: the fixed script with its verdict, or a house to play with."""

import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import trio

from omni_actors.cli_exits import first
from omni_actors.demo import mail_scenes, meta_scenes, scenes
from omni_actors.demo.program import ProgramFailed
from omni_actors.demo.scenes import Scene, SceneFailed
from omni_actors.demo.stage import (
    BOX,
    CHANNEL,
    PAGE,
    PHONE,
    SHOP,
    Account,
    Stage,
    open_stage,
    route,
)

SCENE_TIMEOUT_S = 50.0
LINES = (
    "Good morning!",
    "Do you have this in blue?",
    "When are you open on Saturday?",
    "Thank you 👍",
    "One more question: do you deliver?",
)
CUSTOMERS = (
    ("447700900123", "Ada", PHONE),
    ("7300000000000001", "Ana", PAGE),
    ("8900000000000777", "Rui", SHOP),
    ("mia@example.org", "Mia", BOX),
)
PAUSE_S = 4.0
# The kill comes last: what came before it must survive it too.
SCENES = (*scenes.SCENES[:-1], *meta_scenes.SCENES, *mail_scenes.SCENES, scenes.SCENES[-1])

Say = Callable[[str], None]


async def play_once(say: Say) -> bool:
    """The fixed script; whether everything happened."""
    began = time.monotonic()
    passed = 0
    try:
        async with open_stage(say) as stage:
            say(f"gateway {stage.program.url}, pretend platforms {stage.sandbox.url}")
            for number, scene in enumerate(SCENES, start=1):
                say(f"\n{number}. {scene.title}")
                passed += await played(stage, scene)
    except* ProgramFailed as problems:
        say(f"the gateway did not start:\n{first(problems, ProgramFailed)}")
    took = time.monotonic() - began
    good = passed == len(SCENES)
    word = "passed" if good else "FAILED"
    say(f"\nverdict: {word}, {passed} of {len(SCENES)} scenes in {took:.1f} s")
    return good


async def played(stage: Stage, scene: Scene) -> bool:
    """One scene; whether it went as it must."""
    try:
        with trio.fail_after(SCENE_TIMEOUT_S):
            outcome = await scene.play(stage)
    except SceneFailed as problem:
        stage.say(f"   ✗ {problem}")
        stage.say(stage.program.last_words())
        return False
    except trio.TooSlowError:
        stage.say(f"   ✗ not done within {SCENE_TIMEOUT_S:.0f} s")
        return False
    stage.say(f"   ✓ {outcome}")
    return True


async def play_on(say: Say) -> None:
    """Customers write every few seconds until the user has seen enough."""
    async with open_stage(say) as stage:
        key = stage.program.config.parent / "data" / "operator.key"
        say(welcome(stage.program.url, stage.sandbox.url, stage.sandbox.doors, key))
        for account in (PHONE, PAGE, SHOP, BOX):
            stage.nursery.start_soon(show_answers, stage, account)
        for number in itertools.count():
            sender, name, account = CUSTOMERS[number % len(CUSTOMERS)]
            line = LINES[number % len(LINES)]
            await stage.customer(sender, name, at=account, **written(account, line))
            say(f"{account.platform:>9} {name:>4} ▸ {line}")
            await trio.sleep(PAUSE_S)


def written(account: Account, line: str) -> dict[str, Any]:
    """A line as it is written there."""
    if account is PHONE:
        return {"type": "text", "text": {"body": line}}
    return {"text": line, "subject": "Hello"} if account is BOX else {"text": line}


async def show_answers(stage: Stage, account: Account) -> None:
    """Print what arrives on the customers' phones, as it arrives."""
    names = {sender: name for sender, name, _ in CUSTOMERS}
    after = 0
    while True:
        reply = await stage.control.get(
            f"{route(account)}/outbox",
            params={"after": after, "wait_s": 30},
            timeout=40,
        )
        page = reply.json()
        for message in page["messages"]:
            name = names.get(message["to"], message["to"])
            stage.say(f"{account.platform:>9} {name:>4} ◂ {message['text']}")
        after = page["after"]


def welcome(url: str, sandbox: str, doors: Mapping[str, str], key: Path) -> str:
    """Where to look and what to try, with the operator's key from its file."""
    smtp, imap = doors["smtp"], doors["imap"]
    return f"""\
The gateway listens on {url}, the pretend platforms on {sandbox}. Press Ctrl-C to end.
Mails are taken at {smtp} (SMTP), and mailboxes shown at {imap} (IMAP).

Write as a customer:
  curl -X POST {sandbox}{route(PHONE)}/inbound \\
       -d '{{"from": "447700900126", "name": "Zoe", "type": "text", "text": {{"body": "Hi!"}}}}'
Or on Messenger, and on Instagram:
  curl -X POST {sandbox}{route(PAGE)}/inbound \\
       -d '{{"from": "7300000000000003", "name": "Max", "text": "Hi!"}}'
  curl -X POST {sandbox}{route(SHOP)}/inbound \\
       -d '{{"from": "8900000000000003", "username": "ivy", "text": "Hi!"}}'
Or by mail; any mail program can be ivy@example.org too, with any password, without TLS:
  curl -X POST {sandbox}{route(BOX)}/inbound \\
       -d '{{"from": "ivy@example.org", "name": "Ivy", "subject": "Tea", "text": "Hi!"}}'
See what customers have on their phones:
  curl {sandbox}{route(PHONE)}/outbox
Answer as the business:
  curl -X POST {url}/v1/messages -H "Authorization: Bearer $(cat {key})" \\
       -H 'Content-Type: application/json' \\
       -d '{{"to": {{"channel_id": "{CHANNEL}", "address": "+447700900123"}},
            "content": {{"type": "text", "text": "A human here."}}}}'
Follow all events:
  curl "{url}/v1/events?after=0" -H "Authorization: Bearer $(cat {key})"
"""


def run(*, once: bool, say: Say = print) -> int:
    """The demo as the command line runs it; answers the exit code."""
    if once:
        return 0 if trio.run(play_once, say) else 1
    failed = False
    try:
        trio.run(play_on, say)
    except* KeyboardInterrupt:
        say("\nGoodbye.")
    except* ProgramFailed as problems:
        say(f"the gateway did not start:\n{first(problems, ProgramFailed)}")
        failed = True
    return 1 if failed else 0
