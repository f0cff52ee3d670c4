"""Carries out a batch of verbs in one transaction: fast when all is well, fair when one fails."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from omni_actors.store.contract import AnyVerb
from omni_actors.store.dialect import Broken, WriteMany, Writing, attempt, together
from omni_actors.store.sqlite.session import WriteSession
from omni_actors.store.sqlite.tickets import AnyQueued, arrange

Run = Callable[[Writing, WriteMany, Sequence[AnyVerb]], Sequence[Any]]


@frozen
class Done:
    """A batch that was carried out: each verb with its answer, in the order of its effect."""

    queued: Sequence[AnyQueued]
    answers: Sequence[Any]


def carry_out(db: WriteSession, batch: Sequence[AnyQueued]) -> Done:
    """Run a batch in the transaction that was begun. Raises Broken when the database fails."""
    groups = arrange(batch)
    try:
        return _run(db, groups, together)
    except Broken:
        raise
    except Exception:  # noqa: BLE001 - the second pass finds whose failure it is and answers it
        db.begin_again()
        return _run(db, groups, attempt)


def _run(db: WriteSession, groups: Sequence[Sequence[AnyQueued]], run: Run) -> Done:
    queued: list[AnyQueued] = []
    answers: list[Any] = []
    for group in groups:
        verbs = [one.verb for one in group]
        answers += run(db, group[0].handler, verbs)
        queued += group
    return Done(queued, answers)
