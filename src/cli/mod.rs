//! The subcommands: one file each.

pub mod import;
pub mod letters;
mod roster;

use std::io::Write;

/// A line for the operator.
fn tell(line: &str) {
    // Nobody may be listening; the work goes on all the same.
    let _ = writeln!(std::io::stderr(), "{line}");
}
