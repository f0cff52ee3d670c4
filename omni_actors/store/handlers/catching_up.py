"""Changes of a message that came before it."""

from omni_actors.model.content import UnsupportedContent
from omni_actors.model.events import EventType
from omni_actors.model.reports import Echoed, Received
from omni_actors.store.codec import encode_content
from omni_actors.store.handlers.effects import Effects, Home
from omni_actors.store.handlers.people import Reach

REMOVED = encode_content(UnsupportedContent("deleted", "The sender took this message back."))


def catch_up(
    effects: Effects, home: Home, reach: Reach, message_id: str, report: Received | Echoed
) -> None:
    """Let the changes of a message take effect that came before it."""
    for content, at in effects.early.meet(home.id, report.external_id):
        event = EventType.MESSAGE_DELETED if content is None else EventType.MESSAGE_EDITED
        if content is None:
            effects.delete(home, report.external_id, message_id, REMOVED)
        else:
            effects.edit(message_id, content, at)
        effects.journal.note(
            event, home.tenant, at, reach.thread.id, reach.id, home.id, message_id,
            {"target": report.external_id},
        )  # fmt: skip
