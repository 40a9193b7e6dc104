//! Random moves of a member, their readers and strangers, put into commands as the member then stands.

use proptest::prelude::*;

use super::super::*;

/// What somebody does next; ids and facts are put in when it is known how the member stands.
#[derive(Clone, Debug)]
pub(super) enum Move {
    /// Whatever is due, done right.
    Due,
    Enrol {
        terms: bool,
    },
    SignIn {
        check: PasswordCheck,
        compared: Compared,
        lapsed: bool,
    },
    BirthDate {
        matches: bool,
        waiting: bool,
    },
    Terms {
        right: bool,
    },
    Email {
        same: bool,
    },
    ResendLink,
    /// One of the links ever mailed, counted from the newest.
    Follow(usize),
    Disown(usize),
    Update {
        elsewhere: bool,
    },
    Method,
    Password {
        again: bool,
    },
    LogOut(LogOutReason),
    ResendOtp,
    Submit {
        check: CodeCheck,
        stale: bool,
    },
    NotMe,
    /// What a roster tells, by the number of the import.
    Change(u128),
    Leave,
    Return,
    ChangeEmail {
        check: PasswordCheck,
        compared: Compared,
        again: bool,
    },
    ConfirmChange,
    CancelChange,
    Forget {
        matches: bool,
    },
    /// By the newest link for a forgotten password.
    Reset,
    CancelReset,
    ReplacePassword {
        check: PasswordCheck,
        compared: Compared,
    },
    /// The initial password, from a browser that nobody knows.
    SignInElsewhere,
    Staff(Intervention),
    Propose(Intervention),
    /// The last proposal, by this one of the staff.
    Approve(u128),
    Decline,
    /// Asks as a session that is not the present one.
    Stranger(Box<Move>),
}

/// When a password was compared: now, or before another one came to count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compared {
    Now,
    Before,
}

fn intervention() -> impl Strategy<Value = Intervention> {
    prop::sample::select(Intervention::ALL.as_slice())
}

fn password_check() -> impl Strategy<Value = PasswordCheck> {
    prop_oneof![
        4 => Just(PasswordCheck::Match),
        1 => Just(PasswordCheck::Mismatch),
        1 => Just(PasswordCheck::Replaced),
    ]
}

fn compared() -> impl Strategy<Value = Compared> {
    prop_oneof![4 => Just(Compared::Now), 1 => Just(Compared::Before)]
}

fn code_check() -> impl Strategy<Value = CodeCheck> {
    prop_oneof![
        Just(CodeCheck::Match),
        Just(CodeCheck::Spent),
        Just(CodeCheck::Mismatch)
    ]
}

fn why() -> impl Strategy<Value = LogOutReason> {
    prop_oneof![Just(LogOutReason::Member), Just(LogOutReason::Expiry)]
}

pub(super) fn any_move() -> impl Strategy<Value = Move> {
    let rarely = prop::bool::weighted(0.2);
    let asked = prop_oneof![
        60 => Just(Move::Due),
        2 => any::<bool>().prop_map(|terms| Move::Enrol { terms }),
        6 => (password_check(), compared(), any::<bool>())
            .prop_map(|(check, compared, lapsed)| Move::SignIn { check, compared, lapsed }),
        4 => (any::<bool>(), rarely)
            .prop_map(|(matches, waiting)| Move::BirthDate { matches, waiting }),
        3 => any::<bool>().prop_map(|right| Move::Terms { right }),
        6 => any::<bool>().prop_map(|same| Move::Email { same }),
        5 => Just(Move::ResendLink),
        5 => (0_usize..4).prop_map(Move::Follow),
        2 => (0_usize..4).prop_map(Move::Disown),
        3 => any::<bool>().prop_map(|elsewhere| Move::Update { elsewhere }),
        3 => Just(Move::Method),
        3 => any::<bool>().prop_map(|again| Move::Password { again }),
        3 => why().prop_map(Move::LogOut),
        8 => Just(Move::ResendOtp),
        8 => (code_check(), rarely).prop_map(|(check, stale)| Move::Submit { check, stale }),
        5 => (password_check(), compared(), any::<bool>())
            .prop_map(|(check, compared, again)| Move::ChangeEmail { check, compared, again }),
        4 => Just(Move::ConfirmChange),
        1 => Just(Move::CancelChange),
        4 => prop::bool::weighted(0.8).prop_map(|matches| Move::Forget { matches }),
        4 => Just(Move::Reset),
        1 => Just(Move::CancelReset),
        3 => (password_check(), compared())
            .prop_map(|(check, compared)| Move::ReplacePassword { check, compared }),
    ];
    prop_oneof![
        190 => asked.clone(),
        10 => asked.prop_map(|asked| Move::Stranger(Box::new(asked))),
        1 => Just(Move::NotMe),
        2 => (1_u128..4).prop_map(Move::Change),
        1 => Just(Move::Leave),
        2 => Just(Move::Return),
        3 => Just(Move::SignInElsewhere),
        6 => intervention().prop_map(Move::Staff),
        6 => intervention().prop_map(Move::Propose),
        4 => (1_u128..4).prop_map(Move::Approve),
        1 => Just(Move::Decline),
    ]
}

