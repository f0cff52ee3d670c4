"""What people said outside of messages: kept apart from the events that tell of it.

Events have no end before their time, but what was said has: whoever takes it back takes the words
and the raw bytes along. Webhooks have no order, so what was said before its end stays ended.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from omni_actors.model.json import Json
from omni_actors.model.limits import person_of
from omni_actors.model.reports import Acted, ChannelReported, Turn
from omni_actors.store.codec import decode_object, dumps
from omni_actors.store.dialect import Reading
from omni_actors.store.handlers.bulk import look
from omni_actors.store.handlers.effects import Effects, Home
from omni_actors.store.verbs import Intake

SAY = """
    INSERT INTO remark (channel_id, external_id, words, person, said_at, told_at)
    VALUES (:channel_id, :external_id, :words, :person, :said_at, :told_at)
    ON CONFLICT (channel_id, external_id) DO UPDATE SET
        words = CASE WHEN remark.words IS NULL AND remark.said_at < excluded.said_at
                     THEN excluded.words ELSE remark.words END,
        person = coalesce(remark.person, excluded.person),
        told_at = excluded.told_at
"""
EDIT = """
    INSERT INTO remark (channel_id, external_id, words, person, said_at, told_at)
    VALUES (:channel_id, :external_id, :words, :person, :said_at, :told_at)
    ON CONFLICT (channel_id, external_id) DO UPDATE SET
        words = CASE WHEN remark.words IS NULL OR remark.said_at > excluded.said_at
                     THEN remark.words ELSE excluded.words END,
        said_at = CASE WHEN remark.said_at > excluded.said_at
                       THEN remark.said_at ELSE excluded.said_at END,
        told_at = excluded.told_at
"""
REMOVE = """
    INSERT INTO remark (channel_id, external_id, words, person, said_at, told_at)
    VALUES (:channel_id, :external_id, NULL, :person, :said_at, :told_at)
    ON CONFLICT (channel_id, external_id) DO UPDATE SET
        words = NULL,
        said_at = CASE WHEN remark.said_at > excluded.said_at
                       THEN remark.said_at ELSE excluded.said_at END,
        told_at = excluded.told_at
"""
DROP_RAW = """
    UPDATE intake SET body = NULL, blob = NULL
    WHERE id IN (SELECT t.intake_id FROM edit_intake t
                 JOIN remark r ON r.channel_id = t.channel_id AND r.external_id = t.external_id
                 WHERE t.channel_id = :channel_id AND t.external_id = :external_id
                   AND r.words IS NULL)
      AND problem IS NULL
      AND NOT EXISTS (SELECT 1 FROM unclaimed u WHERE u.intake_id = intake.id)
"""
SAID = """
    SELECT r.channel_id, r.external_id, r.words
    FROM rows(:batch, channel_id text, external_id text) w
    JOIN remark r ON r.channel_id = w.channel_id AND r.external_id = w.external_id
"""
TURNS: Final = {Turn.SAID: SAY, Turn.EDITED: EDIT, Turn.REMOVED: REMOVE}
REMARK: Final = "remark"

Remarks = Mapping[tuple[str, str], str | None]


def kept_apart(
    effects: Effects, home: Home, report: ChannelReported | Acted, intake: Intake
) -> dict[str, Json]:
    """Keep what was said, if anything was; answers what an event names it by."""
    remark = report.remark
    if remark is None:
        return {}
    place: dict[str, Any] = {"channel_id": home.id, "external_id": remark.external_id}
    person = person_of(report.identities) if report.identities else None
    said = {**place, "person": person, "said_at": report.at, "told_at": intake.received_at}
    if remark.turn is not Turn.REMOVED:
        said["words"] = dumps(remark.words)
    effects.change(TURNS[remark.turn], **said)
    effects.told_edit(home, remark.external_id, intake)
    effects.change(DROP_RAW, **place)
    return {REMARK: remark.external_id}


def remarks_of(db: Reading, named: Sequence[tuple[str, str]]) -> Remarks:
    """What stands of these remarks, by (channel id, external id); None where it was taken back."""
    return {(channel_id, id): words for channel_id, id, words in look(db, SAID, named)}


def joined(detail: dict[str, Any], channel_id: str | None, remarks: Remarks) -> dict[str, Any]:
    """The detail of an event as it is delivered: with what was said, as far as that stands."""
    external_id = detail.pop(REMARK, None)
    place = (channel_id or "", external_id)
    if place not in remarks:
        return detail
    words = remarks[place]
    said = {"removed": True} if words is None else decode_object(words)
    return {**detail, "detail": {**detail["detail"], **said}}
