//! Reviewing members: found by what stands on their paper, shown masked, as of any moment; and every look is an event.

use kadode::domain::ids::MemberId;
use kadode::domain::staff::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{at_work, hire, views};
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID, eventually, profile};
use crate::support::browser::{Browser, Shown};

/// An auditor at work, beside a member who has done the steps up to the e-mail address: each a minute after the last.
async fn review() -> (App, MemberId, Browser) {
    let app = App::start().await;
    let with_gid = kadode::vault::Profile {
        gid: Some("A1234567".to_owned()),
        ..profile(USER_ID)
    };
    let member = app.enrol(with_gid, "joined-to-2024-12-01").await;
    app.wait(60);
    let client = app.client();
    client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    app.wait(60);
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    app.wait(60);
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    app.wait(60);
    let auditor = hire(&app, "auditor", Role::Auditor).await;
    let browser = at_work(&app, &auditor).await;
    browser.get("/audit").await.is(200);
    (app, member, browser)
}

fn path_of(member: MemberId) -> String {
    format!("/audit/members/{member}")
}

async fn finds(browser: &Browser, fields: &[(&str, &str)]) -> Shown {
    browser.post("/audit/search", fields).await
}

/// The answer of the API to a browser with a session.
async fn ask(browser: &Browser, path: &str) -> Value {
    let request = browser.request(Method::GET, &format!("/api/v1{path}"));
    let shown = browser.send(request).await;
    shown.is(200);
    serde_json::from_str(&shown.html).unwrap()
}

#[tokio::test]
async fn a_member_is_found_by_user_id_by_numbers_and_by_gid() {
    let (_app, member, browser) = review().await;
    let fields = [
        vec![("user_id", " ＨＡＮＡＫＯ01 ")],
        vec![("symbol", "1"), ("number", "１１１１１")],
        vec![("gid", "A1234567")],
    ];
    for typed in fields {
        finds(&browser, &typed).await.leads_to(&path_of(member));
    }
}

