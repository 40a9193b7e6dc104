-- The key database: wrapped data keys and nothing else, so that its backups can be short-lived.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row a key; sealed = the key wrapped by the master key that key_id names. Deleting the row destroys what it sealed.
CREATE TABLE data_keys (
    data_key_id TEXT NOT NULL PRIMARY KEY,
    member_id   TEXT NOT NULL,
    class       TEXT NOT NULL,          -- person, or trace
    year        BIGINT NOT NULL,        -- of the event in Asia/Tokyo; 0 for a person key
    key_id      TEXT NOT NULL,
    sealed      TEXT NOT NULL,
    destroyed   BIGINT NOT NULL,        -- 1: sealed is empty, and no new key may take this place
    created_at  TEXT NOT NULL,
    UNIQUE (member_id, class, year)
);
