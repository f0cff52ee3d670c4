"""Answers that are kept for whoever sends the same request again."""

from omni_actors.model.json import JsonObject
from omni_actors.store.codec import decode_object, dumps
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads
from omni_actors.store.queries import Replay
from omni_actors.store.rows import Earlier
from omni_actors.store.verbs import Idempotency

ANSWER = """
    SELECT fingerprint, ref, response, sealed FROM idempotency WHERE owner = :owner AND key = :key
"""
KEEP = """
    INSERT INTO idempotency (owner, key, fingerprint, ref, response, sealed, at)
    VALUES (:owner, :key, :fingerprint, :ref, '{}', :sealed, :at)
"""


@reads(Replay)
def replay(db: Reading, query: Replay) -> Earlier | None:
    return recall(db, query.idempotency)


def recall(db: Reading, asked: Idempotency | None) -> Earlier | None:
    """What was answered to this request before. Raises Refused for a key of another request."""
    if asked is None:
        return None
    found = db.row(ANSWER, owner=asked.owner, key=asked.key)
    if found is None:
        return None
    fingerprint, ref, response, sealed = found
    same(asked, fingerprint)
    if sealed is not None:
        response = db.cipher.open(sealed, _bound_to(asked))
    return Earlier(ref, decode_object(response))


def same(asked: Idempotency, fingerprint: str) -> None:
    """Raises Refused unless it is the request that the key was used for."""
    if fingerprint != asked.fingerprint:
        raise Refused(
            "idempotency_mismatch", "This idempotency key was used for a different request."
        )


def remember(
    db: Writing, asked: Idempotency | None, ref: str, at: float, secrets: JsonObject | None = None
) -> None:
    """Keep what a request made; `secrets` that only its answer holds are encrypted."""
    if asked is None:
        return
    sealed = db.cipher.seal(dumps(secrets).encode(), _bound_to(asked)) if secrets else None
    db.run(
        KEEP,
        owner=asked.owner,
        key=asked.key,
        fingerprint=asked.fingerprint,
        ref=ref,
        sealed=sealed,
        at=at,
    )


def _bound_to(asked: Idempotency) -> str:
    return f"answer {asked.owner} {asked.key}"
