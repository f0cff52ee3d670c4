"""Who a report is about: identity by its strongest known key, its contact, conversation and leg."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from attrs import define, field

from omni_actors.model import ids
from omni_actors.model.events import EventType
from omni_actors.model.json import Json
from omni_actors.model.reports import IdentityKey
from omni_actors.store.codec import decode_keys, decode_object, dumps, encode_keys
from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.journal import Journal

KNOWN = """
    SELECT k.tenant, k.platform, k.kind, k.value, k.scope, k.channel_id,
           i.id, i.contact_id, i.keys, i.disputed, i.name, i.username, i.preferences,
           v.id, v.last_seq, v.last_at, v.closed_at, g.id, g.window_until, g.last_inbound_at,
           g.last_external_id, g.controlled_by, g.controlled_at
    FROM rows(:batch, tenant text, platform text, kind text, value text, scope text,
              channel_id text) k
    JOIN identity_key x ON x.tenant = k.tenant AND x.platform = k.platform AND x.kind = k.kind
        AND x.value = k.value AND x.scope = k.scope
    JOIN identity i ON i.id = x.identity_id
    LEFT JOIN conversation v ON v.contact_id = i.contact_id
    LEFT JOIN leg g ON g.identity_id = i.id AND g.channel_id = k.channel_id
"""
ADD_CONTACTS = """
    INSERT INTO contact (id, tenant, name, created_at)
    SELECT id, tenant, name, created_at
    FROM rows(:batch, id text, tenant text, name text, created_at real) new WHERE true
"""
ADD_IDENTITIES = """
    INSERT INTO identity (id, tenant, contact_id, platform, keys, disputed, name, username,
                          preferences)
    SELECT id, tenant, contact_id, platform, keys, disputed, name, username, preferences
    FROM rows(:batch, id text, tenant text, contact_id text, platform text, keys text,
              disputed text, name text, username text, preferences text) new
    WHERE true
"""
CHANGE_IDENTITIES = """
    UPDATE identity SET keys = new.keys, disputed = new.disputed, name = new.name,
        username = new.username, preferences = new.preferences
    FROM rows(:batch, id text, keys text, disputed text, name text, username text,
              preferences text) new
    WHERE identity.id = new.id
"""
ADD_KEYS = """
    INSERT INTO identity_key (tenant, platform, kind, value, scope, identity_id)
    SELECT tenant, platform, kind, value, scope, identity_id
    FROM rows(:batch, tenant text, platform text, kind text, value text, scope text,
              identity_id text) new
    WHERE true
"""
DROP_KEY = """
    DELETE FROM identity_key WHERE tenant = :tenant AND platform = :platform AND kind = :kind
        AND value = :value AND scope = :scope
"""
ADD_CONVERSATIONS = """
    INSERT INTO conversation (id, tenant, contact_id, created_at, last_at, last_seq)
    SELECT id, tenant, contact_id, created_at, last_at, last_seq
    FROM rows(:batch, id text, tenant text, contact_id text, created_at real, last_at real,
              last_seq bigint) new
    WHERE true
"""
CHANGE_CONVERSATIONS = """
    UPDATE conversation SET last_at = new.last_at, closed_at = new.closed_at,
        last_seq = new.last_seq
    FROM rows(:batch, id text, last_at real, closed_at real, last_seq bigint) new
    WHERE conversation.id = new.id
"""
ADD_LEGS = """
    INSERT INTO leg (id, tenant, conversation_id, contact_id, channel_id, identity_id,
                     window_until, last_inbound_at, last_external_id)
    SELECT id, tenant, conversation_id, contact_id, channel_id, identity_id, window_until,
           last_inbound_at, last_external_id
    FROM rows(:batch, id text, tenant text, conversation_id text, contact_id text,
              channel_id text, identity_id text, window_until real, last_inbound_at real,
              last_external_id text) new
    WHERE true
"""
CHANGE_LEGS = """
    UPDATE leg SET window_until = new.window_until, last_inbound_at = new.last_inbound_at,
        last_external_id = new.last_external_id
    FROM rows(:batch, id text, window_until real, last_inbound_at real,
              last_external_id text) new
    WHERE leg.id = new.id
