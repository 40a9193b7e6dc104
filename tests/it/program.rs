//! The program itself, as an operator runs it: processes, signals, settings, files.

mod backup;
mod beside;
mod canaries;
mod check;
mod core_dumps;
mod crashes;
mod demo;
mod keys;
mod kill;
mod kurrent;
mod ledger;
mod refusals;
mod report;
mod stop;
mod warnings;

use kadode::domain::ids::MemberId;

use crate::import::house::House;

/// A folder with the manual's example, as `kadode import` leaves it.
fn house_with_member() -> House {
    with_member(House::new())
}

/// The same with databases on the tests' PostgreSQL server.
pub(crate) fn house_with_member_on_server() -> House {
    with_member(House::on_server())
}

fn with_member(house: House) -> House {
    let roster = house.roster("hanako01,1,11111,1980-01-01,見本 花子,,2005-04-01,0");
    let done = house.import(&roster, &[]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    house
}

/// That member.
pub(crate) async fn member_of(house: &House) -> MemberId {
    let [(member, _)] = house.enrolments().await.try_into().unwrap();
    member
}
