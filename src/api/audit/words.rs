//! What events, commands, outcomes, actors and purposes are called on the auditors' pages.

use crate::api::pages::words::Text;
use crate::domain::values::Language;
use crate::domain::viewing::Purpose;
use crate::projections::history::kinds::Outcome;

/// What happened, by the stored name of the event's type; the name itself, if it is none of ours. Where members are spoken to (`happening`),
/// auditors are told of them (`event`).
#[must_use]
pub fn event_text(language: Language, event_type: &str, why: Option<&str>) -> Text {
    let key = match event_type {
        "MemberEnrolled" => "event.member_enrolled",
        "CredentialsAccepted" => "event.credentials_accepted",
        "CredentialsRejected" => "event.credentials_rejected",
        "BirthDateConfirmed" => "event.birth_date_confirmed",
        "BirthDateRejected" => "happening.birth_date_rejected",
        "TermsAccepted" => "event.terms_accepted",
        "EmailRegistered" => "event.email_registered",
        "EmailLinkReissued" => "happening.email_link_reissued",
        "EmailLinkFollowed" => "happening.email_link_followed",
        "EmailDisowned" => "happening.email_disowned",
        "EmailVerified" => "event.email_verified",
        "EmailChangeRequested" => "happening.email_change_requested",
        "EmailChangeLinkFollowed" => "happening.email_change_link_followed",
        "EmailChangeDisowned" => "happening.email_change_disowned",
        "EmailChangeConfirmed" => "happening.email_change_confirmed",
        "EmailChangeCancelled" => "happening.email_change_cancelled",
        "EmailChanged" => "happening.email_changed",
        "OtpMethodChosen" => "happening.otp_method_chosen",
        "PasswordChanged" => "happening.password_changed",
        "PasswordReplaced" => "event.password_replaced",
        "PasswordResetRequested" => "happening.password_reset_requested",
        "PasswordResetRejected" => "happening.password_reset_rejected",
        "PasswordResetConfirmed" => "happening.password_reset_confirmed",
        "PasswordResetCancelled" => "happening.password_reset_cancelled",
        "PasswordReset" => "event.password_reset",
        "FirstLoginCompleted" => "event.first_login_completed",
        "LoggedOut" => match why {
            Some("expiry") => "event.logged_out_by_expiry",
            Some("superseded") => "event.logged_out_superseded",
            Some("staff") => "event.logged_out_by_staff",
            Some("left") => "event.logged_out_left",
            Some(_) | None => "event.logged_out_by_member",
        },
        "OtpIssued" => "happening.otp_issued",
        "OtpReissued" => "happening.otp_reissued",
        "OtpRejected" => "happening.otp_rejected",
        "OtpLoginSucceeded" => "event.otp_login_succeeded",
        "OnboardingCompleted" => "event.onboarding_completed",
        "NotMeReported" => "event.not_me_reported",
        "SignInConfirmed" => "happening.sign_in_confirmed",
        "Intervened" => "event.intervened",
        "InterventionProposed" => "event.intervention_proposed",
        "InterventionApproved" => "event.intervention_approved",
        "InterventionDeclined" => "event.intervention_declined",
        "EmailCleared" => "event.email_cleared",
        "AccountFrozen" => "happening.account_frozen",
        "AccountReleased" => "happening.account_released",
        "CredentialsReissued" => "event.credentials_reissued",
        "PersonalDataErased" => "event.personal_data_erased",
        "MemberReminded" => "event.member_reminded",
        "ProfileChanged" => "event.profile_changed",
        "MemberLeft" => "event.member_left",
        "MemberReturned" => "event.member_returned",
        "MailAccepted" => "event.mail_accepted",
        "MailFailed" => "happening.mail_failed",
        "MailSkipped" => "event.mail_skipped",
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
        "DataExported" => "event.data_exported",
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

/// What a command is called, beside its name.
#[must_use]
pub fn command_text(language: Language, command: &str) -> String {
    named(language, "command", command)
}

/// What a name is called in the list of texts, beside the name itself, which auditors search for; the name alone, where the list has none.
#[must_use]
pub fn named(language: Language, list: &str, name: &str) -> String {
    match Text::find(language, &format!("{list}.{name}")) {
        Some(text) => format!("{text} ({name})"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
