//! Everything twice or fifty times at once: one effect, one new secret, and never a fault of the program.

use std::sync::Arc;

use futures::future::join_all;
use kadode::domain::ids::MemberId;
use kadode::domain::onboarding::Onboarding;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::app::{Answer, App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, profile};

fn count(events: &[String], name: &str) -> usize {
    events.iter().filter(|event| *event == name).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_submissions_of_one_code_one_counts_and_gets_the_new_secret() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("log_out").await;
    let cookie = client.sign_in(USER_ID, NEW_PASSWORD).await.session_cookie();
    let code = app.present_code(member).await;
    let headers = [("cookie", cookie.as_str())];
    let submit = || {
        let body = Some(json!({"code": code}));
        client.send(Method::POST, "/sessions/current/otp", body, &headers)
    };
    let answers = join_all((0..50).map(|_| submit())).await;
    let (won, lost): (Vec<Answer>, Vec<Answer>) = answers
        .into_iter()
        .partition(|answer| answer.status == StatusCode::OK);
    assert_eq!(won.len(), 1);
    assert_eq!(won[0].body["session"]["kind"], "full");
    for answer in lost {
        assert_eq!(answer.cookies(), Vec::<&str>::new());
        answer.problem(409, "session-rotated");
    }
    let events = app.events(member).await;
    assert_eq!(count(&events, "OtpLoginSucceeded"), 1);
    assert_eq!(count(&events, "OnboardingCompleted"), 1);
    assert_eq!(count(&events, "OtpRejected"), 0);
    let full = won[0].session_cookie();
    let status = client
        .send(Method::GET, "/onboarding", None, &[("cookie", &full)])
        .await;
    status.expect(StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_wrong_codes_at_once_five_are_tries() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("otp").await;
    let wrong = app.wrong_code(member).await;
    let submit = || client.post("/sessions/current/otp", json!({"code": wrong}));
    let answers = join_all((0..50).map(|_| submit())).await;
    let mut left: Vec<i64> = answers
        .iter()
        .filter_map(|answer| answer.body["tries_left"].as_i64())
        .collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 410).count(),
        45
    );
    assert_eq!(count(&app.events(member).await, "OtpRejected"), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_wrong_passwords_at_once_five_are_tries() {
    let (app, member) = App::with_member().await;
    let client = app.client();
    let answers = join_all((0..50).map(|_| client.sign_in(USER_ID, "not the password"))).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 401).count(),
        5
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 429).count(),
        45
    );
    assert_eq!(count(&app.events(member).await, "CredentialsRejected"), 5);
    assert_eq!(app.society.vault.hasher.runs(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sign_ins_at_once_make_one_consistent_history_and_one_session() {
    let (app, member) = App::with_member().await;
    // A browser of the member's own, where tries at once do not run into the bound of a stranger's network.
    let first = app.client_at("email").await;
    let answers = join_all((0..4).map(|_| first.sign_in(USER_ID, INITIAL_PASSWORD))).await;
    let strangers: Vec<_> = (0..50).map(|_| app.client()).collect();
    let more = join_all(
        strangers
            .iter()
            .map(|client| client.sign_in(USER_ID, INITIAL_PASSWORD)),
    )
    .await;
    let mut open = 0;
    for answer in answers.iter().chain(&more) {
        match answer.status {
            StatusCode::CREATED => {}
            // Superseded by the next one before it was answered.
            StatusCode::UNAUTHORIZED => assert_eq!(answer.body["type"], "/api/docs#no-session"),
            // Too many from one network.
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(answer.headers.contains_key("retry-after"));
            }
            other => panic!("{other}: {}", answer.text),
        }
        if answer.status == StatusCode::CREATED {
            let cookie = answer.session_cookie();
            let headers = [("cookie", cookie.as_str())];
            let status = first.send(Method::GET, "/onboarding", None, &headers).await;
            open += usize::from(status.status == StatusCode::OK);
        }
    }
    assert_eq!(open, 1, "the last session alone is open");
    let mut in_session = false;
    for event in app.events(member).await {
        match event.as_str() {
            "CredentialsAccepted" => {
                assert!(!in_session, "a session begins inside another");
                in_session = true;
            }
            "LoggedOut" => {
                assert!(in_session, "no session ended");
                in_session = false;
            }
            _ => {}
        }
    }
    assert!(in_session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_press_of_any_step_has_one_effect_and_no_fault() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let key = [("idempotency-key", "one-form")];
    for (step, path, body, event) in [
        (
            "birth_date",
            "/onboarding/birth-date",
            json!({"birth_date": "1980-01-01"}),
            "BirthDateConfirmed",
        ),
        (
            "email",
            "/onboarding/email",
            json!({"email": "hanako@example.jp"}),
            "EmailRegistered",
        ),
        (
            "email_update",
            "/onboarding/email/update",
            json!({}),
            "EmailVerified",
        ),
        (
            "otp_method",
            "/onboarding/otp-method",
            json!({"method": "email"}),
            "OtpMethodChosen",
        ),
        (
            "password",
            "/onboarding/password",
            json!({"new_password": NEW_PASSWORD}),
            "PasswordChanged",
        ),
    ] {
        app.advance_client(&client, step).await;
        let press = || client.send(Method::POST, path, Some(body.clone()), &key);
        let answers = join_all((0..4).map(|_| press())).await;
        let cookies: usize = answers
            .iter()
            .map(|answer| {
                answer
                    .cookies()
                    .iter()
                    .filter(|it| it.starts_with("kadode="))
                    .count()
            })
            .sum();
        assert_eq!(cookies, usize::from(step == "password"), "{step}");
        for answer in answers {
            let rotated = step == "password" && answer.status == StatusCode::CONFLICT;
            assert!(
                answer.status == StatusCode::OK || rotated,
                "{step}: {}",
                answer.text
            );
        }
        assert_eq!(count(&app.events(member).await, event), 1, "{step}");
        if step == "email" {
            let token = app.tokens(member).await.remove(0);
            let path = format!("/email-confirmations/{token}");
            let answers = join_all((0..4).map(|_| client.post(&path, json!({})))).await;
            assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
            assert_eq!(count(&app.events(member).await, "EmailLinkFollowed"), 1);
        }
    }
    let answers = join_all((0..4).map(|_| client.delete("/sessions/current"))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::NO_CONTENT)
    );
    assert_eq!(count(&app.events(member).await, "LoggedOut"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_asked_for_at_once_are_one_mail() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("email_link").await;
    app.wait(60);
    let answers =
        join_all((0..10).map(|_| client.post("/onboarding/email/resend", json!({})))).await;
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == StatusCode::OK)
            .count(),
        1
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 429).count(),
        9
    );
    app.advance_client(&client, "otp").await;
    app.wait(60);
    let answers =
        join_all((0..10).map(|_| client.post("/sessions/current/otp/resend", json!({})))).await;
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == StatusCode::OK)
            .count(),
        1
    );
    assert_eq!(app.payloads(member, "OtpReissued").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_addresses_entered_at_once_leave_one_that_counts() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("email").await;
    let enter = |address: &'static str| client.post("/onboarding/email", json!({"email": address}));
    let (one, two) = tokio::join!(enter("one@example.jp"), enter("two@example.jp"));
    for answer in [one, two] {
        answer.expect(StatusCode::OK);
    }
    let tokens = app.tokens(member).await;
    let mut states: Vec<Value> = Vec::new();
    for token in &tokens {
        states.push(
            client
                .get(&format!("/email-confirmations/{token}"))
                .await
                .body["state"]
                .clone(),
        );
    }
    states.sort_by_key(ToString::to_string);
    assert_eq!(states, [json!("open"), Value::Null]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_followed_and_disowned_at_once_ends_in_one_of_both() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("email_link").await;
    let path = format!(
        "/email-confirmations/{}",
        app.tokens(member).await.remove(0)
    );
    let (followed, disowned) = tokio::join!(
        client.post(&path, json!({})),
        client.post(&path, json!({"disown": true}))
    );
    disowned.expect(StatusCode::OK);
    assert!(
        [StatusCode::OK, StatusCode::GONE].contains(&followed.status),
        "{}",
        followed.text
    );
    assert_eq!(client.due().await, "email");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_do_not_wait_for_one_another() {
    let app = App::start().await;
    let ids: Vec<String> = (0..8).map(|number| format!("member{number:02}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let mut profile = profile(id);
        profile.number = format!("{:05}", 20_000 + number);
        app.enrol(profile, "joined-to-2024-12-01").await;
    }
    let clients: Vec<_> = ids.iter().map(|_| app.client()).collect();
    let answers = join_all(
        clients
            .iter()
            .zip(&ids)
            .enumerate()
            .map(|(number, (client, id))| {
                let password = format!("1{:05}19800101", 20_000 + number);
                async move { client.sign_in(id, &password).await }
            }),
    )
    .await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::CREATED)
    );
}

/// A command that has its turn on a member's stream, and keeps it until it is notified.
async fn hold_turn(app: &App, member: MemberId) -> (Arc<Notify>, JoinHandle<()>) {
    let (taken, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let commands = app.society.commands.clone();
    let attribution = app.society.attribution("Test", "test");
    let signs = (taken.clone(), release.clone());
    let holding = tokio::spawn(async move {
        let run =
            commands.run::<Onboarding, (), _, _>(member.to_string(), attribution, move |_| {
                let (taken, release) = signs.clone();
                async move {
                    taken.notify_one();
                    release.notified().await;
                    // Facts that cannot be settled are looked at twice: the second time, nothing is waited for.
                    release.notify_one();
                    Err(())
                }
            });
        assert!(run.await.is_err(), "it decides nothing");
    });
    taken.notified().await;
    (release, holding)
}

#[tokio::test]
async fn a_step_whose_turn_does_not_come_for_two_seconds_is_told_when_to_try_again() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let before = app.events(member).await;
    let (release, holding) = hold_turn(&app, member).await;
    let body = json!({"birth_date": "1980-01-01"});
    let answer = client.post("/onboarding/birth-date", body.clone()).await;
    assert_eq!(answer.headers["retry-after"], "2");
    let problem = answer.problem(503, "busy");
    assert_eq!(problem["retry_after"], 2);
    assert_eq!(app.events(member).await, before);
    release.notify_one();
    holding.await.unwrap();
    let status = client.step("birth-date", body).await;
    assert_eq!(status["step"]["name"], "email");
}
