"""A client that others wrote for the Cloud API talks to the sandbox: only its base URL is changed.

The client is pywa, on trio: its asynchronous half speaks through httpx and needs no event loop of
its own for what is done here. Its server half stands behind the sandbox's hook.

Left out on purpose: a `failed` status. The platform sends none of `contacts` with it, nor does the
sandbox, and pywa 4.5.0 reads that key without asking: it drops the update with a KeyError. And
media in the headers of templates, which pywa gathers with asyncio.
"""

import base64
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import trio
from attrs import frozen
from pywa_async import WhatsApp, errors
from pywa_async.handlers import (
    CallbackButtonHandler,
    CallbackSelectionHandler,
    MessageHandler,
    MessageStatusHandler,
)
from pywa_async.types import (
    Button,
    CallbackButton,
    CallbackSelection,
    CallPermissionRequestButton,
    Contact,
    FlowActionType,
    FlowButton,
    ImageCarouselCard,
    Message,
    MessageStatus,
    MessageStatusType,
    ProductsSection,
    Section,
    SectionList,
    SectionRow,
    URLButton,
    VoiceCallButton,
    templates,
)
from pywa_async.types.templates import BodyText, TemplateLanguage

from omni_actors.sandbox.http import Answer, Request, serve_connection
from tests.sandbox.conftest import ADA, EPOCH_S, KEY, TEXT, Play

PLATFORM_URL = "https://graph.facebook.com"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
UPDATES_MAX = 100


@frozen
class Bot:
    """pywa with its door: what it sends goes to the sandbox, what it hears lands in `heard`."""

    play: Play
    client: WhatsApp
    heard: trio.MemoryReceiveChannel[Any]

    async def hear(self) -> Any:
        """The next update, as pywa understood it."""
        with trio.fail_after(10):
            return await self.heard.receive()

    async def greeted(self) -> str:
        """Ada writes, which opens her window; gives the id of her message."""
        written = await self.play.write(TEXT, wait=1)
        assert written["status"] == 200
        return str((await self.hear()).id)

    async def shown(self) -> dict[str, Any]:
        """The last message that Ada has on her phone."""
        return (await self.play.outbox(to=ADA))[-1]


@frozen
class Door:
    """What a bot developer writes to put pywa behind a server that it does not know."""

    client: WhatsApp

    async def handle(self, request: Request) -> Answer:
        """The handshake, and updates whose signature is right."""
        if request.method == "GET":
            query = request.query
            challenge, status = await self.client.webhook_challenge_handler(
                query.get("hub.verify_token"), query.get("hub.challenge")
            )
            return Answer(status, str(challenge).encode())
        body = await request.body()
        refused = await self.client.webhook_update_validator(
            body, request.headers.get("x-hub-signature-256")
        )
        text, status = refused or await self.client.webhook_update_handler(body)
        return Answer(status, text.encode())


def whatsapp(session: httpx.AsyncClient, **keys: str) -> WhatsApp:
    """The client as its own documentation makes it, with the sample account's keys."""
    usual = {
        "token": "sandbox-token",
        "verify_token": "sandbox-verify",
        "app_secret": "sandbox-secret",
    }
    return WhatsApp(phone_id=KEY, session=session, **{**usual, **keys})


def point_at(session: httpx.AsyncClient, url: str) -> None:
    """The one change: the version that the client chose stays."""
    assert str(session.base_url).startswith(PLATFORM_URL), "it would be called in earnest"
    session.base_url = httpx.URL(str(session.base_url).replace(PLATFORM_URL, url))


@pytest.fixture
async def bot(play: Play) -> AsyncIterator[Bot]:
    """pywa at work against the sandbox, in both directions."""
    told, heard = trio.open_memory_channel[Any](UPDATES_MAX)

    async def note(_client: WhatsApp, update: Any) -> None:
        told.send_nowait(update)

    nothing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # is trusted; all is said in the clear
    async with httpx.AsyncClient(verify=nothing) as session, trio.open_nursery() as nursery:
        client = whatsapp(session)
        point_at(session, play.sandbox.url)
        client.add_handlers(
            MessageHandler(note),
            CallbackButtonHandler(note),
            CallbackSelectionHandler(note),
            MessageStatusHandler(note),
        )
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def connection(stream: trio.SocketStream) -> None:
            await serve_connection(stream, Door(client).handle)

        nursery.start_soon(trio.serve_listeners, connection, listeners)
        play.sandbox.hook_url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/"
        yield Bot(play, client, heard)
        nursery.cancel_scope.cancel()


