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
