-- Which of a part's external ids are of tries before it was sent anew: so many at the end.
ALTER TABLE part ADD COLUMN past_ids INTEGER NOT NULL DEFAULT 0;
