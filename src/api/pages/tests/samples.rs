//! One sample of every state of every page, for the tests and for the eye.

use askama::Template;
use jiff::{SignedDuration, Timestamp};

use super::super::frame::{Page, SessionEnd, Society, Step, StepState};
use super::super::messages::{Happening, Notice, Trouble};
use super::super::views::*;
use super::super::words::step_label;
use crate::domain::values::Language;

const STEPS: [(u8, &str); 13] = [
    (2, "sign_in"),
    (3, "birth_date"),
    (4, "terms"),
    (5, "email"),
    (6, "email_link"),
    (7, "email_update"),
    (8, "otp_method"),
    (9, "password"),
    (10, "first_login_completed"),
    (11, "log_out"),
    (13, "sign_in_again"),
    (14, "otp"),
    (15, "completed"),
];

fn now() -> Timestamp {
    "2026-11-22T09:38:20Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn society(language: Language) -> Society {
    let (name, hours, address) = match language {
        Language::Ja => (
            "みほん健康保険組合",
            "平日 9時〜17時（12時〜13時を除く）",
            "〒100-0000 東京都千代田区みほん町1-2-3 みほんビル4階",
        ),
        Language::En => (
            "Mihon Health Insurance Society",
            "Weekdays 9:00 to 17:00, except 12:00 to 13:00",
            "Mihon Building 4F, 1-2-3 Mihon-cho, Chiyoda-ku, Tokyo 100-0000",
        ),
    };
    Society {
        name: name.to_owned(),
        email: "first-login@kenpo.example.jp".to_owned(),
        telephone: "03-1234-5678".to_owned(),
        hours: hours.to_owned(),
        address: address.to_owned(),
    }
}

fn outside(language: Language, path: &str) -> Page {
    Page {
        language,
        path: path.to_owned(),
        now: now(),
        society: society(language),
        steps: Vec::new(),
        member: None,
        session: None,
        form_token: "sample-form-token".to_owned(),
        notice: None,
        troubles: Vec::new(),
    }
}

fn at_step(language: Language, path: &str, due: u8) -> Page {
    let state = |number: u8| match number.cmp(&due) {
        std::cmp::Ordering::Less => StepState::Done,
        std::cmp::Ordering::Equal => StepState::Due,
        std::cmp::Ordering::Greater => StepState::Ahead,
    };
    let step = |(number, name): (u8, &str)| Step {
        number,
        label: step_label(language, name).unwrap(),
        state: state(number),
    };
    Page {
        steps: STEPS.into_iter().map(step).collect(),
        ..outside(language, path)
    }
}

fn signed_in(language: Language, path: &str, due: u8) -> Page {
    let member = match language {
        Language::Ja => "見本 花子",
        Language::En => "MIHON Hanako",
    };
    let session = SessionEnd {
        idle_until: after(20 * 60),
        ends_at: after(60 * 60),
    };
    Page {
        member: Some(member.to_owned()),
        session: Some(session),
        ..at_step(language, path, due)
    }
}

fn sources(language: Language) -> Vec<CredentialSource> {
    let texts = match language {
        Language::Ja => [
            (
                "前のポータルで初回ログインを済ませた方",
                "いまお使いのユーザID",
                "記号・番号・生年月日8けたを続けた数字",
            ),
            (
                "2024年12月1日までに加入した方",
                "圧着ハガキ",
                "記号・番号・生年月日8けたを続けた数字",
            ),
            (
                "2024年12月2日から2026年3月25日までに加入した方",
                "資格情報のお知らせ",
                "記号・番号・生年月日8けたを続けた数字",
            ),
            (
                "2026年3月26日以降に加入した方",
                "資格情報のお知らせ",
                "資格情報のお知らせに印刷されています",
            ),
        ],
        Language::En => [
            (
                "Registered on the old portal",
                "the ID you use now",
                "symbol, number and date of birth (8 digits) in a row",
            ),
            (
                "Joined on or before 1 December 2024",
                "the sealed postcard",
                "symbol, number and date of birth (8 digits) in a row",
            ),
            (
                "Joined 2 December 2024 to 25 March 2026",
                "the eligibility notice",
                "symbol, number and date of birth (8 digits) in a row",
            ),
            (
                "Joined from 26 March 2026",
                "the eligibility notice",
                "printed on the eligibility notice",
            ),
        ],
    };
    let source = |(who, user_id, password): (&str, &str, &str)| CredentialSource {
        who: who.to_owned(),
        user_id_from: user_id.to_owned(),
        password_from: password.to_owned(),
    };
    texts.into_iter().map(source).collect()
}

