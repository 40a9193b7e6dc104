//! How fast commands are carried out and read models built, on SQLite and PostgreSQL, beside their floors in the same run (`log-speed`;
//! with `rebuild`, a rebuild alone), whether that grows with the log (`log-size`), how fast a roster is imported (`import-speed`), and how fast reports answer
//! (`report-speed`): prints one table, and fails if a floor is not held. Run by the scripts of these names.

mod filters;
mod floors;
mod import;
mod ours;
mod reports;
mod size;
#[path = "../shared/society/mod.rs"]
mod society;
#[path = "../shared/table.rs"]
mod table;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use self::floors::{Stock, raw, raw_by_pgbench};
use self::ours::Ours;
use self::table::Table;
use self::work::{Rate, measure};

/// Whatever goes wrong here, in words.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How long each rate is measured, unless the first argument says how many seconds.
const SECONDS: u64 = 4;

/// How many give commands at once.
const CLIENTS: [usize; 3] = [1, 16, 64];

/// The kind of a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

fn main() -> ExitCode {
    match measured() {
        Ok(table) => {
            println!("\n{table}");
            ExitCode::from(u8::from(!table.holds()))
        }
        Err(fault) => {
            eprintln!("log: {fault}");
            ExitCode::from(2)
        }
    }
}

fn measured() -> Result<Table, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let given: Vec<String> = std::env::args().skip(1).collect();
    // Cargo adds a flag of its own.
    let numbers: Vec<i64> = given.iter().filter_map(|it| it.parse().ok()).collect();
    runtime.block_on(async {
        let mut table = Table::default();
        for kind in [Kind::Sqlite, Kind::Postgres] {
            match given.first().map(String::as_str) {
                Some("size") => size::run(kind, &numbers, &mut table).await?,
                Some("reports") => {
                    let events = numbers.get(kind as usize).ok_or("how many events?")?;
                    if *events > 0 {
                        reports::run(kind, *events, &mut table).await?;
                    }
                }
                Some("rebuild") => {
                    let events = numbers.first().ok_or("how many events?")?;
                    rebuild(kind, *events, &mut table).await?;
                }
                Some("import") => {
                    let members = numbers.first().ok_or("how many members?")?;
                    import::run(kind, *members, &mut table).await?;
                }
                _ => {
                    let seconds = numbers.first().and_then(|it| u64::try_from(*it).ok());
                    let lasting = Duration::from_secs(seconds.unwrap_or(SECONDS));
                    run(kind, lasting, &mut table).await?;
                }
            }
        }
        Ok(table)
    })
}

/// How fast the read models are built anew from about so many events of a society.
async fn rebuild(kind: Kind, events: i64, table: &mut Table) -> Result<(), Fault> {
    let ours = Ours::open(kind).await?;
    reports::fill(&ours, events).await?;
    ours.rebuild(kind, table).await
}

async fn run(kind: Kind, lasting: Duration, table: &mut Table) -> Result<(), Fault> {
    let ours = Ours::open(kind).await?;
    let stock = Stock::open(kind).await?;
    let mut rates = Vec::new();
    for clients in CLIENTS {
        let say = |what: &str| eprintln!("log: {kind:?}, {clients} at once: {what}");
        say("raw inserts");
        let raw = raw(kind, clients, lasting).await?;
        say("stock");
        let stock = measure(&stock, clients, lasting).await?;
        say("ours");
        let ours = measure(&ours, clients, lasting).await?;
        let label = |what: &str| format!("{kind:?}, {clients} at once: {what}");
        table.tell(&label("one-row inserts, same pool"), &raw);
        if kind == Kind::Postgres {
            table.tell(
                &label("one-row inserts by pgbench"),
                raw_by_pgbench(clients, lasting)?,
            );
        }
        table.tell(&label("stock cqrs-es, a command"), &stock);
        table.tell(&label("commands.run"), &ours);
        rates.push((clients, raw, stock, ours));
    }
    for (clients, raw, stock, ours) in &rates {
        let (to_stock, to_raw) = (
            ours.each_second / stock.each_second,
            ours.each_second / raw.each_second,
        );
        let least = match (kind, clients) {
            (Kind::Sqlite, 64) => Some((7.0, 0.0)),
            (Kind::Sqlite, 1) => Some((0.7, 0.0)),
            (Kind::Postgres, 64) => Some((2.5, 0.9)),
            (Kind::Postgres, 1) => Some((1.0, 0.0)),
            _ => None,
        };
        let what = format!("{kind:?}, {clients} at once: commands.run to stock, to raw");
        let value = format!("{to_stock:.2}, {to_raw:.2}");
        match least {
            Some((stock, raw)) => table.demand(
                &what,
                value,
                &format!("{stock}, {raw}"),
                to_stock >= stock && to_raw >= raw,
            ),
            None => table.tell(&what, value),
        }
    }
    ours.feel(kind, table).await?;
    ours.rebuild(kind, table).await
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} a second; {}", self.each_second, self.times)
    }
}
