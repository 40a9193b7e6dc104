//! What every request passes: the host, the page it comes from, the headers of its answer, and its name.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::app::{Answer, App, Client, INITIAL_PASSWORD, Setup, USER_ID, profile};

/// Answers of every sort: of success and of failure, of the API, of pages and of operations.
async fn answers(client: &Client) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for (method, path) in [
        (Method::GET, "/api/v1/onboarding"),
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/api/v1/sessions"),
        (Method::POST, "/api/v1/sessions"),
        (Method::POST, "/api/v1/email-confirmations/x"),
        (Method::DELETE, "/api/v1/sessions/current"),
        (Method::GET, "/api/v1/openapi.json"),
        (Method::GET, "/api/docs"),
        (Method::GET, "/healthz"),
        (Method::GET, "/readyz"),
        (Method::POST, "/healthz"),
        (Method::GET, "/"),
        (Method::GET, "/nothing"),
        (Method::GET, "/email/x"),
    ] {
        let answer = client.send_raw(method.clone(), path, "", &[]).await;
        answers.push((format!("{method} {path}"), answer));
    }
    let headers = [("host", "evil.example")];
    let misdirected = client.send_raw(Method::GET, "/", "", &headers).await;
    answers.push(("another host".to_owned(), misdirected));
    let headers = [("origin", "https://evil.example")];
    let foreign = client
        .send_raw(Method::POST, "/api/v1/sessions", "", &headers)
        .await;
    answers.push(("a foreign page".to_owned(), foreign));
    let body = json!({"user_id": USER_ID, "password": INITIAL_PASSWORD});
    let signed_in = client
        .send(Method::POST, "/sessions", Some(body), &[])
        .await;
    answers.push(("a sign-in".to_owned(), signed_in));
    answers
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (app, _) = App::with_member().await;
    for (what, answer) in answers(&app.client()).await {
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
        };
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{what}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{what}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(
            header("cross-origin-opener-policy"),
            "same-origin",
            "{what}"
        );
        assert_eq!(
            header("cross-origin-resource-policy"),
            "same-origin",
            "{what}"
        );
        assert_eq!(header("cache-control"), "no-store", "{what}");
        assert!(
            !answer.headers.contains_key("access-control-allow-origin"),
            "{what}"
        );
        assert!(!answer.headers.contains_key("server"), "{what}");
    }
}

#[tokio::test]
async fn browsers_are_told_to_stay_on_https_only_where_it_is_https() {
    let (plain, _) = App::with_member().await;
    for (what, answer) in answers(&plain.client()).await {
        assert!(
            !answer.headers.contains_key("strict-transport-security"),
            "{what}"
        );
    }
    let setup = Setup {
        public_url: Some("https://kenpo.example.jp"),
        ..Setup::default()
    };
    let secure = App::start_as(setup).await;
    secure.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = secure.client_with(&[("host", "kenpo.example.jp")]);
    for (what, answer) in answers(&client).await {
        let value = answer.headers["strict-transport-security"]
            .to_str()
            .unwrap();
        let age: u64 = value.split(['=', ';']).nth(1).unwrap().parse().unwrap();
        assert!(age >= 31_536_000, "{what}: {value}");
    }
}

#[tokio::test]
async fn every_answer_has_a_name_of_our_own_even_if_one_was_sent() {
    let (app, _) = App::with_member().await;
    let sent = "01900000-0000-7000-8000-000000000000";
    let client = app.client_with(&[("x-request-id", sent)]);
    let mut names = std::collections::HashSet::new();
    for (what, answer) in answers(&client).await {
        let given: Vec<_> = answer.headers.get_all("x-request-id").iter().collect();
        assert_eq!(given.len(), 1, "{what}");
        let name = given[0].to_str().unwrap();
        assert!(name.parse::<uuid::Uuid>().is_ok(), "{what}: {name}");
        assert_ne!(name, sent, "{what}");
        assert!(
            names.insert(name.to_owned()),
            "{what}: {name} was given before"
        );
    }
}

