-- Windows, limits and credentials that are replaced over the API.

-- A free entry: who answers a person that came from an ad before `entry_answer_by` is free of charge
-- for `entry_for_s` seconds, until `entry_until`.
ALTER TABLE leg ADD COLUMN entry_answer_by REAL;
ALTER TABLE leg ADD COLUMN entry_for_s REAL;
ALTER TABLE leg ADD COLUMN entry_until REAL;

-- What to do with a part that is `windowed` when its window is closed: fail, hold, or send what is in
-- `fallback` in its place.
ALTER TABLE message ADD COLUMN on_closed_window TEXT NOT NULL DEFAULT 'fail';
ALTER TABLE message ADD COLUMN fallback TEXT;
ALTER TABLE part ADD COLUMN windowed INTEGER NOT NULL DEFAULT 0;

-- What a held part waits for: window, outreach (with `until_at`), or doubt.
ALTER TABLE part ADD COLUMN held_for TEXT;
UPDATE part SET held_for = CASE WHEN attempts = 0 THEN 'window' ELSE 'doubt' END
WHERE status = 'held';
CREATE INDEX part_held_until ON part (until_at) WHERE status = 'held' AND until_at IS NOT NULL;

-- What the platform told of a channel's limits: by name, the value and when it was told.
ALTER TABLE channel ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
-- The config's credentials, while others that came over the API are in use.
ALTER TABLE channel ADD COLUMN config_credentials BLOB;

-- Whom each portfolio wrote to outside a reply window, and when last.
CREATE TABLE outreach (
    portfolio TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (portfolio, identity_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX outreach_by_age ON outreach (at);
