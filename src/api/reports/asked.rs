//! What is asked of a report in an address, and how it is answered: made, noted, then shown.

use serde::Deserialize;

use super::format::Format;
use super::making::{MOST_DAYS, MakeError, Wanted, made};
use crate::api::Api;
use crate::api::audit::asked::{moment, number, text, unknown};
use crate::api::audit::looks::Showing;
use crate::api::audit::moment::end_of;
use crate::api::problem::Problem;
use crate::api::staff::{StaffIn, rights};
use crate::database::fixed_width;
use crate::domain::values::Language;
use crate::domain::viewing::View;
use crate::ledger::TreeError;
use crate::projections::reports::Name;
use crate::projections::reports::report::{self, Report};

/// What is asked for; a field that is empty or left out asks for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::api) struct Asked {
    /// The format.
    pub(super) format: String,
    /// As of when.
    pub(super) as_of: String,
    /// Of `stuck`: who waits for more days than these.
    pub(super) days: String,
    /// The language of what people read.
    pub(super) language: String,
}

/// The report that an address names.
pub(super) fn name_of(name: &str) -> Result<Name, Problem> {
    Name::named(name).ok_or(Problem::UnknownReport)
}

fn days(typed: &str) -> Result<Option<i64>, Problem> {
    let days = number("days", typed)?;
    if days.is_some_and(|days| days > MOST_DAYS) {
        return Err(Problem::Invalid {
            field: "days",
            why: "out_of_range",
        });
    }
    Ok(days)
}

impl Asked {
    /// What that is, for one of the staff: who may not see single persons does not see small groups either.
    pub(super) fn read(&self, name: Name, who: &StaffIn) -> Result<Wanted, Problem> {
        let days = days(&self.days)?;
        let asked = report::Asked {
            shield: !rights::sees_persons(who.role),
            ..report::Asked::default()
        };
        Ok(Wanted {
            name,
            as_of: moment("as_of", &self.as_of, end_of)?,
            asked: report::Asked {
                days: days.unwrap_or(asked.days),
                ..asked
            },
        })
    }

    /// The moment and the days, without what cannot be read of them.
    pub(super) fn legible(&self) -> Self {
        let mut legible = Self::default();
        if moment("as_of", &self.as_of, end_of).is_ok() {
            legible.as_of.clone_from(&self.as_of);
        }
        if days(&self.days).is_ok() {
            legible.days.clone_from(&self.days);
        }
        legible
    }

    pub(super) fn format(&self) -> Result<Format, Problem> {
        match text(&self.format) {
            Some(name) => Format::named(name).ok_or(unknown("format")),
            None => Ok(Format::Json),
        }
    }

    /// Else the reader's own.
    pub(super) fn language(&self, who: &StaffIn) -> Result<Language, Problem> {
        match text(&self.language) {
            Some(tag) => Language::tagged(tag).ok_or(unknown("language")),
            None => Ok(who.visit.language),
        }
    }
}

impl Api {
    /// Makes a report that is about to be shown, and stores that it is looked at.
    ///
    /// # Errors
    /// The read models lag, a store is away, or the look could not be stored; then nothing may be shown.
    pub(super) async fn report(
        &self,
        who: &StaffIn,
        wanted: &Wanted,
        shown_as: &str,
    ) -> Result<Report, Problem> {
        self.shows_everything().await?;
        let report = made(&self.read, &self.ledger, wanted, self.clock.now()).await?;
        let days = if wanted.name == Name::Stuck {
            format!("&days={}", wanted.asked.days)
        } else {
            String::new()
        };
        let part = format!(
            "report={}&as_of={}&format={shown_as}{days}",
            wanted.name.name(),
            fixed_width(report.basis.as_of)
        );
        self.note_look(who, Showing::of(View::Report, Some(part)))
            .await?;
        Ok(report)
    }
}

impl From<MakeError> for Problem {
    fn from(error: MakeError) -> Self {
        tracing::error!(%error, "a report cannot be made");
        match error {
            MakeError::Counts(_) | MakeError::Ledger(TreeError::Database(_)) => Self::Busy,
            MakeError::Ledger(TreeError::Damaged(_)) => Self::Internal,
        }
    }
}
