//! Reports for programs, and as files: the list, and each in its formats.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, name_of};
use super::format::Format;
use super::words::{lead, title};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::projections::reports::Name;
use crate::projections::reports::counting::day_of;
use crate::projections::reports::report::Report;

/// The reports there are.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ReportsBody {
    reports: Vec<ReportName>,
}

/// One report.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ReportName {
    /// The name by which to ask for it.
    name: &'static str,
    /// What it is called, in the language of the request.
    title: String,
    /// Which question it answers.
    answers: String,
}

/// The names of all reports, and which question each answers.
#[utoipa::path(get, path = "/api/v1/audit/reports", tag = "audit",
    responses((status = 200, description = "the reports", body = ReportsBody)))]
pub(in crate::api) async fn audit_reports(who: StaffIn) -> Json<ReportsBody> {
    let language = who.visit.language;
    let reports = Name::ALL.map(|name| ReportName {
        name: name.name(),
        title: title(language, name).to_string(),
        answers: lead(language, name).to_string(),
    });
    Json(ReportsBody {
        reports: reports.into(),
    })
}

/// A report as of a moment, in the bytes of `kadode report`. Readers whose role does not see single members never see groups of fewer than five.
#[utoipa::path(get, path = "/api/v1/audit/reports/{name}", tag = "audit",
    params(("name" = String, Path, description = "the report's name"),
        ("format" = Option<String>, Query, description = "json, csv, xlsx or html; json, if left out"),
        ("as_of" = Option<String>, Query, description = "as of when: a date (its end in Asia/Tokyo) or a moment; now, if left out"),
        ("days" = Option<String>, Query, description = "of `stuck`: who waits for more days than these, 0 to 36500; 7, if left out"),
        ("language" = Option<String>, Query, description = "ja or en, of xlsx and html; the request's, if left out")),
    responses((status = 200, description = "the report: its basis, the names of its columns, and its rows",
        content((Object = "application/json"), (String = "text/csv"), (String = "text/html"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")),
        headers(("Content-Disposition" = String, description = "a name for the file")))))]
pub(in crate::api) async fn audit_report(
    State(api): State<Api>,
    who: StaffIn,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let name = name_of(&name)?;
    let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
    let (format, language) = (asked.format()?, asked.language(&who)?);
    let wanted = asked.read(name, &who)?;
    let report = api.report(&who, &wanted, format.name()).await?;
    let bytes = format.bytes(&report, language).map_err(|error| {
        tracing::error!(error, "a report could not be written");
        Problem::Internal
    })?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.media_type()),
        ),
        (header::CONTENT_DISPOSITION, disposition(&report, format)?),
    ];
    Ok((headers, bytes).into_response())
}

/// A file under a name that says what it is: `kadode-completion-2026-04-10.csv`.
fn disposition(report: &Report, format: Format) -> Result<HeaderValue, Problem> {
    let (name, day) = (report.name.name(), day_of(report.basis.as_of));
    let file = format!("kadode-{name}-{day}.{}", format.name());
    HeaderValue::try_from(format!("attachment; filename=\"{file}\"")).map_err(|_| Problem::Internal)
}
