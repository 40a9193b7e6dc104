//! The notice that an account was set up: it reaches the member by mail, and whoever it was not stops all use of the account.

use data_encoding::BASE64URL_NOPAD;
use kadode::domain::ids::{MemberId, NoticeId};
use kadode::domain::onboarding::{Intervention, Reason};
use kadode::mail::Transport;
use kadode::vault::{Notice, Profile};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::app::{
    Answer as Answered, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, eventually,
    profile, text_of,
};
use crate::support::browser::Browser;
use crate::support::smtp::{Answer, Protection, Received, SmtpServer};

/// The token of a notice in a text, be it a mail or a printed line.
pub fn notice_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("/not-me/")?;
    let end = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    rest.split(end).next().map(str::to_owned)
}

/// The token in the notice that was mailed.
async fn mailed_notice(app: &App) -> String {
    eventually("a mailed notice", || async {
        app.mails().iter().find_map(|mail| notice_in(mail))
    })
    .await
}

/// A member who has set the account up, or somebody in their place, with the session in which that was done.
pub async fn set_up() -> (App, MemberId, Client, String) {
    let (app, member) = App::with_member().await;
    let client = app.client_at("log_out").await;
    let token = mailed_notice(&app).await;
    (app, member, client, token)
}

async fn report(client: &Client, token: &str) -> Answered {
    client.post(&format!("/not-me/{token}"), json!({})).await
}

#[tokio::test]
async fn the_notice_says_what_was_done_and_what_to_do_and_holds_nothing_personal() {
    let (app, ..) = set_up().await;
    let mails = app.mails();
    let notice = mails.iter().find(|mail| notice_in(mail).is_some()).unwrap();
    for told in [
        "設定が",
        "完了しました",
        "心当たりがない場合",
        "03-0000-0000",
    ] {
        assert!(notice.contains(told), "{told}: {notice}");
    }
    let (before, _) = notice.split_once(&format!("{}/not-me/", app.url)).unwrap();
    for personal in ["見本 花子", "11111", "1980", USER_ID, "hanako@example.jp"] {
        assert!(!before.contains(personal), "{personal}: {notice}");
    }
}

#[tokio::test]
async fn the_notice_comes_in_the_language_in_which_the_address_was_entered() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    client
        .send_raw(Method::GET, "/sign-in?lang=en", "", &[])
        .await
        .expect(StatusCode::OK);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&client, "log_out").await;
    mailed_notice(&app).await;
    let mails = app.mails();
    let notice = mails.iter().find(|mail| notice_in(mail).is_some()).unwrap();
    assert!(notice.contains("was set up just now"), "{notice}");
    assert!(notice.contains("?lang=en"), "{notice}");
}

#[tokio::test]
async fn whoever_it_was_not_ends_the_session_and_nobody_signs_in() {
    let (app, member, attacker, token) = set_up().await;
    let reported = report(&app.client(), &token).await.expect(StatusCode::OK);
    assert_eq!(reported.body, json!({"state": "frozen"}));
    assert!(reported.cookies().is_empty());
    attacker.get("/onboarding").await.problem(401, "no-session");
    for password in [NEW_PASSWORD, INITIAL_PASSWORD] {
        let refused = app.client().sign_in(USER_ID, password).await;
        refused.problem(401, "sign-in-failed");
    }
    let events = app.events(member).await;
    assert_eq!(events.last().unwrap(), "NotMeReported");
}

#[tokio::test]
async fn a_full_session_ends_as_well() {
    let (app, _) = App::with_member().await;
    let attacker = app.client_at("completed").await;
    let token = mailed_notice(&app).await;
    report(&app.client(), &token).await.expect(StatusCode::OK);
    attacker.get("/session").await.problem(401, "no-session");
}

#[tokio::test]
async fn pressed_twice_it_is_well_and_stored_once() {
    let (app, member, _, token) = set_up().await;
    for _ in 0..2 {
        report(&app.client(), &token).await.expect(StatusCode::OK);
    }
    assert_eq!(app.payloads(member, "NotMeReported").await.len(), 1);
}

