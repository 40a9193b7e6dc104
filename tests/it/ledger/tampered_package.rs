//! What somebody does to the files of a package, also with its leaves made anew: each is found, at the first place where it shows.

use std::fs;

use data_encoding::HEXLOWER;
use kadode::ledger::package::{Given, verify};
use kadode::ledger::{Checkpoint, Note, Signer, canonical, leaf_hash};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{audited, checked, expect_fault, exported, sealed};

/// A package in a folder of its own.
pub(super) struct Package {
    pub(super) folder: TempDir,
    pub(super) key: Signer,
}

impl Package {
    pub(super) async fn new() -> Self {
        let house = Box::pin(audited()).await;
        let last = sealed(&house.society).await.unwrap();
        Self {
            folder: Box::pin(exported(&house.society)).await,
            key: house.society.sealer().unwrap().key_of(&last).unwrap(),
        }
    }

    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<String>)) {
        let mut lines: Vec<String> = self.text(name).lines().map(str::to_owned).collect();
        edit(&mut lines);
        lines.push(String::new());
        self.write(name, &lines.join("\n"));
    }

    /// Changes one event, which stays canonical, and makes its leaf anew.
    pub(super) fn change_event(&self, position: i64, change: impl FnOnce(&mut Value)) {
        let place = usize::try_from(position).unwrap() - 1;
        self.edit("events.jsonl", |lines| {
            let mut event = serde_json::from_str(&lines[place]).unwrap();
            change(&mut event);
            lines[place] = canonical(&event);
        });
        self.remake_leaves();
    }

    /// Tells of a file in the manifest as it is now, or no more, and signs that: as whoever has the key can.
    pub(super) fn list_anew(&self, name: &str) {
        let mut manifest: Value = serde_json::from_str(&self.text("manifest.json")).unwrap();
        let files = manifest["files"].as_array_mut().unwrap();
        files.retain(|file| file["name"] != name);
        if let Ok(bytes) = fs::read(self.folder.path().join(name)) {
            let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
            files.push(json!({"name": name, "bytes": bytes.len(), "sha256": sha256}));
        }
        let manifest = manifest.to_string();
        let hash = HEXLOWER.encode(&Sha256::digest(&manifest));
        let note = self
            .key
            .sign(&format!("kadode ledger manifest 1\n{hash}\n"));
        self.write("manifest.json", &manifest);
        self.write("manifest.note", &note.to_string());
    }

    pub(super) fn remake_leaves(&self) {
        let events = self.text("events.jsonl");
        let leaves = events
            .lines()
            .map(|line| format!("{}\n", HEXLOWER.encode(&leaf_hash(line.as_bytes()))));
        self.write("leaves.txt", &leaves.collect::<String>());
    }

    pub(super) fn events(&self) -> Vec<Value> {
        let events = self.text("events.jsonl");
        events
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The position of the first event for which this holds.
    fn first(&self, holds: impl Fn(&Value) -> bool) -> i64 {
        let events = self.events();
        events.iter().find(|event| holds(event)).unwrap()["position"]
            .as_i64()
            .unwrap()
    }

    pub(super) fn first_of(&self, event_type: &str) -> i64 {
        self.first(|event| event["type"] == event_type)
    }

    #[track_caller]
    pub(super) fn expect(&self, what: &str, position: Option<i64>) -> String {
        let fault = expect_fault(&checked(self.folder.path()), what, position);
        if let (Some(position), Some(stream)) = (fault.position, &fault.stream) {
            let event = &self.events()[usize::try_from(position).unwrap() - 1];
            assert_eq!(event["stream"], *stream);
        }
        fault.why
    }
}

#[tokio::test]
async fn a_flipped_byte_in_an_event() {
    let package = Package::new().await;
    package.edit("events.jsonl", |lines| {
        lines[11] = lines[11].replacen("\"Test\"", "\"Tess\"", 1);
    });
    package.expect("leaf", Some(12));
}

#[tokio::test]
async fn a_flipped_byte_in_a_leaf() {
    let package = Package::new().await;
    package.edit("leaves.txt", |lines| {
        let flipped = if lines[11].starts_with('0') { "1" } else { "0" };
        lines[11].replace_range(..1, flipped);
    });
    package.expect("leaf", Some(12));
}

#[tokio::test]
async fn an_event_taken_out_of_the_middle() {
    let package = Package::new().await;
    package.edit("events.jsonl", |lines| drop(lines.remove(11)));
    package.remake_leaves();
    package.expect("position", Some(12));
}

