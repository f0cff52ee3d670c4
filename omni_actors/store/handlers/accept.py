"""What arrived: kept, and each of its reports given its effect once, in one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

from omni_actors.model import ids
from omni_actors.model.reports import Echoed, Received, Report
from omni_actors.store.dialect import Writing, writes_many
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.effects import Effects, Home
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.mail import keep_mails, known_mails
from omni_actors.store.handlers.names import learn_names
from omni_actors.store.handlers.reports import take_effect
from omni_actors.store.rows import ANY_TENANT, Backlog, Channel, Complaint, LegWake
from omni_actors.store.verbs import Accept, Accepted, Intake, Item

CHANNELS = """
    SELECT c.platform, c.channel_key, c.id, c.tenant, c.last_event_at, c.state, c.settings
    FROM rows(:batch, platform text, channel_key text) w
    JOIN channel c ON c.platform = w.platform AND c.channel_key = w.channel_key
"""
NAMED = """
    SELECT n.platform, n.name, c.id, c.tenant, c.last_event_at, c.state, c.settings
    FROM rows(:batch, platform text, name text) w
    JOIN channel_name n ON n.platform = w.platform AND n.name = w.name
    JOIN channel c ON c.id = n.channel_id AND c.state <> 'removed'
    ORDER BY c.id
"""
KNOWN = """
    SELECT s.platform, s.channel_key, s.event_key
    FROM rows(:batch, platform text, channel_key text, event_key text) w
    JOIN seen s ON s.platform = w.platform AND s.channel_key = w.channel_key
        AND s.event_key = w.event_key
"""
SEE = """
    INSERT INTO seen (platform, channel_key, event_key, at)
    SELECT platform, channel_key, event_key, at
    FROM rows(:batch, platform text, channel_key text, event_key text, at real) new WHERE true
"""
CLAIMLESS = """
    INSERT INTO unclaimed (platform, channel_key, event_key, kind, intake_id, at)
    SELECT platform, channel_key, event_key, kind, intake_id, at
    FROM rows(:batch, platform text, channel_key text, event_key text, kind text, intake_id text,
              at real) new
    WHERE true ON CONFLICT DO NOTHING
"""
BURY = """
    INSERT INTO dead_letter (id, tenant, kind, ref, reason, at)
    SELECT new.id, new.tenant, 'intake', new.ref, 'unparsed', new.at
    FROM rows(:batch, id text, tenant text, ref text, at real) new
    WHERE NOT EXISTS (
        SELECT 1 FROM dead_letter d
        WHERE d.kind = 'intake' AND d.ref = new.ref AND d.redriven_at IS NULL)
"""
SETTLE_LETTERS = """
    UPDATE dead_letter SET redriven_at = new.at
    FROM rows(:batch, ref text, at real) new
    WHERE dead_letter.kind = 'intake' AND dead_letter.ref = new.ref
      AND dead_letter.redriven_at IS NULL
"""
# What is told once more says nothing new: its raw bytes would outlive a message taken back.
TOLD_BEFORE = """
    UPDATE intake SET body = NULL, blob = NULL WHERE id = :id AND problem IS NULL
"""
KEEP_INTAKES = """
    INSERT INTO intake (id, hook, received_at, size, body, blob, problem)
    VALUES (:id, :hook, :received_at, :size, :body, :blob, :problem)
    ON CONFLICT (id) DO UPDATE SET problem = excluded.problem
"""
HEARD = """
    UPDATE channel SET last_event_at = new.at
    FROM rows(:batch, id text, at real) new WHERE channel.id = new.id
