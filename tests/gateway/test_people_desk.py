"""Who writes is asked about once at their platform, beside what is said."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.demo.scenes import png
from omni_actors.gateway.people_desk import FRESH_S, REST_S
from omni_actors.model.reports import IdentityKey
from omni_actors.model.states import ChannelState, MediaState
from omni_actors.store.queries import ContactList, MediumById
from omni_actors.store.rows import ANY_TENANT, Identity
from omni_actors.wire.calls import HttpCall, HttpReply, Reply
from tests.gateway.kit import Rig, reply
from tests.gateway.test_messaging import GRAPH, IGSID, PSID, Graph, knock, message, opened, said

PICTURE = f"{GRAPH}/v/t1/p.png"
REFUSED = {"message": "no", "code": 230}


class Faces(Graph):
    """Has pictures of people, by address; none of them takes a thread to be had."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: dict[str, Reply] = {}
        self.people[PSID] = reply(200, {"name": "Ana Dias", "profile_pic": f"{PICTURE}?oe=1"})

    async def show(self, call: HttpCall) -> Reply:
        if call.download:
            self.fetched.append(call)
            return self.pictures[call.url]
        return await super().show(call)

    async def draw(self, url: str, side: int) -> None:
        """Let there be a picture of this size."""
        assert self.blobs is not None
        blob = await self.blobs.put_bytes(png(side, side))
        told = {"content-type": "image/png"}
        self.pictures[url] = HttpReply(200, told, blob=blob.sha256, size=blob.size)


@pytest.fixture
def graph() -> Faces:
    return Faces()


@pytest.fixture
async def rig(graph: Faces, tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    async with opened(graph, tmp_path) as rig:
        rig.house.ground.blobs.prepare()
        await graph.draw(f"{PICTURE}?oe=1", 8)
        yield rig


def identity_of(rig: Rig, kind: str = "psid", value: str = PSID) -> Identity:
    [contact] = rig.store.peek(ContactList(ANY_TENANT, "", 5, IdentityKey(kind, value))).rows
    [identity] = contact.identities
    return identity


def refused(code: int, status: int = 400) -> Any:
    return reply(status, {"error": {"message": "no", "code": code}})


async def test_who_writes_has_a_name_and_a_picture_soon(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await said(rig, message("m_1"))
    await rig.until(lambda: identity_of(rig).portrait_at)

    known = identity_of(rig)
    assert (known.name, known.portrait_problem) == ("Ana Dias", None)
    medium = rig.store.peek(MediumById("default", known.picture or ""))
    assert medium is not None
    assert (medium.state, medium.mime) == (MediaState.READY, "image/png")
    [event] = await rig.events("identity.portrait")
    assert event.detail["name"] == "Ana Dias"


@pytest.mark.slow
async def test_nobody_is_asked_about_twice_in_a_day(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    for n in range(3):
        await said(rig, message(f"m_{n}"))
        await rig.until(lambda: identity_of(rig).portrait_at)
    await trio.sleep(FRESH_S + 60)
    await said(rig, message("m_9"))
    await rig.until(lambda: len(graph.asked) > 1, within_s=3600)

    assert graph.asked == [PSID, PSID]
    assert len(graph.fetched) == 1


@pytest.mark.slow
async def test_a_picture_with_another_address_is_fetched_anew(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    await said(rig, message("m_1"))
    await rig.until(lambda: identity_of(rig).picture)
    first = identity_of(rig).picture
    other = f"{GRAPH}/v/t1/q.png"
    graph.people[PSID] = reply(200, {"name": "Ana Dias", "profile_pic": other})
    await graph.draw(other, 9)

    await trio.sleep(FRESH_S + 60)
    await said(rig, message("m_2"))
    await rig.until(lambda: identity_of(rig).picture not in (None, first), within_s=3600)

    assert len(graph.fetched) == 2


async def test_without_consent_the_reason_is_kept_and_the_channel_goes_on(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    graph.people[IGSID] = refused(230)

    await said(rig, message("m_1"), channel="ig")
    await rig.until(lambda: identity_of(rig, "igsid", IGSID).portrait_at)

    assert "shows no profile" in (identity_of(rig, "igsid", IGSID).portrait_problem or "")
    assert rig.house.channels["ig"].state is ChannelState.ACTIVE


@pytest.mark.slow
async def test_a_platform_that_stumbles_is_asked_again(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    good, graph.people[PSID] = graph.people[PSID], refused(2, 500)
    await said(rig, message("m_1"))
    await rig.quiet(for_s=1)
    graph.people[PSID] = good

    await rig.until(lambda: identity_of(rig).portrait_at)

    assert graph.asked == [PSID, PSID]
    assert identity_of(rig).name == "Ana Dias"


@pytest.mark.slow
async def test_a_bad_token_lets_the_channel_rest_and_is_no_matter_of_its_queue(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    graph.people = {str(n): refused(190) for n in range(7300000000000001, 7300000000000004)}
    for person in graph.people:
        await writes(rig, person)
        await rig.quiet(for_s=1)
    asked_at_once = list(graph.asked)
    graph.people.clear()

    await trio.sleep(REST_S + 60)

    assert len(asked_at_once) == 1
    assert len(graph.asked) == 3
    assert rig.house.channels["fb"].state is ChannelState.ACTIVE


async def test_a_picture_that_cannot_be_had_costs_the_picture_only(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    graph.pictures[f"{PICTURE}?oe=1"] = HttpReply(404)

    await said(rig, message("m_1"))
    await rig.until(lambda: identity_of(rig).portrait_at)

    known = identity_of(rig)
    assert (known.name, known.picture) == ("Ana Dias", None)
    assert "picture" in (known.portrait_problem or "")


@pytest.mark.slow
async def test_many_people_are_asked_about_a_few_at_a_time(
    rig: Rig, graph: Faces, autojump_clock: MockClock
) -> None:
    people = [str(7300000000000100 + n) for n in range(30)]
    for person in people:
        await writes(rig, person)
    asked_soon = len(graph.asked)
    await trio.sleep(60)

    assert asked_soon < len(people)
    assert sorted(graph.asked) == people


async def writes(rig: Rig, person: str) -> None:
    """Somebody writes to the page."""
    at = int(rig.clock.now() * 1000)
    page = "104500000000001"
    both = {"sender": {"id": person}, "recipient": {"id": page}, "timestamp": at}
    await knock(rig, [{**both, **message(f"m_{person}")}])
