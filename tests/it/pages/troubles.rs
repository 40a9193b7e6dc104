//! What was wrong with a form stands on the same page, with what was typed, and with the status of the case.

use jiff::SignedDuration;

use crate::support::app::{
    App, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, policy_with, profile,
};
use crate::support::browser::Browser;

#[tokio::test]
async fn a_wrong_password_keeps_the_user_id_and_never_the_password() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    let page = browser.sign_in("wrong-password").await;
    page.is(401)
        .says("ログインできませんでした")
        .says(USER_ID)
        .is_silent_on("wrong-password");
    let fields = [("user_id", "nobody"), ("password", "wrong-password")];
    let stranger = browser.post("/sign-in", &fields).await;
    assert_eq!(
        page.html.replace(USER_ID, "nobody"),
        stranger.html,
        "an unknown ID cannot be told from a wrong password"
    );
}

#[tokio::test]
async fn an_empty_field_is_named() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    let page = browser.post("/sign-in", &[("user_id", " ")]).await;
    page.is(422)
        .says("user_id-trouble")
        .says("ユーザIDを入力してください。");
}

#[tokio::test]
async fn too_many_failures_make_a_wait_that_the_page_tells() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    for _ in 0..5 {
        browser.sign_in("wrong-password").await.is(401);
    }
    let page = browser.sign_in(INITIAL_PASSWORD).await;
    page.is(429).says("間違いが続いたため");
    assert_eq!(page.headers["retry-after"], "30");
    app.clock.advance(SignedDuration::from_secs(30));
    browser
        .sign_in(INITIAL_PASSWORD)
        .await
        .leads_to("/birth-date");
}

#[tokio::test]
async fn too_many_failures_in_a_members_own_browser_say_to_call_and_not_to_wait() {
    let setup = Setup {
        policy: policy_with(&[("failures_per_browser = 50", "failures_per_browser = 10")]),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let browser = Browser::at(&app, "/email").await;
    browser.lose("kadode");
    browser.get("/sign-in").await.is(200);
    for _ in 0..10 {
        browser.sign_in("wrong-password").await.is(401);
        app.clock.advance(SignedDuration::from_hours(1));
    }
    let page = browser.sign_in(INITIAL_PASSWORD).await;
    page.is(429)
        .says("下の連絡先にお電話ください")
        .is_silent_on("もう一度お試しください");
    assert_eq!(page.headers["retry-after"], "3600", "for programs");
    // In another browser, the member's own failures do not count.
    let other = Browser::at_the_door(&app).await;
    other.sign_in(INITIAL_PASSWORD).await.leads_to("/email");
}

#[tokio::test]
async fn a_wrong_birth_date_stays_in_its_field() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/birth-date").await;
    let page = browser
        .post("/birth-date", &[("birth_date", "1980/1/2")])
        .await;
    page.is(422)
        .says("登録されている生年月日と違います")
        .says("あと4回")
        .says("value=\"1980/1/2\"");
    let page = browser
        .post("/birth-date", &[("birth_date", "<b>1980")])
        .await;
    page.is(422)
        .says("日付として読み取れませんでした")
        .is_silent_on("<b>1980");
}

#[tokio::test]
async fn something_that_is_no_address_stays_in_its_field() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    let page = browser
        .post("/email", &[("email", "hanako.example.jp")])
        .await;
    page.is(422)
        .says("email-trouble")
        .says("value=\"hanako.example.jp\"");
}

#[tokio::test]
async fn the_same_address_once_more_says_that_it_is_registered_and_how_to_have_another_mail() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let again = "/email-link?note=same-address";
    let fields = [("email", "hanako@example.jp")];
    app.clock.advance(SignedDuration::from_secs(10));
    browser.post("/email", &fields).await.leads_to(again);
    let page = browser.get(again).await;
    page.is(200)
        .says("同じアドレスが登録されています")
        .is_silent_on("確認のメールを送信しました");
    assert_eq!(app.payloads(member, "EmailRegistered").await.len(), 1);
    // Later on there is no mail to wait for.
    browser.walk_to(&app, "/otp-method").await;
    browser
        .post("/email", &fields)
        .await
        .leads_to("/otp-method");
}

#[tokio::test]
async fn a_mail_asked_for_again_too_soon_tells_from_when() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    app.clock.advance(SignedDuration::from_secs(20));
    let page = browser.post("/email-link/resend", &[]).await;
    page.is(429).says("少し前にお送りした").says("9時01分");
    assert_eq!(page.headers["retry-after"], "40");
    app.clock.advance(SignedDuration::from_secs(40));
    browser
        .post("/email-link/resend", &[])
        .await
        .leads_to("/email-link?note=link-sent-again");
    let page = browser.get("/email-link?note=link-sent-again").await;
    page.is(200).says("もう一度送信しました");
}

#[tokio::test]
async fn a_spent_budget_of_mails_tells_from_when() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    for _ in 0..4 {
        app.clock.advance(SignedDuration::from_secs(60));
        browser.post("/email-link/resend", &[]).await.is(303);
    }
    app.clock.advance(SignedDuration::from_secs(60));
    let page = browser.post("/email-link/resend", &[]).await;
    page.is(429).says("お送りできる回数に達しました");
}

#[tokio::test]
async fn after_the_last_code_that_a_sign_in_mails_the_page_leads_to_the_next_sign_in() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    for _ in 0..4 {
        app.clock.advance(SignedDuration::from_secs(60));
        browser.post("/otp/resend", &[]).await.is(303);
    }
    app.clock.advance(SignedDuration::from_secs(60));
    let page = browser.post("/otp/resend", &[]).await;
    page.is(429)
        .says("もう一度ログインすると、新しい数字をお送りします")
        .says("href=\"/sign-in\"")
        .is_silent_on("また送れます");
    let door = browser.get("/sign-in").await;
    door.is(200).says("新しく決めたパスワードで");
    browser.sign_in(NEW_PASSWORD).await.leads_to("/otp");
    browser.get("/otp").await.is(200);
}

