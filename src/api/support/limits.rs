//! Which limits keep a member now, and when each opens again: what support tells whoever calls.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::LimitRow;
use crate::api::Api;
use crate::api::pages::words::{self, Text};
use crate::api::problem::Problem;
use crate::domain::delivery::MailKind;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Budget, CredentialInForce, Onboarding, ToAddress};
use crate::domain::values::Language;

/// A limit that has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// A budget of the member's own is spent.
    Spent(Budget),
    /// Too many wrong passwords by the formula were tried: it is not looked at any more.
    Formula,
    /// Too many wrong codes were tried before step 9, of the member's or of all: none is looked at any more.
    Confirmations,
}

impl Limit {
    /// The name that programs read, and of the words on the page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spent(budget) => budget.name(),
            Self::Formula => "formula",
            Self::Confirmations => "confirmations",
        }
    }
}

/// A limit that keeps the member.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ReachedBody {
    /// `formula`: the initial password by the formula is not looked at, since too many wrong ones were tried, but in a browser that has shown
    /// the date of birth. `confirmations`: no code is looked at that a browser needs before step 9, since too many wrong ones were tried. `email_links`, `codes`, `code_tries`, `email_change_links`,
    /// `password_reset_links`, `password_changes`: a budget of the member's is spent.
    limit: &'static str,
    /// When it opens again; none, where that takes another sign-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    opens_at: Option<Timestamp>,
}

impl ReachedBody {
    pub(super) const fn of((limit, opens_at): (Limit, Option<Timestamp>)) -> Self {
        Self {
            limit: limit.name(),
            opens_at,
        }
    }
}

/// What keeps the member, from when it no longer does, and what helps.
pub(super) fn limit_rows(
    language: Language,
    now: Timestamp,
    reached: &[(Limit, Option<Timestamp>)],
) -> Vec<LimitRow> {
    let row = |(limit, opens_at): &(Limit, Option<Timestamp>)| LimitRow {
        what: Text::of(language, &format!("limit.{}", limit.name())),
        opens: opens_at.map(|at| {
            let from = words::from(language, at, now);
            Text::of(language, "support.opens").with("from", from)
        }),
        help: Text::of(language, &format!("limit_help.{}", limit.name())),
    };
    reached.iter().map(row).collect()
}

impl Api {
    /// The limits that keep the member now.
    ///
    /// # Errors
    /// A store is away.
    pub(super) async fn limits_reached(
        &self,
        member: MemberId,
        state: &Onboarding,
    ) -> Result<Vec<(Limit, Option<Timestamp>)>, Problem> {
        let now = self.clock.now();
        let mut reached = Vec::new();
        if let Some(opens_at) = self.formula_opens_at(member, state).await? {
            reached.push((Limit::Formula, Some(opens_at)));
        }
        if let Some(opens_at) = self.confirmations_open_at(member, state).await? {
            reached.push((Limit::Confirmations, Some(opens_at)));
        }
        let mailed = self.sent_to_member(state).await?;
        let spent = state.spent(now, &self.limits, &mailed).into_iter();
        reached.extend(spent.map(|(budget, opens_at)| (Limit::Spent(budget), opens_at)));
        Ok(reached)
    }

    /// When the formula is looked at again; none, if it is looked at, or is not what the member signs in by.
    async fn formula_opens_at(
        &self,
        member: MemberId,
        state: &Onboarding,
    ) -> Result<Option<Timestamp>, Problem> {
        let by_paper = matches!(state.credential_in_force(), CredentialInForce::Initial(_));
        if !by_paper || state.erased || !self.starts_by_formula(state).await? {
            return Ok(None);
        }
        let profile = self.vault.profiles.get(member).await?.profile;
        let (waits, now) = (&self.vault.waits, self.clock.now());
        Ok(waits
            .formula_opens_at(&profile.user_id, &profile.symbol, now)
            .await?)
    }

    /// When a code before step 9 is looked at again; none, if it is looked at, or none is asked for.
    async fn confirmations_open_at(
        &self,
        member: MemberId,
        state: &Onboarding,
    ) -> Result<Option<Timestamp>, Problem> {
        let has_address = state.contact.as_ref().is_some_and(|it| it.verified);
        if !has_address || state.password.is_some() || state.erased {
            return Ok(None);
        }
        let profile = self.vault.profiles.get(member).await?.profile;
        let (waits, now) = (&self.vault.waits, self.clock.now());
        Ok(waits.confirmations_open_at(&profile.user_id, now).await?)
    }

    async fn sent_to_member(&self, state: &Onboarding) -> Result<ToAddress, Problem> {
        let present = state.contact.as_ref().map(|it| it.id);
        let coming = state.coming.as_ref().map(|it| it.id);
        Ok(ToAddress {
            links: self.sent_to_address(present, MailKind::EmailLink).await?,
            codes: self.sent_to_address(present, MailKind::Otp).await?,
            changes: self
                .sent_to_address(coming, MailKind::EmailChangeLink)
                .await?,
            resets: self
                .sent_to_address(present, MailKind::PasswordResetLink)
                .await?,
        })
    }
}
