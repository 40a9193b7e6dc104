//! Where the member who asks for a page stands: the session, the step that is due, and what surrounds their pages.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;

use super::answers::{Told, astray, notice_of, outside, path_of, see, with_notice};
use super::forms::FormToken;
use super::frame::{Page, SessionEnd, Step as StepLine, StepState};
use super::messages::Notice;
use super::words::{Text, step_label};
use crate::api::Api;
use crate::api::members::SignedIn;
use crate::api::problem::Problem;
use crate::api::status::{steps_of, tries_left};
use crate::api::visit::Visit;
use crate::domain::onboarding::{SessionKind, Step};
use crate::domain::values::Language;
use crate::projections::status::MemberStatus;
use crate::vault::Session;

/// A form's sender, signed in; others are sent to where they can be.
pub(super) struct Sender(pub(super) SignedIn);

impl FromRequestParts<Api> for Sender {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, api).await;
        match SignedIn::from_request_parts(parts, api).await {
            Ok(who) => Ok(Self(who)),
            Err(problem) => {
                Err(astray(api, &visit, &problem, parts.uri.path(), parts.uri.query()).await)
            }
        }
    }
}

/// Where a member stands.
pub(super) struct Standing {
    /// What the request tells.
    pub(super) visit: Visit,
    /// The session.
    pub(super) session: Session,
    /// The folded status.
    pub(super) status: MemberStatus,
}

/// The reader of a page, signed in, with the notice that the address asks for; others are sent to where they can be.
pub(super) struct Reader(pub(super) Standing, pub(super) Option<Notice>);

impl FromRequestParts<Api> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let Sender(who) = Sender::from_request_parts(parts, api).await?;
        let visit = who.visit.clone();
        match Standing::of(api, who).await {
            Ok(standing) => Ok(Self(standing, notice_of(parts.uri.query()))),
            Err(problem) => {
                Err(astray(api, &visit, &problem, parts.uri.path(), parts.uri.query()).await)
            }
        }
    }
}

impl Standing {
    /// Where somebody signed in stands now.
    pub(super) async fn of(api: &Api, who: SignedIn) -> Result<Self, Problem> {
        let status = api.member_status(&who.session).await?;
        Ok(Self {
            visit: who.visit,
            session: who.session,
            status,
        })
    }

    /// The step that is due.
    pub(super) fn due(&self) -> Step {
        self.status.state.due()
    }

    /// Whether only the one-time password and what belongs to it may be shown.
    pub(super) fn pending(&self) -> bool {
        self.session.kind == SessionKind::OtpPending
    }

    /// Whether no code can be entered in this session any more.
    pub(super) fn code_is_dead(&self, api: &Api) -> bool {
        self.pending()
            && self
                .status
                .state
                .challenge
                .as_ref()
                .is_none_or(|challenge| tries_left(challenge, &api.limits) == 0)
    }

    /// To the page of the step that is due.
    pub(super) fn to_due_page(&self, api: &Api, notice: Option<Notice>) -> Response {
        if self.code_is_dead(api) {
            return see("/sign-in", Some(Notice::CodeDead));
        }
        see(path_of(self.due()), notice)
    }

    /// What surrounds a page of this member; `at` is the step that the page is about.
    pub(super) async fn page(
        &self,
        api: &Api,
        form: &FormToken,
        path: &'static str,
        at: Step,
        told: &Told,
    ) -> Result<Page, Problem> {
        let all = steps_of(&self.status.state);
        let language = self.visit.language;
        // Before the one-time password is entered, nothing is told but that it is due.
        let (steps, member) = if self.pending() {
            let before = |step| step < at;
            (steps(language, all, at, before), None)
        } else {
            let done = |step| self.status.done.contains_key(&step);
            let profile = api.vault.profiles.get(self.session.member).await?.profile;
            let called = if profile.name.trim().is_empty() {
                profile.user_id
            } else {
                profile.name
            };
            (steps(language, all, at, done), Some(called))
        };
        Ok(Page {
            steps,
            member,
            session: Some(SessionEnd {
                idle_until: self.session.idle_until,
                ends_at: self.session.ends_at,
            }),
            notice: told.notice,
            troubles: told.trouble.into_iter().collect(),
            ..outside(api, &self.visit, form, with_notice(path, told.notice))
        })
    }
}

/// The steps as the list at the side shows them, with `at` as the one to do now.
pub(super) fn steps(
    language: Language,
    all: impl Iterator<Item = Step>,
    at: Step,
    done: impl Fn(Step) -> bool,
) -> Vec<StepLine> {
    all.map(|step| StepLine {
        number: step.number(),
        label: step_label(language, step.name()).unwrap_or_else(|| Text::of(language, step.name())),
        // There is nothing to do at the last step: whoever is there is through.
        state: match (step == at && step != Step::Completed, done(step)) {
            (true, _) => StepState::Due,
            (false, true) => StepState::Done,
            (false, false) => StepState::Ahead,
        },
    })
    .collect()
}
