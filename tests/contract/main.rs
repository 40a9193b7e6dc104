//! `kadode-contract`: tries the contract of the event log on an operator's own KurrentDB or `EventStoreDB` cluster, in streams of its own,
//! whose names begin with a fresh id. They stay there: nothing of ours deletes from a log.

#![expect(
    clippy::unwrap_used,
    reason = "a case that cannot go on should stop at once"
)]
#![expect(
    unreachable_pub,
    reason = "nothing reaches into this program, so pub says no less than pub(crate)"
)]

mod cases;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::OnceLock;

use futures::{FutureExt, StreamExt, stream};
use kadode::ambient::{Clock, Entropy};
use kadode::database::{self, Database};
use kadode::store::EventLog;
use tempfile::TempDir;

use self::cases::{Place, with_all_cases};

/// The cluster.
static URL: OnceLock<String> = OnceLock::new();

/// Cases under way at once.
const AT_ONCE: usize = 4;

/// A log in the cluster, whose numbers are in a file.
struct Cluster {
    url: String,
    folder: TempDir,
}

impl Cluster {
    async fn try_open(&self, clock: &Clock) -> Result<EventLog, String> {
        let file = self.folder.path().join("numbers.sqlite");
        let database = Database::open(&format!("sqlite:{}", file.display()))
            .await
            .unwrap();
        database.migrate(&database::MAIN).await.unwrap();
        EventLog::open_at(Some(&self.url), database, clock.clone()).await
    }
}

impl Place for Cluster {
    async fn new() -> Self {
        let url = URL.get().unwrap();
        let and = if url.contains('?') { '&' } else { '?' };
        let prefix = Entropy::new(Clock::machine()).id();
        Self {
            url: format!("{url}{and}streamPrefix={prefix}-"),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn open(&self, clock: &Clock) -> EventLog {
        self.try_open(clock).await.unwrap()
    }

    fn stamps_by_our_clock(&self) -> bool {
        false
    }
}

type Case = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

macro_rules! table {
    ($place:ty: $($case:ident),+ $(,)?) => {
        &[$((stringify!($case), || Box::pin(cases::$case::<$place>()))),+]
    };
}

const CASES: &[Case] = with_all_cases!(table! Cluster:);

#[tokio::main]
async fn main() -> ExitCode {
    let mut given = std::env::args().skip(1);
    let (Some(url), None) = (given.next(), given.next()) else {
        eprintln!("usage: kadode-contract esdb://USER:PASSWORD@HOST:PORT");
        return ExitCode::from(2);
    };
    URL.get_or_init(|| url);
    if let Err(why) = Cluster::new().await.try_open(&Clock::machine()).await {
        eprintln!("kadode-contract: {why}");
        return ExitCode::from(2);
    }
    let mut failed = 0;
    // Each has streams of its own, so some may run at once.
    let mut ended = stream::iter(CASES)
        .map(|(name, case)| async move {
            // What does not hold panics, and its message is on stderr by then.
            (name, AssertUnwindSafe(case()).catch_unwind().await.is_ok())
        })
        .buffered(AT_ONCE);
    while let Some((name, held)) = ended.next().await {
        let verdict = if held { "holds" } else { "FAILS" };
        println!("{verdict} {}", name.replace('_', " "));
        failed += usize::from(!held);
    }
    println!("{} of {} cases hold", CASES.len() - failed, CASES.len());
    ExitCode::from(u8::from(failed > 0))
}
