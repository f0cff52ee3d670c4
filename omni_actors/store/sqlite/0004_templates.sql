-- The templates of the channels, as the platforms listed them last, and how far that is.

CREATE TABLE template (
    channel_id TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    category TEXT,
    quality TEXT,
    external_id TEXT,
    reason TEXT,
    components TEXT NOT NULL,
    layout TEXT NOT NULL,
    changed_at REAL NOT NULL,
    seen_at REAL NOT NULL,
    PRIMARY KEY (channel_id, name, language)
) STRICT, WITHOUT ROWID;

-- `synced_at` is when a listing last came to its end, `failure` how the last try ended since.
CREATE TABLE template_sync (
    channel_id TEXT PRIMARY KEY,
    synced_at REAL,
    tried_at REAL NOT NULL,
    failure TEXT
) STRICT, WITHOUT ROWID;
