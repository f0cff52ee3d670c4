-- What was made of a medium by a recipe, or why nothing could be.
CREATE TABLE derivative (
    media_id TEXT NOT NULL,
    recipe TEXT NOT NULL,
    derived_id TEXT,
    problem TEXT,
    PRIMARY KEY (media_id, recipe)
) STRICT, WITHOUT ROWID;

CREATE INDEX derivative_of_derived ON derivative (derived_id) WHERE derived_id IS NOT NULL;
