//! What the log has to tell of a member: the rows of their own history, and whether the last mail reached its box.

use super::messages::Happening;
use super::views::HistoryRow;
use crate::domain::delivery::{DeliveryEvent, MailKind};
use crate::domain::ids::ContactId;
use crate::domain::onboarding::{Event, LogOutReason};
use crate::domain::values::Language;
use crate::projections::history::Entry;

/// The rows of a member's history, newest first.
pub(super) fn rows(entries: &[Entry], language: Language) -> Vec<HistoryRow> {
    entries
        .iter()
        .rev()
        .filter_map(|entry| {
            Some(HistoryRow {
                at: entry.recorded_at,
                text: happening(entry)?.text(language),
            })
        })
        .collect()
}

/// Whether the last mail of `kind` to `contact` is known not to have been delivered; not so while a newer one is on its
/// way.
pub(super) fn undelivered(entries: &[Entry], kind: MailKind, contact: ContactId) -> bool {
    let mut undelivered = false;
    for entry in entries {
        if let Some(delivery) = read::<DeliveryEvent>(entry) {
            let mail = delivery.mail();
            if mail.kind == kind && mail.contact == Some(contact) {
                undelivered = match delivery {
                    DeliveryEvent::MailFailed { .. } => true,
                    DeliveryEvent::MailAccepted { .. } => false,
                    DeliveryEvent::MailSkipped { .. } => undelivered,
                };
            }
        } else if let Some(event) = read::<Event>(entry)
            && asks_for(&event, kind)
        {
            undelivered = false;
        }
    }
    undelivered
}

fn read<E: serde::de::DeserializeOwned>(entry: &Entry) -> Option<E> {
    serde_json::from_value(entry.payload.clone()).ok()
}

fn asks_for(event: &Event, kind: MailKind) -> bool {
    match kind {
        MailKind::EmailLink => matches!(
            event,
            Event::EmailRegistered { .. } | Event::EmailLinkReissued { .. }
        ),
        MailKind::Otp => matches!(event, Event::OtpIssued { .. } | Event::OtpReissued { .. }),
        MailKind::EmailChangeLink => matches!(event, Event::EmailChangeRequested { .. }),
        MailKind::PasswordResetLink => matches!(event, Event::PasswordResetRequested { .. }),
        MailKind::AccountSetUp
        | MailKind::SupportActed
        | MailKind::EmailChangeNotice
        | MailKind::PasswordResetNotice
        | MailKind::PasswordChangeNotice
        | MailKind::Reminder => event.notice() == Some(kind),
    }
}

fn happening(entry: &Entry) -> Option<Happening> {
    if let Some(delivery) = read::<DeliveryEvent>(entry) {
        return Some(match delivery {
            DeliveryEvent::MailAccepted { .. } => Happening::MailAccepted,
            DeliveryEvent::MailFailed { .. } => Happening::MailFailed,
            DeliveryEvent::MailSkipped { .. } => Happening::MailSkipped,
        });
    }
    Some(match read::<Event>(entry)? {
        Event::MemberEnrolled { .. } => Happening::MemberEnrolled,
        Event::CredentialsAccepted { .. } => Happening::CredentialsAccepted,
        Event::CredentialsRejected { .. } => Happening::CredentialsRejected,
        Event::BirthDateConfirmed {} => Happening::BirthDateConfirmed,
        Event::BirthDateRejected {} => Happening::BirthDateRejected,
        Event::TermsAccepted { .. } => Happening::TermsAccepted,
        Event::EmailRegistered { .. } => Happening::EmailRegistered,
        Event::EmailLinkReissued { .. } => Happening::EmailLinkReissued,
        Event::EmailLinkFollowed { .. } => Happening::EmailLinkFollowed,
        Event::EmailDisowned { .. } => Happening::EmailDisowned,
        Event::EmailVerified { .. } => Happening::EmailVerified,
        Event::EmailChangeRequested { .. } => Happening::EmailChangeRequested,
        Event::EmailChangeLinkFollowed { .. } => Happening::EmailChangeLinkFollowed,
        Event::EmailChangeDisowned { .. } => Happening::EmailChangeDisowned,
        Event::EmailChangeConfirmed { .. } => Happening::EmailChangeConfirmed,
        Event::EmailChangeCancelled { .. } => Happening::EmailChangeCancelled,
        Event::EmailChanged { .. } => Happening::EmailChanged,
        Event::OtpMethodChosen { .. } => Happening::OtpMethodChosen,
        Event::PasswordChanged { .. } => Happening::PasswordChanged,
        Event::PasswordReplaced { .. } => Happening::PasswordReplaced,
        Event::PasswordResetRequested { .. } => Happening::PasswordResetRequested,
        Event::PasswordResetRejected {} => Happening::PasswordResetRejected,
        Event::PasswordResetConfirmed { .. } => Happening::PasswordResetConfirmed,
        Event::PasswordResetCancelled { .. } => Happening::PasswordResetCancelled,
        Event::PasswordReset { .. } => Happening::PasswordReset,
        Event::FirstLoginCompleted {} => Happening::FirstLoginCompleted,
        Event::LoggedOut { why, .. } => match why {
            LogOutReason::Member => Happening::LoggedOutByMember,
            LogOutReason::Expiry => Happening::LoggedOutByExpiry,
            LogOutReason::Superseded => Happening::LoggedOutSuperseded,
            LogOutReason::Staff => Happening::LoggedOutByStaff,
            LogOutReason::Left => Happening::LoggedOutLeft,
        },
        Event::OtpIssued { .. } => Happening::OtpIssued,
        Event::OtpReissued { .. } => Happening::OtpReissued,
        Event::OtpRejected { .. } => Happening::OtpRejected,
        Event::OtpLoginSucceeded { .. } => Happening::OtpLoginSucceeded,
        Event::OnboardingCompleted {} => Happening::OnboardingCompleted,
        Event::NotMeReported {} => Happening::NotMeReported,
        Event::SignInConfirmed { .. } => Happening::SignInConfirmed,
        Event::Intervened { .. } => Happening::Intervened,
        Event::EmailCleared { .. } => Happening::EmailCleared,
        Event::AccountFrozen {} => Happening::AccountFrozen,
        Event::AccountReleased {} => Happening::AccountReleased,
        Event::CredentialsReissued { .. } => Happening::CredentialsReissued,
        Event::PersonalDataErased {} => Happening::PersonalDataErased,
        Event::MemberReminded { .. } => Happening::MemberReminded,
        Event::ProfileChanged { .. } => Happening::ProfileChanged,
        Event::MemberLeft { .. } => Happening::MemberLeft,
        Event::MemberReturned { .. } => Happening::MemberReturned,
        // What staff weigh among themselves is no matter of the member's until something is done.
        Event::InterventionProposed { .. }
        | Event::InterventionApproved { .. }
        | Event::InterventionDeclined { .. } => return None,
    })
}
