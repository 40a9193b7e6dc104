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
            return self.repeated(who, &outcome.state).await;
        }
        let done = self.exchanged(who, &who.session, &outcome.state).await?;
        Ok(Done {
            stored: true,
            ..done
        })
    }

    /// The answer to a repeated form that exchanges the session's secret.
    pub(super) async fn repeated(
        &self,
        who: &SignedIn,
        state: &Onboarding,
    ) -> Result<Done, Problem> {
        let session = self.session_of(&who.visit).await?;
        let replaced_at = state.password.and_then(|own| Some(own.replaces?.at));
        match session.rotated_at {
            // With the new cookie all is well, with the old one nothing is granted; nor in the moment between the event and the new
            // secret. Should the program end in that moment, the member signs in again.
            None => Err(Problem::SessionRotated),
            // That moment with a changed password, where the session goes on: the old secret must not.
            Some(at) if replaced_at.is_some_and(|replaced_at| at < replaced_at) => {
                self.exchanged(who, &session, state).await
            }
            Some(_) => Ok(already_done(who)),
        }
    }

    async fn exchanged(
        &self,
        who: &SignedIn,
        session: &Session,
        state: &Onboarding,
    ) -> Result<Done, Problem> {
        let kind = state.session_kind().unwrap_or(SessionKind::Onboarding);
        let now = self.clock.now();
        let rotated = self.vault.sessions.rotate(session, kind, now).await?;
        let fresh = rotated.ok_or(Problem::SessionRotated)?;
        Ok(Done {
            session: fresh.session,
            secret: Some(fresh.secret),
            ..already_done(who)
        })
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
