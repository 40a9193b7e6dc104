-- Staff: names, sealed, found by a keyed hash; sessions and tokens, found by the keyed hashes of their secrets.
CREATE TABLE staff (
    staff_id   TEXT NOT NULL PRIMARY KEY,
    name_index TEXT NOT NULL UNIQUE,
    sealed     TEXT NOT NULL,
    written_at TEXT NOT NULL
);

CREATE TABLE staff_sessions (
    staff_id    TEXT NOT NULL PRIMARY KEY,
    session_id  TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL UNIQUE,
    last_seen   TEXT NOT NULL,
    ends_at     TEXT NOT NULL,
    mark        BIGINT NOT NULL         -- the log position of the sign-in
);

CREATE TABLE staff_tokens (
    token_id    TEXT NOT NULL PRIMARY KEY,
    staff_id    TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    written_at  TEXT NOT NULL
);
