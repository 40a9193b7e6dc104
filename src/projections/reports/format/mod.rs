//! Reports as files for programs: the names of columns and the values as they are counted, whatever the language.

pub mod csv;
pub mod json;
#[cfg(test)]
mod samples;

use super::report::Value;
use crate::database::fixed_width;

/// Tenths as a decimal number: `-0.3`.
#[must_use]
pub fn decimal(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!("{sign}{}.{}", tenths / 10, tenths % 10)
}

/// A value as a text; empty, if there is none.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::None => String::new(),
        Value::Hidden => "hidden".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Tenths(tenths) => decimal(*tenths),
        Value::Date(date) => date.to_string(),
        Value::Moment(moment) => fixed_width(*moment),
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn tenths_have_one_decimal_also_below_one_and_below_none() {
        assert_eq!(
            [0, 5, 1000, -3, -21].map(decimal),
            ["0.0", "0.5", "100.0", "-0.3", "-2.1"]
        );
    }
}
