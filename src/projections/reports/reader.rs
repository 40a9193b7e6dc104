//! Reads what was counted as of any moment: whole days are added up, of the moment's own day what came until then.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::counting::{day_of, label};
use super::counts::{Count, Counts, Key, Topic};
use super::{Name, topics};
use crate::database::{Cell, Connections, Insert, time_of};
use crate::domain::values::TOKYO;
use crate::projections::history::search::position_at;
use crate::subscription::{ApplyError, Position};

/// What a report is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The numbers.
    pub counts: Counts,
    /// The position of the last event that they count.
    pub position: Position,
    /// When that was recorded; none, if there is none.
    pub recorded_at: Option<Timestamp>,
    /// The policy in force there, `NAME@SHA256`; empty, if none was adopted.
    pub policy: String,
}

/// What `name` is made of, as of a moment, or of all that the read models show.
///
/// # Errors
/// The database is away, or a row is of another version: rebuild the read model.
pub async fn counted(
    pool: &Connections,
    name: Name,
    as_of: Option<Timestamp>,
) -> Result<Counted, ApplyError> {
    let topics = topics(name);
    let (counts, position) = match as_of {
        None => days(pool, topics, Date::MAX).await?,
        Some(moment) => {
            let position = position_at(pool, moment).await?;
            (at(pool, topics, position).await?, position)
        }
    };
    Ok(Counted {
        counts,
        position,
        recorded_at: recorded_at(pool, position).await?,
        policy: policy(pool, position).await?,
    })
}

/// What all events up to `position` count for.
async fn at(
    pool: &Connections,
    topics: &[Topic],
    position: Position,
) -> Result<Counts, ApplyError> {
    let Some(day) = recorded_at(pool, position).await?.map(day_of) else {
        return Ok(Counts::default());
    };
    // Today's sum may count what came since: only a day with nothing after the position is whole.
    let (whole, _) = days(pool, topics, day).await?;
    if position_at(pool, end_of(day)).await? == position {
        return Ok(whole);
    }
    let (before, after) = match day.yesterday() {
        Ok(before) => (
            days(pool, topics, before).await?.0,
            position_at(pool, end_of(before)).await?,
        ),
        Err(_) => (Counts::default(), 0),
    };
    let mut counts = before;
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT event_type, outcome, counts FROM history WHERE position > $1 AND position <= $2",
    )
    .bind(after)
    .bind(position)
    .fetch_all(pool)
    .await?;
    for (event_type, outcome, text) in rows {
        let of = [event_type.as_str(), &outcome, ""];
        counts.add(day, Count::new(Topic::Events, "", of, 1));
        for count in decoded(&text)? {
            counts.add(day, count);
        }
    }
    Ok(counts)
}

/// What all days up to `last` add up to, and the position of the last event that the read models show; both of one moment.
async fn days(
    pool: &Connections,
    topics: &[Topic],
    last: Date,
) -> Result<(Counts, Position), ApplyError> {
    let quoted = |topics: &mut dyn Iterator<Item = &Topic>| {
        let names: Vec<String> = topics.map(|topic| format!("'{}'", topic.name())).collect();
        names.join(",")
    };
    let (all, by_day) = (
        // Every event is of one type: where anything is counted, that is, and the position comes with it.
        quoted(&mut topics.iter().chain([&Topic::Events])),
        quoted(&mut Topic::ALL.iter().filter(|topic| topic.by_day())),
    );
    let sql = format!(
        "SELECT topic, cohort, of_a, of_b, of_c, told_day, CAST(SUM(number) AS BIGINT) AS number, \
         (SELECT MAX(position) FROM history) AS head FROM (SELECT topic, cohort, of_a, of_b, of_c, number, \
         CASE WHEN topic IN ({by_day}) THEN day ELSE '' END AS told_day FROM history_counts \
         WHERE topic IN ({all}) AND day <= $1) AS counted GROUP BY topic, cohort, of_a, of_b, of_c, told_day"
    );
    let rows = sqlx::query(&sql)
        .bind(last.to_string())
        .fetch_all(pool)
        .await?;
    let mut counts = Counts::default();
    let mut head = 0;
    for row in &rows {
        let (day, count) = summed(row)?;
        counts.add(day, count);
        head = row.try_get("head")?;
    }
    Ok((counts, head))
}

