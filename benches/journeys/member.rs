//! One member's way from the sheet of paper to the portal, steps 1 to 15, over the JSON API and the pages where nothing is typed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Fault;
use crate::figures::{Cost, Figures};
use crate::http::{Answer, Browser};
use crate::post::{Post, code_in, token_in};
use crate::society::{BIRTH_DATE, Member};

/// What a whole journey leaves in the member's stream.
pub(crate) const STORY: [&str; 14] = [
    "MemberEnrolled",
    "CredentialsAccepted",
    "BirthDateConfirmed",
    "EmailRegistered",
    "EmailLinkFollowed",
    "EmailVerified",
    "OtpMethodChosen",
    "PasswordChanged",
    "FirstLoginCompleted",
    "LoggedOut",
    "CredentialsAccepted",
    "OtpIssued",
    "OtpLoginSucceeded",
    "OnboardingCompleted",
];

/// A member on the way.
pub(crate) struct Journey<'a> {
    pub(crate) member: Member,
    pub(crate) browser: Browser,
    pub(crate) post: &'a Post,
    pub(crate) figures: &'a Figures,
}

impl Journey<'_> {
    /// Walks to the end; answers with the member's id.
    pub(crate) async fn walk(&mut self) -> Result<String, Fault> {
        self.browser.connect().await?;
        let member = Member {
            number: self.member.number,
        };
        // 1, 2
        self.page("/sign-in").await?;
        let status = self.sign_in(&member.initial_password()).await?;
        let id = status["member"].as_str().ok_or("no member id")?.to_owned();
        // 3
        let date = json!({"birth_date": BIRTH_DATE});
        self.step("birth-date", &date).await?;
        // 5, 6, 7
        let address = member.address();
        self.step("email", &json!({"email": address})).await?;
        let token = self.mailed(&address, token_in).await?;
        self.ask("GET", &format!("/email/{token}"), &Value::Null, Cost::Page)
            .await?;
        let link = format!("/api/v1/email-confirmations/{token}");
        self.ask("POST", &link, &json!({}), Cost::Command).await?;
        self.step("email/update", &json!({})).await?;
        // 8, 9, 10
        self.step("otp-method", &json!({"method": "email"})).await?;
        let password = json!({"new_password": member.own_password()});
        self.ask(
            "POST",
            "/api/v1/onboarding/password",
            &password,
            Cost::PasswordChange,
        )
        .await?;
        self.page("/first-login-completed").await?;
        // 11
        self.ask(
            "DELETE",
            "/api/v1/sessions/current",
            &Value::Null,
            Cost::Command,
        )
        .await?;
        // 12, 13
        self.page("/sign-in").await?;
        self.sign_in(&member.own_password()).await?;
        // 14
        let code = self.mailed(&address, code_in).await?;
        let path = "/api/v1/sessions/current/otp";
        let status = self
            .ask("POST", path, &json!({"code": code}), Cost::Command)
            .await?;
        if status["completed_at"].is_null() {
            return Err("the last step was answered, but nothing is complete".into());
        }
        // 15
        self.page("/completed").await?;
        Ok(id)
    }

    /// Signs in, and goes no further.
    pub(crate) async fn begin(&mut self, password: &str) -> Result<(), Fault> {
        self.browser.connect().await?;
        self.sign_in(password).await.map(drop)
    }

    async fn sign_in(&mut self, password: &str) -> Result<Value, Fault> {
        let typed = json!({"user_id": self.member.user_id(), "password": password});
        self.ask("POST", "/api/v1/sessions", &typed, Cost::SignIn)
            .await
    }

    /// What the next mail holds that has it; those that only tell of something are put aside.
    async fn mailed(&self, address: &str, held: fn(&str) -> Option<&str>) -> Result<String, Fault> {
        loop {
            let mail = self.post.next(address).await?;
            if let Some(found) = held(&mail) {
                return Ok(found.to_owned());
            }
        }
    }

    async fn step(&mut self, name: &str, given: &Value) -> Result<Value, Fault> {
        let path = format!("/api/v1/onboarding/{name}");
        self.ask("POST", &path, given, Cost::Command).await
    }

    async fn page(&mut self, path: &str) -> Result<(), Fault> {
        self.ask("GET", path, &Value::Null, Cost::Page)
            .await
            .map(drop)
    }

    /// Asks until the server has time.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        cost: Cost,
    ) -> Result<Value, Fault> {
        loop {
            let answer = match method {
                "GET" => self.browser.get(path).await?,
                "DELETE" => self.browser.delete(path).await?,
                _ => self.browser.post(path, body).await?,
            };
            let Answer { status, took, .. } = answer;
            match (status, answer.retry_after) {
                (200..=299, _) => {
                    self.figures.answered(cost, took);
                    return Ok(serde_json::from_slice(&answer.body).unwrap_or_default());
                }
                (429 | 503, Some(wait)) => {
                    let cost = if status == 503 {
                        Cost::Crowded
                    } else {
                        Cost::TooSoon
                    };
                    self.figures.answered(cost, took);
                    // Not before, and not all in the same moment.
                    let scatter = Duration::from_millis(rand::random_range(0..1000));
                    tokio::time::sleep(wait + scatter).await;
                }
                _ => {
                    let text = String::from_utf8_lossy(&answer.body);
                    return Err(format!("{method} {path}: {status} {text}").into());
                }
            }
        }
    }
}
