//! Which browsers are known as the member's: by what was shown in them.

use jiff::SignedDuration;
use secrecy::SecretString;

use super::SignedIn;
use crate::api::Api;
use crate::api::input;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::Onboarding;

/// How long after the first press of a button the second can come (judgement: as long as a session's old secret is told from a stranger's).
const PRESSED_TWICE: SignedDuration = SignedDuration::from_secs(30);

impl Api {
    /// Gives the browser a lane of its own for later failures, once it has shown that it is the member's.
    pub(in crate::api) async fn remember_browser(
        &self,
        visit: &Visit,
        user_id: &str,
    ) -> Result<SecretString, Problem> {
        let remembered = self
            .vault
            .devices
            .remember(visit.device.as_deref(), user_id, self.clock.now())
            .await?;
        Ok(remembered)
    }

    /// Forgets that the browser signed in with this user ID, if that was before another password took the place of the first, or staff
    /// stopped all use: whoever forgot or changed the password may have lost the browser as well, or have shown it to somebody.
    pub(super) async fn forget_browser_of_before(
        &self,
        visit: &Visit,
        user_id: &str,
        state: &Onboarding,
    ) -> Result<(), Problem> {
        let since = state.forgets_browsers_before();
        if let Some((device, since)) = visit.device.as_deref().zip(since) {
            let user_id = input::normalise_id(user_id);
            let devices = &self.vault.devices;
            devices.forget_before(device, &user_id, since).await?;
        }
        Ok(())
    }

    /// The cookie of a browser that has shown that it is the member's; none, where the vault is away: what was done is done, and the
    /// session's new secret must not be lost with it.
    pub(super) async fn browser_remembered(&self, who: &SignedIn) -> Option<SecretString> {
        let profile = self.vault.profiles.get(who.session.member).await;
        let remembered = match profile {
            Ok(stored) => {
                self.remember_browser(&who.visit, &stored.profile.user_id)
                    .await
            }
            Err(error) => Err(error.into()),
        };
        remembered
            .inspect_err(|problem| {
                let problem = problem.name();
                tracing::error!(problem, "a browser that showed enough is not remembered");
            })
            .ok()
    }

    /// The same for a form that is pressed twice: the browser may have dropped the first answer, and the cookie with it. Only for the session
    /// that showed it, a moment later, and where the browser has no such cookie: one that it had was good for the first press too.
    pub(super) async fn browser_remembered_again(&self, who: &SignedIn) -> Option<SecretString> {
        let device = who.visit.device.as_deref();
        if device.is_some_and(|cookie| self.vault.devices.is_ours(cookie)) {
            return None;
        }
        let showed = self.statuses.showed_last(who.session.member).await;
        let (session, at) = showed.ok().flatten()?;
        let is_repeated = session == who.session.id && self.clock.now() <= at + PRESSED_TWICE;
        if is_repeated {
            self.browser_remembered(who).await
        } else {
            None
        }
    }
}
