"""What people say outside of messages is told with its events, and taken back with its words."""

from collections.abc import Sequence
from typing import Any

import apsw
import pytest

from omni_actors.model.reports import (
    Acted,
    ChannelReported,
    IdentityKey,
    Remark,
    Severity,
    Turn,
)
from omni_actors.store.codec import decode_object
from omni_actors.store.queries import IntakeBody
from omni_actors.store.sqlite.migrate import shipped
from omni_actors.store.verbs import Accept, Item, Retention, Sweep
from tests.store.conftest import Desk, item

ANA = (IdentityKey("psid", "7300", "880"),)
COMMENT = "comment:88_901"
DAY_S = 86_400.0


def news(verb: str, text: str, turn: Turn, at: float, named: str = COMMENT) -> Item:
    words = {} if turn is Turn.REMOVED else {"text": text, "name": "Ana"}
    report = ChannelReported(
        "880", f"{named}:{verb}:{text}:{at}", at, ANA, "comment", Severity.INFO, {"verb": verb},
        remark=Remark(named, words, turn),
    )  # fmt: skip
    return item(report, "messenger")


def said(text: str = "a secret", at: float = 1_000.0, named: str = COMMENT) -> Item:
    return news("add", text, Turn.SAID, at, named)


def edited(text: str, at: float = 1_000.0) -> Item:
    return news("edited", text, Turn.EDITED, at)


def removed(at: float = 1_000.0) -> Item:
    return news("remove", "", Turn.REMOVED, at)


def told(desk: Desk) -> list[Any]:
    return [event.detail["detail"] for event in desk.events()]


def with_words(verb: str, text: str) -> dict[str, str]:
    return {"verb": verb, "text": text, "name": "Ana"}


async def test_what_was_said_stands_beside_the_facts_of_its_event(desk: Desk) -> None:
    await desk.accept(said("Price please"), said("Hello", named="comment:88_902"))

    assert told(desk) == [with_words("add", "Price please"), with_words("add", "Hello")]
    assert [event.detail.keys() for event in desk.events()] == [{"kind", "severity", "detail"}] * 2


async def test_an_edit_changes_what_every_event_tells(desk: Desk) -> None:
    await desk.accept(said())
    await desk.accept(edited("nothing much"))

    assert told(desk) == [with_words("add", "nothing much"), with_words("edited", "nothing much")]


@pytest.mark.parametrize("whole", [True, False], ids=["one batch", "three batches"])
async def test_what_was_taken_back_is_gone_with_its_raw_bytes(desk: Desk, whole: bool) -> None:
    turns = (said(), edited("another secret"), removed())
    intakes = [desk.intake() for _ in range(1 if whole else 3)]
    for n, intake in enumerate(intakes):
        await desk.do(Accept(intake, turns if whole else turns[n : n + 1]))

    assert told(desk) == [{"verb": verb, "removed": True} for verb in ("add", "edited", "remove")]
    assert {desk.ask(IntakeBody(intake.id)).body for intake in intakes} == {None}
    assert "secret" not in everything(desk)


@pytest.mark.parametrize(
    ("turns", "text"),
    [
        ((removed(1_005.0), said(), edited("no")), None),
        ((removed(), said()), None),
        ((edited("new"), said("old")), "new"),
        ((edited("newest", 1_002.0), edited("new", 1_001.0), said("old")), "newest"),
        ((said("old"), removed(1_001.0), said("again", 1_002.0)), "again"),
    ],
)
async def test_news_in_any_order_come_to_the_same(
    desk: Desk, turns: Sequence[Item], text: str | None
) -> None:
    for turn in turns:
        await desk.accept(turn)

    assert {detail.get("text") for detail in told(desk)} == {text}


