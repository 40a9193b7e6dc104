//! Steps 5 to 7: the address, its links, and 更新; and where the links to a coming address lead.

use jiff::Timestamp;

use super::{Decision, NOTHING_NEW, minutes, not_too_soon, within_budget};
use crate::domain::ids::{ContactId, IssueId, SessionId};
use crate::domain::onboarding::command::{NewCode, NewLink};
use crate::domain::onboarding::event::Event;
use crate::domain::onboarding::{Contact, Onboarding, Refusal, SessionKind, Step, budget, later};
use crate::domain::policy::Limits;

/// Where a mailed link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It can be followed.
    Open,
    /// It, or another to the same address, was followed.
    Followed,
    /// The address is verified.
    Verified,
}

impl Onboarding {
    pub(super) fn register_email(
        &self,
        at: Timestamp,
        limits: &Limits,
        contact: ContactId,
        same_as: Option<ContactId>,
        link: &NewLink,
    ) -> Decision {
        // Before its code, a session learns nothing of the address.
        if self.password.is_none() && self.session_kind() == Some(SessionKind::OtpPending) {
            return Err(Refusal::OutOfOrder { due: self.due() });
        }
        let present = self.contact.as_ref().map(|contact| contact.id);
        if same_as.is_some() {
            return if same_as == present {
                NOTHING_NEW
            } else {
                Err(Refusal::StaleFacts)
            };
        }
        let due = self.due();
        if !matches!(
            due,
            Step::Email | Step::EmailLink | Step::EmailUpdate | Step::OtpMethod
        ) {
            return Err(Refusal::OutOfOrder { due });
        }
        self.room_for_link(at, limits, &link.sent_to_address)?;
        Ok(vec![Event::EmailRegistered {
            contact,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: later(at, minutes(limits.email_link.lifetime_minutes)),
        }])
    }

    /// Whether the budgets leave room for a link to an address that is entered now, to be asked before the address is stored.
    ///
    /// # Errors
    /// [`Refusal::BudgetSpent`].
    pub fn room_for_link(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        let mails = &limits.email_link.mails;
        within_budget(&self.links_sent, sent_to_address, at, mails)
    }

    pub(super) fn resend_email_link(
        &self,
        at: Timestamp,
        limits: &Limits,
        link: &NewLink,
    ) -> Decision {
        let Some(contact) = &self.contact else {
            return Err(Refusal::OutOfOrder { due: self.due() });
        };
        if contact.followed {
            return NOTHING_NEW;
        }
        let mails = &limits.email_link.mails;
        not_too_soon(self.links_sent.last().copied(), at, mails)?;
        self.room_for_another_link(contact, at, limits, &link.sent_to_address)?;
        Ok(vec![Event::EmailLinkReissued {
            contact: contact.id,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: later(at, minutes(limits.email_link.lifetime_minutes)),
        }])
    }

    /// The same for another link to the address that was entered last.
    pub(super) fn room_for_another_link(
        &self,
        contact: &Contact,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        let to_contact: Vec<Timestamp> = contact.links.iter().map(|link| link.sent_at).collect();
        budget::room_in_a_day(&to_contact, at, limits.email_link.mails.each)
            .map_err(|until| Refusal::BudgetSpent { until })?;
        self.room_for_link(at, limits, sent_to_address)
    }

    /// Where a link leads now.
    ///
    /// # Errors
    /// The refusal that following it would meet.
    pub fn link_state(
        &self,
        at: Timestamp,
        contact: ContactId,
        issue: IssueId,
    ) -> Result<LinkState, Refusal> {
        if self.disowned.contains(&contact) {
            return Err(Refusal::LinkDisowned);
        }
        let mut addresses = [&self.contact, &self.coming].into_iter().flatten();
        let Some(address) = addresses.find(|it| it.id == contact) else {
            return Err(Refusal::LinkReplaced);
        };
        if address.verified {
            return Ok(LinkState::Verified);
        }
        if address.followed {
            return Ok(LinkState::Followed);
        }
        match address.links.iter().find(|link| link.issue == issue) {
            Some(link) if at < link.expires_at => Ok(LinkState::Open),
            Some(_) => Err(Refusal::LinkExpired),
            None => Err(Refusal::LinkReplaced),
        }
    }

    pub(super) fn follow_link(
        &self,
        at: Timestamp,
        contact: ContactId,
        issue: IssueId,
    ) -> Decision {
        match self.link_state(at, contact, issue)? {
            LinkState::Open if self.is_coming(contact) => {
                Ok(vec![Event::EmailChangeLinkFollowed { contact }])
            }
            LinkState::Open => Ok(vec![Event::EmailLinkFollowed { contact }]),
            LinkState::Followed | LinkState::Verified => NOTHING_NEW,
        }
    }

    pub(super) fn disown_email(
        &self,
        at: Timestamp,
        contact: ContactId,
        issue: IssueId,
    ) -> Decision {
        match self.link_state(at, contact, issue) {
            Ok(LinkState::Open | LinkState::Followed) if self.is_coming(contact) => {
                Ok(vec![Event::EmailChangeDisowned { contact }])
            }
            Ok(LinkState::Open | LinkState::Followed) => Ok(vec![Event::EmailDisowned { contact }]),
            Ok(LinkState::Verified) => Err(Refusal::OutOfOrder { due: self.due() }),
            Err(Refusal::LinkDisowned) => NOTHING_NEW,
            Err(refusal) => Err(refusal),
        }
    }

    fn is_coming(&self, contact: ContactId) -> bool {
        self.coming.as_ref().is_some_and(|it| it.id == contact)
    }

    /// With a code, the session goes on only when that is entered: whoever came to the paper between the address and its confirmation
    /// ends there.
    pub(super) fn update_email(
        &self,
        at: Timestamp,
        limits: &Limits,
        session: SessionId,
        code: Option<&NewCode>,
    ) -> Decision {
        match &self.contact {
            Some(contact) if contact.verified => NOTHING_NEW,
            Some(contact) if contact.followed => {
                self.require(Step::EmailUpdate)?;
                let mut events = vec![Event::EmailVerified {
                    contact: contact.id,
                }];
                if let Some(code) = code {
                    events.push(self.code_issued(at, limits, session, code)?);
                }
                Ok(events)
            }
            Some(_) | None => Err(Refusal::OutOfOrder { due: self.due() }),
        }
    }
}