fn sign_in(page: Page, user_id: &str) -> String {
    let sources = sources(page.language);
    SignIn {
        page,
        user_id: user_id.to_owned(),
        sources,
    }
    .render()
    .unwrap()
}

fn birth_date(page: Page, typed: &str) -> String {
    BirthDate {
        page,
        typed: typed.to_owned(),
    }
    .render()
    .unwrap()
}

/// The page of step 3 after `typed` was refused.
pub(super) fn birth_date_typed(typed: &str) -> String {
    birth_date(signed_in(Language::Ja, "/birth-date", 3), typed)
}

fn email(page: Page, typed: &str, registered: Option<&str>) -> String {
    let sender_domain = "kenpo.example.jp".to_owned();
    Email {
        page,
        typed: typed.to_owned(),
        sender_domain,
        registered: registered.map(str::to_owned),
    }
    .render()
    .unwrap()
}

fn email_link(page: Page, followed: bool, undelivered: bool) -> String {
    let view = EmailLink {
        page,
        masked: "h•••••@example.jp".to_owned(),
        sender_domain: "kenpo.example.jp".to_owned(),
        followed,
        undelivered,
        resend_after: after(if undelivered { -5 } else { 55 }),
        expires_at: after(60 * 60),
    };
    view.render().unwrap()
}

fn password(page: Page) -> String {
    let phrase = Phrase {
        romaji: "sakura-tegami-yuugata-minato".to_owned(),
        kana: "さくら・てがみ・ゆうがた・みなと".to_owned(),
    };
    let view = Password {
        page,
        user_id: "A1234567".to_owned(),
        minimum: 15,
        phrase,
        idempotency_key: "sample-key".to_owned(),
    };
    view.render().unwrap()
}

fn otp(page: Page, expires_at: Timestamp, tries_left: u32) -> String {
    let view = Otp {
        page,
        masked: "h•••••@example.jp".to_owned(),
        sender_domain: "kenpo.example.jp".to_owned(),
        reference: "KHTM".to_owned(),
        expires_at,
        tries_left,
        resend_after: after(48),
        undelivered: false,
    };
    view.render().unwrap()
}

fn history(page: Page) -> String {
    let language = page.language;
    let what = [
        Happening::OnboardingCompleted,
        Happening::OtpLoginSucceeded,
        Happening::OtpRejected,
        Happening::OtpReissued,
        Happening::MailAccepted,
        Happening::OtpIssued,
        Happening::CredentialsAccepted,
        Happening::LoggedOutByMember,
        Happening::FirstLoginCompleted,
        Happening::PasswordChanged,
        Happening::OtpMethodChosen,
        Happening::EmailVerified,
        Happening::EmailLinkFollowed,
        Happening::EmailLinkReissued,
        Happening::MailFailed,
        Happening::EmailRegistered,
        Happening::EmailDisowned,
        Happening::TermsAccepted,
        Happening::BirthDateConfirmed,
        Happening::BirthDateRejected,
        Happening::CredentialsRejected,
        Happening::LoggedOutByExpiry,
        Happening::LoggedOutSuperseded,
        Happening::LoggedOutByStaff,
        Happening::NotMeReported,
        Happening::MailSkipped,
        Happening::MemberEnrolled,
    ];
    let rows = (0_i64..).zip(what).map(|(row, what)| HistoryRow {
        at: after(-row * 95),
        text: what.text(language),
    });
    History {
        page,
        rows: rows.collect(),
    }
    .render()
    .unwrap()
}

fn invalid(field: &'static str, why: &'static str, limit: Option<u32>) -> Trouble {
    Trouble::Invalid { field, why, limit }
}

fn troubled(page: Page, troubles: Vec<Trouble>) -> Page {
    Page { troubles, ..page }
}

