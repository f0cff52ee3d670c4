"""What we gave up on, with another chance for it."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field

from omni_actors.model.failure import Kind
from omni_actors.model.states import PartStatus
from omni_actors.store.codec import decode_failure
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.conversations import owns
from omni_actors.store.handlers.journal import Journal, take_numbers
from omni_actors.store.handlers.part_work import PartWork
from omni_actors.store.handlers.parts import Parts
from omni_actors.store.queries import DeadLetterById, DeadLetters
from omni_actors.store.rows import ANY_TENANT, DeadLetter, Page
from omni_actors.store.verbs import Redrive, Redriven

COLUMNS = """
    SELECT d.id, d.tenant, d.kind, d.ref, d.message_id, d.channel_id, d.leg_id, d.reason,
           d.failure, d.at, d.redriven_at
"""
ONE = COLUMNS + "FROM dead_letter d WHERE d.id = :id"
SOME = COLUMNS + "FROM rows(:batch, id text) w JOIN dead_letter d ON d.id = w.id"
FILTERED = """
      AND (:kind = '' OR d.kind = :kind) AND (:reason = '' OR d.reason = :reason)
    ORDER BY d.id LIMIT :limit
"""
# Each listing walks along the index of what was asked for, and nothing else.
PAGE_OF_ALL = f"""
    {COLUMNS} FROM dead_letter d WHERE d.id > :after
      AND (:redriven = 1 OR d.redriven_at IS NULL) {FILTERED}
"""
PAGE_OF_TENANT = f"""
    {COLUMNS} FROM dead_letter d WHERE d.tenant = :tenant AND d.id > :after {FILTERED}
"""
PAGE_OF_TENANT_OPEN = f"""
    {COLUMNS} FROM dead_letter d
    WHERE d.tenant = :tenant AND d.id > :after AND d.redriven_at IS NULL {FILTERED}
"""
PAGE_OF_CHANNEL = f"""
    {COLUMNS} FROM dead_letter d WHERE d.channel_id = :channel_id AND d.id > :after
      AND (:tenant = '*' OR d.tenant = :tenant)
      AND (:redriven = 1 OR d.redriven_at IS NULL) {FILTERED}
"""
MARK = """
    UPDATE dead_letter SET redriven_at = new.at
    FROM rows(:batch, id text, at real) new WHERE dead_letter.id = new.id
"""
TO_THE_TAIL = """
    UPDATE part SET pos = new.pos, queued_at = new.at, expires_at = NULL, first_failed_at = NULL
    FROM rows(:batch, id text, pos bigint, at real) new WHERE part.id = new.id
"""
FLAG = """
    UPDATE message SET redrive_of = new.dead_letter_id, expires_at = NULL
    FROM rows(:batch, id text, dead_letter_id text) new WHERE message.id = new.id
