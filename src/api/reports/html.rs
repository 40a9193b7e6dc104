//! A report as an HTML file of its own that prints well.

use askama::Template;

use super::sheet::Sheet;
use crate::domain::values::Language;
use crate::projections::reports::report::Report;

#[derive(Template)]
#[template(path = "reports/file.html")]
struct File {
    sheet: Sheet,
    style: &'static str,
}

/// The whole report.
///
/// # Errors
/// None that a report could cause; rendering may fail in general.
pub(super) fn html(report: &Report, language: Language) -> askama::Result<Vec<u8>> {
    let file = File {
        sheet: Sheet::of(report, language, usize::MAX),
        style: include_str!("../../../assets/report.css"),
    };
    file.render().map(String::into_bytes)
}
