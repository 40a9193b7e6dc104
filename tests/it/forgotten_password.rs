//! A forgotten password, end to end: user ID and date of birth, the link, the new password, the notice, the delay, and that none of it
//! tells a stranger anything.

use kadode::domain::ids::{ImportId, MemberId};
use kadode::domain::onboarding::Command;
use kadode::vault::Profile;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::email_change::{addressed, status};
use crate::errors::fixed_part;
use crate::not_me::notice_in;
use crate::notices_by_post::notices_since;
use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, eventually, profile,
};
use crate::support::browser::Browser;

pub const RESET_PASSWORD: &str = "asagao-kazaguruma-minato";
pub const DELAY: i64 = 24 * 3600;
const BORN: &str = "1980-01-01";

async fn forget(client: &Client, user_id: &str, birth_date: &str) -> Answer {
    let body = json!({"user_id": user_id, "birth_date": birth_date});
    client.post("/forgotten-password", body).await
}

async fn reset(client: &Client, token: &str, password: &str) -> Answer {
    let path = format!("/forgotten-password/{token}");
    client.post(&path, json!({"new_password": password})).await
}

fn reset_token_in(mail: &str) -> Option<String> {
    let (_, rest) = mail.split_once("/forgotten-password/")?;
    let end = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    rest.split(end).next().map(str::to_owned)
}

/// The token of the link mailed last.
pub async fn mailed_token(app: &App) -> String {
    eventually("a mailed link", || async {
        let mails = app.mails();
        mails.iter().rev().find_map(|mail| reset_token_in(mail))
    })
    .await
}

/// A member who has completed, with a full session.
async fn completed() -> (App, MemberId, Client) {
    let (app, member) = App::with_member().await;
    let client = app.client_at("completed").await;
    (app, member, client)
}

/// The same; somebody has asked for a link.
async fn asked() -> (App, MemberId, Client, String) {
    let (app, member, client) = completed().await;
    let token = ask(&app).await;
    (app, member, client, token)
}

async fn ask(app: &App) -> String {
    let answer = forget(&app.client(), USER_ID, BORN).await;
    answer.expect(StatusCode::ACCEPTED);
    mailed_token(app).await
}

/// The member, or somebody in their place, asks for a link and sets another password by it.
pub async fn set_another(app: &App) {
    let token = ask(app).await;
    let set = reset(&app.client(), &token, RESET_PASSWORD).await;
    set.expect(StatusCode::OK);
}

/// The same; another password was set by it.
async fn pending() -> (App, MemberId, Client) {
    let (app, member, client) = completed().await;
    set_another(&app).await;
    (app, member, client)
}

async fn notice(app: &App) -> (String, String) {
    eventually("a notice of the new password", || async {
        let mut mails = addressed(app).into_iter();
        mails.find(|(_, text)| text.contains("忘れたパスワードに代わる"))
    })
    .await
}

/// In full: with the password and the code.
pub async fn signed_in(app: &App, password: &str) -> Client {
    let client = app.client();
    let answer = client.sign_in(USER_ID, password).await;
    answer.expect(StatusCode::CREATED);
    app.settled().await;
    let code = json!({"code": app.code().await});
    let answer = client.post("/sessions/current/otp", code).await;
    answer.expect(StatusCode::OK);
    client
}

