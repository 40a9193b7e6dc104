//! What staff alone open, in the name of somebody who opens all of it: whatever is asked, typed or sent breaks nothing.

use std::collections::BTreeSet;

use axum::body::Body;
use futures::{StreamExt, stream};
use kadode::api::members::Document;
use kadode::domain::staff::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::files::rosters;
use super::forms::{self, fields_of};
use super::json::{hostile, operations};
use super::routes::{Route, is_for_staff};
use super::texts::texts;
use super::{Answer, Target};
use crate::import::house::HEADER;
use crate::staff::rosters::in_parts;
use crate::staff::support::{at_work, beginner, hire};
use crate::support::browser::Browser;

/// The forms of staff, each with the page that it stands on.
const FORMS: [(&str, &str); 9] = [
    ("/staff/password", "/staff/password"),
    ("/audit", "/audit/search"),
    ("/audit/members/{member}", "/audit/members/{member}/unmask"),
    ("/support", "/support/search"),
    (
        "/support/members/{member}",
        "/support/members/{member}/interventions",
    ),
    ("/rosters", "/rosters"),
    ("/rosters/{import}", "/rosters/{import}"),
    (
        "/approvals/{member}/{proposal}",
        "/approvals/{member}/{proposal}",
    ),
    ("/staff/sign-in", "/staff/sign-in"),
];

const BRING: &str = "/api/v1/rosters?reason=regular_update&ticket=HD-1";

/// Numbers and days at the edges of what there are.
const EDGES: [&str; 7] = [
    "0",
    "-1",
    "9223372036854775807",
    "18446744073709551615",
    "9999-12-31",
    "-009999-01-01",
    "9999-12-31T23:59:59Z",
];

