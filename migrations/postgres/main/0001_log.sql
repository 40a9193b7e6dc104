-- The event log: one row an event, numbered without a gap in the order of commits, never changed afterwards.
CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    event_version TEXT NOT NULL,
    payload JSON NOT NULL,          -- as it was written; JSONB would refuse some texts
    metadata JSONB NOT NULL,
    recorded_at TEXT NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, sequence)
);

-- Against slips of the owner; the program's role has no right to change anything here.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is never changed';
END
$$;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_are_never_emptied BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Nor is anything added but by the function below, which says so in a setting.
CREATE FUNCTION refuse_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('kadode.appending', true) IS DISTINCT FROM 'yes' THEN
        RAISE EXCEPTION 'the event log is only added to by append_events';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER events_are_only_appended BEFORE INSERT ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_insert();

-- Appends a group: the arrays hold its events, in their order; "appends" says to which append of the group each belongs. An append is
-- taken whole, only if its first sequence follows its stream's last, and only the first of its stream; answers which were taken, each
-- with its last position, and with the time given to all.
-- The lock comes first, and alone: a statement sees what was committed before it began, and so must the next one.
CREATE FUNCTION append_events(
    appends BIGINT[], kinds TEXT[], ids TEXT[], sequences BIGINT[], types TEXT[], versions TEXT[], payloads TEXT[],
    metadatas TEXT[], now_is TEXT
) RETURNS TABLE (taken BIGINT, last_position BIGINT, stamp TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    head BIGINT;
    head_time TEXT;
BEGIN
    PERFORM pg_advisory_xact_lock(1264673903, 2);
    SELECT e.position, e.recorded_at INTO head, head_time FROM events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    stamp := greatest(now_is, head_time);
    PERFORM set_config('kadode.appending', 'yes', true);
    RETURN QUERY
    WITH given AS (
        SELECT * FROM unnest(appends, kinds, ids, sequences, types, versions, payloads, metadatas)
            WITH ORDINALITY AS g (append, kind, id, sequence, type, version, payload, metadata, number)
    ), firsts AS (
        SELECT DISTINCT ON (append) append, kind, id, sequence FROM given ORDER BY append, number
    ), following AS (
        SELECT DISTINCT ON (kind, id) append FROM firsts WHERE sequence = 1 + coalesce((
            SELECT max(e.sequence) FROM events e WHERE e.aggregate_type = kind AND e.aggregate_id = id
        ), 0) ORDER BY kind, id, append
    ), numbered AS (
        SELECT given.*, head + row_number() OVER (ORDER BY number) AS place FROM given JOIN following USING (append)
    ), stored AS (
        INSERT INTO events
        SELECT place, kind, id, sequence, type, version, payload::json,
            metadata::jsonb || jsonb_build_object('recorded_at', stamp), stamp
        FROM numbered ORDER BY place
    )
    SELECT append, max(place), stamp FROM numbered GROUP BY append;
    IF FOUND THEN
        PERFORM pg_notify('kadode_events', '');
    END IF;
END
$$;
REVOKE ALL ON FUNCTION append_events FROM PUBLIC;

-- How far each reader of the log has come.
CREATE TABLE checkpoints (
    reader TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);

-- The audit ledger's leaves: the hash of each event as stored.
CREATE TABLE ledger_leaves (
    position BIGINT PRIMARY KEY,
    hash TEXT NOT NULL
);

-- Events that read models could not take, and the later ones of the same stream, which wait behind them.
CREATE TABLE parked_events (
    position BIGINT PRIMARY KEY,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX parked_streams ON parked_events (aggregate_type, aggregate_id);
