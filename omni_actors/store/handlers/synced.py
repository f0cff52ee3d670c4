"""Old messages that a platform hands over with a channel's history: they take their place in time.

Nobody is woken for them, and their events are their own, so that no bot answers. One that its
platform tells as news later is news then.
"""

from omni_actors.model import ids
from omni_actors.model.content import UnsupportedContent
from omni_actors.model.events import EventType
from omni_actors.model.reports import Echoed, Received
from omni_actors.model.states import Direction
from omni_actors.store.codec import decode_content, dumps, encode_content
from omni_actors.store.handlers.catching_up import REMOVED, catch_up
from omni_actors.store.handlers.effects import Effects, Home, Outcome
from omni_actors.store.handlers.notes import notes_of
from omni_actors.store.handlers.people import Reach
from omni_actors.store.handlers.threads import Answered, follow, quoted_by, remember, trust_of
from omni_actors.store.verbs import Intake, Item

SOURCE = "history"


def synced(
    effects: Effects, home: Home, item: Item, report: Received | Echoed, intake: Intake
) -> Outcome | None:
    """Give an old message its place; one that is known gets its medium, if it had none."""
    known = _known(effects, home, item)
    if known is not None:
        return _completed(effects, home, item, report, known[0], intake)
    reach = effects.people.meet(
        home.tenant, home.platform, home.id, report.identities, report.at, report.name,
        report.username, intake.received_at,
    )  # fmt: skip
    if reach is None:
        return None
    message_id = effects.db.ids.of_old(ids.MESSAGE, report.at)
    effects.add_target(home.id, report.external_id, message_id)
    answered = follow(effects, home, reach, item.leads) if item.leads else None
    _add(effects, home, reach, report, answered, message_id, intake)
    thread = reach.thread
    newest = report.at >= thread.last_at
    if report.at > thread.last_at:
        thread.last_at, thread.dirty = report.at, True
    if isinstance(report, Received):
        _open(reach, item, report)
        remember(effects, reach, message_id, report, trust_of(report, answered), newest=newest)
    media = bool(report.media) and effects.add_media(report, item, home, message_id, intake)
    _note(effects, home, reach, intake, message_id)
    catch_up(effects, home, reach, message_id, report)
    return Outcome(media=media, synced=True)


def _known(effects: Effects, home: Home, item: Item) -> tuple[str, str | None] | None:
    """The message, and its part if it was ours, that this tells of again."""
    assert isinstance(item.report, Received | Echoed)
    return None if item.id_repeats else effects.target(home.id, item.report.external_id)


def _open(reach: Reach, item: Item, report: Received) -> None:
    """What a person wrote holds their window open, whenever we learn of it."""
    until = item.window_until
    if until is not None and (reach.window_until is None or until > reach.window_until):
        reach.window_until, reach.dirty = until, True
        reach.last_inbound_at, reach.last_external_id = report.at, report.external_id


def _add(
    effects: Effects,
    home: Home,
    reach: Reach,
    report: Received | Echoed,
    answered: Answered | None,
    message_id: str,
    intake: Intake,
) -> None:
    ours = isinstance(report, Echoed)
    direction = Direction.OUTBOUND if ours else Direction.INBOUND
    effects.add_message(
        message_id, home.tenant, direction.value, reach.thread.id, reach.id, home.id,
        "human" if ours else "contact", SOURCE, encode_content(report.content),
        report.status.value if isinstance(report, Echoed) else "received", intake.received_at,
        report.at, *quoted_by(effects, home, report, answered), report.external_id,
        _notes(report, answered), intake.id,
    )  # fmt: skip


def _notes(report: Received | Echoed, answered: Answered | None) -> str | None:
    if isinstance(report, Received):
        return notes_of(report, answered, trust_of(report, answered))
    return dumps(report.notes) if report.notes else None


def told_as_news(
    effects: Effects, home: Home, item: Item, report: Received, notes: str | None, intake: Intake
) -> tuple[str, bool] | None:
    """The old message that a platform tells as news now, and whether media of it are to be fetched;
    None when it is none."""
    known = _known(effects, home, item)
    if known is None or effects.source_of(known[0]) != SOURCE:
        return None
    content = effects.content_of(known[0]) or ""
    if content == REMOVED:
        effects.drop_intake(intake)
        return known[0], False
    has_media = report.media and not isinstance(decode_content(content), UnsupportedContent)
    if not has_media:  # news say more: which option was tapped
        content = encode_content(report.content)
    effects.take_up(known[0], content, notes, intake.id)
    fetches = not has_media and effects.add_media(report, item, home, known[0], intake)
    return known[0], bool(fetches)


def _note(effects: Effects, home: Home, reach: Reach, intake: Intake, message_id: str) -> None:
    """The message is old, that it was handed over is news."""
    effects.journal.note(
        EventType.MESSAGE_SYNCED, home.tenant, intake.received_at, reach.thread.id, reach.id,
        home.id, message_id,
    )  # fmt: skip


def _completed(
    effects: Effects,
    home: Home,
    item: Item,
    report: Received | Echoed,
    message_id: str,
    intake: Intake,
) -> Outcome | None:
    """The medium of a message that stood there without it."""
    stored = effects.content_of(message_id) if report.media else None
    if (
        stored is None
        or stored == REMOVED
        or not isinstance(decode_content(stored), UnsupportedContent)
    ):
        return None
    effects.complete(message_id, encode_content(report.content))
    media = effects.add_media(report, item, home, message_id, intake)
    person = effects.people.find(home.tenant, home.platform, report.identities)
    reach = person.legs.get(home.id) if person else None
    if reach is not None:
        _note(effects, home, reach, intake, message_id)
    return Outcome(media=media)
