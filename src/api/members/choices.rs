//! Steps 4 and 8: what a member agrees to, and chooses.

use std::sync::Arc;

use super::SignedIn;
use super::done::Done;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::onboarding::{Command, Onboarding, OtpMethod, Step};

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
        let why = match method {
            "email" => None,
            "" => Some("required"),
            _ => Some("unknown"),
        };
        let session = who.session.id;
        let outcome = self
            .carry_out(
                "ChooseOtpMethod",
                who.session.member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let fault = why
                        .filter(|_| state.due() == Step::OtpMethod && state.has_session(session));
                    std::future::ready(match fault {
                        Some(why) => Err(Problem::Invalid {
                            field: "method",
                            why,
                        }),
                        None => Ok(Command::ChooseOtpMethod {
                            session,
                            method: OtpMethod::Email,
                        }),
                    })
                },
            )
            .await?;
        Ok(Self::done(who, &outcome))
    }
}
