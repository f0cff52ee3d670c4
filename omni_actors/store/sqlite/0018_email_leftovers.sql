-- What accounts have sent lately, where their platform counts it by the day: one row for each message
-- that went out, or may have.
CREATE TABLE spent (
    account TEXT NOT NULL,
    at REAL NOT NULL,
    attempt_id TEXT NOT NULL,
    recipients INTEGER NOT NULL,
    PRIMARY KEY (account, at, attempt_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_by_age ON spent (at);

-- Who should get a copy of a part that was taken, and for whom it was not: a list of addresses, each
-- with why. At `until_at` nobody wants them more.
CREATE TABLE copy (
    part_id TEXT PRIMARY KEY,
    channel_id TEXT NOT NULL,
    refused TEXT NOT NULL,
    tries INTEGER NOT NULL,
    since REAL NOT NULL,
    due_at REAL NOT NULL,
    until_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX copy_of_channel ON copy (channel_id, due_at, part_id);
CREATE INDEX copy_until ON copy (until_at);

-- Folders that a server moves no mails to: how often in a row it has refused, why, and when it is to
-- be tried again.
CREATE TABLE filing (
    channel_id TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    folder TEXT NOT NULL,
    refusals INTEGER NOT NULL,
    again_at REAL NOT NULL,
    problem TEXT NOT NULL,
    PRIMARY KEY (channel_id, mailbox, folder)
) STRICT, WITHOUT ROWID;
