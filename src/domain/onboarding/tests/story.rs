//! The usual story of a member: the commands they give, the events that follow, and the past up to each step.

use super::*;

// Commands, as a member in the usual story would give them.

pub(super) fn enrol() -> Command {
    Command::Enrol {
        cohort: "joined-to-2024-12-01".to_owned(),
        policy: policy(),
        import: ImportId(Uuid::from_u128(1)),
        joined_month: Some("2020-04".to_owned()),
        terms: None,
        valid_from: opening(),
        expires_at: closing(),
    }
}

pub(super) fn sign_in(n: u128, against: CredentialInForce, check: PasswordCheck) -> Command {
    Command::SignIn {
        session: session(n),
        against,
        check,
        lapsed: None,
        known_browser: true,
        code: new_code(n),
    }
}

pub(super) const fn report_not_me() -> Command {
    Command::ReportNotMe {
        about: NoticeId(Uuid::from_u128(1)),
    }
}

/// As [`sign_in`] with the right initial password, but from a browser that nobody knows.
pub(super) fn sign_in_elsewhere(n: u128) -> Command {
    Command::SignIn {
        session: session(n),
        against: INITIAL,
        check: PasswordCheck::Match,
        lapsed: None,
        known_browser: false,
        code: new_code(n),
    }
}

pub(super) const fn confirm_birth_date(n: u128, matches: bool) -> Command {
    Command::ConfirmBirthDate {
        session: session(n),
        matches,
        waiting_until: None,
    }
}

pub(super) fn accept_terms(version: &str) -> Command {
    Command::AcceptTerms {
        session: session(1),
        version: version.to_owned(),
    }
}

/// Enters address `n`, not entered before, whose first link is issue `n`.
pub(super) fn register_email(n: u128) -> Command {
    Command::RegisterEmail {
        session: session(1),
        contact: contact(n),
        same_as: None,
        link: new_link(n),
    }
}

pub(super) fn resend_link(n: u128) -> Command {
    Command::ResendEmailLink {
        session: session(1),
        link: new_link(n),
    }
}

pub(super) const fn follow(of: u128, n: u128) -> Command {
    Command::FollowEmailLink {
        contact: contact(of),
        issue: issue(n),
    }
}

pub(super) const fn disown(of: u128, n: u128) -> Command {
    Command::DisownEmail {
        contact: contact(of),
        issue: issue(n),
    }
}

pub(super) const fn update_email() -> Command {
    Command::UpdateEmail {
        session: session(1),
        code: None,
    }
}

/// As [`update_email`], but from session 2, in a browser that nobody knows.
pub(super) fn update_elsewhere(n: u128) -> Command {
    Command::UpdateEmail {
        session: session(2),
        code: Some(new_code(n)),
    }
}

// After completion, from session 2: address 5 with link 5 is to take the place of address 1.

pub(super) fn change_email(n: u128, check: PasswordCheck) -> Command {
    Command::ChangeEmail {
        session: session(2),
        against: OWN,
        check,
        contact: contact(n),
        same_as: None,
        link: new_link(n),
    }
}

pub(super) const fn confirm_change() -> Command {
    Command::ConfirmEmailChange {
        session: session(2),
    }
}

pub(super) const fn cancel_change() -> Command {
    Command::CancelEmailChange {
        session: session(2),
    }
}

pub(super) fn change_requested(n: u128, at: Timestamp) -> Event {
    Event::EmailChangeRequested {
        contact: contact(n),
        issue: issue(n),
        key: key(),
        language: Language::Ja,
        at,
        expires_at: at + SignedDuration::from_mins(60),
    }
}

pub(super) const fn change_followed(n: u128) -> Event {
    Event::EmailChangeLinkFollowed {
        contact: contact(n),
    }
}

/// Address `n` is to take the place of address 1, after 72 hours.
pub(super) fn change_confirmed(n: u128, at: Timestamp) -> Event {
    Event::EmailChangeConfirmed {
        contact: contact(n),
        replaces: contact(1),
        at,
        counts_from: at + SignedDuration::from_hours(72),
    }
}

pub(super) const fn change_cancelled(n: u128) -> Event {
    Event::EmailChangeCancelled {
        contact: contact(n),
    }
}

pub(super) const fn changed(n: u128) -> Event {
    Event::EmailChanged {
        contact: contact(n),
    }
}

pub(super) fn forget(n: u128, matches: bool) -> Command {
    Command::RequestPasswordReset {
        matches,
        link: new_link(n),
    }
}

/// Password `n` by link `of`.
pub(super) const fn reset_password(of: u128, n: u128) -> Command {
    Command::ResetPassword {
        issue: issue(of),
        credential: credential(n),
        form: form(n),
    }
}

