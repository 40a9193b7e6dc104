//! Reminders, end to end: due or not, within the budget, by day, never twice, and seen before they go.

mod troubles;

use std::process::Command as Process;

use jiff::SignedDuration;
use kadode::ambient::Clock;
use kadode::domain::ids::{ChallengeId, ContactId, ImportId, IssueId, MemberId, SessionId};
use kadode::domain::onboarding::{
    Command, CredentialInForce, NewCode, NewLink, Onboarding, OtpMethod, PasswordCheck,
};
use kadode::domain::staff::Role;
use kadode::domain::values::Language;
use kadode::mail::Transport;
use kadode::reactors::reminder::Reminder;
use kadode::subscription;
use kadode::vault::Profile;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::import::house::Done;
use crate::staff::support::{at_work, hire};
use crate::support::app::{
    App, INITIAL_PASSWORD, Setup, USER_ID, eventually, policy_with, profile,
};
use crate::support::postgres::data_in;
use crate::support::smtp::{Answer, Protection, SmtpServer};

const COHORT: &str = "joined-to-2024-12-01";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What only this mail says.
const WORDS: &str = "途中で止まっています";

/// A policy that reminds, with these lines in its section.
pub fn reminding_policy(lines: &str) -> String {
    let section = format!("[limits.reminders]\n{lines}\n\n[limits.password]");
    policy_with(&[("[limits.password]", section.as_str())])
}

fn setup(lines: &str) -> Setup {
    Setup {
        policy: reminding_policy(lines),
        ..Setup::default()
    }
}

fn reminder(app: &App) -> Reminder {
    app.society.reminder(app.api.statuses.progress())
}

/// Lets the leading node look once who is to be reminded, and everything that follows come to its end.
async fn look(app: &App) {
    app.settled().await;
    reminder(app).remind().await.unwrap();
    app.settled().await;
}

/// How often each of these members was reminded.
async fn reminded(app: &App, members: &[MemberId]) -> Vec<usize> {
    let mut times = Vec::new();
    for member in members {
        times.push(app.payloads(*member, "MemberReminded").await.len());
    }
    times
}

fn sum(times: &[usize]) -> usize {
    times.iter().sum()
}

fn reminders_in(mails: Vec<String>) -> Vec<String> {
    mails
        .into_iter()
        .filter(|mail| mail.contains(WORDS))
        .collect()
}

/// Somebody who has stopped at step 8, with a confirmed address and no session.
pub async fn stopped(app: &App, n: u32) -> MemberId {
    let name = Profile {
        number: format!("{n:05}"),
        ..profile(&format!("kadode{n:02}"))
    };
    let member = app.enrol(name, COHORT).await;
    let society = &app.society;
    let id = || society.entropy.id();
    let (session, contact, issue) = (SessionId(id()), ContactId(id()), IssueId(id()));
    let key = society.vault.one_time.current_key().clone();
    let address = format!("kadode{n:02}@example.jp");
    let contacts = &society.vault.contacts;
    let now = app.clock.now();
    contacts
        .store(contact, member, &address, now)
        .await
        .unwrap();
    let commands = [
        Command::SignIn {
            session,
            against: CredentialInForce::Initial(0),
            check: PasswordCheck::Match,
            lapsed: None,
            known_browser: true,
            code: NewCode {
                challenge: ChallengeId(id()),
                key: key.clone(),
                language: Language::Ja,
                sent_to_address: Vec::new(),
            },
        },
        Command::ConfirmBirthDate {
            session,
            matches: true,
            waiting_until: None,
        },
        Command::RegisterEmail {
            session,
            contact,
            same_as: None,
            link: NewLink {
                issue,
                key,
                language: Language::Ja,
                sent_to_address: Vec::new(),
            },
        },
        Command::FollowEmailLink { contact, issue },
        Command::UpdateEmail {
            session,
            code: None,
        },
    ];
    for command in commands {
        app.command(member, command).await.unwrap();
    }
    member
}

