-- The vault: personal data and verifiers sealed under keys of each member, look-ups by keyed hashes, sessions and waiting times.
-- Nothing in these tables can be read, guessed or compared without the master key file.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- *_index: "{master key id}.{keyed hash}".
CREATE TABLE profiles (
    member_id           TEXT NOT NULL PRIMARY KEY,
    import_id           TEXT NOT NULL,
    letters_key_id      TEXT NOT NULL,
    sealed              TEXT NOT NULL,
    user_id_index       TEXT NOT NULL UNIQUE,
    person_index        TEXT NOT NULL UNIQUE,
    symbol_number_index TEXT NOT NULL,
    gid_index           TEXT UNIQUE,
    written_at          TEXT NOT NULL       -- by the last import that named the member
);
CREATE INDEX profiles_by_symbol_number ON profiles (symbol_number_index);

CREATE TABLE contacts (
    contact_id    TEXT NOT NULL PRIMARY KEY,
    member_id     TEXT NOT NULL,
    sealed        TEXT NOT NULL,
    address_index TEXT NOT NULL,
    written_at    TEXT NOT NULL
);
CREATE INDEX contacts_by_address ON contacts (address_index);

CREATE TABLE credentials (
    credential_id TEXT NOT NULL PRIMARY KEY,
    member_id     TEXT NOT NULL,
    pepper_key_id TEXT NOT NULL,
    sealed        TEXT NOT NULL,
    written_at    TEXT NOT NULL
);

CREATE TABLE sessions (
    session_id    TEXT NOT NULL PRIMARY KEY,
    member_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,            -- onboarding, otp_pending, full
    language      TEXT NOT NULL,
    secret_hash   TEXT NOT NULL UNIQUE,
    previous_hash TEXT,
    rotated_at    TEXT,
    browser_hash  TEXT NOT NULL,
    started_at    TEXT NOT NULL,
    last_seen     TEXT NOT NULL,
    ends_at       TEXT NOT NULL,
    mark          BIGINT NOT NULL           -- the log position of the sign-in
);
CREATE INDEX sessions_by_previous ON sessions (previous_hash);
CREATE INDEX sessions_by_member ON sessions (member_id);

-- Failures in a row; a lane is a keyed hash of the typed user ID with a network, with all networks, or with a browser.
CREATE TABLE waits (
    lane      TEXT NOT NULL PRIMARY KEY,
    failures  BIGINT NOT NULL,
    wait_ends TEXT,
    tried_at  TEXT NOT NULL
);

-- A browser from which one user ID signed in before: a keyed hash of both.
CREATE TABLE known_browsers (
    browser_index TEXT NOT NULL PRIMARY KEY,
    succeeded_at  TEXT NOT NULL
);
