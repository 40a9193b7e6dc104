//! The mailed link in another browser: looking changes nothing, and everything it can come to is told.

use jiff::SignedDuration;
use reqwest::Method;

use crate::support::app::{App, INITIAL_PASSWORD};
use crate::support::browser::Browser;

async fn waiting() -> (App, kadode::domain::ids::MemberId, Browser, String) {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let link = format!("/email/{}", app.link_token().await);
    (app, member, browser, link)
}

#[tokio::test]
async fn looking_at_a_link_any_number_of_times_changes_nothing() {
    let (app, member, browser, link) = waiting().await;
    let before = app.events(member).await;
    let scanner = Browser::new(&app);
    for method in [Method::GET, Method::HEAD] {
        for path in [link.clone(), format!("{link}/disown")] {
            for _ in 0..5 {
                let request = scanner.request(method.clone(), &path);
                scanner.send(request).await.is(200);
            }
        }
    }
    assert_eq!(app.events(member).await, before);
    browser
        .post("/email-link", &[])
        .await
        .leads_to("/email-link?note=link-not-followed-yet");
}

#[tokio::test]
async fn the_members_own_page_counts_after_the_link_was_opened_in_the_same_browser() {
    let (_app, _, browser, link) = waiting().await;
    let token = browser.token();
    browser.get(&link).await.is(200);
    browser.post(&link, &[]).await.leads_to(&link);
    assert_eq!(browser.token(), token);
    browser
        .post("/email-link", &[])
        .await
        .leads_to("/otp-method");
    browser.get(&link).await.is(200).says("登録は済んでいます");
}

#[tokio::test]
async fn an_address_given_back_leads_the_member_to_enter_another() {
    let (app, _, browser, link) = waiting().await;
    let stranger = Browser::new(&app);
    let page = stranger.get(&format!("{link}/disown")).await;
    page.is(200)
        .says("心当たりがない方へ")
        .is_silent_on("h***@");
    stranger
        .post(&format!("{link}/disown"), &[])
        .await
        .leads_to(&link);
    let page = stranger.get(&link).await;
    page.is(410).says("このアドレスの登録は取り消されました");

    browser
        .post("/email-link", &[])
        .await
        .leads_to("/email?note=out-of-order");
    let page = browser.get("/email").await;
    page.is(200).says("心当たりがない");
    browser
        .post("/email", &[("email", "hanako2@example.jp")])
        .await
        .leads_to("/email-link?note=link-sent");
}

#[tokio::test]
async fn a_verified_address_cannot_be_given_back() {
    let (app, member, browser, link) = waiting().await;
    browser.walk_to(&app, "/otp-method").await;
    let stranger = Browser::at_the_door(&app).await;
    let page = stranger.get(&format!("{link}/disown")).await;
    page.is(200).says("登録は済んでいます");
    let page = stranger.post(&format!("{link}/disown"), &[]).await;
    page.is(409)
        .says("登録は済んでいます")
        .says("下の連絡先にお知らせください");
    let events = app.events(member).await;
    assert!(!events.contains(&"EmailDisowned".to_owned()));
}

#[tokio::test]
async fn an_expired_link_says_to_ask_for_another() {
    let (app, _, _, link) = waiting().await;
    let phone = Browser::at_the_door(&app).await;
    app.clock.advance(SignedDuration::from_mins(60));
    phone
        .get(&link)
        .await
        .is(410)
        .says("使える時間を過ぎました");
    phone.post(&link, &[]).await.is(410);
    let page = phone.post(&format!("{link}/disown"), &[]).await;
    page.is(410).says("下の連絡先にお知らせください");
}

#[tokio::test]
async fn the_waiting_page_says_that_its_link_has_expired() {
    let (app, _, browser, _) = waiting().await;
    browser.get("/email-link").await.says("まで使えます");
    app.clock.advance(SignedDuration::from_mins(60));
    browser
        .sign_in(INITIAL_PASSWORD)
        .await
        .leads_to("/email-link");
    let page = browser.get("/email-link").await;
    page.is(200)
        .says("リンクの時間が過ぎました")
        .is_silent_on("まで使えます");
}

#[tokio::test]
async fn a_link_to_a_replaced_address_says_so() {
    let (app, _, browser, link) = waiting().await;
    browser
        .post("/email", &[("email", "taro@example.jp")])
        .await
        .is(303);
    let phone = Browser::at_the_door(&app).await;
    phone.get(&link).await.is(410).says("別のメールアドレス");
    phone
        .post(&link, &[])
        .await
        .is(410)
        .says("別のメールアドレス");
}

#[tokio::test]
async fn a_link_cut_in_two_says_what_to_do() {
    let (app, _, _, link) = waiting().await;
    let phone = Browser::at_the_door(&app).await;
    let cut = &link[..link.len() - 4];
    phone
        .get(cut)
        .await
        .is(404)
        .says("このリンクは正しくありません");
    phone
        .post(cut, &[])
        .await
        .is(404)
        .says("このリンクは正しくありません");
    phone.get(&format!("{cut}/disown")).await.is(404);
}

#[tokio::test]
async fn a_link_that_cannot_be_decoded_is_as_unknown_as_any() {
    let app = App::start().await;
    let phone = Browser::at_the_door(&app).await;
    for path in ["/email/%FF", "/email/%FF/disown"] {
        let unknown = path.replace("%FF", "nothing");
        for method in [Method::GET, Method::POST] {
            let ask = async |path: &str| {
                let form = [("form_token", phone.token())];
                phone
                    .send(phone.request(method.clone(), path).form(&form))
                    .await
            };
            let shown = ask(path).await;
            shown.is(404);
            assert_eq!(shown.html, ask(&unknown).await.html, "{method} {path}");
        }
    }
}