async def test_a_text_is_sent_as_a_reply(bot: Bot) -> None:
    question = await bot.greeted()

    sent = await bot.client.send_message(ADA, "Tea is ready", reply_to_message_id=question)

    shown = await bot.shown()
    assert (shown["id"], shown["text"]) == (sent.id, "Tea is ready")
    assert shown["request"]["context"] == {"message_id": question}


async def test_reply_buttons_are_sent(bot: Bot) -> None:
    await bot.greeted()

    await bot.client.send_message(ADA, "Milk?", buttons=[Button("Yes", "y"), Button("No", "n")])

    assert (await bot.shown())["text"] == "Milk?\n[Yes]\n[No]"


async def test_a_list_is_sent(bot: Bot) -> None:
    await bot.greeted()
    rows = [SectionRow("Assam", "a", "strong"), SectionRow("Darjeeling", "d")]

    await bot.client.send_message(
        ADA, "Which tea?", buttons=SectionList("Choose", [Section("Black", rows)])
    )

    assert (await bot.shown())["text"] == "Which tea?\n- Assam\n- Darjeeling"


PAY = URLButton("Pay now", "https://pay.example/42")
PICTURE = "https://cdn.example/a.jpg"
FERN, MOSS = [
    ImageCarouselCard(
        image=PICTURE, body=name, buttons=URLButton("Buy", f"https://shop.example/{name}")
    )
    for name in ("fern", "moss")
]
ASKING = [
    ImageCarouselCard(image=PICTURE, body=name, buttons=[Button("More", f"more:{name}")])
    for name in ("fern", "moss")
]
ASKED: dict[str, tuple[Any, str]] = {
    "a link button": (
        lambda to: to.send_message(
            ADA, "Ready to pay", header="Order", footer="Today", buttons=PAY
        ),
        "Order\nReady to pay\nToday\n[Pay now] https://pay.example/42",
    ),
    "buttons below a header": (
        lambda to: to.send_message(ADA, "Milk?", header="Tea", buttons=[Button("Yes", "y")]),
        "Tea\nMilk?\n[Yes]",
    ),
    "buttons below a picture": (
        lambda to: to.send_image(ADA, PICTURE, caption="This?", buttons=[Button("Yes", "y")]),
        "[image]\nThis?\n[Yes]",
    ),
    "a flow": (
        lambda to: to.send_message(
            ADA,
            "Two questions",
            buttons=FlowButton(
                "Start",
                flow_id="70001",
                flow_token="tok-7",
                flow_action_type=FlowActionType.NAVIGATE,
                flow_action_screen="WELCOME",
                flow_action_payload={"name": "Ada"},
            ),
        ),
        "Two questions\n[Start]",
    ),
    "a call button": (
        lambda to: to.send_message(ADA, "Talk to us", buttons=VoiceCallButton("Call", 60)),
        "Talk to us\n[Call]",
    ),
    "a request to call": (
        lambda to: to.send_message(ADA, "May we call?", buttons=CallPermissionRequestButton()),
        "May we call?\n[call_permission_request]",
    ),
    "a request for a location": (
        lambda to: to.request_location(ADA, "Where?"),
        "Where?\n[send_location]",
    ),
    "a request for a phone number": (
        lambda to: to.request_contact_info(ADA, "Your number?"),
        "Your number?\n[request_contact_info]",
    ),
    "a catalog": (
        lambda to: to.send_catalog(ADA, "Browse", "Omni", thumbnail_product_sku="SKU-9"),
        "Browse\nOmni\n[catalog_message]",
    ),
    "a product": (lambda to: to.send_product(ADA, "5511", "SKU-9"), "- SKU-9"),
    "a list of products": (
        lambda to: to.send_products(
            ADA, "5511", [ProductsSection("Tea", ["SKU-9", "SKU-10"])], "Picks", "For you"
        ),
        "Picks\nFor you\n- SKU-9\n- SKU-10",
    ),
    "cards that open pages": (
        lambda to: to.send_carousel(ADA, body="New", cards=[FERN, MOSS]),
        "New\n[image]\nfern\n[Buy] https://shop.example/fern\n"
        "[image]\nmoss\n[Buy] https://shop.example/moss",
    ),
    "cards that answer": (
        lambda to: to.send_carousel(ADA, body="New", cards=ASKING),
        "New\n[image]\nfern\n[More]\n[image]\nmoss\n[More]",
    ),
    "a video": (lambda to: to.send_video(ADA, PICTURE, caption="Look"), "[video] Look"),
    "a document": (
        lambda to: to.send_document(ADA, PICTURE, filename="a.pdf", caption="Read"),
        "[document] Read",
    ),
    "a voice message": (lambda to: to.send_voice(ADA, PICTURE), "[audio]"),
    "a sticker": (lambda to: to.send_sticker(ADA, PICTURE), "[sticker]"),
}


