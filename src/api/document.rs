//! The OpenAPI document: what the routes say of themselves, the cookie they ask for, and every problem that each may answer.

use std::collections::BTreeMap;

use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, OpenApi, Ref, ResponseBuilder, Type};

use super::members::Document;
use super::problem::Problem;
use super::visit::CookieName;

/// What the session cookie is called among the document's security schemes.
const SESSION: &str = "session";

/// What the cookie of staff and the token of a program are called there.
const STAFF: &str = "staff";
const TOKEN: &str = "token";

/// What a request meets before its route: another host, and a program too busy.
const ANY: &[&str] = &["misdirected", "busy"];
/// What a request that may change something meets beside that.
const CHANGE: &[&str] = &["foreign"];
const NEEDS_SESSION: &[&str] = &["no-session", "session-rotated"];
const NEEDS_STAFF: &[&str] = &["not-signed-in", "password-due", "forbidden", "invalid"];
/// What is typed is held against what is known, and counted.
const TRY: &[&str] = &["out-of-order", "invalid", "mismatch", "waiting"];
const BODY: &[&str] = &["malformed", "media-type", "too-large"];
const LINK: &[&str] = &[
    "link-unknown",
    "link-expired",
    "link-replaced",
    "link-disowned",
];

const RESET: &[&str] = &["link-unknown", "link-expired", "link-replaced"];

const HELP: &[&str] = &[
    "unknown-member",
    "out-of-order",
    "too-soon",
    "budget-spent",
    "needs-approval",
    "needs-no-approval",
    "nothing-to-do",
    "already-proposed",
    "not-proven",
    "lifts-spent",
];
const JUDGE: &[&str] = &["unknown-proposal", "proposal-over", "own-proposal"];

/// The document; on https (`secure`), cookies have other names.
#[must_use]
pub fn document(secure: bool) -> OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    for (scheme, name) in [(SESSION, CookieName::Session), (STAFF, CookieName::Staff)] {
        let cookie = ApiKey::Cookie(ApiKeyValue::new(name.full(secure)));
        components.add_security_scheme(scheme, SecurityScheme::ApiKey(cookie));
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme(TOKEN, bearer);
    for item in document.paths.paths.values_mut() {
        for (operation, changes) in [
            (&mut item.get, false),
            (&mut item.post, true),
            (&mut item.delete, true),
        ] {
            if let Some(operation) = operation {
                describe(operation, changes);
            }
        }
    }
    document
}

/// The problems that an operation may answer, by their names; none for the routes of operation.
fn problems(operation: &str) -> Option<Vec<&'static str>> {
    let own: &[&[&str]] = match operation {
        "sign_in" => &[
            BODY,
            &[
                "sign-in-failed",
                "no-session",
                "invalid",
                "waiting",
                "budget-spent",
            ],
        ],
        "sign_out" => &[],
        "session" | "onboarding" => &[NEEDS_SESSION],
        "birth_date" => &[NEEDS_SESSION, BODY, TRY],
        "terms" | "otp_method" => &[NEEDS_SESSION, BODY, &["out-of-order", "invalid"]],
        "email" => &[
            NEEDS_SESSION,
            BODY,
            &["out-of-order", "invalid", "budget-spent"],
        ],
        "email_resend" => &[NEEDS_SESSION, &["out-of-order", "too-soon", "budget-spent"]],
        "email_update" => &[NEEDS_SESSION, &["out-of-order", "budget-spent"]],
        "email_change_cancel" | "password_reset_cancel" => &[NEEDS_SESSION, &["out-of-order"]],
        "password" => &[
            NEEDS_SESSION,
            BODY,
            &["out-of-order", "already-set", "form-used", "invalid"],
        ],
        "otp" => &[
            NEEDS_SESSION,
            BODY,
            TRY,
            &["code-expired", "code-dead", "code-used"],
        ],
        "otp_resend" => &[
            NEEDS_SESSION,
            &["out-of-order", "code-dead", "too-soon", "budget-spent"],
        ],
        "email_change" => &[NEEDS_SESSION, BODY, TRY, &["too-soon", "budget-spent"]],
        "password_change" => &[NEEDS_SESSION, BODY, TRY, &["budget-spent"]],
        "email_change_confirm" => &[NEEDS_SESSION, &["out-of-order", "nothing-to-confirm"]],
        "forgot_password" => &[BODY, &["invalid", "waiting"]],
        "look_at_reset" => &[RESET],
        "reset_password" => &[RESET, BODY, &["already-set", "invalid"]],
        "look_at_link" => &[LINK],
        "follow_link" => &[LINK, BODY, &["out-of-order"]],
        "audit_search" | "support_search" => &[NEEDS_STAFF, BODY],
        "report_not_me" => &[&["link-unknown", "notice-replaced"], BODY],
        "audit_history" | "audit_events" | "audit_stream" => {
            &[NEEDS_STAFF, &["malformed", "unknown-member"]]
        }
        "audit_reports" | "support_reminders" | "roster_list" => &[NEEDS_STAFF],
        "audit_report" => &[NEEDS_STAFF, &["malformed", "unknown-report"]],
        "support_member" | "support_history" | "support_mails" => {
            &[NEEDS_STAFF, &["unknown-member"]]
        }
        "support_proposals" => &[NEEDS_STAFF, &["malformed"]],
        "support_intervene" | "support_propose" => &[NEEDS_STAFF, BODY, HELP],
        "roster_bring" => &[
            NEEDS_STAFF,
            BODY,
            &["roster-errors", "leavers-needed", "roster-open"],
        ],
        "roster_plan" => &[NEEDS_STAFF, &["malformed", "invalid", "unknown-proposal"]],
        "roster_judge" => &[NEEDS_STAFF, BODY, JUDGE, &["other-plan"]],
        "support_proposal" => &[NEEDS_STAFF, &["unknown-member", "unknown-proposal"]],
        "support_judge" => &[NEEDS_STAFF, BODY, HELP, JUDGE, &["changed-since"]],
        _ => return None,
    };
    Some([ANY, &own.concat()].concat())
}

