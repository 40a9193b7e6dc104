-- The event log: one row an event, numbered without a gap in the order of commits, never changed afterwards.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    event_version TEXT NOT NULL,
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, sequence)
);

-- Against slips, not against an owner of the file; evidence of changes is the ledger's.
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the event log is never changed'); END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the event log is never changed'); END;
-- A REPLACE would delete without a word to the trigger above.
CREATE TRIGGER events_are_only_added BEFORE INSERT ON events
WHEN NEW.position <> (SELECT COALESCE(MAX(position), 0) + 1 FROM events)
    OR EXISTS (SELECT 1 FROM events WHERE aggregate_type = NEW.aggregate_type
        AND aggregate_id = NEW.aggregate_id AND sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'the event log is only added to, at its end'); END;

-- How far each reader of the log has come.
CREATE TABLE checkpoints (
    reader TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);

-- The audit ledger's leaves: the hash of each event as stored.
CREATE TABLE ledger_leaves (
    position BIGINT PRIMARY KEY,
    hash TEXT NOT NULL
);

-- Events that read models could not take, and the later ones of the same stream, which wait behind them.
CREATE TABLE parked_events (
    position BIGINT PRIMARY KEY,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX parked_streams ON parked_events (aggregate_type, aggregate_id);
