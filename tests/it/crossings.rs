//! Two different requests of one member at the same moment: whichever comes first, the other is judged on what it left.

use kadode::domain::ids::MemberId;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};

/// So many times, since the order is drawn anew each time.
const ROUNDS: usize = 5;

async fn member_at(step: &str) -> (App, MemberId, Client) {
    let (app, member) = App::with_member().await;
    let client = app.client_at(step).await;
    (app, member, client)
}

/// Where in a history an event is for the last time.
fn last(events: &[String], name: &str) -> Option<usize> {
    events.iter().rposition(|event| event == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_only_before_another_is_sent_in_its_place() {
    for _ in 0..ROUNDS {
        let (app, member, client) = member_at("otp").await;
        // Beyond half its lifetime, a code is not sent again, but replaced.
        app.wait(6 * 60);
        let code = app.present_code(member).await;
        let (submitted, resent) = tokio::join!(
            client.post("/sessions/current/otp", json!({"code": code})),
            client.post("/sessions/current/otp/resend", json!({}))
        );
        let events = app.events(member).await;
        let (replaced, succeeded) = (
            last(&events, "OtpReissued"),
            last(&events, "OtpLoginSucceeded"),
        );
        assert!(replaced.is_none() || succeeded.is_none(), "{events:?}");
        if succeeded.is_some() {
            submitted.expect(StatusCode::OK);
        } else {
            resent.expect(StatusCode::OK);
            let fresh = app.present_code(member).await;
            let again = client.post("/sessions/current/otp", json!({"code": fresh}));
            again.await.expect(StatusCode::OK);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_paper_opens_nothing_once_the_own_password_is_set() {
    for _ in 0..ROUNDS {
        let (app, member, client) = member_at("password").await;
        let elsewhere = app.client();
        let (set, signed_in) = tokio::join!(
            client.post(
                "/onboarding/password",
                json!({"new_password": NEW_PASSWORD})
            ),
            elsewhere.sign_in(USER_ID, INITIAL_PASSWORD)
        );
        let events = app.events(member).await;
        let accepted = last(&events, "CredentialsAccepted");
        if let Some(changed) = last(&events, "PasswordChanged") {
            set.expect(StatusCode::OK);
            assert!(accepted < Some(changed), "{events:?}");
            signed_in.problem(401, "sign-in-failed");
        } else {
            signed_in.expect(StatusCode::CREATED);
            set.problem(401, "no-session");
            // A browser that nobody knows, and there is an address.
            assert_eq!(elsewhere.due().await, "otp");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_tabs_one_verifies_the_address_or_the_other_replaces_it() {
    for _ in 0..ROUNDS {
        let (app, member, client) = member_at("email_update").await;
        app.wait(60);
        let (verified, replaced) = tokio::join!(
            client.post("/onboarding/email/update", json!({})),
            client.post("/onboarding/email", json!({"email": "other@example.jp"}))
        );
        let events = app.events(member).await;
        let due = client.due().await;
        if last(&events, "EmailVerified") > last(&events, "EmailRegistered") {
            verified.expect(StatusCode::OK);
            assert_eq!(due, "otp_method");
        } else {
            replaced.expect(StatusCode::OK);
            assert_eq!(due, "email_link");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_device_does_after_another_has_signed_in_is_not_stored() {
    for _ in 0..ROUNDS {
        let (app, member, first) = member_at("birth_date").await;
        let second = app.client();
        let (confirmed, signed_in) = tokio::join!(
            first.post(
                "/onboarding/birth-date",
                json!({"birth_date": "1980-01-01"})
            ),
            second.sign_in(USER_ID, INITIAL_PASSWORD)
        );
        signed_in.expect(StatusCode::CREATED);
        let events = app.events(member).await;
        let due = second.due().await;
        if let Some(at) = last(&events, "BirthDateConfirmed") {
            // Stored before the other signed in, but its answer may come after that has ended its session.
            if confirmed.status != StatusCode::OK {
                confirmed.problem(401, "no-session");
            }
            assert!(
                Some(at) < last(&events, "CredentialsAccepted"),
                "{events:?}"
            );
            assert_eq!(due, "email");
        } else {
            confirmed.problem(401, "no-session");
            assert_eq!(due, "birth_date");
        }
    }
}
