//! Reports through the router and by the program: as of any moment, for whom, and with a trace of who looked.

mod files;
mod recomputed;

use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use kadode::domain::staff::Role;
use kadode::ledger::{Frontier, leaves};
use kadode::projections::reports::Name;
use kadode::vault::Profile;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::staff::support::{at_work, hire, views};
use crate::support::app::{App, INITIAL_PASSWORD, START, USER_ID, profile};
use crate::support::browser::Browser;
use crate::support::postgres::data_in;

/// A society with five members in one cohort and two in another, whose name looks like a formula; one of the five has signed in.
/// A minute later, somebody of that role is at work.
async fn society(role: Role) -> (App, Browser) {
    let app = App::start().await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    for n in 2..=7 {
        let cohort = if n <= 5 {
            "joined-to-2024-12-01"
        } else {
            "=1+1"
        };
        let mut profile = profile(&format!("hanako{n:02}"));
        profile.number = format!("1111{n}");
        app.enrol(profile, cohort).await;
    }
    app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    app.wait(60);
    let clerk = hire(&app, "reader", role).await;
    let browser = at_work(&app, &clerk).await;
    app.wait(60);
    (app, browser)
}

/// Just after the members' part of it.
fn then() -> String {
    let start: Timestamp = START.parse().unwrap();
    (start + SignedDuration::from_secs(59)).to_string()
}

async fn file(browser: &Browser, query: &str) -> (HeaderMap, Vec<u8>) {
    let request = browser.request(Method::GET, &format!("/api/v1/audit/reports/{query}"));
    let response = request.send().await.unwrap();
    let headers = response.headers().clone();
    assert_eq!(response.status(), 200, "{query}");
    (headers, response.bytes().await.unwrap().to_vec())
}

async fn report(browser: &Browser, query: &str) -> Value {
    serde_json::from_slice(&file(browser, query).await.1).unwrap()
}

/// The rows of a report in which a column has this value.
fn rows<'a>(report: &'a Value, column: &str, value: &str) -> Vec<&'a Value> {
    let rows = report["rows"].as_array().unwrap().iter();
    rows.filter(|row| row[column] == value).collect()
}

