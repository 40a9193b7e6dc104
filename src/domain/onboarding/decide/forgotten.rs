//! A forgotten password: asked for with user ID and date of birth, set by a link to the address in force, and counting after a delay in
//! which the member is told.

use jiff::{SignedDuration, Timestamp};

use super::{Decision, NOTHING_NEW, minutes, not_too_soon, within_budget};
use crate::domain::ids::{CredentialId, FormId, IssueId, NoticeId};
use crate::domain::onboarding::command::NewLink;
use crate::domain::onboarding::event::Event;
use crate::domain::onboarding::{Onboarding, Refusal, Step, later};
use crate::domain::policy::Limits;

/// What the link for a forgotten password comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetState {
    /// Another password can be set.
    Open,
    /// By this link one was set.
    Set {
        /// The moment from which it counts.
        counts_from: Timestamp,
    },
}

impl Onboarding {
    /// From when the password counts that a notice told of, while it is to take a forgotten one's place or has taken it.
    #[must_use]
    pub fn reset_to(&self, told: NoticeId) -> Option<Timestamp> {
        let coming = self
            .coming_password
            .map(|it| (it.credential, it.counts_from));
        let present = self
            .password
            .and_then(|own| Some((own.credential, own.counts_from?)));
        let mut passwords = coming.into_iter().chain(present);
        passwords
            .find(|(credential, _)| NoticeId::from(*credential) == told)
            .map(|(_, counts_from)| counts_from)
    }

    /// What the link of that issue comes to now.
    ///
    /// # Errors
    /// [`Refusal::LinkExpired`], [`Refusal::LinkReplaced`].
    pub fn reset_state(&self, at: Timestamp, issue: IssueId) -> Result<ResetState, Refusal> {
        if let Some(coming) = self.coming_password.filter(|it| it.issue == issue) {
            return Ok(ResetState::Set {
                counts_from: coming.counts_from,
            });
        }
        match self.reset_links.iter().find(|link| link.issue == issue) {
            Some(link) if at < link.expires_at => Ok(ResetState::Open),
            Some(_) => Err(Refusal::LinkExpired),
            None => Err(Refusal::LinkReplaced),
        }
    }

    pub(super) fn request_password_reset(
        &self,
        at: Timestamp,
        limits: &Limits,
        matches: bool,
        link: &NewLink,
    ) -> Decision {
        if self.frozen || self.left {
            return Err(Refusal::Frozen);
        }
        let contact = self.contact.as_ref().filter(|_| self.password.is_some());
        // Before step 9 there is nothing to forget but the paper, which staff replace.
        let contact = contact.ok_or_else(|| Refusal::OutOfOrder { due: self.due() })?;
        if !matches {
            return Ok(vec![Event::PasswordResetRejected {}]);
        }
        let mails = &limits.email_link.mails;
        not_too_soon(self.reset_links_sent.last().copied(), at, mails)?;
        within_budget(&self.reset_links_sent, &link.sent_to_address, at, mails)?;
        Ok(vec![Event::PasswordResetRequested {
            contact: contact.id,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: later(at, minutes(limits.email_link.lifetime_minutes)),
        }])
    }

    pub(super) fn reset_password(
        &self,
        at: Timestamp,
        limits: &Limits,
        issue: IssueId,
        (credential, form): (CredentialId, FormId),
    ) -> Decision {
        match self.reset_state(at, issue)? {
            ResetState::Open => {}
            ResetState::Set { .. } => {
                let is_repeated = self.coming_password.is_some_and(|it| it.form == form);
                return if is_repeated {
                    NOTHING_NEW
                } else {
                    Err(Refusal::AlreadySet)
                };
            }
        }
        let delay = SignedDuration::from_hours(limits.later.password_hours.into());
        Ok(vec![Event::PasswordResetConfirmed {
            issue,
            credential,
            form,
            at,
            counts_from: later(at, delay),
        }])
    }

    pub(super) fn cancel_password_reset(&self) -> Decision {
        self.require(Step::Completed)?;
        Ok(self
            .coming_password
            .iter()
            .map(|coming| Event::PasswordResetCancelled {
                credential: coming.credential,
            })
            .collect())
    }
}
