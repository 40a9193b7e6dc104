//! Untouched packages pass, whatever they come from, and say what was checked.

use std::fs;
use std::os::unix::fs::symlink;

use kadode::domain::staff::{Command, Role, Scope};
use kadode::ledger::package::{self, Given, Unable};
use kadode::ledger::{Signer, Verifier};
use reqwest::StatusCode;
use serde_json::json;

use super::{
    audited, audited_in, checked, checked_since, expect_fault, exported, kept, own_file, sealed,
};
use crate::reminders::{reminding_policy, stopped};
use crate::staff::support::{OWN_PASSWORD, at_work, code, command, enters, hire, token};
use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID};
use crate::support::kurrent::put_on_kurrent;
use crate::support::postgres::put_on_server;
use crate::support::walk::walk;

#[tokio::test]
async fn a_package_passes_with_every_checkpoint_and_every_history() {
    let house = audited().await;
    let package = exported(&house.society).await;
    let report = checked(package.path());
    assert_eq!(report.fault, None);
    let head = house.society.log.committed_head().await.unwrap();
    assert!(report.ok);
    assert_eq!(report.events, u64::try_from(head).unwrap());
    assert_eq!((report.checkpoints, report.key_from), (3, "package"));
    // The policy's, and those of the members.
    assert_eq!(report.streams, 25);
    assert!(report.origin.starts_with("kenpo.example.jp/kadode/"));
}

#[tokio::test]
async fn a_package_from_postgres_passes() {
    let folder = tempfile::tempdir().unwrap();
    put_on_server(folder.path());
    let house = audited_in(folder).await;
    assert_eq!(checked(exported(&house.society).await.path()).fault, None);
}

#[tokio::test]
async fn a_package_from_kurrentdb_passes_though_its_clock_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let _double = put_on_kurrent(folder.path());
    let house = audited_in(folder).await;
    assert_eq!(checked(exported(&house.society).await.path()).fault, None);
}

#[tokio::test]
async fn what_a_member_and_their_mails_leave_passes() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    client
        .sign_in(USER_ID, "wrong")
        .await
        .problem(401, "sign-in-failed");
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&client, "otp").await;
    let wrong = json!({"code": app.wrong_code(app_member(&app).await).await});
    client
        .post("/sessions/current/otp", wrong)
        .await
        .problem(422, "mismatch");
    app.wait(61);
    client
        .post("/sessions/current/otp/resend", json!({}))
        .await
        .expect(StatusCode::OK);
    app.advance_client(&client, "completed").await;
    client.delete("/sessions/current").await;
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.settled().await;
    sealed(&app.society).await.unwrap();
    let report = checked(exported(&app.society).await.path());
    assert_eq!(report.fault, None);
    assert!(report.streams >= 5, "the member, the policy and mails");
}

async fn app_member(app: &App) -> kadode::domain::ids::MemberId {
    let events = app.society.log.read_after(0, 100).await.unwrap();
    let enrolled = events.iter().find(|it| it.event_type == "MemberEnrolled");
    enrolled.unwrap().stream_id.parse().unwrap()
}

#[tokio::test]
async fn a_package_continues_the_checkpoint_of_an_earlier_one() {
    let house = audited().await;
    let before = sealed(&house.society).await.unwrap();
    let kept = kept(&house, &before);
    walk(&house.society, 9, 20).await;
    sealed(&house.society).await.unwrap();
    let package = exported(&house.society).await;
    let report = checked_since(package.path(), Some(&kept));
    assert_eq!(report.fault, None);
    assert_eq!(report.since, Some(before.head.size));
    assert!(report.size > before.head.size);
}

#[tokio::test]
async fn an_old_package_does_not_pass_for_the_present_one() {
    let house = audited().await;
    let old = exported(&house.society).await;
    walk(&house.society, 9, 20).await;
    let present = sealed(&house.society).await.unwrap();
    let report = checked_since(old.path(), Some(&kept(&house, &present)));
    let fault = expect_fault(&report, "since", None);
    assert!(fault.why.contains("the log has been cut"), "{fault:?}");
}

#[tokio::test]
async fn a_package_goes_as_far_as_its_last_checkpoint() {
    let house = audited().await;
    let last = sealed(&house.society).await.unwrap();
    walk(&house.society, 9, 20).await;
    let report = checked(exported(&house.society).await.path());
    assert_eq!((report.ok, report.events), (true, last.head.size));
}

