"""Media on their way out: uploaded once a channel, renewed, fetched by us when a link fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Content,
    Media,
    MediaKind,
    Option,
    Template,
)
from omni_actors.model.ids import MEDIUM
from omni_actors.model.states import MediaState
from omni_actors.store.media_verbs import AddMedium, KeepUpload
from omni_actors.store.queries import UploadOf
from omni_actors.store.rows import Medium
from tests.gateway.faults import (
    Refuse,
)
from tests.gateway.kit import (
    ADA,
    BOB,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    to,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HEIC = b"\0\0\0\x18ftypheic" + bytes(100)  # nothing here can make a picture of it that is taken
LINK = "https://shop.example/img/tea.png"


@pytest.fixture
async def rig(tmp_path: Path, platform: Platform, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, platform, plan(), media=True) as opened:
        for person in (ADA, BOB):
            await open_window(opened, person)
        yield opened
        opened.check_calm()


async def stored(rig: Rig) -> str:
    """A picture of a caller, whose bytes nobody looks at here; its id."""
    media_id = rig.house.ids(MEDIUM)
    medium = Medium(
        id=media_id,
        tenant="default",
        state=MediaState.READY,
        channel_id=None,
        message_id=None,
        ref=None,
        blob="0" * 64,
        mime="image/png",
        size=100,
        filename="tea.png",
        failure=None,
        attempts=0,
        due_at=None,
        created_at=rig.clock.now(),
    )
    await rig.store.do(AddMedium(medium))
    return media_id


async def send(rig: Rig, media_id: str, person: str = ADA) -> str:
    picture = Media(MediaKind.IMAGE, media_id)
    return (await rig.submit(picture, to=to(person))).message_id


def shown(rig: Rig, person: str = ADA) -> list[object]:
    """The pictures that a person has."""
    return [a.body["image"] for a in rig.platform.accepted(person) if a.body["type"] == "image"]


async def test_a_medium_is_uploaded_once_for_all_its_messages(
    rig: Rig, autojump_clock: MockClock
) -> None:
    media_id = await stored(rig)

    for _ in range(3):
        await rig.reached(await send(rig, media_id), "sent")

    assert len(rig.platform.uploads) == 1
    assert shown(rig) == [{"id": "up-1"}] * 3


async def test_parts_that_need_it_at_the_same_time_wait_for_one_upload(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.upload_s = 5.0
    media_id = await stored(rig)

    sent = [await send(rig, media_id, person) for person in (ADA, BOB)]
    for message_id in sent:
        await rig.reached(message_id, "sent")

    assert len(rig.platform.uploads) == 1
    assert (shown(rig, ADA), shown(rig, BOB)) == ([{"id": "up-1"}], [{"id": "up-1"}])


async def test_parts_that_wait_for_an_upload_that_is_refused_fail_with_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.upload_s = 5.0
    rig.platform.upload_refusals.append(100)
    media_id = await stored(rig)

    sent = [await send(rig, media_id, person) for person in (ADA, BOB)]
    parts = [(await rig.reached(message_id, "failed")).parts[0] for message_id in sent]

    assert len(rig.platform.uploads) == 1
    assert {part.failure.reason for part in parts if part.failure} == {"media_unsupported"}


async def test_an_upload_is_kept_when_its_part_is_not_accepted(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.strike(Refuse(130429, retry_after_s=3))
    media_id = await stored(rig)

    await rig.reached(await send(rig, media_id), "sent")

    assert len(rig.platform.uploads) == 1


async def test_each_channel_has_an_upload_of_its_own(rig: Rig, autojump_clock: MockClock) -> None:
    media_id = await stored(rig)
    await rig.reached(await send(rig, media_id), "sent")

    now = rig.clock.now()

    assert rig.store.peek(UploadOf(media_id, "wa", now)) == "up-1"
    assert rig.store.peek(UploadOf(media_id, "wa-2", now)) is None


async def test_an_id_that_the_platform_has_forgotten_is_renewed_in_the_same_attempt(
    rig: Rig, autojump_clock: MockClock
) -> None:
    media_id = await stored(rig)
    await rig.reached(await send(rig, media_id), "sent")
    rig.platform.forgotten.add("up-1")

    message = await rig.reached(await send(rig, media_id), "sent", "failed")

    assert (message.status, message.parts[0].attempts) == ("sent", 1)
    assert len(rig.platform.uploads) == 2
    assert shown(rig)[-1] == {"id": "up-2"}


async def test_a_fresh_id_that_is_refused_is_not_renewed(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.forgotten.add("up-1")

    message = await rig.reached(await send(rig, await stored(rig)), "sent", "failed")

    assert message.status == "failed"
    assert len(rig.platform.uploads) == 1


async def test_an_upload_older_than_the_platform_keeps_it_is_made_anew(
    rig: Rig, autojump_clock: MockClock
) -> None:
    media_id = await stored(rig)
    await rig.store.do(KeepUpload(media_id, "wa", "up-0", rig.clock.now() + 60))

    await rig.reached(await send(rig, media_id), "sent")
    await trio.sleep(60)
    await rig.reached(await send(rig, media_id), "sent")

    assert shown(rig) == [{"id": "up-0"}, {"id": "up-1"}]


# ---------------------------------------------------------------- told later


async def fail(rig: Rig, n: int, code: int = 131053) -> None:
    """The platform tells that the n-th picture could not be delivered after all."""
    await rig.until(lambda: len(shown(rig)) > n)
    arrival = [a for a in rig.platform.accepted() if a.body["type"] == "image"][n]
    await rig.platform.tell(arrival, "failed", errors=[{"code": code, "title": "media"}])


async def test_an_id_that_is_found_gone_later_is_renewed_and_sent_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    media_id = await stored(rig)
    message_id = await send(rig, media_id)

    await fail(rig, 0)
    await rig.until(lambda: len(shown(rig)) == 2)
    message = await rig.reached(message_id, "sent")

    assert shown(rig) == [{"id": "up-1"}, {"id": "up-2"}]
    assert message.parts[0].attempts == 2


async def test_a_link_that_the_platform_cannot_get_is_tried_twice_and_then_fetched_by_us(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.links[LINK] = (200, PNG, {"content-type": "image/png"})
    message_id = (await rig.submit(Media(MediaKind.IMAGE, url=LINK, caption="tea"))).message_id

    await fail(rig, 0)
    await fail(rig, 1)
    await rig.until(lambda: len(shown(rig)) == 3)
    message = await rig.reached(message_id, "sent")

    by_link = {"link": LINK, "caption": "tea"}
    assert shown(rig) == [by_link, by_link, {"id": "up-1", "caption": "tea"}]
    assert (message.parts[0].attempts, len(rig.platform.uploads)) == (3, 1)
    assert [call.guarded for call in rig.platform.fetched] == [True]


async def test_what_fails_by_every_way_has_failed(rig: Rig, autojump_clock: MockClock) -> None:
    rig.platform.links[LINK] = (200, PNG, {"content-type": "image/png"})
    message_id = (await rig.submit(Media(MediaKind.IMAGE, url=LINK))).message_id

    for n in range(3):
        await fail(rig, n)
    message = await rig.reached(message_id, "failed")

    assert message.parts[0].failure is not None
    assert message.parts[0].failure.code == "131053"
    assert len(await rig.events("delivery.dead")) == 1


async def test_bytes_behind_a_link_go_in_the_form_that_takes_them(
    rig: Rig, autojump_clock: MockClock
) -> None:
    moved = "https://cdn.example/tea.heic"
    rig.platform.links[LINK] = (302, b"", {"location": moved})
    rig.platform.links[moved] = (200, HEIC, {"content-type": "image/heic"})
    message_id = (await rig.submit(Media(MediaKind.IMAGE, url=LINK, caption="tea"))).message_id

    await fail(rig, 0)
    await fail(rig, 1)
    await rig.until(lambda: rig.platform.accepted()[-1].body["type"] == "document")
    await rig.reached(message_id, "sent")

    document = rig.platform.accepted()[-1].body["document"]
    assert document == {"id": "up-1", "caption": "tea", "filename": "tea.heic"}
    attempts = await rig.gateway.attempts(caller(), message_id)
    assert "sent as document: image/heic is not taken" in (attempts[-1].note or "")


PICTURE = Media(MediaKind.IMAGE, url=LINK)
HEADER = {"kind": "image", "url": LINK}
OPEN = (Action("Open", url="https://shop.example"),)
WITHIN: dict[str, tuple[Content, int]] = {
    "above a question": (Choices("tea?", (Option("y", "Yes"),), media=PICTURE), 1),
    "on the cards of a carousel": (
        Carousel(tuple([Card("Tea", text, PICTURE, OPEN) for text in ("green", "black")]), "Teas"),
        2,
    ),
    "in the headers of a template": (
        Template("teas", "en", {"header": HEADER, "carousel": [{"header": HEADER}] * 2}),
        3,
    ),
}


def named_in(body: object, key: str) -> list[str]:
    """What a body names under a key, at any depth."""
    if isinstance(body, list):
        return [found for item in body for found in named_in(item, key)]
    if not isinstance(body, dict):
        return []
    own = [body[key]] if isinstance(body.get(key), str) else []
    return own + [found for item in body.values() for found in named_in(item, key)]


@pytest.mark.parametrize(("content", "places"), WITHIN.values(), ids=WITHIN.keys())
async def test_a_link_within_content_is_fetched_once_and_named_by_its_upload_everywhere(
    rig: Rig, autojump_clock: MockClock, content: Content, places: int
) -> None:
    rig.platform.links[LINK] = (200, PNG, {"content-type": "image/png"})
    message_id = (await rig.submit(content)).message_id

    for n in range(2):
        await rig.until(lambda: len(rig.platform.accepted()) > n)  # noqa: B023 - asked within its turn
        told = [{"code": 131053, "title": "media"}]
        await rig.platform.tell(rig.platform.accepted()[n], "failed", errors=told)
    await rig.until(lambda: len(rig.platform.accepted()) == 3)
    await rig.reached(message_id, "sent")

    by_link, again, by_id = [arrival.body for arrival in rig.platform.accepted()]
    assert named_in(by_link, "link") == named_in(again, "link") == [LINK] * places
    images = [each for each in named_in(by_id, "id") if each.startswith("up-")]
    assert (named_in(by_id, "link"), images) == ([], ["up-1"] * places)
    assert (len(rig.platform.fetched), len(rig.platform.uploads)) == (1, 1)


async def test_a_link_within_content_that_leads_to_no_picture_fails_and_says_why(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.links[LINK] = (200, b"%PDF-1.4", {"content-type": "application/pdf"})
    message_id = (await rig.submit(WITHIN["above a question"][0])).message_id

    for n in range(2):
        await rig.until(lambda: len(rig.platform.accepted()) > n)  # noqa: B023 - asked within its turn
        told = [{"code": 131053, "title": "media"}]
        await rig.platform.tell(rig.platform.accepted()[n], "failed", errors=told)
    failure = (await rig.reached(message_id, "failed")).parts[0].failure

    assert failure is not None
    assert (failure.reason, len(rig.platform.uploads)) == ("media_unsupported", 0)
    assert "application/pdf is not taken" in (failure.text or "")


async def test_a_link_that_nobody_can_get_fails_with_its_status(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.links[LINK] = (404, b"", {})
    message_id = (await rig.submit(Media(MediaKind.IMAGE, url=LINK))).message_id

    await fail(rig, 0)
    await fail(rig, 1)
    failure = (await rig.reached(message_id, "failed")).parts[0].failure

    assert failure is not None
    assert (failure.reason, failure.code) == ("media_unreachable", "404")


async def test_a_failure_that_is_told_before_the_answer_is_settled_counts(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.latency_s = lambda _to: 3.0
    media_id = await stored(rig)
    await send(rig, media_id)
    await rig.until(lambda: rig.platform.arrivals and rig.platform.arrivals[-1].external_id)

    for n in range(2):
        await fail(rig, n)
    await rig.until(lambda: len(shown(rig)) == 3)

    assert shown(rig) == [{"id": "up-1"}, {"id": "up-2"}, {"id": "up-3"}]
