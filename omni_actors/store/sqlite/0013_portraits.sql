-- What the platform shows of a person when it is asked: when that was, and why nothing, if so.
ALTER TABLE identity ADD COLUMN picture TEXT;
ALTER TABLE identity ADD COLUMN portrait_at REAL;
ALTER TABLE identity ADD COLUMN portrait_problem TEXT;

CREATE INDEX identity_of_picture ON identity (picture) WHERE picture IS NOT NULL;