fn told(page: Page, notice: Notice) -> Page {
    Page {
        notice: Some(notice),
        ..page
    }
}

/// Every sample, by name.
pub(super) fn all(language: Language) -> Vec<(String, String)> {
    let mut all = steps(language);
    all.extend(refusals(language));
    all.extend(link_pages(language));
    all.extend(problems(language));
    all.into_iter()
        .map(|(name, html)| (name.to_owned(), html))
        .collect()
}

fn steps(language: Language) -> Vec<(&'static str, String)> {
    let page = |path: &str, due: u8| signed_in(language, path, due);
    let door = |due: u8| at_step(language, "/sign-in", due);
    let terms = "1. このサイトは、健康保険組合の加入者ご本人だけがお使いになれます。\n\n2. ユーザIDとパスワードは、ほかの人に知らせないでください。";
    let last = SessionEnd {
        idle_until: after(60),
        ends_at: after(60),
    };
    vec![
        ("02-sign-in", sign_in(door(2), "")),
        ("03-birth-date", birth_date(page("/birth-date", 3), "")),
        (
            "04-terms",
            Terms {
                page: page("/terms", 4),
                terms: terms.to_owned(),
                version: "2026-04".to_owned(),
            }
            .render()
            .unwrap(),
        ),
        ("05-email", email(page("/email", 5), "", None)),
        (
            "05-email-correct",
            email(page("/email", 6), "", Some("h•••••@example.jp")),
        ),
        (
            "06-email-link",
            email_link(told(page("/email-link", 6), Notice::LinkSent), false, false),
        ),
        (
            "06-email-link-not-yet",
            email_link(
                told(page("/email-link", 6), Notice::LinkNotFollowedYet),
                false,
                true,
            ),
        ),
        (
            "07-email-link-followed",
            email_link(page("/email-link", 7), true, false),
        ),
        (
            "08-otp-method",
            OtpMethod {
                page: page("/otp-method", 8),
                masked: "h•••••@example.jp".to_owned(),
            }
            .render()
            .unwrap(),
        ),
        ("09-password", password(page("/password", 9))),
        (
            "10-first-login-completed",
            FirstLoginCompleted {
                page: page("/first-login-completed", 10),
            }
            .render()
            .unwrap(),
        ),
        (
            "11-log-out",
            LogOut {
                page: page("/log-out", 11),
            }
            .render()
            .unwrap(),
        ),
        (
            "11-log-out-mid-flow",
            LogOut {
                page: page("/log-out", 5),
            }
            .render()
            .unwrap(),
        ),
        (
            "13-sign-in-again",
            sign_in(told(door(13), Notice::LoggedOutToTry), ""),
        ),
        ("14-otp", otp(page("/otp", 14), after(10 * 60), 5)),
        (
            "15-completed",
            Completed {
                page: page("/completed", 15),
                portal_url: "https://portal.kenpo.example.jp/".to_owned(),
            }
            .render()
            .unwrap(),
        ),
        ("15-history", history(page("/history", 15))),
        (
            "15-history-empty",
            History {
                page: Page {
                    session: Some(last),
                    ..page("/history", 15)
                },
                rows: Vec::new(),
            }
            .render()
            .unwrap(),
        ),
        (
            "help",
            Help {
                page: outside(language, "/help"),
                sources: sources(language),
            }
            .render()
            .unwrap(),
        ),
    ]
}

