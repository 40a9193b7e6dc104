//! Who has stopped on the way and is to be reminded, and what was sent: queries to what the read models of status and history hold.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::history::search::position_at;
use super::status::MemberStatus;
use crate::database::{Connections, fixed_width};
use crate::domain::delivery::MailKind;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Step;
use crate::domain::policy::{Limits, ReminderLimits, Sent};
use crate::domain::values::TOKYO;
use crate::subscription::{ApplyError, Position};

/// Members looked at together.
const AT_ONCE: i64 = 200;

/// Days back and ahead that an overview tells.
const DAYS: usize = 14;

/// A member to whom a reminder is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Who.
    pub member: MemberId,
    /// The cohort.
    pub cohort: String,
    /// The step they have stopped at.
    pub step: Step,
    /// Which stage it is, in the policy's days.
    pub after_days: u32,
}

/// Some of those to whom a reminder is due, and where to go on.
#[derive(Debug, Default)]
pub struct Page {
    /// Who, those who have waited longest first.
    pub due: Vec<Due>,
    /// The place after which the next page begins; none, if there is no further one.
    pub next: Option<Place>,
}

/// A place in the order of waiting: since when, and the member's id.
#[derive(Clone, Debug, Default)]
pub struct Place(String, String);

/// What is due, what goes when, and what went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// To how many members a reminder is due, by step, stage and cohort.
    pub due: BTreeMap<(Step, u32, String), u64>,
    /// How many go on which day, if no more come due; the days after those are left out.
    pub to_go: Vec<(Date, u64)>,
    /// What went on the last days, the latest first; days without any are left out.
    pub gone: BTreeMap<std::cmp::Reverse<Date>, Gone>,
}

/// What went on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Reminders that were asked for.
    pub asked: i64,
    /// Mails that the server took.
    pub accepted: i64,
    /// Mails that could not be delivered.
    pub failed: i64,
    /// Mails that were no longer wanted when their turn came.
    pub skipped: i64,
}

/// Some members to whom a reminder is due at `now`, judged by the rules themselves.
///
/// # Errors
/// The database is away. Rows that cannot be read are passed over, and told in the program's own log.
pub async fn due(
    pool: &Connections,
    limits: &Limits,
    now: Timestamp,
    after: &Place,
) -> Result<Page, ApplyError> {
    let Some(reminders) = &limits.reminders else {
        return Ok(Page::default());
    };
    let rows: Vec<(String, String, String)> = sqlx::query_as(&statement(reminders, now))
        .bind(&after.0)
        .bind(&after.1)
        .bind(AT_ONCE)
        .fetch_all(pool)
        .await?;
    let whole = rows.len() == usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    let last = rows
        .last()
        .map(|(member, since, _)| (since.clone(), member.clone()));
    let mut page = Page {
        due: Vec::with_capacity(rows.len()),
        next: last
            .filter(|_| whole)
            .map(|(since, member)| Place(since, member)),
    };
    let mut unreadable = 0;
    for (member, _, status) in rows {
        match (member.parse(), serde_json::from_str(&status)) {
            (Ok(member), Ok(status)) => page.due.extend(judged(member, status, limits, now)),
            _ => unreadable += 1,
        }
    }
    if unreadable > 0 {
        tracing::warn!(
            rows = unreadable,
            "rows of member_status cannot be read, and nobody is reminded by them; `kadode rebuild member_status` mends them"
        );
    }
    Ok(page)
}

/// What is due to a member by the rules. What has come due of itself counts: a command would be judged with it.
fn judged(member: MemberId, status: MemberStatus, limits: &Limits, now: Timestamp) -> Option<Due> {
    let status = status.as_of(now);
    let since = status.waits_since()?;
    let state = status.state;
    let after_days = state.reminder_due(now, limits, since)?;
    Some(Due {
        member,
        step: state.stands_at(),
        cohort: state.enrolment?.cohort,
        after_days,
    })
}

/// Asks for a page of members who have waited for a stage that they were not reminded of yet, and can go on. Whoever is not among them is passed
/// over within the index.
fn statement(reminders: &ReminderLimits, now: Timestamp) -> String {
    let stages: Vec<String> = reminders
        .stages(now)
        .map(|(days, begun)| {
            let begun = fixed_width(begun);
            format!("waits_since <= '{begun}' AND reminded_after < {days}")
        })
        .collect();
    let first = reminders.stages(now).next().map_or(now, |(_, begun)| begun);
    format!(
        "SELECT member_id, waits_since, status FROM member_status \
         WHERE waits_since >= $1 AND waits_since <= '{}' AND (waits_since > $1 OR member_id > $2) \
         AND (waits_until IS NULL OR waits_until > '{}') AND ({}) ORDER BY waits_since, member_id LIMIT $3",
        fixed_width(first),
        fixed_width(now),
        stages.join(" OR ")
    )
}

