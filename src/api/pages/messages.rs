//! What pages tell a member: what has just happened, what was wrong with a form, what a history row says.

use jiff::Timestamp;

use super::frame::Page;
use super::words::Text;
use crate::api::problem::Problem;
use crate::domain::policy::Limits;
use crate::domain::values::Language;

/// One line on what has just happened. It travels as `?note=` over the redirect that follows a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Logged out at step 11; now step 13.
    LoggedOutToTry,
    /// Logged out at any other time.
    LoggedOut,
    /// The session has ended; signing in continues at the step that was due.
    SessionEnded,
    /// The password is set, but this browser missed the answer that carries its new cookie; now step 13.
    PasswordSet,
    /// The code counted, but this browser missed the answer that carries its new cookie.
    CodeAccepted,
    /// Five wrong codes; the sign-in has to start again.
    CodeDead,
    /// The mail with the link is on its way.
    LinkSent,
    /// The mail with the link is on its way again.
    LinkSentAgain,
    /// The address entered is registered already; no further mail was sent.
    SameAddress,
    /// 更新 was pressed, and the link has not been opened yet.
    LinkNotFollowedYet,
    /// Somebody who received the mail said that it is not theirs.
    EmailDisowned,
    /// The mail with the code is on its way again.
    CodeSentAgain,
    /// The address is confirmed, in another browser than it was entered in: a code shows whose that is.
    CodeForBrowser,
    /// The step asked for is not due; this one is.
    OutOfOrder,
    /// The step asked for was done before.
    AlreadySet,
    /// Another address is to take the present one's place, after a delay.
    EmailChangeConfirmed,
    /// The present address stays.
    EmailChangeCancelled,
    /// If what was given belongs together, a link for a forgotten password is on its way.
    PasswordResetRequested,
    /// The present password stays.
    PasswordResetCancelled,
    /// Another password counts from now on.
    PasswordReplaced,
}

impl Notice {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::LoggedOutToTry,
        Self::LoggedOut,
        Self::SessionEnded,
        Self::PasswordSet,
        Self::CodeAccepted,
        Self::CodeDead,
        Self::LinkSent,
        Self::LinkSentAgain,
        Self::SameAddress,
        Self::LinkNotFollowedYet,
        Self::EmailDisowned,
        Self::CodeSentAgain,
        Self::CodeForBrowser,
        Self::OutOfOrder,
        Self::AlreadySet,
        Self::EmailChangeConfirmed,
        Self::EmailChangeCancelled,
        Self::PasswordResetRequested,
        Self::PasswordResetCancelled,
        Self::PasswordReplaced,
    ];

    /// Its name in an address.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::LoggedOutToTry => "logged-out-to-try",
            Self::LoggedOut => "logged-out",
            Self::SessionEnded => "session-ended",
            Self::PasswordSet => "password-set",
            Self::CodeAccepted => "code-accepted",
            Self::CodeDead => "code-dead",
            Self::LinkSent => "link-sent",
            Self::LinkSentAgain => "link-sent-again",
            Self::SameAddress => "same-address",
            Self::LinkNotFollowedYet => "link-not-followed-yet",
            Self::EmailDisowned => "email-disowned",
            Self::CodeSentAgain => "code-sent-again",
            Self::CodeForBrowser => "code-for-browser",
            Self::OutOfOrder => "out-of-order",
            Self::AlreadySet => "already-set",
            Self::EmailChangeConfirmed => "email-change-confirmed",
            Self::EmailChangeCancelled => "email-change-cancelled",
            Self::PasswordResetRequested => "password-reset-requested",
            Self::PasswordResetCancelled => "password-reset-cancelled",
            Self::PasswordReplaced => "password-replaced",
        }
    }

    /// The notice of this name; none for any other name.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.code() == code)
    }

    /// Whether it tells of something that did not go as wished.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        match self {
            Self::SessionEnded
            | Self::CodeDead
            | Self::LinkNotFollowedYet
            | Self::EmailDisowned => true,
            Self::LoggedOutToTry
            | Self::LoggedOut
            | Self::PasswordSet
            | Self::CodeAccepted
            | Self::LinkSent
            | Self::LinkSentAgain
            | Self::SameAddress
            | Self::CodeSentAgain
            | Self::CodeForBrowser
            | Self::OutOfOrder
            | Self::AlreadySet
            | Self::EmailChangeConfirmed
            | Self::EmailChangeCancelled
            | Self::PasswordResetRequested
            | Self::PasswordResetCancelled
            | Self::PasswordReplaced => false,
        }
    }

    /// Whether whoever is told so has a password of their own, so that only it is asked for at the door.
    #[must_use]
    pub const fn asks_for_new_password(&self) -> bool {
        match self {
            Self::LoggedOutToTry | Self::PasswordSet | Self::CodeAccepted | Self::CodeDead => true,
            Self::LoggedOut
            | Self::SessionEnded
            | Self::LinkSent
            | Self::LinkSentAgain
            | Self::SameAddress
            | Self::LinkNotFollowedYet
            | Self::EmailDisowned
            | Self::CodeSentAgain
            | Self::CodeForBrowser
            | Self::OutOfOrder
            | Self::AlreadySet
            | Self::EmailChangeConfirmed
            | Self::EmailChangeCancelled
            | Self::PasswordResetRequested
            | Self::PasswordResetCancelled
            | Self::PasswordReplaced => false,
        }
    }

    /// The line itself.
    #[must_use]
    pub fn text(&self, page: &Page) -> Text {
        page.t(match self {
            Self::LoggedOutToTry => "notice.logged_out_to_try",
            Self::LoggedOut => "notice.logged_out",
            Self::SessionEnded => "notice.session_ended",
            Self::PasswordSet => "notice.password_set",
            Self::CodeAccepted => "notice.code_accepted",
            Self::CodeDead => "notice.code_dead",
            Self::LinkSent => "notice.link_sent",
            Self::LinkSentAgain => "notice.link_sent_again",
            Self::SameAddress => "notice.same_address",
            Self::LinkNotFollowedYet => "notice.link_not_followed_yet",
            Self::EmailDisowned => "notice.email_disowned",
            Self::CodeSentAgain => "notice.code_sent_again",
            Self::CodeForBrowser => "notice.code_for_browser",
            Self::OutOfOrder => "notice.out_of_order",
            Self::AlreadySet => "notice.already_set",
            Self::EmailChangeConfirmed => "notice.email_change_confirmed",
            Self::EmailChangeCancelled => "notice.email_change_cancelled",
            Self::PasswordResetRequested => "notice.password_reset_requested",
            Self::PasswordResetCancelled => "notice.password_reset_cancelled",
            Self::PasswordReplaced => "notice.password_replaced",
        })
    }
}

