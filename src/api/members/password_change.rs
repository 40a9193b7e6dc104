//! Another password in the present one's place: whoever is signed in gives both, and it counts at once.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use unicode_normalization::UnicodeNormalization;

use super::SignedIn;
use super::bodies::{Body, PasswordChangeBody};
use super::done::Done;
use super::json::{answer, form_of};
use super::once_more::Checked;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::status::Status;
use crate::domain::ids::{CredentialId, FormId};
use crate::domain::onboarding::{Command, Onboarding, PasswordCheck, Step};
use crate::vault::Session;

impl Api {
    /// Sets another password; a wrong present one counts as a failing sign-in. `form` names one showing of the form, so that a repeated
    /// one is recognised.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::Mismatch`], [`Problem::Waiting`], [`Problem::NeedsSupport`], [`Problem::Crowded`],
    /// [`Problem::BudgetSpent`], [`Problem::SessionRotated`], and those of all steps.
    pub async fn replace_password(
        &self,
        who: &SignedIn,
        present: &str,
        typed: &str,
        form: Option<&str>,
    ) -> Result<Done, Problem> {
        let state = self.member_status(&who.session).await?.state;
        if state.due() != Step::Completed {
            return Err(Problem::OutOfOrder(state.due()));
        }
        let form = self.form_id(&who.session.id.0, form);
        if state.is_set_by(form) {
            // What it calls the present password is not that any more: it must not count as a wrong one.
            let done = self.repeated(who, &state).await?;
            return Ok(self.with_browser_remembered(who, done).await);
        }
        if !typed.is_empty() && typed.nfc().eq(present.nfc()) {
            return Err(Problem::Invalid {
                field: "new_password",
                why: "present_one",
            });
        }
        let checked = self.check_once_more(who, &state, present).await?;
        let kept = self.keep_if_right(who, &state, &checked, typed).await;
        let outcome = match kept {
            Ok(credential) => self.put_in_place(who, &checked, credential, form).await,
            Err(problem) => Err(problem),
        };
        let outcome = self.count_once_more(&checked, outcome).await?;
        let done = self.done_rotating(who, &outcome).await?;
        Ok(self.with_browser_remembered(who, done).await)
    }

    /// Browsers of before are strangers' from now on, but for the one that gets the session's new secret: it has just shown all there is
    /// to show.
    async fn with_browser_remembered(&self, who: &SignedIn, done: Done) -> Done {
        let device = match done.secret {
            Some(_) => self.browser_remembered(who).await,
            None => None,
        };
        Done { device, ..done }
    }

    /// Whether the session's newest secret came with another password, rather than with its code.
    pub async fn came_with_password(&self, session: &Session) -> bool {
        let Ok(status) = self.member_status(session).await else {
            return false;
        };
        let replaces = status.state.password.and_then(|own| own.replaces);
        let open = status.state.session.as_ref();
        replaces
            .zip(open)
            .is_some_and(|(set, open)| open.began <= set.at)
    }

    /// Without the present password, nothing is told of the other one, and nothing kept.
    async fn keep_if_right(
        &self,
        who: &SignedIn,
        state: &Onboarding,
        checked: &Checked,
        typed: &str,
    ) -> Result<CredentialId, Problem> {
        if checked.check != PasswordCheck::Match {
            return Ok(CredentialId(self.entropy.id()));
        }
        let now = self.clock.now();
        state
            .room_for_password(now, &self.limits)
            .map_err(|refusal| Problem::of_refusal(&refusal, now))?;
        self.keep_password(state, who.session.member, typed).await
    }

    async fn put_in_place(
        &self,
        who: &SignedIn,
        checked: &Checked,
        credential: CredentialId,
        form: FormId,
    ) -> Result<crate::commands::Outcome<Onboarding>, Problem> {
        let session = who.session.id;
        let (against, check) = (checked.against, checked.check);
        self.carry_out(
            "ReplacePassword",
            who.session.member,
            &who.visit,
            move |_| async move {
                Ok(Command::ReplacePassword {
                    session,
                    against,
                    check,
                    credential,
                    form,
                })
            },
        )
        .await
    }
}

/// After completion: another password, with the present one; it counts at once, and the member is told. An `Idempotency-Key` makes a
/// repetition harmless.
#[utoipa::path(post, path = "/api/v1/password-change", tag = "members", request_body = PasswordChangeBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "names one showing of the form")),
    responses((status = 200, description = "the status", body = Status)))]
pub(super) async fn password_change(
    State(api): State<Api>,
    who: SignedIn,
    headers: HeaderMap,
    Body(given): Body<PasswordChangeBody>,
) -> Result<Response, Problem> {
    let form = form_of(&headers);
    let done = api
        .replace_password(&who, &given.password, &given.new_password, form)
        .await;
    answer(&api, &who.visit, StatusCode::OK, done).await
}