#[tokio::test]
async fn an_event_taken_out_of_the_middle_and_all_later_ones_numbered_anew() {
    let package = Package::new().await;
    // The first event of a stream that goes on.
    let place = package.first(|event| event["sequence"] == 2);
    let stream = package.events()[usize::try_from(place).unwrap() - 1]["stream"].clone();
    let place = package.first(|event| event["stream"] == stream);
    let place = usize::try_from(place).unwrap() - 1;
    package.edit("events.jsonl", |lines| {
        lines.remove(place);
        for line in lines.iter_mut().skip(place) {
            let mut event: Value = serde_json::from_str(line).unwrap();
            event["position"] = json!(event["position"].as_i64().unwrap() - 1);
            *line = canonical(&event);
        }
    });
    package.remake_leaves();
    let next = package.first(|event| event["stream"] == stream);
    package.expect("sequence", Some(next));
}

/// One more member, said to have been taken in long ago.
pub(super) fn back_dated(events: &mut Vec<Value>) {
    let place = events.iter().position(|it| it["type"] == "MemberEnrolled");
    let place = place.unwrap();
    let mut added = events[place].clone();
    added["stream"] = json!("onboarding-01900000-0000-7000-8000-000000000000");
    added["metadata"]["command_id"] = json!("01900000-0000-7000-8000-000000000001");
    events.insert(place + 1, added);
}

#[tokio::test]
async fn an_event_inserted_and_back_dated() {
    let package = Package::new().await;
    let mut events = package.events();
    back_dated(&mut events);
    package.edit("events.jsonl", |lines| {
        let numbered = events.iter_mut().zip(1..).map(|(event, position)| {
            event["position"] = json!(position);
            canonical(event)
        });
        *lines = numbered.collect();
    });
    package.remake_leaves();
    let why = package.expect("root", None);
    assert!(why.contains("one of the events 1 to "), "{why}");
}

#[tokio::test]
async fn a_file_that_the_manifest_does_not_tell_of() {
    for name in ["reports/x.csv", "policies/x.toml", "x", ".x", "x/y"] {
        let package = Package::new().await;
        let path = package.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "planted").unwrap();
        let why = package.expect("surplus", None);
        let shown = name.strip_suffix("/y").unwrap_or(name);
        assert!(why.contains(&format!("{shown:?}")), "{why}");
    }
}

#[tokio::test]
async fn what_is_checked_with_may_lie_in_the_package() {
    let package = Package::new().await;
    let [kept, key] = ["kept", "vkey"].map(|name| package.folder.path().join(name));
    fs::write(&kept, package.text("checkpoint")).unwrap();
    fs::write(&key, package.text("key.vkey")).unwrap();
    let given = Given {
        folder: package.folder.path(),
        since: Some(&kept),
        key: Some(&key),
        reports: true,
    };
    assert_eq!(verify(&given, |_| ()).unwrap().fault, None);
    package.expect("surplus", None);
}

#[tokio::test]
async fn the_tail_taken_away_with_its_leaves() {
    let package = Package::new().await;
    let events = i64::try_from(package.events().len()).unwrap();
    for name in ["events.jsonl", "leaves.txt"] {
        package.edit(name, |lines| lines.truncate(lines.len() - 3));
    }
    package.expect("missing", Some(events - 2));
}

#[tokio::test]
async fn two_events_swapped() {
    let package = Package::new().await;
    for name in ["events.jsonl", "leaves.txt"] {
        package.edit(name, |lines| lines.swap(11, 12));
    }
    package.expect("position", Some(12));
}

#[tokio::test]
async fn an_event_doubled() {
    let package = Package::new().await;
    for name in ["events.jsonl", "leaves.txt"] {
        package.edit(name, |lines| lines.insert(12, lines[11].clone()));
    }
    package.expect("position", Some(13));
}

#[tokio::test]
async fn a_number_of_a_stream_given_twice() {
    let package = Package::new().await;
    let place = package.first(|event| event["sequence"] == 2);
    package.change_event(place, |event| event["sequence"] = json!(1));
    package.expect("sequence", Some(place));
}

#[tokio::test]
async fn a_time_before_the_one_before() {
    let package = Package::new().await;
    package.change_event(40, |event| {
        event["metadata"]["recorded_at"] = json!("2026-04-09T23:59:59.000000Z");
    });
    package.expect("time", Some(40));
}