/// What the program prints about the data of one that runs, and goes on meanwhile; it has to end well.
pub(crate) async fn printed(app: &App, arguments: &[&str]) -> Vec<u8> {
    let data = data_in(app.folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_kadode"));
    command
        .env_clear()
        .env("KADODE_DATABASE", data.database)
        .env("KADODE_KEYS", data.keys.unwrap())
        .envs(data.key_database.map(|url| ("KADODE_KEY_DATABASE", url)))
        .args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    output.stdout
}

#[tokio::test]
async fn who_sees_single_members_sees_small_groups_and_who_does_not_does_not() {
    let query = format!("completion?as_of={}", then());
    let (_app, browser) = society(Role::Auditor).await;
    let auditors = report(&browser, &query).await;
    assert_eq!(auditors["asked"]["groups_from"], Value::Null);
    assert_eq!(rows(&auditors, "group", "=1+1")[0]["imported"], 2);

    let (_app, browser) = society(Role::Compliance).await;
    let shielded = report(&browser, &query).await;
    assert_eq!(shielded["asked"]["groups_from"], 5);
    assert!(rows(&shielded, "group", "=1+1").is_empty());
    // Alone, the two would be the difference to all: the next group is put to them.
    assert_eq!(rows(&shielded, "group", "small_groups")[0]["imported"], 7);
    browser
        .get("/audit/reports/completion")
        .await
        .is(200)
        .says("5人に満たない")
        .is_silent_on("=1+1");
}

#[tokio::test]
async fn who_reports_on_the_whole_is_led_to_reports_and_to_no_events() {
    let (_app, browser) = society(Role::Compliance).await;
    let home = browser.get("/staff").await;
    home.is(200)
        .says("href=\"/audit/reports\"")
        .is_silent_on("/audit/events");
}

#[tokio::test]
async fn a_report_as_of_an_earlier_moment_knows_nothing_of_what_came_later() {
    let (_app, browser) = society(Role::Auditor).await;
    let now = report(&browser, "staff").await;
    let earlier = report(&browser, &format!("staff?as_of={}", then())).await;
    assert_ne!(now["rows"].as_array().unwrap().len(), 0);
    assert_eq!(earlier["rows"].as_array().unwrap().len(), 0);
    // The policy, seven members, one sign-in.
    assert_eq!(earlier["position"], 9);
    assert_eq!(earlier["as_of"], "2026-04-10T00:00:59.000000Z");
}

#[tokio::test]
async fn read_models_that_lag_behind_make_no_report_and_no_event() {
    let (app, browser) = society(Role::Auditor).await;
    // The projector finds its checkpoint moved, and writes nothing.
    sqlx::query(
        "CREATE TRIGGER other BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(IGNORE); END",
    )
    .execute(&app.society.database.write)
    .await
    .unwrap();
    let other = Profile {
        number: "22222".to_owned(),
        ..profile("hanako08")
    };
    app.enrol(other, "joined-to-2024-12-01").await;
    for path in ["/api/v1/audit/reports/events", "/audit/reports/events"] {
        browser.get(path).await.is(503);
    }
    assert!(views(&app).await.is_empty());
}

/// As of when a report of now is: a minute ago, when all events of then are in view, and no event came later.
fn present(app: &App) -> Timestamp {
    app.clock.now() - SignedDuration::from_mins(1)
}

#[tokio::test]
async fn a_moment_that_is_yet_to_come_is_now() {
    let (app, browser) = society(Role::Auditor).await;
    let now = present(&app);
    let asked = report(&browser, "events?as_of=2099-01-01").await;
    let as_of: Timestamp = asked["as_of"].as_str().unwrap().parse().unwrap();
    assert_eq!(as_of, now);
}

#[tokio::test]
async fn a_report_names_the_policy_in_force_and_the_root_over_the_leaves_that_it_counts() {
    let (app, browser) = society(Role::Auditor).await;
    let report = report(&browser, "events").await;
    assert_eq!(report["policy"], app.society.policy.label());
    let position = report["position"].as_i64().unwrap();
    let sum = rows(&report, "type", "all")[0]["events"].as_i64();
    assert_eq!(sum, Some(position));
    let mut tree = Frontier::default();
    let read = &app.society.database.read;
    for (_, leaf) in leaves(read, 0, position).await.unwrap() {
        let leaf = HEXLOWER.decode(leaf.as_bytes()).unwrap();
        tree.push(leaf.try_into().unwrap(), |_, _| ());
    }
    assert_eq!(report["root"], BASE64.encode(&tree.root()));
}

#[tokio::test]
async fn every_report_that_is_opened_is_one_event_and_the_list_is_none() {
    let (app, browser) = society(Role::Auditor).await;
    browser.get("/audit/reports").await.is(200);
    browser.get("/audit/reports/stuck?days=3").await.is(200);
    file(&browser, &format!("events?format=csv&as_of={}", then())).await;
    let looks = views(&app).await;
    let told: Vec<_> = looks.iter().map(|it| (&it["view"], &it["part"])).collect();
    let page = present(&app);
    let page = Value::from(format!("report=stuck&as_of={page:.6}&format=page&days=3"));
    let csv = Value::from("report=events&as_of=2026-04-10T00:00:59.000000Z&format=csv");
    let view = Value::from("report");
    assert_eq!(told, [(&view, &page), (&view, &csv)]);
}

#[tokio::test]
async fn the_page_names_those_who_looked_and_the_file_has_the_ids_of_the_log() {
    let (app, browser) = society(Role::Auditor).await;
    browser.get("/audit/reports/events").await.is(200);
    app.wait(1);
    let looker = views(&app).await[0]["viewer"].clone();
    let file = report(&browser, "access").await;
    assert_eq!(file["rows"][0]["viewer"], looker);
    let page = browser.get("/audit/reports/access").await;
    page.says(">reader<").is_silent_on(looker.as_str().unwrap());
}

#[tokio::test]
async fn what_is_mistyped_is_refused_and_leaves_no_event() {
    let (app, browser) = society(Role::Auditor).await;
    for (query, status, says) in [
        ("nothing", 404, "unknown-report"),
        ("events?format=pdf", 422, "\"field\":\"format\""),
        ("events?as_of=yesterday", 422, "\"field\":\"as_of\""),
        ("events?language=fr", 422, "\"field\":\"language\""),
        ("stuck?days=-1", 422, "\"field\":\"days\""),
        ("stuck?days=36501", 422, "\"field\":\"days\""),
    ] {
        let path = format!("/api/v1/audit/reports/{query}");
        browser.get(&path).await.is(status).says(says);
    }
    assert!(views(&app).await.is_empty());
    browser
        .get("/audit/reports/nothing")
        .await
        .is(404)
        .says("レポートが見つかりません");
    browser
        .get("/audit/reports/events?as_of=yesterday")
        .await
        .is(422)
        .says("日時として読み取れませんでした")
        .says("<table");
    browser
        .get("/audit/reports/stuck?days=x")
        .await
        .is(422)
        .says("0から36500");
}

#[tokio::test]
async fn a_page_with_days_that_are_none_is_still_of_the_moment_asked_for() {
    let (app, browser) = society(Role::Auditor).await;
    let then = then();
    let page = browser
        .get(&format!("/audit/reports/stuck?as_of={then}&days=x"))
        .await;
    page.is(422)
        .says(&format!("name=\"as_of\" value=\"{then}\""));
    let looks = views(&app).await;
    let part = looks[0]["part"].as_str().unwrap();
    let shown = "report=stuck&as_of=2026-04-10T00:00:59.000000Z&format=page&days=7";
    assert_eq!(part, shown);
}

#[tokio::test]
async fn every_report_has_a_page_with_its_files_of_the_same_moment() {
    let (app, browser) = society(Role::Auditor).await;
    for name in Name::ALL {
        let path = format!("/audit/reports/{}", name.name());
        let page = browser.get(&path).await;
        let as_of = present(&app);
        page.is(200).says("このレポートの根拠");
        let encoded = format!("{as_of:.6}")
            .replace('-', "%2D")
            .replace(':', "%3A")
            .replace('.', "%2E");
        page.says(&format!("/api/v1{path}?format=csv&#38;as_of={encoded}"));
        // The view of this page is an event, which the next report tells of until it is a minute old.
        app.wait(90);
    }
    let list = browser.get("/audit/reports").await;
    for name in Name::ALL {
        list.says(&format!("href=\"/audit/reports/{}\"", name.name()));
    }
}
