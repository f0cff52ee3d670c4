"""What a message answers, as far as leads prove it; what its adapter wants to be told later."""

from collections.abc import Sequence

from attrs import frozen

from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import Echoed, Received
from omni_actors.store.codec import decode_object, dumps
from omni_actors.store.handlers.effects import Effects, Home, Place
from omni_actors.store.handlers.people import Reach
from omni_actors.store.mail import Lead

TOPICS_MAX = 50
TOPICS = """
    SELECT id, thread FROM message
    WHERE conversation_id = :conversation_id AND leg_id = :leg_id AND thread IS NOT NULL
    ORDER BY id DESC LIMIT :n
"""
LEG_THREAD = "UPDATE leg SET thread = :thread WHERE id = :id"
FIRST_THREAD = "UPDATE leg SET thread = :thread WHERE id = :id AND thread IS NULL"
MESSAGE_THREAD = "UPDATE message SET thread = :thread WHERE id = :id"
# Who was proved once is known; that somebody uses their name later does not change who they are.
TRUST = """
    UPDATE identity SET trust = :trust
    WHERE id = :id AND (trust IS NULL OR trust = 'failed'
        OR (trust = 'unverified' AND :trust = 'verified'))
"""


@frozen
class Answered:
    """What a message refers to, and by which rule that was found.

    Of `other` it is only told: it belongs to somebody else, or nothing proves it.
    """

    rule: str
    message_id: str
    conversation_id: str
    external_id: str | None
    proved: bool = False
    other: bool = False

    def as_note(self) -> JsonObject:
        """As it stands in the notes of the message."""
        told: dict[str, Json] = {
            "rule": self.rule,
            "message_id": self.message_id,
            "conversation_id": self.conversation_id,
        }
        return {**told, "other": True} if self.other else told


def follow(effects: Effects, home: Home, reach: Reach, leads: Sequence[Lead]) -> Answered | None:
    """Where the first lead goes that stays with whoever wrote, else the first that goes anywhere.

    A proved part may be of another channel of theirs; an id, which anybody can write, must be of
    this very leg.
    """
    strange = None
    for lead in leads:
        proved = lead.part_id is not None
        place, external_id = _place_of(effects, home, reach, lead)
        if place is None:
            continue
        mine = place.conversation_id == reach.thread.id if proved else place.leg_id == reach.id
        found = Answered(
            lead.rule, place.message_id, place.conversation_id, external_id, proved, other=not mine
        )
        if mine:
            return found
        strange = strange or found
    return strange


def _place_of(
    effects: Effects, home: Home, reach: Reach, lead: Lead
) -> tuple[Place | None, str | None]:
    """Where a lead goes, and the platform's id of what is there."""
    if lead.topic is not None:
        return _newest_of(effects, reach, lead.topic)
    if lead.part_id is not None:
        part = effects.parts.get(lead.part_id)
        if part is None or part.message.tenant != home.tenant:
            return None, None
        message = part.message
        external_id = part.external_ids[0] if part.external_ids else lead.external_id
        return Place(message.id, message.leg_id, message.conversation_id), external_id
    target = effects.target(home.id, lead.external_id or "")
    return (effects.place_of(target[0]), lead.external_id) if target else (None, None)


def _newest_of(effects: Effects, reach: Reach, topic: str) -> tuple[Place | None, str | None]:
    """The newest message of a leg whose thread has a topic, among the last ones."""
    rows = effects.db.rows(TOPICS, conversation_id=reach.thread.id, leg_id=reach.id, n=TOPICS_MAX)
    for message_id, thread in rows:
        told = decode_object(thread)
        if told.get("topic") == topic:
            external_id = told.get("message_id")
            place = Place(message_id, reach.id, reach.thread.id)
            return place, external_id if isinstance(external_id, str) else None
    return None, None


def trust_of(report: Received, answered: Answered | None) -> str | None:
    """How sure it is who wrote: whoever has a token of what was written to them is who they say,
    unless their mail was found to be forged."""
    if report.trust is None:
        return None
    known = answered is not None and answered.proved and not answered.other
    return "verified" if known and report.trust == "unverified" else report.trust.value


def quoted_by(
    effects: Effects, home: Home, report: Received | Echoed, answered: Answered | None
) -> tuple[str | None, str | None]:
    """What a message answers: our message id and the platform's, as far as they are known."""
    if report.reply_to is not None:
        target = effects.target(home.id, report.reply_to)
        return (target[0] if target else None), report.reply_to
    if answered is None or answered.other:
        return None, None
    return answered.message_id, answered.external_id


def remember(
    effects: Effects,
    reach: Reach,
    message_id: str,
    report: Received,
    trust: str | None,
    *,
    newest: bool,
) -> None:
    """Keep what is to be told when this leg is written to again, and how sure we are of whom.

    The leg goes on with the `newest` that a person wrote; with a machine's mail only if that is all
    that there is.
    """
    if report.thread is not None:
        thread = dumps(report.thread)
        leads = newest and not report.automatic
        effects.change(LEG_THREAD if leads else FIRST_THREAD, id=reach.id, thread=thread)
        effects.change(MESSAGE_THREAD, id=message_id, thread=thread)
    if trust is not None:
        effects.change(TRUST, id=reach.identity_id, trust=trust)
