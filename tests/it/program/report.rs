//! `kadode report` as compliance and scripts run it: what it prints, and how it refuses.

use super::{house_with_member, house_with_member_on_server};
use crate::import::house::{Done, House};

fn report(house: &House, arguments: &[&str]) -> Done {
    let arguments = [&["report"], arguments].concat();
    Done::of(&mut house.command(&arguments))
}

fn expect_imported(house: &House) {
    let done = report(house, &["reconciliation", "--format", "json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let file = done.report();
    let all = &file["rows"][0];
    assert_eq!(
        (&all["imported"], &all["unaccounted"]),
        (&1.into(), &0.into())
    );
    // The policy, the roster's beginning and end, and the member.
    assert_eq!(file["position"], 4);
    let events = report(house, &["events", "--format", "json"]).report();
    let rows = events["rows"].as_array().unwrap();
    assert_eq!(rows.last().unwrap()["events"], file["position"]);
    assert_eq!(events["root"], file["root"]);
}

#[test]
fn a_report_is_made_where_no_serve_has_filled_the_read_models() {
    expect_imported(&house_with_member());
}

#[test]
fn a_report_is_made_of_databases_on_a_server() {
    expect_imported(&house_with_member_on_server());
}

#[test]
fn a_report_as_of_a_day_before_the_first_event_is_empty_under_the_root_of_the_empty_tree() {
    let house = house_with_member();
    let asked = ["completion", "--as-of", "2020-01-01", "--format", "json"];
    let file = report(&house, &asked).report();
    assert_eq!(file["as_of"], "2020-01-01T14:59:59.999999Z");
    assert_eq!(file["position"], 0);
    assert_eq!(file["policy"], "");
    // SHA-256 of nothing (RFC 6962, 2.1).
    assert_eq!(file["root"], "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

#[test]
fn a_report_that_counts_nothing_yet_names_the_last_position_all_the_same() {
    let file = report(&house_with_member(), &["mail", "--format", "json"]).report();
    assert_eq!(file["rows"].as_array().unwrap().len(), 0);
    // The policy, the roster's beginning and end, and the member.
    assert_eq!(file["position"], 4);
}

#[test]
fn a_name_of_no_report_is_refused_with_the_names_that_there_are() {
    let house = house_with_member();
    let refused = report(&house, &["everything"]);
    let line = refused.refusal();
    assert!(
        line.contains("completion, completion-by-day, funnel"),
        "{line}"
    );
}

#[test]
fn what_is_no_moment_is_refused_with_an_example() {
    let house = house_with_member();
    let refused = report(&house, &["completion", "--as-of", "yesterday"]);
    let line = refused.refusal();
    assert!(line.contains("like 2026-04-10"), "{line}");
}
