//! Events for other programs: exports with a cursor, and a stream that ends when it has to.

use std::time::Duration;

use kadode::domain::staff::{Command, Role, Scope};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::support::{Clerk, at_work, command, hire, token, views};
use crate::support::app::{Answer, App, INITIAL_PASSWORD, USER_ID};

/// A program with a token, beside a member who has signed in.
struct Siem {
    app: App,
    clerk: Clerk,
    bearer: String,
}

impl Siem {
    async fn new() -> Self {
        let (app, _) = App::with_member().await;
        app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
        let clerk = hire(&app, "siem", Role::Auditor).await;
        let token = token(&app, clerk.id, Scope::AuditRead, 30).await.unwrap();
        Self {
            app,
            clerk,
            bearer: format!("Bearer {}", token.expose_secret()),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let headers = [("authorization", self.bearer.as_str())];
        let client = self.app.client();
        client.send(Method::GET, path, None, &headers).await
    }

    async fn lines(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/audit/events{query}")).await;
        let answer = answer.expect(StatusCode::OK);
        assert_eq!(answer.headers["content-type"], "application/jsonl");
        lines(&answer)
    }

    /// An open stream.
    async fn listens(&self, query: &str) -> Ears {
        let url = format!("{}/api/v1/audit/events/stream{query}", self.app.url);
        let request = self.app.client().http.get(url);
        let response = request.header("authorization", &self.bearer).send().await;
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ears {
            response,
            heard: String::new(),
        }
    }
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What is heard of a stream.
struct Ears {
    response: reqwest::Response,
    heard: String,
}

impl Ears {
    /// Listens until this was said.
    async fn hears(&mut self, words: &str) {
        let listening = async {
            while !self.heard.contains(words) {
                let chunk = self.response.chunk().await.unwrap();
                let chunk = chunk.unwrap_or_else(|| panic!("it ended: {}", self.heard));
                self.heard += std::str::from_utf8(&chunk).unwrap();
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(20), listening).await;
        assert!(heard.is_ok(), "{words} is not in {}", self.heard);
    }

    /// Listens until it ends.
    async fn ends(self) -> String {
        let (mut heard, mut response) = (self.heard, self.response);
        let listening = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                heard += std::str::from_utf8(&chunk).unwrap();
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(40), listening).await;
        assert!(ended.is_ok(), "it goes on");
        heard
    }
}

#[tokio::test]
async fn an_export_has_every_event_in_order_and_goes_on_at_its_cursor() {
    let siem = Siem::new().await;
    let head = siem.app.event_count().await;
    let (mut seen, mut after) = (Vec::new(), 0);
    while after < head {
        let answer = siem
            .get(&format!("/audit/events?after={after}&limit=2"))
            .await;
        let page = lines(&answer);
        assert!((1..=2).contains(&page.len()));
        seen.extend(page.iter().map(|line| line["position"].as_i64().unwrap()));
        let next: i64 = answer.headers["x-kadode-next"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(Some(&next), seen.last());
        after = next;
    }
    let expected: Vec<i64> = (1..=i64::try_from(seen.len()).unwrap()).collect();
    assert_eq!(seen, expected);
    assert!(seen.contains(&head));
}

#[tokio::test]
async fn a_line_tells_all_of_an_event_but_from_where_it_came() {
    let siem = Siem::new().await;
    let all = siem.lines("?type=CredentialsAccepted").await;
    let [line] = all.as_slice() else {
        panic!("one sign-in: {all:?}")
    };
    assert_eq!(line["actor"], "member");
    assert_eq!(line["command"], "SignIn");
    assert_eq!(line["outcome"], "done");
    assert_eq!(
        line["stream"],
        format!("onboarding-{}", line["member"].as_str().unwrap())
    );
    assert_eq!(line["payload"]["type"], "CredentialsAccepted");
    assert!(line.get("trace").is_none() && line["from"].is_null());
    assert!(line["policy"].is_string() && line["software"].is_string());
}

#[tokio::test]
async fn a_filtered_export_goes_on_behind_all_that_was_looked_through() {
    let siem = Siem::new().await;
    let head = siem.app.event_count().await;
    let answer = siem.get("/audit/events?outcome=failed").await;
    assert_eq!(lines(&answer).len(), 0);
    assert_eq!(answer.headers["x-kadode-next"], head.to_string().as_str());
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused() {
    let siem = Siem::new().await;
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "after=-1",
        "after=x",
        "type=x",
        "outcome=x",
        "actor=x",
        "actor_id=x",
        "mail=x",
        "member=x",
        "cohort=%22",
        "from=x",
        "until=x",
    ] {
        let answer = siem.get(&format!("/audit/events?{query}")).await;
        answer.problem(422, "invalid");
    }
}

#[tokio::test]
async fn an_export_is_one_event_however_many_pages_it_has() {
    let siem = Siem::new().await;
    for after in 0..3 {
        siem.lines(&format!("?after={after}&limit=1")).await;
    }
    assert_eq!(views(&siem.app).await.len(), 1);
    siem.app.wait(10 * 60);
    siem.lines("?after=3").await;
    let views = views(&siem.app).await;
    assert_eq!(views.len(), 2);
    assert_eq!(views[0]["view"], "export");
    assert!(views[0]["token"].is_string());
}

#[tokio::test]
async fn an_export_that_begins_again_or_asks_for_a_page_twice_is_another_event() {
    let siem = Siem::new().await;
    for (after, expected) in [(0, 1), (1, 1), (0, 2), (1, 2), (1, 3)] {
        siem.lines(&format!("?after={after}&limit=1")).await;
        let views = views(&siem.app).await;
        assert_eq!(views.len(), expected, "behind {after}");
    }
    let begun: Vec<Value> = views(&siem.app)
        .await
        .into_iter()
        .map(|view| view["after"].clone())
        .collect();
    assert_eq!(begun, [0, 0, 1]);
}

#[tokio::test]
async fn an_export_of_something_else_or_by_another_token_is_another_event() {
    let siem = Siem::new().await;
    siem.lines("?after=0&limit=1").await;
    siem.lines("?after=1&limit=1&actor=member").await;
    assert_eq!(views(&siem.app).await.len(), 2);
    let other = token(&siem.app, siem.clerk.id, Scope::AuditRead, 30).await;
    let other = Siem {
        bearer: format!("Bearer {}", other.unwrap().expose_secret()),
        ..siem
    };
    other.lines("?after=1&limit=1").await;
    let views = views(&other.app).await;
    assert_eq!(views.len(), 3);
    assert_eq!(views[1]["part"], "actor=member");
}

#[tokio::test]
async fn a_program_that_waits_for_news_is_one_event() {
    let siem = Siem::new().await;
    let head = siem.app.event_count().await;
    let mut after = head.to_string();
    for _ in 0..4 {
        let answer = siem.get(&format!("/audit/events?after={after}")).await;
        let next = &answer.expect(StatusCode::OK).headers["x-kadode-next"];
        after = next.to_str().unwrap().to_owned();
    }
    assert_eq!(views(&siem.app).await.len(), 1);
    assert_eq!(after, (head + 1).to_string());
}

#[tokio::test]
async fn a_line_tells_the_network_to_whom_members_histories_open() {
    let siem = Siem::new().await;
    let asked = "/audit/events?type=CredentialsAccepted";
    let unread = siem.lines("?type=CredentialsAccepted").await;
    assert_eq!(unread[0]["from"], Value::Null);
    let auditor = hire(&siem.app, "auditor", Role::Auditor).await;
    let scope = token(&siem.app, auditor.id, Scope::AuditRead, 30).await;
    let narrow = Siem {
        bearer: format!("Bearer {}", scope.unwrap().expose_secret()),
        ..siem
    };
    let unread = narrow.lines("?type=CredentialsAccepted").await;
    assert_eq!(unread[0]["from"], Value::Null);
    let member = unread[0]["member"].as_str().unwrap();
    let of_member = narrow.get(&format!("{asked}&member={member}")).await;
    of_member.problem(403, "forbidden");
    let browser = at_work(&narrow.app, &auditor).await;
    let path = format!("/api/v1{asked}&member={member}");
    let shown = browser.send(browser.request(Method::GET, &path)).await;
    let line: Value = serde_json::from_str(shown.is(200).html.trim()).unwrap();
    assert_eq!(line["from"], "127.0.0.*");
}

#[tokio::test]
async fn a_stream_tells_what_is_asked_for_alone() {
    let siem = Siem::new().await;
    let account = siem.clerk.id;
    let mut ears = siem.listens(&format!("?after=0&actor_id={account}")).await;
    ears.hears("\"view\":\"stream\"").await;
    assert!(
        ears.heard
            .contains(&format!("\"part\":\"actor_id={account}\""))
    );
    assert!(!ears.heard.contains("MemberEnrolled"), "{}", ears.heard);
    for query in [
        "cohort=x",
        "from=2026-04-10",
        "until=2026-04-10",
        "before=9",
        "limit=9",
    ] {
        let answer = siem.get(&format!("/audit/events/stream?{query}")).await;
        answer.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_stream_tells_what_was_and_what_comes() {
    let siem = Siem::new().await;
    let mut ears = siem.listens("?after=0").await;
    ears.hears("MemberEnrolled").await;
    ears.hears("\"view\":\"stream\"").await;
    siem.app.client().sign_in(USER_ID, "wrong").await;
    ears.hears("CredentialsRejected").await;
    assert!(
        ears.heard.contains("id: 1\n") || ears.heard.contains("id:1\n"),
        "{}",
        ears.heard
    );
    assert_eq!(ears.heard.matches("MemberEnrolled\",\"version").count(), 1);
}

#[tokio::test]
async fn a_stream_begins_with_the_next_event_unless_told_where() {
    let siem = Siem::new().await;
    let mut ears = siem.listens("").await;
    siem.app.client().sign_in(USER_ID, "wrong").await;
    ears.hears("CredentialsRejected").await;
    assert!(!ears.heard.contains("MemberEnrolled"));
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_hear_it() {
    let siem = Siem::new().await;
    let mut ears = siem.listens("?after=0").await;
    ears.hears("\"view\":\"stream\"").await;
    let staff = siem.clerk.id;
    let change = Command::ChangeRole {
        role: Role::Support,
    };
    command(&siem.app, staff, change).await.unwrap();
    siem.app.client().sign_in(USER_ID, "wrong").await;
    let heard = ears.ends().await;
    assert!(
        heard.contains("event: end") || heard.contains("event:end"),
        "{heard}"
    );
    assert!(!heard.contains("CredentialsRejected"), "{heard}");
}

#[tokio::test]
async fn somebody_hears_four_streams_at_most() {
    let siem = Siem::new().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(siem.listens("").await);
    }
    let fifth = siem.get("/audit/events/stream").await;
    fifth.problem(503, "busy");
}
