//! The whole program in this process: real router on a loopback port, real database files, mails as files, a clock that is told.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kadode::ambient::Clock;
use kadode::api::Api;
use kadode::api::blocklist::blocklist;
use kadode::app::{Limits, Opening, Served, Serving, Society, answer_connections};
use kadode::commands::Attribution;
use kadode::config::PublicUrl;
use kadode::domain::ids::{ImportId, IssueId, MemberId, ProposalId, StaffId};
use kadode::domain::onboarding::{
    Command, Grounds, Intervention, Issued, NewLink, Onboarding, Reason, Refusal,
};
use kadode::domain::values::{KeyId, Language};
use kadode::mail::Transport;
use kadode::subscription;
use kadode::vault::{FIRST_ISSUE, Link, Profile};
use mail_parser::MessageParser;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::kurrent::double_of;
use super::postgres::data_in;
use super::walk::giver;

/// When the tests' clock starts.
pub const START: &str = "2026-04-10T00:00:00Z";

/// The manual's example: 記号 1, 番号 11111, born 1980-01-01, and so this password.
pub const INITIAL_PASSWORD: &str = "11111119800101";

/// The user ID of that member in the tests.
pub const USER_ID: &str = "hanako01";

/// A password that a member may choose.
pub const NEW_PASSWORD: &str = "sakura-tsukimi-kaede";

/// A running program.
pub struct App {
    pub society: Society,
    pub api: Api,
    pub clock: Clock,
    pub url: String,
    pub folder: TempDir,
    tasks: JoinSet<()>,
}

/// How a program is to run.
pub struct Setup {
    /// The policy file's text.
    pub policy: String,
    /// How mails leave; files in the app's folder, if none.
    pub transport: Option<Transport>,
    /// The clock.
    pub clock: Clock,
    /// How many sign-ins may wait.
    pub sign_in_queue: usize,
    /// The address that members see; where it listens, if none.
    pub public_url: Option<&'static str>,
    /// Whether X-Forwarded-For counts, so that a test can come from many networks.
    pub behind_proxy: bool,
    /// What a client may take of the program.
    pub limits: Limits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: include_str!("../../../policies/sample.toml").to_owned(),
            transport: None,
            clock: Clock::standing_at(START.parse().unwrap()),
            sign_in_queue: 200,
            public_url: None,
            behind_proxy: false,
            limits: Limits::of_this_process(),
        }
    }
}

impl App {
    /// A program with the sample policy and nobody enrolled.
    pub async fn start() -> Self {
        Self::start_as(Setup::default()).await
    }

