//! How long the whole way takes.

use std::collections::BTreeMap;

use super::counts::{Counts, Topic};
use super::groups::{Sum, shielded};
use super::numbers::Distribution;
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};

/// From what the time is counted: the first sign-in, or the first moment of the initial password.
const SINCE: [&str; 2] = ["first_sign_in", "valid_from"];

/// Percentiles that are told.
const PERCENTS: [i64; 5] = [10, 50, 75, 90, 95];

/// The column of the median.
const MEDIAN: usize = 4;

/// The upper ends of the bars of the histogram, in seconds; what is longer has a bar of its own.
const BARS: [i64; 12] = [
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    DAY,
    3 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    90 * DAY,
];
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Sum for Distribution {
    fn members(&self) -> i64 {
        self.count()
    }

    fn join(&mut self, other: Self) {
        Self::join(self, other);
    }
}

/// How long it took, by cohort; all together under the empty name.
fn by_cohort(counts: &Counts, since: &str) -> BTreeMap<String, Distribution> {
    let mut cohorts: BTreeMap<String, Distribution> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Took) {
        if key.of[0] == since
            && let Ok(seconds) = key.of[1].parse()
        {
            let cohort = cohorts.entry(key.cohort.clone()).or_default();
            cohort.add(seconds, number);
        }
    }
    cohorts
}

fn all(cohorts: &BTreeMap<String, Distribution>) -> Distribution {
    let mut all = Distribution::default();
    for cohort in cohorts.values() {
        all.join(cohort.clone());
    }
    all
}

pub(super) fn percentiles(counts: &Counts, basis: &Basis) -> Content {
    let mut rows = Vec::new();
    for since in SINCE {
        let cohorts = by_cohort(counts, since);
        let all = BTreeMap::from([(String::new(), all(&cohorts))]);
        for groups in [all, cohorts] {
            for (cohort, took) in shielded(groups, basis.asked.shield) {
                if took.count() == 0 {
                    continue;
                }
                let asked = basis.asked;
                let completed = Value::members(took.count(), asked);
                let mut row = vec![since.into(), cohort.into(), completed];
                row.extend(PERCENTS.map(|percent| took.told(percent, asked)));
                // The longest is one person's.
                row.push(Value::from(took.max()).hidden_if(asked.shield));
                rows.push(row);
            }
        }
    }
    Content {
        columns: vec![
            column("since", Kind::Word("since")),
            column("cohort", Kind::Cohort),
            column("completed", Kind::Number),
            column("seconds_p10", Kind::Seconds),
            column("seconds_p50", Kind::Seconds),
            column("seconds_p75", Kind::Seconds),
            column("seconds_p90", Kind::Seconds),
            column("seconds_p95", Kind::Seconds),
            column("seconds_max", Kind::Seconds),
        ],
        rows,
        plot: Some(Plot {
            labels: &[0, 1],
            length: MEDIAN,
            whole: None,
        }),
    }
}

pub(super) fn histogram(counts: &Counts, basis: &Basis) -> Content {
    let mut rows = Vec::new();
    for since in SINCE {
        let took = all(&by_cohort(counts, since));
        let mut least = -1;
        for most in BARS.into_iter().chain([i64::MAX]) {
            let members = took.between(least, most);
            let up_to = if most == i64::MAX {
                Value::None
            } else {
                most.into()
            };
            rows.push(vec![
                since.into(),
                up_to,
                Value::members(members, basis.asked),
            ]);
            least = most;
        }
    }
    Content {
        columns: vec![
            column("since", Kind::Word("since")),
            column("seconds_up_to", Kind::Seconds),
            column("completed", Kind::Number),
        ],
        rows,
        plot: Some(Plot {
            labels: &[0, 1],
            length: 2,
            whole: None,
        }),
    }
}
