-- The sums of each part of the log are one text a topic, written once the part is over: to keep each sum up with each batch took a quarter of a
-- rebuild. Between counts stands U+001E, within one U+001F.
ALTER TABLE history_parts RENAME TO history_parts_before;
CREATE TABLE history_parts (
    topic TEXT NOT NULL,
    day TEXT NOT NULL,
    part BIGINT NOT NULL,           -- the first 4,096 positions are part 0
    counts TEXT NOT NULL,           -- cohort, of_a, of_b, of_c and number of each
    PRIMARY KEY (topic, day, part)
);
INSERT INTO history_parts (topic, day, part, counts)
SELECT topic, day, part, string_agg(
    cohort || char(31) || of_a || char(31) || of_b || char(31) || of_c || char(31) || number, char(30)
    ORDER BY cohort, of_a, of_b, of_c
) FROM history_parts_before
WHERE number <> 0 AND part < (SELECT position FROM checkpoints WHERE reader = 'read_models') / 4096
GROUP BY topic, day, part;
DROP TABLE history_parts_before;

-- A rebuild that a program of before is still at must not put its own table in the place of this one: it is overtaken.
UPDATE checkpoints SET reader = 'rebuild-' || (CAST(substr(reader, 9) AS BIGINT) + 1) WHERE reader LIKE 'rebuild-%';
