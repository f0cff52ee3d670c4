"""What accounts send in a day, where somebody counts that."""

from collections.abc import Sequence

from omni_actors.model.limits import Spent
from omni_actors.store.dialect import Reading, Writing, reads
from omni_actors.store.handlers.bulk import put
from omni_actors.store.queries import SpentSince

SPEND = """
    INSERT INTO spent (account, at, attempt_id, recipients)
    SELECT account, at, attempt_id, recipients
    FROM rows(:batch, account text, at real, attempt_id text, recipients bigint) new WHERE true
    ON CONFLICT DO NOTHING
"""
SPENT_SINCE = """
    SELECT at, recipients FROM spent WHERE account = :account AND at > :after
    ORDER BY at, attempt_id
"""


def keep_spent(db: Writing, attempts: Sequence[tuple[str, float, Spent | None]]) -> None:
    """Count attempts that have ended, by their id and when that was."""
    rows = [(told.account, at, id, told.recipients) for id, at, told in attempts if told]
    put(db, SPEND, rows)


@reads(SpentSince)
def spent_since(db: Reading, query: SpentSince) -> tuple[tuple[float, int], ...]:
    rows = db.rows(SPENT_SINCE, account=query.account, after=query.after)
    return tuple([(at, recipients) for at, recipients in rows])
