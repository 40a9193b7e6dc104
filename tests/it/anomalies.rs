//! Accounts that resemble each other: auditors are told of one hand behind many, and nobody is kept out for it.

use std::collections::BTreeSet;

use kadode::domain::ids::MemberId;
use kadode::store::Recorded;
use kadode::vault::Profile;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, Client, Setup, policy_with, profile};

/// A program that tells of more members than so many in one browser, and of more than so many at one domain.
async fn app(of_browser: u32, of_domain: u32) -> App {
    let of_browser = format!("members_per_browser = {of_browser}");
    let of_domain = format!("members_per_domain = {of_domain}");
    let policy = policy_with(&[
        ("members_per_browser = 3", of_browser.as_str()),
        ("members_per_domain = 20", of_domain.as_str()),
    ]);
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    App::start_as(setup).await
}

/// Enrols a member and sets a first password of theirs from `client`, with this address.
async fn activated(app: &App, client: &Client, number: u32, email: &str) -> MemberId {
    let profile = Profile {
        number: number.to_string(),
        ..profile(&format!("member{number}"))
    };
    let user_id = profile.user_id.clone();
    let member = app.enrol(profile, "joined-to-2024-12-01").await;
    let signed_in = client
        .sign_in(&user_id, &format!("1{number}19800101"))
        .await;
    signed_in.expect(StatusCode::CREATED);
    let birth_date = json!({"birth_date": "1980-01-01"});
    client.step("birth-date", birth_date).await;
    client.step("email", json!({"email": email})).await;
    app.advance_client(client, "log_out").await;
    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    member
}

/// All that was told, each with what they have in common and who they are.
async fn told(app: &App) -> Vec<(String, BTreeSet<MemberId>)> {
    let log = app.society.log.read_after(0, i64::MAX).await.unwrap();
    let noticed = log.iter().filter(|it| it.event_type == "AnomalyNoticed");
    let of = |event: &Recorded| {
        let members = serde_json::from_value(event.payload["members"].clone());
        let why = event.payload["why"].as_str().unwrap();
        (why.to_owned(), members.unwrap())
    };
    noticed.map(of).collect()
}

#[tokio::test]
async fn one_browser_that_sets_up_more_members_than_a_family_has_is_told_with_all_of_them() {
    let app = app(2, 20).await;
    let shared = app.client();
    let mut members = BTreeSet::new();
    for number in 20_001..20_003 {
        members.insert(activated(&app, &shared, number, "a@example.jp").await);
    }
    assert_eq!(told(&app).await, [], "as many as are usual");
    members.insert(activated(&app, &shared, 20_003, "a@example.jp").await);
    let expected = [("one_browser".to_owned(), members)];
    assert_eq!(told(&app).await, expected);
    activated(&app, &shared, 20_004, "a@example.jp").await;
    assert_eq!(told(&app).await, expected, "not once for each member");
}

#[tokio::test]
async fn as_many_members_in_browsers_of_their_own_are_nothing_to_tell_of() {
    let app = app(1, 20).await;
    for number in 20_001..20_004 {
        activated(&app, &app.client(), number, "a@example.jp").await;
    }
    assert_eq!(told(&app).await, []);
}

#[tokio::test]
async fn a_domain_that_has_become_common_is_told_and_that_of_a_great_provider_is_not() {
    let app = app(20, 1).await;
    let mut members = BTreeSet::new();
    for number in 20_001..20_003 {
        activated(&app, &app.client(), number, &format!("m{number}@gmail.com")).await;
    }
    assert_eq!(told(&app).await, []);
    for number in 20_003..20_005 {
        let email = format!("m{number}@new.example.jp");
        members.insert(activated(&app, &app.client(), number, &email).await);
    }
    assert_eq!(told(&app).await, [("one_domain".to_owned(), members)]);
}

#[tokio::test]
async fn the_domain_of_the_members_own_company_is_nothing_to_tell_of() {
    let policy = policy_with(&[
        ("members_per_domain = 20", "members_per_domain = 1"),
        (
            "context_words = ",
            "own_domains = [\"company.example.jp\"]\ncontext_words = ",
        ),
    ]);
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    for (number, domain) in [
        (20_001, "company.example.jp"),
        (20_002, "Company.example.jp"),
        (20_003, "osaka.company.example.jp"),
        (20_004, "osaka.company.example.jp"),
    ] {
        activated(&app, &app.client(), number, &format!("m{number}@{domain}")).await;
    }
    assert_eq!(told(&app).await, []);
    for number in 20_005..20_007 {
        let email = format!("m{number}@notcompany.example.jp");
        activated(&app, &app.client(), number, &email).await;
    }
    assert_eq!(told(&app).await.len(), 1, "another domain that ends alike");
}

#[tokio::test]
async fn whoever_resembled_others_long_ago_no_longer_counts_and_is_forgotten() {
    let app = app(1, 20).await;
    let shared = app.client();
    activated(&app, &shared, 20_001, "a@example.jp").await;
    app.wait(31 * 24 * 3600);
    activated(&app, &shared, 20_002, "a@example.jp").await;
    assert_eq!(told(&app).await, []);
    let activations = &app.society.vault.activations;
    let forgotten = activations.forget(app.clock.now()).await.unwrap();
    assert_eq!(forgotten, 2, "the first member's browser and domain");
}