pub(super) const fn cancel_reset(by: u128) -> Command {
    Command::CancelPasswordReset {
        session: session(by),
    }
}

/// A link to address `to`.
pub(super) fn reset_requested(to: u128, n: u128, at: Timestamp) -> Event {
    Event::PasswordResetRequested {
        contact: contact(to),
        issue: issue(n),
        key: key(),
        language: Language::Ja,
        at,
        expires_at: at + SignedDuration::from_mins(60),
    }
}

pub(super) fn reset_confirmed(of: u128, n: u128, at: Timestamp) -> Event {
    Event::PasswordResetConfirmed {
        issue: issue(of),
        credential: credential(n),
        form: form(n),
        at,
        counts_from: at + SignedDuration::from_hours(24),
    }
}

pub(super) const fn reset_cancelled(n: u128) -> Event {
    Event::PasswordResetCancelled {
        credential: credential(n),
    }
}

pub(super) const fn reset(n: u128) -> Event {
    Event::PasswordReset {
        credential: credential(n),
    }
}

/// Password `n` in the place of the first, from session 2.
pub(super) const fn replace_password(n: u128, check: PasswordCheck) -> Command {
    Command::ReplacePassword {
        session: session(2),
        against: OWN,
        check,
        credential: credential(n),
        form: form(n),
    }
}

pub(super) const fn replaced(n: u128, at: Timestamp) -> Event {
    Event::PasswordReplaced {
        credential: credential(n),
        form: form(n),
        at,
    }
}

pub(super) const fn choose_method() -> Command {
    Command::ChooseOtpMethod {
        session: session(1),
        method: OtpMethod::Email,
    }
}

pub(super) const fn change_password(n: u128) -> Command {
    Command::ChangePassword {
        session: session(1),
        credential: credential(n),
        form: form(n),
    }
}

pub(super) const fn log_out(n: u128) -> Command {
    Command::LogOut {
        session: session(n),
        why: LogOutReason::Member,
    }
}

pub(super) fn resend_otp(n: u128) -> Command {
    Command::ResendOtp {
        session: session(2),
        code: new_code(n),
    }
}

pub(super) const fn submit(against: u128, check: CodeCheck) -> Command {
    Command::SubmitOtp {
        session: session(2),
        against: Some(challenge(against)),
        check,
    }
}

// Events of the usual story.

pub(super) fn enrolled() -> Event {
    enrolled_with(None)
}

pub(super) fn enrolled_with(terms: Option<&str>) -> Event {
    Event::MemberEnrolled {
        cohort: "joined-to-2024-12-01".to_owned(),
        policy: policy(),
        import: ImportId(Uuid::from_u128(1)),
        joined_month: Some("2020-04".to_owned()),
        terms: terms.map(str::to_owned),
        valid_from: opening(),
        expires_at: closing(),
    }
}

pub(super) const fn accepted(n: u128, at: Timestamp) -> Event {
    Event::CredentialsAccepted {
        session: session(n),
        at,
    }
}

pub(super) fn registered(n: u128, at: Timestamp) -> Event {
    Event::EmailRegistered {
        contact: contact(n),
        issue: issue(n),
        key: key(),
        language: Language::Ja,
        at,
        expires_at: at + SignedDuration::from_mins(60),
    }
}

pub(super) fn reissued_link(of: u128, n: u128, at: Timestamp) -> Event {
    Event::EmailLinkReissued {
        contact: contact(of),
        issue: issue(n),
        key: key(),
        language: Language::Ja,
        at,
        expires_at: at + SignedDuration::from_mins(60),
    }
}

pub(super) const fn followed(n: u128) -> Event {
    Event::EmailLinkFollowed {
        contact: contact(n),
    }
}

pub(super) const fn verified(n: u128) -> Event {
    Event::EmailVerified {
        contact: contact(n),
    }
}

pub(super) const fn password_changed(n: u128) -> Event {
    Event::PasswordChanged {
        credential: credential(n),
        form: form(n),
    }
}

pub(super) const fn logged_out(n: u128, why: LogOutReason) -> Event {
    Event::LoggedOut {
        session: session(n),
        why,
    }
}

/// The code that the sign-in of session `n` mails, challenge `n`.
pub(super) fn code_issued(n: u128, at: Timestamp) -> Event {
    Event::OtpIssued {
        session: session(n),
        challenge: challenge(n),
        key: key(),
        language: Language::Ja,
        at,
        expires_at: at + SignedDuration::from_mins(10),
    }
}

