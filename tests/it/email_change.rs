//! A changed address, end to end: the password once more, the link to the new mailbox, the notice to the old one, and the delay.

use std::fs;

use kadode::domain::ids::{MemberId, ProposalId, StaffId};
use kadode::domain::onboarding::{Command, Grounds, Intervention, Reason};
use kadode::vault::Profile;
use mail_parser::MessageParser;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::not_me::notice_in;
use crate::support::app::{
    Answer, App, Client, NEW_PASSWORD, USER_ID, code_in, eventually, profile, text_of, token_in,
};
use crate::support::browser::Browser;

const OLD: &str = "hanako@example.jp";
const NEW: &str = "hanako@new.example.jp";
pub const DELAY: i64 = 72 * 3600;

async fn ask(client: &Client, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    client.post("/email-change", body).await
}

/// Follows the link mailed last, on another device.
async fn follow(app: &App) {
    let path = format!("/email-confirmations/{}", app.link_token().await);
    let followed = app.client().post(&path, json!({})).await;
    assert_eq!(
        followed.expect(StatusCode::OK).body,
        json!({"state": "followed"})
    );
}

async fn confirm(client: &Client) -> Answer {
    client.post("/email-change/confirm", json!({})).await
}

/// A member who has completed, with a full session.
async fn completed() -> (App, MemberId, Client) {
    let (app, member) = App::with_member().await;
    let client = app.client_at("completed").await;
    (app, member, client)
}

/// The same, with a change that waits for its delay.
pub async fn pending() -> (App, MemberId, Client) {
    let (app, member, client) = completed().await;
    ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
    follow(&app).await;
    confirm(&client).await.expect(StatusCode::OK);
    (app, member, client)
}

