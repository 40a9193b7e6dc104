//! In and out: what lets staff in, what does not, and how long it lasts.

use kadode::domain::staff::{Command, Role, Totp};
use reqwest::StatusCode;
use uuid::Uuid;

use super::support::{
    Clerk, OWN_PASSWORD, at_the_door, at_work, beginner, code, command, enters, events, hire,
};
use crate::support::app::{App, Setup, eventually};
use crate::support::browser::{Browser, Shown};

const FAILED: &str = "ログインできませんでした。";

async fn app_with_auditor() -> (App, Clerk) {
    let app = App::start().await;
    let clerk = hire(&app, "佐藤 Akiko", Role::Auditor).await;
    (app, clerk)
}

/// A failure, told alike whatever it was.
fn fails(shown: &Shown) {
    shown.is(401).says(FAILED);
    assert!(shown.cookie("kadode-staff").is_none());
}

#[tokio::test]
async fn the_printed_password_leads_to_ones_own_and_nowhere_else() {
    let (app, clerk) = app_with_auditor().await;
    let browser = beginner(&app, &clerk).await;
    browser.get("/staff").await.leads_to("/staff/password");
    browser.get("/staff/password").await.is(200);
    let first = browser.cookie_header();
    browser
        .post("/staff/password", &[("new_password", OWN_PASSWORD)])
        .await
        .leads_to("/staff");
    assert_ne!(
        browser.cookie_header(),
        first,
        "the session has a new secret"
    );
    browser
        .get("/staff")
        .await
        .is(200)
        .says("佐藤 Akiko")
        .says("監査");
    assert_eq!(
        events(&app, clerk.id).await,
        ["StaffAdded", "StaffSignedIn", "StaffPasswordChanged"]
    );
}

#[tokio::test]
async fn ones_own_password_keeps_the_rules_of_members_passwords() {
    let (app, clerk) = app_with_auditor().await;
    let browser = beginner(&app, &clerk).await;
    browser.get("/staff/password").await.is(200);
    for password in ["", "short", "password-2026-password", &clerk.printed] {
        let fields = [("new_password", password)];
        browser
            .post("/staff/password", &fields)
            .await
            .is(422)
            .says("role=\"alert\"");
    }
    assert_eq!(
        events(&app, clerk.id).await,
        ["StaffAdded", "StaffSignedIn"]
    );
}

#[tokio::test]
async fn afterwards_only_ones_own_password_counts() {
    let (app, clerk) = app_with_auditor().await;
    at_work(&app, &clerk).await;
    let browser = at_the_door(&app).await;
    let present = code(&app, clerk.id).await;
    fails(&enters(&browser, &clerk.name, &clerk.printed, &present).await);
    enters(&browser, "　佐藤 AKIKO ", OWN_PASSWORD, &present)
        .await
        .leads_to("/staff");
}

#[tokio::test]
async fn a_code_lets_in_once() {
    let (app, clerk) = app_with_auditor().await;
    let present = code(&app, clerk.id).await;
    beginner(&app, &clerk).await;
    let browser = at_the_door(&app).await;
    fails(&enters(&browser, &clerk.name, &clerk.printed, &present).await);
    app.wait(30);
    let next = code(&app, clerk.id).await;
    enters(&browser, &clerk.name, &clerk.printed, &next)
        .await
        .leads_to("/staff");
}

#[tokio::test]
async fn a_code_of_a_minute_ago_does_not_count() {
    let (app, clerk) = app_with_auditor().await;
    let old = code(&app, clerk.id).await;
    app.wait(60);
    let browser = at_the_door(&app).await;
    fails(&enters(&browser, &clerk.name, &clerk.printed, &old).await);
}

