//! The pages that answer a mistake, a lapse of time, a mailed link, or a page that is not there.

use super::*;

pub(super) fn at_the_door(language: Language) -> Vec<Sample> {
    let door = || at_step(language, "/sign-in", 2);
    let again = || at_step(language, "/sign-in", 13);
    let failed = |trouble| sign_in(troubled(door(), vec![trouble]), "A1234567");
    let empty = vec![
        invalid("user_id", "required", None),
        invalid("password", "required", None),
    ];
    vec![
        ("02-sign-in-empty", sign_in(troubled(door(), empty), "")),
        ("02-sign-in-failed", failed(Trouble::SignInFailed)),
        (
            "02-sign-in-waiting",
            failed(Trouble::Waiting { until: after(64) }),
        ),
        ("02-sign-in-needs-support", failed(Trouble::NeedsSupport)),
        ("02-sign-in-busy", failed(Trouble::Busy)),
        (
            "02-sign-in-session-ended",
            sign_in(told(door(), Notice::SessionEnded), ""),
        ),
        (
            "13-sign-in-code-dead",
            sign_in(told(again(), Notice::CodeDead), ""),
        ),
        (
            "13-sign-in-password-set",
            sign_in(told(again(), Notice::PasswordSet), ""),
        ),
        (
            "13-sign-in-code-accepted",
            sign_in(told(again(), Notice::CodeAccepted), ""),
        ),
        (
            "13-sign-in-failed",
            sign_in(troubled(again(), vec![Trouble::SignInFailed]), "A1234567"),
        ),
    ]
}

pub(super) fn within(language: Language) -> Vec<Sample> {
    let page = |path: &str, due: u8| signed_in(language, path, due);
    let failed = |path, due, trouble| troubled(page(path, due), vec![trouble]);
    let wrong_date = Trouble::Mismatch {
        field: "birth_date",
        tries_left: 4,
    };
    let wrong_date = failed("/birth-date", 3, wrong_date);
    let unread_date = failed("/birth-date", 3, invalid("birth_date", "not_a_date", None));
    let no_address = failed("/email", 5, invalid("email", "not_an_address", None));
    let disowned = told(page("/email", 5), Notice::EmailDisowned);
    let too_soon = failed("/email-link", 6, Trouble::TooSoon { until: after(40) });
    let spent = failed(
        "/email-link",
        6,
        Trouble::BudgetSpent {
            until: after(9 * 3600),
        },
    );
    let same = told(page("/email-link", 6), Notice::SameAddress);
    let over = email_link_until(page("/email-link", 6), false, false, after(-90));
    let refused = troubled(page("/password", 9), refused_passwords());
    let out_of_order = told(page("/password", 9), Notice::OutOfOrder);
    let wrong_code = Trouble::Mismatch {
        field: "code",
        tries_left: 3,
    };
    let wrong_code = failed("/otp", 14, wrong_code);
    let expired = failed("/otp", 14, Trouble::CodeExpired);
    let all_sent = failed("/otp", 14, Trouble::SignInSpent);
    vec![
        ("03-birth-date-wrong", birth_date(wrong_date, "1980/1/2")),
        (
            "03-birth-date-unread",
            birth_date(unread_date, "1980年ごろ"),
        ),
        (
            "05-email-invalid",
            email(no_address, "hanako.example.jp", None),
        ),
        ("05-email-disowned", email(disowned, "", None)),
        ("06-too-soon", email_link(too_soon, false, false)),
        ("06-same-address", email_link(same, false, false)),
        ("06-email-link-expired", over),
        ("06-budget-spent", email_link(spent, false, false)),
        ("09-password-refused", password(refused)),
        ("09-password-order", password(out_of_order)),
        ("14-otp-wrong", otp(wrong_code, after(8 * 60), 3)),
        ("14-otp-expired", otp(expired, after(-30), 3)),
        ("14-otp-all-sent", otp(all_sent, after(5 * 60), 5)),
    ]
}

