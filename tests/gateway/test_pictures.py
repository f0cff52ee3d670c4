"""Pictures that a channel would not show: converted once, told of, and sent as what they are now.

The conversions are real processes, so that these tests run in real time.
"""

import io
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from PIL import Image

from omni_actors.gateway.facade import Answer, Code, RequestError
from omni_actors.media.probe import detect
from omni_actors.model.content import Choices, Media, MediaKind, Option, Template, Text
from omni_actors.model.requests import Delivery
from tests.gateway.kit import ADA, BOB, Platform, Rig, caller, open_rig, open_window, plan, to

pytestmark = pytest.mark.slow
LINK = "https://shop.example/img/tea.webp"


def picture(kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(sink, kind, **options)
    return sink.getvalue()


WEBP = picture("WEBP")
MOVING = picture("GIF", save_all=True, append_images=[Image.new("RGB", (64, 48), "red")])


@pytest.fixture
async def rig(tmp_path: Path, platform: Platform) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, platform, plan(), media=True) as opened:
        for person in (ADA, BOB):
            await open_window(opened, person)
        yield opened
        opened.check_calm()


async def kept(rig: Rig, body: bytes, filename: str = "tea.webp") -> str:
    """A medium of a caller; its id."""

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    made = await rig.gateway.upload(
        caller(), chunks(), mime=None, filename=filename, idempotency_key=None, fingerprint=""
    )
    return made.medium.id


async def uploaded(rig: Rig, n: int = 0) -> bytes:
    """The bytes that the platform was given."""
    assert rig.platform.blobs is not None
    blob = rig.platform.uploads[n]
    return (rig.platform.blobs.root / blob[:2] / blob).read_bytes()


def rendering(answer: Answer) -> list[dict[str, Any]]:
    """What the caller is told of what became of the message."""
    told: Any = answer.body["rendering"]
    return list(told)


async def test_a_picture_is_sent_as_one_that_is_shown_and_the_caller_is_told(rig: Rig) -> None:
    media_id = await kept(rig, WEBP)

    answer = await rig.submit(Media(MediaKind.IMAGE, media_id, caption="tea"))
    message = await rig.reached(answer.message_id, "sent")

    [arrival] = rig.platform.accepted()
    assert arrival.body["image"] == {"id": "up-1", "caption": "tea"}
    assert detect(await uploaded(rig)) == "image/jpeg"
    [note] = rendering(answer)
    assert (note["path"], note["level"]) == ("/content", "converted")
    assert note["to"].startswith("image/jpeg, ")
    assert isinstance(message.content, Media)
    assert message.content.media_id == media_id


async def test_a_picture_is_converted_and_uploaded_once_for_all(rig: Rig) -> None:
    media_id = await kept(rig, WEBP)

    async with trio.open_nursery() as nursery:
        for person in (ADA, BOB, ADA):

            async def send(person: str = person) -> None:
                await rig.submit(Media(MediaKind.IMAGE, media_id), to=to(person))

            nursery.start_soon(send)
    await rig.until(lambda: len(rig.platform.arrivals) == 3)

    assert len(rig.platform.uploads) == 1


async def test_pictures_around_a_question_in_a_template_and_beside_a_text_are_converted(
    rig: Rig,
) -> None:
    media_id = await kept(rig, WEBP)
    shown = Media(MediaKind.IMAGE, media_id)
    header = {"header": {"media_id": media_id, "kind": "image"}}

    await rig.submit(Choices("Tea?", (Option("y", "Yes"),), media=shown))
    await rig.submit(Template("tea", "en_GB", header))
    await rig.submit(Text("tea"), attachments=(shown,))
    await rig.until(lambda: len(rig.platform.arrivals) == 3)

    question, template, captioned = [each.body for each in rig.platform.accepted()]
    assert question["interactive"]["header"]["image"] == {"id": "up-1"}
    assert template["template"]["components"][0]["parameters"][0]["image"] == {"id": "up-1"}
    assert captioned["image"] == {"id": "up-1", "caption": "tea"}


async def test_what_moves_is_sent_as_a_document_and_why_is_said(rig: Rig) -> None:
    media_id = await kept(rig, MOVING, "tea.gif")

    answer = await rig.submit(Media(MediaKind.IMAGE, media_id))
    await rig.reached(answer.message_id, "sent")

    assert rig.platform.accepted()[0].body["type"] == "document"
    [note] = rendering(answer)
    assert note["to"] == "document"


async def test_what_cannot_be_read_is_a_document_once_looked_at_and_says_why(rig: Rig) -> None:
    media_id = await kept(rig, WEBP[:60])

    first, second = [await rig.submit(Media(MediaKind.IMAGE, media_id)) for _ in range(2)]

    for answer in (first, second):
        [note] = rendering(answer)
        assert "could not be converted: it cannot be read" in note["why"]


async def test_a_template_with_a_picture_that_nothing_shows_is_refused(rig: Rig) -> None:
    media_id = await kept(rig, WEBP[:60])
    header = {"header": {"media_id": media_id, "kind": "image"}}

    with pytest.raises(RequestError) as refused:
        await rig.submit(Template("tea", "en_GB", header))

    assert refused.value.code is Code.CONTENT_UNSUPPORTED


async def test_a_conversion_is_no_loss_that_a_caller_must_allow(rig: Rig) -> None:
    media_id = await kept(rig, WEBP)
    strict = Delivery(on_unsupported="fail")

    answer = await rig.submit(Media(MediaKind.IMAGE, media_id), delivery=strict)

    assert [note["level"] for note in rendering(answer)] == ["converted"]


def more_than(rig: Rig, count: int) -> bool:
    return len(rig.platform.accepted()) > count


async def test_a_picture_behind_a_link_is_converted_where_the_platform_cannot_get_it(
    rig: Rig,
) -> None:
    rig.platform.links[LINK] = (200, WEBP, {"content-type": "image/webp"})
    answer = await rig.submit(Media(MediaKind.IMAGE, url=LINK))
    error = {"code": 131053, "title": "upload", "message": "upload"}
    for n in range(2):
        await rig.until(partial(more_than, rig, n))
        await rig.platform.tell(rig.platform.accepted()[n], "failed", errors=[error])

    await rig.until(lambda: len(rig.platform.accepted()) == 3, within_s=60)
    await rig.reached(answer.message_id, "sent")

    assert rig.platform.accepted()[-1].body["image"] == {"id": "up-1"}
    assert detect(await uploaded(rig)) == "image/jpeg"
    attempts = await rig.gateway.attempts(caller(), answer.message_id)
    assert attempts[-1].note == "converted from image/webp to image/jpeg"


async def test_a_picture_that_took_too_long_once_is_converted_the_next_time(rig: Rig) -> None:
    media_id = await kept(rig, WEBP)
    pictures = rig.house.pictures
    patient_s, pictures.deadline_s = pictures.deadline_s, 0.001
    hurried = await rig.submit(Media(MediaKind.IMAGE, media_id))
    pictures.deadline_s = patient_s

    answer = await rig.submit(Media(MediaKind.IMAGE, media_id))

    assert "could not be converted: it takes longer" in rendering(hurried)[0]["why"]
    assert [note["level"] for note in rendering(answer)] == ["converted"]
    assert rendering(answer)[0]["to"].startswith("image/jpeg")
