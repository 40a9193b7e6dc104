//! A member's browser: it asks wherever the program is now, and asks the same again if the answer was lost.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use super::load::{Journal, Server};
use crate::support::app::{Answer, Client};

/// Nothing may ask a member for more patience than this.
const MOST_SECONDS: u64 = 60;

/// How long a restart may take at most; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(2);

/// A browser with cookies of its own.
pub(super) struct Device<'a> {
    client: Client,
    server: watch::Receiver<Server>,
    journal: &'a Journal,
    /// The address that a proxy tells of it. Members have networks of their own: where many share one and some mistype, a sign-in that a
    /// kill cut short counts as a failure and makes its member wait, as is right.
    address: String,
}

/// What was answered.
pub(super) struct Reply {
    pub(super) answer: Answer,
    /// The run of the program that answered.
    pub(super) run: usize,
    /// Whether the same was asked before, and the answer lost.
    pub(super) again: bool,
}

impl<'a> Device<'a> {
    pub(super) fn new(
        server: watch::Receiver<Server>,
        journal: &'a Journal,
        address: String,
    ) -> Self {
        Self {
            client: Client::new("", &[("x-forwarded-for", &address)]),
            server,
            journal,
            address,
        }
    }

    /// One that was never here.
    pub(super) fn another(&self) -> Self {
        Self::new(self.server.clone(), self.journal, self.address.clone())
    }

    /// Asks, and asks the very same again after a restart if the answer was lost, as whoever presses again or reloads does. None where
    /// there was no answer for now: then it was waited until the next request makes sense.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<Reply> {
        self.ask_under(None, method, path, body).await
    }

    /// The same, under an `Idempotency-Key` if there is one.
    pub(super) async fn ask_under(
        &mut self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<Reply> {
        let mut again = false;
        let (answer, run) = loop {
            let Server { run, url } = self.server.borrow().clone();
            let url = format!("{url}/api/v1{path}");
            let mut request = self.client.http.request(method.clone(), url);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            if let Some(answer) = whole(request).await {
                break (answer, run);
            }
            self.journal.lost.send_modify(|count| *count += 1);
            self.back_after(run).await;
            again = true;
        };
        match answer.status.as_u16() {
            503 | 429 => {
                let told = answer.headers["retry-after"].to_str().unwrap();
                let seconds: u64 = told.parse().unwrap();
                assert!(seconds <= MOST_SECONDS, "kept out: {}", answer.text);
                if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                    answer.problem(503, "busy");
                    self.journal.refused.send_modify(|count| *count += 1);
                }
                // As told: this wait is the member's, not the test's.
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                return None;
            }
            500.. => panic!("{path}: {}", answer.text),
            200..400 => self.journal.answered.send_modify(|count| *count += 1),
            _ => {}
        }
        Some(Reply { answer, run, again })
    }

    /// Waits for the program's next run.
    async fn back_after(&mut self, run: usize) {
        let back = self.server.wait_for(|server| server.run > run);
        let back = tokio::time::timeout(PATIENCE, back).await;
        assert!(
            back.is_ok(),
            "a connection broke, and nobody killed the program"
        );
    }
}

/// The answer; none, if the connection broke before its end.
async fn whole(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.ok()?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Answer {
        status,
        headers,
        text,
        body,
    })
}
