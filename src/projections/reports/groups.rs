//! Groups of few members are put together, so that no row of a report tells of single persons, nor can be told from the others and the sum.

use std::collections::BTreeMap;

use super::report::SMALL;

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
