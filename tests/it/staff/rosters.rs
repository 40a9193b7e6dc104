//! Rosters as plans: what one person brings happens only as a second one has seen it, once and to its end.

use std::sync::Arc;

use jiff::civil::Date;
use kadode::app::Society;
use kadode::domain::ids::{ImportId, MemberId, StaffId};
use kadode::domain::onboarding::{Grounds, Reason};
use kadode::domain::rosters::{Command, Proposed, Rosters, Stage};
use kadode::domain::staff::Role;
use kadode::domain::values::TOKYO;
use kadode::reactors::importer::Importer;
use kadode::rosters::{BATCH, Members, Roster, Run, Standing, Window, look};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::desk::reads;
use super::erasure::{erase, is_finished};
use super::support::{at_work, hire, views};
use crate::reports::printed;
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID, eventually};
use crate::support::browser::{Browser, Shown};
use crate::support::walk::open;

const HEADER: &str = "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal";
/// The member whom the app has, with another name.
const HANAKO: &str = "hanako01,1,11111,1980-01-01,別名 花子,,2020-04-01,0";
const TARO: &str = "taro01,1,22222,1975-05-05,見本 太郎,,2020-04-01,0";
const JIRO: &str = "jiro01,1,33333,1975-05-05,見本 次郎,,2020-04-01,0";

fn roster(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

/// Of a roster whose file an erasure took along.
const FORGOTTEN: &str = "この名簿は、もう反映できません";

/// Two people at the desk of a society with a member.
struct Desk {
    app: App,
    member: MemberId,
    sato: Browser,
    suzuki: Browser,
}

impl Desk {
    async fn open() -> Self {
        let (app, member) = App::with_member().await;
        let sato = hire(&app, "佐藤", Role::Administrator).await;
        let suzuki = hire(&app, "鈴木", Role::Support).await;
        let sato = at_work(&app, &sato).await;
        let suzuki = at_work(&app, &suzuki).await;
        Self {
            app,
            member,
            sato,
            suzuki,
        }
    }

    /// Sends the form with a file.
    async fn sends(&self, file: &[u8], complete: bool) -> Shown {
        self.sends_saying(file, complete, "").await
    }

    /// The same, saying how many leave by it.
    async fn sends_saying(&self, file: &[u8], complete: bool, leavers: &str) -> Shown {
        self.sato.get("/rosters").await.is(200);
        let all = if complete { "yes" } else { "no" };
        let token = self.sato.token();
        let fields = [
            ("form_token", token.as_str()),
            ("complete", all),
            ("leavers", leavers),
            ("valid_from", ""),
            ("reason", "regular_update"),
            ("ticket", "HD-7"),
        ];
        self.sato.send(upload(&self.sato, &fields, file)).await
    }

    /// Brings a roster, and returns the plan's page.
    async fn brings(&self, rows: &[&str], complete: bool) -> String {
        let sent = self.sends(roster(rows).as_bytes(), complete).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.html);
        sent.headers["location"].to_str().unwrap().to_owned()
    }

    async fn decides(&self, browser: &Browser, plan: &str, verdict: &str) -> Shown {
        let page = browser.get(plan).await;
        page.is(200);
        let hash = page.field("plan").unwrap_or_default();
        let fields = [("plan", hash.as_str()), ("verdict", verdict)];
        browser.post(plan, &fields).await
    }

    async fn stage(&self, plan: &str) -> Stage {
        let (_, id) = plan.rsplit_once('/').unwrap();
        stage(&self.app.society, id.parse().unwrap()).await
    }

    async fn ends_as(&self, plan: &str, wanted: Stage) {
        eventually("the end of a roster", || async {
            (self.stage(plan).await == wanted).then_some(())
        })
        .await;
    }

    async fn found(&self, number: &str) -> Vec<MemberId> {
        let profiles = &self.app.society.vault.profiles;
        profiles.find_by_symbol_number("1", number).await.unwrap()
    }

    async fn files(&self) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM rosters")
            .fetch_one(&self.app.society.database.read)
            .await
            .unwrap()
    }
}

