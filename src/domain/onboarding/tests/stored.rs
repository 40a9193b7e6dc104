//! What the log keeps of each event: names and shapes that never change.

use cqrs_es::DomainEvent;
use serde_json::{Value, json};

use super::*;

const NAMES: [&str; 47] = [
    "MemberEnrolled",
    "CredentialsAccepted",
    "CredentialsRejected",
    "BirthDateConfirmed",
    "BirthDateRejected",
    "TermsAccepted",
    "EmailRegistered",
    "EmailLinkReissued",
    "EmailLinkFollowed",
    "EmailDisowned",
    "EmailVerified",
    "EmailChangeRequested",
    "EmailChangeLinkFollowed",
    "EmailChangeDisowned",
    "EmailChangeConfirmed",
    "EmailChangeCancelled",
    "EmailChanged",
    "OtpMethodChosen",
    "PasswordChanged",
    "PasswordReplaced",
    "PasswordResetRequested",
    "PasswordResetRejected",
    "PasswordResetConfirmed",
    "PasswordResetCancelled",
    "PasswordReset",
    "FirstLoginCompleted",
    "LoggedOut",
    "OtpIssued",
    "OtpReissued",
    "OtpRejected",
    "OtpLoginSucceeded",
    "OnboardingCompleted",
    "NotMeReported",
    "SignInConfirmed",
    "Intervened",
    "InterventionProposed",
    "InterventionApproved",
    "InterventionDeclined",
    "EmailCleared",
    "AccountFrozen",
    "AccountReleased",
    "PersonalDataErased",
    "CredentialsReissued",
    "MemberReminded",
    "ProfileChanged",
    "MemberLeft",
    "MemberReturned",
];

/// One event of each type, in the order of [`NAMES`].
fn one_of_each() -> Vec<Event> {
    vec![
        enrolled_with(Some("2026-04")),
        accepted(1, minute(0)),
        Event::CredentialsRejected {
            why: CredentialFault::InitialPasswordReplaced,
        },
        Event::BirthDateConfirmed {},
        Event::BirthDateRejected {},
        Event::TermsAccepted {
            version: "2026-04".to_owned(),
        },
        registered(1, minute(1)),
        reissued_link(1, 2, minute(2)),
        followed(1),
        Event::EmailDisowned {
            contact: contact(1),
        },
        verified(1),
        change_requested(1, minute(1)),
        change_followed(1),
        Event::EmailChangeDisowned {
            contact: contact(1),
        },
        change_confirmed(1, minute(11)),
        change_cancelled(1),
        changed(1),
        Event::OtpMethodChosen {
            method: OtpMethod::Email,
        },
        password_changed(1),
        replaced(2, minute(11)),
        reset_requested(1, 1, minute(1)),
        Event::PasswordResetRejected {},
        reset_confirmed(1, 2, minute(11)),
        reset_cancelled(2),
        reset(2),
        Event::FirstLoginCompleted {},
        logged_out(1, LogOutReason::Superseded),
        code_issued(2, minute(10)),
        code_reissued(2, minute(11), minute(20)),
        code_rejected(4),
        login_succeeded(2),
        Event::OnboardingCompleted {},
        Event::NotMeReported {},
        sign_in_confirmed(2),
        intervened(Intervention::Freeze, Reason::SuspectedMisuse),
        proposed(1, Intervention::ReissueCredentials, minute(11)),
        approved(1, minute(12)),
        Event::InterventionDeclined {
            proposal: proposal(1),
            staff: staff(2),
        },
        Event::EmailCleared {
            contact: contact(1),
        },
        Event::AccountFrozen {},
        Event::AccountReleased {},
        Event::PersonalDataErased {},
        reissued(1, minute(12)),
        Event::MemberReminded {
            step: Step::Password,
            after_days: 3,
            since: minute(5),
            at: minute(5 + 3 * 24 * 60),
        },
        Event::ProfileChanged {
            import: ImportId(Uuid::from_u128(2)),
            fields: ProfileField::ALL.to_vec(),
        },
        Event::MemberLeft {
            import: ImportId(Uuid::from_u128(2)),
        },
        Event::MemberReturned {
            import: ImportId(Uuid::from_u128(2)),
        },
    ]
}

