//! The stream that a waiting page listens to.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Method;

use crate::support::app::App;
use crate::support::browser::Browser;

/// An open stream.
struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    async fn open(browser: &Browser) -> Self {
        let request = browser.request(Method::GET, "/events");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            response,
            read: String::new(),
        }
    }

    /// The next event, as name and data; none at the end of the stream.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let line = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim_start().to_owned())
                };
                let found = line("event:").zip(line("data:"));
                let rest = rest.to_owned();
                self.read = rest;
                if found.is_some() {
                    return found;
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk());
            let chunk = chunk.await.unwrap().unwrap()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn step(&mut self) -> String {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "step");
        data
    }

    async fn ends(&mut self) {
        let (name, _) = self.next().await.unwrap();
        assert_eq!(name, "end");
        assert_eq!(self.next().await, None);
    }
}

#[tokio::test]
async fn a_waiting_page_hears_that_the_link_was_followed_elsewhere_and_that_the_session_ended() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let mut stream = Stream::open(&browser).await;
    assert_eq!(stream.step().await, "email_link");
    let phone = Browser::new(&app);
    let link = format!("/email/{}", app.link_token().await);
    phone.get(&link).await;
    phone.post(&link, &[]).await;
    assert_eq!(stream.step().await, "email_update");
    browser.post("/email-link", &[]).await;
    assert_eq!(stream.step().await, "otp_method");
    browser.post("/log-out", &[]).await;
    stream.ends().await;
}

#[tokio::test]
async fn an_open_stream_does_not_keep_its_session_alive() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let mut stream = Stream::open(&browser).await;
    assert_eq!(stream.step().await, "email_link");
    app.clock.advance(SignedDuration::from_mins(20));
    // Any news of anybody makes the stream look.
    let other = kadode::vault::Profile {
        symbol: "2".to_owned(),
        ..crate::support::app::profile("taro02")
    };
    app.enrol(other, "joined-to-2024-12-01").await;
    stream.ends().await;
    browser
        .get("/email-link")
        .await
        .leads_to("/sign-in?note=session-ended");
}

#[tokio::test]
async fn a_page_opened_meanwhile_keeps_the_stream_open() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let mut stream = Stream::open(&browser).await;
    assert_eq!(stream.step().await, "email_link");
    app.clock.advance(SignedDuration::from_mins(15));
    browser.get("/email-link").await.is(200);
    app.clock.advance(SignedDuration::from_mins(15));
    browser
        .post("/email", &[("email", "taro@example.jp")])
        .await
        .is(303);
    let phone = Browser::new(&app);
    let link = format!("/email/{}", app.link_token().await);
    phone.get(&link).await;
    phone.post(&link, &[]).await;
    assert_eq!(stream.step().await, "email_update");
}

#[tokio::test]
async fn a_sign_in_elsewhere_ends_the_stream() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let mut stream = Stream::open(&browser).await;
    assert_eq!(stream.step().await, "email_link");
    Browser::at(&app, "/email-link").await;
    stream.ends().await;
}

#[tokio::test]
async fn without_a_session_there_is_no_stream() {
    let (app, _) = App::with_member().await;
    Browser::new(&app).get("/events").await.is(401);
}

#[tokio::test]
async fn a_member_has_four_streams_at_most_and_a_closed_one_makes_room() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(Stream::open(&browser).await);
    }
    let page = browser.get("/events").await;
    page.is(503);
    assert!(page.headers.contains_key("retry-after"));
    open.pop();
    crate::support::app::eventually("room for a stream", || async {
        let response = browser.request(Method::GET, "/events").send().await;
        (response.unwrap().status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_whose_first_look_fails_is_silent_until_there_is_news() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let change_tables = async |statement: &str| {
        let database = &app.society.database.write;
        sqlx::query(statement).execute(database).await.unwrap();
    };
    change_tables("ALTER TABLE member_status RENAME TO away").await;
    let mut stream = Stream::open(&browser).await;
    change_tables("ALTER TABLE away RENAME TO member_status").await;
    let other = kadode::vault::Profile {
        symbol: "2".to_owned(),
        ..crate::support::app::profile("taro02")
    };
    app.enrol(other, "joined-to-2024-12-01").await;
    let first = stream.response.chunk().await.unwrap().unwrap();
    let first = std::str::from_utf8(&first).unwrap();
    assert!(first.starts_with("event: step"), "{first}");
}