    pub async fn start_as(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, setup).await
    }

    /// A program over whatever is in `folder`.
    pub async fn start_in(folder: TempDir, setup: Setup) -> Self {
        std::fs::write(folder.path().join("policy.toml"), &setup.policy).unwrap();
        let data = data_in(folder.path());
        if let Some(double) = double_of(folder.path()) {
            double.keep_time(&setup.clock);
        }
        let opening = Opening {
            sign_in_queue: setup.sign_in_queue,
            ..Opening::TO_FILL
        };
        let clock = setup.clock;
        let opened = Society::open(&data, opening, clock.clone(), |_| {});
        let society = Box::pin(opened).await.unwrap();
        society.adopt_policy().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let transport = setup.transport.unwrap_or_else(|| {
            let mails = folder.path().join("mails");
            Transport::open(&format!("file:{}", mails.display()), None).unwrap()
        });
        let public_url = PublicUrl::choose(setup.public_url, address).unwrap();
        let url = format!("http://{address}");
        let trusted = setup.behind_proxy.then(|| "127.0.0.1".parse().unwrap());
        let serving = Serving {
            public_url,
            trusted_proxies: trusted.into_iter().collect(),
            transport,
            blocklist: blocklist(),
        };
        let Served {
            api,
            router,
            mut tasks,
            ..
        } = society.serve(serving);
        tasks.spawn(async move {
            answer_connections(listener, router, setup.limits, std::future::pending()).await;
        });
        Self {
            society,
            api,
            clock,
            url,
            folder,
            tasks,
        }
    }

    /// Ends the program as a kill would: nothing is finished, files stay.
    pub async fn kill(mut self) -> TempDir {
        self.tasks.shutdown().await;
        self.society.database.close().await;
        self.folder
    }

    /// A program with the manual's example enrolled.
    pub async fn with_member() -> (Self, MemberId) {
        Self::with_member_in(tempfile::tempdir().unwrap()).await
    }

    /// The same over whatever is in `folder`.
    pub async fn with_member_in(folder: TempDir) -> (Self, MemberId) {
        let app = Self::start_in(folder, Setup::default()).await;
        let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
        (app, member)
    }

    /// Enrols somebody into a cohort, as an import does.
    pub async fn enrol(&self, profile: Profile, cohort: &str) -> MemberId {
        self.enrol_by(&self.society, profile, cohort).await
    }

    /// Enrols somebody under the policy of `society`, which may be the same data opened once more.
    pub async fn enrol_by(&self, society: &Society, profile: Profile, cohort: &str) -> MemberId {
        let member = MemberId(society.entropy.id());
        let import = ImportId(society.entropy.id());
        let now = self.clock.now();
        society
            .vault
            .profiles
            .insert(import, &[(member, profile)], &[], now)
            .await
            .unwrap();
        let policy = &society.policy;
        let command = Command::Enrol {
            cohort: cohort.to_owned(),
            policy: policy.version.clone(),
            import,
            joined_month: Some("2020-04".to_owned()),
            terms: policy
                .policy
                .terms
                .as_ref()
                .map(|terms| terms.version.clone()),
            valid_from: now,
            expires_at: now + SignedDuration::from_hours(30 * 24),
        };
        self.command(member, command).await.unwrap();
        member
    }

    /// Gives a command past the routes.
    pub async fn command(&self, member: MemberId, command: Command) -> Result<(), Refusal> {
        let limits = self.api.limits.clone();
        let issued = Issued {
            at: self.clock.now(),
            limits,
            command,
        };
        let attribution = Attribution {
            actor: giver(member, &issued.command),
            ..self.society.attribution("Test", "test")
        };
        let outcome = self
            .society
            .commands
            .run::<Onboarding, std::convert::Infallible, _, _>(
                member.to_string(),
                attribution,
                move |_| std::future::ready(Ok(issued.clone())),
            )
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(kadode::commands::CommandError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other}"),
        }
    }

    /// Freezes an account, as staff do.
    pub async fn freeze(&self, member: MemberId) {
        self.intervene(member, Intervention::Freeze).await.unwrap();
    }

    /// Does something for a member, as one of the staff does; it mails nothing.
    pub async fn intervene(
        &self,
        member: MemberId,
        intervention: Intervention,
    ) -> Result<(), Refusal> {
        let nobody = uuid::Uuid::nil();
        let command = Command::Intervene {
            intervention,
            grounds: Grounds {
                reason: intervention.reasons()[0],
                ticket: "HD-1".parse().unwrap(),
            },
            staff: StaffId(nobody),
            failed_at: None,
            link: NewLink {
                issue: IssueId(nobody),
                key: KeyId(String::new()),
                language: Language::Ja,
                sent_to_address: Vec::new(),
            },
        };
        self.command(member, command).await
    }

    /// The password on the member's last letter.
    pub async fn letter(&self, member: MemberId) -> String {
        let state = self.society.commands.load(&member.to_string()).await;
        let state: Onboarding = state.unwrap();
        let vault = &self.society.vault;
        let stored = vault.profiles.get(member).await.unwrap();
        let issue = FIRST_ISSUE + state.reissues;
        let printed = &vault.initial_passwords;
        let printed = printed.printed(&stored, issue, state.print).unwrap();
        printed.expose_secret().to_owned()
    }

    /// Erases somebody, as two of the staff do.
    pub async fn erase(&self, member: MemberId) {
        self.by_two(member, Intervention::Erase, Reason::MemberLeft)
            .await;
    }

    /// Does for a member what takes two of the staff.
    pub async fn by_two(&self, member: MemberId, intervention: Intervention, reason: Reason) {
        let proposal = ProposalId(uuid::Uuid::from_u128(1));
        let propose = Command::ProposeIntervention {
            proposal,
            intervention,
            grounds: Grounds {
                reason,
                ticket: "HD-1".parse().unwrap(),
            },
            staff: StaffId(uuid::Uuid::from_u128(1)),
        };
        self.command(member, propose).await.unwrap();
        let staff = StaffId(uuid::Uuid::from_u128(2));
        let approve = Command::ApproveIntervention {
            proposal,
            staff,
            print: None,
        };
        self.command(member, approve).await.unwrap();
    }

    /// A browser of its own: its cookies are nobody else's.
    pub fn client(&self) -> Client {
        self.client_with(&[])
    }

    /// A browser that sends these headers with every request.
    pub fn client_with(&self, headers: &[(&str, &str)]) -> Client {
        Client::new(&self.url, headers)
    }

    /// The code that counts for a member now, derived as the mailer derives it; no mail need have been sent yet.
    pub async fn present_code(&self, member: MemberId) -> String {
        present_code(&self.society, member).await
    }

    /// Six digits that are not the member's present code.
    pub async fn wrong_code(&self, member: MemberId) -> String {
        let wrong = if self.present_code(member).await == "123456" {
            "654321"
        } else {
            "123456"
        };
        wrong.to_owned()
    }

    /// The tokens of all links mailed to a member, derived as the mailer derives them, oldest first.
    pub async fn tokens(&self, member: MemberId) -> Vec<String> {
        let mut issued = self.payloads(member, "EmailRegistered").await;
        issued.extend(self.payloads(member, "EmailLinkReissued").await);
        issued.sort_by_key(|event| event["at"].as_str().unwrap().to_owned());
        let token = |event: &Value| {
            let key = KeyId(event["key"].as_str().unwrap().to_owned());
            let link = Link {
                member,
                contact: event["contact"].as_str().unwrap().parse().unwrap(),
                issue: event["issue"].as_str().unwrap().parse().unwrap(),
            };
            let token = self.society.vault.one_time.seal_link(&key, &link);
            token.unwrap().expose_secret().to_owned()
        };
        issued.iter().map(token).collect()
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// How many events the log holds.
    pub async fn event_count(&self) -> i64 {
        self.society.log.committed_head().await.unwrap()
    }

    /// The payloads of a member's events of one type, in order.
    pub async fn payloads(&self, member: MemberId, event_type: &str) -> Vec<Value> {
        payloads(&self.society, member, event_type).await
    }

    /// A client of the member of [`App::with_member`], signed in and at `step`.
    pub async fn client_at(&self, step: &str) -> Client {
        let client = self.client();
        client
            .sign_in(USER_ID, INITIAL_PASSWORD)
            .await
            .expect(StatusCode::CREATED);
        self.advance_client(&client, step).await;
        client
    }

    /// Takes a signed-in client through the steps until `step` is due.
    pub async fn advance_client(&self, client: &Client, step: &str) {
        let mut due = client.due().await;
        while due != step {
            match due.as_str() {
                "birth_date" => {
                    client
                        .step("birth-date", json!({"birth_date": "1980-01-01"}))
                        .await;
                }
                "email" => {
                    client
                        .step("email", json!({"email": "hanako@example.jp"}))
                        .await;
                }
                "email_link" => {
                    let token = self.link_token().await;
                    let path = format!("/email-confirmations/{token}");
                    self.client()
                        .post(&path, json!({}))
                        .await
                        .expect(StatusCode::OK);
                }
                "email_update" => {
                    client.step("email/update", json!({})).await;
                }
                "otp_method" => {
                    client.step("otp-method", json!({"method": "email"})).await;
                }
                "password" => {
                    client
                        .step("password", json!({"new_password": NEW_PASSWORD}))
                        .await;
                }
                "log_out" => {
                    client
                        .delete("/sessions/current")
                        .await
                        .expect(StatusCode::NO_CONTENT);
                    client
                        .sign_in(USER_ID, NEW_PASSWORD)
                        .await
                        .expect(StatusCode::CREATED);
                }
                "otp" => {
                    let code = self.code().await;
                    let answer = client
                        .post("/sessions/current/otp", json!({"code": code}))
                        .await;
                    answer.expect(StatusCode::OK);
                }
                other => panic!("there is no way from {other} to {step}"),
            }
            due = client.due().await;
        }
    }

    /// The texts of the mails so far, oldest first.
    pub fn mails(&self) -> Vec<String> {
        mails_in(&self.folder.path().join("mails"))
    }

    /// Waits until there are `count` mails, and reads them.
    pub async fn mails_at_least(&self, count: usize) -> Vec<String> {
        eventually("mails", || async {
            let mails = self.mails();
            (mails.len() >= count).then_some(mails)
        })
        .await
    }

    /// The token of the link mailed last, once there is one that can be followed.
    pub async fn link_token(&self) -> String {
        let looking = self.client();
        eventually("a mailed link", || async {
            for mail in self.mails().iter().rev() {
                let Some(token) = token_in(mail) else {
                    continue;
                };
                let answer = looking.get(&format!("/email-confirmations/{token}")).await;
                if answer.body["state"] == "open" {
                    return Some(token);
                }
            }
            None
        })
        .await
    }

    /// The code in the newest mail that holds one, once every mail has left.
    pub async fn code(&self) -> String {
        eventually("a mailed code", || async {
            if !self.all_mails_left().await {
                return None;
            }
            self.mails().iter().rev().find_map(|mail| code_in(mail))
        })
        .await
    }

    /// Waits until nothing is left to do: every mail has left, and all that was committed is in the read models.
    pub async fn settled(&self) {
        eventually("an end of all work", || async {
            let database = &self.society.database;
            let head = self.society.log.committed_head().await.unwrap();
            let shown = subscription::checkpoint(database, "read_models")
                .await
                .unwrap();
            (shown == head && self.all_mails_left().await).then_some(())
        })
        .await;
    }

    /// Waits until a reactor has done what follows from the last event of this type.
    pub async fn followed(&self, event_type: &str, reactor: &str) {
        followed(&self.society, event_type, reactor).await;
    }

    async fn all_mails_left(&self) -> bool {
        let head = self.society.log.committed_head().await.unwrap();
        let asked = subscription::checkpoint(&self.society.database, "mails")
            .await
            .unwrap();
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox")
            .fetch_one(&self.society.database.read)
            .await
            .unwrap();
        asked == head && waiting == 0
    }

    /// The names of a member's events, in order.
    pub async fn events(&self, member: MemberId) -> Vec<String> {
        let stream = self
            .society
            .log
            .read_stream("onboarding", &member.to_string())
            .await
            .unwrap();
        stream.into_iter().map(|event| event.event_type).collect()
    }
}

