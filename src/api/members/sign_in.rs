//! Steps 2 and 13: user ID and password, at the same cost and with the same words for unknown and wrong.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::api::Api;
use crate::api::input;
use crate::api::members::Done;
use crate::api::members::grid::Grid;
use crate::api::problem::{Problem, Wait};
use crate::api::visit::Visit;
use crate::commands::Outcome;
use crate::domain::ids::{MemberId, SessionId};
use crate::domain::onboarding::{
    Command, CredentialInForce, Event, Onboarding, PasswordCheck, SessionKind,
};
use crate::vault::{Begun, Lanes, Opening, QueueFull, Slot, Stored, Waits};

/// What a member types to sign in.
pub struct Credentials {
    /// The user ID, as typed.
    pub user_id: String,
    /// The password, as typed.
    pub password: String,
}

/// A sign-in that is in the log.
struct Accepted {
    member: MemberId,
    session: SessionId,
    outcome: Outcome<Onboarding>,
}

impl Api {
    /// Signs a member in.
    ///
    /// Every answer of success, [`Problem::SignInFailed`] or [`Problem::BudgetSpent`] costs exactly one argon2 run, and every
    /// other answer none; what is answered with 401 leaves on a grid of time, and only the right password learns of the budget of
    /// codes. So neither words nor time tell whether an ID is known.
    ///
    /// # Errors
    /// [`Problem::SignInFailed`], [`Problem::Waiting`], [`Problem::NeedsSupport`], [`Problem::BudgetSpent`], [`Problem::NoSession`],
    /// [`Problem::Crowded`] or [`Problem::Busy`].
    pub async fn sign_in(&self, visit: &Visit, typed: &Credentials) -> Result<Done, Problem> {
        let mut grid = Grid::begin();
        let done = self.try_sign_in(visit, typed, &mut grid).await;
        if matches!(done, Err(Problem::SignInFailed | Problem::NoSession)) {
            grid.next_line().await;
        }
        done
    }

    async fn try_sign_in(
        &self,
        visit: &Visit,
        typed: &Credentials,
        grid: &mut Grid,
    ) -> Result<Done, Problem> {
        let user_id = input::normalise_id(&typed.user_id);
        for (field, value) in [("user_id", &user_id), ("password", &typed.password)] {
            if value.is_empty() || value.contains('\0') {
                return Err(Problem::Invalid {
                    field,
                    why: "required",
                });
            }
        }
        // Before anything is looked up: where many are turned away, that alone would keep the others waiting.
        let hasher = &self.vault.hasher;
        hasher.has_room().map_err(|full| self.crowded(full))?;
        let (member, stored) = self.vault.profiles.find_by_user_id(&user_id).await?;
        let symbol = stored.as_ref().map(|it| it.profile.symbol.as_str());
        let device = visit.device.as_deref();
        let lanes = self
            .vault
            .waits
            .lanes(&user_id, symbol, visit.address, device)
            .await?;
        let lanes = self.vault.waits.in_browser(lanes, visit.form.as_deref());
        // Before the member is looked at: else, where many wait, known IDs would stand further back, and be told to wait later.
        let (slot, _) = self.take_turn(&lanes, Some(grid)).await?;
        // Not the stand-in of an ID that is unknown; nobody, where the member was erased.
        let stored = stored.filter(|stored| member == Some(stored.member));
        match self.try_password(visit, slot, stored, typed, &lanes).await {
            Ok(accepted) => self.begin_session(visit, accepted, &lanes).await,
            Err(Problem::SignInFailed) => {
                self.vault.waits.failed(&lanes, self.clock.now()).await?;
                Err(Problem::SignInFailed)
            }
            // The password was right and there is no room for a code, or nothing was learnt.
            Err(problem) => {
                self.take_back(&lanes).await;
                Err(problem)
            }
        }
    }

    /// The turn at argon2 of a try with these lanes, which counts from now on, and how many are left. The wait for it is no part of the
    /// `grid`.
    ///
    /// # Errors
    /// [`Problem::Waiting`], [`Problem::NeedsSupport`], [`Problem::Crowded`], or the vault is away.
    pub(in crate::api) async fn take_turn(
        &self,
        lanes: &Lanes,
        grid: Option<&mut Grid>,
    ) -> Result<(Slot, u32), Problem> {
        let now = self.clock.now();
        if let Some(until) = self.vault.waits.check(lanes, now).await? {
            self.tallies.count("waiting");
            return Err(Problem::Waiting(Wait { until, now }));
        }
        let turn = self.vault.hasher.acquire();
        let slot = match grid {
            Some(grid) => grid.without(turn).await,
            None => turn.await,
        };
        let slot = slot.map_err(|full| self.crowded(full))?;
        let tries_left = self
            .begin_try(lanes)
            .await
            .inspect_err(|problem| self.tallies.count(problem.name()))?;
        Ok((slot, tries_left))
    }

    /// Counts a try before it is looked at, so that fifty at once cannot pass under the bound.
    pub(in crate::api) async fn begin_try(&self, lanes: &Lanes) -> Result<u32, Problem> {
        let now = self.clock.now();
        match self.vault.waits.begin_try(lanes, now).await? {
            Begun::Allowed { tries_left, .. } => Ok(tries_left),
            Begun::Waiting { until } => Err(Problem::Waiting(Wait { until, now })),
            Begun::NeedsSupport => {
                let longest = self.limits.sign_in.longest_wait_seconds;
                let until = now + SignedDuration::from_secs(longest.into());
                Err(Problem::NeedsSupport(Wait { until, now }))
            }
        }
    }

