//! Attempts, mails, staff, and whether everything is counted.

use jiff::civil::date;
use serde_json::json;
use uuid::Uuid;

use super::super::counts::Counts;
use super::super::integrity::SealedDay;
use super::super::report::{Asked, Basis, Kind, Value};
use super::super::{Name, make};
use super::{Log, columns_of, minute, noon, number, text};

fn wrong(log: Log, n: u128, at: jiff::Timestamp) -> Log {
    log.of(
        n,
        at,
        json!({"type": "CredentialsRejected", "why": "wrong_password"}),
    )
}

#[test]
fn a_member_who_fails_three_times_on_a_day_is_one_member_with_three_tries() {
    let mut log = Log::default()
        .enrolled(1, minute(0), "a")
        .enrolled(2, minute(0), "a");
    for at in [minute(1), minute(2), minute(3), noon(1)] {
        log = wrong(log, 1, at);
    }
    let tallied =
        json!({"type": "AttemptsTallied", "window": noon(1), "kind": "waiting", "count": 40});
    let log = wrong(log, 2, noon(1)).event(noon(1), ("attempts", "2026-04-02".to_owned()), tallied);
    let rows = log.rows(
        Name::Attempts,
        noon(1),
        ["day", "what", "why", "tries", "members"],
    );
    let (first, second) = (Value::Date(date(2026, 4, 1)), Value::Date(date(2026, 4, 2)));
    let rejected = [text("CredentialsRejected"), text("wrong_password")];
    let [what, why] = rejected.clone();
    assert_eq!(
        rows,
        [
            [first, what, why, number(3), number(1)],
            [
                second.clone(),
                rejected[0].clone(),
                rejected[1].clone(),
                number(2),
                number(2)
            ],
            [
                second.clone(),
                text("Refused"),
                text("waiting"),
                number(40),
                Value::None
            ],
        ]
    );
    assert_eq!(
        log.rows(Name::Waits, noon(1), ["day", "why", "times"]),
        [[second, text("waiting"), number(40)]]
    );
}

#[test]
fn a_mail_takes_from_when_it_was_last_asked_for_until_the_server_had_it() {
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .signs_in(1, minute(1))
        .of(1, minute(2), json!({"type": "BirthDateConfirmed"}))
        .registers(1, minute(3))
        .mail(
            1,
            minute(5),
            json!({"type": "MailAccepted", "kind": "email_link", "smtp_code": 250, "domain_class": "mobile"}),
        )
        .mail(
            1,
            minute(6),
            json!({"type": "MailFailed", "kind": "otp", "smtp_code": null, "domain_class": "other"}),
        )
        .mail(1, minute(7), json!({"type": "MailSkipped", "kind": "otp", "why": "expired"}));
    let columns = [
        "kind",
        "domain_class",
        "outcome",
        "code",
        "mails",
        "seconds_p50",
    ];
    let none = Value::None;
    assert_eq!(
        log.rows(Name::Mail, noon(0), columns),
        [
            [
                text("email_link"),
                text("mobile"),
                text("accepted"),
                text("250"),
                number(1),
                number(120)
            ],
            [
                text("otp"),
                text(""),
                text("skipped"),
                text("expired"),
                number(1),
                none.clone()
            ],
            [
                text("otp"),
                text("other"),
                text("failed"),
                text("unreachable"),
                number(1),
                none
            ],
        ]
    );
}

#[test]
fn what_staff_did_and_looked_at_is_told_by_day() {
    let account = Uuid::from_u128(9).to_string();
    let look = json!({
        "type": "AuditDataViewed", "viewer": account, "token": null, "view": "member_data",
        "member": null, "purpose": "incident", "part": null, "at": noon(0),
    });
    let log = Log::default()
        .event(
            noon(0),
            ("staff", account.clone()),
            json!({"type": "StaffDisabled"}),
        )
        .event(noon(0), ("audit", "2026-04-01".to_owned()), look)
        .event(
            noon(0),
            ("rosters", "society".to_owned()),
            json!({"type": "RosterDeclined", "import": Uuid::from_u128(1), "staff": account}),
        )
        .event(
            noon(0),
            ("rosters", "society".to_owned()),
            json!({"type": "RosterApplied", "import": Uuid::from_u128(1)}),
        );
    let day = || Value::Date(date(2026, 4, 1));
    assert_eq!(
        log.rows(Name::Staff, noon(0), ["day", "account", "what", "times"]),
        [
            [day(), text(&account), text("RosterDeclined"), number(1)],
            [day(), text(&account), text("StaffDisabled"), number(1)]
        ]
    );
    assert_eq!(
        log.rows(
            Name::Access,
            noon(0),
            ["day", "viewer", "view", "purpose", "times"]
        ),
        [[
            day(),
            text(&account),
            text("member_data"),
            text("incident"),
            number(1)
        ]]
    );
}

