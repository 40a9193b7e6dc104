//! Reminders before they go: to how many they are due, when they go, what they say, and what went. Numbers alone, no persons.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::views::{DueRow, GoneRow, RemindersPage, Rules};
use crate::api::Api;
use crate::api::audit::pages::shown;
use crate::api::pages::answers::page;
use crate::api::pages::forms::FormToken;
use crate::api::pages::words::{Text, day, step_label};
use crate::api::problem::{Problem, StepBody};
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::domain::policy::{Limits, ReminderLimits};
use crate::domain::values::Language;
use crate::projections::reminders::{Overview, overview};

/// What is due, what goes when, and what went.
#[derive(Serialize, ToSchema)]
pub struct RemindersBody {
    /// What the policy says; none, if it has no reminders, and then none go.
    rules: Option<RulesBody>,
    /// To how many members a reminder is due now.
    due: Vec<DueBody>,
    /// How many go on which of the next days, if no more come due.
    to_go: Vec<ToGoBody>,
    /// What went on the last days, the latest first.
    gone: Vec<GoneBody>,
}

/// What the policy says of reminders.
#[derive(Serialize, ToSchema)]
pub struct RulesBody {
    /// Days at one step after which a reminder goes, one for each.
    after_days: Vec<u32>,
    /// At most so many in an hour, to all members.
    per_hour: u32,
    /// At most so many in a day, to all members.
    per_day: u32,
    /// From which hour to which, in Tokyo.
    #[schema(value_type = Vec<i32>)]
    hours: [i8; 2],
}

/// Members to whom a reminder is due.
#[derive(Serialize, ToSchema)]
pub struct DueBody {
    step: StepBody,
    /// Which stage it is, in the policy's days.
    after_days: u32,
    cohort: String,
    members: u64,
}

/// How many go on a day.
#[derive(Serialize, ToSchema)]
pub struct ToGoBody {
    #[schema(value_type = String, format = Date)]
    day: Date,
    reminders: u64,
}

/// What went on a day.
#[derive(Serialize, ToSchema)]
pub struct GoneBody {
    #[schema(value_type = String, format = Date)]
    day: Date,
    /// Reminders that were asked for.
    reminded: i64,
    /// Mails that the server took.
    accepted: i64,
    /// Mails that could not be delivered.
    failed: i64,
    /// Mails that were no longer wanted when their turn came.
    skipped: i64,
}

impl RemindersBody {
    /// The overview as programs read it.
    #[must_use]
    pub fn of(limits: &Limits, overview: Overview) -> Self {
        let rules = limits.reminders.as_ref().map(|it| RulesBody {
            after_days: it.after_days.clone(),
            per_hour: it.per_hour,
            per_day: it.per_day,
            hours: it.hours,
        });
        let due = overview.due.into_iter();
        let due = due.map(|((step, after_days, cohort), members)| DueBody {
            step: StepBody {
                number: step.number(),
                name: step.name(),
            },
            after_days,
            cohort,
            members,
        });
        let to_go = overview.to_go.into_iter();
        let gone = overview.gone.into_iter();
        Self {
            rules,
            due: due.collect(),
            to_go: to_go
                .map(|(day, reminders)| ToGoBody { day, reminders })
                .collect(),
            gone: gone
                .map(|(day, gone)| GoneBody {
                    day: day.0,
                    reminded: gone.asked,
                    accepted: gone.accepted,
                    failed: gone.failed,
                    skipped: gone.skipped,
                })
                .collect(),
        }
    }
}

/// The last overview, and of when it is.
pub(in crate::api) type LastLook = Mutex<Option<(Timestamp, Overview)>>;

/// How long it is shown again: to look reads all members to whom a reminder is due.
const KEPT: SignedDuration = SignedDuration::from_mins(1);

async fn looked(api: &Api) -> Result<Overview, Problem> {
    // One request looks, and those that come meanwhile wait for what it finds.
    let mut last = api.reminders.lock().await;
    let now = api.clock.now();
    if let Some((at, overview)) = &*last
        && (SignedDuration::ZERO..KEPT).contains(&now.duration_since(*at))
    {
        return Ok(overview.clone());
    }
    // A number of a moment ago will do, if the read models are held up.
    api.statuses.caught_up().await;
    let overview = overview(&api.read, &api.limits, now).await?;
    *last = Some((now, overview.clone()));
    Ok(overview)
}

/// To how many members a reminder is due, when they go, and what went, as of a minute ago at most.
#[utoipa::path(get, path = "/api/v1/support/reminders", tag = "support",
    responses((status = 200, description = "reminders", body = RemindersBody)))]
pub(in crate::api) async fn support_reminders(
    State(api): State<Api>,
    _: StaffIn,
) -> Result<Json<RemindersBody>, Problem> {
    let overview = looked(&api).await?;
    Ok(Json(RemindersBody::of(&api.limits, overview)))
}

/// `GET /support/reminders`.
pub(super) async fn reminders_page(State(api): State<Api>, who: StaffIn) -> Response {
    let page = view(&api, &who).await;
    shown(&api, &who, page)
}

async fn view(api: &Api, who: &StaffIn) -> Result<Response, Problem> {
    let language = who.visit.language;
    let form = FormToken::of(api, &who.visit);
    let desk = desk(api, who, &form, "/support/reminders".to_owned()).await?;
    let Overview { due, to_go, gone } = looked(api).await?;
    let view = RemindersPage {
        desk,
        rules: api.limits.reminders.as_ref().map(|it| rules(language, it)),
        total: due.values().sum(),
        due: due
            .into_iter()
            .map(|((step, after_days, cohort), members)| DueRow {
                step: step_label(language, step.name()),
                after_days,
                cohort,
                members,
            })
            .collect(),
        to_go: to_go
            .into_iter()
            .map(|(date, reminders)| (day(language, date), reminders))
            .collect(),
        gone: gone
            .into_iter()
            .map(|(date, gone)| GoneRow {
                day: day(language, date.0),
                numbers: [gone.asked, gone.accepted, gone.failed, gone.skipped],
            })
            .collect(),
        society: api.policy.society.name.in_language(language).to_owned(),
    };
    Ok(page(&view, form, None))
}

fn rules(language: Language, policy: &ReminderLimits) -> Rules {
    let days: Vec<String> = policy.after_days.iter().map(u32::to_string).collect();
    let [from, to] = policy.hours;
    let text = |key| Text::of(language, key);
    Rules {
        stages: text("reminders.stages").with("days", days.join(", ")),
        hours: text("reminders.hours").with("from", from).with("to", to),
        budget: text("reminders.budget")
            .with("per_hour", policy.per_hour)
            .with("per_day", policy.per_day),
    }
}