    pub(in crate::api) fn crowded(&self, full: QueueFull) -> Problem {
        let now = self.clock.now();
        let until = now + SignedDuration::try_from(full.come_in).unwrap_or_default();
        Problem::Crowded(Wait { until, now })
    }

    /// Nothing was learnt of whoever tried: that must not count against them.
    pub(in crate::api) async fn take_back(&self, lanes: &Lanes) {
        if let Err(error) = self.vault.waits.take_back(lanes).await {
            tracing::error!(%error, "a try that came to nothing stays counted as a failure");
        }
    }

    /// The member with this profile, if enrolled.
    async fn known(&self, stored: Stored) -> Result<Option<(Stored, Onboarding)>, Problem> {
        let state = self.as_of_now(stored.member).await?;
        Ok(state.enrolment.is_some().then_some((stored, state)))
    }

    /// Compares the password with the one in force, in one argon2 run.
    pub(super) async fn check(
        &self,
        slot: Slot,
        stored: &Stored,
        state: &Onboarding,
        password: &str,
        lanes: &Lanes,
    ) -> Result<PasswordCheck, Problem> {
        match state.credential_in_force() {
            CredentialInForce::Initial(_) => {
                slot.dummy().await?;
                self.check_initial(stored, state, password, lanes).await
            }
            CredentialInForce::Own(credential) => {
                let matches = self
                    .vault
                    .credentials
                    .verify(slot, credential, password)
                    .await?;
                let replaced = self.is_initial(stored, state, password).await?;
                Ok(match (matches, replaced) {
                    (true, _) => PasswordCheck::Match,
                    (false, true) => PasswordCheck::Replaced,
                    (false, false) => PasswordCheck::Mismatch,
                })
            }
        }
    }

    /// Checks the password and gives the command. [`Problem::SignInFailed`] means that it was wrong, or the ID is unknown.
    async fn try_password(
        &self,
        visit: &Visit,
        slot: Slot,
        stored: Option<Stored>,
        typed: &Credentials,
        lanes: &Lanes,
    ) -> Result<Accepted, Problem> {
        let known = match stored {
            Some(stored) => self.known(stored).await?,
            None => None,
        };
        let Some((stored, state)) = known else {
            slot.dummy().await?;
            self.tallies.count("unknown-id");
            return Err(Problem::SignInFailed);
        };
        let check = self
            .check(slot, &stored, &state, &typed.password, lanes)
            .await?;
        let member = stored.member;
        let against = state.credential_in_force();
        let shown = lanes.shown();
        self.forget_browser_of_before(visit, &typed.user_id, &state)
            .await?;
        let session = SessionId(self.entropy.id());
        let (api, language) = (self.clone(), visit.language);
        let outcome = self
            .carry_out("SignIn", member, visit, move |state: Arc<Onboarding>| {
                let api = api.clone();
                async move {
                    if state.credential_in_force() != against {
                        // It was replaced meanwhile; no further comparison, for each answer costs one.
                        return Err(Problem::SignInFailed);
                    }
                    let (sessions, now) = (&api.vault.sessions, api.clock.now());
                    let lapsed = match &state.session {
                        Some(_) => sessions.lapsed_session_of(member, now).await?,
                        None => None,
                    };
                    let contact = state.contact.as_ref().map(|contact| contact.id);
                    let code = api.new_code(contact, language).await?;
                    let known_browser = shown.is_some_and(|it| state.knows_browser_of(it));
                    Ok(Command::SignIn {
                        session,
                        against,
                        check,
                        lapsed,
                        known_browser,
                        code,
                    })
                }
            })
            .await?;
        if outcome
            .events
            .iter()
            .any(|event| matches!(event, Event::CredentialsRejected { .. }))
        {
            return Err(Problem::SignInFailed);
        }
        Ok(Accepted {
            member,
            session,
            outcome,
        })
    }

    async fn begin_session(
        &self,
        visit: &Visit,
        accepted: Accepted,
        lanes: &Lanes,
    ) -> Result<Done, Problem> {
        let Accepted {
            member,
            session,
            outcome,
        } = accepted;
        let language = visit.language;
        let state = &outcome.state;
        // Before step 9, whoever has the paper can do so much: as long as a date of birth or a code is to come, nothing is proven.
        let is_trusted =
            state.birth_date_confirmed && (state.password.is_some() || state.challenge.is_none());
        let counted = if is_trusted {
            Waits::success(lanes)
        } else {
            Waits::taken_back(lanes)
        };
        let kind = outcome
            .state
            .session_kind()
            .unwrap_or(SessionKind::Onboarding);
        let (now, mark, browser) = (self.clock.now(), outcome.mark, visit.agent.as_str());
        let opening = Opening {
            session,
            member,
            kind,
            language,
            browser,
            mark,
        };
        let opened = self.vault.sessions.open(&opening, counted, now).await?;
        // Another sign-in of the same member came later and has the session already.
        let fresh = opened.ok_or(Problem::NoSession)?;
        Ok(Done {
            session: fresh.session,
            secret: Some(fresh.secret),
            // A password alone makes no browser the member's: whoever has the paper may come when the date of birth was given already.
            device: None,
            stored: true,
        })
    }
}
