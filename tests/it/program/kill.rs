//! `kill -9` at any moment: what was acknowledged is there, and nothing is there twice.

use std::time::Duration;

use kadode::domain::ids::MemberId;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{house_with_member, member_of};
use crate::import::house::{Done, House};
use crate::support::app::{Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, eventually, token_in};
use crate::support::program::Program;
use crate::support::smtp::{Answer, Protection, SmtpServer};

/// What a whole first login leaves in the log, but for sign-ins that only go on, and what belongs to them.
const STORY: [&str; 11] = [
    "CredentialsAccepted",
    "BirthDateConfirmed",
    "EmailRegistered",
    "EmailLinkFollowed",
    "EmailVerified",
    "OtpMethodChosen",
    "PasswordChanged",
    "FirstLoginCompleted",
    "LoggedOut",
    "OtpLoginSucceeded",
    "OnboardingCompleted",
];

/// Far less than a lease lasts.
const SOON: Duration = Duration::from_secs(20);

/// A member whose program is killed again and again.
struct Journey {
    house: House,
    member: MemberId,
    program: Program,
    sign_ins: usize,
}

impl Journey {
    async fn begin() -> Self {
        let house = house_with_member();
        let member = member_of(&house).await;
        let program = Program::serve(&house).await;
        Self {
            house,
            member,
            program,
            sign_ins: 0,
        }
    }

    async fn after_a_kill(self) -> Self {
        self.program.kill();
        let program = Program::serve(&self.house).await;
        Self { program, ..self }
    }

    /// A device that was never here signs in, and finds this step due.
    async fn another_device(&mut self, password: &str, due: &str) -> Client {
        let client = self.program.client();
        client
            .sign_in(USER_ID, password)
            .await
            .expect(StatusCode::CREATED);
        self.sign_ins += 1;
        if password == INITIAL_PASSWORD && client.due().await == "otp" {
            // There is an address: a browser that nobody knows needs a code.
            let code = json!({"code": self.house.mailed_code(self.member).await});
            let confirmed = client.post("/sessions/current/otp", code).await;
            confirmed.expect(StatusCode::OK);
        }
        assert_eq!(client.due().await, due);
        client
    }

    /// The same device, after the program has moved to another port.
    fn same_device(&self, client: &Client) -> Client {
        Client {
            http: client.http.clone(),
            base: self.program.url.clone(),
        }
    }

    /// The member's events, each with what it says.
    async fn events(&self) -> Vec<(String, Value)> {
        let society = self.house.society().await;
        let member = self.member.to_string();
        let events = society.log.read_stream("onboarding", &member).await;
        society.close().await;
        let events = events.unwrap().into_iter();
        events
            .map(|event| (event.event_type, event.payload))
            .collect()
    }
}

#[tokio::test]
async fn a_member_whose_program_is_killed_after_every_step_comes_to_the_end_and_nothing_is_doubled()
{
    let mut journey = Journey::begin().await;
    journey.another_device(INITIAL_PASSWORD, "birth_date").await;

    let mut journey = journey.after_a_kill().await;
    let client = journey.another_device(INITIAL_PASSWORD, "birth_date").await;
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;

    let mut journey = journey.after_a_kill().await;
    let client = journey.another_device(INITIAL_PASSWORD, "email").await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;

    let mut journey = journey.after_a_kill().await;
    journey.another_device(INITIAL_PASSWORD, "email_link").await;
    let token = journey.house.mailed(token_in).await;
    let phone = journey.program.client();
    phone
        .post(&format!("/email-confirmations/{token}"), json!({}))
        .await
        .expect(StatusCode::OK);

    let mut journey = journey.after_a_kill().await;
    let client = journey
        .another_device(INITIAL_PASSWORD, "email_update")
        .await;
    client.step("email/update", json!({})).await;

    let mut journey = journey.after_a_kill().await;
    let client = journey.another_device(INITIAL_PASSWORD, "otp_method").await;
    client.step("otp-method", json!({"method": "email"})).await;

    let mut journey = journey.after_a_kill().await;
    let client = journey.another_device(INITIAL_PASSWORD, "password").await;
    client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;

    // Signing in elsewhere would log out by itself, so this time the same device goes on.
    let journey = journey.after_a_kill().await;
    let client = journey.same_device(&client);
    assert_eq!(client.due().await, "log_out");
    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);

    let mut journey = journey.after_a_kill().await;
    journey.another_device(NEW_PASSWORD, "otp").await;

    let mut journey = journey.after_a_kill().await;
    let client = journey.another_device(NEW_PASSWORD, "otp").await;
    let code = journey.house.mailed_code(journey.member).await;
    client
        .post("/sessions/current/otp", json!({"code": code}))
        .await
        .expect(StatusCode::OK);

    let journey = journey.after_a_kill().await;
    let client = journey.same_device(&client);
    client.get("/session").await.expect(StatusCode::NO_CONTENT);
    let status = client.get("/onboarding").await.expect(StatusCode::OK).body;
    assert_eq!(status["step"]["name"], "completed");
    assert!(status["completed_at"].is_string());

    let events = journey.events().await;
    let sign_ins = events.iter().filter(|(name, _)| name == STORY[0]).count();
    assert_eq!(sign_ins, journey.sign_ins);
    let mut signed_in = false;
    let story: Vec<_> = events
        .iter()
        .filter(|(name, said)| match name.as_str() {
            "CredentialsAccepted" => !std::mem::replace(&mut signed_in, true),
            "LoggedOut" => said["why"] == "member",
            "MemberEnrolled" | "OtpIssued" | "SignInConfirmed" => false,
            _ => true,
        })
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(story, STORY, "{events:?}");

    let (status, _) = journey.program.stop().await;
    assert!(status.success());
    let check = Done::of(&mut journey.house.command(&["check"]));
    assert_eq!(check.code, 0, "{} {}", check.stdout, check.stderr);
    let found = check.report();
    assert_eq!(
        [&found["not_projected"], &found["mails_waiting"]],
        [&json!(0), &json!(0)]
    );
}

#[tokio::test]
async fn a_mail_that_a_killed_program_had_in_hand_arrives_soon_after_the_restart() {
    let server = SmtpServer::start(Protection::StartTls).await;
    server.answer(Answer::Hang);
    let url = format!("smtp://127.0.0.1:{}", server.port());
    let authority = server.authority().display().to_string();
    let mail = ["--mail", &url, "--mail-ca", &authority];
    let house = house_with_member();
    let program = Program::serve_with(&house, &mail, &[]).await;
    let client = program.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    server.wait_until_asked(1).await;
    program.kill();

    let program = Program::serve_with(&house, &mail, &[]).await;
    let again = timeout(SOON, server.wait_until_asked(2)).await;
    assert!(again.is_ok(), "it waits until the lease runs out");
    server.answer(Answer::Accept);
    let nothing_waits = async || {
        let ready = reqwest::get(format!("{}/readyz", program.url)).await;
        let ready: Value = ready.unwrap().json().await.unwrap();
        (ready["mails_waiting"] == 0).then_some(())
    };
    eventually("the end of the mail", nothing_waits).await;
    // The first try was cut before the mail's text.
    assert_eq!(server.received().len(), 1);
}