/// The payloads of a member's events of one type, in order.
pub async fn payloads(society: &Society, member: MemberId, event_type: &str) -> Vec<Value> {
    let stream = society
        .log
        .read_stream("onboarding", &member.to_string())
        .await
        .unwrap();
    let these = stream
        .into_iter()
        .filter(|event| event.event_type == event_type);
    these.map(|event| event.payload).collect()
}

/// The code that counts for a member now, derived as the mailer derives it; no mail need have been sent yet.
pub async fn present_code(society: &Society, member: MemberId) -> String {
    let mut issued = payloads(society, member, "OtpIssued").await;
    issued.extend(payloads(society, member, "OtpReissued").await);
    issued.sort_by_key(|event| event["at"].as_str().unwrap().to_owned());
    let event = issued.last().unwrap();
    let key = KeyId(event["key"].as_str().unwrap().to_owned());
    let challenge = event["challenge"].as_str().unwrap().parse().unwrap();
    let code = society.vault.one_time.code(&key, member, challenge);
    code.unwrap().expose_secret().to_owned()
}

/// The texts of the mails in a folder, oldest first.
pub fn mails_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .collect();
    files.sort_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap());
    files
        .iter()
        .map(|path| text_of(&std::fs::read(path).unwrap()))
        .collect()
}

