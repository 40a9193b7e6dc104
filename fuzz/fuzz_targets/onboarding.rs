//! The rules: whatever is asked in whatever order and at whatever moment, nothing is granted that may not be.

#![no_main]

use std::sync::Arc;

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::{
    ChallengeId, ContactId, CredentialId, IssueId, ProposalId, SessionId, StaffId,
};
use kadode::domain::onboarding::{Command, Event, Intervention, Issued, Onboarding};
use kadode::domain::policy::Limits;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

use self::monitor::Monitor;
use self::moves::{Move, Pause};

// What may never happen stands in one place, with the test that tries every short history.
#[path = "../../src/domain/onboarding/tests/every_history/monitor.rs"]
mod monitor;
#[path = "onboarding/moves.rs"]
mod moves;

#[derive(Debug, Arbitrary)]
struct Input {
    begin: u32,
    tries: u8,
    mails: u8,
    moves: Vec<(Pause, Move)>,
}

/// The member, the whole past, and the ids that it gave.
#[derive(Default)]
struct World {
    state: Onboarding,
    monitor: Monitor,
    past: Vec<(Timestamp, Event)>,
    fresh: u128,
    sessions: Vec<SessionId>,
    links: Vec<(ContactId, IssueId)>,
    resets: Vec<IssueId>,
    reset_to: Vec<CredentialId>,
    codes: Vec<ChallengeId>,
    credentials: Vec<CredentialId>,
}

impl World {
    fn play(&mut self, asked: &Move, at: Timestamp, limits: &Arc<Limits>) {
        let (command, typed) = self.command(asked, at);
        let followed = match &command {
            Command::FollowEmailLink { issue, .. } => Some(*issue),
            _ => None,
        };
        let issued = Issued {
            at,
            limits: limits.clone(),
            command,
        };
        let was_frozen = self.state.frozen;
        let Ok(events) = self.state.decide(&issued) else {
            return;
        };
        for event in events {
            if let Err(why) = self.monitor.take(&event, typed, limits) {
                panic!("{why}");
            }
            assert!(
                !was_frozen || !grants(&event),
                "{} while frozen",
                event.name()
            );
            self.in_time(&event, at, followed);
            self.remember(&event);
            self.state.apply(event.clone());
            self.past.push((at, event));
        }
        self.within_budgets(at, limits);
    }

    /// Codes and links count until their end, which the mail that brought them told.
    fn in_time(&self, event: &Event, at: Timestamp, followed: Option<IssueId>) {
        let ends = |is_it: &dyn Fn(&Event) -> Option<Timestamp>| {
            self.past.iter().rev().find_map(|(_, event)| is_it(event))
        };
        let end = match event {
            Event::OtpLoginSucceeded { challenge: own, .. }
            | Event::SignInConfirmed { challenge: own, .. } => ends(&|event| match event {
                Event::OtpIssued {
                    challenge,
                    expires_at,
                    ..
                }
                | Event::OtpReissued {
                    challenge,
                    expires_at,
                    ..
                } => (challenge == own).then_some(*expires_at),
                _ => None,
            }),
            Event::EmailLinkFollowed { contact: own }
            | Event::EmailChangeLinkFollowed { contact: own } => ends(&|event| match event {
                Event::EmailChangeRequested {
                    contact,
                    issue,
                    expires_at,
                    ..
                }
                | Event::EmailRegistered {
                    contact,
                    issue,
                    expires_at,
                    ..
                }
                | Event::EmailLinkReissued {
                    contact,
                    issue,
                    expires_at,
                    ..
                } => (contact == own && Some(*issue) == followed).then_some(*expires_at),
                _ => None,
            }),
            Event::PasswordResetConfirmed { issue: own, .. } => ends(&|event| match event {
                Event::PasswordResetRequested {
                    issue, expires_at, ..
                } => (issue == own).then_some(*expires_at),
                _ => None,
            }),
            Event::PasswordReset { credential: own } => {
                let comes = ends(&|event| match event {
                    Event::PasswordResetConfirmed {
                        credential,
                        counts_from,
                        ..
                    } => (credential == own).then_some(*counts_from),
                    _ => None,
                });
                assert!(comes.is_some_and(|comes| comes <= at), "reset too early");
                return;
            }
            Event::EmailChanged { contact: own } => {
                let comes = ends(&|event| match event {
                    Event::EmailChangeConfirmed {
                        contact,
                        counts_from,
                        ..
                    } => (contact == own).then_some(*counts_from),
                    _ => None,
                });
                assert!(comes.is_some_and(|comes| comes <= at), "changed too early");
                return;
            }
            _ => return,
        };
        assert!(end.is_some_and(|end| at < end), "{} too late", event.name());
    }

