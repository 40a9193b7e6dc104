//! The list of events and its filters: whose account an event is about, what a token opens, which cohorts there are.

use kadode::domain::staff::{Command, Role, Scope};
use reqwest::Method;
use serde_json::Value;

use super::support::{Clerk, at_work, command, hire, token, views};
use crate::support::app::{App, USER_ID, profile};
use crate::support::browser::Browser;

/// An auditor at work, and a colleague of theirs whose account the operator has changed.
async fn society() -> (App, Browser, Clerk) {
    let app = App::start().await;
    let auditor = hire(&app, "auditor", Role::Auditor).await;
    let colleague = hire(&app, "田中 二郎", Role::Support).await;
    let change = Command::ChangeRole {
        role: Role::Auditor,
    };
    command(&app, colleague.id, change).await.unwrap();
    let browser = at_work(&app, &auditor).await;
    (app, browser, colleague)
}

/// What the list of events shows for this query.
async fn listed(browser: &Browser, query: &str) -> String {
    let shown = browser.get(&format!("/audit/events?{query}")).await;
    shown.is(200);
    let list = shown.html.split("<ol class=\"timeline\">").nth(1);
    list.unwrap_or("").to_owned()
}

/// What the export brings for this query.
async fn exported(browser: &Browser, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/audit/events?{query}");
    let shown = browser.send(browser.request(Method::GET, &path)).await;
    let lines = shown.is(200).html.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn what_the_operator_did_to_an_account_names_whose_it_is() {
    let (_app, browser, colleague) = society().await;
    let list = listed(&browser, "type=StaffRoleChanged").await;
    assert!(list.contains("対象の担当者: 田中 二郎"), "{list}");
    assert!(list.contains(&format!("href=\"/audit/events?about={}\"", colleague.id)));
    let lines = exported(&browser, "type=StaffRoleChanged").await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["about"], "田中 二郎");
}

#[tokio::test]
async fn what_somebody_did_with_their_own_account_names_them_once() {
    let (_app, browser, _) = society().await;
    let list = listed(&browser, "type=StaffSignedIn").await;
    assert!(list.contains("担当者: auditor"), "{list}");
    assert!(!list.contains("対象の担当者: auditor"), "{list}");
}

#[tokio::test]
async fn what_happened_to_an_account_is_found_whoever_gave_it() {
    let (app, browser, colleague) = society().await;
    at_work(&app, &colleague).await;
    let about = format!("about={}", colleague.id);
    let list = listed(&browser, &about).await;
    for name in ["StaffAdded #", "StaffRoleChanged #", "StaffSignedIn #"] {
        assert_eq!(list.matches(name).count(), 1, "{name}: {list}");
    }
    let form = browser.get(&format!("/audit/events?{about}")).await;
    form.says(&format!(
        "<option value=\"{}\" selected>田中 二郎</option>",
        colleague.id
    ));
    let lines = exported(&browser, &about).await;
    assert!(lines.len() > 3);
    let stream = format!("staff-{}", colleague.id);
    assert!(lines.iter().all(|line| line["stream"] == stream.as_str()));
    let by_the_program = exported(&browser, &format!("{about}&actor=system")).await;
    let names: Vec<_> = by_the_program.iter().map(|it| &it["type"]).collect();
    assert_eq!(names, ["StaffAdded", "StaffRoleChanged"]);
    let part = views(&app).await.pop().unwrap()["part"].clone();
    assert_eq!(part, format!("actor=system&{about}").as_str());
    browser.get("/audit/events?about=x").await.is(422);
}

#[tokio::test]
async fn a_token_tells_what_it_opens_and_until_when() {
    let (app, browser, colleague) = society().await;
    token(&app, colleague.id, Scope::AuditRead, 30)
        .await
        .unwrap();
    let list = listed(&browser, "type=AccessTokenIssued").await;
    for said in [
        "対象の担当者: 田中 二郎",
        "使える範囲: レポートと出来事を読む (audit:read)",
        "期限: 2026年5月10日 9時00分30秒",
    ] {
        assert!(list.contains(said), "{said}: {list}");
    }
    assert!(!list.contains("プログラムから"), "{list}");
}

#[tokio::test]
async fn a_cohort_of_an_earlier_policy_is_offered_and_asked_for_by_its_japanese_name() {
    let (app, browser, _) = society().await;
    let cohort = "新入社員 & 中途";
    app.enrol(profile(USER_ID), cohort).await;
    let other = kadode::vault::Profile {
        number: "22222".to_owned(),
        ..profile("taro02")
    };
    app.enrol(other, "joined-to-2024-12-01").await;
    let query = "cohort=%E6%96%B0%E5%85%A5%E7%A4%BE%E5%93%A1+%26+%E4%B8%AD%E9%80%94";
    let page = browser.get(&format!("/audit/events?{query}")).await;
    page.is(200)
        .says("<option value=\"新入社員 &#38; 中途\" selected>新入社員 &#38; 中途</option>")
        .says("<option value=\"joined-to-2024-12-01\">");
    assert_eq!(page.html.matches("MemberEnrolled #").count(), 1);
    assert_eq!(exported(&browser, query).await.len(), 1);
    let look = views(&app).await.pop().unwrap();
    assert_eq!(look["part"], "cohort=新入社員 %26 中途");
    let list = listed(&browser, "type=AuditDataViewed").await;
    assert!(list.contains("区分 新入社員 &#38; 中途</span>"), "{list}");
}

#[tokio::test]
async fn what_is_the_name_of_no_cohort_comes_into_no_event() {
    let (app, browser, _) = society().await;
    let page = browser.get("/audit/events?cohort=hanako01").await;
    page.is(422).says("条件の一部を読み取れませんでした");
    let path = "/api/v1/audit/events?cohort=hanako01";
    let shown = browser.send(browser.request(Method::GET, path)).await;
    shown.is(422).says("\"field\":\"cohort\"");
    let looks = views(&app).await;
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0]["part"], Value::Null);
}

#[tokio::test]
async fn a_look_tells_before_which_record_a_page_ended() {
    let (app, browser, _) = society().await;
    listed(&browser, "before=3").await;
    exported(&browser, "before=3").await;
    let parts: Vec<_> = views(&app)
        .await
        .iter()
        .map(|it| it["part"].clone())
        .collect();
    assert_eq!(parts, ["before=3", "before=3"]);
}

#[tokio::test]
async fn what_waits_for_approval_is_no_search_for_a_member() {
    let (app, _, _) = society().await;
    let helper = hire(&app, "鈴木", Role::Support).await;
    let helper = at_work(&app, &helper).await;
    helper.get("/approvals").await.is(200);
    let looks = views(&app).await;
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0]["view"], "approvals");
}
