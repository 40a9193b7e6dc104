//! What stands in the way of reminders, and in whose way they must not stand.

use kadode::domain::delivery::MailKind;
use kadode::domain::ids::{IssueId, ProposalId, StaffId};
use kadode::domain::onboarding::{Grounds, Intervention};
use kadode::domain::values::KeyId;
use kadode::projections::reminders::overview;
use kadode::reactors::outbox::Outbox;
use uuid::Uuid;

use super::*;
use crate::forgotten_password::set_another;
use crate::support::walk;

/// Runs a statement past the program.
async fn write(app: &App, sql: &str) {
    let database = &app.society.database;
    sqlx::query(sql).execute(&database.write).await.unwrap();
}

/// The same data, served by another run of the program.
async fn restarted(app: App, lines: &str) -> App {
    let clock = app.clock.clone();
    let folder = app.kill().await;
    let same = Setup {
        clock,
        ..setup(lines)
    };
    App::start_in(folder, same).await
}

fn grounds(of: Intervention) -> Grounds {
    Grounds {
        reason: of.reasons()[0],
        ticket: "HD-1".parse().unwrap(),
    }
}

/// Somebody of the staff does something for a member.
async fn intervene(app: &App, member: MemberId, intervention: Intervention) {
    let nobody = Uuid::nil();
    let command = Command::Intervene {
        intervention,
        grounds: grounds(intervention),
        staff: StaffId(nobody),
        failed_at: None,
        link: NewLink {
            issue: IssueId(nobody),
            key: KeyId(String::new()),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        },
    };
    app.command(member, command).await.unwrap();
}

/// Ten reminders and a link asked for later, at a mail server that hangs.
async fn ten_reminders_before_a_link() -> (App, SmtpServer) {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = App::start_as(mailing_to(&server, "")).await;
    several_stopped(&app, 10).await;
    app.settled().await;
    app.wait(3 * DAY);
    server.answer(Answer::Hang);
    reminder(&app).remind().await.unwrap();
    server.wait_until_asked(4).await;
    app.wait(60);
    app.enrol(profile(USER_ID), COHORT).await;
    app.client_at("email_link").await;
    (app, server)
}

#[tokio::test]
async fn reminders_at_a_server_that_hangs_leave_half_of_the_lines_to_others() {
    let (app, server) = ten_reminders_before_a_link().await;
    server.wait_until_asked(5).await;
    let leased: Vec<String> =
        sqlx::query_scalar("SELECT kind FROM outbox WHERE lease IS NOT NULL ORDER BY kind")
            .fetch_all(&app.society.database.read)
            .await
            .unwrap();
    assert_eq!(
        leased,
        ["email_link", "reminder", "reminder", "reminder", "reminder"]
    );
}

#[tokio::test]
async fn a_link_leaves_before_reminders_that_have_waited_for_longer() {
    let (app, server) = ten_reminders_before_a_link().await;
    server.wait_until_asked(5).await;
    let clock = app.clock.clone();
    let folder = app.kill().await;
    let society = walk::open(&folder).await;
    let outbox = Outbox::new(society.database.clone());
    let leased = async |most: usize, reminders: usize| -> Vec<MailKind> {
        outbox.free_leases().await.unwrap();
        let lease = society.entropy.id();
        let leased = outbox.lease(most, reminders, lease, clock.now(), &[]).await;
        let mut kinds: Vec<_> = leased.unwrap().iter().map(|mail| mail.kind).collect();
        kinds.sort_by_key(|kind| *kind == MailKind::Reminder);
        kinds
    };
    assert_eq!(leased(1, 1).await, [MailKind::EmailLink]);
    let some = leased(8, 2).await;
    assert_eq!(
        some,
        [MailKind::EmailLink, MailKind::Reminder, MailKind::Reminder]
    );
    assert_eq!(leased(8, 8).await.len(), 8);
}

#[tokio::test]
async fn a_member_whose_stream_cannot_be_read_keeps_nobody_behind_them_waiting() {
    let app = App::start_as(setup("")).await;
    let first = stopped(&app, 1).await;
    app.wait(60);
    let second = stopped(&app, 2).await;
    app.wait(3 * DAY);
    app.settled().await;
    write(
        &app,
        &format!(
            "INSERT INTO events SELECT (SELECT MAX(position) + 1 FROM events), aggregate_type, aggregate_id, sequence + 1, \
             'NeverHeardOf', '1', '{{\"type\":\"NeverHeardOf\"}}', metadata, recorded_at \
             FROM events WHERE aggregate_id = '{first}' ORDER BY sequence DESC LIMIT 1"
        ),
    )
    .await;
    let app = restarted(app, "").await;
    look(&app).await;
    assert_eq!(reminded(&app, &[first, second]).await, [0, 1]);
}