/// A form in parts, as browsers send it: its media type, and its body.
pub(crate) fn in_parts(fields: &[(&str, &str)], file: &[u8]) -> (String, Vec<u8>) {
    const EDGE: &str = "----kadode-test";
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend(part.as_bytes());
    }
    let part = format!(
        "--{EDGE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"名簿.csv\"\r\nContent-Type: text/csv\r\n\r\n"
    );
    body.extend(part.as_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{EDGE}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={EDGE}"), body)
}

fn upload(browser: &Browser, fields: &[(&str, &str)], file: &[u8]) -> reqwest::RequestBuilder {
    let (kind, body) = in_parts(fields, file);
    let request = browser.request(Method::POST, "/rosters");
    request.header("content-type", kind).body(body)
}

async fn stage(society: &Society, import: ImportId) -> Stage {
    let rosters: Rosters = society.commands.load("society").await.unwrap();
    rosters.import(import).unwrap().stage
}

#[tokio::test]
async fn a_program_of_the_desk_reads_which_roster_waits_and_which_there_were() {
    let desk = Desk::open().await;
    let list = async || reads(&desk.suzuki, "/api/v1/rosters").await;
    assert_eq!(list().await, json!({"open": null, "rosters": []}));
    let plan = desk.brings(&[HANAKO, TARO], false).await;
    let waiting = list().await;
    assert!(plan.ends_with(waiting["open"]["import"].as_str().unwrap()));
    assert_eq!(waiting["open"]["stage"], "proposed");
    assert_eq!(
        (&waiting["open"]["new"], &waiting["open"]["changed"]),
        (&json!(1), &json!(1))
    );
    desk.decides(&desk.suzuki, &plan, "decline").await;
    let over = list().await;
    assert_eq!(over["open"], json!(null));
    assert_eq!(over["rosters"][0]["stage"], "declined");
}

#[tokio::test]
async fn what_a_second_person_has_approved_is_carried_out() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[HANAKO, TARO], false).await;
    let page = desk.suzuki.get(&plan).await;
    page.says("佐藤").says("HD-7").says("氏名");
    assert!(desk.found("22222").await.is_empty(), "nothing is done yet");
    let approved = desk.decides(&desk.suzuki, &plan, "approve").await;
    approved.leads_to(&plan);
    desk.ends_as(&plan, Stage::Applied).await;
    assert_eq!(desk.found("22222").await.len(), 1);
    let profile = desk.app.society.vault.profiles.get(desk.member).await;
    assert_eq!(profile.unwrap().profile.name, "別名 花子");
    let events = desk.app.events(desk.member).await;
    assert_eq!(events, ["MemberEnrolled", "ProfileChanged"]);
    desk.suzuki.get(&plan).await.says("反映が終わりました");
}

#[tokio::test]
async fn what_waits_for_a_second_person_names_the_roster_until_it_is_decided() {
    let desk = Desk::open().await;
    let nothing = desk.suzuki.get("/approvals").await;
    nothing.is(200).is_silent_on("href=\"/rosters/");
    let plan = desk.brings(&[TARO], false).await;
    let waiting = desk.suzuki.get("/approvals").await;
    waiting.says(&format!("<a href=\"{plan}\">名簿の反映</a>"));
    let auditor = hire(&desk.app, "高橋", Role::Auditor).await;
    let auditor = at_work(&desk.app, &auditor).await;
    let closed = auditor.get("/approvals").await;
    closed.is(200).is_silent_on(&plan);
    desk.decides(&desk.suzuki, &plan, "decline").await;
    desk.suzuki.get("/approvals").await.is_silent_on(&plan);
}

#[tokio::test]
async fn whoever_brought_it_cannot_approve_it_by_page_or_by_program() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    let page = desk.sato.get(&plan).await;
    page.is_silent_on("value=\"approve\"");
    desk.decides(&desk.sato, &plan, "approve").await.is(403);
    let hash = page.field("plan").unwrap();
    let body = json!({"verdict": "approve", "plan": hash});
    let request = desk.sato.request(Method::POST, &format!("/api/v1{plan}"));
    let answer = desk.sato.send(request.json(&body)).await;
    answer.is(403).says("own-proposal");
    assert_eq!(desk.stage(&plan).await, Stage::Proposed);
}