#[tokio::test]
async fn it_leaves_alone_the_session_of_the_browser_it_is_pressed_in() {
    let (app, _, _, token) = set_up().await;
    let other = profile_of_another();
    app.enrol(other, "joined-to-2024-12-01").await;
    let another = app.client();
    another
        .sign_in("taro02", "22222219900202")
        .await
        .expect(StatusCode::CREATED);
    let reported = report(&another, &token).await.expect(StatusCode::OK);
    assert!(reported.cookies().is_empty());
    assert_eq!(another.due().await, "birth_date");
}

fn profile_of_another() -> Profile {
    Profile {
        symbol: "2".to_owned(),
        number: "22222".to_owned(),
        birth_date: "1990-02-02".parse().unwrap(),
        ..profile("taro02")
    }
}

#[tokio::test]
async fn a_token_that_is_none_of_ours_is_unknown() {
    let (app, member, _, token) = set_up().await;
    let mut bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
    // Of another member, with everything else as it was.
    bytes[0] ^= 1;
    let forged = BASE64URL_NOPAD.encode(&bytes);
    let link = app.tokens(member).await.remove(0);
    for unknown in [forged.as_str(), "A", link.as_str()] {
        let answer = report(&app.client(), unknown).await;
        answer.problem(404, "link-unknown");
        let browser = Browser::at_the_door(&app).await;
        let page = browser.get(&format!("/not-me/{unknown}")).await;
        page.is(404)
            .says("このアドレスは正しくありません")
            .is_silent_on(unknown);
    }
    assert!(app.payloads(member, "NotMeReported").await.is_empty());
}

#[tokio::test]
async fn a_notice_about_a_password_that_counts_no_more_is_replaced() {
    let (app, member, _, _) = set_up().await;
    let about = Notice {
        member,
        about: NoticeId(app.society.entropy.id()),
    };
    let token = app.society.vault.one_time.seal_notice(&about).unwrap();
    let token = token.expose_secret();
    let answer = report(&app.client(), token).await;
    answer.problem(410, "notice-replaced");
    let browser = Browser::at_the_door(&app).await;
    let page = browser.get(&format!("/not-me/{token}")).await;
    page.is(410).says("このお知らせは、もう使えません");
    let page = browser.post(&format!("/not-me/{token}"), &[]).await;
    page.is(410).says("このお知らせは、もう使えません");
    assert!(app.payloads(member, "NotMeReported").await.is_empty());
}

#[tokio::test]
async fn looking_at_it_any_number_of_times_changes_nothing() {
    let (app, member, client, token) = set_up().await;
    let path = format!("/not-me/{token}");
    let scanner = Browser::new(&app);
    let before = app.events(member).await;
    for method in [Method::GET, Method::HEAD] {
        for _ in 0..5 {
            let request = scanner.request(method.clone(), &path);
            scanner.send(request).await.is(200);
        }
    }
    assert_eq!(app.events(member).await, before);
    assert_eq!(client.due().await, "log_out");
}

#[tokio::test]
async fn the_page_says_what_the_button_does_and_then_that_use_was_stopped_and_whom_to_call() {
    let (app, _, _, token) = set_up().await;
    let path = format!("/not-me/{token}");
    let browser = Browser::new(&app);
    let page = browser.get(&path).await;
    page.is(200)
        .says("利用を停止します")
        .is_silent_on("見本 花子")
        .is_silent_on(USER_ID);
    browser.post(&path, &[]).await.leads_to(&path);
    let page = browser.get(&path).await;
    page.is(200).says("利用を停止しました").says("03-0000-0000");
}

