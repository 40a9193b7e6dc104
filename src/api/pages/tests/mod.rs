//! What must hold of every page: it renders in both languages, says nothing unsaid, and needs nothing inline.

mod samples;
mod texts;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use tower::ServiceExt;

use super::assets;
use super::messages::Notice;
use super::words;
use crate::domain::values::Language;

const LANGUAGES: [Language; 2] = [Language::Ja, Language::En];

#[test]
fn every_view_renders_in_both_languages() {
    for language in LANGUAGES {
        for (name, html) in samples::all(language) {
            assert!(
                html.contains(&format!("<html lang=\"{}\">", language.tag())),
                "{name}"
            );
            assert!(html.contains("<h1>"), "{name}");
            assert!(html.trim_end().ends_with("</html>"), "{name}");
        }
    }
}

#[test]
fn no_view_shows_a_missing_text_or_an_unfilled_place() {
    for language in LANGUAGES {
        for (name, html) in samples::all(language) {
            assert!(!html.contains("%{"), "{name}");
            assert!(!html.contains(&format!(">{}.", language.tag())), "{name}");
        }
    }
}

#[test]
fn no_view_needs_an_inline_style_or_script() {
    for (name, html) in samples::all(Language::Ja) {
        for inline in [
            " style=",
            "<style",
            "<script>",
            " onclick=",
            " onload=",
            "javascript:",
            "data:",
        ] {
            assert!(!html.contains(inline), "{name}: {inline}");
        }
    }
}

#[test]
fn every_form_carries_the_form_token() {
    for (name, html) in samples::all(Language::Ja) {
        let forms = html.matches("<form ").count();
        let tokens = html.matches("name=\"form_token\"").count();
        assert_eq!(forms, tokens, "{name}");
    }
}

#[test]
fn every_page_names_the_society_and_how_to_reach_it() {
    for (name, html) in samples::all(Language::Ja) {
        for fact in [
            "みほん健康保険組合",
            "tel:0312345678",
            "平日",
            "mailto:first-login@kenpo.example.jp",
            "千代田区",
        ] {
            assert!(html.contains(fact), "{name}: {fact}");
        }
    }
}

#[test]
fn what_a_member_typed_is_escaped() {
    let html = samples::birth_date_typed("\"><script>alert(1)</script>");
    assert!(!html.contains("<script>alert"));
}

#[test]
fn a_password_is_never_put_back_into_its_field() {
    for (name, html) in samples::all(Language::Ja) {
        for input in html
            .split("<input ")
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
        {
            assert!(
                !(input.contains("type=\"password\"") && input.contains("value=")),
                "{name}"
            );
        }
    }
}

#[test]
fn times_are_those_of_a_clock_in_japan() {
    let at: Timestamp = "2026-11-22T15:30:00Z".parse().unwrap();
    assert_eq!(
        words::date_and_time(Language::Ja, at),
        "2026年11月23日 0時30分"
    );
    assert_eq!(
        words::date_and_time(Language::En, at),
        "23 November 2026, 00:30"
    );
}

#[test]
fn the_date_is_left_out_where_it_is_today() {
    let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
    let tonight: Timestamp = "2026-11-22T09:40:59Z".parse().unwrap();
    let tomorrow: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
    assert_eq!(words::until(Language::Ja, tonight, now), "18時40分");
    assert_eq!(
        words::until(Language::Ja, tomorrow, now),
        "2026年11月23日 0時00分"
    );
}

#[test]
fn a_moment_to_wait_for_is_never_shown_too_early() {
    let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
    let within: Timestamp = "2026-11-22T09:40:01Z".parse().unwrap();
    let exact: Timestamp = "2026-11-22T09:40:00Z".parse().unwrap();
    assert_eq!(words::from(Language::En, within, now), "18:41");
    assert_eq!(words::from(Language::En, exact, now), "18:40");
}

#[test]
fn a_notice_is_found_by_its_code() {
    for notice in Notice::ALL {
        assert_eq!(Notice::named(notice.code()), Some(notice));
    }
    assert_eq!(Notice::named("something-else"), None);
}

#[tokio::test]
async fn every_asset_that_a_page_names_may_be_kept_for_a_year() {
    for (_, html) in samples::all(Language::Ja) {
        for address in html.split('"').filter(|text| text.starts_with("/assets/")) {
            let response = ask(address, None).await;
            assert_eq!(response.status(), StatusCode::OK, "{address}");
            assert_eq!(
                response.headers()[header::CACHE_CONTROL],
                "public, max-age=31536000, immutable"
            );
        }
    }
}

#[tokio::test]
async fn an_asset_under_an_old_mark_is_served_but_not_kept() {
    let response = ask("/assets/pages.css?v=0123456789abcdef", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/css; charset=utf-8"
    );
}

#[tokio::test]
async fn an_asset_that_the_browser_has_is_not_sent_again() {
    let tag = ask("/assets/mark.svg", None).await.headers()[header::ETAG]
        .to_str()
        .unwrap()
        .to_owned();
    let response = ask("/assets/mark.svg", Some(&tag)).await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert!(to_bytes(response.into_body(), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_asset_is_not_found() {
    assert_eq!(
        ask("/assets/other.css", None).await.status(),
        StatusCode::NOT_FOUND
    );
}

async fn ask(address: &str, known: Option<&str>) -> Response {
    let mut request = Request::get(address);
    if let Some(tag) = known {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    let router: Router = assets::routes();
    router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}
