"""How an attempt ended: the part's status, what was learned on the way, and who is next."""

from collections.abc import Sequence
from typing import Any, assert_never

from omni_actors.model.failure import Reason
from omni_actors.model.reports import IdentityKey
from omni_actors.model.states import UNFINISHED, PartStatus
from omni_actors.store.codec import (
    decode_failure,
    decode_keys,
    decode_object,
    dumps,
    encode_failure,
    encode_json,
)
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Writing, writes, writes_many
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.closed import Refusal, opt_out, shut_out, shut_windows
from omni_actors.store.handlers.control import refused
from omni_actors.store.handlers.copies import keep_copies
from omni_actors.store.handlers.free_entries import SLACK_S
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.part_work import OF_STATUS, PartWork, goes_again
from omni_actors.store.handlers.parts import Parts
from omni_actors.store.handlers.people import People
from omni_actors.store.handlers.spent import keep_spent
from omni_actors.store.handlers.tries import Try, try_of
from omni_actors.store.limits import ShutOut
from omni_actors.store.rows import LegWake
from omni_actors.store.verbs import (
    Again,
    Annotate,
    GivenUp,
    InDoubt,
    Outcome,
    Resend,
    Settle,
    TakenUp,
)

END_ATTEMPTS = """
    UPDATE attempt SET ended_at = new.ended_at, outcome = new.outcome, failure = new.failure,
        exchanges = new.exchanges, note = new.note
    FROM rows(:batch, part_id text, id text, ended_at real, outcome text, failure text,
              exchanges text, note text) new
    WHERE attempt.part_id = new.part_id AND attempt.id = new.id
"""
ANNOTATE = """
    UPDATE attempt SET exchanges = :exchanges, note = :note WHERE part_id = :part_id AND id = :id
"""
# Whoever answers in time a person that came from an ad has begun a free entry.
# An answer that begins a free entry ends it by our clock, unless the platform has told its end
# before the answer was settled.
SPOKE = f"""
    UPDATE leg SET last_outbound_at = new.at,
        entry_until = CASE WHEN leg.entry_answer_by >= new.at
                AND coalesce(leg.entry_until, 0.0) < new.at + leg.entry_for_s - {SLACK_S}
            THEN new.at + leg.entry_for_s ELSE leg.entry_until END,
        entry_answer_by = NULL
    FROM rows(:batch, id text, at real) new WHERE leg.id = new.id
"""
OF_LEGS = """
    SELECT g.id, i.platform, i.keys
    FROM rows(:batch, id text) w
    JOIN leg g ON g.id = w.id
    JOIN identity i ON i.id = g.identity_id
"""
LEG_THREADS = """
    UPDATE leg SET thread = new.thread
    FROM rows(:batch, id text, thread text) new WHERE leg.id = new.id
"""
MESSAGE_THREADS = """
    UPDATE message SET thread = new.thread
    FROM rows(:batch, id text, thread text) new WHERE message.id = new.id
"""
ANY_PARKED = "SELECT 1 FROM parked LIMIT 1"
PARKED = """
    SELECT k.n, w.part_id, k.external_id, k.status, k.rank, k.at, k.failure, k.facts,
           k.tries, k.resend_at
    FROM rows(:batch, channel_id text, external_id text, part_id text) w
    JOIN parked k ON k.channel_id = w.channel_id AND k.external_id = w.external_id
    UNION
    SELECT k.n, w.part_id, k.external_id, k.status, k.rank, k.at, k.failure, k.facts,
           k.tries, k.resend_at
    FROM rows(:batch, channel_id text, external_id text, part_id text) w
    JOIN parked k ON k.callback = w.part_id AND k.channel_id = w.channel_id
    ORDER BY 1
"""
UNPARK = "DELETE FROM parked WHERE n IN (SELECT n FROM rows(:batch, n bigint) w)"
OUTCOMES = {
    TakenUp: "taken_up",
    Again: "again",
    GivenUp: "given_up",
    InDoubt: "in_doubt",
    ShutOut: "shut_out",
}


