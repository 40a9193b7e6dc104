//! A report as CSV (RFC 4180) that a spreadsheet opens as it is meant: UTF-8 with its mark, and no cell that it could take for a formula.

use csv::{Terminator, Writer, WriterBuilder};

use super::plain;
use crate::database::fixed_width;
use crate::projections::reports::report::{Report, SMALL, Value};

/// The mark by which a spreadsheet knows UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The basis, a line each; an empty line; the names of the columns; the rows.
///
/// # Errors
/// None that a report could cause; writing may fail in general.
pub fn csv(report: &Report) -> Result<Vec<u8>, csv::Error> {
    let basis = &report.basis;
    let groups_from = basis.asked.shield.then(|| SMALL.to_string());
    let mut above = writer(MARK.to_vec());
    for (name, value) in [
        ("#report", report.name.name().to_owned()),
        ("#as_of", fixed_width(basis.as_of)),
        ("#position", basis.position.to_string()),
        ("#root", basis.root.clone()),
        ("#policy", basis.policy.clone()),
        ("#software", basis.software.clone()),
        ("#days", basis.asked.days.to_string()),
        ("#groups_from", groups_from.unwrap_or_default()),
    ] {
        above.write_record([name.to_owned(), harmless(value)])?;
    }
    let mut bytes = written(above)?;
    bytes.extend(b"\r\n");
    let mut table = writer(bytes);
    table.write_record(report.columns.iter().map(|column| column.name))?;
    for row in &report.rows {
        table.write_record(row.iter().map(cell))?;
    }
    written(table)
}

fn writer(begun: Vec<u8>) -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(begun)
}

fn written(writer: Writer<Vec<u8>>) -> Result<Vec<u8>, csv::Error> {
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) => harmless(text.clone()),
        other @ (Value::None
        | Value::Hidden
        | Value::Number(_)
        | Value::Tenths(_)
        | Value::Date(_)
        | Value::Moment(_)) => plain(other),
    }
}

/// A text with an apostrophe before it, where a spreadsheet could take it for a formula (OWASP, CSV injection), which reads full-width signs
/// as their narrow ones and passes over what is blank.
#[must_use]
pub fn harmless(text: String) -> String {
    let blank = text.starts_with(['\t', '\r', '\n', '\0']);
    let sign = text
        .trim_start()
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if blank || sign {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{csv, harmless};
    use crate::projections::reports::format::samples::report;

    #[test]
    fn the_basis_stands_above_the_table_and_no_text_is_a_formula() {
        let text = String::from_utf8(csv(&report()).unwrap()).unwrap();
        assert_eq!(
            text.split("\r\n").collect::<Vec<_>>(),
            [
                "\u{feff}#report,completion",
                "#as_of,2026-04-10T14:59:59.999999Z",
                "#position,12",
                "#root,cm9vdA==",
                "#policy,sample@00ff",
                "#software,kadode 0.0.0",
                "#days,7",
                "#groups_from,5",
                "",
                "group,imported,percent,day,expires_at",
                "'=1+1,-3,12.5,2026-04-01,2026-05-01T00:00:00.000000Z",
                "\"a, \"\"b\"\"\",hidden,,,",
                ""
            ]
        );
    }

    #[test]
    fn whatever_a_spreadsheet_could_compute_gets_an_apostrophe() {
        for text in [
            "=1", "+1", "-1", "@a", "\t=1", "\ra", "\na", "  =1", "＝1", "＋1", "－1", "＠a",
            "　=1",
        ] {
            assert_eq!(harmless(text.to_owned()), format!("'{text}"));
        }
    }

    #[test]
    fn what_it_could_not_stays_as_it_is() {
        for text in ["", "a=1", "1-2", "joined-2026", "見出し"] {
            assert_eq!(harmless(text.to_owned()), text);
        }
    }
}
