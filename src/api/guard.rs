//! What every request passes: the right host, no foreign page behind it, and headers that keep answers private.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::problem::Problem;
use super::visit::Visit;
use super::{Api, problem_at};

/// Routes that a load balancer asks under any name.
const OPERATIONS: [&str; 4] = ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/docs"];

/// Refuses requests for another host (421) and requests that another site's page made (403).
pub async fn admit(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &api).await;
    let request = Request::from_parts(parts, body);
    let path = request.uri().path();
    // The page that leads to the right host looks like one of ours: what it is dressed in is the same for everybody.
    let for_any_host = OPERATIONS.contains(&path) || path.starts_with("/assets/");
    if !for_any_host && !is_for(&request, &api.public_url.authority) {
        return problem_at(&api, path, &visit, &Problem::Misdirected);
    }
    let changes = *request.method() != Method::GET && *request.method() != Method::HEAD;
    if changes && foreign(request.headers(), &api.public_url.origin) {
        api.tallies.count(Problem::Foreign.name());
        return problem_at(&api, path, &visit, &Problem::Foreign);
    }
    next.run(request).await
}

/// Whether the request names this host, and no other beside it: what stands before us might have looked at the other one.
fn is_for(request: &Request, own: &str) -> bool {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => first.and_then(|host| host.to_str().ok()),
    };
    second.is_none() && host.is_some_and(|host| host.eq_ignore_ascii_case(own))
}

/// Whether a browser says that another site's page made the request. Other programs say nothing.
fn foreign(headers: &HeaderMap, own: &str) -> bool {
    let says = |name: &str, own: &str| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| value.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
    };
    !says("origin", own) || !says("sec-fetch-site", "same-origin")
}

/// Puts the security headers on every answer (ASVS 5.0.0, 3.4).
pub async fn protect(State(api): State<Api>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with it, browsers send `Origin: null` on our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if api.public_url.secure {
        // Two years, as browsers' preload lists ask.
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    response
}