@writes_many(Settle)
def settle(db: Writing, verbs: Sequence[Settle]) -> Sequence[tuple[LegWake, ...] | Refused]:
    journal = Journal()
    parts = Parts(db, journal)
    parts.load([verb.part_id for verb in verbs])
    taken: list[tuple[Settle, TakenUp, PartWork]] = []
    ended: list[tuple[Any, ...]] = []
    shut: list[tuple[float, Refusal]] = []
    anew: list[str] = []
    for verb in verbs:
        part = parts.get(verb.part_id)
        if part is None:
            continue
        ended.append(_ended(verb))
        if isinstance(verb.outcome, TakenUp):
            taken.append((verb, verb.outcome, part))
            if part.external_ids and not part.rank and not verb.outcome.found:
                anew.append(part.id)
        if isinstance(verb.outcome, ShutOut) and _is_mine(part, verb.attempt_id):
            shut.append((verb.at, Refusal(part, verb.outcome.failure)))
        _apply(parts, part, verb.attempt_id, verb.at, verb.outcome)
    put(db, END_ATTEMPTS, ended)
    keep_spent(db, [(verb.attempt_id, verb.at, verb.spent) for verb in verbs])
    _shut_out(db, journal, parts, shut)
    if stopped := [verb for verb in verbs if _tells_opt_out(verb.outcome)]:
        known = [part for verb in stopped if (part := parts.get(verb.part_id))]
        opt_out(db, journal, [part.message.leg_id for part in known], stopped[-1].at)
    if elsewhere := [verb for verb in verbs if _tells_control(verb.outcome)]:
        found = [part for verb in elsewhere if (part := parts.get(verb.part_id))]
        legs = [(part.message.leg_id, part.wire_at) for part in found]
        refused(db, journal, legs, elsewhere[-1].at)
    if taken:
        _learn(db, journal, taken)
        keep_copies(db, parts, taken, anew)
        _shut_out(db, journal, parts, apply_parked(db, parts, taken))
    parts.keep()
    journal.keep(db)
    wakes = parts.wakes()
    return [_answer(parts.get(verb.part_id), wakes) for verb in verbs]


def _answer(
    part: PartWork | None, wakes: dict[str, tuple[LegWake, ...]]
) -> tuple[LegWake, ...] | Refused:
    if part is None:
        return Refused("unknown_part", "There is no such part.")
    return wakes.get(part.message.leg_id, ())


def _shut_out(
    db: Writing, journal: Journal, parts: Parts, shut: Sequence[tuple[float, Refusal]]
) -> None:
    """The platform has found these parts' windows closed, then."""
    if not shut:
        return
    at = shut[-1][0]
    refusals = [refusal for _, refusal in shut]
    shut_windows(db, journal, [(r.part.message.leg_id, r.part.wire_at) for r in refusals], at)
    shut_out(db, parts, refusals, at)


def _is_mine(part: PartWork, attempt_id: str) -> bool:
    """Whether nothing has settled the part since this attempt began."""
    waits = part.status in (PartStatus.SENDING, PartStatus.UNKNOWN)
    return part.attempt_id == attempt_id and waits


def _came_back(part: PartWork, outcome: TakenUp, waits: bool) -> bool:
    """Whether a report has undone this acceptance already: its window was closed after all."""
    failure = None if waits else decode_failure(part.failure)
    if failure is None or failure.reason is not Reason.OUTSIDE_WINDOW:
        return False
    return all([part.of_past(external_id) for external_id in outcome.external_ids])


def _tells_opt_out(outcome: Outcome) -> bool:
    return isinstance(outcome, GivenUp) and outcome.failure.reason is Reason.RECIPIENT_NOT_OPTED_IN


def _tells_control(outcome: Outcome) -> bool:
    return isinstance(outcome, GivenUp) and outcome.failure.reason is Reason.CONTROLLED_ELSEWHERE


def _apply(parts: Parts, part: PartWork, attempt_id: str, at: float, outcome: Outcome) -> None:
    """A part that was settled meanwhile, by a report or a later attempt, stays as it is."""
    mine, waits = part.attempt_id == attempt_id, _is_mine(part, attempt_id)
    match outcome:
        case TakenUp() if part.status in UNFINISHED and _came_back(part, outcome, waits):
            pass
        case TakenUp():
            failed = part.has_failed(outcome.external_ids)
            parts.answered(part, outcome.external_ids, past=not mine)
            if failed:
                return
            parts.take_up(part, at)
            if outcome.found:
                part.maybe_duplicate, part.dirty = False, True
            for status, until, rank in parts.marks_of(part):
                if part.wire_at is not None and part.wire_at <= until:
                    parts.report(part, status, rank, at)
        case Again() if waits:
            parts.again(part, outcome.due_at, outcome.failure, outcome.refund, at)
        case GivenUp() if waits:
            parts.give_up(part, outcome.failure, at, gap=outcome.gap)
        case InDoubt() if waits:
            parts.doubt(part, outcome.failure, outcome.until, at)
        case Again() | GivenUp() | InDoubt() | ShutOut():
            pass
        case _:
            assert_never(outcome)


