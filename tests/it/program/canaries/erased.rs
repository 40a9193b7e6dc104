//! Once somebody is erased, none of their data stands in the clear in any file, log, package, report or export, in whatever form it was typed.

use std::fs;
use std::path::Path;

use kadode::domain::ids::{MemberId, ProposalId, StaffId};
use kadode::domain::onboarding::{Command, Grounds, Intervention, Reason};
use kadode::projections::reports::Name;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::search::{database_files, forms, is_silent};
use super::{ADDRESS, AUDITOR, BIRTH_DATE, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};
use crate::import::house::{Done, House};
use crate::program::member_of;
use crate::support::app::{Client, followed, token_in};
use crate::support::program::Program;
use crate::support::walk::give;

/// As somebody may type it who does not switch the width.
const WIDE_USER_ID: &str = "ＣＡＮＡＲＹＵＳＥＲＩＤ７Ｑ";
const IN_THE_ERA: &str = "昭和46年2月3日";
const SHOUTED: &str = "Canary.Mailbox@KENPO.example.jp";

/// The member's data, as the society has them and as they were typed.
const DATA: [&str; 16] = [
    USER_ID,
    WIDE_USER_ID,
    "CANARYUSERID7Q",
    "鹿野",
    "七五三子",
    "9081726354",
    "6152433409",
    "GIDCANARY81",
    BIRTH_DATE,
    "19710203",
    IN_THE_ERA,
    INITIAL_PASSWORD,
    NEW_PASSWORD,
    ADDRESS,
    "canary.mailbox",
    "Canary.Mailbox",
];

/// From the paper to the portal, with every form of what is typed.
async fn journey(program: &Program, house: &House, member: MemberId) {
    let client = program.client();
    let sign_in = async |user_id: &str, password: &str, status| {
        client.sign_in(user_id, password).await.expect(status);
    };
    sign_in(USER_ID, BIRTH_DATE, StatusCode::UNAUTHORIZED).await;
    sign_in(WIDE_USER_ID, INITIAL_PASSWORD, StatusCode::CREATED).await;
    client
        .step("birth-date", json!({"birth_date": IN_THE_ERA}))
        .await;
    client.step("email", json!({"email": SHOUTED})).await;
    let token = house.mailed(token_in).await;
    let path = format!("/email-confirmations/{token}");
    client.post(&path, json!({})).await.expect(StatusCode::OK);
    client.step("email/update", json!({})).await;
    client.step("otp-method", json!({"method": "email"})).await;
    client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;
    let logged_out = client.delete("/sessions/current").await;
    logged_out.expect(StatusCode::NO_CONTENT);
    sign_in(USER_ID, NEW_PASSWORD, StatusCode::CREATED).await;
    let code = house.mailed_code(member).await;
    let completed = client.post("/sessions/current/otp", json!({"code": code}));
    completed.await.expect(StatusCode::OK);
}

/// Two people erase the member; ends when all is done that follows.
async fn erase(house: &House, member: MemberId) {
    let society = house.society().await;
    let proposal = ProposalId(Uuid::from_u128(1));
    let propose = Command::ProposeIntervention {
        proposal,
        intervention: Intervention::Erase,
        grounds: Grounds {
            reason: Reason::MemberLeft,
            ticket: "HD-1".parse().unwrap(),
        },
        staff: StaffId(Uuid::from_u128(1)),
    };
    give(&society, member, propose).await;
    let approve = Command::ApproveIntervention {
        proposal,
        staff: StaffId(Uuid::from_u128(2)),
        print: None,
    };
    give(&society, member, approve).await;
    followed(&society, "PersonalDataErased", "erasures").await;
    society.close().await;
}

/// What a run of the program told: whatever it was, without a fault.
fn ran(house: &House, arguments: &[&str]) -> String {
    let done = Done::of(&mut house.command(arguments));
    assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
    done.stdout + &done.stderr
}

/// Everything in the files of a folder and the folders in it.
fn files_in(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &files_in(&path);
        } else {
            all += &String::from_utf8_lossy(&fs::read(path).unwrap());
        }
    }
    all
}

/// The JSON export of all events, as another program takes it.
async fn export(program: &Program, house: &House) -> String {
    ran(house, &["staff", "add", AUDITOR, "--role", "auditor"]);
    let scope = ["--scope", "audit:read", "--days", "1"];
    let token = [&["staff", "token", AUDITOR], &scope[..]].concat();
    let token = Done::of(&mut house.command(&token)).report();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let client = Client::new(&program.url, &[("authorization", bearer.as_str())]);
    let answer = client.get("/audit/events?after=0&limit=1000").await;
    answer.expect(StatusCode::OK).text
}

#[tokio::test]
async fn of_whoever_was_erased_no_datum_is_left_in_files_log_package_reports_or_export() {
    let house = House::new();
    let row = format!(
        "{USER_ID},9081726354,6152433409,{BIRTH_DATE},鹿野 七五三子,GIDCANARY81,2005-04-01,0"
    );
    let imported = house.import(&house.roster(&row), &[]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let member = member_of(&house).await;
    let trace = [("KADODE_LOG", "trace")];
    let program = Program::serve_with(&house, &["--mail", "file:mails"], &trace).await;
    journey(&program, &house, member).await;
    erase(&house, member).await;

    let mut places = vec![("export".to_owned(), export(&program, &house).await)];
    ran(&house, &["ledger", "checkpoint"]);
    places.push((
        "log".to_owned(),
        ran(&house, &["ledger", "export", "package"]),
    ));
    places.push(("package".to_owned(), files_in(&house.path("package"))));
    for report in Name::ALL {
        let csv = ran(&house, &["report", report.name(), "--format", "csv"]);
        places.push((report.name().to_owned(), csv));
    }
    places.extend(database_files(&house));
    places.push(("log".to_owned(), program.said()));
    program.stop().await;
    places.extend(database_files(&house));
    // What is searched is what it is taken for.
    for (name, word) in [
        ("kadode.sqlite", "PersonalDataErased"),
        ("kadode.sqlite-wal", "PersonalDataErased"),
        ("kadode.sqlite.keys", "data_keys"),
        ("log", "listening on"),
        ("package", "PersonalDataErased"),
        ("events", "PersonalDataErased"),
        ("export", "PersonalDataErased"),
    ] {
        let found = |(place, text): &(String, String)| place == name && text.contains(word);
        assert!(places.iter().any(found), "{word} is not in {name}");
    }
    let needles: Vec<String> = DATA.into_iter().flat_map(forms).collect();
    for (place, text) in &places {
        is_silent(place, text, &needles, &[]);
    }
}