/// Adds to an operation the problems that it may answer, and whether it needs a session.
fn describe(operation: &mut Operation, changes: bool) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let Some(mut names) = problems(id) else {
        return;
    };
    if changes {
        names.extend(CHANGE);
    }
    if names.contains(&"session-rotated") {
        operation.security = Some(vec![SecurityRequirement::new::<_, _, String>(SESSION, [])]);
    }
    if names.contains(&"not-signed-in") {
        // What staff do, no program does for them.
        let either: &[&str] = if id.starts_with("support_") || id.starts_with("roster_") {
            &[STAFF]
        } else {
            &[STAFF, TOKEN]
        };
        let either = either
            .iter()
            .map(|scheme| SecurityRequirement::new::<_, _, String>(*scheme, []));
        operation.security = Some(either.collect());
    }
    let mut answers: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    let mut waits = Vec::new();
    for problem in Problem::ALL {
        let (status, name, _) = problem.row();
        if names.contains(&name) {
            answers.entry(status.as_u16()).or_default().push(name);
            if problem.retry_after().is_some() {
                waits.push(status.as_u16());
            }
        }
    }
    for (status, names) in answers {
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("ProblemBody")))
            .build();
        let mut answer = ResponseBuilder::new()
            .description(names.join(", "))
            .content("application/problem+json", body);
        if waits.contains(&status) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            let header = HeaderBuilder::new().schema(seconds).build();
            answer = answer.header("Retry-After", header);
        }
        let answers = &mut operation.responses.responses;
        answers.insert(status.to_string(), answer.build().into());
    }
}

#[cfg(test)]
mod tests {
    use utoipa::OpenApi as _;

    use super::{Document, Problem, document, problems};

    #[test]
    fn every_problem_that_an_operation_names_is_one() {
        let names: Vec<&str> = Problem::ALL.iter().map(Problem::name).collect();
        for item in Document::openapi().paths.paths.values() {
            for operation in [&item.get, &item.post, &item.delete].into_iter().flatten() {
                let id = operation.operation_id.as_deref().unwrap();
                for name in problems(id).unwrap_or_default() {
                    assert!(names.contains(&name), "{id}: {name}");
                }
            }
        }
    }

    #[test]
    fn the_session_cookie_has_the_name_in_use() {
        let name = |secure| {
            let json = serde_json::to_value(document(secure)).unwrap();
            json["components"]["securitySchemes"]["session"]["name"].clone()
        };
        assert_eq!(
            (name(false), name(true)),
            ("kadode".into(), "__Host-kadode".into())
        );
    }
}