pub async fn several_stopped(app: &App, count: u32) -> Vec<MemberId> {
    let mut members = Vec::new();
    for n in 1..=count {
        members.push(stopped(app, n).await);
    }
    members
}

#[tokio::test]
async fn who_stops_gets_a_mail_a_stage_that_says_where_and_how_to_go_on_and_none_once_all_is_done()
{
    let app = App::start_as(setup("after_days = [3, 7, 14]")).await;
    let member = app.enrol(profile(USER_ID), COHORT).await;
    let client = app.client_at("password").await;
    look(&app).await;
    app.wait(3 * DAY - 1);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [0]);
    app.wait(1);
    look(&app).await;
    look(&app).await;
    let told = app.payloads(member, "MemberReminded").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["step"], &told[0]["after_days"]),
        (&json!("password"), &json!(3))
    );
    let mails = reminders_in(app.mails());
    assert_eq!(mails.len(), 1);
    for words in [
        "新しいパスワードの設定",
        "新しいパスワードを決め",
        "5月10日（日）9時00分まで",
        &app.url,
        "03-0000-0000",
    ] {
        assert!(mails[0].contains(words), "{words} is not in {}", mails[0]);
    }
    assert!(
        !mails[0].contains("/email/") && !mails[0].contains('?'),
        "{}",
        mails[0]
    );

    app.wait(4 * DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [2]);
    let answer = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    answer.expect(StatusCode::CREATED);
    app.advance_client(&client, "completed").await;
    app.wait(20 * DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [2]);
}

#[tokio::test]
async fn an_address_that_is_not_confirmed_is_never_written_to() {
    let app = App::start_as(setup("")).await;
    let member = app.enrol(profile(USER_ID), COHORT).await;
    app.client_at("email_update").await;
    app.wait(14 * DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [0]);
    assert!(reminders_in(app.mails()).is_empty());
}

#[tokio::test]
async fn without_the_section_nobody_is_reminded_and_with_it_members_of_before_are() {
    let app = App::start().await;
    let member = stopped(&app, 1).await;
    app.wait(5 * DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [0]);
    let clock = app.clock.clone();
    let folder = app.kill().await;
    let with = Setup { clock, ..setup("") };
    let app = App::start_in(folder, with).await;
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [1]);
}

#[tokio::test]
async fn a_spent_budget_goes_on_in_the_next_hour_and_on_the_next_day_also_after_a_kill() {
    let mut app = App::start_as(setup("per_hour = 2\nper_day = 3")).await;
    let members = several_stopped(&app, 6).await;
    app.wait(3 * DAY);
    let mut totals = Vec::new();
    for pause in [0, HOUR / 2, HOUR / 2, HOUR, 22 * HOUR] {
        app.wait(pause);
        let clock = app.clock.clone();
        let folder = app.kill().await;
        let same = Setup {
            clock,
            ..setup("per_hour = 2\nper_day = 3")
        };
        app = App::start_in(folder, same).await;
        look(&app).await;
        look(&app).await;
        totals.push(sum(&reminded(&app, &members).await));
    }
    assert_eq!(totals, [2, 2, 3, 3, 5]);
    app.wait(HOUR);
    look(&app).await;
    assert_eq!(reminded(&app, &members).await, [1; 6]);
    assert_eq!(reminders_in(app.mails()).len(), 6);
}

#[tokio::test]
async fn two_nodes_at_once_remind_nobody_twice_and_spend_the_budget_once() {
    let app = App::start_as(setup("per_hour = 3")).await;
    let members = several_stopped(&app, 5).await;
    app.wait(3 * DAY);
    app.settled().await;
    let (one, other) = (reminder(&app), reminder(&app));
    let (one, other) = tokio::join!(one.remind(), other.remind());
    app.settled().await;
    assert_eq!(one.unwrap() + other.unwrap(), 3);
    let mut times = reminded(&app, &members).await;
    times.sort_unstable();
    assert_eq!(times, [0, 0, 1, 1, 1]);
    assert_eq!(reminders_in(app.mails()).len(), 3);
}

