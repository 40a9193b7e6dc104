-- The typed user ID of a lane, as a keyed hash, so that support can lift all waiting times of one member.
ALTER TABLE waits ADD COLUMN typed TEXT NOT NULL DEFAULT '';
CREATE INDEX waits_by_typed ON waits (typed);
