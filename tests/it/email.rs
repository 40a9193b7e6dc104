//! Steps 5 to 7: the address, its links and their mails; looking changes nothing, and a link grants nothing by itself.

use kadode::domain::ids::MemberId;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, Setup, USER_ID, policy_with, profile,
};

fn path(token: &str) -> String {
    format!("/email-confirmations/{token}")
}

async fn look(client: &Client, token: &str) -> Answer {
    client.get(&path(token)).await
}

async fn follow(client: &Client, token: &str) -> Answer {
    client.post(&path(token), json!({})).await
}

async fn disown(client: &Client, token: &str) -> Answer {
    client.post(&path(token), json!({"disown": true})).await
}

async fn resend(client: &Client) -> Answer {
    client.post("/onboarding/email/resend", json!({})).await
}

fn assert_retry(answer: Answer, name: &str, seconds: i64) {
    assert_eq!(answer.headers["retry-after"], seconds.to_string().as_str());
    let body = answer.problem(429, name);
    assert_eq!(body["retry_after"], seconds);
}

/// A member with a link, whoever reads the mailbox, and the token.
async fn with_link() -> (App, MemberId, Client, String) {
    let (app, member) = App::with_member().await;
    let client = app.client_at("email_link").await;
    let token = app.tokens(member).await.remove(0);
    (app, member, client, token)
}

#[tokio::test]
async fn the_mailed_link_is_the_one_that_counts() {
    let (app, _, _, token) = with_link().await;
    assert_eq!(app.link_token().await, token);
    let mail = app.mails_at_least(1).await.remove(0);
    assert!(mail.contains(&format!("{}/email/{token}", app.url)));
}

#[tokio::test]
async fn looking_at_a_link_changes_nothing_however_often() {
    let (app, member, client, token) = with_link().await;
    let before = app.events(member).await;
    let anybody = app.client();
    for _ in 0..20 {
        let answer = look(&anybody, &token).await.expect(StatusCode::OK);
        assert_eq!(answer.body, json!({"state": "open"}));
        assert_eq!(answer.cookies(), Vec::<&str>::new());
        let head = anybody.send(Method::HEAD, &path(&token), None, &[]).await;
        assert_eq!(head.expect(StatusCode::OK).text, "");
        for method in [Method::GET, Method::HEAD] {
            let page = anybody
                .send_raw(method, &format!("/email/{token}"), "", &[])
                .await;
            page.expect(StatusCode::OK);
        }
    }
    assert_eq!(app.events(member).await, before);
    assert_eq!(client.due().await, "email_link");
}

#[tokio::test]
async fn a_link_is_followed_on_any_device_and_makes_no_session() {
    let (app, member, client, token) = with_link().await;
    let phone = app.client();
    let answer = follow(&phone, &token).await.expect(StatusCode::OK);
    assert_eq!(answer.body, json!({"state": "followed"}));
    assert_eq!(answer.cookies(), Vec::<&str>::new());
    phone.get("/onboarding").await.problem(401, "no-session");
    assert_eq!(client.due().await, "email_update");
    assert_eq!(app.payloads(member, "EmailVerified").await.len(), 0);
}

#[tokio::test]
async fn a_link_followed_twice_is_well_and_stored_once() {
    let (app, member, client, token) = with_link().await;
    for _ in 0..3 {
        follow(&app.client(), &token).await.expect(StatusCode::OK);
    }
    assert_eq!(
        look(&client, &token).await.body,
        json!({"state": "followed"})
    );
    client.step("email/update", json!({})).await;
    assert_eq!(
        look(&client, &token).await.body,
        json!({"state": "verified"})
    );
    follow(&app.client(), &token).await.expect(StatusCode::OK);
    assert_eq!(app.payloads(member, "EmailLinkFollowed").await.len(), 1);
}

