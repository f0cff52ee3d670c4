-- The first schema. Times are unix seconds; columns that hold JSON are named in store/codec.py.

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- event, part: the last number given out; event_floor: the last event swept away.
INSERT INTO counter (name, value) VALUES ('event', 0), ('event_floor', 0), ('part', 0);

CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE channel (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    platform TEXT NOT NULL,
    channel_key TEXT NOT NULL,
    settings TEXT NOT NULL,
    credentials BLOB,
    state TEXT NOT NULL,
    reason TEXT,
    since REAL NOT NULL,
    source TEXT NOT NULL,
    last_event_at REAL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX channel_key ON channel (platform, channel_key) WHERE state <> 'removed';
CREATE INDEX channel_any_key ON channel (platform, channel_key);

CREATE TABLE contact (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT,
    created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_of_tenant ON contact (tenant, id);

CREATE TABLE identity (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    keys TEXT NOT NULL,
    disputed TEXT NOT NULL DEFAULT '[]',
    state TEXT NOT NULL DEFAULT 'active',
    name TEXT,
    username TEXT,
    preferences TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_of_contact ON identity (contact_id);

CREATE TABLE identity_key (
    tenant TEXT NOT NULL,
    platform TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    scope TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    PRIMARY KEY (tenant, platform, kind, value, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    contact_id TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    last_at REAL NOT NULL,
    closed_at REAL,
    last_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX conversation_of_tenant ON conversation (tenant, id);

CREATE TABLE context (
    conversation_id TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leg (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    window_until REAL,
    last_inbound_at REAL,
    last_outbound_at REAL,
    last_external_id TEXT,
    marks TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX leg_of_identity ON leg (identity_id, channel_id);
CREATE INDEX leg_of_conversation ON leg (conversation_id);
CREATE INDEX leg_of_channel ON leg (channel_id, conversation_id);

CREATE TABLE question (
    leg_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    options TEXT NOT NULL,
    numbered INTEGER NOT NULL,
    asked_at REAL NOT NULL,
    PRIMARY KEY (leg_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX question_by_age ON question (asked_at);

-- What a conversation's actor has not handled yet; a row goes when it is handled.
CREATE TABLE entry (
    conversation_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    leg_id TEXT NOT NULL,
    message_id TEXT,
    reply_to_external TEXT,
    window_before REAL,
    window_until REAL,
    detail TEXT NOT NULL,
    PRIMARY KEY (conversation_id, seq)
) STRICT, WITHOUT ROWID;

-- `told` is the last status that an event told of; parts know where they are themselves.
CREATE TABLE message (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    direction TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    leg_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    author TEXT NOT NULL,
    source TEXT NOT NULL,
    content TEXT NOT NULL,
    told TEXT NOT NULL,
    received_at REAL NOT NULL,
    sent_at REAL,
    expires_at REAL,
    priority TEXT NOT NULL DEFAULT 'normal',
    reply_to TEXT,
    reply_to_external TEXT,
    external_id TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    rendering TEXT,
    override TEXT NOT NULL DEFAULT '{}',
    on_unknown TEXT NOT NULL DEFAULT 'resend',
    parts INTEGER NOT NULL DEFAULT 0,
    choice TEXT,
    notes TEXT,
    deleted INTEGER NOT NULL DEFAULT 0,
    edited_at REAL,
    redrive_of TEXT,
    intake_id TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX message_of_conversation ON message (conversation_id, id);

-- `pos` grows in the order of sending; `open` is 1 while nobody may say that the part is done.
CREATE TABLE part (
    pos INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    message_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    channel_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    leg_id TEXT NOT NULL,
    form TEXT NOT NULL,
    content TEXT NOT NULL,
    media_ids TEXT,
    reply_to TEXT,
    status TEXT NOT NULL,
    open INTEGER NOT NULL,
    rank INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempt_id TEXT,
    queued_at REAL NOT NULL,
    due_at REAL,
    expires_at REAL,
    until_at REAL,
    wire_at REAL,
    first_failed_at REAL,
    external_ids TEXT NOT NULL DEFAULT '[]',
    failure TEXT,
    maybe_duplicate INTEGER NOT NULL DEFAULT 0,
    status_at REAL NOT NULL
) STRICT;

CREATE INDEX part_of_message ON part (message_id);
CREATE INDEX part_queue ON part (channel_id, lane, leg_id, pos) WHERE open = 1 AND status <> 'held';
CREATE INDEX part_sending ON part (channel_id) WHERE status = 'sending';
CREATE INDEX part_unknown ON part (until_at) WHERE status = 'unknown';
CREATE INDEX part_held ON part (leg_id, pos) WHERE status = 'held';
CREATE INDEX part_media ON part (pos) WHERE open = 1 AND media_ids IS NOT NULL;
CREATE INDEX part_expiry ON part (expires_at) WHERE open = 1 AND expires_at IS NOT NULL;
CREATE INDEX part_unread ON part (leg_id, pos) WHERE status IN ('sent', 'delivered');

CREATE TABLE part_history (
    n INTEGER PRIMARY KEY,
    part_id TEXT NOT NULL,
    at REAL NOT NULL,
    status TEXT NOT NULL,
    failure TEXT
) STRICT;

CREATE INDEX part_history_of_part ON part_history (part_id);

CREATE TABLE attempt (
    part_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    id TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    outcome TEXT,
    failure TEXT,
    exchanges TEXT,
    note TEXT,
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_by_age ON attempt (started_at);

-- The platforms' ids of messages (part_id absent) and of parts.
CREATE TABLE external (
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    part_id TEXT,
    PRIMARY KEY (channel_id, external_id)
) STRICT, WITHOUT ROWID;

-- Statuses that came before we knew what they are about.
CREATE TABLE parked (
    n INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    callback TEXT,
    status TEXT NOT NULL,
    rank INTEGER NOT NULL,
    at REAL NOT NULL,
    failure TEXT,
    facts TEXT,
    parked_at REAL NOT NULL
) STRICT;

CREATE INDEX parked_by_external ON parked (channel_id, external_id);
CREATE INDEX parked_by_callback ON parked (callback) WHERE callback IS NOT NULL;
CREATE INDEX parked_by_age ON parked (parked_at);

CREATE TABLE seen (
    n INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    channel_key TEXT NOT NULL,
    event_key TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;

CREATE UNIQUE INDEX seen_key ON seen (platform, channel_key, event_key);

CREATE TABLE unclaimed (
    platform TEXT NOT NULL,
    channel_key TEXT NOT NULL,
    event_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    intake_id TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (platform, channel_key, event_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX unclaimed_by_age ON unclaimed (at);

CREATE TABLE intake (
    id TEXT PRIMARY KEY,
    hook TEXT NOT NULL,
    received_at REAL NOT NULL,
    size INTEGER NOT NULL,
    body BLOB,
    blob TEXT,
    problem TEXT
) STRICT;

CREATE INDEX intake_of_blob ON intake (blob) WHERE blob IS NOT NULL;

CREATE TABLE event (
    cursor INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    type TEXT NOT NULL,
    at REAL NOT NULL,
    conversation_id TEXT,
    leg_id TEXT,
    channel_id TEXT,
    message_id TEXT,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX event_of_tenant ON event (tenant, cursor);

CREATE TABLE consumer (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    message_id TEXT NOT NULL,
    response TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (at);

CREATE TABLE media (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    state TEXT NOT NULL,
    channel_id TEXT,
    message_id TEXT,
    ref TEXT,
    blob TEXT,
    mime TEXT,
    size INTEGER,
    filename TEXT,
    failure TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL,
    created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX media_due ON media (due_at) WHERE state = 'pending';
CREATE INDEX media_of_blob ON media (blob) WHERE blob IS NOT NULL;
CREATE INDEX media_by_age ON media (created_at) WHERE state <> 'pending';
CREATE INDEX media_of_message ON media (message_id) WHERE message_id IS NOT NULL;

-- What a platform calls a medium that was uploaded to one of its channels, while that is valid.
CREATE TABLE upload (
    media_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    until_at REAL NOT NULL,
    PRIMARY KEY (media_id, channel_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    message_id TEXT,
    channel_id TEXT,
    leg_id TEXT,
    reason TEXT NOT NULL,
    failure TEXT,
    at REAL NOT NULL,
    redriven_at REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letter_of_tenant ON dead_letter (tenant, id);
CREATE INDEX dead_letter_open ON dead_letter (tenant, id) WHERE redriven_at IS NULL;
CREATE INDEX dead_letter_of_channel ON dead_letter (channel_id, id);
CREATE INDEX dead_letter_of_ref ON dead_letter (kind, ref) WHERE redriven_at IS NULL;

CREATE TABLE timer (
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    due_at REAL NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (kind, ref)
) STRICT, WITHOUT ROWID;

CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    revoked_at REAL,
    last_used_at REAL
) STRICT, WITHOUT ROWID;
