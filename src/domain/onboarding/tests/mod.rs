//! The rules of the onboarding, shown by given events, a command and what follows.

mod browsers;
mod change;
mod email;
mod every_history;
mod forgotten;
mod journey;
mod limits;
mod notice;
mod order;
mod otp;
mod proofing;
mod reminder;
mod replaced;
mod retrace;
mod roster;
mod sequences;
mod sign_in;
mod steps;
mod stored;
mod story;
mod support;

use std::sync::Arc;

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::command::{
    CodeCheck, Command, CredentialInForce, Issued, NewCode, NewLink, PasswordCheck,
};
use super::{
    Append, CredentialFault, Event, Grounds, Intervention, LogOutReason, Onboarding, OtpMethod,
    ProfileField, Reason, Refusal, SessionKind, Step,
};
use crate::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, NoticeId, PrintId, ProposalId,
    SessionId, StaffId,
};
use crate::domain::policy::{Limits, PolicyVersion};
use crate::domain::values::{KeyId, Language};
pub(crate) use sequences::random_history;
use story::*;

// Every kind of id counts from 1: in the usual story, 1 belongs to the first login and 2 to the sign-in after it.
const fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}
const fn contact(n: u128) -> ContactId {
    ContactId(Uuid::from_u128(n))
}
const fn issue(n: u128) -> IssueId {
    IssueId(Uuid::from_u128(n))
}
const fn challenge(n: u128) -> ChallengeId {
    ChallengeId(Uuid::from_u128(n))
}
const fn credential(n: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(n))
}
const fn form(n: u128) -> FormId {
    FormId(Uuid::from_u128(n))
}
const fn proposal(n: u128) -> ProposalId {
    ProposalId(Uuid::from_u128(n))
}
const fn staff(n: u128) -> StaffId {
    StaffId(Uuid::from_u128(n))
}

const INITIAL: CredentialInForce = CredentialInForce::Initial(0);
const OWN: CredentialInForce = CredentialInForce::Own(credential(1));

/// When the initial credentials begin to count; the first sign-in is a day later, at minute 0.
fn opening() -> Timestamp {
    minute(-24 * 60)
}

/// When the initial credentials end.
fn closing() -> Timestamp {
    opening() + SignedDuration::from_hours(30 * 24)
}

fn minute(n: i64) -> Timestamp {
    clock(n, 0)
}

/// So many minutes and seconds after the first sign-in.
fn clock(minutes: i64, seconds: i64) -> Timestamp {
    const FIRST_SIGN_IN: i64 = 1_775_088_000;
    Timestamp::from_second(FIRST_SIGN_IN + minutes * 60 + seconds).unwrap()
}

fn key() -> KeyId {
    KeyId("2026".to_owned())
}

fn new_code(n: u128) -> NewCode {
    NewCode {
        challenge: challenge(n),
        key: key(),
        language: Language::Ja,
        sent_to_address: Vec::new(),
    }
}

fn new_link(n: u128) -> NewLink {
    NewLink {
        issue: issue(n),
        key: key(),
        language: Language::Ja,
        sent_to_address: Vec::new(),
    }
}

fn policy() -> PolicyVersion {
    PolicyVersion {
        name: "sample".to_owned(),
        sha256: "0".repeat(64),
    }
}

fn and(mut past: Vec<Event>, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    past.extend(more);
    past
}

fn fold(events: impl IntoIterator<Item = Event>) -> Onboarding {
    let mut state = Onboarding::default();
    for event in events {
        state.apply(event);
    }
    state
}

/// What has happened, when it is now, and which limits count.
struct Given {
    state: Onboarding,
    at: Timestamp,
    limits: Limits,
}

/// A decision, to be compared.
#[derive(Debug)]
struct Decided(Result<Vec<Event>, Refusal>);

/// Past events; it is minute 11 unless [`Given::at`] says otherwise.
fn given(past: Vec<Event>) -> Given {
    Given {
        state: fold(past),
        at: minute(11),
        limits: Limits::default(),
    }
}

impl Given {
    fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    fn under(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn when(&self, command: Command) -> Decided {
        Decided(self.state.decide(&Issued {
            at: self.at,
            limits: Arc::new(self.limits.clone()),
            command,
        }))
    }
}

impl Decided {
    #[track_caller]
    fn then(self, events: impl IntoIterator<Item = Event>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    #[track_caller]
    fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    fn refused(self, refusal: Refusal) {
        assert_eq!(self.0, Err(refusal));
    }

    #[track_caller]
    fn out_of_order(self, due: Step) {
        self.refused(Refusal::OutOfOrder { due });
    }
}
