//! The manual's example goes from the paper to the portal over the JSON API.

use kadode::domain::ids::MemberId;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};
use crate::support::kurrent::put_on_kurrent;
use crate::support::postgres::put_on_server;

#[tokio::test]
async fn the_manuals_example_signs_in_and_reaches_step_fifteen() {
    let (app, member) = App::with_member().await;
    reaches_step_fifteen(&app, member).await;
}

#[tokio::test]
async fn the_manuals_example_reaches_step_fifteen_where_events_are_in_kurrentdb_and_all_else_in_postgres()
 {
    let folder = tempfile::tempdir().unwrap();
    put_on_server(folder.path());
    let double = put_on_kurrent(folder.path());
    let (app, member) = App::with_member_in(folder).await;
    reaches_step_fifteen(&app, member).await;
    // The policy's, the member's, and those of two mails.
    assert!(double.events() >= 17, "{} events", double.events());
}

async fn reaches_step_fifteen(app: &App, member: MemberId) {
    let client = app.client();

    let status = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED)
        .body;
    assert_eq!(status["session"]["kind"], "onboarding");
    assert_eq!(status["step"]["number"], 3);
    let status = client
        .step("birth-date", json!({"birth_date": "昭和55年1月1日"}))
        .await;
    assert_eq!(status["step"]["name"], "email");
    let status = client
        .step("email", json!({"email": "ｈａｎａｋｏ＠example.jp"}))
        .await;
    assert_eq!(status["step"]["name"], "email_link");
    assert_eq!(
        status["email"],
        json!({"masked": "h***@e***.jp", "state": "registered"})
    );

    let token = app.link_token().await;
    let phone = app.client();
    let path = format!("/email-confirmations/{token}");
    let answer = phone.post(&path, json!({})).await.expect(StatusCode::OK);
    assert_eq!(answer.body, json!({"state": "followed"}));
    assert_eq!(answer.cookies(), Vec::<&str>::new());

    let status = client.get("/onboarding").await.body;
    assert_eq!(status["step"]["name"], "email_update");
    let status = client.step("email/update", json!({})).await;
    assert_eq!(status["email"]["state"], "verified");
    assert_eq!(status["step"]["number"], 8);
    let status = client.step("otp-method", json!({"method": "email"})).await;
    assert_eq!(status["step"]["number"], 9);
    let status = client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;
    assert_eq!(status["step"]["name"], "log_out");

    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    client.get("/onboarding").await.problem(401, "no-session");
    let status = client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED)
        .body;
    assert_eq!(status["session"]["kind"], "otp_pending");
    assert_eq!(status["step"]["number"], 14);
    assert!(
        status.get("member").is_none(),
        "nothing of the member before the code"
    );

    let code = app.code().await;
    let answer = client
        .post("/sessions/current/otp", json!({"code": code}))
        .await;
    let status = answer.expect(StatusCode::OK).body;
    assert_eq!(status["session"]["kind"], "full");
    assert_eq!(status["step"]["name"], "completed");
    assert!(status["completed_at"].is_string());

    let session = client.get("/session").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        session.headers["x-kadode-member"],
        member.to_string().as_str()
    );

    assert_eq!(
        app.events(member).await,
        [
            "MemberEnrolled",
            "CredentialsAccepted",
            "BirthDateConfirmed",
            "EmailRegistered",
            "EmailLinkFollowed",
            "EmailVerified",
            "OtpMethodChosen",
            "PasswordChanged",
            "FirstLoginCompleted",
            "LoggedOut",
            "CredentialsAccepted",
            "OtpIssued",
            "OtpLoginSucceeded",
            "OnboardingCompleted",
        ]
    );
}
