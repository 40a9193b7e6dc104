//! Groups of few members are put together, so that no row of a report tells of single persons, nor can be told from the others and the sum.

use std::collections::BTreeMap;
use std::ops::Range;

use super::report::{SMALL, Value};

/// What a group is called that was put together from small ones.
pub const SMALL_GROUPS: &str = "small_groups";

/// What a row of a report adds up.
pub(super) trait Sum: Default {
    /// The members that it is about.
    fn members(&self) -> i64;

    /// Adds another's.
    fn join(&mut self, other: Self);
}

/// The groups in their order; where `shield`, those of fewer than five members as one at the end, with the next smallest if they are too few
/// even together.
pub(super) fn shielded<S: Sum>(groups: BTreeMap<String, S>, shield: bool) -> Vec<(String, S)> {
    let mut groups: Vec<(String, S)> = groups.into_iter().collect();
    if !shield {
        return groups;
    }
    let is_small = |sum: &S| sum.members() > 0 && sum.members() < SMALL;
    let mut together = S::default();
    let mut rest = Vec::new();
    for (name, sum) in groups.drain(..) {
        if is_small(&sum) {
            together.join(sum);
        } else {
            rest.push((name, sum));
        }
    }
    if is_small(&together) {
        let with_members = rest
            .iter()
            .enumerate()
            .filter(|(_, (_, sum))| sum.members() > 0);
        if let Some((at, _)) = with_members.min_by_key(|(_, (_, sum))| sum.members()) {
            together.join(rest.remove(at).1);
        }
    }
    if together.members() > 0 {
        rest.push((SMALL_GROUPS.to_owned(), together));
    }
    rest
}

/// Hides more of a table whose first row is the sum of the others, so that nothing hidden is what the rest leaves of a sum: in no column of the
/// others, and in no row where the cells of `columns` add up.
pub(super) fn keep_hidden(rows: &mut [Vec<Value>], columns: Range<usize>, rows_add_up: bool) {
    loop {
        let mut places = Vec::new();
        for column in columns.clone() {
            let cells = (1..rows.len()).map(|row| (row, column));
            places.extend(next_to_hide(rows, cells));
        }
        if rows_add_up {
            for row in 0..rows.len() {
                let cells = columns.clone().map(|column| (row, column));
                places.extend(next_to_hide(rows, cells));
            }
        }
        if places.is_empty() {
            return;
        }
        for (row, column) in places {
            rows[row][column] = Value::Hidden;
        }
    }
}

/// Hides one more of the cells that another report tells the sum of, where exactly one is hidden: alone, it is what the others leave of that sum.
pub(super) fn keep_parts_hidden(
    rows: &mut [Vec<Value>],
    parts: impl IntoIterator<Item = Vec<(usize, usize)>>,
) {
    for cells in parts {
        if let Some((row, column)) = next_to_hide(rows, cells.into_iter()) {
            rows[row][column] = Value::Hidden;
        }
    }
}

/// The smallest cell that is told, where exactly one is not.
pub(super) fn next_to_hide(
    rows: &[Vec<Value>],
    cells: impl Iterator<Item = (usize, usize)>,
) -> Option<(usize, usize)> {
    let (mut hidden, mut least) = (0, None);
    for (row, column) in cells {
        match rows[row][column] {
            Value::Hidden => hidden += 1,
            Value::Number(number) => {
                if least.is_none_or(|(smallest, _)| number < smallest) {
                    least = Some((number, (row, column)));
                }
            }
            Value::None | Value::Text(_) | Value::Tenths(_) | Value::Date(_) | Value::Moment(_) => {
            }
        }
    }
    least.filter(|_| hidden == 1).map(|(_, place)| place)
}
