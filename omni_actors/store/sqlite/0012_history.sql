-- How far the old conversations of a channel were read from its platform. `cursor` is where the
-- reading goes on, '' at its start; `since` is how far back it has to go, NULL for all the way.
-- `next_cause` and `next_since` are of one that was asked for meanwhile.
CREATE TABLE history (
    channel_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    since REAL,
    asked_at REAL NOT NULL,
    due_at REAL,
    began_at REAL,
    ended_at REAL,
    cursor TEXT NOT NULL DEFAULT '',
    strikes INTEGER NOT NULL DEFAULT 0,
    reached_at REAL,
    conversations INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL DEFAULT 0,
    beyond INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    next_cause TEXT,
    next_since REAL
) STRICT, WITHOUT ROWID;
