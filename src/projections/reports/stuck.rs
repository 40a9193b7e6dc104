//! Who waits at a step, and for how long.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::counting::day_of;
use super::counts::{Counts, Topic};
use super::groups::{Sum, shielded};
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};
use crate::domain::onboarding::Step;

#[derive(Default)]
struct Queue {
    waiting: i64,
    stuck: i64,
    longest: i64,
}

impl Sum for Queue {
    fn members(&self) -> i64 {
        self.waiting
    }

    fn join(&mut self, other: Self) {
        self.waiting += other.waiting;
        self.stuck += other.stuck;
        self.longest = self.longest.max(other.longest);
    }
}

pub(super) fn stuck(counts: &Counts, basis: &Basis) -> Content {
    let today = day_of(basis.as_of);
    let mut steps: BTreeMap<&str, BTreeMap<String, Queue>> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Waiting) {
        let Ok(since) = key.of[1].parse::<Date>() else {
            continue;
        };
        let days = i64::from((today - since).get_days());
        let queues = steps.entry(&key.of[0]).or_default();
        let queue = queues.entry(key.cohort.clone()).or_default();
        queue.join(Queue {
            waiting: number,
            stuck: if days > basis.asked.days { number } else { 0 },
            longest: days,
        });
    }
    let mut rows = Vec::new();
    for step in Step::ALL {
        let queues = steps.remove(step.name()).unwrap_or_default();
        for (cohort, queue) in shielded(queues, basis.asked.shield) {
            rows.push(vec![
                i64::from(step.number()).into(),
                step.name().into(),
                cohort.into(),
                Value::members(queue.waiting, basis.asked),
                Value::members(queue.stuck, basis.asked),
                // The longest is one person's.
                Value::from(queue.longest).hidden_if(basis.asked.shield),
            ]);
        }
    }
    Content {
        columns: vec![
            column("step", Kind::Number),
            column("name", Kind::Word("step")),
            column("cohort", Kind::Cohort),
            column("waiting", Kind::Number),
            column("stuck", Kind::Number),
            column("longest_days", Kind::Number),
        ],
        rows,
        plot: Some(Plot {
            labels: &[0, 1, 2],
            length: 4,
            whole: Some(3),
        }),
    }
}