#[tokio::test]
async fn a_key_from_elsewhere_must_be_the_one_that_signed() {
    let house = audited().await;
    let package = exported(&house.society).await;
    let check = |text: &str| {
        let path = house.folder.path().join("vkey");
        fs::write(&path, text).unwrap();
        let given = Given {
            folder: package.path(),
            since: None,
            key: Some(&path),
            reports: true,
        };
        package::verify(&given, |_| ())
    };
    let own = fs::read_to_string(package.path().join("key.vkey")).unwrap();
    let report = check(&own).unwrap();
    assert_eq!((report.ok, report.key_from), (true, "file"));
    let name = Verifier::parse(own.trim()).unwrap().name().to_owned();
    let other = Signer::new(&name, &[7; 32]).unwrap();
    let report = check(&other.verifier().to_string()).unwrap();
    expect_fault(&report, "signature", None);
    assert!(matches!(check("no key"), Err(Unable::Key(_))));
}

#[tokio::test]
async fn what_cannot_be_checked_is_told_as_such() {
    let house = audited().await;
    let package = exported(&house.society).await;
    let check = |folder, since| {
        let given = Given {
            folder,
            since,
            key: None,
            reports: true,
        };
        package::verify(&given, |_| ())
    };
    let elsewhere = check(house.folder.path(), None);
    assert!(matches!(elsewhere, Err(Unable::NoPackage(_))));
    let policy = house.folder.path().join("policy.toml");
    let no_checkpoint = check(package.path(), Some(&policy));
    assert!(matches!(no_checkpoint, Err(Unable::Since(_))));
    let manifest = package.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replacen("kadode-ledger-1", "kadode-ledger-9", 1),
    )
    .unwrap();
    assert!(matches!(
        check(package.path(), None),
        Err(Unable::Format(_))
    ));
}

#[tokio::test]
async fn the_file_beside_the_keys_is_a_checkpoint_to_check_against() {
    let house = audited().await;
    let package = exported(&house.society).await;
    let report = checked_since(package.path(), Some(&own_file(&house)));
    assert_eq!((report.ok, report.since), (true, Some(report.size)));
}

#[tokio::test]
async fn what_staff_and_their_views_leave_passes() {
    let (app, _) = App::with_member().await;
    let clerk = hire(&app, "見本 検", Role::Auditor).await;
    let browser = at_work(&app, &clerk).await;
    let member = app_member(&app).await;
    for _ in 0..2 {
        browser
            .get(&format!("/audit/members/{member}"))
            .await
            .is(200);
        browser.get("/audit/reports/completion").await.is(200);
    }
    enters(&browser, &clerk.name, OWN_PASSWORD, "000000").await;
    let present = code(&app, clerk.id).await;
    enters(&browser, &clerk.name, OWN_PASSWORD, &present).await;
    token(&app, clerk.id, Scope::AuditRead, 30).await.unwrap();
    command(&app, clerk.id, Command::Disable).await.unwrap();
    app.settled().await;
    sealed(&app.society).await.unwrap();
    let report = checked(exported(&app.society).await.path());
    assert_eq!(report.fault, None);
    assert!(report.events >= 12, "{report:?}");
}

#[tokio::test]
async fn a_manifest_that_tells_of_a_file_twice_is_wrong() {
    let house = audited().await;
    let package = exported(&house.society).await;
    let manifest = package.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut read: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = read["files"].as_array_mut().unwrap();
    let again = files[0].clone();
    files.push(again);
    fs::write(&manifest, read.to_string()).unwrap();
    let fault = expect_fault(&checked(package.path()), "manifest", None);
    assert!(fault.why.ends_with("twice"), "{fault:?}");
}

#[tokio::test]
async fn nothing_but_plain_files_of_a_package_is_read() {
    let house = audited().await;
    let package = exported(&house.society).await;
    for name in ["manifest.json", "leaves.txt", "checkpoint"] {
        let path = package.path().join(name);
        let kept = package.path().join("kept");
        fs::rename(&path, &kept).unwrap();
        symlink("/dev/zero", &path).unwrap();
        let given = Given {
            folder: package.path(),
            since: None,
            key: None,
            reports: true,
        };
        let checked = package::verify(&given, |_| ());
        assert!(!checked.is_ok_and(|report| report.ok), "{name}");
        fs::rename(&kept, &path).unwrap();
    }
}

#[tokio::test]
async fn a_package_with_a_reminder_passes() {
    let setup = Setup {
        policy: reminding_policy(""),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    let member = stopped(&app, 1).await;
    app.wait(3 * 24 * 3600);
    app.settled().await;
    let reminder = app.society.reminder(app.api.statuses.progress());
    assert_eq!(reminder.remind().await, Ok(1));
    app.settled().await;
    assert_eq!(app.payloads(member, "MemberReminded").await.len(), 1);
    sealed(&app.society).await.unwrap();
    let report = checked(exported(&app.society).await.path());
    assert_eq!(report.fault, None);
}