/// What was wrong with the form just sent, and what to do about it.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// A field cannot be taken as typed. `field` and `why` are the contract's names (`email`, `not_an_address`).
    Invalid {
        /// The field's name.
        field: &'static str,
        /// Why it was refused.
        why: &'static str,
        /// The number of characters that a rule on length names.
        limit: Option<u32>,
    },
    /// Unknown ID, wrong password, frozen, window closed: one text for all.
    SignInFailed,
    /// The birth date, the code or the password asked for once more is not the right one.
    Mismatch {
        /// `birth_date`, `code` or `password`.
        field: &'static str,
        /// The tries left before a wait, or before the code is dead.
        tries_left: u32,
    },
    /// The code is past its ten minutes.
    CodeExpired,
    /// A mail was asked for again too early.
    TooSoon {
        /// When it may be asked for.
        until: Timestamp,
    },
    /// As many mails as allowed have been sent.
    BudgetSpent {
        /// When the next may be asked for.
        until: Timestamp,
    },
    /// The password was changed as often as it may be.
    ChangesSpent {
        /// When it may be changed again.
        until: Timestamp,
    },
    /// As many codes as a sign-in may have were mailed; the next sign-in brings another.
    SignInSpent,
    /// Too many failures: nothing is checked until then.
    Waiting {
        /// When the next try is taken.
        until: Timestamp,
    },
    /// Too many failures in this browser: only the society can help.
    NeedsSupport,
    /// Too many people at once.
    Busy,
}

impl Trouble {
    /// What a problem is for the member who sent a form; none if it is nothing that a form can mend.
    #[must_use]
    pub fn of(problem: &Problem, limits: &Limits) -> Option<Self> {
        Some(match *problem {
            Problem::Invalid { field, why } => {
                let limit = match why {
                    "too_short" => Some(limits.password.min_length),
                    "too_long" => Some(limits.password.max_length),
                    _ => None,
                };
                Self::Invalid { field, why, limit }
            }
            Problem::SignInFailed => Self::SignInFailed,
            Problem::Mismatch { field, tries_left } => Self::Mismatch { field, tries_left },
            Problem::CodeExpired => Self::CodeExpired,
            Problem::TooSoon(wait) => Self::TooSoon { until: wait.until },
            Problem::BudgetSpent(wait) => Self::BudgetSpent { until: wait.until },
            Problem::Waiting(wait) => Self::Waiting { until: wait.until },
            Problem::NeedsSupport(_) => Self::NeedsSupport,
            Problem::Busy | Problem::Crowded(_) => Self::Busy,
            Problem::NotSignedIn
            | Problem::PasswordDue
            | Problem::Forbidden
            | Problem::UnknownMember
            | Problem::UnknownReport
            | Problem::Malformed
            | Problem::MediaType
            | Problem::TooLarge
            | Problem::NotFound
            | Problem::Method
            | Problem::Misdirected
            | Problem::Foreign
            | Problem::FormToken
            | Problem::NoSession
            | Problem::SessionRotated
            | Problem::CodeDead
            | Problem::CodeUsed
            | Problem::FormUsed
            | Problem::LinkExpired
            | Problem::LinkReplaced
            | Problem::LinkDisowned
            | Problem::LinkUnknown
            | Problem::NoticeReplaced
            | Problem::NothingToConfirm
            | Problem::Desk(_)
            | Problem::Rows(_)
            | Problem::ManyLeave { .. }
            | Problem::OutOfOrder(_)
            | Problem::AlreadySet
            | Problem::Internal => return None,
        })
    }

