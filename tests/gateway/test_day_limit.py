"""What an account may send in any 24 hours: who waits, for how long, and over a restart."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.ground import Plan
from omni_actors.model.content import Email, Text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.requests import To
from omni_actors.wire.calls import MailReply, SmtpReply, Stage
from tests.gateway.kit import OPERATOR, Rig, open_rig, plan
from tests.gateway.test_mails_out import MAIL, Post

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
FULL = "the account has sent as many messages as it may in 24 hours"


pytestmark = pytest.mark.slow


@pytest.fixture
def post() -> Post:
    return Post()


def wanted(**per_day: int) -> Plan:
    return plan(evolve(MAIL, settings={**MAIL.settings, "per_day": per_day}))


async def write(rig: Rig, n: int, content: Email | None = None) -> str:
    content = content or Email("Hello", "Hi")
    return (await rig.submit(content, to=To("mail", f"p{n}@example.org"))).message_id


async def statuses(rig: Rig, ids: list[str]) -> list[str]:
    return [(await rig.message(id)).status for id in ids]


async def limiter(rig: Rig) -> Any:
    return (await rig.gateway.channel(OPERATOR, "mail")).limiter


async def test_what_is_over_waits_until_there_is_room(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, post, wanted(messages=2)) as rig:
        ids = [await write(rig, n) for n in range(3)]
        await rig.quiet(for_s=HOUR_S)
        assert await statuses(rig, ids) == ["sent", "sent", "queued"]
        told = await limiter(rig)
        assert told["why"][0].startswith(FULL)
        assert told["day"] == {
            "messages": 2,
            "messages_limit": 2,
            "recipients": 2,
            "recipients_limit": None,
        }
        assert 20 * HOUR_S < told["next_free_in_s"] < DAY_S

        await trio.sleep(23.1 * HOUR_S)

        assert await statuses(rig, ids) == ["sent"] * 3
        assert (await limiter(rig))["why"] == []


async def test_it_is_counted_over_a_restart(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, post, wanted(recipients=4)) as rig:
        copied = Email("Hello", "Hi", cc=("a@example.com", "b@example.com"))
        await rig.reached(await write(rig, 1, copied), "sent")
        await rig.reached(await write(rig, 2), "sent")

    async with open_rig(tmp_path, post, wanted(recipients=4)) as rig:
        waits = await write(rig, 3)
        await rig.quiet(for_s=HOUR_S)
        assert await statuses(rig, [waits]) == ["queued"]
        assert (await limiter(rig))["day"]["recipients"] == 4

        await rig.house.reload(wanted(recipients=5))
        await rig.reached(waits, "sent")


async def test_what_nobody_took_is_not_counted(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    post.replies.append(MailReply(Stage.RCPT, SmtpReply(550, "5.1.1", "no such mailbox")))
    async with open_rig(tmp_path, post, wanted(messages=1)) as rig:
        await rig.reached(await write(rig, 1), "failed")
        await rig.reached(await write(rig, 2), "sent")
        waits = await write(rig, 3)
        await rig.quiet(for_s=5)
        assert await statuses(rig, [waits]) == ["queued"]


async def test_a_mail_whose_answer_got_lost_is_counted(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    post.replies.append(SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT)))
    async with open_rig(tmp_path, post, wanted(messages=1)) as rig:
        await rig.reached(await write(rig, 1), "unknown")
        assert (await limiter(rig))["day"]["messages"] == 1
        assert (await limiter(rig))["why"][0].startswith(FULL)


async def test_aliases_of_one_account_share_its_day_and_what_the_provider_says(
    tmp_path: Path, post: Post, autojump_clock: MockClock
) -> None:
    shared = {**MAIL.settings, "username": "team@shop.example", "per_day": {"messages": 2}}
    one = evolve(MAIL, settings=shared)
    other = evolve(
        MAIL,
        id="sales",
        channel_key="sales@shop.example",
        settings={**shared, "address": "sales@shop.example"},
    )
    post.replies.append(MailReply(Stage.MAIL, SmtpReply(550, "5.4.5", "Daily limit exceeded")))
    async with open_rig(tmp_path, post, plan(one, other)) as rig:
        first = await write(rig, 1)
        await rig.until(lambda: len(post.mails) == 1)
        second = (await rig.submit(Text("hi"), to=To("sales", "p2@example.org"))).message_id
        await rig.quiet(for_s=HOUR_S / 2)
        assert await statuses(rig, [first, second]) == ["queued", "queued"]
        assert len(post.mails) == 1

        await trio.sleep(HOUR_S)  # the provider is asked again, once
        assert await statuses(rig, [first, second]) == ["sent", "sent"]
        third = await write(rig, 3)
        await rig.quiet(for_s=5)
        assert await statuses(rig, [third]) == ["queued"]
