//! What can go wrong, as one table: from a case to a status, a stable type and what to say (RFC 9457).

mod desk;
mod table;

pub use desk::DeskProblem;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::commands::CommandError;
use crate::domain::onboarding::{Refusal, Step};
use crate::rosters::{RosterFault, RowError};

/// How long a client is asked to stay away when the program is too busy, in seconds.
const BUSY_SECONDS: i64 = 2;

/// A case in which a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The body is not JSON, or not of the shape asked for.
    Malformed,
    /// The body is of another media type than asked for.
    MediaType,
    /// The body is larger than any honest one.
    TooLarge,
    /// There is no such route.
    NotFound,
    /// The route does not know the method.
    Method,
    /// The Host header names another site.
    Misdirected,
    /// The request comes from another site's page.
    Foreign,
    /// The form's token is missing or of another browser.
    FormToken,
    /// Unknown ID, wrong password, frozen, window closed: the same bytes for all.
    SignInFailed,
    /// There is no session, or it has ended.
    NoSession,
    /// No session of staff, none that counts any more, or no token that does.
    NotSignedIn,
    /// Of staff, the printed password still counts: their own comes before all else.
    PasswordDue,
    /// The role, or the token, does not open it.
    Forbidden,
    /// There is no member with this id.
    UnknownMember,
    /// There is no report of this name.
    UnknownReport,
    /// The session's secret was exchanged a moment ago; nothing is granted.
    SessionRotated,
    /// The date of birth, the code, or the password that a session is asked for once more, is wrong.
    Mismatch {
        /// `birth_date`, `code` or `password`.
        field: &'static str,
        /// Tries left before a wait, or before the code is dead.
        tries_left: u32,
    },
    /// A field cannot be taken.
    Invalid {
        /// The field's name.
        field: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// Rows of a roster cannot be taken.
    Rows(Vec<RowError>),
    /// So many members would leave by a roster that whoever brings it has to say the number.
    ManyLeave {
        /// Who would leave.
        left: u64,
        /// Of how many.
        known: u64,
    },
    /// The code's time is over.
    CodeExpired,
    /// The sign-in has no tries left.
    CodeDead,
    /// The code was used in another session.
    CodeUsed,
    /// The password form was used in another session.
    FormUsed,
    /// The link's time is over.
    LinkExpired,
    /// The link's address was replaced.
    LinkReplaced,
    /// The link's address was disowned.
    LinkDisowned,
    /// The link is none of ours.
    LinkUnknown,
    /// The notice is about something that counts no more.
    NoticeReplaced,
    /// There is no other address whose link was followed.
    NothingToConfirm,
    /// Something stands against an intervention of staff.
    Desk(DeskProblem),
    /// Another step is due.
    OutOfOrder(Step),
    /// A password was set already.
    AlreadySet,
    /// The last mail left a moment ago.
    TooSoon(Wait),
    /// No more mails for now.
    BudgetSpent(Wait),
    /// A waiting time is running.
    Waiting(Wait),
    /// Too many failures in a row in a browser of the member's own. Programs see [`Problem::Waiting`]; a member is told to call.
    NeedsSupport(Wait),
    /// The database is away, or a race was lost for two seconds.
    Busy,
    /// Too many sign in at once.
    Crowded(Wait),
    /// A fault of the program; told in its log.
    Internal,
}

/// A moment to wait for, and the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// When to try again.
    pub until: Timestamp,
    /// Now.
    pub now: Timestamp,
}

impl Wait {
    /// Whole seconds, at least one.
    #[must_use]
    pub fn seconds(self) -> i64 {
        let left = self.until.duration_since(self.now);
        let begun = i64::from(left.subsec_nanos() > 0);
        (left.as_secs() + begun).max(1)
    }
}

/// The body of a problem.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A stable reference that names the case; it leads to its description.
    #[serde(rename = "type")]
    pub kind: String,
    /// The case in a few words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Tries left before a waiting time, or before the code is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tries_left: Option<u32>,
    /// Whole seconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retry_after: Option<i64>,
    /// The step that is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub step: Option<StepBody>,
    /// The fields that cannot be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What is wrong with a roster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowError>,
    /// How many members would leave by a roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub leavers: Option<u64>,
}

/// The step that is due.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepBody {
    /// Its number in the manual.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
}

impl StepBody {
    /// How programs are told of a step.
    #[must_use]
    pub const fn of(step: Step) -> Self {
        Self {
            number: step.number(),
            name: step.name(),
        }
    }
}

/// A field that cannot be taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name.
    pub field: &'static str,
    /// Why not.
    pub why: &'static str,
}

