//! Every mail that an event asks for leaves once or is told about, whatever the mail server or a kill does to it.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kadode::api::blocklist::blocklist;
use kadode::app::Serving;
use kadode::config::PublicUrl;
use kadode::domain::delivery::Outcome;
use kadode::domain::ids::{ContactId, IssueId};
use kadode::domain::onboarding::{Command, NewLink, Onboarding};
use kadode::domain::values::Language;
use kadode::mail::{SEND_TIMEOUT, Transport};
use kadode::reactors::outbox::Outbox;
use kadode::store::Recorded;
use kadode::vault::Profile;
use mail_parser::MessageParser;
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::support::app::{
    App, Client, NEW_PASSWORD, Setup, USER_ID, code_in, eventually, profile, token_in,
};
use crate::support::smtp::{Answer, Protection, SmtpServer};
use crate::support::walk;

/// A server's words that must not get into the log.
const WORDS: &str = "5.1.1 <hanako@example.jp> unknown";

fn to(server: &SmtpServer) -> Transport {
    to_port(server, server.port())
}

fn to_port(server: &SmtpServer, port: u16) -> Transport {
    Transport::open(
        &format!("smtp://127.0.0.1:{port}"),
        Some(&server.authority()),
    )
    .unwrap()
}

fn mailing_to(transport: Transport) -> Setup {
    Setup {
        transport: Some(transport),
        ..Setup::default()
    }
}

async fn served(server: &SmtpServer) -> App {
    let app = App::start_as(mailing_to(to(server))).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app
}

/// What is in a mail, as its reader sees it.
fn text(bytes: &[u8]) -> String {
    let message = MessageParser::default().parse(bytes).unwrap();
    message.body_text(0).unwrap().into_owned()
}

async fn log(app: &App) -> Vec<Recorded> {
    app.society.log.read_after(0, i64::MAX).await.unwrap()
}

/// What the log tells of mails: type and the reason, code or class.
async fn told(app: &App) -> Vec<Recorded> {
    let mut events = log(app).await;
    events.retain(|event| event.stream_kind == "mail");
    events
}

/// Waits until nothing is in the outbox and the log tells of `count` mails.
async fn all_concluded(app: &App, count: usize) -> Vec<Recorded> {
    eventually("the end of all mails", async || {
        let told = told(app).await;
        (told.len() >= count && waiting(app).await.is_empty()).then_some(told)
    })
    .await
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    attempts: i64,
    due_at: String,
    lease: Option<String>,
    outcome: Option<String>,
}

async fn waiting(app: &App) -> Vec<Row> {
    sqlx::query_as("SELECT attempts, due_at, lease, outcome FROM outbox ORDER BY due_at")
        .fetch_all(&app.society.database.read)
        .await
        .unwrap()
}

/// Waits until the one mail was tried so often and rests; answers how long from now.
async fn resting_after(app: &App, attempts: i64) -> SignedDuration {
    let row = eventually("a mail at rest", async || {
        let row = waiting(app).await.pop()?;
        (row.attempts == attempts && row.lease.is_none()).then_some(row)
    })
    .await;
    let due: Timestamp = row.due_at.parse().unwrap();
    due.duration_since(app.clock.now())
}

async fn register(client: &Client, address: &str) {
    client.step("email", json!({ "email": address })).await;
}

/// A client whose next step is to enter an address.
async fn at_email(app: &App) -> Client {
    app.client_at("email").await
}