"""
HEARD_EVERY_S = 1.0

EventKey = tuple[str, str, str]


class Tally:
    """What one intake became, counted as its items are taken."""

    __slots__ = (
        "channels", "complaints", "conversations", "known", "legs", "media", "named", "new",
        "parked", "synced", "templates", "unclaimed",
    )  # fmt: skip

    def __init__(self) -> None:
        self.new = 0
        self.known = 0
        self.unclaimed = 0
        self.parked = 0
        self.synced = 0
        self.media = False
        self.named = False
        self.channels: dict[str, Channel] = {}
        self.conversations: dict[str, None] = {}
        self.legs: list[str] = []
        self.templates: dict[str, None] = {}
        self.complaints: list[Complaint] = []

    def accepted(
        self, wakes: dict[str, tuple[LegWake, ...]], begun: dict[str, Backlog]
    ) -> Accepted:
        woken = [wake for leg_id in dict.fromkeys(self.legs) for wake in wakes.get(leg_id, ())]
        return Accepted(
            self.new, self.known, self.unclaimed, self.parked, tuple(self.conversations),
            tuple(woken), self.media, tuple(self.channels.values()), self.named,
            tuple(self.templates), tuple(self.complaints),
            {id: begun.pop(id) for id in self.conversations if id in begun}, self.synced,
        )  # fmt: skip


@writes_many(Accept)
def accept(db: Writing, verbs: Sequence[Accept]) -> Sequence[Accepted]:
    desk = Desk(db, verbs)
    tallies = [desk.take(verb) for verb in verbs]
    wakes = desk.keep()
    begun = desk.begun()
    return [tally.accepted(wakes, begun) for tally in tallies]


class Desk:
    """The intakes of a batch on their way into the store, in their order."""

    def __init__(self, db: Writing, verbs: Sequence[Accept]) -> None:
        self._db = db
        self._verbs = verbs
        self._journal = Journal()
        self._named = [learn_names(db, verb.platform, verb.names) for verb in verbs]
        items = [item for verb in verbs for item in verb.items]
        self._homes = self._load_homes(items)
        self._seen = self._load_seen(items)
        self._effects = Effects(db, self._journal)
        self._effects.load(self._new_items(items))
        self._new: list[tuple[str, str, str, float]] = []
        self._unclaimed: list[tuple[Any, ...]] = []
        self._dead: list[tuple[Any, ...]] = []
        self._heard: dict[str, float] = {}
        self._told_before: list[dict[str, Any]] = []

    def _load_homes(self, items: Sequence[Item]) -> dict[tuple[str, str], tuple[Home, ...]]:
        """The channels that these reports name; one in use goes before a removed one.

        What is no channel's key may be the name of some.
        """
        keys = {(item.platform, item.report.channel_key) for item in items}
        homes: dict[tuple[str, str], tuple[Home, ...]] = {}
        if not keys:
            return homes
        for platform, key, id, tenant, last, state, settings in look(self._db, CHANNELS, [*keys]):
            if state != "removed" or (platform, key) not in homes:
                homes[platform, key] = (Home(id, tenant, platform, last or 0.0, settings),)
        if names := keys - homes.keys():
            by_id = {home.id: home for found in homes.values() for home in found}
            for platform, name, id, tenant, last, _, settings in look(self._db, NAMED, [*names]):
                home = by_id.setdefault(id, Home(id, tenant, platform, last or 0.0, settings))
                homes[platform, name] = (*homes.get((platform, name), ()), home)
        return homes

    def _load_seen(self, items: Sequence[Item]) -> set[EventKey]:
        if not items:
            return set()
        keys = [(i.platform, i.report.channel_key, i.report.event_key) for i in items]
        return {*look(self._db, KNOWN, keys), *known_mails(self._db, self._verbs)}

    def _new_items(self, items: Sequence[Item]) -> list[tuple[Item, Home]]:
        new = []
        for item in items:
            report = item.report
            homes = self._homes.get((item.platform, report.channel_key), ())
            if homes and (item.platform, report.channel_key, report.event_key) not in self._seen:
                new += [(item, home) for home in homes]
        return new

    def take(self, verb: Accept) -> Tally:
        """Give each new report of an intake its effect."""
        tally = Tally()
        for item in verb.items:
            self._take_item(item, verb.intake, tally)
        tally.named = self._named.pop(0)
        if verb.whole and tally.known and not (tally.new or tally.unclaimed):
            self._told_before.append({"id": verb.intake.id})
        if verb.intake.problem is not None:
            self._bury(verb.intake)
        return tally

    def _take_item(self, item: Item, intake: Intake, tally: Tally) -> None:
        report = item.report
        key = (item.platform, report.channel_key, report.event_key)
        if key in self._seen:
            tally.known += 1
            return
        homes = self._homes.get((item.platform, report.channel_key))
        if homes is None:
            tally.unclaimed += 1
            kind = type(report).__name__
            self._unclaimed.append((*key, kind, intake.id, intake.received_at))
            return
        self._seen.add(key)
        self._new.append((*key, intake.received_at))
        tally.new += 1
        for home in self._concerned(report, homes):
            self._take_at(home, item, intake, tally)

    def _concerned(self, report: Report, homes: tuple[Home, ...]) -> Iterable[Home]:
        """Whom a report concerns: a person's only the channel where they are known, or one each
        tenant."""
        if len(homes) == 1 or not report.identities:
            return homes
        chosen: dict[str, Home] = {}
        for home in homes:
            keys = report.identities
            person = self._effects.people.find(home.tenant, home.platform, keys)
            if home.tenant not in chosen or (person and home.id in person.legs):
                chosen[home.tenant] = home
        return chosen.values()

    def _take_at(self, home: Home, item: Item, intake: Intake, tally: Tally) -> None:
        told = not (isinstance(item.report, Received | Echoed) and item.report.synced)
        if told and intake.received_at - home.last_event_at >= HEARD_EVERY_S:
            home.last_event_at = self._heard[home.id] = intake.received_at
        outcome = take_effect(self._effects, home, item, intake)
        if outcome is None:
            return
        if outcome.parked:
            tally.parked += 1
        if outcome.synced:
            tally.synced += 1
        if outcome.conversation_id is not None:
            tally.conversations[outcome.conversation_id] = None
        if outcome.leg_id is not None:
            tally.legs.append(outcome.leg_id)
        if outcome.channel is not None:
            tally.channels[outcome.channel.id] = outcome.channel
        if outcome.templates_of is not None:
            tally.templates[outcome.templates_of] = None
        if outcome.complaint is not None:
            tally.complaints.append(outcome.complaint)
        tally.media = tally.media or outcome.media

    def _bury(self, intake: Intake) -> None:
        """What could not be read belongs to nobody but the operator; it is dead only once."""
        self._dead.append(
            (self._db.ids(ids.DEAD_LETTER), ANY_TENANT, intake.id, intake.received_at)
        )

    def begun(self) -> dict[str, Backlog]:
        """What there is to handle in conversations that did not exist before."""
        return self._effects.begun()

    def keep(self) -> dict[str, tuple[LegWake, ...]]:
        """Write everything; answers with what may be sent now, by leg."""
        db = self._db
        db.each(KEEP_INTAKES, [_intake_row(verb.intake) for verb in self._verbs])
        db.each(TOLD_BEFORE, self._told_before)
        put(db, SEE, self._new)
        put(db, CLAIMLESS, self._unclaimed)
        put(db, BURY, self._dead)
        read = [verb.intake for verb in self._verbs if verb.intake.problem is None]
        put(db, SETTLE_LETTERS, [(intake.id, intake.received_at) for intake in read])
        if self._heard:
            put(db, HEARD, list(self._heard.items()))
        keep_mails(db, self._verbs)
        return self._effects.keep()


def _intake_row(intake: Intake) -> dict[str, Any]:
    return {
        "id": intake.id,
        "hook": intake.hook,
        "received_at": intake.received_at,
        "size": intake.size,
        "body": intake.body,
        "blob": intake.blob,
        "problem": intake.problem,
    }
