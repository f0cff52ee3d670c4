"""What the demo plays by mail: a file, threads, answers by link and by token, and a bounce."""

import base64
from hashlib import sha256
from typing import Any

import httpx

from omni_actors.demo.meta_scenes import Customer, sends
from omni_actors.demo.scenes import Scene, conversation_of, event_of, get, png, require
from omni_actors.demo.stage import BOX, Stage

MIA = Customer("Mia", "mia@example.org", "email", BOX)
NOBODY = "nobody@example.org"
SUBJECT = "A question about my order"
WORDS = "Is this the right size?"
DAYS = ("Monday", "Tuesday", "Wednesday")


async def file_goes_in_and_the_answer_threads(stage: Stage) -> str:
    """A mail with a file is taken in whole; the bot's answer stays in its thread."""
    made = png(64, 64)
    content = base64.b64encode(made).decode()
    file = {"filename": "shoe.png", "mime_type": "image/png", "content_base64": content}
    shown = f"[{SUBJECT}] {WORDS} (with shoe.png, {len(made)} bytes)"
    stage.say(f"Mia ▸ {shown}")
    message_id = await stage.customer(
        MIA.id, MIA.name, at=BOX, subject=SUBJECT, text=WORDS, attachments=[file]
    )
    messages = await stage.until(MIA.id, 2, at=BOX)
    require(len(messages) == 2, f"Mia has {len(messages)} mails: the words, and the file")
    for mail in messages:
        tell(stage, mail)
        require(mail["subject"] == f"Re: {SUBJECT}", f"the subject is {mail['subject']!r}")
    answer = messages[0]["request"]
    require(answer["in_reply_to"] == f"<{message_id}>", "the answer is in no thread")
    require(WORDS in messages[0]["text"], "the answer says something else")
    (back,) = messages[1]["attachments"]
    require(back["sha256"] == sha256(made).hexdigest(), "the file changed on the way back")
    require(await kept_file(stage) == made, "the file changed on the way in")
    return "taken in whole; both answers are in the thread"


def tell(stage: Stage, mail: dict[str, Any]) -> None:
    """Show a mail that Mia got."""
    stage.say(f"Mia ◂ [{mail['subject']}]")
    for line in mail["text"].strip().splitlines():
        stage.say(f"Mia ◂   {line}".rstrip())
    for file in mail["attachments"]:
        stage.say(f"Mia ◂   (with {file['filename']}, {file['size']} bytes)")


async def kept_file(stage: Stage) -> bytes:
    """The bytes of Mia's file as the API gives them."""
    conversation = await conversation_of(stage, MIA.id, MIA.kind)
    page = await get(stage, f"/v1/conversations/{conversation}/messages")
    files = [file for each in page["items"] for file in each["content"].get("attachments", [])]
    require(files, "the conversation holds no file")
    return (await stage.api("GET", f"/v1/media/{files[0]['media_id']}")).content


async def answers_by_link_and_by_token(stage: Stage) -> str:
    """A button in a mail picks an option; an answer without a thread is known all the same."""
    conversation = await MIA.conversation(stage)
    options = [{"id": day[:3].lower(), "title": day} for day in DAYS]
    question = {"type": "choices", "text": "When may we deliver?", "options": options}
    asked = await sends(stage, conversation, question)
    require(asked.status_code == 202, f"the question was refused: {asked.text}")
    mail = (await stage.until(MIA.id, 3, at=BOX))[-1]
    tell(stage, mail)
    await picked_by_link(stage, mail["links"], conversation)
    tell(stage, (await stage.until(MIA.id, 4, at=BOX))[-1])
    words = "Tuesday is fine, but after five please."
    stage.say(f"Mia ▸ [Delivery] {words} (with a program that breaks threads)")
    await stage.customer(
        MIA.id, MIA.name, at=BOX, in_reply_to=mail["id"], thread=False, subject="Delivery",
        text=words,
    )  # fmt: skip
    messages = await stage.until(MIA.id, 5, at=BOX)
    require(len(messages) == 5, "no answer came")
    tell(stage, messages[-1])
    newest = await newest_of(stage, conversation, words)
    answered, rule = newest["reply_to"]["message_id"], newest["notes"]["thread"]["rule"]
    require(answered == asked.json()["id"], f"it answers {answered}")
    require(rule == "reply_token", f"that was found by {rule}")
    require(newest["content"]["text"].strip() == words, "what it quotes was not taken away")
    return "the link picked Tuesday, and the address told what was answered"


async def picked_by_link(stage: Stage, links: list[str], conversation: str) -> None:
    """A scanner looks at every link, and Mia presses the button of one."""
    require(len(links) == len(DAYS), f"there are {len(links)} links")
    async with httpx.AsyncClient(timeout=10) as browser:
        for link in links:
            page = await browser.get(link)
            require(page.status_code == 200, f"the page was answered {page.status_code}")
        stage.say("  (a virus scanner follows every link, which picks nothing)")
        pressed = await browser.post(links[1])
        require(pressed.status_code == 200, f"the button was answered {pressed.status_code}")
    stage.say("Mia ▸ presses Tuesday")
    picked = await event_of(stage, "choice.selected", conversation)
    require(picked["detail"]["option_id"] == "tue", f"the wrong option was picked: {picked}")


async def newest_of(stage: Stage, conversation: str, words: str) -> dict[str, Any]:
    """The customer's message that says this."""
    page = await get(stage, f"/v1/conversations/{conversation}/messages", limit="100")
    found: list[dict[str, Any]] = [
        each
        for each in page["items"]
        if each["direction"] == "inbound" and words in each["content"].get("text", "")
    ]
    require(found, "the answer is not in the conversation")
    return found[-1]


async def bounce_fails_its_message(stage: Stage) -> str:
    """The server takes a mail, and reports later that nobody has that address."""
    stage.say(f"  the business writes to {NOBODY}")
    sent = await stage.api(
        "POST",
        "/v1/messages",
        json={
            "to": {"channel_id": BOX.channel, "address": NOBODY},
            "content": {"type": "email", "subject": "Your order", "text": "It is on its way."},
        },
        headers={"Idempotency-Key": "demo-bounce"},
    )
    require(sent.status_code == 202, f"the mail was refused: {sent.text}")
    failed = await event_of(stage, "message.failed", sent.json()["conversation_id"])
    message = await get(stage, f"/v1/messages/{sent.json()['id']}")
    require(message["status"] == "failed", f"the message is {message['status']}")
    reason = f"{message['reason']['code']}, {message['reason']['raw']['text']}"
    require(failed["message_id"] == message["id"], "another message failed")
    stage.say(f"  a report comes back: {reason}")
    return f"sent, then failed by its report: {reason}"


SCENES = (
    Scene("Email: a file, and answers in the thread", file_goes_in_and_the_answer_threads),
    Scene("Email: an answer by link, and one by its address", answers_by_link_and_by_token),
    Scene("Email: a mail that comes back", bounce_fails_its_message),
)
