//! In and out for staff: name, password and a code of the authenticator, at the same cost and with the same words for unknown and wrong.

use std::sync::Arc;

use secrecy::SecretString;

use crate::api::Api;
use crate::api::input::normalise_id;
use crate::api::members::Grid;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::commands::{Actor, Attribution, CommandError, Outcome};
use crate::domain::ids::{CommandId, SessionId, StaffId};
use crate::domain::staff::{Command, Event, Facts, Issued, Password, Refusal, Staff};
use crate::vault::{Slot, Trace, VaultError, keys_of, lane_of_staff};

/// What staff type to sign in.
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) code: String,
}

/// The cookies that a sign-in brings.
pub(super) struct Entered {
    pub(super) secret: SecretString,
    pub(super) device: SecretString,
}

impl Api {
    /// Signs somebody of the staff in. As with members, every answer of success or [`Problem::SignInFailed`] costs exactly one argon2
    /// run, and a failure leaves on a grid of time.
    ///
    /// # Errors
    /// [`Problem::SignInFailed`], [`Problem::Invalid`], [`Problem::Waiting`], [`Problem::NeedsSupport`], [`Problem::Crowded`] or
    /// [`Problem::Busy`].
    pub(super) async fn sign_in_staff(
        &self,
        visit: &Visit,
        typed: &Typed,
    ) -> Result<Entered, Problem> {
        let mut grid = Grid::begin();
        let entered = self.try_to_sign_in_staff(visit, typed, &mut grid).await;
        if matches!(entered, Err(Problem::SignInFailed)) {
            grid.next_line().await;
        }
        entered
    }

    async fn try_to_sign_in_staff(
        &self,
        visit: &Visit,
        typed: &Typed,
        grid: &mut Grid,
    ) -> Result<Entered, Problem> {
        let name = normalise_id(&typed.name);
        for (field, value) in [
            ("name", &name),
            ("password", &typed.password),
            ("code", &typed.code),
        ] {
            if value.is_empty() || value.contains('\0') {
                return Err(Problem::Invalid {
                    field,
                    why: "required",
                });
            }
        }
        let hasher = &self.vault.hasher;
        hasher.has_room().map_err(|full| self.crowded(full))?;
        let staff = self.vault.staff.find(&name).await?;
        let lane = lane_of_staff(&name);
        let device = visit.device.as_deref();
        let waits = &self.vault.waits;
        let lanes = waits.lanes(&lane, None, visit.address, device).await?;
        let (slot, _) = self.take_turn(&lanes, Some(grid)).await?;
        match self.try_secrets(visit, slot, staff, typed).await {
            Ok(secret) => {
                waits.succeeded(&lanes).await?;
                let device = self.remember_browser(visit, &lane).await?;
                Ok(Entered { secret, device })
            }
            Err(Problem::SignInFailed) => {
                waits.failed(&lanes, self.clock.now()).await?;
                Err(Problem::SignInFailed)
            }
            // Nothing was learnt.
            Err(problem) => {
                self.take_back(&lanes).await;
                Err(problem)
            }
        }
    }

    /// Compares password and code and gives the command; answers with the session's secret.
    async fn try_secrets(
        &self,
        visit: &Visit,
        slot: Slot,
        staff: Option<StaffId>,
        typed: &Typed,
    ) -> Result<SecretString, Problem> {
        let known = match staff {
            Some(staff) => {
                let state = self.staff_state(staff).await?;
                state.account.map(|account| (staff, account))
            }
            None => None,
        };
        let Some((staff, account)) = known else {
            slot.dummy().await?;
            self.tallies.count("unknown-staff");
            return Err(Problem::SignInFailed);
        };
        let password_matches = match &account.password {
            Password::Initial(initial) => {
                slot.dummy().await?;
                let secrets = &self.vault.staff_secrets;
                secrets.matches_initial(staff, initial, &typed.password)?
            }
            Password::Own(credential) => {
                let credentials = &self.vault.credentials;
                credentials
                    .verify(slot, *credential, &typed.password)
                    .await?
            }
        };
        let now = self.clock.now();
        let open = self.vault.staff_access.session_of(staff).await?;
        let lapsed = open.filter(|it| it.has_lapsed(now)).map(|it| it.id);
        let session = SessionId(self.entropy.id());
        let (api, code, against) = (self.clone(), typed.code.clone(), account.password);
        let outcome = self
            .carry_out_for_staff("SignInStaff", staff, visit, move |state| {
                let account = state.account.clone().ok_or(Problem::SignInFailed)?;
                if account.password != against {
                    // It was replaced meanwhile; no further comparison, for each answer costs one.
                    return Err(Problem::SignInFailed);
                }
                let secrets = &api.vault.staff_secrets;
                let step = secrets.step_of(staff, &account.totp, &code, api.clock.now())?;
                Ok(Command::SignIn {
                    session,
                    facts: Facts {
                        against: account.password,
                        password_matches,
                        totp: account.totp,
                        step,
                    },
                    lapsed,
                })
            })
            .await?;
        if outcome
            .events
            .iter()
            .any(|event| matches!(event, Event::StaffSignInRejected { .. }))
        {
            return Err(Problem::SignInFailed);
        }
        let (access, now) = (&self.vault.staff_access, self.clock.now());
        let opened = access.open(staff, session, outcome.mark, now).await?;
        // Another sign-in of the same account came later and has the session already.
        opened.ok_or(Problem::Busy)
    }

