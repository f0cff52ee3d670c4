-- Another app that controls a conversation at its platform, and since when; absent while we may answer.
ALTER TABLE leg ADD COLUMN controlled_by TEXT;
ALTER TABLE leg ADD COLUMN controlled_at REAL;

-- When a medium must be gone, because it is gone at its platform by then.
ALTER TABLE media ADD COLUMN until_at REAL;
CREATE INDEX media_until ON media (until_at) WHERE until_at IS NOT NULL;