/// An administrator with what waits for a second person, so that what is sent gets as far as it can.
pub(super) struct Office {
    pub(super) administrator: Browser,
    /// The parameters of paths, with what is there.
    there: [(&'static str, String); 4],
}

impl Office {
    pub(super) async fn open(target: &Target) -> Self {
        let app = &target.app;
        let helper = hire(app, "鈴木", Role::Support).await;
        let helper = at_work(app, &helper).await;
        let asks = async |path: &str, kind: &str, body: String| {
            let request = helper.request(Method::POST, path);
            let shown = helper.send(request.header("content-type", kind).body(body));
            let body: Value = serde_json::from_str(&shown.await.html).unwrap();
            body
        };
        let wanted = json!({"intervention": "reissue_credentials", "reason": "letter_lost", "ticket": "HD-1"});
        let path = format!("/api/v1/support/members/{}/proposals", target.member);
        let proposed = asks(&path, "application/json", wanted.to_string()).await;
        let roster = format!("{HEADER}\ntaro01,1,22222,1975-05-05,見本 太郎,,2020-04-01,0\n");
        let brought = asks(BRING, "text/csv", roster).await;
        let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
        Self {
            administrator: administrator(target).await,
            there: [
                ("{member}", target.member.to_string()),
                ("{proposal}", text(&proposed, "proposal")),
                ("{import}", text(&brought, "import")),
                ("{name}", "stuck".to_owned()),
            ],
        }
    }

    /// An address of a route where something is.
    pub(super) fn address(&self, path: &str) -> String {
        let there = self.there.iter();
        there.fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
    }

    /// The same, with a text in each parameter's place in turn.
    fn addresses_with(&self, path: &str, text: &str) -> Vec<String> {
        let names = self.there.iter().map(|(name, _)| *name);
        let found = names.filter(|name| path.contains(name));
        found
            .map(|name| self.address(&path.replace(name, &escaped(text))))
            .collect()
    }

    async fn asks(&self, target: &Target, what: &str, address: &str) -> Answer {
        let request = target
            .request(&Method::GET, address)
            .header("cookie", self.administrator.cookie_header());
        target
            .send(what, request.body(Body::empty()).unwrap())
            .await
    }
}

async fn administrator(target: &Target) -> Browser {
    let clerk = hire(&target.app, "佐藤", Role::Administrator).await;
    at_work(&target.app, &clerk).await
}

/// A text in an address.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// Texts that go into an address.
fn short_texts() -> Vec<(String, String)> {
    let edges = EDGES.map(|edge| (edge, edge.to_owned()));
    let all = texts().into_iter().chain(edges);
    all.filter(|(_, text)| text.len() < 10_000)
        .map(|(name, text)| (name.to_owned(), text))
        .collect()
}

/// The routes of staff that show something.
fn shown(target: &Target) -> impl Iterator<Item = &Route> {
    let all = target.routes.iter();
    all.filter(|route| is_for_staff(&route.path) && route.takes(&Method::GET))
}

/// What may be asked of a route beside its path: as the document has it, or the fields of the page.
async fn questions(office: &Office, route: &Route) -> BTreeSet<String> {
    if !route.is_json() {
        let page = office.administrator.get(&office.address(&route.path)).await;
        // Whoever is past the door and has a password of their own is led on.
        let leads_on = route.path.starts_with("/staff/");
        assert_eq!(page.status == 200, !leads_on, "{}", route.path);
        return fields_of(&page.html);
    }
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let parameters = document["paths"][&route.path]["get"]["parameters"].as_array();
    let asked = parameters
        .into_iter()
        .flatten()
        .filter(|it| it["in"] == "query");
    asked
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn nothing_that_is_asked_of_a_page_or_a_route_of_staff_breaks_it() {
    let target = Target::new().await;
    let office = Office::open(&target).await;
    let mut statuses = BTreeSet::new();
    for route in shown(&target) {
        let questions = questions(&office, route).await;
        for (name, text) in short_texts() {
            let address = office.address(&route.path);
            let mut addresses = office.addresses_with(&route.path, &text);
            addresses.extend(
                questions
                    .iter()
                    .map(|question| format!("{address}?{question}={}", escaped(&text))),
            );
            for address in addresses {
                let answer = office.asks(&target, &name, &address).await;
                assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{address}");
                statuses.insert(answer.status.as_u16());
            }
        }
    }
    for status in [200, 404, 422] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    target.serves_on().await;
}

#[tokio::test]
async fn no_body_breaks_what_programs_of_staff_send() {
    let target = Target::new().await;
    let office = Office::open(&target).await;
    let cookies = &office.administrator.cookie_header();
    for operation in operations() {
        // Rosters are no JSON.
        if !is_for_staff(&operation.address) || operation.address == "/api/v1/rosters" {
            continue;
        }
        let address = &office.address(&operation.address);
        let target = &target;
        let sent = hostile(&operation)
            .into_iter()
            .map(|(name, body)| async move {
                let json = "application/json";
                let answer = target.post(&name, address, json, cookies, body).await;
                answer.status.as_u16()
            });
        let statuses: BTreeSet<u16> = stream::iter(sent).buffer_unordered(8).collect().await;
        assert!(
            [400, 413].iter().all(|status| statuses.contains(status)),
            "{address}: {statuses:?}"
        );
        assert!(!statuses.contains(&401), "{address}");
    }
    target.serves_on().await;
}

#[tokio::test]
async fn no_form_breaks_a_page_of_staff() {
    let target = Target::new().await;
    let office = Office::open(&target).await;
    for route in target.routes.iter().filter(|it| it.takes(&Method::POST)) {
        let known = FORMS.iter().any(|(_, form)| *form == route.path);
        let is_form = is_for_staff(&route.path) && !route.is_json();
        // Whoever signs out is nobody.
        assert_eq!(
            known,
            is_form && route.path != "/staff/sign-out",
            "{}",
            route.path
        );
    }
    let newcomer = hire(&target.app, "高橋", Role::Administrator).await;
    let newcomer = beginner(&target.app, &newcomer).await;
    let stranger = Browser::new(&target.app);
    for (page, form) in FORMS {
        let browser = match form {
            "/staff/sign-in" => &stranger,
            "/staff/password" => &newcomer,
            _ => &office.administrator,
        };
        let page = browser.get(&office.address(page)).await;
        let fields = fields_of(&page.is(200).html);
        // While a roster waits, no other is taken.
        assert_eq!(fields.is_empty(), form == "/rosters", "{form}");
        let statuses = forms::sweep(&target, browser, &office.address(form), &fields).await;
        // That of rosters comes in parts.
        let owed = if form == "/rosters" { 415 } else { 403 };
        assert!(
            statuses.iter().any(|status| status.as_u16() == owed),
            "{form}: {statuses:?}"
        );
    }
    target.serves_on().await;
}

#[tokio::test]
async fn a_file_that_is_no_roster_is_refused_by_page_and_api() {
    let target = Target::new().await;
    let administrator = administrator(&target).await;
    administrator.get("/rosters").await.is(200);
    let (token, cookies) = (administrator.token(), administrator.cookie_header());
    let fields = [
        ("form_token", token.as_str()),
        ("complete", "yes"),
        ("reason", "regular_update"),
        ("ticket", "HD-1"),
    ];
    // One after the other: a second look at the same time is told to wait.
    for (name, file, _) in rosters() {
        let (kind, form) = in_parts(&fields, &file);
        for (address, kind, body) in [("/rosters", kind.as_str(), form), (BRING, "text/csv", file)]
        {
            let answer = target.post(name, address, kind, &cookies, body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        }
    }
    for (name, day) in short_texts() {
        let address = format!("{BRING}&valid_from={}", escaped(&day));
        let answer = target.post(&name, &address, "text/csv", &cookies, "x");
        assert!(answer.await.status.is_client_error(), "{day}");
    }
    target.serves_on().await;
}

#[tokio::test]
async fn parts_that_are_no_form_are_refused() {
    let target = Target::new().await;
    let administrator = administrator(&target).await;
    administrator.get("/rosters").await.is(200);
    let (token, cookies) = (administrator.token(), administrator.cookie_header());
    let (kind, form) = in_parts(&[("form_token", token.as_str())], HEADER.as_bytes());
    let kind = kind.as_str();
    let (edge, _) = form.split_at(form.iter().position(|byte| *byte == b'\r').unwrap());
    let part = |head: &str, value: &[u8]| {
        let head = format!("\r\nContent-Disposition: form-data{head}\r\n\r\n");
        [edge, head.as_bytes(), value, b"\r\n"].concat()
    };
    let with = |part: Vec<u8>| [part, form.clone()].concat();
    for (name, kind, body) in [
        ("no edge", "multipart/form-data", form.clone()),
        (
            "an empty edge",
            "multipart/form-data; boundary=",
            form.clone(),
        ),
        (
            "another edge",
            "multipart/form-data; boundary=other",
            form.clone(),
        ),
        ("no body", kind, Vec::new()),
        ("no end", kind, form[..form.len() - 10].to_vec()),
        ("nothing but edges", kind, edge.repeat(1000)),
        (
            "a part without a head",
            kind,
            with([edge, b"\r\n\r\nx\r\n"].concat()),
        ),
        ("a part without a name", kind, with(part("", b"x"))),
        (
            "a name without an end",
            kind,
            with(part("; name=\"reason", b"x")),
        ),
        ("NUL", kind, with(part("; name=\"reason\"", b"\0"))),
        (
            "broken UTF-8",
            kind,
            with(part("; name=\"reason\"", b"\xff\xfe")),
        ),
        (
            "a field of 1 MB",
            kind,
            with(part("; name=\"ticket\"", &vec![b'x'; 1 << 20])),
        ),
        (
            "10,000 parts",
            kind,
            with(part("; name=\"x\"", b"x").repeat(10_000)),
        ),
        (
            "17 MB",
            kind,
            with(part("; name=\"file\"", &vec![b'x'; 17 << 20])),
        ),
    ] {
        let answer = target.post(name, "/rosters", kind, &cookies, body).await;
        assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
    }
    target.serves_on().await;
}
