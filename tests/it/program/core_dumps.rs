//! Core dumps: what the program has in memory, keys among it, is left in no file when it crashes.

use std::fs;

use super::house_with_member;
use crate::support::program::Program;

#[tokio::test]
async fn a_crash_leaves_no_core_file_and_the_program_cannot_change_that_while_it_runs() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
    let core = limits
        .lines()
        .find_map(|it| it.strip_prefix("Max core file size"));
    let soft_and_hard: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(soft_and_hard, ["0", "0", "bytes"]);
}
