//! Where members stop: how many each step lost, how long it takes, and what goes wrong there most.

use std::collections::BTreeMap;

use super::counts::{Counts, Topic};
use super::numbers::Distribution;
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};
use crate::domain::onboarding::Step;

#[derive(Default)]
struct Passage {
    entered: i64,
    done: i64,
    waiting: i64,
    took: Distribution,
    stumbled: BTreeMap<String, i64>,
}

pub(super) fn funnel(counts: &Counts, basis: &Basis) -> Content {
    let mut steps: BTreeMap<&str, Passage> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Entered) {
        steps.entry(&key.of[0]).or_default().entered += number;
    }
    for (key, number) in counts.of(Topic::Done) {
        steps.entry(&key.of[0]).or_default().done += number;
    }
    for (key, number) in counts.of(Topic::Waiting) {
        steps.entry(&key.of[0]).or_default().waiting += number;
    }
    for (key, number) in counts.of(Topic::Dwell) {
        if let Ok(seconds) = key.of[1].parse() {
            steps
                .entry(&key.of[0])
                .or_default()
                .took
                .add(seconds, number);
        }
    }
    for (key, number) in counts.of(Topic::Stumbled) {
        let stumbled = &mut steps.entry(&key.of[0]).or_default().stumbled;
        *stumbled.entry(key.of[1].clone()).or_default() += number;
    }
    let rows = Step::ALL.into_iter().filter_map(|step| {
        // Nobody waits at step 10, which is done with step 9, nor at the end.
        if matches!(step, Step::FirstLoginCompleted | Step::Completed) {
            return None;
        }
        let passage = steps.get(step.name())?;
        Some(row_of(step, passage, basis))
    });
    Content {
        columns: vec![
            column("step", Kind::Number),
            column("name", Kind::Word("step")),
            column("entered", Kind::Number),
            column("done", Kind::Number),
            column("waiting", Kind::Number),
            column("lost_percent", Kind::Percent),
            column("seconds_p50", Kind::Seconds),
            column("seconds_p95", Kind::Seconds),
            column("failed_tries", Kind::Number),
            column("most_frequent_failure", Kind::Event),
        ],
        rows: rows.collect(),
        plot: Some(Plot {
            labels: &[0, 1],
            length: 3,
            whole: Some(2),
        }),
    }
}

fn row_of(step: Step, passage: &Passage, basis: &Basis) -> Vec<Value> {
    // Of equally frequent ones, the first by name.
    let most = passage
        .stumbled
        .iter()
        .rev()
        .max_by_key(|(_, number)| **number);
    let asked = basis.asked;
    let (entered, done, waiting) = (passage.entered, passage.done, passage.waiting);
    let lost = entered - done;
    // What is left of one cell by another tells of few as well as a cell of its own, and a share tells its number.
    let few = |numbers: [i64; 3]| numbers.into_iter().any(|number| asked.hides(number));
    let hides_done = few([entered, done, lost]);
    let hides_waiting = few([waiting, entered - waiting, (lost - waiting).abs()]);
    let failed = Value::members(passage.stumbled.values().sum(), asked);
    let most = most.map_or(Value::None, |(name, _)| name.as_str().into());
    let most = most.hidden_if(failed == Value::Hidden);
    vec![
        i64::from(step.number()).into(),
        step.name().into(),
        Value::members(entered, asked),
        Value::from(done).hidden_if(hides_done),
        Value::from(waiting).hidden_if(hides_waiting),
        Value::percent(lost, entered).hidden_if(hides_done),
        passage.took.told(50, asked),
        passage.took.told(95, asked),
        failed,
        most,
    ]
}

#[cfg(test)]
mod tests {
    use super::{Passage, Step, row_of};
    use crate::projections::reports::report::{Asked, Basis, Value};

    /// The cells of a step that so many came to and did, in a minute each.
    fn shown(entered: i64, done: i64, shield: bool) -> Vec<Value> {
        cells([entered, done, 0], shield)
    }

    /// The same of a step at which so many wait.
    fn cells([entered, done, waiting]: [i64; 3], shield: bool) -> Vec<Value> {
        let mut passage = Passage {
            entered,
            done,
            waiting,
            ..Passage::default()
        };
        passage.took.add(60, done);
        let asked = Asked {
            shield,
            ..Asked::default()
        };
        let basis = Basis {
            asked,
            ..Basis::default()
        };
        row_of(Step::Email, &passage, &basis)
    }

    /// How many came, did it and wait, as it is told; none, where it is hidden.
    fn told(numbers: [i64; 3], shield: bool) -> [Option<i64>; 3] {
        let cells = cells(numbers, shield);
        [2, 3, 4].map(|at| {
            if let Value::Number(number) = cells[at] {
                Some(number)
            } else {
                assert_eq!(cells[at], Value::Hidden);
                None
            }
        })
    }

    #[test]
    fn nothing_hidden_is_what_one_cell_leaves_of_another() {
        for (numbers, expected) in [
            ([20, 10, 5], [Some(20), Some(10), Some(5)]),
            // Few did not do it.
            ([20, 17, 3], [Some(20), None, None]),
            ([20, 16, 0], [Some(20), None, None]),
            ([20, 15, 5], [Some(20), Some(15), Some(5)]),
            // Few did: all others wait.
            ([20, 3, 17], [Some(20), None, None]),
            // Few neither did it nor wait: their accounts are frozen, say.
            ([20, 10, 8], [Some(20), Some(10), None]),
            ([20, 15, 8], [Some(20), Some(15), None]),
            ([4, 0, 4], [None, None, None]),
        ] {
            assert_eq!(told(numbers, true), expected, "{numbers:?}");
            assert_eq!(told(numbers, false), numbers.map(Some));
        }
    }

    #[test]
    fn a_share_does_not_tell_the_number_that_is_hidden() {
        for (entered, done) in [(4, 2), (20, 3), (20, 17)] {
            assert_eq!(
                shown(entered, done, true)[5],
                Value::Hidden,
                "{entered} {done}"
            );
            assert_ne!(shown(entered, done, false)[5], Value::Hidden);
        }
        assert_eq!(shown(20, 10, true)[5], Value::Tenths(500));
    }

    #[test]
    fn the_most_frequent_failure_of_few_tries_is_not_told() {
        let shown = |tries| {
            let stumbled = [("OtpRejected".to_owned(), tries)];
            let passage = Passage {
                stumbled: stumbled.into(),
                ..Passage::default()
            };
            let asked = Asked {
                shield: true,
                ..Asked::default()
            };
            let basis = Basis {
                asked,
                ..Basis::default()
            };
            row_of(Step::Email, &passage, &basis)[8..].to_vec()
        };
        assert_eq!(shown(4), [Value::Hidden, Value::Hidden]);
        assert_eq!(shown(5), [5.into(), "OtpRejected".into()]);
    }

    #[test]
    fn the_times_of_few_are_theirs() {
        assert_eq!(shown(20, 3, true)[6..8], [Value::Hidden, Value::Hidden]);
        assert_eq!(shown(20, 5, true)[6], Value::Number(60));
        assert_eq!(shown(20, 3, false)[6], Value::Number(60));
    }
}
