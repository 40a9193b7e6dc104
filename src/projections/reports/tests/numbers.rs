//! Spans of two digits, percentiles by nearest rank, rounding.

use super::super::numbers::{Distribution, two_digits};
use super::super::report::Value;

#[test]
fn spans_have_two_significant_digits_and_are_never_told_too_short() {
    let told = [-5, 0, 1, 99, 100, 101, 991, 1000, 1001, 86_400, 2_592_001].map(two_digits);
    assert_eq!(
        told,
        [0, 0, 1, 99, 100, 110, 1000, 1000, 1100, 87_000, 2_600_000]
    );
}

#[test]
fn a_percentile_is_the_smallest_number_that_so_many_do_not_exceed() {
    let mut of_ten = Distribution::default();
    for number in 1..=10 {
        of_ten.add(number * 10, 1);
    }
    let told = [1, 10, 11, 50, 51, 90, 95, 100].map(|percent| of_ten.percentile(percent).unwrap());
    assert_eq!(told, [10, 10, 20, 50, 60, 90, 100, 100]);
    assert_eq!(Distribution::default().percentile(50), None);
}

#[test]
fn shares_are_rounded_to_the_nearest_tenth() {
    assert_eq!(Value::percent(1, 3), Value::Tenths(333));
    assert_eq!(Value::percent(2, 3), Value::Tenths(667));
    assert_eq!(Value::percent(1, 1), Value::Tenths(1000));
    assert_eq!(Value::percent(0, 0), Value::None);
    assert_eq!(Value::days(Some(129_600)), Value::Tenths(15));
}