@writes(Annotate)
def annotate(db: Writing, verb: Annotate) -> None:
    db.run(
        ANNOTATE,
        part_id=verb.part_id,
        id=verb.attempt_id,
        exchanges=encode_json(verb.trace.exchanges),
        note=verb.note,
    )


def _ended(verb: Settle) -> tuple[Any, ...]:
    outcome = verb.outcome
    trace = verb.trace
    failure = None if isinstance(outcome, TakenUp) else encode_failure(outcome.failure)
    note = outcome.note if isinstance(outcome, TakenUp) else None
    return (
        verb.part_id, verb.attempt_id, trace.ended_at if trace else verb.at,
        OUTCOMES[type(outcome)], failure, encode_json(trace.exchanges) if trace else None,
        note,
    )  # fmt: skip


def _learn(
    db: Writing, journal: Journal, taken: Sequence[tuple[Settle, TakenUp, PartWork]]
) -> None:
    """What the platform's answers taught us besides: when, names of the person."""
    put(db, SPOKE, list({part.message.leg_id: verb.at for verb, _, part in taken}.items()))
    threads = [(part, dumps(o.thread)) for _, o, part in taken if o.thread is not None]
    put(db, LEG_THREADS, list({part.message.leg_id: told for part, told in threads}.items()))
    put(db, MESSAGE_THREADS, list({part.message.id: told for part, told in threads}.items()))
    named = [(verb, outcome, part) for verb, outcome, part in taken if outcome.aliases]
    if named:
        _learn_aliases(db, journal, named)


def _learn_aliases(
    db: Writing, journal: Journal, named: Sequence[tuple[Settle, TakenUp, PartWork]]
) -> None:
    legs = {part.message.leg_id for _, _, part in named}
    known: dict[str, tuple[str, tuple[IdentityKey, ...]]] = {
        leg_id: (platform, decode_keys(keys))
        for leg_id, platform, keys in look(db, OF_LEGS, [(id,) for id in legs])
    }
    news = [
        (verb.at, part.message, *known[part.message.leg_id], outcome.aliases)
        for verb, outcome, part in named
        if not set(outcome.aliases) <= set(known[part.message.leg_id][1])
    ]
    if not news:
        return
    people = People(db, journal)
    people.load(
        [
            (message.tenant, platform, message.channel_id, [*keys, *aliases])
            for _, message, platform, keys, aliases in news
        ]
    )
    for at, message, platform, keys, aliases in news:
        person = people.find(message.tenant, platform, keys)
        if person is not None:
            people.teach(person, aliases, at, message.channel_id)
    people.keep()


def apply_parked(
    db: Writing, parts: Parts, taken: Sequence[tuple[Settle, TakenUp, PartWork]]
) -> list[tuple[float, Refusal]]:
    """Let the statuses take effect that came before we knew these external ids.

    Answers those that tell of a closed window.
    """
    shut: list[tuple[float, Refusal]] = []
    if db.row(ANY_PARKED) is None:
        return shut
    named = [
        (part.message.channel_id, external_id, part.id)
        for _, outcome, part in taken
        for external_id in outcome.external_ids
    ]
    rows = look(db, PARKED, named)
    for _, part_id, external_id, status, rank, at, failure, facts, tries, due_at in rows:
        part = parts.get(part_id)
        assert part is not None
        told, why = decode_object(facts) if facts else None, decode_failure(failure)
        if try_of(part, external_id, rank) is Try.EARLIER:
            parts.learn_past(part, [external_id])
            parts.overtaken(part, OF_STATUS[status], at, why)
        else:
            parts.learn(part, [external_id])
            if told is not None and "participant" in told:
                parts.told_of_member(part, OF_STATUS[status], rank, at, why, told)
                continue
            resend = Resend(tries, due_at) if tries else None
            if why and goes_again(part, resend):
                parts.send_again(part, due_at, why, at)
            elif why is not None and why.reason is Reason.OUTSIDE_WINDOW and part.may_come_back:
                shut.append((at, Refusal(part, why)))
            else:
                parts.report(part, OF_STATUS[status], rank, at, why, told)
    if rows:
        put(db, UNPARK, [(row[0],) for row in rows])
    return shut