/// The mails so far, oldest first, with the address that each went to.
pub fn addressed(app: &App) -> Vec<(String, String)> {
    let folder = fs::read_dir(app.folder.path().join("mails")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    let mails = files.filter(|path| path.extension().is_some_and(|it| it == "eml"));
    let mut mails: Vec<_> = mails.collect();
    mails.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    mails
        .into_iter()
        .map(|path| {
            let bytes = fs::read(path).unwrap();
            let message = MessageParser::default().parse(&bytes).unwrap();
            let to = message.to().unwrap().first().unwrap();
            (to.address().unwrap().to_owned(), text_of(&bytes))
        })
        .collect()
}

/// The notice of the change, with the address that it went to.
async fn notice(app: &App) -> (String, String) {
    eventually("a notice of the change", || async {
        let mut mails = addressed(app).into_iter();
        mails.find(|(_, text)| text.contains("別のアドレスに変更する"))
    })
    .await
}

/// Where the code of a new sign-in goes, and the client that signed in.
async fn signed_in_by_code(app: &App) -> (Client, String) {
    app.settled().await;
    let client = app.client();
    let answer = client.sign_in(USER_ID, NEW_PASSWORD).await;
    answer.expect(StatusCode::CREATED);
    app.settled().await;
    let (to, text) = addressed(app).pop().unwrap();
    let code = code_in(&text).unwrap();
    let answer = client
        .post("/sessions/current/otp", json!({"code": code}))
        .await;
    answer.expect(StatusCode::OK);
    (client, to)
}

pub async fn status(client: &Client) -> Value {
    client.get("/onboarding").await.expect(StatusCode::OK).body
}

#[tokio::test]
async fn from_the_entry_to_the_first_code_at_the_new_address() {
    let (app, member, client) = completed().await;
    let entered = ask(&client, NEW, NEW_PASSWORD).await;
    let entered = entered.expect(StatusCode::OK).body;
    assert_eq!(
        entered["email_change"],
        json!({"masked": "h***@n***.jp", "state": "registered", "counts_from": null})
    );
    assert_eq!(
        entered["actions"],
        json!([
            "change_email",
            "cancel_email_change",
            "replace_password",
            "log_out"
        ])
    );
    follow(&app).await;
    assert_eq!(
        status(&client).await["actions"],
        json!([
            "confirm_email_change",
            "change_email",
            "cancel_email_change",
            "replace_password",
            "log_out"
        ])
    );
    let confirmed = confirm(&client).await.expect(StatusCode::OK).body;
    assert_eq!(
        confirmed["email_change"],
        json!({"masked": "h***@n***.jp", "state": "pending", "counts_from": "2026-04-13T00:00:00Z"})
    );
    assert_eq!(confirmed["email"]["masked"], "h***@e***.jp");

    app.wait(DELAY - 1);
    let (_, to) = signed_in_by_code(&app).await;
    assert_eq!(to, OLD);
    app.wait(1);
    let (client, to) = signed_in_by_code(&app).await;
    assert_eq!(to, NEW);
    let status = status(&client).await;
    assert_eq!(
        status["email"],
        json!({"masked": "h***@n***.jp", "state": "verified"})
    );
    assert_eq!(status["email_change"], Value::Null);
    assert_eq!(
        status["actions"],
        json!(["change_email", "replace_password", "log_out"])
    );
    let events = app.events(member).await;
    let told = events.iter().filter(|name| name.starts_with("EmailChange"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "EmailChangeRequested",
            "EmailChangeLinkFollowed",
            "EmailChangeConfirmed",
            "EmailChanged"
        ]
    );
}

#[tokio::test]
async fn a_session_that_is_open_at_that_moment_sees_the_new_address_though_nothing_is_stored() {
    let (app, member, _) = pending().await;
    app.wait(DELAY - 60);
    let (client, _) = signed_in_by_code(&app).await;
    let before = app.events(member).await;
    app.wait(59);
    let shown = status(&client).await;
    assert_eq!(shown["email"]["masked"], "h***@e***.jp");
    app.wait(1);
    let shown = status(&client).await;
    assert_eq!(shown["email"]["masked"], "h***@n***.jp");
    assert_eq!(shown["email_change"], Value::Null);
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn the_link_goes_to_the_new_address_and_the_notice_at_once_to_the_old_one() {
    let (app, ..) = pending().await;
    let (to, text) = notice(&app).await;
    assert_eq!(to, OLD);
    for told in ["4月13日", "9時00分", "心当たりがない場合", "03-0000-0000"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    for personal in ["見本 花子", "11111", "1980", USER_ID, "new.example"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    let mails = addressed(&app);
    let links = mails.iter().filter(|(_, text)| token_in(text).is_some());
    let to: Vec<_> = links.map(|(to, _)| to.as_str()).collect();
    assert!(to.contains(&NEW), "{to:?}");
}

#[tokio::test]
async fn whoever_it_was_not_stops_it_from_the_old_mailbox() {
    let (app, member, attacker) = pending().await;
    let token = notice_in(&notice(&app).await.1).unwrap();
    let reported = app
        .client()
        .post(&format!("/not-me/{token}"), json!({}))
        .await;
    reported.expect(StatusCode::OK);
    attacker.get("/onboarding").await.problem(401, "no-session");
    app.wait(DELAY);
    let refused = app.client().sign_in(USER_ID, NEW_PASSWORD).await;
    refused.problem(401, "sign-in-failed");
    assert!(app.payloads(member, "EmailChanged").await.is_empty());
}

#[tokio::test]
async fn and_still_after_it_counts() {
    let (app, member, _) = pending().await;
    let token = notice_in(&notice(&app).await.1).unwrap();
    app.wait(DELAY);
    let (attacker, to) = signed_in_by_code(&app).await;
    assert_eq!(to, NEW);
    let browser = Browser::new(&app);
    let path = format!("/not-me/{token}");
    browser.get(&path).await.is(200).says("利用を停止します");
    browser.post(&path, &[]).await.leads_to(&path);
    attacker.get("/onboarding").await.problem(401, "no-session");
    assert_eq!(app.events(member).await.last().unwrap(), "NotMeReported");
}

#[tokio::test]
async fn a_change_that_was_cancelled_can_still_be_reported_and_takes_nothing_over() {
    let (app, _, client) = pending().await;
    let token = notice_in(&notice(&app).await.1).unwrap();
    let cancelled = client.post("/email-change/cancel", json!({})).await;
    let cancelled = cancelled.expect(StatusCode::OK).body;
    assert_eq!(cancelled["email_change"], Value::Null);
    let late = app
        .client()
        .post(&format!("/not-me/{token}"), json!({}))
        .await;
    assert_eq!(late.expect(StatusCode::OK).body, json!({"state": "frozen"}));
}

#[tokio::test]
async fn a_change_that_was_cancelled_never_counts() {
    let (app, _, client) = pending().await;
    let cancelled = client.post("/email-change/cancel", json!({})).await;
    cancelled.expect(StatusCode::OK);
    app.wait(DELAY);
    let (_, to) = signed_in_by_code(&app).await;
    assert_eq!(to, OLD);
}

#[tokio::test]
async fn a_change_does_not_outlive_a_freeze() {
    let (app, member, _) = pending().await;
    app.freeze(member).await;
    let proposal = ProposalId(app.society.entropy.id());
    let staff = || StaffId(app.society.entropy.id());
    let release = Command::ProposeIntervention {
        proposal,
        intervention: Intervention::Release,
        grounds: Grounds {
            reason: Reason::Mistaken,
            ticket: "HD-1".parse().unwrap(),
        },
        staff: staff(),
    };
    app.command(member, release).await.unwrap();
    let approve = Command::ApproveIntervention {
        proposal,
        staff: staff(),
        print: None,
    };
    app.command(member, approve).await.unwrap();
    app.wait(DELAY);
    let (_, to) = signed_in_by_code(&app).await;
    assert_eq!(to, OLD);
}

#[tokio::test]
async fn a_wrong_password_asks_for_nothing_and_counts_with_failing_sign_ins() {
    let (app, member, client) = completed().await;
    let mails = app.mails().len();
    for tries_left in [4, 3, 2, 1, 0] {
        let refused = ask(&client, NEW, "not-the-right-password").await;
        let problem = refused.problem(422, "mismatch");
        assert_eq!(problem["tries_left"], tries_left);
    }
    let waiting = ask(&client, NEW, NEW_PASSWORD).await;
    assert_eq!(waiting.problem(429, "waiting")["retry_after"], 30);
    // The same browser's sign-in waits as well: it is one count.
    let waiting = client.sign_in(USER_ID, NEW_PASSWORD).await;
    waiting.problem(429, "waiting");
    assert_eq!(app.payloads(member, "CredentialsRejected").await.len(), 5);
    assert!(
        app.payloads(member, "EmailChangeRequested")
            .await
            .is_empty()
    );
    app.settled().await;
    assert_eq!(app.mails().len(), mails);
    app.wait(31);
    ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn each_try_costs_one_run_of_argon2_and_what_is_refused_before_costs_none() {
    let (app, _, client) = completed().await;
    let runs = || app.society.vault.hasher.runs();
    let before = runs();
    ask(&client, "not an address", NEW_PASSWORD)
        .await
        .problem(422, "invalid");
    ask(&client, NEW, "").await.problem(422, "invalid");
    app.client()
        .post("/email-change", json!({"email": NEW, "password": "x"}))
        .await
        .problem(401, "no-session");
    assert_eq!(runs(), before);
    ask(&client, NEW, "not-the-right-password")
        .await
        .problem(422, "mismatch");
    assert_eq!(runs(), before + 1);
    ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
    assert_eq!(runs(), before + 2);
}

#[tokio::test]
async fn only_a_full_session_is_asked_for_it() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("password").await;
    for path in [
        "/email-change",
        "/email-change/confirm",
        "/email-change/cancel",
    ] {
        let body = json!({"email": NEW, "password": NEW_PASSWORD});
        let early = client.post(path, body).await;
        assert_eq!(
            early.problem(409, "out-of-order")["step"]["name"],
            "password"
        );
    }
    app.advance_client(&client, "otp").await;
    let early = ask(&client, NEW, NEW_PASSWORD).await;
    assert_eq!(early.problem(409, "out-of-order")["step"]["name"], "otp");
}

#[tokio::test]
async fn the_present_address_is_no_other_and_a_confirmation_needs_the_link() {
    let (app, _, client) = completed().await;
    let same = ask(&client, "HANAKO@example.jp", NEW_PASSWORD).await;
    assert_eq!(
        same.problem(422, "invalid")["errors"],
        json!([{"field": "email", "why": "present_one"}])
    );
    confirm(&client).await.problem(409, "nothing-to-confirm");
    ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
    confirm(&client).await.problem(409, "nothing-to-confirm");
    follow(&app).await;
    confirm(&client).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn pressed_twice_it_is_well_and_stored_once() {
    let (app, member, client) = completed().await;
    for _ in 0..2 {
        ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
    }
    follow(&app).await;
    for _ in 0..2 {
        confirm(&client).await.expect(StatusCode::OK);
    }
    for once in ["EmailChangeRequested", "EmailChangeConfirmed"] {
        assert_eq!(app.payloads(member, once).await.len(), 1, "{once}");
    }
}

#[tokio::test]
async fn another_address_a_moment_later_is_too_soon_and_leaves_no_row() {
    let (app, _, client) = completed().await;
    ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
    let rows = || async {
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM contacts");
        count.fetch_one(&app.society.database.read).await.unwrap()
    };
    let before = rows().await;
    let soon = ask(&client, "third@example.jp", NEW_PASSWORD).await;
    assert_eq!(soon.problem(429, "too-soon")["retry_after"], 60);
    assert_eq!(rows().await, before);
    app.wait(60);
    ask(&client, "third@example.jp", NEW_PASSWORD)
        .await
        .expect(StatusCode::OK);
    assert_eq!(rows().await, before + 1);
}

#[tokio::test]
async fn whoever_reads_the_new_mailbox_and_knows_of_nothing_ends_the_change() {
    let (app, _, client) = completed().await;
    ask(&client, NEW, NEW_PASSWORD).await.expect(StatusCode::OK);
    let path = format!("/email-confirmations/{}", app.link_token().await);
    let disowned = app.client().post(&path, json!({"disown": true})).await;
    disowned.expect(StatusCode::OK);
    assert_eq!(status(&client).await["email_change"], Value::Null);
}

#[tokio::test]
async fn codes_to_the_new_address_count_for_everybody_who_shares_it() {
    let (app, ..) = pending().await;
    let other = Profile {
        number: "22222".to_owned(),
        ..profile("taro02")
    };
    app.enrol(other, "joined-to-2024-12-01").await;
    let other = app.client();
    let begun = other.sign_in("taro02", "12222219800101").await;
    begun.expect(StatusCode::CREATED);
    app.advance_client(&other, "email").await;
    other.step("email", json!({"email": NEW})).await;
    app.advance_client(&other, "log_out").await;
    let left = other.delete("/sessions/current").await;
    left.expect(StatusCode::NO_CONTENT);
    app.wait(DELAY);
    // Ten an hour to one address.
    for _ in 0..10 {
        let signed_in = app.client().sign_in(USER_ID, NEW_PASSWORD).await;
        signed_in.expect(StatusCode::CREATED);
    }
    let spent = other.sign_in("taro02", NEW_PASSWORD).await;
    spent.problem(429, "budget-spent");
}

#[tokio::test]
async fn the_pages_lead_through_it_without_a_script() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/completed").await;
    browser
        .get("/completed")
        .await
        .is(200)
        .says("href=\"/email-change\"");
    let page = browser.get("/email-change").await;
    page.is(200).says("72時間後").says("h***@e***.jp");
    let wrong = [("email", NEW), ("password", "not-the-right-password")];
    let page = browser.post("/email-change", &wrong).await;
    page.is(422)
        .says("パスワードが違います")
        .says(&format!("value=\"{NEW}\""))
        .is_silent_on("not-the-right-password");
    let right = [("email", NEW), ("password", NEW_PASSWORD)];
    browser
        .post("/email-change", &right)
        .await
        .leads_to("/email-change?note=link-sent");
    browser
        .post("/email-change/confirm", &[])
        .await
        .leads_to("/email-change?note=link-not-followed-yet");
    let link = format!("/email/{}", app.link_token().await);
    let phone = Browser::new(&app);
    phone.get(&link).await.is(200);
    phone.post(&link, &[]).await.leads_to(&link);
    browser
        .post("/email-change/confirm", &[])
        .await
        .leads_to("/email-change?note=email-change-confirmed");
    let page = browser.get("/email-change").await;
    page.is(200).says("2026年4月13日").says("n***.jp");
    browser
        .get("/completed")
        .await
        .is(200)
        .says("切り替わります");
    browser
        .post("/email-change/cancel", &[])
        .await
        .leads_to("/email-change?note=email-change-cancelled");
    browser
        .get("/completed")
        .await
        .is(200)
        .is_silent_on("切り替わります");
}

#[tokio::test]
async fn before_completion_the_page_leads_to_the_step_that_is_due() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    browser.get("/email-change").await.leads_to("/password");
}