/// The password of somebody who left instead of logging out is forgotten and set anew: it counts of itself, and they are a step further then.
#[tokio::test]
async fn a_step_that_came_of_itself_is_waited_at_from_then_on_and_holds_up_nobody() {
    let app = App::start_as(setup("per_hour = 1")).await;
    let first = app.enrol(profile(USER_ID), COHORT).await;
    app.client_at("log_out").await;
    set_another(&app).await;
    app.wait(60);
    let second = stopped(&app, 1).await;
    let members = [first, second];
    app.wait(3 * DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &members).await, [0, 1]);
    let database = &app.society.database.read;
    let seen = overview(database, &app.api.limits, app.clock.now()).await;
    assert!(seen.unwrap().due.is_empty());
    app.wait(DAY);
    look(&app).await;
    app.wait(DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &members).await, [1, 1]);
    let told = app.payloads(first, "MemberReminded").await;
    assert_eq!(told[0]["step"], json!("sign_in_again"));
    assert_eq!(told[0]["since"], json!("2026-04-11T00:00:00Z"));
    assert_eq!(reminders_in(app.mails()).len(), 2);
}

#[tokio::test]
async fn who_was_helped_since_the_read_model_was_read_is_refused_and_the_next_is_reminded() {
    let app = App::start_as(setup("per_hour = 1")).await;
    let first = stopped(&app, 1).await;
    app.wait(60);
    let second = stopped(&app, 2).await;
    app.wait(3 * DAY);
    app.settled().await;
    let row = format!("FROM member_status WHERE member_id = '{first}'");
    let (status, since): (String, String) =
        sqlx::query_as(&format!("SELECT status, waits_since {row}"))
            .fetch_one(&app.society.database.read)
            .await
            .unwrap();
    intervene(&app, first, Intervention::EndSession).await;
    app.settled().await;
    // The row as it was before.
    write(
        &app,
        &format!(
            "UPDATE member_status SET status = '{status}', waits_since = '{since}' WHERE member_id = '{first}'"
        ),
    )
    .await;
    assert_eq!(reminder(&app).remind().await, Ok(1));
    assert_eq!(reminded(&app, &[first, second]).await, [0, 1]);
}

#[tokio::test]
async fn of_two_reminders_that_waited_for_the_mail_server_only_the_last_leaves() {
    let server = SmtpServer::start(Protection::StartTls).await;
    let app = App::start_as(mailing_to(&server, "after_days = [1, 2]")).await;
    let member = stopped(&app, 1).await;
    app.settled().await;
    let before = server.received().len();
    server.answer(Answer::Refuse(451, "later"));
    for _ in 0..2 {
        app.wait(DAY);
        assert_eq!(reminder(&app).remind().await, Ok(1));
    }
    assert_eq!(reminded(&app, &[member]).await, [2]);
    server.answer(Answer::Accept);
    app.wait(HOUR);
    app.settled().await;
    assert_eq!(server.received().len(), before + 1);
}

#[tokio::test]
async fn a_mail_that_waited_while_staff_helped_does_not_leave() {
    let (app, member, server) = with_a_mail_that_waits().await;
    intervene(&app, member, Intervention::EndSession).await;
    server.answer(Answer::Accept);
    app.wait(60);
    assert_eq!(became(&app).await, json!(["MailSkipped", "superseded"]));
}

#[tokio::test]
async fn to_look_at_a_member_s_data_is_no_help_that_puts_a_reminder_off() {
    let app = App::start_as(setup("")).await;
    let member = stopped(&app, 1).await;
    app.wait(2 * DAY);
    let proposal = ProposalId(Uuid::from_u128(1));
    let propose = Command::ProposeIntervention {
        proposal,
        intervention: Intervention::Unmask,
        grounds: grounds(Intervention::Unmask),
        staff: StaffId(Uuid::from_u128(1)),
    };
    app.command(member, propose).await.unwrap();
    let staff = StaffId(Uuid::from_u128(2));
    let approve = Command::ApproveIntervention {
        proposal,
        staff,
        print: None,
    };
    app.command(member, approve).await.unwrap();
    app.wait(DAY);
    look(&app).await;
    assert_eq!(reminded(&app, &[member]).await, [1]);
}

#[tokio::test]
async fn what_has_not_come_into_the_outbox_yet_counts_for_the_hour_s_mails_that_may_wait() {
    let app = App::start_as(setup("per_hour = 2")).await;
    let members = several_stopped(&app, 5).await;
    app.wait(3 * DAY);
    app.settled().await;
    write(&app, "ALTER TABLE outbox RENAME COLUMN language TO another").await;
    assert_eq!(reminder(&app).remind().await, Ok(2));
    app.wait(HOUR);
    assert_eq!(reminder(&app).remind().await, Ok(0));
    write(&app, "ALTER TABLE outbox RENAME COLUMN another TO language").await;
    look(&app).await;
    assert_eq!(sum(&reminded(&app, &members).await), 4);
}
