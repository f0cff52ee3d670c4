"""Taking parts to send them: attempt and `wire_at` are committed before anything is on the wire."""

from collections.abc import Iterable, Sequence
from typing import Any

from omni_actors.model import ids
from omni_actors.model.limits import person_of
from omni_actors.model.states import MediaState, OnUnknown
from omni_actors.store.codec import (
    decode_content,
    decode_failure,
    decode_keys,
    decode_object,
    loads,
)
from omni_actors.store.dialect import Writing, writes_many
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.closed import Refusal, shut_out
from omni_actors.store.handlers.heads import BUSY, OF_LANE, heads_by_leg
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.parts import Parts
from omni_actors.store.verbs import Claim, Claimed, StoredMedium

WANTED = """
    SELECT p.id, p.message_id, p.channel_id, p.lane, p.leg_id, p.form, p.content, p.media_ids,
           p.reply_to, p.attempts, p.first_failed_at, p.maybe_duplicate, p.queued_at,
           p.status, p.due_at, p.expires_at,
           m.tenant, m.conversation_id, m.override, m.on_unknown, i.keys, p.windowed,
           g.window_until, g.identity_id, p.failure, p.grace_s, g.last_inbound_at, m.author,
           coalesce(p.thread, a.thread, g.thread), m.received_at
    FROM rows(:batch, id text) w
    JOIN part p ON p.id = w.id
    JOIN message m ON m.id = p.message_id
    JOIN leg g ON g.id = p.leg_id
    JOIN identity i ON i.id = g.identity_id
    LEFT JOIN message a ON a.id = m.reply_to AND a.tenant = m.tenant
"""
MEDIA = """
    SELECT w.part_id, d.id, d.state, d.blob, d.mime, d.size, d.filename, u.external_id
    FROM rows(:batch, part_id text, media_id text, channel_id text, tenant text) w
    JOIN media d ON d.id = w.media_id AND d.tenant = w.tenant
    LEFT JOIN upload u ON u.media_id = d.id AND u.channel_id = w.channel_id AND u.until_at > :at
"""
TAKE = """
    UPDATE part SET status = 'sending', attempts = new.n, attempt_id = new.attempt_id,
        wire_at = new.at, status_at = new.at, thread = new.thread
    FROM rows(:batch, part_id text, n bigint, attempt_id text, at real, thread text) new
    WHERE part.id = new.part_id
"""
REACH_OUT = """
    INSERT INTO outreach (portfolio, person, at)
    SELECT portfolio, person, at
    FROM rows(:batch, portfolio text, person text, at real) new WHERE true
    ON CONFLICT (portfolio, person) DO UPDATE SET at = excluded.at
"""
ADD_ATTEMPTS = """
    INSERT INTO attempt (part_id, n, id, started_at)
    SELECT part_id, n, attempt_id, at
    FROM rows(:batch, part_id text, n bigint, attempt_id text, at real) new WHERE true
"""


@writes_many(Claim)
def claim(db: Writing, verbs: Sequence[Claim]) -> Sequence[tuple[Claimed, ...]]:
    wanted = dict.fromkeys([part_id for verb in verbs for part_id in verb.part_ids])
    if not wanted:
        return [()] * len(verbs)
    found = {row[0]: row for row in look(db, WANTED, [(id,) for id in wanted])}
    heads = heads_by_leg(db, [(row[2], row[4]) for row in found.values()])
    free = {
        leg_id: {head[3] for head in of_leg}
        for leg_id, of_leg in heads.items()
        if not any([head[4] in BUSY for head in of_leg])
    }
    takes: list[tuple[str, int, str, float, str]] = []
    taken: list[list[tuple[Any, ...]]] = []
    late: dict[str, float] = {}
    for verb in verbs:
        mine = [found[id] for id in verb.part_ids if id in found]
        taken.append([row for row in mine if _take(db, row, verb.at, free, takes, late)])
    if late:
        _too_late(db, late)
    if not takes:
        return [()] * len(verbs)
    put(db, TAKE, takes)
    put(db, ADD_ATTEMPTS, [take[:4] for take in takes])
    put(db, REACH_OUT, _people(verbs, taken))
    attempts = {part_id: attempt_id for part_id, _, attempt_id, _, _ in takes}
    media = media_of(db, [row for rows in taken for row in rows], takes[0][3])
    return [
        tuple([claimed_of(row, attempts[row[0]], media.get(row[0], ()), verb.at) for row in rows])
        for verb, rows in zip(verbs, taken, strict=True)
    ]


