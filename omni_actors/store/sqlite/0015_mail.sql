-- How far the mailboxes of channels were read, and what became of each mail that was looked at.
-- `state` is trying, taken, too_large, quarantined or gone; `filed` is 1 when it lies no more where
-- it was read. A row outlives what the mail said, so that the mail is never taken for a new one.
CREATE TABLE mailbox (
    channel_id TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    next_uid INTEGER NOT NULL,
    opened_at REAL NOT NULL,
    PRIMARY KEY (channel_id, mailbox)
) STRICT, WITHOUT ROWID;

CREATE TABLE mail (
    channel_id TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    at REAL NOT NULL,
    filed INTEGER NOT NULL DEFAULT 0,
    event_key TEXT,
    intake_id TEXT,
    error TEXT,
    PRIMARY KEY (channel_id, mailbox, uidvalidity, uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_event ON mail (channel_id, event_key) WHERE event_key IS NOT NULL;
CREATE INDEX mail_unfiled ON mail (channel_id, mailbox, uidvalidity, uid) WHERE filed = 0;
CREATE INDEX mail_by_age ON mail (at);

-- What an adapter wants to be told when a leg is written to, or a message of it is answered.
ALTER TABLE leg ADD COLUMN thread TEXT;
ALTER TABLE message ADD COLUMN thread TEXT;
ALTER TABLE identity ADD COLUMN trust TEXT;

DROP TABLE state;
