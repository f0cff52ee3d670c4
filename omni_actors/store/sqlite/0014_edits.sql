-- Raw bodies that tell the words of a message beside the one that brought it: edits. Who takes the
-- message back takes them along.
CREATE TABLE edit_intake (
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    intake_id TEXT NOT NULL,
    PRIMARY KEY (channel_id, external_id, intake_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX edit_intake_by_age ON edit_intake (intake_id);
