//! A changed address: entered with the password once more, confirmed by its mailbox and by the member, and counting after a delay in
//! which the present address is told.

use std::borrow::Cow;

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};

use super::{Decision, NOTHING_NEW, fault_of, minutes, not_too_soon, room_for_rare_link};
use crate::domain::ids::{ContactId, NoticeId};
use crate::domain::onboarding::command::{CredentialInForce, NewLink, PasswordCheck};
use crate::domain::onboarding::event::Event;
use crate::domain::onboarding::{Contact, Onboarding, Refusal, Step, later};
use crate::domain::policy::Limits;

impl Onboarding {
    /// How the member stands at that moment: an address or a password whose delay is over counts, though no event may say so yet.
    #[must_use]
    pub fn as_of(&self, at: Timestamp) -> Cow<'_, Self> {
        match self.came_due(at) {
            None => Cow::Borrowed(self),
            Some(event) => Cow::Owned(self.after(event)),
        }
    }

    /// What has happened by that moment, of itself: of an address and a password, what comes first ends the other.
    pub(in crate::domain::onboarding) fn came_due(&self, at: Timestamp) -> Option<Event> {
        let (from, event) = self.comes()?;
        (from <= at).then_some(event)
    }

    /// What is to happen of itself next, and when.
    pub(in crate::domain::onboarding) fn comes(&self) -> Option<(Timestamp, Event)> {
        let address = self.coming.as_ref().and_then(|coming| {
            Some((
                coming.counts_from?,
                Event::EmailChanged { contact: coming.id },
            ))
        });
        let password = self.coming_password.map(|coming| {
            let credential = coming.credential;
            (
                coming.reset.counts_from,
                Event::PasswordReset { credential },
            )
        });
        let both = address.into_iter().chain(password);
        both.min_by_key(|(from, _)| *from)
    }

    pub(in crate::domain::onboarding) fn after(&self, event: Event) -> Self {
        let mut state = self.clone();
        state.apply(event);
        state
    }

    /// The address that a notice told of, while it is to take the present one's place or has taken it.
    #[must_use]
    pub fn changed_to(&self, told: NoticeId) -> Option<&Contact> {
        let addresses = [&self.contact, &self.coming].into_iter().flatten();
        let mut changed = addresses.filter(|it| it.counts_from.is_some());
        changed.find(|it| NoticeId::from(it.id) == told)
    }

    pub(super) fn change_email(
        &self,
        at: Timestamp,
        limits: &Limits,
        (against, check): (CredentialInForce, PasswordCheck),
        (contact, same_as): (ContactId, Option<ContactId>),
        link: &NewLink,
    ) -> Decision {
        self.require(Step::Completed)?;
        if against != self.credential_in_force() {
            return Err(Refusal::StaleFacts);
        }
        // Before all else: without the password, nothing is told of an address.
        if let Some(why) = fault_of(check) {
            return Ok(vec![Event::CredentialsRejected { why }]);
        }
        if let Some(same) = same_as {
            if self.contact.as_ref().is_some_and(|it| it.id == same) {
                return Err(Refusal::SameAddress);
            }
            let coming = self.coming.as_ref().filter(|it| it.id == same);
            let coming = coming.ok_or(Refusal::StaleFacts)?;
            let has_link = coming.links.iter().any(|link| at < link.expires_at);
            if coming.followed || has_link {
                return NOTHING_NEW;
            }
        }
        self.room_for_change(at, limits, &link.sent_to_address)?;
        Ok(vec![Event::EmailChangeRequested {
            contact,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: later(at, minutes(limits.email_link.lifetime_minutes)),
        }])
    }

    /// Whether the budgets leave room for a link to another address, to be asked before that is stored. They are as those of step 5, but
    /// their own.
    ///
    /// # Errors
    /// [`Refusal::TooSoon`], [`Refusal::BudgetSpent`].
    pub fn room_for_change(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        let mails = &limits.email_link.mails;
        not_too_soon(self.change_links_sent.last().copied(), at, mails)?;
        self.budget_of_changes(at, limits, sent_to_address)
    }

    /// The same without the time between two.
    pub(super) fn budget_of_changes(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        room_for_rare_link(&self.change_links_sent, sent_to_address, at, limits)
    }

    pub(super) fn confirm_email_change(&self, at: Timestamp, limits: &Limits) -> Decision {
        self.require(Step::Completed)?;
        let followed = self.coming.as_ref().filter(|it| it.followed);
        let (coming, present) = followed
            .zip(self.contact.as_ref())
            .ok_or(Refusal::NothingToConfirm)?;
        if coming.verified {
            return NOTHING_NEW;
        }
        let delay = SignedDuration::from_hours(limits.later.address_hours.into());
        Ok(vec![Event::EmailChangeConfirmed {
            contact: coming.id,
            replaces: present.id,
            at,
            counts_from: later(at, delay),
        }])
    }

    pub(super) fn cancel_email_change(&self) -> Decision {
        self.require(Step::Completed)?;
        Ok(self
            .coming
            .iter()
            .map(|coming| Event::EmailChangeCancelled { contact: coming.id })
            .collect())
    }
}
