//! Every method at every route, whether the route knows it or not.

use axum::body::Body;
use reqwest::{Method, StatusCode};

use super::Target;
use super::office::Office;
use crate::support::browser::Browser;

/// Those of HTTP, and two that are none.
const METHODS: [&str; 11] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "g$t'*",
];

/// Methods that change nothing of anybody, and so may be tried with a session.
const CHANGE_NOTHING: [&str; 2] = ["GET", "HEAD"];

async fn sweep(target: &Target, cookie: &str) {
    for route in &target.routes {
        for name in METHODS {
            let method: Method = name.parse().unwrap();
            let known = route.takes(&method);
            if known && !cookie.is_empty() && !CHANGE_NOTHING.contains(&name) {
                continue;
            }
            let request = target
                .request(&method, &route.address())
                .header("cookie", cookie);
            let answer = target
                .send("nothing", request.body(Body::empty()).unwrap())
                .await;
            let refused = answer.status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(refused, !known, "{name} {}: {}", route.path, answer.status);
            if refused {
                let allowed = answer.headers["allow"].to_str().unwrap();
                let methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
                assert_eq!(allowed, methods.join(","), "{name} {}", route.path);
            }
            if method == Method::HEAD {
                assert_eq!(answer.text, "", "{}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn a_method_that_a_route_does_not_know_is_refused_with_those_it_knows_and_no_other_is() {
    let target = Target::new().await;
    sweep(&target, "").await;
    target.serves_on().await;
}

#[tokio::test]
async fn whoever_is_signed_in_meets_the_same_methods() {
    let target = Target::new().await;
    let office = Office::open(&target).await;
    for path in ["/birth-date", "/completed"] {
        let browser = Browser::at(&target.app, path).await;
        let before = target.app.events(target.member).await;
        sweep(&target, &browser.cookie_header()).await;
        assert_eq!(target.app.events(target.member).await, before);
    }
    sweep(&target, &office.administrator.cookie_header()).await;
    target.serves_on().await;
}