fn stored(event: &Event) -> Value {
    serde_json::to_value(event).unwrap()
}

#[test]
fn the_names_of_the_event_types_never_change() {
    let names: Vec<_> = one_of_each().iter().map(Event::name).collect();
    assert_eq!(names, NAMES);
}

#[test]
fn the_log_knows_an_event_by_the_same_name() {
    let types: Vec<_> = one_of_each().iter().map(Event::event_type).collect();
    assert_eq!(types, NAMES);
}

#[test]
fn the_stored_tag_is_the_same_name() {
    let tags: Vec<_> = one_of_each()
        .iter()
        .map(|event| stored(event)["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(tags, NAMES);
}

#[test]
fn there_are_no_other_event_types() {
    let complaint = serde_json::from_value::<Event>(json!({"type": "Unheard"})).unwrap_err();
    let known: Vec<_> = complaint
        .to_string()
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert_eq!(known, NAMES);
}

#[test]
fn every_event_type_is_in_its_first_version() {
    for event in one_of_each() {
        assert_eq!(event.event_version(), "1", "{}", event.name());
    }
}

#[test]
fn every_event_comes_back_from_the_log_as_it_was() {
    for event in one_of_each() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

#[test]
fn no_event_holds_a_float() {
    for event in one_of_each() {
        assert!(!has_float(&stored(&event)), "{}", event.name());
    }
}

/// One id's text, by its number.
fn id(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

#[test]
fn the_stored_shape_of_every_event_never_changes() {
    let at = "2026-04-02T00:00:00Z";
    let mailed = |of: &str, issue: u128, minutes: [&str; 2]| {
        json!({
            "type": of, "contact": id(1), "issue": id(issue), "key": "2026", "language": "ja",
            "at": format!("2026-04-02T{}:00Z", minutes[0]), "expires_at": format!("2026-04-02T{}:00Z", minutes[1]),
        })
    };
    let code = |of: &str, minutes: &str| {
        json!({
            "type": of, "session": id(2), "challenge": id(2), "key": "2026", "language": "ja",
            "at": format!("2026-04-02T{minutes}:00Z"), "expires_at": "2026-04-02T00:20:00Z",
        })
    };
    let expected = [
        json!({
            "type": "MemberEnrolled", "cohort": "joined-to-2024-12-01",
            "policy": {"name": "sample", "sha256": "0".repeat(64)}, "import": id(1), "joined_month": "2020-04",
            "terms": "2026-04", "valid_from": "2026-04-01T00:00:00Z", "expires_at": "2026-05-01T00:00:00Z",
        }),
        json!({"type": "CredentialsAccepted", "session": id(1), "at": at}),
        json!({"type": "CredentialsRejected", "why": "initial_password_replaced"}),
        json!({"type": "BirthDateConfirmed"}),
        json!({"type": "BirthDateRejected"}),
        json!({"type": "TermsAccepted", "version": "2026-04"}),
        mailed("EmailRegistered", 1, ["00:01", "01:01"]),
        mailed("EmailLinkReissued", 2, ["00:02", "01:02"]),
        json!({"type": "EmailLinkFollowed", "contact": id(1)}),
        json!({"type": "EmailDisowned", "contact": id(1)}),
        json!({"type": "EmailVerified", "contact": id(1)}),
        mailed("EmailChangeRequested", 1, ["00:01", "01:01"]),
        json!({"type": "EmailChangeLinkFollowed", "contact": id(1)}),
        json!({"type": "EmailChangeDisowned", "contact": id(1)}),
        json!({
            "type": "EmailChangeConfirmed", "contact": id(1), "replaces": id(1),
            "at": "2026-04-02T00:11:00Z", "counts_from": "2026-04-05T00:11:00Z",
        }),
        json!({"type": "EmailChangeCancelled", "contact": id(1)}),
        json!({"type": "EmailChanged", "contact": id(1)}),
        json!({"type": "OtpMethodChosen", "method": "email"}),
        json!({"type": "PasswordChanged", "credential": id(1), "form": id(1)}),
        json!({"type": "PasswordReplaced", "credential": id(2), "form": id(2), "at": "2026-04-02T00:11:00Z"}),
        mailed("PasswordResetRequested", 1, ["00:01", "01:01"]),
        json!({"type": "PasswordResetRejected"}),
        json!({
            "type": "PasswordResetConfirmed", "issue": id(1), "credential": id(2), "form": id(2),
            "at": "2026-04-02T00:11:00Z", "counts_from": "2026-04-03T00:11:00Z",
        }),
        json!({"type": "PasswordResetCancelled", "credential": id(2)}),
        json!({"type": "PasswordReset", "credential": id(2)}),
        json!({"type": "FirstLoginCompleted"}),
        json!({"type": "LoggedOut", "session": id(1), "why": "superseded"}),
        code("OtpIssued", "00:10"),
        code("OtpReissued", "00:11"),
        json!({"type": "OtpRejected", "tries_left": 4}),
        json!({"type": "OtpLoginSucceeded", "session": id(2), "challenge": id(2)}),
        json!({"type": "OnboardingCompleted"}),
        json!({"type": "NotMeReported"}),
        json!({"type": "SignInConfirmed", "session": id(2), "challenge": id(2)}),
        json!({
            "type": "Intervened", "intervention": "freeze", "staff": id(1),
            "grounds": {"reason": "suspected_misuse", "ticket": "HD-1"}, "at": "2026-04-02T00:11:00Z",
        }),
        json!({
            "type": "InterventionProposed", "proposal": id(1), "intervention": "reissue_credentials", "staff": id(1),
            "grounds": {"reason": "letter_lost", "ticket": "HD-1"},
            "at": "2026-04-02T00:11:00Z", "expires_at": "2026-04-05T00:11:00Z",
        }),
        json!({"type": "InterventionApproved", "proposal": id(1), "staff": id(2), "at": "2026-04-02T00:12:00Z"}),
        json!({"type": "InterventionDeclined", "proposal": id(1), "staff": id(2)}),
        json!({"type": "EmailCleared", "contact": id(1)}),
        json!({"type": "AccountFrozen"}),
        json!({"type": "AccountReleased"}),
        json!({"type": "PersonalDataErased"}),
        json!({
            "type": "CredentialsReissued", "issue": 1, "print": id(7),
            "at": "2026-04-02T00:12:00Z", "expires_at": "2026-05-02T00:12:00Z",
        }),
        json!({
            "type": "MemberReminded", "step": "password", "after_days": 3,
            "since": "2026-04-02T00:05:00Z", "at": "2026-04-05T00:05:00Z",
        }),
        json!({"type": "ProfileChanged", "import": id(2), "fields": ["name", "symbol", "number", "gid"]}),
        json!({"type": "MemberLeft", "import": id(2)}),
        json!({"type": "MemberReturned", "import": id(2)}),
    ];
    let found: Vec<_> = one_of_each().iter().map(stored).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_letter_of_before_has_no_printing_and_stays_as_it_was_stored() {
    let stored = json!({
        "type": "CredentialsReissued", "issue": 1, "at": "2026-04-02T00:12:00Z", "expires_at": "2026-05-02T00:12:00Z",
    });
    let event: Event = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap(), stored);
    let past = and(
        until(Step::SignIn),
        [proposed(1, Intervention::ReissueCredentials, minute(10))],
    );
    let append = [approved(1, minute(12)), event];
    let limits = Arc::new(Limits::default());
    let found = fold(past).retrace(Append {
        events: &append,
        between: (minute(12), minute(12)),
        limits: &limits,
        may_go_on: false,
    });
    assert_eq!(found, Ok(()));
}

#[test]
fn the_stored_words_for_a_log_out_are_the_five_of_the_audit_reports() {
    let words = [
        LogOutReason::Member,
        LogOutReason::Expiry,
        LogOutReason::Superseded,
        LogOutReason::Staff,
        LogOutReason::Left,
    ]
    .map(|why| serde_json::to_value(why).unwrap());
    assert_eq!(words, ["member", "expiry", "superseded", "staff", "left"]);
}