impl Problem {
    /// Every case that programs can tell apart, for the documentation.
    pub const ALL: [Self; 49] = {
        let wait = Wait {
            until: Timestamp::UNIX_EPOCH,
            now: Timestamp::UNIX_EPOCH,
        };
        [
            Self::Malformed,
            Self::MediaType,
            Self::TooLarge,
            Self::NotFound,
            Self::Method,
            Self::Misdirected,
            Self::Foreign,
            Self::FormToken,
            Self::SignInFailed,
            Self::NoSession,
            Self::NotSignedIn,
            Self::PasswordDue,
            Self::Forbidden,
            Self::UnknownMember,
            Self::UnknownReport,
            Self::SessionRotated,
            Self::Mismatch {
                field: "",
                tries_left: 0,
            },
            Self::Invalid { field: "", why: "" },
            Self::Rows(Vec::new()),
            Self::ManyLeave { left: 0, known: 0 },
            Self::CodeExpired,
            Self::CodeDead,
            Self::CodeUsed,
            Self::FormUsed,
            Self::LinkExpired,
            Self::LinkReplaced,
            Self::LinkDisowned,
            Self::LinkUnknown,
            Self::NoticeReplaced,
            Self::NothingToConfirm,
            Self::Desk(DeskProblem::NeedsApproval),
            Self::Desk(DeskProblem::NeedsNoApproval),
            Self::Desk(DeskProblem::NothingToDo),
            Self::Desk(DeskProblem::AlreadyProposed),
            Self::Desk(DeskProblem::UnknownProposal),
            Self::Desk(DeskProblem::ProposalOver),
            Self::Desk(DeskProblem::OwnProposal),
            Self::Desk(DeskProblem::NotProven),
            Self::Desk(DeskProblem::LiftsSpent),
            Self::Desk(DeskProblem::ChangedSince),
            Self::Desk(DeskProblem::RosterOpen),
            Self::Desk(DeskProblem::OtherPlan),
            Self::OutOfOrder(Step::SignIn),
            Self::AlreadySet,
            Self::TooSoon(wait),
            Self::BudgetSpent(wait),
            Self::Waiting(wait),
            Self::Busy,
            Self::Internal,
        ]
    };

    /// The stable name of the case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.row().1
    }

    /// Whole seconds to wait, where waiting helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<i64> {
        if let Self::TooSoon(wait)
        | Self::BudgetSpent(wait)
        | Self::Waiting(wait)
        | Self::NeedsSupport(wait)
        | Self::Crowded(wait) = self
        {
            return Some(wait.seconds());
        }
        (*self == Self::Busy).then_some(BUSY_SECONDS)
    }

    fn body(&self) -> ProblemBody {
        let (status, name, title) = self.row();
        let mut body = ProblemBody {
            kind: format!("/api/docs#{name}"),
            title,
            status: status.as_u16(),
            tries_left: None,
            retry_after: self.retry_after(),
            step: None,
            errors: Vec::new(),
            rows: Vec::new(),
            leavers: None,
        };
        if let Self::ManyLeave { left, .. } = self {
            body.leavers = Some(*left);
        }
        if let Self::Rows(rows) = self {
            body.rows.clone_from(rows);
        }
        if let Self::Mismatch { tries_left, .. } = self {
            body.tries_left = Some(*tries_left);
        }
        if let Self::OutOfOrder(step) = self {
            body.step = Some(StepBody::of(*step));
        }
        if let Self::Invalid { field, why } = self {
            body.errors = vec![FieldError { field, why }];
        }
        body
    }

    /// The one way from the domain's refusals to outward cases.
    #[must_use]
    pub const fn of_refusal(refusal: &Refusal, now: Timestamp) -> Self {
        match *refusal {
            Refusal::NotEnrolled | Refusal::Erased | Refusal::Frozen | Refusal::WindowClosed => {
                Self::SignInFailed
            }
            Refusal::SessionEnded => Self::NoSession,
            Refusal::OutOfOrder { due } => Self::OutOfOrder(due),
            Refusal::OtherTerms => Self::Invalid {
                field: "version",
                why: "not_the_present_one",
            },
            Refusal::Waiting { until } => Self::Waiting(Wait { until, now }),
            Refusal::TooSoon { until } => Self::TooSoon(Wait { until, now }),
            Refusal::BudgetSpent { until } => Self::BudgetSpent(Wait { until, now }),
            Refusal::LinkExpired => Self::LinkExpired,
            Refusal::LinkReplaced => Self::LinkReplaced,
            Refusal::LinkDisowned => Self::LinkDisowned,
            Refusal::CodeExpired => Self::CodeExpired,
            Refusal::CodeUsed => Self::CodeUsed,
            Refusal::CodeDead => Self::CodeDead,
            Refusal::AlreadySet => Self::AlreadySet,
            Refusal::FormUsed => Self::FormUsed,
            Refusal::StaleFacts => Self::Busy,
            Refusal::AlreadyEnrolled | Refusal::NoReminder => Self::Internal,
            Refusal::NoticeReplaced => Self::NoticeReplaced,
            Refusal::NothingToConfirm => Self::NothingToConfirm,
            Refusal::SameAddress => Self::Invalid {
                field: "email",
                why: "present_one",
            },
            Refusal::OtherReason => Self::Invalid {
                field: "reason",
                why: "not_of_this",
            },
            Refusal::NeedsApproval => Self::Desk(DeskProblem::NeedsApproval),
            Refusal::NeedsNoApproval => Self::Desk(DeskProblem::NeedsNoApproval),
            Refusal::NothingToDo => Self::Desk(DeskProblem::NothingToDo),
            Refusal::AlreadyProposed => Self::Desk(DeskProblem::AlreadyProposed),
            Refusal::NoProposal => Self::Desk(DeskProblem::UnknownProposal),
            Refusal::ProposalOver => Self::Desk(DeskProblem::ProposalOver),
            Refusal::OwnProposal => Self::Desk(DeskProblem::OwnProposal),
            Refusal::NotProven => Self::Desk(DeskProblem::NotProven),
            Refusal::LiftsSpent => Self::Desk(DeskProblem::LiftsSpent),
        }
    }

    /// The one way from what a command can meet to outward cases.
    #[must_use]
    pub fn of_command(error: CommandError<Refusal, Self>, now: Timestamp) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::of_refusal(&refusal, now),
            CommandError::Unsettled(problem) => problem,
            CommandError::Busy => Self::Busy,
            CommandError::Store(error) => {
                tracing::error!(%error, "a command could not be stored");
                Self::Busy
            }
        }
    }
}

impl From<RosterFault> for Problem {
    fn from(error: RosterFault) -> Self {
        tracing::error!(%error, "a roster could not be looked at");
        Self::Busy
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.row().0, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
