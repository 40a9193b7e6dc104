//! `kadode letters --activated-since`: the notice on paper, for each member whose own password was set since then and still counts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kadode::domain::ids::MemberId;
use reqwest::StatusCode;
use serde_json::json;

use crate::import::house::Done;
use crate::not_me::notice_in;
use crate::support::app::App;
use crate::support::postgres::data_in;

const PUBLIC_URL: &str = "https://first.kenpo.example.jp";

/// `kadode letters notices.csv` beside a running program, which goes on meanwhile, with more arguments.
async fn letters(app: &App, arguments: &[&str]) -> Done {
    let data = data_in(app.folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_kadode"));
    command
        .current_dir(app.folder.path())
        .env_clear()
        .env("KADODE_DATABASE", data.database)
        .env("KADODE_KEYS", data.keys.unwrap())
        .env("KADODE_POLICY", data.policy.unwrap());
    if let Some(keys) = data.key_database {
        command.env("KADODE_KEY_DATABASE", keys);
    }
    if let Some(events) = data.events {
        command.env("KADODE_EVENTS", events);
    }
    command.args(["letters", "notices.csv"]).args(arguments);
    let run = tokio::task::spawn_blocking(move || Done::of(&mut command));
    run.await.unwrap()
}

/// The notices since then, one a member.
pub async fn notices_since(app: &App, since: &str) -> Vec<BTreeMap<String, String>> {
    let done = letters(
        app,
        &["--activated-since", since, "--public-url", PUBLIC_URL],
    )
    .await;
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, ""),
        "{}",
        done.stderr
    );
    let text = fs::read_to_string(app.folder.path().join("notices.csv")).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap();
    let header = "user_id,name,symbol,number,activated_at,not_me_url";
    assert_eq!(text.lines().next().unwrap(), header);
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .unwrap()
}

async fn with_a_member_at(step: &str) -> (App, MemberId) {
    let (app, member) = App::with_member().await;
    app.client_at(step).await;
    (app, member)
}

#[tokio::test]
async fn a_notice_names_the_member_and_leads_to_the_page_that_stops_all_use() {
    let (app, member) = with_a_member_at("log_out").await;
    let notices = notices_since(&app, "2026-04-10").await;
    assert_eq!(notices.len(), 1);
    let told = |column: &str| notices[0][column].as_str();
    assert_eq!(
        ["user_id", "name", "symbol", "number", "activated_at"].map(told),
        [
            "hanako01",
            "見本 花子",
            "1",
            "11111",
            "2026-04-10T09:00:00+09:00"
        ]
    );
    let url = told("not_me_url");
    assert!(url.starts_with(&format!("{PUBLIC_URL}/not-me/")), "{url}");
    let path = format!("/not-me/{}", notice_in(url).unwrap());
    let reported = app.client().post(&path, json!({})).await;
    reported.expect(StatusCode::OK);
    assert_eq!(app.payloads(member, "NotMeReported").await.len(), 1);
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    let (app, _) = with_a_member_at("log_out").await;
    notices_since(&app, "2026-04-10").await;
    let file = fs::metadata(app.folder.path().join("notices.csv")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn whoever_set_a_password_before_then_or_none_at_all_gets_no_notice() {
    let (app, _) = with_a_member_at("password").await;
    assert!(notices_since(&app, "2026-04-10").await.is_empty());
    let (app, _) = with_a_member_at("log_out").await;
    assert_eq!(notices_since(&app, "2026-04-10T09:00").await.len(), 1);
    assert!(notices_since(&app, "2026-04-10T09:01").await.is_empty());
    assert!(notices_since(&app, "2026-04-11").await.is_empty());
}

#[tokio::test]
async fn whoever_reported_gets_no_notice_again() {
    let (app, _) = with_a_member_at("log_out").await;
    let url = notices_since(&app, "2026-04-10").await.remove(0);
    let path = format!("/not-me/{}", notice_in(&url["not_me_url"]).unwrap());
    app.client()
        .post(&path, json!({}))
        .await
        .expect(StatusCode::OK);
    assert!(notices_since(&app, "2026-04-10").await.is_empty());
}

#[tokio::test]
async fn whom_staff_have_frozen_gets_a_notice_all_the_same() {
    let (app, member) = with_a_member_at("log_out").await;
    app.freeze(member).await;
    assert_eq!(notices_since(&app, "2026-04-10").await.len(), 1);
}

#[tokio::test]
async fn without_an_address_for_members_or_with_a_wrong_one_nothing_is_written() {
    let app = App::start().await;
    for (arguments, why) in [
        (&["--activated-since", "2026-04-10"][..], "--public-url"),
        (
            &["--activated-since", "2026-04-10", "--public-url", "kenpo"],
            "--public-url kenpo",
        ),
        (
            &["--activated-since", "yesterday", "--public-url", PUBLIC_URL],
            "neither a date nor a moment",
        ),
    ] {
        let done = letters(&app, arguments).await;
        let refusal = done.refusal();
        assert!(refusal.contains(why), "{refusal}");
    }
    assert!(!app.folder.path().join("notices.csv").exists());
}

#[tokio::test]
async fn letters_are_not_written_over_by_notices() {
    let app = App::start().await;
    let letters_first = letters(&app, &[]).await;
    assert_eq!(letters_first.code, 0, "{}", letters_first.stderr);
    let done = letters(
        &app,
        &[
            "--activated-since",
            "2026-04-10",
            "--public-url",
            PUBLIC_URL,
        ],
    )
    .await;
    assert!(done.refusal().contains("holds something else"));
}
