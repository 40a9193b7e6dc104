//! Every button of the journey pressed twice at the same moment, as a double click does: both answers lead on to a page, and the history is one.

use jiff::SignedDuration;

use crate::support::app::{
    App, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, policy_with, profile,
};
use crate::support::browser::Browser;

/// What a journey stores once each, in this order; sessions come and go beside it.
const STORY: [&str; 10] = [
    "BirthDateConfirmed",
    "TermsAccepted",
    "EmailRegistered",
    "EmailLinkFollowed",
    "EmailVerified",
    "OtpMethodChosen",
    "PasswordChanged",
    "FirstLoginCompleted",
    "OtpLoginSucceeded",
    "OnboardingCompleted",
];

/// Sends a form twice, the second time before the first is answered: with the same cookies and the same token. Fails unless both answers
/// lead to the page at one of `next` in the end, whose cookies are those of both.
async fn pressed(browser: &Browser, path: &str, fields: &[(&str, &str)], next: &[&str]) {
    let (first, second) = tokio::join!(browser.post(path, fields), browser.post(path, fields));
    for answer in [first, second] {
        let location = answer.is(303).headers["location"].to_str().unwrap();
        let (at, page) = browser.open(location).await;
        page.is(200);
        let at = at.split('?').next().unwrap();
        assert!(next.contains(&at), "{path} leads to {at}");
    }
}

/// With step 4.
async fn app_with_terms() -> App {
    let terms =
        "[terms]\nversion = \"1\"\ntext = { ja = \"注意\", en = \"Notes\" }\n\n[roster_headers]";
    let setup = Setup {
        policy: policy_with(&[("[roster_headers]", terms)]),
        ..Setup::default()
    };
    App::start_as(setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_of_double_clicks_shows_no_error_and_leaves_the_history_of_one() {
    let app = app_with_terms().await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let browser = Browser::at_the_door(&app).await;
    // Where the cookie of the first of two sign-ins comes last, its session is over already: the door says so.
    let sign_in = |password| [("user_id", USER_ID), ("password", password)];
    pressed(
        &browser,
        "/sign-in",
        &sign_in(INITIAL_PASSWORD),
        &["/birth-date", "/sign-in"],
    )
    .await;
    let browser = Browser::at(&app, "/birth-date").await;
    let date = [("birth_date", "1980-01-01")];
    pressed(&browser, "/birth-date", &date, &["/terms"]).await;
    pressed(&browser, "/terms", &[("version", "1")], &["/email"]).await;
    let address = [("email", "hanako@example.jp")];
    pressed(&browser, "/email", &address, &["/email-link"]).await;
    app.clock.advance(SignedDuration::from_secs(60));
    pressed(&browser, "/email-link/resend", &[], &["/email-link"]).await;
    let link = format!("/email/{}", app.link_token().await);
    let phone = Browser::new(&app);
    phone.get(&link).await.is(200);
    pressed(&phone, &link, &[], &[&link]).await;
    pressed(&browser, "/email-link", &[], &["/otp-method"]).await;
    let method = [("method", "email")];
    pressed(&browser, "/otp-method", &method, &["/password"]).await;
    let key = browser.get("/password").await.field("idempotency_key");
    let key = key.unwrap();
    let password = [("new_password", NEW_PASSWORD), ("idempotency_key", &key)];
    pressed(
        &browser,
        "/password",
        &password,
        &["/first-login-completed"],
    )
    .await;
    pressed(&browser, "/log-out", &[], &["/sign-in"]).await;
    pressed(
        &browser,
        "/sign-in",
        &sign_in(NEW_PASSWORD),
        &["/otp", "/sign-in"],
    )
    .await;
    let browser = Browser::at(&app, "/otp").await;
    app.clock.advance(SignedDuration::from_secs(60));
    pressed(&browser, "/otp/resend", &[], &["/otp"]).await;
    let code = app.present_code(member).await;
    pressed(&browser, "/otp", &[("code", &code)], &["/completed"]).await;
    pressed(&browser, "/log-out", &[], &["/sign-in"]).await;
    let mut events = app.events(member).await;
    events.retain(|event| STORY.contains(&event.as_str()));
    assert_eq!(events, STORY);
    for mail in ["EmailLinkReissued", "OtpReissued"] {
        assert_eq!(app.payloads(member, mail).await.len(), 1, "{mail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_given_back_by_a_double_click_is_given_back_once() {
    let (app, member) = App::with_member().await;
    Browser::at(&app, "/email-link").await;
    let link = format!("/email/{}", app.link_token().await);
    let phone = Browser::new(&app);
    let disown = format!("{link}/disown");
    phone.get(&disown).await.is(200);
    let (first, second) = tokio::join!(phone.post(&disown, &[]), phone.post(&disown, &[]));
    first.leads_to(&link);
    second.leads_to(&link);
    phone
        .get(&link)
        .await
        .says("お知らせくださり、ありがとうございました");
    assert_eq!(app.payloads(member, "EmailDisowned").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_who_has_arrived_changes_by_a_double_click_is_changed_once() {
    const LATER: &str = "tsukimi-minato-kaede";
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/completed").await;
    browser.get("/email-change").await.is(200);
    let address = [("email", "hanako2@example.jp"), ("password", NEW_PASSWORD)];
    pressed(&browser, "/email-change", &address, &["/email-change"]).await;
    let key = browser
        .get("/password-change")
        .await
        .field("idempotency_key");
    let key = key.unwrap();
    let fields = [
        ("password", NEW_PASSWORD),
        ("new_password", LATER),
        ("idempotency_key", &key),
    ];
    pressed(&browser, "/password-change", &fields, &["/completed"]).await;
    for event in ["EmailChangeRequested", "PasswordReplaced"] {
        assert_eq!(app.payloads(member, event).await.len(), 1, "{event}");
    }
}
