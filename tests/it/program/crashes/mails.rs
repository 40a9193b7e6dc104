//! What must be true of the mails after whatever happened: none is lost, and none left twice but for a kill in the instant
//! between the server's acceptance and the record of it.

use std::collections::{HashMap, HashSet};

use kadode::mail::CONNECTIONS;
use kadode::store::Recorded;
use mail_parser::MessageParser;
use uuid::Uuid;

use super::log::Seen;
use crate::support::smtp::Received;

/// The events that ask for a mail.
const ASKING: [&str; 3] = ["EmailRegistered", "PasswordChanged", "OtpIssued"];

/// Fails if a mail was lost, or left twice without a kill to blame. Answers how many copies too many there were.
pub(super) fn expect_each_once(log: &[Recorded], received: &[Received], seen: &Seen) -> usize {
    let mut copies: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for mail in received {
        copies.entry(id_of(mail)).or_default().push(run_of(mail));
    }
    let mut ends: HashMap<&str, Vec<&Recorded>> = HashMap::new();
    for event in log.iter().filter(|event| event.stream_kind == "mail") {
        ends.entry(&event.stream_id).or_default().push(event);
    }
    let mut surplus = 0;
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
        let runs = copies.remove(&mail).unwrap_or_default();
        match end.event_type.as_str() {
            "MailAccepted" => assert!(!runs.is_empty(), "{mail} is lost"),
            "MailSkipped" => {}
            other => panic!("{mail}: {other}"),
        }
        let different: HashSet<&usize> = runs.iter().collect();
        assert_eq!(different.len(), runs.len(), "one run sent {mail} twice");
        for run in &runs {
            let before = run.checked_sub(1).map(|before| &seen.recorded[before]);
            let recorded = before.is_some_and(|before| before.contains(&mail.to_string()));
            assert!(
                !recorded,
                "{mail} was on record, and run {run} sent it again"
            );
        }
        surplus += runs.len().saturating_sub(1);
    }
    assert!(copies.is_empty(), "nobody asked for {copies:?}");
    let most = seen.lengths.len() * CONNECTIONS;
    assert!(surplus <= most, "{surplus} copies too many, of {most}");
    surplus
}

fn id_of(mail: &Received) -> Uuid {
    let message = MessageParser::default().parse(&mail.bytes).unwrap();
    let (id, _) = message.message_id().unwrap().split_once('@').unwrap();
    id.parse().unwrap()
}

fn run_of(mail: &Received) -> usize {
    mail.user.strip_prefix("run-").unwrap().parse().unwrap()
}
