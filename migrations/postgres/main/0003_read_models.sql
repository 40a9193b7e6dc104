-- Read models: built from the log alone, and built anew by `kadode rebuild`.
CREATE TABLE member_status (
    member_id TEXT PRIMARY KEY,
    status TEXT NOT NULL
);

CREATE TABLE member_history (
    member_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (member_id, position)
);

CREATE TABLE mail_requests (
    member_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- Of a link; a code goes to the address of the member's last link.
    contact_id TEXT,
    requested_at TEXT NOT NULL,
    PRIMARY KEY (member_id, position)
);

-- The program's role may not create, drop or rename tables: for a rebuild, these functions do it, and for read models alone.
CREATE FUNCTION rebuilt_name(live TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF live NOT IN ('member_status', 'member_history', 'mail_requests', 'parked_events') THEN
        RAISE EXCEPTION '% is no read model', live;
    END IF;
    RETURN live || '_rebuild';
END
$$;

CREATE FUNCTION drop_rebuilt(live TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', rebuilt_name(live));
END
$$;

-- Whoever may read and write the live table may do so with the new one.
CREATE FUNCTION create_rebuilt(live TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    grantee OID;
BEGIN
    PERFORM drop_rebuilt(live);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', rebuilt_name(live), live);
    FOR grantee IN SELECT DISTINCT acl.grantee FROM pg_class, aclexplode(relacl) AS acl WHERE oid = live::regclass LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %s', rebuilt_name(live), grantee::regrole);
    END LOOP;
END
$$;

CREATE FUNCTION put_rebuilt_in_place(live TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE format('DROP TABLE %I', live);
    EXECUTE format('ALTER TABLE %I RENAME TO %I', rebuilt_name(live), live);
END
$$;
REVOKE ALL ON FUNCTION drop_rebuilt, create_rebuilt, put_rebuilt_in_place FROM PUBLIC;
