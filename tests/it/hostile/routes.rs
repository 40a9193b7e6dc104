//! The list of all routes, as the router itself has it, so that no sweep can forget one.

use std::collections::BTreeSet;

use axum::Router;
use kadode::api::members::Document;
use reqwest::Method;
use utoipa::OpenApi;

use super::{NO_TOKEN, Target};

/// One address and the methods that it knows.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// As the router has it, with names for its parameters.
    pub(crate) path: String,
    pub(crate) methods: Vec<Method>,
}

impl Route {
    /// Its address, with a text for every parameter.
    pub(crate) fn with(&self, parameter: &str) -> String {
        let part = |part: &str| {
            if part.starts_with('{') {
                parameter
            } else {
                part
            }
            .to_owned()
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// An address of it.
    pub(crate) fn address(&self) -> String {
        self.with(NO_TOKEN)
    }

    pub(crate) fn takes(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// Whether only staff have what is there, if they are let in.
    pub(super) fn is_for_staff(&self) -> bool {
        is_for_staff(&self.path)
    }
}

/// Whether only staff have what is at an address.
pub(super) fn is_for_staff(address: &str) -> bool {
    let address = address.strip_prefix("/api/v1").unwrap_or(address);
    ["/staff", "/audit", "/support", "/approvals", "/rosters"]
        .iter()
        .any(|part| address.starts_with(part))
}

/// All routes of a router: axum has no list to ask for, but its `Debug` shows them.
pub(crate) fn of(router: &Router) -> Vec<Route> {
    let shown = format!("{router:?}");
    let (shown, _) = shown.split_once("fallback_router").unwrap();
    let (endpoints, paths) = shown.split_once("node: ").unwrap();
    let mut found: Vec<Route> = ids(paths)
        .map(|(id, rest)| {
            let path = rest.split('"').nth(1).unwrap().to_owned();
            let (_, endpoint) = ids(endpoints).find(|(other, _)| *other == id).unwrap();
            let (_, allowed) = endpoint.split_once("allow_header: Bytes(b\"").unwrap();
            let allowed = allowed.split('"').next().unwrap();
            let methods = allowed.split(',').map(|it| it.parse().unwrap()).collect();
            Route { path, methods }
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What follows the id of each route.
fn ids(shown: &str) -> impl Iterator<Item = (&str, &str)> {
    shown
        .split("RouteId(")
        .skip(1)
        .map(|rest| rest.split_once(')').unwrap())
}

#[tokio::test]
async fn every_documented_operation_is_among_the_routes_of_the_router() {
    let target = Target::new().await;
    let found: BTreeSet<String> = target
        .routes
        .iter()
        .flat_map(|route| {
            route
                .methods
                .iter()
                .map(|method| format!("{method} {}", route.path))
        })
        .collect();
    let document = serde_json::to_value(Document::openapi()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let operation = format!("{} {path}", method.to_uppercase());
            assert!(
                found.contains(&operation),
                "{operation} is not in {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_address_that_a_page_leads_to_is_among_the_routes_of_the_router() {
    let target = Target::new().await;
    let found: Vec<&str> = target
        .routes
        .iter()
        .map(|route| route.path.as_str())
        .collect();
    let mut led_to = BTreeSet::new();
    for folder in ["pages", "staff", "audit"] {
        let folder = format!("{}/templates/{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for mark in ["action=\"/", "href=\"/"] {
                let addresses = text.split(mark).skip(1);
                led_to.extend(addresses.map(|rest| {
                    let address = rest.split(['"', '?', '#']).next().unwrap();
                    format!("/{address}")
                        .replace("{{ ", "{")
                        .replace(" }}", "}")
                }));
            }
        }
    }
    assert!(led_to.len() > 5, "{led_to:?}");
    for address in led_to {
        assert!(
            found.contains(&address.as_str()),
            "{address} is not in {found:?}"
        );
    }
}
