//! What events, outcomes, actors and purposes are called on the auditors' pages.

use super::line::Line;
use crate::api::pages::words::Text;
use crate::domain::values::Language;
use crate::domain::viewing::Purpose;
use crate::projections::history::kinds::Outcome;

/// What happened, by the stored name of the event's type; the name itself, if it is none of ours.
#[must_use]
pub fn event_text(language: Language, event_type: &str, why: Option<&str>) -> Text {
    let key = match event_type {
        "MemberEnrolled" => "happening.member_enrolled",
        "CredentialsAccepted" => "happening.credentials_accepted",
        "CredentialsRejected" => "happening.credentials_rejected",
        "BirthDateConfirmed" => "happening.birth_date_confirmed",
        "BirthDateRejected" => "happening.birth_date_rejected",
        "TermsAccepted" => "happening.terms_accepted",
        "EmailRegistered" => "happening.email_registered",
        "EmailLinkReissued" => "happening.email_link_reissued",
        "EmailLinkFollowed" => "happening.email_link_followed",
        "EmailDisowned" => "happening.email_disowned",
        "EmailVerified" => "happening.email_verified",
        "EmailChangeRequested" => "happening.email_change_requested",
        "EmailChangeLinkFollowed" => "happening.email_change_link_followed",
        "EmailChangeDisowned" => "happening.email_change_disowned",
        "EmailChangeConfirmed" => "happening.email_change_confirmed",
        "EmailChangeCancelled" => "happening.email_change_cancelled",
        "EmailChanged" => "happening.email_changed",
        "OtpMethodChosen" => "happening.otp_method_chosen",
        "PasswordChanged" => "happening.password_changed",
        "PasswordReplaced" => "happening.password_replaced",
        "PasswordResetRequested" => "happening.password_reset_requested",
        "PasswordResetRejected" => "happening.password_reset_rejected",
        "PasswordResetConfirmed" => "happening.password_reset_confirmed",
        "PasswordResetCancelled" => "happening.password_reset_cancelled",
        "PasswordReset" => "happening.password_reset",
        "FirstLoginCompleted" => "happening.first_login_completed",
        "LoggedOut" => match why {
            Some("expiry") => "happening.logged_out_by_expiry",
            Some("superseded") => "happening.logged_out_superseded",
            Some("staff") => "happening.logged_out_by_staff",
            Some("left") => "happening.logged_out_left",
            Some(_) | None => "happening.logged_out_by_member",
        },
        "OtpIssued" => "happening.otp_issued",
        "OtpReissued" => "happening.otp_reissued",
        "OtpRejected" => "happening.otp_rejected",
        "OtpLoginSucceeded" => "happening.otp_login_succeeded",
        "OnboardingCompleted" => "happening.onboarding_completed",
        "NotMeReported" => "happening.not_me_reported",
        "SignInConfirmed" => "happening.sign_in_confirmed",
        "Intervened" => "happening.intervened",
        "InterventionProposed" => "event.intervention_proposed",
        "InterventionApproved" => "event.intervention_approved",
        "InterventionDeclined" => "event.intervention_declined",
        "EmailCleared" => "happening.email_cleared",
        "AccountFrozen" => "happening.account_frozen",
        "AccountReleased" => "happening.account_released",
        "CredentialsReissued" => "happening.credentials_reissued",
        "PersonalDataErased" => "happening.personal_data_erased",
        "MemberReminded" => "happening.member_reminded",
        "ProfileChanged" => "happening.profile_changed",
        "MemberLeft" => "happening.member_left",
        "MemberReturned" => "happening.member_returned",
        "MailAccepted" => "happening.mail_accepted",
        "MailFailed" => "happening.mail_failed",
        "MailSkipped" => "happening.mail_skipped",
        "AttemptsTallied" => "event.attempts_tallied",
        "AnomalyNoticed" => match why {
            Some("one_browser") => "event.many_of_one_browser",
            Some(_) | None => "event.many_of_one_domain",
        },
        "PolicyAdopted" => "event.policy_adopted",
        "MasterKeyAdded" => "event.master_key_added",
        "MasterKeyChanged" => "event.master_key_changed",
        "DataKeysRewrapped" => "event.data_keys_rewrapped",
        "RestoredFromBackup" => "event.restored_from_backup",
        "TracesDestroyed" => "event.traces_destroyed",
        "StaffAdded" => "event.staff_added",
        "StaffRoleChanged" => "event.staff_role_changed",
        "StaffPasswordReset" => "event.staff_password_reset",
        "StaffTotpReset" => "event.staff_totp_reset",
        "StaffPasswordChanged" => "event.staff_password_changed",
        "StaffSignedIn" => "event.staff_signed_in",
        "StaffSignInRejected" => "event.staff_sign_in_rejected",
        "StaffSignedOut" => "event.staff_signed_out",
        "StaffDisabled" => "event.staff_disabled",
        "AccessTokenIssued" => "event.access_token_issued",
        "AccessTokenRevoked" => "event.access_token_revoked",
        "AuditDataViewed" => "event.audit_data_viewed",
        "RosterPlanned" => "event.roster_planned",
        "RosterApproved" => "event.roster_approved",
        "RosterDeclined" => "event.roster_declined",
        "RosterOutdated" => "event.roster_outdated",
        "RosterBegun" => "event.roster_begun",
        "RosterApplied" => "event.roster_applied",
        "RosterAbandoned" => "event.roster_abandoned",
        other => return Text::plain(other),
    };
    Text::of(language, key)
}

/// How it went.
#[must_use]
pub fn outcome_text(language: Language, outcome: Outcome) -> Text {
    Text::of(
        language,
        match outcome {
            Outcome::Done => "outcome.done",
            Outcome::Failed => "outcome.failed",
            Outcome::Refused => "outcome.refused",
        },
    )
}

/// A kind of actor.
#[must_use]
pub fn actor_text(language: Language, actor: &str) -> Text {
    let key = match actor {
        "member" => "actor.member",
        "staff" => "actor.staff",
        "system" => "actor.system",
        other => return Text::plain(other),
    };
    Text::of(language, key)
}

/// What for.
#[must_use]
pub fn purpose_text(language: Language, purpose: Purpose) -> Text {
    Text::of(
        language,
        match purpose {
            Purpose::MemberRequest => "purpose.member_request",
            Purpose::Incident => "purpose.incident",
            Purpose::Review => "purpose.review",
            Purpose::Legal => "purpose.legal",
        },
    )
}

/// Why: the command, and what the event says of its reason.
#[must_use]
pub fn why(line: &Line) -> String {
    let said = ["why", "view", "purpose"].map(|name| line.payload[name].as_str());
    let mut parts = vec![line.command.as_str()];
    parts.extend(said.into_iter().flatten());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::event_text;
    use crate::domain::values::Language;
    use crate::projections::history::kinds::KINDS;

    #[test]
    fn every_type_of_event_has_words_of_its_own() {
        for (name, _) in KINDS {
            let text = event_text(Language::Ja, name, None).to_string();
            assert_ne!(text, name);
        }
    }
}