#[tokio::test]
async fn each_event_that_asks_for_a_mail_gives_exactly_one() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = served(&server).await;
    let client = at_email(&app).await;
    register(&client, "hanako@example.jp").await;
    server.wait_for(1).await;
    app.clock.advance(SignedDuration::from_secs(60));
    client.step("email/resend", json!({})).await;
    server.wait_for(2).await;
    app.clock.advance(SignedDuration::from_secs(60));
    register(&client, "hanako.mihon@example.jp").await;
    let mails = server.wait_for(3).await;
    assert_eq!(mails[2].to, "hanako.mihon@example.jp");
    let token = token_in(&text(&mails[2].bytes)).unwrap();
    app.client()
        .post(&format!("/email-confirmations/{token}"), json!({}))
        .await
        .expect(StatusCode::OK);
    client.step("email/update", json!({})).await;
    client.step("otp-method", json!({"method": "email"})).await;
    client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;
    server.wait_for(4).await;
    client.delete("/sessions/current").await;
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    server.wait_for(5).await;
    app.clock.advance(SignedDuration::from_secs(60));
    client
        .post("/sessions/current/otp/resend", json!({}))
        .await
        .expect(StatusCode::OK);
    let mails = server.wait_for(6).await;

    // The same code again, since half its life is left.
    let codes: Vec<_> = mails[4..]
        .iter()
        .map(|mail| code_in(&text(&mail.bytes)).unwrap())
        .collect();
    assert_eq!(codes[0], codes[1]);
    let told = all_concluded(&app, 6).await;
    assert_eq!(server.received().len(), 6);
    for event in &told {
        assert_eq!(event.event_type, "MailAccepted");
        assert_eq!(event.payload["smtp_code"], 250);
        assert!(event.payload["contact"].is_string());
    }
    let asked: Vec<_> = log(&app)
        .await
        .into_iter()
        .filter(|event| event.payload["key"].is_string() || event.event_type == "PasswordChanged")
        .collect();
    assert_eq!(asked.len(), 6);
    let code = client
        .post("/sessions/current/otp", json!({"code": codes[1]}))
        .await;
    code.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_mail_that_a_killed_program_had_in_hand_leaves_at_the_restart() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Hang);
    let app = served(&server).await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    server.wait_until_asked(1).await;
    let (clock, folder) = (app.clock.clone(), app.kill().await);

    let second = SmtpServer::start(Protection::StartTls).await;
    let setup = Setup {
        clock: clock.clone(),
        ..mailing_to(to(&second))
    };
    let app = App::start_in(folder, setup).await;
    second.wait_for(1).await;
    let told = all_concluded(&app, 1).await;
    assert_eq!((told.len(), second.received().len()), (1, 1));
}

#[tokio::test]
async fn a_lease_outlives_any_try_to_send_and_counts_until_another_sender_takes_the_mail() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Hang);
    let app = served(&server).await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    server.wait_until_asked(1).await;
    let outbox = Outbox::new(app.society.database.clone());
    let after = async |seconds| {
        let then = app.clock.now() + SignedDuration::from_secs(seconds);
        let lease = app.society.entropy.id();
        outbox.lease(1, 0, lease, then, &[]).await.unwrap()
    };
    let longest = i64::try_from(SEND_TIMEOUT.as_secs()).unwrap();
    assert!(after(longest + 59).await.is_empty());
    let [mail] = &after(longest + 60).await[..] else {
        panic!("the lease does not run out")
    };

    // Also when it is over, until another sender has taken the mail.
    let outcome = Outcome::Failed {
        smtp_code: None,
        domain_class: "other".to_owned(),
    };
    let note = async || outbox.note(mail, None, &outcome).await.unwrap();
    assert!(note().await);
    assert_eq!(after(3600).await.len(), 1);
    assert!(!note().await);
}

#[tokio::test]
async fn a_mail_asked_for_just_before_a_kill_leaves_after_the_restart() {
    let (app, member) = App::with_member().await;
    at_email(&app).await;
    let (clock, folder) = (app.clock.clone(), app.kill().await);

    // The event is stored, and nothing that follows from it.
    let society = walk::open(&folder).await;
    let contact = ContactId(society.entropy.id());
    let (vault, now) = (&society.vault, society.clock.now());
    vault
        .contacts
        .store(contact, member, "hanako@example.jp", now)
        .await
        .unwrap();
    let state: Onboarding = society.commands.load(&member.to_string()).await.unwrap();
    let command = Command::RegisterEmail {
        session: state.session.unwrap().id,
        contact,
        same_as: None,
        link: NewLink {
            issue: IssueId(society.entropy.id()),
            key: vault.one_time.current_key().clone(),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        },
    };
    walk::give(&society, member, command).await;
    society.database.close().await;

    let setup = Setup {
        clock,
        ..Setup::default()
    };
    let app = App::start_in(folder, setup).await;
    app.link_token().await;
    all_concluded(&app, 1).await;
    assert_eq!(app.mails().len(), 1);
}

