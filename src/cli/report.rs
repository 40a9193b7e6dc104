//! `kadode report`: a report as of a moment, on standard output, in the bytes that the API answers.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;

use super::catching_up::catch_up;
use super::tell;
use crate::ambient::Clock;
use crate::api::audit::moment;
use crate::api::reports::format::Format;
use crate::api::reports::making::{MOST_DAYS, Wanted, made};
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::domain::values::Language;
use crate::projections::reports::Name;
use crate::projections::reports::report::Asked;

/// The settings of `kadode report`.
#[derive(Args, Debug)]
pub(super) struct ReportSettings {
    /// Which report
    #[arg(value_parser = PossibleValuesParser::new(Name::ALL.map(Name::name)).try_map(named(Name::named)))]
    name: Name,
    /// As of when: a date (its end in Tokyo), or a moment like 2026-04-10T09:00 [default: now]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    as_of: Option<Timestamp>,
    /// The format
    #[arg(long, default_value = "csv",
        value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(named(Format::named)))]
    format: Format,
    /// Of `stuck`: who waits for more days than these
    #[arg(long, value_name = "N", default_value_t = Asked::default().days,
        value_parser = clap::value_parser!(i64).range(0..=MOST_DAYS))]
    days: i64,
    /// Put groups of fewer than five members together, as for readers who may not see persons
    #[arg(long)]
    shield: bool,
    /// The language of what people read: xlsx and html
    #[arg(long, default_value = "ja",
        value_parser = PossibleValuesParser::new(["ja", "en"]).try_map(named(Language::tagged)))]
    language: Language,
    #[command(flatten)]
    data: DataSettings,
}

/// A reader of names that were found in their list before.
fn named<T>(
    find: fn(&str) -> Option<T>,
) -> impl Fn(String) -> Result<T, &'static str> + Clone + Send + Sync + 'static
where
    T: 'static,
{
    move |name| find(&name).ok_or("unknown")
}

fn as_of(text: &str) -> Result<Timestamp, &'static str> {
    moment::end_of(text).ok_or("neither a date nor a moment, like 2026-04-10 or 2026-04-10T09:00")
}

pub(super) async fn run(settings: &ReportSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let society = Society::open(&settings.data, Opening::TO_LOOK, clock, tell).await?;
    let report = bytes(&society, settings).await;
    society.close().await;
    let report = report?;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&report).and_then(|()| out.flush());
    written.map_err(|error| Fault::from_error("the report cannot be written", error))?;
    Ok(ExitCode::SUCCESS)
}

async fn bytes(society: &Society, settings: &ReportSettings) -> Result<Vec<u8>, Fault> {
    catch_up(society).await?;
    let wanted = Wanted {
        name: settings.name,
        as_of: settings.as_of,
        asked: Asked {
            days: settings.days,
            shield: settings.shield,
        },
    };
    let database = &society.database;
    let ledger = society.ledger();
    let report = made(&database.read, &ledger, &wanted, society.clock.now()).await;
    let report = report.map_err(|error| Fault::from_error("there is no report", error))?;
    let bytes = settings.format.bytes(&report, settings.language);
    bytes.map_err(|error| Fault::from_error("the report cannot be written", error))
}
