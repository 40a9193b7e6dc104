-- A keyed hash of the user ID, by which they are found when the member is erased. Of those of before, nobody can say whose they are.
DELETE FROM known_browsers;
ALTER TABLE known_browsers ADD COLUMN typed TEXT NOT NULL DEFAULT '';
CREATE INDEX known_browsers_by_typed ON known_browsers (typed);
