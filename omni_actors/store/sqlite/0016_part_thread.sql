-- What the adapter was told of the thread when the part was first taken, empty for nothing: each
-- attempt is told the same, whatever has come since.
ALTER TABLE part ADD COLUMN thread TEXT;
