//! The table of rights, cell by cell: every route of staff, for each role, for nobody, and for a member.

use std::collections::BTreeSet;

use kadode::api::staff::rights::{EVENTS_STREAM, RIGHTS, Right, Who};
use kadode::domain::staff::{Role, Scope};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use super::support::{at_work, beginner, hire, token};
use crate::hostile::routes;
use crate::support::app::App;
use crate::support::browser::{Browser, Shown};

/// A member's id that is nobody's.
const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// An address of the route.
fn address(right: &Right) -> String {
    right
        .path
        .replace("{member}", NOBODY)
        .replace("{proposal}", NOBODY)
        .replace("{name}", "events")
}

/// Asks for what a line of the table names; a form is one of our own pages'.
async fn asks(browser: &Browser, right: &Right) -> Shown {
    let method: Method = right.method.parse().unwrap();
    let mut request = browser.request(method.clone(), &address(right));
    if method == Method::POST && right.path.starts_with("/api/") {
        request = request.json(&json!({"user_id": "nobody"}));
    } else if method == Method::POST {
        request = request.form(&[("form_token", browser.token())]);
    }
    if right.path == EVENTS_STREAM {
        // It does not end by itself: how it begins is enough.
        let response = request.send().await.unwrap();
        return Shown {
            status: response.status(),
            headers: response.headers().clone(),
            html: String::new(),
        };
    }
    browser.send(request).await
}

/// Whether the guard, or what stands behind it, answered.
fn is_let_in(shown: &Shown) -> bool {
    let location = shown.headers.get("location");
    let to_the_door = location.is_some_and(|to| to.to_str().unwrap().starts_with("/staff/sign-in"));
    let to_the_password = location.is_some_and(|to| to == "/staff/password");
    let turned_away = to_the_door && shown.headers.get("clear-site-data").is_none();
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&shown.status);
    // At the door, it is the form that says so.
    let at_the_door = shown.html.contains("name=\"code\"");
    !(turned_away || to_the_password || refused && !at_the_door)
}

#[tokio::test]
async fn the_table_names_every_route_of_staff_and_no_other() {
    let app = App::start().await;
    let router = kadode::api::router(&app.api);
    let found: BTreeSet<String> = routes::of(&router)
        .into_iter()
        .filter(|route| {
            [
                "/staff",
                "/audit",
                "/support",
                "/approvals",
                "/rosters",
                "/api/v1/audit",
                "/api/v1/rosters",
                "/api/v1/support",
            ]
            .iter()
            .any(|it| route.path.starts_with(it))
        })
        .flat_map(|route| {
            let methods = route
                .methods
                .into_iter()
                .filter(|method| *method != Method::HEAD);
            methods
                .map(|method| format!("{method} {}", route.path))
                .collect::<Vec<_>>()
        })
        .collect();
    let named = RIGHTS.iter().map(|it| format!("{} {}", it.method, it.path));
    assert_eq!(found, named.collect());
}

#[tokio::test]
async fn each_role_opens_what_the_table_says_and_nothing_else() {
    for role in Role::ALL {
        let app = App::start().await;
        let clerk = hire(&app, "somebody", role).await;
        let browser = at_work(&app, &clerk).await;
        browser.get("/staff").await.is(200);
        for right in RIGHTS {
            // Ends the session that the other cells need.
            if right.path == "/staff/sign-out" {
                continue;
            }
            let may = right.is_of(role);
            let shown = asks(&browser, right).await;
            assert_eq!(
                is_let_in(&shown),
                may,
                "{} {} {role:?}: {}",
                right.method,
                right.path,
                shown.status
            );
        }
    }
}

#[tokio::test]
async fn whoever_has_only_the_printed_password_opens_no_more_than_what_changes_it() {
    let app = App::start().await;
    let clerk = hire(&app, "somebody", Role::Administrator).await;
    let browser = beginner(&app, &clerk).await;
    for right in RIGHTS.iter().filter(|it| it.path != "/staff/sign-out") {
        browser.get("/staff/password").await.is(200);
        let may = !matches!(right.who, Who::Roles(_));
        let shown = asks(&browser, right).await;
        assert_eq!(is_let_in(&shown), may, "{} {}", right.method, right.path);
    }
}

#[tokio::test]
async fn nobody_and_no_member_opens_anything_but_the_door() {
    let (app, _) = App::with_member().await;
    let stranger = Browser::at_the_door(&app).await;
    let member = Browser::at(&app, "/completed").await;
    member.get("/log-out").await.is(200);
    for browser in [&stranger, &member] {
        for right in RIGHTS {
            let may = right.who == Who::Anybody;
            let shown = asks(browser, right).await;
            assert_eq!(is_let_in(&shown), may, "{} {}", right.method, right.path);
        }
    }
}