fn refusals(language: Language) -> Vec<(&'static str, String)> {
    let page = |path: &str, due: u8| signed_in(language, path, due);
    let door = || at_step(language, "/sign-in", 2);
    let empty = vec![
        invalid("user_id", "required", None),
        invalid("password", "required", None),
    ];
    let refused_passwords = [
        invalid("new_password", "too_short", Some(15)),
        invalid("new_password", "too_long", Some(128)),
        invalid("new_password", "too_common", None),
        invalid("new_password", "too_simple", None),
        invalid("new_password", "contains_own_data", None),
        invalid("new_password", "context_word", None),
    ];
    let wrong_code = Trouble::Mismatch {
        field: "code",
        tries_left: 3,
    };
    let wrong_date = Trouble::Mismatch {
        field: "birth_date",
        tries_left: 4,
    };
    vec![
        ("02-sign-in-empty", sign_in(troubled(door(), empty), "")),
        (
            "02-sign-in-failed",
            sign_in(troubled(door(), vec![Trouble::SignInFailed]), "A1234567"),
        ),
        (
            "02-sign-in-waiting",
            sign_in(
                troubled(door(), vec![Trouble::Waiting { until: after(64) }]),
                "A1234567",
            ),
        ),
        (
            "02-sign-in-busy",
            sign_in(troubled(door(), vec![Trouble::Busy]), "A1234567"),
        ),
        (
            "02-sign-in-session-ended",
            sign_in(told(door(), Notice::SessionEnded), ""),
        ),
        (
            "02-sign-in-code-dead",
            sign_in(told(door(), Notice::CodeDead), ""),
        ),
        (
            "03-birth-date-wrong",
            birth_date(
                troubled(page("/birth-date", 3), vec![wrong_date]),
                "1980/1/2",
            ),
        ),
        (
            "03-birth-date-unread",
            birth_date(
                troubled(
                    page("/birth-date", 3),
                    vec![invalid("birth_date", "not_a_date", None)],
                ),
                "1980年ごろ",
            ),
        ),
        (
            "05-email-invalid",
            email(
                troubled(
                    page("/email", 5),
                    vec![invalid("email", "not_an_address", None)],
                ),
                "hanako.example.jp",
                None,
            ),
        ),
        (
            "05-email-disowned",
            email(told(page("/email", 5), Notice::EmailDisowned), "", None),
        ),
        (
            "06-too-soon",
            email_link(
                troubled(
                    page("/email-link", 6),
                    vec![Trouble::TooSoon { until: after(40) }],
                ),
                false,
                false,
            ),
        ),
        (
            "06-budget-spent",
            email_link(
                troubled(
                    page("/email-link", 6),
                    vec![Trouble::BudgetSpent {
                        until: after(9 * 3600),
                    }],
                ),
                false,
                false,
            ),
        ),
        (
            "09-password-refused",
            password(troubled(page("/password", 9), refused_passwords.to_vec())),
        ),
        (
            "09-password-order",
            password(told(page("/password", 9), Notice::OutOfOrder)),
        ),
        (
            "14-otp-wrong",
            otp(
                troubled(page("/otp", 14), vec![wrong_code]),
                after(8 * 60),
                3,
            ),
        ),
        (
            "14-otp-expired",
            otp(
                troubled(page("/otp", 14), vec![Trouble::CodeExpired]),
                after(-30),
                3,
            ),
        ),
    ]
}

fn link_pages(language: Language) -> Vec<(&'static str, String)> {
    let page = || outside(language, "/email/sample-token");
    let result = |outcome| {
        LinkResult {
            page: page(),
            outcome,
        }
        .render()
        .unwrap()
    };
    vec![
        (
            "link-confirm",
            ConfirmEmail {
                page: page(),
                token: "sample-token".to_owned(),
            }
            .render()
            .unwrap(),
        ),
        (
            "link-disown",
            DisownEmail {
                page: page(),
                token: "sample-token".to_owned(),
            }
            .render()
            .unwrap(),
        ),
        ("link-followed", result(LinkOutcome::Followed)),
        ("link-verified", result(LinkOutcome::Verified)),
        ("link-disowned", result(LinkOutcome::Disowned)),
        ("link-expired", result(LinkOutcome::Expired)),
        ("link-replaced", result(LinkOutcome::Replaced)),
        ("link-unknown", result(LinkOutcome::Unknown)),
    ]
}

fn problems(language: Language) -> Vec<(&'static str, String)> {
    let problem = |kind| {
        Problem {
            page: outside(language, "/"),
            kind,
        }
        .render()
        .unwrap()
    };
    vec![
        ("problem-not-found", problem(ProblemKind::NotFound)),
        ("problem-form-too-old", problem(ProblemKind::FormTooOld)),
        (
            "problem-waiting",
            problem(ProblemKind::Waiting { until: after(75) }),
        ),
        ("problem-busy", problem(ProblemKind::Busy)),
        ("problem-unexpected", problem(ProblemKind::Unexpected)),
    ]
}