#[tokio::test]
async fn what_a_roster_would_do_is_a_look_of_its_own_and_no_search_for_a_member() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    desk.suzuki.get(&plan).await.is(200);
    let look = views(&desk.app).await.pop().unwrap();
    let (_, import) = plan.rsplit_once('/').unwrap();
    assert_eq!(look["view"], "rosters");
    assert_eq!(look["part"], format!("roster={import}").as_str());
}

#[tokio::test]
async fn only_what_was_seen_is_approved() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    let body = json!({"verdict": "approve", "plan": "0".repeat(64)});
    let request = desk.suzuki.request(Method::POST, &format!("/api/v1{plan}"));
    let answer = desk.suzuki.send(request.json(&body)).await;
    answer.is(409).says("other-plan");
    assert_eq!(desk.stage(&plan).await, Stage::Proposed);
}

#[tokio::test]
async fn what_would_do_something_else_by_the_time_it_is_approved_is_not_done() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO, JIRO], false).await;
    let file = desk.app.folder.path().join("roster.csv");
    std::fs::write(&file, roster(&[TARO])).unwrap();
    let policy = desk.app.folder.path().join("policy.toml");
    let asked = [
        "import",
        file.to_str().unwrap(),
        "--policy",
        policy.to_str().unwrap(),
    ];
    printed(&desk.app, &asked).await;
    desk.decides(&desk.suzuki, &plan, "approve").await.is(303);
    desk.ends_as(&plan, Stage::Outdated).await;
    assert!(desk.found("33333").await.is_empty());
}

#[tokio::test]
async fn who_is_not_in_a_roster_of_everybody_is_named_before_and_logged_out_afterwards() {
    let desk = Desk::open().await;
    let client = desk.app.client_at("email").await;
    let all = roster(&[TARO]);
    let plan = desk.sends_saying(all.as_bytes(), true, "１").await;
    let plan = plan.headers["location"].to_str().unwrap().to_owned();
    let page = desk.suzuki.get(&plan).await;
    page.says(&format!("/support/members/{}", desk.member));
    page.is_silent_on("見本 花子");
    client.get("/onboarding").await.expect(StatusCode::OK);
    desk.decides(&desk.suzuki, &plan, "approve").await.is(303);
    desk.ends_as(&plan, Stage::Applied).await;
    client.get("/onboarding").await.problem(401, "no-session");
    let again = desk.app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    again.problem(401, "sign-in-failed");
    let desk_page = format!("/support/members/{}", desk.member);
    desk.suzuki.get(&desk_page).await.says("名簿に載っていない");
}

#[tokio::test]
async fn a_roster_by_which_more_than_one_in_ten_would_leave_takes_the_word_of_whoever_brings_it() {
    let desk = Desk::open().await;
    let all = roster(&[TARO]);
    for said in ["", "2"] {
        let refused = desk.sends_saying(all.as_bytes(), true, said).await;
        refused.is(422).says("会員 1 人のうち 1 人が脱退になります");
        assert!(refused.field("leavers").is_some());
    }
    assert_eq!(desk.files().await, 0);
    let path = "/api/v1/rosters?complete=true&reason=regular_update&ticket=HD-9";
    let brings = async |path: &str| {
        let request = desk.sato.request(Method::POST, path);
        let request = request.header("content-type", "text/csv");
        desk.sato.send(request.body(all.clone())).await
    };
    let refused = brings(path).await;
    let problem: Value = serde_json::from_str(&refused.is(422).html).unwrap();
    assert_eq!(
        (&problem["type"], &problem["leavers"]),
        (&json!("/api/docs#leavers-needed"), &json!(1))
    );
    brings(&format!("{path}&leavers=1")).await.is(201);
}

