//! Forms: the token that shows a form to be ours (signed double submit), and what a form brought.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::{CookieName, Visit, set_cookie};
use crate::vault::Purpose;

/// What the forms of one answer carry. It depends on a cookie of its own, not on the session, so that a form that was
/// sent twice still counts after the first sending changed the session.
pub(in crate::api) struct FormToken {
    /// The hidden field's value.
    pub(in crate::api) text: String,
    /// The cookie to set, where the browser had none.
    pub(in crate::api) cookie: Option<HeaderValue>,
}

impl FormToken {
    /// For a page without forms.
    pub(in crate::api) const fn none() -> Self {
        Self {
            text: String::new(),
            cookie: None,
        }
    }

    /// The token for the browser of a request.
    pub(in crate::api) fn of(api: &Api, visit: &Visit) -> Self {
        let known = mark(visit);
        let mark = known.unwrap_or_else(|| api.entropy.bytes());
        let cookie = known.is_none().then(|| {
            let value = BASE64URL_NOPAD.encode(&mark);
            set_cookie(CookieName::Form, &value, None, api.public_url.secure)
        });
        Self {
            text: api.vault.keys.tag(Purpose::Forms, &[&mark]),
            cookie,
        }
    }
}

/// The random bytes that the form cookie holds.
fn mark(visit: &Visit) -> Option<[u8; 16]> {
    let bytes = BASE64URL_NOPAD
        .decode(visit.form.as_deref()?.as_bytes())
        .ok()?;
    bytes.try_into().ok()
}

/// Whether a form's token was made for the browser that sends it.
pub(in crate::api) fn is_own(api: &Api, visit: &Visit, token: &str) -> bool {
    mark(visit).is_some_and(|mark| {
        api.vault
            .keys
            .tags(Purpose::Forms, &[&mark])
            .iter()
            .any(|own| own.as_bytes().ct_eq(token.as_bytes()).into())
    })
}

/// A form that one of our pages in the same browser sent; any other is answered with a problem page.
pub(in crate::api) struct Sent<T>(pub(in crate::api) T);

/// A form without fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::api) struct Nothing {}

#[derive(Deserialize)]
struct WithToken<T> {
    #[serde(default)]
    form_token: String,
    #[serde(flatten)]
    fields: T,
}

impl<T: DeserializeOwned> FromRequest<Api> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        use axum::extract::FromRequestParts;
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, api).await;
        let request = Request::from_parts(parts, body);
        let refused = |problem| super::problem(api, &visit, &problem);
        let Form(form) = Form::<WithToken<T>>::from_request(request, api)
            .await
            .map_err(|rejection| refused(malformed(&rejection)))?;
        if !is_own(api, &visit, &form.form_token) {
            api.tallies.count(Problem::FormToken.name());
            return Err(refused(Problem::FormToken));
        }
        Ok(Self(form.fields))
    }
}

fn malformed(rejection: &FormRejection) -> Problem {
    match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::MediaType,
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => Problem::Malformed,
    }
}