#[tokio::test]
async fn from_the_request_to_the_first_sign_in_with_the_new_password() {
    let (app, member, _, token) = asked().await;
    let stranger = app.client();
    let path = format!("/forgotten-password/{token}");
    let looked = stranger.get(&path).await.expect(StatusCode::OK).body;
    assert_eq!(looked, json!({"state": "open", "counts_from": null}));
    let set = reset(&stranger, &token, RESET_PASSWORD).await;
    let body = json!({"state": "set", "counts_from": "2026-04-11T00:00:00Z"});
    let set = set.expect(StatusCode::OK);
    assert_eq!(set.body, body);
    assert!(set.cookies().is_empty(), "nobody is signed in by it");
    assert_eq!(stranger.get(&path).await.body, body);

    app.wait(DELAY - 1);
    let early = app.client().sign_in(USER_ID, RESET_PASSWORD).await;
    early.problem(401, "sign-in-failed");
    signed_in(&app, NEW_PASSWORD).await;
    app.wait(1);
    let late = app.client().sign_in(USER_ID, NEW_PASSWORD).await;
    late.problem(401, "sign-in-failed");
    let client = signed_in(&app, RESET_PASSWORD).await;
    let status = status(&client).await;
    assert_eq!(status["password_reset"], Value::Null);
    assert_eq!(status["step"]["name"], "completed");
    let events = app.events(member).await;
    let told = events
        .iter()
        .filter(|name| name.starts_with("PasswordReset"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "PasswordResetRequested",
            "PasswordResetConfirmed",
            "PasswordReset"
        ]
    );
}

