//! Input that nobody honest sends, to every route and parser: it is refused, and whoever comes next is served as before.

mod addresses;
mod bodies;
mod files;
mod forms;
mod headers;
mod json;
mod lines;
pub(crate) mod log;
mod methods;
mod office;
mod parsers;
mod requests;
pub(crate) mod routes;
mod sockets;
mod texts;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use futures::StreamExt;
use kadode::domain::ids::MemberId;
use reqwest::Method;
use tower::ServiceExt;

use self::log::Log;
use self::routes::Route;
use crate::support::app::{App, Setup, USER_ID, eventually, policy_with, profile};
use crate::support::browser::Browser;

/// What stands in for the parameters of a route's path.
const NO_TOKEN: &str = "no-token";

/// The program with the manual's example enrolled, asked without a socket between, and everything it logs.
struct Target {
    app: App,
    member: MemberId,
    router: Router,
    routes: Vec<Route>,
    log: Log,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Target {
    async fn new() -> Self {
        let log = Log::listen();
        // With step 4, so that there is no route that is never due.
        let terms = "[terms]\nversion = \"1\"\ntext = { ja = \"注意\", en = \"Notes\" }\n\n[roster_headers]";
        let setup = Setup {
            policy: policy_with(&[("[roster_headers]", terms)]),
            ..Setup::default()
        };
        let app = App::start_as(setup).await;
        let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
        let router = kadode::api::router(&app.api);
        Self {
            routes: routes::of(&router),
            app,
            member,
            router,
            log,
        }
    }

    /// A request as an honest program would begin it.
    fn request(&self, method: &Method, address: &str) -> axum::http::request::Builder {
        let host = self.app.url.trim_start_matches("http://");
        Request::builder()
            .method(method)
            .uri(address)
            .header(header::HOST, host)
    }

    /// Sends a request, and holds the answer against what every answer owes.
    async fn send(&self, what: &str, request: Request<Body>) -> Answer {
        let what = format!("{} {} with {what}", request.method(), short(request.uri()));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let mut text = Vec::new();
        // An event stream has no end.
        if parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_none_or(|it| it != "text/event-stream")
        {
            let mut chunks = body.into_data_stream();
            while let Some(chunk) = chunks.next().await {
                text.extend(chunk.unwrap());
            }
        }
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(text).unwrap(),
        };
        answer.is_in_order(&what, &method, &path);
        answer
    }

    /// Sends bytes to a route as a media type, with further headers.
    async fn post(
        &self,
        what: &str,
        address: &str,
        media_type: &str,
        cookie: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let request = self
            .request(&Method::POST, address)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::COOKIE, cookie)
            .body(Body::from(body.into()))
            .unwrap();
        self.send(what, request).await
    }

    /// Fails unless the program is as it was: ready, nothing amiss in its log, nothing but what is legal in its events, and
    /// able to take the member to step 15.
    async fn serves_on(self) {
        let browser = Browser::at(&self.app, "/completed").await;
        browser.get("/completed").await.is(200);
        let ready = eventually("the read models", async || {
            let ready: serde_json::Value =
                serde_json::from_str(&browser.get("/readyz").await.html).unwrap();
            (ready["projected"] == ready["head"]).then_some(ready)
        });
        let ready = ready.await;
        assert_eq!(
            (&ready["ready"], &ready["parked"]),
            (&true.into(), &0.into())
        );
        for event in self.app.society.log.read_after(0, i64::MAX).await.unwrap() {
            let own = event.stream_id == self.member.to_string();
            let legal = own || event.stream_kind != "onboarding";
            assert!(legal, "{} in {}", event.event_type, event.stream_id);
        }
        self.log.tells_of_nothing_amiss();
    }
}

impl Answer {
    /// Holds what every answer owes: no fault of ours, the headers that keep it private, and a body as whoever asks there can read it.
    fn is_in_order(&self, what: &str, method: &Method, path: &str) {
        let what = format!("{what}: {} {}", self.status, self.text);
        assert!(!self.status.is_server_error(), "{what}");
        let header = |name: &str| self.headers.get(name).map_or("", |it| it.to_str().unwrap());
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(name), value, "{what}");
        }
        assert!(
            header("content-security-policy").starts_with("default-src 'none'"),
            "{what}"
        );
        assert!(header("permissions-policy").contains("camera=()"), "{what}");
        assert!(
            header("x-request-id").parse::<uuid::Uuid>().is_ok(),
            "{what}"
        );
        assert!(
            !self.headers.contains_key("access-control-allow-origin"),
            "{what}"
        );
        if !path.starts_with("/assets/") {
            assert_eq!(header("cache-control"), "no-store", "{what}");
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let allowed: Vec<&str> = header("allow").split(',').collect();
            assert!(
                !allowed.contains(&"") && !allowed.contains(&method.as_str()),
                "{what}: {allowed:?}"
            );
        }
        let content_type = header("content-type");
        if self.status.is_client_error() {
            // Events are for scripts, as the API is.
            let for_programs =
                path.starts_with("/api/") || content_type != PAGE && path == "/events";
            assert_eq!(
                content_type,
                if for_programs { PROBLEM } else { PAGE },
                "{what}"
            );
            if for_programs && *method != Method::HEAD {
                let body: serde_json::Value = serde_json::from_str(&self.text).unwrap();
                assert_eq!(body["status"], self.status.as_u16(), "{what}");
            }
        }
        // What was sent does not come back as markup.
        assert!(!self.text.contains(texts::MARKUP), "{what}");
    }
}

const PROBLEM: &str = "application/problem+json";
const PAGE: &str = "text/html; charset=utf-8";

/// An address as a failing test shows it.
fn short(uri: &axum::http::Uri) -> String {
    uri.to_string().chars().take(100).collect()
}

/// A header's value of any bytes that HTTP lets pass.
fn value(bytes: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(bytes.as_ref()).unwrap()
}
