//! What may be asked, and the command that it becomes as the member then stands.

use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, PrintId, ProposalId,
    SessionId, StaffId,
};
use kadode::domain::onboarding::{
    CodeCheck, Command, CredentialInForce, Grounds, Intervention, LogOutReason, NewCode, NewLink,
    OtpMethod, PasswordCheck, Step,
};
use kadode::domain::policy::PolicyVersion;
use kadode::domain::values::{KeyId, Language};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use uuid::Uuid;

use super::monitor::{Password, Typed};
use super::{World, later};

#[derive(Debug, Arbitrary)]
pub(super) enum Pause {
    Seconds(u8),
    Minutes(u8),
    Days(u16),
    /// To the end of time.
    Ever,
}

/// What is asked. Ids are small numbers, so that they meet: the last ones given, or any others.
#[derive(Debug, Arbitrary)]
pub(super) enum Move {
    /// Whatever is due, done right: else few histories would come to their end.
    Due,
    Enrol {
        terms: bool,
        days: u8,
    },
    SignIn {
        typed: Typing,
        own: Option<u8>,
        lapsed: Option<u8>,
        /// From a browser that nobody knows.
        elsewhere: bool,
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
        /// From a browser that nobody knows.
        elsewhere: bool,
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
    /// The link of a notice about one of the addresses.
    NotMeOfChange {
        back: u8,
    },
    ChangeEmail {
        by: Who,
        typed: Typing,
        again: bool,
    },
    ConfirmChange {
        by: Who,
    },
    CancelChange {
        by: Who,
    },
    /// User ID and date of birth, for a forgotten password.
    Forget {
        matches: bool,
    },
    Reset {
        back: u8,
        form: u8,
    },
    CancelReset {
        by: Who,
    },
    ReplacePassword {
        by: Who,
        typed: Typing,
        form: u8,
    },
    /// The link of a notice about one of the passwords.
    NotMeOfReset {
        back: u8,
    },
    /// One of the staff does something alone.
    Staff {
        what: u8,
    },
    /// The first of the staff proposes it.
    Propose {
        what: u8,
    },
    /// The last proposal, by whoever proposed it or by another.
    Judge {
        own: bool,
        approve: bool,
    },
}

#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) enum Typing {
    Initial,
    Own,
    /// One that took the place of that of step 9.
    New,
    Wrong,
}

/// The session that asks: one so many before the present one.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) enum Who {
    Present,
    Earlier(u8),
}

const fn compared(matches: bool) -> PasswordCheck {
    if matches {
        PasswordCheck::Match
    } else {
        PasswordCheck::Mismatch
    }
}

