//! When reminders go to those who have stopped on the way, and how many the society sends.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::limits::between;
use crate::domain::values::TOKYO;

/// Reminders; where the section is there, a key left out has the default that stands here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReminderLimits {
    /// Days at one step after which a member gets a reminder, one for each number. Judgement: after three days a pause has become a stop, and
    /// the last one leaves time before the initial credentials end.
    #[serde(deserialize_with = "stages")]
    pub after_days: Vec<u32>,
    /// At most so many to all members in an hour of the clock.
    #[serde(deserialize_with = "between::<_, 1, 10_000>")]
    pub per_hour: u32,
    /// At most so many to all members in a day of Tokyo's calendar. Judgement: what the society's telephone can answer.
    #[serde(deserialize_with = "between::<_, 1, 100_000>")]
    pub per_day: u32,
    /// From which hour to which they go, in Tokyo; the second is not part of it. Judgement: by day.
    #[serde(deserialize_with = "hours")]
    pub hours: [i8; 2],
}

impl Default for ReminderLimits {
    fn default() -> Self {
        Self {
            after_days: vec![3, 7, 14],
            per_hour: 200,
            per_day: 1000,
            hours: [9, 20],
        }
    }
}

/// How many reminders the society has sent of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// In this hour of the clock.
    pub this_hour: u32,
    /// On this day of Tokyo's calendar.
    pub today: u32,
}

impl ReminderLimits {
    /// The last stage whose days have passed at `at`.
    #[must_use]
    pub fn stage(&self, since: Timestamp, at: Timestamp) -> Option<u32> {
        let passed = |days: &&u32| since <= begun(at, **days);
        self.after_days.iter().rev().find(passed).copied()
    }

    /// The stages, each with the moment at or before which a wait has begun that has come to it at `at`.
    pub fn stages(&self, at: Timestamp) -> impl Iterator<Item = (u32, Timestamp)> {
        self.after_days
            .iter()
            .map(move |days| (*days, begun(at, *days)))
    }

    /// Whether reminders go at that time of the day.
    #[must_use]
    pub fn go_at(&self, at: Timestamp) -> bool {
        let [from, to] = self.hours;
        (from..to).contains(&TOKYO.to_datetime(at).hour())
    }

    /// The first moment from `at` on at which they go.
    #[must_use]
    pub fn next_moment(&self, at: Timestamp) -> Timestamp {
        if self.go_at(at) {
            return at;
        }
        let local = TOKYO.to_datetime(at);
        let [from, _] = self.hours;
        let day = if local.hour() < from {
            local.date()
        } else {
            local.date().saturating_add(1.day())
        };
        TOKYO.to_timestamp(day.at(from, 0, 0, 0)).unwrap_or(at)
    }

    /// How many more may go in this hour.
    #[must_use]
    pub fn room(&self, sent: Sent) -> u32 {
        let hour = self.per_hour.saturating_sub(sent.this_hour);
        hour.min(self.per_day.saturating_sub(sent.today))
    }

    /// How many of `due` go on which day, if no more come due; at most so many days.
    #[must_use]
    pub fn days_of(&self, due: u64, sent: Sent, now: Timestamp, most: usize) -> Vec<(Date, u64)> {
        let [from, to] = self.hours;
        let local = TOKYO.to_datetime(now);
        let hours_from = |first: i8| u64::from((to - first.max(from)).max(0).unsigned_abs());
        let per_day = u64::from(self.per_day);
        let in_hours = |hours: u64| hours * u64::from(self.per_hour);
        let this_hour = if self.go_at(now) {
            u64::from(self.per_hour.saturating_sub(sent.this_hour))
        } else {
            0
        };
        let today = (this_hour + in_hours(hours_from(local.hour() + 1)))
            .min(per_day.saturating_sub(sent.today.into()));
        let later = in_hours(hours_from(from)).min(per_day);
        let mut left = due;
        let mut days = Vec::new();
        let mut day = local.date();
        while left > 0 && days.len() < most {
            let room = if days.is_empty() { today } else { later };
            let go = left.min(room);
            days.push((day, go));
            left -= go;
            day = day.saturating_add(1.day());
        }
        days
    }
}

/// When a wait of so many days has begun.
fn begun(at: Timestamp, days: u32) -> Timestamp {
    let wait = SignedDuration::from_hours(24 * i64::from(days));
    at.saturating_sub(wait).unwrap_or(Timestamp::MIN)
}

/// The most reminders that somebody gets at one step (judgement: more is a nuisance), and the longest wait before one.
const STAGES: usize = 5;
const LONGEST_DAYS: u32 = 90;

fn stages<'de, D>(deserializer: D) -> Result<Vec<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    let days = Vec::<u32>::deserialize(deserializer)?;
    let ascend = days.is_sorted_by(|a, b| a < b);
    let in_range = days.iter().all(|days| (1..=LONGEST_DAYS).contains(days));
    if ascend && in_range && (1..=STAGES).contains(&days.len()) {
        Ok(days)
    } else {
        Err(D::Error::custom(format!(
            "must be one to {STAGES} numbers of days from 1 to {LONGEST_DAYS}, each larger than the one before"
        )))
    }
}

/// No reminder comes at night.
const EARLIEST: i8 = 6;
const LATEST: i8 = 22;

fn hours<'de, D>(deserializer: D) -> Result<[i8; 2], D::Error>
where
    D: Deserializer<'de>,
{
    let [from, to] = <[i8; 2]>::deserialize(deserializer)?;
    if EARLIEST <= from && from < to && to <= LATEST {
        Ok([from, to])
    } else {
        Err(D::Error::custom(format!(
            "must be two hours from {EARLIEST} to {LATEST}, the second later than the first"
        )))
    }
}
