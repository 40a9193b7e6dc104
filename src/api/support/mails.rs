//! What was mailed to a member and what came of it, as support sees it: kinds, moments and codes, never an address or a server's words.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::MailRow;
use crate::api::Api;
use crate::api::audit::member_named;
use crate::api::pages::words::{Text, date_and_time};
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::domain::delivery::DeliveryEvent;
use crate::domain::ids::MemberId;
use crate::domain::values::Language;
use crate::projections::history::search::{Filter, Mail, Page, search};

/// Mails in the list, the latest; the history has all.
const LAST: usize = 30;

/// The last mails to a member.
#[derive(Serialize, ToSchema)]
pub struct MailsBody {
    member: String,
    /// Newest first, 30 at most. One that is still on its way is not there yet: what asked for it stands in the history.
    mails: Vec<MailBody>,
}

/// A mail, and what came of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MailBody {
    /// What it carried: `email_link`, `otp`, `account_set_up`, `support_acted`, `email_change_link`, `email_change_notice`, `reminder`,
    /// `password_reset_link`, `password_reset_notice` or `password_change_notice`.
    kind: &'static str,
    /// `accepted` by the mail server, `failed`, or `skipped`: no longer wanted when its turn came.
    outcome: &'static str,
    /// When that was known.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The server's last reply code, if there was one.
    #[schema(value_type = Option<i32>)]
    smtp_code: Option<u16>,
    /// The kind of the address's domain, from a fixed list.
    domain_class: Option<String>,
    /// Why it was skipped: `expired`, `superseded` or `erased`.
    why: Option<&'static str>,
}

impl MailBody {
    fn of(event: DeliveryEvent, at: Timestamp) -> Self {
        let kind = event.mail().kind.name();
        let (outcome, smtp_code, domain_class, why) = match event {
            DeliveryEvent::MailAccepted {
                smtp_code,
                domain_class,
                ..
            } => (Mail::Accepted, Some(smtp_code), Some(domain_class), None),
            DeliveryEvent::MailFailed {
                smtp_code,
                domain_class,
                ..
            } => (Mail::Failed, smtp_code, Some(domain_class), None),
            DeliveryEvent::MailSkipped { why, .. } => (Mail::Skipped, None, None, Some(why.name())),
        };
        Self {
            kind,
            outcome: outcome.name(),
            at,
            smtp_code,
            domain_class,
            why,
        }
    }
}

/// The same in words.
pub(super) fn mail_rows(language: Language, mails: &[MailBody]) -> Vec<MailRow> {
    let text = |key: &str| Text::of(language, key);
    let row = |mail: &MailBody| {
        let why = mail.why.map(|why| text(&format!("why.MailSkipped.{why}")));
        let class = mail.domain_class.as_deref();
        let details = [
            why.map(|it| it.to_string()),
            class.map(|it| text(&format!("report.domain.{it}")).to_string()),
            mail.smtp_code.map(|code| format!("SMTP {code}")),
        ];
        MailRow {
            kind: text(&format!("report.mail.{}", mail.kind)),
            at: date_and_time(language, mail.at),
            outcome: text(&format!("mail_state.{}", mail.outcome)),
            notable: mail.outcome == Mail::Failed.name(),
            details: details
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" · "),
        }
    };
    mails.iter().map(row).collect()
}

impl Api {
    /// The last mails to a member, newest first.
    ///
    /// # Errors
    /// A store is away.
    pub(super) async fn mails_to(&self, member: MemberId) -> Result<Vec<MailBody>, Problem> {
        let shown = self.statuses.progress().position();
        let limit = i64::try_from(LAST).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        for mail in Mail::ALL {
            let filter = Filter {
                member: Some(member),
                mail: Some(mail),
                ..Filter::default()
            };
            found.extend(search(&self.read, &filter, Page::Backward(0, shown), limit).await?);
        }
        found.sort_by_key(|it| std::cmp::Reverse(it.recorded.position));
        let told = found.into_iter().take(LAST).map(|it| {
            let event = serde_json::from_value(it.recorded.payload);
            let event = event.map_err(|_| Problem::Internal)?;
            Ok(MailBody::of(event, it.recorded.recorded_at))
        });
        told.collect()
    }
}

/// What was mailed to a member lately, and what came of it.
#[utoipa::path(get, path = "/api/v1/support/members/{member}/mails", tag = "support",
    params(("member" = String, Path, description = "the member's id")),
    responses((status = 200, description = "the mails", body = MailsBody)))]
pub(in crate::api) async fn support_mails(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
) -> Result<Json<MailsBody>, Problem> {
    let member = member_named(&member)?;
    let shown = api.at_the_desk(&who, member).await?;
    Ok(Json(MailsBody {
        member: member.to_string(),
        mails: shown.mails,
    }))
}