#[tokio::test]
async fn an_event_at_the_end_with_its_leaf() {
    let package = Package::new().await;
    let events = package.events();
    let last = i64::try_from(events.len()).unwrap() + 1;
    let mut added = events.last().unwrap().clone();
    added["position"] = json!(last);
    added["sequence"] = json!(added["sequence"].as_i64().unwrap() + 1);
    package.edit("events.jsonl", |lines| lines.push(canonical(&added)));
    package.remake_leaves();
    // By the rules it may be right or wrong; signed it is not.
    let fault = checked(package.folder.path()).fault.unwrap();
    assert!(["surplus", "illegal"].contains(&fault.what), "{fault:?}");
}

#[tokio::test]
async fn a_changed_detail_that_no_rule_knows_of() {
    let package = Package::new().await;
    let place = package.first_of("MemberEnrolled");
    package.change_event(place, |event| {
        event["payload"]["joined_month"] = json!("2001-01");
    });
    let why = package.expect("root", None);
    assert!(why.contains("one of the events 1 to "), "{why}");
}

#[tokio::test]
async fn a_history_against_the_rules() {
    let package = Package::new().await;
    let place = package.first_of("EmailVerified");
    // Verified is another address than the one whose link was followed.
    package.change_event(place, |event| {
        event["payload"]["contact"] = json!("00000000-0000-0000-0000-000000000001");
    });
    let why = package.expect("illegal", Some(place));
    assert!(why.contains("EmailVerified"), "{why}");
}

#[tokio::test]
async fn a_link_that_lives_longer_than_the_policy_says() {
    let package = Package::new().await;
    let place = package.first_of("EmailRegistered");
    package.change_event(place, |event| {
        event["payload"]["expires_at"] = json!("2026-04-20T00:00:00Z");
    });
    package.expect("illegal", Some(place));
}

#[tokio::test]
async fn an_event_of_a_policy_that_was_never_adopted() {
    let package = Package::new().await;
    package.change_event(3, |event| event["metadata"]["policy"] = json!("soft@0"));
    package.expect("policy", Some(3));
}

#[tokio::test]
async fn a_policy_whose_text_is_another() {
    let package = Package::new().await;
    package.change_event(1, |event| {
        let text = event["payload"]["text"]
            .as_str()
            .unwrap()
            .replacen("tries", "trials", 1);
        event["payload"]["text"] = json!(text);
    });
    package.expect("policy", Some(1));
}

