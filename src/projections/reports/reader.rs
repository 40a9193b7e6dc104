//! Reads what was counted as of any moment: whole days are added up, of the moment's own day the parts of the log that were over, and then
//! event by event.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::counting::{day_of, label};
use super::counts::{Counts, Topic};
use super::stored::{BETWEEN, Kept, WITHIN, before_part, unpacked, unreadable, whole_parts};
use super::{Name, topics};
use crate::database::{Connections, time_of};
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
        None => days(pool, topics, Until::Now).await?,
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
    let head: Option<Position> = sqlx::query_scalar("SELECT MAX(position) FROM history")
        .fetch_one(pool)
        .await?;
    // Fewer days are read from the nearer end.
    let until = |day| {
        if position > head.unwrap_or(0) / 2 {
            Until::EndLessLater(day)
        } else {
            Until::End(day)
        }
    };
    let is_whole = async || Ok::<_, ApplyError>(position_at(pool, end_of(day)).await? == position);
    if is_whole().await? {
        let (whole, _) = days(pool, topics, until(day)).await?;
        // It may count what came since: only a day with nothing after the position is whole.
        if is_whole().await? {
            return Ok(whole);
        }
    }
    let (mut counts, after) = match day.yesterday() {
        Ok(before) => (
            days(pool, topics, until(before)).await?.0,
            position_at(pool, end_of(before)).await?,
        ),
        Err(_) => (Counts::default(), 0),
    };
    add_within_day(pool, topics, day, (after, position), &mut counts).await?;
    Ok(counts)
}

/// Adds what the events after `after` up to `position` count for, all of `day`: by parts of the log that are over, and of the last part
/// event by event.
async fn add_within_day(
    pool: &Connections,
    topics: &[Topic],
    day: Date,
    (after, position): (Position, Position),
    counts: &mut Counts,
) -> Result<(), ApplyError> {
    let parts = whole_parts(position);
    let rows = sqlx::query(&format!(
        "SELECT topic, day AS told_day, counts FROM history_parts WHERE topic IN ({}) AND day = $1 AND part < $2",
        quoted(topics)
    ))
    .persistent(false)
    .bind(day.to_string())
    .bind(parts)
    .fetch_all(pool)
    .await?;
    for row in &rows {
        add_packed(row, counts)?;
    }
    let after = after.max(before_part(parts));
    for kept in Kept::between(pool, "history", (after, position)).await? {
        let (day, of_event) = kept.counts()?;
        for count in of_event {
            if topics.contains(&count.key.topic) {
                counts.add(day, count);
            }
        }
    }
    Ok(())
}

/// Which days are added up.
#[derive(Clone, Copy)]
enum Until {
    /// All there are.
    Now,
    /// Those up to this one.
    End(Date),
    /// The same, as all less those after it.
    EndLessLater(Date),
}

/// What days add up to, and the position of the last event that the read models show; both of one moment.
async fn days(
    pool: &Connections,
    topics: &[Topic],
    until: Until,
) -> Result<(Counts, Position), ApplyError> {
    // Every event is of one type: where anything is counted, that is, and the position comes with it.
    let topics = topics.iter().chain([&Topic::Events]);
    let (by_day, summed_up): (Vec<&Topic>, Vec<&Topic>) = topics.partition(|topic| topic.by_day());
    let (by_day, summed_up) = (quoted(by_day), quoted(summed_up));
    let part = |told_day: &str, number: &str, which: &str| {
        format!(
            "SELECT topic, cohort, of_a, of_b, of_c, {told_day} AS told_day, {number} AS number FROM history_counts WHERE {which}"
        )
    };
    let all = part(
        "''",
        "number",
        &format!("topic IN ({summed_up}) AND day = ''"),
    );
    let last = match until {
        Until::Now => Date::MAX,
        Until::End(day) | Until::EndLessLater(day) => day,
    };
    let mut parts = match until {
        Until::Now => vec![all],
        Until::End(_) => vec![part(
            "''",
            "number",
            &format!("topic IN ({summed_up}) AND day > '' AND day <= $1"),
        )],
        Until::EndLessLater(_) => vec![
            all,
            part(
                "''",
                "-number",
                &format!("topic IN ({summed_up}) AND day > $1"),
            ),
        ],
    };
    if !by_day.is_empty() {
        parts.push(part(
            "day",
            "number",
            &format!("topic IN ({by_day}) AND day <= $1"),
        ));
    }
    // Of all there are, each has one row already: to group them would take longer than to read them.
    let (number, grouped) = match until {
        Until::Now => ("number", "WHERE number <> 0"),
        Until::End(_) | Until::EndLessLater(_) => (
            "CAST(SUM(number) AS BIGINT)",
            "GROUP BY topic, cohort, of_a, of_b, of_c, told_day HAVING SUM(number) <> 0",
        ),
    };
    let sql = packed(&format!(
        "SELECT topic, cohort, of_a, of_b, of_c, told_day, {number} AS number FROM ({}) AS counted {grouped}",
        parts.join(" UNION ALL ")
    ));
    // Planned anew each time, for this very day: what does for most days may read all of them for the last.
    let mut query = sqlx::query(&sql).persistent(false);
    if sql.contains("$1") {
        query = query.bind(last.to_string());
    }
    let rows = query.fetch_all(pool).await?;
    let mut counts = Counts::default();
    let mut head = 0;
    for row in &rows {
        add_packed(row, &mut counts)?;
        head = row.try_get("head")?;
    }
    Ok((counts, head))
}

fn quoted<'a>(topics: impl IntoIterator<Item = &'a Topic>) -> String {
    let names: Vec<String> = topics
        .into_iter()
        .map(|topic| format!("'{}'", topic.name()))
        .collect();
    names.join(",")
}

/// Gets what `counted` selects in one row for each topic and day: a driver takes longer for tens of thousands of rows than databases take
/// to add them up.
fn packed(counted: &str) -> String {
    let within = format!(" || '{WITHIN}' || ");
    let count = ["cohort", "of_a", "of_b", "of_c", "CAST(number AS TEXT)"].join(&within);
    format!(
        "SELECT topic, told_day, string_agg({count}, '{BETWEEN}') AS counts, (SELECT MAX(position) FROM history) AS head \
         FROM ({counted}) AS added_up GROUP BY topic, told_day"
    )
}

/// Adds a row of that.
fn add_packed(row: &AnyRow, counts: &mut Counts) -> Result<(), ApplyError> {
    let topic: &str = row.try_get("topic")?;
    let topic = Topic::named(topic).ok_or_else(|| unreadable(topic))?;
    let day = match row.try_get("told_day")? {
        "" => Date::default(),
        day => day.parse().map_err(|_| unreadable(day))?,
    };
    for count in unpacked(topic, row.try_get("counts")?) {
        counts.add(day, count?);
    }
    Ok(())
}

/// When the event at `position` was recorded; none, if there is none.
///
/// # Errors
/// The database is away.
pub async fn recorded_at(
    pool: &Connections,
    position: Position,
) -> Result<Option<Timestamp>, ApplyError> {
    let recorded_at: Option<String> = sqlx::query_scalar(
        "SELECT recorded_at FROM history WHERE position <= $1 ORDER BY position DESC LIMIT 1",
    )
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
