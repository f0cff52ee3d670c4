"""What the demo plays on Messenger and Instagram: a text, taps, pictures, and a closed window."""

import base64
from functools import partial
from typing import Any

from attrs import frozen

from omni_actors.actors.clock import Clock
from omni_actors.demo.scenes import (
    Scene,
    conversation_of,
    event_of,
    png,
    require,
    stored_image,
)
from omni_actors.demo.stage import PAGE, SHOP, Account, Stage

YESTERDAY_S = 30 * 3600.0


@frozen
class Customer:
    """Somebody who writes to an account, known there by an id of this kind."""

    name: str
    id: str
    kind: str
    at: Account

    async def writes(self, stage: Stage, shown: str, **message: Any) -> str:
        """The customer does something; answers the message's id."""
        stage.say(f"{self.name} ▸ {shown}")
        return await stage.customer(self.id, self.name, at=self.at, taken=True, **message)

    async def gets(self, stage: Stage, count: int) -> dict[str, Any]:
        """The newest of `count` messages that the customer has by now. Raises SceneFailed."""
        messages = await stage.until(self.id, count, at=self.at)
        require(len(messages) == count, f"{self.name} has {len(messages)} messages, not {count}")
        for line in messages[-1]["text"].splitlines():
            stage.say(f"{self.name} ◂ {line}")
        return messages[-1]

    async def conversation(self, stage: Stage) -> str:
        """The conversation with this customer."""
        return await conversation_of(stage, self.id, self.kind)


ANA = Customer("Ana", "7300000000000001", "psid", PAGE)
LEO = Customer("Leo", "7300000000000002", "psid", PAGE)
RUI = Customer("Rui", "8900000000000777", "igsid", SHOP)
SIZES = ("Small", "Medium", "Large")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


async def writes_taps_and_shows(who: Customer, titles: tuple[str, ...], stage: Stage) -> str:
    """A text is echoed, a question is answered by a tap, a picture goes in and out."""
    await who.writes(stage, "Do you have it in blue?", text="Do you have it in blue?")
    echo = await who.gets(stage, 1)
    require(echo["text"] == "Do you have it in blue?", "the answer says something else")
    title = titles[-1]
    conversation = await who.conversation(stage)
    known = await event_of(stage, "identity.portrait", conversation)
    require(known["detail"]["name"] == who.name, f"the platform showed another name: {known}")
    stage.say(f"  (the platform shows who it is: {who.name}, with a picture)")
    await asks(stage, conversation, titles)
    await shows_taps(stage, await who.gets(stage, 2), titles)
    await who.writes(stage, f"taps on {title}", tap=title)
    picked = await event_of(stage, "choice.selected", conversation)
    require(picked["detail"]["option_id"] == title.lower(), f"the wrong option: {picked}")
    await who.gets(stage, 3)
    await picture(who, stage)
    return "echoed; named; the tap mapped back to its option; the picture kept and sent back"


async def asks(stage: Stage, conversation: str, titles: tuple[str, ...]) -> None:
    """The business asks for one of these."""
    options = [{"id": title.lower(), "title": title} for title in titles]
    content = {"type": "choices", "text": "Which one?", "options": options}
    asked = await sends(stage, conversation, content)
    require(asked.status_code == 202, f"the question was refused: {asked.text}")


async def sends(
    stage: Stage, conversation: str, content: dict[str, Any], author: str = "bot"
) -> Any:
    """The business writes; what the API answers."""
    return await stage.api(
        "POST",
        "/v1/messages",
        json={"conversation_id": conversation, "content": content, "author": {"type": author}},
        headers={"Idempotency-Key": f"demo-{conversation}-{author}"},
    )


async def shows_taps(stage: Stage, message: dict[str, Any], titles: tuple[str, ...]) -> None:
    """The options are on the phone, to be tapped."""
    taps = message["taps"]
    require([tap["title"] for tap in taps] == list(titles), f"there is to tap: {taps}")
    kinds = {"quick_reply": "quick replies", "button": "buttons"}
    stage.say(f"  ({len(taps)} {kinds[taps[0]['kind']]})")


async def picture(who: Customer, stage: Stage) -> None:
    """A picture is fetched from the platform, kept, and sent back."""
    made = png(64, 64)
    image = {"content_base64": base64.b64encode(made).decode(), "mime_type": "image/png"}
    shown = f"an image of {len(made)} bytes"
    await who.writes(stage, shown, type="image", image=image)
    back = await who.gets(stage, 4)
    require("[image]" in back["text"], "no image came back")
    kept = await stored_image(stage, who.id, who.kind)
    require(kept == made, "the bytes changed on the way")


async def only_a_human_answers_late(who: Customer, stage: Stage) -> str:
    """30 hours after the customer wrote a bot may write no more, a person may."""
    at = int((Clock().now() - YESTERDAY_S) * 1000)
    shown = "(30 hours ago) Is my order on its way?"
    await who.writes(stage, shown, text="Is my order on its way?", timestamp=at)
    conversation = await who.conversation(stage)
    text = {"type": "text", "text": "It leaves today. Sorry for the wait!"}
    refused = await sends(stage, conversation, text)
    require(refused.status_code == 422, f"a bot's text was answered {refused.status_code}")
    require(refused.json()["code"] == "outside_window", f"refused for this: {refused.text}")
    stage.say("  a bot's answer is refused: the reply window is closed")
    sent = await sends(stage, conversation, text, "human")
    require(sent.status_code == 202, f"a human's text was refused: {sent.text}")
    got = await who.gets(stage, 1)
    require(got["request"].get("tag") == "HUMAN_AGENT", "it is not marked as a human's")
    return "refused for a bot, sent for a human"


SCENES = (
    Scene("Messenger: text, buttons, a picture", partial(writes_taps_and_shows, ANA, SIZES)),
    Scene("Instagram: text, quick replies, a picture", partial(writes_taps_and_shows, RUI, DAYS)),
    Scene("Messenger: a day too late for a bot", partial(only_a_human_answers_late, LEO)),
)
