//! Headers that no browser sends, at every route.

use axum::body::Body;
use axum::http::HeaderValue;
use reqwest::{Method, StatusCode};

use super::lines::lines;
use super::office::Office;
use super::{Target, value};
use crate::support::browser::Browser;

/// Hosts that are not ours.
const HOSTS: [&[u8]; 10] = [
    b"",
    b" ",
    b"evil.example",
    b"user@127.0.0.1",
    b"[::1]:80",
    b"[::1",
    b"127.0.0.1:99999",
    b"127.0.0.1:",
    b"\xff\xfe",
    b"a,b",
];

#[tokio::test]
async fn no_header_breaks_any_route() {
    let target = Target::new().await;
    let hostile = lines();
    for route in &target.routes {
        for method in route.methods.iter().filter(|it| **it != Method::HEAD) {
            for (name, lines) in &hostile {
                let request = lines.iter().fold(
                    target.request(method, &route.address()),
                    |request, (name, value)| request.header(*name, value),
                );
                let request = request.body(Body::empty()).unwrap();
                target.send(name, request).await;
            }
        }
    }
    target.serves_on().await;
}

#[tokio::test]
async fn no_header_breaks_any_page_of_a_member() {
    let target = Target::new().await;
    let browser = Browser::at(&target.app, "/email-link").await;
    let before = target.app.events(target.member).await;
    let hostile = lines();
    for route in target
        .routes
        .iter()
        .filter(|route| route.takes(&Method::GET))
    {
        for (name, lines) in &hostile {
            let request = target
                .request(&Method::GET, &route.address())
                .header("cookie", browser.cookie_header());
            let request = lines.iter().fold(request, |request, (name, value)| {
                request.header(*name, value)
            });
            let answer = target
                .send(name, request.body(Body::empty()).unwrap())
                .await;
            // A full session alone is one for a proxy, and none is one of staff.
            let for_others = route.path == "/api/v1/session" || route.is_for_staff();
            let lost = answer.status == StatusCode::UNAUTHORIZED && !for_others;
            assert!(!lost, "{} with {name}", route.path);
        }
    }
    assert_eq!(target.app.events(target.member).await, before);
    target.serves_on().await;
}

#[tokio::test]
async fn no_header_breaks_any_page_of_staff() {
    let target = Target::new().await;
    let office = Office::open(&target).await;
    let hostile = lines();
    let shown = target
        .routes
        .iter()
        .filter(|route| route.takes(&Method::GET));
    for route in shown.filter(|route| route.is_for_staff()) {
        let address = office.address(&route.path);
        for (name, lines) in &hostile {
            let request = target
                .request(&Method::GET, &address)
                .header("cookie", office.administrator.cookie_header());
            let request = lines.iter().fold(request, |request, (name, value)| {
                request.header(*name, value)
            });
            let answer = target
                .send(name, request.body(Body::empty()).unwrap())
                .await;
            let lost = answer.status == StatusCode::UNAUTHORIZED && !name.contains("authorization");
            assert!(!lost, "{address} with {name}");
        }
    }
    target.serves_on().await;
}

#[tokio::test]
async fn another_host_than_our_own_or_two_of_them_or_none_reaches_nothing_but_operation_and_assets()
{
    let target = Target::new().await;
    let own = target.app.url.trim_start_matches("http://").to_owned();
    for route in &target.routes {
        let operation = ["/healthz", "/readyz", "/api/docs", "/api/v1/openapi.json"]
            .contains(&&*route.path)
            || route.path.starts_with("/assets/");
        for method in route.methods.iter().filter(|it| **it != Method::HEAD) {
            let mut hosts: Vec<Vec<HeaderValue>> =
                HOSTS.iter().map(|host| vec![value(host)]).collect();
            hosts.push(Vec::new());
            hosts.push(vec![value(&own), value("evil.example")]);
            hosts.push(vec![value("evil.example"), value(&own)]);
            hosts.push(vec![value(format!("{own}, evil.example"))]);
            for hosts in hosts {
                let mut request = target
                    .request(method, &route.address())
                    .body(Body::empty())
                    .unwrap();
                request.headers_mut().remove("host");
                for host in &hosts {
                    request.headers_mut().append("host", host.clone());
                }
                let answer = target.send(&format!("{hosts:?}"), request).await;
                let misdirected = answer.status == StatusCode::MISDIRECTED_REQUEST;
                assert_eq!(
                    misdirected, !operation,
                    "{method} {} with {hosts:?}: {}",
                    route.path, answer.status
                );
            }
        }
    }
    target.serves_on().await;
}

#[tokio::test]
async fn a_second_origin_does_not_hide_behind_our_own() {
    let target = Target::new().await;
    for (name, own, other) in [
        ("origin", target.app.url.as_str(), "https://evil.example"),
        ("sec-fetch-site", "same-origin", "cross-site"),
    ] {
        for lines in [[own, other], [other, own]] {
            let request = target.request(&Method::POST, "/api/v1/sessions");
            let request = lines
                .iter()
                .fold(request, |request, line| request.header(name, *line));
            let answer = target
                .send(name, request.body(Body::empty()).unwrap())
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{lines:?}");
        }
    }
}

#[tokio::test]
async fn what_other_sites_leave_among_the_cookies_ends_nobodys_session() {
    let target = Target::new().await;
    let browser = Browser::at(&target.app, "/birth-date").await;
    let own = browser.cookie_header();
    let others: [&[u8]; 6] = [
        b"name=\xe8\xa6\x8b\xe6\x9c\xac",
        b"\xff=\xfe",
        b"=;;; ;",
        b"kadode2=x",
        b"a=%ff%00",
        b"no value",
    ];
    for other in others {
        for line in [
            [own.as_bytes(), other].join(&b"; "[..]),
            [other, own.as_bytes()].join(&b"; "[..]),
        ] {
            let request = target
                .request(&Method::GET, "/api/v1/onboarding")
                .header("cookie", value(&line));
            let answer = target
                .send(
                    "a cookie of another site",
                    request.body(Body::empty()).unwrap(),
                )
                .await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{}",
                String::from_utf8_lossy(&line)
            );
        }
    }
}
