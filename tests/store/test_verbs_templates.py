"""Templates in the store: listings, news, deletions, and the events that tell of them."""

from typing import Any

import pytest
from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.reports import StatusReported, TemplateReported
from omni_actors.model.states import PartStatus
from omni_actors.model.templates import (
    ButtonSlot,
    HeaderSlot,
    Layout,
    TemplateDefinition,
    TemplateNews,
    TemplateStatus,
    TextSlot,
)
from omni_actors.store.contract import Refused
from omni_actors.store.rows import Event
from omni_actors.store.templates import (
    DropTemplates,
    EndTemplateSync,
    KeepTemplates,
    Templates,
    TemplatesNamed,
    TemplateSync,
    TemplateSyncOf,
)
from omni_actors.store.verbs import Item
from tests.store.conftest import ADA, Desk

LAYOUT = Layout(
    HeaderSlot("text", TextSlot("Order {{no}}", ("no",), named=True)),
    TextSlot("Hi {{name}}", ("name",), named=True),
    "Omni",
    (ButtonSlot("url", "Track", "required"),),
)
READY = TemplateDefinition(
    "order_ready",
    "en_GB",
    TemplateStatus.APPROVED,
    "utility",
    "green",
    "4411",
    None,
    ({"type": "BODY", "text": "Hi {{name}}"},),
    LAYOUT,
)
GERMAN = evolve(READY, language="de", external_id="4412")
SALE = evolve(READY, name="autumn_sale", category="marketing", status=TemplateStatus.PENDING)
BUSY = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, code="80008")


async def listed(desk: Desk, *templates: TemplateDefinition, at: float = 1_000.0) -> int:
    """A whole listing from the platform; how many are gone after it."""
    await desk.do(KeepTemplates("wa", templates, at))
    gone: int = await desk.do(EndTemplateSync("wa", at, at + 1))
    return gone


def names(desk: Desk, **query: Any) -> list[tuple[str, str]]:
    rows = desk.ask(Templates("default", "wa", **query)).rows
    return [(row.definition.name, row.definition.language) for row in rows]


def changes(desk: Desk) -> list[Event]:
    """The events about templates."""
    return [e for e in desk.events() if e.type is EventType.TEMPLATE_CHANGED]


def told(desk: Desk) -> list[tuple[Any, ...]]:
    """What events say of templates."""
    return [
        (e.detail["name"], e.detail["language"], e.detail["change"], e.detail["status"])
        for e in changes(desk)
    ]


async def report(
    desk: Desk, change: str, news: TemplateNews, *, at: float = 2_000.0, **more: Any
) -> Any:
    """A webhook about `order_ready`."""
    named = {"name": "order_ready", "language": "en_GB"} | more
    key = f"{change}:{news}:{at}"
    one = TemplateReported("770", key, at, (), change=change, detail={}, news=news, **named)
    return await desk.accept(Item("whatsapp", one), at=at)


async def test_what_is_listed_comes_back_whole(desk: Desk) -> None:
    assert desk.ask(TemplateSyncOf("wa")) is None

    await listed(desk, READY, GERMAN, SALE)

    rows = desk.ask(TemplatesNamed("default", "wa", "order_ready"))
    assert [row.definition for row in rows] == [GERMAN, READY]
    assert {row.tenant for row in rows} == {"default"}
    assert desk.ask(TemplateSyncOf("wa")) == TemplateSync("wa", 1_001.0, 1_001.0, None)
    assert desk.ask(Templates("default", "wa-2")).rows == ()


async def test_listings_come_in_pages_and_by_filter(desk: Desk) -> None:
    await listed(desk, READY, GERMAN, SALE)

    first = desk.ask(Templates("default", "wa", limit=2))
    assert [row.definition.name for row in first.rows] == ["autumn_sale", "order_ready"]
    assert names(desk, after=first.next) == [("order_ready", "en_GB")]
    assert desk.ask(Templates("default", "wa", limit=3)).next is None
    assert names(desk, status=TemplateStatus.PENDING) == [("autumn_sale", "en_GB")]
    assert names(desk, language="de") == [("order_ready", "de")]
    assert names(desk, name="order_ready", language="en_GB") == [("order_ready", "en_GB")]


async def test_the_first_listing_is_no_news_and_later_differences_are(desk: Desk) -> None:
    await listed(desk, READY)
    assert told(desk) == []

    paused = evolve(READY, status=TemplateStatus.PAUSED, quality="red")
    assert await listed(desk, paused, SALE, at=2_000.0) == 0
    assert await listed(desk, paused, SALE, at=3_000.0) == 0

    assert told(desk) == [
        ("order_ready", "en_GB", "status", "paused"),
        ("order_ready", "en_GB", "quality", "paused"),
        ("autumn_sale", "en_GB", "status", "pending"),
    ]


async def test_a_quality_that_nobody_has_judged_is_no_news(desk: Desk) -> None:
    await listed(desk, evolve(READY, quality=None))

    await listed(desk, evolve(READY, quality="unknown"), at=2_000.0)
    await listed(desk, evolve(READY, quality=None), at=3_000.0)
    assert told(desk) == []

    await listed(desk, READY, at=4_000.0)
    assert [change for _, _, change, _ in told(desk)] == ["quality"]


