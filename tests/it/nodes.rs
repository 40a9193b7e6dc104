//! Several nodes on one PostgreSQL server: any of them serves a member, and one of them leads.

use std::process::Command;
use std::time::{Duration, Instant};

use kadode::domain::ids::MemberId;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::import::house::{Done, House};
use crate::program::{house_with_member_on_server, member_of};
use crate::support::app::{
    Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, eventually, mails_in, token_in,
};
use crate::support::postgres::{databases_in, port_of_server};
use crate::support::program::Program;
use crate::support::proxy::{Fault, Proxy};

/// Within what time another node goes on.
const SOON: Duration = Duration::from_secs(5);

/// What a node says that leads.
const LEADS: &str = "this node leads";

/// Two nodes, of which the first leads, behind something that gives each connection to the next of them.
struct Nodes {
    house: House,
    member: MemberId,
    leading: Program,
    other: Program,
    public_url: String,
    _balancer: JoinSet<()>,
}

impl Nodes {
    async fn start() -> Self {
        Self::start_in(house_with_member_on_server(), &[]).await
    }

    /// The leading node has these settings besides.
    async fn start_in(house: House, settings: &[(&str, &str)]) -> Self {
        let member = member_of(&house).await;
        let balancer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public_url = format!("http://{}", balancer.local_addr().unwrap());
        let leading = node(&house, &public_url, settings).await;
        eventually("a leading node", || {
            std::future::ready(leading.said().contains(LEADS).then_some(()))
        })
        .await;
        let other = node(&house, &public_url, &[]).await;
        let addresses = [&leading, &other].map(|node| node.url.replacen("http://", "", 1));
        let mut balancing = JoinSet::new();
        balancing.spawn(balance(balancer, addresses));
        Self {
            house,
            member,
            leading,
            other,
            public_url,
            _balancer: balancing,
        }
    }

    /// A browser that makes a new connection for every request.
    fn client(&self) -> Client {
        let client = Client::new(&self.public_url, &[]);
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .pool_max_idle_per_host(0)
            .build();
        Client {
            http: http.unwrap(),
            ..client
        }
    }

    /// The same browser, at this node alone.
    fn at(&self, node: &Program) -> Client {
        let authority = self.public_url.replacen("http://", "", 1);
        Client::new(&node.url, &[("host", &authority)])
    }
}

async fn node(house: &House, public_url: &str, settings: &[(&str, &str)]) -> Program {
    let arguments = ["--mail", "file:mails", "--public-url", public_url];
    Program::serve_with(house, &arguments, settings).await
}

/// Gives each connection to the next node.
async fn balance(listener: TcpListener, nodes: [String; 2]) {
    let mut connections = JoinSet::new();
    for node in nodes.iter().cycle() {
        let (mut from, _) = listener.accept().await.unwrap();
        let node = node.clone();
        connections.spawn(async move {
            let mut to = TcpStream::connect(node).await.unwrap();
            // Either end may go at any time.
            let _ = copy_bidirectional(&mut from, &mut to).await;
        });
    }
}

fn signal(name: &str, program: &Program) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", program.id())])
        .status();
    assert!(sent.unwrap().success());
}

