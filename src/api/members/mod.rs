//! The members' side: what each step does, and the JSON routes over it.

mod birth_date;
pub mod bodies;
mod choices;
mod code;
mod confirmation;
mod done;
mod email;
mod email_change;
mod forgotten;
mod grid;
mod hold;
mod json;
mod known_browsers;
mod notice;
mod once_more;
mod paper;
mod password;
mod password_change;
mod session;
mod sign_in;
mod watch;

pub use confirmation::Confirmation;
pub use done::Done;
pub(in crate::api) use grid::Grid;
pub use json::{Document, routes};
pub(in crate::api) use json::{Token, cookies, end_of_session};
pub use session::SignedIn;
pub use sign_in::Credentials;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Api;
use super::problem::Problem;
use super::visit::Visit;
use crate::commands::{Actor, Attribution, Outcome};
use crate::domain::delivery::MailKind;
use crate::domain::ids::{ChallengeId, CommandId, ContactId, IssueId, MemberId};
use crate::domain::onboarding::{Issued, NewCode, NewLink, Onboarding};
use crate::domain::policy::{Policy, Terms};
use crate::domain::values::Language;
use crate::policies::PolicyError;
use crate::projections::{ApplyError, FollowError, mail_requests};
use crate::vault::{Trace, VaultError};

