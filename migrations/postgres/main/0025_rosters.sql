-- Whether a roster of everybody had the member no more. The log says it first; this is where the next roster looks.
ALTER TABLE profiles ADD COLUMN has_left BIGINT NOT NULL DEFAULT 0;
-- Rosters that wait for a second person or are being carried out: the file and what it would do, sealed under a key of its own, which is
-- destroyed with the row.
CREATE TABLE rosters (
    import_id  TEXT NOT NULL PRIMARY KEY,
    file       TEXT NOT NULL,
    details    TEXT NOT NULL,
    written_at TEXT NOT NULL
);