#[tokio::test]
async fn none_goes_at_night() {
    let app = App::start_as(setup("")).await;
    let member = stopped(&app, 1).await;
    // Eight in the evening, in Tokyo.
    app.wait(3 * DAY + 11 * HOUR);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [0]);
    app.wait(13 * HOUR);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [1]);
}

/// A program that mails to this server.
fn mailing_to(server: &SmtpServer, lines: &str) -> Setup {
    let address = format!("smtp://127.0.0.1:{}", server.port());
    Setup {
        transport: Some(Transport::open(&address, Some(&server.authority())).unwrap()),
        ..setup(lines)
    }
}

/// A member who was reminded, whose mail the server does not take yet.
async fn with_a_mail_that_waits() -> (App, MemberId, SmtpServer) {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = App::start_as(mailing_to(&server, "")).await;
    let member = stopped(&app, 1).await;
    app.settled().await;
    server.answer(Answer::Refuse(451, "later"));
    app.wait(3 * DAY + 10 * HOUR + 59 * 60);
    reminder(&app).remind().await.unwrap();
    eventually("a try", async || waiting(&app).await.filter(|it| it.0 > 0)).await;
    (app, member, server)
}

/// The reminder in the outbox: how often it was tried, and when it is tried again.
async fn waiting(app: &App) -> Option<(i64, String)> {
    sqlx::query_as("SELECT attempts, due_at FROM outbox WHERE kind = 'reminder' AND lease IS NULL")
        .fetch_optional(&app.society.database.read)
        .await
        .unwrap()
}

/// What became of the reminder.
async fn became(app: &App) -> Value {
    let event = eventually("the end of a mail", async || {
        let log = app.society.log.read_after(0, i64::MAX).await.unwrap();
        log.into_iter()
            .find(|event| event.stream_kind == "mail" && event.payload["kind"] == "reminder")
    });
    let event = event.await;
    json!([event.event_type, event.payload["why"]])
}

#[tokio::test]
async fn a_mail_that_the_server_did_not_take_by_day_waits_for_the_next_morning() {
    let (app, _, server) = with_a_mail_that_waits().await;
    // One minute past eight in the evening.
    app.wait(2 * 60);
    eventually("a mail that waits for the morning", async || {
        let (_, due) = waiting(&app).await?;
        due.starts_with("2026-04-14T00:00:00").then_some(())
    })
    .await;
    let before = server.received().len();
    server.answer(Answer::Accept);
    app.wait(13 * HOUR);
    assert_eq!(became(&app).await, json!(["MailAccepted", null]));
    assert_eq!(server.received().len(), before + 1);
}

#[tokio::test]
async fn who_goes_on_before_the_mail_leaves_gets_none() {
    let (app, member, server) = with_a_mail_that_waits().await;
    let state: Onboarding = app
        .society
        .commands
        .load(&member.to_string())
        .await
        .unwrap();
    let choose = Command::ChooseOtpMethod {
        session: state.session.unwrap().id,
        method: OtpMethod::Email,
    };
    app.command(member, choose).await.unwrap();
    server.answer(Answer::Accept);
    app.wait(60);
    assert_eq!(became(&app).await, json!(["MailSkipped", "superseded"]));
}

#[tokio::test]
async fn switched_off_what_waits_is_not_mailed_any_more() {
    let (app, _, server) = with_a_mail_that_waits().await;
    server.answer(Answer::Accept);
    let clock: Clock = app.clock.clone();
    let before = server.received().len();
    let folder = app.kill().await;
    clock.advance(SignedDuration::from_secs(60));
    let without = Setup {
        clock,
        ..Setup::default()
    };
    let app = App::start_in(folder, without).await;
    assert_eq!(became(&app).await, json!(["MailSkipped", "superseded"]));
    assert_eq!(server.received().len(), before);
    assert!(reminders_in(app.mails()).is_empty());
}

