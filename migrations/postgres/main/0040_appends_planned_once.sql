-- Planning an append took as long as carrying it out, and the server planned each one anew, since it does not know how long the lists will be.
-- There is one good plan, whatever is stored: each stream's end by the log's unique index.
ALTER FUNCTION append_events SET plan_cache_mode = force_generic_plan;
