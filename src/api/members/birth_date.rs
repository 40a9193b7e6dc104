//! Step 3: the date of birth, under the waiting times of signing in.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::SignedIn;
use super::done::{Done, already_done, happened};
use crate::api::Api;
use crate::api::input;
use crate::api::problem::Problem;
use crate::domain::birth_date::{BirthDate, BirthDateFault};
use crate::domain::onboarding::{Command, Event, Step};

impl Api {
    /// Step 3.
    ///
    /// # Errors
    /// [`Problem::Mismatch`], [`Problem::Waiting`], and those of all steps.
    pub async fn confirm_birth_date(&self, who: &SignedIn, typed: &str) -> Result<Done, Problem> {
        let state = self.member_status(&who.session).await?.state;
        if state.birth_date_confirmed {
            let device = self.browser_remembered_again(who).await;
            return Ok(Done {
                device,
                ..already_done(who)
            });
        }
        let date = parse(typed, self.clock.now())?;
        let profile = self.vault.profiles.get(who.session.member).await?.profile;
        let matches = profile.birth_date == date.date();
        let lanes = self
            .vault
            .waits
            .lanes(
                &profile.user_id,
                Some(&profile.symbol),
                who.visit.address,
                who.visit.device.as_deref(),
            )
            .await?;
        let form = who.visit.form.as_deref();
        let lanes = self.vault.waits.in_browser(lanes, form);
        let session = who.session.id;
        let (api, lanes_of_try) = (self.clone(), lanes.clone());
        let counted = Arc::new(std::sync::Mutex::new(None));
        let count = counted.clone();
        let outcome = self
            .carry_out(
                "ConfirmBirthDate",
                who.session.member,
                &who.visit,
                move |state| {
                    let (api, lanes, count) = (api.clone(), lanes_of_try.clone(), count.clone());
                    async move {
                        // A try is counted before it is looked at, but only where it is a try at all.
                        let is_try = state.due() == Step::BirthDate && state.has_session(session);
                        let mut waiting_until = None;
                        if is_try && lock(&count).is_none() {
                            match api.begin_try(&lanes).await {
                                Ok(tries_left) => *lock(&count) = Some(tries_left),
                                Err(Problem::Waiting(wait)) => waiting_until = Some(wait.until),
                                Err(problem) => return Err(problem),
                            }
                        }
                        Ok(Command::ConfirmBirthDate {
                            session,
                            matches,
                            waiting_until,
                        })
                    }
                },
            )
            .await;
        let tries_left = *lock(&counted);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(problem) => {
                if tries_left.is_some() {
                    self.take_back(&lanes).await;
                }
                return Err(problem);
            }
        };
        if happened(&outcome, |event| {
            matches!(event, Event::BirthDateRejected {})
        }) {
            self.vault.waits.failed(&lanes, self.clock.now()).await?;
            return Err(Problem::Mismatch {
                field: "birth_date",
                tries_left: tries_left.unwrap_or(0),
            });
        }
        if tries_left.is_some() {
            self.vault.waits.succeeded(&lanes).await?;
        }
        let mut done = Self::done(who, &outcome);
        // The date is confirmed: that must not look as if it were not.
        done.device = if tries_left.is_some() {
            self.browser_remembered(who).await
        } else {
            self.browser_remembered_again(who).await
        };
        Ok(done)
    }
}

/// The date that somebody typed.
pub(super) fn parse(typed: &str, now: Timestamp) -> Result<BirthDate, Problem> {
    let invalid = |why| Problem::Invalid {
        field: "birth_date",
        why,
    };
    let today = now.to_zoned(TimeZone::fixed(jiff::tz::offset(9))).date();
    let normal = input::normalise_id(typed);
    if normal.is_empty() {
        return Err(invalid("required"));
    }
    BirthDate::parse(&normal, today).map_err(|fault| match fault {
        BirthDateFault::NotADate => invalid("not_a_date"),
        BirthDateFault::InTheFuture => invalid("in_the_future"),
    })
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