/// What its reader sees in a mail.
pub fn text_of(mail: &[u8]) -> String {
    let message = MessageParser::default().parse(mail).unwrap();
    message.body_text(0).unwrap().into_owned()
}

/// The sample policy with some lines changed.
pub fn policy_with(changes: &[(&str, &str)]) -> String {
    let mut policy = Setup::default().policy;
    for (from, to) in changes {
        assert!(policy.contains(from), "the sample policy has no {from}");
        policy = policy.replace(from, to);
    }
    policy
}

/// What the sample society's member of the manual's example is.
pub fn profile(user_id: &str) -> Profile {
    Profile {
        user_id: user_id.to_owned(),
        name: "見本 花子".to_owned(),
        symbol: "1".to_owned(),
        number: "11111".to_owned(),
        symbol_at_migration: None,
        number_at_migration: None,
        birth_date: "1980-01-01".parse().unwrap(),
        gid: None,
        joined_on: "2020-04-01".parse().unwrap(),
        registered: false,
    }
}

/// The token of the link in a mail.
pub fn token_in(mail: &str) -> Option<String> {
    let (_, rest) = mail.split_once("/email/")?;
    Some(rest.split(['?', ' ', '\r', '\n']).next()?.to_owned())
}

/// The only standalone run of six digits in a mail.
pub fn code_in(mail: &str) -> Option<String> {
    mail.split(|c: char| !c.is_ascii_digit())
        .find(|run| run.len() == 6)
        .map(str::to_owned)
}

