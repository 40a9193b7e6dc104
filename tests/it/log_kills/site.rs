//! The nodes, with the server and the network between them, and what is done to all of these.

use std::time::Duration;

use kadode::ambient::Clock;
use kadode::app::{Opening, Society};
use kadode::database::Database;
use kadode::store::EventLog;
use rand::Rng;
use rand::rngs::StdRng;

use super::node::{Job, Node};
use crate::import::house::House;
use crate::support::app::eventually;
use crate::support::postgres::{OWNER, Places, ROLE, Server, put_into};
use crate::support::proxy::{Fault, Proxy};

const NODES: usize = 3;

/// As operators run it, every commit on disk before it is answered; with short recoveries.
const DURABLE: &[&str] = &["fsync=on", "synchronous_commit=on", "max_wal_size=256MB"];

/// How long a stream becomes, about.
const EVENTS_A_STREAM: usize = 12;

/// Something that is killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kill {
    /// One node, by SIGKILL; another starts in its place.
    Node,
    /// All processes of the server, by SIGKILL; it starts again.
    Server,
    /// All connections, by the server.
    Backends,
    /// All connections, by the network.
    Network,
    /// The same, but the server hears the clients' last words later.
    LateNetwork,
}

impl Kill {
    pub(super) const KINDS: [Self; 5] = [
        Self::Node,
        Self::Server,
        Self::Backends,
        Self::Network,
        Self::LateNetwork,
    ];
}

pub(super) struct Site {
    pub(super) house: House,
    pub(super) server: Server,
    pub(super) proxy: Proxy,
    pub(super) places: Places,
    streams: usize,
    nodes: Vec<Node>,
    /// How many nodes there have been.
    pub(super) started: usize,
}

impl Site {
    /// With nodes that write about so many events.
    pub(super) async fn build(events: usize) -> Self {
        let server = Server::start(DURABLE).await;
        let places = Places::on(&server.url()).await;
        let house = House::new();
        put_into(&house.path(""), places.clone());
        let society = Society::open(&house.data(), Opening::TO_FILL, Clock::machine(), |_| {})
            .await
            .unwrap();
        society.adopt_policy().await.unwrap();
        society.close().await;
        let mut site = Self {
            proxy: Proxy::before(server.port()).await,
            house,
            server,
            places,
            streams: events / EVENTS_A_STREAM,
            nodes: Vec::new(),
            started: 0,
        };
        for _ in 0..NODES {
            site.start_node();
        }
        site
    }

    fn start_node(&mut self) {
        self.nodes.push(Node::start(&Job {
            folder: self.house.path(""),
            database: self.proxy.url(&self.places.main),
            key_database: self.places.keys.clone(),
            number: self.started,
            streams: self.streams,
        }));
        self.started += 1;
    }

    pub(super) async fn suffer(&mut self, kill: Kill, random: &mut StdRng) {
        match kill {
            Kill::Node => {
                let hit = random.random_range(0..NODES);
                self.nodes.swap_remove(hit).kill();
                self.start_node();
            }
            Kill::Server => {
                self.server.kill();
                self.server.start_again().await;
            }
            Kill::Backends => {
                self.direct(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
                .await;
            }
            Kill::Network => self.proxy.inflict(Fault::Cut),
            Kill::LateNetwork => {
                let by = Duration::from_millis(random.random_range(0..2000));
                self.proxy.inflict(Fault::Late(by));
            }
        }
    }

    /// Kills all nodes, and waits until the server is done with all they have said.
    pub(super) async fn end(&mut self) {
        self.nodes.drain(..).for_each(Node::kill);
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'");
        eventually("the end of the nodes' connections", async || {
            (self.direct(&sql).await == 0).then_some(())
        })
        .await;
    }

    /// The log, as the owner sees it and past the proxy.
    pub(super) async fn open_log(&self) -> EventLog {
        let database = Database::open(&self.places.owner).await.unwrap();
        EventLog::open(database, Clock::machine()).await.unwrap()
    }

    /// A number that the server tells its own administrator, who alone may end others' connections.
    async fn direct(&self, sql: &str) -> i64 {
        let administrator = self.places.owner.replacen(OWNER, "postgres", 1);
        let database = Database::open(&administrator).await.unwrap();
        let number = sqlx::query_scalar(sql).fetch_one(&database.write).await;
        database.close().await;
        number.unwrap()
    }
}