/// A member who has confirmed an address, and the server that took the mail with its link.
async fn confirmed_by_smtp() -> (App, SmtpServer, MemberId, Client) {
    let server = SmtpServer::start(Protection::StartTls).await;
    let url = format!("smtp://127.0.0.1:{}", server.port());
    let transport = Transport::open(&url, Some(&server.authority())).unwrap();
    let setup = Setup {
        transport: Some(transport),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = app.client_at("email").await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    server.wait_for(1).await;
    let token = app.tokens(member).await.remove(0);
    let path = format!("/email-confirmations/{token}");
    app.client()
        .post(&path, json!({}))
        .await
        .expect(StatusCode::OK);
    app.advance_client(&client, "otp_method").await;
    (app, server, member, client)
}

/// Waits until so many mails were refused once, and rest.
async fn resting(app: &App, count: i64) {
    eventually("mails that rest", || async {
        let resting: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE attempts = 1 AND lease IS NULL")
                .fetch_one(&app.society.database.read)
                .await
                .unwrap();
        (resting == count).then_some(())
    })
    .await;
}

/// A member who has set the account up while the mail server took nothing for now.
async fn set_up_with_the_notice_held_back() -> (App, SmtpServer, MemberId, Client) {
    let (app, server, member, client) = confirmed_by_smtp().await;
    app.advance_client(&client, "password").await;
    server.answer(Answer::Refuse(451, "later"));
    app.advance_client(&client, "log_out").await;
    resting(&app, 1).await;
    (app, server, member, client)
}

/// Lets the mail server take mails again, and waits for what the log tells of the notice.
async fn what_became_of_it(app: &App, server: &SmtpServer) -> Value {
    server.answer(Answer::Accept);
    app.wait(5);
    eventually("the end of the notice", || async {
        let log = app.society.log.read_after(0, i64::MAX).await.unwrap();
        let mut told = log.into_iter().filter(|event| event.stream_kind == "mail");
        let of_it = told.find(|event| event.payload["kind"] == "account_set_up");
        of_it.map(|event| event.payload)
    })
    .await
}

#[tokio::test]
async fn a_notice_is_tried_again_until_the_mail_server_takes_it() {
    let (app, server, ..) = set_up_with_the_notice_held_back().await;
    let told = what_became_of_it(&app, &server).await;
    assert_eq!(told["type"], "MailAccepted");
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_notice_about_an_account_that_is_frozen_meanwhile_is_not_mailed() {
    let (app, server, member, _) = set_up_with_the_notice_held_back().await;
    app.freeze(member).await;
    let told = what_became_of_it(&app, &server).await;
    assert_eq!(told["type"], "MailSkipped");
    assert_eq!(told["why"], "superseded");
}

/// The session that waits for a code ends with the address, and so the notice has two events.
#[tokio::test]
async fn that_an_address_was_taken_away_is_told_there_though_another_was_entered_before_the_mail_left()
 {
    let (app, server, member, _) = confirmed_by_smtp().await;
    app.intervene(member, Intervention::RecordProofing)
        .await
        .unwrap();
    server.wait_for(2).await;
    server.answer(Answer::Refuse(451, "later"));
    app.wait(60);
    let client = app.client();
    let signed_in = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    let status = signed_in.expect(StatusCode::CREATED).body;
    assert_eq!(status["session"]["kind"], "otp_pending");
    resting(&app, 1).await;
    app.by_two(member, Intervention::ClearEmail, Reason::MailboxLost)
        .await;
    let signed_in = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    signed_in.expect(StatusCode::CREATED);
    let another = json!({"email": "jiro@example.jp"});
    client.step("email", another).await;
    // The code, the notice, and the link.
    resting(&app, 3).await;
    server.answer(Answer::Accept);
    app.wait(5);
    let to = |mail: &Received| {
        let is_notice = text_of(&mail.bytes).contains("手続きを行いました");
        is_notice.then(|| mail.to.clone())
    };
    server.wait_for(4).await;
    let told: Vec<String> = server.received().iter().filter_map(to).collect();
    assert_eq!(told, ["hanako@example.jp"; 2]);
}

#[tokio::test]
async fn what_staff_do_is_told_once_to_the_address_that_was_verified() {
    let (app, member) = App::with_member().await;
    app.client_at("otp_method").await;
    // The session ends, and the account is frozen: two events of one command.
    app.freeze(member).await;
    let told = eventually("what staff did", || async {
        let mails = app.mails();
        let told = mails.iter().filter(|it| it.contains("手続きを行いました"));
        let told: Vec<String> = told.cloned().collect();
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert!(told[0].contains("03-0000-0000"), "{}", told[0]);
    app.settled().await;
    assert_eq!(app.mails().len(), 2);
}

#[tokio::test]
async fn nobody_is_told_what_staff_do_for_a_member_without_an_address() {
    let (app, member) = App::with_member().await;
    app.client_at("email_link").await;
    app.mails_at_least(1).await;
    app.freeze(member).await;
    app.settled().await;
    assert_eq!(app.mails().len(), 1);
}
