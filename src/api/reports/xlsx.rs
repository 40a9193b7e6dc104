//! A report as a workbook: a sheet with the table, its cells of their own types, and one with what it was made of.

use rust_xlsxwriter::{DocProperties, Format, Workbook, Worksheet, XlsxError};

use super::sheet::{basis_in_words, is_figure};
use super::words::{heading, title, value};
use crate::api::pages::words::Text;
use crate::domain::values::{Language, TOKYO};
use crate::projections::reports::report::{Column, Kind, Report, Value};

/// The narrowest and the widest column, in widths of a digit.
const WIDTHS: (usize, usize) = (8, 42);

/// The longest name that a sheet may have.
const LONGEST_NAME: usize = 31;

/// A4 in the numbers of the format.
const A4: u8 = 9;

/// The same bytes for the same report: the file was made when the report holds.
///
/// # Errors
/// More rows than a sheet has (1,048,576).
pub(super) fn xlsx(report: &Report, language: Language) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let title = title(language, report.name).to_string();
    let made = jiff::tz::Offset::UTC.to_datetime(report.basis.as_of);
    let properties = DocProperties::new()
        .set_title(&title)
        .set_creation_datetime(&made);
    book.set_properties(&properties);
    let table = book.add_worksheet();
    table.set_name(title.chars().take(LONGEST_NAME).collect::<String>())?;
    write_table(table, report, language)?;
    let basis = book.add_worksheet();
    let name = Text::of(language, "reports.basis").to_string();
    basis.set_name(name.chars().take(LONGEST_NAME).collect::<String>())?;
    basis.set_column_width(0, 20)?;
    basis.set_column_width(1, 80)?;
    let lines = basis_in_words(report.name, &report.basis, language);
    for (row, (name, value)) in (0..).zip(lines) {
        basis.write_string(row, 0, name.to_string())?;
        basis.write_string(row, 1, value)?;
    }
    book.save_to_buffer()
}

fn write_table(
    sheet: &mut Worksheet,
    report: &Report,
    language: Language,
) -> Result<(), XlsxError> {
    sheet
        .set_freeze_panes(1, 0)?
        .set_repeat_rows(0, 0)?
        .set_landscape()
        .set_paper_size(A4)
        .set_print_fit_to_pages(1, 0);
    for (at, column) in (0..).zip(&report.columns) {
        let name = heading_with_unit(language, column);
        let bold = Format::new().set_bold().set_text_wrap();
        sheet.write_string_with_format(0, at, &name, &bold)?;
        let cells = report.rows.iter().map(|row| &row[usize::from(at)]);
        let widest = cells
            .map(|cell| width(&value(language, column, cell)))
            .max();
        // A heading has two lines.
        let widest = widest.unwrap_or_default().max(width(&name).div_ceil(2)) + 2;
        let widest = u32::try_from(widest.clamp(WIDTHS.0, WIDTHS.1)).unwrap_or(u32::MAX);
        sheet.set_column_width(at, widest)?;
    }
    for (row, cells) in (1..).zip(&report.rows) {
        for ((at, column), cell) in (0..).zip(&report.columns).zip(cells) {
            write_cell(sheet, (row, at), column, cell, language)?;
        }
    }
    Ok(())
}

/// Spans and shares are numbers there, whose unit the heading tells.
fn heading_with_unit(language: Language, column: &Column) -> String {
    let name = heading(language, column);
    let unit = match column.kind {
        Kind::Seconds => "reports.unit_seconds",
        Kind::Days => "reports.unit_days",
        Kind::Percent => "reports.unit_percent",
        Kind::Cohort
        | Kind::Word(_)
        | Kind::Event
        | Kind::Text
        | Kind::Number
        | Kind::Date
        | Kind::Moment => return name.to_string(),
    };
    format!("{name} ({})", Text::of(language, unit))
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, at): (u32, u16),
    column: &Column,
    cell: &Value,
    language: Language,
) -> Result<(), XlsxError> {
    let of = |format: &str| Format::new().set_num_format(format);
    match cell {
        Value::None => return Ok(()),
        Value::Number(number) => {
            sheet.write_number_with_format(row, at, double(*number), &of("#,##0"))?
        }
        Value::Tenths(tenths) => {
            sheet.write_number_with_format(row, at, double(*tenths) / 10.0, &of("0.0"))?
        }
        Value::Date(date) => sheet.write_datetime_with_format(row, at, date, &of("yyyy-mm-dd"))?,
        Value::Moment(moment) => {
            let shown = TOKYO.to_datetime(*moment);
            sheet.write_datetime_with_format(row, at, shown, &of("yyyy-mm-dd hh:mm:ss"))?
        }
        text @ (Value::Text(_) | Value::Hidden) => {
            let text = value(language, column, text);
            let format = if is_figure(column.kind) {
                Format::new().set_align(rust_xlsxwriter::FormatAlign::Right)
            } else {
                Format::new()
            };
            sheet.write_string_with_format(row, at, text, &format)?
        }
    };
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no count of members, events or seconds comes near 2^53"
)]
const fn double(number: i64) -> f64 {
    number as f64
}

/// How wide a text is: letters of Japanese are as wide as two digits.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}