/// What the first of the staff wants, and on which grounds.
fn proposed(what: u8) -> (Intervention, Grounds, StaffId) {
    let all = Intervention::ALL;
    let intervention = all[usize::from(what) % all.len()];
    let grounds = Grounds {
        reason: intervention.reasons()[0],
        ticket: "HD-1".parse().expect("it is a ticket's number"),
    };
    (intervention, grounds, StaffId(id(1)))
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

    fn due(&self) -> Move {
        let by = Who::Present;
        match self.state.due() {
            Step::SignIn if self.state.enrolment.is_none() => Move::Enrol {
                terms: true,
                days: 30,
            },
            _ if self.state.session.is_none() => self.signing_in(),
            Step::SignIn | Step::SignInAgain => self.signing_in(),
            Step::BirthDate => Move::BirthDate {
                by,
                matches: true,
                waiting: false,
            },
            Step::Terms => Move::Terms { by, version: true },
            Step::Email => Move::Email { by, same_as: None },
            Step::EmailLink => Move::Follow {
                back: 0,
                other_issue: 0,
            },
            Step::EmailUpdate => Move::Update {
                by,
                elsewhere: false,
            },
            Step::OtpMethod => Move::Method { by },
            Step::Password => Move::Password { by, form: 1 },
            Step::FirstLoginCompleted | Step::LogOut | Step::Completed => Move::LogOut { by },
            Step::Otp => Move::Submit {
                by,
                against: Some(0),
                code: Some(0),
            },
        }
    }

    /// A password that a session is asked for once more, and how it compares.
    fn once_more(&self, typed: Typing) -> (Password, PasswordCheck) {
        let own = self.state.password;
        let is_later = own.is_some_and(|own| own.replaced_at().is_some());
        match typed {
            Typing::Initial => (Password::Initial, PasswordCheck::Replaced),
            Typing::Own => (Password::Own, compared(!is_later)),
            Typing::New => (Password::New, compared(is_later)),
            Typing::Wrong => (Password::Wrong, PasswordCheck::Mismatch),
        }
    }

    fn signing_in(&self) -> Move {
        let own = self.state.password;
        let at = own.and_then(|own| {
            let mut newest = self.credentials.iter().rev();
            newest.position(|credential| *credential == own.credential)
        });
        Move::SignIn {
            typed: match own {
                None => Typing::Initial,
                Some(own) if own.replaced_at().is_some() => Typing::New,
                Some(_) => Typing::Own,
            },
            own: at.and_then(|at| u8::try_from(at).ok()),
            lapsed: None,
            elsewhere: false,
        }
    }

    /// The command, with facts that are true of what was typed when they were settled, if perhaps no longer.
    pub(super) fn command(&mut self, asked: &Move, at: Timestamp) -> (Command, Typed) {
        let mut typed = Typed::default();
        let mut by = |world: &Self, who: Who| {
            let session = world.session(who);
            typed.session = Some(session);
            session
        };
        let command = match *asked {
            Move::Due => return self.command(&self.due(), at),
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
                elsewhere,
            } => {
                let against = own.and_then(|count| back(&self.credentials, count)).map_or(
                    CredentialInForce::Initial(self.state.reissues),
                    CredentialInForce::Own,
                );
                let is_initial = matches!(against, CredentialInForce::Initial(_));
                let is_reset =
                    matches!(against, CredentialInForce::Own(own) if self.reset_to.contains(&own));
                let (password, check) = match password {
                    Typing::Initial if is_initial => (Password::Initial, PasswordCheck::Match),
                    Typing::Initial => (Password::Initial, PasswordCheck::Replaced),
                    Typing::Own => (Password::Own, compared(!is_initial && !is_reset)),
                    Typing::New => (Password::New, compared(!is_initial && is_reset)),
                    Typing::Wrong => (Password::Wrong, PasswordCheck::Mismatch),
                };
                typed.password = Some(password);
                typed.elsewhere = elsewhere;
                Command::SignIn {
                    session: SessionId(self.fresh()),
                    against,
                    check,
                    lapsed: lapsed.and_then(|count| back(&self.sessions, count)),
                    known_browser: !elsewhere,
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
            Move::Update { by: who, elsewhere } => {
                typed.elsewhere = elsewhere;
                Command::UpdateEmail {
                    session: by(self, who),
                    code: elsewhere.then(|| self.new_code()),
                }
            }
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
            Move::NotMe => Command::ReportNotMe {
                about: self
                    .state
                    .password
                    .map_or(CredentialId(id(0)), |own| own.credential)
                    .into(),
            },
            Move::NotMeOfChange { back } => Command::ReportNotMe {
                about: self.link(back, 0).0.into(),
            },
            Move::ChangeEmail {
                by: who,
                typed: password,
                again,
            } => {
                let session = by(self, who);
                let (password, check) = self.once_more(password);
                typed.password = Some(password);
                let coming = self.state.coming.as_ref().map(|it| it.id);
                Command::ChangeEmail {
                    session,
                    against: self.state.credential_in_force(),
                    check,
                    contact: ContactId(self.fresh()),
                    same_as: coming.filter(|_| again),
                    link: self.new_link(),
                }
            }
            Move::ConfirmChange { by: who } => Command::ConfirmEmailChange {
                session: by(self, who),
            },
            Move::CancelChange { by: who } => Command::CancelEmailChange {
                session: by(self, who),
            },
            Move::Forget { matches } => Command::RequestPasswordReset {
                matches,
                link: self.new_link(),
            },
            Move::Reset { back: count, form } => Command::ResetPassword {
                issue: back(&self.resets, count).unwrap_or(IssueId(id(0))),
                credential: CredentialId(self.fresh()),
                form: FormId(id(form.into())),
            },
            Move::CancelReset { by: who } => Command::CancelPasswordReset {
                session: by(self, who),
            },
            Move::ReplacePassword {
                by: who,
                typed: password,
                form,
            } => {
                let session = by(self, who);
                let (password, check) = self.once_more(password);
                typed.password = Some(password);
                Command::ReplacePassword {
                    session,
                    against: self.state.credential_in_force(),
                    check,
                    credential: CredentialId(self.fresh()),
                    form: FormId(id(form.into())),
                }
            }
            Move::NotMeOfReset { back: count } => Command::ReportNotMe {
                about: back(&self.credentials, count)
                    .unwrap_or(CredentialId(id(0)))
                    .into(),
            },
            Move::Staff { what } => {
                let (intervention, grounds, staff) = proposed(what);
                Command::Intervene {
                    intervention,
                    grounds,
                    staff,
                    failed_at: None,
                    link: self.new_link(),
                }
            }
            Move::Propose { what } => {
                let (intervention, grounds, staff) = proposed(what);
                Command::ProposeIntervention {
                    proposal: ProposalId(self.fresh()),
                    intervention,
                    grounds,
                    staff,
                }
            }
            Move::Judge { own, approve } => {
                let last = self.state.proposals.last();
                let proposal = last.map_or(ProposalId(id(0)), |proposal| proposal.id);
                let staff = StaffId(id(if own { 1 } else { 2 }));
                if approve {
                    let print = Some(PrintId(self.fresh()));
                    Command::ApproveIntervention {
                        proposal,
                        staff,
                        print,
                    }
                } else {
                    Command::DeclineIntervention { proposal, staff }
                }
            }
        };
        (command, typed)
    }
}
