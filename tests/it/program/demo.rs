//! `kadode demo`: its page of mails is guarded like every other, and its auditor can sign in.

use reqwest::Method;

use crate::import::house::House;
use crate::staff::support::enters;
use crate::support::app::eventually;
use crate::support::browser::Browser;
use crate::support::program::Program;

#[tokio::test]
async fn the_demos_mails_are_shown_under_its_own_name_alone_and_with_the_security_headers() {
    let house = House::new();
    let program = Program::demo(&house).await;
    let client = program.client();
    let ask = |headers| client.send_raw(Method::GET, "/demo/mails", "", headers);
    let elsewhere = ask(&[("host", "attacker.example")]).await;
    assert_eq!(elsewhere.status, 421);
    assert!(!elsewhere.text.contains("お試し用のメール"));
    let page = ask(&[]).await;
    assert_eq!(page.status, 200);
    for header in [
        "content-security-policy",
        "x-content-type-options",
        "cache-control",
        "x-request-id",
    ] {
        assert!(page.headers.contains_key(header), "{header}");
    }
}

#[tokio::test]
async fn a_newcomer_signs_in_as_the_sample_auditor_with_what_the_demo_prints_and_shows() {
    let house = House::new();
    let program = Program::demo(&house).await;
    let said = eventually("the sample auditor", || {
        let said = program.said();
        let told = said
            .split_once("Sign in as staff")
            .map(|(_, rest)| rest.to_owned());
        std::future::ready(told.filter(|rest| rest.matches("otpauth://").count() == 3))
    })
    .await;
    let after = |label: &str| {
        let (_, rest) = said.split_once(label).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let (name, password) = (after("担当者名 Name"), after("パスワード Password"));
    let browser = Browser::at_url(&program.url);
    browser.get("/staff/sign-in").await.is(200);
    let page = browser.get("/demo/code").await;
    let (_, rest) = page.html.split_once("class=\"phrase\">").unwrap();
    let code = rest.split('<').next().unwrap();
    enters(&browser, &name, &password, code)
        .await
        .leads_to("/staff");
    browser.get("/audit").await.leads_to("/staff/password");
}
