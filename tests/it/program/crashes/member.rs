//! A member's client: it takes nothing for granted that was not answered, asks the same again, and looks what is due.

use std::time::Duration;

use mail_parser::MessageParser;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::device::{Device, Reply};
use super::load::{Acknowledged, Journal, Server};
use crate::support::app::{NEW_PASSWORD, code_in, token_in};
use crate::support::smtp::SmtpServer;

/// The steps that are done once, in their order, each with its event.
const ONCE: [(&str, &str); 7] = [
    ("birth_date", "BirthDateConfirmed"),
    ("email", "EmailRegistered"),
    ("email_link", "EmailLinkFollowed"),
    ("email_update", "EmailVerified"),
    ("otp_method", "OtpMethodChosen"),
    ("password", "PasswordChanged"),
    ("log_out", "LoggedOut"),
];

/// What may come with a new secret of the session; the address in a browser that nobody knows.
const EXCHANGING: [&str; 4] = [
    "EmailVerified",
    "PasswordChanged",
    "SignInConfirmed",
    "OtpLoginSucceeded",
];

/// How long a mail may take at most; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(2);

/// Which password is in force, as far as the member knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Password {
    Initial,
    Own,
    /// The change was not answered: the own one is tried first, then the other.
    Unknown {
        try_own: bool,
    },
}

/// A member who has not come to the end yet.
pub(super) struct Member {
    number: usize,
    user_id: String,
    initial: String,
    random: StdRng,
}

impl Member {
    pub(super) fn new(number: usize, (user_id, initial): (String, String), seed: u64) -> Self {
        Self {
            number,
            user_id,
            initial,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Takes all steps, until the portal is open.
    pub(super) async fn walk(
        self,
        server: watch::Receiver<Server>,
        journal: &Journal,
        mails: &SmtpServer,
    ) {
        let (high, low) = (self.number / 250, self.number % 250);
        let mut walk = Walk {
            device: Device::new(server, journal, format!("10.{high}.{low}.1")),
            member: self,
            journal,
            mails,
            password: Password::Initial,
            done: 0,
            status: Value::Null,
        };
        while walk.go_on().await {}
    }
}

/// How the members' own address reads.
pub(super) fn address(number: usize) -> String {
    format!("member{number}@example.jp")
}

struct Walk<'a> {
    member: Member,
    device: Device<'a>,
    journal: &'a Journal,
    mails: &'a SmtpServer,
    password: Password,
    /// How many of the steps of [`ONCE`] were acknowledged.
    done: usize,
    /// The last status, as long as it may be true.
    status: Value,
}

impl Walk<'_> {
    /// Does what is due; answers whether there is more to do.
    async fn go_on(&mut self) -> bool {
        if self.status.is_null() && !self.look().await {
            return true;
        }
        let due = self.status["step"]["name"].as_str().unwrap().to_owned();
        if let Some(place) = ONCE.iter().position(|(step, _)| *step == due) {
            assert!(
                place >= self.done,
                "{due} was acknowledged and is due again"
            );
        }
        match due.as_str() {
            "birth_date" => {
                let body = json!({"birth_date": "1980-01-01"});
                self.step("birth-date", body, "BirthDateConfirmed").await;
            }
            "email" => {
                let body = json!({"email": address(self.member.number)});
                self.step("email", body, "EmailRegistered").await;
            }
            "email_link" => self.follow_link().await,
            "email_update" => self.step("email/update", json!({}), "EmailVerified").await,
            "otp_method" => {
                let body = json!({"method": "email"});
                self.step("otp-method", body, "OtpMethodChosen").await;
            }
            "password" => {
                let body = json!({"new_password": NEW_PASSWORD});
                self.password = Password::Unknown { try_own: true };
                // Some clients name the showing of the form, and some do not.
                let key = self.member.random.random::<bool>().then_some("one showing");
                let path = "/onboarding/password";
                self.post(key, path, body, "PasswordChanged").await;
            }
            "log_out" => {
                self.password = Password::Own;
                let left = self
                    .device
                    .ask(Method::DELETE, "/sessions/current", None)
                    .await;
                self.status = Value::Null;
                if let Some(Reply { answer, run, .. }) = left {
                    answer.expect(StatusCode::NO_CONTENT);
                    self.acknowledged("LoggedOut", run);
                }
            }
            "otp" => self.submit_code().await,
            "completed" => return false,
            other => panic!("{other} is due"),
        }
        true
    }