#[tokio::test]
async fn whoever_approves_can_page_through_everything_that_a_roster_does() {
    let desk = Desk::open().await;
    let rows: Vec<String> = (1..=250)
        .map(|n| format!("kp{n:04},1,2{n:04},1975-05-05,見本 {n}号,,2020-04-01,0"))
        .collect();
    let mut rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    rows.push(HANAKO);
    let plan = desk.brings(&rows, false).await;
    let first = desk.suzuki.get(&plan).await;
    first.says("1 / 3 ページ").says("<td>101</td>").says("氏名");
    first.is_silent_on("<td>102</td>");
    let last = desk.suzuki.get(&format!("{plan}?page=3")).await;
    last.says("3 / 3 ページ").says("<td>251</td>");
    last.is_silent_on("<td>201</td>").is_silent_on("次のページ");
    last.says("value=\"approve\"");
    let mut lines = Vec::new();
    for page in 1..=3 {
        let told = reads(&desk.suzuki, &format!("/api/v1{plan}?page={page}")).await;
        assert_eq!(told["pages"], 3);
        let newcomers = told["newcomers"].as_array().unwrap();
        lines.extend(newcomers.iter().map(|it| it["line"].as_u64().unwrap()));
        let of_hanako = usize::from(page == 1);
        assert_eq!(told["changes"].as_array().unwrap().len(), of_hanako);
    }
    assert_eq!(lines, (2..=251).collect::<Vec<u64>>());
    for none in ["0", "4"] {
        let path = format!("/api/v1{plan}?page={none}");
        desk.suzuki.get(&path).await.is(422);
    }
}

#[tokio::test]
async fn programs_are_told_who_is_new_as_far_as_the_page_tells() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    let told = reads(&desk.suzuki, &format!("/api/v1{plan}")).await;
    let new = &told["newcomers"][0];
    assert_eq!(
        (
            &new["line"],
            &new["person"]["name"],
            &new["person"]["number"]
        ),
        (&json!(2), &json!("見***"), &json!("***22"))
    );
    assert_eq!(new["person"]["birth_date"], "***");
}

#[tokio::test]
async fn rows_that_are_wrong_are_named_and_nothing_is_kept() {
    let desk = Desk::open().await;
    let wrong = TARO.replace("1975-05-05", "1975-15-05");
    let page = desk.sends(roster(&[JIRO, &wrong]).as_bytes(), false).await;
    page.is(422).says("<td>3</td><td>birth_date</td>");
    page.is_silent_on("1975");
    assert_eq!(desk.files().await, 0);
    let rosters: Rosters = desk.app.society.commands.load("society").await.unwrap();
    assert_eq!(rosters, Rosters::default());
}

#[tokio::test]
async fn any_file_is_answered_with_what_is_wrong() {
    let desk = Desk::open().await;
    for file in [
        &b""[..],
        b"\xff\xfe\x00",
        b"PK\x03\x04 a spreadsheet",
        b"a,b\n1,2\n",
    ] {
        let page = desk.sends(file, false).await;
        page.is(422).says("role=\"alert\"");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_told_as_such() {
    let desk = Desk::open().await;
    let large = vec![b'x'; 17 * 1024 * 1024];
    desk.sends(&large, false).await.is(413).says("16 MB");
}

#[tokio::test]
async fn a_second_roster_waits_until_the_first_is_over() {
    let desk = Desk::open().await;
    let first = desk.brings(&[TARO], false).await;
    desk.sends(roster(&[JIRO]).as_bytes(), false).await.is(409);
    let back = desk.decides(&desk.sato, &first, "decline").await;
    back.leads_to(&first);
    desk.brings(&[JIRO], false).await;
}

#[tokio::test]
async fn of_a_roster_that_is_over_the_file_is_forgotten_and_its_key_destroyed() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    let (_, id) = plan.rsplit_once('/').unwrap();
    assert_eq!(desk.files().await, 1);
    desk.decides(&desk.suzuki, &plan, "decline").await.is(303);
    eventually("an end of the file", || async {
        (desk.files().await == 0).then_some(())
    })
    .await;
    let keys: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM data_keys WHERE member_id = $1 AND wrapped IS NOT NULL",
    )
    .bind(id)
    .fetch_one(&desk.app.society.key_database.read)
    .await
    .unwrap();
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn an_erasure_forgets_every_roster_that_waits_and_the_desk_says_that_it_is_brought_again() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    desk.suzuki.get(&plan).await.is_silent_on(FORGOTTEN);
    erase(&desk.app, desk.member).await;
    is_finished(&desk.app).await;
    assert_eq!(desk.files().await, 0);
    let page = desk.suzuki.get(&plan).await;
    page.is(200)
        .says(FORGOTTEN)
        .is_silent_on("value=\"approve\"");
    let told = reads(&desk.suzuki, &format!("/api/v1{plan}")).await;
    assert_eq!(told["forgotten"], true);
    desk.decides(&desk.suzuki, &plan, "decline").await.is(303);
    let again = desk.brings(&[TARO], false).await;
    desk.decides(&desk.suzuki, &again, "approve").await.is(303);
    desk.ends_as(&again, Stage::Applied).await;
}

