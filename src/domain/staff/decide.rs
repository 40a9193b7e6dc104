//! What may happen to an account of the staff, and what then has happened.

use jiff::Timestamp;

use super::event::{Event, Initial, SignInFault, SignOutReason, Totp};
use super::role::{Role, Scope};
use super::{Account, Password, Staff};
use crate::domain::ids::{CredentialId, SessionId, TokenId};

/// A command with the moment it was given at.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The moment.
    pub at: Timestamp,
    /// The command.
    pub command: Command,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make the account.
    Add {
        /// What its owner may do.
        role: Role,
        /// The password for the first sign-in.
        initial: Initial,
        /// The authenticator.
        totp: Totp,
    },
    /// Give the owner another role.
    ChangeRole {
        /// Which.
        role: Role,
    },
    /// Let a printed password count again.
    ResetPassword {
        /// Which.
        initial: Initial,
    },
    /// Let another authenticator count.
    ResetTotp {
        /// Which.
        totp: Totp,
    },
    /// Let the account open nothing any more.
    Disable,
    /// Begin a session.
    SignIn {
        /// The session that would begin.
        session: SessionId,
        /// What was compared.
        facts: Facts,
        /// The session whose time has run out, if one has.
        lapsed: Option<SessionId>,
    },
    /// Set one's own password in place of the printed one.
    ChangePassword {
        /// In which session.
        session: SessionId,
        /// Its verifier in the vault.
        credential: CredentialId,
    },
    /// End a session.
    SignOut {
        /// Which.
        session: SessionId,
    },
    /// Let a program read in the owner's name.
    IssueToken {
        /// The token.
        token: TokenId,
        /// What it is for.
        scopes: Vec<Scope>,
        /// The moment from which it no longer counts.
        expires_at: Timestamp,
    },
    /// Let a token count no more.
    RevokeToken {
        /// Which.
        token: TokenId,
    },
}

/// What was compared at a sign-in, and against what.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The password that was in force.
    pub against: Password,
    /// Whether it was typed.
    pub password_matches: bool,
    /// The authenticator that counted.
    pub totp: Totp,
    /// The time step whose code was typed; none, if it was no code of now.
    pub step: Option<i64>,
}

/// A fact that stands against a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is such an account already.
    #[error("there is such an account already")]
    AlreadyAdded,
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The session is not the account's present one.
    #[error("the session has ended")]
    SessionEnded,
    /// The owner has a password of their own.
    #[error("the password is already set")]
    AlreadySet,
    /// The role does not open what the token is for.
    #[error("the role does not open {}", .0.name())]
    NotOfRole(Scope),
    /// There is no such token.
    #[error("there is no such token")]
    UnknownToken,
    /// Something changed while the facts were settled.
    #[error("the facts are stale")]
    StaleFacts,
}

impl Role {
    /// Whether a token for this may belong to somebody with this role.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        match scope {
            Scope::AuditRead => {
                matches!(self, Self::Auditor | Self::Compliance | Self::Administrator)
            }
            Scope::AuditMembers => matches!(self, Self::Auditor | Self::Administrator),
        }
    }
}

impl Staff {
    /// What a command brings about; nothing, if its effect stands already.
    ///
    /// # Errors
    /// A [`Refusal`], by which nothing is stored.
    pub fn decide(&self, issued: &Issued) -> Result<Vec<Event>, Refusal> {
        let command = issued.command.clone();
        if let Command::Add {
            role,
            initial,
            totp,
        } = command
        {
            return match self.account {
                Some(_) => Err(Refusal::AlreadyAdded),
                None => Ok(vec![Event::StaffAdded {
                    role,
                    initial,
                    totp,
                }]),
            };
        }
        let account = self.account.as_ref().ok_or(Refusal::Unknown)?;
        if let Command::SignIn {
            session,
            facts,
            lapsed,
        } = command
        {
            return self.sign_in(account, session, &facts, lapsed, issued.at);
        }
        if account.disabled {
            return match command {
                Command::Disable => Ok(Vec::new()),
                Command::SignOut { .. } => Err(Refusal::SessionEnded),
                Command::Add { .. }
                | Command::ChangeRole { .. }
                | Command::ResetPassword { .. }
                | Command::ResetTotp { .. }
                | Command::SignIn { .. }
                | Command::ChangePassword { .. }
                | Command::IssueToken { .. }
                | Command::RevokeToken { .. } => Err(Refusal::Disabled),
            };
        }
        let event = match command {
            Command::ChangeRole { role } if account.role == role => None,
            Command::ChangeRole { role } => Some(Event::StaffRoleChanged { role }),
            Command::ResetPassword { initial } => Some(Event::StaffPasswordReset { initial }),
            Command::ResetTotp { totp } => Some(Event::StaffTotpReset { totp }),
            Command::Disable => Some(Event::StaffDisabled {}),
            Command::ChangePassword { session, .. } | Command::SignOut { session }
                if self.session != Some(session) =>
            {
                return Err(Refusal::SessionEnded);
            }
            Command::ChangePassword { .. } if !self.password_is_due() => {
                return Err(Refusal::AlreadySet);
            }
            Command::ChangePassword { credential, .. } => {
                Some(Event::StaffPasswordChanged { credential })
            }
            Command::SignOut { session } => Some(Event::StaffSignedOut {
                session,
                why: SignOutReason::Own,
            }),
            Command::IssueToken {
                token,
                scopes,
                expires_at,
            } => {
                if let Some(scope) = scopes.iter().find(|scope| !account.role.has(**scope)) {
                    return Err(Refusal::NotOfRole(*scope));
                }
                Some(Event::AccessTokenIssued {
                    token,
                    scopes,
                    expires_at,
                })
            }
            Command::RevokeToken { token } if !self.tokens.contains_key(&token) => {
                return Err(Refusal::UnknownToken);
            }
            Command::RevokeToken { token } => Some(Event::AccessTokenRevoked { token }),
            // Decided above.
            Command::Add { .. } | Command::SignIn { .. } => None,
        };
        Ok(event.into_iter().collect())
    }

    fn sign_in(
        &self,
        account: &Account,
        session: SessionId,
        facts: &Facts,
        lapsed: Option<SessionId>,
        at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        if facts.against != account.password || facts.totp != account.totp {
            return Err(Refusal::StaleFacts);
        }
        let step = match self.look_at(account, facts, at) {
            Ok(step) => step,
            Err(why) => return Ok(vec![Event::StaffSignInRejected { why }]),
        };
        let ended = self.session.map(|open| Event::StaffSignedOut {
            session: open,
            why: if lapsed == Some(open) {
                SignOutReason::Expiry
            } else {
                SignOutReason::Superseded
            },
        });
        let begun = Event::StaffSignedIn { session, step };
        Ok(ended.into_iter().chain([begun]).collect())
    }

    /// The time step that a sign-in spends, or what is wrong with it.
    fn look_at(&self, account: &Account, facts: &Facts, at: Timestamp) -> Result<i64, SignInFault> {
        if account.disabled {
            return Err(SignInFault::Disabled);
        }
        if !facts.password_matches {
            return Err(SignInFault::WrongPassword);
        }
        if let Password::Initial(initial) = &account.password
            && initial.expires_at <= at
        {
            return Err(SignInFault::PasswordExpired);
        }
        let step = facts.step.ok_or(SignInFault::WrongCode)?;
        if self.spent_step.is_some_and(|spent| step <= spent) {
            return Err(SignInFault::CodeUsed);
        }
        Ok(step)
    }
}