fn summed(row: &AnyRow) -> Result<(Date, Count), ApplyError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let topic = text("topic")?;
    let day = text("told_day")?;
    let key = Key {
        topic: Topic::named(&topic).ok_or_else(|| unreadable(&topic))?,
        cohort: text("cohort")?,
        of: [text("of_a")?, text("of_b")?, text("of_c")?],
    };
    let number = row.try_get("number")?;
    let day = if day.is_empty() {
        Date::default()
    } else {
        day.parse().map_err(|_| unreadable(&day))?
    };
    Ok((day, Count { key, number }))
}

/// When the event at `position` was recorded; none, if there is none.
async fn recorded_at(
    pool: &Connections,
    position: Position,
) -> Result<Option<Timestamp>, ApplyError> {
    let recorded_at: Option<String> =
        sqlx::query_scalar("SELECT recorded_at FROM history WHERE position = $1")
            .bind(position)
            .fetch_optional(pool)
            .await?;
    Ok(recorded_at.as_deref().map(time_of).transpose()?)
}

fn end_of(day: Date) -> Timestamp {
    let last = day.at(23, 59, 59, 999_999_000);
    TOKYO.to_timestamp(last).unwrap_or(Timestamp::MAX)
}

async fn policy(pool: &Connections, position: Position) -> Result<String, ApplyError> {
    let payload: Option<String> = sqlx::query_scalar(
        "SELECT payload FROM history WHERE event_type = 'PolicyAdopted' AND position <= $1 \
         ORDER BY position DESC LIMIT 1",
    )
    .bind(position)
    .fetch_optional(pool)
    .await?;
    let Some(payload) = payload else {
        return Ok(String::new());
    };
    let payload: Value = serde_json::from_str(&payload).map_err(|_| unreadable("a policy"))?;
    Ok(label(&payload))
}

fn unreadable(what: &str) -> ApplyError {
    ApplyError::Unreadable(format!("{what} in the read model of reports"))
}

/// What an event counts for, as the read model keeps it beside the event. Its type and outcome stand there anyway.
pub(in crate::projections) fn encoded(counts: &[Count]) -> String {
    let rows: Vec<_> = counts
        .iter()
        .filter(|count| count.key.topic != Topic::Events)
        .map(|Count { key, number }| (key.topic.name(), &key.cohort, &key.of, number))
        .collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

fn decoded(text: &str) -> Result<Vec<Count>, ApplyError> {
    let rows: Vec<(String, String, [String; 3], i64)> =
        serde_json::from_str(text).map_err(|_| unreadable("a count"))?;
    rows.into_iter()
        .map(|(topic, cohort, of, number)| {
            let topic = Topic::named(&topic).ok_or_else(|| unreadable(&topic))?;
            let key = Key { topic, cohort, of };
            Ok(Count { key, number })
        })
        .collect()
}

/// The rows that add a batch's counts to the days'.
pub(in crate::projections) fn added(
    counts: impl IntoIterator<Item = ((Date, Key), i64)>,
    suffix: &str,
) -> Result<Insert, sqlx::Error> {
    let rows: Vec<_> = counts
        .into_iter()
        .map(|((day, key), number)| {
            let [a, b, c] = key.of;
            [
                Cell::from(day.to_string()),
                Cell::from(key.topic.name()),
                Cell::from(key.cohort),
                Cell::from(a),
                Cell::from(b),
                Cell::from(c),
                Cell::from(number),
            ]
        })
        .collect();
    Insert::new(
        format!(
            "INSERT INTO history_counts{suffix} AS known (day, topic, cohort, of_a, of_b, of_c, number)"
        ),
        &rows,
        "ON CONFLICT (topic, day, cohort, of_a, of_b, of_c) DO UPDATE SET number = known.number + excluded.number",
    )
}