impl Api {
    /// Who gives a command, for the history.
    async fn attribution(
        &self,
        command: &'static str,
        member: MemberId,
        visit: &Visit,
    ) -> Result<Attribution, Problem> {
        let id = CommandId(self.entropy.id());
        let trace = Trace {
            address: visit.address,
            user_agent: visit.agent.clone(),
        };
        let trace = self
            .vault
            .traces
            .seal(member, id, &trace, self.clock.now())
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
            actor: Actor::Member(member.to_string()),
            request_id: visit.request_id.clone(),
            policy: self.policy_version.clone(),
            trace,
        })
    }

    /// Carries out a member's command; a refusal is counted.
    async fn carry_out<F, Fut>(
        &self,
        name: &'static str,
        member: MemberId,
        visit: &Visit,
        settle: F,
    ) -> Result<Outcome<Onboarding>, Problem>
    where
        F: FnMut(Arc<Onboarding>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<crate::domain::onboarding::Command, Problem>> + Send + 'static,
    {
        let attribution = self.attribution(name, member, visit).await?;
        self.carry_out_as(attribution, member, settle).await
    }

    /// The same, whoever gives the command.
    pub(in crate::api) async fn carry_out_as<F, Fut>(
        &self,
        attribution: Attribution,
        member: MemberId,
        mut settle: F,
    ) -> Result<Outcome<Onboarding>, Problem>
    where
        F: FnMut(Arc<Onboarding>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<crate::domain::onboarding::Command, Problem>> + Send + 'static,
    {
        let clock = self.clock.clone();
        let limits = self.limits.clone();
        let outcome = self
            .commands
            .run(member.to_string(), attribution, move |state| {
                let settled = settle(as_of(state, clock.now()));
                let (clock, limits) = (clock.clone(), limits.clone());
                async move {
                    Ok(Issued {
                        command: settled.await?,
                        at: clock.now(),
                        limits,
                    })
                }
            })
            .await;
        outcome.map_err(|error| {
            let problem = Problem::of_command(error, self.clock.now());
            self.tallies.count(problem.name());
            problem
        })
    }

    /// What a new code needs; `contact` is the address it goes to.
    async fn new_code(
        &self,
        contact: Option<ContactId>,
        language: Language,
    ) -> Result<NewCode, Problem> {
        Ok(NewCode {
            challenge: ChallengeId(self.random_id()),
            key: self.vault.one_time.current_key().clone(),
            language,
            sent_to_address: self.sent_to_address(contact, MailKind::Otp).await?,
        })
    }

    /// What a new link needs; `sent_to_address` tells of the earlier ones to its address.
    pub(in crate::api) fn new_link(
        &self,
        sent_to_address: Vec<Timestamp>,
        language: Language,
    ) -> NewLink {
        NewLink {
            issue: IssueId(self.entropy.id()),
            key: self.vault.one_time.current_key().clone(),
            language,
            sent_to_address,
        }
    }

    /// The policy that a member was enrolled under: its cohorts and its step 4 are theirs, whatever is in force now.
    async fn policy_of(&self, state: &Onboarding) -> Result<Arc<Policy>, Problem> {
        let enrolment = state.enrolment.as_ref().ok_or(Problem::NoSession)?;
        Ok(self.policies.of(&enrolment.policy).await?)
    }

    /// How a member stands now, by the log alone.
    pub(in crate::api) async fn as_of_now(&self, member: MemberId) -> Result<Onboarding, Problem> {
        let state: Onboarding = self
            .commands
            .load(&member.to_string())
            .await
            .map_err(|error| {
                tracing::error!(%error, "a member's stream cannot be loaded");
                Problem::Busy
            })?;
        Ok(state.as_of(self.clock.now()).into_owned())
    }

    /// The notes on use that a member has to accept at step 4.
    ///
    /// # Errors
    /// The member's policy has no such step, or cannot be read.
    pub async fn terms_of(&self, state: &Onboarding) -> Result<Terms, Problem> {
        let policy = self.policy_of(state).await?;
        policy.terms.clone().ok_or(Problem::NotFound)
    }

    pub(in crate::api) fn random_id(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.entropy.bytes()).into_uuid()
    }

    /// When mails of `kind` were asked for by all members with this address, in the last day.
    pub(in crate::api) async fn sent_to_address(
        &self,
        contact: Option<ContactId>,
        kind: MailKind,
    ) -> Result<Vec<Timestamp>, Problem> {
        let Some(contact) = contact else {
            return Ok(Vec::new());
        };
        let sharing = self.vault.contacts.of_same_address(contact).await?;
        self.sent_to(&sharing, Some(contact), kind).await
    }

    /// When mails of `kind` to any of these contacts, of which `own` is the member's present one, were asked for in the last day.
    async fn sent_to(
        &self,
        contacts: &[ContactId],
        own: Option<ContactId>,
        kind: MailKind,
    ) -> Result<Vec<Timestamp>, Problem> {
        // What others asked for a moment ago counts too; what the member did, the rules know.
        if contacts.iter().any(|contact| Some(*contact) != own) {
            self.statuses.caught_up().await;
        }
        let day_ago = self.clock.now() - SignedDuration::from_hours(24);
        Ok(mail_requests::since(&self.read, contacts, kind, day_ago).await?)
    }
}

/// How the member stands at that moment, as the rules will see it.
fn as_of(state: Arc<Onboarding>, at: Timestamp) -> Arc<Onboarding> {
    match state.as_of(at) {
        Cow::Borrowed(_) => state,
        Cow::Owned(settled) => Arc::new(settled),
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "the vault does not answer");
        match error {
            VaultError::Database(_) | VaultError::Hasher => Self::Busy,
            VaultError::Erased => Self::NoSession,
            VaultError::Missing(_)
            | VaultError::Taken
            | VaultError::Damaged(_)
            | VaultError::UnknownKey(_) => Self::Internal,
        }
    }
}

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        tracing::error!(%error, "a member's policy cannot be had");
        match error {
            PolicyError::Log(_) => Self::Busy,
            PolicyError::File(..)
            | PolicyError::Mistake { .. }
            | PolicyError::NoneAdopted
            | PolicyError::Unknown(_)
            | PolicyError::UserIdCase(..) => Self::Internal,
        }
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        tracing::error!(%error, "a read model does not answer");
        Self::Busy
    }
}

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        tracing::error!(%error, "a read model does not answer");
        Self::Busy
    }
}