/// Waits until a reactor has done what follows from the last event of this type.
pub async fn followed(society: &Society, event_type: &str, reactor: &str) {
    eventually("what follows from an event", || async {
        let log = society.log.read_after(0, i64::MAX).await.unwrap();
        let last = log.iter().rev().find(|it| it.event_type == event_type)?;
        let done = subscription::checkpoint(&society.database, reactor).await;
        (done.unwrap() >= last.position).then_some(())
    })
    .await;
}

/// Waits for a condition, looking again and again; fails after twenty seconds.
pub async fn eventually<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), looking).await;
    found.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A client of the JSON API with cookies of its own.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// The body, if it is JSON; null if not.
    pub body: Value,
}

impl Answer {
    /// Fails unless the status is this one.
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Fails unless it is a problem with this status and name; answers with its body.
    pub fn problem(self, status: u16, name: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["type"], format!("/api/docs#{name}"));
        assert_eq!(self.body["status"], status);
        self.body
    }

    /// The cookies that it sets, as they stand in the headers.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }
}

impl Answer {
    /// The session cookie that it sets, as a browser sends it back.
    pub fn session_cookie(&self) -> String {
        let cookies = self.cookies();
        let cookie = cookies.iter().find(|cookie| cookie.starts_with("kadode="));
        let (pair, _) = cookie.unwrap().split_once(';').unwrap();
        pair.to_owned()
    }
}

impl Client {
    /// A browser of its own at `base`, which sends these headers with every request.
    pub fn new(base: &str, headers: &[(&str, &str)]) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Test Browser")
            .default_headers(header_map(headers))
            .build()
            .unwrap();
        Self {
            http,
            base: base.to_owned(),
        }
    }

    /// Asks under `/api/v1`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[]).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.headers(header_map(headers)).send().await.unwrap()).await
    }

    /// Sends bytes as they are, to any path.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = request.body(body.to_owned()).headers(header_map(headers));
        answer(request.send().await.unwrap()).await
    }

    pub async fn sign_in(&self, user_id: &str, password: &str) -> Answer {
        self.post(
            "/sessions",
            json!({"user_id": user_id, "password": password}),
        )
        .await
    }

    /// A step that has to go well.
    pub async fn step(&self, name: &str, body: Value) -> Value {
        self.post(&format!("/onboarding/{name}"), body)
            .await
            .expect(StatusCode::OK)
            .body
    }

    /// The name of the step that is due.
    pub async fn due(&self) -> String {
        let status = self.get("/onboarding").await.expect(StatusCode::OK).body;
        status["step"]["name"].as_str().unwrap().to_owned()
    }
}

fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let pairs = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    pairs.collect()
}

/// Reads a response to its end.
pub async fn answer(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer {
        status,
        headers,
        text,
        body,
    }
}

/// A moment so many seconds after the tests' start.
pub fn seconds(count: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(count)
}
