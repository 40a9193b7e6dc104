//! Who the members are: when they came, in which cohort, and which life they lead.

use jiff::Timestamp;
use rand::Rng;
use rand::rngs::StdRng;

/// Who a member is.
pub(super) struct Traits {
    pub(super) import: usize,
    /// The place in the import.
    pub(super) nth: u32,
    pub(super) is_active: bool,
    pub(super) life: usize,
    /// From when the life's times count.
    pub(super) begins: Timestamp,
    pub(super) cohort: &'static Cohort,
    /// Where in the cohort's time of joining, from 0 to 1.
    pub(super) joined: f64,
}

/// A cohort of the sample policy, with its months of joining, counted from January of the year 0.
pub(super) struct Cohort {
    pub(super) name: &'static str,
    first: u32,
    last: u32,
}

pub(super) const COHORTS: [&Cohort; 4] = [
    &Cohort {
        name: "registered-before-migration",
        first: 12 * 2005,
        last: 12 * 2026 + 2,
    },
    &Cohort {
        name: "joined-to-2024-12-01",
        first: 12 * 1998,
        last: 12 * 2024 + 11,
    },
    &Cohort {
        name: "joined-2024-12-02-to-2026-03-25",
        first: 12 * 2024 + 11,
        last: 12 * 2026 + 2,
    },
    &Cohort {
        name: "joined-from-2026-03-26",
        first: 12 * 2026 + 2,
        last: 12 * 2026 + 6,
    },
];

/// The first import is of those who were there, the later ones more and more of those who join.
pub(super) fn cohort_of(import: usize, random: &mut StdRng) -> usize {
    let of_a_hundred: [u32; 4] = match import {
        0 => [50, 40, 9, 1],
        1 => [20, 30, 30, 20],
        _ => [0, 5, 15, 80],
    };
    let mut drawn = random.random_range(0..100);
    of_a_hundred
        .iter()
        .position(|share| {
            let found = drawn < *share;
            drawn = drawn.saturating_sub(*share);
            found
        })
        .unwrap_or_default()
}

impl Cohort {
    /// Most joined late; hardly anybody in the first years, and of some it is not known.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of months from 0 on"
    )]
    pub(super) fn joined_month(&self, where_in_it: f64) -> Option<String> {
        if where_in_it > 0.98 {
            return None;
        }
        let months = f64::from(self.last - self.first + 1);
        let back = (months * (where_in_it / 0.98).powi(3)) as u32;
        let month = (self.last - back).max(self.first);
        Some(format!("{}-{:02}", month / 12, month % 12 + 1))
    }
}