#[tokio::test]
async fn an_event_that_no_program_writes() {
    let package = Package::new().await;
    package.change_event(3, |event| event["type"] = json!("MemberBlessed"));
    package.expect("unknown", Some(3));
    package.change_event(3, |event| event["stream"] = json!("blessing-1"));
    package.expect("unknown", Some(3));
    package.change_event(3, |event| {
        event["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("command_id");
    });
    package.expect("metadata", Some(3));
}

#[tokio::test]
async fn the_same_event_in_other_words() {
    let package = Package::new().await;
    package.edit("events.jsonl", |lines| {
        lines[11] = lines[11].replacen("\"payload\":", "\"payload\": ", 1);
    });
    package.remake_leaves();
    package.expect("unreadable", Some(12));
    package.edit("events.jsonl", |lines| lines[11] = "{}".to_owned());
    package.expect("unreadable", Some(12));
}

#[tokio::test]
async fn a_report_with_another_number_also_where_the_manifest_tells_of_it() {
    let package = Package::new().await;
    let report = "reports/reconciliation.csv";
    let mut place = 0;
    package.edit(report, |lines| {
        place = lines
            .iter()
            .position(|line| line.starts_with("cohort,"))
            .unwrap()
            + 1;
        lines[place] = format!("{}1", lines[place].strip_suffix('0').unwrap());
    });
    let why = package.expect("file", None);
    assert!(why.starts_with(report), "{why}");
    package.list_anew(report);
    let why = package.expect("report", None);
    let expected = format!(
        "{report}, line {}: this is not what the events make",
        place + 1
    );
    assert_eq!(why, expected);
}

#[tokio::test]
async fn a_report_taken_away_or_one_that_there_is_not() {
    let package = Package::new().await;
    let report = "reports/attempts.json";
    let text = package.text(report);
    fs::remove_file(package.folder.path().join(report)).unwrap();
    package.list_anew(report);
    let why = package.expect("manifest", None);
    assert_eq!(why, "manifest.json does not tell of reports/attempts.json");
    package.write(report, &text);
    package.list_anew(report);
    package.write("reports/other.json", "{}");
    package.list_anew("reports/other.json");
    package.expect("report", None);
}

#[tokio::test]
async fn a_checkpoint_over_another_root() {
    let package = Package::new().await;
    package.edit("checkpoints.jsonl", |lines| {
        let mut line: Value = serde_json::from_str(&lines[1]).unwrap();
        let note = line["note"].as_str().unwrap();
        let root = note.lines().nth(2).unwrap();
        line["note"] = json!(note.replacen(root, &format!("{}=", "A".repeat(43)), 1));
        lines[1] = line.to_string();
    });
    package.expect("signature", None);
}

#[tokio::test]
async fn a_checkpoint_signed_with_another_key() {
    let package = Package::new().await;
    package.edit("checkpoints.jsonl", |lines| {
        let mut line: Value = serde_json::from_str(&lines[1]).unwrap();
        let note = Note::parse(line["note"].as_str().unwrap()).unwrap();
        let origin = Checkpoint::parse(note.unverified()).unwrap().origin;
        let other = Signer::new(&origin, &[7; 32]).unwrap();
        line["note"] = json!(other.sign(note.unverified()).to_string());
        lines[1] = line.to_string();
    });
    let why = package.expect("signature", None);
    assert!(why.contains("not signed with this key"), "{why}");
}

#[tokio::test]
async fn a_checkpoint_taken_away_or_all_of_them() {
    let package = Package::new().await;
    let all = package.text("checkpoints.jsonl");
    package.edit("checkpoints.jsonl", |lines| drop(lines.remove(1)));
    package.expect("consistency", None);
    package.write("checkpoints.jsonl", "");
    package.expect("missing", None);
    package.write("checkpoints.jsonl", &all);
    package.edit("checkpoints.jsonl", |lines| lines.swap(1, 2));
    package.expect("consistency", None);
}

#[tokio::test]
async fn a_proof_changed_taken_away_or_longer_than_any_tree_is_high() {
    let package = Package::new().await;
    let all = package.text("proofs.jsonl");
    package.edit("proofs.jsonl", |lines| drop(lines.remove(0)));
    package.expect("consistency", None);
    package.write("proofs.jsonl", &all);
    package.edit("proofs.jsonl", |lines| {
        let mut line: Value = serde_json::from_str(&lines[0]).unwrap();
        let hash = line["hashes"][0].clone();
        line["hashes"] = json!(vec![hash; 64]);
        lines[0] = line.to_string();
    });
    package.expect("consistency", None);
}

#[tokio::test]
async fn any_file_changed_or_missing() {
    for name in ["README.md", "policies", "key.vkey", "checkpoint"] {
        let package = Package::new().await;
        let path = package.folder.path().join(name);
        if path.is_dir() {
            let file = fs::read_dir(path).unwrap().next().unwrap().unwrap().path();
            fs::write(file, "another").unwrap();
        } else {
            package.write(name, &format!("{}x\n", package.text(name)));
        }
        package.expect("file", None);
    }
    for name in [
        "README.md",
        "key.vkey",
        "checkpoint",
        "events.jsonl",
        "leaves.txt",
        "checkpoints.jsonl",
        "proofs.jsonl",
        "manifest.note",
    ] {
        let package = Package::new().await;
        fs::remove_file(package.folder.path().join(name)).unwrap();
        let why = package.expect("file", None);
        assert_eq!(why, format!("{name} is missing"));
    }
}

#[tokio::test]
async fn a_file_cut_off_within_a_line() {
    let package = Package::new().await;
    let text = package.text("leaves.txt");
    package.write("leaves.txt", text.trim_end());
    package.expect("file", None);
}

#[tokio::test]
async fn a_manifest_changed_though_it_fits_the_files() {
    let package = Package::new().await;
    let text = package.text("manifest.json");
    package.write("manifest.json", &text.replacen("kadode 0", "kadode 9", 1));
    package.expect("manifest", None);
    package.write("manifest.json", "{");
    package.expect("manifest", None);
    package.write(
        "manifest.json",
        &text.replacen("README.md", "../README.md", 1),
    );
    package.expect("manifest", None);
}

#[tokio::test]
async fn a_checkpoint_passed_off_as_the_manifests_note() {
    let package = Package::new().await;
    package.write("manifest.note", &package.text("checkpoint"));
    package.expect("manifest", None);
}
