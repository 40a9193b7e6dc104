-- Programs that serve, with the names of the master keys that each knows: a new key is made the present one when all of them know it.
CREATE TABLE key_holders (
    holder  TEXT NOT NULL PRIMARY KEY,
    keys    TEXT NOT NULL,
    seen_at TEXT NOT NULL
);
