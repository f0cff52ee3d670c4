-- How channels stand with their platforms, and the names by which news concern them.

CREATE TABLE standing (
    channel_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    ok INTEGER NOT NULL,
    sentence TEXT NOT NULL,
    at REAL NOT NULL,
    blocks INTEGER NOT NULL,
    until_at REAL,
    detail TEXT,
    PRIMARY KEY (channel_id, topic)
) STRICT, WITHOUT ROWID;

CREATE INDEX standing_blocks ON standing (until_at) WHERE blocks = 1 AND until_at IS NOT NULL;

-- `told` is 1 when the platform itself used the name; the config's word yields to that.
CREATE TABLE channel_name (
    channel_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    platform TEXT NOT NULL,
    name TEXT NOT NULL,
    told INTEGER NOT NULL,
    PRIMARY KEY (channel_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX channel_by_name ON channel_name (platform, name);

-- When each preference of a person was told, so that older word does not undo newer.
ALTER TABLE identity ADD COLUMN preferred_at TEXT NOT NULL DEFAULT '{}';
