//! Addresses that no page leads to: hostile texts in paths and queries.

use axum::body::Body;
use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode};

use super::Target;
use crate::support::browser::Browser;

/// What may stand in a path; hyper takes addresses up to 64 KB.
fn segments() -> Vec<String> {
    let mut all: Vec<String> = [
        "%00",
        "%2F",
        "%2f..%2f..",
        "%FF",
        "%C0%80",
        "%",
        "%zz",
        "%u0041",
        "..",
        "%2e%2e",
        ".",
        "...",
        ";",
        "a;b=c",
        "*",
        "~",
        "{token}",
        "%7Btoken%7D",
        "%0d%0aSet-Cookie:%20a=b",
        "%20",
        "+",
        "%3Csvg%20onload=x%3E",
        "<svg%20onload=x>",
        "'--",
        "%E2%80%AE",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "pages.css%00",
        "..%2fpages.css",
        "null",
    ]
    .map(str::to_owned)
    .into();
    all.extend([
        "A".repeat(60_000),
        "%41".repeat(20_000),
        "%FF".repeat(20_000),
    ]);
    all
}

fn queries() -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        "=",
        "&&&",
        "lang",
        "lang=",
        "lang=xx",
        "lang=en&lang=ja",
        "lang=%00",
        "lang=%FF",
        "lang=en%0d%0a",
        "note",
        "note=",
        "note=x",
        "note=%3Csvg%20onload=x%3E",
        "note=<svg%20onload=x>",
        "note=signed-out&note=x",
        "v=",
        "v=%FF",
        "page=-1&limit=99999999999&cursor=%00&offset=NaN&sort=%27",
        "%",
        "%zz=%",
        "[]=1",
        "?",
        "a=b;c=d",
    ]
    .map(str::to_owned)
    .into();
    all.extend([
        format!("lang={}", "x".repeat(60_000)),
        format!("note={}", "%FF".repeat(10_000)),
        "a=b&".repeat(10_000),
    ]);
    all
}

/// Asks all addresses by the methods of their routes, as somebody with these cookies.
async fn sweep(target: &Target, cookies: &str, methods: &[Method]) {
    let mut addresses = Vec::new();
    for route in &target.routes {
        for method in methods.iter().filter(|method| route.takes(method)) {
            for query in queries() {
                addresses.push((method.clone(), format!("{}?{query}", route.address())));
            }
        }
        if route.path.contains('{') {
            for segment in segments() {
                addresses.extend(
                    methods
                        .iter()
                        .map(|method| (method.clone(), route.with(&segment))),
                );
            }
        }
    }
    let above = [
        "/",
        "/api/",
        "/api/v1/",
        "/api/v1/onboarding/",
        "/assets/",
        "/email/x/",
        "/email/x/disown/",
        "//",
        "/api//v1/",
        "/API/V1/",
        "/api/v1;/",
    ];
    for (above, segment) in above
        .iter()
        .flat_map(|above| segments().into_iter().map(move |segment| (above, segment)))
    {
        addresses.push((Method::GET, format!("{above}{segment}")));
    }
    let sent = addresses.into_iter().filter_map(|(method, address)| {
        address.parse::<axum::http::Uri>().ok()?;
        let request = target.request(&method, &address).header("cookie", cookies);
        let request = request.body(Body::empty()).unwrap();
        Some(async move { target.send("nothing", request).await })
    });
    // No more than a member may have event streams open.
    stream::iter(sent)
        .buffer_unordered(4)
        .collect::<Vec<_>>()
        .await;
}

#[tokio::test]
async fn no_address_breaks_anything() {
    let target = Target::new().await;
    sweep(&target, "", &[Method::GET, Method::POST, Method::DELETE]).await;
    target.serves_on().await;
}

#[tokio::test]
async fn no_address_breaks_anything_for_a_member() {
    let target = Target::new().await;
    let browser = Browser::at(&target.app, "/email-link").await;
    let before = target.app.events(target.member).await;
    sweep(&target, &browser.cookie_header(), &[Method::GET]).await;
    assert_eq!(target.app.events(target.member).await, before);
    target.serves_on().await;
}

#[tokio::test]
async fn an_asset_that_is_not_there_is_answered_with_a_page_whatever_its_name() {
    let target = Target::new().await;
    for name in ["nothing", "%FF", "..%2Fpages.css", "%00"] {
        let request = target.request(&Method::GET, &format!("/assets/{name}"));
        let answer = target
            .send("nothing", request.body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}");
        assert!(
            answer.text.contains("お探しの画面が見つかりません"),
            "{name}"
        );
    }
}