@pytest.mark.parametrize(("send", "shown"), ASKED.values(), ids=ASKED.keys())
async def test_everything_that_can_be_asked_is_sent(bot: Bot, send: Any, shown: str) -> None:
    await bot.greeted()

    sent = await send(bot.client)

    assert ((await bot.shown())["id"], (await bot.shown())["text"]) == (sent.id, shown)


async def test_a_medium_is_uploaded_sent_fetched_and_deleted(bot: Bot) -> None:
    await bot.greeted()
    medium = await bot.client.upload_media(PNG, mime_type="image/png", filename="tea.png")

    await bot.client.send_image(ADA, medium.id, caption="Your tea")
    found = await bot.client.get_media_url(medium.id)
    fetched = await bot.client.get_media_bytes(found.url)
    deleted = await bot.client.delete_media(medium.id)

    assert (await bot.shown())["request"]["image"] == {"id": medium.id, "caption": "Your tea"}
    assert (fetched, found.mime_type, found.file_size) == (PNG, "image/png", len(PNG))
    assert deleted.success
    with pytest.raises(errors.WhatsAppError):
        await bot.client.get_media_url(medium.id)


async def test_bytes_are_sent_in_one_go(bot: Bot) -> None:
    await bot.greeted()

    sent = await bot.client.send_image(ADA, PNG, mime_type="image/png")

    assert (await bot.shown())["id"] == sent.id


async def test_a_location_is_sent(bot: Bot) -> None:
    await bot.greeted()

    await bot.client.send_location(ADA, 51.5, -0.1, name="The shop", address="1 High Street")

    assert (await bot.shown())["text"] == "[location] 51.5, -0.1 The shop 1 High Street"


async def test_contacts_are_sent(bot: Bot) -> None:
    await bot.greeted()
    grace = Contact(
        name=Contact.Name(formatted_name="Grace Hopper", first_name="Grace"),
        phones=[Contact.Phone(phone="+442079460123", type="WORK")],
    )

    await bot.client.send_contact(ADA, grace)

    assert (await bot.shown())["text"] == "[contact] Grace Hopper"


@pytest.mark.slow
async def test_a_reaction_is_set_and_taken_back(bot: Bot) -> None:
    question = await bot.greeted()

    await bot.client.send_reaction(ADA, "👍", question)
    await bot.client.remove_reaction(ADA, question)

    texts = [entry["text"] for entry in await bot.play.outbox(to=ADA)]
    assert texts == ["[reaction] 👍", "[reaction] removed"]


@pytest.mark.slow
async def test_a_template_is_sent_outside_the_window(bot: Bot) -> None:
    await bot.client.send_template(
        ADA, "order_ready", TemplateLanguage.ENGLISH_UK, [BodyText.params("Ada", "A-1")]
    )

    assert (await bot.shown())["text"] == "Hi Ada, order A-1 is ready to collect."


