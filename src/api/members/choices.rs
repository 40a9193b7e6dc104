//! Steps 4 and 8: what a member agrees to, and chooses.

use super::SignedIn;
use super::done::{Done, already_done};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::onboarding::{Command, OtpMethod};

impl Api {
    /// Step 4.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn accept_terms(&self, who: &SignedIn, version: String) -> Result<Done, Problem> {
        let session = who.session.id;
        self.simple(who, "AcceptTerms", move |_| Command::AcceptTerms {
            session,
            version: version.clone(),
        })
        .await
    }

    /// Step 8.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn choose_otp_method(&self, who: &SignedIn, method: &str) -> Result<Done, Problem> {
        let state = self.member_status(&who.session, 0).await?.state;
        if state.otp_method.is_some() {
            return Ok(already_done(who));
        }
        if method != "email" {
            let why = if method.is_empty() {
                "required"
            } else {
                "unknown"
            };
            return Err(Problem::Invalid {
                field: "method",
                why,
            });
        }
        let session = who.session.id;
        self.simple(who, "ChooseOtpMethod", move |_| Command::ChooseOtpMethod {
            session,
            method: OtpMethod::Email,
        })
        .await
    }
}
