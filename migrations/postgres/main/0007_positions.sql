-- Where the events are in KurrentDB: the number of each, given in committed order and without a gap, and its place there.
CREATE TABLE positions (
    position BIGINT PRIMARY KEY,
    commit_position BIGINT NOT NULL,
    prepare_position BIGINT NOT NULL,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    recorded_at TEXT NOT NULL,      -- the server's time, or the last event's, if that is later
    UNIQUE (commit_position, prepare_position),
    UNIQUE (aggregate_type, aggregate_id, sequence)
);
CREATE TRIGGER positions_are_never_changed BEFORE UPDATE OR DELETE ON positions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER positions_are_never_emptied BEFORE TRUNCATE ON positions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
