-- What each event counts for in reports, and the sums of the days.
-- Made anew and not altered, since after a rebuild its indexes have other names. They are fewer, for every event to be put into: moments are
-- found by halving, and of outcomes and actors only what is rare is looked for by itself.
DROP TABLE history_members;
DROP TABLE history;

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
    metadata TEXT NOT NULL,
    counts TEXT NOT NULL            -- what it counts for in reports
);
CREATE INDEX history_by_member ON history (member_id, position);
CREATE INDEX history_by_type ON history (event_type, position);
CREATE INDEX history_by_cohort ON history (cohort, position);
CREATE INDEX history_by_rare_outcome ON history (outcome, position) WHERE outcome <> 'done';
CREATE INDEX history_by_rare_actor ON history (actor, position) WHERE actor <> 'member';

-- Where each member is on the way: what their next event counts for depends on it.
CREATE TABLE history_members (
    member_id TEXT PRIMARY KEY,
    track TEXT NOT NULL
);

-- How many there are of what, by day of Tokyo's calendar; and on the day '' of all days, where reports do not tell days apart.
CREATE TABLE history_counts (
    topic TEXT NOT NULL,
    day TEXT NOT NULL,
    cohort TEXT NOT NULL,
    of_a TEXT NOT NULL,
    of_b TEXT NOT NULL,
    of_c TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (topic, day, cohort, of_a, of_b, of_c)
);

-- All are filled from the first event on, and the others with them, since they share a checkpoint.
DELETE FROM checkpoints WHERE reader = 'read_models';
DELETE FROM member_status;
DELETE FROM mail_requests;
DELETE FROM parked_events;
