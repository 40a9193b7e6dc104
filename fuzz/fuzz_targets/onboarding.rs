//! The rules: whatever is asked in whatever order and at whatever moment, nothing is granted that may not be.

#![no_main]

use std::sync::Arc;

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, SessionId,
};
use kadode::domain::onboarding::{
    CodeCheck, Command, CredentialInForce, Event, Issued, LogOutReason, NewCode, NewLink,
    Onboarding, OtpMethod, PasswordCheck,
};
use kadode::domain::policy::{Limits, PolicyVersion};
use kadode::domain::values::{KeyId, Language};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

use self::monitor::{Monitor, Password, Typed};

// What may never happen stands in one place, with the test that tries every short history.
#[path = "../../src/domain/onboarding/tests/every_history/monitor.rs"]
mod monitor;

#[derive(Debug, Arbitrary)]
struct Input {
    begin: u32,
    tries: u8,
    mails: u8,
    moves: Vec<(Pause, Move)>,
}

#[derive(Debug, Arbitrary)]
enum Pause {
    Seconds(u8),
    Minutes(u8),
    Days(u16),
    /// To the end of time.
    Ever,
}

/// What is asked. Ids are small numbers, so that they meet: the last ones given, or any others.
#[derive(Debug, Arbitrary)]
enum Move {
    Enrol {
        terms: bool,
        days: u8,
    },
    SignIn {
        typed: Typing,
        own: Option<u8>,
        lapsed: Option<u8>,
    },
    BirthDate {
        by: Who,
        matches: bool,
        waiting: bool,
    },
    Terms {
        by: Who,
        version: bool,
    },
    Email {
        by: Who,
        same_as: Option<u8>,
    },
    ResendLink {
        by: Who,
    },
    Follow {
        back: u8,
        other_issue: u8,
    },
    Disown {
        back: u8,
        other_issue: u8,
    },
    Update {
        by: Who,
    },
    Method {
        by: Who,
    },
    Password {
        by: Who,
        form: u8,
    },
    LogOut {
        by: Who,
    },
    ResendOtp {
        by: Who,
    },
    Submit {
        by: Who,
        against: Option<u8>,
        code: Option<u8>,
    },
    NotMe,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Typing {
    Initial,
    Own,
    Wrong,
}

/// The session that asks: one so many before the present one.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Who {
    Present,
    Earlier(u8),
}

/// How many ids of each kind were given.
#[derive(Default)]
struct World {
    state: Onboarding,
    monitor: Monitor,
    past: Vec<(Timestamp, Event)>,
    fresh: u128,
    sessions: Vec<SessionId>,
    links: Vec<(ContactId, IssueId)>,
    codes: Vec<ChallengeId>,
    credentials: Vec<CredentialId>,
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// The one so many before the last.
fn back<T: Copy>(all: &[T], count: u8) -> Option<T> {
    all.iter().rev().nth(usize::from(count)).copied()
}

impl World {
    fn fresh(&mut self) -> Uuid {
        self.fresh += 1;
        id(self.fresh)
    }

    fn session(&self, who: Who) -> SessionId {
        let nobody = SessionId(id(0));
        match who {
            Who::Present => back(&self.sessions, 0),
            Who::Earlier(count) => back(&self.sessions, count),
        }
        .unwrap_or(nobody)
    }

    fn new_link(&mut self) -> NewLink {
        NewLink {
            issue: IssueId(self.fresh()),
            key: KeyId("fuzz".to_owned()),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        }
    }

    fn new_code(&mut self) -> NewCode {
        NewCode {
            challenge: ChallengeId(self.fresh()),
            key: KeyId("fuzz".to_owned()),
            language: Language::En,
            sent_to_address: Vec::new(),
        }
    }

    fn link(&self, count: u8, other_issue: u8) -> (ContactId, IssueId) {
        let unheard = (ContactId(id(0)), IssueId(id(0)));
        let (contact, _) = back(&self.links, count).unwrap_or(unheard);
        let (_, issue) = back(&self.links, count.wrapping_add(other_issue)).unwrap_or(unheard);
        (contact, issue)
    }

