-- What a medium's bytes told about themselves: animated, codec, channels, depth.
ALTER TABLE media ADD COLUMN traits TEXT NOT NULL DEFAULT '{}';

-- Ids that the platforms have forgotten by now are of no use.
CREATE INDEX upload_until ON upload (until_at);

-- A failure that is told early may be one after which the part is sent again.
ALTER TABLE parked ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parked ADD COLUMN resend_at REAL;
