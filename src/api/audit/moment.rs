//! Moments as those who review the history give them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::values::TOKYO;

/// How long after its moment an event may come into view: it is given its moment before it is committed, and no statement takes longer than
/// half a minute.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

/// The moment that all there is counts as of, where no moment was asked for or one that is yet to come: a while ago, or that of the last
/// event if that is later; else whoever asks for that moment again would get one event more.
#[must_use]
pub fn settled(last_event: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let settled = now.checked_sub(SETTLED).unwrap_or(now);
    last_event.map_or(settled, |last| last.max(settled))
}

/// A moment as of which something is asked: with its offset as it is, without one as clocks in Japan show it, and a bare date means its end.
#[must_use]
pub fn end_of(text: &str) -> Option<Timestamp> {
    match text.parse::<Date>() {
        Ok(date) if is_bare(text) => {
            let next = start(date.tomorrow().ok()?)?;
            // The log counts microseconds.
            next.checked_sub(SignedDuration::from_micros(1)).ok()
        }
        _ => exact(text),
    }
}

/// A moment from which something is asked: the same, but a bare date means its beginning.
#[must_use]
pub fn start_of(text: &str) -> Option<Timestamp> {
    match text.parse::<Date>() {
        Ok(date) if is_bare(text) => start(date),
        _ => exact(text),
    }
}

/// A date parses from the front of a longer text too.
const fn is_bare(text: &str) -> bool {
    text.len() == "2026-04-10".len()
}

fn start(date: Date) -> Option<Timestamp> {
    in_tokyo(date.at(0, 0, 0, 0))
}

fn exact(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    text.parse::<DateTime>()
        .ok()
        .filter(|_| text.contains('T'))
        .and_then(in_tokyo)
}

fn in_tokyo(moment: DateTime) -> Option<Timestamp> {
    let zoned = moment.to_zoned(TimeZone::fixed(TOKYO)).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{end_of, start_of};

    fn shown(moment: Option<jiff::Timestamp>) -> String {
        moment.map_or_else(String::new, |moment| moment.to_string())
    }

    #[test]
    fn a_bare_date_is_a_day_in_tokyo_from_its_beginning_to_its_end() {
        assert_eq!(shown(start_of("2026-04-10")), "2026-04-09T15:00:00Z");
        assert_eq!(shown(end_of("2026-04-10")), "2026-04-10T14:59:59.999999Z");
    }

    #[test]
    fn a_time_without_an_offset_is_tokyos_and_one_with_an_offset_is_its_own() {
        for read in [start_of, end_of] {
            assert_eq!(shown(read("2026-04-10T09:00")), "2026-04-10T00:00:00Z");
            assert_eq!(
                shown(read("2026-04-10T09:00:01.5")),
                "2026-04-10T00:00:01.5Z"
            );
            assert_eq!(shown(read("2026-04-10T09:00:00Z")), "2026-04-10T09:00:00Z");
            assert_eq!(
                shown(read("2026-04-10T09:00:00-05:00")),
                "2026-04-10T14:00:00Z"
            );
        }
    }

    #[test]
    fn anything_else_is_no_moment() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-04",
            "10:00",
            "2026-04-10 x",
        ] {
            assert_eq!(end_of(text), None, "{text}");
            assert_eq!(start_of(text), None, "{text}");
        }
    }
}
