//! Every history of one member up to a depth, by exhaustion: all commands of a small alphabet, also such as were settled earlier
//! and arrive late, from every state that can be reached.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most moves and events have no part in most questions"
)]

mod monitor;
mod moves;
mod world;

use std::collections::HashSet;

use self::monitor::{Monitor, Typed};
use self::moves::Move;
use self::world::World;
use super::*;

/// So many commands and pauses in a row are explored. A first login takes eleven commands; the rest is room for what goes wrong.
const DEPTH: usize = 14;

/// So many from where somebody has completed: to change an address takes five, with the sign-in after it.
const LATER_DEPTH: usize = 8;

/// So many after a password was forgotten: to set another takes five, with the sign-in after it; with another address beside it, six until one of them counts.
const FORGOTTEN_DEPTH: usize = 7;

/// Of which at most so many do not lead on (see [`Move::detours`]), so that repetitions do not drown the long histories.
const DETOURS: u8 = 2;

/// How a state was first reached: from which one, and by which move.
struct Visit {
    world: World,
    from: usize,
    by: Option<Move>,
}

/// All that was explored, level by level.
struct Explored {
    visits: Vec<Visit>,
}

impl Explored {
    fn from(first: World, alphabet: &[Move], depth: usize) -> Self {
        let mut seen = HashSet::from([first.clone()]);
        let mut visits = vec![Visit {
            world: first,
            from: 0,
            by: None,
        }];
        let mut level = 0..1;
        for _ in 0..depth {
            for index in level.clone() {
                for &by in alphabet {
                    let Some(next) = visits[index].world.after(by) else {
                        continue;
                    };
                    let next = next.unwrap_or_else(|why| {
                        panic!("{why}, by {by:?} after {:?}", path(&visits, index))
                    });
                    if next.detours <= DETOURS && seen.insert(next.clone()) {
                        visits.push(Visit {
                            world: next,
                            from: index,
                            by: Some(by),
                        });
                    }
                }
            }
            level = level.end..visits.len();
        }
        Self { visits }
    }
}

fn path(visits: &[Visit], mut index: usize) -> Vec<Move> {
    let mut path = Vec::new();
    while let Some(by) = visits[index].by {
        path.push(by);
        index = visits[index].from;
    }
    path.reverse();
    path
}

/// What is forbidden about a history, if it was typed what its events tell.
pub(super) fn forbidden_by_the_monitor<'a>(
    events: impl IntoIterator<Item = &'a Event>,
) -> Option<String> {
    let mut monitor = Monitor::default();
    let limits = Limits::default();
    events.into_iter().find_map(|event| {
        let typed = Typed {
            password: Some(monitor.in_force()),
            code: match event {
                Event::OtpLoginSucceeded { challenge, .. }
                | Event::SignInConfirmed { challenge, .. } => Some(*challenge),
                _ => None,
            },
            session: monitor.session,
            elsewhere: false,
        };
        monitor.take(event, typed, &limits).err()
    })
}

/// The monitor holds what is forbidden against each single event; see its file.
#[test]
fn no_history_leads_anywhere_but_through_every_due_step_and_nobody_is_ever_stranded() {
    let explored = Explored::from(World::new(), &Move::ALL, DEPTH);
    let visits = &explored.visits;
    let completed = visits.iter().filter(|it| it.world.is_completed()).count();
    println!("{} states, {completed} of them completed", visits.len());
    assert!(completed > 0, "the alphabet does not reach the end");
    let mut reminded = 0;
    for (index, visit) in visits.iter().enumerate() {
        let told = visit.world.reminded();
        reminded +=
            usize::from(told.unwrap_or_else(|why| panic!("{why} after {:?}", path(visits, index))));
        assert!(
            visit.world.can_be_completed(),
            "stranded after {:?}",
            path(visits, index)
        );
    }
    assert!(reminded > 0, "nobody could be reminded");
}

#[test]
fn no_history_after_completion_changes_an_address_but_by_every_step_and_its_delay_and_nobody_is_kept_out()
 {
    let explored = Explored::from(World::completed(), &Move::LATER, LATER_DEPTH);
    let visits = &explored.visits;
    let changed = visits.iter().filter(|it| it.world.has_changed()).count();
    println!("{} states, {changed} of them changed", visits.len());
    assert!(changed > 0, "the alphabet does not reach the end");
    for (index, visit) in visits.iter().enumerate() {
        assert!(
            visit.world.can_come_in(),
            "kept out after {:?}",
            path(visits, index)
        );
    }
}

#[test]
fn no_history_resets_a_password_but_by_a_link_and_its_delay_nor_adds_a_changed_address_to_it() {
    let explored = Explored::from(World::completed(), &Move::FORGOTTEN, FORGOTTEN_DEPTH);
    let visits = &explored.visits;
    let reset = visits.iter().filter(|it| it.world.is_reset()).count();
    let replaced = visits.iter().filter(|it| it.world.is_replaced()).count();
    println!(
        "{} states, {reset} of them reset, {replaced} replaced",
        visits.len()
    );
    assert!(
        reset > 0 && replaced > 0,
        "the alphabet does not reach the end"
    );
    for (index, visit) in visits.iter().enumerate() {
        assert!(
            visit.world.can_come_in(),
            "kept out after {:?}",
            path(visits, index)
        );
    }
}