#[tokio::test]
async fn a_mail_server_that_is_away_does_not_find_more_than_an_hour_s_mails_later() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = App::start_as(mailing_to(&server, "per_hour = 2")).await;
    let members = several_stopped(&app, 5).await;
    app.settled().await;
    server.answer(Answer::Refuse(451, "later"));
    app.wait(3 * DAY);
    for _ in 0..3 {
        reminder(&app).remind().await.unwrap();
        eventually("rows in the outbox", async || {
            let head = app.society.log.committed_head().await.unwrap();
            let database = &app.society.database;
            let asked = subscription::checkpoint(database, "mails").await.unwrap();
            (asked == head).then_some(())
        })
        .await;
        app.wait(HOUR);
    }
    assert_eq!(sum(&reminded(&app, &members).await), 2);
}

#[tokio::test]
async fn a_rebuild_of_the_read_models_reminds_nobody_again() {
    let app = App::start_as(setup("")).await;
    let member = stopped(&app, 1).await;
    app.wait(3 * DAY);
    look(&app).await;
    let rebuilt = app.society.projector().rebuild(None, |_| {}).await;
    rebuilt.unwrap();
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [1]);
    assert_eq!(reminders_in(app.mails()).len(), 1);
}

/// Runs the program beside the one that serves.
async fn beside(app: &App, arguments: &[&str]) -> Done {
    let data = data_in(app.folder.path());
    let mut command = Process::new(env!("CARGO_BIN_EXE_kadode"));
    command
        .current_dir(app.folder.path())
        .env_clear()
        .env("KADODE_DATABASE", data.database)
        .env("KADODE_KEYS", data.keys.unwrap());
    if let Some(keys) = data.key_database {
        command.env("KADODE_KEY_DATABASE", keys);
    }
    if let Some(events) = data.events {
        command.env("KADODE_EVENTS", events);
    }
    command.args(arguments);
    // The program beside it goes on meanwhile.
    let run = tokio::task::spawn_blocking(move || Done::of(&mut command));
    run.await.unwrap()
}

#[tokio::test]
async fn staff_see_beforehand_to_how_many_it_is_due_and_when_it_goes_and_afterwards_what_went() {
    let app = App::start_as(setup("per_hour = 2\nper_day = 2")).await;
    several_stopped(&app, 3).await;
    app.wait(3 * DAY);
    app.settled().await;
    let clerk = hire(&app, "佐藤 明子", Role::Support).await;
    let browser = at_work(&app, &clerk).await;
    app.settled().await;
    let ask = async || {
        let shown = browser.get("/api/v1/support/reminders").await;
        assert_eq!(shown.status, StatusCode::OK);
        serde_json::from_str::<Value>(&shown.html).unwrap()
    };
    let due = |members: u32| {
        json!([{
            "step": {"number": 8, "name": "otp_method"}, "after_days": 3, "cohort": COHORT, "members": members,
        }])
    };
    let before = ask().await;
    assert_eq!(
        before["rules"],
        json!({"after_days": [3, 7, 14], "per_hour": 2, "per_day": 2, "hours": [9, 20]})
    );
    assert_eq!(before["due"], due(3));
    let days =
        json!([{"day": "2026-04-13", "reminders": 2}, {"day": "2026-04-14", "reminders": 1}]);
    assert_eq!(before["to_go"], days);
    assert_eq!(before["gone"], json!([]));
    look(&app).await;
    assert_eq!(ask().await, before, "it is kept for a minute");
    app.wait(60);
    let after = ask().await;
    assert_eq!(after["due"], due(1));
    let gone =
        json!([{"day": "2026-04-13", "reminded": 2, "accepted": 2, "failed": 0, "skipped": 0}]);
    assert_eq!(after["gone"], gone);
    let page = browser.get("/support/reminders").await;
    page.is(200)
        .is_silent_on("kadode01")
        .is_silent_on("見本 花子");
}