/// Seconds that pass before the next move: mostly moments, sometimes hours.
pub(super) fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 0_i64..90, 4 => 0_i64..1_200, 2 => 0_i64..20_000, 1 => Just(72 * 3600)]
}

/// The member, the whole past, and fresh numbers for ids.
pub(super) struct World {
    pub(super) state: Onboarding,
    pub(super) past: Vec<Event>,
    pub(super) at: Timestamp,
    fresh: u128,
    links: Vec<(ContactId, IssueId)>,
    /// What passwords were ever compared with, in its order.
    in_force: Vec<CredentialInForce>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            state: Onboarding::default(),
            past: Vec::new(),
            at: opening(),
            fresh: 100,
            links: Vec::new(),
            in_force: vec![CredentialInForce::Initial(0)],
        }
    }

    fn fresh(&mut self) -> u128 {
        self.fresh += 1;
        self.fresh
    }

    /// A link mailed earlier, by its place from the newest; an unheard one where there is none.
    fn link(&self, back: usize) -> (ContactId, IssueId) {
        let found = self.links.iter().rev().nth(back);
        found.copied().unwrap_or((contact(0), issue(0)))
    }

    /// What a password was compared with; before, where another came to count.
    fn against(&self, compared: Compared) -> CredentialInForce {
        let back = match compared {
            Compared::Now => 0,
            Compared::Before => 1,
        };
        let found = self.in_force.iter().rev().nth(back);
        found.copied().unwrap_or(CredentialInForce::Initial(0))
    }

    fn last_proposal(&self) -> u128 {
        let last = self.state.proposals.last();
        last.map_or(0, |proposal| proposal.id.0.as_u128())
    }

    fn due_move(&self) -> Move {
        match self.state.due() {
            Step::SignIn if self.state.enrolment.is_none() => Move::Enrol { terms: true },
            _ if self.state.session.is_none() => Move::SignIn {
                check: PasswordCheck::Match,
                compared: Compared::Now,
                lapsed: false,
            },
            Step::SignIn | Step::SignInAgain => Move::SignIn {
                check: PasswordCheck::Match,
                compared: Compared::Now,
                lapsed: false,
            },
            Step::BirthDate => Move::BirthDate {
                matches: true,
                waiting: false,
            },
            Step::Terms => Move::Terms { right: true },
            Step::Email => Move::Email { same: false },
            Step::EmailLink => Move::Follow(0),
            Step::EmailUpdate => Move::Update { elsewhere: false },
            Step::OtpMethod => Move::Method,
            Step::Password => Move::Password { again: false },
            Step::FirstLoginCompleted | Step::LogOut | Step::Completed => {
                Move::LogOut(LogOutReason::Member)
            }
            Step::Otp => Move::Submit {
                check: CodeCheck::Match,
                stale: false,
            },
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm a move")]
    pub(super) fn command(&mut self, asked: Move, stranger: bool) -> Command {
        let n = self.fresh();
        let in_force = self.state.as_of(self.at).credential_in_force();
        if self.in_force.last() != Some(&in_force) {
            self.in_force.push(in_force);
        }
        let present = self.state.session.as_ref().map(|open| open.id);
        let session = present.filter(|_| !stranger).unwrap_or(session(0));
        match asked {
            Move::Due => {
                let due = self.due_move();
                self.command(due, stranger)
            }
            Move::Stranger(asked) => self.command(*asked, true),
            Move::Enrol { terms } => Command::Enrol {
                cohort: "joined-to-2024-12-01".to_owned(),
                policy: policy(),
                import: ImportId(Uuid::from_u128(1)),
                joined_month: None,
                terms: terms.then(|| "2026-04".to_owned()),
                valid_from: opening(),
                expires_at: closing(),
            },
            Move::SignIn {
                check,
                compared,
                lapsed,
            } => Command::SignIn {
                session: super::session(n),
                against: if stranger {
                    CredentialInForce::Own(credential(0))
                } else {
                    self.against(compared)
                },
                check,
                lapsed: present.filter(|_| lapsed),
                known_browser: true,
                code: new_code(n),
            },
            Move::BirthDate { matches, waiting } => Command::ConfirmBirthDate {
                session,
                matches,
                waiting_until: waiting.then_some(self.at),
            },
            Move::Terms { right } => Command::AcceptTerms {
                session,
                version: if right { "2026-04" } else { "2025-10" }.to_owned(),
            },
            Move::Email { same } => {
                let present = self.state.contact.as_ref().map(|contact| contact.id);
                Command::RegisterEmail {
                    session,
                    contact: contact(n),
                    same_as: present.filter(|_| same),
                    link: new_link(n),
                }
            }
            Move::ResendLink => Command::ResendEmailLink {
                session,
                link: new_link(n),
            },
            Move::Follow(back) => {
                let (contact, issue) = self.link(back);
                Command::FollowEmailLink { contact, issue }
            }
            Move::Disown(back) => {
                let (contact, issue) = self.link(back);
                Command::DisownEmail { contact, issue }
            }
            Move::Update { elsewhere } => Command::UpdateEmail {
                session,
                code: elsewhere.then(|| new_code(n)),
            },
            Move::Method => Command::ChooseOtpMethod {
                session,
                method: OtpMethod::Email,
            },
            Move::Password { again } => Command::ChangePassword {
                session,
                credential: credential(n),
                form: self
                    .state
                    .password
                    .filter(|_| again)
                    .map_or(form(n), |own| own.form),
            },
            Move::LogOut(why) => Command::LogOut { session, why },
            Move::ResendOtp => Command::ResendOtp {
                session,
                code: new_code(n),
            },
            Move::Submit { check, stale } => Command::SubmitOtp {
                session,
                against: if stale {
                    self.state.spent_challenge.as_ref().map(|spent| spent.id)
                } else {
                    self.state.challenge.as_ref().map(|present| present.id)
                },
                check,
            },
            Move::NotMe => Command::ReportNotMe {
                about: self
                    .state
                    .password
                    .map_or(credential(0), |own| own.credential)
                    .into(),
            },
            Move::Change(n) => Command::ChangeProfile {
                import: ImportId(Uuid::from_u128(n)),
                fields: vec![ProfileField::Name],
            },
            Move::Leave => Command::Leave {
                import: ImportId(Uuid::from_u128(n)),
            },
            Move::Return => Command::Return {
                import: ImportId(Uuid::from_u128(n)),
            },
            Move::ChangeEmail {
                check,
                compared,
                again,
            } => {
                let coming = self.state.coming.as_ref().map(|it| it.id);
                Command::ChangeEmail {
                    session,
                    against: self.against(compared),
                    check,
                    contact: contact(n),
                    same_as: coming.filter(|_| again),
                    link: new_link(n),
                }
            }
            Move::ConfirmChange => Command::ConfirmEmailChange { session },
            Move::CancelChange => Command::CancelEmailChange { session },
            Move::Forget { matches } => forget(n, matches),
            Move::Reset => Command::ResetPassword {
                issue: self
                    .state
                    .reset_links
                    .last()
                    .map_or(issue(0), |link| link.issue),
                credential: credential(n),
                form: form(n),
            },
            Move::CancelReset => Command::CancelPasswordReset { session },
            Move::ReplacePassword { check, compared } => Command::ReplacePassword {
                session,
                against: self.against(compared),
                check,
                credential: credential(n),
                form: form(n),
            },
            Move::SignInElsewhere => sign_in_elsewhere(n),
            Move::Staff(intervention) => intervene_with(n, intervention),
            Move::Propose(intervention) => propose(n, intervention),
            Move::Approve(by) => approve(self.last_proposal(), by),
            Move::Decline => decline(self.last_proposal(), 3),
        }
    }

    /// Carries a move out, and checks what has to hold of the member before and after it.
    pub(super) fn play(&mut self, seconds: i64, asked: Move) -> Result<(), TestCaseError> {
        self.at += SignedDuration::from_secs(seconds);
        let issued = Issued {
            at: self.at,
            limits: Arc::new(Limits::default()),
            command: self.command(asked, false),
        };
        let Ok(events) = self.state.decide(&issued) else {
            return Ok(());
        };
        if !events.is_empty() {
            // Stored within a minute, and found legal by whoever reads it.
            let append = Append {
                events: &events,
                between: (self.at, self.at + SignedDuration::from_secs(60)),
                limits: &issued.limits,
                may_go_on: false,
            };
            prop_assert_eq!(self.state.retrace(append), Ok(()));
        }
        let in_force = self.against(Compared::Now);
        let stale = compared_with(&issued.command).is_some_and(|against| against != in_force);
        for event in events {
            prop_assert!(
                !(stale && takes_a_password(&event)),
                "{} by a password that counts no longer",
                event.name()
            );
            let before = self.state.due();
            let was_completed = self.state.completed;
            // It waits for a code, and goes back to the step that is due once it is entered or given up.
            let was_unconfirmed = before == Step::Otp && self.state.password.is_none();
            self.state.apply(event.clone());
            let after = self.state.due();
            let back_allowed = match after {
                Step::Email => matches!(
                    event,
                    Event::EmailDisowned { .. } | Event::EmailCleared { .. }
                ),
                Step::EmailLink => matches!(event, Event::EmailRegistered { .. }),
                Step::Otp => was_completed && matches!(event, Event::CredentialsAccepted { .. }),
                Step::SignIn => matches!(
                    event,
                    Event::CredentialsReissued { .. } | Event::PersonalDataErased {}
                ),
                Step::BirthDate
                | Step::Terms
                | Step::EmailUpdate
                | Step::OtpMethod
                | Step::Password
                | Step::FirstLoginCompleted
                | Step::LogOut
                | Step::SignInAgain
                | Step::Completed => false,
            };
            prop_assert!(
                after >= before || back_allowed || was_unconfirmed,
                "{} led from {before:?} back to {after:?}",
                event.name()
            );
            if let Event::EmailRegistered { contact, issue, .. } = event {
                self.links.push((contact, issue));
            }
            if let Event::EmailLinkReissued { contact, issue, .. }
            | Event::EmailChangeRequested { contact, issue, .. } = event
            {
                self.links.push((contact, issue));
            }
            self.past.push(event);
        }
        Ok(())
    }
}

fn compared_with(command: &Command) -> Option<CredentialInForce> {
    if let Command::SignIn { against, .. }
    | Command::ChangeEmail { against, .. }
    | Command::ReplacePassword { against, .. } = command
    {
        Some(*against)
    } else {
        None
    }
}

const fn takes_a_password(event: &Event) -> bool {
    matches!(
        event,
        Event::CredentialsAccepted { .. }
            | Event::EmailChangeRequested { .. }
            | Event::PasswordReplaced { .. }
    )
}
