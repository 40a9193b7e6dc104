//! The formats of reports: for programs, spreadsheets and printers.

use super::html::html;
use super::xlsx::xlsx;
use crate::domain::values::Language;
use crate::projections::reports::format::{csv, json};
use crate::projections::reports::report::Report;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For spreadsheets and programs.
    Csv,
    /// For programs.
    Json,
    /// For spreadsheets, in words.
    Xlsx,
    /// For printers, in words.
    Html,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Xlsx, Self::Html];

    /// The name that programs use, which is also the ending of files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The report in this format: the same bytes for the same report. The language is that of workbook and HTML; the others are for programs.
    ///
    /// # Errors
    /// A line: what could not be written. Only a workbook has a bound, of a million rows.
    pub fn bytes(self, report: &Report, language: Language) -> Result<Vec<u8>, String> {
        match self {
            Self::Csv => csv::csv(report).map_err(|error| error.to_string()),
            Self::Json => json::json(report)
                .map(String::into_bytes)
                .map_err(|error| error.to_string()),
            Self::Xlsx => xlsx(report, language).map_err(|error| error.to_string()),
            Self::Html => html(report, language).map_err(|error| error.to_string()),
        }
    }
}
