-- Which of a part's external ids are of tries before it was sent anew: so many at the end.
ALTER TABLE part ADD COLUMN past_ids INTEGER NOT NULL DEFAULT 0;

-- Edits and deletions that came before the message that they change.
CREATE TABLE early_change (
    n INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    content TEXT,
    at REAL NOT NULL,
    parked_at REAL NOT NULL
) STRICT;

CREATE INDEX early_change_by_external ON early_change (channel_id, external_id);
CREATE INDEX early_change_by_age ON early_change (parked_at);

-- An answer may be of anything that was made, and one with a secret in it is sealed.
ALTER TABLE idempotency RENAME COLUMN message_id TO ref;
ALTER TABLE idempotency ADD COLUMN sealed BLOB;
