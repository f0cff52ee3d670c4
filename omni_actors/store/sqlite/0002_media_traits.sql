-- What a medium's bytes told about themselves: animated, codec, channels, depth.
ALTER TABLE media ADD COLUMN traits TEXT NOT NULL DEFAULT '{}';

-- Ids that the platforms have forgotten by now are of no use.
CREATE INDEX upload_until ON upload (until_at);
