//! The style sheet, the script and the mark, built into the program and kept by browsers until they change.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

const FILES: [(&str, &str, &str); 3] = [
    (
        "pages.css",
        "text/css; charset=utf-8",
        include_str!("../../../assets/pages.css"),
    ),
    (
        "pages.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../assets/pages.js"),
    ),
    (
        "mark.svg",
        "image/svg+xml",
        include_str!("../../../assets/mark.svg"),
    ),
];

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
    /// The first 64 bits of the content's SHA-256, in hexadecimal.
    mark: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(name, content_type, content)| {
        let digest = Sha256::digest(content);
        let mark = HEXLOWER.encode(&digest[..8]);
        Asset {
            name,
            content_type,
            content,
            mark,
        }
    };
    FILES.map(asset).into()
});

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address of an asset, with a mark that changes with its content.
#[must_use]
pub fn address(name: &str) -> String {
    match find(name) {
        Some(asset) => format!("/assets/{name}?v={}", asset.mark),
        None => format!("/assets/{name}"),
    }
}

/// `GET /assets/…`, a route for each; any other name is as unknown as any other address.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let answer = async move |RawQuery(query): RawQuery, headers: HeaderMap| {
            answer(asset, query.as_deref(), &headers)
        };
        router.route(&format!("/assets/{}", asset.name), get(answer))
    })
}

/// Under its present mark an asset may be kept for a year; under another, as beside a newer
/// or older node of ours, it is served and must be asked for again.
fn answer(asset: &'static Asset, query: Option<&str>, headers: &HeaderMap) -> Response {
    let lasting = query.is_some_and(|query| query == format!("v={}", asset.mark));
    let keep = if lasting {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let tag = format!("\"{}\"", asset.mark);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|sent| sent.as_bytes() == tag.as_bytes());

    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (
            [(header::CONTENT_TYPE, asset.content_type)],
            Body::from(asset.content),
        )
            .into_response()
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
