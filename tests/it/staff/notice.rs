//! The whole story: whoever knows the formula sets an account up, the notice on paper reaches the member, and they get their account back.

use kadode::domain::staff::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::support::{at_work, hire};
use crate::not_me::notice_in;
use crate::notices_by_post::notices_since;
use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, eventually};
use crate::support::browser::Browser;

async fn asks(staff: &Browser, path: &str, body: &Value) -> (u16, Value) {
    let shown = staff
        .send(staff.request(Method::POST, path).json(body))
        .await;
    let body = serde_json::from_str(&shown.html).unwrap();
    (shown.status.as_u16(), body)
}

#[tokio::test]
async fn a_member_whose_account_somebody_else_set_up_stops_it_by_the_notice_and_starts_over() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤", Role::Support).await;
    let suzuki = hire(&app, "鈴木", Role::Support).await;
    let (sato, suzuki) = (at_work(&app, &sato).await, at_work(&app, &suzuki).await);
    let attacker = app.client_at("completed").await;

    // The notice by post, which goes to where the member lives.
    let notices = notices_since(&app, "2026-04-10").await;
    let path = format!("/not-me/{}", notice_in(&notices[0]["not_me_url"]).unwrap());
    let phone = Browser::new(&app);
    phone.get(&path).await.is(200);
    phone.post(&path, &[]).await.leads_to(&path);
    attacker.get("/session").await.problem(401, "no-session");
    for password in [NEW_PASSWORD, INITIAL_PASSWORD] {
        let refused = app.client().sign_in(USER_ID, password).await;
        refused.problem(401, "sign-in-failed");
    }

    // The member calls, and proves who they are.
    let desk = format!("/api/v1/support/members/{member}");
    let release = json!({"intervention": "release", "reason": "identity_proven", "ticket": "HD-1"});
    let too_early = asks(&sato, &format!("{desk}/proposals"), &release).await;
    assert_eq!(too_early.0, 409, "{}", too_early.1);
    let proven =
        json!({"intervention": "record_proofing", "reason": "in_person", "ticket": "HD-1"});
    let recorded = asks(&sato, &format!("{desk}/interventions"), &proven).await;
    assert_eq!(recorded.0, 200, "{}", recorded.1);
    let (status, proposal) = asks(&sato, &format!("{desk}/proposals"), &release).await;
    assert_eq!(status, 200, "{proposal}");
    let id = proposal["proposal"].as_str().unwrap();
    let approve = json!({"verdict": "approve", "seen": proposal["seen"]});
    let approved = asks(&suzuki, &format!("{desk}/proposals/{id}"), &approve).await;
    assert_eq!(approved.0, 200, "{}", approved.1);

    // Nothing that the attacker has opens anything; the new letter does.
    for password in [NEW_PASSWORD, INITIAL_PASSWORD] {
        let refused = app.client().sign_in(USER_ID, password).await;
        refused.problem(401, "sign-in-failed");
    }
    phone.get(&path).await.is(410);
    let own = app.client();
    let began = own.sign_in(USER_ID, &app.letter(member).await).await;
    began.expect(StatusCode::CREATED);
    app.advance_client(&own, "completed").await;
    // No formula had a part in it.
    let status = own.get("/onboarding").await;
    assert_eq!(status.body["hold_until"], Value::Null);
    // The address that the attacker had entered is told nothing of what staff did.
    let all_left = eventually("the end of all mails", || async {
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox")
            .fetch_one(&app.society.database.read)
            .await
            .unwrap();
        (waiting == 0).then(|| app.mails())
    });
    let told = all_left.await;
    let told = told
        .iter()
        .filter(|mail| mail.contains("手続きを行いました"));
    assert_eq!(told.count(), 0);
}
