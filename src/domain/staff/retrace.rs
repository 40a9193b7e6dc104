//! Whether an account's stored history is one that the rules make: the command that could have yielded an append is given once more.

use jiff::Timestamp;

use super::Staff;
use super::decide::{Command, Facts, Issued};
use super::event::{Event, SignInFault, SignOutReason};
use crate::domain::ids::SessionId;

impl Staff {
    /// Whether the rules make these events, appended together, of an account that stands like this, at one of these moments. Of an append
    /// that `may_go_on`, later events may be missing.
    #[must_use]
    pub fn yields(&self, events: &[Event], at: [Timestamp; 2], may_go_on: bool) -> bool {
        let Some(command) = self.command_of(events) else {
            return false;
        };
        at.into_iter().any(|at| {
            let command = command.clone();
            self.decide(&Issued { at, command }).is_ok_and(|yielded| {
                yielded == events || (may_go_on && yielded.starts_with(events))
            })
        })
    }

    /// The command that yields these events, if any can.
    fn command_of(&self, events: &[Event]) -> Option<Command> {
        let command = match events.last()?.clone() {
            Event::StaffAdded {
                role,
                initial,
                totp,
            } => Command::Add {
                role,
                initial,
                totp,
            },
            Event::StaffRoleChanged { role } => Command::ChangeRole { role },
            Event::StaffPasswordReset { initial } => Command::ResetPassword { initial },
            Event::StaffTotpReset { totp } => Command::ResetTotp { totp },
            Event::StaffDisabled {} => Command::Disable,
            Event::StaffPasswordChanged { credential } => Command::ChangePassword {
                session: self.session?,
                credential,
            },
            Event::AccessTokenIssued {
                token,
                scopes,
                expires_at,
            } => Command::IssueToken {
                token,
                scopes,
                expires_at,
            },
            Event::AccessTokenRevoked { token } => Command::RevokeToken { token },
            Event::StaffSignedOut {
                session,
                why: SignOutReason::Own,
            } => Command::SignOut { session },
            // The first half of a sign-in: of the session that began, nothing is known yet.
            Event::StaffSignedOut { session, .. } => {
                self.sign_in_of(events, session, true, Some(i64::MAX))?
            }
            Event::StaffSignedIn { session, step } => {
                self.sign_in_of(events, session, true, Some(step))?
            }
            Event::StaffSignInRejected { why } => {
                let (matches, step) = match why {
                    SignInFault::WrongPassword => (false, None),
                    SignInFault::WrongCode => (true, None),
                    SignInFault::Disabled
                    | SignInFault::PasswordExpired
                    | SignInFault::CodeUsed => (true, self.spent_step),
                };
                // No session begins, so any will do.
                self.sign_in_of(events, SessionId(uuid::Uuid::nil()), matches, step)?
            }
        };
        Some(command)
    }

    fn sign_in_of(
        &self,
        events: &[Event],
        session: SessionId,
        password_matches: bool,
        step: Option<i64>,
    ) -> Option<Command> {
        let account = self.account.as_ref()?;
        let lapsed = events.iter().find_map(|event| {
            if let Event::StaffSignedOut {
                session,
                why: SignOutReason::Expiry,
            } = event
            {
                Some(*session)
            } else {
                None
            }
        });
        Some(Command::SignIn {
            session,
            facts: Facts {
                against: account.password.clone(),
                password_matches,
                totp: account.totp.clone(),
                step,
            },
            lapsed,
        })
    }
}
