"""The fixed script of `demo --once`: what must happen, and the proof that it did."""

import base64
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from attrs import frozen

from omni_actors.demo.stage import Stage

ADA, BOB, EVE, JOE, KIM = (f"4477009001{n:02}" for n in range(23, 28))
CROWD = 20
EACH = 10
KILL_AFTER = 80
SETTLE_S = 0.5  # long enough for a second answer to show, if there were one
ANSWER = "4"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


class SceneFailed(Exception):
    """What should have happened did not."""


@frozen
class Scene:
    """One act: its title and what is done and checked."""

    title: str
    play: Callable[[Stage], Awaitable[str]]


def require(truth: object, sentence: str) -> None:
    """Raise SceneFailed unless it is so."""
    if not truth:
        raise SceneFailed(sentence)


async def text_is_echoed(stage: Stage) -> str:
    """A customer writes, the bot answers."""
    await stage.customer(ADA, "Ada", type="text", text={"body": "Hello, is anybody there?"})
    stage.say("Ada ▸ Hello, is anybody there?")
    messages = await stage.until(ADA, 1)
    require(messages, "no answer came")
    stage.say(f"Ada ◂ {messages[0]['text']}")
    require(messages[0]["text"] == "Hello, is anybody there?", "the answer says something else")
    return "echoed"


async def question_is_answered_by_number(stage: Stage) -> str:
    """Five options that no native form can show become numbered text; a number picks one."""
    await stage.customer(BOB, "Bob", type="text", text={"body": "I need an appointment"})
    await stage.until(BOB, 1)
    conversation = await conversation_of(stage, BOB)
    asked = await stage.api(
        "POST",
        "/v1/messages",
        json={"conversation_id": conversation, "content": question()},
        headers={"Idempotency-Key": "demo-question"},
    )
    require(asked.status_code == 202, f"the question was refused: {asked.text}")
    messages = await stage.until(BOB, 2)
    require(len(messages) == 2, "the question did not arrive")
    for line in messages[1]["text"].splitlines():
        stage.say(f"Bob ◂ {line}")
    require("4. Thursday" in messages[1]["text"], "the options are not numbered")
    await stage.customer(BOB, "Bob", type="text", text={"body": ANSWER})
    stage.say(f"Bob ▸ {ANSWER}")
    picked = await event_of(stage, "choice.selected", asked.json()["conversation_id"])
    require(picked["detail"]["option_id"] == "thu", f"the wrong option was picked: {picked}")
    messages = await stage.until(BOB, 4)
    stage.say(f"Bob ◂ {messages[-1]['text']}")
    return "option 4 mapped back to its id"


def question() -> dict[str, Any]:
    """Five options, each with more to say than a list's row has room for."""
    hours = "between nine in the morning and half past five in the afternoon, walk-ins are welcome"
    return {
        "type": "choices",
        "text": "Which **day** suits you?",
        "format": "markdown",
        "options": [
            {"id": day[:3].lower(), "title": day, "description": f"{hours} ({day})"} for day in DAYS
        ],
    }


async def conversation_of(stage: Stage, address: str, kind: str = "phone") -> str:
    """The conversation with a customer."""
    found = await get(stage, "/v1/contacts", identity=f"{kind}:{address}")
    require(found["items"], "the gateway knows no such contact")
    conversation: str = found["items"][0]["conversation_id"]
    return conversation


async def get(stage: Stage, path: str, **params: str) -> dict[str, Any]:
    """What the API answers. Raises SceneFailed unless it is a 200."""
    reply = await stage.api("GET", path, params=params)
    require(reply.status_code == 200, f"GET {path} was answered {reply.status_code}: {reply.text}")
    document: dict[str, Any] = reply.json()
    return document


async def event_of(stage: Stage, kind: str, conversation_id: str) -> dict[str, Any]:
    """The first event of a kind in a conversation."""
    with trio.move_on_after(15):
        while True:
            page = await get(stage, "/v1/events", after="0", limit="200", types=kind)
            for event in page["items"]:
                if event["conversation_id"] == conversation_id:
                    found: dict[str, Any] = event
                    return found
            await trio.sleep(0.1)
    raise SceneFailed(f"no event {kind}")


async def image_goes_in_and_out(stage: Stage) -> str:
    """An image is fetched from the platform, kept, and sent back."""
    picture = png(64, 64)
    content = base64.b64encode(picture).decode()
    image = {"content_base64": content, "mime_type": "image/png", "caption": "my cat"}
    await stage.customer(EVE, "Eve", type="image", image=image)
    stage.say(f"Eve ▸ an image of {len(picture)} bytes: my cat")
    messages = await stage.until(EVE, 1)
    require(messages, "no image came back")
    stage.say(f"Eve ◂ {messages[0]['text']}")
    request = messages[0]["request"]
    require(request.get("type") == "image" and request["image"].get("id"), "it is not an image")
    kept = await stored_image(stage, EVE)
    require(kept == picture, "the bytes changed on the way")
    return "fetched, kept whole, sent back"