#[tokio::test]
async fn whoever_approves_a_roster_that_an_erasure_has_forgotten_lets_nothing_happen() {
    let desk = Desk::open().await;
    let plan = desk.brings(&[TARO], false).await;
    let hash = desk.suzuki.get(&plan).await.field("plan").unwrap();
    erase(&desk.app, desk.member).await;
    is_finished(&desk.app).await;
    let fields = [("plan", hash.as_str()), ("verdict", "approve")];
    desk.suzuki.post(&plan, &fields).await.is(303);
    desk.ends_as(&plan, Stage::Outdated).await;
}

#[tokio::test]
async fn a_roster_that_is_looked_at_while_somebody_is_erased_is_not_kept() {
    let desk = Desk::open().await;
    let society = &desk.app.society;
    let import = ImportId(society.entropy.id());
    let (files, now) = (&society.vault.roster_files, desk.app.clock.now());
    let file = roster(&[HANAKO]);
    files.keep(import, file.as_bytes(), now).await.unwrap();
    erase(&desk.app, desk.member).await;
    is_finished(&desk.app).await;
    assert!(!files.note(import, b"what it does", now).await.unwrap());
    assert_eq!(desk.files().await, 0);
}

#[tokio::test]
async fn a_form_of_another_browser_brings_nothing() {
    let desk = Desk::open().await;
    let fields = [("form_token", "forged"), ("reason", "regular_update")];
    let file = roster(&[TARO]);
    let request = upload(&desk.sato, &fields, file.as_bytes());
    desk.sato.send(request).await.is(403);
    assert_eq!(desk.files().await, 0);
}

#[tokio::test]
async fn programs_of_the_staff_bring_and_decide_the_same_way() {
    let desk = Desk::open().await;
    let path = "/api/v1/rosters?complete=true&reason=regular_update&ticket=HD-9";
    let request = desk.sato.request(Method::POST, path);
    let request = request.header("content-type", "text/csv; charset=utf-8");
    let answer = desk.sato.send(request.body(roster(&[HANAKO, TARO]))).await;
    answer.is(201);
    let plan: Value = serde_json::from_str(&answer.html).unwrap();
    assert_eq!([&plan["new"], &plan["changed"], &plan["left"]], [1, 1, 0]);
    assert_eq!(plan["changes"][0]["fields"], json!(["name"]));
    let path = format!("/api/v1/rosters/{}", plan["import"].as_str().unwrap());
    let body = json!({"verdict": "approve", "plan": plan["plan"]});
    let request = desk.suzuki.request(Method::POST, &path).json(&body);
    desk.suzuki.send(request).await.is(200).says("approved");
    let address = path.replace("/api/v1", "");
    desk.ends_as(&address, Stage::Applied).await;
    assert_eq!(desk.found("22222").await.len(), 1);
}

/// A society without members that has its policy.
async fn with_policy(folder: &TempDir) -> Society {
    let society = open(folder).await;
    society.adopt_policy().await.unwrap();
    society
}

/// The present day, and thirty days from it on.
fn from_today(members: &Members) -> (Date, Window) {
    let today = TOKYO.to_datetime(members.clock.now()).date();
    (today, Window::new(today, 30, today).unwrap())
}

