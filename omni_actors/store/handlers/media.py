"""Media: what is to be fetched, what is here, what could not be had."""

from typing import Any

from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json
from omni_actors.model.states import MediaState
from omni_actors.store.codec import (
    decode_failure,
    decode_ref,
    encode_failure,
    encode_ref,
    failure_json,
)
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.answers import recall, remember
from omni_actors.store.handlers.conversations import owns
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.queries import BlobsInUse, DueMedia, MediumById
from omni_actors.store.rows import Medium, NewMedium
from omni_actors.store.verbs import (
    AddMedium,
    ClaimMedium,
    MediumAgain,
    MediumFailed,
    MediumReady,
)

COLUMNS = """
    SELECT id, tenant, state, channel_id, message_id, ref, blob, mime, size, filename, failure,
           attempts, due_at, created_at
    FROM media
"""
ONE = COLUMNS + "WHERE id = :id"
DUE = COLUMNS + "WHERE state = 'pending' AND due_at <= :now ORDER BY due_at, id LIMIT :limit"
ADD = """
    INSERT INTO media (id, tenant, state, channel_id, message_id, ref, blob, mime, size, filename,
                       failure, attempts, due_at, created_at)
    VALUES (:id, :tenant, :state, :channel_id, :message_id, :ref, :blob, :mime, :size, :filename,
            :failure, :attempts, :due_at, :created_at)
"""
CLAIM = """
    UPDATE media SET attempts = attempts + 1, due_at = :until
    WHERE id = :id AND state = 'pending' AND due_at <= :at
"""
READY = """
    UPDATE media SET state = 'ready', blob = :blob, size = :size, mime = :mime,
        filename = :filename, failure = NULL, due_at = NULL
    WHERE id = :id AND state = 'pending'
"""
AGAIN = """
    UPDATE media SET due_at = :due_at, failure = :failure WHERE id = :id AND state = 'pending'
"""
FAILED = """
    UPDATE media SET state = 'failed', failure = :failure, due_at = NULL
    WHERE id = :id AND state = 'pending'
"""
OF_WHAT = """
    SELECT d.tenant, d.channel_id, d.message_id, m.conversation_id, m.leg_id
    FROM media d LEFT JOIN message m ON m.id = d.message_id WHERE d.id = :id
"""
OF_MEDIA = "SELECT m.blob FROM rows(:batch, blob text) w JOIN media m ON m.blob = w.blob"
OF_INTAKES = "SELECT i.blob FROM rows(:batch, blob text) w JOIN intake i ON i.blob = w.blob"


def _medium(row: tuple[Any, ...]) -> Medium:
    (
        id, tenant, state, channel_id, message_id, ref, blob, mime, size, filename, failure,
        attempts, due_at, created_at,
    ) = row  # fmt: skip
    return Medium(
        id, tenant, MediaState(state), channel_id, message_id, decode_ref(ref), blob, mime, size,
        filename, decode_failure(failure), attempts, due_at, created_at,
    )  # fmt: skip


@reads(MediumById)
def medium_by_id(db: Reading, query: MediumById) -> Medium | None:
    found = db.row(ONE, id=query.media_id)
    return _medium(found) if found is not None and owns(query.tenant, found[1]) else None


@reads(DueMedia)
def due_media(db: Reading, query: DueMedia) -> tuple[Medium, ...]:
    return tuple([_medium(row) for row in db.rows(DUE, now=query.now, limit=query.limit)])


@reads(BlobsInUse)
def blobs_in_use(db: Reading, query: BlobsInUse) -> frozenset[str]:
    """Parts name media, and media name their blobs."""
    asked = [(sha256,) for sha256 in query.sha256s]
    named = [row[0] for sql in (OF_MEDIA, OF_INTAKES) for row in db.rows(sql, batch=asked)]
    return frozenset(named)


@writes(AddMedium)
def add_medium(db: Writing, verb: AddMedium) -> NewMedium:
    medium = verb.medium
    earlier = recall(db, verb.idempotency)
    found = db.row(ONE, id=earlier.ref) if earlier is not None else None
    if found is not None:
        return NewMedium(_medium(found), replayed=True)
    db.run(
        ADD,
        id=medium.id,
        tenant=medium.tenant,
        state=medium.state.value,
        channel_id=medium.channel_id,
        message_id=medium.message_id,
        ref=None if medium.ref is None else encode_ref(medium.ref),
        blob=medium.blob,
        mime=medium.mime,
        size=medium.size,
        filename=medium.filename,
        failure=encode_failure(medium.failure),
        attempts=medium.attempts,
        due_at=medium.due_at,
        created_at=medium.created_at,
    )
    remember(db, verb.idempotency, medium.id, medium.created_at)
    return NewMedium(medium)


@writes(ClaimMedium)
def claim_medium(db: Writing, verb: ClaimMedium) -> Medium | None:
    if not db.run(CLAIM, id=verb.media_id, at=verb.at, until=verb.until):
        return None
    found = db.row(ONE, id=verb.media_id)
    return None if found is None else _medium(found)


@writes(MediumReady)
def medium_ready(db: Writing, verb: MediumReady) -> None:
    changed = db.run(
        READY,
        id=verb.media_id,
        blob=verb.blob,
        size=verb.size,
        mime=verb.mime,
        filename=verb.filename,
    )
    if changed:
        detail: dict[str, Json] = {"media_id": verb.media_id, "mime": verb.mime, "size": verb.size}
        _tell(db, EventType.MEDIA_READY, verb.media_id, verb.at, detail)


@writes(MediumAgain)
def medium_again(db: Writing, verb: MediumAgain) -> None:
    db.run(AGAIN, id=verb.media_id, due_at=verb.due_at, failure=encode_failure(verb.failure))


@writes(MediumFailed)
def medium_failed(db: Writing, verb: MediumFailed) -> None:
    if db.run(FAILED, id=verb.media_id, failure=encode_failure(verb.failure)):
        _tell(db, EventType.MEDIA_FAILED, verb.media_id, verb.at, _why(verb))


def _why(verb: MediumFailed) -> dict[str, Json]:
    failure: Failure = verb.failure
    return {"media_id": verb.media_id, "failure": failure_json(failure)}


def _tell(db: Writing, type: EventType, media_id: str, at: float, detail: dict[str, Json]) -> None:
    found = db.row(OF_WHAT, id=media_id)
    assert found is not None
    tenant, channel_id, message_id, conversation_id, leg_id = found
    journal = Journal()
    journal.note(type, tenant, at, conversation_id, leg_id, channel_id, message_id, detail)
    journal.keep(db)
