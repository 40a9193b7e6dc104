//! Looking for events: by what they are, whose they are and when they were, from the newest or from a position on.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

pub use super::filter::{ACTORS, Filter, Mail};
use crate::database::{Connections, bind_all, fixed_width, time_of};
use crate::domain::ids::MemberId;
use crate::projections::reports::counts::Topic;
use crate::subscription::{ApplyError, EventLog, FollowError, Position, Recorded};

/// From where the events are read, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The next after the first position and up to the second, oldest first.
    Forward(Position, Position),
    /// Those up to the second position and after the first, newest first.
    Backward(Position, Position),
}

/// An event that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The event.
    pub recorded: Recorded,
    /// The member it is about.
    pub member: Option<MemberId>,
    /// That member's cohort.
    pub cohort: Option<String>,
}

/// The first events of a page, `limit` at most.
///
/// # Errors
/// The database is away, or the row is of another version: rebuild the read model.
pub async fn search(
    pool: &Connections,
    filter: &Filter,
    page: Page,
    limit: i64,
) -> Result<Vec<Found>, ApplyError> {
    let (Page::Forward(after, until) | Page::Backward(after, until)) = page;
    let Some(statement) = filter.statement(page) else {
        return Ok(Vec::new());
    };
    let query = sqlx::query(&statement.sql)
        .bind(after)
        .bind(until)
        .bind(limit);
    let query = bind_all(query, &statement.values);
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(found).collect()
}

fn found(row: &AnyRow) -> Result<Found, ApplyError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let unreadable = |error: String| ApplyError::Unreadable(error);
    let json = |column: &str| {
        serde_json::from_str(&text(column)?).map_err(|error| unreadable(error.to_string()))
    };
    let member: Option<String> = row.try_get("member_id")?;
    Ok(Found {
        recorded: Recorded {
            position: row.try_get("position")?,
            stream_kind: text("stream_kind")?,
            stream_id: text("stream_id")?,
            sequence: row.try_get("sequence")?,
            event_type: text("event_type")?,
            event_version: text("event_version")?,
            payload: json("payload")?,
            metadata: json("metadata")?,
            recorded_at: time_of(&text("recorded_at")?)?,
        },
        member: member
            .map(|member| member.parse())
            .transpose()
            .map_err(|_| unreadable("a member's id is none".to_owned()))?,
        cohort: row.try_get("cohort")?,
    })
}

/// The cohorts that members were enrolled in, under whatever policy.
///
/// # Errors
/// The database is away.
pub async fn cohorts(pool: &Connections) -> Result<Vec<String>, ApplyError> {
    let select = "SELECT DISTINCT cohort FROM history_counts WHERE topic = $1 ORDER BY cohort";
    let query = sqlx::query_scalar(select).bind(Topic::Enrolled.name());
    Ok(query.fetch_all(pool).await?)
}

/// The end of the log as of a moment: the position of the last event that was recorded by then, 0 if there was none. Time never
/// runs back along positions, so it is the longest prefix of the log, and its end is found by halving.
///
/// # Errors
/// The database is away.
pub async fn position_at(pool: &Connections, moment: Timestamp) -> Result<Position, ApplyError> {
    let moment = fixed_width(moment);
    let position: Option<Position> = sqlx::query_scalar(LAST_BY)
        .bind(moment.clone())
        .bind(moment)
        .fetch_optional(pool)
        .await?;
    Ok(position.unwrap_or(0))
}

/// Reads the log itself, in committed order: for those who must not miss an event, also one that no read model can take.
#[derive(Clone)]
pub struct LogReader(EventLog);

impl LogReader {
    /// A reader of this log.
    #[must_use]
    pub const fn new(log: EventLog) -> Self {
        Self(log)
    }

    /// At most `limit` events after `position`.
    ///
    /// # Errors
    /// The log is away.
    pub async fn after(
        &self,
        position: Position,
        limit: i64,
    ) -> Result<Vec<Recorded>, FollowError> {
        Ok(self.0.read_after(position, limit).await?)
    }

    /// The position of the last event that this program knows to be committed.
    #[must_use]
    pub fn head(&self) -> Position {
        self.0.head()
    }

    /// Waits until the log has grown beyond `position`.
    pub async fn changed(&self, position: Position) {
        self.0.changed(position).await;
    }
}

/// Halves what lies between a position that was recorded by then and one that was not, until they are neighbours. No index on the time is
/// needed for that, which every event would have to be put into. A position whose event is parked has none here: what was before it counts.
/// The last line is no MAX: for that, PostgreSQL reads all positions before, by several workers.
const LAST_BY: &str = "WITH RECURSIVE halves (by_then, later) AS (\
     SELECT CAST(0 AS BIGINT), (SELECT COALESCE(MAX(position), 0) + 1 FROM history) UNION ALL SELECT \
     CASE WHEN COALESCE((SELECT recorded_at FROM history WHERE position <= (by_then + later) / 2 ORDER BY position DESC LIMIT 1), '') <= $1 \
     THEN (by_then + later) / 2 ELSE by_then END, \
     CASE WHEN COALESCE((SELECT recorded_at FROM history WHERE position <= (by_then + later) / 2 ORDER BY position DESC LIMIT 1), '') <= $2 \
     THEN later ELSE (by_then + later) / 2 END FROM halves WHERE later - by_then > 1) \
     SELECT position FROM history WHERE position <= (SELECT MAX(by_then) FROM halves) ORDER BY position DESC LIMIT 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Database, MAIN};

    #[tokio::test]
    async fn the_end_of_the_log_as_of_a_moment_is_found_also_where_positions_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
        let database = Database::open(&url).await.unwrap();
        database.migrate(&MAIN).await.unwrap();
        let second = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        assert_eq!(position_at(&database.read, second(0)).await.unwrap(), 0);
        // Two events a second; a few are parked.
        let there = [2, 3, 4, 7, 8, 9, 10, 11, 12, 17];
        for position in there {
            let insert = "INSERT INTO history (position, recorded_at, event_type, event_version, stream_kind, stream_id, sequence, \
                actor, outcome, payload, metadata, counts) VALUES ($1, $2, 'A', '1', 'a', 'a', 1, 'member', 'done', '{}', '{}', '[]')";
            sqlx::query(insert)
                .bind(position)
                .bind(fixed_width(second(position / 2)))
                .execute(&database.write)
                .await
                .unwrap();
        }
        for seconds in 0..10 {
            let last = there
                .iter()
                .rev()
                .find(|position| **position / 2 <= seconds);
            let found = position_at(&database.read, second(seconds)).await.unwrap();
            assert_eq!(found, last.copied().unwrap_or(0), "{seconds}");
        }
    }
}
