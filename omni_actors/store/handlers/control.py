"""Who controls a conversation at its platform: while another app does, nobody of ours answers."""

from collections.abc import Iterable

from omni_actors.model.events import EventType
from omni_actors.model.json import Json
from omni_actors.model.reports import ControlChanged, Echoed, Received
from omni_actors.store.codec import decode_object
from omni_actors.store.control import ControlMoved
from omni_actors.store.dialect import Writing, writes
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.effects import Effects, Home
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.people import Reach

ANOTHER = "another"  # where the platform does not tell which app it is
PLACE = """
    SELECT g.tenant, g.conversation_id, g.channel_id, c.settings
    FROM leg g JOIN channel c ON c.id = g.channel_id WHERE g.id = :id
"""
CONTROL = """
    UPDATE leg SET controlled_by = :controlled_by, controlled_at = :controlled_at WHERE id = :id
"""
OURS = """
    SELECT g.id, g.tenant, g.conversation_id, g.channel_id
    FROM rows(:batch, id text, wire_at real) w
    JOIN leg g ON g.id = w.id
    WHERE g.controlled_by IS NULL
        AND coalesce(g.controlled_at, 0.0) <= w.wire_at
        AND coalesce(g.last_inbound_at, 0.0) <= w.wire_at
"""
TAKEN = """
    UPDATE leg SET controlled_by = new.controlled_by, controlled_at = new.controlled_at
    FROM rows(:batch, id text, controlled_by text, controlled_at real) new WHERE leg.id = new.id
"""


def heard(effects: Effects, home: Home, reach: Reach, report: Received | Echoed) -> None:
    """A message tells by the way it came whether we only watch.

    What the business writes elsewhere says nothing of who may answer.
    """
    if report.standby and reach.controlled_by is None:
        _told(effects, home, reach, ANOTHER, report.at, {"owner": None, "via": "standby"})
    elif isinstance(report, Received) and not report.standby and reach.controlled_by is not None:
        _told(effects, home, reach, None, report.at, {"owner": None, "via": "message"})


def passed(effects: Effects, home: Home, reach: Reach, report: ControlChanged) -> None:
    """The control went to an app; to nobody means that whoever is there first may answer."""
    app_id = our_app(home.settings)
    ours = report.owner == app_id if app_id else report.ours
    owner = None if ours or report.owner is None else report.owner
    _told(effects, home, reach, owner, report.at, {"owner": report.owner, **report.detail})


def refused(
    db: Writing, journal: Journal, legs: Iterable[tuple[str, float | None]], at: float
) -> None:
    """The platform says that another app controls these legs, of a part that went out at `wire_at`.

    Newer word, and a customer who wrote to us after that, stand above it.
    """
    asked = {leg_id: wire_at or at for leg_id, wire_at in legs}
    rows = look(db, OURS, list(asked.items()))
    put(db, TAKEN, [(row[0], ANOTHER, at) for row in rows])
    for leg_id, tenant, conversation_id, channel_id in rows:
        detail: dict[str, Json] = {"owner": None, "via": "refusal", "ours": False}
        journal.note(
            EventType.CONVERSATION_CONTROL, tenant, at, conversation_id, leg_id, channel_id, None,
            detail,
        )  # fmt: skip


def our_app(settings: str) -> str | None:
    """The app that we are on a channel with these settings; None where they do not say."""
    app_id = decode_object(settings).get("app_id")
    return str(app_id) if app_id else None


@writes(ControlMoved)
def control_moved(db: Writing, verb: ControlMoved) -> None:
    found = db.row(PLACE, id=verb.leg_id)
    if found is None:
        return
    tenant, conversation_id, channel_id, settings = found
    owner = None if verb.owner == our_app(settings) else verb.owner
    db.run(CONTROL, id=verb.leg_id, controlled_by=owner, controlled_at=verb.at)
    detail = {"owner": verb.owner, "via": "api", "ours": owner is None, **verb.detail}
    journal = Journal()
    journal.note(
        EventType.CONVERSATION_CONTROL, tenant, verb.at, conversation_id, verb.leg_id, channel_id,
        None, detail,
    )  # fmt: skip
    journal.keep(db)


def _told(
    effects: Effects,
    home: Home,
    reach: Reach,
    owner: str | None,
    at: float,
    detail: dict[str, Json],
) -> None:
    """Keep what is newer than what we know, and tell of it in any case."""
    if reach.controlled_at is None or at >= reach.controlled_at:
        reach.controlled_by, reach.controlled_at = owner, at
        effects.change(CONTROL, id=reach.id, controlled_by=owner, controlled_at=at)
        detail["ours"] = owner is None
    else:
        detail["overtaken"] = True
    effects.journal.note(
        EventType.CONVERSATION_CONTROL, home.tenant, at, reach.thread.id, reach.id, home.id, None,
        detail,
    )  # fmt: skip