pub(super) fn to_links(language: Language) -> Vec<Sample> {
    let page = || outside(language, "/email/sample-token");
    let token = || "sample-token".to_owned();
    let result = |outcome| {
        shown(&LinkResult {
            page: page(),
            outcome,
        })
    };
    vec![
        (
            "link-confirm",
            shown(&ConfirmEmail {
                page: page(),
                token: token(),
            }),
        ),
        (
            "link-disown",
            shown(&DisownEmail {
                page: page(),
                token: token(),
            }),
        ),
        ("link-followed", result(LinkOutcome::Followed)),
        ("link-verified", result(LinkOutcome::Verified)),
        ("link-disowned", result(LinkOutcome::Disowned)),
        ("link-expired", result(LinkOutcome::Expired)),
        ("link-replaced", result(LinkOutcome::Replaced)),
        ("link-unknown", result(LinkOutcome::Unknown)),
    ]
}

pub(super) fn to_notices(language: Language) -> Vec<Sample> {
    let page = || outside(language, "/not-me/sample-token");
    let result = |outcome| {
        shown(&NotMeResult {
            page: page(),
            outcome,
        })
    };
    let token = "sample-token".to_owned();
    let asks = NotMe {
        page: page(),
        token,
    };
    vec![
        ("not-me", shown(&asks)),
        ("not-me-stopped", result(NotMeOutcome::Stopped)),
        ("not-me-replaced", result(NotMeOutcome::Replaced)),
        ("not-me-unknown", result(NotMeOutcome::Unknown)),
    ]
}

pub(super) fn to_the_forgetful(language: Language) -> Vec<Sample> {
    let forgotten = |page, asked| {
        shown(&Forgotten {
            page,
            asked,
            user_id: "hanako01".to_owned(),
            birth_date: "1980-13-01".to_owned(),
            hours: 24,
        })
    };
    let asks = || outside(language, "/forgotten-password");
    let trouble = invalid("birth_date", "not_a_date", None);
    let page = || outside(language, "/forgotten-password/sample-token");
    let new_password = |page| {
        shown(&NewPassword {
            page,
            user_id: String::new(),
            action: "/forgotten-password/sample-token".to_owned(),
            minimum: 15,
            phrase: phrase(),
            idempotency_key: "sample-key".to_owned(),
            hours: 24,
        })
    };
    let short = invalid("new_password", "too_short", Some(15));
    let result = |outcome| {
        shown(&ResetResult {
            page: page(),
            outcome,
        })
    };
    let counts_from = after(24 * 3600);
    vec![
        ("forgotten", forgotten(asks(), false)),
        (
            "forgotten-invalid",
            forgotten(troubled(asks(), vec![trouble]), false),
        ),
        (
            "forgotten-asked",
            forgotten(told(asks(), Notice::PasswordResetRequested), true),
        ),
        ("new-password", new_password(page())),
        (
            "new-password-invalid",
            new_password(troubled(page(), vec![short])),
        ),
        (
            "new-password-set",
            result(ResetOutcome::Set { counts_from }),
        ),
        ("new-password-expired", result(ResetOutcome::Expired)),
        ("new-password-replaced", result(ResetOutcome::Replaced)),
        ("new-password-unknown", result(ResetOutcome::Unknown)),
    ]
}

pub(super) fn problems(language: Language) -> Vec<Sample> {
    let problem = |kind| {
        shown(&Problem {
            page: outside(language, "/"),
            kind,
            origin: "https://first-login.kenpo.example.jp".to_owned(),
        })
    };
    vec![
        ("problem-not-found", problem(ProblemKind::NotFound)),
        ("problem-form-too-old", problem(ProblemKind::FormTooOld)),
        (
            "problem-waiting",
            problem(ProblemKind::Waiting { until: after(75) }),
        ),
        ("problem-elsewhere", problem(ProblemKind::Elsewhere)),
        ("problem-busy", problem(ProblemKind::Busy)),
        ("problem-unexpected", problem(ProblemKind::Unexpected)),
    ]
}
