//! Mails over real SMTP connections, under TLS.

use std::time::Duration;

use jiff::Timestamp;
use kadode::domain::email::EmailAddress;
use kadode::domain::ids::MailId;
use kadode::domain::values::Language;
use kadode::mail::{
    Accepted, CONNECTIONS, Cause, Code, Failure, Heading, Message, Society, Transport, code_mail,
};
use mail_parser::MessageParser;
use uuid::Uuid;

use crate::support::smtp::{Answer, Protection, SmtpServer};

const ACCEPTED: Result<Accepted, Failure> = Ok(Accepted {
    smtp_code: Some(250),
});

fn mail_to(to: &str, number: u128) -> Message {
    let at: Timestamp = "2026-11-22T09:36:00Z".parse().unwrap();
    let heading = Heading {
        id: MailId(Uuid::from_u128(number)),
        language: Language::Ja,
        society: &Society {
            name: "見本健康保険組合".to_owned(),
            telephone: "03-0000-0000".to_owned(),
            ..Society::default()
        },
        from: &EmailAddress::parse("portal@kenpo.example.jp").unwrap(),
        to: &EmailAddress::parse(to).unwrap(),
        written_at: at,
    };
    let code = Code {
        digits: "042917",
        reference: "KMRT",
        expires_at: at,
    };
    code_mail(&heading, &code).unwrap()
}

fn taro() -> Message {
    mail_to("taro@example.jp", 1)
}

fn to(scheme: &str, server: &SmtpServer) -> Transport {
    let url = format!("{scheme}127.0.0.1:{}", server.port());
    Transport::open(&url, Some(&server.authority())).unwrap()
}

async fn arrives_whole(scheme: &str, protection: Protection) {
    let server = SmtpServer::start(protection).await;
    let message = taro();
    assert_eq!(to(scheme, &server).send(&message).await, ACCEPTED);
    let received = server.wait_for(1).await;
    assert_eq!(received[0].to, "taro@example.jp");
    assert_eq!(
        received[0].bytes.trim_ascii_end(),
        message.bytes().trim_ascii_end()
    );
    let mail = MessageParser::default().parse(&received[0].bytes).unwrap();
    assert_eq!(mail.subject(), Some("ワンタイムパスワードのお知らせ"));
    assert!(
        mail.body_text(0)
            .unwrap()
            .lines()
            .any(|line| line == "042917")
    );
}

#[tokio::test]
async fn a_mail_arrives_whole_over_starttls() {
    arrives_whole("smtp://", Protection::StartTls).await;
}

#[tokio::test]
async fn a_mail_arrives_whole_over_implicit_tls() {
    arrives_whole("smtps://", Protection::Implicit).await;
}

#[tokio::test]
async fn a_carrier_address_arrives_in_quotes() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let message = mail_to("taro..yamada.@docomo.ne.jp", 1);
    assert_eq!(to("smtp://", &server).send(&message).await, ACCEPTED);
    let received = server.wait_for(1).await;
    assert_eq!(received[0].to, "\"taro..yamada.\"@docomo.ne.jp");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_without_starttls() {
    let server = SmtpServer::start(Protection::None).await;
    let failure = to("smtp://", &server).send(&taro()).await.unwrap_err();
    assert_eq!((failure.permanent, failure.cause), (false, Cause::Tls));
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_with_an_unknown_certificate() {
    for (scheme, protection) in [
        ("smtp://", Protection::StartTls),
        ("smtps://", Protection::Implicit),
    ] {
        let server = SmtpServer::start(protection).await;
        let other = SmtpServer::start(protection).await;
        let url = format!("{scheme}127.0.0.1:{}", server.port());
        let transport = Transport::open(&url, Some(&other.authority())).unwrap();
        let failure = transport.send(&taro()).await.unwrap_err();
        assert_eq!(
            (failure.permanent, failure.cause),
            (false, Cause::Tls),
            "{scheme}"
        );
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn a_server_may_ask_for_user_and_password() {
    let server = SmtpServer::start_with_credentials("portal", "p@ss/w").await;
    let open = |user: &str| {
        let url = format!("smtp://{user}127.0.0.1:{}", server.port());
        Transport::open(&url, Some(&server.authority())).unwrap()
    };
    assert_eq!(open("portal:p%40ss%2Fw@").send(&taro()).await, ACCEPTED);
    for (user, code) in [("portal:wrong@", 535), ("", 503)] {
        let failure = open(user).send(&taro()).await.unwrap_err();
        assert_eq!(
            (failure.permanent, failure.cause, failure.smtp_code),
            (false, Cause::Session, Some(code))
        );
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_codes_and_loses_its_words() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let transport = to("smtp://", &server);
    for (code, words, permanent, enhanced) in [
        (
            451,
            "4.7.1 <taro@example.jp> come back later",
            false,
            Some("4.7.1"),
        ),
        (550, "5.1.1 <taro@example.jp> unknown", true, Some("5.1.1")),
        (550, "taro@example.jp unknown", true, None),
    ] {
        server.answer(Answer::Refuse(code, words));
        let failure = transport.send(&taro()).await.unwrap_err();
        let expected = Failure {
            permanent,
            cause: Cause::Reply,
            smtp_code: Some(code),
            enhanced_code: enhanced.map(str::to_owned),
        };
        assert_eq!(failure, expected);
        assert!(!format!("{failure} {failure:?}").contains("taro"));
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Hang);
    let transport = to("smtp://", &server).give_up_after(Duration::from_millis(300));
    let failure = transport.send(&taro()).await.unwrap_err();
    assert_eq!((failure.permanent, failure.cause), (false, Cause::Timeout));
}

#[tokio::test]
async fn a_mail_given_up_half_way_leaves_the_next_one_alone() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let transport = to("smtp://", &server);
    assert_eq!(
        transport.send(&mail_to("first@example.jp", 1)).await,
        ACCEPTED
    );
    server.answer(Answer::Hang);
    let second = mail_to("second@example.jp", 2);
    tokio::select! {
        _ = transport.send(&second) => unreachable!("nobody answers"),
        () = server.wait_until_asked(2) => {}
    }
    server.answer(Answer::Accept);
    assert_eq!(
        transport.send(&mail_to("third@example.jp", 3)).await,
        ACCEPTED
    );
    let received: Vec<_> = server.received().into_iter().map(|mail| mail.to).collect();
    assert_eq!(received, ["first@example.jp", "third@example.jp"]);
}

#[tokio::test]
async fn a_server_that_has_gone_is_a_passing_failure() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let transport = to("smtp://", &server);
    assert_eq!(transport.send(&taro()).await, ACCEPTED);
    server.stop().await;
    let failure = transport.send(&taro()).await.unwrap_err();
    assert_eq!(
        (failure.permanent, failure.cause),
        (false, Cause::Connection)
    );
}

#[tokio::test]
async fn many_mails_share_a_few_connections() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let transport = to("smtp://", &server);
    let mails: Vec<_> = (0..100)
        .map(|number| mail_to("taro@example.jp", number))
        .collect();
    let sent = futures::future::join_all(mails.iter().map(|mail| transport.send(mail))).await;
    assert!(sent.into_iter().all(|result| result == ACCEPTED));
    assert_eq!(server.received().len(), 100);
    assert_eq!(server.connections(), CONNECTIONS);
}
