-- Read models: built from the log alone, and built anew by `kadode rebuild`.
CREATE TABLE member_status (
    member_id TEXT PRIMARY KEY,
    status TEXT NOT NULL
);

CREATE TABLE member_history (
    member_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (member_id, position)
);

CREATE TABLE mail_requests (
    member_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- Of a link; a code goes to the address of the member's last link.
    contact_id TEXT,
    requested_at TEXT NOT NULL,
    PRIMARY KEY (member_id, position)
);
