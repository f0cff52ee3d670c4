-- Accounts that a person connects over OAuth, what they allowed, and that they took it back.

-- The app of the config that a channel was connected through. A channel whose credentials are empty
-- was disconnected: the person took back what they had allowed.
ALTER TABLE channel ADD COLUMN app TEXT;

-- A connecting that is under way, or was lately. `found` holds what the platform gave, sealed, until
-- the accounts are chosen; `accounts` is what of it may be shown.
CREATE TABLE connection (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    key_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    app TEXT NOT NULL,
    redirect TEXT NOT NULL,
    channel_id TEXT,
    status TEXT NOT NULL,
    problem TEXT,
    accounts TEXT NOT NULL DEFAULT '[]',
    channels TEXT NOT NULL DEFAULT '[]',
    subject TEXT,
    found BLOB,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX connection_by_age ON connection (created_at);
CREATE INDEX connection_open ON connection (expires_at)
    WHERE status IN ('waiting', 'working', 'choosing');

-- What is known of the token that a channel uses; `fingerprint` tells whether it is still that one.
CREATE TABLE channel_grant (
    channel_id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    issued_at REAL NOT NULL,
    expires_at REAL,
    access_until REAL,
    renewed_at REAL,
    inspected_at REAL
) STRICT, WITHOUT ROWID;

-- Who connected a channel, by the names that the platform has for them towards the app.
CREATE TABLE channel_subject (
    channel_id TEXT NOT NULL,
    app TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (app, subject, channel_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX channel_subject_of ON channel_subject (channel_id);

-- That somebody wanted their data deleted, and what came of it; nothing that names them.
CREATE TABLE data_deletion (
    code TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    channels INTEGER NOT NULL,
    at REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of this house's own, sealed.
CREATE TABLE house_key (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
