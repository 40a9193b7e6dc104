//! Reminders to those who have stopped on the way: whom one can reach, and when one is due.

use jiff::Timestamp;

use super::Decision;
use crate::domain::onboarding::{Event, Intervention, Mailbox, Onboarding, Refusal, Step};
use crate::domain::policy::Limits;

impl Onboarding {
    /// Where a reminder would reach a member who can go on; none, where there is no confirmed address.
    #[must_use]
    pub fn reminder_goes_to(&self, at: Timestamp) -> Option<Mailbox> {
        self.mailbox.filter(|_| self.can_go_on(at))
    }

    /// Whether a member can go on whom only a letter reaches.
    #[must_use]
    pub fn reminder_goes_by_post(&self, at: Timestamp) -> bool {
        self.mailbox.is_none() && self.can_go_on(at)
    }

    /// Whether the next step is the member's own. It is not at the end of the way, nor where it goes on with a person alone: the account is
    /// frozen, the initial credentials do not count, or staff wait for a second person.
    fn can_go_on(&self, at: Timestamp) -> bool {
        let waits_for_staff = self.proposals.iter().any(|it| {
            let changes_something = it.intervention != Intervention::Unmask;
            changes_something && it.verdict.is_none() && at < it.expires_at
        });
        let can_sign_in = self.password.is_some() || self.initial_credentials_count(at);
        self.is_on_the_way() && can_sign_in && !waits_for_staff
    }

    /// Whether a reminder would ever make sense, as far as time changes nothing of that.
    #[must_use]
    pub fn may_be_reminded(&self) -> bool {
        self.mailbox.is_some() && self.is_on_the_way()
    }

    /// From when on nobody can be reminded who does nothing; none, where time alone does not end that.
    #[must_use]
    pub fn may_be_reminded_until(&self) -> Option<Timestamp> {
        let initial = self.enrolment.as_ref().filter(|_| self.password.is_none());
        initial.map(|it| it.expires_at)
    }

    /// When the member came to the step at which they stand at `at`, if that happened of itself and no event says so yet.
    #[must_use]
    pub fn moved_on(&self, at: Timestamp) -> Option<Timestamp> {
        let (from, _) = self.comes().filter(|(from, _)| *from <= at)?;
        (self.as_of(at).stands_at() != self.stands_at()).then_some(from)
    }

    const fn is_on_the_way(&self) -> bool {
        !(self.completed || self.frozen || self.left || self.erased)
    }

    /// The stage of the last reminder in this wait, in the policy's days; 0, if there was none. A wait that began anew has a new `since`.
    #[must_use]
    pub fn reminded_after(&self, since: Timestamp) -> u32 {
        let told = self.reminded.filter(|told| told.since == since);
        told.map_or(0, |told| told.after_days)
    }

    /// The stage that is due at `at` to a member who has been at their step `since` then, in the policy's days. Of several stages whose time
    /// has passed, it is the last: nobody gets two mails where one tells all.
    #[must_use]
    pub fn reminder_due(&self, at: Timestamp, limits: &Limits, since: Timestamp) -> Option<u32> {
        let stage = limits.reminders.as_ref()?.stage(since, at)?;
        let is_news = stage > self.reminded_after(since);
        (is_news && self.reminder_goes_to(at).is_some()).then_some(stage)
    }

    pub(super) fn remind(
        &self,
        at: Timestamp,
        limits: &Limits,
        step: Step,
        since: Timestamp,
    ) -> Decision {
        let stands_at = self.stands_at();
        if stands_at != step {
            return Err(Refusal::OutOfOrder { due: stands_at });
        }
        let is_time = limits.reminders.as_ref().is_some_and(|it| it.go_at(at));
        let due = self.reminder_due(at, limits, since).filter(|_| is_time);
        let after_days = due.ok_or(Refusal::NoReminder)?;
        Ok(vec![Event::MemberReminded {
            step,
            after_days,
            since,
            at,
        }])
    }
}