    /// No more mails leave in an hour than the limits allow.
    fn within_budgets(&self, at: Timestamp, limits: &Limits) {
        let hour = SignedDuration::from_hours(1);
        let mut links = 0;
        let mut changes = 0;
        let mut resets = 0;
        let mut passwords = 0;
        let mut codes = 0;
        for (_, event) in self
            .past
            .iter()
            .rev()
            .take_while(|(then, _)| at.duration_since(*then) < hour)
        {
            match event {
                Event::EmailRegistered { .. } | Event::EmailLinkReissued { .. } => links += 1,
                Event::EmailChangeRequested { .. } => changes += 1,
                Event::PasswordResetRequested { .. } => resets += 1,
                Event::PasswordReplaced { .. } => passwords += 1,
                Event::OtpIssued { .. } | Event::OtpReissued { .. } => codes += 1,
                _ => {}
            }
        }
        assert!(
            links.max(changes).max(resets).max(passwords) <= limits.email_link.mails.per_hour,
            "{links}, {changes} and {resets} links, and {passwords} passwords in an hour"
        );
        assert!(
            codes <= limits.otp.mails.per_hour,
            "{codes} codes in an hour"
        );
    }

    fn remember(&mut self, event: &Event) {
        match event {
            Event::CredentialsAccepted { session, .. } => self.sessions.push(*session),
            Event::EmailRegistered { contact, issue, .. }
            | Event::EmailChangeRequested { contact, issue, .. }
            | Event::EmailLinkReissued { contact, issue, .. } => {
                self.links.push((*contact, *issue))
            }
            Event::OtpIssued { challenge, .. } | Event::OtpReissued { challenge, .. } => {
                if self.codes.last() != Some(challenge) {
                    self.codes.push(*challenge);
                }
            }
            Event::PasswordResetRequested { issue, .. } => self.resets.push(*issue),
            Event::PasswordChanged { credential, .. } => self.credentials.push(*credential),
            Event::PasswordResetConfirmed { credential, .. }
            | Event::PasswordReplaced { credential, .. } => {
                self.credentials.push(*credential);
                self.reset_to.push(*credential);
            }
            _ => {}
        }
    }
}

/// Whether somebody comes in by it.
fn grants(event: &Event) -> bool {
    matches!(
        event,
        Event::CredentialsAccepted { .. }
            | Event::OtpIssued { .. }
            | Event::OtpLoginSucceeded { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordResetConfirmed { .. }
            | Event::PasswordReplaced { .. }
            | Event::OnboardingCompleted {}
    )
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fuzz_target!(|input: Input| {
    let mut limits = Limits::default();
    limits.otp.tries = u32::from(input.tries % 10) + 1;
    limits.otp.mails.per_hour = u32::from(input.mails % 20) + 1;
    limits.email_link.mails.per_hour = u32::from(input.mails % 20) + 1;
    let limits = Arc::new(limits);
    let mut at = Timestamp::from_second(input.begin.into()).expect("a moment of ours");
    let mut world = World::default();
    for (pause, asked) in &input.moves {
        at = match *pause {
            Pause::Seconds(count) => later(at, SignedDuration::from_secs(count.into())),
            Pause::Minutes(count) => later(at, SignedDuration::from_mins(count.into())),
            Pause::Days(count) => later(at, SignedDuration::from_hours(24 * i64::from(count))),
            Pause::Ever => Timestamp::MAX,
        };
        world.play(asked, at, &limits);
    }
    // The log alone says how the member stands, also after a way through storage.
    let mut folded = Onboarding::default();
    for (_, event) in world.past {
        let text = serde_json::to_string(&event).expect("an event can be stored");
        folded.apply(serde_json::from_str(&text).expect("a stored event can be read"));
    }
    assert_eq!(folded, world.state);
});