/// How many reminders were asked for in this hour and on this day, as far as the read models show.
///
/// # Errors
/// The database is away.
pub async fn sent(pool: &Connections, now: Timestamp) -> Result<Sent, ApplyError> {
    let local = TOKYO.to_datetime(now);
    let midnight = local.date().at(0, 0, 0, 0);
    let hour = local.date().at(local.hour(), 0, 0, 0);
    let mut counts = [0, 0];
    for (count, begin) in counts.iter_mut().zip([hour, midnight]) {
        let begin = TOKYO.to_timestamp(begin).unwrap_or(now);
        let before = begin.checked_sub(SignedDuration::from_micros(1));
        let position = position_at(pool, before.unwrap_or(begin)).await?;
        *count = sent_after(pool, position).await?;
    }
    let [this_hour, today] = counts;
    Ok(Sent { this_hour, today })
}

/// How many were asked for after a position in the log, as far as the read models show.
///
/// # Errors
/// The database is away.
pub async fn sent_after(pool: &Connections, position: Position) -> Result<u32, ApplyError> {
    let asked: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM history WHERE event_type = 'MemberReminded' AND position > $1",
    )
    .bind(position)
    .fetch_one(pool)
    .await?;
    Ok(u32::try_from(asked).unwrap_or(u32::MAX))
}

/// What is due, what goes when, and what went.
///
/// # Errors
/// As [`due`].
pub async fn overview(
    pool: &Connections,
    limits: &Limits,
    now: Timestamp,
) -> Result<Overview, ApplyError> {
    let mut overview = Overview {
        gone: gone(pool, now).await?,
        ..Overview::default()
    };
    let mut place = Some(Place::default());
    while let Some(after) = place {
        let page = due(pool, limits, now, &after).await?;
        for it in page.due {
            let group = (it.step, it.after_days, it.cohort);
            *overview.due.entry(group).or_default() += 1;
        }
        place = page.next;
    }
    if let Some(reminders) = &limits.reminders {
        let due = overview.due.values().sum();
        let sent = sent(pool, now).await?;
        overview.to_go = reminders.days_of(due, sent, now, DAYS);
    }
    Ok(overview)
}

async fn gone(
    pool: &Connections,
    now: Timestamp,
) -> Result<BTreeMap<std::cmp::Reverse<Date>, Gone>, ApplyError> {
    let days = i64::try_from(DAYS).unwrap_or(i64::MAX);
    let since = TOKYO.to_datetime(now).date().saturating_sub(days.days());
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT day, of_a, of_c, number FROM history_counts WHERE day > $1 \
         AND (topic = 'events' AND of_a = 'MemberReminded' OR topic = 'mails' AND of_a = $2)",
    )
    .bind(since.to_string())
    .bind(MailKind::Reminder.name())
    .fetch_all(pool)
    .await?;
    let mut gone: BTreeMap<_, Gone> = BTreeMap::new();
    for (day, what, became, number) in rows {
        let day: Date = day
            .parse()
            .map_err(|_| ApplyError::Unreadable(format!("{day} as a day")))?;
        let gone = gone.entry(std::cmp::Reverse(day)).or_default();
        let (outcome, _) = became.split_once(' ').unwrap_or((&became, ""));
        match (what.as_str(), outcome) {
            ("MemberReminded", _) => gone.asked += number,
            (_, "accepted") => gone.accepted += number,
            (_, "failed") => gone.failed += number,
            (_, _) => gone.skipped += number,
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::database::{Database, MAIN};

    async fn database() -> (Database, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
        let database = Database::open(&url).await.unwrap();
        database.migrate(&MAIN).await.unwrap();
        (database, folder)
    }

    /// It is asked every minute, of all members there are.
    #[tokio::test]
    async fn who_is_to_be_reminded_is_found_by_an_index() {
        let (database, _folder) = database().await;
        let sql = statement(&ReminderLimits::default(), Timestamp::UNIX_EPOCH);
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let plan = sqlx::query(&sql)
            .bind("")
            .bind("")
            .bind(1_i64)
            .fetch_all(&database.read);
        let plan = plan.await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert_eq!(
            plan,
            [
                "SEARCH member_status USING INDEX member_status_waiting (waits_since>? AND waits_since<?)"
            ]
        );
    }

    #[tokio::test]
    async fn who_can_go_on_no_more_or_was_told_the_last_stage_is_not_read() {
        let (database, _folder) = database().await;
        let stored = sqlx::query(
            "INSERT INTO member_status (member_id, status, waits_since, waits_until, reminded_after) VALUES \
             ('due', '', '2026-04-01', NULL, 7), ('due too', '', '2026-04-01', '2026-05-02', 0), \
             ('ended', '', '2026-04-01', '2026-05-01', 0), ('told all', '', '2026-04-01', NULL, 14), \
             ('too early', '', '2026-04-30', NULL, 0)",
        );
        stored.execute(&database.write).await.unwrap();
        let now = "2026-05-01T09:00:00Z".parse().unwrap();
        let sql = statement(&ReminderLimits::default(), now);
        let rows: Vec<(String, String, String)> = sqlx::query_as(&sql)
            .bind("")
            .bind("")
            .bind(9_i64)
            .fetch_all(&database.read)
            .await
            .unwrap();
        let found: Vec<&str> = rows.iter().map(|(member, _, _)| member.as_str()).collect();
        assert_eq!(found, ["due", "due too"]);
    }
}
