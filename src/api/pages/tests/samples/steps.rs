//! The pages of the steps as a member meets them when all goes well.

use super::*;

pub(super) fn first_half(language: Language) -> Vec<Sample> {
    let page = |path: &str, due: u8| signed_in(language, path, due);
    let door = at_step(language, "/sign-in", 2);
    let correct = email(page("/email", 6), "", Some(MASKED));
    let sent = told(page("/email-link", 6), Notice::LinkSent);
    let not_yet = told(page("/email-link", 6), Notice::LinkNotFollowedYet);
    let followed = email_link(page("/email-link", 7), true, false);
    vec![
        ("02-sign-in", sign_in(door, "")),
        ("03-birth-date", birth_date(page("/birth-date", 3), "")),
        ("04-terms", terms(page("/terms", 4))),
        ("05-email", email(page("/email", 5), "", None)),
        ("05-email-correct", correct),
        ("06-email-link", email_link(sent, false, false)),
        ("06-email-link-not-yet", email_link(not_yet, false, true)),
        ("07-email-link-followed", followed),
    ]
}

pub(super) fn second_half(language: Language) -> Vec<Sample> {
    let page = |path: &str, due: u8| signed_in(language, path, due);
    let otp_method = OtpMethod {
        page: page("/otp-method", 8),
        masked: MASKED.to_owned(),
    };
    let first_login_completed = FirstLoginCompleted {
        page: page("/first-login-completed", 10),
    };
    let log_out = LogOut {
        page: page("/log-out", 11),
    };
    let door = told(at_step(language, "/sign-in", 13), Notice::LoggedOutToTry);
    let portal_url = "https://portal.kenpo.example.jp/".to_owned();
    let completed = |hold_until, address_changes_at, password_changes_at| {
        shown(&Completed {
            page: page("/completed", 15),
            portal_url: portal_url.clone(),
            hold_until,
            address_changes_at,
            password_changes_at,
            ends_address: false,
        })
    };
    vec![
        ("08-otp-method", shown(&otp_method)),
        ("09-password", password(page("/password", 9))),
        ("10-first-login-completed", shown(&first_login_completed)),
        ("11-log-out", shown(&log_out)),
        ("13-sign-in-again", sign_in(door, "")),
        ("14-otp", otp(page("/otp", 14), after(10 * 60), 5)),
        ("15-completed", completed(None, None, None)),
        (
            "15-completed-hold",
            completed(Some(after(72 * 3600)), None, None),
        ),
        (
            "15-completed-change",
            completed(None, Some(after(72 * 3600)), None),
        ),
        (
            "15-completed-password-changes",
            completed(None, None, Some(after(24 * 3600))),
        ),
    ]
}

pub(super) fn email_changes(language: Language) -> Vec<Sample> {
    let page = || signed_in(language, "/email-change", 15);
    let coming = |followed, counts_from, left| ComingAddress {
        masked: "n***@e***.jp".to_owned(),
        followed,
        undelivered: left < 0,
        expires_at: after(left),
        counts_from,
    };
    let shown = |page, coming| {
        shown(&EmailChange {
            page,
            typed: String::new(),
            user_id: "A1234567".to_owned(),
            present: MASKED.to_owned(),
            sender_domain: "kenpo.example.jp".to_owned(),
            hours: 72,
            coming,
        })
    };
    let wrong = Trouble::Mismatch {
        field: "password",
        tries_left: 4,
    };
    let same = invalid("email", "present_one", None);
    let refused = troubled(page(), vec![wrong, same]);
    let sent = told(page(), Notice::LinkSent);
    let pending = told(page(), Notice::EmailChangeConfirmed);
    let counts_from = Some(after(72 * 3600));
    vec![
        ("email-change", shown(page(), None)),
        ("email-change-refused", shown(refused, None)),
        (
            "email-change-sent",
            shown(sent, Some(coming(false, None, 3600))),
        ),
        (
            "email-change-undelivered",
            shown(page(), Some(coming(false, None, -90))),
        ),
        (
            "email-change-followed",
            shown(page(), Some(coming(true, None, 3600))),
        ),
        (
            "email-change-pending",
            shown(pending, Some(coming(true, counts_from, -90))),
        ),
        (
            "email-change-cancelled",
            shown(told(page(), Notice::EmailChangeCancelled), None),
        ),
    ]
}

pub(super) fn password_changes(language: Language) -> Vec<Sample> {
    let page = || signed_in(language, "/password-change", 15);
    let shown = |page, ends_pending| {
        shown(&PasswordChange {
            page,
            user_id: "A1234567".to_owned(),
            minimum: 15,
            phrase: phrase(),
            idempotency_key: "sample-key".to_owned(),
            ends_pending,
        })
    };
    let wrong = Trouble::Mismatch {
        field: "password",
        tries_left: 4,
    };
    let same = invalid("new_password", "present_one", None);
    let spent = Trouble::ChangesSpent {
        until: after(30 * 60),
    };
    vec![
        ("password-change", shown(page(), false)),
        ("password-change-with-email", shown(page(), true)),
        (
            "password-change-refused",
            shown(troubled(page(), vec![wrong, same]), false),
        ),
        (
            "password-change-spent",
            shown(troubled(page(), vec![spent]), false),
        ),
        (
            "password-changed",
            shown(told(page(), Notice::PasswordReplaced), false),
        ),
    ]
}

pub(super) fn aside(language: Language) -> Vec<Sample> {
    let in_mid_flow = LogOut {
        page: signed_in(language, "/log-out", 5),
    };
    let soon = SessionEnd {
        idle_until: after(60),
        ends_at: after(60),
    };
    let ending = Page {
        session: Some(soon),
        ..signed_in(language, "/history", 15)
    };
    let help = Help {
        page: outside(language, "/help"),
        sources: sources(language),
    };
    vec![
        ("11-log-out-mid-flow", shown(&in_mid_flow)),
        ("15-history", history(signed_in(language, "/history", 15))),
        (
            "15-history-empty",
            shown(&History {
                page: ending,
                rows: Vec::new(),
            }),
        ),
        ("help", shown(&help)),
    ]
}
