-- Who is failing in one network, or with one 記号 (symbol): keyed hashes of the place and of the typed user ID, known or not.
CREATE TABLE failing (
    scope     TEXT NOT NULL,
    typed     TEXT NOT NULL,
    failed_at TEXT NOT NULL,
    PRIMARY KEY (scope, typed)
);
CREATE INDEX failing_lately ON failing (scope, failed_at);
CREATE INDEX failing_by_typed ON failing (typed);