/// A program whose clock has stood for four days. Another beside it goes by the machine's.
fn four_days_ago() -> Setup {
    let clock = Clock::machine();
    let then = clock.now() - SignedDuration::from_hours(4 * 24);
    Setup {
        clock: Clock::standing_at(then),
        ..Setup::default()
    }
}

#[tokio::test]
async fn the_program_tells_what_would_go_under_a_policy_that_is_not_in_force() {
    let app = App::start_as(four_days_ago()).await;
    several_stopped(&app, 2).await;
    app.settled().await;
    std::fs::write(
        app.folder.path().join("new.toml"),
        reminding_policy("after_days = [1]"),
    )
    .unwrap();
    let told = async |arguments: &[&str]| {
        let done = beside(&app, arguments).await;
        assert_eq!(done.code, 0, "{}", done.stderr);
        serde_json::from_str::<Value>(&done.stdout).unwrap()
    };
    assert_eq!(told(&["reminders"]).await["rules"], Value::Null);
    let under = told(&["reminders", "--policy", "new.toml"]).await;
    assert_eq!(under["rules"]["after_days"], json!([1]));
    assert_eq!(
        (&under["due"][0]["members"], &under["due"][0]["after_days"]),
        (&json!(2), &json!(1))
    );
    // Nothing has changed by it.
    assert_eq!(told(&["reminders"]).await["rules"], Value::Null);
}

#[tokio::test]
async fn whom_no_mail_reaches_is_listed_for_a_letter_and_nobody_else() {
    let app = App::start_as(four_days_ago()).await;
    app.enrol(profile(USER_ID), COHORT).await;
    app.client_at("email_link").await;
    stopped(&app, 1).await;
    let due = listed(&app, "three.csv", "3").await;
    assert_eq!(due.len(), 1, "{due:?}");
    assert!(
        due[0].starts_with("hanako01,見本 花子,1,11111,email_link,"),
        "{due:?}"
    );
    assert!(listed(&app, "five.csv", "5").await.is_empty());
}

#[tokio::test]
async fn who_has_not_signed_in_is_listed_for_a_letter_so_many_days_after_the_password_on_paper_counts()
 {
    let app = App::start_as(four_days_ago()).await;
    let member = MemberId(app.society.entropy.id());
    let import = ImportId(app.society.entropy.id());
    let now = app.clock.now();
    let profiles = &app.society.vault.profiles;
    let newcomers = [(member, profile(USER_ID))];
    let stored = profiles.insert(import, &newcomers, &[], now);
    stored.await.unwrap();
    let enrol = Command::Enrol {
        cohort: COHORT.to_owned(),
        policy: app.society.policy.version.clone(),
        import,
        joined_month: Some("2020-04".to_owned()),
        terms: None,
        valid_from: now + SignedDuration::from_hours(2 * 24),
        expires_at: now + SignedDuration::from_hours(30 * 24),
    };
    app.command(member, enrol).await.unwrap();
    assert!(listed(&app, "three.csv", "3").await.is_empty());
    let due = listed(&app, "two.csv", "2").await;
    assert_eq!(due.len(), 1, "{due:?}");
    assert!(due[0].contains(",sign_in,"), "{due:?}");
}

/// The lines of a list for letters to those who have stopped for so many days.
async fn listed(app: &App, name: &str, days: &str) -> Vec<String> {
    let arguments = [
        "letters",
        name,
        "--stopped-for",
        days,
        "--policy",
        "policy.toml",
    ];
    let done = beside(app, &arguments).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    let text = std::fs::read_to_string(app.folder.path().join(name)).unwrap();
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let header = "user_id,name,symbol,number,step,since,expires_on";
    assert_eq!(lines.next(), Some(header));
    lines.map(str::to_owned).collect()
}