#[tokio::test]
async fn unknown_names_and_wrong_secrets_are_told_alike_and_cost_one_run_of_argon2_each() {
    let (app, clerk) = app_with_auditor().await;
    let present = code(&app, clerk.id).await;
    let mut shown = Vec::new();
    for (name, password, code) in [
        ("nobody", clerk.printed.as_str(), present.as_str()),
        (&clerk.name, "wrong", &present),
        (&clerk.name, &clerk.printed, "abcdef"),
    ] {
        let browser = at_the_door(&app).await;
        let before = app.society.vault.hasher.runs();
        let page = enters(&browser, name, password, code).await;
        fails(&page);
        assert_eq!(app.society.vault.hasher.runs(), before + 1, "{name}");
        shown.push(
            page.html
                .replace(name, "NAME")
                .replace(&browser.token(), "TOKEN"),
        );
    }
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn after_five_failures_there_is_a_wait_for_known_and_unknown_names() {
    let (app, clerk) = app_with_auditor().await;
    let present = code(&app, clerk.id).await;
    for name in [clerk.name.as_str(), "nobody"] {
        let browser = at_the_door(&app).await;
        for _ in 0..5 {
            fails(&enters(&browser, name, "wrong", &present).await);
        }
        let shown = enters(&browser, name, &clerk.printed, &present).await;
        shown.is(429).says("しばらくお待ちいただいています");
        assert_eq!(shown.headers["retry-after"], "30");
    }
}

#[tokio::test]
async fn a_session_ends_after_a_quarter_of_an_hour_without_use_and_after_eight_hours_in_any_case() {
    let (app, clerk) = app_with_auditor().await;
    let browser = at_work(&app, &clerk).await;
    for _ in 0..34 {
        app.wait(14 * 60);
        browser.get("/staff").await.is(200);
    }
    app.wait(5 * 60);
    browser
        .get("/staff")
        .await
        .leads_to("/staff/sign-in?note=session-ended");

    let present = code(&app, clerk.id).await;
    let browser = at_the_door(&app).await;
    enters(&browser, &clerk.name, OWN_PASSWORD, &present)
        .await
        .leads_to("/staff");
    app.wait(15 * 60);
    browser
        .get("/staff")
        .await
        .leads_to("/staff/sign-in?note=session-ended");
    let stream = app
        .society
        .log
        .read_stream("staff", &clerk.id.to_string())
        .await
        .unwrap();
    let ended: Vec<&str> = stream
        .iter()
        .filter_map(|event| event.payload["why"].as_str())
        .collect();
    assert_eq!(ended, ["expiry"]);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let (app, clerk) = app_with_auditor().await;
    let browser = at_work(&app, &clerk).await;
    browser.get("/staff").await.is(200);
    let thief = browser.twin();
    browser
        .post("/staff/sign-out", &[])
        .await
        .leads_to("/staff/sign-in?note=signed-out");
    thief
        .get("/staff")
        .await
        .leads_to("/staff/sign-in?note=session-ended");
    assert_eq!(
        events(&app, clerk.id).await.pop().unwrap(),
        "StaffSignedOut"
    );
}

#[tokio::test]
async fn a_second_sign_in_ends_the_first() {
    let (app, clerk) = app_with_auditor().await;
    let first = at_work(&app, &clerk).await;
    let second = at_the_door(&app).await;
    let present = code(&app, clerk.id).await;
    enters(&second, &clerk.name, OWN_PASSWORD, &present)
        .await
        .leads_to("/staff");
    first
        .get("/staff")
        .await
        .leads_to("/staff/sign-in?note=session-ended");
    second.get("/staff").await.is(200);
}

#[tokio::test]
async fn whoever_is_disabled_is_out_at_once_and_cannot_come_back() {
    let (app, clerk) = app_with_auditor().await;
    let browser = at_work(&app, &clerk).await;
    command(&app, clerk.id, Command::Disable).await.unwrap();
    browser
        .get("/staff")
        .await
        .leads_to("/staff/sign-in?note=session-ended");
    let present = code(&app, clerk.id).await;
    let browser = at_the_door(&app).await;
    fails(&enters(&browser, &clerk.name, OWN_PASSWORD, &present).await);
}

#[tokio::test]
async fn a_new_authenticator_ends_the_session_and_the_old_ones_codes() {
    let (app, clerk) = app_with_auditor().await;
    let browser = at_work(&app, &clerk).await;
    let old = code(&app, clerk.id).await;
    let totp = Totp {
        totp: kadode::domain::ids::TotpId(Uuid::from_u128(7)),
        key: app.society.vault.staff_secrets.current_key().clone(),
    };
    command(&app, clerk.id, Command::ResetTotp { totp })
        .await
        .unwrap();
    browser
        .get("/staff")
        .await
        .leads_to("/staff/sign-in?note=session-ended");
    let browser = at_the_door(&app).await;
    fails(&enters(&browser, &clerk.name, OWN_PASSWORD, &old).await);
    let new = code(&app, clerk.id).await;
    enters(&browser, &clerk.name, OWN_PASSWORD, &new)
        .await
        .leads_to("/staff");
}

#[tokio::test]
async fn a_form_without_its_token_signs_nobody_in_or_out() {
    let (app, clerk) = app_with_auditor().await;
    let browser = at_work(&app, &clerk).await;
    let forged = browser.twin();
    for path in ["/staff/sign-in", "/staff/sign-out", "/staff/password"] {
        let request = forged.request(reqwest::Method::POST, path);
        let fields = [("form_token", "forged"), ("name", clerk.name.as_str())];
        forged.send(request.form(&fields)).await.is(403);
    }
    browser.get("/staff").await.is(200);
}

#[tokio::test]
async fn the_cookie_is_for_this_host_and_for_our_own_requests_alone() {
    let (app, clerk) = app_with_auditor().await;
    let browser = at_the_door(&app).await;
    let present = code(&app, clerk.id).await;
    let shown = enters(&browser, &clerk.name, &clerk.printed, &present).await;
    let cookie = shown.cookie("kadode-staff").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let setup = Setup {
        public_url: Some("https://kenpo.example.jp"),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    let clerk = hire(&app, "auditor", Role::Auditor).await;
    let browser = Browser::new(&app);
    let on_https =
        |request: reqwest::RequestBuilder| browser.send(request.header("host", "kenpo.example.jp"));
    let door = browser.request(reqwest::Method::GET, "/staff/sign-in");
    on_https(door).await.is(200);
    let present = code(&app, clerk.id).await;
    let token = browser.token();
    let fields = [
        ("form_token", token.as_str()),
        ("name", "auditor"),
        ("password", &clerk.printed),
        ("code", &present),
    ];
    let entering = browser.request(reqwest::Method::POST, "/staff/sign-in");
    let shown = on_https(entering.form(&fields)).await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER);
    let cookie = shown.cookie("__Host-kadode-staff").unwrap();
    assert!(cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn from_where_staff_signed_in_is_sealed_beside_the_event() {
    let (app, clerk) = app_with_auditor().await;
    beginner(&app, &clerk).await;
    let stream = app
        .society
        .log
        .read_stream("staff", &clerk.id.to_string())
        .await
        .unwrap();
    let event = stream.last().unwrap();
    assert_eq!(event.metadata["actor"], "staff");
    assert_eq!(event.metadata["actor_id"], clerk.id.to_string());
    let command = event.metadata["command_id"].as_str().unwrap();
    let sealed = event.metadata["trace"].as_str().unwrap();
    let owner = kadode::vault::keys_of(clerk.id);
    let traces = &app.society.vault.traces;
    let trace = traces
        .open(owner, command.parse().unwrap(), sealed)
        .await
        .unwrap();
    assert_eq!(trace.user_agent, "Test Browser");
}

#[tokio::test]
async fn the_sweep_of_what_no_event_names_leaves_the_passwords_of_staff() {
    let (app, clerk) = app_with_auditor().await;
    at_work(&app, &clerk).await;
    let left_over = kadode::domain::ids::CredentialId(app.society.entropy.id());
    let vault = &app.society.vault;
    let slot = vault.hasher.acquire().await.unwrap();
    vault
        .credentials
        .store(
            slot,
            left_over,
            kadode::vault::keys_of(clerk.id),
            "never named",
            app.clock.now(),
        )
        .await
        .unwrap();
    app.wait(25 * 60 * 60);
    let setup = Setup {
        clock: app.clock.clone(),
        ..Setup::default()
    };
    let app = Box::pin(App::start_in(app.kill().await, setup)).await;
    eventually("the sweep", || async {
        let named = kadode::vault::Named::Credential(left_over);
        let missing = app.society.vault.sweep.missing(&[named]).await.unwrap();
        (missing == [named]).then_some(())
    })
    .await;
    let browser = at_the_door(&app).await;
    let present = code(&app, clerk.id).await;
    enters(&browser, &clerk.name, OWN_PASSWORD, &present)
        .await
        .leads_to("/staff");
}
