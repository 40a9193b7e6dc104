-- A keyed hash of the form cookie of the browser that guessed; empty, where it had none. Whoever gets in takes out what the same browser guessed.
CREATE TABLE guesses_by_browser (
    scope    TEXT NOT NULL,
    typed    TEXT NOT NULL,
    browser  TEXT NOT NULL,
    tries    BIGINT NOT NULL,
    tried_at TEXT NOT NULL,
    PRIMARY KEY (scope, typed, browser)
);
INSERT INTO guesses_by_browser SELECT scope, typed, '', tries, tried_at FROM guesses;
DROP TABLE guesses;
ALTER TABLE guesses_by_browser RENAME TO guesses;
CREATE INDEX guesses_lately ON guesses (scope, tried_at);
CREATE INDEX guesses_by_typed ON guesses (typed);
CREATE INDEX guesses_by_time ON guesses (tried_at);
