//! Who may give the command behind an event: members walk their own way, staff act in their own names, and the program does the rest.

use serde_json::Value;

use super::history::Line;

/// Who gives commands, as metadata name them.
const MEMBER: &str = "member";
const STAFF: &str = "staff";
const SYSTEM: &str = "system";

/// What is wrong with who is said to have given the command of an append; none, if nothing is.
pub(super) fn fault(append: &[Line]) -> Option<String> {
    let [first, ..] = append else { return None };
    let given = |line: &Line| {
        (
            line.text("actor").map(str::to_owned),
            line.text("actor_id").map(str::to_owned),
        )
    };
    if append.iter().any(|line| given(line) != given(first)) {
        return Some("it is one append with another event, and given by somebody else".to_owned());
    }
    let (Some(actor), Some(id)) = given(first) else {
        return Some("its metadata do not tell who gave the command".to_owned());
    };
    append.iter().find_map(|line| fault_of(line, &actor, &id))
}

fn fault_of(line: &Line, actor: &str, id: &str) -> Option<String> {
    let event = line.event_type.as_str();
    if !givers(event, &line.payload).contains(&actor) {
        return Some(format!("{actor:?} gives no command that yields {event}"));
    }
    let (kind, stream) = line.stream.split_once('-').unwrap_or_default();
    let named = ["staff", "viewer"].map(|name| line.payload.get(name).and_then(Value::as_str));
    let own = match (actor, kind) {
        // Members act for themselves, and accounts of staff too.
        (MEMBER, _) | (STAFF, "staff") => Some(stream),
        (STAFF, _) => named.into_iter().flatten().next(),
        _ => None,
    };
    let other = own.filter(|own| *own != id)?;
    Some(format!("it tells of {other}, and was given by {id}"))
}

/// Who may give a command that yields an event of this type. What comes due with time alone stands in front of whatever was asked for.
fn givers(event_type: &str, payload: &Value) -> &'static [&'static str] {
    match event_type {
        "EmailChanged" | "PasswordReset" => &[MEMBER, STAFF, SYSTEM],
        "EmailLinkReissued" => &[MEMBER, STAFF],
        "LoggedOut" => match payload.get("why").and_then(Value::as_str) {
            Some("staff") => &[STAFF],
            Some("left") => &[SYSTEM],
            _ => &[MEMBER],
        },
        "CredentialsAccepted"
        | "CredentialsRejected"
        | "BirthDateConfirmed"
        | "BirthDateRejected"
        | "TermsAccepted"
        | "EmailRegistered"
        | "EmailLinkFollowed"
        | "EmailDisowned"
        | "EmailVerified"
        | "EmailChangeRequested"
        | "EmailChangeLinkFollowed"
        | "EmailChangeDisowned"
        | "EmailChangeConfirmed"
        | "EmailChangeCancelled"
        | "OtpMethodChosen"
        | "PasswordChanged"
        | "PasswordReplaced"
        | "PasswordResetRequested"
        | "PasswordResetRejected"
        | "PasswordResetConfirmed"
        | "PasswordResetCancelled"
        | "FirstLoginCompleted"
        | "OtpIssued"
        | "OtpReissued"
        | "OtpRejected"
        | "OtpLoginSucceeded"
        | "OnboardingCompleted"
        | "NotMeReported"
        | "SignInConfirmed" => &[MEMBER],
        "Intervened"
        | "InterventionProposed"
        | "InterventionApproved"
        | "InterventionDeclined"
        | "EmailCleared"
        | "AccountFrozen"
        | "AccountReleased"
        | "CredentialsReissued"
        | "PersonalDataErased"
        | "StaffPasswordChanged"
        | "StaffSignedIn"
        | "StaffSignInRejected"
        | "StaffSignedOut"
        | "AuditDataViewed"
        | "RosterPlanned"
        | "RosterApproved"
        | "RosterDeclined" => &[STAFF],
        // Accounts of staff are looked after by whoever has the machine.
        "MemberEnrolled" | "ProfileChanged" | "MemberLeft" | "MemberReturned"
        | "MemberReminded" | "MailAccepted" | "MailFailed" | "MailSkipped" | "AttemptsTallied"
        | "AnomalyNoticed" | "PolicyAdopted" | "MasterKeyAdded" | "MasterKeyChanged"
        | "DataKeysRewrapped" | "RestoredFromBackup" | "TracesDestroyed" | "DataExported"
        | "StaffAdded" | "StaffRoleChanged" | "StaffPasswordReset" | "StaffTotpReset"
        | "StaffDisabled" | "AccessTokenIssued" | "AccessTokenRevoked" | "RosterOutdated"
        | "RosterBegun" | "RosterApplied" | "RosterAbandoned" => &[SYSTEM],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{fault, givers};
    use crate::ledger::package::history::Line;
    use crate::projections::history::kinds::KINDS;

    fn line(stream: &str, payload: &Value, actor: (&str, &str)) -> Line {
        let line = json!({
            "position": 1, "stream": stream, "sequence": 1, "type": payload["type"], "version": "1", "payload": payload,
            "metadata": {"actor": actor.0, "actor_id": actor.1},
        });
        serde_json::from_value(line).unwrap()
    }

    fn why(stream: &str, payload: &Value, actor: (&str, &str)) -> Option<String> {
        fault(&[line(stream, payload, actor)])
    }

    #[test]
    fn every_type_of_event_has_somebody_who_gives_its_command() {
        for (event, _) in KINDS {
            assert_ne!(givers(event, &Value::Null).len(), 0, "{event}");
        }
    }

    #[test]
    fn members_do_what_is_theirs_and_nobody_does_it_for_them() {
        let password = json!({"type": "PasswordChanged"});
        assert_eq!(why("onboarding-m", &password, ("member", "m")), None);
        for other in [("member", "n"), ("staff", "m"), ("system", "api")] {
            assert!(why("onboarding-m", &password, other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn staff_do_what_is_theirs_in_their_own_names() {
        let approved = json!({"type": "InterventionApproved", "proposal": "p", "staff": "s"});
        assert_eq!(why("onboarding-m", &approved, ("staff", "s")), None);
        for other in [("staff", "t"), ("member", "m"), ("system", "api")] {
            assert!(why("onboarding-m", &approved, other).is_some(), "{other:?}");
        }
        let looked = json!({"type": "AuditDataViewed", "viewer": "s"});
        assert_eq!(why("audit-2026-04-10", &looked, ("staff", "s")), None);
        assert!(why("audit-2026-04-10", &looked, ("staff", "t")).is_some());
        let signed_in = json!({"type": "StaffSignedIn"});
        assert_eq!(why("staff-s", &signed_in, ("staff", "s")), None);
        assert!(why("staff-s", &signed_in, ("staff", "t")).is_some());
    }

    #[test]
    fn a_session_is_ended_by_whom_its_reason_tells() {
        for (reason, giver) in [("member", "member"), ("staff", "staff"), ("left", "system")] {
            let ended = json!({"type": "LoggedOut", "why": reason});
            for actor in ["member", "staff", "system"] {
                let wrong = why("onboarding-m", &ended, (actor, "m"));
                assert_eq!(wrong.is_none(), actor == giver, "{reason} {actor}");
            }
        }
    }

    #[test]
    fn one_append_is_given_by_one() {
        let [intervened, frozen] = ["Intervened", "AccountFrozen"].map(|it| json!({"type": it}));
        let append = |second| {
            fault(&[
                line("onboarding-m", &intervened, ("staff", "s")),
                line("onboarding-m", &frozen, ("staff", second)),
            ])
        };
        assert_eq!(append("s"), None);
        assert!(append("t").is_some());
    }
}
