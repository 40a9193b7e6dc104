//! What was on disk at each kill, to be held against the end.

use std::collections::HashSet;
use std::time::Instant;

use kadode::database::Database;
use tempfile::TempDir;

use crate::import::house::House;
use crate::support::program::Program;

/// All rows of the log so far, as they were on disk when the program died, and its deaths.
#[derive(Default)]
pub(super) struct Seen {
    rows: Vec<String>,
    /// The end of each run that was killed.
    pub(super) kills: Vec<Kill>,
}

/// The end of a run.
pub(super) struct Kill {
    /// Since when the disk had taken nothing for certain; the moment of the kill, if it was well.
    pub(super) unwell_since: Instant,
    /// How long the log was.
    length: usize,
    /// The mails whose outcome was on record, in the outbox if not yet in the log.
    pub(super) recorded: HashSet<String>,
}

const ROWS: &str = "SELECT json_array(position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
     payload, metadata, recorded_at) FROM events WHERE position > $1 ORDER BY position";

/// The mails whose outcome is on record.
pub(super) const RECORDED: &str = "SELECT mail_id FROM outbox WHERE outcome IS NOT NULL \
     UNION SELECT aggregate_id FROM events WHERE aggregate_type = 'mail'";

impl Seen {
    /// Kills a program, and looks at what it left, on a copy, so that the next run finds it as it was left.
    pub(super) async fn kill(
        &mut self,
        program: Program,
        house: &House,
        unwell_since: Option<Instant>,
    ) {
        let unwell_since = unwell_since.unwrap_or_else(Instant::now);
        program.kill();
        let copy = TempDir::new().unwrap();
        for end in ["", "-wal"] {
            let from = house.path(&format!("kadode.sqlite{end}"));
            std::fs::copy(from, copy.path().join(format!("copy.sqlite{end}"))).unwrap();
        }
        let url = format!("sqlite:{}", copy.path().join("copy.sqlite").display());
        let database = Database::open_existing(&url).await.unwrap();
        let new: Vec<String> = sqlx::query_scalar(ROWS)
            .bind(i64::try_from(self.rows.len()).unwrap())
            .fetch_all(&database.write)
            .await
            .unwrap();
        let recorded: Vec<String> = sqlx::query_scalar(RECORDED)
            .fetch_all(&database.write)
            .await
            .unwrap();
        database.close().await;
        self.rows.extend(new);
        self.kills.push(Kill {
            unwell_since,
            length: self.rows.len(),
            recorded: recorded.into_iter().collect(),
        });
    }

    /// Fails unless the log still holds every row as it was on disk at each kill.
    pub(super) async fn expect_kept(&self, database: &Database) {
        let rows: Vec<String> = sqlx::query_scalar(ROWS)
            .bind(0)
            .fetch_all(&database.read)
            .await
            .unwrap();
        assert!(rows.len() >= self.rows.len());
        for (now, then) in rows.iter().zip(&self.rows) {
            assert_eq!(now, then, "a committed event has changed");
        }
    }

    /// The length of the log when a run ended; of the run that was told to stop, all.
    pub(super) fn length_after(&self, run: usize) -> i64 {
        let length = self.kills.get(run).map(|kill| kill.length);
        length.map_or(i64::MAX, |length| i64::try_from(length).unwrap())
    }

    /// The run that stored what is at a position.
    pub(super) fn run_at(&self, position: i64) -> usize {
        let position = usize::try_from(position).unwrap();
        self.kills.partition_point(|kill| kill.length < position)
    }
}
