-- Mails that wait for their turn; a row is leased by one sender, and gone when what became of it is in the log.
CREATE TABLE outbox (
    mail_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    contact_id TEXT,
    reference TEXT NOT NULL,
    key_id TEXT NOT NULL,
    language TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    lease TEXT,
    leased_until TEXT,
    outcome TEXT
);
CREATE INDEX outbox_due ON outbox (due_at);
