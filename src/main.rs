//! The `kadode` program: sets up its log and runs one subcommand.

use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    // What the event store's client has to say, we say in our own words, and once.
    let filter = EnvFilter::try_from_env("KADODE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,eventstore=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Box::pin(kadode::cli::run()).await
}
