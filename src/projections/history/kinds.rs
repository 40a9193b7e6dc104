//! Every type of event that the log knows, and whether it says that something went well.

/// How something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was tried, and did not go well.
    Failed,
    /// It was not let through.
    Refused,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Refused];

    /// The name that programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// All types, in the order of what they are about.
pub const KINDS: [(&str, Outcome); 78] = [
    ("MemberEnrolled", Outcome::Done),
    ("CredentialsAccepted", Outcome::Done),
    ("CredentialsRejected", Outcome::Failed),
    ("BirthDateConfirmed", Outcome::Done),
    ("BirthDateRejected", Outcome::Failed),
    ("TermsAccepted", Outcome::Done),
    ("EmailRegistered", Outcome::Done),
    ("EmailLinkReissued", Outcome::Done),
    ("EmailLinkFollowed", Outcome::Done),
    ("EmailDisowned", Outcome::Done),
    ("EmailVerified", Outcome::Done),
    ("EmailChangeRequested", Outcome::Done),
    ("EmailChangeLinkFollowed", Outcome::Done),
    ("EmailChangeDisowned", Outcome::Done),
    ("EmailChangeConfirmed", Outcome::Done),
    ("EmailChangeCancelled", Outcome::Done),
    ("EmailChanged", Outcome::Done),
    ("OtpMethodChosen", Outcome::Done),
    ("PasswordChanged", Outcome::Done),
    ("PasswordReplaced", Outcome::Done),
    ("PasswordResetRequested", Outcome::Done),
    ("PasswordResetRejected", Outcome::Failed),
    ("PasswordResetConfirmed", Outcome::Done),
    ("PasswordResetCancelled", Outcome::Done),
    ("PasswordReset", Outcome::Done),
    ("FirstLoginCompleted", Outcome::Done),
    ("LoggedOut", Outcome::Done),
    ("OtpIssued", Outcome::Done),
    ("OtpReissued", Outcome::Done),
    ("OtpRejected", Outcome::Failed),
    ("OtpLoginSucceeded", Outcome::Done),
    ("OnboardingCompleted", Outcome::Done),
    ("NotMeReported", Outcome::Done),
    ("SignInConfirmed", Outcome::Done),
    ("Intervened", Outcome::Done),
    ("InterventionProposed", Outcome::Done),
    ("InterventionApproved", Outcome::Done),
    ("InterventionDeclined", Outcome::Refused),
    ("EmailCleared", Outcome::Done),
    ("AccountFrozen", Outcome::Done),
    ("AccountReleased", Outcome::Done),
    ("CredentialsReissued", Outcome::Done),
    ("PersonalDataErased", Outcome::Done),
    ("MemberReminded", Outcome::Done),
    ("ProfileChanged", Outcome::Done),
    ("MemberLeft", Outcome::Done),
    ("MemberReturned", Outcome::Done),
    ("MailAccepted", Outcome::Done),
    ("MailFailed", Outcome::Failed),
    ("MailSkipped", Outcome::Done),
    ("AttemptsTallied", Outcome::Refused),
    ("AnomalyNoticed", Outcome::Failed),
    ("PolicyAdopted", Outcome::Done),
    ("MasterKeyAdded", Outcome::Done),
    ("MasterKeyChanged", Outcome::Done),
    ("DataKeysRewrapped", Outcome::Done),
    ("RestoredFromBackup", Outcome::Done),
    ("TracesDestroyed", Outcome::Done),
    ("DataExported", Outcome::Done),
    ("StaffAdded", Outcome::Done),
    ("StaffRoleChanged", Outcome::Done),
    ("StaffPasswordReset", Outcome::Done),
    ("StaffTotpReset", Outcome::Done),
    ("StaffPasswordChanged", Outcome::Done),
    ("StaffSignedIn", Outcome::Done),
    ("StaffSignInRejected", Outcome::Failed),
    ("StaffSignedOut", Outcome::Done),
    ("StaffDisabled", Outcome::Done),
    ("AccessTokenIssued", Outcome::Done),
    ("AccessTokenRevoked", Outcome::Done),
    ("AuditDataViewed", Outcome::Done),
    ("RosterPlanned", Outcome::Done),
    ("RosterApproved", Outcome::Done),
    ("RosterDeclined", Outcome::Refused),
    ("RosterOutdated", Outcome::Refused),
    ("RosterBegun", Outcome::Done),
    ("RosterApplied", Outcome::Done),
    ("RosterAbandoned", Outcome::Failed),
];

/// The types of those that happen to an account of staff, all in its own stream.
pub const OF_ACCOUNTS: [&str; 11] = [
    "StaffAdded",
    "StaffRoleChanged",
    "StaffPasswordReset",
    "StaffTotpReset",
    "StaffPasswordChanged",
    "StaffSignedIn",
    "StaffSignInRejected",
    "StaffSignedOut",
    "StaffDisabled",
    "AccessTokenIssued",
    "AccessTokenRevoked",
];

/// How an event of this type went.
#[must_use]
pub fn outcome_of(event_type: &str) -> Outcome {
    KINDS
        .iter()
        .find(|(name, _)| *name == event_type)
        .map_or(Outcome::Done, |(_, outcome)| *outcome)
}
