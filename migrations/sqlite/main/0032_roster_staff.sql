-- What staff do with rosters counts as what staff do, from the first event on, and with it all read models, since they share a checkpoint.
DELETE FROM checkpoints WHERE reader = 'read_models';
DELETE FROM member_status;
DELETE FROM mail_requests;
DELETE FROM parked_events;
DELETE FROM history;
DELETE FROM history_members;
DELETE FROM history_counts;
DELETE FROM history_parts;
