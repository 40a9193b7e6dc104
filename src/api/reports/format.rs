//! The formats of reports: for programs, spreadsheets and printers.

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
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Json];

    /// The name that programs use, which is also the ending of files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The report in this format: the same bytes for the same report.
    ///
    /// # Errors
    /// A line: what could not be written. No report is known to cause it.
    pub fn bytes(self, report: &Report, _language: Language) -> Result<Vec<u8>, String> {
        match self {
            Self::Csv => csv::csv(report).map_err(|error| error.to_string()),
            Self::Json => json::json(report)
                .map(String::into_bytes)
                .map_err(|error| error.to_string()),
        }
    }
}
