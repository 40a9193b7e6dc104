//! What members' programs send: JSON objects of a few fields, and nothing besides.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::problem::Problem;

/// A JSON object; anything else is a problem.
pub(in crate::api) struct Body<T>(pub(in crate::api) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        match Json::<Box<RawValue>>::from_request(request, api).await {
            Ok(Json(body)) => read(body.get()).map(Self).ok_or(Problem::Malformed),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::MediaType),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::TooLarge)
            }
            Err(_) => Err(Problem::Malformed),
        }
    }
}

/// Reads a body; none, if it is not an object with exactly the fields asked for.
#[must_use]
pub fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    // A derived Deserialize would take an array of the fields as well.
    Some(json)
        .filter(|text| text.starts_with('{'))
        .and_then(|text| serde_json::from_str(text).ok())
}

/// Steps 2 and 13.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The user ID, as it stands on the paper.
    #[schema(min_length = 1)]
    pub user_id: String,
    /// The password: that of the paper, or the member's own.
    #[schema(min_length = 1)]
    pub password: String,
}

/// Step 3.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BirthDateBody {
    /// 1980-01-01, 19800101, S55.1.1, 昭和55年1月1日, …
    #[schema(example = "1980-01-01")]
    pub birth_date: String,
}

/// Step 4.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsBody {
    /// The version that was shown.
    pub version: String,
}

/// Step 5.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailBody {
    /// The e-mail address.
    #[schema(example = "hanako@example.jp")]
    pub email: String,
}

/// A forgotten password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgottenBody {
    /// The user ID, as it stands on the paper.
    #[schema(min_length = 1)]
    pub user_id: String,
    /// 1980-01-01, 19800101, S55.1.1, 昭和55年1月1日, …
    #[schema(example = "1980-01-01")]
    pub birth_date: String,
}

/// Another address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailChangeBody {
    /// The other e-mail address.
    #[schema(example = "hanako@example.jp")]
    pub email: String,
    /// The member's own password, once more.
    #[schema(min_length = 1)]
    pub password: String,
}

/// Step 8.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MethodBody {
    /// `email`
    #[schema(example = "email")]
    pub method: String,
}

/// Step 9.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The member's own password.
    pub new_password: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChangeBody {
    /// The member's own password, once more.
    #[schema(min_length = 1)]
    pub password: String,
    /// The other one.
    pub new_password: String,
}

/// Step 14.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// Six digits.
    #[schema(example = "123456")]
    pub code: String,
}

/// Step 6.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkBody {
    /// 心当たりがない
    #[serde(default)]
    pub disown: bool,
}

/// Nothing needs to be told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeBody {}
