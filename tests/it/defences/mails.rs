//! Addresses that try to say more to a mail server than an address does.

use kadode::mail::Transport;
use mail_parser::MessageParser;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, INITIAL_PASSWORD, Setup, USER_ID, profile};
use crate::support::smtp::{Protection, SmtpServer};

/// None of these is taken.
const REFUSED: [&str; 14] = [
    "a\r\nBcc: evil@example.jp@example.jp",
    "a@example.jp\r\nBcc: evil@example.jp",
    "a@example.jp\nRCPT TO:<evil@example.jp>",
    "a@example.jp\r\n.\r\nMAIL FROM:<evil@example.jp>",
    "a\0@example.jp",
    "a@example.jp\0evil",
    "a@example.jp, evil@example.jp",
    "a@example.jp;evil@example.jp",
    "a@example.jp> SIZE=1 <evil@example.jp",
    "evil <a@example.jp>",
    "\"a\\\r\nBcc: evil\"@example.jp",
    "a@[127.0.0.1]",
    "a@example.jp%0d%0aBcc:evil@example.jp@",
    "=?utf-8?q?a=0d=0aBcc:_evil?=@example.jp",
];

/// These are addresses, and nothing more.
const TAKEN: [&str; 4] = [
    "=?utf-8?q?=0d=0a?=@example.jp",
    "%0d%0abcc%3aevil@example.jp",
    "a!b%c@example.jp",
    "-oQ/tmp@example.jp",
];

#[tokio::test]
async fn no_address_that_is_taken_says_more_to_the_mail_server_than_itself() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let url = format!("smtp://127.0.0.1:{}", server.port());
    let setup = Setup {
        transport: Some(Transport::open(&url, Some(&server.authority())).unwrap()),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = app.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&client, "email").await;
    for address in REFUSED {
        let body = json!({"email": address});
        let answer = client.post("/onboarding/email", body).await;
        answer.problem(422, "invalid");
    }
    for (index, address) in TAKEN.into_iter().enumerate() {
        client.step("email", json!({"email": address})).await;
        let mail = server.wait_for(index + 1).await.pop().unwrap();
        let to = mail.to.replace('"', "");
        assert_eq!(to, address, "the one recipient");
        let message = MessageParser::default().parse(&mail.bytes).unwrap();
        let mut names: Vec<String> = message
            .headers()
            .iter()
            .map(|header| header.name().to_ascii_lowercase())
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "no header comes twice: {names:?}");
        assert!(!names.iter().any(|name| name.contains("bcc")), "{names:?}");
        let everybody: Vec<_> = message.to().unwrap().iter().collect();
        assert_eq!(everybody.len(), 1, "{everybody:?}");
    }
}
