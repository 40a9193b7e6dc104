//! The program with its events in KurrentDB, as an operator runs it: on a protocol double.

use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::Value;

use super::with_member;
use crate::import::house::{Done, House};
use crate::support::app::{INITIAL_PASSWORD, USER_ID, eventually};
use crate::support::program::Program;

#[tokio::test]
async fn members_are_imported_served_checked_and_rebuilt_though_the_servers_clock_was_set_back() {
    let (house, double) = House::on_kurrent();
    let house = with_member(house);
    double.set_back(SignedDuration::from_hours(1));
    let program = Program::serve(&house).await;
    let client = program.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(client.due().await, "birth_date");
    eventually("the read models", async || {
        let ready = reqwest::get(format!("{}/readyz", program.url)).await;
        let ready: Value = ready.unwrap().json().await.unwrap();
        (ready["projected"] == ready["head"]).then_some(())
    })
    .await;
    program.stop().await;
    let check = Done::of(&mut house.command(&["check"]));
    assert_eq!(check.code, 0, "{}{}", check.stdout, check.stderr);
    assert_eq!(check.report()["events"], double.events());
    assert_eq!(check.report()["leaves"], double.events());
    let rebuild = Done::of(&mut house.command(&["rebuild"]));
    assert_eq!(rebuild.code, 0, "{}", rebuild.stderr);
}

#[test]
fn an_event_store_that_is_away_is_told_in_one_line_without_its_password() {
    let (house, double) = House::on_kurrent();
    let house = with_member(house);
    double.kill();
    let check = Done::of(&mut house.command(&["check"]));
    let place = format!(
        "the event log cannot be opened: esdb://{}: ",
        double.address
    );
    let refusal = check.refusal();
    assert!(refusal.contains(&place), "{refusal}");
    assert!(!refusal.contains("secret"), "{refusal}");
}

#[test]
fn a_machine_without_certificate_authorities_is_told_what_to_install() {
    let (house, _double) = House::on_kurrent();
    let house = with_member(house);
    let mut command = house.command(&["check"]);
    let check = Done::of(command.env("SSL_CERT_FILE", "nowhere.pem"));
    let refusal = check.refusal();
    assert!(refusal.contains("install ca-certificates"), "{refusal}");
}

#[test]
fn a_database_with_events_of_its_own_is_not_served_with_an_event_store() {
    let house = super::house_with_member();
    let (_, double) = House::on_kurrent();
    let mut command = house.command(&["import"]);
    command.arg(house.roster(""));
    let check = Done::of(command.env("KADODE_EVENTS", double.url()));
    assert!(
        check.refusal().contains("leave --events out"),
        "{}",
        check.stderr
    );
}

#[test]
fn a_database_whose_events_are_elsewhere_is_not_served_without_them() {
    let (house, double) = House::on_kurrent();
    let house = with_member(house);
    let mut command = house.command(&["check"]);
    let check = Done::of(command.env_remove("KADODE_EVENTS"));
    assert!(
        check.refusal().contains("give its --events URL"),
        "{}",
        check.stderr
    );
    // Nor with those of another.
    let (_, other) = House::on_kurrent();
    let check = Done::of(command.env("KADODE_EVENTS", other.url()));
    assert!(
        check.refusal().contains("belongs to this database"),
        "{}",
        check.stderr
    );
    drop(double);
}
