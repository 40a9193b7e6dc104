//! Two people erase a person: found nowhere afterwards, and everything that happened still provable.

use kadode::domain::ids::MemberId;
use kadode::domain::staff::Role;
use kadode::vault::VaultError;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::{approves, at_work, hire};
use crate::ledger::{checked, exported};
use crate::reports::printed;
use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, eventually};
use crate::support::browser::Browser;

/// Erases the member, as two administrators do.
pub async fn erase(app: &App, member: MemberId) -> Browser {
    let first = hire(app, "伊藤", Role::Administrator).await;
    let second = hire(app, "渡辺", Role::Administrator).await;
    let first = at_work(app, &first).await;
    let second = at_work(app, &second).await;
    let path = format!("/support/members/{member}");
    let page = first.get(&path).await;
    let (_, form) = page
        .html
        .split_once("name=\"intervention\" value=\"erase\"")
        .unwrap();
    let (_, proposal) = form.split_once("name=\"proposal\" value=\"").unwrap();
    let (proposal, _) = proposal.split_once('"').unwrap();
    let fields = [
        ("intervention", "erase"),
        ("reason", "member_left"),
        ("ticket", "HD-1"),
        ("proposal", proposal),
    ];
    let proposed = first.post(&format!("{path}/interventions"), &fields).await;
    proposed.leads_to(&format!("{path}?note=proposed"));
    let address = format!("/approvals/{member}/{proposal}");
    second.get(&address).await.says("元に戻せない形で消去");
    approves(&second, &address).await;
    first
}

pub async fn is_gone(app: &App, member: MemberId) {
    eventually("the erasure", || async {
        let found = app.society.vault.profiles.get(member).await;
        matches!(found, Err(VaultError::Missing(_))).then_some(())
    })
    .await;
}

/// Whether the ledger verifies. Not by the command, whose event would bring the machine's time into the log.
async fn verifies(app: &App) -> bool {
    app.settled().await;
    app.society.sealer().unwrap().seal().await.unwrap();
    checked(exported(&app.society).await.path()).ok
}

#[tokio::test]
async fn whoever_is_erased_is_found_nowhere_and_the_ledger_verifies_before_and_after() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("completed").await;
    assert!(verifies(&app).await);
    let staff = erase(&app, member).await;
    is_gone(&app, member).await;
    // The mail that tells of the ended session is asked for, and given up, beside the erasure.
    app.settled().await;
    let of_member = format!("member_id = '{member}'");
    for (table, whose) in [
        ("profiles", of_member.as_str()),
        ("contacts", &of_member),
        ("credentials", &of_member),
        ("sessions", &of_member),
        ("outbox", &of_member),
        ("waits", "1 = 1"),
        ("failing", "1 = 1"),
        ("guesses", "1 = 1"),
        ("activations", &of_member),
    ] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {whose}");
        let rows: i64 = sqlx::query_scalar(&sql)
            .fetch_one(&app.society.database.read)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }

    client.get("/onboarding").await.problem(401, "no-session");
    for password in [INITIAL_PASSWORD, NEW_PASSWORD] {
        let refused = app.client().sign_in(USER_ID, password).await;
        refused.problem(401, "sign-in-failed");
    }
    staff.get("/audit").await.is(200);
    for typed in [
        vec![("user_id", USER_ID)],
        vec![("symbol", "1"), ("number", "11111")],
    ] {
        staff.post("/audit/search", &typed).await.is(404);
    }
    let page = staff.get(&format!("/support/members/{member}")).await;
    page.is(200).says("消去");
    assert!(verifies(&app).await);
    let checked = printed(&app, &["check"]).await;
    let checked: Value = serde_json::from_slice(&checked).unwrap();
    assert_eq!(checked["dangling"], 0, "what is forgotten is not lost");
    let left = app.events(member).await;
    assert_eq!(left.last().unwrap(), "PersonalDataErased");
}

#[tokio::test]
async fn support_does_not_erase_and_one_administrator_alone_does_not_either() {
    let (app, member) = App::with_member().await;
    let wanted = json!({"intervention": "erase", "reason": "legal", "ticket": "HD-1"});
    let path = format!("/api/v1/support/members/{member}");
    for (name, role, place, status) in [
        ("佐藤", Role::Support, "proposals", StatusCode::FORBIDDEN),
        (
            "鈴木",
            Role::Administrator,
            "interventions",
            StatusCode::CONFLICT,
        ),
    ] {
        let clerk = hire(&app, name, role).await;
        let browser = at_work(&app, &clerk).await;
        let path = format!("{path}/{place}");
        let request = browser.request(reqwest::Method::POST, &path).json(&wanted);
        assert_eq!(browser.send(request).await.status, status);
    }
    assert_eq!(app.events(member).await, ["MemberEnrolled"]);
}
