//! How far members have come: by cohort and month of joining, and day by day.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;

use super::counts::{Counts, Topic};
use super::groups::{SMALL_GROUPS, Sum, keep_hidden, shielded};
use super::numbers::{DAY, Distribution};
use super::report::{Asked, Basis, Kind, Plot, SMALL, Value};
use super::{Content, column};
use crate::domain::onboarding::Step;

#[derive(Default)]
struct Way {
    imported: i64,
    /// Members who did each step.
    done: BTreeMap<&'static str, i64>,
    took: Distribution,
}

impl Sum for Way {
    fn members(&self) -> i64 {
        self.imported
    }

    fn join(&mut self, other: Self) {
        self.imported += other.imported;
        for (step, members) in other.done {
            *self.done.entry(step).or_default() += members;
        }
        self.took.join(other.took);
    }
}

/// The columns that count members: those imported, each step.
const COUNTS: Range<usize> = 2..3 + Step::ALL.len();

/// What members are put together by.
#[derive(Clone, Copy)]
enum By {
    All,
    Cohort,
    Joined,
}

impl By {
    const ALL: [Self; 3] = [Self::All, Self::Cohort, Self::Joined];

    const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Cohort => "cohort",
            Self::Joined => "joined_month",
        }
    }

    fn group(self, cohort: &str, joined: &str) -> String {
        match self {
            Self::All => String::new(),
            Self::Cohort => cohort.to_owned(),
            Self::Joined => joined.to_owned(),
        }
    }
}

pub(super) fn by_group(counts: &Counts, basis: &Basis) -> Content {
    let mut columns = vec![
        column("by", Kind::Word("by")),
        column("group", Kind::Cohort),
        column("imported", Kind::Number),
    ];
    columns.extend(Step::ALL.map(|step| column(step.name(), Kind::Number)));
    columns.extend([
        column("percent", Kind::Percent),
        column("median_days", Kind::Days),
    ]);
    let groups = By::ALL.map(|by| rows_by(by, counts, basis.asked));
    let rows = keep_hidden_by(groups.into());
    let percent = columns.len() - 2;
    Content {
        columns,
        rows,
        plot: Some(Plot {
            labels: &[0, 1],
            length: percent,
            whole: None,
        }),
    }
}

fn rows_by(by: By, counts: &Counts, asked: Asked) -> Vec<Vec<Value>> {
    let mut groups: BTreeMap<String, Way> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Enrolled) {
        let way = groups.entry(by.group(&key.cohort, &key.of[0])).or_default();
        way.imported += number;
    }
    let (done, took) = match by {
        By::All | By::Cohort => (Topic::Done, Topic::Took),
        By::Joined => (Topic::DoneByJoined, Topic::TookByJoined),
    };
    for (key, number) in counts.of(done) {
        let step = Step::ALL.iter().find(|step| step.name() == key.of[0]);
        let Some(step) = step else { continue };
        let way = groups.entry(by.group(&key.cohort, &key.of[1])).or_default();
        *way.done.entry(step.name()).or_default() += number;
    }
    for (key, number) in counts.of(took) {
        let (number_of, unit, joined) = match (took, &key.of) {
            (Topic::Took, [since, seconds, _]) if since == "valid_from" => (seconds, 1, ""),
            (Topic::TookByJoined, [days, joined, _]) => (days, DAY, joined.as_str()),
            _ => continue,
        };
        if let Ok(time) = number_of.parse::<i64>() {
            let way = groups.entry(by.group(&key.cohort, joined)).or_default();
            way.took.add(time.saturating_mul(unit), number);
        }
    }
    shielded(groups, asked.shield)
        .into_iter()
        .map(|(group, way)| {
            let done = |step: Step| way.done.get(step.name()).copied().unwrap_or_default();
            let imported = Value::members(way.imported, asked);
            let mut row = vec![by.name().into(), group.into(), imported];
            row.extend(Step::ALL.map(|step| Value::members(done(step), asked)));
            row.push(Value::percent(done(Step::Completed), way.imported));
            let median = Value::days(way.took.percentile(50));
            row.push(median.hidden_if(way.took.hides(50, asked)));
            row
        })
        .collect()
}

/// Nothing hidden follows from the row of all together, or from a share.
fn keep_hidden_by(groups: Vec<Vec<Vec<Value>>>) -> Vec<Vec<Value>> {
    let mut groups = groups.into_iter();
    let mut told = groups.next().unwrap_or_default();
    let all = told.first().cloned();
    for mut rows in groups {
        rows.splice(0..0, all.clone());
        keep_hidden(&mut rows, COUNTS, false);
        told.extend(rows.into_iter().skip(usize::from(all.is_some())));
    }
    for row in &mut told {
        if row[COUNTS.end - 1] == Value::Hidden || row[COUNTS.start] == Value::Hidden {
            row[COUNTS.end] = Value::Hidden;
        }
    }
    told
}

#[derive(Clone, Copy, Default)]
struct Day {
    imported: i64,
    completed: i64,
}

pub(super) fn by_day(counts: &Counts, basis: &Basis) -> Content {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for (day, _, number) in counts.by_day(Topic::Imported) {
        days.entry(day).or_default().imported += number;
    }
    for (day, _, number) in counts.by_day(Topic::Completed) {
        days.entry(day).or_default().completed += number;
    }
    let mut total = Day::default();
    let mut since = None;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut span = Day::default();
    let few = |number: i64| number > 0 && number < SMALL;
    for (day, brought) in days {
        let from = *since.get_or_insert(day);
        for sum in [&mut total, &mut span] {
            sum.imported += brought.imported;
            sum.completed += brought.completed;
        }
        // Days of few members go together with the next, since the sums would tell them apart.
        if basis.asked.shield && (few(span.imported) || few(span.completed)) {
            continue;
        }
        rows.push(row_of(from, day, span, total));
        since = None;
        span = Day::default();
    }
    if since.is_some() {
        // The last few are not told yet: what follows will take them along.
        rows.push(vec![
            SMALL_GROUPS.into(),
            Value::None,
            Value::Hidden,
            Value::Hidden,
            Value::Hidden,
            Value::Hidden,
            Value::Hidden,
        ]);
    }
    Content {
        columns: vec![
            column("from", Kind::Date),
            column("day", Kind::Date),
            column("imported", Kind::Number),
            column("completed", Kind::Number),
            column("imported_so_far", Kind::Number),
            column("completed_so_far", Kind::Number),
            column("percent", Kind::Percent),
        ],
        rows,
        plot: Some(Plot {
            labels: &[1],
            length: 5,
            whole: Some(4),
        }),
    }
}

fn row_of(from: Date, day: Date, span: Day, total: Day) -> Vec<Value> {
    vec![
        from.into(),
        day.into(),
        span.imported.into(),
        span.completed.into(),
        total.imported.into(),
        total.completed.into(),
        Value::percent(total.completed, total.imported),
    ]
}