    /// The name of the field it belongs to; none if it concerns the form as a whole.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match *self {
            Self::Invalid { field, .. } | Self::Mismatch { field, .. } => Some(field),
            Self::CodeExpired => Some("code"),
            Self::SignInFailed
            | Self::TooSoon { .. }
            | Self::BudgetSpent { .. }
            | Self::ChangesSpent { .. }
            | Self::SignInSpent
            | Self::Waiting { .. }
            | Self::NeedsSupport
            | Self::Busy => None,
        }
    }

    /// Where its text leads: to the field, or to the page where it is mended.
    #[must_use]
    pub fn leads_to(&self) -> Option<String> {
        if matches!(self, Self::SignInSpent) {
            return Some("/sign-in".to_owned());
        }
        self.field().map(|field| format!("#{field}"))
    }

    /// The text, with what to do next.
    #[must_use]
    pub fn text(&self, page: &Page) -> Text {
        match self {
            Self::Invalid { field, why, limit } => page
                .t(invalid_key(field, why))
                .with("limit", limit.unwrap_or_default()),
            Self::SignInFailed => page.t("trouble.sign_in_failed"),
            Self::Mismatch { field, tries_left } => {
                let key = match *field {
                    "code" => "trouble.code_mismatch",
                    "password" => "trouble.password_mismatch",
                    _ => "trouble.birth_date_mismatch",
                };
                page.t(key).with("tries_left", tries_left)
            }
            Self::CodeExpired => page.t("trouble.code_expired"),
            Self::TooSoon { until } => page.t("trouble.too_soon").with("from", page.from(until)),
            Self::BudgetSpent { until } => page
                .t("trouble.budget_spent")
                .with("from", page.from(until)),
            Self::ChangesSpent { until } => page
                .t("trouble.changes_spent")
                .with("from", page.from(until)),
            Self::SignInSpent => page.t("trouble.sign_in_spent"),
            Self::Waiting { until } => page.t("trouble.waiting").with("from", page.from(until)),
            Self::NeedsSupport => page.t("trouble.needs_support"),
            Self::Busy => page.t("trouble.busy"),
        }
    }
}

fn invalid_key(field: &str, why: &str) -> &'static str {
    match (field, why) {
        ("user_id", "required") => "invalid.user_id.required",
        ("birth_date", "required") => "invalid.birth_date.required",
        ("birth_date", "not_a_date") => "invalid.birth_date.not_a_date",
        ("birth_date", "in_the_future") => "invalid.birth_date.in_the_future",
        ("email", "required") => "invalid.email.required",
        ("email", "not_an_address") => "invalid.email.not_an_address",
        ("email", "not_supported") => "invalid.email.not_supported",
        ("email", "present_one") => "invalid.email.present_one",
        ("method", "required") => "invalid.method.required",
        ("password" | "new_password", "required") => "invalid.password.required",
        ("password" | "new_password", "too_short") => "invalid.password.too_short",
        ("password" | "new_password", "too_long") => "invalid.password.too_long",
        ("password" | "new_password", "too_common") => "invalid.password.too_common",
        ("password" | "new_password", "too_simple") => "invalid.password.too_simple",
        ("password" | "new_password", "contains_own_data") => "invalid.password.contains_own_data",
        ("password" | "new_password", "initial_password") => "invalid.password.initial_password",
        ("new_password", "present_one") => "invalid.password.present_one",
        ("password" | "new_password", "context_word") => "invalid.password.context_word",
        ("code", "required") => "invalid.code.required",
        ("code", "not_six_digits") => "invalid.code.not_six_digits",
        _ => "invalid.other",
    }
}

