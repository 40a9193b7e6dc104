//! What somebody makes of a package who has stolen the ledger's key: all is signed, and what the rules do not make is found all the same.

use std::fs;

use data_encoding::BASE64;
use kadode::ledger::package::{self, Given, Unable};
use kadode::ledger::{Checkpoint, Frontier, Head, canonical, leaf_hash};
use serde_json::{Value, json};

use super::tampered_package::{Package, back_dated};
use super::{checked, checked_since, expect_fault};

impl Package {
    /// Puts other events in place of these, each with its number, and makes anew all that is over them: leaves, one checkpoint with its
    /// signature, the manifest. So does whoever has stolen the ledger's key; of the reports, they tell that they were made in another way.
    fn sign_anew(&self, mut events: Vec<Value>) {
        for (event, position) in events.iter_mut().zip(1..) {
            event["position"] = json!(position);
        }
        let lines = events.iter().map(|event| canonical(event) + "\n");
        self.write("events.jsonl", &lines.collect::<String>());
        self.remake_leaves();
        let mut tree = Frontier::default();
        for line in self.text("events.jsonl").lines() {
            tree.push(leaf_hash(line.as_bytes()), |_, _| ());
        }
        let head = Head {
            size: tree.size(),
            root: tree.root(),
        };
        let origin = self.key.verifier().name().to_owned();
        let root = BASE64.encode(&head.root);
        let checkpoint = Checkpoint { origin, head };
        let note = self.key.sign(&checkpoint.text()).to_string();
        let line = json!({"size": tree.size(), "root": root, "sealed_at": "2026-04-10T01:00:00.000000Z", "note": note});
        self.write("checkpoints.jsonl", &format!("{line}\n"));
        self.write("proofs.jsonl", "");
        self.write("checkpoint", &note);
        let mut manifest: Value = serde_json::from_str(&self.text("manifest.json")).unwrap();
        manifest["size"] = json!(tree.size());
        manifest["root"] = json!(root);
        manifest["reports"] = json!(0);
        self.write("manifest.json", &manifest.to_string());
        for name in [
            "events.jsonl",
            "leaves.txt",
            "checkpoints.jsonl",
            "proofs.jsonl",
            "checkpoint",
        ] {
            self.list_anew(name);
        }
    }
}

#[tokio::test]
async fn an_event_inserted_and_back_dated_by_whoever_has_the_key() {
    let package = Package::new().await;
    let kept = tempfile::NamedTempFile::new().unwrap();
    fs::write(kept.path(), package.text("checkpoint")).unwrap();
    let mut events = package.events();
    back_dated(&mut events);
    package.sign_anew(events);
    let given = Given {
        folder: package.folder.path(),
        since: None,
        key: None,
        reports: true,
    };
    // Nobody is told that all is well while something was not looked at.
    let unable = package::verify(&given, |_| ());
    assert!(
        matches!(unable, Err(Unable::Reports { way: 0, .. })),
        "{unable:?}"
    );
    let given = Given {
        reports: false,
        ..given
    };
    let report = package::verify(&given, |_| ()).unwrap();
    assert_eq!(
        (report.ok, report.fault, report.reports),
        (true, None, false)
    );
    let report = checked_since(package.folder.path(), Some(kept.path()));
    expect_fault(&report, "since", None);
}

#[tokio::test]
async fn two_events_of_one_stream_in_another_order_by_whoever_has_the_key() {
    let package = Package::new().await;
    let mut events = package.events();
    let of = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let first = events
        .iter()
        .position(|it| it["type"] == "BirthDateConfirmed");
    let first = first.unwrap();
    let stream = of(&events[first], "stream");
    let second = events
        .iter()
        .position(|it| it["stream"] == *stream && it["type"] == "EmailRegistered");
    let second = second.unwrap();
    assert!(first < second);
    // Each keeps its place, number and moment, and gets what the other tells.
    for part in ["type", "payload"] {
        let [one, other] = [first, second].map(|place| events[place][part].clone());
        events[first][part] = other;
        events[second][part] = one;
    }
    package.sign_anew(events);
    package.expect("illegal", Some(i64::try_from(first).unwrap() + 1));
}

#[tokio::test]
async fn a_sealed_address_given_to_another_member_by_whoever_has_the_key() {
    let package = Package::new().await;
    let mut events = package.events();
    let is_followed = |place: &usize| {
        let registered = &events[*place];
        registered["type"] == "EmailRegistered"
            && events.iter().any(|it| {
                it["type"] == "EmailLinkFollowed"
                    && it["stream"] == registered["stream"]
                    && it["payload"]["contact"] == registered["payload"]["contact"]
            })
    };
    let places: Vec<usize> = (0..events.len()).filter(is_followed).collect();
    let one = places[0];
    let others = places.into_iter();
    let mut others = others.filter(|place| events[*place]["stream"] != events[one]["stream"]);
    let other = others.next().unwrap();
    let [a, b] = [one, other].map(|place| events[place]["payload"]["contact"].clone());
    events[one]["payload"]["contact"] = b;
    events[other]["payload"]["contact"] = a;
    package.sign_anew(events);
    let fault = checked(package.folder.path()).fault.unwrap();
    assert_eq!(fault.what, "illegal", "{fault:?}");
}

#[tokio::test]
async fn a_step_said_to_have_been_taken_by_somebody_else() {
    let package = Package::new().await;
    let place = package.first_of("BirthDateConfirmed");
    for (actor, id) in [
        ("staff", "01900000-0000-7000-8000-000000000000"),
        ("member", "01900000-0000-7000-8000-000000000000"),
        ("system", "api"),
    ] {
        let mut events = package.events();
        let given = &mut events[usize::try_from(place).unwrap() - 1]["metadata"];
        given["actor"] = json!(actor);
        given["actor_id"] = json!(id);
        package.sign_anew(events);
        package.expect("actor", Some(place));
    }
}
