//! Who is signed in: from the cookie to the session, its status, and its end.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use secrecy::ExposeSecret;

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::status::{Sources, Status};
use crate::api::visit::Visit;
use crate::domain::email::EmailAddress;
use crate::domain::ids::{ContactId, MemberId};
use crate::domain::onboarding::{Command, LogOutReason, Onboarding, Step};
use crate::projections::status::MemberStatus;
use crate::vault::{Found, Lanes, Session, VaultError};

/// A request with a session that counts.
#[derive(Clone)]
pub struct SignedIn {
    /// What the request tells.
    pub visit: Visit,
    /// The session.
    pub session: Session,
}

impl FromRequestParts<Api> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Ok(visit) = Visit::from_request_parts(parts, api).await;
        let session = api.session_of(&visit).await?;
        let session = api.vault.sessions.touch(session, api.clock.now()).await?;
        Ok(Self { visit, session })
    }
}

impl Api {
    /// The session that a request's cookie opens.
    ///
    /// # Errors
    /// [`Problem::NoSession`], or [`Problem::SessionRotated`] for a secret that was exchanged a moment ago.
    pub async fn session_of(&self, visit: &Visit) -> Result<Session, Problem> {
        let secret = visit.secret.as_deref().ok_or(Problem::NoSession)?;
        match self
            .vault
            .sessions
            .find(secret, &visit.agent, self.clock.now())
            .await?
        {
            Found::Current(session) => Ok(session),
            Found::Rotated(_) => Err(Problem::SessionRotated),
            Found::Lapsed(_) | Found::None => Err(Problem::NoSession),
        }
    }

    /// Where the session's member stands now.
    ///
    /// # Errors
    /// [`Problem::NoSession`] if the log knows of another session, else what the stores have.
    pub async fn member_status(&self, session: &Session) -> Result<MemberStatus, Problem> {
        let status = self.statuses.of(session.member).await?;
        let status = status.ok_or(Problem::NoSession)?;
        let present = status.state.session.as_ref();
        let is_present =
            present.is_some_and(|open| open.id == session.id && open.kind == session.kind);
        if is_present {
            Ok(status)
        } else {
            Err(Problem::NoSession)
        }
    }

    /// Where the tries of a session's member count, in its browser.
    ///
    /// # Errors
    /// The vault is away.
    pub(super) async fn lanes_of(&self, who: &SignedIn) -> Result<Lanes, Problem> {
        let profile = self.vault.profiles.get(who.session.member).await?.profile;
        let (user_id, symbol) = (profile.user_id, Some(profile.symbol.as_str()));
        let (address, device) = (who.visit.address, who.visit.device.as_deref());
        let waits = &self.vault.waits;
        Ok(waits.lanes(&user_id, symbol, address, device).await?)
    }

    /// The Status document of a session.
    ///
    /// # Errors
    /// As [`Api::member_status`].
    pub async fn status(&self, visit: &Visit, session: &Session) -> Result<Status, Problem> {
        let member = self.member_status(session).await?;
        let address = self
            .address(member.state.contact.as_ref().map(|it| it.id))
            .await?;
        let coming = member.state.coming.as_ref().map(|it| it.id);
        let coming = self.address(coming).await?;
        let terms = if member.state.due() == Step::Terms {
            Some(self.terms_of(&member.state).await?)
        } else {
            None
        };
        let hold_until = self.hold_until(&member).await?;
        let reference = self.reference(session.member, &member.state);
        Ok(Status::of(&Sources {
            member: &member,
            session,
            terms: terms.as_ref(),
            address: address.as_ref(),
            coming: coming.as_ref(),
            hold_until,
            reference,
            limits: &self.limits,
            language: visit.language,
        }))
    }

    /// The address of a contact; none, if it is erased.
    ///
    /// # Errors
    /// The vault is away.
    pub async fn address(
        &self,
        contact: Option<ContactId>,
    ) -> Result<Option<EmailAddress>, Problem> {
        let Some(contact) = contact else {
            return Ok(None);
        };
        match self.vault.contacts.address(contact).await {
            Ok(address) => Ok(EmailAddress::parse(address.expose_secret()).ok()),
            Err(VaultError::Erased | VaultError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The letters that stand in the mail with the present code and on the page that asks for it.
    #[must_use]
    pub fn reference(&self, member: MemberId, state: &Onboarding) -> String {
        let Some(challenge) = &state.challenge else {
            return String::new();
        };
        self.vault
            .one_time
            .reference(&challenge.key, member, challenge.id)
            .unwrap_or_default()
    }

    /// Ends the session of the request's cookie, if it opens one; in any case, there is none afterwards.
    ///
    /// # Errors
    /// The stores are away.
    pub async fn log_out(&self, visit: &Visit) -> Result<(), Problem> {
        let Some(secret) = visit.secret.as_deref() else {
            return Ok(());
        };
        let now = self.clock.now();
        let session = match self.vault.sessions.find(secret, &visit.agent, now).await? {
            // A secret that was exchanged a moment ago opens nothing, but may close: whoever presses ログアウト means it.
            Found::Current(session) | Found::Rotated(session) => session,
            Found::Lapsed(_) | Found::None => return Ok(()),
        };
        let id = session.id;
        let ended = self
            .carry_out("LogOut", session.member, visit, move |_| {
                let command = Command::LogOut {
                    session: id,
                    why: LogOutReason::Member,
                };
                async move { Ok(command) }
            })
            .await;
        match ended {
            Ok(_) | Err(Problem::NoSession) => Ok(self.vault.sessions.end(id).await?),
            Err(problem) => Err(problem),
        }
    }
}
