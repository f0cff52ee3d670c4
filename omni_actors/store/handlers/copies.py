"""Copies that were not taken with their message: kept until they are, or nobody wants them more."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve

from omni_actors.model import ids
from omni_actors.model.copies import NoCopy
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.json import JsonObject
from omni_actors.model.states import PartStatus
from omni_actors.store.codec import decode_failure, dumps, encode_failure, encode_json, loads
from omni_actors.store.copies import (
    ClaimCopies,
    ClaimedCopies,
    CopyLine,
    CopyLines,
    LapseCopies,
    SettleCopies,
)
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.claim import WANTED, claimed_of, media_of
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.part_work import PartWork
from omni_actors.store.handlers.parts import Parts
from omni_actors.store.handlers.spent import keep_spent
from omni_actors.store.verbs import Settle, TakenUp

ADD = """
    INSERT INTO copy (part_id, channel_id, refused, tries, since, due_at, until_at)
    SELECT p.id, p.channel_id, new.refused, 0, new.at, new.due_at,
        CASE WHEN p.expires_at < new.until_at THEN p.expires_at ELSE new.until_at END
    FROM rows(:batch, part_id text, refused text, at real, due_at real, until_at real) new
    JOIN part p ON p.id = new.part_id WHERE true
    ON CONFLICT (part_id) DO UPDATE SET refused = excluded.refused, tries = 0,
        since = excluded.since, due_at = excluded.due_at, until_at = excluded.until_at
"""
# What is to be sent anew, or is in doubt, goes to those who get copies too.
LINES = """
    SELECT c.channel_id, c.part_id, p.leg_id, c.due_at
    FROM channel h
    JOIN copy c ON c.part_id = (SELECT f.part_id FROM copy f JOIN part q ON q.id = f.part_id
                                WHERE f.channel_id = h.id AND q.open = 0
                                ORDER BY f.due_at, f.part_id LIMIT 1)
    JOIN part p ON p.id = c.part_id
    ORDER BY c.due_at, c.part_id
"""
DUE = """
    SELECT refused, tries, since, (SELECT coalesce(max(a.n), 0) FROM attempt a
                                   WHERE a.part_id = copy.part_id)
    FROM copy
    WHERE part_id = :part_id AND due_at <= :at AND until_at > :at
      AND (SELECT p.open FROM part p WHERE p.id = copy.part_id) = 0
"""
# Should nobody ever say how it ended, all of them are in doubt.
TAKE = "UPDATE copy SET tries = tries + 1, refused = :refused WHERE part_id = :part_id"
ADD_ATTEMPT = """
    INSERT INTO attempt (part_id, n, id, started_at) VALUES (:part_id, :n, :attempt_id, :at)
"""
KEEP = "UPDATE copy SET refused = :refused, due_at = :due_at WHERE part_id = :part_id"
DONE = "DELETE FROM copy WHERE part_id = :part_id"
REPLACE = "DELETE FROM copy WHERE part_id IN (SELECT part_id FROM rows(:batch, part_id text) w)"
END_ATTEMPT = """
    UPDATE attempt SET ended_at = :ended_at, outcome = :outcome, failure = :failure,
        exchanges = :exchanges, note = :note
    WHERE part_id = :part_id AND id = :attempt_id
"""
LAPSED = """
    SELECT part_id, refused FROM copy WHERE until_at <= :at ORDER BY until_at LIMIT 100