    /// Ends the session of a request's cookie, if it opens one; in any case, there is none afterwards.
    ///
    /// # Errors
    /// The stores are away.
    pub(super) async fn sign_out_staff(&self, visit: &Visit) -> Result<(), Problem> {
        let session = match self.staff_session(visit).await {
            Ok((session, _)) => session,
            Err(Problem::NotSignedIn) => return Ok(()),
            Err(problem) => return Err(problem),
        };
        let id = session.id;
        let ended = self
            .carry_out_for_staff("SignOutStaff", session.staff, visit, move |_| {
                Ok(Command::SignOut { session: id })
            })
            .await;
        match ended {
            Ok(_) | Err(Problem::NotSignedIn) => Ok(self.vault.staff_access.end(id).await?),
            Err(problem) => Err(problem),
        }
    }

    /// Carries out a command on an account, given by its owner; a refusal is counted.
    pub(super) async fn carry_out_for_staff(
        &self,
        name: &'static str,
        staff: StaffId,
        visit: &Visit,
        mut settle: impl FnMut(Arc<Staff>) -> Result<Command, Problem> + Send + 'static,
    ) -> Result<Outcome<Staff>, Problem> {
        let attribution = self.attribution_of_staff(name, staff, visit).await?;
        let clock = self.clock.clone();
        let outcome = self
            .commands
            .run(staff.to_string(), attribution, move |state| {
                let command = settle(state);
                let at = clock.now();
                std::future::ready(command.map(|command| Issued { at, command }))
            })
            .await;
        outcome.map_err(|error| {
            let problem = of_command(error);
            self.tallies.count(problem.name());
            problem
        })
    }

    /// Who of the staff gives a command, for the history.
    ///
    /// # Errors
    /// The vault is away.
    pub(in crate::api) async fn attribution_of_staff(
        &self,
        command: &'static str,
        staff: StaffId,
        visit: &Visit,
    ) -> Result<Attribution, Problem> {
        let id = CommandId(self.entropy.id());
        let trace = Trace {
            address: visit.address,
            user_agent: visit.agent.clone(),
        };
        let traces = &self.vault.traces;
        let trace = traces
            .seal(keys_of(staff), id, &trace, self.clock.now())
            .await;
        // Where the year's key is destroyed, there is nothing to keep it under; that stops nobody.
        let trace = match trace {
            Ok(trace) => Some(trace),
            Err(VaultError::Erased) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Attribution {
            id,
            command,
            actor: Actor::Staff(staff),
            request_id: visit.request_id.clone(),
            policy: self.policy_version.clone(),
            trace,
        })
    }
}

fn of_command(error: CommandError<Refusal, Problem>) -> Problem {
    match error {
        CommandError::Refused(refusal) => match refusal {
            Refusal::Unknown | Refusal::Disabled => Problem::SignInFailed,
            Refusal::SessionEnded => Problem::NotSignedIn,
            Refusal::AlreadySet => Problem::AlreadySet,
            Refusal::StaleFacts => Problem::Busy,
            Refusal::AlreadyAdded | Refusal::NotOfRole(_) | Refusal::UnknownToken => {
                Problem::Internal
            }
        },
        CommandError::Unsettled(problem) => problem,
        CommandError::Busy => Problem::Busy,
        CommandError::Store(error) => {
            tracing::error!(%error, "a command of staff could not be stored");
            Problem::Busy
        }
    }
}
