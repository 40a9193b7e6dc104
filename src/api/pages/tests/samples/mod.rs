//! One sample of every state of every page, for the tests and for the eye.

mod answers;
mod steps;

use askama::Template;
use jiff::{SignedDuration, Timestamp};

use crate::api::pages::frame::{Page, SessionEnd, Society, Step, StepState};
use crate::api::pages::messages::{Happening, Notice, Trouble};
use crate::api::pages::public_views::*;
use crate::api::pages::views::*;
use crate::api::pages::words::step_label;
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

const MASKED: &str = "h***@e***.jp";

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
    let again = page.due().is_some_and(|step| step.number == 13);
    SignIn {
        page,
        again,
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
    email_link_until(page, followed, undelivered, after(60 * 60))
}

fn email_link_until(
    page: Page,
    followed: bool,
    undelivered: bool,
    expires_at: Timestamp,
) -> String {
    let view = EmailLink {
        page,
        masked: MASKED.to_owned(),
        sender_domain: "kenpo.example.jp".to_owned(),
        followed,
        undelivered,
        resend_after: expires_at.min(after(if undelivered { -5 } else { 55 })),
        expires_at,
    };
    view.render().unwrap()
}

fn phrase() -> Phrase {
    Phrase {
        romaji: "sakura-tegami-yuugata-minato".to_owned(),
        kana: "さくら・てがみ・ゆうがた・みなと".to_owned(),
    }
}

fn password(page: Page) -> String {
    let view = Password {
        page,
        action: "/password".to_owned(),
        user_id: "A1234567".to_owned(),
        minimum: 15,
        phrase: phrase(),
        idempotency_key: "sample-key".to_owned(),
    };
    view.render().unwrap()
}

fn otp(page: Page, expires_at: Timestamp, tries_left: u32) -> String {
    let view = Otp {
        page,
        masked: MASKED.to_owned(),
        sender_domain: "kenpo.example.jp".to_owned(),
        reference: "KHTM".to_owned(),
        expires_at,
        tries_left,
        resend_after: after(48),
        undelivered: false,
    };
    view.render().unwrap()
}

fn terms(page: Page) -> String {
    let terms = "1. このサイトは、加入者ご本人だけがお使いになれます。\n\n2. ユーザIDとパスワードは、ほかの人に知らせないでください。";
    shown(&Terms {
        page,
        terms: terms.to_owned(),
        version: "2026-04".to_owned(),
    })
}

fn refused_passwords() -> Vec<Trouble> {
    let plain = [
        "too_common",
        "too_simple",
        "contains_own_data",
        "initial_password",
        "context_word",
    ];
    let plain = plain
        .into_iter()
        .map(|why| invalid("new_password", why, None));
    let long = [("too_short", 15), ("too_long", 128)];
    let long = long
        .into_iter()
        .map(|(why, limit)| invalid("new_password", why, Some(limit)));
    long.chain(plain).collect()
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
        Happening::PasswordReset,
        Happening::PasswordResetCancelled,
        Happening::PasswordResetConfirmed,
        Happening::PasswordResetRejected,
        Happening::PasswordResetRequested,
        Happening::PasswordReplaced,
        Happening::PasswordChanged,
        Happening::EmailChanged,
        Happening::EmailChangeCancelled,
        Happening::EmailChangeConfirmed,
        Happening::EmailChangeDisowned,
        Happening::EmailChangeLinkFollowed,
        Happening::EmailChangeRequested,
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
        Happening::LoggedOutLeft,
        Happening::NotMeReported,
        Happening::SignInConfirmed,
        Happening::Intervened,
        Happening::EmailCleared,
        Happening::AccountFrozen,
        Happening::AccountReleased,
        Happening::CredentialsReissued,
        Happening::PersonalDataErased,
        Happening::MemberReminded,
        Happening::ProfileChanged,
        Happening::MemberLeft,
        Happening::MemberReturned,
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

/// A sample's name and its HTML.
type Sample = (&'static str, String);

fn shown(view: &impl Template) -> String {
    view.render().unwrap()
}

/// Every sample.
pub(super) fn all(language: Language) -> Vec<Sample> {
    let parts = [
        steps::first_half(language),
        steps::second_half(language),
        steps::aside(language),
        steps::email_changes(language),
        steps::password_changes(language),
        answers::at_the_door(language),
        answers::within(language),
        answers::to_links(language),
        answers::to_notices(language),
        answers::to_the_forgetful(language),
        answers::problems(language),
    ];
    parts.concat()
}