"""
KEPT_S = 3 * 86400.0
"""So long they wait for a channel that sends nothing, if their message does not expire before."""
LOST = Failure(
    Kind.UNKNOWN, Reason.UNKNOWN, text="The gateway stopped while this copy was on its way."
)

LOST_AGAIN = evolve(LOST, text="The gateway stopped twice while this copy was on its way.")


@reads(CopyLines)
def copy_lines(db: Reading, _query: CopyLines) -> tuple[CopyLine, ...]:
    return tuple([CopyLine(*row) for row in db.rows(LINES)])


def keep_copies(
    db: Writing,
    parts: Parts,
    taken: Sequence[tuple[Settle, TakenUp, PartWork]],
    anew: Sequence[str],
) -> None:
    """What was taken without some of its copies: those wait, or it is told that they are lost.

    A part that went out `anew` went to all who still lacked it.
    """
    put(db, REPLACE, [(part_id,) for part_id in anew])
    new: list[tuple[Any, ...]] = []
    for verb, outcome, part in taken:
        if (copies := outcome.copies) is None:
            continue
        tell_lost(parts, part, copies.lost, verb.at)
        if copies.again:
            new.append((part.id, _encoded(copies.again), verb.at, copies.due_at, verb.at + KEPT_S))
    put(db, ADD, new)


@writes(ClaimCopies)
def claim_copies(db: Writing, verb: ClaimCopies) -> ClaimedCopies | None:
    due = db.row(DUE, part_id=verb.part_id, at=verb.at)
    rows = look(db, WANTED, [(verb.part_id,)]) if due is not None else []
    if due is None or not rows:
        return None
    refused = _spared(db, verb, _decoded(due[0]))
    tries, since, attempts = due[1:]
    if not refused:
        return None
    attempt_id = db.ids(ids.ATTEMPT)
    in_doubt = [evolve(each, failure=_doubt(each)) for each in refused]
    db.run(TAKE, part_id=verb.part_id, refused=_encoded(in_doubt))
    db.run(ADD_ATTEMPT, part_id=verb.part_id, n=attempts + 1, attempt_id=attempt_id, at=verb.at)
    media = media_of(db, rows, verb.at).get(verb.part_id, ())
    claimed = claimed_of(rows[0], attempt_id, media, verb.at)
    doubted = [each.address for each in refused if each.failure.kind is Kind.UNKNOWN]
    only = tuple([each.address for each in refused])
    return ClaimedCopies(evolve(claimed, only=only), tries + 1, since, frozenset(doubted))


def _spared(db: Writing, verb: ClaimCopies, refused: Sequence[NoCopy]) -> list[NoCopy]:
    """Those who may be tried; who was left in doubt twice is given up."""
    over = [each for each in refused if each.failure == LOST_AGAIN]
    rest = [each for each in refused if each.failure != LOST_AGAIN]
    if over:
        _give_up(db, [(verb.part_id, over)], verb.at, done=not rest)
    return rest


@writes(SettleCopies)
def settle_copies(db: Writing, verb: SettleCopies) -> None:
    journal = Journal()
    parts = Parts(db, journal)
    parts.load([verb.part_id])
    part = parts.get(verb.part_id)
    if part is not None:
        for address in verb.taken:
            facts = _facts(address, "taken")
            if address in verb.doubted:
                facts = {**facts, "maybe_duplicate": True}
            parts.told_of_copy(part, PartStatus.SENT, verb.at, None, facts)
        tell_lost(parts, part, verb.copies.lost, verb.at)
    again = verb.copies.again
    if again:
        db.run(KEEP, part_id=verb.part_id, refused=_encoded(again), due_at=verb.copies.due_at)
    else:
        db.run(DONE, part_id=verb.part_id)
    _end_attempt(db, verb)
    keep_spent(db, [(verb.attempt_id, verb.at, verb.spent)])
    parts.keep()
    journal.keep(db)


@writes(LapseCopies)
def lapse_copies(db: Writing, verb: LapseCopies) -> None:
    lapsed = db.rows(LAPSED, at=verb.at)
    if lapsed:
        _give_up(db, [(part_id, _decoded(refused)) for part_id, refused in lapsed], verb.at)


def _give_up(
    db: Writing, copies: Sequence[tuple[str, Sequence[NoCopy]]], at: float, *, done: bool = True
) -> None:
    """Nobody tries these copies any more; unless `done` there are others of their parts."""
    journal = Journal()
    parts = Parts(db, journal)
    parts.load([part_id for part_id, _ in copies])
    for part_id, refused in copies:
        part = parts.get(part_id)
        if part is not None:
            tell_lost(parts, part, refused, at)
        if done:
            db.run(DONE, part_id=part_id)
    parts.keep()
    journal.keep(db)


def _doubt(each: NoCopy) -> Failure:
    """What is to be said of a copy if nobody ever tells how this try ended."""
    return LOST_AGAIN if each.failure.kind is Kind.UNKNOWN else LOST


def tell_lost(parts: Parts, part: PartWork, lost: Iterable[NoCopy], at: float) -> None:
    """Tell who gets no copy of a part, and why."""
    for each in lost:
        facts = _facts(each.address, "failed", each.failure)
        parts.told_of_copy(part, PartStatus.FAILED, at, each.failure, facts)


def _facts(address: str, action: str, failure: Failure | None = None) -> JsonObject:
    """What is told of a copy, as of a report of its delivery."""
    said = {"status": failure.code, "text": failure.text} if failure else {}
    return {"participant": address, "detail": {"recipient": address, "action": action, **said}}


def _end_attempt(db: Writing, verb: SettleCopies) -> None:
    left = (*verb.copies.again, *verb.copies.lost)
    outcome = "again" if verb.copies.again else "given_up" if left else "taken_up"
    db.run(
        END_ATTEMPT,
        part_id=verb.part_id,
        attempt_id=verb.attempt_id,
        ended_at=verb.trace.ended_at if verb.trace else verb.at,
        outcome=outcome,
        failure=encode_failure(left[0].failure) if left else None,
        exchanges=encode_json(verb.trace.exchanges) if verb.trace else None,
        note=verb.note,
    )


def _encoded(refused: Iterable[NoCopy]) -> str:
    return dumps([[each.address, encode_failure(each.failure)] for each in refused])


def _decoded(text: str) -> tuple[NoCopy, ...]:
    found = [(address, decode_failure(failure)) for address, failure in loads(text)]
    return tuple([NoCopy(address, failure) for address, failure in found if failure is not None])