/// Begins what two people decided on, and leaves it after its first batch, as a program that is killed.
async fn left_in_the_middle(members: &Members, file: &[u8]) -> ImportId {
    let import = ImportId(members.entropy.id());
    let (today, window) = from_today(members);
    let how = (window, true);
    let looked = look(file, &members.policy, today, how, Some(members), |_| ());
    let looked = looked.await.unwrap();
    let files = &members.vault.roster_files;
    let now = members.clock.now();
    let kept = serde_json::to_vec(&looked.plan).unwrap();
    files.keep(import, file, now).await.unwrap();
    assert!(files.note(import, &kept, now).await.unwrap());
    let plan = looked.content.plan.clone();
    let staff = StaffId(members.entropy.id());
    let proposed = Proposed {
        by: StaffId(members.entropy.id()),
        grounds: Grounds {
            reason: Reason::RegularUpdate,
            ticket: "HD-1".parse().unwrap(),
        },
        expires_at: now + jiff::SignedDuration::from_hours(1),
    };
    let content = looked.content;
    for command in [
        Command::Plan {
            import,
            proposed,
            content,
        },
        Command::Approve {
            import,
            staff,
            plan: plan.clone(),
        },
        Command::Begin { import, plan },
    ] {
        Run::tell(members, "Test", command).await.unwrap();
    }
    let mut roster = Roster::read_again(file, &members.policy.policy, today);
    let rows = roster.rows(BATCH);
    let run = Run::new(members, import, window);
    let standings = &looked.plan.standings[..rows.len()];
    let written = run.write(rows, standings, Some(&[])).await;
    run.enrol(written.unwrap()).await.unwrap();
    import
}

/// Seven hundred members, more than one batch.
fn many() -> String {
    let rows = rows_of(700);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    roster(&rows)
}

fn rows_of(members: u32) -> Vec<String> {
    (0..members)
        .map(|n| format!("kp{n},1,{n:05},1980-01-01,見本 {n}号,,2005-04-01,0"))
        .collect()
}

/// Lets the program carry out what is due, until the roster stands there.
async fn carried_out(society: &Society, import: ImportId, wanted: Stage) {
    let importer = Importer {
        members: society.members(),
        database: society.database.clone(),
    };
    let running = tokio::spawn(importer.run(Arc::new(Notify::new())));
    eventually("the end of a roster", || async {
        (stage(society, import).await == wanted).then_some(())
    })
    .await;
    running.abort();
}

async fn count(society: &Society, event_type: &str) -> usize {
    let events = society.log.read_after(0, 10_000).await.unwrap();
    let found = events.iter().filter(|it| it.event_type == event_type);
    found.count()
}

/// Enrols somebody whom the roster does not have, after it was begun.
async fn enrolled_meanwhile(members: &Members) {
    let (today, window) = from_today(members);
    let file = roster(&[TARO]);
    let mut roster = Roster::read(file.as_bytes(), &members.policy.policy, today);
    let rows = roster.rows(BATCH);
    let run = Run::new(members, ImportId(members.entropy.id()), window);
    let written = run.write(rows, &[Standing::New], Some(&[])).await.unwrap();
    run.enrol(written).await.unwrap();
}

#[tokio::test]
async fn whom_the_batch_before_is_still_enrolling_gives_way_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let members = society.members();
    let (today, window) = from_today(&members);
    let run = Run::new(&members, ImportId(members.entropy.id()), window);
    let [same, with_the_numbers, with_the_user_id] = [
        TARO.to_owned(),
        TARO.replace("taro01", "taro02"),
        TARO.replace("22222", "44444"),
    ]
    .map(|row| roster(&[&row]));
    let policy = &members.policy.policy;
    let rows = |file| Roster::read(str::as_bytes(file), policy, today).rows(BATCH);
    let new = [Standing::New];
    let under_way = run.write(rows(&same), &new, Some(&[])).await.unwrap();
    let being_enrolled: Vec<_> = under_way.members().collect();
    for file in [&same, &with_the_numbers, &with_the_user_id] {
        let again = run.write(rows(file), &new, Some(&being_enrolled)).await;
        let why = again.err().map(|fault| fault.0);
        assert!(why.is_some_and(|why| why.contains("line 2: another import has just brought")));
    }
    run.enrol(under_way).await.unwrap();
    society.close().await;
}