async def test_what_is_no_longer_listed_is_gone(desk: Desk) -> None:
    await listed(desk, READY, SALE)

    assert await listed(desk, READY, at=2_000.0) == 1

    assert names(desk) == [("order_ready", "en_GB")]
    assert told(desk) == [("autumn_sale", "en_GB", "status", "deleted")]


async def test_what_was_made_during_a_listing_stays(desk: Desk) -> None:
    await desk.do(KeepTemplates("wa", (READY,), 1_000.0))
    await desk.do(KeepTemplates("wa", (SALE,), 1_005.0))

    assert await desk.do(EndTemplateSync("wa", 1_000.0, 1_010.0)) == 0


async def test_a_listing_that_fails_takes_nothing_away(desk: Desk) -> None:
    await listed(desk, READY)

    assert await desk.do(EndTemplateSync("wa", 2_000.0, 2_001.0, BUSY)) == 0

    assert names(desk) == [("order_ready", "en_GB")]
    assert desk.ask(TemplateSyncOf("wa")) == TemplateSync("wa", 1_001.0, 2_001.0, BUSY)


async def test_a_deletion_takes_one_language_or_all(desk: Desk) -> None:
    await listed(desk, READY, GERMAN, SALE)

    assert await desk.do(DropTemplates("wa", "order_ready", "de", 2_000.0)) == 1
    assert await desk.do(DropTemplates("wa", "order_ready", None, 2_000.0)) == 1
    assert await desk.do(DropTemplates("wa", "order_ready", None, 2_000.0)) == 0

    assert names(desk) == [("autumn_sale", "en_GB")]
    assert [status for *_, status in told(desk)] == ["deleted", "deleted"]


async def test_a_channel_that_there_is_not_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused):
        await desk.do(KeepTemplates("none", (READY,), 1.0))


async def test_news_change_what_is_known_and_ask_for_more(desk: Desk) -> None:
    await listed(desk, READY, GERMAN)
    news = TemplateNews(status=TemplateStatus.PAUSED, reason="LOW_QUALITY")

    accepted = await report(desk, "status", news)
    await report(desk, "quality", TemplateNews(quality="red"))
    await report(desk, "category", TemplateNews(category="marketing"))

    german, english = desk.ask(TemplatesNamed("default", "wa", "order_ready"))
    assert accepted.templates == ("wa",)
    assert german.definition == GERMAN
    assert english.definition == evolve(
        READY,
        status=TemplateStatus.PAUSED,
        reason="LOW_QUALITY",
        quality="red",
        category="marketing",
    )
    assert told(desk) == [
        ("order_ready", "en_GB", change, "paused") for change in ("status", "quality", "category")
    ]
    facts = [(e.detail["category"], e.detail["quality"], e.detail["reason"]) for e in changes(desk)]
    assert facts == [
        ("utility", "green", "LOW_QUALITY"),
        ("utility", "red", "LOW_QUALITY"),
        ("marketing", "red", "LOW_QUALITY"),
    ]


async def test_news_without_a_language_are_about_all(desk: Desk) -> None:
    await listed(desk, READY, GERMAN)

    await report(desk, "status", TemplateNews(status=TemplateStatus.DISABLED), language="")

    rows = desk.ask(TemplatesNamed("default", "wa", "order_ready"))
    assert {row.definition.status for row in rows} == {TemplateStatus.DISABLED}
    assert told(desk) == [
        ("order_ready", language, "status", "disabled") for language in ("de", "en_GB")
    ]


async def test_news_of_a_deletion_take_it_away(desk: Desk) -> None:
    await listed(desk, READY, GERMAN)

    await report(desk, "status", TemplateNews(status=TemplateStatus.DELETED))

    assert names(desk) == [("order_ready", "de")]
    assert told(desk) == [("order_ready", "en_GB", "status", "deleted")]


async def test_news_that_were_overtaken_change_nothing(desk: Desk) -> None:
    await listed(desk, READY, at=5_000.0)

    await report(desk, "status", TemplateNews(status=TemplateStatus.PENDING), at=4_000.0)

    (row,) = desk.ask(TemplatesNamed("default", "wa", "order_ready"))
    assert row.definition.status is TemplateStatus.APPROVED
    assert told(desk) == [("order_ready", "en_GB", "status", "approved")]


async def test_news_of_a_template_that_nobody_knows_are_told_and_ask_for_a_listing(
    desk: Desk,
) -> None:
    accepted = await report(desk, "status", TemplateNews(status=TemplateStatus.APPROVED))

    assert accepted.templates == ("wa",)
    assert told(desk) == [("order_ready", "en_GB", "status", "approved")]
    assert names(desk) == []


async def test_a_message_that_failed_for_its_template_casts_doubt_on_what_is_known(
    desk: Desk,
) -> None:
    leg_id = await desk.leg()
    await desk.sent(leg_id, "wamid.OUT1")
    failure = Failure(Kind.REJECTED, Reason.TEMPLATE_PAUSED, code="132015")
    status = StatusReported(
        "770", "status:1", 1_010.0, ADA, "wamid.OUT1", PartStatus.FAILED, failure=failure
    )

    accepted = await desk.accept(Item("whatsapp", status, rank=2))

    assert accepted.templates == ("wa",)
