-- Who has stopped on the way with a confirmed address, since when, until when they can go on by themselves, and after how many days they were
-- last reminded: looked for every minute, and judged within the index as far as that goes.
ALTER TABLE member_status ADD COLUMN waits_since TEXT;
ALTER TABLE member_status ADD COLUMN waits_until TEXT;
ALTER TABLE member_status ADD COLUMN reminded_after BIGINT NOT NULL DEFAULT 0;
CREATE INDEX member_status_waiting ON member_status (waits_since, member_id, reminded_after, waits_until) WHERE waits_since IS NOT NULL;

-- Reminders leave after all other mails.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (due_at) WHERE kind <> 'reminder';
CREATE INDEX outbox_reminders ON outbox (due_at) WHERE kind = 'reminder';

-- Who waits already is found in the log, from the first event on, and all read models with them, since they share a checkpoint.
DELETE FROM checkpoints WHERE reader = 'read_models';
DELETE FROM member_status;
DELETE FROM mail_requests;
DELETE FROM parked_events;
DELETE FROM history;
DELETE FROM history_members;
DELETE FROM history_counts;
DELETE FROM history_parts;