    /// Learns where the member stands, by the cookie or by signing in; answers whether that is known.
    async fn look(&mut self) -> bool {
        // Now and then on another device.
        if self.member.random.random_range(0..3) == 0 {
            self.device = self.device.another();
        }
        let looked = self.device.ask(Method::GET, "/onboarding", None).await;
        let Some(Reply { answer, .. }) = looked else {
            return false;
        };
        match answer.status {
            StatusCode::OK => self.status = answer.body,
            StatusCode::UNAUTHORIZED | StatusCode::CONFLICT => self.sign_in().await,
            other => panic!("{other} {}", answer.text),
        }
        !self.status.is_null()
    }

    async fn sign_in(&mut self) {
        let own = match self.password {
            Password::Initial => false,
            Password::Own => true,
            Password::Unknown { try_own } => try_own,
        };
        let password = if own {
            NEW_PASSWORD
        } else {
            &self.member.initial
        };
        let body = json!({"user_id": self.member.user_id, "password": password});
        let asked = self.device.ask(Method::POST, "/sessions", Some(body)).await;
        let Some(Reply { answer, run, .. }) = asked else {
            return;
        };
        if answer.status == StatusCode::UNAUTHORIZED {
            let doubt = matches!(self.password, Password::Unknown { .. });
            assert!(doubt, "the password in force is refused: {}", answer.text);
            self.password = Password::Unknown { try_own: !own };
            return;
        }
        self.status = answer.expect(StatusCode::CREATED).body;
        self.password = if own {
            Password::Own
        } else {
            Password::Initial
        };
        self.acknowledged("CredentialsAccepted", run);
    }

    async fn step(&mut self, name: &str, body: Value, event: &'static str) {
        let path = format!("/onboarding/{name}");
        self.post(None, &path, body, event).await;
    }

    /// Posts what brings `event` about.
    async fn post(&mut self, key: Option<&str>, path: &str, body: Value, event: &'static str) {
        let asked = self.device.ask_under(key, Method::POST, path, Some(body));
        let reply = asked.await;
        self.status = Value::Null;
        let Some(Reply { answer, run, again }) = reply else {
            return;
        };
        match answer.status {
            StatusCode::OK => {
                self.status = answer.body;
                self.acknowledged(event, run);
            }
            // The session's row was not written yet when the program died.
            StatusCode::UNAUTHORIZED => {}
            // It is done, and the answer that was lost had the session's new secret.
            StatusCode::CONFLICT if again && EXCHANGING.contains(&event) => {
                let is_unnamed = event == "PasswordChanged" && key.is_none();
                let name = match answer.body["type"].as_str() {
                    Some("/api/docs#already-set") if is_unnamed => "already-set",
                    _ => "session-rotated",
                };
                answer.problem(409, name);
            }
            other => panic!("{path}: {other} {}", answer.text),
        }
    }

    /// On the phone, where nobody is signed in.
    async fn follow_link(&mut self) {
        let token = self.mailed(token_in).await;
        let path = format!("/email-confirmations/{token}");
        let mut phone = self.device.another();
        let answer = phone.ask(Method::POST, &path, Some(json!({}))).await;
        self.status = Value::Null;
        if let Some(Reply { answer, run, .. }) = answer {
            answer.expect(StatusCode::OK);
            self.acknowledged("EmailLinkFollowed", run);
        }
    }

    async fn submit_code(&mut self) {
        let reference = self.status["otp"]["reference"].as_str().unwrap().to_owned();
        let code = self
            .mailed(|text| text.contains(&reference).then(|| code_in(text))?)
            .await;
        let body = json!({"code": code});
        let event = if self.password == Password::Initial {
            "SignInConfirmed"
        } else {
            "OtpLoginSucceeded"
        };
        let path = "/sessions/current/otp";
        self.post(None, path, body, event).await;
    }

    /// What is in a mail to this member, once there is one that has it.
    async fn mailed(&self, find: impl Fn(&str) -> Option<String>) -> String {
        let address = address(self.member.number);
        let waiting = self.mails.find(|mail| {
            if mail.to != address {
                return None;
            }
            let message = MessageParser::default().parse(&mail.bytes).unwrap();
            find(&message.body_text(0).unwrap())
        });
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("{address} waits in vain for a mail"))
    }

    fn acknowledged(&mut self, event: &'static str, run: usize) {
        if let Some(place) = ONCE.iter().position(|(_, done)| *done == event) {
            self.done = self.done.max(place + 1);
        }
        self.journal.note(Acknowledged {
            member: self.member.number,
            event,
            run,
        });
    }
}
