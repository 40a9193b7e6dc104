//! The alphabet: what a member, their readers and strangers do, and the commands that it becomes.

use super::monitor::Password;
use super::*;

/// What somebody does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Enrol {
        terms: bool,
    },
    SignIn(Password),
    /// With the initial password, from a browser that nobody knows.
    SignInElsewhere,
    BirthDate {
        right: bool,
    },
    Terms,
    Email {
        same: bool,
    },
    ResendLink,
    /// The newest link.
    Follow,
    /// A link that a later address or mail has replaced.
    FollowEarlier,
    Disown,
    DisownEarlier,
    Update,
    /// From a browser that nobody knows.
    UpdateElsewhere,
    Method,
    Password {
        again: bool,
    },
    LogOut,
    ResendOtp,
    Code(Code),
    NotMe,
    /// A roster has the member no more, or again.
    Leave,
    Return,
    /// The link of the notice about another address.
    NotMeOfChange,
    /// Another address, with this password; or the other one once more.
    ChangeEmail {
        password: Password,
        again: bool,
    },
    FollowChange,
    /// The link to another address that a later one has replaced.
    FollowEarlierChange,
    DisownChange,
    ConfirmChange,
    CancelChange,
    /// User ID and date of birth, for a forgotten password.
    Forget {
        right: bool,
    },
    /// By the newest link.
    Reset,
    /// By a link that was used, or that a later one followed.
    ResetByEarlier,
    CancelReset,
    NotMeOfReset,
    /// Another password, with this one as the present; or the same form once more.
    ReplacePassword {
        password: Password,
        again: bool,
    },
    /// One of the staff does something alone.
    Staff(Intervention),
    /// How the identity was proven is recorded, which leads on to a new letter.
    Prove,
    /// The first of the staff proposes it.
    Propose(Intervention),
    /// The last proposal is approved, by whoever proposed it or by another.
    Approve {
        own: bool,
    },
    /// Commands whose facts are settled now, and which arrive later (by [`Move::Arrive`]), as after a lost race.
    HoldSignIn(Password),
    HoldCode,
    HoldUpdate,
    HoldPassword,
    HoldConfirm,
    /// Another address, or another password, with the present password.
    HoldChange,
    HoldReplacement,
    Arrive,
    /// The next commands come with the cookie of the session before.
    WithEarlierCookie(Step),
    /// A minute: mails may be asked for again.
    Minute,
    /// An hour: codes and links are over.
    Hour,
    /// A day: another password counts, and here another address too.
    Day,
    /// Three days: nothing waits any more.
    ThreeDays,
}

/// A code that somebody may type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Present,
    /// That of a challenge which a later one replaced, or which was spent.
    Earlier,
    Wrong,
}

impl Move {
    pub(super) const ALL: [Self; 53] = [
        Self::Enrol { terms: false },
        Self::Enrol { terms: true },
        Self::SignIn(Password::Initial),
        Self::SignIn(Password::Own),
        Self::SignIn(Password::Wrong),
        Self::BirthDate { right: true },
        Self::BirthDate { right: false },
        Self::Terms,
        Self::Email { same: false },
        Self::Email { same: true },
        Self::ResendLink,
        Self::Follow,
        Self::FollowEarlier,
        Self::Disown,
        Self::DisownEarlier,
        Self::Update,
        Self::UpdateElsewhere,
        Self::Method,
        Self::Password { again: false },
        Self::Password { again: true },
        Self::LogOut,
        Self::ResendOtp,
        Self::Code(Code::Present),
        Self::Code(Code::Earlier),
        Self::Code(Code::Wrong),
        Self::NotMe,
        Self::Leave,
        Self::Return,
        Self::SignInElsewhere,
        Self::Staff(Intervention::ResendEmailLink),
        Self::Staff(Intervention::ClearEmail),
        Self::Staff(Intervention::EndSession),
        Self::Staff(Intervention::Freeze),
        Self::Propose(Intervention::Release),
        Self::Staff(Intervention::ReissueCredentials),
        Self::Staff(Intervention::RecordProofing),
        Self::Propose(Intervention::ClearEmail),
        Self::Propose(Intervention::ReissueCredentials),
        Self::Propose(Intervention::Erase),
        Self::Approve { own: true },
        Self::Approve { own: false },
        Self::HoldSignIn(Password::Initial),
        Self::HoldSignIn(Password::Own),
        Self::HoldCode,
        Self::HoldUpdate,
        Self::HoldPassword,
        Self::Arrive,
        Self::WithEarlierCookie(Step::BirthDate),
        Self::WithEarlierCookie(Step::EmailUpdate),
        Self::WithEarlierCookie(Step::Password),
        Self::WithEarlierCookie(Step::Otp),
        Self::Minute,
        Self::Hour,
    ];

    /// What happens to somebody who has completed.
    pub(super) const LATER: [Self; 30] = [
        Self::ChangeEmail {
            password: Password::Own,
            again: false,
        },
        Self::ChangeEmail {
            password: Password::Own,
            again: true,
        },
        Self::ChangeEmail {
            password: Password::Initial,
            again: false,
        },
        Self::ChangeEmail {
            password: Password::Wrong,
            again: false,
        },
        Self::FollowChange,
        Self::FollowEarlierChange,
        Self::DisownChange,
        Self::ConfirmChange,
        Self::CancelChange,
        Self::HoldConfirm,
        Self::HoldChange,
        Self::Arrive,
        Self::SignIn(Password::Own),
        Self::SignIn(Password::Wrong),
        Self::Code(Code::Present),
        Self::Code(Code::Wrong),
        Self::LogOut,
        Self::NotMe,
        Self::NotMeOfChange,
        Self::Staff(Intervention::EndSession),
        Self::Staff(Intervention::Freeze),
        Self::Prove,
        Self::Propose(Intervention::Release),
        Self::Propose(Intervention::ReissueCredentials),
        Self::Propose(Intervention::Erase),
        Self::Approve { own: false },
        Self::Email { same: false },
        Self::Minute,
        Self::Hour,
        Self::ThreeDays,
    ];

