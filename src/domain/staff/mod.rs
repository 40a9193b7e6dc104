//! An account of the society's staff, stream `staff-{id}`: its role, what it signs in with, its session and its tokens.

mod decide;
mod event;
mod retrace;
mod role;
#[cfg(test)]
mod tests;

pub use decide::{Command, Facts, Issued, Refusal};
pub use event::{Event, Initial, SignInFault, SignOutReason, Totp};
pub use role::{Role, Scope};

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{CredentialId, SessionId, TokenId};

/// What is known of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The account; none, before it is made.
    pub account: Option<Account>,
    /// The session that is open.
    pub session: Option<SessionId>,
    /// The time step of the last code that was used; only later ones count (RFC 6238, 5.2).
    pub spent_step: Option<i64>,
    /// The tokens that were not revoked.
    pub tokens: BTreeMap<TokenId, Token>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What its owner may do.
    pub role: Role,
    /// The password that counts.
    pub password: Password,
    /// The authenticator that counts.
    pub totp: Totp,
    /// Whether it opens nothing any more.
    pub disabled: bool,
}

/// The password that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Password {
    /// The printed one; with it, nothing can be done but to set one's own.
    Initial(Initial),
    /// The owner's own, by its verifier in the vault.
    Own(CredentialId),
}

/// A token that was not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// The moment from which it no longer counts.
    pub expires_at: Timestamp,
}

impl Staff {
    /// The account, if it opens anything.
    #[must_use]
    pub fn in_force(&self) -> Option<&Account> {
        self.account.as_ref().filter(|account| !account.disabled)
    }

    /// Whether the printed password still counts, so that one's own is to be set before all else.
    #[must_use]
    pub fn password_is_due(&self) -> bool {
        self.account
            .as_ref()
            .is_some_and(|account| matches!(account.password, Password::Initial(_)))
    }

    /// What a token is for now; nothing, if it was revoked, has expired, or the account is disabled.
    #[must_use]
    pub fn scopes_of(&self, token: TokenId, now: Timestamp) -> &[Scope] {
        match self.tokens.get(&token) {
            Some(token) if now < token.expires_at && self.in_force().is_some() => &token.scopes,
            Some(_) | None => &[],
        }
    }
}

impl Aggregate for Staff {
    const TYPE: &'static str = "staff";
    type Command = Issued;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Issued,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::StaffAdded {
                role,
                initial,
                totp,
            } => {
                self.account = Some(Account {
                    role,
                    password: Password::Initial(initial),
                    totp,
                    disabled: false,
                });
            }
            Event::StaffSignedIn { session, step } => {
                self.session = Some(session);
                self.spent_step = Some(step);
            }
            Event::StaffSignedOut { .. } => self.session = None,
            Event::AccessTokenIssued {
                token,
                scopes,
                expires_at,
            } => {
                self.tokens.insert(token, Token { scopes, expires_at });
            }
            Event::AccessTokenRevoked { token } => {
                self.tokens.remove(&token);
            }
            Event::StaffRoleChanged { role } => self.change(|account| account.role = role),
            Event::StaffPasswordReset { initial } => {
                self.change(|account| account.password = Password::Initial(initial));
                self.session = None;
            }
            Event::StaffTotpReset { totp } => {
                self.change(|account| account.totp = totp);
                self.session = None;
                self.spent_step = None;
            }
            Event::StaffPasswordChanged { credential } => {
                self.change(|account| account.password = Password::Own(credential));
            }
            Event::StaffDisabled {} => {
                self.change(|account| account.disabled = true);
                self.session = None;
                self.tokens.clear();
            }
            Event::StaffSignInRejected { .. } => {}
        }
    }
}

impl Staff {
    fn change(&mut self, change: impl FnOnce(&mut Account)) {
        if let Some(account) = &mut self.account {
            change(account);
        }
    }
}
