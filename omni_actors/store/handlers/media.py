"""Media: what is to be fetched, what is here, what could not be had."""

from typing import Any

from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json
from omni_actors.model.states import MediaState
from omni_actors.store.codec import (
    decode_failure,
    decode_object,
    decode_ref,
    dumps,
    encode_failure,
    encode_ref,
    failure_json,
)
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.answers import recall, remember
from omni_actors.store.handlers.conversations import owns
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.media_verbs import (
    AddMedium,
    ClaimMedium,
    HurryMedia,
    KeepDerivative,
    KeepUpload,
    MediumAgain,
    MediumFailed,
    MediumReady,
)
from omni_actors.store.queries import BlobsInUse, DerivativeOf, DueMedia, MediumById, UploadOf
from omni_actors.store.rows import Derivative, Medium, NewMedium

COLUMNS = """
    SELECT id, tenant, state, channel_id, message_id, ref, blob, mime, size, filename, failure,
           attempts, due_at, created_at, traits
    FROM media
"""
ONE = COLUMNS + "WHERE id = :id"
DUE = (
    COLUMNS
    + """
    WHERE state = 'pending' AND due_at <= :now
      AND NOT EXISTS (SELECT 1 FROM rows(:batch, id text) w WHERE w.id = channel_id)
    ORDER BY due_at, id LIMIT :limit
"""
)
UPLOAD = """
    SELECT external_id FROM upload
    WHERE media_id = :media_id AND channel_id = :channel_id AND until_at > :now
"""
KEEP_UPLOAD = """
    INSERT INTO upload (media_id, channel_id, external_id, until_at)
    VALUES (:media_id, :channel_id, :external_id, :until)
    ON CONFLICT (media_id, channel_id)
    DO UPDATE SET external_id = excluded.external_id, until_at = excluded.until_at
"""
ADD = """
    INSERT INTO media (id, tenant, state, channel_id, message_id, ref, blob, mime, size, filename,
                       failure, attempts, due_at, created_at, traits)
    VALUES (:id, :tenant, :state, :channel_id, :message_id, :ref, :blob, :mime, :size, :filename,
            :failure, :attempts, :due_at, :created_at, :traits)
"""
DERIVED = """
    SELECT derived_id, problem FROM derivative WHERE media_id = :media_id AND recipe = :recipe
"""
KEEP_DERIVED = """
    INSERT INTO derivative (media_id, recipe, derived_id, problem)
    VALUES (:media_id, :recipe, :derived_id, :problem)
    ON CONFLICT (media_id, recipe)
    DO UPDATE SET derived_id = excluded.derived_id, problem = excluded.problem
"""
CLAIM = """
    UPDATE media SET attempts = attempts + 1, due_at = :until
    WHERE id = :id AND state = 'pending' AND due_at <= :at
"""
HURRY = """
    UPDATE media SET due_at = :at
    WHERE state = 'pending' AND channel_id = :channel_id AND due_at > :at
"""
READY = """
    UPDATE media SET state = 'ready', blob = :blob, size = :size, mime = :mime,
        filename = :filename, failure = NULL, due_at = NULL, traits = :traits
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
        attempts, due_at, created_at, traits,
    ) = row  # fmt: skip
    return Medium(
        id, tenant, MediaState(state), channel_id, message_id, decode_ref(ref), blob, mime, size,
        filename, decode_failure(failure), attempts, due_at, created_at,
        {} if traits == "{}" else decode_object(traits),
    )  # fmt: skip


@reads(MediumById)
def medium_by_id(db: Reading, query: MediumById) -> Medium | None:
    found = db.row(ONE, id=query.media_id)
    return _medium(found) if found is not None and owns(query.tenant, found[1]) else None


@reads(UploadOf)
def upload_of(db: Reading, query: UploadOf) -> str | None:
    found = db.row(UPLOAD, media_id=query.media_id, channel_id=query.channel_id, now=query.now)
    return None if found is None else str(found[0])


@writes(KeepUpload)
def keep_upload(db: Writing, verb: KeepUpload) -> None:
    db.run(
        KEEP_UPLOAD,
        media_id=verb.media_id,
        channel_id=verb.channel_id,
        external_id=verb.external_id,
        until=verb.until,
    )


@reads(DueMedia)
def due_media(db: Reading, query: DueMedia) -> tuple[Medium, ...]:
    but = [(channel_id,) for channel_id in query.but]
    found = db.rows(DUE, now=query.now, limit=query.limit, batch=but)
    return tuple([_medium(row) for row in found])


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
    add(db, medium)
    remember(db, verb.idempotency, medium.id, medium.created_at)
    return NewMedium(medium)


@reads(DerivativeOf)
def derivative_of(db: Reading, query: DerivativeOf) -> Derivative | None:
    found = db.row(DERIVED, media_id=query.media_id, recipe=query.recipe)
    if found is None:
        return None
    derived_id, problem = found
    if derived_id is None:
        return Derivative(None, problem)
    medium = db.row(ONE, id=derived_id)
    if medium is None or medium[2] != MediaState.READY.value:
        return None
    return Derivative(_medium(medium), None)


@writes(KeepDerivative)
def keep_derivative(db: Writing, verb: KeepDerivative) -> None:
    if verb.made is not None:
        add(db, verb.made)
    db.run(
        KEEP_DERIVED,
        media_id=verb.media_id,
        recipe=verb.recipe,
        derived_id=verb.made.id if verb.made else None,
        problem=verb.problem,
    )


def add(db: Writing, medium: Medium) -> None:
    """Keep a medium whose bytes are here, or are to be fetched."""
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
        traits=dumps(medium.traits),
    )


@writes(ClaimMedium)
def claim_medium(db: Writing, verb: ClaimMedium) -> Medium | None:
    if not db.run(CLAIM, id=verb.media_id, at=verb.at, until=verb.until):
        return None
    found = db.row(ONE, id=verb.media_id)
    return None if found is None else _medium(found)


@writes(HurryMedia)
def hurry_media(db: Writing, verb: HurryMedia) -> None:
    db.run(HURRY, channel_id=verb.channel_id, at=verb.at)


@writes(MediumReady)
def medium_ready(db: Writing, verb: MediumReady) -> None:
    changed = db.run(
        READY,
        id=verb.media_id,
        blob=verb.blob,
        size=verb.size,
        mime=verb.mime,
        filename=verb.filename,
        traits=dumps(verb.traits),
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