    /// What happens to somebody who has completed and forgets the password, or changes it.
    pub(super) const FORGOTTEN: [Self; 26] = [
        Self::Forget { right: true },
        Self::Forget { right: false },
        Self::Reset,
        Self::ResetByEarlier,
        Self::CancelReset,
        Self::NotMeOfReset,
        Self::ReplacePassword {
            password: Password::Own,
            again: false,
        },
        Self::ReplacePassword {
            password: Password::New,
            again: false,
        },
        Self::ReplacePassword {
            password: Password::Own,
            again: true,
        },
        Self::ChangeEmail {
            password: Password::Own,
            again: false,
        },
        Self::FollowChange,
        Self::ConfirmChange,
        Self::SignIn(Password::Own),
        Self::SignIn(Password::New),
        Self::HoldSignIn(Password::Own),
        Self::HoldChange,
        Self::HoldReplacement,
        Self::Arrive,
        Self::Code(Code::Present),
        Self::LogOut,
        Self::Staff(Intervention::Freeze),
        Self::Prove,
        Self::Propose(Intervention::ReissueCredentials),
        Self::Approve { own: false },
        Self::Minute,
        Self::Day,
    ];

    /// How far it leads away: what leads on, if only later, not at all. What staff do is a long way, since it can fall between any two
    /// others.
    pub(super) fn detours(self) -> u8 {
        if self.leads_on() {
            0
        } else if matches!(self, Self::Staff(_) | Self::Propose(_) | Self::Leave) {
            2
        } else {
            1
        }
    }

    fn leads_on(self) -> bool {
        matches!(
            self,
            Self::Enrol { .. }
                | Self::SignIn(Password::Initial | Password::Own | Password::New)
                | Self::BirthDate { right: true }
                | Self::Terms
                | Self::Email { same: false }
                | Self::Follow
                | Self::Update
                | Self::Method
                | Self::Password { again: false }
                | Self::LogOut
                | Self::Code(Code::Present)
                // Only beside a proposal, which is a detour.
                | Self::Approve { .. }
                | Self::Prove
                | Self::HoldSignIn(_)
                | Self::HoldCode
                | Self::HoldUpdate
                | Self::HoldPassword
                | Self::Arrive
                | Self::ChangeEmail {
                    password: Password::Own,
                    again: false
                }
                | Self::FollowChange
                | Self::ConfirmChange
                | Self::HoldConfirm
                | Self::HoldChange
                | Self::HoldReplacement
                | Self::Forget { right: true }
                | Self::Reset
                | Self::Day
                | Self::ThreeDays
        )
    }
}

/// What does a step right.
pub(super) fn at_step(step: Step) -> Move {
    match step {
        Step::SignIn | Step::SignInAgain => Move::SignIn(Password::Own),
        Step::BirthDate => Move::BirthDate { right: true },
        Step::Terms => Move::Terms,
        Step::Email => Move::Email { same: false },
        Step::EmailLink => Move::Follow,
        Step::EmailUpdate => Move::Update,
        Step::OtpMethod => Move::Method,
        Step::Password => Move::Password { again: false },
        Step::FirstLoginCompleted | Step::LogOut | Step::Completed => Move::LogOut,
        Step::Otp => Move::Code(Code::Present),
    }
}

pub(super) fn sign_in(
    password: Password,
    against: CredentialInForce,
    session: SessionId,
    challenge: u128,
    known_browser: bool,
) -> Command {
    let check = match (password, against) {
        (Password::Initial, CredentialInForce::Initial(_)) => PasswordCheck::Match,
        (Password::Initial, CredentialInForce::Own(_)) => PasswordCheck::Replaced,
        (Password::Own, CredentialInForce::Own(present)) if present == credential(1) => {
            PasswordCheck::Match
        }
        (Password::New, CredentialInForce::Own(present)) if present != credential(1) => {
            PasswordCheck::Match
        }
        (Password::Own | Password::New | Password::Wrong, _) => PasswordCheck::Mismatch,
    };
    Command::SignIn {
        session,
        against,
        check,
        lapsed: None,
        known_browser,
        code: new_code(challenge),
    }
}

pub(super) fn change_password(session: SessionId, n: u128) -> Command {
    Command::ChangePassword {
        session,
        credential: credential(1),
        form: form(n),
    }
}

/// A code compared as the settling does.
pub(super) fn submit(
    session: SessionId,
    present: Option<ChallengeId>,
    typed: Option<ChallengeId>,
    state: &Onboarding,
) -> Command {
    let spent = state.spent_challenge.as_ref().map(|it| it.id);
    let check = match typed {
        Some(_) if typed == present => CodeCheck::Match,
        Some(_) if typed == spent => CodeCheck::Spent,
        Some(_) | None => CodeCheck::Mismatch,
    };
    Command::SubmitOtp {
        session,
        against: present,
        check,
    }
}

pub(super) fn follow((contact, issue): (ContactId, IssueId)) -> Command {
    Command::FollowEmailLink { contact, issue }
}

pub(super) fn disown((contact, issue): (ContactId, IssueId)) -> Command {
    Command::DisownEmail { contact, issue }
}