/// A society with one member for everything that may come of a request, the right one last.
async fn requests() -> (App, Vec<(&'static str, &'static str, &'static str)>) {
    let (app, _) = App::with_member().await;
    let cohort = "joined-to-2024-12-01";
    let mut members = Vec::new();
    for (user_id, number) in [
        ("frozen01", "22222"),
        ("paper001", "33333"),
        ("left0001", "44444"),
        ("erased01", "55555"),
    ] {
        let named = Profile {
            number: number.to_owned(),
            ..profile(user_id)
        };
        members.push(app.enrol(named, cohort).await);
        if user_id != "paper001" {
            let client = app.client();
            let paper = format!("1{number}19800101");
            let begun = client.sign_in(user_id, &paper).await;
            begun.expect(StatusCode::CREATED);
            app.advance_client(&client, "log_out").await;
        }
    }
    app.freeze(members[0]).await;
    let import = ImportId(Uuid::nil());
    let left = app.command(members[2], Command::Leave { import }).await;
    left.unwrap();
    app.erase(members[3]).await;
    app.client_at("completed").await;
    let requests = vec![
        ("an unknown ID", "nobody99", BORN),
        ("a wrong date of birth", USER_ID, "1980-01-02"),
        ("no password of one's own", "paper001", BORN),
        ("a frozen account", "frozen01", BORN),
        ("whoever has left", "left0001", BORN),
        ("whoever was erased", "erased01", BORN),
        ("all right", USER_ID, BORN),
        ("all right, and too soon", USER_ID, BORN),
    ];
    (app, requests)
}

#[tokio::test]
async fn whatever_comes_of_a_request_it_is_answered_with_the_same_bytes_at_one_run_of_argon2() {
    let (app, requests) = requests().await;
    let client = app.client();
    let runs = || app.society.vault.hasher.runs();
    let first = fixed_part(&forget(&client, "nobody98", BORN).await);
    assert_eq!(first.0, StatusCode::ACCEPTED);
    for (why, user_id, birth_date) in requests {
        let before = runs();
        let answer = forget(&client, user_id, birth_date).await;
        assert_eq!(fixed_part(&answer), first, "{why}");
        assert_eq!(runs() - before, 1, "{why}");
    }
}

#[tokio::test]
async fn the_page_answers_with_the_same_bytes_too() {
    let (app, requests) = requests().await;
    let browser = Browser::new(&app);
    browser.get("/forgotten-password").await.is(200);
    for (why, user_id, birth_date) in requests {
        let form = [("user_id", user_id), ("birth_date", birth_date)];
        let answer = browser.post("/forgotten-password", &form).await;
        answer.leads_to("/forgotten-password?note=password-reset-requested");
        assert_eq!(answer.html, "", "{why}");
    }
}

#[tokio::test]
async fn only_the_right_pair_of_whoever_has_a_password_mails_a_link_and_to_the_address_in_force() {
    let (app, requests) = requests().await;
    for (_, user_id, birth_date) in requests {
        forget(&app.client(), user_id, birth_date)
            .await
            .expect(StatusCode::ACCEPTED);
    }
    app.settled().await;
    let mails = addressed(&app).into_iter();
    let links: Vec<_> = mails
        .filter(|(_, text)| reset_token_in(text).is_some())
        .collect();
    assert_eq!(links.len(), 1);
    let (to, text) = &links[0];
    assert_eq!(to, "hanako@example.jp");
    let (before, _) = text.split_once("/forgotten-password/").unwrap();
    for personal in ["見本 花子", "11111", "1980", USER_ID] {
        assert!(!before.contains(personal), "{personal}: {text}");
    }
}

#[tokio::test]
async fn each_request_counts_with_failing_sign_ins_right_or_wrong_known_or_not() {
    let (app, member, _) = completed().await;
    for (user_id, birth_date) in [(USER_ID, BORN), (USER_ID, "1980-01-02"), ("nobody99", BORN)] {
        app.society.vault.waits.lift(USER_ID).await.unwrap();
        let client = app.client();
        for _ in 0..4 {
            let answer = forget(&client, user_id, birth_date).await;
            answer.expect(StatusCode::ACCEPTED);
        }
        let failed = client.sign_in(user_id, "not the password").await;
        failed.problem(401, "sign-in-failed");
        let runs = app.society.vault.hasher.runs();
        let waiting = forget(&client, user_id, birth_date).await;
        let waiting = waiting.problem(429, "waiting");
        assert_eq!(waiting["retry_after"], 30, "{user_id} {birth_date}");
        client
            .sign_in(user_id, NEW_PASSWORD)
            .await
            .problem(429, "waiting");
        assert_eq!(app.society.vault.hasher.runs(), runs);
    }
    let rejected = app.payloads(member, "PasswordResetRejected").await;
    assert_eq!(rejected.len(), 4);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_costs_nothing() {
    let (app, member, _) = completed().await;
    let client = app.client();
    let runs = app.society.vault.hasher.runs();
    for (user_id, birth_date, field, why) in [
        ("", BORN, "user_id", "required"),
        ("a\u{0}", BORN, "user_id", "required"),
        (USER_ID, "", "birth_date", "required"),
        (USER_ID, "1980-13-01", "birth_date", "not_a_date"),
        (USER_ID, "2999-01-01", "birth_date", "in_the_future"),
    ] {
        let refused = forget(&client, user_id, birth_date).await;
        let errors = refused.problem(422, "invalid")["errors"].clone();
        assert_eq!(errors, json!([{"field": field, "why": why}]));
    }
    assert_eq!(app.society.vault.hasher.runs(), runs);
    assert!(
        app.payloads(member, "PasswordResetRejected")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn what_was_typed_as_people_type_it_is_understood() {
    let (app, ..) = completed().await;
    let typed = forget(&app.client(), " ｈａｎａｋｏ０１", "昭和55年1月1日").await;
    typed.expect(StatusCode::ACCEPTED);
    mailed_token(&app).await;
}

#[tokio::test]
async fn a_link_counts_for_its_hour_and_for_one_password() {
    let (app, member, _, token) = asked().await;
    let client = app.client();
    let set = reset(&client, &token, RESET_PASSWORD).await;
    set.expect(StatusCode::OK);
    let other = reset(&client, &token, "another-long-password-here").await;
    other.problem(409, "already-set");
    app.wait(60);
    forget(&client, USER_ID, BORN)
        .await
        .expect(StatusCode::ACCEPTED);
    app.settled().await;
    let late = mailed_token(&app).await;
    assert_ne!(late, token);
    app.wait(3600);
    reset(&client, &late, RESET_PASSWORD)
        .await
        .problem(410, "link-expired");
    let unknown = reset(&client, "AAAA", RESET_PASSWORD).await;
    unknown.problem(404, "link-unknown");
    let set = app.payloads(member, "PasswordResetConfirmed").await;
    assert_eq!(set.len(), 1);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_sets_one_password() {
    let (app, member, _, token) = asked().await;
    let path = format!("/forgotten-password/{token}");
    let body = json!({"new_password": RESET_PASSWORD});
    let key = [("idempotency-key", "one showing")];
    for _ in 0..2 {
        let client = app.client();
        let sent = client.send(reqwest::Method::POST, &path, Some(body.clone()), &key);
        sent.await.expect(StatusCode::OK);
    }
    let set = app.payloads(member, "PasswordResetConfirmed").await;
    assert_eq!(set.len(), 1);
}

#[tokio::test]
async fn the_rules_of_step_nine_hold_and_leave_the_link_open() {
    let (app, _, _, token) = asked().await;
    let client = app.client();
    for (password, why) in [
        ("", "required"),
        ("too short", "too_short"),
        ("hanako01-hanako01-", "too_common"),
        (INITIAL_PASSWORD, "too_short"),
    ] {
        let refused = reset(&client, &token, password).await;
        let errors = refused.problem(422, "invalid")["errors"].clone();
        assert_eq!(
            errors,
            json!([{"field": "new_password", "why": why}]),
            "{password}"
        );
    }
    reset(&client, &token, RESET_PASSWORD)
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn the_member_is_told_at_once_and_whoever_it_was_not_stops_it() {
    let (app, member, client) = pending().await;
    let (to, text) = notice(&app).await;
    assert_eq!(to, "hanako@example.jp");
    for told in ["4月11日", "9時00分", "心当たりがない場合", "03-0000-0000"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    for personal in ["見本 花子", "11111", "1980", USER_ID] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    let token = notice_in(&text).unwrap();
    let path = format!("/not-me/{token}");
    let reported = app.client().post(&path, json!({})).await;
    reported.expect(StatusCode::OK);
    client.get("/onboarding").await.problem(401, "no-session");
    app.wait(DELAY);
    for password in [NEW_PASSWORD, RESET_PASSWORD] {
        let refused = app.client().sign_in(USER_ID, password).await;
        refused.problem(401, "sign-in-failed");
    }
    assert!(app.payloads(member, "PasswordReset").await.is_empty());
}

#[tokio::test]
async fn whoever_signs_in_with_the_old_password_sees_it_and_takes_it_back() {
    let (app, ..) = pending().await;
    app.wait(60);
    let client = signed_in(&app, NEW_PASSWORD).await;
    let shown = status(&client).await;
    let counts_from = json!({"counts_from": "2026-04-11T00:00:00Z"});
    assert_eq!(shown["password_reset"], counts_from);
    assert_eq!(
        shown["actions"],
        json!([
            "change_email",
            "replace_password",
            "cancel_password_reset",
            "log_out"
        ])
    );
    let cancelled = client.post("/password-reset/cancel", json!({})).await;
    let cancelled = cancelled.expect(StatusCode::OK).body;
    assert_eq!(cancelled["password_reset"], Value::Null);
    app.wait(DELAY);
    signed_in(&app, NEW_PASSWORD).await;
}

#[tokio::test]
async fn at_its_moment_every_session_ends_though_nothing_is_stored() {
    let (app, member, _) = pending().await;
    app.wait(DELAY - 60);
    let client = signed_in(&app, NEW_PASSWORD).await;
    let before = app.events(member).await;
    app.wait(59);
    client.get("/session").await.expect(StatusCode::NO_CONTENT);
    app.wait(1);
    client.get("/session").await.problem(401, "no-session");
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn a_browser_of_before_is_a_strangers_from_its_first_try_on() {
    let (app, _, old) = pending().await;
    app.wait(DELAY);
    let stranger = app.client();
    // Beside the request, which counts too.
    for _ in 0..4 {
        let failed = stranger.sign_in(USER_ID, "not the password").await;
        failed.problem(401, "sign-in-failed");
    }
    stranger
        .sign_in(USER_ID, RESET_PASSWORD)
        .await
        .problem(429, "waiting");
    let failed = old.sign_in(USER_ID, "not the password").await;
    failed.problem(401, "sign-in-failed");
    let waits = old.sign_in(USER_ID, RESET_PASSWORD).await;
    waits.problem(429, "waiting");
}

#[tokio::test]
async fn the_portal_holds_health_data_back_anew() {
    let (app, ..) = pending().await;
    app.wait(DELAY + 60);
    let client = signed_in(&app, RESET_PASSWORD).await;
    let hold = status(&client).await["hold_until"].clone();
    assert_eq!(hold, "2026-04-14T00:00:00Z");
}

#[tokio::test]
async fn the_notice_on_paper_tells_of_it_too_before_and_after_it_counts() {
    let (app, ..) = pending().await;
    let set_on = "2026-04-10";
    for wait in [0, DELAY] {
        app.wait(wait);
        let notices = notices_since(&app, set_on).await;
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0]["activated_at"], "2026-04-10T09:00:00+09:00");
        assert_eq!(
            notices_since(&app, "2026-04-11").await.len(),
            0,
            "printed once"
        );
    }
    let token = notice_in(&notices_since(&app, set_on).await[0]["not_me_url"]).unwrap();
    let path = format!("/not-me/{token}");
    let reported = app.client().post(&path, json!({})).await;
    reported.expect(StatusCode::OK);
    let refused = app.client().sign_in(USER_ID, RESET_PASSWORD).await;
    refused.problem(401, "sign-in-failed");
}

#[tokio::test]
async fn only_a_full_session_takes_it_back() {
    let (app, ..) = pending().await;
    let path = "/password-reset/cancel";
    let nobody = app.client().post(path, json!({})).await;
    nobody.problem(401, "no-session");
    let client = app.client();
    let begun = client.sign_in(USER_ID, NEW_PASSWORD).await;
    begun.expect(StatusCode::CREATED);
    let early = client.post(path, json!({})).await;
    assert_eq!(early.problem(409, "out-of-order")["step"]["name"], "otp");
}

#[tokio::test]
async fn the_pages_lead_through_it_without_a_script() {
    let (app, _, _) = completed().await;
    let browser = Browser::new(&app);
    browser
        .get("/sign-in")
        .await
        .is(200)
        .says("href=\"/forgotten-password\"");
    browser.get("/forgotten-password").await.is(200);
    let wrong = [("user_id", USER_ID), ("birth_date", "1980-13-01")];
    browser
        .post("/forgotten-password", &wrong)
        .await
        .is(422)
        .says(&format!("value=\"{USER_ID}\""))
        .says("value=\"1980-13-01\"");
    let right = [("user_id", USER_ID), ("birth_date", "S55.1.1")];
    browser
        .post("/forgotten-password", &right)
        .await
        .leads_to("/forgotten-password?note=password-reset-requested");
    let path = format!("/forgotten-password/{}", mailed_token(&app).await);
    let phone = Browser::new(&app);
    let page = phone.get(&path).await;
    page.is(200).says("24時間後").is_silent_on(USER_ID);
    let short = [("new_password", "short"), ("idempotency_key", "1")];
    phone.post(&path, &short).await.is(422).says("15");
    let long = [("new_password", RESET_PASSWORD), ("idempotency_key", "2")];
    for _ in 0..2 {
        phone.post(&path, &long).await.leads_to(&path);
    }
    phone.get(&path).await.is(200).says("2026年4月11日");
    let other = Browser::at(&app, "/completed").await;
    other
        .get("/completed")
        .await
        .is(200)
        .says("新しく決めたものに切り替わります");
    other
        .post("/password-reset/cancel", &[])
        .await
        .leads_to("/completed?note=password-reset-cancelled");
    let page = other.get("/completed").await;
    page.is(200)
        .is_silent_on("新しく決めたものに切り替わります");
    phone.get(&path).await.is(410);
}
