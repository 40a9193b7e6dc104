//! Whether everybody and everything is accounted for: all members are in one state, all events of one type.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::counts::{Counts, Topic};
use super::groups::{Sum, keep_hidden, shielded};
use super::report::{Basis, Kind, Plot, Value};
use super::track::State;
use super::{Content, column};

#[derive(Default)]
struct Account {
    imported: i64,
    states: BTreeMap<&'static str, i64>,
}

impl Sum for Account {
    fn members(&self) -> i64 {
        self.imported
    }

    fn join(&mut self, other: Self) {
        self.imported += other.imported;
        for (state, members) in other.states {
            *self.states.entry(state).or_default() += members;
        }
    }
}

/// Who did not set a password of their own in time.
const EXPIRED: &str = "expired";

pub(super) fn reconciliation(counts: &Counts, basis: &Basis) -> Content {
    let mut cohorts: BTreeMap<String, Account> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Enrolled) {
        cohorts.entry(key.cohort.clone()).or_default().imported += number;
    }
    for (key, number) in counts.of(Topic::InState) {
        let state = State::ALL.iter().find(|state| state.name() == key.of[0]);
        let Some(state) = state else { continue };
        let end = key.of[1].parse::<Timestamp>();
        let is_over = end.is_ok_and(|end| end <= basis.as_of);
        let state = if is_over { EXPIRED } else { state.name() };
        let account = cohorts.entry(key.cohort.clone()).or_default();
        *account.states.entry(state).or_default() += number;
    }
    let mut all = Account::default();
    for account in cohorts.values() {
        all.join(Account {
            imported: account.imported,
            states: account.states.clone(),
        });
    }
    let mut groups = vec![(String::new(), all)];
    groups.extend(shielded(cohorts, basis.asked.shield));
    let rows = groups.iter().map(|(cohort, account)| {
        let members = |state: &str| account.states.get(state).copied().unwrap_or_default();
        let states = [
            members(State::Completed.name()),
            members(State::InProgress.name()),
            members(State::NotStarted.name()),
            members(EXPIRED),
            members(State::Frozen.name()),
            members(State::Left.name()),
            members(State::Erased.name()),
        ];
        let imported = Value::members(account.imported, basis.asked);
        let mut row = vec![cohort.as_str().into(), imported];
        row.extend(states.map(|it| Value::members(it, basis.asked)));
        row.push((account.imported - states.iter().sum::<i64>()).into());
        row
    });
    let mut rows: Vec<_> = rows.collect();
    keep_hidden(&mut rows, 2..9, true);
    Content {
        rows,
        columns: vec![
            column("cohort", Kind::Cohort),
            column("imported", Kind::Number),
            column("completed", Kind::Number),
            column("in_progress", Kind::Number),
            column("not_started", Kind::Number),
            column("expired", Kind::Number),
            column("frozen", Kind::Number),
            column("left", Kind::Number),
            column("erased", Kind::Number),
            column("unaccounted", Kind::Number),
        ],
        plot: Some(Plot {
            labels: &[0],
            length: 2,
            whole: Some(1),
        }),
    }
}

#[derive(Default)]
struct Members(i64);

impl Sum for Members {
    fn members(&self) -> i64 {
        self.0
    }

    fn join(&mut self, other: Self) {
        self.0 += other.0;
    }
}

pub(super) fn imports(counts: &Counts, basis: &Basis) -> Content {
    let mut imports: BTreeMap<_, BTreeMap<String, Members>> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Imported) {
        let cohorts = imports.entry((day, &key.of[0])).or_default();
        let members = cohorts.entry(key.cohort.clone()).or_default();
        members.join(Members(number));
    }
    let mut rows = Vec::new();
    for ((day, import), cohorts) in imports {
        for (cohort, Members(number)) in shielded(cohorts, basis.asked.shield) {
            rows.push(vec![
                day.into(),
                import.as_str().into(),
                cohort.into(),
                Value::members(number, basis.asked),
            ]);
        }
    }
    Content {
        rows,
        columns: vec![
            column("day", Kind::Date),
            column("import", Kind::Text),
            column("cohort", Kind::Cohort),
            column("imported", Kind::Number),
        ],
        plot: Some(Plot {
            labels: &[0, 2],
            length: 3,
            whole: None,
        }),
    }
}

/// How the types of events begin that tell of no member.
const OF_NO_MEMBER: [&str; 10] = [
    "Policy",
    "MasterKey",
    "DataKeys",
    "Restored",
    "Traces",
    "DataExported",
    "Staff",
    "AccessToken",
    "AuditDataViewed",
    "Roster",
];

pub(super) fn events(counts: &Counts, basis: &Basis) -> Content {
    // Not by their numbers: who was frozen, less who was released, is who is frozen.
    let is_hidden = |event: &str| {
        basis.asked.shield && !OF_NO_MEMBER.iter().any(|begins| event.starts_with(begins))
    };
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut all = 0;
    for (key, number) in counts.of(Topic::Events) {
        all += number;
        rows.push(vec![
            key.of[0].as_str().into(),
            key.of[1].as_str().into(),
            Value::from(number).hidden_if(is_hidden(&key.of[0])),
        ]);
    }
    // The sum is the position of the last event, or some are missing.
    rows.push(vec!["all".into(), "".into(), all.into()]);
    let columns = vec![
        column("type", Kind::Event),
        column("outcome", Kind::Word("outcome")),
        column("events", Kind::Number),
    ];
    Content {
        columns,
        rows,
        plot: Some(Plot {
            labels: &[0],
            length: 2,
            whole: None,
        }),
    }
}
