//! `kadode staff`: what it prints, and what it refuses.

use serde_json::Value;

use crate::import::house::{Done, House};

fn run(house: &House, arguments: &[&str]) -> Done {
    Done::of(&mut house.command(&[&["staff"], arguments].concat()))
}

/// The lines of a run that has to go well.
fn lines(house: &House, arguments: &[&str]) -> Vec<Value> {
    let done = run(house, arguments);
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    done.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn line(house: &House, arguments: &[&str]) -> Value {
    let mut lines = lines(house, arguments);
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

#[test]
fn an_account_is_printed_once_with_its_password_and_its_authenticator() {
    let house = House::new();
    let added = line(&house, &["add", "akiko", "--role", "auditor"]);
    let mut fields: Vec<&String> = added.as_object().unwrap().keys().collect();
    fields.sort_unstable();
    assert_eq!(fields, ["name", "password", "role", "staff", "totp"]);
    assert_eq!(added["role"], "auditor");
    assert_eq!(added["password"].as_str().unwrap().len(), 16);
    let totp = added["totp"].as_str().unwrap();
    assert!(totp.starts_with("otpauth://totp/"), "{totp}");
    let secret = totp.split("secret=").nth(1).unwrap();
    assert_eq!(secret.split('&').next().unwrap().len(), 32);

    let listed = line(&house, &["list"]);
    assert_eq!(listed["staff"], added["staff"]);
    assert_eq!(listed["name"], "akiko");
    assert_eq!(listed["own_password"], false);
    assert!(listed.get("password").is_none() && listed.get("totp").is_none());
}

#[tokio::test]
async fn whoever_runs_it_stands_beside_what_they_did() {
    let house = House::new();
    line(&house, &["add", "akiko", "--role", "support"]);
    let by = ["--operator", "伊藤"];
    let reset = [&["reset-totp", "akiko"], &by[..]].concat();
    line(&house, &reset);
    let society = house.society().await;
    let events = society.log.read_after(0, 100).await.unwrap();
    society.close().await;
    let user = format!("uid {}", rustix::process::getuid().as_raw());
    for (event_type, who) in [("StaffAdded", user.as_str()), ("StaffTotpReset", "伊藤")] {
        let event = events.iter().find(|event| event.event_type == event_type);
        let metadata = &event.unwrap().metadata;
        assert_eq!(metadata["actor"], "system");
        assert_eq!(metadata["operator"], who, "{event_type}");
    }
}

#[test]
fn no_account_is_there_by_default() {
    let house = House::new();
    line(&house, &["add", "akiko", "--role", "support"]);
    assert_eq!(lines(&house, &["list"]).len(), 1);
}

#[test]
fn what_cannot_be_done_is_told_in_one_line() {
    let house = House::new();
    line(&house, &["add", "akiko", "--role", "support"]);
    let refused = [
        (&["add", "AKIKO", "--role", "auditor"][..], "already"),
        (&["add", "taro", "--role", "boss"], "there is no role"),
        (&["add", "", "--role", "auditor"], "1 to 64 characters"),
        (&["disable", "nobody"], "there is no account"),
        (
            &["token", "akiko", "--scope", "audit:read", "--days", "1"],
            "the role does not open audit:read",
        ),
        (
            &["token", "akiko", "--scope", "all", "--days", "1"],
            "there is no scope",
        ),
    ];
    for (arguments, why) in refused {
        let done = run(&house, arguments);
        assert!(
            done.refusal().contains(why),
            "{arguments:?}: {}",
            done.stderr
        );
    }
    assert_eq!(lines(&house, &["list"]).len(), 1);
}

#[test]
fn roles_authenticators_passwords_and_tokens_are_changed_and_listed() {
    let house = House::new();
    let added = line(&house, &["add", "akiko", "--role", "support"]);
    line(&house, &["role", "akiko", "--role", "auditor"]);
    let reset = line(&house, &["reset-totp", "akiko"]);
    assert_ne!(reset["totp"], added["totp"]);
    let reset = line(&house, &["reset-password", "akiko"]);
    assert_ne!(reset["password"], added["password"]);
    let token = line(
        &house,
        &["token", "akiko", "--scope", "audit:read", "--days", "30"],
    );
    assert!(token["token"].as_str().unwrap().starts_with("kadode_"));
    let listed = line(&house, &["list"]);
    assert_eq!(listed["role"], "auditor");
    assert_eq!(listed["tokens"][0]["token_id"], token["token_id"]);
    assert!(
        !listed
            .to_string()
            .contains(token["token"].as_str().unwrap())
    );
    line(
        &house,
        &["revoke-token", "akiko", token["token_id"].as_str().unwrap()],
    );
    line(&house, &["disable", "akiko"]);
    let listed = line(&house, &["list"]);
    assert_eq!(listed["disabled"], true);
    assert_eq!(listed["tokens"], serde_json::json!([]));
}

#[test]
fn nothing_is_created_but_for_a_first_account_with_a_policy() {
    let house = House::new();
    // In files: on a server, databases are made beforehand.
    let staff = |arguments: &[&str]| {
        let mut command = house.command(&[&["staff"], arguments].concat());
        command
            .env("KADODE_DATABASE", "sqlite:kadode.sqlite")
            .env_remove("KADODE_KEY_DATABASE");
        command
    };
    let listing = Done::of(&mut staff(&["list"]));
    assert!(listing.refusal().contains("no database yet"));
    std::fs::remove_file(house.path("policy.toml")).unwrap();
    let mut adding = staff(&["add", "akiko", "--role", "auditor"]);
    let adding = Done::of(adding.env_remove("KADODE_POLICY"));
    assert!(adding.refusal().contains("--policy"), "{}", adding.stderr);
    let left = std::fs::read_dir(house.path("")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    // What names the databases on a server is the test's own.
    let left: Vec<_> = left
        .iter()
        .filter(|it| it.to_str().unwrap().contains("kadode") || *it == "keys.toml")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_policy_is_in_the_log_before_the_first_account() {
    let house = House::new();
    line(&house, &["add", "akiko", "--role", "auditor"]);
    line(&house, &["list"]);
    for arguments in [
        &["ledger", "export", "package"][..],
        &["ledger", "verify", "package"],
    ] {
        let done = Done::of(&mut house.command(arguments));
        assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    }
}
