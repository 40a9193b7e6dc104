//! Two people erase a person: found nowhere afterwards, and everything that happened still provable.

use std::collections::BTreeMap;

use kadode::domain::ids::MemberId;
use kadode::domain::staff::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::{approves, at_work, hire};
use crate::ledger::{checked, exported};
use crate::reports::printed;
use crate::support::app::{App, Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};
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

/// Whether the ledger verifies. Not by the command, whose event would bring the machine's time into the log.
async fn verifies(app: &App) -> bool {
    app.settled().await;
    app.society.sealer().unwrap().seal().await.unwrap();
    checked(exported(&app.society).await.path()).ok
}

/// Tables in which nothing goes with an erasure: the log and the ledger, what is folded from them (ids and counts), the society's own and its staff's.
/// Of rosters, all files go (`rosters.rs`).
const KEPT: [&str; 21] = [
    "_sqlx_migrations",
    "checkpoints",
    "events",
    "exports",
    "history",
    "history_counts",
    "history_members",
    "history_parts",
    "key_holders",
    "ledger_checkpoints",
    "ledger_leaves",
    "ledger_nodes",
    "mail_requests",
    "member_status",
    "meta",
    "parked_events",
    "positions",
    "rosters",
    "staff",
    "staff_sessions",
    "staff_tokens",
];

/// Rows of a member in every table that is not kept, found by the member's id or the keyed hash of the user ID.
async fn rows_of(app: &App, member: MemberId, typed: &str) -> BTreeMap<String, i64> {
    let database = &app.society.database;
    let columns = if database.is_on_server() {
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
         WHERE table_schema = current_schema()"
    } else {
        "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'"
    };
    let columns: Vec<(String, String)> = sqlx::query_as(columns)
        .fetch_all(&database.read)
        .await
        .unwrap();
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, column) in &columns {
        tables.entry(table).or_default().push(column);
    }
    let mut rows = BTreeMap::new();
    for (table, columns) in tables {
        if KEPT.contains(&table) {
            continue;
        }
        let (column, value) = if columns.contains(&"member_id") {
            ("member_id", member.to_string())
        } else {
            assert!(columns.contains(&"typed"), "whose are the rows of {table}?");
            ("typed", typed.to_owned())
        };
        let count = format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1");
        let count = sqlx::query_scalar(&count).bind(value);
        let count: i64 = count.fetch_one(&database.read).await.unwrap();
        rows.insert(table.to_owned(), count);
    }
    rows
}

/// A member with rows in every table that an erasure is about, but for mails that wait, of whom no staff has signed in yet; with the keyed hash of the user ID.
async fn known_everywhere(app: &App, member: MemberId) -> (Client, String) {
    let stranger = app.client();
    stranger.sign_in(USER_ID, "11111119800102").await;
    let client = app.client_at("completed").await;
    stranger.sign_in(USER_ID, "not the password").await;
    app.settled().await;
    let typed = sqlx::query_scalar("SELECT DISTINCT typed FROM known_browsers");
    let typed: String = typed.fetch_one(&app.society.database.read).await.unwrap();
    for (table, rows) in rows_of(app, member, &typed).await {
        assert!(rows > 0 || table == "outbox", "{table} is not looked at");
    }
    (client, typed)
}

async fn is_in_no_table(app: &App, member: MemberId, typed: &str) {
    for (table, rows) in rows_of(app, member, typed).await {
        assert_eq!(rows, 0, "{table}");
    }
    let living = "SELECT COUNT(wrapped) FROM data_keys WHERE member_id = $1";
    let living: i64 = sqlx::query_scalar(living)
        .bind(member.to_string())
        .fetch_one(&app.society.key_database.read)
        .await
        .unwrap();
    assert_eq!(living, 0);
}

/// Waits until the program has come to the end of all that follows from the erasure.
pub async fn is_finished(app: &App) {
    app.followed("PersonalDataErased", "erasures").await;
}

#[tokio::test]
async fn an_erasure_that_is_cut_off_is_finished_when_it_comes_again() {
    let (app, member) = App::with_member().await;
    let (_, typed) = known_everywhere(&app, member).await;
    // Without it, what moves it is not committed the first time.
    sqlx::query("DELETE FROM checkpoints WHERE reader = 'erasures'")
        .execute(&app.society.database.write)
        .await
        .unwrap();
    app.erase(member).await;
    is_finished(&app).await;
    app.settled().await;
    is_in_no_table(&app, member, &typed).await;
}

#[tokio::test]
async fn whoever_is_erased_is_found_nowhere_and_the_ledger_verifies_before_and_after() {
    let (app, member) = App::with_member().await;
    let (client, typed) = known_everywhere(&app, member).await;
    assert!(verifies(&app).await);
    let staff = erase(&app, member).await;
    is_finished(&app).await;
    // The mail that tells of the ended session is asked for, and given up, beside the erasure.
    app.settled().await;
    is_in_no_table(&app, member, &typed).await;

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
