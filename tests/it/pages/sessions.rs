//! Without a session, with one that has ended, and with a secret that was exchanged.

use jiff::SignedDuration;

use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};
use crate::support::browser::Browser;

const MEMBERS_ONLY: [&str; 12] = [
    "/",
    "/birth-date",
    "/terms",
    "/email",
    "/email-link",
    "/otp-method",
    "/password",
    "/first-login-completed",
    "/log-out",
    "/otp",
    "/completed",
    "/history",
];

#[tokio::test]
async fn without_a_session_every_page_leads_to_the_door() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    for path in MEMBERS_ONLY {
        browser.get(path).await.leads_to("/sign-in");
    }
}

#[tokio::test]
async fn without_a_session_every_form_leads_to_the_door() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    for path in [
        "/birth-date",
        "/terms",
        "/email",
        "/email-link",
        "/email-link/resend",
        "/otp-method",
        "/password",
        "/otp",
        "/otp/resend",
    ] {
        browser.post(path, &[]).await.leads_to("/sign-in");
    }
    browser
        .post("/log-out", &[])
        .await
        .leads_to("/sign-in?note=logged-out");
    assert_eq!(app.events(member).await, ["MemberEnrolled"]);
}

#[tokio::test]
async fn a_session_that_rested_too_long_is_told_at_the_door() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    app.clock.advance(SignedDuration::from_mins(20));
    let door = "/sign-in?note=session-ended";
    for path in MEMBERS_ONLY {
        browser.get(path).await.leads_to(door);
    }
    let fields = [("email", "hanako@example.jp")];
    browser.post("/email", &fields).await.leads_to(door);
    let page = browser.get(door).await;
    page.is(200).says("この画面ではログアウトしました");
    browser.sign_in(INITIAL_PASSWORD).await.leads_to("/email");
}

#[tokio::test]
async fn opening_a_page_moves_the_end_that_it_shows() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    browser.get("/email").await.says("data-seconds=\"1200\"");
    app.clock.advance(SignedDuration::from_mins(15));
    browser.get("/email").await.says("data-seconds=\"1200\"");
    app.clock.advance(SignedDuration::from_mins(15));
    browser.get("/email").await.says("data-seconds=\"1200\"");
}

#[tokio::test]
async fn a_sign_in_elsewhere_ends_the_session_here() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    Browser::at(&app, "/email").await;
    let door = "/sign-in?note=session-ended";
    browser.get("/email").await.leads_to(door);
}

#[tokio::test]
async fn a_sign_in_that_another_one_overtook_is_told_at_the_door() {
    let (app, _) = App::with_member().await;
    let door = "/sign-in?note=session-ended";
    let browser = Browser::new(&app);
    browser.get("/?note=session-ended").await.leads_to(door);
    let page = browser.get(door).await;
    page.says("ほかの画面でログインしたため");
}

#[tokio::test]
async fn a_new_password_that_is_mistyped_is_asked_for_again_not_the_one_on_the_paper() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/first-login-completed").await;
    browser.post("/log-out", &[]).await;
    let door = browser.get("/sign-in?note=logged-out-to-try").await;
    let again = door.field("again").unwrap();
    let fields = [
        ("user_id", USER_ID),
        ("password", "mistyped"),
        ("again", &again),
    ];
    let page = browser.post("/sign-in", &fields).await;
    page.is(401)
        .says("ログインできませんでした")
        .says("新しく決めたパスワードで")
        .is_silent_on("はじめに");
}

#[tokio::test]
async fn whoever_is_signed_in_is_led_from_the_door_to_the_step_that_is_due() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    browser.get("/sign-in").await.leads_to("/email");
    browser.walk_to(&app, "/otp").await;
    browser.get("/sign-in").await.is(200);
}

#[tokio::test]
async fn an_exchanged_secret_leads_to_where_the_new_one_counts_and_grants_nothing() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    let old = browser.twin();
    browser
        .post("/password", &[("new_password", NEW_PASSWORD)])
        .await
        .leads_to("/first-login-completed");
    old.get("/log-out").await.leads_to("/");
    old.get("/history").await.leads_to("/");
    old.get("/").await.leads_to("/sign-in?note=password-set");
    old.get("/sign-in").await.is(200);
    app.clock.advance(SignedDuration::from_secs(31));
    old.get("/log-out")
        .await
        .leads_to("/sign-in?note=session-ended");
    browser.get("/").await.leads_to("/first-login-completed");
}