/// Fails unless both nodes find this step due, whichever is asked first.
async fn expect_due(client: &Client, due: &str) {
    for _ in 0..4 {
        assert_eq!(client.due().await, due);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_requests_go_to_one_node_after_the_other_never_sees_yesterdays_state() {
    let nodes = Nodes::start().await;
    let client = nodes.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    expect_due(&client, "birth_date").await;
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    expect_due(&client, "email").await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    expect_due(&client, "email_link").await;
    let token = nodes.house.mailed(token_in).await;
    let phone = nodes.client();
    phone
        .post(&format!("/email-confirmations/{token}"), json!({}))
        .await
        .expect(StatusCode::OK);
    expect_due(&client, "email_update").await;
    client.step("email/update", json!({})).await;
    expect_due(&client, "otp_method").await;
    client.step("otp-method", json!({"method": "email"})).await;
    expect_due(&client, "password").await;
    client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;
    expect_due(&client, "log_out").await;
    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    for _ in 0..2 {
        client.get("/onboarding").await.problem(401, "no-session");
    }
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    expect_due(&client, "otp").await;
    let code = nodes.house.mailed_code(nodes.member).await;
    client
        .post("/sessions/current/otp", json!({"code": code}))
        .await
        .expect(StatusCode::OK);
    expect_due(&client, "completed").await;
    for _ in 0..2 {
        client.get("/session").await.expect(StatusCode::NO_CONTENT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_times_hold_across_nodes() {
    let nodes = Nodes::start().await;
    let [one, other] = [&nodes.leading, &nodes.other].map(|node| nodes.at(node));
    for client in [&one, &other, &one, &other, &one] {
        let answer = client.sign_in(USER_ID, "wrong").await;
        answer.problem(401, "sign-in-failed");
    }
    for client in [&one, &other] {
        let answer = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
        answer.problem(429, "waiting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leading_node_is_killed_another_mails_and_projects_within_seconds() {
    let nodes = Nodes::start().await;
    signal("KILL", &nodes.leading);
    expect_the_other_goes_on(&nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leading_node_freezes_another_goes_on_and_once_awake_it_doubles_nothing() {
    let nodes = Nodes::start().await;
    signal("STOP", &nodes.leading);
    expect_the_other_goes_on(&nodes).await;
    signal("CONT", &nodes.leading);
    expect_nothing_doubled(&nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leading_node_is_cut_off_another_goes_on_and_back_again_it_doubles_nothing() {
    let house = house_with_member_on_server();
    let proxy = Proxy::before(port_of_server()).await;
    let (main, keys) = databases_in(&house.path(""));
    let [main, keys] = [main, keys.unwrap()].map(|url| proxy.url(&url));
    let settings = [("KADODE_DATABASE", &*main), ("KADODE_KEY_DATABASE", &*keys)];
    let nodes = Nodes::start_in(house, &settings).await;
    proxy.inflict(Fault::Severed);
    expect_the_other_goes_on(&nodes).await;
    proxy.mend();
    expect_nothing_doubled(&nodes).await;
}

/// The node that led notices that it does no more, and the one mail was sent once.
async fn expect_nothing_doubled(nodes: &Nodes) {
    eventually("the word of the node that led", || {
        let said = nodes.leading.said();
        std::future::ready(said.contains("this node has lost the lead").then_some(()))
    })
    .await;
    let check = Done::of(&mut nodes.house.command(&["check"]));
    assert_eq!(check.code, 0, "{} {}", check.stdout, check.stderr);
    assert_eq!(check.report()["mails_waiting"], 0);
    assert_eq!(mails_in(&nodes.house.path("mails")).len(), 1);
}

/// From a moment ago, the leading node is silent: a mail asked for at the other one arrives soon, and the read models show all.
async fn expect_the_other_goes_on(nodes: &Nodes) {
    let silent_since = Instant::now();
    let client = nodes.at(&nodes.other);
    // Where it fell silent within a transaction, the server has to end that first; until then a client is told to come again.
    let signed_in = eventually("a sign-in", async || {
        let answer = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
        (answer.status != StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
    });
    signed_in.await.expect(StatusCode::CREATED);
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    let left = SOON.saturating_sub(silent_since.elapsed());
    let mailed = timeout(left, nodes.house.mailed(token_in)).await;
    assert!(mailed.is_ok(), "no mail: {}", nodes.other.said());
    eventually("the read models", async || {
        let ready = client.http.get(format!("{}/readyz", nodes.other.url));
        let ready: Value = ready.send().await.unwrap().json().await.unwrap();
        (ready["head"] == ready["projected"]).then_some(())
    })
    .await;
}