"""

Place: TypeAlias = tuple[str, str, str, str, str]  # tenant, platform, kind, value, scope
Wanted: TypeAlias = tuple[str, str, str, Sequence[IdentityKey]]


@define(eq=False)
class Thread:
    """A conversation while a batch works on it."""

    id: str
    tenant: str
    contact_id: str
    last_seq: int
    last_at: float
    closed_at: float | None
    new: bool
    dirty: bool = False


@define(eq=False)
class Reach:
    """A leg while a batch works on it."""

    id: str
    tenant: str
    channel_id: str
    thread: Thread
    identity_id: str
    window_until: float | None
    last_inbound_at: float | None
    last_external_id: str | None
    new: bool
    controlled_by: str | None = None
    controlled_at: float | None = None
    dirty: bool = False


@define(eq=False)
class Person:
    """An identity while a batch works on it; `legs` by channel id."""

    id: str
    tenant: str
    contact_id: str
    platform: str
    keys: list[IdentityKey]
    disputed: list[IdentityKey]
    name: str | None
    username: str | None
    preferences: dict[str, Json]
    created_at: float
    new: bool
    dirty: bool = False
    thread: Thread | None = None
    legs: dict[str, Reach] = field(factory=dict)


class People:
    """Everybody whom a batch of reports is about; loaded at once, written at once."""

    def __init__(self, db: Writing, journal: Journal) -> None:
        self._db = db
        self._journal = journal
        self._by_key: dict[Place, Person] = {}
        self._persons: dict[str, Person] = {}
        self._threads: dict[str, Thread] = {}
        self._reaches: list[Reach] = []
        self._keys_new: list[tuple[Any, ...]] = []
        self._keys_gone: list[dict[str, str]] = []

    def load(self, wanted: Iterable[Wanted]) -> None:
        """Read who is known of (tenant, platform, channel id, keys).

        The strongest key mostly finds somebody who is known by all of them; the others are looked
        up where it does not.
        """
        asked = [one for one in wanted if one[3]]
        found = self._look([(*one[:3], one[3][0]) for one in asked])
        rest = [
            (tenant, platform, channel_id, key)
            for tenant, platform, channel_id, keys in asked
            if (channel_id, _place(tenant, platform, keys[0])) not in found
            or not all([_place(tenant, platform, key) in self._by_key for key in keys])
            for key in keys[1:]
        ]
        self._look(rest)

    def _look(self, wanted: Iterable[tuple[str, str, str, IdentityKey]]) -> set[tuple[str, Place]]:
        """Read by single keys; answers which of them are known, with their channel."""
        keys = {
            (tenant, platform, key.kind, key.value, key.scope, channel_id)
            for tenant, platform, channel_id, key in wanted
        }
        rows = look(self._db, KNOWN, list(keys))
        for row in rows:
            self._learn(row)
        return {(row[5], row[:5]) for row in rows}

    def _learn(self, row: tuple[Any, ...]) -> None:
        tenant, platform, _, _, _, channel_id, identity_id, contact_id = row[:8]
        person = self._persons.get(identity_id)
        if person is None:
            keys, disputed, name, username, preferences = row[8:13]
            person = Person(
                identity_id, tenant, contact_id, platform, list(decode_keys(keys)),
                [] if disputed == "[]" else list(decode_keys(disputed)), name, username,
                {} if preferences == "{}" else decode_object(preferences), 0.0, new=False,
            )  # fmt: skip
            self._persons[identity_id] = person
            for key in person.keys:
                self._by_key[_place(tenant, platform, key)] = person
        conversation_id, last_seq, last_at, closed_at = row[13:17]
        if person.thread is None and conversation_id is not None:
            person.thread = self._thread(
                conversation_id, tenant, contact_id, last_seq, last_at, closed_at
            )
        leg_id, window_until, last_inbound_at, last_external_id = row[17:21]
        if leg_id is not None and person.thread is not None and channel_id not in person.legs:
            person.legs[channel_id] = self._reach(
                Reach(
                    leg_id, tenant, channel_id, person.thread, identity_id, window_until,
                    last_inbound_at, last_external_id, False, *row[21:],
                )
            )  # fmt: skip

    def _thread(
        self,
        id: str,
        tenant: str,
        contact_id: str,
        last_seq: int,
        last_at: float,
        closed_at: float | None,
    ) -> Thread:
        """One object for a conversation, however many of its identities are here."""
        thread = self._threads.get(contact_id)
        if thread is None:
            thread = Thread(id, tenant, contact_id, last_seq, last_at, closed_at, new=False)
            self._threads[contact_id] = thread
        return thread

    def _reach(self, reach: Reach) -> Reach:
        self._reaches.append(reach)
        return reach

    def find(self, tenant: str, platform: str, keys: Iterable[IdentityKey]) -> Person | None:
        """The identity with the strongest of the keys that is known."""
        for key in keys:
            person = self._by_key.get(_place(tenant, platform, key))
            if person is not None:
                return person
        return None

    def meet(
        self,
        tenant: str,
        platform: str,
        channel_id: str,
        keys: Sequence[IdentityKey],
        at: float,
        name: str | None = None,
        username: str | None = None,
        told_at: float | None = None,
    ) -> Reach | None:
        """The leg of whoever has these keys, everything made that is absent; None without keys.

        `told_at`: when we learned what was `at` another time.
        """
        person = self.find(tenant, platform, keys)
        if person is None:
            if not keys:
                return None
            person = self._add_person(tenant, platform, keys, at, name, username)
        elif self.stranger_key(person, keys, channel_id) is not None:
            person = self._newcomer(person, keys, at, channel_id, name, username)
        else:
            if len(keys) > 1:
                self.link(person, keys, at, channel_id)
            self._rename(person, name, username)
        reach = person.legs.get(channel_id)
        return reach or self._add_leg(person, channel_id, at, at if told_at is None else told_at)

    def _rename(self, person: Person, name: str | None, username: str | None) -> None:
        if name is not None and name != person.name:
            person.name = name
            person.dirty = True
        if username is not None and username != person.username:
            person.username = username
            person.dirty = True

    def stranger_key(
        self, person: Person, keys: Sequence[IdentityKey], channel_id: str
    ) -> IdentityKey | None:
        """The key that tells somebody found by a weaker one from that person; None if none does.

        One person has one key of a kind on one channel. On another channel the same person may
        well have another: business-scoped ids differ between portfolios.
        """
        if len(keys) == 1 or channel_id not in person.legs:
            return None
        found = None
        for key in keys:
            if self._by_key.get(_place(person.tenant, person.platform, key)) is person:
                return found
            if any([known.kind == key.kind and known.scope == key.scope for known in person.keys]):
                found = found or key
        return None

    def _newcomer(
        self,
        former: Person,
        keys: Sequence[IdentityKey],
        at: float,
        channel_id: str,
        name: str | None,
        username: str | None,
    ) -> Person:
        """Somebody new, to whom the keys go that their former owner does not answer to any more."""
        owners = {
            key: self._by_key.get(_place(former.tenant, former.platform, key)) for key in keys
        }
        moved = [key for key in keys if owners[key] is former]
        for key in moved:
            self._take_key(former, key)
        theirs = [key for key in keys if owners[key] in (None, former)]
        person = self._add_person(former.tenant, former.platform, theirs, at, name, username)
        for key in moved:
            conflict = _conflict(key, person)
            self._tell(
                EventType.IDENTITY_CHANGED, former, at, channel_id,
                {"identity_id": former.id, "old": _spell([key]), "now": [], "conflict": conflict},
            )  # fmt: skip
        self.link(person, keys, at, channel_id)
        return person

    def _take_key(self, person: Person, key: IdentityKey) -> None:
        person.keys.remove(key)
        person.dirty = True
        del self._by_key[_place(person.tenant, person.platform, key)]
        self._forget_key(person, key)

    def _add_person(
        self,
        tenant: str,
        platform: str,
        keys: Sequence[IdentityKey],
        at: float,
        name: str | None,
        username: str | None,
    ) -> Person:
        person = Person(
            self._db.ids(ids.IDENTITY), tenant, self._db.ids(ids.CONTACT), platform,
            list(dict.fromkeys(keys)), [], name, username, {}, at, new=True,
        )  # fmt: skip
        self._persons[person.id] = person
        for key in person.keys:
            self._by_key[_place(tenant, platform, key)] = person
        return person

    def _add_leg(self, person: Person, channel_id: str, at: float, told_at: float) -> Reach:
        thread = person.thread or self._threads.get(person.contact_id)
        started = thread is None
        if thread is None:
            thread = Thread(
                self._db.ids(ids.CONVERSATION), person.tenant, person.contact_id, 0, at, None,
                new=True,
            )  # fmt: skip
            self._threads[person.contact_id] = thread
        person.thread = thread
        leg_id = self._db.ids(ids.LEG)
        reach = Reach(
            leg_id, person.tenant, channel_id, thread, person.id, None, None, None, new=True
        )
        person.legs[channel_id] = self._reach(reach)
        if started:
            self._journal.note(
                EventType.CONVERSATION_STARTED, person.tenant, told_at, thread.id, leg_id,
                channel_id, None, {"contact_id": person.contact_id},
            )  # fmt: skip
        return reach

    def teach(
        self, person: Person, keys: Sequence[IdentityKey], at: float, channel_id: str
    ) -> None:
        """Attach keys that the platform named for somebody to whom we sent, if they can be theirs.

        A stranger has the address by now if not: that is told once.
        """
        stranger = self.stranger_key(person, keys, channel_id)
        if stranger is None:
            self.link(person, keys, at, channel_id)
        else:
            owner = self._by_key.get(_place(person.tenant, person.platform, stranger))
            self._dispute(person, owner, stranger, at, channel_id)

    def link(self, person: Person, keys: Sequence[IdentityKey], at: float, channel_id: str) -> None:
        """Attach keys that were seen together with a known one; the strongest decides on whom.

        A key of somebody else stays where it is; the conflict is told once.
        """
        added: list[IdentityKey] = []
        for place, key in enumerate(keys):
            owner = self._by_key.get(_place(person.tenant, person.platform, key))
            if owner is person:
                continue
            if owner is not None:
                self._dispute(person, owner, key, at, channel_id)
                continue
            person.keys.insert(_place_for(person.keys, keys, place), key)
            self._by_key[_place(person.tenant, person.platform, key)] = person
            added.append(key)
            if not person.new:
                self._keys_new.append(_key_row(person, key))
        if added:
            person.dirty = True
            self._tell(
                EventType.IDENTITY_ADDED, person, at, channel_id,
                {"identity_id": person.id, "keys": _spell(added)},
            )  # fmt: skip

    def _dispute(
        self, person: Person, owner: Person | None, key: IdentityKey, at: float, channel_id: str
    ) -> None:
        if key in person.disputed:
            return
        person.disputed.append(key)
        person.dirty = True
        self._tell(
            EventType.IDENTITY_CHANGED, person, at, channel_id,
            {"identity_id": person.id, "conflict": _conflict(key, owner)},
        )  # fmt: skip

    def change(
        self,
        person: Person,
        old: Sequence[IdentityKey],
        now: Sequence[IdentityKey],
        at: float,
        channel_id: str,
    ) -> None:
        """Give a person new keys; old ones of the same kinds may belong to a stranger from now."""
        kinds = {key.kind for key in now}
        for key in old:
            if key.kind in kinds and key not in now and key in person.keys:
                self._take_key(person, key)
        self.link(person, now, at, channel_id)

    def _forget_key(self, person: Person, key: IdentityKey) -> None:
        row = _key_row(person, key)
        if row in self._keys_new:
            self._keys_new.remove(row)
            return
        names = ("tenant", "platform", "kind", "value", "scope")
        if not person.new:
            self._keys_gone.append(dict(zip(names, row, strict=False)))

    def _tell(
        self, type: EventType, person: Person, at: float, channel_id: str, detail: dict[str, Json]
    ) -> None:
        reach = person.legs.get(channel_id)
        thread = person.thread
        self._journal.note(
            type, person.tenant, at, thread.id if thread else None, reach.id if reach else None,
            channel_id, None, detail,
        )  # fmt: skip

    def keep(self) -> None:
        """Write all that is new or changed."""
        for gone in self._keys_gone:  # first, because somebody else may have them by now
            self._db.run(DROP_KEY, **gone)
        new = [person for person in self._persons.values() if person.new]
        if new:
            self._keep_new(new)
        put(self._db, ADD_KEYS, self._keys_new)
        self._keep_changed()
        self._keep_threads()
        self._keep_legs()

    def _keep_new(self, new: Sequence[Person]) -> None:
        db = self._db
        put(db, ADD_CONTACTS, [(p.contact_id, p.tenant, p.name, p.created_at) for p in new])
        put(db, ADD_IDENTITIES, [
                (
                    p.id, p.tenant, p.contact_id, p.platform, encode_keys(p.keys),
                    encode_keys(p.disputed), p.name, p.username, dumps(p.preferences),
                )
                for p in new
            ],
        )  # fmt: skip
        put(db, ADD_KEYS, [_key_row(p, key) for p in new for key in p.keys])

    def _keep_changed(self) -> None:
        changed = [p for p in self._persons.values() if p.dirty and not p.new]
        if changed:
            put(self._db, CHANGE_IDENTITIES, [
                    (
                        p.id, encode_keys(p.keys), encode_keys(p.disputed), p.name, p.username,
                        dumps(p.preferences),
                    )
                    for p in changed
                ],
            )  # fmt: skip

    def _keep_threads(self) -> None:
        threads = self._threads.values()
        new = [
            (v.id, v.tenant, v.contact_id, v.last_at, v.last_at, v.last_seq)
            for v in threads
            if v.new
        ]
        put(self._db, ADD_CONVERSATIONS, new)
        changed = [
            (v.id, v.last_at, v.closed_at, v.last_seq) for v in threads if v.dirty and not v.new
        ]
        put(self._db, CHANGE_CONVERSATIONS, changed)

    def _keep_legs(self) -> None:
        new = [
            (
                g.id, g.tenant, g.thread.id, g.thread.contact_id, g.channel_id, g.identity_id,
                g.window_until, g.last_inbound_at, g.last_external_id,
            )
            for g in self._reaches
            if g.new
        ]  # fmt: skip
        put(self._db, ADD_LEGS, new)
        changed = [
            (g.id, g.window_until, g.last_inbound_at, g.last_external_id)
            for g in self._reaches
            if g.dirty and not g.new
        ]
        put(self._db, CHANGE_LEGS, changed)


def _place_for(known: Sequence[IdentityKey], seen: Sequence[IdentityKey], place: int) -> int:
    """Where a new key belongs among the known: behind what was seen before it, as strongest first.

    Without such a neighbour it goes before the first known key that was seen after it.
    """
    for stronger in reversed(seen[:place]):
        if stronger in known:
            return known.index(stronger) + 1
    for weaker in seen[place + 1 :]:
        if weaker in known:
            return known.index(weaker)
    return len(known)


def _place(tenant: str, platform: str, key: IdentityKey) -> Place:
    """What a key is known by; a plain tuple, because hashing a class costs more."""
    return (tenant, platform, key.kind, key.value, key.scope)


def _key_row(person: Person, key: IdentityKey) -> tuple[str, ...]:
    return (person.tenant, person.platform, key.kind, key.value, key.scope, person.id)


def _conflict(key: IdentityKey, other: Person | None) -> dict[str, Json]:
    """A key and who else has it; nobody whom we know, when it is only somebody else's."""
    return {
        "key": _spell([key])[0],
        "identity_id": other.id if other else None,
        "contact_id": other.contact_id if other else None,
    }


def _spell(keys: Iterable[IdentityKey]) -> list[Json]:
    return [{"kind": key.kind, "value": key.value, "scope": key.scope} for key in keys]
