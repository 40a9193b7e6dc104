//! What is to be told after a command that went well, and what the session takes away from it.

use std::sync::Arc;

use secrecy::SecretString;

use super::SignedIn;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::commands::Outcome;
use crate::domain::onboarding::{Command, Event, Onboarding, SessionKind};
use crate::vault::Session;

/// What is to be told after a command that went well.
#[derive(Clone, Debug)]
pub struct Done {
    /// The session, as it is now.
    pub session: Session,
    /// The session's new secret, where it was exchanged.
    pub secret: Option<SecretString>,
    /// The device cookie, where one is to be set.
    pub device: Option<SecretString>,
    /// Whether anything was stored; not so, if the effect stood already.
    pub stored: bool,
}

impl Api {
    /// A step with no facts to settle.
    pub(super) async fn simple(
        &self,
        who: &SignedIn,
        name: &'static str,
        command: impl Fn(&Onboarding) -> Command + Send + Sync + 'static,
    ) -> Result<Done, Problem> {
        let outcome = self
            .carry_out(
                name,
                who.session.member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let command = command(&state);
                    async move { Ok(command) }
                },
            )
            .await?;
        Ok(Self::done(who, &outcome))
    }

    /// Nothing but the command itself.
    pub(super) fn done(who: &SignedIn, outcome: &Outcome<Onboarding>) -> Done {
        Done {
            session: who.session.clone(),
            secret: None,
            device: None,
            stored: !outcome.events.is_empty(),
        }
    }

    /// As `done`, and exchanges the session's secret: only the request whose own command was stored gets the new one.
    pub(super) async fn done_rotating(
        &self,
        who: &SignedIn,
        outcome: &Outcome<Onboarding>,
    ) -> Result<Done, Problem> {
        if outcome.events.is_empty() {
            return self.repeated(who).await;
        }
        let kind = outcome
            .state
            .session_kind()
            .unwrap_or(SessionKind::Onboarding);
        let rotated = self
            .vault
            .sessions
            .rotate(&who.session, kind, self.clock.now())
            .await?;
        let fresh = rotated.ok_or(Problem::SessionRotated)?;
        Ok(Done {
            session: fresh.session,
            secret: Some(fresh.secret),
            device: None,
            stored: true,
        })
    }

    /// The answer to a repeated form that exchanges the session's secret.
    pub(super) async fn repeated(&self, who: &SignedIn) -> Result<Done, Problem> {
        // With the new cookie all is well, with the old one nothing is granted; nor in the moment between the event and the new
        // secret. Should the program end in that moment, the member signs in again.
        if !self.session_of(&who.visit).await?.rotated {
            return Err(Problem::SessionRotated);
        }
        Ok(already_done(who))
    }
}

/// The answer to a step whose effect stands: nothing is looked at and nothing stored.
pub(super) fn already_done(who: &SignedIn) -> Done {
    Done {
        session: who.session.clone(),
        secret: None,
        device: None,
        stored: false,
    }
}

/// Whether such an event is among what was stored.
pub(super) fn happened(outcome: &Outcome<Onboarding>, is_it: impl Fn(&Event) -> bool) -> bool {
    outcome.events.iter().any(is_it)
}
