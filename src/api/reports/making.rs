//! Makes a report of what the read models count, with all that anyone needs to make it again.

use data_encoding::BASE64;
use jiff::Timestamp;

use crate::api::audit::moment::settled;
use crate::database::Connections;
use crate::ledger::{Sealer, Tree, TreeError};
use crate::projections::ApplyError;
use crate::projections::reports::reader::counted;
use crate::projections::reports::report::{Asked, Basis, Report};
use crate::projections::reports::{Name, make};

/// The most days that may be asked for: a hundred years, so that no calendar ends before.
pub const MOST_DAYS: i64 = 36_500;

/// The report that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub name: Name,
    /// As of when; of all that there is, if none or yet to come.
    pub as_of: Option<Timestamp>,
    /// What else is asked of it.
    pub asked: Asked,
}

/// What is known of the ledger.
#[derive(Clone)]
pub struct Ledger {
    /// Its leaves and nodes.
    pub tree: Tree,
    /// What it was signed with; none, if the key file is of a time before there was a key for it.
    pub sealer: Option<Sealer>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// What is counted cannot be read.
    #[error(transparent)]
    Counts(#[from] ApplyError),
    /// The root cannot be told.
    #[error(transparent)]
    Ledger(#[from] TreeError),
}

/// Makes the report from what the read models show.
///
/// # Errors
/// The database is away, or damaged.
pub async fn made(
    read: &Connections,
    ledger: &Ledger,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Report, MakeError> {
    let past = wanted.as_of.filter(|as_of| *as_of <= now);
    let counted = counted(read, wanted.name, past).await?;
    let as_of = past.unwrap_or_else(|| settled(counted.recorded_at, now));
    let size = u64::try_from(counted.position).unwrap_or_default();
    ledger.tree.grow(size).await?;
    let sealed = match (&ledger.sealer, wanted.name) {
        (Some(sealer), Name::Integrity) => sealer.sealed_days(as_of).await?,
        _ => Vec::new(),
    };
    let root = match ledger.tree.head(size).await {
        Ok(head) => BASE64.encode(&head.root),
        // Somebody was at the tables: there is none that could be told, which `integrity` shows.
        Err(TreeError::Damaged(_)) => String::new(),
        Err(error) => return Err(error.into()),
    };
    let basis = Basis {
        as_of,
        position: counted.position,
        root,
        policy: counted.policy,
        software: concat!("kadode ", env!("CARGO_PKG_VERSION")).to_owned(),
        asked: wanted.asked,
    };
    Ok(make(wanted.name, &counted.counts, &sealed, basis))
}
