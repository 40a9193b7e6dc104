//! Reminders by post: for each member who has stopped on the way for some days and has no confirmed address.

use std::collections::HashMap;
use std::path::Path;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;

use super::file::Line;
use super::{last_day, standing, write_file};
use crate::app::{Fault, Society};
use crate::domain::custody::Exported;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Step;
use crate::domain::values::TOKYO;
use crate::projections::status::MemberStatus;
use crate::vault::Stored;

/// What stands on one reminder.
struct Printed {
    user_id: String,
    name: String,
    symbol: String,
    number: String,
    step: Step,
    /// Since when, in Tokyo.
    since: Date,
    /// The last day of the initial password, in Tokyo; none, where there is another.
    expires_on: Option<Date>,
}

impl Line for Printed {
    const HEADER: &[&str] = &[
        "user_id",
        "name",
        "symbol",
        "number",
        "step",
        "since",
        "expires_on",
    ];

    fn fields(&self) -> Vec<Zeroizing<String>> {
        let expires_on = self.expires_on.map(|day| day.to_string());
        [
            self.user_id.clone(),
            self.name.clone(),
            self.symbol.clone(),
            self.number.clone(),
            self.step.name().to_owned(),
            self.since.to_string(),
            expires_on.unwrap_or_default(),
        ]
        .map(Zeroizing::new)
        .into()
    }
}

/// Writes the reminders of all members who have been at one step for so many days, can go on, and have no confirmed address.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub(super) async fn write(society: &Society, out: &Path, days: u32) -> Result<(), Fault> {
    let now = society.clock.now();
    let begun = now - SignedDuration::from_hours(24 * i64::from(days));
    let written = write_file(
        society,
        out,
        Exported::Reminders,
        async |stored: &[Stored]| {
            let members: Vec<MemberId> = stored.iter().map(|stored| stored.member).collect();
            let standing: HashMap<_, _> = standing(society, &members).await?.into_iter().collect();
            let printed = |stored: &Stored| {
                let status = standing.get(&stored.member)?;
                reminder(stored, status, begun, now)
            };
            Ok(stored.iter().filter_map(printed).collect())
        },
    )
    .await?;
    super::super::tell(&format!(
        "{}: {written} reminders by post; it holds personal data, so print it and delete it",
        out.display()
    ));
    Ok(())
}

fn reminder(
    stored: &Stored,
    status: &MemberStatus,
    begun: Timestamp,
    now: Timestamp,
) -> Option<Printed> {
    let state = &status.state;
    let since = status.waits_since().filter(|since| *since <= begun)?;
    if !state.reminder_goes_by_post(now) {
        return None;
    }
    let initial = state.enrolment.as_ref();
    let initial = initial.filter(|_| state.password.is_none());
    let profile = &stored.profile;
    Some(Printed {
        user_id: profile.user_id.clone(),
        name: profile.name.clone(),
        symbol: profile.symbol.clone(),
        number: profile.number.clone(),
        step: state.stands_at(),
        since: TOKYO.to_datetime(since).date(),
        expires_on: initial.map(|it| last_day(it.expires_at)),
    })
}
