-- What each event counts for in reports, and the sums of the days.
DROP TABLE history_members;
DELETE FROM history;
ALTER TABLE history ADD COLUMN counts TEXT NOT NULL DEFAULT '[]';

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

CREATE OR REPLACE FUNCTION rebuilt_name(live TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF live NOT IN ('member_status', 'history', 'history_members', 'history_counts', 'mail_requests', 'parked_events') THEN
        RAISE EXCEPTION '% is no read model', live;
    END IF;
    RETURN live || '_rebuild';
END
$$;
