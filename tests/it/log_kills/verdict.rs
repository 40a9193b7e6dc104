//! What must be true in the end: of the log, of what the nodes were told, and of the read models.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use kadode::ambient::Clock;
use kadode::app::{Opening, Society};
use kadode::ledger;
use kadode::store::{Position, Recorded};

use super::node::journal_of;
use super::site::Site;

/// The tables of the read models, with the ledger's leaves.
const TABLES: [&str; 8] = [
    "member_status",
    "history",
    "history_members",
    "history_counts",
    "history_parts",
    "mail_requests",
    "parked_events",
    "ledger_leaves",
];

/// Which rows of a table are compared: sums of 0 are left out, since whether they are written depends on where batches end.
fn compared(table: &str) -> &'static str {
    match table {
        "history_counts" => "WHERE number <> 0",
        _ => "",
    }
}

/// All events that a reader has seen, in their order: how many, and a hash over everything they say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) length: Position,
    hash: u64,
}

impl Chain {
    /// Fails if it is not the next one.
    pub(super) fn add(&mut self, event: &Recorded) {
        self.length += 1;
        assert_eq!(event.position, self.length, "skipped or repeated");
        let mut hasher = DefaultHasher::new();
        (self.hash, format!("{event:?}")).hash(&mut hasher);
        self.hash = hasher.finish();
    }
}

/// What the log holds of one command.
#[derive(Debug)]
struct Stored {
    events: usize,
    last: Position,
}

/// Fails unless the log is without a gap, holds what was acknowledged once and nothing that was refused, and is what a reader has `seen`. Answers
/// with the figures.
pub(super) async fn expect_kept(site: &Site, seen: &Chain) -> String {
    let log = site.open_log().await;
    let mut chain = Chain::default();
    let mut lengths: HashMap<String, i64> = HashMap::new();
    let mut commands: HashMap<String, Stored> = HashMap::new();
    let mut time = None;
    loop {
        let batch = log.read_after(chain.length, 5000).await.unwrap();
        if batch.is_empty() {
            break;
        }
        for event in &batch {
            chain.add(event);
            let length = lengths.entry(event.stream_id.clone()).or_default();
            *length += 1;
            assert_eq!(event.sequence, *length, "in {}", event.stream_id);
            assert!(time <= Some(event.recorded_at), "time runs back");
            time = Some(event.recorded_at);
            let command = event.metadata["command_id"].as_str().unwrap();
            let stored = commands.entry(command.to_owned()).or_insert(Stored {
                events: 0,
                last: event.position - 1,
            });
            assert_eq!(stored.last + 1, event.position, "{command} is stored twice");
            stored.events += 1;
            stored.last = event.position;
        }
    }
    assert_eq!(&chain, seen, "the reader saw something else");
    let answers = expect_answers_true(site, &commands);
    format!("{} events, {answers}", chain.length)
}

fn expect_answers_true(site: &Site, commands: &HashMap<String, Stored>) -> String {
    let (mut acknowledged, mut refused, mut given_up, mut unknown) = (0, 0, 0, 0);
    let mut stored_unknown = 0;
    for node in 0..site.started {
        let journal = std::fs::read_to_string(journal_of(&site.house.path(""), node));
        // A node may be killed before its first answer.
        for line in journal.unwrap_or_default().lines() {
            let words: Vec<_> = line.split(' ').collect();
            let stored = commands.get(words[0]);
            match words[1..] {
                ["stored", "0", _] => assert!(stored.is_none(), "{line}: {stored:?}"),
                ["stored", events, mark] => {
                    let stored = stored.unwrap_or_else(|| panic!("{line}: lost"));
                    let mark: Position = mark.parse().unwrap();
                    assert!(
                        events.parse() == Ok(stored.events) && stored.last <= mark,
                        "{line}: {stored:?}"
                    );
                    acknowledged += 1;
                }
                ["refused"] => {
                    assert!(stored.is_none(), "{line}, and happened: {stored:?}");
                    refused += 1;
                }
                ["given-up"] => {
                    assert!(stored.is_none(), "{line}, and happened: {stored:?}");
                    given_up += 1;
                }
                ["unknown"] => {
                    unknown += 1;
                    stored_unknown += usize::from(stored.is_some());
                }
                _ => panic!("{line}"),
            }
        }
    }
    format!(
        "{acknowledged} commands acknowledged, {refused} refused, {given_up} given up, {unknown} answered that nobody knew, of which \
         {stored_unknown} were stored"
    )
}

/// Fails unless every read model is what a rebuild makes of the log, and every leaf the hash of its event.
pub(super) async fn expect_rebuilt(site: &Site) {
    let society = Society::open(
        &site.house.data(),
        Opening::TO_READ,
        Clock::machine(),
        |_| {},
    )
    .await
    .unwrap();
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    let kept_up = digests(&society).await;
    projector.rebuild(None, |_| {}).await.unwrap();
    assert_eq!(digests(&society).await, kept_up, "unlike their rebuild");
    let [statuses, history, _, _, _, _, parked, leaves] = &kept_up;
    let head = society.log.committed_head().await.unwrap();
    assert!(statuses.0 > 0 && history.0 > 0);
    assert_eq!((parked.0, leaves.0), (0, head));
    expect_leaves(&society).await;
    society.close().await;
}

/// Of each table, how many rows it has, and a sum of their hashes.
async fn digests(society: &Society) -> [(i64, String); TABLES.len()] {
    let mut digests = [const { (0, String::new()) }; TABLES.len()];
    for (digest, table) in digests.iter_mut().zip(TABLES) {
        let compared = compared(table);
        let sql = format!(
            "SELECT count(*), coalesce(sum(hashtextextended(it::text, 0)::numeric), 0)::text FROM {table} AS it {compared}"
        );
        let told = sqlx::query_as(&sql).fetch_one(&society.database.read).await;
        *digest = told.unwrap();
    }
    digests
}

async fn expect_leaves(society: &Society) {
    let mut position = 0;
    loop {
        let batch = society.log.read_after(position, 5000).await.unwrap();
        let Some(last) = batch.last() else { return };
        let hashes: Vec<String> = sqlx::query_scalar(
            "SELECT hash FROM ledger_leaves WHERE position > $1 AND position <= $2 ORDER BY position",
        )
        .bind(position)
        .bind(last.position)
        .fetch_all(&society.database.read)
        .await
        .unwrap();
        let wanted: Vec<_> = batch.iter().map(ledger::leaf_of).collect();
        assert_eq!(hashes, wanted);
        position = last.position;
    }
}
