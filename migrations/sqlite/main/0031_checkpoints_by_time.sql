-- The certificate of integrity looks up each day's checkpoints, of which a year may have half a million.
CREATE INDEX ledger_checkpoints_by_time ON ledger_checkpoints (sealed_at, size);

-- It also tells what was done with keys, which is counted in the log from the first event on, and all read models with it, since they share a
-- checkpoint.
DELETE FROM checkpoints WHERE reader = 'read_models';
DELETE FROM member_status;
DELETE FROM mail_requests;
DELETE FROM parked_events;
DELETE FROM history;
DELETE FROM history_members;
DELETE FROM history_counts;
DELETE FROM history_parts;
