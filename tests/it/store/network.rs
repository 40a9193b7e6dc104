//! A PostgreSQL server behind a network that loses, cuts and delays: what was told to have failed has not happened, nor will it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kadode::ambient::Entropy;
use kadode::commands::{CommandError, Commands};
use kadode::database::Database;
use kadode::domain::attempts::Attempts;
use kadode::domain::onboarding::{CredentialInForce, Onboarding, Refusal};
use kadode::store::EventLog;
use tokio::time::timeout;

use super::{SqlPlace, standing};
use crate::commands::{Tallied, attribution, enrol, sign_in, tally};
use crate::support::app::eventually;
use crate::support::postgres::{Places, port_of_server};
use crate::support::proxy::{Caught, Fault, Proxy};

/// A log behind a proxy, and the way into it.
struct Bench {
    places: Places,
    proxy: Proxy,
    log: EventLog,
    commands: Commands,
    entropy: Entropy,
}

impl Bench {
    async fn new() -> Self {
        let places = Places::new().await;
        let proxy = Proxy::before(port_of_server()).await;
        let database = Database::open(&proxy.url(&places.main)).await.unwrap();
        let log = EventLog::open(database, standing()).await.unwrap();
        Self {
            places,
            proxy,
            commands: Commands::new(log.clone()),
            log,
            entropy: Entropy::new(standing()),
        }
    }

    async fn tally(&self) -> Tallied {
        self.tally_on("d1".to_owned()).await
    }

    async fn tally_on(&self, stream: String) -> Tallied {
        let settle = |_| std::future::ready(Ok(tally()));
        let attribution = attribution(&self.entropy);
        self.commands.run(stream, attribution, settle).await
    }

    /// An enrolment whose connection is in the hands of `meanwhile` when the append is sent, and which is refused when it is settled
    /// again.
    async fn refused_at_the_second_try(&self, meanwhile: impl AsyncFnOnce(&mut Caught)) -> Caught {
        let attribution = attribution(&self.entropy);
        let caught = self.proxy.catch(&attribution.id.to_string());
        let mut tries = 0;
        let running = self.commands.run::<Onboarding, Infallible, _, _>(
            "m1".to_owned(),
            attribution,
            move |_| {
                tries += 1;
                std::future::ready(Ok(if tries == 1 {
                    enrol()
                } else {
                    sign_in(CredentialInForce::Initial(0))
                }))
            },
        );
        let cutting = async {
            let mut caught = caught.await;
            meanwhile(&mut caught).await;
            caught.hang_up().await;
            caught
        };
        let (outcome, caught) = tokio::join!(running, cutting);
        assert!(
            matches!(outcome, Err(CommandError::Refused(Refusal::NotEnrolled))),
            "{outcome:?}"
        );
        caught
    }

    /// Fails if the enrolment was stored, once the server is done with what it heard of it.
    async fn expect_nothing_stored(&self, mut caught: Caught) {
        caught.answer().await;
        let stored = self.log.read_stream("onboarding", "m1").await.unwrap();
        assert!(stored.is_empty(), "{stored:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_cut_off_is_found_by_its_command_and_not_doubled() {
    let bench = Bench::new().await;
    bench.tally().await.unwrap();
    let attribution = attribution(&bench.entropy);
    let caught = bench.proxy.catch(&attribution.id.to_string());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let running =
        bench
            .commands
            .run::<Attempts, Infallible, _, _>("d1".to_owned(), attribution, move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                std::future::ready(Ok(tally()))
            });
    let cutting = async {
        let mut caught = caught.await;
        caught.deliver().await;
        caught.answer().await;
    };
    let (outcome, ()) = tokio::join!(running, cutting);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.events.len(), outcome.mark), (1, 2));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "nothing is decided again");
    assert_eq!(
        bench.log.read_stream("attempts", "d1").await.unwrap().len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_found_again_is_waited_for_by_whoever_reads_next_however_bad_the_network()
{
    let bench = Bench::new().await;
    bench.tally().await.unwrap();
    let attribution = attribution(&bench.entropy);
    let caught = bench.proxy.catch(&attribution.id.to_string());
    let settle = |_| std::future::ready(Ok(tally()));
    let running =
        bench
            .commands
            .run::<Attempts, Infallible, _, _>("d1".to_owned(), attribution, settle);
    let cutting = async {
        let mut caught = caught.await;
        // Also the one by which this program would hear how far the log is.
        bench.proxy.inflict(Fault::Cut);
        caught.deliver().await;
        caught.answer().await;
        drop(caught);
        for _ in 0..2 {
            drop(bench.proxy.catch("MAX(position)").await);
        }
    };
    let (outcome, ()) = tokio::join!(running, cutting);
    assert_eq!(outcome.unwrap().mark, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_was_left_in_the_queue_never_happens_once_its_command_was_refused() {
    let bench = Bench::new().await;
    let slow = bench.places.append_slowly("slow").await;
    let caught = bench
        .refused_at_the_second_try(async |caught| {
            caught.deliver().await;
            let owner = Database::open(&bench.places.owner).await.unwrap();
            eventually("an append in the queue", async || {
                let waiting: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = \
                     (SELECT oid FROM pg_database WHERE datname = current_database())",
                )
                .fetch_one(&owner.read)
                .await
                .unwrap();
                (waiting > 0).then_some(())
            })
            .await;
        })
        .await;
    slow.rollback().await.unwrap();
    bench.expect_nothing_stored(caught).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_the_network_delivers_late_never_happens_once_its_command_was_refused() {
    let bench = Bench::new().await;
    let mut caught = bench.refused_at_the_second_try(async |_| {}).await;
    caught.deliver().await;
    bench.expect_nothing_stored(caught).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_falls_silent_is_told_within_seconds_and_commands_go_on_after_it() {
    let bench = Bench::new().await;
    bench.tally().await.unwrap();
    // Twice as many as there are connections, so that all of these are in the middle of something.
    let under_load = async || {
        let commands = (0..16).map(|number| bench.tally_on(format!("d{number}")));
        futures::future::join_all(commands).await
    };
    for outcome in under_load().await {
        outcome.unwrap();
    }
    let (outcomes, ()) = tokio::join!(under_load(), async {
        bench.proxy.inflict(Fault::Silence);
    });
    drop(outcomes);
    let began = Instant::now();
    for outcome in under_load().await {
        assert!(
            matches!(
                outcome,
                Ok(_) | Err(CommandError::Busy | CommandError::Store(_))
            ),
            "{outcome:?}"
        );
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    eventually("commands that are all taken", async || {
        under_load().await.iter().all(Result::is_ok).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_for_a_network_that_fell_silent_goes_on_within_a_minute() {
    let bench = Bench::new().await;
    bench.tally().await.unwrap();
    let caught = bench.proxy.catch("ORDER BY position LIMIT");
    let reading = bench.log.read_after(0, 10);
    // Kept open, and never answered.
    let (read, caught) = tokio::join!(timeout(Duration::from_mins(1), reading), caught);
    assert!(matches!(read, Ok(Err(_))), "{read:?}");
    assert_eq!(bench.log.read_after(0, 10).await.unwrap().len(), 1);
    drop(caught);
}
