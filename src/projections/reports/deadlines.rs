//! When initial passwords end, and whose have ended.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::counting::day_of;
use super::counts::{Counts, Topic};
use super::groups::{Sum, shielded};
use super::report::{Basis, Kind, Plot, Value};
use super::track::State;
use super::{Content, column};

#[derive(Default)]
struct Open {
    not_started: i64,
    in_progress: i64,
}

impl Sum for Open {
    fn members(&self) -> i64 {
        self.not_started + self.in_progress
    }

    fn join(&mut self, other: Self) {
        self.not_started += other.not_started;
        self.in_progress += other.in_progress;
    }
}

pub(super) fn deadlines(counts: &Counts, basis: &Basis) -> Content {
    let mut ends: BTreeMap<Timestamp, BTreeMap<String, Open>> = BTreeMap::new();
    for (key, number) in counts.of(Topic::InState) {
        // Without an end: there is a password of the member's own.
        let Ok(end) = key.of[1].parse::<Timestamp>() else {
            continue;
        };
        let open = ends
            .entry(end)
            .or_default()
            .entry(key.cohort.clone())
            .or_default();
        if key.of[0] == State::NotStarted.name() {
            open.not_started += number;
        } else {
            open.in_progress += number;
        }
    }
    let mut rows = Vec::new();
    for (end, cohorts) in ends {
        let over = if end <= basis.as_of { "yes" } else { "no" };
        let left = day_of(end) - day_of(basis.as_of);
        for (cohort, open) in shielded(cohorts, basis.asked.shield) {
            rows.push(vec![
                Value::Moment(end),
                cohort.into(),
                Value::members(open.not_started, basis.asked),
                Value::members(open.in_progress, basis.asked),
                i64::from(left.get_days()).into(),
                over.into(),
            ]);
        }
    }
    Content {
        columns: vec![
            column("expires_at", Kind::Moment),
            column("cohort", Kind::Cohort),
            column("not_started", Kind::Number),
            column("in_progress", Kind::Number),
            column("days_left", Kind::Number),
            column("expired", Kind::Word("yes_no")),
        ],
        rows,
        plot: Some(Plot {
            labels: &[0, 1],
            length: 2,
            whole: None,
        }),
    }
}