    /// The command, with facts that are true of what was typed when they were settled, if perhaps no longer.
    fn command(&mut self, asked: &Move, at: Timestamp) -> (Command, Typed) {
        let mut typed = Typed::default();
        let mut by = |world: &Self, who: Who| {
            let session = world.session(who);
            typed.session = Some(session);
            session
        };
        let command = match *asked {
            Move::Enrol { terms, days } => Command::Enrol {
                cohort: "fuzz".to_owned(),
                policy: PolicyVersion {
                    name: "fuzz".to_owned(),
                    sha256: "0".repeat(64),
                },
                import: ImportId(id(0)),
                joined_month: None,
                terms: terms.then(|| "1".to_owned()),
                valid_from: at,
                expires_at: later(at, SignedDuration::from_hours(24 * i64::from(days))),
            },
            Move::SignIn {
                typed: password,
                own,
                lapsed,
            } => {
                let against = own
                    .and_then(|count| back(&self.credentials, count))
                    .map_or(CredentialInForce::Initial, CredentialInForce::Own);
                let is_initial = against == CredentialInForce::Initial;
                let (password, check) = match password {
                    Typing::Initial if is_initial => (Password::Initial, PasswordCheck::Match),
                    Typing::Initial => (Password::Initial, PasswordCheck::Replaced),
                    Typing::Own if is_initial => (Password::Own, PasswordCheck::Mismatch),
                    Typing::Own => (Password::Own, PasswordCheck::Match),
                    Typing::Wrong => (Password::Wrong, PasswordCheck::Mismatch),
                };
                typed.password = Some(password);
                Command::SignIn {
                    session: SessionId(self.fresh()),
                    against,
                    check,
                    lapsed: lapsed.and_then(|count| back(&self.sessions, count)),
                    code: self.new_code(),
                }
            }
            Move::BirthDate {
                by: who,
                matches,
                waiting,
            } => Command::ConfirmBirthDate {
                session: by(self, who),
                matches,
                waiting_until: waiting.then_some(at),
            },
            Move::Terms { by: who, version } => Command::AcceptTerms {
                session: by(self, who),
                version: u8::from(version).to_string(),
            },
            Move::Email { by: who, same_as } => Command::RegisterEmail {
                session: by(self, who),
                contact: ContactId(self.fresh()),
                same_as: same_as.map(|count| self.link(count, 0).0),
                link: self.new_link(),
            },
            Move::ResendLink { by: who } => Command::ResendEmailLink {
                session: by(self, who),
                link: self.new_link(),
            },
            Move::Follow { back, other_issue } => {
                let (contact, issue) = self.link(back, other_issue);
                Command::FollowEmailLink { contact, issue }
            }
            Move::Disown { back, other_issue } => {
                let (contact, issue) = self.link(back, other_issue);
                Command::DisownEmail { contact, issue }
            }
            Move::Update { by: who } => Command::UpdateEmail {
                session: by(self, who),
            },
            Move::Method { by: who } => Command::ChooseOtpMethod {
                session: by(self, who),
                method: OtpMethod::Email,
            },
            Move::Password { by: who, form } => Command::ChangePassword {
                session: by(self, who),
                credential: CredentialId(self.fresh()),
                form: FormId(id(form.into())),
            },
            Move::LogOut { by: who } => Command::LogOut {
                session: by(self, who),
                why: LogOutReason::Member,
            },
            Move::ResendOtp { by: who } => Command::ResendOtp {
                session: by(self, who),
                code: self.new_code(),
            },
            Move::Submit {
                by: who,
                against,
                code,
            } => {
                let session = by(self, who);
                let against = against.and_then(|count| back(&self.codes, count));
                typed.code = code.and_then(|count| back(&self.codes, count));
                let spent = self.state.spent_challenge.as_ref().map(|spent| spent.id);
                let check = match typed.code {
                    Some(code) if Some(code) == against => CodeCheck::Match,
                    Some(code) if Some(code) == spent => CodeCheck::Spent,
                    Some(_) | None => CodeCheck::Mismatch,
                };
                Command::SubmitOtp {
                    session,
                    against,
                    check,
                }
            }
            Move::NotMe => Command::ReportNotMe,
        };
        (command, typed)
    }

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
            Event::OtpLoginSucceeded { challenge: own, .. } => ends(&|event| match event {
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
            Event::EmailLinkFollowed { contact: own } => ends(&|event| match event {
                Event::EmailRegistered {
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
            _ => return,
        };
        assert!(end.is_some_and(|end| at < end), "{} too late", event.name());
    }

    /// No more mails leave in an hour than the limits allow.
    fn within_budgets(&self, at: Timestamp, limits: &Limits) {
        let hour = SignedDuration::from_hours(1);
        let mut links = 0;
        let mut codes = 0;
        for (_, event) in self
            .past
            .iter()
            .rev()
            .take_while(|(then, _)| at.duration_since(*then) < hour)
        {
            match event {
                Event::EmailRegistered { .. } | Event::EmailLinkReissued { .. } => links += 1,
                Event::OtpIssued { .. } | Event::OtpReissued { .. } => codes += 1,
                _ => {}
            }
        }
        assert!(
            links <= limits.email_link.mails.per_hour,
            "{links} links in an hour"
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
            | Event::EmailLinkReissued { contact, issue, .. } => {
                self.links.push((*contact, *issue))
            }
            Event::OtpIssued { challenge, .. } | Event::OtpReissued { challenge, .. } => {
                if self.codes.last() != Some(challenge) {
                    self.codes.push(*challenge);
                }
            }
            Event::PasswordChanged { credential, .. } => self.credentials.push(*credential),
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
