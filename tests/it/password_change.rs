//! Another password in the present one's place, end to end: both passwords, the new secret, the notice, what it ends, and races.

use kadode::domain::ids::MemberId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::email_change::{addressed, status};
use crate::forgotten_password::{DELAY, RESET_PASSWORD, set_another, signed_in};
use crate::not_me::notice_in;
use crate::notices_by_post::notices_since;
use crate::support::app::{Answer, App, Client, NEW_PASSWORD, USER_ID, eventually};
use crate::support::browser::Browser;

pub const CHANGED_PASSWORD: &str = "himawari-tokeidai-hatoba";

async fn change(client: &Client, present: &str, new: &str) -> Answer {
    let body = json!({"password": present, "new_password": new});
    client.post("/password-change", body).await
}

/// A member who has completed, with a full session.
async fn completed() -> (App, MemberId, Client) {
    let (app, member) = App::with_member().await;
    let client = app.client_at("completed").await;
    (app, member, client)
}

/// The same; the password was changed.
async fn changed() -> (App, MemberId, Client) {
    let (app, member, client) = completed().await;
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    done.expect(StatusCode::OK);
    (app, member, client)
}

async fn notice(app: &App) -> (String, String) {
    eventually("a notice of the changed password", || async {
        let mut mails = addressed(app).into_iter();
        mails.find(|(_, text)| text.contains("パスワードが変更されました"))
    })
    .await
}

async fn stored(app: &App, member: MemberId) -> usize {
    app.payloads(member, "PasswordReplaced").await.len()
}

#[tokio::test]
async fn the_session_goes_on_with_a_new_secret_and_the_next_sign_in_takes_the_new_password() {
    let (app, member, client) = completed().await;
    let actions = status(&client).await["actions"].clone();
    assert_eq!(
        actions,
        json!(["change_email", "replace_password", "log_out"])
    );
    let other = change(&client, NEW_PASSWORD, RESET_PASSWORD).await;
    let old = other.expect(StatusCode::OK).session_cookie();
    let done = change(&client, RESET_PASSWORD, CHANGED_PASSWORD).await;
    let done = done.expect(StatusCode::OK);
    assert_ne!(done.session_cookie(), old);
    assert_eq!(done.body["step"]["name"], "completed");
    client.get("/session").await.expect(StatusCode::NO_CONTENT);
    let elsewhere = app.client();
    let with_old = [("cookie", old.as_str())];
    let late = elsewhere.send(Method::GET, "/onboarding", None, &with_old);
    late.await.problem(409, "session-rotated");
    let late = app.client().sign_in(USER_ID, NEW_PASSWORD).await;
    late.problem(401, "sign-in-failed");
    signed_in(&app, CHANGED_PASSWORD).await;
    assert_eq!(stored(&app, member).await, 2);
    assert_eq!(app.payloads(member, "PasswordChanged").await.len(), 1);
}

