//! The table of problems: what each is answered with.

use axum::http::StatusCode;

use super::Problem;

impl Problem {
    /// The table: status, the name at the end of the type, and the title.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one table")]
    pub const fn row(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "The body is not JSON of the shape asked for",
            ),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "The body is of another media type than asked for",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such route"),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "The route does not know this method",
            ),
            Self::Misdirected => (
                StatusCode::MISDIRECTED_REQUEST,
                "misdirected",
                "The Host header names another site",
            ),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "foreign",
                "The request comes from another site",
            ),
            Self::FormToken => (
                StatusCode::FORBIDDEN,
                "form-token",
                "The form is too old; open the page again",
            ),
            Self::SignInFailed => (
                StatusCode::UNAUTHORIZED,
                "sign-in-failed",
                "The user ID or the password is not right, or cannot be used now",
            ),
            Self::NoSession => (
                StatusCode::UNAUTHORIZED,
                "no-session",
                "Sign in; you continue where you were",
            ),
            Self::NotSignedIn => (
                StatusCode::UNAUTHORIZED,
                "not-signed-in",
                "Sign in as staff, or send a token that counts",
            ),
            Self::PasswordDue => (
                StatusCode::FORBIDDEN,
                "password-due",
                "Set a password of your own first",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "Your role or your token does not open this",
            ),
            Self::UnknownMember => (
                StatusCode::NOT_FOUND,
                "unknown-member",
                "There is no such member",
            ),
            Self::UnknownReport => (
                StatusCode::NOT_FOUND,
                "unknown-report",
                "There is no such report",
            ),
            Self::SessionRotated => (
                StatusCode::CONFLICT,
                "session-rotated",
                "The session has a new cookie; use that one",
            ),
            Self::Mismatch { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "mismatch",
                "It does not match",
            ),
            Self::Invalid { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "A field cannot be taken",
            ),
            Self::Rows(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "roster-errors",
                "The roster cannot be taken; each row that is wrong is named",
            ),
            Self::ManyLeave { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "leavers-needed",
                "More than one in ten members would leave by the roster; say how many, if that is right",
            ),
            Self::CodeExpired => (
                StatusCode::GONE,
                "code-expired",
                "The code has expired; ask for the mail again",
            ),
            Self::CodeDead => (
                StatusCode::GONE,
                "code-dead",
                "There are no tries left; sign in again",
            ),
            Self::CodeUsed => (StatusCode::GONE, "code-used", "The code has been used"),
            Self::FormUsed => (StatusCode::GONE, "form-used", "The form has been used"),
            Self::LinkExpired => (
                StatusCode::GONE,
                "link-expired",
                "The link has expired; ask for another",
            ),
            Self::LinkReplaced => (
                StatusCode::GONE,
                "link-replaced",
                "Another address has replaced the link's",
            ),
            Self::LinkDisowned => (
                StatusCode::GONE,
                "link-disowned",
                "The link's address was disowned",
            ),
            Self::LinkUnknown => (
                StatusCode::NOT_FOUND,
                "link-unknown",
                "There is no such link",
            ),
            Self::NoticeReplaced => (
                StatusCode::GONE,
                "notice-replaced",
                "The notice is about something that counts no more",
            ),
            Self::NothingToConfirm => (
                StatusCode::CONFLICT,
                "nothing-to-confirm",
                "There is no other address whose link was followed",
            ),
            Self::Desk(problem) => problem.row(),
            Self::OutOfOrder(_) => (StatusCode::CONFLICT, "out-of-order", "Another step is due"),
            Self::AlreadySet => (
                StatusCode::CONFLICT,
                "already-set",
                "The password is already set",
            ),
            Self::TooSoon(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-soon",
                "The last mail left a moment ago",
            ),
            Self::BudgetSpent(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "budget-spent",
                "No more mails for now",
            ),
            Self::Waiting(_) | Self::NeedsSupport(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "waiting",
                "Too many failures; wait",
            ),
            Self::Busy | Self::Crowded(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too busy; try again in a moment",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "A fault of the program",
            ),
        }
    }
}