async def test_a_code_is_sent(bot: Bot) -> None:
    await bot.client.send_template(
        ADA,
        "otp_v1",
        TemplateLanguage.ENGLISH_UK,
        [
            templates.AuthenticationBody.params(otp="493021"),
            templates.CopyCodeOTPButton.params(otp="493021"),
        ],
    )

    assert (await bot.shown())["text"] == "493021 is your code.\n[Copy code]"


COMPONENTS = {
    "a place": [templates.HeaderLocation.params(lat=51.5, lon=-0.1, name="Shop", address="1")],
    "a product": [templates.HeaderProduct.params(catalog_id="5511", sku="SKU-9")],
    "amounts and times": [
        BodyText.params(
            templates.Currency(fallback_value="$9", code="USD", amount_1000=9000),
            templates.DateTime(fallback_value="1 May"),
        )
    ],
    "names": [BodyText.params(first_name="Ada")],
    "a coupon": [templates.CopyCodeButton.params(coupon_code="SAVE10", index=0)],
    "a flow": [templates.FlowButton.params(flow_token="tok-7", index=0)],
    "a catalog": [templates.CatalogButton.params(thumbnail_product_sku="SKU-9", index=0)],
    "products": [
        templates.MPMButton.params(
            product_sections=[ProductsSection("Tea", ["SKU-9"])],
            thumbnail_product_sku="SKU-9",
            index=0,
        )
    ],
    "an offer": [templates.LimitedTimeOffer.params(expiration_time=datetime.now(UTC))],
    "cards": [
        templates.Carousel.params(
            cards=[
                templates.CarouselCard.params(
                    params=[
                        BodyText.params("Fern"),
                        templates.QuickReplyButton.params(callback_data="more", index=0),
                    ],
                    index=n,
                )
                for n in range(2)
            ]
        )
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("components", COMPONENTS.values(), ids=COMPONENTS.keys())
async def test_every_component_has_its_shape(bot: Bot, components: Any) -> None:
    """What the template is said to lack is told only of a body whose shape was right."""
    with pytest.raises(errors.TemplateNotExists):
        await bot.client.send_template(ADA, "not_approved", TemplateLanguage.ENGLISH_UK, components)


async def test_a_message_is_marked_as_read_and_typing_is_shown(bot: Bot) -> None:
    question = await bot.greeted()

    read = await bot.client.mark_message_as_read(question)
    typing = await bot.client.indicate_typing(question)

    assert read.success
    assert typing.success


async def test_a_closed_window_becomes_the_clients_own_error(bot: Bot) -> None:
    with pytest.raises(errors.ReEngagementMessage) as refused:
        await bot.client.send_message(ADA, "Hello?")

    assert (refused.value.code, refused.value.status_code) == (131047, 400)


async def test_an_unknown_template_becomes_the_clients_own_error(bot: Bot) -> None:
    with pytest.raises(errors.TemplateNotExists, match="no_such_thing"):
        await bot.client.send_template(ADA, "no_such_thing", TemplateLanguage.ENGLISH_UK, [])


@pytest.mark.slow
async def test_a_wrong_token_becomes_the_clients_own_error(bot: Bot) -> None:
    async with httpx.AsyncClient() as session:
        stranger = whatsapp(session, token="wrong")
        point_at(session, bot.play.sandbox.url)

        with pytest.raises(errors.ExpiredAccessToken):
            await stranger.send_message(ADA, "Hello?")


async def test_a_throttled_send_becomes_the_clients_own_error(bot: Bot) -> None:
    await bot.greeted()
    await bot.play.fault(kind="throttle")

    with pytest.raises(errors.RateLimitHit):
        await bot.client.send_message(ADA, "Tea is ready")


async def test_the_handshake_is_answered_by_the_client(bot: Bot) -> None:
    answer = await bot.play.client.post(f"/sandbox/whatsapp/{KEY}/handshake")

    assert answer.json()["verified"]


async def test_a_webhook_that_another_secret_signed_is_turned_away(bot: Bot) -> None:
    other = {"phone_number_id": "880011", "display_number": "442079460111", "app_secret": "other"}
    await bot.play.client.post("/sandbox/whatsapp/accounts", json=other)

    knock = await bot.play.client.post(
        "/sandbox/whatsapp/880011/inbound", json={"from": ADA, **TEXT}, params={"wait": 1}
    )

    assert knock.json()["status"] == 403


async def test_a_text_is_understood(bot: Bot) -> None:
    written = await bot.play.write({"name": "Ada", "text": {"body": "olá 👋"}}, wait=1)

    message = await bot.hear()

    assert isinstance(message, Message)
    assert (message.id, message.text) == (written["id"], "olá 👋")
    assert (message.from_user.wa_id, message.from_user.name) == (ADA, "Ada")
    assert message.metadata.phone_number_id == KEY
    assert message.timestamp.timestamp() == int(EPOCH_S)


@pytest.mark.slow
async def test_an_update_is_answered_through_itself(bot: Bot) -> None:
    await bot.play.write(TEXT)
    message = await bot.hear()

    sent = await message.reply_text("Welcome", quote=True)

    shown = await bot.shown()
    assert (shown["id"], shown["text"], shown["to"]) == (sent.id, "Welcome", ADA)
    assert shown["request"]["context"] == {"message_id": message.id}


async def test_a_tapped_button_is_understood(bot: Bot) -> None:
    await bot.greeted()
    sent = await bot.client.send_message(ADA, "Milk?", buttons=[Button("Yes", "y")])
    await _reports(bot)

    await bot.play.write(_answer(sent.id, "button_reply", {"id": "y", "title": "Yes"}))

    tap = await bot.hear()
    assert isinstance(tap, CallbackButton)
    assert (tap.data, tap.title) == ("y", "Yes")
    assert tap.reply_to_message is not None
    assert tap.reply_to_message.id == sent.id


async def test_a_chosen_row_is_understood(bot: Bot) -> None:
    await bot.greeted()
    menu = SectionList("Choose", [Section("Black", [SectionRow("Assam", "a", "strong")])])
    sent = await bot.client.send_message(ADA, "Which tea?", buttons=menu)
    await _reports(bot)
    row = {"id": "a", "title": "Assam", "description": "strong"}

    await bot.play.write(_answer(sent.id, "list_reply", row))

    choice = await bot.hear()
    assert isinstance(choice, CallbackSelection)
    assert (choice.data, choice.title, choice.description) == ("a", "Assam", "strong")


async def test_a_picture_is_understood_and_fetched(bot: Bot) -> None:
    content = base64.b64encode(PNG).decode()
    image = {"content_base64": content, "mime_type": "image/png", "caption": "look"}
    await bot.play.write({"type": "image", "image": image})

    message = await bot.hear()

    assert message.caption == "look"
    assert message.image.mime_type == "image/png"
    assert await message.image.get_bytes() == PNG


async def test_a_location_is_understood(bot: Bot) -> None:
    place = {"latitude": 51.5, "longitude": -0.1, "name": "The shop"}

    await bot.play.write({"type": "location", "location": place})

    location = (await bot.hear()).location
    assert (location.latitude, location.longitude, location.name) == (51.5, -0.1, "The shop")


async def test_the_way_of_a_message_is_understood(bot: Bot) -> None:
    await bot.greeted()

    sent = await bot.client.send_message(ADA, "Tea is ready", tracker="order A-1")

    statuses = await _reports(bot)
    assert [status.status for status in statuses] == [
        MessageStatusType.SENT,
        MessageStatusType.DELIVERED,
        MessageStatusType.READ,
    ]
    assert {(status.id, status.tracker) for status in statuses} == {(sent.id, "order A-1")}


def _answer(message_id: str, kind: str, choice: dict[str, str]) -> dict[str, Any]:
    content = {"type": kind, kind: choice}
    return {"type": "interactive", "interactive": content, "context": {"id": message_id}}


async def _reports(bot: Bot) -> list[MessageStatus]:
    reports = [await bot.hear() for _ in range(3)]
    assert all(isinstance(report, MessageStatus) for report in reports)
    return reports
