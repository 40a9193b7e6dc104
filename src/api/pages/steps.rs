//! What the forms of the steps do: the step itself, then on to the page of the next, or the same page with what was wrong.

use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;
use serde::Deserialize;

use super::answers::{Told, astray, onward, see};
use super::forms::{Nothing, Sent};
use super::messages::{Notice, Trouble};
use super::screens::{Screen, show};
use super::standing::{Sender, Standing};
use crate::api::Api;
use crate::api::members::{Done, SignedIn};
use crate::api::problem::{Problem, Wait};
use crate::api::status::tries_left;
use crate::domain::onboarding::Step;

/// What is asked for again within so many seconds of the last time is the same press twice.
pub(in crate::api) const DOUBLE_PRESS_SECONDS: i64 = 10;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct BirthDateForm {
    birth_date: String,
}

/// Step 3.
pub(super) async fn birth_date(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<BirthDateForm>,
) -> Response {
    let done = api.confirm_birth_date(&who, &form.birth_date).await;
    answer(&api, who, Screen::BirthDate, done, None, &form.birth_date).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TermsForm {
    version: String,
}

/// Step 4.
pub(super) async fn terms(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<TermsForm>,
) -> Response {
    let done = api.accept_terms(&who, form.version).await;
    answer(&api, who, Screen::Terms, done, None, "").await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EmailForm {
    email: String,
}

/// Step 5, and its correction.
pub(super) async fn email(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<EmailForm>,
) -> Response {
    let done = api.register_email(&who, &form.email).await;
    if let Ok(done) = &done
        && !done.stored
        && let Ok(status) = api.member_status(&done.session).await
        && status.state.due() == Step::EmailLink
    {
        let links = status.state.contact.iter().flat_map(|to| &to.links);
        let lately = api.clock.now() - SignedDuration::from_secs(DOUBLE_PRESS_SECONDS);
        let notice = if links.last().is_some_and(|link| link.sent_at > lately) {
            Notice::LinkSent
        } else {
            Notice::SameAddress
        };
        return see(Screen::EmailLink.path(), Some(notice));
    }
    let sent = Some(Notice::LinkSent);
    answer(&api, who, Screen::Email, done, sent, &form.email).await
}

/// Step 5: 再送信.
pub(super) async fn resend_link(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    let done = api.resend_email_link(&who).await;
    let sent = Some(Notice::LinkSentAgain);
    answer(&api, who, Screen::EmailLink, done, sent, "").await
}

/// Step 7: 更新.
pub(super) async fn update_email(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    match api.update_email(&who).await {
        Err(Problem::OutOfOrder(Step::EmailLink)) => {
            see(Screen::EmailLink.path(), Some(Notice::LinkNotFollowedYet))
        }
        done => {
            let is_other = done.as_ref().is_ok_and(|done| done.secret.is_some());
            let notice = is_other.then_some(Notice::CodeForBrowser);
            answer(&api, who, Screen::EmailLink, done, notice, "").await
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MethodForm {
    method: String,
}

/// Step 8: 送信.
pub(super) async fn otp_method(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<MethodForm>,
) -> Response {
    let done = api.choose_otp_method(&who, &form.method).await;
    answer(&api, who, Screen::OtpMethod, done, None, "").await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PasswordForm {
    pub(super) new_password: String,
    idempotency_key: String,
}

impl PasswordForm {
    /// The name of the form's showing.
    pub(super) fn showing(&self) -> Option<&str> {
        Some(self.idempotency_key.as_str()).filter(|key| !key.is_empty())
    }
}

/// Step 9.
pub(super) async fn password(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<PasswordForm>,
) -> Response {
    let done = api.change_password(&who, &form.new_password, form.showing());
    let done = done.await;
    answer(&api, who, Screen::Password, done, None, "").await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct OtpForm {
    code: String,
}

/// Step 14: 実行.
pub(super) async fn otp(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<OtpForm>,
) -> Response {
    let done = api.submit_otp(&who, &form.code).await;
    answer(&api, who, Screen::Otp, done, None, "").await
}

/// Step 14: 再送信.
pub(super) async fn resend_otp(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    let done = api.resend_otp(&who).await;
    let sent = Some(Notice::CodeSentAgain);
    answer(&api, who, Screen::Otp, done, sent, "").await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EmailChangeForm {
    email: String,
    password: String,
}

/// Another address, with the password once more.
pub(super) async fn change_email(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<EmailChangeForm>,
) -> Response {
    let done = api.change_email(&who, &form.email, &form.password).await;
    let sent = Some(Notice::LinkSent);
    answer(&api, who, Screen::EmailChange, done, sent, &form.email).await
}

/// 更新, for another address.
pub(super) async fn confirm_email_change(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    match api.confirm_email_change(&who).await {
        Err(Problem::NothingToConfirm) => {
            let notice = Some(Notice::LinkNotFollowedYet);
            see(Screen::EmailChange.path(), notice)
        }
        done => {
            let notice = Some(Notice::EmailChangeConfirmed);
            answer(&api, who, Screen::EmailChange, done, notice, "").await
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PasswordChangeForm {
    password: String,
    new_password: String,
    idempotency_key: String,
}

/// Another password, with the present one.
pub(super) async fn replace_password(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(form): Sent<PasswordChangeForm>,
) -> Response {
    let showing = Some(form.idempotency_key.as_str()).filter(|key| !key.is_empty());
    let done = api
        .replace_password(&who, &form.password, &form.new_password, showing)
        .await;
    let notice = Some(Notice::PasswordReplaced);
    answer(&api, who, Screen::PasswordChange, done, notice, "").await
}

/// No other address.
pub(super) async fn cancel_email_change(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    let done = api.cancel_email_change(&who).await;
    let notice = Some(Notice::EmailChangeCancelled);
    answer(&api, who, Screen::EmailChange, done, notice, "").await
}

/// No other password.
pub(super) async fn cancel_password_reset(
    State(api): State<Api>,
    Sender(who): Sender,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    let done = api.cancel_password_reset(&who).await;
    let notice = Some(Notice::PasswordResetCancelled);
    answer(&api, who, Screen::Completed, done, notice, "").await
}

/// After a step: onward, with `notice` if anything was stored; or `screen` again, with what was `typed` and why not.
async fn answer(
    api: &Api,
    who: SignedIn,
    screen: Screen,
    done: Result<Done, Problem>,
    notice: Option<Notice>,
    typed: &str,
) -> Response {
    let problem = match done {
        // What is done after completion leads to no other step.
        Ok(done) if screen == Screen::EmailChange => {
            return see(screen.path(), notice.filter(|_| done.stored));
        }
        Ok(done) => {
            // A repeated form that has set the password is told of it as the first one is.
            let told = done.stored || screen == Screen::PasswordChange;
            return onward(api, &done, notice.filter(|_| told)).await;
        }
        Err(problem) => problem,
    };
    let visit = who.visit.clone();
    if matches!(problem, Problem::NoSession | Problem::SessionRotated) {
        return astray(api, &visit, &problem, screen.path(), None).await;
    }
    match Standing::of(api, who).await {
        Ok(standing) => not_taken(api, &standing, screen, problem, notice, typed).await,
        Err(problem) => astray(api, &visit, &problem, screen.path(), None).await,
    }
}

async fn not_taken(
    api: &Api,
    standing: &Standing,
    screen: Screen,
    problem: Problem,
    notice: Option<Notice>,
    typed: &str,
) -> Response {
    // Nothing more can be entered after the last wrong code, and nothing after a step that is not due.
    if problem == Problem::CodeDead || standing.code_is_dead(api) {
        return see("/sign-in", Some(Notice::CodeDead));
    }
    if matches!(problem, Problem::OutOfOrder(_)) {
        return standing.to_due_page(api, Some(Notice::OutOfOrder));
    }
    if matches!(problem, Problem::AlreadySet | Problem::FormUsed) {
        return standing.to_due_page(api, Some(Notice::AlreadySet));
    }
    if let Problem::TooSoon(wait) = problem
        && is_double_press(api, standing, screen, wait)
    {
        return standing.to_due_page(api, notice);
    }
    match trouble(api, standing, screen, &problem) {
        Some(trouble) => show(api, standing, screen, Told::of(problem, trouble, typed)).await,
        None => super::problem(api, &standing.visit, &problem),
    }
}

/// What a form's problem is beside its field; none if it is not for the member to mend.
fn trouble(api: &Api, standing: &Standing, screen: Screen, problem: &Problem) -> Option<Trouble> {
    if let Problem::BudgetSpent(wait) = problem
        && screen == Screen::PasswordChange
    {
        return Some(Trouble::ChangesSpent { until: wait.until });
    }
    if let Some(challenge) = &standing.status.state.challenge {
        if *problem == Problem::CodeUsed {
            // An old mail's code: it was not counted, and the newest mail's is asked for.
            return Some(Trouble::Mismatch {
                field: "code",
                tries_left: tries_left(challenge, &api.limits),
            });
        }
        let all_sent = challenge.mails >= api.limits.otp.mails.each;
        if all_sent && matches!(problem, Problem::BudgetSpent(_)) {
            // To wait would not help: what it may mail ends with this sign-in.
            return Some(Trouble::SignInSpent);
        }
    }
    Trouble::of(problem, &api.limits)
}

/// Whether a mail was asked for twice in one go, rather than again.
fn is_double_press(api: &Api, standing: &Standing, screen: Screen, wait: Wait) -> bool {
    let state = &standing.status.state;
    let (asked_again, apart) = if screen == Screen::Otp {
        let mails = state.challenge.as_ref().map_or(0, |code| code.mails);
        (mails > 1, api.limits.otp.mails.apart_seconds)
    } else if screen == Screen::EmailLink {
        let links = state.contact.as_ref().map_or(0, |to| to.links.len());
        (links > 1, api.limits.email_link.mails.apart_seconds)
    } else {
        return false;
    };
    asked_again && i64::from(apart) - wait.seconds() < DOUBLE_PRESS_SECONDS
}