#[tokio::test]
async fn another_host_is_misdirected_but_for_the_routes_of_operation_and_the_style_sheet() {
    let app = App::start().await;
    let client = app.client();
    let listening: std::net::SocketAddr = app.url["http://".len()..].parse().unwrap();
    let other_port = format!("127.0.0.1:{}", listening.port() ^ 1);
    for host in [
        "evil.example",
        "localhost",
        "127.0.0.1",
        &other_port,
        "evil.example:80",
    ] {
        let headers = [("host", host)];
        for (method, path) in [
            (Method::GET, "/api/v1/onboarding"),
            (Method::POST, "/api/v1/sessions"),
            (Method::GET, "/api/v1/nothing"),
        ] {
            let answer = client.send_raw(method, path, "", &headers).await;
            answer.expect(StatusCode::MISDIRECTED_REQUEST);
        }
        let answer = client
            .send_raw(Method::GET, "/api/v1/onboarding", "", &headers)
            .await;
        answer.problem(421, "misdirected");
        let page = client.send_raw(Method::GET, "/", "", &headers).await;
        page.expect(StatusCode::MISDIRECTED_REQUEST);
        for path in [
            "/healthz",
            "/readyz",
            "/api/v1/openapi.json",
            "/api/docs",
            "/assets/pages.css",
        ] {
            let answer = client.send_raw(Method::GET, path, "", &headers).await;
            answer.expect(StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_mailed_link_never_takes_its_host_from_a_request() {
    let (app, _) = App::with_member().await;
    let forged = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
    ];
    let client = app.client_with(&forged);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&client, "email_link").await;
    let mail = app.mails_at_least(1).await.remove(0);
    assert!(mail.contains(&format!("{}/email/", app.url)), "{mail}");
    assert!(!mail.contains("evil.example"), "{mail}");
}

#[tokio::test]
async fn what_another_sites_page_asks_is_refused() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let before = app.events(member).await;
    let body = json!({"birth_date": "1980-01-01"});
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1"),
        ("origin", ""),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ] {
        let headers = [(name, value)];
        for (method, path, body) in [
            (Method::POST, "/onboarding/birth-date", Some(body.clone())),
            (
                Method::POST,
                "/sessions",
                Some(json!({"user_id": USER_ID, "password": INITIAL_PASSWORD})),
            ),
            (Method::DELETE, "/sessions/current", None),
            (Method::POST, "/email-confirmations/x", Some(json!({}))),
            (Method::PUT, "/nothing", None),
        ] {
            let answer = client.send(method, path, body, &headers).await;
            assert_eq!(answer.cookies(), Vec::<&str>::new());
            answer.problem(403, "foreign");
        }
    }
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn our_own_pages_and_other_programs_are_allowed() {
    let (app, _) = App::with_member().await;
    let own = app.url.clone();
    for headers in [
        vec![],
        vec![("origin", own.as_str())],
        vec![("sec-fetch-site", "same-origin")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
    ] {
        let body = json!({"user_id": USER_ID, "password": INITIAL_PASSWORD});
        let answer = app
            .client()
            .send(Method::POST, "/sessions", Some(body), &headers)
            .await;
        answer.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn one_good_sign_does_not_make_up_for_a_bad_one() {
    let (app, _) = App::with_member().await;
    let own = app.url.clone();
    for headers in [
        [("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
        [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let body = json!({"user_id": USER_ID, "password": INITIAL_PASSWORD});
        let answer = app
            .client()
            .send(Method::POST, "/sessions", Some(body), &headers)
            .await;
        answer.problem(403, "foreign");
    }
}

#[tokio::test]
async fn looking_from_another_site_is_allowed_and_changes_nothing() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let before = app.events(member).await;
    let headers = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    for method in [Method::GET, Method::HEAD] {
        client
            .send(method, "/onboarding", None, &headers)
            .await
            .expect(StatusCode::OK);
    }
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn every_route_that_answers_get_answers_head_without_a_body_and_changes_nothing() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("completed").await;
    let token = app.tokens(member).await.remove(0);
    let before = app.events(member).await;
    for path in [
        "/api/v1/session".to_owned(),
        "/api/v1/onboarding".to_owned(),
        format!("/api/v1/email-confirmations/{token}"),
        "/api/v1/openapi.json".to_owned(),
        "/api/docs".to_owned(),
        "/healthz".to_owned(),
        "/readyz".to_owned(),
    ] {
        let get = client.send_raw(Method::GET, &path, "", &[]).await;
        let head = client.send_raw(Method::HEAD, &path, "", &[]).await;
        assert!(get.status.is_success(), "{path}: {}", get.status);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
    }
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn an_address_that_a_stranger_claims_counts_for_nothing() {
    let (app, _) = App::with_member().await;
    for number in 0..5 {
        let address = format!("198.51.{number}.1");
        let client = app.client_with(&[("x-forwarded-for", address.as_str())]);
        client
            .sign_in(USER_ID, "not the password")
            .await
            .problem(401, "sign-in-failed");
    }
    let client = app.client_with(&[("x-forwarded-for", "203.0.113.1")]);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .problem(429, "waiting");
}
