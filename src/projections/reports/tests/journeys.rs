//! What members' ways count for.

use serde_json::json;
use uuid::Uuid;

use super::super::Name;
use super::super::report::Value;
use super::{Log, link, minute, noon, number, text};

#[test]
fn who_went_all_the_way_is_completed_and_took_so_long() {
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .completes(1, minute(60));
    let completion = log.rows(
        Name::Completion,
        noon(1),
        ["by", "imported", "sign_in", "otp", "completed", "percent"],
    );
    for row in &completion {
        assert_eq!(
            row[1..],
            [
                number(1),
                number(1),
                number(1),
                number(1),
                Value::Tenths(1000)
            ]
        );
    }
    let took = log.rows(
        Name::TimeToComplete,
        noon(1),
        ["since", "cohort", "completed", "seconds_p50"],
    );
    // 72 minutes from the first moment of the password, to two digits; 12 from the first sign-in.
    assert_eq!(
        took,
        [
            [text("first_sign_in"), text(""), number(1), number(720)],
            [text("first_sign_in"), text("a"), number(1), number(720)],
            [text("valid_from"), text(""), number(1), number(4400)],
            [text("valid_from"), text("a"), number(1), number(4400)],
        ]
    );
}

#[test]
fn a_step_that_is_done_again_counts_once_and_its_member_waits_where_they_are_now() {
    let contact = Uuid::from_u128(1);
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .signs_in(1, minute(10))
        .of(1, minute(11), json!({"type": "BirthDateConfirmed"}))
        .registers(1, minute(12))
        .of(
            1,
            minute(20),
            json!({"type": "EmailDisowned", "contact": contact}),
        )
        .registers(1, minute(30));
    let rows = log.rows(
        Name::Funnel,
        noon(0),
        ["name", "entered", "done", "waiting", "seconds_p50"],
    );
    let none = Value::None;
    assert_eq!(
        rows,
        [
            [
                text("sign_in"),
                number(1),
                number(1),
                number(0),
                number(600)
            ],
            [
                text("birth_date"),
                number(1),
                number(1),
                number(0),
                number(60)
            ],
            [text("email"), number(1), number(1), number(0), number(60)],
            [text("email_link"), number(1), number(0), number(1), none],
        ]
    );
}

#[test]
fn everybody_is_in_one_state_and_an_initial_password_expires_at_its_end() {
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .enrolled(2, minute(0), "a")
        .enrolled(3, minute(0), "a")
        .enrolled(4, minute(0), "a")
        .enrolled(5, minute(0), "a")
        .signs_in(2, minute(10))
        .completes(3, minute(20))
        .of(4, minute(40), json!({"type": "NotMeReported"}))
        .enrolled(6, minute(41), "a")
        .of(6, minute(42), json!({"type": "PersonalDataErased"}))
        .signs_in(5, minute(50))
        .sets_password(5, minute(51));
    let columns = [
        "imported",
        "completed",
        "in_progress",
        "not_started",
        "expired",
        "frozen",
        "erased",
        "unaccounted",
    ];
    let end = minute(30 * 24 * 60);
    let before = end - jiff::SignedDuration::from_micros(1);
    let expected = |numbers: [i64; 8]| vec![numbers.map(number); 2];
    assert_eq!(
        log.rows(Name::Reconciliation, before, columns),
        expected([6, 1, 2, 1, 0, 1, 1, 0])
    );
    assert_eq!(
        log.rows(Name::Reconciliation, end, columns),
        expected([6, 1, 1, 0, 2, 1, 1, 0])
    );
    let open = ["not_started", "in_progress", "days_left", "expired"];
    assert_eq!(
        log.rows(Name::Deadlines, noon(20), open),
        [[number(1), number(1), number(10), text("no")]]
    );
    assert_eq!(
        log.rows(Name::Deadlines, end, open),
        [[number(1), number(1), number(0), text("yes")]]
    );
}

#[test]
fn who_waits_for_more_than_seven_days_is_stuck() {
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .signs_in(1, noon(1))
        .enrolled(2, noon(2), "a");
    let columns = ["name", "waiting", "stuck", "longest_days"];
    assert_eq!(
        log.rows(Name::Stuck, noon(8), columns),
        [
            [text("sign_in"), number(1), number(0), number(6)],
            [text("birth_date"), number(1), number(0), number(7)],
        ]
    );
    assert_eq!(
        log.rows(Name::Stuck, minute(9 * 24 * 60), columns),
        [
            [text("sign_in"), number(1), number(0), number(7)],
            [text("birth_date"), number(1), number(1), number(8)],
        ]
    );
}

#[test]
fn who_is_frozen_or_done_waits_nowhere() {
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .of(1, minute(1), json!({"type": "NotMeReported"}))
        .enrolled(2, minute(2), "a")
        .completes(2, minute(3));
    assert!(log.rows(Name::Stuck, noon(20), ["waiting"]).is_empty());
    assert_eq!(
        log.rows(Name::Waits, noon(0), ["why", "times"]),
        [[text("NotMeReported"), number(1)]]
    );
}

#[test]
fn a_link_counts_as_used_once_and_from_when_it_was_last_asked_for() {
    let contact = Uuid::from_u128(1);
    let followed = || json!({"type": "EmailLinkFollowed", "contact": contact});
    let log = Log::default()
        .enrolled(1, minute(0), "a")
        .signs_in(1, minute(1))
        .of(1, minute(2), json!({"type": "BirthDateConfirmed"}))
        .registers(1, minute(3))
        .of(1, minute(10), link("EmailLinkReissued", minute(10)))
        .of(1, minute(11), followed());
    let columns = [
        "kind",
        "issued",
        "reissued",
        "used",
        "unused",
        "used_percent",
        "seconds_p50",
    ];
    assert_eq!(
        log.rows(Name::Codes, noon(0), columns),
        [[
            text("email_link"),
            number(1),
            number(1),
            number(1),
            number(1),
            Value::Tenths(500),
            number(60),
        ]]
    );
}
