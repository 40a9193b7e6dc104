//! Who may open which page and route of staff and auditors: one table, and nothing is open that it does not name.

use axum::http::Method;

use crate::domain::onboarding::Intervention;
use crate::domain::staff::{Role, Scope};

/// Who may open something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever comes.
    Anybody,
    /// All staff, also those who have yet to set a password of their own.
    AllStaff,
    /// Staff with one of these roles and a password of their own.
    Roles(&'static [Role]),
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The method; who may GET may also HEAD.
    pub method: &'static str,
    /// The path, as the router has it.
    pub path: &'static str,
    /// Who may.
    pub who: Who,
    /// With which scope a token of theirs may too; none, if no token may.
    pub scope: Option<Scope>,
}

const EVERY_ROLE: Who = Who::Roles(&Role::ALL);
/// Single members are for those who review the history; so are events, which name them.
const REVIEWERS: Who = Who::Roles(&[Role::Auditor, Role::Administrator]);
/// Single members' troubles are for those who help.
const HELPERS: Who = Who::Roles(&[Role::Support, Role::Administrator]);
/// Proposals are for those who may have made them; which ones, depends on what is proposed.
const APPROVERS: Who = Who::Roles(&[Role::Support, Role::Auditor, Role::Administrator]);
/// Numbers of many are for those too who report on the whole.
const READERS: Who = Who::Roles(&[Role::Auditor, Role::Compliance, Role::Administrator]);

/// The table.
pub const RIGHTS: &[Right] = &[
    right("GET", "/staff/sign-in", Who::Anybody),
    right("POST", "/staff/sign-in", Who::Anybody),
    right("POST", "/staff/sign-out", Who::Anybody),
    right("GET", "/staff/password", Who::AllStaff),
    right("POST", "/staff/password", Who::AllStaff),
    right("GET", "/staff", EVERY_ROLE),
    right("GET", "/audit", REVIEWERS),
    right("POST", "/audit/search", REVIEWERS),
    right("GET", "/audit/members/{member}", REVIEWERS),
    right("POST", "/audit/members/{member}/unmask", REVIEWERS),
    right("GET", "/audit/events", REVIEWERS),
    right("GET", "/audit/reports", READERS),
    right("GET", "/audit/reports/{name}", READERS),
    right("GET", "/support", HELPERS),
    right("POST", "/support/search", HELPERS),
    right("GET", "/support/members/{member}", HELPERS),
    right("GET", "/support/reminders", HELPERS),
    right("GET", "/api/v1/support/reminders", HELPERS),
    right("POST", "/support/members/{member}/interventions", HELPERS),
    right("GET", "/rosters", HELPERS),
    right("POST", "/rosters", HELPERS),
    right("GET", "/rosters/{import}", HELPERS),
    right("POST", "/rosters/{import}", HELPERS),
    right("GET", "/api/v1/rosters", HELPERS),
    right("POST", "/api/v1/rosters", HELPERS),
    right("GET", "/api/v1/rosters/{import}", HELPERS),
    right("POST", "/api/v1/rosters/{import}", HELPERS),
    right("GET", "/approvals", APPROVERS),
    right("GET", "/approvals/{member}/{proposal}", APPROVERS),
    right("POST", "/approvals/{member}/{proposal}", APPROVERS),
    right("POST", "/api/v1/support/members/search", HELPERS),
    right("GET", "/api/v1/support/members/{member}", HELPERS),
    right("GET", "/api/v1/support/members/{member}/history", HELPERS),
    right("GET", "/api/v1/support/members/{member}/mails", HELPERS),
    right("GET", "/api/v1/support/proposals", APPROVERS),
    right(
        "POST",
        "/api/v1/support/members/{member}/interventions",
        HELPERS,
    ),
    right(
        "POST",
        "/api/v1/support/members/{member}/proposals",
        APPROVERS,
    ),
    right(
        "GET",
        "/api/v1/support/members/{member}/proposals/{proposal}",
        APPROVERS,
    ),
    right(
        "POST",
        "/api/v1/support/members/{member}/proposals/{proposal}",
        APPROVERS,
    ),
    api(
        "POST",
        "/api/v1/audit/members/search",
        REVIEWERS,
        Scope::AuditMembers,
    ),
    api("GET", MEMBER_HISTORY, REVIEWERS, Scope::AuditMembers),
    api("GET", EVENTS, REVIEWERS, Scope::AuditRead),
    api("GET", EVENTS_STREAM, REVIEWERS, Scope::AuditRead),
    api("GET", "/api/v1/audit/reports", READERS, Scope::AuditRead),
    api(
        "GET",
        "/api/v1/audit/reports/{name}",
        READERS,
        Scope::AuditRead,
    ),
];

/// One member's history.
pub const MEMBER_HISTORY: &str = "/api/v1/audit/members/{member}";
/// The export.
pub const EVENTS: &str = "/api/v1/audit/events";
/// The stream.
pub const EVENTS_STREAM: &str = "/api/v1/audit/events/stream";

const fn right(method: &'static str, path: &'static str, who: Who) -> Right {
    Right {
        method,
        path,
        who,
        scope: None,
    }
}

const fn api(method: &'static str, path: &'static str, who: Who, scope: Scope) -> Right {
    Right {
        scope: Some(scope),
        ..right(method, path, who)
    }
}

/// The line for a request to the route at `path`.
#[must_use]
pub fn of(method: &Method, path: &str) -> Option<&'static Right> {
    let method = if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    RIGHTS
        .iter()
        .find(|right| right.method == method && right.path == path)
}

/// Whether a role may see single persons: opens their histories, that is.
#[must_use]
pub fn sees_persons(role: Role) -> bool {
    of(&Method::GET, "/audit/members/{member}").is_some_and(|right| right.is_of(role))
}

/// Whether a role may do this for a member, or propose and approve it: personal data are shown to those who review, and all else is for
/// those who help. Only administrators forget somebody.
#[must_use]
pub fn may_intervene(role: Role, intervention: Intervention) -> bool {
    let path = match intervention {
        Intervention::Erase => return role == Role::Administrator,
        Intervention::Unmask => "/audit/members/{member}",
        Intervention::ResendEmailLink
        | Intervention::ClearEmail
        | Intervention::LiftWait
        | Intervention::EndSession
        | Intervention::Freeze
        | Intervention::Release
        | Intervention::ReissueCredentials
        | Intervention::RecordProofing => "/support/members/{member}",
    };
    of(&Method::GET, path).is_some_and(|right| right.is_of(role))
}

impl Right {
    /// Whether a role opens it.
    #[must_use]
    pub fn is_of(&self, role: Role) -> bool {
        match self.who {
            Who::Anybody | Who::AllStaff => true,
            Who::Roles(roles) => roles.contains(&role),
        }
    }
}
