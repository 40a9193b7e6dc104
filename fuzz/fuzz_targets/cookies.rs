//! Cookies and the other headers that tell who asks: none of them can break the reading, and our own cookie is found among others.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use kadode::api::visit::{CookieName, Visit, set_cookie};
use kadode::config::Network;
use libfuzzer_sys::{arbitrary, fuzz_target};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    secure: bool,
    query: &'a str,
    cookies: Vec<&'a [u8]>,
    forwarded: Vec<&'a [u8]>,
    language: &'a [u8],
    agent: &'a [u8],
    secret: [u8; 8],
}

fuzz_target!(|input: Input<'_>| {
    let mut headers = HeaderMap::new();
    let mut add = |name, bytes: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(bytes) {
            headers.append(name, value);
        }
    };
    add(header::ACCEPT_LANGUAGE, input.language);
    add(header::USER_AGENT, input.agent);
    for forwarded in &input.forwarded {
        add("x-forwarded-for".parse().expect("a name"), forwarded);
    }
    for cookies in &input.cookies {
        add(header::COOKIE, cookies);
    }
    let uri: Uri = format!("/api/v1/onboarding?{}", input.query)
        .parse()
        .unwrap_or_default();
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let anybody: Network = "0.0.0.0/0".parse().expect("a network");
    let visit = Visit::of(&uri, &headers, peer, &[anybody], input.secure);
    for found in [&visit.secret, &visit.form, &visit.device]
        .into_iter()
        .flatten()
    {
        assert!(
            !found.contains(['\r', '\n', ';']),
            "more than one cookie's value"
        );
    }
    let untrusting = Visit::of(&uri, &headers, peer, &[], input.secure);
    assert_eq!(
        untrusting.address, peer,
        "a stranger's X-Forwarded-For counts"
    );

    // A browser sends back what we set, and other people's cookies beside it.
    let secret: String = input
        .secret
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let set = set_cookie(CookieName::Session, &secret, None, input.secure);
    let own = set
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let mut first = HeaderMap::new();
    first.append(
        header::COOKIE,
        HeaderValue::from_bytes(own).expect("our own cookie"),
    );
    for cookies in headers.get_all(header::COOKIE) {
        first.append(header::COOKIE, cookies.clone());
    }
    let visit = Visit::of(&uri, &first, peer, &[], input.secure);
    assert_eq!(
        visit.secret.as_deref(),
        Some(secret.as_str()),
        "our own cookie is lost"
    );
});
