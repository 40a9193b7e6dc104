//! A report as JSON: its basis, the names of its columns, and a row an object.

use serde::Serialize;
use serde::ser::{Error, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::{decimal, plain};
use crate::database::fixed_width;
use crate::projections::reports::report::{Basis, Column, Report, SMALL, Value};

/// The report in one line.
///
/// # Errors
/// None that a report could cause; serialising may fail in general.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let Basis {
        as_of,
        position,
        root,
        policy,
        software,
        asked,
    } = &report.basis;
    let rows = report.rows.iter();
    let file = File {
        report: report.name.name(),
        as_of: fixed_width(*as_of),
        position: *position,
        root,
        policy,
        software,
        asked: Asked {
            days: asked.days,
            groups_from: asked.shield.then_some(SMALL),
        },
        columns: report.columns.iter().map(|column| column.name).collect(),
        rows: rows.map(|row| Row(&report.columns, row)).collect(),
    };
    serde_json::to_string(&file).map(|text| text + "\n")
}

#[derive(Serialize)]
struct File<'a> {
    report: &'static str,
    as_of: String,
    position: i64,
    root: &'a str,
    policy: &'a str,
    software: &'a str,
    asked: Asked,
    columns: Vec<&'static str>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Asked {
    days: i64,
    /// Groups of fewer members are not told apart; null, if all are.
    groups_from: Option<i64>,
}

struct Row<'a>(&'a [Column], &'a [Value]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(self.0.len()))?;
        for (column, value) in self.0.iter().zip(self.1) {
            row.serialize_entry(column.name, &Cell(value))?;
        }
        row.end()
    }
}

struct Cell<'a>(&'a Value);

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::None => serializer.serialize_none(),
            Value::Number(number) => serializer.serialize_i64(*number),
            // As it is, not by way of a binary fraction.
            Value::Tenths(tenths) => RawValue::from_string(decimal(*tenths))
                .map_err(S::Error::custom)?
                .serialize(serializer),
            text @ (Value::Hidden | Value::Text(_) | Value::Date(_) | Value::Moment(_)) => {
                serializer.serialize_str(&plain(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::projections::reports::format::samples::report;

    #[test]
    fn every_kind_of_value_has_its_own_form_in_the_order_of_the_columns() {
        assert_eq!(
            json(&report()).unwrap(),
            concat!(
                r#"{"report":"completion","as_of":"2026-04-10T14:59:59.999999Z","position":12,"root":"cm9vdA==","#,
                r#""policy":"sample@00ff","software":"kadode 0.0.0","asked":{"days":7,"groups_from":5},"#,
                r#""columns":["group","imported","percent","day","expires_at"],"rows":["#,
                r#"{"group":"=1+1","imported":-3,"percent":12.5,"day":"2026-04-01","expires_at":"2026-05-01T00:00:00.000000Z"},"#,
                r#"{"group":"a, \"b\"","imported":"hidden","percent":null,"day":null,"expires_at":null}]}"#,
                "\n"
            )
        );
    }
}