#[tokio::test]
async fn a_link_to_a_replaced_address_is_not_mailed() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Refuse(451, "later"));
    let app = served(&server).await;
    let client = at_email(&app).await;
    register(&client, "hanako@example.jp").await;
    resting_after(&app, 1).await;
    server.answer(Answer::Accept);
    app.clock.advance(SignedDuration::from_secs(4));
    register(&client, "hanako.mihon@example.jp").await;
    server.wait_for(1).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let told = all_concluded(&app, 2).await;
    assert_eq!(told[0].event_type, "MailAccepted");
    assert_eq!(told[1].event_type, "MailSkipped");
    assert_eq!(told[1].payload["why"], "superseded");
    assert_ne!(told[0].payload["contact"], told[1].payload["contact"]);
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].to, "hanako.mihon@example.jp");
}

#[tokio::test]
async fn a_code_of_a_sign_in_that_was_replaced_is_not_mailed() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = served(&server).await;
    let client = signed_in_again(&app, &server).await;
    server.answer(Answer::Refuse(451, "later"));
    app.clock.advance(SignedDuration::from_secs(60));
    client.delete("/sessions/current").await;
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    resting_after(&app, 1).await;
    client.delete("/sessions/current").await;
    server.answer(Answer::Accept);
    app.clock.advance(SignedDuration::from_secs(5));
    let told = all_concluded(&app, 4).await;
    assert_eq!(told[3].payload["why"], "superseded");
    assert_eq!(server.received().len(), 3);
}

/// A client that waits for its code, which was mailed: after link and notice, the third mail.
async fn signed_in_again(app: &App, server: &SmtpServer) -> Client {
    let client = at_email(app).await;
    register(&client, "hanako@example.jp").await;
    let mail = server.wait_for(1).await.remove(0);
    let token = token_in(&text(&mail.bytes)).unwrap();
    app.client()
        .post(&format!("/email-confirmations/{token}"), json!({}))
        .await
        .expect(StatusCode::OK);
    app.advance_client(&client, "otp").await;
    server.wait_for(3).await;
    all_concluded(app, 3).await;
    client
}

#[tokio::test]
async fn an_expired_link_is_not_mailed() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Refuse(451, "later"));
    let app = served(&server).await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    resting_after(&app, 1).await;
    server.answer(Answer::Accept);
    app.clock.advance(SignedDuration::from_mins(60));
    let told = all_concluded(&app, 1).await;
    assert_eq!(told[0].event_type, "MailSkipped");
    assert_eq!(told[0].payload["why"], "expired");
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_now_is_tried_again_after_growing_waits() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Refuse(451, WORDS));
    let app = served(&server).await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    for (attempts, seconds) in [(1, 5), (2, 15), (3, 45), (4, 120), (5, 300), (6, 300)] {
        let pause = resting_after(&app, attempts).await;
        assert_eq!(pause, SignedDuration::from_secs(seconds), "{attempts}");
        app.clock.advance(pause);
    }
    resting_after(&app, 7).await;
    server.answer(Answer::Accept);
    app.clock.advance(SignedDuration::from_secs(300));
    server.wait_for(1).await;
    let told = all_concluded(&app, 1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event_type, "MailAccepted");
}

#[tokio::test]
async fn a_mail_that_is_refused_until_its_link_expires_has_failed() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Refuse(451, WORDS));
    let app = served(&server).await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    resting_after(&app, 1).await;
    app.clock.advance(SignedDuration::from_secs(59 * 60 + 50));
    let told = all_concluded(&app, 1).await;
    assert_eq!(told[0].event_type, "MailFailed");
    assert_eq!(told[0].payload["smtp_code"], 451);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_has_failed_once_and_leaves_no_word_of_the_server() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Refuse(550, WORDS));
    let app = served(&server).await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    let told = all_concluded(&app, 1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event_type, "MailFailed");
    assert_eq!(told[0].payload["smtp_code"], 550);
    assert_eq!(told[0].payload["domain_class"], "other");
    for event in log(&app).await {
        let stored = format!("{} {}", event.payload, event.metadata);
        // The policy is stored whole, with the society's own addresses.
        for word in ["hanako", "example", "unknown", "5.1.1"] {
            assert!(
                event.stream_kind == "policy" || !stored.contains(word),
                "{word} in {stored}"
            );
        }
    }
}

