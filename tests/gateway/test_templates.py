"""Templates are kept in step with the platform, and judged before a message of one is queued."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway import management
from omni_actors.gateway.facade import Code, RequestError
from omni_actors.model.content import Template
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.requests import ClosedWindow, Delivery, To, WindowTemplate
from omni_actors.model.templates import NewTemplate, TemplateChange, TemplateStatus
from omni_actors.store.templates import TemplateSyncOf
from tests.gateway.faults import (
    Refuse,
)
from tests.gateway.kit import (
    OPERATOR,
    START,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    request,
    spec,
)
from tests.gateway.test_pictures import kept

WABA = "900100200300400"
BODY = {"type": "BODY", "text": "Hi {{1}}, order {{2}} is ready."}


def listed(name: str, language: str = "en_GB", status: str = "APPROVED") -> dict[str, Any]:
    return {
        "id": "4411",
        "name": name,
        "language": language,
        "status": status,
        "components": [BODY],
    }


def content(*values: str, name: str = "order_ready", language: str = "en_GB") -> Template:
    return Template(name, language, {"body": list(values)})


def told(field: str, name: str = "order_ready", at: float = START, **value: Any) -> bytes:
    """A webhook about a template; it names the account and no number."""
    named = {"message_template_name": name, "message_template_language": "en_GB"}
    change = {"field": field, "value": named | value}
    entry = {"id": WABA, "time": int(at), "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def paused(at: float = START + 3600) -> bytes:
    return told("message_template_status_update", at=at, event="PAUSED")


@pytest.fixture
async def rig(tmp_path: Path, platform: Platform, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    """A house whose channel has a business account with one template, read already."""
    platform.templates = [listed("order_ready")]
    async with open_rig(tmp_path, platform, plan(spec(waba_id=WABA))) as opened:
        await opened.until(lambda: synced(opened), within_s=60)
        yield opened
        opened.check_calm()


def synced(rig: Rig) -> bool:
    known = rig.store.peek(TemplateSyncOf("wa"))
    return known is not None and known.synced_at is not None


async def statuses(rig: Rig) -> dict[str, str]:
    found = await rig.gateway.templates.page(OPERATOR, "wa", after="", limit=50)
    return {row.definition.name: row.definition.status.value for row in found.page.rows}


async def refused(rig: Rig, wanted: Template, **beside: Any) -> RequestError:
    with pytest.raises(RequestError) as raised:
        await rig.submit(wanted, **beside)
    return raised.value


# ---------------------------------------------------------------- keeping in step


@pytest.mark.slow
async def test_templates_are_read_at_the_start_and_about_once_an_hour(
    rig: Rig, autojump_clock: MockClock
) -> None:
    assert await statuses(rig) == {"order_ready": "approved"}
    assert len(rig.platform.listings) == 1

    rig.platform.templates = [listed("autumn_sale", status="PENDING")]
    await trio.sleep(4000)

    assert len(rig.platform.listings) == 2
    assert await statuses(rig) == {"autumn_sale": "pending"}


async def test_every_page_is_read(rig: Rig, autojump_clock: MockClock) -> None:
    rig.platform.templates = [listed(f"t{n}") for n in range(7)]
    rig.platform.page_size = 3

    await rig.gateway.templates.sync_now(OPERATOR, "wa")

    assert len(await statuses(rig)) == 7
    assert [query.get("after") for query in rig.platform.listings[1:]] == [None, "3", "6"]


async def test_a_cursor_that_goes_bad_restarts_the_listing(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.templates = [listed(f"t{n}") for n in range(7)]
    rig.platform.page_size = 3

    rig.platform.listing_faults.extend([None, Refuse(131059)])

    await rig.gateway.templates.sync_now(OPERATOR, "wa")

    assert len(await statuses(rig)) == 7
    assert [query.get("after") for query in rig.platform.listings[1:]] == [
        None, "3", None, "3", "6",
    ]  # fmt: skip


@pytest.mark.slow
async def test_too_many_calls_make_only_the_reading_rarer(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.listing_faults.extend([Refuse(80008)] * 3)
    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.sync_now(OPERATOR, "wa")
    assert raised.value.code is Code.PLATFORM_REFUSED
    assert raised.value.retry_after_s is not None

    await trio.sleep(4000)  # the two that are left, a minute and two minutes apart
    assert len(rig.platform.listings) == 5
    assert rig.channel_state() == "active"
    assert (await statuses(rig)) == {"order_ready": "approved"}
    await open_window(rig)
    sent = await rig.submit("hello")
    await rig.reached(sent.message_id, "sent")


async def test_a_webhook_about_the_account_changes_the_template_and_has_it_read_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    assert await rig.knock(paused()) == 200
    assert await statuses(rig) == {"order_ready": "paused"}

    rig.platform.templates = [listed("order_ready", status="DISABLED")]
    await trio.sleep(120)

    assert await statuses(rig) == {"order_ready": "disabled"}
    events = await rig.events("template.changed")
    assert [event.detail["status"] for event in events] == ["paused", "disabled"]


async def test_news_in_quick_succession_are_read_for_together(
    rig: Rig, autojump_clock: MockClock
) -> None:
    for n in range(20):
        await rig.knock(paused(START + 3600 + n))
        await trio.sleep(0.1)
    await trio.sleep(300)

    assert len(rig.platform.listings) <= 3


async def test_every_channel_of_the_account_hears_of_it(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    both = (
        spec(waba_id=WABA),
        spec("wb", number="770099999999999", waba_id=WABA),
        spec("x", number="770088888888888"),
    )
    async with open_rig(tmp_path, platform, plan(*both)) as rig:
        await rig.knock(paused())

        heard = [event.channel_id for event in await rig.events("template.changed")]
        assert heard == ["wa", "wb"]


async def test_news_that_came_before_the_account_was_known_are_taken_up(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(spec())) as rig:
        await rig.knock(paused())
        assert await rig.events("template.changed") == []

        await rig.house.reload(plan(spec(waba_id=WABA)))
        await rig.quiet()

        assert len(await rig.events("template.changed")) == 1


async def test_a_send_that_the_platform_refuses_for_its_template_has_templates_read_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.strike(Refuse(132015))
    rig.platform.templates = [listed("order_ready", status="PAUSED")]

    sent = await rig.submit(content("Ada", "42"))
    await rig.reached(sent.message_id, "failed")
    await trio.sleep(120)

    assert len(rig.platform.listings) == 2
    assert (await refused(rig, content("Ada", "42"))).code is Code.TEMPLATE_UNUSABLE


# ---------------------------------------------------------------- before a send


async def test_a_template_with_the_right_parameters_is_sent(
    rig: Rig, autojump_clock: MockClock
) -> None:
    sent = await rig.submit(content("Ada", "42"))

    await rig.reached(sent.message_id, "sent")


async def test_wrong_parameters_are_told_with_their_place(
    rig: Rig, autojump_clock: MockClock
) -> None:
    problem = await refused(rig, content("Ada", ""))

    assert problem.code is Code.TEMPLATE_PARAMS
    assert [(m.pointer, m.detail) for m in problem.mistakes] == [
        ("/content/params/body/1", "must not be empty")
    ]


async def test_a_language_that_there_is_not_is_told_with_those_that_there_are(
    rig: Rig, autojump_clock: MockClock
) -> None:
    problem = await refused(rig, content("Ada", "42", language="fr"))

    assert problem.code is Code.TEMPLATE_UNUSABLE
    assert problem.sentence == "the template order_ready does not exist in fr; it exists in en_GB"
    assert problem.mistakes[0].pointer == "/content/language"


async def test_the_template_for_a_closed_window_is_judged_too(
    rig: Rig, autojump_clock: MockClock
) -> None:
    wanted = WindowTemplate("order_ready", "en_GB", {"body": ["Ada"]})
    delivery = Delivery(on_closed_window=ClosedWindow("template", wanted))

    with pytest.raises(RequestError) as raised:
        await rig.submit("hello", delivery=delivery)

    (mistake,) = raised.value.mistakes
    assert mistake.pointer == "/delivery/on_closed_window/template/params/body"


async def test_a_preview_is_judged_like_a_send(rig: Rig, autojump_clock: MockClock) -> None:
    with pytest.raises(RequestError) as raised:
        await rig.gateway.preview(caller(), request(content("Ada")))

    assert raised.value.code is Code.TEMPLATE_PARAMS


async def test_what_nobody_knows_is_left_to_the_platform(
    rig: Rig, autojump_clock: MockClock
) -> None:
    sent = await rig.submit(content("x", name="brand_new"))

    await rig.reached(sent.message_id, "sent")


@pytest.mark.slow
async def test_without_an_account_nothing_is_judged(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        sent = await rig.submit(content("x", "y", "z"))
        await rig.reached(sent.message_id, "sent")
        await trio.sleep(4000)

        assert platform.listings == []
        found = await rig.gateway.templates.page(OPERATOR, "wa", after="", limit=5)
        assert "waba_id" in (found.unreachable or "")


# ---------------------------------------------------------------- creating and deleting


NEW = NewTemplate("pickup", "en_GB", "utility", (BODY,))


async def test_a_template_that_was_created_waits_for_approval(
    rig: Rig, autojump_clock: MockClock
) -> None:
    made = await rig.gateway.templates.create(caller(), "wa", NEW)

    assert made.definition.status is TemplateStatus.PENDING
    problem = await refused(rig, content("Ada", "42", name="pickup"))
    assert problem.sentence == "the template pickup in en_GB is pending"


CODE = NewTemplate("code", "en_GB", "authentication", ({"type": "BODY"},))


@pytest.mark.parametrize(("wanted", "more"), [(CODE, 1), (NEW, 0)], ids=["a code", "a text"])
async def test_what_the_platform_writes_itself_is_read_soon_after_the_creation(
    rig: Rig, autojump_clock: MockClock, wanted: NewTemplate, more: int
) -> None:
    before = len(rig.platform.listings)

    await rig.gateway.templates.create(caller(), "wa", wanted)
    await trio.sleep(120)

    assert len(rig.platform.listings) == before + more


async def test_what_the_platform_writes_itself_is_left_to_it_until_it_is_read(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.gateway.templates.create(caller(), "wa", CODE)
    named = "message_template_status_update"
    assert await rig.knock(told(named, "code", START + 3600, event="APPROVED")) == 200

    sent = await rig.submit(content("493021", name="code"))
    await rig.reached(sent.message_id, "sent")

    written = {"type": "BODY", "text": "{{1}} is your code."}
    rig.platform.templates = [{**listed("code"), "components": [written]}]
    await trio.sleep(120)
    assert (await refused(rig, content("1", "2", name="code"))).code is Code.TEMPLATE_PARAMS


async def test_a_refusal_carries_the_platforms_reason(rig: Rig, autojump_clock: MockClock) -> None:
    rig.platform.listing_faults.append(Refuse(2388040))

    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.create(caller(), "wa", NEW)

    assert raised.value.code is Code.TEMPLATE_REFUSED
    assert raised.value.sentence == "the platform refused: no (2388040)"
    assert "pickup" not in await statuses(rig)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (100, Code.TEMPLATE_REFUSED),
        (2388019, Code.TEMPLATE_REFUSED),
        (10, Code.PLATFORM_REFUSED),
        (190, Code.PLATFORM_REFUSED),
        (80008, Code.PLATFORM_REFUSED),
        (2, Code.PLATFORM_REFUSED),
    ],
)
async def test_what_the_caller_can_mend_is_told_apart_from_what_only_the_operator_or_time_can(
    rig: Rig, autojump_clock: MockClock, refusal: int, code: Code
) -> None:
    rig.platform.listing_faults.extend([Refuse(refusal)] * 2)

    for call in (
        rig.gateway.templates.create(caller(), "wa", NEW),
        rig.gateway.templates.delete(caller(), "wa", "order_ready", None),
    ):
        with pytest.raises(RequestError) as raised:
            await call
        assert raised.value.code is code


async def test_a_listing_that_is_refused_is_no_mistake_of_the_caller(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.listing_faults.append(Refuse(100))

    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.sync_now(OPERATOR, "wa")

    assert raised.value.code is Code.PLATFORM_REFUSED


async def test_a_deletion_is_told_to_the_platform_first(
    rig: Rig, autojump_clock: MockClock
) -> None:
    assert await rig.gateway.templates.delete(caller(), "wa", "order_ready", None) == 1

    assert rig.platform.templates == []
    assert await statuses(rig) == {}
    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.delete(caller(), "wa", "order_ready", "en_GB")
    assert raised.value.code is Code.NOT_FOUND


async def test_another_tenants_templates_are_not_there(rig: Rig, autojump_clock: MockClock) -> None:
    stranger = caller("other")
    book = rig.gateway.templates

    for call in (
        book.page(stranger, "wa", after="", limit=5),
        book.named(stranger, "wa", "order_ready", None),
        book.create(stranger, "wa", evolve(NEW)),
        book.delete(stranger, "wa", "order_ready", None),
        book.sync_now(stranger, "wa"),
    ):
        with pytest.raises(RequestError) as raised:
            await call
        assert raised.value.code is Code.NOT_FOUND


@pytest.mark.slow
async def test_a_code_for_a_person_without_a_number_fails_before_it_is_sent(
    rig: Rig, autojump_clock: MockClock
) -> None:
    code = {**listed("login_code"), "category": "AUTHENTICATION"}
    rig.platform.templates = [listed("order_ready"), code]
    await rig.gateway.templates.sync_now(OPERATOR, "wa")

    sent = await rig.submit(
        content("493021", "42", name="login_code"), to=To("wa", "GB.7204418893310556")
    )

    failed = await rig.reached(sent.message_id, "failed")
    assert failed.parts[0].failure is not None
    assert failed.parts[0].failure.reason is Reason.NO_IDENTITY
    assert rig.platform.arrivals == []


async def test_the_template_for_a_closed_window_is_held_against_what_is_known(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    wrong = {"body": ["Ada", "42", "one too many"]}
    instead = ClosedWindow("template", WindowTemplate("order_ready", "en_GB", wrong))

    with pytest.raises(RequestError) as refusal:
        await rig.submit("hello", delivery=Delivery(on_closed_window=instead))

    raised = refusal.value

    assert raised.code is Code.TEMPLATE_PARAMS
    assert raised.mistakes[0].pointer.startswith("/delivery/on_closed_window/template/params")


# ---------------------------------------------------------------- changing


CHANGE = TemplateChange(({"type": "BODY", "text": "Hi {{1}}, order {{2}} is here."},))


async def test_a_template_that_was_changed_is_reviewed_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    changed = await rig.gateway.templates.edit(caller(), "wa", "order_ready", None, CHANGE)

    assert changed.definition.status is TemplateStatus.PENDING
    assert changed.definition.layout.body is not None
    assert changed.definition.layout.body.text == "Hi {{1}}, order {{2}} is here."
    assert (await refused(rig, content("Ada", "42"))).code is Code.TEMPLATE_UNUSABLE


@pytest.mark.parametrize("status", ["PENDING", "DISABLED", "IN_APPEAL"])
async def test_a_template_that_may_not_be_changed_is_not_asked_for(
    rig: Rig, autojump_clock: MockClock, status: str
) -> None:
    rig.platform.templates = [listed("order_ready", status=status)]
    await rig.gateway.templates.sync_now(OPERATOR, "wa")

    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.edit(caller(), "wa", "order_ready", None, CHANGE)

    assert raised.value.code is Code.TEMPLATE_REFUSED
    assert raised.value.sentence == f"a template that is {status.lower()} cannot be edited"


async def test_a_change_that_is_refused_carries_the_platforms_reason(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.listing_faults.append(Refuse(2388039))

    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.edit(caller(), "wa", "order_ready", None, CHANGE)

    assert raised.value.code is Code.TEMPLATE_REFUSED
    assert raised.value.sentence == "the platform refused: no (2388039)"


async def test_an_example_may_take_its_time(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    """A film over a slow line takes minutes; it is bounded by its size, and not by a minute."""
    platform.upload_s = 90.0
    channel = spec(waba_id=WABA)
    wanted = plan(
        evolve(channel, settings={**channel.settings, "waba_id": WABA, "app_id": "70001"})
    )
    async with open_rig(tmp_path, platform, wanted, media=True) as rig:
        media_id = await kept(rig, b"%PDF-1.7 tea", "tea.pdf")
        shown: dict[str, Any] = {
            "type": "HEADER",
            "format": "DOCUMENT",
            "example": {"media_id": media_id},
        }

        made = await rig.gateway.templates.create(
            caller(), "wa", evolve(NEW, components=(shown, *NEW.components))
        )

    assert made.definition.components[0]["example"] == {"header_handle": ["4:a"]}


async def test_an_example_that_nobody_has_is_named(rig: Rig, autojump_clock: MockClock) -> None:
    example = {"media_id": "med_none"}
    shown: dict[str, Any] = {"type": "HEADER", "format": "IMAGE", "example": example}

    with pytest.raises(RequestError) as raised:
        await rig.gateway.templates.create(
            caller(), "wa", evolve(NEW, components=(shown, *NEW.components))
        )

    assert raised.value.code is Code.MEDIA_UNKNOWN


async def test_a_change_of_nothing_asks_nobody(rig: Rig, autojump_clock: MockClock) -> None:
    rig.platform.listing_faults.append(Refuse(2388039))

    same = await rig.gateway.templates.edit(caller(), "wa", "order_ready", None, TemplateChange())

    assert same.definition.status is TemplateStatus.APPROVED


async def test_a_template_whose_id_nobody_knows_cannot_be_changed_and_says_so(
    rig: Rig, autojump_clock: MockClock
) -> None:
    known = listed("order_ready")
    rig.platform.templates = [{key: value for key, value in known.items() if key != "id"}]
    await rig.gateway.templates.sync_now(OPERATOR, "wa")

    with pytest.raises(RequestError, match="sync the templates first"):
        await rig.gateway.templates.edit(caller(), "wa", "order_ready", None, CHANGE)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (Failure(Kind.REJECTED, Reason.MEDIA_UNSUPPORTED, text="it is a GIF"), "it is a GIF"),
        (Failure(Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, text="no app_id"), "no app_id"),
        (
            Failure(Kind.REJECTED, Reason.BAD_REQUEST, code="100", text="no"),
            "the platform refused: no (100)",
        ),
    ],
    ids=["a medium", "the settings", "the platform"],
)
def test_only_what_the_platform_was_asked_is_said_to_be_refused_by_it(
    failure: Failure, sentence: str
) -> None:
    assert management.refused(failure, Code.TEMPLATE_REFUSED, "look").sentence == sentence