async def test_raw_bytes_stay_while_something_in_them_has_no_channel_yet(desk: Desk) -> None:
    intake = desk.intake()
    report = ChannelReported("unknown", "k", 1.0, (), "comment", Severity.INFO, {})
    await desk.do(Accept(intake, (said(), item(report, "messenger"))))

    await desk.accept(removed())

    assert desk.ask(IntakeBody(intake.id)).body == b"{}"


async def test_how_somebody_rated_is_told_with_their_words(desk: Desk) -> None:
    rated = Acted("880", "f:1", 1_000.0, ANA, "feedback", {}, remark=Remark("f:1", {"stars": "4"}))
    await desk.accept(item(rated, "messenger"))

    assert desk.events()[-1].detail == {"kind": "feedback", "detail": {"stars": "4"}}


async def test_what_was_said_is_swept_after_its_events(desk: Desk) -> None:
    await desk.accept(said(), at=1_000.0)

    await desk.do(Sweep(1_000.0 + 30.5 * DAY_S, Retention()))
    kept = "a secret" in everything(desk)
    await desk.do(Sweep(1_000.0 + 31.5 * DAY_S, Retention()))

    assert (kept, "a secret" in everything(desk)) == (True, False)


def everything(desk: Desk) -> str:
    """Each row of the tables where words might be left."""
    db = apsw.Connection(str(desk.store.path), flags=apsw.SQLITE_OPEN_READONLY)
    tables = ("event", "remark", "intake")
    return repr([db.execute(f"SELECT * FROM {table}").fetchall() for table in tables])


def test_an_older_database_takes_the_words_out_of_its_events() -> None:
    step = next(one for one in shipped() if one.name.endswith("_remarks.sql"))
    db = apsw.Connection(":memory:")
    for one in shipped():
        if one.number < step.number:
            db.execute(one.sql)
    stored = (
        ("channel.reported", '{"kind":"comment","severity":"info","detail":{"verb":"add",'
         '"comment_id":"1","text":"a","name":"Ana","platform":{"message":"a"}}}'),
        ("channel.reported", '{"kind":"comment","severity":"info","detail":{"verb":"edited",'
         '"comment_id":"1","text":"b","platform":{"message":"b"}}}'),
        ("channel.reported", '{"kind":"comment","severity":"info","detail":{"verb":"add",'
         '"comment_id":"2","text":"c","platform":{"message":"c"}}}'),
        ("channel.reported", '{"kind":"comment","severity":"info","detail":{"verb":"remove",'
         '"comment_id":"2","platform":{}}}'),
        ("channel.reported", '{"kind":"ban","severity":"info","detail":{"platform":{}}}'),
        ("conversation.action", '{"kind":"feedback","detail":{"q":"4"}}'),
        ("conversation.action", '{"kind":"optin","detail":{"ref":"r"}}'),
    )  # fmt: skip
    for cursor, (type, detail) in enumerate(stored, 1):
        db.execute(
            "INSERT INTO event (cursor, tenant, type, at, channel_id, detail)"
            " VALUES (?, 't', ?, 5.0, 'fb', ?)",
            (cursor, type, detail),
        )

    db.execute(step.sql)

    rows = db.execute("SELECT external_id, words FROM remark ORDER BY external_id").fetchall()
    assert {id: words and decode_object(str(words)) for id, words in rows} == {
        "comment:1": {"text": "b", "platform": {"message": "b"}},
        "comment:2": None,
        "feedback:6": {"q": "4"},
    }
    details = [decode_object(str(row[0])) for row in db.execute("SELECT detail FROM event")]
    assert [(one.get("remark"), one["detail"]) for one in details] == [
        ("comment:1", {"verb": "add", "comment_id": "1"}),
        ("comment:1", {"verb": "edited", "comment_id": "1"}),
        ("comment:2", {"verb": "add", "comment_id": "2"}),
        ("comment:2", {"verb": "remove", "comment_id": "2"}),
        (None, {"platform": {}}),
        ("feedback:6", {}),
        (None, {"ref": "r"}),
    ]
