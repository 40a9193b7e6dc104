//! The pages of reports: one struct a page, plain data in, HTML out.

use askama::Template;

use super::sheet::Sheet;
use crate::api::pages::words::Text;
use crate::api::staff::views::{Desk, Told};

/// `/audit/reports`.
#[derive(Template)]
#[template(path = "reports/list.html")]
pub struct ListPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// Reports that belong together.
    pub sections: Vec<Section>,
}

/// Reports that belong together.
#[derive(Debug)]
pub struct Section {
    /// What they have in common.
    pub title: Text,
    /// Name, what it is called, and which question it answers.
    pub reports: Vec<(&'static str, Text, Text)>,
}

/// `/audit/reports/{name}`.
#[derive(Template)]
#[template(path = "reports/report.html")]
pub struct ReportPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// The report.
    pub sheet: Sheet,
    /// The address of this page.
    pub action: String,
    /// The moment as it was asked for.
    pub as_of: String,
    /// The days, of a report that asks for them.
    pub days: Option<String>,
    /// The same as files.
    pub files: Vec<File>,
}

/// A file to save.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub address: String,
    /// What it is for.
    pub text: Text,
}