pub(super) fn code_reissued(n: u128, at: Timestamp, expires_at: Timestamp) -> Event {
    Event::OtpReissued {
        session: session(2),
        challenge: challenge(n),
        key: key(),
        language: Language::Ja,
        at,
        expires_at,
    }
}

pub(super) const fn code_rejected(tries_left: u32) -> Event {
    Event::OtpRejected { tries_left }
}

pub(super) const fn login_succeeded(n: u128) -> Event {
    Event::OtpLoginSucceeded {
        session: session(n),
        challenge: challenge(n),
    }
}

pub(super) const fn sign_in_confirmed(n: u128) -> Event {
    Event::SignInConfirmed {
        session: session(n),
        challenge: challenge(n),
    }
}

// What staff do. Staff 1 proposes and intervenes, staff 2 approves.

pub(super) fn grounds(reason: Reason) -> Grounds {
    Grounds {
        reason,
        ticket: "HD-1".parse().unwrap(),
    }
}

pub(super) fn intervene(intervention: Intervention) -> Command {
    intervene_with(9, intervention)
}

/// As [`intervene`], with link `n` where one is mailed.
pub(super) fn intervene_with(n: u128, intervention: Intervention) -> Command {
    Command::Intervene {
        intervention,
        grounds: grounds(*intervention.reasons().first().unwrap()),
        staff: staff(1),
        failed_at: None,
        link: new_link(n),
    }
}

pub(super) fn propose(n: u128, intervention: Intervention) -> Command {
    Command::ProposeIntervention {
        proposal: proposal(n),
        intervention,
        grounds: grounds(*intervention.reasons().first().unwrap()),
        staff: staff(1),
    }
}

pub(super) const fn approve(n: u128, by: u128) -> Command {
    Command::ApproveIntervention {
        proposal: proposal(n),
        staff: staff(by),
        print: Some(print()),
    }
}

/// The printing of every letter.
pub(super) const fn print() -> PrintId {
    PrintId(Uuid::from_u128(7))
}

pub(super) const fn decline(n: u128, by: u128) -> Command {
    Command::DeclineIntervention {
        proposal: proposal(n),
        staff: staff(by),
    }
}

/// At minute 11, when [`given`] decides.
pub(super) fn intervened(intervention: Intervention, reason: Reason) -> Event {
    intervened_at(minute(11), intervention, reason)
}

pub(super) fn intervened_at(at: Timestamp, intervention: Intervention, reason: Reason) -> Event {
    Event::Intervened {
        intervention,
        grounds: grounds(reason),
        staff: staff(1),
        at: Some(at),
    }
}

pub(super) fn proposed(n: u128, intervention: Intervention, at: Timestamp) -> Event {
    Event::InterventionProposed {
        proposal: proposal(n),
        intervention,
        grounds: grounds(*intervention.reasons().first().unwrap()),
        staff: staff(1),
        at,
        expires_at: at + SignedDuration::from_hours(72),
    }
}

pub(super) const fn approved(n: u128, at: Timestamp) -> Event {
    Event::InterventionApproved {
        proposal: proposal(n),
        staff: staff(2),
        at,
    }
}

/// A new letter, the `issue`-th after the first.
pub(super) fn reissued(issue: u32, at: Timestamp) -> Event {
    Event::CredentialsReissued {
        issue,
        print: Some(print()),
        at,
        expires_at: at + SignedDuration::from_hours(30 * 24),
    }
}

/// The usual story up to where `step` is due: the first sign-in at minute 0, the address at 1, the second sign-in at 10.
pub(super) fn until(step: Step) -> Vec<Event> {
    let story = [
        (Step::SignIn, vec![enrolled()]),
        (Step::BirthDate, vec![accepted(1, minute(0))]),
        (Step::Email, vec![Event::BirthDateConfirmed {}]),
        (Step::EmailLink, vec![registered(1, minute(1))]),
        (Step::EmailUpdate, vec![followed(1)]),
        (Step::OtpMethod, vec![verified(1)]),
        (
            Step::Password,
            vec![Event::OtpMethodChosen {
                method: OtpMethod::Email,
            }],
        ),
        (
            Step::LogOut,
            vec![password_changed(1), Event::FirstLoginCompleted {}],
        ),
        (Step::SignInAgain, vec![logged_out(1, LogOutReason::Member)]),
        (
            Step::Otp,
            vec![accepted(2, minute(10)), code_issued(2, minute(10))],
        ),
        (
            Step::Completed,
            vec![login_succeeded(2), Event::OnboardingCompleted {}],
        ),
    ];
    let end = story.iter().position(|(due, _)| *due == step).unwrap();
    story
        .into_iter()
        .take(end + 1)
        .flat_map(|(_, events)| events)
        .collect()
}