#[tokio::test]
async fn following_again_after_its_time_is_well_too() {
    let (app, _, _, token) = with_link().await;
    follow(&app.client(), &token).await.expect(StatusCode::OK);
    app.wait(24 * 3600);
    follow(&app.client(), &token).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_link_counts_for_sixty_minutes() {
    let (app, _, _, token) = with_link().await;
    let anybody = app.client();
    app.wait(3599);
    look(&anybody, &token).await.expect(StatusCode::OK);
    app.wait(1);
    look(&anybody, &token).await.problem(410, "link-expired");
    follow(&anybody, &token).await.problem(410, "link-expired");
    disown(&anybody, &token).await.problem(410, "link-expired");
}

#[tokio::test]
async fn every_link_to_the_present_address_counts_until_its_own_end() {
    let (app, member, client, first) = with_link().await;
    app.wait(60);
    resend(&client).await.expect(StatusCode::OK);
    let second = app.tokens(member).await.remove(1);
    assert_ne!(first, second);
    look(&client, &first).await.expect(StatusCode::OK);
    app.wait(3540);
    look(&client, &first).await.problem(410, "link-expired");
    follow(&app.client(), &second).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_link_of_a_corrected_address_is_replaced() {
    let (app, member, client, old) = with_link().await;
    app.wait(1);
    client
        .step("email", json!({"email": "corrected@example.jp"}))
        .await;
    let anybody = app.client();
    look(&anybody, &old).await.problem(410, "link-replaced");
    follow(&anybody, &old).await.problem(410, "link-replaced");
    disown(&anybody, &old).await.problem(410, "link-replaced");
    let new = app.tokens(member).await.remove(1);
    follow(&anybody, &new).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_is_disowned_leads_back_to_step_five() {
    let (app, member, client, token) = with_link().await;
    let stranger = app.client();
    let answer = disown(&stranger, &token).await.expect(StatusCode::OK);
    assert_eq!(answer.body, json!({"state": "disowned"}));
    look(&stranger, &token).await.problem(410, "link-disowned");
    follow(&stranger, &token)
        .await
        .problem(410, "link-disowned");
    disown(&stranger, &token).await.expect(StatusCode::OK);
    assert_eq!(app.payloads(member, "EmailDisowned").await.len(), 1);
    let status = client.get("/onboarding").await.body;
    assert_eq!(status["step"]["number"], 5);
    assert_eq!(status["email"], serde_json::Value::Null);
    let refused = client.post("/onboarding/email/update", json!({})).await;
    assert_eq!(
        refused.problem(409, "out-of-order")["step"]["name"],
        "email"
    );
}

#[tokio::test]
async fn an_address_can_be_disowned_after_the_link_was_followed_but_not_after_step_seven() {
    let (app, _, client, token) = with_link().await;
    // What is disowned before it leaves is never sent.
    app.mails_at_least(1).await;
    let stranger = app.client();
    follow(&stranger, &token).await.expect(StatusCode::OK);
    disown(&stranger, &token).await.expect(StatusCode::OK);
    app.wait(1);
    app.advance_client(&client, "otp_method").await;
    let verified = app.mails_at_least(2).await;
    let token = verified
        .iter()
        .rev()
        .find_map(|mail| crate::support::app::token_in(mail))
        .unwrap();
    let body = disown(&stranger, &token).await.problem(409, "out-of-order");
    assert_eq!(body["step"]["name"], "otp_method");
}

#[tokio::test]
async fn a_forged_link_is_unknown() {
    let (app, member, _, token) = with_link().await;
    let before = app.events(member).await;
    let last = if token.ends_with('A') { "E" } else { "A" };
    let other_end = format!("{}{last}", &token[..token.len() - 1]);
    let other_start = format!(
        "{}{}",
        if token.starts_with('A') { "B" } else { "A" },
        &token[1..]
    );
    let anybody = app.client();
    let long = "A".repeat(300);
    for forged in [
        other_end.as_str(),
        &other_start,
        "x",
        "%ff%fe",
        "..%2f..",
        &long,
        "%00",
    ] {
        look(&anybody, forged).await.problem(404, "link-unknown");
        follow(&anybody, forged).await.problem(404, "link-unknown");
        disown(&anybody, forged).await.problem(404, "link-unknown");
    }
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn the_update_waits_for_the_link() {
    let (_app, _, client, _) = with_link().await;
    let answer = client.post("/onboarding/email/update", json!({})).await;
    let body = answer.problem(409, "out-of-order");
    assert_eq!(body["step"], json!({"number": 6, "name": "email_link"}));
}

#[tokio::test]
async fn another_link_waits_for_sixty_seconds() {
    let (app, member, client, _) = with_link().await;
    assert_retry(resend(&client).await, "too-soon", 60);
    app.wait(59);
    assert_retry(resend(&client).await, "too-soon", 1);
    app.wait(1);
    resend(&client).await.expect(StatusCode::OK);
    assert_eq!(app.payloads(member, "EmailLinkReissued").await.len(), 1);
}

#[tokio::test]
async fn five_links_to_an_address_entered_are_the_most() {
    let (app, _, client, _) = with_link().await;
    for _ in 0..4 {
        app.wait(60);
        resend(&client).await.expect(StatusCode::OK);
    }
    app.wait(60);
    assert_retry(resend(&client).await, "budget-spent", 24 * 3600 - 300);
    client
        .step("email", json!({"email": "corrected@example.jp"}))
        .await;
    app.wait(60);
    resend(&client).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn ten_links_an_hour_are_the_most_for_a_member() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("email").await;
    for number in 0..10 {
        client
            .step(
                "email",
                json!({"email": format!("typo{number}@example.jp")}),
            )
            .await;
        app.wait(1);
    }
    let eleventh = client
        .post("/onboarding/email", json!({"email": "typo@example.jp"}))
        .await;
    assert_retry(eleventh, "budget-spent", 3590);
    // The one that is registered already is no new mail.
    client
        .step("email", json!({"email": "typo9@example.jp"}))
        .await;
}

#[tokio::test]
async fn an_address_that_no_budget_has_room_for_is_not_stored() {
    let setup = Setup {
        policy: policy_with(&[("per_hour = 10", "per_hour = 1")]),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let first = app.client_at("email_link").await;
    let mut spouse = profile("jiro0001");
    "22222".clone_into(&mut spouse.number);
    app.enrol(spouse, "joined-to-2024-12-01").await;
    let second = app.client();
    second
        .sign_in("jiro0001", "12222219800101")
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&second, "email").await;
    // The one has spent their own budget, the other enters an address whose budget is spent.
    for (client, email) in [(&first, "typo@example.jp"), (&second, "hanako@example.jp")] {
        let answer = client
            .post("/onboarding/email", json!({"email": email}))
            .await;
        answer.problem(429, "budget-spent");
    }
    let stored: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM contacts")
        .fetch_one(&app.society.database.read)
        .await
        .unwrap();
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn members_who_share_an_address_share_its_budget_of_links() {
    let setup = Setup {
        policy: policy_with(&[("per_hour = 10", "per_hour = 2")]),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let first = app.client_at("email_link").await;
    let mut spouse = profile("jiro0001");
    "22222".clone_into(&mut spouse.number);
    app.enrol(spouse, "joined-to-2024-12-01").await;
    let second = app.client();
    second
        .sign_in("jiro0001", "12222219800101")
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&second, "email_link").await;
    app.wait(60);
    assert_retry(resend(&first).await, "budget-spent", 3540);
    let mut third = profile("saburo01");
    "33333".clone_into(&mut third.number);
    app.enrol(third, "joined-to-2024-12-01").await;
    let third = app.client();
    third
        .sign_in("saburo01", "13333319800101")
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&third, "email").await;
    let answer = third
        .post("/onboarding/email", json!({"email": "hanako@EXAMPLE.jp"}))
        .await;
    assert_retry(answer, "budget-spent", 3540);
    third
        .step("email", json!({"email": "saburo@example.jp"}))
        .await;
}

#[tokio::test]
async fn the_same_address_again_mails_nothing() {
    let (app, member, client, _) = with_link().await;
    for typed in [
        "hanako@example.jp",
        " hanako@EXAMPLE.JP ",
        "ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐ",
    ] {
        let status = client.step("email", json!({"email": typed})).await;
        assert_eq!(status["step"]["name"], "email_link");
    }
    assert_eq!(app.payloads(member, "EmailRegistered").await.len(), 1);
}

#[tokio::test]
async fn a_link_counts_after_the_session_has_ended_and_the_update_follows_in_the_next() {
    let (app, _, client, token) = with_link().await;
    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    follow(&app.client(), &token).await.expect(StatusCode::OK);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let status = client.step("email/update", json!({})).await;
    assert_eq!(status["step"]["number"], 8);
}
