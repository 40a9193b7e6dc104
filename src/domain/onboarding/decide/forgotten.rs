//! A forgotten password: asked for with user ID and date of birth, set by a link to the address in force, and counting after a delay in
//! which the member is told.

use jiff::{SignedDuration, Timestamp};

use super::{Decision, NOTHING_NEW, minutes, not_too_soon, room_for_rare_link};
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
    /// None can be set by it any more: another address counts before it would, and ends it.
    AddressChanges {
        /// The moment from which that counts.
        from: Timestamp,
    },
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
        let coming = self.coming_password.map(|it| (it.credential, it.reset));
        let present = self
            .password
            .and_then(|own| Some((own.credential, own.reset?)));
        let mut passwords = coming.into_iter().chain(present);
        passwords
            .find(|(credential, _)| NoticeId::from(*credential) == told)
            .map(|(_, reset)| reset.counts_from)
    }

    /// What the link of that issue comes to now.
    ///
    /// # Errors
    /// [`Refusal::LinkExpired`], [`Refusal::LinkReplaced`].
    pub fn reset_state(
        &self,
        at: Timestamp,
        limits: &Limits,
        issue: IssueId,
    ) -> Result<ResetState, Refusal> {
        let coming = self.coming_password.map(|it| it.reset);
        let present = self.password.filter(|it| it.replaces.is_none());
        let present = present.and_then(|it| it.reset);
        let mut resets = coming.into_iter().chain(present);
        if let Some(reset) = resets.find(|it| it.issue == issue) {
            return Ok(ResetState::Set {
                counts_from: reset.counts_from,
            });
        }
        match self.reset_links.iter().find(|link| link.issue == issue) {
            Some(link) if at < link.expires_at => {
                let address = self.coming.as_ref().and_then(|it| it.counts_from);
                let first = address.filter(|from| *from <= counts_from(at, limits));
                Ok(first.map_or(ResetState::Open, |from| ResetState::AddressChanges { from }))
            }
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
        self.room_for_reset(at, limits, &link.sent_to_address)?;
        Ok(vec![Event::PasswordResetRequested {
            contact: contact.id,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: later(at, minutes(limits.email_link.lifetime_minutes)),
        }])
    }

    /// Whether the budgets leave room for such a link.
    pub(super) fn room_for_reset(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        room_for_rare_link(&self.reset_links_sent, sent_to_address, at, limits)
    }

    pub(super) fn reset_password(
        &self,
        at: Timestamp,
        limits: &Limits,
        issue: IssueId,
        (credential, form): (CredentialId, FormId),
    ) -> Decision {
        match self.reset_state(at, limits, issue)? {
            ResetState::Open => {}
            ResetState::AddressChanges { .. } => return Err(Refusal::LinkReplaced),
            ResetState::Set { .. } => {
                let coming = self.coming_password.map(|it| it.form);
                let present = self.password.map(|it| it.form);
                let is_repeated = [coming, present].contains(&Some(form));
                return if is_repeated {
                    NOTHING_NEW
                } else {
                    Err(Refusal::AlreadySet)
                };
            }
        }
        Ok(vec![Event::PasswordResetConfirmed {
            issue,
            credential,
            form,
            at,
            counts_from: counts_from(at, limits),
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

/// From when a password counts that is set at that moment.
fn counts_from(at: Timestamp, limits: &Limits) -> Timestamp {
    let delay = SignedDuration::from_hours(limits.later.password_hours.into());
    later(at, delay)
}