async def stored_image(stage: Stage, address: str, kind: str = "phone") -> bytes:
    """The bytes of a customer's image as the API gives them."""
    conversation = await conversation_of(stage, address, kind)
    page = await get(stage, f"/v1/conversations/{conversation}/messages")
    media = [each["content"] for each in page["items"] if each["content"]["type"] == "media"]
    require(media, "the conversation holds no image")
    return (await stage.api("GET", f"/v1/media/{media[0]['media_id']}")).content


async def redelivery_is_taken_once(stage: Stage) -> str:
    """The platform repeats a webhook three times; it takes effect once."""
    await stage.customer(JOE, "Joe", type="text", text={"body": "only once, please"}, redeliver=3)
    stage.say("Joe ▸ only once, please (delivered four times)")
    await stage.until(JOE, 1)
    await trio.sleep(SETTLE_S)
    messages = await stage.outbox(JOE)
    stage.say(f"Joe ◂ {messages[0]['text']}" if messages else "Joe ◂ nothing")
    require(len(messages) == 1, f"{len(messages)} answers to one message")
    conversation = await conversation_of(stage, JOE)
    page = await get(stage, f"/v1/conversations/{conversation}/messages")
    inbound = [message for message in page["items"] if message["direction"] == "inbound"]
    require(len(inbound) == 1, f"{len(inbound)} messages in the conversation")
    return "taken once"


async def throttling_is_ridden_out(stage: Stage) -> str:
    """The platform answers 429 twice; the message arrives all the same, and once."""
    await stage.faults({"kind": "throttle", "count": 2})
    await stage.customer(KIM, "Kim", type="text", text={"body": "busy day?"})
    stage.say("Kim ▸ busy day? (the platform throttles twice)")
    messages = await stage.until(KIM, 1)
    require(len(messages) == 1, f"{len(messages)} answers")
    stage.say(f"Kim ◂ {messages[0]['text']}")
    taken = (await stage.stats())["faults_taken"]
    require(taken.get("throttle") == 2, f"the platform throttled {taken} times, not twice")
    return "two refusals, one message"


async def survives_a_kill(stage: Stage) -> str:
    """SIGKILL in the middle of 200 messages; after a restart all arrive, once and in order."""
    phones = [f"4477009010{n:02}" for n in range(CROWD)]
    async with trio.open_nursery() as nursery:
        for phone in phones:
            nursery.start_soon(writes_in_order, stage, phone)
        nursery.start_soon(kill_and_restart, stage, phones)
    await stage.until_arrived(phones, CROWD * EACH, within_s=30)
    await trio.sleep(SETTLE_S)
    answers = stage.arrived(phones)
    total = sum(map(len, answers))
    require(total == CROWD * EACH, f"{total} answers to {CROWD * EACH} messages")
    for phone, texts in zip(phones, answers, strict=True):
        asked = await taken_from(stage, phone)
        require(len(set(texts)) == EACH, f"{phone} got an answer twice: {texts}")
        require(texts == asked, f"{phone} wrote {asked} and was answered {texts}")
    return f"{total} of {CROWD * EACH} answered, once and in order"


async def taken_from(stage: Stage, phone: str) -> list[str]:
    """What the gateway took from a customer, in its order.

    That may not be the order of writing: the platform repeats what the killed gateway did not
    acknowledge, and promises no order.
    """
    conversation = await conversation_of(stage, phone)
    page = await get(stage, f"/v1/conversations/{conversation}/messages", limit="100")
    inbound = [message for message in page["items"] if message["direction"] == "inbound"]
    return [message["content"]["text"] for message in inbound]


async def writes_in_order(stage: Stage, phone: str) -> None:
    """One of the crowd writes its messages one after the other."""
    for n in range(1, EACH + 1):
        await stage.customer(phone, f"Customer {phone[-2:]}", type="text", text=body(n))


def body(n: int) -> dict[str, str]:
    return {"body": f"message {n}"}


async def kill_and_restart(stage: Stage, phones: list[str]) -> None:
    """Kill the gateway when a good part is answered; start it again."""
    done = await stage.until_arrived(phones, KILL_AFTER, within_s=20)
    await stage.program.kill()
    stage.say(f"✂ SIGKILL to the gateway, {done} of {CROWD * EACH} answered")
    await stage.program.start(stage.nursery)
    stage.point_hook()
    stage.say("↻ started again")


def png(width: int, height: int) -> bytes:
    """A small true PNG: a gradient in grey."""
    rows = b"".join(b"\0" + bytes([(x * y) % 256 for x in range(width)]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk, chunks))


def chunk(named: tuple[bytes, bytes]) -> bytes:
    name, body_bytes = named
    checksum = zlib.crc32(name + body_bytes)
    return struct.pack(">I", len(body_bytes)) + name + body_bytes + struct.pack(">I", checksum)


SCENES = (
    Scene("WhatsApp: a text is echoed", text_is_echoed),
    Scene("WhatsApp: five options, answered by number", question_is_answered_by_number),
    Scene("WhatsApp: an image in and out", image_goes_in_and_out),
    Scene("A webhook delivered four times", redelivery_is_taken_once),
    Scene("The platform throttles", throttling_is_ridden_out),
    Scene(f"SIGKILL in the middle of {CROWD * EACH} messages", survives_a_kill),
)
