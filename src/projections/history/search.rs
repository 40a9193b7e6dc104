//! Looking for events: by what they are, whose they are and when they were, from the newest or from a position on.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::kinds::Outcome;
use crate::database::{Connections, fixed_width, time_of};
use crate::domain::ids::MemberId;
use crate::subscription::{ApplyError, EventLog, FollowError, Position, Recorded};

/// The kinds of actors.
pub const ACTORS: [&str; 3] = ["member", "staff", "system"];

/// What events are looked for; what is none asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those about this member.
    pub member: Option<MemberId>,
    /// Those of this type.
    pub event_type: Option<String>,
    /// Those that went so.
    pub outcome: Option<Outcome>,
    /// Those about members of this cohort.
    pub cohort: Option<String>,
    /// Those of this kind of actor.
    pub actor: Option<String>,
}

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

impl Filter {
    /// The conditions, the one that leaves fewest rows first. Only that one may use its index: a database that chose another's could read
    /// half the table for a handful of rows. What most events are has no index at all: the newest page of them is found at once.
    fn conditions(&self) -> Vec<(&'static str, String)> {
        let member = self.member.map(|member| member.to_string());
        let outcome = self.outcome.map(|outcome| outcome.name().to_owned());
        let of = |is_common: bool, value: Option<String>| {
            if is_common {
                (None, value)
            } else {
                (value, None)
            }
        };
        let (rare_outcome, outcome) = of(self.outcome == Some(Outcome::Done), outcome);
        let is_member = self.actor.as_deref() == Some("member");
        let (rare_actor, actor) = of(is_member, self.actor.clone());
        [
            ("member_id", member),
            ("event_type", self.event_type.clone()),
            ("outcome", rare_outcome),
            ("actor", rare_actor),
            ("cohort", self.cohort.clone()),
            ("actor", actor),
            ("outcome", outcome),
        ]
        .into_iter()
        .filter_map(|(column, value)| Some((column, value?)))
        .collect()
    }

    fn statement(&self, page: Page) -> String {
        let conditions: Vec<String> = self
            .conditions()
            .iter()
            .enumerate()
            .map(|(at, (column, value))| {
                // Only by these words does a database see that the index of rare ones has them all.
                let among = match (at, *column) {
                    (0, "outcome") if value != Outcome::Done.name() => "AND outcome <> 'done' ",
                    (0, "actor") if value != "member" => "AND actor <> 'member' ",
                    _ => "",
                };
                let without_index = if at == 0 { "" } else { " || ''" };
                format!("{among}AND {column}{without_index} = ${}", at + 4)
            })
            .collect();
        let conditions = conditions.join(" ");
        let order = match page {
            Page::Forward(..) => "ASC",
            Page::Backward(..) => "DESC",
        };
        format!(
            "SELECT position, recorded_at, event_type, event_version, stream_kind, stream_id, sequence, cohort, member_id, \
             payload, metadata FROM history WHERE position > $1 AND position <= $2 {conditions} \
             ORDER BY position {order} LIMIT $3"
        )
    }
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
    let statement = filter.statement(page);
    let mut query = sqlx::query(&statement).bind(after).bind(until).bind(limit);
    for (_, value) in filter.conditions() {
        query = query.bind(value);
    }
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
    use sqlx::Row;

    use super::*;
    use crate::database::{Database, MAIN};

    /// All filters that can be made of these five.
    fn filters() -> Vec<Filter> {
        (0..32_u8)
            .map(|bits| {
                let set = |bit: u8| bits & (1 << bit) != 0;
                let some = |bit: u8, text: &str| set(bit).then(|| text.to_owned());
                Filter {
                    member: set(0).then(|| MemberId(uuid::Uuid::from_u128(1))),
                    event_type: some(1, "OtpRejected"),
                    outcome: set(2).then_some(Outcome::Failed),
                    cohort: some(3, "joined-to-2024-12-01"),
                    actor: some(4, "staff"),
                }
            })
            .collect()
    }

    #[tokio::test]
    async fn no_search_reads_the_whole_table_or_sorts_what_it_found() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
        let database = Database::open(&url).await.unwrap();
        database.migrate(&MAIN).await.unwrap();
        let pages = [Page::Forward(0, 100), Page::Backward(0, 100)];
        let statements: Vec<String> = filters()
            .iter()
            .flat_map(|filter| pages.map(|page| filter.statement(page)))
            .collect();
        for sql in statements {
            let explained = format!("EXPLAIN QUERY PLAN {sql}");
            let mut query = sqlx::query(&explained);
            for _ in 0..sql.matches('$').count() {
                query = query.bind("x");
            }
            let plan = query.fetch_all(&database.read).await.unwrap();
            for row in plan {
                let detail: String = row.try_get("detail").unwrap();
                assert!(detail.starts_with("SEARCH"), "{sql}: {detail}");
            }
        }
    }

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
