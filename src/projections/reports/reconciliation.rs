//! Whether everybody and everything is accounted for: all members are in one state, all events of one type.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::counts::{Counts, Topic};
use super::groups::{Sum, shielded};
use super::report::{Asked, Basis, Kind, Plot, SMALL, Value};
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
    let rows = groups.into_iter().map(|(cohort, account)| {
        let members = |state: &str| account.states.get(state).copied().unwrap_or_default();
        let states = [
            members(State::Completed.name()),
            members(State::InProgress.name()),
            members(State::NotStarted.name()),
            members(EXPIRED),
            members(State::Frozen.name()),
        ];
        let mut row = vec![cohort.into(), account.imported.into()];
        row.extend(hidden_in_pairs(states, basis.asked));
        row.push((account.imported - states.iter().sum::<i64>()).into());
        row
    });
    Content {
        rows: rows.collect(),
        columns: vec![
            column("cohort", Kind::Cohort),
            column("imported", Kind::Number),
            column("completed", Kind::Number),
            column("in_progress", Kind::Number),
            column("not_started", Kind::Number),
            column("expired", Kind::Number),
            column("frozen", Kind::Number),
            column("unaccounted", Kind::Number),
        ],
        plot: Some(Plot {
            labels: &[0],
            length: 2,
            whole: Some(1),
        }),
    }
}

/// Numbers of members in each state. One that is not told alone would be what the others leave of the sum: the next smallest is not told either.
fn hidden_in_pairs(states: [i64; 5], asked: Asked) -> [Value; 5] {
    let mut told = states.map(|it| Value::members(it, asked));
    let hidden = told.iter().filter(|it| **it == Value::Hidden).count();
    let others = states.iter().enumerate().filter(|(_, it)| **it >= SMALL);
    if hidden == 1
        && let Some((at, _)) = others.min_by_key(|(_, it)| **it)
    {
        told[at] = Value::Hidden;
    }
    told
}

pub(super) fn imports(counts: &Counts) -> Content {
    let mut imports: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Imported) {
        *imports.entry((day, &key.of[0], &key.cohort)).or_default() += number;
    }
    let rows = imports.into_iter().map(|((day, import, cohort), number)| {
        vec![
            day.into(),
            import.as_str().into(),
            cohort.as_str().into(),
            number.into(),
        ]
    });
    Content {
        rows: rows.collect(),
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

pub(super) fn events(counts: &Counts) -> Content {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut all = 0;
    for (key, number) in counts.of(Topic::Events) {
        all += number;
        rows.push(vec![
            key.of[0].as_str().into(),
            key.of[1].as_str().into(),
            number.into(),
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

#[cfg(test)]
mod tests {
    use super::{Asked, Value, hidden_in_pairs};

    fn shown(states: [i64; 5]) -> [Value; 5] {
        let shield = Asked {
            shield: true,
            ..Asked::default()
        };
        hidden_in_pairs(states, shield)
    }

    #[test]
    fn a_small_state_is_not_what_the_others_leave_of_the_sum() {
        let [completed, in_progress, not_started, expired, frozen] = shown([40, 9, 20, 0, 1]);
        assert_eq!((in_progress, frozen), (Value::Hidden, Value::Hidden));
        assert_eq!(
            [completed, not_started, expired],
            [40, 20, 0].map(Value::from)
        );
    }

    #[test]
    fn two_small_states_cover_each_other() {
        let [completed, in_progress, not_started, ..] = shown([40, 9, 20, 2, 1]);
        assert_eq!(
            [completed, in_progress, not_started],
            [40, 9, 20].map(Value::from)
        );
    }

    #[test]
    fn who_may_see_persons_sees_all_states() {
        let states = [40, 9, 20, 0, 1];
        assert_eq!(
            hidden_in_pairs(states, Asked::default()),
            states.map(Value::from)
        );
    }
}