/// What a row of a member's own history tells; named after the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is the event of the same name, described in the domain"
)]
pub enum Happening {
    MemberEnrolled,
    CredentialsAccepted,
    CredentialsRejected,
    BirthDateConfirmed,
    BirthDateRejected,
    TermsAccepted,
    EmailRegistered,
    EmailLinkReissued,
    EmailLinkFollowed,
    EmailDisowned,
    EmailVerified,
    EmailChangeRequested,
    EmailChangeLinkFollowed,
    EmailChangeDisowned,
    EmailChangeConfirmed,
    EmailChangeCancelled,
    EmailChanged,
    OtpMethodChosen,
    PasswordChanged,
    PasswordReplaced,
    PasswordResetRequested,
    PasswordResetRejected,
    PasswordResetConfirmed,
    PasswordResetCancelled,
    PasswordReset,
    FirstLoginCompleted,
    LoggedOutByMember,
    LoggedOutByExpiry,
    LoggedOutSuperseded,
    LoggedOutByStaff,
    LoggedOutLeft,
    OtpIssued,
    OtpReissued,
    OtpRejected,
    OtpLoginSucceeded,
    OnboardingCompleted,
    NotMeReported,
    SignInConfirmed,
    Intervened,
    EmailCleared,
    AccountFrozen,
    AccountReleased,
    CredentialsReissued,
    PersonalDataErased,
    MemberReminded,
    ProfileChanged,
    MemberLeft,
    MemberReturned,
    MailAccepted,
    MailFailed,
    MailSkipped,
}

impl Happening {
    /// What happened, in words.
    #[must_use]
    pub fn text(self, language: Language) -> Text {
        Text::of(language, self.key())
    }

    const fn key(self) -> &'static str {
        match self {
            Self::MemberEnrolled => "happening.member_enrolled",
            Self::CredentialsAccepted => "happening.credentials_accepted",
            Self::CredentialsRejected => "happening.credentials_rejected",
            Self::BirthDateConfirmed => "happening.birth_date_confirmed",
            Self::BirthDateRejected => "happening.birth_date_rejected",
            Self::TermsAccepted => "happening.terms_accepted",
            Self::EmailRegistered => "happening.email_registered",
            Self::EmailLinkReissued => "happening.email_link_reissued",
            Self::EmailLinkFollowed => "happening.email_link_followed",
            Self::EmailDisowned => "happening.email_disowned",
            Self::EmailVerified => "happening.email_verified",
            Self::EmailChangeRequested => "happening.email_change_requested",
            Self::EmailChangeLinkFollowed => "happening.email_change_link_followed",
            Self::EmailChangeDisowned => "happening.email_change_disowned",
            Self::EmailChangeConfirmed => "happening.email_change_confirmed",
            Self::EmailChangeCancelled => "happening.email_change_cancelled",
            Self::EmailChanged => "happening.email_changed",
            Self::OtpMethodChosen => "happening.otp_method_chosen",
            Self::PasswordChanged => "happening.password_changed",
            Self::PasswordReplaced => "happening.password_replaced",
            Self::PasswordResetRequested => "happening.password_reset_requested",
            Self::PasswordResetRejected => "happening.password_reset_rejected",
            Self::PasswordResetConfirmed => "happening.password_reset_confirmed",
            Self::PasswordResetCancelled => "happening.password_reset_cancelled",
            Self::PasswordReset => "happening.password_reset",
            Self::FirstLoginCompleted => "happening.first_login_completed",
            Self::LoggedOutByMember => "happening.logged_out_by_member",
            Self::LoggedOutByExpiry => "happening.logged_out_by_expiry",
            Self::LoggedOutSuperseded => "happening.logged_out_superseded",
            Self::LoggedOutByStaff => "happening.logged_out_by_staff",
            Self::LoggedOutLeft => "happening.logged_out_left",
            Self::OtpIssued => "happening.otp_issued",
            Self::OtpReissued => "happening.otp_reissued",
            Self::OtpRejected => "happening.otp_rejected",
            Self::OtpLoginSucceeded => "happening.otp_login_succeeded",
            Self::OnboardingCompleted => "happening.onboarding_completed",
            Self::NotMeReported => "happening.not_me_reported",
            Self::SignInConfirmed => "happening.sign_in_confirmed",
            Self::Intervened => "happening.intervened",
            Self::EmailCleared => "happening.email_cleared",
            Self::AccountFrozen => "happening.account_frozen",
            Self::AccountReleased => "happening.account_released",
            Self::CredentialsReissued => "happening.credentials_reissued",
            Self::PersonalDataErased => "happening.personal_data_erased",
            Self::MemberReminded => "happening.member_reminded",
            Self::ProfileChanged => "happening.profile_changed",
            Self::MemberLeft => "happening.member_left",
            Self::MemberReturned => "happening.member_returned",
            Self::MailAccepted => "happening.mail_accepted",
            Self::MailFailed => "happening.mail_failed",
            Self::MailSkipped => "happening.mail_skipped",
        }
    }
}
