//! How many mails may leave in an hour and in a day, counted from the moments of those that left.

use jiff::{SignedDuration, Timestamp};

use super::later;
use crate::domain::policy::MailLimits;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Remembers a mail, and forgets those older than a day, which no limit counts.
pub(super) fn note(sent: &mut Vec<Timestamp>, at: Timestamp) {
    sent.retain(|&earlier| at.duration_since(earlier) < DAY);
    sent.push(at);
}

/// Whether the hourly and daily limits leave room for a mail at `at`; if not, the moment from which they do.
pub(super) fn room(
    sent: &[Timestamp],
    at: Timestamp,
    limits: &MailLimits,
) -> Result<(), Timestamp> {
    let hour = room_within(sent, at, limits.per_hour, HOUR);
    let day = room_in_a_day(sent, at, limits.per_day);
    match (hour, day) {
        (Err(hour), Err(day)) => Err(hour.max(day)),
        (hour, day) => hour.and(day),
    }
}

/// Whether fewer than `most` mails left in the last day; if not, the moment from which that is so.
pub(super) fn room_in_a_day(sent: &[Timestamp], at: Timestamp, most: u32) -> Result<(), Timestamp> {
    room_within(sent, at, most, DAY)
}

fn room_within(
    sent: &[Timestamp],
    at: Timestamp,
    most: u32,
    window: SignedDuration,
) -> Result<(), Timestamp> {
    let mut within: Vec<Timestamp> = sent
        .iter()
        .copied()
        .filter(|&earlier| at.duration_since(earlier) < window)
        .collect();
    within.sort_unstable_by(|a, b| b.cmp(a));
    // There is room again when the oldest of the `most` newest falls out of the window.
    let deciding = usize::try_from(most)
        .ok()
        .and_then(|most| most.checked_sub(1));
    match deciding.and_then(|index| within.get(index)) {
        Some(&oldest) => Err(later(oldest, window)),
        None => Ok(()),
    }
}
