-- The audit ledger beyond its leaves: the nodes over them, so that no root or proof costs more than some dozen reads, and what was signed.
CREATE TABLE ledger_nodes (
    level BIGINT NOT NULL,          -- a node stands for 2^level leaves; leaves have a table of their own
    number BIGINT NOT NULL,         -- from 0, within its level
    hash TEXT NOT NULL,
    PRIMARY KEY (level, number)
);

CREATE TABLE ledger_checkpoints (
    size BIGINT PRIMARY KEY,
    sealed_at TEXT NOT NULL,
    note TEXT NOT NULL
);