#[tokio::test]
async fn a_wrong_present_password_changes_nothing_and_counts_with_failing_sign_ins() {
    let (app, member, client) = completed().await;
    let rows = || async {
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM credentials");
        count.fetch_one(&app.society.database.read).await.unwrap()
    };
    let before = rows().await;
    for tries_left in [4, 3, 2, 1, 0] {
        let refused = change(&client, "not-the-right-password", CHANGED_PASSWORD).await;
        let problem = refused.problem(422, "mismatch");
        assert_eq!(problem["tries_left"], tries_left);
    }
    let waiting = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    assert_eq!(waiting.problem(429, "waiting")["retry_after"], 30);
    let waiting = client.sign_in(USER_ID, NEW_PASSWORD).await;
    waiting.problem(429, "waiting");
    assert_eq!(app.payloads(member, "CredentialsRejected").await.len(), 5);
    assert_eq!((stored(&app, member).await, rows().await), (0, before));
    app.wait(31);
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    done.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_new_one_keeps_to_the_rules_of_step_nine_and_is_not_the_present_one() {
    let (app, member, client) = completed().await;
    for (new, why) in [
        ("", "required"),
        ("too short", "too_short"),
        ("hanako01-hanako01-", "too_common"),
        (NEW_PASSWORD, "present_one"),
    ] {
        let refused = change(&client, NEW_PASSWORD, new).await;
        let errors = refused.problem(422, "invalid")["errors"].clone();
        assert_eq!(
            errors,
            json!([{"field": "new_password", "why": why}]),
            "{new}"
        );
    }
    // Nothing was learnt by any of them, so none counts.
    for _ in 0..5 {
        let refused = change(&client, NEW_PASSWORD, "too short").await;
        refused.problem(422, "invalid");
    }
    assert_eq!(stored(&app, member).await, 0);
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    done.expect(StatusCode::OK);
}

#[tokio::test]
async fn without_the_present_password_nothing_is_told_of_the_new_one() {
    let (app, _, client) = completed().await;
    let runs = || app.society.vault.hasher.runs();
    let before = runs();
    let empty = change(&client, "", "too short").await;
    assert_eq!(
        empty.problem(422, "invalid")["errors"],
        json!([{"field": "password", "why": "required"}])
    );
    assert_eq!(runs(), before);
    let wrong = change(&client, "not-the-right-password", "too short").await;
    wrong.problem(422, "mismatch");
    assert_eq!(runs(), before + 1);
}

#[tokio::test]
async fn only_a_full_session_is_asked_for_it() {
    let (app, _) = App::with_member().await;
    let nobody = change(&app.client(), NEW_PASSWORD, CHANGED_PASSWORD).await;
    nobody.problem(401, "no-session");
    let client = app.client_at("otp").await;
    let early = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    assert_eq!(early.problem(409, "out-of-order")["step"]["name"], "otp");
}

#[tokio::test]
async fn the_member_is_told_at_once_and_whoever_it_was_not_stops_it() {
    let (app, member, client) = changed().await;
    let (to, text) = notice(&app).await;
    assert_eq!(to, "hanako@example.jp");
    for told in ["心当たりがない場合", "03-0000-0000"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    for personal in ["見本 花子", "11111", "1980", USER_ID, CHANGED_PASSWORD] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    // Whoever it was changes it once more: what told of the first still stops it.
    let again = change(&client, CHANGED_PASSWORD, RESET_PASSWORD).await;
    again.expect(StatusCode::OK);
    let path = format!("/not-me/{}", notice_in(&text).unwrap());
    let reported = app.client().post(&path, json!({})).await;
    reported.expect(StatusCode::OK);
    client.get("/onboarding").await.problem(401, "no-session");
    let refused = app.client().sign_in(USER_ID, RESET_PASSWORD).await;
    refused.problem(401, "sign-in-failed");
    assert_eq!(app.events(member).await.last().unwrap(), "NotMeReported");
}

#[tokio::test]
async fn a_notice_on_paper_about_the_set_up_outlives_it_and_the_next_one_tells_of_it() {
    let (app, ..) = completed().await;
    let printed = notices_since(&app, "2026-04-10").await[0]["not_me_url"].clone();
    app.wait(DELAY);
    let client = signed_in(&app, NEW_PASSWORD).await;
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    done.expect(StatusCode::OK);
    app.settled().await;
    let notices = notices_since(&app, "2026-04-11").await;
    assert_eq!(notices.len(), 1);
    assert!(notices[0]["activated_at"].starts_with("2026-04-11T"));
    let path = format!("/not-me/{}", notice_in(&printed).unwrap());
    let reported = app.client().post(&path, json!({})).await;
    reported.expect(StatusCode::OK);
    client.get("/onboarding").await.problem(401, "no-session");
}

#[tokio::test]
async fn it_ends_a_coming_password_and_a_coming_address() {
    let (app, member, client) = completed().await;
    let other = json!({"email": "hanako@new.example.jp", "password": NEW_PASSWORD});
    let other = client.post("/email-change", other).await;
    other.expect(StatusCode::OK);
    set_another(&app).await;
    app.wait(60);
    let shown = status(&client).await;
    assert_ne!(shown["email_change"], Value::Null);
    assert_ne!(shown["password_reset"], Value::Null);
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    let shown = done.expect(StatusCode::OK).body;
    assert_eq!(shown["email_change"], Value::Null);
    assert_eq!(shown["password_reset"], Value::Null);
    app.wait(DELAY);
    let reset = app.client().sign_in(USER_ID, RESET_PASSWORD).await;
    reset.problem(401, "sign-in-failed");
    assert!(app.payloads(member, "PasswordReset").await.is_empty());
    signed_in(&app, CHANGED_PASSWORD).await;
}

#[tokio::test]
async fn a_reset_that_comes_due_meanwhile_ends_the_session_and_nothing_is_changed() {
    let (app, member, _) = completed().await;
    set_another(&app).await;
    app.wait(DELAY - 60);
    let client = signed_in(&app, NEW_PASSWORD).await;
    app.wait(60);
    let late = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    late.problem(401, "no-session");
    assert_eq!(stored(&app, member).await, 0);
    signed_in(&app, RESET_PASSWORD).await;
}

#[tokio::test]
async fn the_same_form_twice_at_once_and_once_more_later_is_one_change_and_no_failure() {
    let (app, member, client) = completed().await;
    let body = json!({"password": NEW_PASSWORD, "new_password": CHANGED_PASSWORD});
    let key = [("idempotency-key", "one showing")];
    let send = || client.send(Method::POST, "/password-change", Some(body.clone()), &key);
    let (first, second) = tokio::join!(send(), send());
    let went_well = [&first, &second].map(|answer| answer.status == StatusCode::OK);
    assert!(went_well.contains(&true), "{first:?} {second:?}");
    assert_eq!(stored(&app, member).await, 1);
    send().await.expect(StatusCode::OK);
    assert_eq!(stored(&app, member).await, 1);
    assert!(app.payloads(member, "CredentialsRejected").await.is_empty());
}

#[tokio::test]
async fn a_form_repeated_after_the_program_ended_before_the_secret_was_exchanged_exchanges_it() {
    let (app, member, client) = completed().await;
    let first = change(&client, NEW_PASSWORD, RESET_PASSWORD).await;
    let old = first.expect(StatusCode::OK).session_cookie();
    app.wait(1);
    let body = json!({"password": RESET_PASSWORD, "new_password": CHANGED_PASSWORD});
    let (with_key, with_old) = (("idempotency-key", "one showing"), ("cookie", old.as_str()));
    let send = async |headers: &[(&str, &str)]| {
        let (client, body) = (app.client(), Some(body.clone()));
        let sent = client.send(Method::POST, "/password-change", body, headers);
        sent.await
    };
    // As it would stand there: the event is stored, the exchange is not.
    let before = "SELECT secret_hash, rotated_at FROM sessions";
    let (hash, at): (String, String) = sqlx::query_as(before)
        .fetch_one(&app.society.database.read)
        .await
        .unwrap();
    let headers = [with_old, with_key];
    send(&headers).await.expect(StatusCode::OK);
    sqlx::query("UPDATE sessions SET secret_hash = $1, rotated_at = $2, previous_hash = NULL")
        .bind(hash)
        .bind(at)
        .execute(&app.society.database.write)
        .await
        .unwrap();
    let repeated = send(&headers).await;
    let repeated = repeated.expect(StatusCode::OK);
    assert_ne!(repeated.session_cookie(), old);
    let late = app.client();
    let late = late
        .send(Method::GET, "/onboarding", None, &[with_old])
        .await;
    late.problem(409, "session-rotated");
    assert_eq!(stored(&app, member).await, 2);
}

#[tokio::test]
async fn two_forms_at_once_are_one_change_and_the_other_is_not_taken() {
    let (app, member, client) = completed().await;
    let (first, second) = tokio::join!(
        change(&client, NEW_PASSWORD, CHANGED_PASSWORD),
        change(&client, NEW_PASSWORD, RESET_PASSWORD)
    );
    let went_well = [&first, &second].map(|answer| answer.status == StatusCode::OK);
    assert_ne!(went_well[0], went_well[1], "{first:?} {second:?}");
    assert_eq!(stored(&app, member).await, 1);
    let present = if went_well[0] {
        CHANGED_PASSWORD
    } else {
        RESET_PASSWORD
    };
    signed_in(&app, present).await;
}

#[tokio::test]
async fn a_name_that_a_form_of_step_nine_had_is_another_forms_here() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("password").await;
    let key = [("idempotency-key", "1")];
    let set = json!({"new_password": NEW_PASSWORD});
    let set = client.send(Method::POST, "/onboarding/password", Some(set), &key);
    set.await.expect(StatusCode::OK);
    app.advance_client(&client, "completed").await;
    let body = json!({"password": NEW_PASSWORD, "new_password": CHANGED_PASSWORD});
    let done = client.send(Method::POST, "/password-change", Some(body), &key);
    done.await.expect(StatusCode::OK);
    assert_eq!(stored(&app, member).await, 1);
}

#[tokio::test]
async fn browsers_of_before_are_strangers_but_not_the_one_that_it_was_done_in() {
    let (app, _, other) = completed().await;
    app.wait(60);
    let client = signed_in(&app, NEW_PASSWORD).await;
    app.wait(1);
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    done.expect(StatusCode::OK);
    app.wait(1);
    let stranger = app.client();
    for _ in 0..4 {
        let failed = stranger.sign_in(USER_ID, "not the password").await;
        failed.problem(401, "sign-in-failed");
    }
    // The browser's own lane, for one last time.
    let failed = other.sign_in(USER_ID, "not the password").await;
    failed.problem(401, "sign-in-failed");
    let failed = other.sign_in(USER_ID, "not the password").await;
    failed.problem(401, "sign-in-failed");
    let waits = other.sign_in(USER_ID, CHANGED_PASSWORD).await;
    waits.problem(429, "waiting");
    let own = client.sign_in(USER_ID, CHANGED_PASSWORD).await;
    own.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn the_portal_holds_health_data_back_neither_longer_nor_shorter() {
    let (app, _, client) = completed().await;
    let before = status(&client).await["hold_until"].clone();
    assert_ne!(before, Value::Null);
    app.wait(3600);
    let client = signed_in(&app, NEW_PASSWORD).await;
    let done = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    assert_eq!(done.expect(StatusCode::OK).body["hold_until"], before);
}

#[tokio::test]
async fn so_many_an_hour_are_enough_and_one_too_many_keeps_nothing() {
    let (app, member, client) = completed().await;
    let both = [NEW_PASSWORD, CHANGED_PASSWORD];
    for n in 0..10 {
        let done = change(&client, both[n % 2], both[(n + 1) % 2]).await;
        done.expect(StatusCode::OK);
    }
    let spent = change(&client, NEW_PASSWORD, CHANGED_PASSWORD).await;
    spent.problem(429, "budget-spent");
    assert_eq!(stored(&app, member).await, 10);
}

#[tokio::test]
async fn the_pages_lead_through_it_without_a_script() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/completed").await;
    browser
        .get("/completed")
        .await
        .is(200)
        .says("href=\"/password-change\"");
    let page = browser.get("/password-change").await;
    page.is(200).says("いまのパスワード");
    let key = page.field("idempotency_key").unwrap();
    let form = |present, new| {
        [
            ("password", present),
            ("new_password", new),
            ("idempotency_key", key.as_str()),
        ]
    };
    let wrong = browser
        .post(
            "/password-change",
            &form("not-the-right-password", CHANGED_PASSWORD),
        )
        .await;
    wrong
        .is(422)
        .says("パスワードが違います")
        .is_silent_on("not-the-right-password")
        .is_silent_on(CHANGED_PASSWORD);
    let same = browser
        .post("/password-change", &form(NEW_PASSWORD, NEW_PASSWORD))
        .await;
    same.is(422).says("いまと同じパスワードです");
    let twin = browser.twin();
    let right = form(NEW_PASSWORD, CHANGED_PASSWORD);
    let done = browser.post("/password-change", &right).await;
    done.leads_to("/completed?note=password-replaced");
    let done = twin.post("/password-change", &right).await;
    done.leads_to("/?note=password-replaced");
    let done = browser.post("/password-change", &right).await;
    done.leads_to("/completed?note=password-replaced");
    browser
        .get("/?note=password-replaced")
        .await
        .leads_to("/completed?note=password-replaced");
    let page = browser.get("/completed?note=password-replaced").await;
    page.is(200).says("パスワードを変更しました");
    browser
        .get("/history")
        .await
        .is(200)
        .says("パスワードを変更しました");
    // Whoever missed the answer with the new cookie is told which password counts.
    let door = "/sign-in?note=password-set";
    twin.get("/").await.leads_to(door);
}
