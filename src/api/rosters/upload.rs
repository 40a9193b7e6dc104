//! The form with a file: as browsers send it, in parts.

use axum::extract::multipart::{Multipart, MultipartError};
use axum::http::StatusCode;
use jiff::civil::Date;

use super::acts::{Brought, grounds};
use crate::api::Api;
use crate::api::input::normalise_id;
use crate::api::pages::forms::is_own;
use crate::api::problem::Problem;
use crate::api::visit::Visit;

/// What was typed beside the file, to be shown again.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) complete: bool,
    pub(super) valid_from: String,
    pub(super) leavers: String,
    pub(super) reason: String,
    pub(super) ticket: String,
    file: Vec<u8>,
    form_token: String,
}

impl Typed {
    /// Reads a form that one of our pages in the same browser sent.
    ///
    /// # Errors
    /// It is none, or too large.
    pub(super) async fn read(
        api: &Api,
        visit: &Visit,
        mut form: Multipart,
    ) -> Result<Self, Problem> {
        let mut typed = Self::default();
        while let Some(field) = form.next_field().await.map_err(|it| malformed(&it))? {
            let name = field.name().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(|it| malformed(&it))?;
            if name == "file" {
                typed.file = bytes.to_vec();
                continue;
            }
            let text = std::str::from_utf8(&bytes).map_err(|_| Problem::Malformed)?;
            let place = match name.as_str() {
                "form_token" => &mut typed.form_token,
                "valid_from" => &mut typed.valid_from,
                "leavers" => &mut typed.leavers,
                "reason" => &mut typed.reason,
                "ticket" => &mut typed.ticket,
                "complete" => {
                    typed.complete = text == "yes";
                    continue;
                }
                _ => continue,
            };
            text.clone_into(place);
        }
        if is_own(api, visit, &typed.form_token) {
            Ok(typed)
        } else {
            api.tallies.count(Problem::FormToken.name());
            Err(Problem::FormToken)
        }
    }

    /// The roster that was sent.
    ///
    /// # Errors
    /// [`Problem::Invalid`] for the first field that cannot be taken.
    pub(super) fn brought(&mut self) -> Result<Brought, Problem> {
        let file = std::mem::take(&mut self.file);
        if file.is_empty() {
            return Err(Problem::Invalid {
                field: "file",
                why: "required",
            });
        }
        Ok(Brought {
            file,
            complete: self.complete,
            valid_from: day(&self.valid_from)?,
            leavers: normalise_id(&self.leavers).parse().ok(),
            grounds: grounds(&self.reason, &self.ticket)?,
        })
    }
}

/// A day, or none.
///
/// # Errors
/// [`Problem::Invalid`]: it is no day.
pub(super) fn day(text: &str) -> Result<Option<Date>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let day = text.trim().parse().map_err(|_| Problem::Invalid {
        field: "valid_from",
        why: "not_a_date",
    })?;
    Ok(Some(day))
}

fn malformed(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::TooLarge
    } else {
        Problem::Malformed
    }
}
