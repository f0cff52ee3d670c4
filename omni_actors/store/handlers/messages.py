"""Messages and contacts, as they are looked up."""

from typing import Any

from omni_actors.store.codec import decode_failure, decode_json
from omni_actors.store.dialect import Reading, reads
from omni_actors.store.handlers.conversations import owns
from omni_actors.store.handlers.views import (
    MESSAGE,
    identities_by_contact,
    messages_by_id,
    messages_of,
)
from omni_actors.store.queries import (
    Attempts,
    ContactById,
    ContactList,
    MessageById,
    Messages,
)
from omni_actors.store.rows import ANY_TENANT, Attempt, Contact, Message, Page

OF_CONVERSATION = f"""
    SELECT {MESSAGE} FROM message m JOIN channel c ON c.id = m.channel_id
    WHERE m.conversation_id = :conversation_id AND m.id > :after
      AND (:tenant = '*' OR m.tenant = :tenant)
    ORDER BY m.id LIMIT :limit
"""
BACKWARDS = f"""
    SELECT {MESSAGE} FROM message m JOIN channel c ON c.id = m.channel_id
    WHERE m.conversation_id = :conversation_id AND m.id < :before
      AND (:tenant = '*' OR m.tenant = :tenant)
    ORDER BY m.id DESC LIMIT :limit
"""
BEHIND_ALL = "z"  # what every id stands before
ATTEMPTS = """
    SELECT m.tenant, a.id, a.part_id, a.n, a.started_at, a.ended_at, a.outcome, a.failure,
           a.exchanges, a.note
    FROM message m JOIN part p ON p.message_id = m.id JOIN attempt a ON a.part_id = p.id
    WHERE m.id = :message_id ORDER BY a.started_at, a.id
"""
CONTACT = """
    SELECT k.id, k.tenant, k.name, k.created_at, v.id
    FROM contact k LEFT JOIN conversation v ON v.contact_id = k.id
"""
ONE_CONTACT = CONTACT + "WHERE k.id = :id"
CONTACTS_OF_ALL = CONTACT + "WHERE k.id > :after ORDER BY k.id LIMIT :limit"
CONTACTS_OF_TENANT = (
    CONTACT + "WHERE k.tenant = :tenant AND k.id > :after ORDER BY k.id LIMIT :limit"
)
WITH_KEY = (
    CONTACT
    + """
    WHERE k.id > :after AND k.id IN (
        SELECT i.contact_id
        FROM (SELECT DISTINCT tenant, platform FROM channel) c
        JOIN identity_key x ON x.tenant = c.tenant AND x.platform = c.platform
            AND x.kind = :kind AND x.value = :value
        JOIN identity i ON i.id = x.identity_id
        WHERE :tenant = '*' OR c.tenant = :tenant)
    ORDER BY k.id LIMIT :limit
"""
)


@reads(MessageById)
def message_by_id(db: Reading, query: MessageById) -> Message | None:
    message = messages_by_id(db, [query.message_id]).get(query.message_id)
    return message if message is not None and owns(query.tenant, message.tenant) else None


@reads(Messages)
def messages(db: Reading, query: Messages) -> Page[Message]:
    whose = {"tenant": query.tenant, "conversation_id": query.conversation_id}
    limit = query.limit + 1
    if query.newest_first:
        rows = db.rows(BACKWARDS, **whose, before=query.after or BEHIND_ALL, limit=limit)
    else:
        rows = db.rows(OF_CONVERSATION, **whose, after=query.after, limit=limit)
    found = tuple(messages_of(db, rows[: query.limit]))
    return Page(found, found[-1].id if len(rows) > query.limit else None)


@reads(Attempts)
def attempts(db: Reading, query: Attempts) -> tuple[Attempt, ...]:
    rows = db.rows(ATTEMPTS, message_id=query.message_id)
    return tuple([_attempt(row[1:]) for row in rows if owns(query.tenant, row[0])])


def _attempt(row: tuple[Any, ...]) -> Attempt:
    id, part_id, n, started_at, ended_at, outcome, failure, exchanges, note = row
    return Attempt(
        id, part_id, n, started_at, ended_at, outcome, decode_failure(failure),
        decode_json(exchanges), note,
    )  # fmt: skip


@reads(ContactById)
def contact_by_id(db: Reading, query: ContactById) -> Contact | None:
    found = _contacts(db, db.rows(ONE_CONTACT, id=query.contact_id))
    return found[0] if found and owns(query.tenant, found[0].tenant) else None


@reads(ContactList)
def contact_list(db: Reading, query: ContactList) -> Page[Contact]:
    tenant, after, limit, key = query.tenant, query.after, query.limit + 1, query.key
    if key is None:
        sql = CONTACTS_OF_ALL if tenant == ANY_TENANT else CONTACTS_OF_TENANT
        rows = db.rows(sql, tenant=tenant, after=after, limit=limit)
    else:
        rows = db.rows(
            WITH_KEY, tenant=tenant, after=after, limit=limit, kind=key.kind, value=key.value
        )
    found = tuple(_contacts(db, rows[: query.limit]))
    return Page(found, found[-1].id if len(rows) > query.limit else None)


def _contacts(
    db: Reading, rows: list[tuple[str, str, str | None, float, str | None]]
) -> list[Contact]:
    """Contacts with their identities; one without a name has that of an identity."""
    identities = identities_by_contact(db, [row[0] for row in rows])
    contacts = []
    for id, tenant, name, created_at, conversation_id in rows:
        known = identities.get(id, ())
        named = name or next((identity.name for identity in known if identity.name), None)
        contacts.append(Contact(id, tenant, named, created_at, known, conversation_id))
    return contacts
