-- All events with what they are looked for by, in place of the members' alone.
DROP TABLE member_history;

CREATE TABLE history (
    position INTEGER PRIMARY KEY,
    recorded_at TEXT NOT NULL,
    event_type TEXT NOT NULL,
    event_version TEXT NOT NULL,
    stream_kind TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    cohort TEXT,
    member_id TEXT,
    actor TEXT NOT NULL,            -- member, staff, system
    outcome TEXT NOT NULL,          -- done, failed, refused
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL
);
CREATE INDEX history_by_time ON history (recorded_at, position);
CREATE INDEX history_by_member ON history (member_id, position);
CREATE INDEX history_by_type ON history (event_type, position);
CREATE INDEX history_by_outcome ON history (outcome, position);
CREATE INDEX history_by_cohort ON history (cohort, position);
CREATE INDEX history_by_actor ON history (actor, position);

-- Which cohort a member was enrolled in.
CREATE TABLE history_members (
    member_id TEXT PRIMARY KEY,
    cohort TEXT NOT NULL
);

-- The new table is filled from the first event on, and the others with it, since they share a checkpoint.
DELETE FROM checkpoints WHERE reader = 'read_models';
DELETE FROM member_status;
DELETE FROM mail_requests;
DELETE FROM parked_events;
