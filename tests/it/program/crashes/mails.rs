//! What must be true of the mails after whatever happened: none is lost, and none left twice but for a kill in the instant
//! between the server's acceptance and the record of it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use kadode::mail::CONNECTIONS;
use kadode::store::Recorded;
use mail_parser::MessageParser;
use uuid::Uuid;

use super::seen::Seen;
use crate::support::smtp::Received;

/// The events that ask for a mail.
const ASKING: [&str; 3] = ["EmailRegistered", "PasswordChanged", "OtpIssued"];

/// The instant between the server's acceptance of a mail and the record of it, at most: until the server's word has arrived, and one
/// commit is through. Under this load, 165 ms at most were measured on two cores, and 469 ms with two more such tests beside. `scripts/crashes`
/// has the machine for itself; among all other tests, nobody can say how long such a program waits for the processor.
fn instant() -> Duration {
    let alone = std::env::var_os("KADODE_TEST_KILLS").is_some();
    Duration::from_secs(if alone { 1 } else { 10 })
}

/// One copy of a mail that the server took.
struct Taken {
    run: usize,
    at: Instant,
}

/// The copies that a kill made necessary.
pub(super) struct Surplus {
    pub(super) copies: usize,
    /// How long before its run's end, or before the disk was bad, the server had taken a mail that was not on record; the longest.
    pub(super) longest: Duration,
    /// How many mails each run had in hand at its end that the server had taken, and that were not on record.
    taken: HashMap<usize, usize>,
}

/// Fails if a mail was lost, or left twice without a kill to blame.
pub(super) fn expect_each_once(log: &[Recorded], received: &[Received], seen: &Seen) -> Surplus {
    let mut copies: HashMap<Uuid, Vec<Taken>> = HashMap::new();
    for mail in received {
        let (run, at) = (run_of(mail), mail.at);
        copies
            .entry(id_of(mail))
            .or_default()
            .push(Taken { run, at });
    }
    let mut ends: HashMap<&str, Vec<&Recorded>> = HashMap::new();
    for event in log.iter().filter(|event| event.stream_kind == "mail") {
        ends.entry(&event.stream_id).or_default().push(event);
    }
    let mut surplus = Surplus {
        copies: 0,
        longest: Duration::ZERO,
        taken: HashMap::new(),
    };
    for event in log
        .iter()
        .filter(|event| ASKING.contains(&event.event_type.as_str()))
    {
        let name = format!("{}/{}", event.stream_id, event.sequence);
        let mail = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        let ends = ends.remove(mail.to_string().as_str()).unwrap_or_default();
        let [end] = ends[..] else {
            panic!("{mail} has {} ends", ends.len());
        };
        let copies = copies.remove(&mail).unwrap_or_default();
        match end.event_type.as_str() {
            "MailAccepted" => assert!(!copies.is_empty(), "{mail} is lost"),
            "MailSkipped" => {}
            other => panic!("{mail}: {other}"),
        }
        surplus.count(mail, &copies, seen);
    }
    assert!(copies.is_empty(), "nobody asked for {:?}", copies.keys());
    surplus
}

impl Surplus {
    /// Fails unless each run sent a mail once at most, and only what was not on record was sent by a later one: what the server had taken
    /// an instant before the kill.
    fn count(&mut self, mail: Uuid, copies: &[Taken], seen: &Seen) {
        let runs: HashSet<usize> = copies.iter().map(|copy| copy.run).collect();
        assert_eq!(runs.len(), copies.len(), "one run sent {mail} twice");
        let last = runs.iter().max();
        for Taken { run, at } in copies {
            let Some(kill) = seen.kills.get(*run) else {
                continue;
            };
            let is_last = last == Some(run);
            if kill.recorded.contains(&mail.to_string()) {
                assert!(is_last, "{mail} was on record, and sent again");
                continue;
            }
            let before = kill.unwell_since.saturating_duration_since(*at);
            assert!(
                before <= instant(),
                "{mail} was taken {before:?} before the end of run {run}, and is not on record"
            );
            let taken = self.taken.entry(*run).or_default();
            *taken += 1;
            assert!(*taken <= CONNECTIONS, "run {run} had more in hand");
            self.longest = self.longest.max(before);
            self.copies += usize::from(!is_last);
        }
    }
}

pub(super) fn id_of(mail: &Received) -> Uuid {
    let message = MessageParser::default().parse(&mail.bytes).unwrap();
    let (id, _) = message.message_id().unwrap().split_once('@').unwrap();
    id.parse().unwrap()
}

fn run_of(mail: &Received) -> usize {
    mail.user.strip_prefix("run-").unwrap().parse().unwrap()
}
