//! What differs between how a member stood at two moments.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::person::Mask;
use super::standing::{Field, Told, fields};
use crate::api::Api;
use crate::api::pages::words::Text;
use crate::api::problem::Problem;
use crate::domain::onboarding::Contact;
use crate::domain::values::Language;
use crate::projections::status::MemberStatus;

/// A field that differs between the two moments.
#[derive(Clone, Debug)]
pub(in crate::api) struct Change {
    field: &'static str,
    before: Told,
    after: Told,
    /// Whether both have one, and the later is another.
    is_another: bool,
}

/// A field that differs, as programs read it. Waiting times after failures are no field: they are not in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeBody {
    /// What it is: `step`, `at_step_since`, `cohort`, `policy` (`NAME@SHA256`), `letter` (1 is the first), `letter_until`, `email` (`registered`,
    /// `followed`, `verified`), `address` (masked), `email_change` (`registered`, `followed`, `pending`), `new_address`, `new_address_from`,
    /// `otp_method`, `password` (`initial`, `own`), `new_password_from`, `frozen` (`no`, `by_staff`, `reported`, `proven`: reported, and the identity
    /// proven since), `membership` (`member`, `left`, `erased`), `session` (`onboarding`, `otp_pending`, `full`: the last that the log
    /// tells of; one that ran out is open in it until the member signs in again), `proposals` (interventions that wait
    /// for approval, with spaces between), `reminder_step`, `reminder_days`.
    field: &'static str,
    /// What it was: a name, a number or a moment in UTC; null, where there was none.
    before: Option<String>,
    /// What it was at the end.
    after: Option<String>,
    /// Whether both are there, and the later is another one: another address, password, session, reminder or proposal.
    is_another: bool,
}

/// A field that differs, as people read it.
pub struct ChangeRow {
    /// What it is.
    pub label: Text,
    /// What it was.
    pub before: String,
    /// What it was at the end.
    pub after: String,
}

impl Change {
    pub(super) fn body(self) -> ChangeBody {
        ChangeBody {
            field: self.field,
            before: self.before.plain(),
            after: self.after.plain(),
            is_another: self.is_another,
        }
    }

    pub(super) fn row(&self, language: Language) -> ChangeRow {
        let after = self.after.text(language, self.field);
        ChangeRow {
            label: Text::of(language, &format!("standing.{}", self.field)),
            before: self.before.text(language, self.field),
            after: if self.is_another {
                let another = Text::of(language, "audit.another");
                another.with("what", after).to_string()
            } else {
                after
            },
        }
    }
}

impl Api {
    /// What differs between how a member stood before and at the end, which was at `at`.
    ///
    /// # Errors
    /// The vault is away.
    pub(super) async fn changes(
        &self,
        before: (Option<&MemberStatus>, Timestamp),
        after: (Option<&MemberStatus>, Timestamp),
        mask: Mask,
    ) -> Result<Vec<Change>, Problem> {
        let mut before = self.fields_of(before, mask).await?.into_iter();
        let after = self.fields_of(after, mask).await?;
        let change = |after: Field| {
            // Before the enrolment, there was nothing.
            let (told, which) = match before.next() {
                Some(before) => (before.told, before.which),
                None => (Told::Nothing, None),
            };
            let has_both = told != Told::Nothing && after.told != Told::Nothing;
            let is_another = has_both && which != after.which;
            (is_another || told != after.told).then_some(Change {
                field: after.name,
                before: told,
                after: after.told,
                is_another,
            })
        };
        Ok(after.into_iter().filter_map(change).collect())
    }

    async fn fields_of(
        &self,
        (status, at): (Option<&MemberStatus>, Timestamp),
        mask: Mask,
    ) -> Result<Vec<Field>, Problem> {
        let Some(status) = status else {
            return Ok(Vec::new());
        };
        let id = |contact: &Option<Contact>| contact.as_ref().map(|it| it.id);
        let addresses = [
            self.address(id(&status.state.contact)).await?,
            self.address(id(&status.state.coming)).await?,
        ];
        Ok(fields(status, at, &addresses, mask))
    }
}
