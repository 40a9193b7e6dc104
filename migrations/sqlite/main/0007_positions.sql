-- Where the events are in KurrentDB: the number of each, given in committed order and without a gap, and its place there.
CREATE TABLE positions (
    position INTEGER PRIMARY KEY,
    commit_position BIGINT NOT NULL,
    prepare_position BIGINT NOT NULL,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    recorded_at TEXT NOT NULL,      -- the server's time, or the last event's, if that is later
    UNIQUE (commit_position, prepare_position),
    UNIQUE (aggregate_type, aggregate_id, sequence)
);
CREATE TRIGGER positions_are_never_changed BEFORE UPDATE ON positions
BEGIN SELECT RAISE(ABORT, 'the event log is never changed'); END;
CREATE TRIGGER positions_are_never_deleted BEFORE DELETE ON positions
BEGIN SELECT RAISE(ABORT, 'the event log is never changed'); END;
-- A REPLACE would delete without a word to the trigger above.
CREATE TRIGGER positions_are_only_added BEFORE INSERT ON positions
WHEN NEW.position <> (SELECT COALESCE(MAX(position), 0) + 1 FROM positions)
BEGIN SELECT RAISE(ABORT, 'the event log is only added to, at its end'); END;