#[tokio::test]
async fn a_search_is_recorded_with_whom_it_found_and_by_what() {
    let (app, member, browser) = review().await;
    finds(&browser, &[("user_id", USER_ID)])
        .await
        .leads_to(&path_of(member));
    finds(&browser, &[("gid", "Z9999999")]).await.is(404);
    let path = "/api/v1/audit/members/search";
    let typed = json!({"symbol": "1", "number": "11111"});
    let request = browser.request(Method::POST, path).json(&typed);
    browser.send(request).await.is(200);
    let looks = views(&app).await;
    let told: Vec<_> = looks
        .iter()
        .map(|it| (&it["view"], &it["member"], &it["part"]))
        .collect();
    let (search, found) = (json!("member_search"), json!(member.to_string()));
    let by = ["by=user_id", "by=gid", "by=number"].map(Value::from);
    let expected = [
        (&search, &found, &by[0]),
        (&search, &Value::Null, &by[1]),
        (&search, &found, &by[2]),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_history_as_of_a_moment_says_that_the_person_is_as_registered_now() {
    let (_app, member, browser) = review().await;
    let says = "氏名などは現在の登録内容です";
    browser.get(&path_of(member)).await.is_silent_on(says);
    let earlier = format!("{}?at=2026-04-10T09:02:30", path_of(member));
    browser.get(&earlier).await.is(200).says(says);
}

#[tokio::test]
async fn the_address_shown_is_the_one_of_the_moment_asked_for() {
    let (_app, member, browser) = review().await;
    let at = |moment: &str| format!("{}?at=2026-04-10T{moment}", path_of(member));
    let before = browser.get(&at("09:02:30")).await;
    before.is(200).is_silent_on("h***@e***.jp");
    browser.get(&at("09:03:30")).await.says("h***@e***.jp");
}

#[tokio::test]
async fn who_is_not_there_is_not_found_and_two_things_at_once_are_not_looked_for() {
    let (_app, _, browser) = review().await;
    finds(&browser, &[("user_id", "nobody")])
        .await
        .is(404)
        .says("見つかりませんでした");
    for typed in [
        &[][..],
        &[("symbol", "1")],
        &[("user_id", USER_ID), ("gid", "A1234567")],
    ] {
        finds(&browser, typed).await.is(422);
    }
    let path = path_of(MemberId(uuid::Uuid::from_u128(7)));
    browser.get(&path).await.is(404);
    browser.get("/audit/members/x").await.is(404);
}

#[tokio::test]
async fn a_history_says_what_happened_when_by_whom_from_where_and_how_it_went() {
    let (_app, member, browser) = review().await;
    let page = browser.get(&path_of(member)).await;
    page.is(200)
        .says("生年月日が確認されました")
        .says("2026年4月10日 9時02分00秒")
        .says("2026-04-10T00:02:00Z")
        .says("ConfirmBirthDate")
        .says("127.0.0.*")
        .says("会員")
        .says("完了")
        .says("次の手順: 6 ");
}

#[tokio::test]
async fn personal_data_are_masked_until_a_second_person_approves() {
    let (app, member, browser) = review().await;
    let personal = [
        USER_ID,
        "見本 花子",
        "11111",
        "1980-01-01",
        "A1234567",
        "hanako@example.jp",
        "Test Browser",
    ];
    let masked = browser.get(&path_of(member)).await;
    for datum in personal {
        masked.is_silent_on(datum);
    }
    masked.says("ha***").says("h***@e***.jp");
    let unmask = format!("{}/unmask", path_of(member));
    let refused = browser.post(&unmask, &[]).await;
    refused.is(422).is_silent_on("1980-01-01");
    super::support::unmask(&app, &browser, member).await;
    let shown = browser.post(&unmask, &[]).await;
    shown.is(200);
    for datum in personal {
        shown.says(datum);
    }
    let views = views(&app).await;
    let told: Vec<(&str, &str)> = views
        .iter()
        .map(|view| {
            let purpose = view["purpose"].as_str().unwrap_or("");
            (view["view"].as_str().unwrap(), purpose)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("member_history", ""),
            ("member_history", ""),
            ("member_history", ""),
            ("member_history", ""),
            ("member_history", ""),
            ("member_data", "review")
        ]
    );
}

#[tokio::test]
async fn as_of_a_moment_the_history_ends_there_and_the_member_stands_where_they_stood() {
    let (_app, member, browser) = review().await;
    let path = format!("/audit/members/{member}");
    let as_of = async |at: &str| ask(&browser, &format!("{path}?at={at}")).await;
    let names = |body: &Value| -> Vec<String> {
        let entries = body["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["type"].as_str().unwrap().to_owned())
            .filter(|name| name != "AuditDataViewed")
            .collect()
    };
    let before = as_of("2026-04-10T08:59:59").await;
    assert_eq!(before["step"], Value::Null);
    assert_eq!(names(&before), Vec::<String>::new());
    let enrolled = as_of("2026-04-10T09:00:00").await;
    assert_eq!(enrolled["step"]["name"], "sign_in");
    assert_eq!(names(&enrolled), ["MemberEnrolled"]);
    let confirmed = as_of("2026-04-10T00:02:00Z").await;
    assert_eq!(confirmed["step"]["name"], "email");
    assert_eq!(
        names(&confirmed),
        [
            "BirthDateConfirmed",
            "CredentialsAccepted",
            "MemberEnrolled"
        ]
    );
    let whole_day = as_of("2026-04-10").await;
    assert_eq!(whole_day["step"]["name"], "email_link");
    assert!(names(&whole_day).contains(&"EmailRegistered".to_owned()));
    let day_before = as_of("2026-04-09").await;
    assert_eq!(day_before["as_of"]["at"], "2026-04-09T14:59:59.999999Z");
    assert_eq!(names(&day_before), Vec::<String>::new());
    assert_eq!(day_before["as_of"]["position"], 0);
}

#[tokio::test]
async fn between_two_moments_only_what_changed_is_told() {
    let (_app, member, browser) = review().await;
    let query = "since=2026-04-10T09:01:00&at=2026-04-10T09:02:00";
    let body = ask(&browser, &format!("/audit/members/{member}?{query}")).await;
    assert_eq!(body["step_before"]["name"], "birth_date");
    assert_eq!(body["step"]["name"], "email");
    let entries = body["entries"].as_array().unwrap();
    let names: Vec<&str> = entries
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["BirthDateConfirmed"]);
    let page = browser.get(&format!("{}?{query}", path_of(member))).await;
    page.is(200).says("次の手順: 5 ").says("生年月日");
}

#[tokio::test]
async fn a_moment_that_is_none_is_told_and_shows_the_whole() {
    let (_app, member, browser) = review().await;
    let page = browser
        .get(&format!("{}?at=yesterday", path_of(member)))
        .await;
    page.is(422)
        .says("日時として読み取れませんでした")
        .says("生年月日が確認されました");
    let path = format!("/api/v1/audit/members/{member}?at=yesterday");
    let request = browser.request(Method::GET, &path);
    browser.send(request).await.is(422).says("not_a_moment");
}

#[tokio::test]
async fn every_opened_view_is_one_event_that_the_next_auditor_sees() {
    let (app, member, browser) = review().await;
    browser.get(&path_of(member)).await.is(200);
    browser.get("/audit/events").await.is(200);
    ask(&browser, &format!("/audit/members/{member}")).await;
    let seen = views(&app).await;
    let kinds: Vec<&str> = seen.iter().map(|it| it["view"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["member_history", "event_list", "member_history"]);
    assert_eq!(seen[0]["member"], member.to_string());

    let other = hire(&app, "other", Role::Administrator).await;
    let other = at_work(&app, &other).await;
    other
        .get(&path_of(member))
        .await
        .is(200)
        .says("担当者が記録を閲覧しました")
        .says("担当者: auditor");
}

#[tokio::test]
async fn a_member_does_not_see_who_looked_at_them() {
    let (app, member, auditor) = review().await;
    auditor.get(&path_of(member)).await.is(200);
    let browser = Browser::at_the_door(&app).await;
    browser.sign_in(INITIAL_PASSWORD).await.is(303);
    browser.get("/history").await.is(200).is_silent_on("閲覧");
}

#[tokio::test]
async fn the_list_of_events_is_narrowed_by_each_filter() {
    let (app, _, browser) = review().await;
    app.client().sign_in(USER_ID, "wrong").await;
    let listed = async |query: &str| listed(&browser, query).await;
    let all = listed("").await;
    for name in ["MemberEnrolled", "CredentialsRejected", "StaffSignedIn"] {
        assert!(all.contains(&format!("{name} #")), "{name}");
    }
    let failed = listed("outcome=failed").await;
    assert!(failed.contains("CredentialsRejected #") && !failed.contains("MemberEnrolled #"));
    let typed = listed("type=MemberEnrolled").await;
    assert!(typed.contains("MemberEnrolled #") && !typed.contains("CredentialsRejected #"));
    let staff = listed("actor=staff").await;
    assert!(staff.contains("StaffSignedIn #") && !staff.contains("MemberEnrolled #"));
    let cohort = listed("cohort=joined-to-2024-12-01&type=BirthDateConfirmed").await;
    assert!(cohort.contains("BirthDateConfirmed #"));
    assert_eq!(listed("cohort=joined-from-2026-03-26").await, "");
    let early = listed("until=2026-04-10T09:00:30").await;
    assert!(early.contains("MemberEnrolled #") && !early.contains("BirthDateConfirmed #"));
    let late = listed("from=2026-04-10T09:01:30").await;
    assert!(late.contains("BirthDateConfirmed #") && !late.contains("MemberEnrolled #"));
    assert_eq!(listed("from=2026-04-11").await, "");
    browser.get("/audit/events?type=Nothing").await.is(422);
}

/// What the list of events shows for this query.
async fn listed(browser: &Browser, query: &str) -> String {
    let shown = browser.get(&format!("/audit/events?{query}")).await;
    shown.is(200);
    let list = shown.html.split("<ol class=\"timeline\">").nth(1);
    list.unwrap_or("").to_owned()
}

#[tokio::test]
async fn the_list_shows_what_one_account_did_and_leads_there() {
    let (app, _, browser) = review().await;
    let other = hire(&app, "田中 二郎", Role::Auditor).await;
    let second = at_work(&app, &other).await;
    second.get("/audit").await.is(200);
    finds(&second, &[("user_id", USER_ID)]).await;
    let query = format!("actor_id={}", other.id);
    let all = listed(&browser, "").await;
    assert!(all.contains(&format!("href=\"/audit/events?{query}\"")));
    let theirs = listed(&browser, &query).await;
    assert!(theirs.contains("StaffSignedIn") && theirs.contains("member_search"));
    assert!(theirs.contains("田中 二郎") && !theirs.contains("担当者: auditor"));
    assert!(!theirs.contains("MemberEnrolled"));
    let form = browser.get(&format!("/audit/events?{query}")).await;
    form.says(&format!(
        "<option value=\"{}\" selected>田中 二郎</option>",
        other.id
    ));
    browser.get("/audit/events?actor_id=x").await.is(422);
}

#[tokio::test]
async fn the_list_is_narrowed_by_what_became_of_mails() {
    let (_app, _, browser) = review().await;
    eventually("the mail", || async {
        let list = listed(&browser, "mail=accepted").await;
        list.contains("MailAccepted").then_some(())
    })
    .await;
    let all = listed(&browser, "mail=accepted&actor=system").await;
    assert!(!all.contains("MemberEnrolled") && all.contains("MailAccepted"));
    for nothing in ["mail=failed", "mail=accepted&outcome=failed"] {
        assert_eq!(listed(&browser, nothing).await, "");
    }
}

#[tokio::test]
async fn a_members_events_are_narrowed_by_the_other_filters_and_the_look_names_the_member() {
    let (app, member, browser) = review().await;
    let narrow = format!("/audit/events?member={member}");
    let link = format!("href=\"{narrow}\"");
    browser.get(&path_of(member)).await.says(&link);
    let other = kadode::vault::Profile {
        number: "22222".to_owned(),
        ..profile("taro02")
    };
    app.enrol(other, "joined-to-2024-12-01").await;
    let theirs = listed(&browser, &format!("member={member}&type=MemberEnrolled")).await;
    assert_eq!(theirs.matches("MemberEnrolled #").count(), 1);
    let late = format!("member={member}&from=2026-04-10T09:01:30");
    let late = listed(&browser, &late).await;
    assert!(late.contains("BirthDateConfirmed #") && !late.contains("MemberEnrolled #"));
    let form = browser.get(&narrow).await;
    form.says(&format!("name=\"member\" value=\"{member}\""));
    let nobody = MemberId(uuid::Uuid::from_u128(7));
    let unknown = format!("/audit/events?member={nobody}");
    browser.get(&unknown).await.is(404);
    let looks = views(&app).await;
    let last = looks.last().unwrap();
    assert_eq!(last["view"], "event_list");
    assert_eq!(last["member"], member.to_string());
}

#[tokio::test]
async fn the_list_tells_from_where_members_and_staff_came() {
    let (_app, _, auditor) = review().await;
    let of_member = listed(&auditor, "type=BirthDateConfirmed").await;
    assert!(of_member.contains("127.0.0.*"), "{of_member}");
    let of_staff = listed(&auditor, "type=StaffSignedIn").await;
    assert!(of_staff.contains("127.0.0.*"), "{of_staff}");
}

#[tokio::test]
async fn the_list_goes_on_where_the_last_page_ended() {
    let (app, _, browser) = review().await;
    for number in 0..120 {
        let other = kadode::vault::Profile {
            number: format!("2{number:04}"),
            ..profile(&format!("member{number}"))
        };
        app.enrol(other, "joined-to-2024-12-01").await;
    }
    let positions = |html: &str| -> Vec<i64> {
        let marks = html.split('#').skip(1);
        marks
            .filter_map(|rest| rest.split('<').next().unwrap().parse().ok())
            .collect()
    };
    let first = browser.get("/audit/events?type=MemberEnrolled").await;
    let mut seen = positions(&first.html);
    assert_eq!(seen.len(), 100);
    let before = seen.last().unwrap();
    let next = browser
        .get(&format!(
            "/audit/events?type=MemberEnrolled&before={before}"
        ))
        .await;
    seen.extend(positions(&next.html));
    assert_eq!(seen.len(), 121);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
}

#[tokio::test]
async fn no_address_holds_what_was_searched_for() {
    let (_app, member, browser) = review().await;
    let shown = finds(&browser, &[("gid", "A1234567")]).await;
    assert_eq!(shown.headers["location"], path_of(member).as_str());
    let page = browser.get("/audit").await;
    assert_eq!(page.html.matches("method=\"get\"").count(), 0);
}

#[tokio::test]
async fn an_erased_member_is_reviewed_without_their_data() {
    let (app, member, browser) = review().await;
    app.society.vault.destroy_keys(member).await.unwrap();
    let page = browser.get(&path_of(member)).await;
    page.is(200)
        .says("消去されています")
        .says("生年月日が確認されました");
}

#[tokio::test]
async fn what_happened_before_the_read_model_was_there_is_in_it_after_a_rebuild() {
    let (app, member, browser) = review().await;
    let projector = app.society.projector();
    projector.rebuild(Some("history"), |_| {}).await.unwrap();
    eventually("the history", || async {
        let body = ask(&browser, &format!("/audit/members/{member}")).await;
        let entries = body["entries"].as_array().unwrap();
        (body["cohort"] == "joined-to-2024-12-01" && entries.len() >= 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nothing_in_an_address_breaks_a_page_or_an_answer() {
    let (_app, member, browser) = review().await;
    let hostile = [
        "%00",
        "%FF",
        "%27%22--",
        "-1",
        "0",
        "1",
        "9223372036854775807",
        "99999999999999999999",
        "9999-12-31",
        "-009999-01-01",
        "2026-04-10T99:00",
        "2026-02-30",
        "%E6%97%A5",
        "x%0D%0Ay",
        "=",
        "&",
        "+",
    ];
    let fields = [
        "type", "outcome", "mail", "actor", "actor_id", "member", "cohort", "from", "until",
        "after", "before", "limit", "at", "since",
    ];
    let paths = [
        path_of(member),
        format!("/api/v1{}", path_of(member)),
        "/audit/events".to_owned(),
        "/api/v1/audit/events".to_owned(),
    ];
    for path in &paths {
        for field in fields {
            for value in hostile {
                let address = format!("{path}?{field}={value}");
                let shown = browser.send(browser.request(Method::GET, &address)).await;
                assert!(shown.status.as_u16() < 500, "{address}: {}", shown.status);
            }
        }
    }
}