#[tokio::test]
async fn a_server_that_was_away_gets_the_mail_when_it_is_back() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let port = {
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        nobody.local_addr().unwrap().port()
    };
    let app = App::start_as(mailing_to(to_port(&server, port))).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    register(&at_email(&app).await, "hanako@example.jp").await;
    resting_after(&app, 1).await;
    let back = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let inner = server.port();
    tokio::spawn(async move {
        let (mut outer, _) = back.accept().await.unwrap();
        let mut inner = TcpStream::connect((Ipv4Addr::LOCALHOST, inner))
            .await
            .unwrap();
        let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
    });
    app.clock.advance(SignedDuration::from_secs(5));
    server.wait_for(1).await;
    let told = all_concluded(&app, 1).await;
    assert_eq!(told[0].event_type, "MailAccepted");
}

#[tokio::test]
async fn a_mail_that_left_but_was_not_told_is_told_after_a_restart_and_not_sent_again() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = served(&server).await;
    signed_in_again(&app, &server).await;
    let write = app.society.database.write.clone();
    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.aggregate_type = 'mail' BEGIN SELECT RAISE(ABORT, 'full'); END")
        .execute(&write)
        .await
        .unwrap();
    app.clock.advance(SignedDuration::from_secs(60));
    app.client()
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    server.wait_for(4).await;
    eventually("the outcome", async || {
        waiting(&app).await.pop()?.outcome.map(drop)
    })
    .await;
    sqlx::query("DROP TRIGGER full")
        .execute(&write)
        .await
        .unwrap();
    let (clock, folder) = (app.clock.clone(), app.kill().await);

    let setup = Setup {
        clock: clock.clone(),
        ..mailing_to(to(&server))
    };
    let app = App::start_in(folder, setup).await;
    let told = all_concluded(&app, 4).await;
    assert_eq!(told.len(), 4);
    assert_eq!(told[3].event_type, "MailAccepted");
    assert_eq!(told[3].payload["contact"], told[1].payload["contact"]);
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn a_mail_whose_end_could_not_be_told_is_told_long_before_its_lease_runs_out() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = served(&server).await;
    let write = app.society.database.write.clone();
    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.aggregate_type = 'mail' BEGIN SELECT RAISE(ABORT, 'full'); END")
        .execute(&write)
        .await
        .unwrap();
    register(&at_email(&app).await, "hanako@example.jp").await;
    resting_after(&app, 1).await;
    sqlx::query("DROP TRIGGER full")
        .execute(&write)
        .await
        .unwrap();
    app.wait(5);
    let told = all_concluded(&app, 1).await;
    assert_eq!(told[0].event_type, "MailAccepted");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_mail_that_left_is_not_sent_again_however_long_its_note_is_refused() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = App::start_as(mailing_to(to(&server))).await;
    let clients = six_at_email(&app).await;
    let write = app.society.database.write.clone();
    // Leases are written, so that the sender could take the mail again.
    sqlx::query("CREATE TRIGGER full BEFORE UPDATE OF outcome ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END")
        .execute(&write)
        .await
        .unwrap();
    register(&clients[0], "m0@example.jp").await;
    server.wait_for(1).await;
    let longest = i64::try_from(SEND_TIMEOUT.as_secs()).unwrap();
    for (before, client) in (1..).zip(&clients[1..3]) {
        app.wait(longest + 60);
        // Whatever is due leaves with it.
        register(client, &format!("m{before}@example.jp")).await;
        server.wait_for(before + 1).await;
    }
    sqlx::query("DROP TRIGGER full")
        .execute(&write)
        .await
        .unwrap();
    let told = all_concluded(&app, 3).await;
    assert_eq!(told.len(), 3);
    let mut received: Vec<_> = server.received().into_iter().map(|mail| mail.to).collect();
    received.sort();
    assert_eq!(
        received,
        ["m0@example.jp", "m1@example.jp", "m2@example.jp"]
    );
}

