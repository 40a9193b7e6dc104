//! Bodies for the pages' forms: broken escapes, far too many fields, and texts that break programs in every field.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode};

use super::Target;
use super::texts::{beside, texts};
use crate::support::browser::Browser;

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// The pages of the steps, in their order, as far as they have forms that hostile fields cannot satisfy.
const DUE: [&str; 8] = [
    "/birth-date",
    "/terms",
    "/email",
    "/email-link",
    "/otp-method",
    "/password",
    "/otp",
    "/completed",
];

/// Bodies that no page sends, each with its name; the form's token stands where `TOKEN` does.
fn bodies(fields: &BTreeSet<String>) -> Vec<(&'static str, Vec<u8>)> {
    let field = fields.first().map_or("field", String::as_str);
    let text = |text: &str| text.replace("FIELD", field).into_bytes();
    vec![
        ("an empty body", Vec::new()),
        ("the token alone", text("form_token=TOKEN")),
        ("another token", text("form_token=x&FIELD=x")),
        ("the token twice", text("form_token=TOKEN&form_token=TOKEN")),
        ("a field twice", text("form_token=TOKEN&FIELD=x&FIELD=y")),
        (
            "a field as a list",
            text("form_token=TOKEN&FIELD[]=x&FIELD[0][a]=y"),
        ),
        ("half an escape", text("form_token=TOKEN&FIELD=%")),
        ("no escape", text("form_token=TOKEN&FIELD=%zz%u1234")),
        (
            "broken UTF-8 in escapes",
            text("form_token=TOKEN&FIELD=%ff%fe%c0%80&%ff=%fe"),
        ),
        (
            "broken UTF-8",
            [
                text("form_token=TOKEN&FIELD="),
                b"\xff\xfe\xc0\x80".to_vec(),
            ]
            .concat(),
        ),
        ("NUL", text("form_token=TOKEN&FIELD=%00\0")),
        ("nothing but separators", text("&&&&====;;;;")),
        ("JSON", text("{\"form_token\":\"TOKEN\",\"FIELD\":\"x\"}")),
        (
            "UTF-16",
            "form_token=TOKEN"
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect(),
        ),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf".to_vec(), text("form_token=TOKEN")].concat(),
        ),
        (
            "10,000 fields",
            [text("form_token=TOKEN"), b"&a=b".repeat(10_000)].concat(),
        ),
        (
            "10 MB",
            [text("form_token=TOKEN&FIELD="), vec![b'x'; 10 << 20]].concat(),
        ),
    ]
}

/// The names of the fields that a page asks for.
pub(super) fn fields_of(html: &str) -> BTreeSet<String> {
    let tags = html
        .split('<')
        .filter(|tag| tag.starts_with("input ") || tag.starts_with("select "))
        .map(|rest| rest.split('>').next().unwrap());
    let names = tags.filter_map(|tag| tag.split_once("name=\"")?.1.split('"').next());
    let asked = names
        .filter(|name| *name != "form_token")
        .map(str::to_owned);
    asked.collect()
}

/// Every field of a form with every text in turn, each with its name.
fn filled(fields: &BTreeSet<String>) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for field in fields {
        for (count, (name, text)) in texts().into_iter().enumerate() {
            let mut form = url::form_urlencoded::Serializer::new("form_token=TOKEN".to_owned());
            for other in fields.iter().filter(|other| *other != field) {
                form.append_pair(other, &beside(other, count));
            }
            form.append_pair(field, &text);
            all.push((format!("{name} as {field}"), form.finish().into_bytes()));
        }
    }
    all
}

/// Sends all of it to a form's address in the browser's name, and counts what was asked for again.
pub(super) async fn sweep(
    target: &Target,
    browser: &Browser,
    address: &str,
    fields: &BTreeSet<String>,
) -> Vec<StatusCode> {
    let bodies = bodies(fields)
        .into_iter()
        .map(|(name, body)| (name.to_owned(), body));
    let (token, cookies) = (&browser.token(), &browser.cookie_header());
    let sent = bodies.chain(filled(fields)).map(|(name, body)| async move {
        let body = replaced(&body, token);
        target
            .post(&name, address, FORM, cookies, body)
            .await
            .status
    });
    stream::iter(sent).buffer_unordered(8).collect().await
}

/// A body with the form's token in its place.
fn replaced(body: &[u8], token: &str) -> Vec<u8> {
    let mark = b"TOKEN";
    match body
        .windows(mark.len())
        .take(100)
        .position(|part| part == mark)
    {
        Some(at) => [
            &body[..at],
            token.as_bytes(),
            &replaced(&body[at + mark.len()..], token),
        ]
        .concat(),
        None => body.to_vec(),
    }
}

#[tokio::test]
async fn a_stranger_gets_nowhere_with_any_form() {
    let target = Target::new().await;
    let browser = Browser::at_the_door(&target.app).await;
    let fields = fields_of(&browser.get("/sign-in").await.html);
    assert!(fields.len() >= 2, "{fields:?}");
    let forms = target
        .routes
        .iter()
        .filter(|route| !route.is_json() && route.takes(&Method::POST));
    for route in forms {
        let none = BTreeSet::new();
        let fields = if route.path == "/sign-in" {
            &fields
        } else {
            &none
        };
        for status in sweep(&target, &browser, &route.address(), fields).await {
            let refused = status.is_client_error() || status == StatusCode::SEE_OTHER;
            assert!(refused, "{}: {status}", route.path);
        }
    }
    target.serves_on().await;
}

#[tokio::test]
async fn a_member_gets_nowhere_with_any_form_that_is_not_what_the_due_step_asks_for() {
    let target = Target::new().await;
    let browser = Browser::at(&target.app, DUE[0]).await;
    for due in DUE {
        browser.walk_to(&target.app, due).await;
        let fields = fields_of(&browser.get(due).await.html);
        // Whoever is through has no form but the way out.
        let forms: &[&str] = match due {
            "/email-link" => &["/email-link", "/email-link/resend"],
            "/otp" => &["/otp", "/otp/resend"],
            "/completed" => &[
                "/birth-date",
                "/email",
                "/password",
                "/email-change",
                "/password-change",
            ],
            _ => &[due],
        };
        for address in forms {
            let statuses = sweep(&target, &browser, address, &fields).await;
            let refused =
                |status: &StatusCode| status.is_client_error() || *status == StatusCode::SEE_OTHER;
            assert!(statuses.iter().all(refused), "{address}: {statuses:?}");
            assert!(
                statuses.contains(&StatusCode::PAYLOAD_TOO_LARGE),
                "{address}: {statuses:?}"
            );
            assert!(
                statuses.contains(&StatusCode::FORBIDDEN),
                "{address}: {statuses:?}"
            );
        }
        assert_eq!(browser.open("/").await.0, due);
    }
    target.serves_on().await;
}
