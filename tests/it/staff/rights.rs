//! The table of rights, cell by cell: every route of staff, for each role, for nobody, and for a member.

use std::collections::BTreeSet;

use kadode::api::staff::rights::{RIGHTS, Right, Who};
use kadode::domain::staff::Role;
use reqwest::{Method, StatusCode};

use super::support::{at_work, beginner, hire};
use crate::hostile::routes;
use crate::support::app::App;
use crate::support::browser::{Browser, Shown};

/// Asks for what a line of the table names; a form is one of our own pages'.
async fn asks(browser: &Browser, right: &Right) -> Shown {
    let method: Method = right.method.parse().unwrap();
    let mut request = browser.request(method.clone(), right.path);
    if method == Method::POST {
        request = request.form(&[("form_token", browser.token())]);
    }
    browser.send(request).await
}

/// Whether the guard, or what stands behind it, answered.
fn is_let_in(shown: &Shown) -> bool {
    let location = shown.headers.get("location");
    let to_the_door = location.is_some_and(|to| to.to_str().unwrap().starts_with("/staff/sign-in"));
    let to_the_password = location.is_some_and(|to| to == "/staff/password");
    let turned_away = to_the_door && shown.headers.get("clear-site-data").is_none();
    !(turned_away || to_the_password || shown.status == StatusCode::FORBIDDEN)
}

#[tokio::test]
async fn the_table_names_every_route_of_staff_and_no_other() {
    let app = App::start().await;
    let router = kadode::api::router(&app.api);
    let found: BTreeSet<String> = routes::of(&router)
        .into_iter()
        .filter(|route| {
            ["/staff", "/audit", "/api/v1/audit"]
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
            let may = match right.who {
                Who::Anybody | Who::AllStaff => true,
                Who::Roles(roles) => roles.contains(&role),
            };
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