"""
INTAKES = "SELECT i.id FROM rows(:batch, id text) w JOIN intake i ON i.id = w.id"
AGAIN = (PartStatus.FAILED, PartStatus.EXPIRED)


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    id, tenant, kind, ref, message_id, channel_id, leg_id, reason, failure, at, redriven_at = row
    return DeadLetter(
        id, tenant, kind, ref, message_id, channel_id, leg_id, reason, decode_failure(failure),
        at, redriven_at,
    )  # fmt: skip


@reads(DeadLetterById)
def dead_letter_by_id(db: Reading, query: DeadLetterById) -> DeadLetter | None:
    found = db.row(ONE, id=query.dead_letter_id)
    return _letter(found) if found is not None and owns(query.tenant, found[1]) else None


@reads(DeadLetters)
def dead_letters(db: Reading, query: DeadLetters) -> Page[DeadLetter]:
    rows = db.rows(
        _listing(query),
        tenant=query.tenant,
        after=query.after,
        kind=query.kind or "",
        channel_id=query.channel_id or "",
        reason=query.reason or "",
        redriven=int(query.redriven),
        limit=query.limit + 1,
    )
    found = tuple([_letter(row) for row in rows[: query.limit]])
    return Page(found, found[-1].id if len(rows) > query.limit else None)


def _listing(query: DeadLetters) -> str:
    if query.channel_id:
        return PAGE_OF_CHANNEL
    if query.tenant == ANY_TENANT:
        return PAGE_OF_ALL
    return PAGE_OF_TENANT if query.redriven else PAGE_OF_TENANT_OPEN


@define
class Chance:
    """What a redrive takes up and what it leaves."""

    parts: list[tuple[DeadLetter, PartWork]] = field(factory=list)
    intakes: list[DeadLetter] = field(factory=list)
    skipped: list[str] = field(factory=list)


@writes(Redrive)
def redrive(db: Writing, verb: Redrive) -> Redriven:
    wanted = list(dict.fromkeys(verb.ids))
    letters = {row[0]: _letter(row) for row in look(db, SOME, [(id,) for id in wanted])}
    journal = Journal()
    parts = Parts(db, journal)
    parts.load([letter.ref for letter in letters.values() if letter.kind == "part"])
    kept = {
        row[0]
        for row in look(db, INTAKES, [(d.ref,) for d in letters.values() if d.kind == "intake"])
    }
    chance = _sort(verb, wanted, letters, parts, kept)
    chance.parts.sort(key=_place_in_queue)
    for n, (_, part) in enumerate(chance.parts):
        part.attempts = 0
        part.rank = 0
        part.first_failed_at = None
        in_doubt = part.maybe_duplicate or lost(part)
        part.failure = None
        parts.queue(part, verb.at, maybe_duplicate=in_doubt)
        part.due_at = verb.at + n * verb.every_s
    parts.keep()
    _move(db, chance.parts, verb.at)
    put(db, MARK, [(letter.id, verb.at) for letter, _ in chance.parts])
    journal.keep(db)
    legs = [(part.message.channel_id, part.message.leg_id) for _, part in chance.parts]
    wakes = parts.wakes(legs)
    skipped = set(chance.skipped)
    return Redriven(
        tuple([id for id in wanted if id not in skipped]),
        tuple(chance.skipped),
        tuple([wake for of_leg in wakes.values() for wake in of_leg]),
        tuple([(letter.id, letter.ref) for letter in chance.intakes]),
    )


def lost(part: PartWork) -> bool:
    """Whether nobody knows what became of its last try."""
    failure = decode_failure(part.failure)
    return failure is not None and failure.kind is Kind.UNKNOWN


def _place_in_queue(revived: tuple[DeadLetter, PartWork]) -> int:
    return revived[1].pos


def _sort(
    verb: Redrive,
    wanted: Sequence[str],
    letters: dict[str, DeadLetter],
    parts: Parts,
    kept: set[str],
) -> Chance:
    """Which of them can have another chance: each only once, and only while it is dead."""
    chance = Chance()
    taken: set[str] = set()
    for id in wanted:
        letter = letters.get(id)
        if letter is None or not owns(verb.tenant, letter.tenant) or letter.redriven_at is not None:
            chance.skipped.append(id)
            continue
        part = parts.get(letter.ref) if letter.kind == "part" else None
        if part is not None and part.status in AGAIN and part.id not in taken:
            taken.add(part.id)
            chance.parts.append((letter, part))
        elif letter.kind == "intake" and letter.ref in kept:
            chance.intakes.append(letter)
        else:
            chance.skipped.append(id)
    return chance


def _move(db: Writing, revived: Sequence[tuple[DeadLetter, PartWork]], at: float) -> None:
    """Behind everything that waits, and free of the deadline that it missed."""
    if not revived:
        return
    pos = take_numbers(db, "part", len(revived))
    put(db, TO_THE_TAIL, [(part.id, pos + n, at) for n, (_, part) in enumerate(revived)])
    flags = {part.message.id: letter.id for letter, part in revived}
    put(db, FLAG, list(flags.items()))
