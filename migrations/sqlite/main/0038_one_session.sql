-- A member has one session at most: the database holds to it too. Of several, the one that began last in the log stays.
DELETE FROM sessions WHERE EXISTS (
    SELECT 1 FROM sessions AS later
    WHERE later.member_id = sessions.member_id
      AND (later.mark > sessions.mark OR later.mark = sessions.mark AND later.session_id > sessions.session_id)
);
DROP INDEX sessions_by_member;
CREATE UNIQUE INDEX sessions_by_member ON sessions (member_id);
