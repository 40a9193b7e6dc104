-- The key database: wrapped data keys and nothing else, so that its backups can be short-lived.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE data_keys (
    data_key_id TEXT NOT NULL PRIMARY KEY,
    member_id   TEXT NOT NULL,
    class       TEXT NOT NULL,              -- person, trace
    year        BIGINT NOT NULL,            -- of the traces, in Asia/Tokyo; 0 for a person key
    wrapped     TEXT,                       -- null: destroyed, and no new key may take this place
    created_at  TEXT NOT NULL,
    UNIQUE (member_id, class, year)
);
