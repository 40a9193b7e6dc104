//! The `kadode` program: parses the command line and runs one subcommand.

fn main() {}
