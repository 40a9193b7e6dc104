-- Wrong passwords by the formula, by members who have not got in since: keyed hashes of the place (a 記号, or the society) and of the
-- typed user ID, with how many tries there were within a day.
CREATE TABLE guesses (
    scope    TEXT NOT NULL,
    typed    TEXT NOT NULL,
    tries    BIGINT NOT NULL,
    tried_at TEXT NOT NULL,
    PRIMARY KEY (scope, typed)
);
CREATE INDEX guesses_lately ON guesses (scope, tried_at);
CREATE INDEX guesses_by_typed ON guesses (typed);
CREATE INDEX guesses_by_time ON guesses (tried_at);