#[tokio::test]
async fn a_token_opens_what_both_its_scope_and_its_owners_role_open() {
    for role in Role::ALL {
        let app = App::start().await;
        let clerk = hire(&app, "somebody", role).await;
        for scope in Scope::ALL {
            let Ok(token) = token(&app, clerk.id, scope, 30).await else {
                // Such a token is not issued.
                assert!(!role.has(scope));
                continue;
            };
            let browser = Browser::new(&app);
            for right in RIGHTS {
                let may =
                    right.who == Who::Anybody || right.is_of(role) && right.scope == Some(scope);
                let method: Method = right.method.parse().unwrap();
                let path = address(right);
                let mut request = browser
                    .request(method.clone(), &path)
                    .bearer_auth(token.expose_secret());
                if method == Method::POST {
                    request = request.json(&json!({"user_id": "nobody"}));
                }
                let response = request.send().await.unwrap();
                let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                let away = response.headers().get("location").is_some();
                let let_in = !refused.contains(&response.status()) && !away;
                // Pages of anybody's are opened without a token; their forms ask for more.
                if right.who != Who::Anybody {
                    assert_eq!(let_in, may, "{} {path} {role:?} {scope:?}", right.method);
                }
            }
        }
    }
}

#[tokio::test]
async fn no_token_but_a_true_one_that_counts_opens_anything() {
    let app = App::start().await;
    let clerk = hire(&app, "somebody", Role::Auditor).await;
    let true_one = token(&app, clerk.id, Scope::AuditRead, 1).await.unwrap();
    let client = app.client();
    let ask = async |bearer: &str| {
        let header = format!("Bearer {bearer}");
        let headers = [("authorization", header.as_str())];
        let answer = client
            .send(Method::GET, "/audit/events", None, &headers)
            .await;
        answer.status
    };
    assert_eq!(ask(true_one.expose_secret()).await, StatusCode::OK);
    let cut = &true_one.expose_secret()[..40];
    for forged in [
        "",
        "kadode_",
        cut,
        "x",
        &true_one.expose_secret().to_uppercase(),
    ] {
        assert_eq!(ask(forged).await, StatusCode::UNAUTHORIZED, "{forged}");
    }
    app.wait(24 * 60 * 60);
    assert_eq!(
        ask(true_one.expose_secret()).await,
        StatusCode::UNAUTHORIZED
    );
}

/// Written once more by hand, so that a slip in the table does not pass for its rule.
#[test]
fn the_table_says_what_was_decided() {
    let decided = "
        GET /staff/sign-in: anybody
        POST /staff/sign-in: anybody
        POST /staff/sign-out: anybody
        GET /staff/password: all staff
        POST /staff/password: all staff
        GET /staff: support auditor compliance administrator
        GET /audit: auditor administrator
        POST /audit/search: auditor administrator
        GET /audit/members/{member}: auditor administrator
        POST /audit/members/{member}/unmask: auditor administrator
        GET /audit/events: auditor administrator
        GET /audit/reports: auditor compliance administrator
        GET /audit/reports/{name}: auditor compliance administrator
        GET /support: support administrator
        POST /support/search: support administrator
        GET /support/members/{member}: support administrator
        GET /support/reminders: support administrator
        GET /api/v1/support/reminders: support administrator
        POST /support/members/{member}/interventions: support administrator
        GET /rosters: support administrator
        POST /rosters: support administrator
        GET /rosters/{import}: support administrator
        POST /rosters/{import}: support administrator
        GET /api/v1/rosters: support administrator
        POST /api/v1/rosters: support administrator
        GET /api/v1/rosters/{import}: support administrator
        POST /api/v1/rosters/{import}: support administrator
        GET /approvals: support auditor administrator
        GET /approvals/{member}/{proposal}: support auditor administrator
        POST /approvals/{member}/{proposal}: support auditor administrator
        POST /api/v1/support/members/search: support administrator
        GET /api/v1/support/members/{member}: support administrator
        GET /api/v1/support/members/{member}/history: support administrator
        GET /api/v1/support/members/{member}/mails: support administrator
        GET /api/v1/support/proposals: support auditor administrator
        POST /api/v1/support/members/{member}/interventions: support administrator
        POST /api/v1/support/members/{member}/proposals: support auditor administrator
        GET /api/v1/support/members/{member}/proposals/{proposal}: support auditor administrator
        POST /api/v1/support/members/{member}/proposals/{proposal}: support auditor administrator
        POST /api/v1/audit/members/search: auditor administrator, audit:members
        GET /api/v1/audit/members/{member}: auditor administrator, audit:members
        GET /api/v1/audit/events: auditor administrator, audit:read
        GET /api/v1/audit/events/stream: auditor administrator, audit:read
        GET /api/v1/audit/reports: auditor compliance administrator, audit:read
        GET /api/v1/audit/reports/{name}: auditor compliance administrator, audit:read";
    let decided: Vec<&str> = decided.trim().lines().map(str::trim).collect();
    let said = RIGHTS.iter().map(|right| {
        let who = match right.who {
            Who::Anybody => "anybody".to_owned(),
            Who::AllStaff => "all staff".to_owned(),
            Who::Roles(roles) => {
                let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
                names.join(" ")
            }
        };
        let scope = right.scope.map(|scope| format!(", {}", scope.name()));
        let scope = scope.unwrap_or_default();
        format!("{} {}: {who}{scope}", right.method, right.path)
    });
    assert_eq!(said.collect::<Vec<_>>(), decided);
}
