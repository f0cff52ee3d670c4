"""Runs the demo: the fixed script with its verdict, or a house to play with."""

import time
from collections.abc import Callable
from pathlib import Path

import trio

from omni_actors.cli_exits import first
from omni_actors.demo.program import ProgramFailed
from omni_actors.demo.scenes import SCENES, Scene, SceneFailed
from omni_actors.demo.stage import CHANNEL, NUMBER, Stage, open_stage

SCENE_TIMEOUT_S = 50.0
LINES = (
    "Good morning!",
    "Do you have this in blue?",
    "When are you open on Saturday?",
    "Thank you 👍",
    "One more question: do you deliver?",
)
CUSTOMERS = (("447700900123", "Ada"), ("447700900124", "Bob"), ("447700900125", "Eve"))
PAUSE_S = 4.0

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
        say(welcome(stage.program.url, stage.sandbox.url, key))
        stage.nursery.start_soon(show_answers, stage)
        while True:
            for number, line in enumerate(LINES):
                phone, name = CUSTOMERS[number % len(CUSTOMERS)]
                await stage.customer(phone, name, type="text", text={"body": line})
                say(f"{name:>4} ▸ {line}")
                await trio.sleep(PAUSE_S)


async def show_answers(stage: Stage) -> None:
    """Print what arrives on the customers' phones, as it arrives."""
    names = dict(CUSTOMERS)
    after = 0
    while True:
        reply = await stage.control.get(
            f"/sandbox/whatsapp/{NUMBER}/outbox",
            params={"after": after, "wait_s": 30},
            timeout=40,
        )
        page = reply.json()
        for message in page["messages"]:
            stage.say(f"{names.get(message['to'], message['to']):>4} ◂ {message['text']}")
        after = page["after"]


def welcome(url: str, sandbox: str, key: Path) -> str:
    """Where to look and what to try, with the operator's key from its file."""
    return f"""\
The gateway listens on {url}, the pretend platforms on {sandbox}. Press Ctrl-C to end.

Write as a customer:
  curl -X POST {sandbox}/sandbox/whatsapp/{NUMBER}/inbound \\
       -d '{{"from": "447700900126", "name": "Zoe", "type": "text", "text": {{"body": "Hi!"}}}}'
See what customers have on their phones:
  curl {sandbox}/sandbox/whatsapp/{NUMBER}/outbox
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
