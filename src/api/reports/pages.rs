//! The pages of reports: the list, and each with its picture, its table and its files.

use std::collections::BTreeSet;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::asked::{Asked, name_of};
use super::format::Format;
use super::making::Wanted;
use super::sheet::Sheet;
use super::views::{File, ListPage, ReportPage, Section};
use super::words::{lead, title};
use crate::api::Api;
use crate::api::audit::pages::{shown, with_query};
use crate::api::pages::answers::page;
use crate::api::pages::forms::FormToken;
use crate::api::pages::words::Text;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::api::staff::views::Told;
use crate::database::fixed_width;
use crate::domain::ids::StaffId;
use crate::domain::values::Language;
use crate::projections::reports::Name;
use crate::projections::reports::report::{Column, Report, Value};

/// Rows on a page; the files have all.
const MOST_ROWS: usize = 500;

/// `GET /audit/reports`.
pub(super) async fn list(State(api): State<Api>, who: StaffIn) -> Response {
    shown(&api, &who, list_page(&api, &who).await)
}

async fn list_page(api: &Api, who: &StaffIn) -> Result<Response, Problem> {
    let form = FormToken::of(api, &who.visit);
    let desk = desk(api, who, &form, "/audit/reports".to_owned()).await?;
    let view = ListPage {
        sections: sections(who.visit.language),
        desk,
    };
    Ok(page(&view, form, None))
}

/// The section of the list that a report stands in.
const fn section_of(name: Name) -> &'static str {
    match name {
        Name::Completion
        | Name::CompletionByDay
        | Name::Funnel
        | Name::TimeToComplete
        | Name::TimeHistogram
        | Name::Stuck
        | Name::Deadlines => "reports.groups.progress",
        Name::Attempts | Name::Waits => "reports.groups.trouble",
        Name::Mail | Name::Codes => "reports.groups.mail",
        Name::Staff | Name::Interventions | Name::Access => "reports.groups.staff",
        Name::Deviations
        | Name::Reconciliation
        | Name::Imports
        | Name::Events
        | Name::Integrity => "reports.groups.proof",
    }
}

fn sections(language: Language) -> Vec<Section> {
    let mut sections: Vec<(&str, Section)> = Vec::new();
    for name in Name::ALL {
        let key = section_of(name);
        if sections.last().is_none_or(|(last, _)| *last != key) {
            let section = Section {
                title: Text::of(language, key),
                reports: Vec::new(),
            };
            sections.push((key, section));
        }
        if let Some((_, section)) = sections.last_mut() {
            let report = (name.name(), title(language, name), lead(language, name));
            section.reports.push(report);
        }
    }
    sections.into_iter().map(|(_, section)| section).collect()
}

/// `GET /audit/reports/{name}`.
pub(super) async fn report(
    State(api): State<Api>,
    who: StaffIn,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    shown(&api, &who, report_page(&api, &who, &name, &asked).await)
}

async fn report_page(
    api: &Api,
    who: &StaffIn,
    name: &str,
    asked: &Asked,
) -> Result<Response, Problem> {
    let name = name_of(name)?;
    let language = who.visit.language;
    // What cannot be read is left out, and told; the rest of what was asked for stays.
    let (wanted, problem) = match asked.read(name, who) {
        Ok(wanted) => (wanted, None),
        Err(problem) => (asked.legible().read(name, who)?, Some(problem)),
    };
    let mut report = api.report(who, &wanted, "page").await?;
    name_staff(api, &mut report).await?;
    let form = FormToken::of(api, &who.visit);
    let days = (name == Name::Stuck).then(|| wanted.asked.days.to_string());
    let path = format!("/audit/reports/{}", name.name());
    let query = [
        ("as_of", asked.as_of.trim()),
        ("days", days.as_deref().unwrap_or_default()),
    ];
    let mut desk = desk(api, who, &form, with_query(&path, &query)).await?;
    desk.told = problem
        .as_ref()
        .map(|problem| Told::Ill(Text::of(language, trouble(problem))));
    let as_of = fixed_width(report.basis.as_of);
    let view = ReportPage {
        sheet: Sheet::of(&report, language, MOST_ROWS),
        as_of: asked.as_of.trim().to_owned(),
        files: files(language, &wanted, &as_of),
        action: path,
        days,
        desk,
    };
    Ok(page(&view, form, problem.as_ref()))
}

/// Puts the names of accounts in place of their ids. Files have the ids: those are the log's.
async fn name_staff(api: &Api, report: &mut Report) -> Result<(), Problem> {
    let is_staff = |column: &Column| ["account", "viewer"].contains(&column.name);
    let Some(at) = report.columns.iter().position(is_staff) else {
        return Ok(());
    };
    let ids: BTreeSet<StaffId> = report
        .rows
        .iter()
        .filter_map(|row| id_of(&row[at]))
        .collect();
    let names = api.vault.staff.names(&Vec::from_iter(ids)).await?;
    for row in &mut report.rows {
        if let Some(name) = id_of(&row[at]).and_then(|id| names.get(&id)) {
            row[at] = Value::from(name.as_str());
        }
    }
    Ok(())
}

fn id_of(cell: &Value) -> Option<StaffId> {
    if let Value::Text(text) = cell {
        text.parse().ok()
    } else {
        None
    }
}

fn trouble(problem: &Problem) -> &'static str {
    if matches!(problem, Problem::Invalid { field: "days", .. }) {
        "reports.not_days"
    } else {
        "reports.not_a_moment"
    }
}

/// The same report as files, of the same moment.
fn files(language: Language, wanted: &Wanted, as_of: &str) -> Vec<File> {
    let days = wanted.asked.days.to_string();
    let file = |(format, key): (Format, &str)| {
        let mut query = vec![("format", format.name()), ("as_of", as_of)];
        if wanted.name == Name::Stuck {
            query.push(("days", &days));
        }
        query.push(("language", language.tag()));
        let path = format!("/api/v1/audit/reports/{}", wanted.name.name());
        File {
            address: with_query(&path, &query),
            text: Text::of(language, key),
        }
    };
    [
        (Format::Csv, "reports.csv"),
        (Format::Xlsx, "reports.xlsx"),
        (Format::Html, "reports.html"),
        (Format::Json, "reports.json"),
    ]
    .map(file)
    .into()
}