def _take(
    db: Writing,
    row: tuple[Any, ...],
    at: float,
    free: dict[str, set[str]],
    takes: list[tuple[str, int, str, float, str]],
    late: dict[str, float],
) -> bool:
    """Whether this part may go now; then nothing else of its leg may.

    One whose window has closed is `late`.
    """
    part_id, leg_id = row[0], row[4]
    status, due_at, expires_at = row[13:16]
    if status != "queued" or part_id not in free.get(leg_id, ()):
        return False
    if (due_at is not None and due_at > at) or (expires_at is not None and expires_at <= at):
        return False
    if row[21] and _writes_first(row, at) and not _in_grace(row, at):
        late[part_id] = at
        return False
    del free[leg_id]
    takes.append((part_id, row[9] + 1, db.ids(ids.ATTEMPT), at, row[28] or ""))
    return True


def _people(
    verbs: Sequence[Claim], taken: Sequence[Sequence[tuple[Any, ...]]]
) -> list[tuple[str, str, float]]:
    """Whom these portfolios write to first, each person once: (portfolio, person, when)."""
    people = {
        (verb.portfolio, person_of(decode_keys(row[20]))): verb.at
        for verb, rows in zip(verbs, taken, strict=True)
        if verb.portfolio is not None
        for row in rows
        if _writes_first(row, verb.at)
    }
    return [(portfolio or "", person, at) for (portfolio, person), at in people.items()]


def _writes_first(row: tuple[Any, ...], at: float) -> bool:
    window_until = row[22]
    return window_until is None or window_until <= at


def _in_grace(row: tuple[Any, ...], at: float) -> bool:
    grace_s, last_inbound_at = row[25], row[26]
    return bool(grace_s) and last_inbound_at is not None and at < last_inbound_at + grace_s


def _too_late(db: Writing, late: dict[str, float]) -> None:
    """These were queued while their windows were open, and are not sent in closed ones."""
    journal = Journal()
    parts = Parts(db, journal)
    parts.load(late)
    refusals = [Refusal(part) for part_id in late if (part := parts.get(part_id))]
    shut_out(db, parts, refusals, max(late.values()))
    parts.keep()
    journal.keep(db)


def claimed_of(
    row: tuple[Any, ...], attempt_id: str, media: Iterable[StoredMedium], at: float
) -> Claimed:
    (
        part_id, message_id, channel_id, lane, leg_id, form, content, _, reply_to, attempts,
        first_failed_at, maybe_duplicate, queued_at, _, _, _, tenant, conversation_id, override,
        on_unknown, keys, _, _, person, failure, _, _, author, thread,
        asked_at,
    ) = row  # fmt: skip
    return Claimed(
        part_id, message_id, tenant, leg_id, conversation_id, channel_id, OF_LANE[lane], form,
        decode_content(content), decode_keys(keys), reply_to,
        {} if override == "{}" else decode_object(override), tuple(media), attempts + 1,
        attempt_id, first_failed_at, OnUnknown(on_unknown), bool(maybe_duplicate), queued_at,
        person, _writes_first(row, at), author, decode_failure(failure),
        decode_object(thread) if thread else None, (), asked_at,
    )  # fmt: skip


def media_of(
    db: Writing, rows: Sequence[tuple[Any, ...]], at: float
) -> dict[str, list[StoredMedium]]:
    """The media that these parts name, by part id, in the order in which they name them."""
    wanted = [
        (row[0], media_id, row[2], row[16]) for row in rows if row[7] for media_id in loads(row[7])
    ]
    if not wanted:
        return {}
    found = {
        (part_id, media_id): StoredMedium(
            media_id, MediaState(state), blob, mime, size, filename, uploaded
        )
        for part_id, media_id, state, blob, mime, size, filename, uploaded in look(
            db, MEDIA, wanted, at=at
        )
    }
    media: dict[str, list[StoredMedium]] = {}
    for part_id, media_id, _, _ in wanted:
        medium = found.get((part_id, media_id))
        if medium is not None:
            media.setdefault(part_id, []).append(medium)
    return media