#[tokio::test]
async fn a_batch_with_somebody_whom_another_import_has_brought_is_not_written_and_the_line_is_told()
{
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let members = society.members();
    enrolled_meanwhile(&members).await;
    let (today, window) = from_today(&members);
    let run = Run::new(&members, ImportId(members.entropy.id()), window);
    let other = TARO.replace("taro01", "taro02").replace("22222", "44444");
    for (file, wanted) in [
        (roster(&[TARO]), "line 2: another import has just brought"),
        (
            roster(&[&other, TARO]),
            "line 3: another import has just brought",
        ),
    ] {
        let policy = &members.policy.policy;
        let rows = Roster::read(file.as_bytes(), policy, today).rows(BATCH);
        let new = vec![Standing::New; rows.len()];
        let why = run.write(rows, &new, None).await.err();
        assert!(why.is_some_and(|why| why.0.contains(wanted)));
    }
    let other = members.vault.profiles.find_by_user_id("taro02").await;
    assert_eq!(other.unwrap().0, None);
    society.close().await;
}

#[tokio::test]
async fn a_look_tells_of_which_batches_a_killed_run_left_something() {
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let members = society.members();
    let (today, window) = from_today(&members);
    let file = many();
    let mut roster = Roster::read(file.as_bytes(), &members.policy.policy, today);
    let (_, rows) = (roster.rows(BATCH), roster.rows(BATCH));
    let run = Run::new(&members, ImportId(members.entropy.id()), window);
    let new = vec![Standing::New; rows.len()];
    let _killed_before_it_enrols = run.write(rows, &new, None).await.unwrap();
    let how = (window, false);
    let look = |members| {
        look(
            file.as_bytes(),
            &society.policy,
            today,
            how,
            members,
            |_| (),
        )
    };
    assert_eq!(look(Some(&members)).await.unwrap().again, [false, true]);
    assert_eq!(look(None).await.unwrap().again, [true, true]);
    society.close().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_order_of_the_lines_whenever_it_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let members = society.members();
    enrolled_meanwhile(&members).await;
    let (today, window) = from_today(&members);
    let how = (window, false);
    let others = rows_of(2 * 500);
    let taken = TARO.replace("22222", "44444");
    let mut rows = vec![taken.as_str()];
    rows.extend(others.iter().map(String::as_str));
    rows.push("kp,1,11111,no date,見本 花子,,2005-04-01,0");
    rows.push(TARO);
    let file = roster(&rows);
    let looked = look(
        file.as_bytes(),
        &members.policy,
        today,
        how,
        Some(&members),
        |_| (),
    );
    let errors = looked.await.unwrap().errors.into_list();
    let told: Vec<_> = errors
        .iter()
        .map(|it| (it.line, it.column.as_str()))
        .collect();
    assert_eq!(
        told,
        [(2, "user_id"), (1003, "birth_date"), (1004, "user_id")]
    );
    society.close().await;
}

#[tokio::test]
async fn what_was_left_in_the_middle_is_carried_out_to_its_end_and_nobody_is_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let import = left_in_the_middle(&society.members(), many().as_bytes()).await;
    carried_out(&society, import, Stage::Applied).await;
    assert_eq!(count(&society, "MemberEnrolled").await, 700);
    society.close().await;
}

#[tokio::test]
async fn who_came_after_a_roster_of_everybody_was_approved_does_not_leave_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let import = left_in_the_middle(&society.members(), many().as_bytes()).await;
    enrolled_meanwhile(&society.members()).await;
    carried_out(&society, import, Stage::Applied).await;
    assert_eq!(count(&society, "MemberLeft").await, 0);
    society.close().await;
}

#[tokio::test]
async fn what_cannot_be_carried_out_to_its_end_is_given_up_and_stands_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let society = with_policy(&folder).await;
    let members = society.members();
    let import = left_in_the_middle(&members, many().as_bytes()).await;
    members.vault.roster_files.forget(import).await.unwrap();
    carried_out(&society, import, Stage::Abandoned).await;
    society.close().await;
}
