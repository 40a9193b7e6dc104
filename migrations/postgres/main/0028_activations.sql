-- In which browsers and with addresses at which domains (both as keyed hashes) members set their first passwords within thirty days.
CREATE TABLE activations (
    mark         TEXT NOT NULL,
    member_id    TEXT NOT NULL,
    activated_at TEXT NOT NULL,
    PRIMARY KEY (mark, member_id)
);
CREATE INDEX activations_lately ON activations (mark, activated_at);
CREATE INDEX activations_by_member ON activations (member_id);
CREATE INDEX activations_by_time ON activations (activated_at);