#[tokio::test]
async fn pressing_update_before_the_link_was_followed_says_so() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let path = "/email-link?note=link-not-followed-yet";
    browser.post("/email-link", &[]).await.leads_to(path);
    browser.get(path).await.is(200).says("まだ開かれていません");
}

#[tokio::test]
async fn a_method_that_is_not_chosen_is_asked_for() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp-method").await;
    let page = browser.post("/otp-method", &[]).await;
    page.is(422).says("method-trouble");
}

#[tokio::test]
async fn a_refused_password_is_not_repeated_and_the_reason_is() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    for (typed, why) in [
        ("", "パスワードを入力してください。"),
        ("ringo-mikan-um", "15文字以上"),
        ("Password-2026-04-01", "よく使われるパスワード"),
        ("123456789012345", "数字や記号を除くと"),
        ("Kenpo-Portal-2026-kenpo", "健康保険組合の名前"),
        ("hanako01-hanako01", "お名前"),
    ] {
        let page = browser.post("/password", &[("new_password", typed)]).await;
        page.is(422).says("new_password-trouble").says(why);
        assert!(typed.is_empty() || !page.html.contains(typed), "{typed}");
    }
}

#[tokio::test]
async fn a_wrong_code_tells_how_many_tries_are_left() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    let wrong = wrong_code(&app.code().await);
    let page = browser.post("/otp", &[("code", &wrong)]).await;
    page.is(422).says("あと4回").is_silent_on(&wrong);
    let page = browser.post("/otp", &[("code", "12345")]).await;
    page.is(422).says("code-trouble").says("あと4回");
}

#[tokio::test]
async fn five_wrong_codes_lead_back_to_the_door() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    let wrong = wrong_code(&app.code().await);
    for _ in 0..4 {
        browser.post("/otp", &[("code", &wrong)]).await.is(422);
    }
    let door = "/sign-in?note=code-dead";
    browser
        .post("/otp", &[("code", &wrong)])
        .await
        .leads_to(door);
    browser
        .get(door)
        .await
        .is(200)
        .says("新しい数字をメールでお送りします");
    browser
        .post("/otp", &[("code", &wrong)])
        .await
        .leads_to(door);
    browser.post("/otp/resend", &[]).await.leads_to(door);
    browser.get("/otp").await.leads_to(door);
    browser.get("/").await.leads_to(door);
    app.clock.advance(SignedDuration::from_secs(60));
    browser.sign_in(NEW_PASSWORD).await.leads_to("/otp");
    browser.get("/otp").await.is(200);
}

#[tokio::test]
async fn an_expired_code_says_to_ask_for_another() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    let code = app.code().await;
    app.clock.advance(SignedDuration::from_mins(10));
    let page = browser.post("/otp", &[("code", &code)]).await;
    page.is(410).says("使える時間を過ぎました");
    let again = "/otp?note=code-sent-again";
    browser.post("/otp/resend", &[]).await.leads_to(again);
    browser
        .get(again)
        .await
        .is(200)
        .says("もう一度送信しました");
}

#[tokio::test]
async fn the_code_of_an_earlier_sign_in_is_told_from_the_newest() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    let code = app.code().await;
    browser
        .post("/otp", &[("code", &code)])
        .await
        .leads_to("/completed");
    browser
        .post("/log-out", &[])
        .await
        .leads_to("/sign-in?note=logged-out");
    app.clock.advance(SignedDuration::from_secs(60));
    browser.sign_in(NEW_PASSWORD).await.leads_to("/otp");
    let page = browser.post("/otp", &[("code", &code)]).await;
    page.is(410)
        .says("いちばん新しいメールの数字")
        .says("あと5回");
}

#[tokio::test]
async fn a_mail_that_could_not_be_delivered_is_told_on_the_page_that_waits_for_it() {
    use kadode::domain::delivery::{Conclude, Delivery, MailFacts, MailKind, Outcome};
    use kadode::domain::ids::MailId;

    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    app.link_token().await;
    browser
        .get("/email-link")
        .await
        .is_silent_on("お届けできませんでした");
    let contact = app
        .api
        .statuses
        .of(member)
        .await
        .unwrap()
        .and_then(|status| Some(status.state.contact?.id));
    let mail = MailFacts {
        mail: MailId(app.society.entropy.id()),
        kind: MailKind::EmailLink,
        member,
        contact,
    };
    let conclude = Conclude {
        mail: mail.clone(),
        outcome: Outcome::Failed {
            smtp_code: Some(550),
            domain_class: "other".to_owned(),
        },
    };
    let attribution = app.society.attribution("Test", "test");
    let stored = app
        .society
        .commands
        .run::<Delivery, std::convert::Infallible, _, _>(
            mail.mail.to_string(),
            attribution,
            move |_| std::future::ready(Ok(conclude.clone())),
        )
        .await
        .unwrap();
    let patience = std::time::Duration::from_secs(20);
    assert!(
        app.api
            .statuses
            .progress()
            .reached(stored.mark, patience)
            .await
    );
    browser
        .get("/email-link")
        .await
        .says("お届けできませんでした");
    app.clock.advance(SignedDuration::from_secs(60));
    browser.post("/email-link/resend", &[]).await.is(303);
    browser
        .get("/email-link")
        .await
        .is_silent_on("お届けできませんでした");
}

/// Six digits that are not these.
fn wrong_code(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}
