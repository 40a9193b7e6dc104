//! What answers whoever comes, without a session or a token: the doors, as the page lists them.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::hostile::routes::{self, Route};
use crate::imports::table;
use crate::support::app::App;
use crate::support::browser::{Browser, Shown};

/// Pages to which whoever has no session is led.
const DOORS: [&str; 2] = ["/sign-in", "/staff/sign-in"];

/// Asks as a page of ours, or a program, would: with the form's token, or a body.
async fn asks(stranger: &Browser, method: &Method, route: &Route) -> Shown {
    let path = route.address();
    let request = stranger.request(method.clone(), &path);
    let request = match (method, route.is_json()) {
        (&Method::GET, _) => request,
        (_, true) => request.json(&json!({})),
        (_, false) => request.form(&[("form_token", stranger.token())]),
    };
    stranger.send(request).await
}

/// Whether it was answered with nothing but the way to a door.
fn is_turned_away(shown: &Shown) -> bool {
    let location = shown.headers.get("location");
    let led = location.map_or("", |to| to.to_str().unwrap());
    let path = led.split('?').next().unwrap();
    // The end of a session, be there one or not, leads to the door too.
    let left = shown.headers.contains_key("clear-site-data");
    shown.status == StatusCode::UNAUTHORIZED || DOORS.contains(&path) && !left
}

#[tokio::test]
async fn what_answers_strangers_is_what_the_page_lists() {
    let (app, _) = App::with_member().await;
    let mut open = BTreeSet::new();
    for route in routes::of(&kadode::api::router(&app.api)) {
        for method in route.methods.iter().filter(|it| **it != Method::HEAD) {
            let stranger = Browser::at_the_door(&app).await;
            if !is_turned_away(&asks(&stranger, method, &route).await) {
                open.insert(format!("`{method} {}`", route.path));
            }
        }
    }
    let listed = table(&super::map::page(), "Doors");
    let listed: BTreeSet<String> = listed
        .into_iter()
        .flat_map(|cells| cells[0].split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(open, listed);
}

#[tokio::test]
async fn no_route_of_members_names_a_member() {
    let (app, _) = App::with_member().await;
    let routes = routes::of(&kadode::api::router(&app.api));
    let parameters: BTreeSet<&str> = routes
        .iter()
        .filter(|route| {
            let of_staff = ["/audit", "/support", "/approvals", "/rosters"];
            let programs = ["/api/v1/audit", "/api/v1/support", "/api/v1/rosters"];
            let of_staff = of_staff.iter().chain(&programs);
            !of_staff.into_iter().any(|it| route.path.starts_with(it))
        })
        .flat_map(|route| route.path.split('/').filter(|part| part.starts_with('{')))
        .collect();
    // A mailed link's.
    assert_eq!(parameters, ["{token}"].into());
}
