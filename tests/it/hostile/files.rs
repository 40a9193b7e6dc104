//! Files that are not what an operator meant, given to the program itself: status 2, one line, nothing half done.

use std::path::Path;
use std::process::Command;

use crate::import::house::{Done, HEADER, House};

const ROW: &str = "kp1,1,2,1980-01-01,見本 花子,,2005-04-01,0";

/// Rosters that are none, each with its name and what is said of it.
pub(super) fn rosters() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = format!("{HEADER}\n{ROW}\n");
    let utf16: Vec<u8> = format!("\u{feff}{good}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let utf16_bare: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let with = |end: &[u8]| [good.as_bytes(), end].concat();
    vec![
        ("nothing", Vec::new(), "the file is empty"),
        (
            "a byte order mark alone",
            b"\xef\xbb\xbf".to_vec(),
            "the file is empty",
        ),
        ("bytes of every kind", bytes, "no column name is known"),
        ("NUL", vec![0; 100_000], "no column name is known"),
        (
            "a workbook",
            b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml".repeat(99),
            "no column name is known",
        ),
        ("UTF-16 with its mark", utf16, "UTF-8 or Shift_JIS"),
        ("UTF-16 without", utf16_bare, "UTF-8 or Shift_JIS"),
        (
            "one line of 1 MB",
            vec![b'x'; 1 << 20],
            "no column name is known",
        ),
        (
            "a million commas",
            vec![b','; 1 << 20],
            "there are 1048577 columns",
        ),
        (
            "a cell of 1 MB",
            with(
                &[
                    b"kp2,1,3,1980-01-01,",
                    &*vec![b'x'; 1 << 20],
                    b",,2005-04-01,0\n",
                ]
                .concat(),
            ),
            "longer than 100 characters",
        ),
        (
            "a quote that does not end",
            with(b"\"kp2,1,3,1980-01-01,x,,2005-04-01,0\n\n\n"),
            "cells",
        ),
        (
            "a row of broken Shift_JIS",
            with(b"kp2,1,3,1980-01-01,\x8c\xff\xff,,2005-04-01,0\n"),
            "not legible",
        ),
        (
            "NUL in a row",
            with(b"kp2,1,3,1980-01-01,\0,,2005-04-01,0\n"),
            "control character",
        ),
        (
            "a web page",
            b"<!DOCTYPE html><html><body>Sign in</body></html>\n".to_vec(),
            "no column name is known",
        ),
        (
            "JSON",
            b"[{\"user_id\":\"kp1\"}]".to_vec(),
            "no column name is known",
        ),
    ]
}

#[test]
fn a_roster_that_is_none_is_refused_with_its_place_and_nothing_is_imported() {
    let house = House::new();
    for (name, bytes, says) in rosters() {
        let roster = house.file("roster.csv", &bytes);
        let done = house.import(&roster, &[]);
        assert_eq!(done.code, 2, "{name}: {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{name}: {}", done.stderr);
        let errors = &done.report()["errors"];
        let found = errors.as_array().unwrap().iter().any(|error| {
            error["line"].as_u64().is_some_and(|line| line > 0)
                && error["why"].as_str().unwrap().contains(says)
        });
        assert!(found, "{name}: {says} is not in {errors}");
        assert!(done.stdout.len() < 4000, "{name}: {}", done.stdout.len());
        assert_eq!(house.files(), ["policy.toml"], "{name}");
    }
}

#[test]
fn a_roster_in_shift_jis_is_read_as_one_in_utf_8() {
    let house = House::new();
    let text = format!("{HEADER}\n{ROW}\n");
    let roster = house.file("roster.csv", &encoding_rs::SHIFT_JIS.encode(&text).0);
    assert_eq!(house.import(&roster, &[]).code, 0);
    let again = house.import(&house.roster(ROW), &[]);
    assert_eq!(again.report()["unchanged"], 1, "{}", again.stderr);
}

#[test]
fn a_roster_that_cannot_be_read_is_refused_in_one_line() {
    let house = House::new();
    // The last one opens, but cannot be read, even by root.
    for (path, says) in [
        (".", "Is a directory"),
        ("nowhere.csv", "No such file"),
        ("policy.toml/x", "Not a directory"),
        ("/proc/self/mem", "os error"),
    ] {
        let done = house.import(Path::new(path), &[]);
        let refusal = done.refusal();
        assert!(
            refusal.contains(&format!("roster {path}: ")) && refusal.contains(says),
            "{refusal}"
        );
        assert_eq!(house.files(), ["policy.toml"], "{path}");
    }
}

#[test]
fn a_roster_comes_through_a_pipe_as_from_a_file() {
    let house = House::new();
    let pipe = house.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for (content, code) in [("garbage", 2), (&*format!("{HEADER}\n{ROW}\n"), 0)] {
        let writing = std::thread::spawn({
            let (pipe, content) = (pipe.clone(), content.to_owned());
            move || std::fs::write(pipe, content).unwrap()
        });
        let done = house.import(&pipe, &[]);
        writing.join().unwrap();
        assert_eq!(done.code, code, "{}", done.stderr);
    }
}

/// Policies that are none, each with what is said of it.
fn policies() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let sample = include_str!("../../../policies/sample.toml");
    let utf16: Vec<u8> = format!("\u{feff}{sample}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let after = |end: &[u8]| [sample.as_bytes(), end].concat();
    let last = "line ";
    vec![
        ("nothing", Vec::new(), "line 1: missing field"),
        ("NUL", vec![0; 4096], "line 1: "),
        ("UTF-16", utf16, "line 1: this is not UTF-8"),
        (
            "Shift_JIS",
            encoding_rs::SHIFT_JIS
                .encode("\n\nname = \"見本\"")
                .0
                .into_owned(),
            "line 3: this is not UTF-8",
        ),
        (
            "deep arrays",
            after(&[&b"\nx = "[..], &b"[".repeat(100_000)].concat()),
            last,
        ),
        (
            "one line of 1 MB",
            [b"name = \"".to_vec(), vec![b'x'; 1 << 20], b"\"".to_vec()].concat(),
            "larger than",
        ),
        ("an endless one", vec![b'#'; 3 << 20], "larger than"),
        ("a key twice", after(b"\n[society]\n"), last),
        ("JSON", b"{\"name\":\"x\"}".to_vec(), "line 1: "),
        (
            "line ends within a key",
            b"\"a\\nb\\r\\u001b[2J\" = 1\n".to_vec(),
            "line 1: ",
        ),
    ]
}

#[test]
fn a_policy_that_is_none_is_refused_in_one_line_with_its_place() {
    let house = House::new();
    let roster = house.roster(ROW);
    for (name, bytes, says) in policies() {
        house.file("policy.toml", &bytes);
        let done = house.import(&roster, &[]);
        let refusal = done.refusal();
        assert!(
            refusal.starts_with("kadode: policy policy.toml"),
            "{name}: {refusal}"
        );
        assert!(refusal.contains(says), "{name}: {says} is not in {refusal}");
        assert!(
            refusal.len() < 1000 && !refusal.contains(char::is_control),
            "{name}: {refusal:?}"
        );
        assert_eq!(house.files(), ["policy.toml"], "{name}");
    }
    for (path, says) in [
        (".", "Is a directory"),
        ("/dev/zero", "larger than"),
        ("nowhere", "No such file"),
    ] {
        let done = Done::of(
            house
                .command(&["import", "roster.csv", "--policy", path])
                .env_remove("KADODE_POLICY"),
        );
        let refusal = done.refusal();
        assert!(
            refusal.contains(&format!("policy {path}: ")) && refusal.contains(says),
            "{refusal}"
        );
    }
}
