//! Pages of steps that are not due lead to the one that is; blame is laid only where a form was sent.

use crate::support::app::{App, NEW_PASSWORD, USER_ID};
use crate::support::browser::Browser;

const PAGES: [&str; 8] = [
    "/birth-date",
    "/email",
    "/email-link",
    "/otp-method",
    "/password",
    "/first-login-completed",
    "/otp",
    "/completed",
];

#[tokio::test]
async fn a_page_that_is_not_due_leads_to_the_one_that_is() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/birth-date").await;
    for due in PAGES {
        browser.walk_to(&app, due).await;
        for page in PAGES.iter().filter(|page| **page != due) {
            let correcting = *page == "/email" && ["/email-link", "/otp-method"].contains(&due);
            let answer = browser.get(page).await;
            if correcting {
                answer.is(200).says("h***@e***.jp");
            } else {
                answer.leads_to(due);
            }
        }
        browser.get("/").await.leads_to(due);
        browser.get("/terms").await.leads_to(due);
    }
}

#[tokio::test]
async fn logging_out_history_and_help_are_always_in_reach() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/birth-date").await;
    for due in PAGES {
        browser.walk_to(&app, due).await;
        browser.get("/log-out").await.is(200);
        browser.get("/help").await.is(200);
        let history = browser.get("/history").await;
        if due == "/otp" {
            history.leads_to("/otp");
        } else {
            history.is(200).says("<time");
        }
    }
}

#[tokio::test]
async fn a_strangers_failing_sign_in_stands_in_the_members_history() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    let failed = "ログインできませんでした";
    browser.get("/history").await.is(200).is_silent_on(failed);
    let stranger = app.client().sign_in(USER_ID, "not the password").await;
    stranger.problem(401, "sign-in-failed");
    browser.get("/history").await.is(200).says(failed);
}

#[tokio::test]
async fn a_form_of_a_step_that_is_not_due_leads_to_the_one_that_is_and_says_so() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    let before = app.events(member).await;
    for (path, field) in [
        ("/email-link/resend", None),
        ("/email-link", None),
        ("/otp-method", Some(("method", "email"))),
        ("/password", Some(("new_password", NEW_PASSWORD))),
        ("/otp", Some(("code", "123456"))),
        ("/otp/resend", None),
    ] {
        let fields: Vec<_> = field.into_iter().collect();
        let answer = browser.post(path, &fields).await;
        answer.leads_to("/email?note=out-of-order");
    }
    let page = browser.get("/email?note=out-of-order").await;
    page.is(200).says("先に、この手順を行ってください。");
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn a_second_password_leads_on_and_says_that_one_is_set() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/first-login-completed").await;
    let fields = [("new_password", "another-phrase-altogether")];
    browser
        .post("/password", &fields)
        .await
        .leads_to("/first-login-completed?note=already-set");
    let page = browser.get("/first-login-completed?note=already-set").await;
    page.is(200).says("もう済んでいます");
}

#[tokio::test]
async fn the_address_can_be_corrected_until_the_method_is_chosen() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/otp-method").await;
    browser
        .post("/email", &[("email", "taro@example.com")])
        .await
        .leads_to("/email-link?note=link-sent");
    let page = browser.get("/email-link").await;
    page.is(200).says("t***@e***.com");
    browser.walk_to(&app, "/password").await;
    browser
        .post("/email", &[("email", "jiro@example.com")])
        .await
        .leads_to("/password?note=out-of-order");
    let events = app.events(member).await;
    let registered = events.iter().filter(|name| *name == "EmailRegistered");
    assert_eq!(registered.count(), 2);
}

#[tokio::test]
async fn nothing_of_the_member_is_shown_before_the_code() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    for path in ["/otp", "/log-out", "/history", "/"] {
        let (_, page) = browser.open(path).await;
        page.is(200)
            .is_silent_on("見本 花子")
            .is_silent_on(USER_ID)
            .is_silent_on("hanako")
            .is_silent_on(&member.to_string());
    }
}