/// Six members whose next step is to enter an address.
async fn six_at_email(app: &App) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..6 {
        let user_id = format!("member{number}");
        let profile = Profile {
            number: format!("2000{number}"),
            ..profile(&user_id)
        };
        app.enrol(profile, "joined-to-2024-12-01").await;
        let client = app.client();
        let password = format!("12000{number}19800101");
        client
            .sign_in(&user_id, &password)
            .await
            .expect(StatusCode::CREATED);
        client
            .step("birth-date", json!({"birth_date": "1980-01-01"}))
            .await;
        clients.push(client);
    }
    clients
}

/// Waits until all mails rest, tried so often each.
async fn all_resting_after(app: &App, attempts: &[i64]) {
    eventually("all mails at rest", async || {
        let rows = waiting(app).await;
        let mut tried: Vec<_> = rows.iter().map(|row| row.attempts).collect();
        tried.sort_unstable();
        (tried == attempts && rows.iter().all(|row| row.lease.is_none())).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_refuses_hangs_goes_and_comes_back_gets_each_mail_that_is_still_wanted_once()
{
    let server = SmtpServer::start(Protection::StartTls).await;
    let transport = to(&server).give_up_after(Duration::from_secs(3));
    let app = App::start_as(mailing_to(transport)).await;
    let clients = six_at_email(&app).await;
    let address = |number: usize| format!("m{number}@example.jp");

    server.answer(Answer::Refuse(451, "later"));
    register(&clients[0], &address(0)).await;
    register(&clients[1], &address(1)).await;
    all_resting_after(&app, &[1, 1]).await;

    server.answer(Answer::Hang);
    app.wait(5);
    register(&clients[2], &address(2)).await;
    register(&clients[3], &address(3)).await;
    all_resting_after(&app, &[1, 1, 2, 2]).await;

    server.stop().await;
    app.wait(15);
    register(&clients[4], &address(4)).await;
    register(&clients[5], &address(5)).await;
    all_resting_after(&app, &[1, 1, 2, 2, 3, 3]).await;
    // Its first mail is wanted no more.
    app.wait(40);
    register(&clients[0], &address(6)).await;

    server.answer(Answer::Accept);
    server.come_back().await;
    app.wait(120);
    all_concluded(&app, 7).await;
    let mut received: Vec<_> = server.received().into_iter().map(|mail| mail.to).collect();
    received.sort();
    assert_eq!(received, (1..=6).map(address).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_senders_on_one_outbox_send_each_mail_once() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = App::start_as(mailing_to(to(&server))).await;
    let second = app.society.serve(Serving {
        public_url: PublicUrl::choose(None, "127.0.0.1:1".parse().unwrap()).unwrap(),
        trusted_proxies: Vec::new(),
        transport: to(&server),
        blocklist: blocklist(),
    });
    let clients = six_at_email(&app).await;
    let addresses: Vec<_> = (0..6).map(|n| format!("m{n}@example.jp")).collect();
    let registering = clients.iter().zip(&addresses).map(|(c, a)| register(c, a));
    futures::future::join_all(registering).await;
    all_concluded(&app, 6).await;
    drop(second);
    let mut received: Vec<_> = server.received().into_iter().map(|mail| mail.to).collect();
    received.sort();
    assert_eq!(received, addresses);
}

#[tokio::test]
async fn a_damaged_row_keeps_no_other_mail_waiting() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Refuse(451, "later"));
    let app = App::start_as(mailing_to(to(&server))).await;
    let clients = six_at_email(&app).await;
    let address = |number: usize| format!("m{number}@example.jp");
    register(&clients[0], &address(0)).await;
    all_resting_after(&app, &[1]).await;
    sqlx::query("UPDATE outbox SET kind = 'of another version'")
        .execute(&app.society.database.write)
        .await
        .unwrap();
    register(&clients[1], &address(1)).await;
    all_resting_after(&app, &[1, 1]).await;
    server.answer(Answer::Accept);
    app.wait(15);
    server.wait_for(1).await;
    assert_eq!(server.received()[0].to, address(1));
}
