//! `kadode rebuild` and `kadode check` beside a `kadode serve` that members use.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::house_with_member;
use crate::import::house::{Done, House};
use crate::support::app::{
    Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, eventually, mails_in, token_in,
};
use crate::support::program::Program;

/// Runs a subcommand that has to go well, while others go on.
async fn goes_well(house: &House, arguments: &[&str]) {
    let mut command = house.command(arguments);
    let run = tokio::task::spawn_blocking(move || Done::of(&mut command));
    let done = run.await.unwrap();
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
}

/// What a member sees, but for the moments that move with each look.
async fn standing(client: &Client) -> Value {
    let mut status = client.get("/onboarding").await.expect(StatusCode::OK).body;
    status["session"].take();
    status
}

#[tokio::test]
async fn read_models_are_rebuilt_and_checked_while_a_member_goes_on() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let client = program.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let mails = house.path("mails");
    let link = async || {
        let mail = || std::future::ready(mails_in(&mails).iter().find_map(|mail| token_in(mail)));
        let token = eventually("a link", mail).await;
        let path = format!("/email-confirmations/{token}");
        client.post(&path, json!({})).await.expect(StatusCode::OK);
    };
    let steps = async {
        client
            .step("birth-date", json!({"birth_date": "1980-01-01"}))
            .await;
        client
            .step("email", json!({"email": "hanako@example.jp"}))
            .await;
        link().await;
        client.step("email/update", json!({})).await;
        client.step("otp-method", json!({"method": "email"})).await;
        client
            .step("password", json!({"new_password": NEW_PASSWORD}))
            .await;
    };
    let looks = async {
        for arguments in [&["rebuild"][..], &["check"], &["rebuild", "member_status"]] {
            goes_well(&house, arguments).await;
        }
    };
    futures::join!(steps, looks);

    let before = standing(&client).await;
    assert_eq!(before["step"]["name"], "log_out");
    goes_well(&house, &["rebuild"]).await;
    assert_eq!(standing(&client).await, before);
    goes_well(&house, &["check"]).await;
}