#[test]
fn events_by_type_add_up_to_the_length_of_the_log() {
    let log =
        wrong(Log::default().enrolled(1, minute(0), "a"), 1, minute(1)).completes(1, minute(2));
    let rows = log.rows(Name::Events, noon(0), ["type", "events"]);
    assert_eq!(rows.last(), Some(&[text("all"), number(15)]));
}

#[test]
fn codes_that_come_too_late_or_once_more_are_refused_and_counted() {
    let tallied = |kind: &str, count: i64| json!({"type": "AttemptsTallied", "window": noon(0), "kind": kind, "count": count});
    let attempts = || ("attempts", "2026-04-01".to_owned());
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .completes(1, minute(1))
        .event(noon(0), attempts(), tallied("code-expired", 7))
        .event(noon(0), attempts(), tallied("code-used", 2));
    let none = Value::None;
    assert_eq!(
        log.rows(
            Name::Codes,
            noon(0),
            ["kind", "expired_tries", "used_again"]
        ),
        [
            [text("email_link"), none.clone(), none],
            [text("otp"), number(7), number(2)]
        ]
    );
}

#[test]
fn what_was_done_with_keys_stands_beside_what_was_signed_since() {
    let day = |day, last| SealedDay {
        day: date(2026, 4, day),
        checkpoints: 1,
        last,
        sealed_at: noon(0),
        root: String::new(),
        key: String::new(),
        holds: true,
    };
    let custody = || ("custody", "society".to_owned());
    let changed = json!({"type": "MasterKeyChanged", "key": "2027", "before": "2026"});
    let restored = json!({"type": "RestoredFromBackup", "kept": 1, "lost": []});
    let log = Log::default()
        .enrolled(1, noon(0), "a")
        .event(noon(1), custody(), changed)
        .of(1, noon(2), json!({"type": "PersonalDataErased"}))
        .event(noon(3), custody(), restored);
    let columns = ["erased", "keys_changed", "traces_destroyed", "restores"];
    let report = |shield| {
        let asked = Asked {
            shield,
            ..Asked::default()
        };
        let basis = Basis {
            position: 4,
            as_of: noon(3),
            asked,
            ..Basis::default()
        };
        let report = log.report_of(Name::Integrity, &[day(1, 1), day(3, 3)], basis);
        columns_of(&report, columns)
    };
    let rows = [[0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1]];
    assert_eq!(report(false), rows.map(|row| row.map(number)));
    assert_eq!(report(true)[1][0], Value::Hidden);
}

#[test]
fn events_that_no_checkpoint_covers_are_pending() {
    let day = SealedDay {
        day: date(2026, 4, 1),
        checkpoints: 3,
        last: 40,
        sealed_at: noon(0),
        root: "root".to_owned(),
        key: "key".to_owned(),
        holds: true,
    };
    let basis = Basis {
        as_of: noon(1),
        position: 42,
        ..Basis::default()
    };
    let report = make(Name::Integrity, &Counts::default(), &[day], basis);
    assert_eq!(
        columns_of(&report, ["first_event", "last_event", "holds"]),
        [
            [number(1), number(40), text("yes")],
            [number(41), number(42), text("pending")],
        ]
    );
}

#[test]
fn every_report_with_a_number_has_a_picture_of_one() {
    for name in Name::ALL {
        let report = make(name, &Counts::default(), &[], Basis::default());
        let is_number = |kind| {
            matches!(
                kind,
                Kind::Number | Kind::Percent | Kind::Seconds | Kind::Days
            )
        };
        let drawn = report.plot.map(|plot| report.columns[plot.length].kind);
        assert!(drawn.is_none_or(is_number), "{name:?}");
        let has_numbers = report.columns.iter().any(|it| is_number(it.kind));
        assert_eq!(drawn.is_some(), has_numbers, "{name:?}");
    }
}
